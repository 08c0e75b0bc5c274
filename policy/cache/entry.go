package cache

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"sallyport/policy"
)

// An entry is a stored answer. It is never modified: a fresher one takes its place.
type entry struct {
	status int
	fields []policy.Param // as they are given, without Age
	body   []byte

	etag         string
	lastModified string
	modified     time.Time // LastModified, zero if it is none
	date         time.Time

	born time.Time     // its age is counted from here
	life time.Duration // for how long it is fresh
	vary []varied
	all  bool // it is for all callers

	check  bool          // never without asking the upstream (no-cache)
	strict bool          // never stale, whatever anybody else says (must-revalidate)
	timed  bool          // stale only as far as the answer itself says (s-maxage)
	onErr  time.Duration // how stale it may be when the upstream fails
	onWait time.Duration // how stale it may be while another call asks

	asked atomic.Bool // a call is asking the upstream; the only thing that changes
	node  *node       // its place in the store, under the store's lock
}

// ttl is how long an entry is still fresh; negative, how stale it is.
func (e *entry) ttl(now time.Time) time.Duration { return e.life - now.Sub(e.born) }

// age is the value of the Age field (RFC 9111 section 5.1).
func (e *entry) age(now time.Time) string {
	return strconv.FormatInt(max(int64(now.Sub(e.born)/time.Second), 0), 10)
}

// bytes is about what an entry takes.
func (e *entry) bytes() int64 {
	n := int64(len(e.body)) + 1024
	for _, f := range e.fields {
		n += int64(len(f.Name)+len(f.Value)) + 32
	}
	for _, v := range e.vary {
		n += int64(len(v.name)+len(v.value)) + 32
	}
	return n
}

// Fields of an answer that concern one connection or one message (RFC 9111 section 3.1), or that are made anew.
var unstored = map[string]bool{
	"Connection": true, "Keep-Alive": true, "Proxy-Connection": true, "Proxy-Authenticate": true, "Proxy-Authentication-Info": true,
	"Proxy-Authorization": true, "Te": true, "Trailer": true, "Transfer-Encoding": true, "Upgrade": true,
	"Age": true, "Content-Length": true, "Set-Cookie": true,
}

// keep copies the fields of an answer that are stored, in an order of their own.
func keep(h policy.Fields) []policy.Param {
	var named []string
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			named = append(named, strings.Trim(name, " \t"))
		}
	}
	kept := make([]policy.Param, 0, len(h)+1)
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if unstored[name] || slices.ContainsFunc(named, func(n string) bool { return strings.EqualFold(n, name) }) {
			continue
		}
		for _, value := range h[name] {
			kept = append(kept, policy.Param{Name: name, Value: value})
		}
	}
	return kept
}

// freshened is the header of an entry after the upstream has said that it still stands (RFC 9111 section 3.2).
func (e *entry) freshened(news policy.Fields) policy.Fields {
	h := make(policy.Fields, len(e.fields)+len(news))
	for _, f := range e.fields {
		h[f.Name] = append(h[f.Name], f.Value)
	}
	if len(news["Date"]) == 0 {
		delete(h, "Date")
	}
	for name, values := range news {
		switch name {
		case "Content-Length", "Content-Encoding", "Content-Type", "Content-Range", "Set-Cookie":
		default:
			h[name] = values
		}
	}
	return h
}
