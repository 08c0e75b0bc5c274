package digirunner_test

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"sallyport/key"
	"sallyport/realm"
)

// keySet fetches what is published and has an independent implementation read it.
func (h *house) keySet() (jose.JSONWebKeySet, string) {
	h.t.Helper()
	got := h.do(call{method: http.MethodGet, path: "/dgrv4/ssotoken/oauth2/certs"})
	if got.status != http.StatusOK || got.header.Get("Content-Type") != "application/json" || got.header.Get("X-Content-Type-Options") != "nosniff" {
		h.t.Fatalf("certs: %d %v %s", got.status, got.header, got.body)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(got.body), &set); err != nil {
		h.t.Fatal(err)
	}
	return set, got.body
}

// verifies reports whether one of the set's keys verifies the token. v1 tokens name no key, so all are tried.
func verifies(t *testing.T, set jose.JSONWebKeySet, raw string) bool {
	t.Helper()
	token, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range set.Keys {
		if _, err := token.Verify(k); err == nil {
			return true
		}
	}
	return false
}

// TestEveryTokenVerifiesWithAPublishedKey: the product publishes no key for its v1 tokens.
func TestEveryTokenVerifiesWithAPublishedKey(t *testing.T) {
	h := open(t, nil)
	own := h.issue(call{form: passwordForm})
	v2 := h.issue(call{path: v2Path, form: credentials})
	set, text := h.keySet()
	for name, raw := range map[string]string{"v1 access": own.Access, "v1 refresh": own.Refresh, "v2 access": v2.Access} {
		if !verifies(t, set, raw) {
			t.Errorf("the %s token verifies with none of the published keys", name)
		}
	}
	for _, private := range []string{`"d":`, `"p":`, `"q":`} {
		if strings.Contains(text, private) {
			t.Errorf("the key set has a private member %s", private)
		}
	}

	got := h.do(call{method: http.MethodGet, path: "/dgrv4/ssotoken/enccert"})
	if got.status != http.StatusOK || !strings.HasPrefix(got.header.Get("Content-Type"), "text/plain") {
		t.Fatalf("enccert: %d %v", got.status, got.header)
	}
	block, rest := pem.Decode([]byte(got.body))
	if block == nil || len(strings.TrimSpace(string(rest))) > 0 {
		t.Fatalf("enccert is not one PEM block: %s", got.body)
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	token, err := jose.ParseSignedCompact(own.Access, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := token.Verify(public); err != nil {
		t.Errorf("the v1 token does not verify with the key of enccert: %v", err)
	}
}

func TestKeysBeforeTheFirstToken(t *testing.T) {
	h := open(t, nil)
	if set, _ := h.keySet(); len(set.Keys) == 0 {
		t.Error("no key is published before the first token")
	}
}

// TestTokensOutliveTheirKeysTurn: after a rotation the old key is still published, and its tokens are still good.
func TestTokensOutliveTheirKeysTurn(t *testing.T) {
	h := open(t, nil)
	old := h.issue(call{form: passwordForm})
	if _, err := h.ring.Rotate(t.Context(), realm.Default, key.RS256, time.Minute); err != nil {
		t.Fatal(err)
	}
	if set, _ := h.keySet(); len(set.Keys) != 2 {
		t.Errorf("%d keys are published while the next one is announced, want 2", len(set.Keys))
	}
	h.clock.Advance(2 * time.Minute)
	young := h.issue(call{form: refreshForm(old.Refresh)})
	set, _ := h.keySet()
	for name, raw := range map[string]string{"the old key": old.Refresh, "the new key": young.Access} {
		if !verifies(t, set, raw) {
			t.Errorf("a token of %s verifies with none of the published keys", name)
		}
	}
}

func TestV2TokensNameTheirKeyAndIssuer(t *testing.T) {
	h := open(t, nil)
	v2 := h.issue(call{path: v2Path, form: credentials})
	token, err := jose.ParseSignedCompact(v2.Access, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil {
		t.Fatal(err)
	}
	set, _ := h.keySet()
	if id := token.Signatures[0].Header.KeyID; len(set.Key(id)) != 1 {
		t.Errorf("kid %q is not published", id)
	}
	var said struct {
		Ver, Iss, Sub string
		Aud, Scope    []string
	}
	if err := json.Unmarshal([]byte(payload(t, v2.Access)), &said); err != nil {
		t.Fatal(err)
	}
	if said.Ver != "2.0" || said.Iss != "https://auth.example.org/dgrv4/ssotoken/v2/OIDC" || said.Sub != "tspclient" || len(said.Aud) != 1 || said.Aud[0] != "digiRunner" {
		t.Errorf("the v2 token says %+v", said)
	}
}
