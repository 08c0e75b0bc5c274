package bearer_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sallyport/client"
	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/policy/bearer"
	"sallyport/policy/policytest"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/token"
)

const (
	issuer  = "https://partner.example.org/tenant"
	jwksURI = "https://keys.example.org/jwks"
)

// web is documents by URL, and how often each was fetched.
type web struct {
	mu    sync.Mutex
	docs  map[string]string
	asked map[string]int
}

func (w *web) Get(_ context.Context, url string) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked[url]++
	doc, ok := w.docs[url]
	if !ok {
		return nil, errors.New("nothing there")
	}
	return []byte(doc), nil
}

func (w *web) set(url, doc string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.docs[url] = doc
}

func (w *web) count(url string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked[url]
}

// A partner is another issuer that the realm trusts, and the gateway's view of it.
type partner struct {
	web     *web
	now     time.Time
	realm   *realm.Realm
	clients policytest.Clients
	policy  policy.Policy
	clock   atomic.Pointer[time.Time] // now, for what runs in the background

	rsa, other *rsa.PrivateKey
	ec         *ecdsa.PrivateKey
	ed         ed25519.PrivateKey
}

func newPartner(t testing.TB, alter func(*realm.TrustedIssuer)) *partner {
	t.Helper()
	p := &partner{web: &web{docs: map[string]string{}, asked: map[string]int{}}, now: policytest.Time}
	p.pass(0)
	var err error
	if p.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	if p.other, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	if p.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	_, p.ed, _ = ed25519.GenerateKey(rand.Reader)
	trusted := realm.TrustedIssuer{Issuer: issuer, JWKSURI: jwksURI, Audience: []string{"orders", "stock"}, Client: "partner"}
	if alter != nil {
		alter(&trusted)
	}
	p.realm = &realm.Realm{Name: "default", Issuer: "https://own.example.org", TrustedIssuers: []realm.TrustedIssuer{trusted}}
	p.clients = policytest.Clients{
		"partner": {Realm: "default", ID: "partner", Status: client.On, Scopes: scope.Set{"read", "write"}},
		"other":   {Realm: "default", ID: "other", Status: client.On, Scopes: scope.Set{"read"}},
	}
	p.web.set(jwksURI, jwks(t, public(p.rsa.Public(), "r"), public(p.ec.Public(), "e"), public(p.ed.Public(), "d")))
	p.policy = policytest.Make(t, bearer.Kind(verifier{}, bearer.NewIssuers(p.web, p.clients, p.time)), "")
	return p
}

func (p *partner) time() time.Time { return *p.clock.Load() }

func (p *partner) pass(d time.Duration) {
	p.now = p.now.Add(d)
	now := p.now
	p.clock.Store(&now)
}

func public(key crypto.PublicKey, kid string) jose.JSONWebKey {
	return jose.JSONWebKey{Key: key, KeyID: kid}
}

