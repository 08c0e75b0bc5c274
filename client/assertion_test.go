package client_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gojose "github.com/go-jose/go-jose/v4"

	"sallyport/client"
	"sallyport/jose"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/ticket"
)

// claimed notes tickets, and serves key sets.
type claimed struct {
	mu      sync.Mutex
	tickets map[string]ticket.Ticket
	docs    map[string]string
	fail    error
}

func (c *claimed) ClaimTicket(_ context.Context, t ticket.Ticket) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.fail != nil {
		return false, c.fail
	}
	id := t.Realm + "\x00" + t.Kind + "\x00" + string(t.Hash[:])
	if _, taken := c.tickets[id]; taken {
		return false, nil
	}
	c.tickets[id] = t
	return true, nil
}

func (c *claimed) Get(_ context.Context, url string) ([]byte, error) {
	if doc := c.docs[url]; doc != "" {
		return []byte(doc), nil
	}
	return nil, errors.New("nothing there")
}

// An office is a realm with a client that has keys and one that shares a secret.
type office struct {
	*claimed
	clock      *clock
	realm      *realm.Realm
	rsa, other *rsa.PrivateKey
	ec         *ecdsa.PrivateKey
	secret     string
	keys       *client.Client // authenticates by private_key_jwt
	shared     *client.Client // by client_secret_jwt
	assertions *client.Assertions
}

type object = map[string]any

func newOffice(t testing.TB) *office {
	t.Helper()
	o := &office{
		claimed: &claimed{tickets: map[string]ticket.Ticket{}, docs: map[string]string{}}, clock: newClock(),
		realm: &realm.Realm{Name: "default", Issuer: "https://login.example.org"},
	}
	var err error
	if o.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	if o.other, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	if o.ec, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		t.Fatal(err)
	}
	set, err := json.Marshal(gojose.JSONWebKeySet{Keys: []gojose.JSONWebKey{{Key: o.rsa.Public(), KeyID: "r"}, {Key: o.ec.Public(), KeyID: "e"}}})
	if err != nil {
		t.Fatal(err)
	}
	o.keys = &client.Client{Realm: "default", ID: "app", Type: client.Confidential, Status: client.On, AuthMethod: client.MethodPrivateKeyJWT, JWKS: set}
	plain, s := client.NewSecret(o.clock.t, 0)
	o.secret, s.Sealed = plain, []byte("sealed "+plain)
	o.shared = &client.Client{Realm: "default", ID: "shop", Type: client.Confidential, Status: client.On, AuthMethod: client.MethodSecretJWT, Secrets: []client.Secret{s}}
	o.assertions = client.NewAssertions(client.AssertionConfig{
		Sets: jose.New(jose.Config{Fetch: o, Now: o.clock.Now}), Tickets: o, Open: o.open, Now: o.clock.Now,
	})
	return o
}

// open unseals what was sealed for that client and secret.
func (o *office) open(realm, id string, sealed []byte) ([]byte, error) {
	plain, is := strings.CutPrefix(string(sealed), "sealed ")
	if !is || realm != "default" || !strings.HasPrefix(id, "shop/") || len(id) == len("shop/") {
		return nil, errors.New("it does not open")
	}
	return []byte(plain), nil
}

