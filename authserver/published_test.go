package authserver_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"sallyport/authserver"
	"sallyport/deployment"
	"sallyport/dialect/dialecttest"
)

// TestKeysVerifyTokens: a library that knows nothing of us verifies what we sign, by what we publish.
func TestKeysVerifyTokens(t *testing.T) {
	h := open(t)
	algs := []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.EdDSA}
	raw := map[jose.SignatureAlgorithm]string{}
	for _, alg := range algs {
		raw[alg] = h.get(string(alg), "grant_type", "client_credentials").Access
	}
	got := h.read("/jwks", dialecttest.Call{})
	if got.Status != http.StatusOK || got.Header.Get("Content-Type") != "application/jwk-set+json" || got.Header.Get("Cache-Control") != "public, max-age=300" {
		t.Fatalf("%d %v", got.Status, got.Header)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(got.Body), &set); err != nil {
		t.Fatal(err)
	}
	for _, alg := range algs {
		signed, err := jose.ParseSignedCompact(raw[alg], []jose.SignatureAlgorithm{alg})
		if err != nil {
			t.Errorf("%s: %v", alg, err)
			continue
		}
		keys := set.Key(signed.Signatures[0].Header.KeyID)
		if len(keys) != 1 || !keys[0].IsPublic() || keys[0].Use != "sig" || keys[0].Algorithm != string(alg) {
			t.Errorf("%s: published as %+v", alg, keys)
			continue
		}
		payload, err := signed.Verify(keys[0])
		if err != nil {
			t.Errorf("%s: %v", alg, err)
		}
		var claims map[string]any
		if err := json.Unmarshal(payload, &claims); err != nil || claims["client_id"] != string(alg) || claims["iss"] != dialecttest.PublicURL {
			t.Errorf("%s: claims %s, %v", alg, payload, err)
		}
	}
	if strings.Contains(got.Body, `"d"`) {
		t.Error("a private key is published")
	}
}

// TestKeysArePublishedBeforeTheFirstToken: a resource server may start first.
func TestKeysArePublishedBeforeTheFirstToken(t *testing.T) {
	h := open(t, func(c *deployment.ChangeSet) { c.Realms[1].AccessToken.Alg = "EdDSA" })
	for name, alg := range map[string]string{"default": "ES256", "corp": "EdDSA"} {
		var set jose.JSONWebKeySet
		got := h.read("/jwks", dialecttest.Call{Realm: name})
		if err := json.Unmarshal([]byte(got.Body), &set); err != nil {
			t.Fatal(err)
		}
		var algs []string
		for _, k := range set.Keys {
			algs = append(algs, k.Algorithm)
		}
		slices.Sort(algs)
		if !slices.Equal(algs, []string{alg, "RS256"}) { // RS256 signs ID tokens unless somebody says otherwise
			t.Errorf("%s: %q", name, algs)
		}
	}
}

func TestPublishedDocuments(t *testing.T) {
	h := open(t)
	h.get("ES256", "grant_type", "client_credentials")
	for _, path := range []string{"/jwks", authserver.MetadataPath, authserver.DiscoveryPath} {
		first := h.read(path, dialecttest.Call{})
		tag := first.Header.Get("ETag")
		if first.Status != http.StatusOK || tag == "" || first.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %d %v", path, first.Status, first.Header)
		}
		for _, known := range []string{tag, "W/" + tag, `"x", ` + tag, "*"} {
			got := h.read(path, dialecttest.Call{Header: http.Header{"If-None-Match": {known}}})
			if got.Status != http.StatusNotModified || got.Body != "" || got.Header.Get("ETag") != tag {
				t.Errorf("%s: known as %s: %d %v %s", path, known, got.Status, got.Header, got.Body)
			}
		}
		if got := h.read(path, dialecttest.Call{Header: http.Header{"If-None-Match": {`"other"`}}}); got.Status != http.StatusOK {
			t.Errorf("%s: known as another: %d", path, got.Status)
		}
		if got := h.read(path, dialecttest.Call{Method: http.MethodHead}); got.Status != http.StatusOK || got.Body != "" || got.Header.Get("ETag") != tag {
			t.Errorf("%s: HEAD: %d %q", path, got.Status, got.Body)
		}
		if got := h.read(path, dialecttest.Call{Method: http.MethodPost}); got.Status != http.StatusMethodNotAllowed || got.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: POST: %d %v", path, got.Status, got.Header)
		}
	}
}

// TestTokensNameTheConfiguredIssuer: nor does the issuer of a token come from the request.
func TestTokensNameTheConfiguredIssuer(t *testing.T) {
	h := open(t)
	got := h.Do(h.routes, dialecttest.Call{
		Path: "/token", Host: "evil.example", Auth: basic("app", secret), Body: "grant_type=client_credentials",
		Header: http.Header{"X-Forwarded-Host": {"evil.example"}},
	})
	signed, err := jose.ParseSignedCompact(got.Text("access_token"), []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		t.Fatal(err)
	}
	var claims struct {
		Issuer string `json:"iss"`
	}
	if err := json.Unmarshal(signed.UnsafePayloadWithoutVerification(), &claims); err != nil || claims.Issuer != dialecttest.PublicURL {
		t.Errorf("iss %q, %v", claims.Issuer, err)
	}
}

// FuzzFace: whatever a stranger sends to any endpoint, the answer is no fault of ours.
func FuzzFace(f *testing.F) {
	f.Add(uint8(0), "", "grant_type=client_credentials&client_id=app&client_secret="+secret)
	f.Add(uint8(1), "Basic YTpi", "token=x&token_type_hint=refresh_token")
	h := open(f)
	own := h.login("app")
	f.Add(uint8(2), basic("app", secret), form("token", own.Access))
	f.Add(uint8(1), basic("app", secret), form("token", own.Refresh+"x"))
	f.Add(uint8(0), basic("app", secret), form("grant_type", "refresh_token", "refresh_token", own.Refresh))
	paths := []string{"/token", "/revoke", "/introspect", "/par"}
	f.Fuzz(func(t *testing.T, which uint8, auth, body string) {
		if strings.Contains(body, "fault") {
			return // a grant that fails on purpose
		}
		r := h.Request(dialecttest.Call{Path: paths[int(which)%len(paths)], Body: body, Auth: auth})
		w := httptest.NewRecorder()
		h.routes[r.URL.Path].ServeHTTP(w, r)
		if w.Code >= 500 || w.Code < 200 {
			t.Fatalf("status %d %s", w.Code, w.Body)
		}
		if w.Body.Len() > 0 && !json.Valid(w.Body.Bytes()) {
			t.Fatalf("body %q", w.Body)
		}
	})
}