func jwks(t testing.TB, keys ...jose.JSONWebKey) string {
	t.Helper()
	text, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

type object = map[string]any

// claims are those of a good token, changed.
func (p *partner) claims(changes object) object {
	c := object{
		"iss": issuer, "aud": "orders", "sub": "someone", "azp": "other", "jti": "t1", "scope": "read admin write", "scp": []string{"read"},
		"exp": p.now.Add(time.Hour).Unix(), "iat": p.now.Unix(),
	}
	maps.Copy(c, changes)
	for name, value := range c {
		if value == nil {
			delete(c, name)
		}
	}
	return c
}

func sign(t testing.TB, alg jose.SignatureAlgorithm, key any, header, claims object) string {
	t.Helper()
	o := &jose.SignerOptions{}
	for name, value := range header {
		o.WithHeader(jose.HeaderKey(name), value)
	}
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, o)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := s.Sign(text)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func (p *partner) good(t testing.TB, changes object) string {
	return sign(t, jose.RS256, p.rsa, object{"kid": "r", "typ": "at+jwt"}, p.claims(changes))
}

func (p *partner) call(t testing.TB, raw string) (*policy.Call, error) {
	t.Helper()
	c := policytest.NewCall("GET", "/", "Authorization: Bearer "+raw)
	c.Realm, c.Time = p.realm, p.now
	return c, p.policy.Request(t.Context(), c)
}

func TestTokenOfATrustedIssuer(t *testing.T) {
	p := newPartner(t, nil)
	for range 2 { // the second time from memory
		c, err := p.call(t, p.good(t, nil))
		if err != nil {
			t.Fatal(err)
		}
		want := policy.Caller{
			Client: "partner", Scope: scope.Set{"read", "write"}, Scheme: "Bearer", Credential: "t1",
			Token: &token.Access{
				Realm: "default", Client: "partner", ID: "t1", Scope: scope.Set{"read", "write"}, Audience: []string{"orders"}, Format: realm.JWT,
				IssuedAt: p.now, StartedAt: p.now, ExpiresAt: p.now.Add(time.Hour),
			},
		}
		ignore := []cmp.Option{cmpopts.IgnoreFields(policy.Caller{}, "Slots", "Presented"), cmpopts.IgnoreFields(token.Access{}, "Slots")}
		if diff := cmp.Diff(want, c.Caller, ignore...); diff != "" || c.Caller.Slots == nil {
			t.Errorf("caller (-want +got):\n%s", diff)
		}
		if c.Header.Get("Authorization") != "" {
			t.Error("the token goes upstream")
		}
	}
	// The realm's own tokens are still taken.
	if c, err := p.call(t, "good"); err != nil || c.Caller.Client != "c1" {
		t.Errorf("own token: %v", err)
	}
}

func TestSettingsOfTrustedIssuers(t *testing.T) {
	for name, tt := range map[string]struct {
		alter   func(*realm.TrustedIssuer)
		changes object
		client  string // "": refused
		user    string
		scope   scope.Set
	}{
		"client by claim":            {func(i *realm.TrustedIssuer) { i.Client = "claim:azp" }, nil, "other", "", scope.Set{"read"}},
		"no such claim":              {func(i *realm.TrustedIssuer) { i.Client = "claim:client_id" }, nil, "", "", nil},
		"a claim that is no text":    {func(i *realm.TrustedIssuer) { i.Client = "claim:azp" }, object{"azp": []string{"other"}}, "", "", nil},
		"user by claim":              {func(i *realm.TrustedIssuer) { i.User = "sub" }, nil, "partner", "someone", scope.Set{"read", "write"}},
		"scopes in another claim":    {func(i *realm.TrustedIssuer) { i.Scopes = "scp" }, nil, "partner", "", scope.Set{"read"}},
		"no scopes":                  {nil, object{"scope": nil}, "partner", "", nil},
		"scopes that are none":       {nil, object{"scope": []any{1, 2}}, "partner", "", nil},
		"several audiences":          {nil, object{"aud": []string{"x", "stock"}}, "partner", "", scope.Set{"read", "write"}},
		"a fraction of a second":     {nil, object{"exp": 4102444800.5}, "partner", "", scope.Set{"read", "write"}},
		"issued by a clock ahead":    {nil, object{"iat": policytest.Time.Add(50 * time.Second).Unix(), "nbf": policytest.Time.Add(50 * time.Second).Unix()}, "partner", "", scope.Set{"read", "write"}},
		"a client that is not there": {func(i *realm.TrustedIssuer) { i.Client = "nobody" }, nil, "nobody", "", nil}, // which the chain refuses
	} {
		t.Run(name, func(t *testing.T) {
			p := newPartner(t, tt.alter)
			c, err := p.call(t, p.good(t, tt.changes))
			if (err != nil) != (tt.client == "") {
				t.Fatal(err)
			}
			if c.Caller.Client != tt.client || c.Caller.User != tt.user || !cmp.Equal(c.Caller.Scope, tt.scope, cmpopts.EquateEmpty()) {
				t.Errorf("caller %+v", c.Caller)
			}
		})
	}
}

func TestForgeries(t *testing.T) {
	p := newPartner(t, nil)
	r := object{"kid": "r", "typ": "at+jwt"}
	pkix, err := x509.MarshalPKIXPublicKey(p.rsa.Public())
	if err != nil {
		t.Fatal(err)
	}
	pemKey := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pkix})
	good := p.good(t, nil)
	parts := strings.Split(good, ".")
	b64 := base64.RawURLEncoding.EncodeToString
	payload := func(changes object) string {
		text, err := json.Marshal(p.claims(changes))
		if err != nil {
			t.Fatal(err)
		}
		return b64(text)
	}
	for name, tt := range map[string]struct {
		raw    string
		reason oauth.Reason
	}{
		"alg none":                         {b64([]byte(`{"alg":"none","kid":"r"}`)) + "." + payload(nil) + ".x", oauth.TokenMalformed},
		"alg None":                         {b64([]byte(`{"alg":"None","kid":"r"}`)) + "." + payload(nil) + ".x", oauth.TokenMalformed},
		"no signature":                     {parts[0] + "." + parts[1] + ".", oauth.TokenMalformed},
		"HS256 with the public key":        {sign(t, jose.HS256, pemKey, r, p.claims(nil)), oauth.TokenMalformed},
		"HS256 with the key's DER":         {sign(t, jose.HS256, pkix, r, p.claims(nil)), oauth.TokenMalformed},
		"an algorithm not agreed on":       {sign(t, jose.RS512, p.rsa, r, p.claims(nil)), oauth.TokenMalformed},
		"RS256 said, PS256 made":           {parts[0] + "." + parts[1] + "." + strings.Split(sign(t, jose.PS256, p.rsa, r, p.claims(nil)), ".")[2], oauth.TokenMalformed},
		"another key":                      {sign(t, jose.RS256, p.other, r, p.claims(nil)), oauth.TokenMalformed},
		"another key without kid":          {sign(t, jose.RS256, p.other, nil, p.claims(nil)), oauth.TokenMalformed},
		"a key that it brings":             {sign(t, jose.RS256, p.other, object{"kid": "r", "jwk": jose.JSONWebKey{Key: p.other.Public(), KeyID: "r"}}, p.claims(nil)), oauth.TokenMalformed},
		"keys that it names":               {sign(t, jose.RS256, p.other, object{"kid": "x", "jku": "https://evil.example.org/jwks"}, p.claims(nil)), oauth.TokenMalformed},
		"the kid of a key of another sort": {sign(t, jose.RS256, p.rsa, object{"kid": "e"}, p.claims(nil)), oauth.TokenMalformed},
		"a path as kid":                    {sign(t, jose.RS256, p.other, object{"kid": "../../../../dev/null"}, p.claims(nil)), oauth.TokenMalformed},
		"a URL as kid":                     {sign(t, jose.RS256, p.other, object{"kid": "https://evil.example.org/jwks"}, p.claims(nil)), oauth.TokenMalformed},
		"SQL as kid":                       {sign(t, jose.RS256, p.other, object{"kid": "' OR 1=1 --"}, p.claims(nil)), oauth.TokenMalformed},
		"an extension that must be known":  {sign(t, jose.RS256, p.rsa, object{"kid": "r", "crit": []string{"exp"}, "exp": 1}, p.claims(nil)), oauth.TokenMalformed},
		"an id token's sort":               {sign(t, jose.RS256, p.rsa, object{"kid": "r", "typ": "id_token+jwt"}, p.claims(nil)), oauth.TokenMalformed},
		"a logout token":                   {sign(t, jose.RS256, p.rsa, object{"kid": "r", "typ": "logout+jwt"}, p.claims(nil)), oauth.TokenMalformed},
		"changed claims":                   {parts[0] + "." + payload(object{"scope": "admin"}) + "." + parts[2], oauth.TokenMalformed},
		"our own issuer":                   {p.good(t, object{"iss": p.realm.Issuer}), oauth.TokenMalformed},
		"an issuer that is not trusted":    {p.good(t, object{"iss": "https://evil.example.org"}), oauth.TokenMalformed},
		"an issuer that begins like it":    {p.good(t, object{"iss": issuer + "/"}), oauth.TokenMalformed},
		"no issuer":                        {p.good(t, object{"iss": nil}), oauth.TokenMalformed},
		"two issuers":                      {p.good(t, object{"iss": []string{issuer}}), oauth.TokenMalformed},
		"no audience":                      {p.good(t, object{"aud": nil}), oauth.TokenMalformed},
		"another audience":                 {p.good(t, object{"aud": []string{"Orders", "orders2"}}), oauth.TokenMalformed},
		"an audience that is no text":      {p.good(t, object{"aud": object{"orders": true}}), oauth.TokenMalformed},
		"no end":                           {p.good(t, object{"exp": nil}), oauth.TokenMalformed},
		"an end that is no number":         {p.good(t, object{"exp": "4102444800"}), oauth.TokenMalformed},
		"an end out of time":               {p.good(t, object{"exp": 1e300}), oauth.TokenMalformed},
		"over":                             {p.good(t, object{"exp": p.now.Unix()}), oauth.TokenExpired},
		"not yet":                          {p.good(t, object{"nbf": p.now.Add(2 * time.Minute).Unix()}), oauth.TokenMalformed},
		"issued in the future":             {p.good(t, object{"iat": p.now.Add(2 * time.Minute).Unix()}), oauth.TokenMalformed},
		"a date that is none":              {p.good(t, object{"nbf": "tomorrow"}), oauth.TokenMalformed},
		"bound to a key":                   {p.good(t, object{"cnf": object{"jkt": "x"}}), oauth.TokenMalformed},
		"four parts":                       {good + ".x", oauth.TokenMalformed},
		"long":                             {p.good(t, object{"x": strings.Repeat("x", 20_000)}), oauth.TokenMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			c, err := p.call(t, tt.raw)
			r := policytest.Refusal(err)
			if r == nil || r.Status != 401 || r.Reason != tt.reason || r.Challenge != oauth.InvalidToken || c.Caller.Client != "" || c.Caller.Token != nil {
				t.Fatalf("%v: %+v", err, r)
			}
			for _, f := range r.Facts {
				if f.Public {
					t.Errorf("the caller is told %v", f)
				}
			}
		})
	}
	if n := p.web.count("https://evil.example.org/jwks"); n != 0 {
		t.Error("keys were fetched from where a token said")
	}
	if n := p.web.count(jwksURI); n > 2 { // at first, and once because a key was not among them
		t.Errorf("the keys were fetched %d times", n)
	}
}

