package basic_test

import (
	"context"
	"encoding/base64"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/api"
	"sallyport/client"
	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/policy/basic"
	"sallyport/policy/policytest"
	"sallyport/realm"
	"sallyport/scope"
)

var clients = policytest.Clients{
	"shop":   {Realm: "default", ID: "shop", Type: client.Confidential, Status: client.On, Grants: []string{"password", "client_credentials"}, Scopes: scope.Set{"read"}},
	"people": {Realm: "default", ID: "people", Type: client.Confidential, Status: client.On, Grants: []string{"password"}},
	"app":    {Realm: "default", ID: "app", Type: client.Public, Status: client.On, Grants: []string{"client_credentials"}},
	"off":    {Realm: "default", ID: "off", Type: client.Confidential, Status: client.Off},
	"locked": {Realm: "default", ID: "locked", Type: client.Confidential, Status: client.Locked},
}

// authenticator knows every client by the secret "right", as grant.Engine does.
type authenticator struct {
	creds  client.Credentials
	source netip.Addr
}

var errDisk = errors.New("disk on fire")

func (a *authenticator) Authenticate(_ context.Context, r *realm.Realm, creds client.Credentials, source netip.Addr, _ string) (*client.Client, bool, error) {
	a.creds, a.source = creds, source
	c := clients[creds.ID]
	switch {
	case creds.ID == "fault":
		return nil, false, errDisk
	case creds.ID == "away":
		return nil, false, oauth.Fail(oauth.Unavailable, "")
	case creds.ID == "guessed":
		e := oauth.Fail(oauth.TooManyFailures, "")
		e.RetryAfter = time.Minute
		return nil, false, e
	case creds.ID == "":
		return nil, false, oauth.Fail(oauth.ClientMissing, "")
	case r.Name != "default" || c == nil:
		return nil, false, oauth.Fail(oauth.ClientUnknown, creds.ID)
	case c.Status == client.Off:
		return nil, false, oauth.Fail(oauth.ClientDisabled, c.ID)
	case c.Status == client.Locked:
		return nil, false, oauth.Fail(oauth.ClientLocked, c.ID)
	case c.Type == client.Public || creds.Secret == "":
		return c, false, nil
	case creds.Secret != "right":
		return nil, false, oauth.Fail(oauth.SecretWrong, c.ID)
	}
	return c, true, nil
}

func header(idAndSecret string) string {
	return "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(idAndSecret))
}

func TestBasic(t *testing.T) {
	for _, tt := range []struct {
		name     string
		header   []string
		status   int // 0: passes
		reason   oauth.Reason
		inADoor  oauth.Reason // where a dialect writes refusals; "": the same
		doorSays int
	}{
		{"good", []string{header("shop:right")}, 0, "", "", 0},
		{"the scheme has no case", []string{"Authorization: bASIC c2hvcDpyaWdodA=="}, 0, "", "", 0},
		{"nothing", nil, 401, oauth.TokenMissing, "", 401},
		{"another scheme", []string{"Authorization: Bearer c2hvcDpyaWdodA=="}, 401, oauth.TokenMissing, "", 401},
		{"a scheme that begins like it", []string{"Authorization: Basically c2hvcDpyaWdodA=="}, 401, oauth.TokenMissing, "", 401},
		{"twice", []string{header("shop:right"), header("shop:right")}, 400, oauth.RequestMalformed, "", 400},
		{"with a token", []string{header("shop:right"), "Authorization: Bearer x"}, 400, oauth.RequestMalformed, "", 400},
		{"not Base64", []string{"Authorization: Basic shop:right"}, 400, oauth.RequestMalformed, "", 400},
		{"no colon", []string{header("shop")}, 400, oauth.RequestMalformed, "", 400},
		{"encoded twice", []string{header("shop:cmlnaHQ=")}, 401, oauth.SecretWrong, "", 401},
		{"wrong secret", []string{header("shop:wrong")}, 401, oauth.SecretWrong, "", 401},
		{"no secret", []string{header("shop:")}, 401, oauth.SecretWrong, oauth.SecretMissing, 401},
		{"unknown", []string{header("nobody:right")}, 401, oauth.SecretWrong, oauth.ClientUnknown, 401},
		{"no id", []string{header(":right")}, 401, oauth.SecretWrong, oauth.ClientMissing, 401},
		{"a public client", []string{header("app:right")}, 401, oauth.SecretWrong, oauth.SecretMissing, 401},
		{"off", []string{header("off:right")}, 401, oauth.SecretWrong, oauth.ClientDisabled, 403},
		{"locked", []string{header("locked:wrong")}, 401, oauth.SecretWrong, oauth.ClientLocked, 403},
		{"may not act for itself", []string{header("people:right")}, 403, oauth.GrantNotAllowed, "", 403},
		{"guessed too often", []string{header("guessed:x")}, 429, oauth.TooManyFailures, "", 429},
	} {
		for _, door := range []string{"", "digirunner"} {
			t.Run(tt.name+" "+door, func(t *testing.T) {
				c := policytest.NewCall("GET", "/", tt.header...)
				c.Dialect = door
				status, reason := tt.status, tt.reason
				if door != "" {
					status = tt.doorSays
					if tt.inADoor != "" {
						reason = tt.inADoor
					}
				}
				a := &authenticator{}
				presented := c.Header.Get("Authorization")
				err := policytest.Make(t, basic.Kind(a), "").Request(t.Context(), c)
				if status == 0 {
					want := policy.Caller{Client: "shop", Scope: scope.Set{"read"}, Scheme: "Basic", Presented: presented}
					if diff := cmp.Diff(want, c.Caller); err != nil || diff != "" {
						t.Fatal(err, diff)
					}
					if len(c.Header.(policy.Fields)) != 0 {
						t.Errorf("goes upstream: %v", c.Header)
					}
					if a.source != policytest.Source || a.creds.Method != client.MethodBasic {
						t.Errorf("asked with %+v from %v", a.creds, a.source)
					}
					return
				}
				r := policytest.Refusal(err)
				if r == nil || r.Status != status || r.Reason != reason || (r.Status == 401) != (r.Scheme != "" && r.Challenge == "") || r.Detail == "" {
					t.Fatalf("%v: %+v, want %d %s", err, r, status, reason)
				}
				if c.Caller.Client != "" {
					t.Errorf("caller %+v", c.Caller)
				}
			})
		}
	}
}

