package mail

import (
	"context"
	"net"
)

// DialTo has s connect to address, whatever its server is called.
func DialTo(s *SMTP, address string) {
	s.dial = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
}
