package app

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"
)

// newTLS makes what the settings say of TLS; nil when it is off.
func (a *App) newTLS() (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	switch {
	case len(a.config.ACMEDomains) > 0:
		var err error
		if a.acme, err = newACME(a); err != nil {
			return nil, err
		}
		c.GetCertificate = a.acme.config.GetCertificate
		c.NextProtos = append(c.NextProtos, acmeProtocol)
		a.watchExpiry(a.acme.notAfter)
	case a.config.TLSCert != "":
		cert, err := watchCertificate(a.config.TLSCert, a.config.TLSKey, a.log, a.now)
		if err != nil {
			return nil, err
		}
		c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return cert.get(), nil }
		a.watchExpiry(func() time.Time { return cert.get().Leaf.NotAfter })
	default:
		return nil, nil
	}
	if a.config.TLSClientCA == "" {
		return c, nil
	}
	pool, err := watchAuthorities(a.config.TLSClientCA, a.log, a.now)
	if err != nil {
		return nil, err
	}
	// A client certificate is asked for and not required: which callers need one, the APIs say.
	c.ClientAuth = tls.VerifyClientCertIfGiven
	c.ClientCAs = pool.get()
	c.GetConfigForClient = (&clientAuthorities{base: c.Clone(), pool: pool, current: nil}).config
	return c, nil
}

func watchCertificate(certFile, keyFile string, log *slog.Logger, now func() time.Time) (*watched[*tls.Certificate], error) {
	w, err := watch("the TLS certificate", []string{certFile, keyFile}, func() (*tls.Certificate, error) {
		pair, err := tls.LoadX509KeyPair(certFile, keyFile)
		return &pair, err
	}, log, now)
	if err != nil {
		return nil, usage("tls_cert, tls_key: %v", err)
	}
	return w, nil
}

func watchAuthorities(file string, log *slog.Logger, now func() time.Time) (*watched[*x509.CertPool], error) {
	w, err := watch("the file of client authorities", []string{file}, func() (*x509.CertPool, error) { return readAuthorities(file) }, log, now)
	if err != nil {
		return nil, usage("tls_client_ca: %v", err)
	}
	return w, nil
}

func readAuthorities(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("there is no certificate in it; write the authorities in PEM form")
	}
	return pool, nil
}

// clientAuthorities gives handshakes the authorities that are in the file now.
type clientAuthorities struct {
	base *tls.Config
	pool *watched[*x509.CertPool]

	mu      sync.Mutex  // guards current
	current *tls.Config // base with the authorities last seen
}

// config is a tls.Config's GetConfigForClient.
func (c *clientAuthorities) config(*tls.ClientHelloInfo) (*tls.Config, error) {
	pool := c.pool.get()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current == nil || c.current.ClientCAs != pool {
		c.current = c.base.Clone()
		c.current.ClientCAs = pool
	}
	return c.current, nil
}

// A certificate that ends within warnBefore is warned of once a day.
const (
	warnBefore = 14 * 24 * time.Hour
	warnEvery  = 24 * time.Hour
)

// watchExpiry shows in the metrics when the certificate ends, and warns in the log when that is soon.
func (a *App) watchExpiry(notAfter func() time.Time) {
	a.counters.Gauge("sallyport_tls_certificate_not_after_seconds", "When the certificate of the listeners ends, in seconds since 1970; 0: there is none yet.",
		func() float64 {
			if end := notAfter(); !end.IsZero() {
				return float64(end.Unix())
			}
			return 0
		})
	var warned time.Time // belongs to the goroutine that looks
	a.every(a.background, "certificate", func() error {
		end, now := notAfter(), a.now()
		if left := end.Sub(now); !end.IsZero() && left < warnBefore && now.Sub(warned) >= warnEvery {
			warned = now
			if left <= 0 {
				a.log.Error("the TLS certificate has ended; clients refuse it", "not_after", end)
			} else {
				a.log.Warn("the TLS certificate ends soon", "not_after", end, "left", left.Round(time.Minute).String())
			}
		}
		return nil
	})
}