// A stranger learns nothing from the difference between refusals, but for what it sent itself.
func TestStrangersCannotTell(t *testing.T) {
	var first *policy.Refusal
	for _, id := range []string{"shop", "nobody", "off", "locked", "app"} {
		c := policytest.NewCall("GET", "/", header(id+":wrong"))
		r := policytest.Refusal(policytest.Make(t, basic.Kind(&authenticator{}), "").Request(t.Context(), c))
		if r == nil {
			t.Fatal(id)
		}
		seen := *r
		seen.Subject, seen.Facts = "", nil
		for _, f := range r.Facts {
			if f.Public && f.Value != id {
				t.Errorf("%s: the caller is told %v", id, f)
			}
		}
		if first == nil {
			first = &seen
		}
		if diff := cmp.Diff(first, &seen); diff != "" {
			t.Errorf("%s: %s", id, diff)
		}
	}
}

func TestFaultsStayFaults(t *testing.T) {
	for id, want := range map[string]oauth.Reason{"away": oauth.Unavailable, "fault": oauth.InternalError} {
		c := policytest.NewCall("GET", "/", header(id+":x"))
		err := policytest.Make(t, basic.Kind(&authenticator{}), "").Request(t.Context(), c)
		if policytest.Refusal(err) != nil || policytest.Reason(err) != want {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// The conditions that the authenticator does not know are the chain's.
func TestInTheChain(t *testing.T) {
	elsewhere, err := client.ParseNetwork("198.51.100.7")
	if err != nil {
		t.Fatal(err)
	}
	away := *clients["shop"]
	away.Addresses = []client.Network{elsewhere}
	for _, tt := range []struct {
		clients policytest.Clients
		scopes  []string
		reason  oauth.Reason
	}{
		{clients, []string{"read"}, ""},
		{clients, []string{"write"}, oauth.ScopeMissing},
		{policytest.Clients{"shop": &away}, []string{"read"}, policy.ClientAddress},
	} {
		c := policytest.NewCall("GET", "/", header("shop:right"))
		c.API.Auth, c.API.Scopes = []api.Policy{{Name: "basic"}}, tt.scopes
		chain, err := policy.NewChain(c.API, policy.Parts{Ways: map[string]policy.Kind{"basic": basic.Kind(&authenticator{})}, Clients: tt.clients})
		if err != nil {
			t.Fatal(err)
		}
		if got := policytest.Reason(chain.Request(t.Context(), c)); got != tt.reason {
			t.Errorf("reason %q, want %q", got, tt.reason)
		}
	}
}

func TestSettings(t *testing.T) {
	if _, err := basic.Kind(nil).New(policy.Site{}, []byte(`{"realm": "x"}`)); err == nil {
		t.Error("an unknown key is taken")
	}
}
