package token_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"sallyport/key"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/token"
)

// CVE class 17: the header chooses the algorithm, or brings its own key.
func TestClass17AlgorithmAndKeyConfusion(t *testing.T) {
	h := newHouse(t)
	a := h.auth(realm.JWT)
	a.Access.Alg = "RS256"
	genuine := h.issue(a).AccessToken
	payload := strings.Split(genuine, ".")[1]
	rs, err := h.ring.Signer(t.Context(), "default", key.RS256)
	if err != nil {
		t.Fatal(err)
	}
	es, err := h.ring.Signer(t.Context(), "default", key.ES256)
	if err != nil {
		t.Fatal(err)
	}
	pem, err := h.ring.PublicPEM(t.Context(), "default", key.RS256)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	hs := func(header string, secret []byte) string {
		input := b64([]byte(header)) + "." + payload
		mac := hmac.New(sha256.New, secret)
		mac.Write([]byte(input))
		return input + "." + b64(mac.Sum(nil))
	}
	signed := func(header string, k *key.Signing) string {
		raw, err := token.SignJWS([]byte(header), bytesOf(t, payload), k)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	withAlg := func(k *key.Signing, alg key.Alg) *key.Signing { return &key.Signing{ID: k.ID, Alg: alg, Key: k.Key} }
	for name, raw := range map[string]string{
		"HS256 with the public PEM as secret": hs(fmt.Sprintf(`{"typ":"at+jwt","alg":"HS256","kid":%q}`, rs.ID), pem),
		"HS256 with an empty secret":          hs(fmt.Sprintf(`{"typ":"at+jwt","alg":"HS256","kid":%q}`, rs.ID), nil),
		"HMAC under the name of RS256":        hs(fmt.Sprintf(`{"typ":"at+jwt","alg":"RS256","kid":%q}`, rs.ID), pem),
		"none":                                b64([]byte(`{"typ":"at+jwt","alg":"none"}`)) + "." + payload + ".",
		"none with a kid":                     b64([]byte(fmt.Sprintf(`{"typ":"at+jwt","alg":"none","kid":%q}`, rs.ID))) + "." + payload + ".",
		"None with a signature":               signed(fmt.Sprintf(`{"typ":"at+jwt","alg":"None","kid":%q}`, rs.ID), rs),
		"another key's kid":                   signed(fmt.Sprintf(`{"typ":"at+jwt","alg":"RS256","kid":%q}`, es.ID), rs),
		"PS256 by the RS256 key":              signed(fmt.Sprintf(`{"typ":"at+jwt","alg":"PS256","kid":%q}`, rs.ID), withAlg(rs, key.PS256)),
		"RS256 said, PS256 made":              signed(fmt.Sprintf(`{"typ":"at+jwt","alg":"RS256","kid":%q}`, rs.ID), withAlg(rs, key.PS256)),
		"no alg":                              signed(fmt.Sprintf(`{"typ":"at+jwt","kid":%q}`, rs.ID), rs),
		"no kid":                              signed(`{"typ":"at+jwt","alg":"RS256"}`, rs),
		"no typ":                              signed(fmt.Sprintf(`{"alg":"RS256","kid":%q}`, rs.ID), rs),
		"an id_token's typ":                   signed(fmt.Sprintf(`{"typ":"JWT","alg":"RS256","kid":%q}`, rs.ID), rs),
		"crit":                                signed(fmt.Sprintf(`{"typ":"at+jwt","alg":"RS256","kid":%q,"crit":["exp"]}`, rs.ID), rs),
		"zip":                                 signed(fmt.Sprintf(`{"typ":"at+jwt","alg":"RS256","kid":%q,"zip":"DEF"}`, rs.ID), rs),
		"jku":                                 signed(fmt.Sprintf(`{"typ":"at+jwt","alg":"RS256","kid":%q,"jku":"https://evil.example"}`, rs.ID), rs),
		"jwk":                                 signed(fmt.Sprintf(`{"typ":"at+jwt","alg":"RS256","kid":%q,"jwk":{}}`, rs.ID), rs),
		"duplicate alg":                       signed(fmt.Sprintf(`{"typ":"at+jwt","alg":"none","alg":"RS256","kid":%q}`, rs.ID), rs),
		"duplicate kid by escape":             signed(fmt.Sprintf(`{"typ":"at+jwt","alg":"RS256","kid":"x","\u006bid":%q}`, rs.ID), rs),
		"upper-case members":                  signed(fmt.Sprintf(`{"TYP":"at+jwt","ALG":"RS256","KID":%q}`, rs.ID), rs),
		"white space":                         signed(fmt.Sprintf(`{"typ":"at+jwt", "alg":"RS256","kid":%q}`, rs.ID), rs),
		"text after the header":               signed(fmt.Sprintf(`{"typ":"at+jwt","alg":"RS256","kid":%q}{}`, rs.ID), rs),
		"a v1 header on RFC 9068 claims":      signed(`{"typ":"JWT","alg":"RS256"}`, rs),
		"ver without v2 claims":               signed(fmt.Sprintf(`{"typ":"JWT","alg":"RS256","kid":%q,"ver":"2.0"}`, rs.ID), rs),
		"kid of a secret":                     signed(fmt.Sprintf(`{"typ":"at+jwt","alg":"RS256","kid":%q}`, secretID(t, h)), rs),
	} {
		_, err := h.Verify(t.Context(), h.realm, raw)
		if oauth.ReasonOf(err) != oauth.TokenMalformed {
			t.Errorf("%s: got %v", name, err)
		}
	}
	// The instrument itself works: with the right header the same call makes a good token.
	wantGood(t, h, signed(fmt.Sprintf(`{"typ":"at+jwt","alg":"RS256","kid":%q}`, rs.ID), rs))
}

func secretID(t *testing.T, h *house) string {
	t.Helper()
	k, err := h.ring.Secret(t.Context(), "default")
	if err != nil {
		t.Fatal(err)
	}
	return k.ID
}

// Claims that this product never signs are refused even under its own key.
func TestClaimsOfAnotherPurpose(t *testing.T) {
	h := newHouse(t)
	genuine := payloadOf(t, h.issue(h.auth(realm.JWT)).AccessToken)
	k, err := h.ring.Signer(t.Context(), "default", key.ES256)
	if err != nil {
		t.Fatal(err)
	}
	head := fmt.Sprintf(`{"typ":"at+jwt","alg":"ES256","kid":%q}`, k.ID)
	sign := func(payload string) string {
		raw, err := token.SignJWS([]byte(head), []byte(payload), k)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	wantGood(t, h, sign(genuine))
	swap := func(old, replacement string) string {
		t.Helper()
		if !strings.Contains(genuine, old) {
			t.Fatalf("%s lacks %s", genuine, old)
		}
		return strings.Replace(genuine, old, replacement, 1)
	}
	for name, payload := range map[string]string{
		"no iss":         swap(`"iss":"https://as.example",`, ``),
		"other iss":      swap(`"iss":"https://as.example"`, `"iss":"https://as.example/"`),
		"no client":      swap(`"client_id":"tspclient",`, ``),
		"no sub":         swap(`"sub":"tspuser",`, ``),
		"no exp":         swap(`"exp":`, `"exq":`),
		"exp as text":    swap(`"exp":`, `"exp":"1","exq":`),
		"exp a fraction": strings.Replace(genuine, `,"iat"`, `.5,"iat"`, 1),
		"no jti":         swap(`"jti":`, `"jtj":`),
		"other jti":      swap(`"jti":"`, `"jti":"x`),
		"duplicate":      swap(`"sub":`, `"sub":"admin","sub":`),
		"bad gid":        swap(`"gid":"`, `"gid":"!`),
		"not an object":  `[]`,
		"empty":          ``,
	} {
		if _, err := h.Verify(t.Context(), h.realm, sign(payload)); oauth.ReasonOf(err) != oauth.TokenMalformed {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := h.Verify(t.Context(), h.realm, sign(swap(`"scope":`, `"later":["claim"],"later_number":-5,"scope":`))); err != nil {
		t.Errorf("a claim of a later release: %v", err)
	}
}
