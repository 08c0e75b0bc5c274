package rewrite_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"sallyport/api"
	"sallyport/policy"
	"sallyport/policy/policytest"
	"sallyport/policy/rewrite"
)

func TestPaths(t *testing.T) {
	tests := []struct {
		settings, method, path string
		want                   string // "": refused
	}{
		{`{"strip_prefix": "/orders/v1"}`, "GET", "/orders/v1/5", "/5"},
		{`{"strip_prefix": "/orders/v1"}`, "GET", "/orders/v1", "/"},
		{`{"strip_prefix": "/orders/v1"}`, "GET", "/orders/v1/", "/"},
		{`{"strip_prefix": "/orders/v1"}`, "GET", "/orders/v11/5", "/orders/v11/5"},
		{`{"strip_prefix": "/orders/v1"}`, "GET", "/other", "/other"},
		{`{"add_prefix": "/v2"}`, "GET", "/orders", "/v2/orders"},
		{`{"add_prefix": "/v2"}`, "GET", "/", "/v2/"},
		{`{"strip_prefix": "/orders", "add_prefix": "/v2"}`, "GET", "/orders/5", "/v2/5"},
		{`{"rules": [{"match": "^/orders/([0-9]+)$", "to": "/o/$1/show"}]}`, "GET", "/orders/5", "/o/5/show"},
		{`{"rules": [{"match": "^/orders/(?P<id>[^/]+)", "to": "/o/${id}x"}]}`, "GET", "/orders/a%20b/c", "/o/a%20bx/c"},
		{`{"rules": [{"match": "^/orders/([0-9]+)$", "to": "/o/$1"}]}`, "GET", "/orders/x", "/orders/x"},
		{`{"rules": [{"match": "^/a", "to": "/b"}, {"match": "^/b", "to": "/c"}]}`, "GET", "/a", "/b"},
		{`{"rules": [{"match": "^/a", "to": "/b", "methods": ["POST"]}, {"match": "^/a", "to": "/c"}]}`, "GET", "/a", "/c"},
		{`{"rules": [{"match": "^/a", "to": "/b", "methods": ["POST"]}, {"match": "^/a", "to": "/c"}]}`, "POST", "/a", "/b"},
		{`{"strip_prefix": "/orders", "rules": [{"match": "^/5$", "to": "/6"}], "add_prefix": "/v2"}`, "GET", "/orders/5", "/v2/6"},

		// What comes out has to be a path on which everybody agrees.
		{`{"rules": [{"match": "^/a", "to": ""}]}`, "GET", "/a/b", "/b"},
		{`{"rules": [{"match": "^/a", "to": ""}]}`, "GET", "/ab", ""},
		{`{"rules": [{"match": "^/a/", "to": "/"}]}`, "GET", "/a/b", "/b"},
		{`{"rules": [{"match": "/x/", "to": "/../"}]}`, "GET", "/a/x/b", ""},
		{`{"rules": [{"match": "_", "to": "."}]}`, "GET", "/a/__/admin", ""},
		{`{"rules": [{"match": "_", "to": "."}]}`, "GET", "/a/_x/admin", "/a/.x/admin"},
		{`{"rules": [{"match": "-", "to": "%2f"}]}`, "GET", "/a-b", ""},
		{`{"rules": [{"match": "-", "to": "%"}]}`, "GET", "/-2e-2e/b", ""},
		{`{"rules": [{"match": "-", "to": "/"}]}`, "GET", "/a--b", ""},
		{`{"rules": [{"match": "-", "to": "?"}]}`, "GET", "/a-b", ""},
		{`{"rules": [{"match": "-", "to": " "}]}`, "GET", "/a-b", ""},
		{`{"rules": [{"match": "-", "to": "é"}]}`, "GET", "/a-b", "/a%C3%A9b"},
	}
	for _, tt := range tests {
		c := policytest.NewCall(tt.method, tt.path+"?a=1")
		err := policytest.Make(t, rewrite.Kind(), tt.settings).Request(t.Context(), c)
		if tt.want == "" {
			if r := policytest.Refusal(err); r == nil || r.Status != 400 || r.Reason != policy.PathRefused || c.Path != tt.path {
				t.Errorf("%s of %s: %v, %s", tt.settings, tt.path, err, c.Path)
			}
			continue
		}
		if err != nil || c.Path != tt.want || c.Query != "a=1" {
			t.Errorf("%s of %s: %s, %v; want %s", tt.settings, tt.path, c.Path, err, tt.want)
		}
	}
}

