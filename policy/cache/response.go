package cache

import (
	"bytes"
	"context"
	"io"
	"net/url"
	"strconv"
	"strings"

	"sallyport/policy"
)

// Response implements policy.Responder.
func (p *cache) Response(_ context.Context, c *policy.Call, r *policy.Response) error {
	if r.Answered {
		return nil
	}
	f, _ := c.Kept(p).(*flight)
	switch {
	case f == nil:
		p.pass(c, r)
	case r.Failure != nil && r.Failure.Status < 500: // it is not the upstream that failed
	case r.Failure != nil || failed(r.Status):
		p.rescue(c, f, r)
	case r.Status == 304 && f.askedUp:
		p.freshen(c, f, r)
	case c.Method == "HEAD":
		p.compare(c, f, r)
	default:
		p.take(c, f, r)
	}
	return nil
}

// failed reports whether a status is one for which an old answer may stand in (RFC 5861 section 4).
func failed(status int) bool { return status == 500 || status == 502 || status == 503 || status == 504 }

// pass sees the answers to calls that the cache has nothing to do with, but for one thing: what an unsafe method changed
// is forgotten (RFC 9111 section 4.4).
func (p *cache) pass(c *policy.Call, r *policy.Response) {
	if r.Failure != nil {
		return
	}
	why := forBypass
	if !p.serves(c.Method) {
		why = forMethod
		switch c.Method {
		case "GET", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "REPORT", "SEARCH", "QUERY":
		default:
			if r.Status >= 200 && r.Status <= 399 {
				p.forget(c, r.Header)
			}
		}
	}
	r.Header.Add(statusField, forwarded(why, 0, false, ""))
}

// forget drops the target of a call, and what its answer names, as far as that is of the same host.
func (p *cache) forget(c *policy.Call, answer policy.Fields) {
	p.store.invalidate(p.uri(c.Host, c.Peer.Secure, c.Path, c.Query))
	here := &url.URL{Path: c.Path}
	for _, name := range [...]string{"Location", "Content-Location"} {
		value := answer.Get(name)
		if value == "" {
			continue
		}
		if to, err := here.Parse(value); err == nil && (to.Host == "" || strings.EqualFold(to.Host, c.Host)) {
			p.store.invalidate(p.uri(c.Host, c.Peer.Secure, to.EscapedPath(), to.RawQuery))
		}
	}
}

// rescue gives an old answer in place of an error, if there is one that may.
func (p *cache) rescue(c *policy.Call, f *flight, r *policy.Response) {
	if f.old == nil || !f.old.standsIn(f.asked, c.Time) {
		if r.Failure == nil {
			r.Header.Add(statusField, forwarded(f.why, 0, false, ""))
		}
		return
	}
	status := r.Status
	if r.Failure != nil {
		status = 0
	}
	r.Failure = nil
	f.old.write(c, f.had, r, forwarded(f.why, status, false, "stale-if-error"))
}

// freshen gives an old answer that the upstream says still stands, and keeps it on (RFC 9111 section 4.3.4).
func (p *cache) freshen(c *policy.Call, f *flight, r *policy.Response) {
	old := f.old
	cookies := r.Header["Set-Cookie"]
	if tag := r.Header.Get("Etag"); tag != "" && opaque(tag) != opaque(old.etag) {
		// The upstream contradicts itself. The caller gets what it said still stands; nobody else does.
		p.store.remove(old)
		old.write(c, f.had, r, forwarded(f.why, 304, false, ""))
		return
	}
	news := r.Header
	if len(cookies) > 0 { // they are for the caller, not for the store
		news = make(policy.Fields, len(r.Header))
		for name, values := range r.Header {
			if name != "Set-Cookie" {
				news[name] = values
			}
		}
	}
	e, where := p.renew(c, old, news)
	if e == nil {
		p.store.remove(old)
		old.write(c, f.had, r, forwarded(f.why, 304, false, ""))
	} else {
		p.store.put(f.key(where), f.uri, e, old, 0)
		e.write(c, f.had, r, forwarded(f.why, 304, true, ""))
	}
	if len(cookies) > 0 {
		r.Header["Set-Cookie"] = cookies
	}
}

// renew makes the entry that takes the place of an old one, whose header has changed. What was one caller's stays so.
func (p *cache) renew(c *policy.Call, old *entry, news policy.Fields) (*entry, place) {
	e, where := p.judge(c, old.status, old.freshened(news))
	if e == nil {
		return nil, nowhere
	}
	e.body = old.body
	if !old.all {
		e.all, where = false, forOne
	}
	return e, where
}

// compare sees the answer to HEAD, which tells whether a stored one is still the same (RFC 9111 section 4.3.5).
func (p *cache) compare(c *policy.Call, f *flight, r *policy.Response) {
	if old := f.old; old != nil && r.Status == old.status && old.agrees(r.Header) {
		if e, where := p.renew(c, old, r.Header); e != nil {
			p.store.put(f.key(where), f.uri, e, old, 0)
		}
	} else if old != nil && outdates(r.Status) {
		p.store.remove(old)
	}
	r.Header.Add(statusField, forwarded(f.why, 0, false, ""))
}

func (e *entry) agrees(h policy.Fields) bool {
	same := func(name, stored string) bool { return h.Get(name) == "" || h.Get(name) == stored }
	return same("Etag", e.etag) && same("Last-Modified", e.lastModified) && same("Content-Length", strconv.Itoa(len(e.body)))
}

// outdates reports whether an answer that is not stored itself shows that an older one is no good any more.
func outdates(status int) bool {
	return status >= 200 && status < 500 && status != 304 && status != 408 && status != 429
}

// take has a new answer copied while it passes, if it may be stored.
func (p *cache) take(c *policy.Call, f *flight, r *policy.Response) {
	e, where := p.judge(c, r.Status, r.Header)
	if e == nil || r.Cut || r.Length > p.Largest {
		if f.old != nil && outdates(r.Status) {
			p.store.remove(f.old)
		}
		r.Header.Add(statusField, forwarded(f.why, 0, false, ""))
		return
	}
	f.copying = &capture{ReadCloser: r.Body, p: p, f: f, entry: e, to: f.key(where), length: r.Length}
	if r.Length == 0 || r.Status == 204 {
		f.copying.store()
	} else {
		r.Body = f.copying
	}
	r.Header.Add(statusField, forwarded(f.why, 0, r.Length >= 0, ""))
}

func (f *flight) key(where place) key {
	if where == forAll {
		return f.shared
	}
	return f.own
}

// write puts an entry in the place of what the upstream answered.
func (e *entry) write(c *policy.Call, had conditions, r *policy.Response, status string) {
	if r.Body != nil {
		_ = r.Body.Close() // nobody wants to know how an answer ends that is not given
	}
	r.Status, r.Length, r.Cut = e.status, int64(len(e.body)), false
	if e.notModified(had) {
		r.Status, r.Length = 304, 0
	}
	if r.Header == nil {
		r.Header = policy.Fields{}
	}
	clear(r.Header)
	for _, f := range e.fields {
		if r.Status != 304 || !e.leftOut(f.Name) {
			r.Header[f.Name] = append(r.Header[f.Name], f.Value)
		}
	}
	r.Header.Set("Age", e.age(c.Time))
	r.Header.Add(statusField, status)
	r.Body = io.NopCloser(bytes.NewReader(nil))
	if r.Status == 304 || r.Status == 204 {
		return
	}
	r.Header.Set("Content-Length", strconv.FormatInt(r.Length, 10))
	if c.Method != "HEAD" {
		r.Body = io.NopCloser(bytes.NewReader(e.body))
	}
}
