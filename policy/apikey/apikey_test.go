package apikey_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sallyport/api"
	"sallyport/client"
	"sallyport/credential"
	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/policy/apikey"
	"sallyport/policy/policytest"
	"sallyport/scope"
)

var now = policytest.Time

// A world is a client with a key.
type world struct {
	keys    policytest.Keys
	clients policytest.Clients
	uses    policytest.Counts
	plain   string
	key     *credential.Credential
}

func newWorld(t *testing.T, alter func(*credential.Credential)) *world {
	t.Helper()
	w := &world{clients: policytest.Clients{"shop": {Realm: "default", ID: "shop", Status: client.On, Scopes: scope.Set{"read", "write"}}}}
	w.plain, w.key = credential.NewAPIKey("default", "shop", now)
	if alter != nil {
		alter(w.key)
	}
	w.keys.Add(t, w.key)
	return w
}

func (w *world) kind() policy.Kind { return apikey.Kind(&w.keys, w.clients, &w.uses) }

func TestKey(t *testing.T) {
	tests := []struct {
		name   string
		alter  func(*credential.Credential)
		scope  scope.Set
		status int
		reason oauth.Reason
	}{
		{"good", nil, scope.Set{"read", "write"}, 0, ""},
		{"fewer scopes", func(c *credential.Credential) { c.Scopes = scope.Set{"write", "admin"} }, scope.Set{"write"}, 0, ""},
		{"this API", func(c *credential.Credential) { c.APIs = []string{"a", "orders"} }, scope.Set{"read", "write"}, 0, ""},
		{"other APIs", func(c *credential.Credential) { c.APIs = []string{"a", "Orders"} }, nil, 403, policy.KeyWrongAPI},
		{"switched off", func(c *credential.Credential) { c.Status = credential.Off }, nil, 401, policy.KeyDisabled},
		{"without a status", func(c *credential.Credential) { c.Status = "" }, nil, 401, policy.KeyDisabled},
		{"revoked", func(c *credential.Credential) { c.RevokedAt = now.Add(-time.Hour) }, nil, 401, policy.KeyRevoked},
		{"to be good later", func(c *credential.Credential) { c.NotBefore = now.Add(1) }, nil, 401, policy.KeyNotYetValid},
		{"good from now on", func(c *credential.Credential) { c.NotBefore = now }, scope.Set{"read", "write"}, 0, ""},
		{"good to the last", func(c *credential.Credential) { c.NotAfter = now.Add(1) }, scope.Set{"read", "write"}, 0, ""},
		{"over", func(c *credential.Credential) { c.NotAfter = now }, nil, 401, policy.KeyExpired},
		{"off before revoked before over", func(c *credential.Credential) { c.Status, c.RevokedAt, c.NotAfter = credential.Off, now, now }, nil, 401, policy.KeyDisabled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, tt.alter)
			c := policytest.NewCall("GET", "/orders?x-api-key=y", "X-API-Key: "+w.plain, "Accept: */*")
			err := policytest.Make(t, w.kind(), "").Request(t.Context(), c)
			if tt.status != 0 {
				r := policytest.Refusal(err)
				if r == nil || r.Status != tt.status || r.Reason != tt.reason || r.Detail == "" || r.Fix == "" || c.Caller.Client != "" {
					t.Fatalf("refusal %+v, caller %+v", r, c.Caller)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			want := policy.Caller{Client: "shop", Scope: tt.scope, Scheme: "ApiKey", Credential: w.key.ID}
			if diff := cmp.Diff(want, c.Caller, cmpopts.IgnoreFields(policy.Caller{}, "Slots")); diff != "" || c.Caller.Slots == nil {
				t.Error(diff)
			}
			if diff := cmp.Diff(policytest.Fields("Accept: */*"), c.Header); diff != "" {
				t.Errorf("goes upstream: %s", diff)
			}
			if c.Query != "x-api-key=y" {
				t.Errorf("query %q", c.Query)
			}
		})
	}
}

