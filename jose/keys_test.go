package jose_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"sallyport/jose"
)

func one(t testing.TB, k gojose.JSONWebKey) string {
	t.Helper()
	text, err := k.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestCheckSet(t *testing.T) {
	s := newSigner(t, "a")
	good := one(t, public(s.rsa.Public(), "r"))
	ec := one(t, public(s.ec["ES256"].Public(), "e"))
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal("this Go makes no weak keys")
	}
	modulus := func(bits int) string {
		return `{"kty":"RSA","e":"AQAB","n":"` + b64("\x80"+strings.Repeat("\x01", bits/8-1)) + `"}`
	}
	with := func(key, member string) string { return strings.Replace(key, "{", "{"+member+",", 1) }
	keys := func(each ...string) string { return `{"keys":[` + strings.Join(each, ",") + `]}` }
	for name, tt := range map[string]struct {
		text string
		want string // of the error; "": good
	}{
		"of every type":                      {s.set(t), ""},
		"for signatures":                     {keys(with(good, `"use":"sig"`)), ""},
		"for verifying":                      {keys(with(good, `"key_ops":["verify"]`)), ""},
		"with one for encryption":            {keys(with(good, `"use":"enc"`), ec), ""},
		"with a type that is not known":      {keys(`{"kty":"AKP","alg":"ML-DSA-44","pub":"AA"}`, ec), ""},
		"with a curve that is not known":     {keys(`{"kty":"EC","crv":"secp256k1","x":"AA","y":"AA"}`, `{"kty":"OKP","crv":"X25519","x":"AA"}`, ec), ""},
		"other members":                      {`{"x":1,"keys":[` + good + `]}`, ""},
		"the longest that is taken":          {keys(modulus(4096)), ""},
		"nothing":                            {``, "no JSON object"},
		"a text":                             {`"x"`, "no JSON object"},
		"a key by itself":                    {good, "no list of keys"},
		"another spelling":                   {`{"Keys":[` + good + `]}`, "no list of keys"},
		"null":                               {`{"keys":null}`, "no list of keys"},
		"an object of keys":                  {`{"keys":{}}`, "no list of keys"},
		"twice":                              {`{"keys":[` + good + `],"keys":[]}`, "without repetition"},
		"empty":                              {keys(), "none of 0 keys"},
		"for encryption alone":               {keys(with(good, `"use":"enc"`)), "none of 1 keys"},
		"for signing":                        {keys(with(good, `"key_ops":["sign"]`)), "none of 1 keys"},
		"many":                               {keys(strings.Split(strings.TrimSuffix(strings.Repeat(ec+"|", 101), "|"), "|")...), "101 keys are too many"},
		"long":                               {keys(with(good, `"x":"`+strings.Repeat("x", jose.MaxSize)+`"`)), "too many; give at most 65536"},
		"a number":                           {keys(ec, "17"), "key 2: it is no JWK"},
		"no type":                            {keys(`{"kid":"a"}`), "key 1: it has no kty"},
		"private RSA":                        {keys(one(t, gojose.JSONWebKey{Key: s.rsa})), "private or secret"},
		"private EC":                         {keys(ec, one(t, gojose.JSONWebKey{Key: s.ec["ES384"]})), "key 2: it is a private or secret"},
		"private Ed25519":                    {keys(one(t, gojose.JSONWebKey{Key: s.ed})), "private or secret"},
		"private, for encryption":            {keys(ec, with(one(t, gojose.JSONWebKey{Key: s.rsa}), `"use":"enc"`)), "private or secret"},
		"private, of a type not known":       {keys(ec, `{"kty":"AKP","d":"AA"}`), "private or secret"},
		"a prime alone":                      {keys(with(good, `"p":"AQAB"`)), "private or secret"},
		"secret":                             {keys(ec, `{"kty":"oct","k":"c2VjcmV0"}`), "private or secret"},
		"weak":                               {keys(one(t, public(weak.Public(), "w"))), "it has 1024 bits"},
		"so long that it takes for ever":     {keys(modulus(16384)), "it has 16384 bits"},
		"RSA without a modulus":              {keys(`{"kty":"RSA","e":"AQAB"}`), "key 1: it cannot be read"},
		"RSA with a modulus that is no text": {keys(`{"kty":"RSA","e":"AQAB","n":5}`), "key 1: it cannot be read"},
		"a point that is not on the curve":   {keys(`{"kty":"EC","crv":"P-256","x":"` + b64(strings.Repeat("a", 32)) + `","y":"` + b64(strings.Repeat("b", 32)) + `"}`), "key 1: it cannot be read"},
		"an Ed25519 key that is too short":   {keys(`{"kty":"OKP","crv":"Ed25519","x":"AAAA"}`), "key 1: it"},
	} {
		err := jose.CheckSet([]byte(tt.text))
		if (err == nil) != (tt.want == "") || err != nil && !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What cannot verify signatures does not count where keys are published either, and does not spoil the rest.
func TestKeysThatDoNotCount(t *testing.T) {
	s := newSigner(t, "a")
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal("this Go makes no weak keys")
	}
	ec := one(t, public(s.ec["ES256"].Public(), "e"))
	strange := `{"kty":"future","kid":"f"},17,{"kty":"RSA","n":"!!","e":"AQAB"},null`
	good := one(t, public(s.rsa.Public(), "r"))
	for name, tt := range map[string]struct {
		key  string // beside one on P-256
		raw  string
		good bool
	}{
		"good":                   {good, sign(t, "RS256", s.rsa, nil, payload), true},
		"among what is not read": {strange + "," + good, sign(t, "RS256", s.rsa, nil, payload), true},
		"private":                {one(t, gojose.JSONWebKey{Key: s.rsa}), sign(t, "RS256", s.rsa, nil, payload), false},
		"weak":                   {one(t, public(weak.Public(), "w")), sign(t, "RS256", weak, nil, payload), false},
		"for encryption":         {strings.Replace(good, "{", `{"use":"enc",`, 1), sign(t, "RS256", s.rsa, nil, payload), false},
		"for another algorithm":  {strings.Replace(good, "{", `{"alg":"PS256",`, 1), sign(t, "RS256", s.rsa, nil, payload), false},
	} {
		h := newHolder(t, s)
		text := `{"keys":[` + tt.key + "," + ec + `]}`
		h.set(uri, text)
		for _, h.source = range []jose.Source{{URI: uri}, {Inline: []byte(text)}} {
			if err := h.verify(t, tt.raw); tt.good != (err == nil) || err != nil && !errors.Is(err, jose.ErrSignature) {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func FuzzCheckSet(f *testing.F) {
	s := newSigner(f, "a")
	f.Add([]byte(s.set(f)))
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AA"}]}`))
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"","y":""}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if jose.CheckSet(text) != nil {
			return
		}
		// What may be registered has keys that are used, and no private ones.
		var set struct{ Keys []map[string]any }
		if err := json.Unmarshal(text, &set); err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		for _, k := range set.Keys {
			if k["d"] != nil || k["k"] != nil {
				t.Fatalf("%q holds a secret", text)
			}
		}
		raw := sign(t, "RS256", s.rsa, nil, payload)
		if _, err := newWeb().sets().Verify(t.Context(), jose.Source{Inline: text}, jose.Asymmetric(), raw); errors.Is(err, jose.ErrKeys) {
			t.Fatalf("%q: %v", text, err)
		}
	})
}
