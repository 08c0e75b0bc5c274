package match_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"sallyport/api"
	"sallyport/gateway/match"
	"sallyport/policy"
)

// A reference is a matcher that is slow and plain: it tries every entry and keeps the best.
type reference []match.Entry[string]

func segments(path string) []string {
	if path = strings.TrimSuffix(path, "/"); path == "" {
		return nil
	}
	return strings.Split(path[1:], "/")
}

// read is what the boldest server makes of a segment.
func read(segment string) string {
	for {
		plain, err := url.PathUnescape(segment)
		if err != nil || plain == segment {
			break
		}
		segment = plain
	}
	segment, _, _ = strings.Cut(segment, ";")
	return segment
}

// fit returns how well an entry fits: smaller is better, piece by piece from the left.
func fit(e match.Entry[string], path string, h http.Header, bare bool) (score []int, params []policy.Param, ok, doubt bool) {
	pattern, sent := segments(e.Path), strings.Split(path[1:], "/")
	if len(pattern) > len(sent) || e.Exact && !slices.Contains([]string{"", "/"}, "/"+strings.Join(sent[len(pattern):], "/")) && len(sent) > len(pattern) {
		return nil, nil, false, false
	}
	for i, p := range pattern {
		name := sent[i]
		if bare {
			name, p = read(name), read(p)
		}
		if param, is := api.Parameter(p); is && sent[i] != "" {
			score = append(score, 1)
			params = append(params, policy.Param{Name: param, Value: sent[i]})
		} else if p == name {
			score = append(score, 0)
		} else {
			return nil, nil, false, false
		}
	}
	score = append(score, 2) // the end, behind every segment that could follow
	for _, c := range e.Headers {
		got := h.Values(c.Name)
		if len(got) == 0 || c.Value != "" && !slices.Contains(got, c.Value) {
			return nil, nil, false, false
		}
		doubt = doubt || c.Value != "" && len(got) > 1
	}
	exact, values := 1, 0
	if e.Exact {
		exact = 0
	}
	for _, c := range e.Headers {
		if c.Value != "" {
			values++
		}
	}
	score = append(score, exact, -len(e.Headers), -values)
	for _, c := range e.Headers { // what is as particular goes by the alphabet
		for _, text := range []string{strings.ToUpper(c.Name), c.Value + "\x00"} {
			score = append(score, int(text[0]))
		}
	}
	return score, params, true, doubt
}

func (r reference) in(host, path string, h http.Header, bare bool) (best int, params []policy.Param, doubt bool) {
	best = -1
	var least []int
	for i, e := range r {
		if e.Host != host {
			continue
		}
		score, found, ok, unclear := fit(e, path, h, bare)
		if ok && (best < 0 || slices.Compare(score, least) < 0) {
			best, least, params, doubt = i, score, found, unclear
		}
	}
	return best, params, doubt
}

func (r reference) find(host, path string, h http.Header) string {
	_, parent, _ := strings.Cut(host, ".")
	for _, pattern := range []string{host, "*." + parent, ""} {
		i, params, doubt := r.in(pattern, path, h, false)
		if j, _, unclear := r.in(pattern, path, h, true); i != j || doubt || unclear {
			return "ambiguous"
		}
		if i >= 0 {
			return show(match.Match[string]{Outcome: match.Found, Value: r[i].Value, Params: params})
		}
	}
	return ""
}

// world makes entries and a call from a seed, few enough names that they meet.
func world(seed uint64) (entries []match.Entry[string], host, path string, h http.Header) {
	r := rand.New(rand.NewPCG(seed, 1))
	pick := func(list ...string) string { return list[r.IntN(len(list))] }
	hosts := []string{"", "", "", "a.org", "*.org", "b.org", "*.a.org"}
	for range r.IntN(25) {
		var p strings.Builder
		for i := range r.IntN(5) {
			p.WriteString(pick("/a", "/b", "/a%3D", fmt.Sprintf("/{p%d}", i), fmt.Sprintf("/{p%d}", i)))
		}
		e := match.Entry[string]{Realm: "r", Host: pick(hosts...), Path: p.String(), Exact: r.IntN(4) == 0}
		if e.Path == "" {
			e.Path = "/"
		}
		if r.IntN(3) == 0 {
			e.Headers = append(e.Headers, api.Condition{Name: "x", Value: pick("1", "2", "")})
		}
		if r.IntN(6) == 0 {
			e.Headers = append(e.Headers, api.Condition{Name: "Y", Value: pick("1", "")})
		}
		e.Value = fmt.Sprintf("%d %s%s %v %v", len(entries), e.Host, e.Path, e.Exact, e.Headers)
		if _, faults := match.New(append(slices.Clone(entries), e)); len(faults) == 0 {
			entries = append(entries, e)
		}
	}
	var p strings.Builder
	for range r.IntN(6) {
		p.WriteString(pick("/a", "/b", "/c", "/a%3D", "/a", "/b;x", "/a;y;z", "/a%3Bq", "/a=", "/a%253D"))
	}
	if p.Len() == 0 || r.IntN(5) == 0 {
		p.WriteByte('/')
	}
	h = http.Header{}
	for _, name := range []string{"X", "Y"} {
		for range r.IntN(4) % 3 {
			h.Add(name, pick("1", "2"))
		}
	}
	return entries, pick("a.org", "b.org", "c.org", "x.a.org", "org", ""), p.String(), h
}

func check(t *testing.T, seed uint64) {
	t.Helper()
	entries, host, path, h := world(seed)
	table, _ := match.New(entries)
	got, want := show(table.Find("r", host, path, h, nil)), reference(entries).find(host, path, h)
	if got != want {
		t.Errorf("seed %d: %s %s %v: %q, want %q of %v", seed, host, path, h, got, want, entries)
	}
	// The order in which they are registered says nothing.
	slices.Reverse(entries)
	table, _ = match.New(entries)
	if got := show(table.Find("r", host, path, h, nil)); got != want {
		t.Errorf("seed %d, reversed: %s %s %v: %q, want %q", seed, host, path, h, got, want)
	}
}

func TestReference(t *testing.T) {
	outcomes := map[string]int{}
	for seed := range uint64(5_000) {
		check(t, seed)
		entries, host, path, h := world(seed)
		table, _ := match.New(entries)
		switch got := show(table.Find("r", host, path, h, nil)); got {
		case "", "ambiguous":
			outcomes[got]++
		default:
			outcomes["found"]++
		}
	}
	if outcomes["found"] < 500 || outcomes[""] < 500 || outcomes["ambiguous"] < 250 {
		t.Errorf("the worlds are too much alike: %v", outcomes)
	}
}

// FuzzFind holds the matcher against the reference.
func FuzzFind(f *testing.F) {
	f.Add(uint64(7), "/a/b")
	f.Add(uint64(8), "/b;x/a%3By//")
	f.Fuzz(func(t *testing.T, seed uint64, raw string) {
		check(t, seed)
		path, err := api.ParsePath(raw)
		if err != nil {
			return
		}
		entries, host, _, h := world(seed)
		table, _ := match.New(entries)
		m := table.Find("r", host, path, h, nil)
		if got, want := show(m), (reference(entries).find(host, path, h)); got != want {
			t.Errorf("seed %d: %s %s %v: %q, want %q of %v", seed, host, path, h, got, want, entries)
		}
		for _, p := range m.Params {
			if p.Value == "" || strings.Contains(p.Value, "/") || !strings.Contains(path, p.Value) {
				t.Errorf("%s: the parameter %q is not one of its segments", path, p.Value)
			}
		}
	})
}