func TestWhatIsSent(t *testing.T) {
	w := newWorld(t, nil)
	_, secret, signing, err := credential.NewSignature(policytest.Master, "default", "shop", now)
	if err != nil {
		t.Fatal(err)
	}
	w.keys.Add(t, signing)
	w.keys.Add(t, credential.ImportAPIKey("other", "shop", "imported", "key of another realm", now))
	w.keys.Add(t, credential.ImportAPIKey("default", "shop", "imported", "MDk5ZGY3M2UtYjM4Mi00ZGI2LTg0MDAtMGY2YTNhMmQ4OTM3", now))
	inQuery := `{"query": "api_key"}`
	for _, tt := range []struct {
		name, settings, target string
		header                 []string
		status                 int
		reason                 oauth.Reason
		query                  string
	}{
		{"nothing", "", "/", nil, 401, oauth.TokenMissing, ""},
		{"in the query, which is not looked at", "", "/?x-api-key=" + w.plain + "&api_key=" + w.plain, nil, 401, oauth.TokenMissing, ""},
		{"as a bearer token", "", "/", []string{"Authorization: Bearer " + w.plain}, 401, oauth.TokenMissing, ""},
		{"with white space around", "", "/", []string{"x-api-key:  \t" + w.plain + " "}, 0, "", ""},
		{"imported", "", "/", []string{"x-api-key: MDk5ZGY3M2UtYjM4Mi00ZGI2LTg0MDAtMGY2YTNhMmQ4OTM3"}, 0, "", ""},
		{"empty", "", "/", []string{"x-api-key: "}, 401, policy.KeyUnknown, ""},
		{"its id alone", "", "/", []string{"x-api-key: " + w.key.ID}, 401, policy.KeyUnknown, ""},
		{"another ending", "", "/", []string{"x-api-key: " + w.plain + "x"}, 401, policy.KeyUnknown, ""},
		{"another case", "", "/", []string{"x-api-key: " + strings.ToUpper(w.plain)}, 401, policy.KeyUnknown, ""},
		{"of another realm", "", "/", []string{"x-api-key: key of another realm"}, 401, policy.KeyUnknown, ""},
		{"the public id of a signing key", "", "/", []string{"x-api-key: " + signing.ID}, 401, policy.KeyUnknown, ""},
		{"the secret of a signing key", "", "/", []string{"x-api-key: " + secret}, 401, policy.KeyUnknown, ""},
		{"long", "", "/", []string{"x-api-key: " + strings.Repeat("x", 1<<20)}, 401, policy.KeyUnknown, ""},
		{"twice", "", "/", []string{"x-api-key: " + w.plain, "X-Api-Key: " + w.plain}, 400, oauth.RequestMalformed, ""},
		{"a list", "", "/", []string{"x-api-key: " + w.plain + ", " + w.plain}, 401, policy.KeyUnknown, ""},
		{"in a field of another name", `{"header": "apikey"}`, "/", []string{"ApiKey: " + w.plain}, 0, "", ""},
		{"in the usual field where another is asked for", `{"header": "apikey"}`, "/", []string{"x-api-key: " + w.plain}, 401, oauth.TokenMissing, ""},
		{"in the query", inQuery, "/?a=1&api_key=" + w.plain + "&b=%20", nil, 0, "", "a=1&b=%20"},
		{"in the query, escaped", inQuery, "/?api_key=" + strings.ReplaceAll(w.plain, "_", "%5F"), nil, 0, "", ""},
		{"in the query twice", inQuery, "/?api_key=" + w.plain + "&api_key=" + w.plain, nil, 400, oauth.RequestMalformed, ""},
		{"in the query and in the header", inQuery, "/?api_key=" + w.plain, []string{"x-api-key: " + w.plain}, 400, oauth.RequestMalformed, ""},
		{"in a parameter whose name ends like it", inQuery, "/?my_api_key=" + w.plain, nil, 401, oauth.TokenMissing, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := policytest.NewCall("GET", tt.target, tt.header...)
			err := policytest.Make(t, w.kind(), tt.settings).Request(t.Context(), c)
			if tt.status == 0 {
				if err != nil || c.Caller.Client != "shop" || len(c.Header.(policy.Fields)) != 0 || c.Query != tt.query {
					t.Fatalf("%v, caller %+v, header %v, query %q", err, c.Caller, c.Header, c.Query)
				}
				return
			}
			r := policytest.Refusal(err)
			if r == nil || r.Status != tt.status || r.Reason != tt.reason || r.Scheme != "ApiKey" || c.Caller.Client != "" {
				t.Fatalf("%v: %+v", err, r)
			}
			if strings.Contains(r.Detail+r.Fix, w.plain) {
				t.Error("the answer holds the key")
			}
		})
	}
}

