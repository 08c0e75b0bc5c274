package app_test

import (
	"bytes"
	"compress/flate"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// claims is the header or the payload of a JWT.
type claims map[string]any

func (c claims) with(name string, value any) claims {
	c = maps.Clone(c)
	if c[name] = value; value == nil {
		delete(c, name)
	}
	return c
}

func b64(v any) string {
	text, ok := v.([]byte)
	if !ok {
		text, _ = json.Marshal(v)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// taken takes a JWT apart.
func taken(t *testing.T, token string) (header, payload claims) {
	t.Helper()
	parts := strings.Split(token, ".")
	for i, into := range []*claims{&header, &payload} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err == nil {
			err = json.Unmarshal(text, into)
		}
		if err != nil || len(parts) != 3 {
			t.Fatalf("%s: %v", token, err)
		}
	}
	return header, payload
}

func signHMAC(header, payload claims, secret []byte) string {
	text := b64(header) + "." + b64(payload)
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(text))
	return text + "." + b64(h.Sum(nil))
}

func signRSA(t *testing.T, header, payload any, key *rsa.PrivateKey) string {
	t.Helper()
	text := b64(header) + "." + b64(payload)
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + b64(sig)
}

func signES256(t *testing.T, header, payload any, key *ecdsa.PrivateKey) string {
	t.Helper()
	text := b64(header) + "." + b64(payload)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return text + "." + b64(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))
}

