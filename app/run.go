package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"sallyport/web"
)

// A listener is an address and who answers there.
type listener struct {
	name    string // for the log
	net     net.Listener
	server  *http.Server
	secured bool
}

// Serve listens until the context ends, then drains: /readyz says 503, the listeners close, and requests under way get
// time to finish. Ready is told the address of the main listener once everything listens; it may be nil.
func (a *App) Serve(ctx context.Context, ready func(addr string)) error {
	listeners, err := a.listen()
	if err != nil {
		return err
	}
	if socket := a.listenForAdmin(); socket != nil {
		defer socket.close()
	}
	failed := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() {
			if err := l.serve(); !errors.Is(err, http.ErrServerClosed) {
				failed <- fmt.Errorf("listener %s: %w", l.name, err)
			}
		}()
		a.log.Info("listening", "listener", l.name, "address", l.net.Addr().String(), "tls", l.secured)
	}
	if a.acme != nil {
		a.acme.manage(a.background)
	}
	if ready != nil {
		ready(listeners[0].net.Addr().String())
	}
	select {
	case err = <-failed:
	case <-ctx.Done():
		a.log.Info("draining", "delay", a.config.DrainDelay.String(), "timeout", a.config.DrainTimeout.String())
	}
	a.faces.health.Drain()
	if err == nil {
		time.Sleep(a.config.DrainDelay.Std())
	}
	return errors.Join(err, a.drain(listeners))
}

// listenForAdmin opens the admin socket. A server that cannot have one serves all the same.
func (a *App) listenForAdmin() *adminSocket {
	path := a.config.adminSocket()
	if path == "" {
		return nil
	}
	socket, err := openAdminSocket(path, a.adminHandler())
	if err != nil {
		a.log.Warn("there is no admin socket, so `sallyport explain` cannot ask this server", "admin_socket", path, "cause", err)
		return nil
	}
	go socket.serve()
	return socket
}

// drain closes the listeners and waits for the requests under way.
func (a *App) drain(listeners []listener) error {
	ctx, cancel := context.WithTimeout(context.Background(), a.config.DrainTimeout.Std())
	defer cancel()
	done := make(chan error, len(listeners))
	for _, l := range listeners {
		go func() { done <- l.server.Shutdown(ctx) }()
	}
	var late error
	for range listeners {
		if err := <-done; err != nil {
			late = errors.New("some requests did not finish within drain_timeout and were cut off")
		}
	}
	if late != nil {
		for _, l := range listeners {
			_ = l.server.Close() // late requests have had their time
		}
	}
	return late
}

// listen opens every address before anybody is served, so that a taken port ends the start. The first is the main one.
func (a *App) listen() (_ []listener, err error) {
	var list []listener
	defer func() {
		if err != nil {
			for _, l := range list {
				_ = l.net.Close() // the error that stopped the start is the one to tell
			}
		}
	}()
	secure, err := a.newTLS()
	if err != nil {
		return nil, err
	}
	listen := a.config.ListenOn
	if listen == nil {
		listen = net.Listen
	}
	for _, want := range []struct {
		name, address string
		handler       http.Handler
		tls           *tls.Config
	}{
		{"main", a.config.Listen, a.faces.main, secure},
		{"gateway", a.config.GatewayListen, a.faces.gateway, secure},
		{"admin", a.config.AdminListen, a.faces.admin, nil},
		{"metrics", a.config.MetricsListen, a.faces.metrics, nil},
		{"acme", a.config.ACMEHTTPListen, a.acme, nil},
	} {
		if want.address == "" {
			continue
		}
		l, err := listen("tcp", want.address)
		if err != nil {
			return list, fmt.Errorf("cannot listen on %s: %w; see that nothing else does, or choose another address (listener %s)", want.address, err, want.name)
		}
		list = append(list, listener{name: want.name, net: l, server: a.server(want.handler, want.tls), secured: want.tls != nil})
	}
	if a.acme != nil {
		a.acme.answerAt(list[0].net.Addr(), a.config.ACMEHTTPListen)
	}
	// With port 0 the system chose one: issuers have to name it.
	if _, port, err := net.SplitHostPort(a.config.Listen); err == nil && port == "0" && a.config.PublicURL == "" && a.acme == nil {
		scheme := "http"
		if secure != nil {
			scheme = "https"
		}
		a.SetPublicURL(scheme + "://" + list[0].net.Addr().String())
	}
	return list, nil
}

func (l listener) serve() error {
	if l.secured {
		return l.server.ServeTLS(l.net, "", "")
	}
	return l.server.Serve(l.net)
}

// server is an HTTP server with every limit set: net/http has none by default. Without TLS, HTTP/2 is for those who know
// beforehand that it is spoken here (RFC 9113 section 3.3); a request to change over to it is not heeded.
func (a *App) server(h http.Handler, secure *tls.Config) *http.Server {
	s := &http.Server{
		Handler:           h,
		TLSConfig:         secure,
		ReadHeaderTimeout: a.config.ReadHeaderTimeout.Std(),
		IdleTimeout:       a.config.IdleTimeout.Std(),
		MaxHeaderBytes:    a.config.MaxHeaderBytes,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelDebug), // broken connections of strangers
		Protocols:         new(http.Protocols),
	}
	if _, ok := h.(*web.Front); !ok { // which looks after bodies itself
		s.ReadTimeout = a.config.ReadTimeout.Std()
	}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetHTTP2(secure != nil)
	s.Protocols.SetUnencryptedHTTP2(secure == nil)
	return s
}