func TestQueries(t *testing.T) {
	tests := []struct{ change, query, want string }{
		{`{"remove": ["a"]}`, "", ""},
		{`{"remove": ["a"]}`, "a=1", ""},
		{`{"remove": ["a"]}`, "a=1&b=2", "b=2"},
		{`{"remove": ["a"]}`, "b=2&a=1", "b=2"},
		{`{"remove": ["a"]}`, "b=2&a=1&c=3&a", "b=2&c=3"},
		{`{"remove": ["a"]}`, "A=1&ab=2", "A=1&ab=2"},
		{`{"remove": ["a"]}`, "%61=1&b=2", "b=2"},
		{`{"remove": ["a b"]}`, "a+b=1&a%20b=2&c", "c"},
		{`{"remove": ["a"]}`, "b=2;a=1", "b=2"},
		{`{"remove": ["a"]}`, "b=2;a=1&c=3", "b=2;c=3"},
		{`{"remove": ["a"]}`, "b=%zz&%zz=1&c", "b=%zz&%zz=1&c"},
		{`{"remove": ["a"]}`, "&&b=2&", "&&b=2&"},
		{`{"set": {"a": "x y"}}`, "", "a=x+y"},
		{`{"set": {"a": "new"}}`, "a=1&b=%7e&a=2", "b=%7e&a=new"},
		{`{"set": {"a": "1&b=2"}}`, "c", "c&a=1%26b%3D2"},
		{`{"set": {"b": "2", "a": "1"}, "remove": ["c"]}`, "c=3&d=4", "d=4&a=1&b=2"},
	}
	for _, tt := range tests {
		c := policytest.NewCall("GET", "/a")
		c.Query = tt.query
		if err := policytest.Make(t, rewrite.Kind(), `{"query": `+tt.change+`}`).Request(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if c.Query != tt.want || c.Path != "/a" {
			t.Errorf("%s of %q: %q, want %q", tt.change, tt.query, c.Query, tt.want)
		}
	}
}

func TestSettings(t *testing.T) {
	for settings, want := range map[string]string{
		``:                                                    "nothing is to be changed",
		`{"query": {}}`:                                       "nothing is to be changed",
		`{"rule": []}`:                                        `rule: unknown key; known here: `,
		`{"strip_prefix": "orders"}`:                          "strip_prefix: ",
		`{"strip_prefix": "/orders/"}`:                        "strip_prefix: ",
		`{"strip_prefix": "/a/../b"}`:                         "strip_prefix: ",
		`{"add_prefix": "/a b"}`:                              "add_prefix: ",
		`{"add_prefix": "/"}`:                                 "add_prefix: ",
		`{"rules": [{"match": "(", "to": ""}]}`:               "rules[0].match: ",
		`{"rules": [{"match": "(?=a)"}]}`:                     "rules[0].match: ",
		`{"rules": [{"match": "^/(a)", "to": "/$2"}]}`:        `rules[0].to: "$2" is no part of the pattern`,
		`{"rules": [{"match": "^/(a)", "to": "/$1x"}]}`:       `rules[0].to: "$1x" is no part of the pattern; write ${1}`,
		`{"rules": [{"match": "^/(?P<n>a)", "to": "/${m}"}]}`: `rules[0].to: "${m}" is no part`,
		`{"rules": [{"match": "a", "to": "b", "methods": ["get"]}]}`: `rules[0].methods: "get" is not the name of a method`,
		`{"rules": [{"to": "/"}]}`:                                   "rules[0].match: is empty",
		`{"query": {"remove": [""]}}`:                                "query: an entry has no name",
		`{"query": {"set": {"": "1"}}}`:                              "query: an entry has no name",
	} {
		if _, err := rewrite.Kind().New(policy.Site{}, json.RawMessage(settings)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", settings, err, want)
		}
	}
}

// FuzzRewrite: whatever the call, what is sent on is a path as everybody reads it, and a parameter that is removed is not
// found by any reader of queries.
func FuzzRewrite(f *testing.F) {
	f.Add("/orders/5", "a=1&b=2")
	f.Add("/orders/..x/", "b;a=1&%61")
	f.Add("/a-b_c", "&&;a")
	p := policytest.Make(f, rewrite.Kind(), `{"strip_prefix": "/orders", "rules": [{"match": "([-_.]+)x?", "to": "/$1"}], "query": {"remove": ["a"]}}`)
	f.Fuzz(func(t *testing.T, path, query string) {
		path, err := api.ParsePath(path)
		if err != nil {
			return
		}
		c := policytest.NewCall("GET", "/")
		c.Path, c.Query = path, query
		if p.Request(t.Context(), c) != nil {
			return
		}
		if parsed, err := api.ParsePath(c.Path); err != nil || parsed != c.Path {
			t.Fatalf("%q becomes %q: %v", path, c.Path, err)
		}
		for _, separators := range []string{"&", "&;"} {
			for _, part := range strings.FieldsFunc(c.Query, func(r rune) bool { return strings.ContainsRune(separators, r) }) {
				name, _, _ := strings.Cut(part, "=")
				if decoded, err := url.QueryUnescape(name); name == "a" || err == nil && decoded == "a" {
					t.Fatalf("%q keeps the parameter: %q", query, c.Query)
				}
			}
		}
	})
}
