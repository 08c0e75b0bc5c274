package token_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/token"
)

// splice replaces a part of a genuine token. Fuzzing works on such edits because each worker process has keys of its own:
// a whole token of another process would only ever be a stranger's.
func splice(raw string, from, to uint16, patch string) string {
	i, j := min(int(from), len(raw)), min(int(to), len(raw))
	return raw[:i] + patch + raw[max(i, j):]
}

// whole, as the end of an edit, stands for the whole token.
const whole = 1<<16 - 1

func addEdits(f *testing.F, strangers ...string) {
	f.Add(uint16(0), uint16(0), "")
	f.Add(uint16(whole), uint16(whole), "A")
	f.Add(uint16(whole), uint16(whole), "=")
	f.Add(uint16(10), uint16(10), "\n")
	f.Add(uint16(40), uint16(60), "AAAAAAAAAAAAAAAAAAAA")
	for _, raw := range strangers {
		f.Add(uint16(0), uint16(whole), raw)
	}
}

// fuzzAccess: whatever is presented, nothing panics and nothing but what was issued is authentic.
func fuzzAccess(f *testing.F, kinds ...string) {
	h := newHouse(f)
	access, _ := everyToken(h)
	addEdits(f, "", "..", "sps_", "e30.e30.e30", strings.Repeat("0", 56), `eyJhbGciOiJub25lIn0.e30.`)
	f.Fuzz(func(t *testing.T, from, to uint16, patch string) {
		for _, kind := range kinds {
			raw := splice(access[kind], from, to, patch)
			a, err := h.Verify(t.Context(), h.realm, raw)
			if (err == nil) != (raw == access[kind]) {
				t.Fatalf("%s, %q: %v", kind, raw, err)
			}
			if reason := oauth.ReasonOf(err); err != nil && reason != oauth.TokenMalformed {
				t.Fatalf("%s, %q: %v", kind, raw, err)
			}
			if err == nil && (a.Client != "tspclient" || a.Realm != "default") {
				t.Fatalf("%s, %q: %+v", kind, raw, a)
			}
		}
	})
}

func FuzzJWT(f *testing.F) {
	fuzzAccess(f, "RS256", "PS256", "ES256", "EdDSA", "digirunner", "digirunner2", "ES256, signed in")
}
func FuzzSealed(f *testing.F)    { fuzzAccess(f, "opaque", "opaque, signed in") }
func FuzzReference(f *testing.F) { fuzzAccess(f, "reference") }

// FuzzClaims: behind a good signature, too, nothing panics, and what is accepted names a client.
func FuzzClaims(f *testing.F) {
	h := newHouse(f)
	f.Add(payloadOf(f, h.issue(h.auth(realm.JWT)).AccessToken))
	f.Add(`{"iss":"https://as.example","sub":"\ud83d\ude00","aud":["a","b"],"exp":1}`)
	f.Add(payloadOf(f, h.issue(h.openID(realm.JWT)).AccessToken))
	f.Add(`{"acr":["1"],"sid":1,"uic":"x","auth_time":-1}`)
	f.Add(`{"gid":"a.b","jti":"00000000-0000-7000-8000-000000000000"}`)
	k, err := h.ring.Signer(f.Context(), "default", "EdDSA")
	if err != nil {
		f.Fatal(err)
	}
	head := []byte(`{"typ":"at+jwt","alg":"EdDSA","kid":"` + k.ID + `"}`)
	f.Fuzz(func(t *testing.T, payload string) {
		raw, err := token.SignJWS(head, []byte(payload), k)
		if err != nil {
			t.Fatal(err)
		}
		a, err := h.Verify(t.Context(), h.realm, raw)
		if err == nil && (a.Client == "" || a.ID == "" || !json.Valid([]byte(payload))) {
			t.Fatalf("%s was accepted as %+v", payload, a)
		}
	})
}

