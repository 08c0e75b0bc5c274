package oauth_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"sallyport/oauth"
)

func TestAppendString(t *testing.T) {
	for _, tc := range []struct{ in, want string }{
		{"", `""`},
		{"read write", `"read write"`},
		{`a"b\c/d`, `"a\"b\\c/d"`},
		{"tab\tnul\x00esc\x1bend", `"tab\u0009nul\u0000esc\u001bend"`},
		{"Zürich – 東京 \U0001F511", `"Zürich – 東京 ` + "\U0001F511" + `"`},
		{"bad \xff\xc3 bytes", "\"bad \uFFFD\uFFFD bytes\""},
		{"a real \uFFFD", "\"a real \uFFFD\""},
	} {
		if got := string(oauth.AppendString([]byte("x"), tc.in)); got != "x"+tc.want {
			t.Errorf("%q: got %s, want x%s", tc.in, got, tc.want)
		}
	}
}

func TestAppendLists(t *testing.T) {
	for _, tc := range []struct {
		names        []string
		spaced, list string
	}{
		{nil, `""`, `[]`},
		{[]string{"read"}, `"read"`, `["read"]`},
		{[]string{"read", `wr"ite`}, `"read wr\"ite"`, `["read","wr\"ite"]`},
	} {
		if got := string(oauth.AppendSpaced(nil, tc.names)); got != tc.spaced {
			t.Errorf("%q: got %s, want %s", tc.names, got, tc.spaced)
		}
		if got := string(oauth.AppendList(nil, tc.names)); got != tc.list {
			t.Errorf("%q: got %s, want %s", tc.names, got, tc.list)
		}
	}
}

// FuzzAppendString: whatever goes in, encoding/json reads the same out, but for bytes that are not UTF-8.
func FuzzAppendString(f *testing.F) {
	f.Add("plain")
	f.Add("q\"\\\x00\x7f\u2028\xff")
	f.Fuzz(func(t *testing.T, s string) {
		var got string
		if err := json.Unmarshal(oauth.AppendString(nil, s), &got); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		want := s
		if !utf8.ValidString(s) {
			want = strings.Map(func(r rune) rune { return r }, s) // each broken byte becomes U+FFFD
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%q (-want +got):\n%s", s, diff)
		}
	})
}
