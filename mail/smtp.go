package mail

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// timeout is the longest that one mail may take.
const timeout = 30 * time.Second

// Config names the mail server.
type Config struct {
	// URL of the server: smtp://user:password@host:587 (TLS by STARTTLS, RFC 3207; port 587 if none is given) or
	// smtps://user:password@host:465 (TLS from the beginning, RFC 8314 section 3.3; port 465). User and password may be left
	// out. Without TLS only a server on this machine is used: smtp://127.0.0.1:25.
	URL string
	// From is the sender: name@example.org, or Name <name@example.org>.
	From string
	// TLS is what else the server's certificate is checked by; nil: the system's authorities.
	TLS *tls.Config
}

// An SMTP is a Sender that hands each mail to a mail server. Each has a connection of its own: such mails are rare.
type SMTP struct {
	host           string
	port           int
	implicit       bool // TLS from the beginning
	local          bool // the server is this machine
	user, password string
	from           *mail.Address
	tls            *tls.Config
	dial           func(ctx context.Context, network, address string) (net.Conn, error)
}

var _ Sender = (*SMTP)(nil)

// New reads the configuration. Nothing is sent and nobody connected to.
func New(c Config) (*SMTP, error) {
	u, err := url.Parse(c.URL)
	if err != nil { // its text holds the password
		return nil, errors.New("mail: the URL of the server cannot be read; write smtp://user:password@host:587, with % escapes in user and password")
	}
	s := &SMTP{host: u.Hostname(), tls: c.TLS, dial: new(net.Dialer).DialContext}
	switch u.Scheme {
	case "smtp":
		s.port = gomail.DefaultPortTLS
	case "smtps":
		s.port, s.implicit = gomail.DefaultPortSSL, true
	default:
		return nil, errors.New("mail: the URL of the server must begin with smtp:// or smtps://")
	}
	if s.host == "" || (u.Path != "" && u.Path != "/") || u.RawQuery != "" || u.Fragment != "" {
		return nil, errors.New("mail: the URL of the server must be smtp://user:password@host:port and nothing more")
	}
	if p := u.Port(); p != "" {
		n, err := strconv.ParseUint(p, 10, 16)
		if err != nil || n == 0 {
			return nil, errors.New("mail: the port of the server must be a number from 1 to 65535")
		}
		s.port = int(n)
	}
	s.user = u.User.Username()
	s.password, _ = u.User.Password()
	if (s.user == "") != (s.password == "") {
		return nil, errors.New("mail: give both a user and a password in the URL of the server, or neither")
	}
	if s.from, err = mail.ParseAddress(c.From); err != nil || !oneLine(c.From) {
		return nil, errors.New("mail: the sender must be an address: name@example.org, or Name <name@example.org>")
	}
	s.local = loopback(s.host)
	return s, nil
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.Unmap().IsLoopback()
}

// Send implements Sender.
func (s *SMTP) Send(ctx context.Context, m Message) error {
	if err := m.check(); err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(s.from)
	if err := msg.To(m.To); err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	msg.Subject(m.Subject)
	msg.SetDate()
	msg.SetMessageIDWithValue(rand.Text() + s.from.Address[strings.LastIndexByte(s.from.Address, '@'):]) // not this machine's name
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	// RFC 3834 section 5: nobody's holiday notice is to answer.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	line := &line{server: s}
	defer line.hangUp()
	client, err := gomail.NewClient(s.host, s.options(line)...)
	if err != nil {
		return fmt.Errorf("mail: %w", err)
	}
	if err := client.DialAndSendWithContext(ctx, msg); err != nil {
		return fmt.Errorf("mail: %s did not take the message: %w", net.JoinHostPort(s.host, strconv.Itoa(s.port)), err)
	}
	return nil
}

// A line is the connection of one mail. The library leaves it open when something fails on the way.
type line struct {
	server *SMTP
	conn   net.Conn
}

func (l *line) dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := l.server.dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	l.conn = conn
	if !l.server.implicit {
		return conn, nil
	}
	secure := tls.Client(conn, l.server.secure())
	if err := secure.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return secure, nil
}

func (l *line) hangUp() {
	if l.conn != nil {
		_ = l.conn.Close() // it is closed already if all went well
	}
}

// secure is how the server proves who it is.
func (s *SMTP) secure() *tls.Config {
	config := &tls.Config{}
	if s.tls != nil {
		config = s.tls.Clone()
	}
	if config.ServerName == "" {
		config.ServerName = s.host
	}
	config.MinVersion = max(config.MinVersion, tls.VersionTLS12) // RFC 8996
	return config
}

func (s *SMTP) options(l *line) []gomail.Option {
	o := []gomail.Option{gomail.WithPort(s.port), gomail.WithTimeout(timeout), gomail.WithTLSConfig(s.secure()), gomail.WithDialContextFunc(l.dial)}
	switch {
	case s.implicit:
		o = append(o, gomail.WithSSL())
	case s.local:
		o = append(o, gomail.WithTLSPolicy(gomail.NoTLS))
	default:
		o = append(o, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if s.user == "" {
		return o
	}
	plain := gomail.SMTPAuthPlain // refused by the library where there is no TLS
	if s.local && !s.implicit {
		plain = gomail.SMTPAuthPlainNoEnc // it does not leave this machine
	}
	return append(o, gomail.WithUsername(s.user), gomail.WithPassword(s.password),
		gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthSCRAMSHA1, plain, gomail.SMTPAuthLogin))
}
