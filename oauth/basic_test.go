package oauth_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"sallyport/oauth"
)

func TestBasicPayload(t *testing.T) {
	for _, tt := range []struct {
		header, want string
		ok           bool
	}{
		{"Basic abc", "abc", true},
		{"basic   abc  ", "abc", true},
		{"BASIC\tabc", "abc", true},
		{"Basic", "", true},
		{"Basicabc", "", false},
		{"Bearer abc", "", false},
		{"", "", false},
		{"Bas", "", false},
	} {
		got, ok := oauth.BasicPayload(tt.header)
		if got != tt.want || ok != tt.ok {
			t.Errorf("%q: got %q, %v; want %q, %v", tt.header, got, ok, tt.want, tt.ok)
		}
	}
}

func TestParseBasic(t *testing.T) {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, tt := range []struct{ name, payload, id, secret, formID, formSecret string }{
		{"plain", b64("a:b"), "a", "b", "a", "b"},
		{"colon in the secret", b64("a:b:c"), "a", "b:c", "a", "b:c"},
		{"no secret", b64("a:"), "a", "", "a", ""},
		{"form-encoded halves", b64("a%3Ab:c%25+d"), "a%3Ab", "c%25+d", "a:b", "c% d"},
		{"a lone percent stays", b64("a:50%"), "a", "50%", "a", "50%"},
		{"Kustvakt's page", "ZFJKbnBGSDZSSFRyNkw3Yk5ocm43RjpfSUdhUXF2VVVyUFR6UktKdnFQWW5B", "dRJnpFH6RHTr6L7bNhrn7F", "_IGaQqvUUrPTzRKJvqPYnA", "dRJnpFH6RHTr6L7bNhrn7F", "_IGaQqvUUrPTzRKJvqPYnA"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			id, secret, err := oauth.ParseBasic(tt.payload)
			if err != nil || id != tt.id || secret != tt.secret {
				t.Errorf("ParseBasic: got %q, %q, %v", id, secret, err)
			}
			id, secret, err = oauth.ParseBasicForm(tt.payload)
			if err != nil || id != tt.formID || secret != tt.formSecret {
				t.Errorf("ParseBasicForm: got %q, %q, %v", id, secret, err)
			}
		})
	}
	for name, payload := range map[string]string{
		"empty": "", "not Base64": "***", "no colon": b64("ab"), "not UTF-8": b64("a:\xff"), "NUL": b64("a:\x00"), "cut": "YTp",
	} {
		if _, _, err := oauth.ParseBasic(payload); oauth.ReasonOf(err) != oauth.ClientAuthMalformed {
			t.Errorf("%s: got %v, want ClientAuthMalformed", name, err)
		}
	}
}

func FuzzBasic(f *testing.F) {
	for _, s := range []string{"Basic YTpi", "Basic dHNwY2xpZW50OmRITndNVEl6WVdKalpBPT0=", "Basic", "bearer x", "Basic YTpi====", "Basic YSUzQTpi"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, header string) {
		payload, ok := oauth.BasicPayload(header)
		if !ok {
			return
		}
		id, secret, err := oauth.ParseBasic(payload)
		if err != nil {
			if oauth.ReasonOf(err) != oauth.ClientAuthMalformed {
				t.Fatalf("reason %s", oauth.ReasonOf(err))
			}
			return
		}
		again := base64.StdEncoding.EncodeToString([]byte(id + ":" + secret))
		if id2, secret2, err := oauth.ParseBasic(again); err != nil || id2 != id || secret2 != secret {
			t.Fatalf("%q, %q do not survive a round trip", id, secret)
		}
		formID, formSecret, err := oauth.ParseBasicForm(payload)
		if err != nil || strings.ContainsRune(formID+formSecret, 0) {
			t.Fatalf("form decoding: %v", err)
		}
	})
}