// Whatever is wrong with a key that is not there, the answer is the same.
func TestUnknownKeysAreAllTheSame(t *testing.T) {
	w := newWorld(t, nil)
	var first *policy.Refusal
	for _, sent := range []string{"", "x", w.key.ID, w.plain[:63], w.plain + "x", strings.Repeat("x", 4096)} {
		c := policytest.NewCall("GET", "/", "x-api-key: "+sent)
		r := policytest.Refusal(policytest.Make(t, w.kind(), "").Request(t.Context(), c))
		if first == nil {
			first = r
		}
		if diff := cmp.Diff(first, r); diff != "" || r == nil {
			t.Errorf("%.20q: %s", sent, diff)
		}
	}
}

func TestUses(t *testing.T) {
	w := newWorld(t, func(c *credential.Credential) { c.Uses = 2 })
	p := policytest.Make(t, w.kind(), "")
	call := func() (*policy.Call, error) {
		c := policytest.NewCall("GET", "/", "x-api-key: "+w.plain)
		return c, p.Request(t.Context(), c)
	}
	for range 2 {
		if _, err := call(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := call(); policytest.Reason(err) != policy.KeyExhausted || policytest.Refusal(err).Status != 401 {
		t.Errorf("the third: %v", err)
	}
	w.uses.Fail = errors.New("away")
	if _, err := call(); policytest.Refusal(err) != nil || policytest.Reason(err) != oauth.Unavailable {
		t.Errorf("while nobody counts: %v", err)
	}
	// A call to an API that the key does not open is not a use.
	w = newWorld(t, func(c *credential.Credential) { c.Uses, c.APIs = 2, []string{"other"} })
	p = policytest.Make(t, w.kind(), "")
	for range 5 {
		if _, err := call(); policytest.Reason(err) != policy.KeyWrongAPI {
			t.Errorf("another API: %v", err)
		}
	}
	if n := w.uses.Used("key/" + w.key.ID); n != 0 {
		t.Errorf("%d uses counted", n)
	}
}

func TestFaultsStayFaults(t *testing.T) {
	w := newWorld(t, nil)
	w.keys.Fail = oauth.Fail(oauth.Unavailable, "")
	c := policytest.NewCall("GET", "/", "x-api-key: "+w.plain)
	err := policytest.Make(t, w.kind(), "").Request(t.Context(), c)
	if policytest.Refusal(err) != nil || policytest.Reason(err) != oauth.Unavailable {
		t.Errorf("got %v", err)
	}
}

// The client's own conditions hold for whoever comes with its key.
func TestInTheChain(t *testing.T) {
	hours, err := client.ParseHours("08:00-11:00")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := client.ParseNetwork("198.51.100.0/24")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name   string
		alter  func(*client.Client)
		scopes []string
		reason oauth.Reason
	}{
		{"good", func(*client.Client) {}, []string{"read"}, ""},
		{"no scope", func(*client.Client) {}, []string{"admin"}, oauth.ScopeMissing},
		{"a scope that was taken from the client", func(c *client.Client) { c.Scopes = nil }, []string{"read"}, oauth.ScopeMissing},
		{"off", func(c *client.Client) { c.Status = client.Off }, nil, oauth.ClientDisabled},
		{"locked", func(c *client.Client) { c.Status = client.Locked }, nil, oauth.ClientLocked},
		{"not yet", func(c *client.Client) { c.NotBefore = now.Add(1) }, nil, oauth.ClientNotYetValid},
		{"over", func(c *client.Client) { c.NotAfter = now }, nil, oauth.ClientExpired},
		{"hours", func(c *client.Client) { c.Hours = hours }, nil, policy.ClientHours},
		{"address", func(c *client.Client) { c.Addresses = []client.Network{elsewhere} }, nil, policy.ClientAddress},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, nil)
			tt.alter(w.clients["shop"])
			c := policytest.NewCall("GET", "/", "x-api-key: "+w.plain)
			c.Source = netip.MustParseAddr("192.0.2.9")
			c.API.Auth = []api.Policy{{Name: "apikey"}}
			c.API.Scopes = tt.scopes
			chain, err := policy.NewChain(c.API, policy.Parts{Ways: map[string]policy.Kind{"apikey": w.kind()}, Clients: w.clients})
			if err != nil {
				t.Fatal(err)
			}
			err = chain.Request(t.Context(), c)
			if got := policytest.Reason(err); got != tt.reason {
				t.Errorf("reason %q, want %q", got, tt.reason)
			}
			chain.Done(c)
		})
	}
	w := newWorld(t, nil)
	delete(w.clients, "shop")
	c := policytest.NewCall("GET", "/", "x-api-key: "+w.plain)
	c.API.Auth = []api.Policy{{Name: "apikey"}}
	chain, err := policy.NewChain(c.API, policy.Parts{Ways: map[string]policy.Kind{"apikey": w.kind()}, Clients: w.clients})
	if err != nil {
		t.Fatal(err)
	}
	if err := chain.Request(t.Context(), c); policytest.Reason(err) != oauth.ClientUnknown {
		t.Errorf("a client that is gone: %v", err)
	}
}

