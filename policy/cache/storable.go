package cache

import (
	"time"

	"sallyport/policy"
)

// Statuses of answers that are understood and may be kept if the upstream says so. Errors that one caller's odd request
// can bring about (400, 413, 431, 5xx …) are not among them: kept, they would be everybody's.
func understood(status int) bool {
	switch status {
	case 200, 203, 204, 300, 301, 302, 307, 308, 404, 410:
		return true
	}
	return false
}

// A place is where an answer belongs.
type place int

const (
	nowhere place = iota
	forOne        // among those for this caller alone
	forAll
)

// judge makes an entry of an answer, still without its body, and says where it belongs (RFC 9111 section 3).
func (p *cache) judge(c *policy.Call, status int, h policy.Fields) (*entry, place) {
	says := parseDirectives(h["Cache-Control"])
	vary, own, ok := varyOf(c.Header, h)
	if !ok || !p.keeps(status, says) ||
		len(h["Set-Cookie"]) > 0 || // of one caller, who would be everybody
		len(h["Content-Range"]) > 0 || len(h["Trailer"]) > 0 {
		return nil, nowhere
	}
	e := &entry{status: status, fields: keep(h), vary: vary, etag: h.Get("Etag"), lastModified: h.Get("Last-Modified")}
	if e.lastModified != "" {
		e.modified, _ = parseTime(e.lastModified)
	}
	e.date, ok = parseTime(h.Get("Date"))
	if !ok { // RFC 9110 section 6.6.1: who receives an answer without a date gives it one
		e.date = c.Time
		e.fields = append(e.fields, policy.Param{Name: "Date", Value: c.Time.UTC().Format(dateForm)})
	}
	if p.fixed() {
		e.born, e.life = c.Time, p.minutes()
		e.onErr = never * time.Second
	} else if !p.time(e, c.Time, says, h) {
		return nil, nowhere
	}
	// RFC 9111 section 3.5: an answer to a call with a credential is for others if the upstream says so.
	if p.Shared && !own && (says.public || says.sMaxAge >= 0) {
		e.all = true
		return e, forAll
	}
	return e, forOne
}

// keeps reports whether an answer may be kept at all.
func (p *cache) keeps(status int, says directives) bool {
	if p.fixed() {
		if status < 200 || status > 399 || status == 206 || status == 304 {
			return false
		}
		return p.Anything || !says.noStore && !says.private
	}
	if says.noStore && says.mustUnderstand && understood(status) { // RFC 9111 section 5.2.2.3
		says.noStore = false
	}
	return understood(status) && !says.noStore && !says.private
}

// time finds out for how long an entry is good (RFC 9111 section 4.2). It reports whether there is any use in keeping it:
// somebody must have said something, since nothing is guessed here (section 4.2.2).
func (p *cache) time(e *entry, now time.Time, says directives, h policy.Fields) bool {
	e.check = says.noCache
	e.strict = says.mustRevalidate || says.proxyRevalidate
	e.timed = says.sMaxAge >= 0
	expires := h["Expires"]
	explicit := true
	switch {
	case says.sMaxAge >= 0:
		e.life = time.Duration(says.sMaxAge) * time.Second
	case says.maxAge >= 0:
		e.life = time.Duration(says.maxAge) * time.Second
	case len(expires) > 0:
		// RFC 9111 section 5.3: what is no date, "0" above all, is past.
		if at, ok := parseTime(expires[0]); ok {
			e.life = min(max(at.Sub(e.date), 0), never*time.Second)
		}
	default:
		explicit = says.public || says.noCache || e.strict
	}
	// RFC 9111 section 4.2.3, with the moment of the request for that of the answer: the age is the same, the time that
	// the answer took included, as what the upstream says of its own clock counts only if it makes the answer older.
	age := max(now.Sub(e.date), time.Duration(seconds(h.Get("Age")))*time.Second, 0)
	e.born = now.Add(-age)
	if says.staleIfError >= 0 {
		e.onErr = time.Duration(says.staleIfError) * time.Second
	} else if !e.timed {
		e.onErr = p.StaleIfError.Std()
	}
	if says.staleWhileRevalidate >= 0 {
		e.onWait = time.Duration(says.staleWhileRevalidate) * time.Second
	} else if !e.timed {
		e.onWait = p.StaleWhileRevalidate.Std()
	}
	if !explicit {
		return false
	}
	if e.etag != "" || e.lastModified != "" {
		return true
	}
	return !e.check && (e.life > age || !e.strict && e.onErr+e.onWait > 0)
}
