package signature_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	"sallyport/policy/signature"
	"sallyport/usage"
)

func counter() usage.Counter { return usage.Counter{Realm: "default", Subject: "key/" + id} }

// What minify writes says what the body said, has no white space between tokens, and stays as it is when minified again.
func FuzzMinify(f *testing.F) {
	for _, seed := range []string{
		"", " ", "{}", `{ "a" : [ 1 , 2.50 , "x\u0041\"\\\/\b" ] }`, `"\ud83d\ude00"`, `"\ud800"`, `"\ud800\u0041"`, `"\\ud800"`, `"\\\ud800"`, `[`, "\xff", `"\u2028"`, `"\udc00"`, `"a\\"`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		text, _, err := signature.Minify(body)
		if blank := len(bytes.Trim(body, " \t\r\n")) == 0; blank {
			if err != nil || len(text) != 0 {
				t.Fatalf("a blank body: %q, %v", text, err)
			}
			return
		}
		if (err == nil) != (json.Valid(body) && utf8.Valid(body)) {
			t.Fatalf("%q: %v", body, err)
		}
		if err != nil {
			return
		}
		if !same(t, body, text) {
			t.Fatalf("%q became %q", body, text)
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, text); err != nil || !bytes.Equal(compact.Bytes(), text) {
			t.Fatalf("%q is not minified: %v", text, err)
		}
		if again, _, err := signature.Minify(text); err != nil || !bytes.Equal(again, text) {
			t.Fatalf("%q, and again %q: %v", text, again, err)
		}
	})
}

// same compares the tokens of two JSON texts.
func same(t *testing.T, a, b []byte) bool {
	t.Helper()
	da, db := json.NewDecoder(bytes.NewReader(a)), json.NewDecoder(bytes.NewReader(b))
	da.UseNumber()
	db.UseNumber()
	for {
		ta, errA := da.Token()
		tb, errB := db.Token()
		if errA != nil || errB != nil {
			return errA != nil && errB != nil && errA.Error() == errB.Error()
		}
		if ta != tb {
			return false
		}
	}
}
