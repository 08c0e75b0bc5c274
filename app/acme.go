package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/certmagic"

	"sallyport/problem"
)

// acmeProtocol is what an authority speaks that looks at a name's server (RFC 8737 section 6.2).
const acmeProtocol = "acme-tls/1"

// An acme obtains certificates from an authority (RFC 8555) and renews them in time. They are kept in the store, so that
// the servers of a cluster share them and one of them does the work.
type acme struct {
	domains  []string
	config   *certmagic.Config
	cache    *certmagic.Cache
	storage  *acmeStorage
	template certmagic.ACMEIssuer
	issuer   *certmagic.ACMEIssuer // set by answerAt, before anybody is served
	log      *slog.Logger
}

// domain is what a certificate can be had for without DNS records: a whole name, in ASCII.
var domain = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// checkACME sees that certificates can be had for the names.
func (c *Config) checkACME() error {
	for i, d := range c.ACMEDomains {
		d = strings.ToLower(strings.TrimSuffix(d, "."))
		if _, err := netip.ParseAddr(d); err == nil || !domain.MatchString(d) {
			return usage("acme_domains: %.80q is no name that a certificate can be obtained for; write it like auth.example.org", c.ACMEDomains[i])
		}
		c.ACMEDomains[i] = d
	}
	if c.ACMEDirectory != "" {
		if u, err := url.Parse(c.ACMEDirectory); err != nil || u.Scheme != "https" || u.Host == "" {
			return usage("acme_directory: it is not an https URL; write it like https://acme-v02.api.letsencrypt.org/directory")
		}
	}
	return nil
}

func newACME(a *App) (*acme, error) {
	c, log := a.config, newZap(a.log)
	m := &acme{domains: c.ACMEDomains, storage: newACMEStorage(a.store, a.master, a.now, a.log), log: a.log}
	m.template = certmagic.ACMEIssuer{CA: c.ACMEDirectory, Email: c.ACMEEmail, Agreed: true, DisableHTTPChallenge: c.ACMEHTTPListen == "", Logger: log}
	if c.ACMEDirectory == "" {
		m.template.CA = certmagic.LetsEncryptProductionCA
	}
	if c.ACMECARoot != "" {
		roots, err := readAuthorities(c.ACMECARoot)
		if err != nil {
			return nil, usage("acme_ca_root: %v", err)
		}
		m.template.TrustedRoots = roots
	}
	m.cache = certmagic.NewCache(certmagic.CacheOptions{
		GetConfigForCert: func(certmagic.Certificate) (*certmagic.Config, error) { return m.config, nil },
		Logger:           log,
	})
	m.config = certmagic.New(m.cache, certmagic.Config{
		Storage:        m.storage,
		OnEvent:        m.happened,
		ShouldEmitFunc: func(event string) bool { return event == acmeObtained || event == acmeFailed },
		Logger:         log,
		// Clients that name no server, or one that we have no certificate for, get to see who we are all the same.
		DefaultServerName:  m.domains[0],
		FallbackServerName: m.domains[0],
	})
	return m, nil
}

// Events of the library.
const (
	acmeObtained = "cert_obtained"
	acmeFailed   = "cert_failed"
)

func (m *acme) happened(_ context.Context, event string, data map[string]any) error {
	name, _ := data["identifier"].(string)
	switch event {
	case acmeObtained:
		renewal, _ := data["renewal"].(bool)
		m.log.Info("a certificate was obtained", "name", name, "renewal", renewal)
	case acmeFailed:
		err, _ := data["error"].(error)
		m.log.Error("a certificate could not be obtained; it is tried again", "name", name, "cause", err)
	}
	return nil
}

// answerAt says at which listeners the authority will look. The library must find them taken, or it would listen itself.
func (m *acme) answerAt(main net.Addr, plain string) {
	if at, err := netip.ParseAddrPort(main.String()); err == nil {
		m.template.AltTLSALPNPort = int(at.Port())
		if !at.Addr().IsUnspecified() {
			m.template.ListenHost = at.Addr().String()
		}
	}
	if _, port, err := net.SplitHostPort(plain); err == nil {
		m.template.AltHTTPPort, _ = strconv.Atoi(port) // a port by name was listened to, and stays the default
	}
	m.issuer = certmagic.NewACMEIssuer(m.config, m.template)
	m.config.Issuers = []certmagic.Issuer{m.issuer}
}

// manage obtains and renews in the background until the context ends.
func (m *acme) manage(ctx context.Context) {
	if err := m.config.ManageAsync(ctx, m.domains); err != nil {
		m.log.Error("certificates are not looked after", "cause", err)
	}
}

// notAfter is when the first of the certificates ends, zero as long as one is missing.
func (m *acme) notAfter() time.Time {
	var first time.Time
	for _, d := range m.domains {
		certs := m.cache.AllMatchingCertificates(d)
		if len(certs) == 0 {
			return time.Time{}
		}
		newest := slices.MaxFunc(certs, func(a, b certmagic.Certificate) int { return a.Leaf.NotAfter.Compare(b.Leaf.NotAfter) })
		if end := newest.Leaf.NotAfter; first.IsZero() || end.Before(first) {
			first = end
		}
	}
	return first
}

// ServeHTTP answers at the listener without TLS: the authority, and people who typed a name without https. A call with
// a credential in it must fail, or nobody would notice that it goes over the wire in the open.
func (m *acme) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if m.issuer.HandleHTTPChallenge(w, r) {
		return
	}
	host := strings.ToLower(r.Host)
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	safe := (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.Header.Get("Authorization") == ""
	if !safe || !slices.Contains(m.domains, host) {
		problem.Problem{Status: http.StatusForbidden, Detail: "Nothing is served here without TLS. Use https."}.Write(w, r)
		return
	}
	w.Header().Set("Connection", "close")
	http.Redirect(w, r, "https://"+host+r.URL.RequestURI(), http.StatusPermanentRedirect)
}

func (m *acme) close() {
	m.cache.Stop()
	m.storage.close()
}

// errACMELockLost says that a lock was held too long by a server that did not renew it.
var errACMELockLost = errors.New("the lock was lost to another server")
