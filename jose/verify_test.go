package jose_test

import (
	"crypto/x509"
	"encoding/pem"
	"errors"
	"strings"
	"testing"

	gojose "github.com/go-jose/go-jose/v4"

	"sallyport/jose"
)

const payload = `{"iss":"someone"}`

func TestEveryAlgorithm(t *testing.T) {
	w, s := newWeb(), newSigner(t, "a")
	w.set("https://a.example/jwks", s.set(t))
	sets := w.sets()
	from := map[string]jose.Source{
		"inline": {Inline: []byte(s.set(t))}, "uri": {URI: "https://a.example/jwks"}, "secret": {Secret: s.mac},
	}
	all := append(jose.Asymmetric(), jose.Symmetric()...)
	for _, alg := range all {
		raw := sign(t, alg, s.key(alg), object{"typ": "JWT"}, payload)
		for name, source := range from {
			token, err := sets.Verify(t.Context(), source, all, raw)
			if good := strings.HasPrefix(alg, "HS") == (name == "secret"); good != (err == nil) {
				t.Errorf("%s %s: %v", alg, name, err)
			}
			if err == nil && (token.Alg != alg || token.Type != "JWT" || string(token.Payload) != payload || token.Unsigned) {
				t.Errorf("%s %s: %+v", alg, name, token)
			}
			if _, err := sets.Verify(t.Context(), source, nil, raw); !errors.Is(err, jose.ErrMalformed) {
				t.Errorf("%s %s: without an algorithm that was agreed on: %v", alg, name, err)
			}
		}
	}
	if n := w.count("https://a.example/jwks"); n != 1 {
		t.Errorf("fetched %d times", n)
	}
}

