package match_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/api"
	"sallyport/gateway/match"
	"sallyport/policy"
)

func entry(host, path string, conditions ...string) match.Entry[string] {
	e := match.Entry[string]{Realm: "r", Host: host, Path: path}
	e.Path, e.Exact = strings.CutSuffix(path, "$")
	for _, c := range conditions {
		name, value, _ := strings.Cut(c, "=")
		e.Headers = append(e.Headers, api.Condition{Name: name, Value: value})
	}
	e.Value = strings.Join(append([]string{host + path}, conditions...), " ")
	return e
}

func header(lines ...string) http.Header {
	h := http.Header{}
	for _, l := range lines {
		name, value, _ := strings.Cut(l, "=")
		h.Add(name, value)
	}
	return h
}

func show(m match.Match[string]) string {
	switch m.Outcome {
	case match.Ambiguous:
		return "ambiguous"
	case match.None:
		return ""
	}
	text := m.Value
	for _, p := range m.Params {
		text += " " + p.Name + ":" + p.Value
	}
	return text
}

func TestFind(t *testing.T) {
	table, faults := match.New([]match.Entry[string]{
		entry("", "/a"), entry("", "/a$"), entry("", "/a/b/c"), entry("", "/{x}/c"), entry("", "/a/{y}/d$"),
		entry("", "/users/{id}"), entry("", "/users/me/settings"), entry("", "/users/{id}/orders/{order}"),
		entry("", "/v"), entry("", "/v", "Api-Version=2"), entry("", "/v", "api-version"), entry("", "/v", "API-VERSION=2", "beta"),
		entry("", "/only", "k=1"),
		entry("api.example.org", "/"), entry("*.example.org", "/wild"), entry("*.example.org", "/a"), entry("one.example.org", "/one"),
		entry("", "/cars/{car}/wheels"),
	})
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	tests := []struct {
		host, path string
		sent       []string
		want       string
		end        string
	}{
		// Segments, from left to right.
		{path: "/a", want: "/a$", end: "/a"},
		{path: "/a/", want: "/a$", end: "/a"},
		{path: "/a/x", want: "/a", end: "/a"},
		{path: "/a/b", want: "/a", end: "/a"},
		{path: "/a/b/c", want: "/a/b/c", end: "/a/b/c"},
		{path: "/a/b/c/", want: "/a/b/c", end: "/a/b/c"},
		{path: "/a/b/d", want: "/a/{y}/d$ y:b", end: "/a/b/d"},
		{path: "/a/b/d/e", want: "/a", end: "/a"},
		{path: "/a/c", want: "/a", end: "/a"}, // a literal is better than a parameter, however deep
		{path: "/b/c/d", want: "/{x}/c x:b", end: "/b/c"},
		{path: "/b/d", want: ""},
		{path: "/", want: ""},
		{path: "/A", want: ""},

		// Back out of where nothing is.
		{path: "/users/me", want: "/users/{id} id:me", end: "/users/me"},
		{path: "/users/me/settings/x", want: "/users/me/settings", end: "/users/me/settings"},
		{path: "/users/me/orders/7", want: "/users/{id}/orders/{order} id:me order:7", end: "/users/me/orders/7"},
		{path: "/users/me/orders/", want: "/users/{id} id:me", end: "/users/me"},
		{path: "/users/", want: ""},
		{path: "/users", want: ""},

		// Parameters are handed on as they came.
		{path: "/users/a%2Cb%20c,d:@", want: "/users/{id} id:a%2Cb%20c,d:@", end: "/users/a%2Cb%20c,d:@"},
		{path: "/users/5;v=1", want: "/users/{id} id:5;v=1", end: "/users/5;v=1"},
		{path: "/users/{id}", want: "/users/{id} id:{id}", end: "/users/{id}"},

		// Header conditions.
		{path: "/v", want: "/v", end: "/v"},
		{path: "/v/x", sent: []string{"Api-Version=1"}, want: "/v api-version", end: "/v"},
		{path: "/v", sent: []string{"Api-Version=2"}, want: "/v Api-Version=2", end: "/v"},
		{path: "/v", sent: []string{"Api-Version=2", "Beta=x"}, want: "/v API-VERSION=2 beta", end: "/v"},
		{path: "/v", sent: []string{"Beta=x"}, want: "/v", end: "/v"},
		{path: "/v", sent: []string{"Api-Version=2", "Api-Version=2"}, want: "ambiguous"},
		{path: "/v", sent: []string{"Api-Version=2", "Api-Version=1"}, want: "ambiguous"},
		{path: "/only", want: ""},
		{path: "/only/x", sent: []string{"K=1"}, want: "/only k=1", end: "/only"},

		// Hosts.
		{host: "api.example.org", path: "/anything", want: "api.example.org/", end: ""},
		{host: "API.Example.ORG.:8443", path: "/wild", want: "api.example.org/", end: ""},
		{host: "two.example.org", path: "/wild", want: "*.example.org/wild", end: "/wild"},
		{host: "two.example.org:80", path: "/a/b/c", want: "*.example.org/a", end: "/a"},
		{host: "two.example.org", path: "/users/5", want: "/users/{id} id:5", end: "/users/5"},
		{host: "one.example.org", path: "/wild", want: "*.example.org/wild", end: "/wild"},
		{host: "one.example.org", path: "/one", want: "one.example.org/one", end: "/one"},
		{host: "a.b.example.org", path: "/wild", want: ""},
		{host: "example.org", path: "/wild", want: ""},
		{host: ".example.org", path: "/wild", want: ""},
		{host: "two.example.org.evil", path: "/wild", want: ""},
		{host: "[::1]:80", path: "/a", want: "/a$", end: "/a"},
		{host: strings.Repeat("x.", 200) + "example.org", path: "/a", want: "/a$", end: "/a"},

		// A path parameter must not lead past a pattern, nor into one.
		{path: "/a;x", want: "ambiguous"},
		{path: "/a%3Bx/b", want: "ambiguous"},
		{path: "/a/b;x/c", want: "ambiguous"},
		{path: "/a/b;x/d", want: "/a/{y}/d$ y:b;x", end: "/a/b;x/d"},
		{path: "/a/x;a/b", want: "/a", end: "/a"},
		{path: "/users/me;x/settings", want: "ambiguous"},
		{path: "/users/me;x/orders/7;y", want: "/users/{id}/orders/{order} id:me;x order:7;y", end: "/users/me;x/orders/7;y"},
		{path: "/cars/red;x/wheels;y", want: "ambiguous"},
		{host: "two.example.org", path: "/wild;x", want: "ambiguous"},
		{host: "api.example.org", path: "/wild;x", want: "api.example.org/", end: ""},
	}
	for _, tt := range tests {
		m := table.Find("r", tt.host, tt.path, header(tt.sent...), nil)
		if got := show(m); got != tt.want || m.Outcome == match.Found && tt.path[:m.End] != tt.end {
			t.Errorf("%s %s %v: %q up to %q, want %q up to %q", tt.host, tt.path, tt.sent, got, tt.path[:m.End], tt.want, tt.end)
		}
		if m := table.Find("other", tt.host, tt.path, header(tt.sent...), nil); m.Outcome != match.None {
			t.Errorf("%s %s is found in a realm that has nothing: %q", tt.host, tt.path, show(m))
		}
	}
}

