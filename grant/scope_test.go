package grant_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sallyport/grant"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/token"
)

func TestScopeRules(t *testing.T) {
	for _, tt := range []struct {
		name    string
		client  scope.Set
		trusted bool
		family  scope.Set // of the refresh token; nil: client credentials instead
		rules   grant.Rules
		ask     string
		want    scope.Set
		reason  oauth.Reason
	}{
		{name: "none asked: all the client may have", client: scope.Set{"read", "write"}, want: scope.Set{"read", "write"}},
		{name: "client without scopes", want: nil},
		{name: "asked, in the order asked", client: scope.Set{"read", "write"}, ask: "write read write", want: scope.Set{"write", "read"}},
		{name: "declared, not the client's", client: scope.Set{"read"}, ask: "write", reason: oauth.ScopeNotAllowed},
		{name: "unknown", client: scope.Set{"read"}, ask: "fly", reason: oauth.ScopeUnknown},
		{name: "not declared, but the client's", client: scope.Set{"2000000006"}, ask: "2000000006", want: scope.Set{"2000000006"}},
		{name: "part of a name", client: scope.Set{"read"}, ask: "rea", reason: oauth.ScopeUnknown},
		{name: "other case", client: scope.Set{"read"}, ask: "Read", reason: oauth.ScopeUnknown},
		{name: "commas are part of a name", client: scope.Set{"read", "write"}, ask: "read,write", reason: oauth.ScopeUnknown},
		{name: "commas separate where they do", client: scope.Set{"read", "write"}, ask: "read,write", rules: grant.Rules{Separators: " ,"}, want: scope.Set{"read", "write"}},

		{name: "all, trusted", client: scope.Set{"all", "read"}, trusted: true, want: scope.Set{"all"}},
		{name: "all asked, trusted", client: scope.Set{"all"}, trusted: true, ask: "all", want: scope.Set{"all"}},
		{name: "all covers what is declared", client: scope.Set{"all"}, trusted: true, ask: "read admin", want: scope.Set{"read", "admin"}},
		{name: "all does not cover what is not", client: scope.Set{"all"}, trusted: true, ask: "fly", reason: oauth.ScopeUnknown},
		{name: "all, not trusted", client: scope.Set{"all", "read"}, want: scope.Set{"read"}},
		{name: "all asked, not trusted", client: scope.Set{"all", "read"}, ask: "all", reason: oauth.ScopeNotAllowed},
		{name: "covered, not trusted", client: scope.Set{"all"}, ask: "read", reason: oauth.ScopeNotAllowed},
		{name: "all not the client's, trusted", client: scope.Set{"read"}, trusted: true, ask: "all", reason: oauth.ScopeNotAllowed},
		{name: "a name that contains all is not all", client: scope.Set{"install_user_client"}, trusted: true, ask: "read", reason: oauth.ScopeNotAllowed},

		{name: "ignore", client: scope.Set{"read", "write"}, rules: grant.Rules{Scope: grant.ScopeIgnore}, ask: "fly \"x\"", want: scope.Set{"read", "write"}},
		{name: "reduce", client: scope.Set{"read", "write"}, rules: grant.Rules{Scope: grant.ScopeReduce}, ask: "fly write admin", want: scope.Set{"write"}},
		{name: "reduce to a limit", client: scope.Set{"read", "write"}, rules: grant.Rules{Scope: grant.ScopeReduce, ScopeLimit: scope.Set{"read"}}, ask: "read write", want: scope.Set{"read"}},
		{name: "reduce to nothing", client: scope.Set{"read"}, rules: grant.Rules{Scope: grant.ScopeReduce, ScopeLimit: scope.Set{}}, ask: "read", want: nil},
		{name: "reduce, none asked", client: scope.Set{"read"}, rules: grant.Rules{Scope: grant.ScopeReduce}, want: nil},

		{name: "refresh: none asked", client: scope.Set{"read", "write"}, family: scope.Set{"write"}, want: scope.Set{"write"}},
		{name: "refresh: less", client: scope.Set{"read", "write"}, family: scope.Set{"read", "write"}, ask: "read", want: scope.Set{"read"}},
		{name: "refresh: more", client: scope.Set{"read", "write"}, family: scope.Set{"read"}, ask: "read write", reason: oauth.ScopeExceedsGrant},
		{name: "refresh: unknown", client: scope.Set{"read"}, family: scope.Set{"read"}, ask: "fly", reason: oauth.ScopeUnknown},
		{name: "refresh: taken from the client since", client: scope.Set{"read"}, family: scope.Set{"read", "write"}, want: scope.Set{"read"}},
		{name: "refresh: asked, taken since", client: scope.Set{"read"}, family: scope.Set{"read", "write"}, ask: "write", reason: oauth.ScopeNotAllowed},
		{name: "refresh: all, narrowed", client: scope.Set{"all"}, trusted: true, family: scope.Set{"all"}, ask: "read", want: scope.Set{"read"}},
		{name: "refresh: narrowed, all", client: scope.Set{"all"}, trusted: true, family: scope.Set{"read"}, ask: "all", reason: oauth.ScopeExceedsGrant},
		{name: "refresh: all, no longer trusted", client: scope.Set{"all", "read"}, family: scope.Set{"all"}, want: nil},
		{name: "refresh: all, no longer trusted, ignore", client: scope.Set{"all"}, family: scope.Set{"all", "x"}, rules: grant.Rules{Scope: grant.ScopeIgnore}, want: scope.Set{"x"}},
		{name: "refresh: ignore keeps what was granted", client: scope.Set{"other"}, family: scope.Set{"2000000006"}, rules: grant.Rules{Scope: grant.ScopeIgnore}, ask: "x", want: scope.Set{"2000000006"}},
		{name: "refresh: nothing granted", client: scope.Set{"read"}, family: scope.Set{}, want: nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			w.realm = &realm.Realm{Name: "default", AllScope: "all"}
			c := w.app()
			c.Scopes, c.Trusted = tt.client, tt.trusted
			r := w.request("client_credentials")
			if tt.family != nil {
				r = w.request("refresh_token")
				w.refresh["rt"].Family.Scope = tt.family
			}
			r.Rules = tt.rules
			if tt.ask != "" {
				r = set(&r, "scope", tt.ask)
			}
			before := strings.Join(tt.client, " ")
			if got := w.exchange(t, r); got != tt.reason {
				t.Fatalf("reason %q, want %q", got, tt.reason)
			}
			if tt.reason == "" {
				if diff := cmp.Diff(tt.want, w.last().Scope, cmpopts.EquateEmpty()); diff != "" {
					t.Error(diff)
				}
			}
			if strings.Join(tt.client, " ") != before {
				t.Error("the client's scopes were modified")
			}
		})
	}
}