func TestSettings(t *testing.T) {
	for settings, want := range map[string]string{
		`{"header": ""}`:              "header: ",
		`{"header": "x api key"}`:     "header: ",
		`{"header": "authorization"}`: "header: ",
		`{"header": "cookie"}`:        "header: ",
		`{"query": "a b"}`:            "query: ",
		`{"query": "a&b"}`:            "query: ",
		`{"headers": "x"}`:            "headers: unknown key",
	} {
		_, err := apikey.Kind(nil, nil, nil).New(policy.Site{}, []byte(settings))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", settings, err)
		}
	}
}

func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"", "api_key=x", "a&api_key=x&b", "api_key", "&&api_key=%41&", "api_key=%"} {
		f.Add(seed)
	}
	kind := apikey.Kind(&policytest.Keys{}, policytest.Clients{}, &policytest.Counts{})
	p, err := kind.New(policy.Site{}, []byte(`{"query": "api_key"}`))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, query string) {
		c := policytest.NewCall("GET", "/")
		c.Query = query
		if err := p.Request(t.Context(), c); policytest.Refusal(err) == nil {
			t.Fatalf("%q: %v", query, err)
		}
	})
}

func BenchmarkKey(b *testing.B) {
	var keys policytest.Keys
	clients := policytest.Clients{"shop": {Status: client.On}}
	plain, key := credential.NewAPIKey("default", "shop", now)
	keys.Add(b, key)
	p := policytest.Make(b, apikey.Kind(&keys, clients, nil), "")
	c := policytest.NewCall("GET", "/")
	b.ReportAllocs()
	for b.Loop() {
		c.Header.(policy.Fields)["X-Api-Key"] = []string{plain}
		if err := p.Request(b.Context(), c); err != nil {
			b.Fatal(err)
		}
	}
}
