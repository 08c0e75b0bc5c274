package bearer_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/policy/bearer"
	"sallyport/policy/policytest"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/token"
)

// verifier knows one good token.
type verifier struct{}

var good = &token.Access{Realm: "default", Client: "c1", User: "u1", Scope: scope.Set{"read"}}

var errDisk = errors.New("disk on fire")

func (verifier) Verify(_ context.Context, r *realm.Realm, raw string) (*token.Access, error) {
	switch {
	case r.Name != "default":
		return nil, oauth.Fail(oauth.TokenMalformed, "")
	case raw == "good":
		return good, nil
	case raw == "old":
		return nil, oauth.Fail(oauth.TokenExpired, "")
	case raw == "ended":
		return nil, oauth.Fail(oauth.TokenRevoked, "")
	case raw == "client-off":
		e := oauth.Fail(oauth.TokenRevoked, "the-jti")
		e.Err = oauth.Fail(oauth.ClientDisabled, "c1")
		return nil, e
	case raw == "away":
		return nil, oauth.Fail(oauth.Unavailable, "")
	case raw == "broken":
		return nil, errDisk
	}
	return nil, oauth.Fail(oauth.TokenMalformed, "")
}

func TestBearer(t *testing.T) {
	tests := []struct {
		name      string
		header    []string
		status    int // 0: passes
		reason    oauth.Reason
		challenge oauth.Code
	}{
		{"good", []string{"Bearer good"}, 0, "", ""},
		{"the scheme has no case", []string{"bEaReR good"}, 0, "", ""},
		{"more than one space", []string{" Bearer   good "}, 0, "", ""},
		{"nothing", nil, 401, oauth.TokenMissing, ""},
		{"another scheme", []string{"Basic Z29vZDo="}, 401, oauth.TokenMissing, ""},
		{"no scheme", []string{"good"}, 401, oauth.TokenMissing, ""},
		{"a scheme that begins like it", []string{"Bearerer good"}, 401, oauth.TokenMissing, ""},
		{"no token", []string{"Bearer"}, 400, oauth.RequestMalformed, oauth.InvalidRequest},
		{"an empty token", []string{"Bearer "}, 400, oauth.RequestMalformed, oauth.InvalidRequest},
		{"two tokens", []string{"Bearer good good"}, 400, oauth.RequestMalformed, oauth.InvalidRequest},
		{"a list", []string{"Bearer good, Bearer good"}, 400, oauth.RequestMalformed, oauth.InvalidRequest},
		{"padding alone", []string{"Bearer =="}, 400, oauth.RequestMalformed, oauth.InvalidRequest},
		{"padding inside", []string{"Bearer go=od"}, 400, oauth.RequestMalformed, oauth.InvalidRequest},
		{"not ASCII", []string{"Bearer gööd"}, 400, oauth.RequestMalformed, oauth.InvalidRequest},
		{"two headers", []string{"Bearer good", "Bearer good"}, 400, oauth.RequestMalformed, oauth.InvalidRequest},
		{"two headers of two schemes", []string{"Basic Z29vZDo=", "Bearer good"}, 400, oauth.RequestMalformed, oauth.InvalidRequest},
		{"garbage", []string{"Bearer abc.def~+/="}, 401, oauth.TokenMalformed, oauth.InvalidToken},
		{"expired", []string{"Bearer old"}, 401, oauth.TokenExpired, oauth.InvalidToken},
		{"revoked", []string{"Bearer ended"}, 401, oauth.TokenRevoked, oauth.InvalidToken},
		{"the client is off", []string{"Bearer client-off"}, 401, oauth.ClientDisabled, oauth.InvalidToken},
	}
	p := policytest.Make(t, bearer.Kind(verifier{}, nil), "")
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := policytest.Fields("Accept: */*")
			for _, v := range tt.header {
				h.Add("Authorization", v)
			}
			call := &policy.Call{Method: "GET", Path: "/", Query: "access_token=good", Header: h, Realm: &realm.Realm{Name: "default"}}
			presented := h.Get("Authorization")
			err := p.Request(t.Context(), call)
			if tt.status == 0 {
				if err != nil {
					t.Fatal(err)
				}
				want := policy.Caller{Client: "c1", User: "u1", Scope: scope.Set{"read"}, Scheme: "Bearer", Presented: presented, Token: good}
				if diff := cmp.Diff(want, call.Caller, cmpopts.IgnoreFields(policy.Caller{}, "Slots"), cmpopts.IgnoreFields(token.Access{}, "Slots")); diff != "" {
					t.Errorf("caller (-want +got):\n%s", diff)
				}
				if diff := cmp.Diff(policytest.Fields("Accept: */*"), h); diff != "" {
					t.Errorf("header (-want +got):\n%s", diff)
				}
				return
			}
			var refusal *policy.Refusal
			if !errors.As(err, &refusal) {
				t.Fatalf("got %v, want a refusal", err)
			}
			if refusal.Status != tt.status || refusal.Reason != tt.reason || refusal.Challenge != tt.challenge || refusal.Scheme != "Bearer" || refusal.Detail == "" {
				t.Errorf("refusal %+v", refusal)
			}
			if call.Caller.Client != "" || call.Caller.Token != nil {
				t.Errorf("caller %+v", call.Caller)
			}
		})
	}
}

func TestTokenOfAnotherRealm(t *testing.T) {
	call := &policy.Call{Header: policytest.Fields("Authorization: Bearer good"), Realm: &realm.Realm{Name: "other"}}
	var refusal *policy.Refusal
	if err := policytest.Make(t, bearer.Kind(verifier{}, nil), "").Request(t.Context(), call); !errors.As(err, &refusal) || refusal.Status != 401 {
		t.Errorf("got %v", err)
	}
}

// A fault of the server must not be told as a fault of the token.
func TestFaultsStayFaults(t *testing.T) {
	for raw, want := range map[string]oauth.Reason{"away": oauth.Unavailable, "broken": oauth.InternalError} {
		call := &policy.Call{Header: policytest.Fields("Authorization: Bearer " + raw), Realm: &realm.Realm{Name: "default"}}
		err := policytest.Make(t, bearer.Kind(verifier{}, nil), "").Request(t.Context(), call)
		var refusal *policy.Refusal
		if errors.As(err, &refusal) || oauth.ReasonOf(err) != want {
			t.Errorf("%s: %v", raw, err)
		}
	}
}

func FuzzCredential(f *testing.F) {
	for _, seed := range []string{"Bearer good", "bearer  x", "Bearer", "", "Bearer a b", "Basic x", "Bearer \x00"} {
		f.Add(seed)
	}
	p := policytest.Make(f, bearer.Kind(verifier{}, nil), "")
	f.Fuzz(func(t *testing.T, header string) {
		call := &policy.Call{Header: policy.Fields{"Authorization": {header}}, Realm: &realm.Realm{Name: "default"}}
		err := p.Request(t.Context(), call)
		if err == nil && (!strings.HasSuffix(strings.TrimRight(header, " \t"), "good") || !strings.EqualFold(strings.TrimLeft(header, " \t")[:6], "bearer")) {
			t.Fatalf("%q passes", header)
		}
	})
}