// CVE class 17: a key or an algorithm taken for another, and keys that a signed text brings or names itself.
func TestCVEClass17KeyAndAlgorithmConfusion(t *testing.T) {
	w, s, other := newWeb(), newSigner(t, "a"), newSigner(t, "a")
	const uri = "https://a.example/jwks"
	w.set(uri, s.set(t))
	w.set("https://other.example/jwks", other.set(t))
	sets := w.sets()
	pkix, err := x509.MarshalPKIXPublicKey(s.rsa.Public())
	if err != nil {
		t.Fatal(err)
	}
	pemKey := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix})
	all := append(append(jose.Asymmetric(), jose.Symmetric()...), "none")
	asymmetric := jose.Asymmetric()
	kid := object{"kid": "a-rsa"}
	good := sign(t, "RS256", s.rsa, kid, payload)
	parts := strings.Split(good, ".")
	for name, tt := range map[string]struct {
		raw  string
		algs []string
		want error
	}{
		"as it should be":                      {good, asymmetric, nil},
		"HMAC by the public key, agreed to":    {sign(t, "HS256", pemKey, kid, payload), all, jose.ErrMalformed},
		"HMAC by the public key's DER":         {sign(t, "HS256", pkix, kid, payload), asymmetric, jose.ErrMalformed},
		"HMAC by the modulus":                  {sign(t, "HS256", s.rsa.N.Bytes(), kid, payload), all, jose.ErrMalformed},
		"none, not agreed to":                  {b64(`{"alg":"none"}`) + "." + parts[1] + ".", asymmetric, jose.ErrMalformed},
		"none in capitals":                     {b64(`{"alg":"NONE"}`) + "." + parts[1] + ".", all, jose.ErrMalformed},
		"none with a signature":                {b64(`{"alg":"none"}`) + "." + parts[1] + "." + parts[2], all, jose.ErrMalformed},
		"no signature":                         {parts[0] + "." + parts[1] + ".", all, jose.ErrMalformed},
		"no algorithm":                         {b64(`{"kid":"a-rsa"}`) + "." + parts[1] + "." + parts[2], all, jose.ErrMalformed},
		"two algorithms":                       {b64(`{"alg":"RS256","alg":"none"}`) + "." + parts[1] + "." + parts[2], all, jose.ErrMalformed},
		"RS256 said, PS256 made":               {parts[0] + "." + parts[1] + "." + strings.Split(sign(t, "PS256", s.rsa, kid, payload), ".")[2], asymmetric, jose.ErrSignature},
		"PS256 where RS256 was agreed on":      {sign(t, "PS256", s.rsa, kid, payload), []string{"RS256"}, jose.ErrMalformed},
		"the name of a key of another type":    {sign(t, "RS256", s.rsa, object{"kid": "a-ES256"}, payload), asymmetric, jose.ErrSignature},
		"ES256 by a key on another curve":      {strings.Join([]string{b64(`{"alg":"ES256","kid":"a-ES384"}`), parts[1], parts[2]}, "."), asymmetric, jose.ErrSignature},
		"another's key of the same name":       {sign(t, "RS256", other.rsa, kid, payload), asymmetric, jose.ErrSignature},
		"another's key without a name":         {sign(t, "ES256", other.ec["ES256"], nil, payload), asymmetric, jose.ErrSignature},
		"a key that it brings":                 {sign(t, "RS256", other.rsa, object{"jwk": public(other.rsa.Public(), "a-rsa"), "kid": "a-rsa"}, payload), asymmetric, jose.ErrSignature},
		"keys that it names":                   {sign(t, "RS256", other.rsa, object{"jku": "https://other.example/jwks", "kid": "new"}, payload), asymmetric, jose.ErrSignature},
		"a certificate that it names":          {sign(t, "RS256", other.rsa, object{"x5u": "https://other.example/jwks"}, payload), asymmetric, jose.ErrSignature},
		"a path as the name":                   {sign(t, "RS256", other.rsa, object{"kid": "../../../../dev/null"}, payload), asymmetric, jose.ErrSignature},
		"a URL as the name":                    {sign(t, "RS256", other.rsa, object{"kid": "https://other.example/jwks"}, payload), asymmetric, jose.ErrSignature},
		"another payload":                      {parts[0] + "." + b64(`{"iss":"root"}`) + "." + parts[2], asymmetric, jose.ErrSignature},
		"another header":                       {b64(`{"alg":"RS256","kid":"a-rsa","x":1}`) + "." + parts[1] + "." + parts[2], asymmetric, jose.ErrSignature},
		"a payload that is not encoded":        {sign(t, "RS256", s.rsa, object{"b64": false, "crit": []string{"b64"}}, payload), asymmetric, jose.ErrMalformed},
		"b64 that is not said to be critical":  {sign(t, "RS256", s.rsa, object{"b64": false}, payload), asymmetric, jose.ErrMalformed},
		"an extension that must be understood": {sign(t, "RS256", s.rsa, object{"crit": []string{"exp"}, "exp": 1}, payload), asymmetric, jose.ErrMalformed},
		"a list of extensions that is empty":   {b64(`{"alg":"RS256","crit":[]}`) + "." + parts[1] + "." + parts[2], asymmetric, jose.ErrMalformed},
		"a signature in another spelling":      {otherSpelling(good), asymmetric, jose.ErrMalformed},
		"a signature with padding":             {good + "==", asymmetric, jose.ErrMalformed},
		"a line break in the signature":        {parts[0] + "." + parts[1] + "." + parts[2][:10] + "\n" + parts[2][10:], asymmetric, jose.ErrMalformed},
		"a line break in the payload":          {parts[0] + "." + parts[1][:4] + "\r\n" + parts[1][4:] + "." + parts[2], asymmetric, jose.ErrMalformed},
		"a space before it":                    {" " + good, asymmetric, jose.ErrMalformed},
		"a name that is no text":               {b64(`{"alg":"RS256","kid":["a-rsa"]}`) + "." + parts[1] + "." + parts[2], asymmetric, jose.ErrMalformed},
		"the JSON form of a JWS":               {`{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`, asymmetric, jose.ErrMalformed},
	} {
		for at, source := range map[string]jose.Source{"inline": {Inline: []byte(s.set(t))}, "uri": {URI: uri}} {
			token, err := sets.Verify(t.Context(), source, tt.algs, tt.raw)
			if !errors.Is(err, tt.want) || (err == nil) != (token != nil) {
				t.Errorf("%s, %s: %v, want %v", name, at, err, tt.want)
			}
		}
	}
	if w.count("https://other.example/jwks") != 0 {
		t.Error("keys were fetched from where the text said")
	}
	if n := w.count(uri); n > 2 {
		t.Errorf("the keys were fetched %d times", n)
	}
	// The keys of one issuer are not those of another, even if both call them the same.
	if _, err := sets.Verify(t.Context(), jose.Source{URI: "https://other.example/jwks"}, asymmetric, good); !errors.Is(err, jose.ErrSignature) {
		t.Errorf("by the keys of another: %v", err)
	}
}

// otherSpelling changes the bits of the last character that stand for nothing.
func otherSpelling(raw string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, raw[len(raw)-1])
	return raw[:len(raw)-1] + string(alphabet[last^1])
}

func TestUnsigned(t *testing.T) {
	sets, s := newWeb().sets(), newSigner(t, "a")
	raw := b64(`{"alg":"none"}`) + "." + b64(payload) + "."
	token, err := sets.Verify(t.Context(), jose.Source{}, []string{"RS256", jose.None}, raw)
	if err != nil || !token.Unsigned || string(token.Payload) != payload {
		t.Errorf("%+v, %v", token, err)
	}
	for _, source := range []jose.Source{{}, {Secret: s.mac}, {Inline: []byte(s.set(t))}} {
		if _, err := sets.Verify(t.Context(), source, jose.Asymmetric(), raw); !errors.Is(err, jose.ErrMalformed) {
			t.Errorf("where it was not agreed to: %v", err)
		}
	}
}

