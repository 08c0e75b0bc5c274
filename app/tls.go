package app

import (
	"crypto/tls"
	"log/slog"
	"os"
	"sync"
	"time"
)

// A certificate is read from files, and again when they change. A change that cannot be read is logged, and the last good
// certificate stays in use.
type certificate struct {
	certFile, keyFile string
	log               *slog.Logger
	now               func() time.Time

	mu      sync.Mutex // guards what follows
	current *tls.Certificate
	read    time.Time // newest change of the files that was read
	looked  time.Time // when they were last looked at
}

// lookEvery is how often the files are looked at, at most.
const lookEvery = 5 * time.Second

func newCertificate(certFile, keyFile string, log *slog.Logger, now func() time.Time) (*certificate, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile, log: log, now: now, looked: now()}
	c.read = c.changed()
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		return nil, usage("tls_cert, tls_key: %v", err)
	}
	c.current = &pair
	return c, nil
}

// changed is when one of the files was last written.
func (c *certificate) changed() time.Time {
	var newest time.Time
	for _, file := range []string{c.certFile, c.keyFile} {
		if info, err := os.Stat(file); err == nil && info.ModTime().After(newest) {
			newest = info.ModTime()
		}
	}
	return newest
}

// get is a tls.Config's GetCertificate.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); now.Sub(c.looked) >= lookEvery {
		c.looked = now
		if changed := c.changed(); !changed.Equal(c.read) {
			pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
			if err != nil {
				c.log.Error("the TLS certificate changed and cannot be read; the old one stays in use", "cause", err)
				return c.current, nil
			}
			c.current, c.read = &pair, changed
			c.log.Info("the TLS certificate was read again")
		}
	}
	return c.current, nil
}
