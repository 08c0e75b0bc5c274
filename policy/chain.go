package policy

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"sallyport/api"
	"sallyport/oauth"
	"sallyport/scope"
)

// The ways in that this package knows by name.
const (
	None   = "none"   // anonymous: the API looks after itself
	Bearer = "bearer" // what an API asks for that names no way in
)

// A Kind makes the policies of one name.
type Kind struct {
	// Rank is the policy's place in every chain. Those below 0 run before anybody is authenticated: guards against floods.
	Rank int
	// New makes a policy from an API's settings. Unknown keys are an error.
	New func(settings json.RawMessage) (Policy, error)
}

// A Chain is everything a call to one API must pass, in this order:
//
//	guards ─▶ any one way in ─▶ scope ─▶ the other policies, by rank
//
// The scope is checked here and not by the ways in, so that none of them can forget it.
type Chain struct {
	guards    []Policy
	ways      []Policy
	anonymous bool
	after     []Policy
}

// NewChain puts together the chain of an API from the ways in and the kinds of policy that the program has. The error
// names what the API asks for and the program does not have; such an API must not be served.
func NewChain(a *api.API, ways map[string]Policy, kinds map[string]Kind) (*Chain, error) {
	c := &Chain{}
	names := a.Auth
	if len(names) == 0 {
		names = []string{Bearer}
	}
	for _, name := range names {
		if name == None {
			c.anonymous = true
			continue
		}
		way := ways[name]
		if way == nil {
			return nil, fmt.Errorf("auth: %q is not a way in", name)
		}
		c.ways = append(c.ways, way)
	}
	asked := slices.Clone(a.Policies)
	for _, p := range asked {
		if kinds[p.Name].New == nil {
			return nil, fmt.Errorf("policies: %q is not a policy", p.Name)
		}
	}
	slices.SortStableFunc(asked, func(p, q api.Policy) int {
		return cmp.Or(cmp.Compare(kinds[p.Name].Rank, kinds[q.Name].Rank), cmp.Compare(p.Name, q.Name))
	})
	for _, p := range asked {
		kind := kinds[p.Name]
		made, err := kind.New(p.Settings)
		if err != nil {
			return nil, fmt.Errorf("policies.%s: %w", p.Name, err)
		}
		if kind.Rank < 0 {
			c.guards = append(c.guards, made)
		} else {
			c.after = append(c.after, made)
		}
	}
	return c, nil
}

// Request implements Policy.
func (c *Chain) Request(ctx context.Context, call *Call) error {
	for _, p := range c.guards {
		if err := p.Request(ctx, call); err != nil {
			return err
		}
	}
	authenticated, err := c.authenticate(ctx, call)
	if err != nil {
		return err
	}
	if authenticated {
		if err := checkScope(call); err != nil {
			return err
		}
	}
	for _, p := range c.after {
		if err := p.Request(ctx, call); err != nil {
			return err
		}
	}
	return nil
}

// authenticate tries the ways in until one finds a credential of its kind. A bad credential ends the call: who brings one
// is told, and not let in as somebody else.
func (c *Chain) authenticate(ctx context.Context, call *Call) (bool, error) {
	call.Caller = Caller{}
	var missing error
	for _, way := range c.ways {
		err := way.Request(ctx, call)
		if err == nil {
			return true, nil
		}
		var refusal *Refusal
		if !errors.As(err, &refusal) || refusal.Reason != oauth.TokenMissing {
			return false, err
		}
		if missing == nil {
			missing = err
		}
	}
	if c.anonymous {
		call.Caller = Caller{}
		return false, nil
	}
	if missing == nil { // no way in at all: deny
		missing = &Refusal{Status: 401, Reason: oauth.TokenMissing}
	}
	return false, missing
}

// checkScope refuses a caller who has none of the scopes that the API asks for with the call's method.
func checkScope(call *Call) error {
	wanted := scopesFor(call.API, call.Method)
	if len(wanted) == 0 || call.Caller.Scope.HasAny(wanted) {
		return nil
	}
	if all := call.Realm.AllScope; all != "" && call.Caller.Scope.Has(all) {
		return nil
	}
	return &Refusal{
		Status:    403,
		Reason:    oauth.ScopeMissing,
		Detail:    oauth.Fail(oauth.ScopeMissing, "").Description,
		Scheme:    call.Caller.Scheme,
		Challenge: oauth.InsufficientScope,
		Scope:     scope.Set(wanted),
	}
}

// scopesFor returns the scopes of which any opens the API to a method. HEAD asks for no more than GET shows
// (RFC 9110 section 9.3.2), so it is opened like GET unless it is named itself.
func scopesFor(a *api.API, method string) []string {
	if len(a.Methods) == 0 {
		return a.Scopes
	}
	if s, ok := a.Methods[method]; ok {
		return s
	}
	if s, ok := a.Methods["GET"]; ok && method == "HEAD" {
		return s
	}
	return a.Scopes
}
