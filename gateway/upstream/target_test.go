package upstream_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sallyport/api"
	"sallyport/gateway/upstream"
	"sallyport/policy"
)

func TestPath(t *testing.T) {
	params := []policy.Param{{Name: "id", Value: "a%20b"}, {Name: "n", Value: "7"}, {Name: "empty"}}
	for _, test := range []struct{ upstream, base, rest, want string }{
		{"http://h", "", "", "/"},
		{"http://h/", "", "", "/"},
		{"http://h", "", "/x", "/x"},
		{"http://h/", "", "/x", "/x"},
		{"http://h/v1", "/v1", "", "/v1"},
		{"http://h/v1/", "/v1", "/x%2Fy", "/v1/x%2Fy"},
		{"http://h/a%20b", "/a%20b", "/x", "/a%20b/x"},
		{"http://h/a%2541", "/a%2541", "", "/a%2541"},
		{"http://h/a%2Fb", "/a%2Fb", "", "/a%2Fb"},
		{"http://h/a b", "/a%20b", "", "/a%20b"},
		{"http://h/é", "/%C3%A9", "", "/%C3%A9"},
		{"http://h/{id}", "/{id}", "", "/a%20b"},
		{"http://h/v1/{n}/of/{id}/", "/v1/{n}/of/{id}", "/x", "/v1/7/of/a%20b/x"},
		{"http://h/a%20b/{n}", "/a%20b/{n}", "", "/a%20b/7"},
		{"http://h/a%2541/{n}", "/a%2541/{n}", "", "/a%2541/7"},
		{"http://h/v{n}.{n}", "/v{n}.{n}", "", "/v7.7"},
		{"http://h/{unknown}/x", "/{unknown}/x", "", "//x"},
		{"http://h/%7Bid%7D", "/%7Bid%7D", "", "/%7Bid%7D"},
		{"http://h/a}b", "/a%7Db", "", "/a%7Db"},
	} {
		t.Run(test.upstream, func(t *testing.T) {
			target := pick(t, group(t, newManager(t, upstream.Config{}), &api.API{Name: "a", Upstream: test.upstream}), "")
			if target.Base != test.base || target.Scheme != "http" || target.Host != "h" || target.String() != test.upstream {
				t.Errorf("target %q %q %q of %s, want base %q", target.Scheme, target.Host, target.Base, target, test.base)
			}
			if got := target.Path(test.rest, params); got != test.want {
				t.Errorf("Path(%q) = %q, want %q", test.rest, got, test.want)
			}
			if n := strings.Count(test.base, "{"); n != len(target.Names()) {
				t.Errorf("parameters %q", target.Names())
			}
		})
	}
}

// What is sent is a path on the wire, whatever was registered, and says the same.
func FuzzTarget(f *testing.F) {
	for _, s := range []string{"", "/", "/v1/{id}/x", "/a%20b", "/a%2541{x}", "/{", "/}{a}", "/é/{b}", "/%", "*", "/a;b", "/../{a}", "/a?b", "/a b{c}%2f"} {
		f.Add(s)
	}
	m := upstream.New(upstream.Config{})
	f.Fuzz(func(t *testing.T, path string) {
		defer m.Sweep(nil)
		text := "http://h" + path
		g, err := m.Group(&api.API{Name: "a", Upstream: text})
		if err != nil {
			return
		}
		target := pick(t, g, "")
		u, err := url.Parse(text)
		if err != nil {
			t.Fatalf("%q became a target and is no URL: %v", text, err)
		}
		var params []policy.Param
		for _, name := range target.Names() {
			params = append(params, policy.Param{Name: name, Value: url.PathEscape("{" + name + "}")})
		}
		got := target.Path("/rest", params)
		if strings.Trim(got, "!$%&'()*+,-./0123456789:;=@ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~[]") != "" {
			t.Fatalf("%q: %q is not a path on the wire", text, got)
		}
		plain, err := url.PathUnescape(got)
		want, written := u.Path, u.RawPath
		if written == "" {
			written = u.Path
		}
		if strings.HasSuffix(written, "/") { // and not with one that is escaped
			want = strings.TrimSuffix(want, "/")
		}
		if want += "/rest"; err != nil || plain != want {
			t.Fatalf("%q: %q says %q, want %q", text, got, plain, want)
		}
	})
}

func TestParseKey(t *testing.T) {
	for _, test := range []struct {
		text string
		want upstream.Key
	}{
		{"", upstream.Key{Part: upstream.PartAddress}},
		{"address", upstream.Key{Part: upstream.PartAddress}},
		{"client", upstream.Key{Part: upstream.PartClient}},
		{"user", upstream.Key{Part: upstream.PartUser}},
		{"path", upstream.Key{Part: upstream.PartPath}},
		{"header:x-tenant", upstream.Key{Part: upstream.PartHeader, Name: "X-Tenant"}},
		{"cookie:sid", upstream.Key{Part: upstream.PartCookie, Name: "sid"}},
		{"cookie:SID", upstream.Key{Part: upstream.PartCookie, Name: "SID"}},
	} {
		if got, err := upstream.ParseKey(test.text); err != nil || got != test.want {
			t.Errorf("ParseKey(%q) = %+v, %v, want %+v", test.text, got, err, test.want)
		}
	}
	for _, text := range []string{
		"Address", "header", "header:", "cookie:", "header:a b", "header:a:b", "cookie:a=b", "cookie:a;b", "query:a", ":a", " client", "header:é",
		"header:" + strings.Repeat("a", 257),
	} {
		if got, err := upstream.ParseKey(text); err == nil || len(err.Error()) > 300 {
			t.Errorf("ParseKey(%.40q) = %+v, %v, want an error that can be read", text, got, err)
		}
	}
}

func TestKeyOfAGroup(t *testing.T) {
	m := newManager(t, upstream.Config{})
	a := balanced(api.BalanceHash, 1, 1)
	a.Balance.Key = "header:x-tenant"
	if got := group(t, m, a).Key(); got.String() != "header:X-Tenant" {
		t.Errorf("key %+v", got)
	}
	b := balanced(api.BalanceRandom, 1, 1)
	b.Balance.Key = "client"
	if got := group(t, m, b).Key(); got != (upstream.Key{}) || got.String() != "" {
		t.Errorf("key %+v, where targets are not chosen by one", got)
	}
}

func FuzzParseKey(f *testing.F) {
	for _, s := range []string{"", "address", "client", "user", "path", "header:x-a", "cookie:a", "header:", "cookie:a:b", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		k, err := upstream.ParseKey(s)
		if err != nil {
			if k != (upstream.Key{}) {
				t.Fatalf("%q: a key and an error", s)
			}
			return
		}
		if again, err := upstream.ParseKey(k.String()); err != nil || again != k {
			t.Fatalf("%q: %+v is read as %+v, %v", s, k, again, err)
		}
		if k.Part == upstream.PartHeader && (k.Name != http.CanonicalHeaderKey(k.Name) || !strings.EqualFold("header:"+k.Name, s)) {
			t.Fatalf("%q: field %q", s, k.Name)
		}
	})
}