func TestSecrets(t *testing.T) {
	sets := newWeb().sets()
	long := []byte(strings.Repeat("s", 64))
	for name, tt := range map[string]struct {
		alg       string
		made, had []byte
		want      error
	}{
		"right":           {"HS512", long, long, nil},
		"wrong":           {"HS256", long, []byte(strings.Repeat("t", 64)), jose.ErrSignature},
		"empty":           {"HS256", long, []byte{}, jose.ErrSignature},
		"none":            {"HS256", long, nil, jose.ErrMalformed},
		"long enough":     {"HS256", long[:32], long[:32], nil},
		"short, RFC 7518": {"HS256", long[:31], long[:31], jose.ErrSignature},
	} {
		var raw string
		if len(tt.made) >= 32 {
			raw = sign(t, tt.alg, tt.made, nil, payload)
		} else { // what other libraries let pass
			raw = hmacToken(tt.made, payload)
		}
		if _, err := sets.Verify(t.Context(), jose.Source{Secret: tt.had}, jose.Symmetric(), raw); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// CVE class 18: text that is made to cost much.
func TestCVEClass18WhatCostsMuchIsRefused(t *testing.T) {
	s := newSigner(t, "a")
	sets := newWeb().sets()
	good := strings.Split(sign(t, "RS256", s.rsa, nil, payload), ".")
	enc, err := gojose.NewEncrypter(gojose.A128GCM, gojose.Recipient{Algorithm: gojose.PBES2_HS256_A128KW, Key: "password", PBES2Count: 1_000_000}, &gojose.EncrypterOptions{Compression: gojose.DEFLATE})
	if err != nil {
		t.Fatal(err)
	}
	jwe, err := enc.Encrypt([]byte(strings.Repeat("x", 1<<20)))
	if err != nil {
		t.Fatal(err)
	}
	bomb, err := jwe.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	join := func(parts ...string) string { return strings.Join(parts, ".") }
	for name, raw := range map[string]string{
		"nothing":                  "",
		"one dot":                  ".",
		"two dots":                 "..",
		"very many dots":           strings.Repeat(".", 60_000),
		"more dots than are read":  strings.Repeat(".", 1<<20),
		"encrypted and compressed": bomb,
		"long":                     join(good[0], strings.Repeat("A", jose.MaxSize), good[2]),
		"a long header":            join(b64(`{"alg":"RS256","x":"`+strings.Repeat("x", 10_000)+`"}`), good[1], good[2]),
		"a deep header":            join(b64(`{"alg":"RS256","x":`+strings.Repeat("[", 2000)+strings.Repeat("]", 2000)+`}`), good[1], good[2]),
		"a long name":              join(b64(`{"alg":"RS256","kid":"`+strings.Repeat("x", 2000)+`"}`), good[1], good[2]),
		"a header that is a list":  join(b64(`["RS256"]`), good[1], good[2]),
		"a header that is null":    join(b64(`null`), good[1], good[2]),
		"a header of a JWE":        join(b64(`{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483647,"p2s":"x"}`), good[1], good[2]),
		"compressed":               join(b64(`{"alg":"RS256","zip":"DEF"}`), good[1], good[2]),
		"not base64url":            join(good[0], "+/+/", good[2]),
	} {
		if _, err := jose.Peek(raw); !errors.Is(err, jose.ErrMalformed) {
			t.Errorf("%s: peek: %v", name, err)
		}
		if _, err := sets.Verify(t.Context(), jose.Source{Inline: []byte(s.set(t))}, jose.Asymmetric(), raw); !errors.Is(err, jose.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzPeek(f *testing.F) {
	for _, raw := range []string{"..", b64(`{"alg":"none"}`) + "." + b64(payload) + ".", b64(`{"alg":"RS256","kid":"a"}`) + "." + b64(payload) + ".AAAA", "a.b.c.d.e"} {
		f.Add(raw)
	}
	s := newWeb().sets()
	f.Fuzz(func(t *testing.T, raw string) {
		token, err := jose.Peek(raw)
		if (err == nil) == (token == nil) || err != nil && !errors.Is(err, jose.ErrMalformed) {
			t.Fatalf("%q: %+v, %v", raw, token, err)
		}
		all := append(append(jose.Asymmetric(), jose.Symmetric()...), jose.None)
		verified, err := s.Verify(t.Context(), jose.Source{Secret: []byte(strings.Repeat("unknown", 10))}, all, raw)
		if err == nil && !verified.Unsigned {
			t.Fatalf("%q verifies", raw)
		}
	})
}