func TestWhoGetsARefreshToken(t *testing.T) {
	no, yes := false, true
	for _, tt := range []struct {
		name   string
		grant  string
		rules  grant.Rules
		change func(w *world)
		want   bool
	}{
		{"confidential, password", "password", grant.Rules{}, nil, true},
		{"confidential, refresh", "refresh_token", grant.Rules{}, nil, true},
		{"confidential, client credentials", "client_credentials", grant.Rules{}, nil, false},
		{"confidential, client credentials, front door gives one", "client_credentials", grant.Rules{RefreshAny: true}, nil, true},
		{"without the grant", "password", grant.Rules{}, func(w *world) { c := w.app(); c.Grants = drop(c.Grants, "refresh_token") }, false},
		{"without the grant, client credentials", "client_credentials", grant.Rules{RefreshAny: true}, func(w *world) { c := w.app(); c.Grants = drop(c.Grants, "refresh_token") }, false},
		{"public, rotating", "password", grant.Rules{}, makePublic, true},
		{"public, front door gives none", "password", grant.Rules{NoRefreshForPublic: true}, makePublic, false},
		{"public, client does not rotate", "password", grant.Rules{}, func(w *world) { makePublic(w); w.app().RefreshToken.Rotate = &no }, false},
		{"public, realm does not rotate", "password", grant.Rules{}, func(w *world) {
			makePublic(w)
			w.realm = &realm.Realm{Name: "default", RefreshToken: realm.RefreshToken{Rotate: &no}}
		}, false},
		{"public, realm does not, client does", "password", grant.Rules{}, func(w *world) {
			makePublic(w)
			w.app().RefreshToken.Rotate = &yes
			w.realm = &realm.Realm{Name: "default", RefreshToken: realm.RefreshToken{Rotate: &no}}
		}, true},
		{"public, digiRunner, whose tokens never rotate", "password", grant.Rules{Shape: token.ShapeDigiRunner, Refresh: realm.RefreshToken{Rotate: &no}}, makePublic, true},
		{"confidential, does not rotate", "password", grant.Rules{}, func(w *world) { w.app().RefreshToken.Rotate = &no }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			if tt.change != nil {
				tt.change(w)
			}
			r := w.request(tt.grant)
			r.Rules = tt.rules
			if got := w.exchange(t, r); got != "" {
				t.Fatal(got)
			}
			if got := w.last().WithRefresh; got != tt.want {
				t.Errorf("refresh token: %v, want %v", got, tt.want)
			}
		})
	}
}
