// Package fetch gets small documents from URLs that others have supplied: keys and metadata of other issuers; and it posts
// short messages to such URLs. It is the one place from which this server calls where it was told to.
//
// It refuses whatever could be turned against the network it runs in: schemes other than https, addresses that nobody
// should be led to, answers that are long or slow. The address is looked at after the name was resolved, when the
// connection is made, and so for every redirect and every new answer of the name's owner. No proxy is used and no
// credential is sent.
package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"syscall"
	"time"
)

// The bounds, unless Options has others.
const (
	MaxSize      = 1 << 20 // bytes of a document
	MaxTime      = 5 * time.Second
	maxRedirects = 3
	maxHeader    = 64 << 10
)

// What is refused. Errors match these by errors.Is.
var (
	ErrURL     = errors.New("the URL is not one to fetch from")
	ErrAddress = errors.New("the address is not one to fetch from")
	ErrSize    = errors.New("the document is too long")
	ErrStatus  = errors.New("the answer is not 200")
)

// Options say what a Fetcher may do.
type Options struct {
	// Private allows private addresses and this machine's own, and plain http to the latter: for URLs that an
	// administrator has written down. Addresses of cloud metadata services are refused all the same.
	Private bool
	// Networks are further ones where documents may be fetched from, over https: the operator's own.
	Networks []netip.Prefix
	Roots    *x509.CertPool // who may vouch for servers; nil: the system's
	Size     int64          // longest document; 0: MaxSize
	Time     time.Duration  // for everything, redirects included; 0: MaxTime
}

// A Fetcher fetches. It may be used by many goroutines.
type Fetcher struct {
	client   *http.Client
	own      []netip.Prefix
	straight *http.Client // follows no redirect
	private  bool
	size     int64
	time     time.Duration
}

// New returns a fetcher.
func New(o Options) *Fetcher {
	f := &Fetcher{private: o.Private, own: o.Networks, size: o.Size, time: o.Time}
	if f.size == 0 {
		f.size = MaxSize
	}
	if f.time == 0 {
		f.time = MaxTime
	}
	dialer := &net.Dialer{Timeout: f.time, ControlContext: f.control}
	f.client = &http.Client{
		Transport: &http.Transport{
			DialContext: dialer.DialContext, TLSClientConfig: &tls.Config{RootCAs: o.Roots, MinVersion: tls.VersionTLS12},
			ForceAttemptHTTP2: true, DisableKeepAlives: true, TLSHandshakeTimeout: f.time, ResponseHeaderTimeout: f.time,
			MaxResponseHeaderBytes: maxHeader,
		},
		CheckRedirect: f.redirect,
	}
	f.straight = &http.Client{
		Transport:     f.client.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return f
}

// Straight is a fetcher with the same bounds that takes a redirect for an answer, which is no document: for what a host says
// about itself, which must not be said by wherever some page of it sends people.
func (f *Fetcher) Straight() *Fetcher {
	g := *f
	g.client = f.straight
	return &g
}

// Get returns the document at a URL.
func (f *Fetcher) Get(ctx context.Context, raw string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, f.time)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, raw, nil)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrURL, err)
	}
	if err := f.check(r.URL); err != nil {
		return nil, err
	}
	r.Header.Set("Accept", "application/json, */*;q=0.1")
	r.Header.Set("User-Agent", "sallyport")
	answer, err := f.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: %d from %s", ErrStatus, answer.StatusCode, answer.Request.URL.Host)
	}
	// What was compressed is measured as it is when it is unpacked.
	body, err := io.ReadAll(io.LimitReader(answer.Body, f.size+1))
	if err == nil && int64(len(body)) > f.size {
		err = fmt.Errorf("%w: more than %d bytes from %s", ErrSize, f.size, answer.Request.URL.Host)
	}
	if err != nil {
		return nil, err
	}
	return body, nil
}

// check refuses URLs by their look. Where they lead is looked at when the connection is made.
func (f *Fetcher) check(u *url.URL) error {
	switch {
	case u.Host == "" || u.User != nil || u.Opaque != "":
		return fmt.Errorf("%w: write it like https://host/path", ErrURL)
	case u.Scheme == "https", u.Scheme == "http" && f.private && loopback(u.Hostname()):
		return nil
	}
	return fmt.Errorf("%w: its scheme is not https", ErrURL)
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

func (f *Fetcher) redirect(r *http.Request, via []*http.Request) error {
	if len(via) > maxRedirects {
		return fmt.Errorf("%w: more than %d redirects", ErrURL, maxRedirects)
	}
	r.Header.Del("Referer")
	return f.check(r.URL)
}

// control is asked with the address itself, after the name was resolved, before the connection is made.
func (f *Fetcher) control(_ context.Context, _, address string, _ syscall.RawConn) error {
	at, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrAddress, err)
	}
	if !Allowed(at.Addr(), f.private) && !(f.ours(at.Addr()) && Allowed(at.Addr(), true)) {
		return fmt.Errorf("%w: %s", ErrAddress, at.Addr())
	}
	return nil
}

// ours reports whether an address is in one of the operator's own networks.
func (f *Fetcher) ours(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	return slices.ContainsFunc(f.own, func(p netip.Prefix) bool { return p.Contains(a) })
}
