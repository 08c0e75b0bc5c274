package upstream

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"sallyport/api"
	"sallyport/policy"
)

// A Target is one server of an API, or the one that gets copies. All that is exported is fixed.
type Target struct {
	URL    *url.URL // as registered
	Scheme string   // http or https
	Host   string   // with the port, if one was given
	Base   string   // path that calls are put below: escaped, without the slash at its end; {name} is a path parameter

	name     string // the URL as registered
	literals []string
	names    []string // parameters between the literals; none: Base is the only literal

	weight int64 // 0: it gets no calls
	seed   uint64
	copies bool // it gets copies; nothing is learned from them
	check  *check
	node   *node
	now    func() time.Time
}

// A node is what is learned of a target from calls. It outlives the group, so that a change of the API is not a fresh
// start for a server that is failing.
type node struct {
	inFlight  atomic.Int64
	fails     atomic.Int64 // in a row
	until     atomic.Int64 // ejected until then, Unix time in nanoseconds; 0: it is not
	ejections atomic.Int64 // so far

	times int       // how long the next ejection is, in units of Eject.For; under owner.mu
	back  time.Time // when the last ejection ends; under owner.mu
}

// maxWeight keeps the sums of weights, and weights times calls under way, far from overflow.
const maxWeight = 1_000_000

func newTarget(field string, a api.Target) (*Target, error) {
	u, err := url.Parse(a.URL)
	if err != nil || u.Hostname() == "" || u.Opaque != "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		// The URL is not repeated: what is wrong with it may be a password.
		return nil, fmt.Errorf("%s: it is not an absolute http or https URL; write it like http://127.0.0.1:9000", field)
	}
	t := &Target{URL: u, Scheme: u.Scheme, Host: u.Host, name: a.URL, seed: mix(hashString(a.URL)), node: &node{}}
	switch {
	case a.Weight < -1 || a.Weight > maxWeight:
		return nil, fmt.Errorf("%s: weight %d cannot be used; write 1 to %d, or -1 for no calls", field, a.Weight, maxWeight)
	case a.Weight >= 0:
		t.weight = int64(max(a.Weight, 1))
	}
	path := u.RawPath // set if there are braces, which are not escaped in it
	if path == "" {
		path = u.EscapedPath()
	}
	if err := t.split(strings.TrimSuffix(path, "/")); err != nil {
		return nil, fmt.Errorf("%s: %w", field, err)
	}
	return t, nil
}

// split cuts a path at its parameters. url.URL would escape the braces with the rest.
func (t *Target) split(path string) error {
	var base strings.Builder
	for {
		literal, rest, more := strings.Cut(path, "{")
		literal = escaped(literal)
		base.WriteString(literal)
		t.literals = append(t.literals, literal)
		if !more {
			break
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed || name == "" || strings.ContainsAny(name, "{/") {
			return errors.New("a \"{\" begins no path parameter; write {name}, the name being one of the API's path")
		}
		base.WriteString("{" + name + "}")
		t.names = append(t.names, name)
		path = after
	}
	t.Base = base.String()
	return nil
}

// escaped writes a piece of a path as it goes on the wire: what should have been escaped is.
func escaped(piece string) string {
	plain, err := url.PathUnescape(piece)
	if err != nil { // cannot happen: the URL was parsed
		plain, piece = piece, ""
	}
	return (&url.URL{Path: plain, RawPath: piece}).EscapedPath()
}

// Names returns the path parameters of Base, left to right.
func (t *Target) Names() []string { return t.names }

// Path returns the path that is sent: Base, with the values of its parameters as they were received, and rest behind it.
// Each parameter must be among params; one that is not is left empty.
func (t *Target) Path(rest string, params []policy.Param) string {
	switch {
	case len(t.names) > 0:
		return t.filled(params) + rest
	case t.Base == "" && rest == "":
		return "/"
	case t.Base == "":
		return rest
	}
	return t.Base + rest
}

func (t *Target) filled(params []policy.Param) string {
	var b strings.Builder
	b.WriteString(t.literals[0])
	for i, name := range t.names {
		for _, p := range params {
			if p.Name == name {
				b.WriteString(p.Value)
				break
			}
		}
		b.WriteString(t.literals[i+1])
	}
	return b.String()
}

// String returns the target's URL as it was registered.
func (t *Target) String() string { return t.name }

// InFlight returns the number of calls under way.
func (t *Target) InFlight() int64 { return t.node.inFlight.Load() }

// usable reports whether the target may get a call now.
func (t *Target) usable() bool {
	return t.weight > 0 && !t.down() && !t.ejected()
}

// down reports that the server has failed its active check.
func (t *Target) down() bool { return t.check != nil && t.check.down.Load() }

// ejected asks for the time only if the target has been ejected and nobody has noticed that it is back.
func (t *Target) ejected() bool {
	until := t.node.until.Load()
	if until == 0 {
		return false
	}
	if t.now().UnixNano() < until {
		return true
	}
	t.node.until.CompareAndSwap(until, 0)
	return false
}