// A path whose escapes decide what it is for is ambiguous; others are found as they stand.
func TestReadings(t *testing.T) {
	table, _ := match.New([]match.Entry[string]{
		entry("", "/"), entry("", "/jobs:cancel"), entry("", "/@me"), entry("", "/%40team"), entry("", "/a%3D"), entry("", "/a="), entry("", "/caf%C3%A9"),
		entry("", "/100%25"), entry("", "/{id}/x+y"), entry("", "/admin"), entry("", "/more"), entry("", "/than"), entry("", "/six"),
	})
	for path, want := range map[string]string{
		"/jobs:cancel": "/jobs:cancel", "/jobs%3Acancel": "ambiguous", "/jobs%253Acancel": "ambiguous", "/jobs%2525253Acancel": "ambiguous", "/jobs%3Acancel/x": "ambiguous",
		"/jobs:other": "/", "/jobs%3Aother": "/", "/%40me": "ambiguous", "/@me": "/@me", "/%40team": "/%40team", "/@team": "ambiguous",
		"/a=": "/a=", "/a%3D": "ambiguous", "/a%253D": "ambiguous", "/caf%C3%A9": "/caf%C3%A9", "/caf%25C3%25A9": "ambiguous", "/caf%C3%A8": "/",
		"/100%25": "/100%25", "/100%2525": "ambiguous", "/100%2541": "/", "/%2561dmin": "ambiguous", "/%25": "/", "/x%2Cy": "/",
		"/5/x+y": "/{id}/x+y id:5", "/5%2C6/x+y": "/{id}/x+y id:5%2C6", "/5/x%2By": "ambiguous", "/5%3B6/x+y": "/{id}/x+y id:5%3B6", "/admin%253Bx": "ambiguous",
		"/" + strings.Repeat("%41", 100): "/",
	} {
		if got := show(table.Find("r", "", path, header(), nil)); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

func TestFaults(t *testing.T) {
	for _, tt := range []struct {
		name    string
		entries []match.Entry[string]
		want    []string // entry and twin
		path    string   // what is found all the same
		found   string
	}{
		{"a path twice", []match.Entry[string]{entry("", "/a"), entry("", "/b"), entry("", "/a")}, []string{"2 0", "0 2"}, "/a", "/a"},
		{"by other names", []match.Entry[string]{entry("", "/a/{x}"), entry("", "/a/{y}")}, []string{"1 0", "0 1"}, "/a/1", "/a/{x} x:1"},
		{"on a host", []match.Entry[string]{entry("x.org", "/a"), entry("X.org", "/a")}, []string{"1 0", "0 1"}, "/a", ""},
		{"conditions", []match.Entry[string]{entry("", "/a", "x=1", "Y"), entry("", "/a", "y", "X=1")}, []string{"1 0", "0 1"}, "/a", ""},
		{"other conditions", []match.Entry[string]{entry("", "/a", "x=1"), entry("", "/a", "x=2"), entry("", "/a$"), entry("", "/a")}, nil, "/a", "/a$"},
		{"a spelling", []match.Entry[string]{entry("", "/"), entry("", "/%61")}, []string{"1 -1"}, "/a", "ambiguous"},
		{"a parameter", []match.Entry[string]{entry("", "/"), entry("", "/x{a}")}, []string{"1 -1"}, "/x{a}", "/x{a}"},
		{"no path", []match.Entry[string]{entry("", "")}, nil, "/", ""},
		{"no slash", []match.Entry[string]{entry("", "a")}, []string{"0 -1"}, "/a", ""},
	} {
		table, faults := match.New(tt.entries)
		var got []string
		for _, f := range faults {
			got = append(got, fmt.Sprint(f.Entry, " ", f.Twin))
			if !strings.HasPrefix(f.Err.Error(), "path: ") {
				t.Errorf("%s: %v", tt.name, f.Err)
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s: %s", tt.name, diff)
		}
		if got := show(table.Find("r", "", tt.path, header(), nil)); got != tt.found {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.found)
		}
	}
}

// Patterns that overlap so much that a search could be made to look everywhere are told of, and such a search ends.
func TestOverlap(t *testing.T) {
	var entries []match.Entry[string]
	const depth = 12
	for bits := range 1 << depth {
		var path strings.Builder
		for i := range depth {
			path.WriteString([]string{"/a", "/{p" + fmt.Sprint(i) + "}"}[bits>>i&1])
		}
		entries = append(entries, entry("", path.String()+"/end"))
	}
	table, faults := match.New(entries)
	if len(faults) == 0 {
		t.Fatal("nobody is told")
	}
	if got := show(table.Find("r", "", strings.Repeat("/a", depth)+"/no", header(), nil)); got != "ambiguous" {
		t.Errorf("a search through all of them: %q", got)
	}
	if got := show(table.Find("r", "", strings.Repeat("/a", depth)+"/end", header(), nil)); got != entries[0].Value {
		t.Errorf("a short search: %q", got)
	}
	if table, faults = match.New(entries[:32]); len(faults) > 0 || show(table.Find("r", "", strings.Repeat("/a", depth)+"/no", header(), nil)) != "" {
		t.Errorf("few of them: %v", faults)
	}
}

// thousands returns n APIs, some with parameters, hosts and conditions.
func thousands(n int) []match.Entry[string] {
	entries := make([]match.Entry[string], n)
	for i := range entries {
		switch i % 5 {
		case 0:
			entries[i] = entry("", fmt.Sprintf("/team%d/orders%d/v1", i%100, i))
		case 1:
			entries[i] = entry("", fmt.Sprintf("/team%d/customers%d/{id}/items/{item}", i%100, i))
		case 2:
			entries[i] = entry(fmt.Sprintf("h%d.example.org", i%50), fmt.Sprintf("/s%d", i))
		case 3:
			entries[i] = entry("", fmt.Sprintf("/s%d", i), "Api-Version=2")
		default:
			entries[i] = entry("", fmt.Sprintf("/s%d", i-1))
		}
	}
	return entries
}

func TestFindAllocatesNothing(t *testing.T) {
	table, faults := match.New(thousands(1000))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	h, buffer := header("Api-Version=2"), make([]policy.Param, 0, 4)
	for _, path := range []string{"/team1/customers1/5/items/7", "/team1/customers1/5;a/items/7;b", "/s3", "/s3;x", "/nothing/at/all", "/"} {
		if n := testing.AllocsPerRun(100, func() { table.Find("r", "H7.example.org:8089", path, h, buffer) }); n != 0 {
			t.Errorf("%s: %v allocations", path, n)
		}
	}
}

func BenchmarkNew(b *testing.B) {
	for _, n := range []int{100, 10_000, 100_000} {
		entries := thousands(n)
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				match.New(entries)
			}
		})
	}
}

func BenchmarkFind(b *testing.B) {
	h, buffer := header("Api-Version=2"), make([]policy.Param, 0, 4)
	for _, n := range []int{10, 10_000, 100_000} {
		table, _ := match.New(thousands(n))
		for name, path := range map[string]string{"literal": "/team0/orders0/v1/7", "parameters": "/team1/customers1/5/items/7", "condition": "/s3/x", "none": "/nothing"} {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					table.Find("r", "any.example.com:8089", path, h, buffer)
				}
			})
		}
	}
}
