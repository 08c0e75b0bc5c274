package api_test

import (
	"errors"
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"sallyport/api"
)

func TestParsePath(t *testing.T) {
	tests := []struct {
		raw  string
		want string
		err  error
	}{
		{raw: "/", want: "/"},
		{raw: "/orders/5/", want: "/orders/5/"},
		{raw: "/a!b$c&d'e(f)g*h+i,j=k:l@m~n-o_p.q", want: "/a!b$c&d'e(f)g*h+i,j=k:l@m~n-o_p.q"},
		{raw: "/...", want: "/..."},
		{raw: "/.hidden/a..b/..c", want: "/.hidden/a..b/..c"},
		{raw: "/cars;colour=red", want: "/cars;colour=red"},

		// Unreserved characters are decoded, other escapes keep their meaning with upper-case digits.
		{raw: "/%6frders", want: "/orders"},
		{raw: "/%7Euser", want: "/~user"},
		{raw: "/a%20b%3f%3d%c3%a4", want: "/a%20b%3F%3D%C3%A4"},
		{raw: "/100%25", want: "/100%25"},
		{raw: "/50%25off", want: "/50%25off"},
		{raw: "/a[1]|\"<>^`{}", want: "/a%5B1%5D%7C%22%3C%3E%5E%60%7B%7D"},
		{raw: "/münze", want: "/m%C3%BCnze"},

		{raw: "", err: api.ErrPathForm},
		{raw: "*", err: api.ErrPathForm},
		{raw: "orders", err: api.ErrPathForm},
		{raw: "http://example.org/", err: api.ErrPathForm},
		{raw: "/a\\b", err: api.ErrPathByte},
		{raw: "/a\x00", err: api.ErrPathByte},
		{raw: "/a\tb", err: api.ErrPathByte},
		{raw: "/a b", err: api.ErrPathByte},
		{raw: "/a\x7f", err: api.ErrPathByte},
		{raw: "/a#/admin", err: api.ErrPathByte},
		{raw: "/a?x", err: api.ErrPathByte},

		{raw: "/%", err: api.ErrPathEscape},
		{raw: "/%4", err: api.ErrPathEscape},
		{raw: "/%zz", err: api.ErrPathEscape},
		{raw: "/%u002e", err: api.ErrPathEscape},
		{raw: "/%ff", err: api.ErrPathEscape},
		{raw: "/%c0%af", err: api.ErrPathEscape},
		{raw: "/%e0%80%af", err: api.ErrPathEscape},
		{raw: "/%c3", err: api.ErrPathEscape},
		{raw: "/%c3a", err: api.ErrPathEscape},
		{raw: "/\xff", err: api.ErrPathEscape},

		{raw: "/a%2fb", err: api.ErrPathSeparator},
		{raw: "/a%2Fb", err: api.ErrPathSeparator},
		{raw: "/a%5cb", err: api.ErrPathSeparator},
		{raw: "/a%00", err: api.ErrPathSeparator},
		{raw: "/a%0d%0ab", err: api.ErrPathSeparator},
		{raw: "/a%7f", err: api.ErrPathSeparator},
		{raw: "/%252e%252e/admin", err: api.ErrPathSeparator},
		{raw: "/a%252fadmin", err: api.ErrPathSeparator},
		{raw: "/a%25252Fadmin", err: api.ErrPathSeparator},
		{raw: "/a%2500", err: api.ErrPathSeparator},

		{raw: "/.", err: api.ErrPathDots},
		{raw: "/..", err: api.ErrPathDots},
		{raw: "/a/./b", err: api.ErrPathDots},
		{raw: "/a/../b", err: api.ErrPathDots},
		{raw: "/a/%2e%2e/b", err: api.ErrPathDots},
		{raw: "/a/%2E./b", err: api.ErrPathDots},
		{raw: "/a/.%2e", err: api.ErrPathDots},
		{raw: "/a/..;/b", err: api.ErrPathDots},
		{raw: "/a/..;x=1/b", err: api.ErrPathDots},
		{raw: "/a/..%3b/b", err: api.ErrPathDots},
		{raw: "/a/..%3bx;y/b", err: api.ErrPathDots},
		{raw: "/a/..;x%3by/b", err: api.ErrPathDots},
		{raw: "/a/.;/b", err: api.ErrPathDots},

		{raw: "//", err: api.ErrPathEmpty},
		{raw: "//evil.example/a", err: api.ErrPathEmpty},
		{raw: "/a//b", err: api.ErrPathEmpty},
		{raw: "/a//", err: api.ErrPathEmpty},
		{raw: "/;x/a", err: api.ErrPathEmpty},
		{raw: "/a/%3bx", err: api.ErrPathEmpty},
	}
	for _, tt := range tests {
		got, err := api.ParsePath(tt.raw)
		if !errors.Is(err, tt.err) || err == nil && got != tt.want {
			t.Errorf("ParsePath(%q) = %q, %v; want %q, %v", tt.raw, got, err, tt.want, tt.err)
		}
	}
}

func TestParsePathCopiesNothingThatIsPlain(t *testing.T) {
	path := "/orders/2026/items/5"
	if n := testing.AllocsPerRun(100, func() { _, _ = api.ParsePath(path) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzPath checks what a decision rests on: the parsed path means the same to everybody who reads it.
func FuzzPath(f *testing.F) {
	for _, seed := range []string{"/", "/a/b", "/%6f%2e", "/a;b/..;/c", "/%25%32%65", "/ä[1]", "//", "/%c0%af", "/..%3B", "/a%3B"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		path, err := api.ParsePath(raw)
		if err != nil {
			return
		}
		if again, err := api.ParsePath(path); err != nil || again != path {
			t.Fatalf("%q parses to %q, and that to %q, %v", raw, path, again, err)
		}
		u, err := url.ParseRequestURI(path)
		if err != nil {
			t.Fatalf("%q is not a request target: %v", path, err)
		}
		// What is decided on is what net/http writes on the wire.
		if u.EscapedPath() != path || u.RawQuery != "" || u.Host != "" {
			t.Fatalf("%q is sent as %q to %q", path, u.EscapedPath(), u.Host)
		}
		if was, err := url.PathUnescape(raw); err != nil || was != u.Path {
			t.Fatalf("%q means %q (%v), %q means %q", raw, was, err, path, u.Path)
		}
		if strings.Count(u.Path, "/") != strings.Count(raw, "/") {
			t.Fatalf("%q has other segments than %q", path, raw)
		}
		// However often an upstream decodes, it finds no way up and no further segment.
		for meaning := u.Path; ; {
			if strings.ContainsAny(meaning, "\\\x00\r\n") || strings.Contains(meaning, "//") || !utf8.ValidString(u.Path) {
				t.Fatalf("%q hides something: %q", path, meaning)
			}
			for segment := range strings.SplitSeq(meaning, "/") {
				if name, _, _ := strings.Cut(segment, ";"); name == "." || name == ".." {
					t.Fatalf("%q hides a dot segment: %q", path, meaning)
				}
			}
			next, err := url.PathUnescape(meaning)
			if err != nil || next == meaning {
				break
			}
			meaning = next
		}
	})
}