// Classes 6, 9, 17 and 18, JWT confusion: a token is good as it was issued and in no other form, by no other key, with no
// other algorithm, and what it says of keys is not looked at.
func TestAttackTokens(t *testing.T) {
	fetched := new(atomic.Int32)
	own, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	mine := jose.JSONWebKey{Key: own.Public(), KeyID: "mine", Algorithm: "ES256", Use: "sig"}
	lair := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fetched.Add(1)
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{mine}})
	}))
	t.Cleanup(lair.Close)
	up := newWitness(t, nil)
	s := guarded(t, keysYAML+"  - {name: read, path: /read, scopes: [read], upstream: '"+up.URL+"'}\n  - {name: write, path: /write, scopes: [write], upstream: '"+up.URL+"'}\n"+
		"---\nrealm: second\nscopes: [{name: read}, {name: write}]\nclients: [{id: shop, secret: shop-secret-2, grants: [client_credentials], scopes: [read, write]}]\n")
	good, foreign := tokenOf(t, s.addr, "shop", "shop-secret-1"), tokenOf(t, s.addr+"/realms/second", "shop", "shop-secret-2")
	header, payload := taken(t, good)
	parts := strings.Split(good, ".")
	sig, _ := base64.RawURLEncoding.DecodeString(parts[2])
	keys := keysOf(t, s.addr)
	public, err := x509.MarshalPKIXPublicKey(keys[0].Key)
	if err != nil {
		t.Fatal(err)
	}
	pemKey := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})
	jwk, _ := json.Marshal(keys[0])
	more := payload.with("scope", "read write").with("exp", time.Now().Add(1000*time.Hour).Unix())
	ownHeader := header.with("kid", "mine")
	mineJSON, _ := mine.MarshalJSON()
	tokens := map[string]string{
		"no algorithm":                      b64(header.with("alg", "none")) + "." + b64(more) + ".",
		"no algorithm, with the signature":  b64(header.with("alg", "none")) + "." + parts[1] + "." + parts[2],
		"no algorithm, in capitals":         b64(header.with("alg", "NONE")) + "." + b64(more) + ".",
		"an algorithm that is empty":        b64(header.with("alg", "")) + "." + b64(more) + ".",
		"without an algorithm":              b64(header.with("alg", nil)) + "." + b64(more) + "." + parts[2],
		"no signature":                      parts[0] + "." + parts[1] + ".",
		"two parts":                         parts[0] + "." + parts[1],
		"four parts":                        good + "." + parts[2],
		"many parts":                        strings.Repeat(".", 100_000),
		"another payload":                   parts[0] + "." + b64(more) + "." + parts[2],
		"another header":                    b64(header.with("x", 1)) + "." + parts[1] + "." + parts[2],
		"HMAC by the public key in DER":     signHMAC(header.with("alg", "HS256"), more, public),
		"HMAC by the public key in PEM":     signHMAC(header.with("alg", "HS256"), more, pemKey),
		"HMAC by the public key in JSON":    signHMAC(header.with("alg", "HS256"), more, jwk),
		"HMAC by nothing":                   signHMAC(header.with("alg", "HS256"), more, nil),
		"HMAC by the client's secret":       signHMAC(header.with("alg", "HS256"), more, []byte("shop-secret-1")),
		"its own key by kid":                signES256(t, ownHeader, more, own),
		"its own key under our kid":         signES256(t, header, more, own),
		"its own key in jwk":                signES256(t, ownHeader.with("jwk", json.RawMessage(mineJSON)), more, own),
		"its own key by jku":                signES256(t, ownHeader.with("jku", lair.URL+"/jwks"), more, own),
		"its own key by x5u":                signES256(t, ownHeader.with("x5u", lair.URL+"/x5u"), more, own),
		"its own key by iss":                signES256(t, ownHeader, more.with("iss", lair.URL), own),
		"a kid that is a path":              signHMAC(header.with("alg", "HS256").with("kid", "../../../../dev/null"), more, nil),
		"a kid that is a statement":         signES256(t, header.with("kid", "x' OR '1'='1"), more, own),
		"a kid that is no text":             signES256(t, header.with("kid", 1), more, own),
		"no kid":                            signES256(t, header.with("kid", nil), more, own),
		"what must be understood":           b64(header.with("crit", []string{"b64"}).with("b64", false)) + "." + parts[1] + "." + parts[2],
		"encrypted with a password":         b64(claims{"alg": "PBES2-HS256+A128KW", "enc": "A128GCM", "p2c": 2_000_000_000, "p2s": "AAAA"}) + ".AAAA.AAAA.AAAA.AAAA",
		"encrypted and packed":              b64(claims{"alg": "dir", "enc": "A128GCM", "zip": "DEF"}) + "..AAAA." + b64(bomb()) + ".AAAA",
		"the signature of nothing":          parts[0] + "." + parts[1] + "." + b64(make([]byte, 64)), // CVE-2022-21449
		"the signature cut":                 parts[0] + "." + parts[1] + "." + b64(sig[:63]),
		"the signature and more":            parts[0] + "." + parts[1] + "." + b64(append(sig, 0)),
		"with padding":                      good + "==",
		"in the other alphabet":             strings.NewReplacer("-", "+", "_", "/").Replace(parts[0]+"."+parts[1]+".") + base64.StdEncoding.EncodeToString(sig),
		"with a space":                      parts[0] + ". " + parts[1] + "." + parts[2],
		"with other spare bits":             good[:len(good)-1] + string(spare(good[len(good)-1])),
		"as JSON":                           `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`,
		"of another realm":                  foreign,
		"very long":                         parts[0] + "." + strings.Repeat("A", 30_000) + "." + parts[2],
		"nested deep":                       b64(header) + "." + b64([]byte(strings.Repeat(`{"a":`, 9000)+"1"+strings.Repeat("}", 9000))) + "." + parts[2],
		"the jti":                           fmt.Sprint(payload["jti"]),
		"an identity token's type":          b64(header.with("typ", "JWT")) + "." + parts[1] + "." + parts[2],
		"the same claim twice, ours second": parts[0] + "." + b64([]byte(`{"scope":"write","scope":"read"}`)) + "." + parts[2],
	}
	call := func(path, token string) int {
		text := say(t, s.addr, "GET "+path+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer "+token+"\r\n\r\n")
		return statuses(t, text)[0]
	}
	if st := call("/read", good); st != 200 {
		t.Fatalf("a good token: %d", st)
	}
	if st := call("/write", good); st != 403 {
		t.Errorf("a token without the scope: %d", st)
	}
	for name, token := range tokens {
		for _, path := range []string{"/read", "/write", "/read"} { // also when the first look is remembered
			up.take()
			st := call(path, token)
			if asked, _ := up.take(); st != 401 && st != 400 && st != 431 || len(asked) != 0 {
				t.Errorf("%s: %d for %s", name, st, path)
			}
		}
	}
	if n := fetched.Load(); n != 0 {
		t.Errorf("%d fetches of what tokens name", n)
	}
}

// keysOf are the keys that a server publishes.
func keysOf(t *testing.T, addr string) []jose.JSONWebKey {
	t.Helper()
	res, err := http.Get("http://" + addr + "/jwks")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var set jose.JSONWebKeySet
	if err := json.NewDecoder(res.Body).Decode(&set); err != nil || len(set.Keys) == 0 {
		t.Fatalf("keys: %v", err)
	}
	for _, k := range set.Keys {
		if !k.IsPublic() {
			t.Errorf("the private key %s is published", k.KeyID)
		}
	}
	return set.Keys
}

// bomb is a text that becomes large when it is unpacked.
func bomb() []byte {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, 9)
	_, _ = w.Write(make([]byte, 10<<20))
	_ = w.Close()
	return b.Bytes()[:min(b.Len(), 8000)]
}

// spare is a letter that differs from another in bits that mean nothing at the end of Base64.
func spare(last byte) byte {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return alphabet[strings.IndexByte(alphabet, last)^1]
}