func FuzzRefresh(f *testing.F) {
	h := newHouse(f)
	_, refresh := everyToken(h)
	addEdits(f, "", strings.Repeat("A", 60))
	f.Fuzz(func(t *testing.T, from, to uint16, patch string) {
		for kind, genuine := range refresh {
			raw := splice(genuine, from, to, patch)
			_, err := h.Present(t.Context(), h.realm, raw)
			if (err == nil) != (raw == genuine) {
				t.Fatalf("%s, %q: %v", kind, raw, err)
			}
			if reason := oauth.ReasonOf(err); err != nil && reason != oauth.RefreshUnknown {
				t.Fatalf("%s, %q: %v", kind, raw, err)
			}
		}
	})
}

// FuzzMembers compares the JSON reader with the library's: what it accepts is JSON and means the same.
func FuzzMembers(f *testing.F) {
	for _, s := range []string{
		`{}`, `{"a":"b"}`, `{"a":"b","a":"c"}`, `{"a":"\u00e9\ud83d\ude00\n\"\\\/"}`, `{"a":"\ud83d"}`, `{"a":1,"b":["x","y"],"c":-0}`, `{"a":01}`,
		`{"a":"` + "\xff" + `"}`, `{"a":"b",}`, `{"a" :"b"}`, `{"\u0061":"b","a":"c"}`, `{"a":123456789012345678}`, `{"a":"\udc00\ud800"}`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got, ok := token.ReadMembers(s)
		if !ok {
			return
		}
		var want map[string]any
		if err := json.Unmarshal([]byte(s), &want); err != nil {
			t.Fatalf("%q was read, and is not JSON: %v", s, err)
		}
		for name, v := range got {
			if want[name] != v {
				t.Fatalf("%q: %q is %q, want %q", s, name, v, want[name])
			}
		}
	})
}

func TestWrittenStringsAreRead(t *testing.T) {
	for _, s := range []string{"", "plain", `"\/`, "\x00\x1f\x7f\t\r\n", "é😀漢", "\xff\xfe", "a\xc3", "<>&'", "\u2028"} {
		text := token.AppendString(s)
		var back string
		if err := json.Unmarshal([]byte(text), &back); err != nil || back != strings.ToValidUTF8(s, "\ufffd") && utf8.ValidString(s) {
			t.Errorf("%q was written as %s and read as %q, %v", s, text, back, err)
		}
		if !utf8.ValidString(text) {
			t.Errorf("%q was written as invalid UTF-8", s)
		}
		got, ok := token.ReadMembers(`{"a":` + text + `}`)
		if !ok || got["a"] != back {
			t.Errorf("%s was read as %q, %v", text, got["a"], ok)
		}
	}
}

// FuzzIDToken: nothing but the ID token itself is read as one, and behind a good signature nothing panics.
func FuzzIDToken(f *testing.F) {
	h := newHouse(f)
	genuine := h.issue(h.openID(realm.JWT)).IDToken
	payload := payloadOf(f, genuine)
	k, err := h.ring.Signer(f.Context(), "default", "EdDSA")
	if err != nil {
		f.Fatal(err)
	}
	head := []byte(`{"typ":"JWT","alg":"EdDSA","kid":"` + k.ID + `"}`)
	f.Add(payload, uint16(0), uint16(0), "")
	f.Add(`{"iss":"https://as.example","sub":"a","aud":["b"],"iat":1,"exp":1,"auth_time":1}`, uint16(3), uint16(5), "x")
	f.Add(`{"iss":"https://as.example","sub":"a","sub":"b","aud":"b","iat":1e3,"exp":1,"auth_time":1}`, uint16(600), uint16(700), "..")
	f.Fuzz(func(t *testing.T, payload string, from, to uint16, patch string) {
		raw := splice(genuine, from, to, patch)
		if _, err := h.ReadIDToken(t.Context(), h.realm, raw); (err == nil) != (raw == genuine) {
			t.Fatalf("%q: %v", raw, err)
		}
		raw, err := token.SignJWS(head, []byte(payload), k)
		if err != nil {
			t.Fatal(err)
		}
		got, err := h.ReadIDToken(t.Context(), h.realm, raw)
		if err == nil && (got.Client == "" || got.Subject == "" || got.IssuedAt.IsZero() || !json.Valid([]byte(payload))) {
			t.Fatalf("%s was read as %+v", payload, got)
		}
	})
}
