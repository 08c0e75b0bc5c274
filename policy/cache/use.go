package cache

import (
	"time"

	"sallyport/policy"
)

// Fields that ask upstreams for another method than the one that an answer would be found by.
var overrides = [...]string{
	"X-Http-Method-Override", "X-Http-Method", "X-Method-Override",
	"X_Http_Method_Override", "X_Http_Method", "X_Method_Override",
}

// cacheable reports whether the answer to a call may come from the store or go there, and returns the body by which it is
// found.
func (p *cache) cacheable(c *policy.Call) (body []byte, ok bool, err error) {
	if !p.serves(c.Method) {
		return nil, false, nil
	}
	h := c.Header
	// RFC 9111 section 3.3 and 4.3.2: parts are not stored, and these conditions are for the upstream to decide.
	if h.Get("Range") != "" || h.Get("If-Match") != "" || h.Get("If-Unmodified-Since") != "" || h.Get("Upgrade") != "" {
		return nil, false, nil
	}
	// Fields that Connection names do not reach the upstream, which is then asked for something else than what is seen here.
	if v := h.Get("Connection"); v != "" && !is(v, "keep-alive") && !is(v, "close") {
		return nil, false, nil
	}
	for _, name := range overrides {
		if len(h.Values(name)) > 0 {
			return nil, false, nil
		}
	}
	if c.Body == nil || c.Body.Length() == 0 {
		return nil, true, nil
	}
	if !p.fixed() || c.Body.Length() < 0 || c.Body.Length() > p.Largest {
		return nil, false, nil
	}
	body, err = c.Body.Read(p.Largest)
	return body, err == nil, err
}

// serves reports whether answers to a method are kept.
func (p *cache) serves(method string) bool {
	if !p.fixed() {
		return method == "GET" || method == "HEAD"
	}
	for _, m := range p.Methods {
		if m == method || m == "GET" && method == "HEAD" {
			return true
		}
	}
	return false
}

// use decides whether an entry can be given as it is (RFC 9111 section 4). why says why not; "" if it can. If it is
// because of its age, turn may say that it is up to this call to ask for a new one; then the entry is marked as asked for.
func (e *entry) use(asked directives, now time.Time) (why, detail string, turn bool) {
	ttl := e.ttl(now)
	age := now.Sub(e.born)
	switch {
	// RFC 9111 section 5.2.1: a caller that reloads sends "no-cache" or "max-age=0".
	case asked.noCache, asked.maxAge == 0, asked.maxAge > 0 && age > seconds64(asked.maxAge),
		asked.minFresh > 0 && ttl > 0 && ttl < seconds64(asked.minFresh):
		return forRequest, "", false
	case !e.check && ttl > 0:
		return "", "", false
	case e.check || e.strict:
	case !e.timed && asked.maxStale >= 0 && -ttl <= seconds64(asked.maxStale):
		return "", "max-stale", false
	case -ttl < e.onWait && asked.minFresh <= 0:
		// RFC 5861 section 3. One call at a time fetches a new one; the others need not wait for it.
		if !e.asked.CompareAndSwap(false, true) {
			return "", "stale-while-revalidate", false
		}
		return forStale, "", true
	}
	return forStale, "", false
}

func seconds64(n int64) time.Duration { return time.Duration(n) * time.Second }

// standsIn reports whether a stale entry may be given because the upstream failed (RFC 5861 section 4).
func (e *entry) standsIn(asked directives, now time.Time) bool {
	if e.check || e.strict {
		return false
	}
	most := e.onErr
	if !e.timed {
		most = max(most, seconds64(asked.staleIfError))
	}
	return most > 0 && -e.ttl(now) <= most
}

// answer makes the answer to a call of an entry. A caller that has it already is told so.
func (e *entry) answer(c *policy.Call, detail string) *policy.Answer {
	had := conditionsOf(c)
	a := &policy.Answer{Status: e.status, Header: make([]policy.Param, 0, len(e.fields)+2), Body: e.body}
	if e.notModified(had) {
		a.Status, a.Body = 304, nil
	}
	for _, f := range e.fields {
		if a.Status == 304 && e.leftOut(f.Name) {
			continue
		}
		a.Header = append(a.Header, f)
	}
	a.Header = append(a.Header, policy.Param{Name: "Age", Value: e.age(c.Time)}, policy.Param{Name: statusField, Value: hit(e.ttl(c.Time), detail)})
	return a
}

// leftOut reports whether a field of the representation is not repeated with 304 (RFC 9110 section 15.4.5).
func (e *entry) leftOut(name string) bool {
	switch name {
	case "Content-Type", "Content-Encoding", "Content-Language", "Content-Range":
		return true
	case "Last-Modified":
		return e.etag != ""
	}
	return false
}
