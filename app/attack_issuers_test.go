package app_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// An issuer is somebody else's authorization server, good or bad.
type issuer struct {
	url     string
	keys    []any  // of its JWK Set
	to      string // where it sends those who ask for keys; "": they get them
	fetches atomic.Int32
	ec      *ecdsa.PrivateKey
	rsa     *rsa.PrivateKey
}

func newIssuer(t *testing.T, name string) *issuer {
	t.Helper()
	i := &issuer{}
	var err error
	if i.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if i.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	i.keys = []any{
		jose.JSONWebKey{Key: i.ec.Public(), KeyID: name, Algorithm: "ES256", Use: "sig"},
		jose.JSONWebKey{Key: i.rsa.Public(), KeyID: name + "-rsa", Use: "sig"},
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		i.fetches.Add(1)
		if i.to != "" {
			http.Redirect(w, r, i.to, http.StatusFound)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"keys": i.keys})
	}))
	t.Cleanup(s.Close)
	i.url = s.URL
	return i
}

func (i *issuer) yaml(client string) string {
	return fmt.Sprintf("{issuer: '%s', jwks_uri: '%s/jwks', audience: [gateway], client: '%s', user: sub}", i.url, i.url, client)
}

func (i *issuer) claims() claims {
	return claims{"iss": i.url, "aud": "gateway", "sub": "dory", "scope": "read write", "exp": time.Now().Add(time.Hour).Unix(), "iat": time.Now().Unix(), "jti": "1"}
}