// claims are those of a good assertion, changed; nil removes one.
func (o *office) claims(id string, changes object) object {
	c := object{"iss": id, "sub": id, "aud": o.realm.Issuer, "jti": rand.Text(), "exp": o.clock.t.Add(time.Minute).Unix(), "iat": o.clock.t.Unix()}
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func assertion(t testing.TB, alg gojose.SignatureAlgorithm, key any, header, claims object) string {
	t.Helper()
	opts := &gojose.SignerOptions{}
	for name, value := range header {
		opts.WithHeader(gojose.HeaderKey(name), value)
	}
	s, err := gojose.NewSigner(gojose.SigningKey{Algorithm: alg, Key: key}, opts)
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

func (o *office) good(t testing.TB, changes object) string {
	return assertion(t, gojose.RS256, o.rsa, object{"kid": "r"}, o.claims("app", changes))
}

func (o *office) verify(t testing.TB, c *client.Client, raw string) oauth.Reason {
	t.Helper()
	return oauth.ReasonOf(o.assertions.Verify(t.Context(), o.realm, c, client.AssertionCredentials(raw, client.AssertionType)))
}

func TestAssertions(t *testing.T) {
	o := newOffice(t)
	for name, tt := range map[string]struct {
		c   *client.Client
		raw string
	}{
		"RS256":                    {o.keys, o.good(t, nil)},
		"PS256":                    {o.keys, assertion(t, gojose.PS256, o.rsa, nil, o.claims("app", nil))},
		"ES256":                    {o.keys, assertion(t, gojose.ES256, o.ec, object{"kid": "e"}, o.claims("app", nil))},
		"typ JWT":                  {o.keys, assertion(t, gojose.RS256, o.rsa, object{"typ": "JWT"}, o.claims("app", nil))},
		"its own typ":              {o.keys, assertion(t, gojose.RS256, o.rsa, object{"typ": "client-authentication+jwt"}, o.claims("app", nil))},
		"without iat":              {o.keys, o.good(t, object{"iat": nil})},
		"a clock a little ahead":   {o.keys, o.good(t, object{"iat": o.clock.t.Add(25 * time.Second).Unix(), "nbf": o.clock.t.Add(25 * time.Second).Unix()})},
		"an hour":                  {o.keys, o.good(t, object{"exp": o.clock.t.Add(time.Hour).Unix()})},
		"a fraction of a second":   {o.keys, o.good(t, object{"exp": float64(o.clock.t.Unix()) + 0.75})},
		"more claims":              {o.keys, o.good(t, object{"scope": "x", "azp": "y"})},
		"by a secret, HS256":       {o.shared, assertion(t, gojose.HS256, []byte(o.secret), nil, o.claims("shop", nil))},
		"by a secret, HS512":       {o.shared, assertion(t, gojose.HS512, []byte(o.secret), nil, o.claims("shop", nil))},
		"an earlier jti of others": {o.shared, assertion(t, gojose.HS256, []byte(o.secret), nil, o.claims("shop", object{"jti": "same"}))},
		"the same jti":             {o.keys, o.good(t, object{"jti": "same"})},
	} {
		if got := o.verify(t, tt.c, tt.raw); got != "" {
			t.Errorf("%s: %s", name, got)
		}
		if got := o.verify(t, tt.c, tt.raw); got != oauth.AssertionReplayed {
			t.Errorf("%s, again: %q", name, got)
		}
	}
}

// CVE class 7: an assertion that was made for another server, was used before, or is signed by nobody who counts.
func TestCVEClass7ForgedAssertions(t *testing.T) {
	o := newOffice(t)
	now := o.clock.t
	b64 := base64.RawURLEncoding.EncodeToString
	payload := func(changes object) string {
		text, err := json.Marshal(o.claims("app", changes))
		if err != nil {
			t.Fatal(err)
		}
		return b64(text)
	}
	hs := func(key []byte) string { return assertion(t, gojose.HS256, key, nil, o.claims("app", nil)) }
	for name, raw := range map[string]string{
		"the token endpoint as aud":    o.good(t, object{"aud": o.realm.Issuer + "/token"}),
		"the issuer with a slash":      o.good(t, object{"aud": o.realm.Issuer + "/"}),
		"the issuer in capitals":       o.good(t, object{"aud": strings.ToUpper(o.realm.Issuer)}),
		"an array of one":              o.good(t, object{"aud": []string{o.realm.Issuer}}),
		"an array with another server": o.good(t, object{"aud": []string{o.realm.Issuer, "https://other.example"}}),
		"another server":               o.good(t, object{"aud": "https://other.example"}),
		"the client as aud":            o.good(t, object{"aud": "app"}),
		"no aud":                       o.good(t, object{"aud": nil}),
		"an empty aud":                 o.good(t, object{"aud": ""}),
		"another client as iss":        o.good(t, object{"iss": "shop"}),
		"no iss":                       o.good(t, object{"iss": nil}),
		"another client as sub":        o.good(t, object{"sub": "shop"}),
		"no sub":                       o.good(t, object{"sub": nil}),
		"a sub that is no text":        o.good(t, object{"sub": []string{"app"}}),
		"no exp":                       o.good(t, object{"exp": nil}),
		"an exp that is no number":     o.good(t, object{"exp": "4102444800"}),
		"an exp that is null":          strings.Join([]string{b64([]byte(`{"alg":"RS256"}`)), b64([]byte(`{"exp":null}`)), "AAAA"}, "."),
		"over at this moment":          o.good(t, object{"exp": now.Unix()}),
		"for a year":                   o.good(t, object{"exp": now.AddDate(1, 0, 0).Unix()}),
		"for longer than an hour":      o.good(t, object{"exp": now.Add(62 * time.Minute).Unix()}),
		"for ever":                     o.good(t, object{"exp": 1e300}),
		"not yet":                      o.good(t, object{"nbf": now.Add(time.Minute).Unix()}),
		"an nbf that is no number":     o.good(t, object{"nbf": "now"}),
		"issued in the future":         o.good(t, object{"iat": now.Add(time.Minute).Unix()}),
		"no jti":                       o.good(t, object{"jti": nil}),
		"an empty jti":                 o.good(t, object{"jti": ""}),
		"a jti that is no text":        o.good(t, object{"jti": 5}),
		"a long jti":                   o.good(t, object{"jti": strings.Repeat("x", 513)}),
		"an access token's typ":        assertion(t, gojose.RS256, o.rsa, object{"typ": "at+jwt"}, o.claims("app", nil)),
		"a request object's typ":       assertion(t, gojose.RS256, o.rsa, object{"typ": "oauth-authz-req+jwt"}, o.claims("app", nil)),
		"another key":                  assertion(t, gojose.RS256, o.other, nil, o.claims("app", nil)),
		"another key by the same name": assertion(t, gojose.RS256, o.other, object{"kid": "r"}, o.claims("app", nil)),
		"a key that it brings":         assertion(t, gojose.RS256, o.other, object{"jwk": gojose.JSONWebKey{Key: o.other.Public()}}, o.claims("app", nil)),
		"unsigned":                     b64([]byte(`{"alg":"none"}`)) + "." + payload(nil) + ".",
		"unsigned with a capital":      b64([]byte(`{"alg":"None"}`)) + "." + payload(nil) + ".",
		"no signature":                 b64([]byte(`{"alg":"RS256"}`)) + "." + payload(nil) + ".",
		"HMAC by the public keys":      hs(o.keys.JWKS),
		"HMAC by nothing":              hs(make([]byte, 32)),
		"a claim twice":                strings.Join([]string{b64([]byte(`{"alg":"RS256"}`)), b64([]byte(`{"sub":"app","sub":"shop"}`)), "AAAA"}, "."),
		"nothing":                      "",
		"dots":                         strings.Repeat(".", 100_000),
	} {
		if got := o.verify(t, o.keys, raw); got != oauth.AssertionInvalid {
			t.Errorf("%s: %q", name, got)
		}
	}
	for _, kind := range []string{"", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer", strings.ToUpper(client.AssertionType)} {
		err := o.assertions.Verify(t.Context(), o.realm, o.keys, client.AssertionCredentials(o.good(t, nil), kind))
		if oauth.ReasonOf(err) != oauth.AssertionInvalid {
			t.Errorf("type %q: %v", kind, err)
		}
	}
	if n := len(o.tickets); n != 0 {
		t.Errorf("%d tickets were claimed by what does not verify", n)
	}
	// A realm that has no issuer is none that an assertion can be meant for.
	nameless := &realm.Realm{Name: "default"}
	if err := o.assertions.Verify(t.Context(), nameless, o.keys, client.AssertionCredentials(o.good(t, object{"aud": ""}), client.AssertionType)); oauth.ReasonOf(err) != oauth.AssertionInvalid {
		t.Errorf("without an issuer: %v", err)
	}
}

// Neither of the two methods stands in for the other, and an algorithm that is registered is the only one.
func TestMethodsOfAssertions(t *testing.T) {
	o := newOffice(t)
	byKey := func(id string) string { return assertion(t, gojose.RS256, o.rsa, nil, o.claims(id, nil)) }
	bySecret := func(alg gojose.SignatureAlgorithm, id string) string {
		return assertion(t, alg, []byte(o.secret), nil, o.claims(id, nil))
	}
	change := func(c *client.Client, how func(*client.Client)) *client.Client { d := *c; how(&d); return &d }
	both := change(o.shared, func(c *client.Client) { c.JWKS = o.keys.JWKS })
	expired := change(o.shared, func(c *client.Client) {
		c.Secrets = []client.Secret{c.Secrets[0]}
		c.Secrets[0].ExpiresAt = o.clock.t
	})
	unsealed := change(o.shared, func(c *client.Client) { c.Secrets = []client.Secret{{ID: "1", Hash: c.Secrets[0].Hash}} })
	later, second := client.NewSecret(o.clock.t, time.Hour)
	second.Sealed = []byte("sealed " + later)
	two := change(o.shared, func(c *client.Client) { c.Secrets = []client.Secret{c.Secrets[0], second} })
	broken := change(o.shared, func(c *client.Client) { c.Secrets = []client.Secret{{ID: "1", Sealed: []byte("spoilt")}} })
	for name, tt := range map[string]struct {
		c    *client.Client
		raw  string
		want oauth.Reason
	}{
		"a key where a secret is shared":     {both, byKey("shop"), oauth.AssertionInvalid},
		"a secret where a key is registered": {change(both, func(c *client.Client) { c.AuthMethod = client.MethodPrivateKeyJWT }), bySecret(gojose.HS256, "shop"), oauth.AssertionInvalid},
		"no method":                          {change(both, func(c *client.Client) { c.AuthMethod = "" }), byKey("shop"), oauth.AssertionInvalid},
		"the registered algorithm":           {change(o.keys, func(c *client.Client) { c.AuthAlg = "RS256" }), byKey("app"), ""},
		"another than the registered":        {change(o.keys, func(c *client.Client) { c.AuthAlg = "PS256" }), byKey("app"), oauth.AssertionInvalid},
		"none as the registered":             {change(o.keys, func(c *client.Client) { c.AuthAlg = "none" }), byKey("app"), oauth.AssertionInvalid},
		"the registered HMAC":                {change(o.shared, func(c *client.Client) { c.AuthAlg = "HS512" }), bySecret(gojose.HS512, "shop"), ""},
		"another HMAC":                       {change(o.shared, func(c *client.Client) { c.AuthAlg = "HS512" }), bySecret(gojose.HS256, "shop"), oauth.AssertionInvalid},
		"the second secret":                  {two, assertion(t, gojose.HS256, []byte(later), nil, o.claims("shop", nil)), ""},
		"a secret that is over":              {expired, bySecret(gojose.HS256, "shop"), oauth.ClientKeysMissing},
		"a secret that is not kept":          {unsealed, bySecret(gojose.HS256, "shop"), oauth.ClientKeysMissing},
		"a secret that does not open":        {broken, bySecret(gojose.HS256, "shop"), oauth.InternalError},
		"no keys":                            {change(o.keys, func(c *client.Client) { c.JWKS = nil }), byKey("app"), oauth.ClientKeysMissing},
		"keys that are away":                 {change(o.keys, func(c *client.Client) { c.JWKS, c.JWKSURI = nil, "https://app.example/jwks" }), byKey("app"), oauth.ClientKeysMissing},
	} {
		if got := o.verify(t, tt.c, tt.raw); got != tt.want {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
	o.docs["https://app.example/keys"] = string(o.keys.JWKS)
	at := change(o.keys, func(c *client.Client) { c.JWKS, c.JWKSURI = nil, "https://app.example/keys" })
	if got := o.verify(t, at, byKey("app")); got != "" {
		t.Errorf("keys by jwks_uri: %q", got)
	}
}

// CVE class 7: of any number who come with the same assertion at once, one is let in.
func TestCVEClass7AssertionsAreUsedOnce(t *testing.T) {
	o := newOffice(t)
	raw := o.good(t, nil)
	var won, lost atomic.Int32
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			switch o.verify(t, o.keys, raw) {
			case "":
				won.Add(1)
			case oauth.AssertionReplayed:
				lost.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 || lost.Load() != 199 {
		t.Errorf("%d were let in, %d refused", won.Load(), lost.Load())
	}
	// What notes it lives as long as the assertion could be used, and not without end.
	for _, noted := range o.tickets {
		if end := o.clock.t.Add(time.Minute); noted.ExpiresAt.Before(end) || noted.ExpiresAt.After(end.Add(time.Minute)) || noted.Kind != ticket.Assertion || noted.Realm != "default" {
			t.Errorf("noted as %+v", noted)
		}
	}
	o.fail = oauth.Fail(oauth.Unavailable, "")
	if got := o.verify(t, o.keys, o.good(t, nil)); got != oauth.Unavailable {
		t.Errorf("where it cannot be noted: %q", got)
	}
}

func TestAssertionCredentials(t *testing.T) {
	o := newOffice(t)
	for name, tt := range map[string]struct {
		raw, id string
		method  client.Method
	}{
		"by a key":      {o.good(t, nil), "app", client.MethodPrivateKeyJWT},
		"by a secret":   {assertion(t, gojose.HS256, []byte(o.secret), nil, o.claims("shop", nil)), "shop", client.MethodSecretJWT},
		"of nobody":     {o.good(t, object{"sub": nil}), "", client.MethodPrivateKeyJWT},
		"not signed":    {"x", "", client.MethodPrivateKeyJWT},
		"claims thrice": {"eyJhbGciOiJSUzI1NiJ9.W10.AAAA", "", client.MethodPrivateKeyJWT},
	} {
		c := client.AssertionCredentials(tt.raw, client.AssertionType)
		if c.ID != tt.id || c.Method != tt.method || !c.HasAssertion || c.Assertion != tt.raw || c.AssertionType != client.AssertionType || c.Secret != "" || c.HasSecret {
			t.Errorf("%s: %+v", name, c)
		}
	}
	// CVE class 13: nobody is refused like somebody, and neither notes anything.
	if got := o.verify(t, nil, o.good(t, nil)); got != oauth.ClientUnknown || len(o.tickets) != 0 {
		t.Errorf("a client that is not there: %q", got)
	}
}
