package policy_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/api"
	"sallyport/client"
	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/policy/policytest"
)

// keyring is a way in by a field of its own.
type keyring struct{ field string }

func (k keyring) Request(_ context.Context, c *policy.Call) error {
	if c.Header.Get(k.field) == "" {
		return &policy.Refusal{Status: 401, Reason: oauth.TokenMissing}
	}
	c.Caller = policy.Caller{Client: "shop"}
	k.Forget(c)
	return nil
}

func (k keyring) Forget(c *policy.Call) { c.Header.Del(k.field) }

// Whatever let a call in, it keeps none of the credentials that its API takes.
func TestCredentialsAreForgotten(t *testing.T) {
	way := func(field string) policy.Kind {
		return policy.Kind{New: func(policy.Site, json.RawMessage) (policy.Policy, error) { return keyring{field}, nil }}
	}
	parts := policy.Parts{
		Ways:    map[string]policy.Kind{"a": way("A"), "b": way("B")},
		Clients: policytest.Clients{"shop": {Realm: "default", ID: "shop", Status: client.On}},
	}
	for _, tt := range []struct {
		name         string
		auth         []string
		routes       []string // ways of its one route
		header, left []string
		refused      bool
	}{
		{"one way", []string{"a"}, nil, []string{"A: 1", "B: 1", "C: 1"}, []string{"B: 1", "C: 1"}, false},
		{"two ways", []string{"a", "b"}, nil, []string{"A: 1", "B: 1", "C: 1"}, []string{"C: 1"}, false},
		{"the other way", []string{"a", "b"}, nil, []string{"B: 1", "C: 1"}, []string{"C: 1"}, false},
		{"no way", []string{"a", "b"}, nil, []string{"C: 1"}, []string{"C: 1"}, true},
		{"open besides", []string{"a", policy.None}, nil, []string{"C: 1"}, []string{"C: 1"}, false},
		{"an open part", []string{"a"}, []string{policy.None}, []string{"A: 1", "C: 1"}, []string{"C: 1"}, false},
		{"a part with another way", []string{"a"}, []string{"b"}, []string{"A: 1", "B: 1", "C: 1"}, []string{"C: 1"}, false},
		{"open to all", []string{policy.None}, nil, []string{"A: 1"}, []string{"A: 1"}, false},
	} {
		a := &api.API{Realm: "default", Name: "orders"}
		for _, name := range tt.auth {
			a.Auth = append(a.Auth, api.Policy{Name: name})
		}
		c := policytest.NewCall("GET", "/orders", tt.header...)
		if tt.routes != nil {
			r := api.Route{Path: "/", Names: tt.routes}
			for _, name := range tt.routes {
				r.Auth = append(r.Auth, api.Policy{Name: name})
			}
			a.Routes = []api.Route{r}
			c.Route = &a.Routes[0]
		}
		chain, err := policy.NewChain(a, parts)
		if err != nil {
			t.Fatal(err)
		}
		c.API = a
		err = chain.Request(t.Context(), c)
		if diff := cmp.Diff(policytest.Fields(tt.left...), c.Header); diff != "" || (err != nil) != tt.refused {
			t.Errorf("%s: %v %s", tt.name, err, diff)
		}
	}
}

func TestForgetScheme(t *testing.T) {
	for value, gone := range map[string]bool{
		"Bearer x": true, "bearer x": true, "BEARER": true, "  Bearer\tx": true, "Bearer": true,
		"Bearerx": false, "Basic Bearer": false, "": false, "x Bearer": false, "Bearer, Basic": false,
	} {
		h := policytest.Fields("Authorization: "+value, "A: b")
		policy.ForgetScheme(h, "Bearer")
		if _, there := h["Authorization"]; there == gone || h.Get("A") != "b" {
			t.Errorf("%q: %v", value, h)
		}
	}
	h := policytest.Fields("Authorization: Basic x", "Authorization: Bearer x")
	if policy.ForgetScheme(h, "Bearer"); len(h) != 0 {
		t.Errorf("of two: %v", h)
	}
}