// Classes 6 and 17, keys of several issuers: each vouches for its own tokens alone, with the algorithms agreed on, and for
// no more than the client that its tokens act as.
func TestAttackIssuers(t *testing.T) {
	a, b := newIssuer(t, "a"), newIssuer(t, "b")
	octet := []byte("a key that everybody can read, of some length")
	b.keys = append(b.keys, map[string]string{"kty": "oct", "kid": "octet", "k": b64(octet)},
		jose.JSONWebKey{Key: b.ec, KeyID: "private"}, map[string]string{"kty": "RSA", "kid": "weak", "e": "AQAB", "n": b64(make([]byte, 64))})
	up := newWitness(t, nil)
	s := guarded(t, "realm: default\nscopes: [{name: read}, {name: write}]\ntrusted_issuers: ["+a.yaml("shop")+", "+b.yaml("claim:azp")+"]\n"+
		"clients:\n  - {id: shop, scopes: [read], type: public}\n  - {id: asleep, scopes: [read], type: public, status: 'off'}\napis:\n"+
		"  - {name: read, path: /read, scopes: [read], upstream: '"+up.URL+"'}\n  - {name: write, path: /write, scopes: [write], upstream: '"+up.URL+"'}\n")
	es, rs := claims{"alg": "ES256", "kid": "a", "typ": "at+jwt"}, claims{"alg": "RS256", "kid": "a-rsa", "typ": "at+jwt"}
	public, _ := x509.MarshalPKIXPublicKey(&a.rsa.PublicKey)
	ours := claims{"iss": "http://" + s.addr, "aud": "http://" + s.addr, "sub": "shop", "client_id": "shop", "scope": "read", "exp": time.Now().Add(time.Hour).Unix()}
	call := func(path, token string) int {
		return statuses(t, say(t, s.addr, "GET "+path+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer "+token+"\r\n\r\n"))[0]
	}
	for name, tt := range map[string]struct {
		token string
		read  int
		write int
	}{
		"good":                          {signES256(t, es, a.claims(), a.ec), 200, 403},
		"good, by RSA":                  {signRSA(t, rs, a.claims(), a.rsa), 200, 403},
		"by another's key":              {signES256(t, es.with("kid", "b"), a.claims(), b.ec), 401, 401},
		"by another's key, under its":   {signES256(t, es, a.claims(), b.ec), 401, 401},
		"of the other, by the first":    {signES256(t, es, b.claims().with("azp", "shop"), a.ec), 401, 401},
		"of ours, by another":           {signES256(t, es, ours, a.ec), 401, 401},
		"of two issuers":                {signES256(t, es, a.claims().with("iss", []string{a.url, b.url}), a.ec), 401, 401},
		"of nobody":                     {signES256(t, es, a.claims().with("iss", nil), a.ec), 401, 401},
		"of somebody like it":           {signES256(t, es, a.claims().with("iss", a.url+"/"), a.ec), 401, 401},
		"for others":                    {signES256(t, es, a.claims().with("aud", "others"), a.ec), 401, 401},
		"for nobody":                    {signES256(t, es, a.claims().with("aud", nil), a.ec), 401, 401},
		"for others besides":            {signES256(t, es, a.claims().with("aud", []string{"others", "gateway"}), a.ec), 200, 403},
		"expired":                       {signES256(t, es, a.claims().with("exp", time.Now().Add(-time.Hour).Unix()), a.ec), 401, 401},
		"without end":                   {signES256(t, es, a.claims().with("exp", nil), a.ec), 401, 401},
		"with an end that is text":      {signES256(t, es, a.claims().with("exp", "9999999999"), a.ec), 401, 401},
		"with an end beyond numbers":    {signES256(t, es, a.claims().with("exp", 1e300), a.ec), 401, 401},
		"not yet good":                  {signES256(t, es, a.claims().with("nbf", time.Now().Add(time.Hour).Unix()), a.ec), 401, 401},
		"bound to a key":                {signES256(t, es, a.claims().with("cnf", claims{"jkt": "x"}), a.ec), 401, 401},
		"of another type":               {signES256(t, es.with("typ", "logout+jwt"), a.claims(), a.ec), 401, 401},
		"HMAC by the public key":        {signHMAC(rs.with("alg", "HS256"), a.claims(), public), 401, 401},
		"HMAC by a published secret":    {signHMAC(claims{"alg": "HS256", "kid": "octet"}, b.claims().with("azp", "shop"), octet), 401, 401},
		"no algorithm":                  {b64(es.with("alg", "none")) + "." + b64(a.claims()) + ".", 401, 401},
		"another algorithm for the key": {signES256(t, es.with("kid", "a-rsa"), a.claims(), a.ec), 401, 401},
		"its own key in jwk":            {signES256(t, es.with("kid", "x").with("jwk", jose.JSONWebKey{Key: b.ec.Public()}), a.claims(), b.ec), 401, 401},
		"with critical words":           {signES256(t, es.with("crit", []string{"x"}).with("x", 1), a.claims(), a.ec), 401, 401},
		"by a key that was published":   {signES256(t, es.with("kid", "private"), b.claims().with("azp", "shop"), b.ec), 401, 401},
		"as a client that is off":       {signES256(t, es.with("kid", "b"), b.claims().with("azp", "asleep"), b.ec), 403, 403},
		"as a client that is not":       {signES256(t, es.with("kid", "b"), b.claims().with("azp", "nobody"), b.ec), 401, 401},
		"as no client":                  {signES256(t, es.with("kid", "b"), b.claims(), b.ec), 401, 401},
		"as a client of its choice":     {signES256(t, es.with("kid", "b"), b.claims().with("azp", "shop"), b.ec), 200, 403},
	} {
		if read, write := call("/read", tt.token), call("/write", tt.token); read != tt.read || write != tt.write {
			t.Errorf("%s: %d and %d, want %d and %d", name, read, write, tt.read, tt.write)
		}
	}
	if n := a.fetches.Load() + b.fetches.Load(); n > 4 {
		t.Errorf("the issuers were asked %d times: strangers decide how often", n)
	}
}

// Class 14, SSRF by redirect: an issuer that sends those who ask for its keys into the network here gets nowhere.
func TestAttackIssuerRedirects(t *testing.T) {
	trap := new(atomic.Int32)
	inside := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { trap.Add(1) }))
	t.Cleanup(inside.Close)
	_, port, _ := cutPort(inside.URL)
	up := newWitness(t, nil)
	for _, to := range []string{
		"http://169.254.169.254/latest/meta-data/", "https://169.254.169.254/", "http://[::ffff:169.254.169.254]/", "https://[fd00:ec2::254]/", "http://0.0.0.0:" + port + "/", "https://0:" + port + "/",
		"file:///etc/passwd", "gopher://127.0.0.1:" + port + "/", "http://user@127.0.0.1:" + port + "/", "http://127.0.0.1.nip.example:" + port + "/", "//169.254.169.254/", "http://2852039166/",
	} {
		i := newIssuer(t, "a")
		i.to = to
		s := guarded(t, "realm: default\nscopes: [{name: read}]\ntrusted_issuers: ["+i.yaml("shop")+"]\nclients: [{id: shop, scopes: [read], type: public}]\n"+
			"apis: [{name: read, path: /read, upstream: '"+up.URL+"'}]")
		token := signES256(t, claims{"alg": "ES256", "kid": "a"}, i.claims(), i.ec)
		text := say(t, s.addr, "GET /read HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer "+token+"\r\n\r\n")
		if st := statuses(t, text); st[0] != 503 && st[0] != 401 {
			t.Errorf("%s: %d", to, st)
		}
		if asked, _ := up.take(); len(asked) != 0 || trap.Load() != 0 {
			t.Errorf("%s: the upstream was asked %q, the server inside %d times", to, lines(asked), trap.Load())
		}
		s.stop()
	}
}

// cutPort takes a URL apart.
func cutPort(u string) (host, port string, ok bool) {
	r, err := http.NewRequest("GET", u, nil)
	if err != nil {
		return "", "", false
	}
	return r.URL.Hostname(), r.URL.Port(), true
}
