package bearer_test

import (
	"crypto/x509"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"sallyport/client"
	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/policy/bearer"
	"sallyport/policy/policytest"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/web/fetch"
)

func TestRotation(t *testing.T) {
	p := newPartner(t, nil)
	newer := func(n int) string {
		return sign(t, jose.RS256, p.other, object{"kid": "n"}, p.claims(object{"jti": fmt.Sprint("n", n)}))
	}
	if _, err := p.call(t, p.good(t, nil)); err != nil {
		t.Fatal(err)
	}
	// Whoever comes with keys that are not known has the issuer asked, but not more often than once a minute.
	for n := range 5 {
		if _, err := p.call(t, newer(n)); policytest.Reason(err) != oauth.TokenMalformed {
			t.Fatalf("a key that is not published: %v", err)
		}
	}
	if n := p.web.count(jwksURI); n != 2 {
		t.Fatalf("fetched %d times", n)
	}
	p.web.set(jwksURI, jwks(t, public(p.other.Public(), "n")))
	p.pass(55 * time.Second)
	if _, err := p.call(t, newer(8)); policytest.Reason(err) != oauth.TokenMalformed {
		t.Fatalf("within the pause: %v", err)
	}
	p.pass(10 * time.Second)
	if _, err := p.call(t, newer(9)); err != nil {
		t.Fatalf("after the pause: %v", err)
	}
	// A key that was withdrawn: its tokens end when they are next verified, which is soon.
	if _, err := p.call(t, p.good(t, nil)); policytest.Reason(err) != oauth.TokenMalformed {
		t.Errorf("a new token by a key that was withdrawn: %v", err)
	}
	p = newPartner(t, nil)
	if _, err := p.call(t, p.good(t, nil)); err != nil {
		t.Fatal(err)
	}
	old := p.good(t, object{"exp": p.now.Add(24 * time.Hour).Unix()})
	p.web.set(jwksURI, jwks(t, public(p.other.Public(), "n")))
	p.pass(12 * time.Minute)
	_, _ = p.call(t, old) // has the keys fetched in the background
	eventually(t, func() bool {
		p.pass(time.Minute)
		_, err := p.call(t, old)
		return policytest.Reason(err) == oauth.TokenMalformed
	})
}

func eventually(t *testing.T, done func() bool) {
	t.Helper()
	for range 40 {
		if done() {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("never happened")
}

func TestIssuerThatDoesNotAnswer(t *testing.T) {
	p := newPartner(t, nil)
	keys := p.web.docs[jwksURI]
	for _, doc := range []string{"", "<html>", `{"keys":[]}`, `{"keys":"x"}`} {
		p.web.set(jwksURI, doc)
		_, err := p.call(t, p.good(t, nil))
		if policytest.Refusal(err) != nil || policytest.Reason(err) != oauth.Unavailable {
			t.Fatalf("keys %q: %v", doc, err)
		}
		p.pass(time.Minute)
	}
	// Many who come at once share one attempt, and those who come within the pause hear what came of it.
	before := p.web.count(jwksURI)
	raw := p.good(t, nil)
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if _, err := p.call(t, raw); policytest.Reason(err) != oauth.Unavailable {
				t.Errorf("got %v", err)
			}
		})
	}
	all.Wait()
	if n := p.web.count(jwksURI) - before; n != 1 {
		t.Errorf("fetched %d times", n)
	}
	p.pass(time.Minute)
	p.web.set(jwksURI, keys)
	if _, err := p.call(t, raw); err != nil {
		t.Fatalf("once it answers: %v", err)
	}
	// Its last keys count for a day.
	p.web.set(jwksURI, "")
	p.pass(20 * time.Hour)
	if _, err := p.call(t, p.good(t, nil)); err != nil {
		t.Errorf("while it is away: %v", err)
	}
	p.pass(5 * time.Hour)
	if _, err := p.call(t, p.good(t, nil)); policytest.Reason(err) != oauth.Unavailable {
		t.Errorf("away for more than a day: %v", err)
	}
}

