package authserver_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	gojose "github.com/go-jose/go-jose/v4"

	"sallyport/client"
	"sallyport/deployment"
	"sallyport/dialect/dialecttest"
	"sallyport/jose"
	"sallyport/key"
	"sallyport/realm"
)

const jwksURI = "https://keys.example.org/jwks"

// A notary holds the keys of the clients that sign, and publishes those of one of them.
type notary struct {
	*house
	mu        sync.Mutex
	published string
	own, next *ecdsa.PrivateKey
	shared    string
}

func (n *notary) Get(_ context.Context, url string) ([]byte, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if url != jwksURI {
		return nil, errors.New("nothing there")
	}
	return []byte(n.published), nil
}

func (n *notary) publish(kid string, k *ecdsa.PrivateKey) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.published = string(keySet(n.T, kid, k))
}

func keySet(t testing.TB, kid string, k *ecdsa.PrivateKey) []byte {
	t.Helper()
	set, err := json.Marshal(gojose.JSONWebKeySet{Keys: []gojose.JSONWebKey{{Key: k.Public(), KeyID: kid}}})
	if err != nil {
		t.Fatal(err)
	}
	return set
}

// openSigned opens a server with clients that authenticate by assertions: "signs" has its keys here, "points" says where they
// are, "macs" signs with its secret.
func openSigned(t *testing.T) *notary {
	t.Helper()
	n := &notary{}
	var err error
	for _, k := range []**ecdsa.PrivateKey{&n.own, &n.next} {
		if *k, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	master := key.Master{1}
	n.house = open(t, func(start *deployment.ChangeSet) {
		one := func(id string, m client.Method) *client.Client {
			c := &client.Client{
				Realm: realm.Default, ID: id, Type: client.Confidential, Status: client.On, AuthMethod: m,
				Grants: []string{"client_credentials", "password", "refresh_token"}, Scopes: []string{"read"},
			}
			start.Clients = append(start.Clients, c)
			return c
		}
		signs := one("signs", client.MethodPrivateKeyJWT)
		signs.JWKS = keySet(t, "k1", n.own)
		twin := *signs
		twin.Realm = "corp"
		start.Clients = append(start.Clients, &twin)
		one("points", client.MethodPrivateKeyJWT).JWKSURI = jwksURI
		c := one("macs", client.MethodSecretJWT)
		plain, s := client.NewSecret(time.Time{}, 0)
		if s.Sealed, err = client.SealSecret(master, realm.Default, c.ID, s.ID, plain); err != nil {
			t.Fatal(err)
		}
		n.shared, c.Secrets = plain, []client.Secret{s}
	})
	n.publish("k1", n.own)
	book, ok := n.Stores.(client.Claimer)
	if !ok {
		t.Fatal("the store keeps no tickets")
	}
	n.Engine.Assertions = client.NewAssertions(client.AssertionConfig{
		Sets: jose.New(jose.Config{Fetch: n, Now: n.Clock.Now}), Tickets: book, Now: n.Clock.Now,
		Open: func(realm, id string, sealed []byte) ([]byte, error) {
			return master.Open("client secret", realm, id, sealed)
		},
	})
	return n
}

func (n *notary) issuer() string { return n.Realms.ByName(realm.Default).Issuer }

// assertion is one that is good, unless it is changed.
func (n *notary) assertion(id string, changes map[string]any) string {
	n.T.Helper()
	key := gojose.SigningKey{Algorithm: gojose.ES256, Key: gojose.JSONWebKey{Key: n.own, KeyID: "k1"}}
	if id == "macs" {
		key = gojose.SigningKey{Algorithm: gojose.HS256, Key: []byte(n.shared)}
	}
	return n.sign(key, id, changes)
}

func (n *notary) sign(key gojose.SigningKey, id string, changes map[string]any) string {
	n.T.Helper()
	now := n.Clock.Now()
	claims := map[string]any{"iss": id, "sub": id, "aud": n.issuer(), "jti": rand.Text(), "iat": now.Unix(), "exp": now.Add(time.Minute).Unix()}
	maps.Copy(claims, changes)
	text, err := json.Marshal(claims)
	if err != nil {
		n.T.Fatal(err)
	}
	s, err := gojose.NewSigner(key, nil)
	if err != nil {
		n.T.Fatal(err)
	}
	jws, err := s.Sign(text)
	if err != nil {
		n.T.Fatal(err)
	}
	raw, err := jws.CompactSerialize()
	if err != nil {
		n.T.Fatal(err)
	}
	return raw
}

// with puts an assertion among parameters.
func with(assertion string, pairs ...string) []string {
	return append(pairs, "client_assertion_type", client.AssertionType, "client_assertion", assertion)
}

var endpoints = map[string][]string{
	"/token":      {"grant_type", "client_credentials"},
	"/introspect": {"token", "x"},
	"/revoke":     {"token", "x"},
}

func TestAssertionsAreTakenAtEveryEndpoint(t *testing.T) {
	n := openSigned(t)
	for path, pairs := range endpoints {
		for _, id := range []string{"signs", "points", "macs"} {
			raw := n.assertion(id, nil)
			if got := n.post(path, "", with(raw, pairs...)...); got.Status != http.StatusOK {
				t.Errorf("%s %s: %d %s", path, id, got.Status, got.Body)
			}
			if got := n.post(path, "", with(raw, pairs...)...); got.Status != http.StatusUnauthorized || got.Body != wrongClient {
				t.Errorf("%s %s, used again: %d %s", path, id, got.Status, got.Body)
			}
			// What was used at one endpoint is used at all.
			if got := n.post("/token", "", with(raw, endpoints["/token"]...)...); got.Status != http.StatusUnauthorized {
				t.Errorf("%s %s, used again at the token endpoint: %d %s", path, id, got.Status, got.Body)
			}
			if got := n.post(path, "", with(n.assertion(id, nil), append(pairs, "client_id", id)...)...); got.Status != http.StatusOK {
				t.Errorf("%s %s with client_id: %d %s", path, id, got.Status, got.Body)
			}
			n.Clock.Advance(time.Hour) // whatever failed is forgotten
		}
	}
}

// CVE class 7, at every endpoint.
func TestCVEClass7AssertionsAtEveryEndpoint(t *testing.T) {
	n := openSigned(t)
	// Each call has an assertion and an address of its own, so that it is refused for nothing else.
	signs := func(changes map[string]any) func() string {
		return func() string { return n.assertion("signs", changes) }
	}
	by := func(k gojose.SigningKey) func() string { return func() string { return n.sign(k, "signs", nil) } }
	of := func(id string) func() string { return func() string { return n.assertion(id, nil) } }
	unsigned := func() string {
		return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + strings.Split(n.assertion("signs", nil), ".")[1] + "."
	}
	source := netip.MustParseAddr("198.51.100.1")
	for name, tt := range map[string]struct {
		auth      string
		assertion func() string // nil: none
		pairs     []string
		status    int
		body      string
	}{
		"as it should be":           {"", signs(nil), nil, 200, ""},
		"the token endpoint as aud": {"", signs(map[string]any{"aud": n.issuer() + "/token"}), nil, 401, wrongClient},
		"an array with the issuer":  {"", signs(map[string]any{"aud": []string{n.issuer()}}), nil, 401, wrongClient},
		"another realm's issuer":    {"", signs(map[string]any{"aud": n.Realms.ByName("corp").Issuer}), nil, 401, wrongClient},
		"over":                      {"", signs(map[string]any{"exp": n.Clock.Now().Unix()}), nil, 401, wrongClient},
		"another client_id":         {"", signs(nil), []string{"client_id", "points"}, 401, wrongClient},
		"a client that has none":    {"", of("app"), nil, 401, wrongClient},
		"a client that is unknown":  {"", of("nobody"), nil, 401, wrongClient},
		"by another key":            {"", by(gojose.SigningKey{Algorithm: gojose.ES256, Key: n.next}), nil, 401, wrongClient},
		"HMAC by the key set":       {"", by(gojose.SigningKey{Algorithm: gojose.HS256, Key: keySet(t, "k1", n.own)}), nil, 401, wrongClient},
		"unsigned":                  {"", unsigned, nil, 401, wrongClient},
		"another type":              {"", signs(nil), []string{"client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"}, 401, wrongClient},
		"an empty type":             {"", signs(nil), []string{"client_assertion_type", ""}, 401, wrongClient},
		"a type alone":              {"", func() string { return "" }, []string{"client_id", "signs"}, 401, wrongClient},
		"not a JWT":                 {"", func() string { return "x" }, []string{"client_id", "signs"}, 401, wrongClient},
		"with Basic":                {basic("app", secret), signs(nil), nil, 400, twoWays},
		"with a secret":             {"", signs(nil), []string{"client_secret", secret}, 400, twoWays},
		"client_id and nothing":     {"", nil, []string{"client_id", "signs"}, 401, wrongClient},
		"its secret, sent":          {"", nil, []string{"client_id", "macs", "client_secret", n.shared}, 401, wrongClient},
		"its secret, by Basic":      {basic("macs", n.shared), nil, nil, 401, wrongClient},
		"two assertions":            {"", signs(nil), []string{"client_assertion", "x", "client_assertion", "y"}, 400, ""},
	} {
		for path, pairs := range endpoints {
			source = source.Next()
			p := append(slices.Clone(pairs), tt.pairs...)
			if tt.assertion != nil {
				for _, more := range [][]string{{"client_assertion", tt.assertion()}, {"client_assertion_type", client.AssertionType}} {
					if !slices.Contains(tt.pairs, more[0]) {
						p = append(p, more...)
					}
				}
			}
			got := n.Do(n.routes, dialecttest.Call{Path: path, Auth: tt.auth, Body: form(p...), Source: source.String()})
			if got.Status != tt.status || tt.body != "" && got.Body != tt.body {
				t.Errorf("%s, %s: %d %s", name, path, got.Status, got.Body)
			}
		}
	}
	// The same client with the same key in another realm: what it signs for one is of no use at the other.
	for issuer, want := range map[string]int{"": 401, n.Realms.ByName("corp").Issuer: 200} {
		var changes map[string]any
		if issuer != "" {
			changes = map[string]any{"aud": issuer}
		}
		raw := n.assertion("signs", changes)
		if got := n.Do(n.routes, dialecttest.Call{Path: "/introspect", Realm: "corp", Body: form(with(raw, "token", "x")...)}); got.Status != want {
			t.Errorf("at another realm: %d %s", got.Status, got.Body)
		}
	}
}

// A client that changes its keys (refresh-token-rp-key-rotation) is let in by the new one at once.
func TestClientRotatesItsKeys(t *testing.T) {
	n := openSigned(t)
	got := n.post("/token", "", with(n.assertion("points", nil), "grant_type", "password", "username", "dory", "password", "password of dory")...)
	if got.Status != http.StatusOK {
		t.Fatal(got.Body)
	}
	n.publish("k2", n.next)
	fresh := n.sign(gojose.SigningKey{Algorithm: gojose.ES256, Key: gojose.JSONWebKey{Key: n.next, KeyID: "k2"}}, "points", nil)
	refresh, _ := got.JSON()["refresh_token"].(string)
	if got := n.post("/token", "", with(fresh, "grant_type", "refresh_token", "refresh_token", refresh)...); got.Status != http.StatusOK {
		t.Errorf("by its new key: %d %s", got.Status, got.Body)
	}
	if got := n.post("/token", "", with(n.assertion("points", nil), "grant_type", "client_credentials")...); got.Status != http.StatusUnauthorized {
		t.Errorf("by its old key: %d %s", got.Status, got.Body)
	}
}

// CVE class 7: of 50 who come with the same assertion at once, one gets a token.
func TestCVEClass7AssertionsRace(t *testing.T) {
	n := openSigned(t)
	body := form(with(n.assertion("signs", nil), "grant_type", "client_credentials")...)
	var won atomic.Int32
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if got := n.Do(n.routes, dialecttest.Call{Path: "/token", Body: body}); got.Status == http.StatusOK {
				won.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d got a token", won.Load())
	}
}