func TestAlgorithms(t *testing.T) {
	p := newPartner(t, nil)
	for alg, key := range map[jose.SignatureAlgorithm]any{jose.RS256: p.rsa, jose.PS256: p.rsa, jose.ES256: p.ec, jose.EdDSA: p.ed} {
		if _, err := p.call(t, sign(t, alg, key, nil, p.claims(nil))); err != nil {
			t.Errorf("%s without kid: %v", alg, err)
		}
	}
	p = newPartner(t, func(i *realm.TrustedIssuer) { i.Algs = []string{"ES256"} })
	if _, err := p.call(t, p.good(t, nil)); policytest.Reason(err) != oauth.TokenMalformed {
		t.Errorf("RS256 where ES256 alone was agreed on: %v", err)
	}
}

// Keys that are not for verifying others' signatures do not count, nor does what cannot be read spoil the rest.
func TestKeysThatDoNotCount(t *testing.T) {
	p := newPartner(t, nil)
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal("this Go makes no weak keys")
	}
	secret := []byte("a secret that everybody knows...")
	private := jose.JSONWebKey{Key: p.rsa, KeyID: "r"}
	forEncryption := public(p.rsa.Public(), "r")
	forEncryption.Use = "enc"
	otherAlg := public(p.rsa.Public(), "r")
	otherAlg.Algorithm = "PS256"
	strange := `{"kty":"future","kid":"f"},17,{"kty":"RSA","n":"!!","e":"AQAB"}`
	for name, tt := range map[string]struct {
		doc  string
		raw  string
		good bool
	}{
		"a secret key":           {jwks(t, jose.JSONWebKey{Key: secret, KeyID: "s"}, public(p.ec.Public(), "e")), sign(t, jose.HS256, secret, object{"kid": "s"}, p.claims(nil)), false},
		"a private key":          {jwks(t, private, public(p.ec.Public(), "e")), p.good(t, nil), false},
		"for encryption":         {jwks(t, forEncryption, public(p.ec.Public(), "e")), p.good(t, nil), false},
		"for another algorithm":  {jwks(t, otherAlg), p.good(t, nil), false},
		"for other operations":   {`{"keys":[` + strings.Replace(one(t, public(p.rsa.Public(), "r")), "{", `{"key_ops":["encrypt"],`, 1) + "," + one(t, public(p.ec.Public(), "e")) + `]}`, p.good(t, nil), false},
		"weak":                   {jwks(t, public(weak.Public(), "w"), public(p.ec.Public(), "e")), sign(t, jose.RS256, weak, object{"kid": "w"}, p.claims(nil)), false},
		"among what is not read": {`{"keys":[` + strange + "," + one(t, public(p.rsa.Public(), "r")) + `]}`, p.good(t, nil), true},
	} {
		t.Run(name, func(t *testing.T) {
			q := newPartner(t, func(i *realm.TrustedIssuer) { i.JWKSURI += "?" })
			q.web.set(jwksURI+"?", tt.doc)
			_, err := q.call(t, tt.raw)
			if tt.good != (err == nil) || err != nil && policytest.Reason(err) != oauth.TokenMalformed {
				t.Errorf("got %v", err)
			}
		})
	}
}

func one(t *testing.T, key jose.JSONWebKey) string {
	t.Helper()
	text, err := key.MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