func TestDiscovery(t *testing.T) {
	own := "https://partner.example.org/.well-known/oauth-authorization-server/tenant"
	connect := issuer + "/.well-known/openid-configuration"
	metadata := func(of, uri string) string { return fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, of, uri) }
	for name, tt := range map[string]struct {
		docs map[string]string
		good bool
	}{
		"OpenID Connect":       {map[string]string{connect: metadata(issuer, jwksURI)}, true},
		"RFC 8414":             {map[string]string{own: metadata(issuer, jwksURI)}, true},
		"of another issuer":    {map[string]string{connect: metadata("https://evil.example.org", jwksURI), own: metadata(issuer+"/", jwksURI)}, false},
		"without keys":         {map[string]string{connect: `{"issuer":"` + issuer + `"}`}, false},
		"not JSON":             {map[string]string{connect: "<html>"}, false},
		"not there":            {nil, false},
		"the second is better": {map[string]string{connect: "<html>", own: metadata(issuer, jwksURI)}, true},
	} {
		p := newPartner(t, func(i *realm.TrustedIssuer) { i.JWKSURI = "" })
		for url, doc := range tt.docs {
			p.web.set(url, doc)
		}
		_, err := p.call(t, p.good(t, nil))
		if tt.good && err != nil || !tt.good && policytest.Reason(err) != oauth.Unavailable {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What is remembered of a token ends with the settings and the client that it was verified under.
func TestChangesCountAtOnce(t *testing.T) {
	p := newPartner(t, nil)
	raw := p.good(t, nil)
	if _, err := p.call(t, raw); err != nil {
		t.Fatal(err)
	}
	p.clients["partner"] = &client.Client{Realm: "default", ID: "partner", Status: client.On, Scopes: scope.Set{"write"}}
	if c, err := p.call(t, raw); err != nil || c.Caller.Scope.String() != "write" {
		t.Errorf("fewer scopes: %v %v", c.Caller.Scope, err)
	}
	changed := *p.realm
	changed.TrustedIssuers = []realm.TrustedIssuer{changed.TrustedIssuers[0]}
	changed.TrustedIssuers[0].Audience = []string{"stock"}
	p.realm = &changed
	if _, err := p.call(t, raw); policytest.Reason(err) != oauth.TokenMalformed {
		t.Errorf("another audience: %v", err)
	}
	p.realm = &realm.Realm{Name: "default"}
	if _, err := p.call(t, raw); policytest.Reason(err) != oauth.TokenMalformed {
		t.Errorf("not trusted any more: %v", err)
	}
	p = newPartner(t, nil)
	raw = p.good(t, nil)
	if _, err := p.call(t, raw); err != nil {
		t.Fatal(err)
	}
	p.pass(time.Hour)
	if _, err := p.call(t, raw); policytest.Reason(err) != oauth.TokenExpired {
		t.Errorf("over: %v", err)
	}
}

// The client that foreign tokens act as is held to its own conditions by the chain.
func TestForeignTokensInTheChain(t *testing.T) {
	p := newPartner(t, func(i *realm.TrustedIssuer) { i.Client = "claim:azp" })
	for _, tt := range []struct {
		status client.Status
		azp    string
		scopes []string
		reason oauth.Reason
	}{
		{client.On, "other", []string{"read"}, ""},
		{client.On, "other", []string{"write"}, oauth.ScopeMissing},
		{client.On, "nobody", nil, oauth.ClientUnknown},
		{client.Off, "other", nil, oauth.ClientDisabled},
	} {
		p.clients["other"] = &client.Client{Realm: "default", ID: "other", Status: tt.status, Scopes: scope.Set{"read"}}
		c := policytest.NewCall("GET", "/", "Authorization: Bearer "+p.good(t, object{"azp": tt.azp}))
		c.Realm, c.API.Scopes = p.realm, tt.scopes
		kind := bearer.Kind(verifier{}, bearer.NewIssuers(p.web, p.clients, p.time))
		chain, err := policy.NewChain(c.API, policy.Parts{Ways: map[string]policy.Kind{policy.Bearer: kind}, Clients: p.clients})
		if err != nil {
			t.Fatal(err)
		}
		if got := policytest.Reason(chain.Request(t.Context(), c)); got != tt.reason {
			t.Errorf("%+v: %q", tt, got)
		}
	}
}

// With the fetcher that the program uses: a server of keys that leads to where it should not, or does not end.
func TestHostileKeyServers(t *testing.T) {
	p := newPartner(t, nil)
	set := p.web.docs[jwksURI]
	for name, tt := range map[string]struct {
		serve http.HandlerFunc
		cause string // "": fetched
	}{
		"good": {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, set) }, ""},
		"leads to metadata": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://169.254.169.254/", http.StatusFound)
		}, "address"},
		"leads to a file": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		}, "URL"},
		"too long": {func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprint(w, `{"keys":[`, strings.Repeat(" ", fetch.MaxSize), `]}`)
		}, "too long"},
		"slow": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, "deadline"},
	} {
		t.Run(name, func(t *testing.T) {
			s := httptest.NewTLSServer(tt.serve)
			defer s.Close()
			roots := x509.NewCertPool()
			roots.AddCert(s.Certificate())
			p.realm.TrustedIssuers[0].JWKSURI = s.URL + "/jwks"
			f := fetch.New(fetch.Options{Private: true, Roots: roots, Time: time.Second})
			p.policy = policytest.Make(t, bearer.Kind(verifier{}, bearer.NewIssuers(f, p.clients, p.time)), "")
			_, err := p.call(t, p.good(t, nil))
			switch {
			case tt.cause == "" && err != nil, tt.cause != "" && policytest.Reason(err) != oauth.Unavailable:
				t.Errorf("got %v", err)
			case tt.cause != "" && !strings.Contains(err.Error(), tt.cause):
				t.Errorf("the log will say %v, without %q", err, tt.cause)
			}
		})
	}
}

func FuzzForeign(f *testing.F) {
	p := newPartner(f, nil)
	f.Add(p.good(f, nil))
	f.Add(sign(f, jose.EdDSA, p.ed, nil, object{"iss": issuer, "aud": []any{1, "orders"}, "exp": "x"}))
	f.Add("a.e30.c")
	other := newPartner(f, nil) // whose keys are others, so that nothing can be right
	f.Fuzz(func(t *testing.T, raw string) {
		if _, err := other.call(t, raw); err == nil && raw != "good" {
			t.Fatalf("%q passes", raw)
		}
	})
}

func BenchmarkForeign(b *testing.B) {
	p := newPartner(b, nil)
	raw := "Bearer " + p.good(b, nil)
	c := policytest.NewCall("GET", "/")
	c.Realm = p.realm
	b.ReportAllocs()
	for b.Loop() {
		c.Header.(policy.Fields)["Authorization"] = []string{raw}
		if err := p.policy.Request(b.Context(), c); err != nil {
			b.Fatal(err)
		}
	}
}
