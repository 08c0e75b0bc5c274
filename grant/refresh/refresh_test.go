package refresh_test

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/client"
	"sallyport/grant"
	"sallyport/grant/refresh"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/token"
	"sallyport/user"
)

type tokens struct {
	p   *token.Presented
	err error
}

func (f tokens) Present(context.Context, *realm.Realm, string) (*token.Presented, error) {
	return f.p, f.err
}

type users struct {
	user *user.User
	err  error
}

func (f users) Get(context.Context, string, string) (*user.User, error) { return f.user, f.err }

func TestProve(t *testing.T) {
	family := func(client, user string) *token.Presented {
		return &token.Presented{ID: "id", Family: &token.Family{Realm: "default", Client: client, User: user, Scope: scope.Set{"read"}}}
	}
	dory := &user.User{Realm: "default", Name: "dory"}
	away := oauth.Fail(oauth.Unavailable, "")
	for _, tt := range []struct {
		name   string
		params []string
		tokens tokens
		users  users
		reason oauth.Reason
	}{
		{"of a user", []string{"refresh_token", "rt"}, tokens{p: family("app", "dory")}, users{user: dory}, ""},
		{"of no user", []string{"refresh_token", "rt"}, tokens{p: family("app", "")}, users{}, ""},
		{"no parameter", nil, tokens{}, users{}, oauth.RefreshMissing},
		{"empty", []string{"refresh_token", ""}, tokens{}, users{}, oauth.RefreshEmpty},
		{"unknown", []string{"refresh_token", "rt"}, tokens{err: oauth.Fail(oauth.RefreshUnknown, "")}, users{}, oauth.RefreshUnknown},
		{"expired", []string{"refresh_token", "rt"}, tokens{family("app", "dory"), oauth.Fail(oauth.RefreshExpired, "id")}, users{}, oauth.RefreshExpired},
		{"revoked, client no longer known", []string{"refresh_token", "rt"}, tokens{family("", ""), oauth.Fail(oauth.RefreshRevoked, "id")}, users{}, oauth.RefreshRevoked},
		{"another client's", []string{"refresh_token", "rt"}, tokens{p: family("other", "dory")}, users{user: dory}, oauth.RefreshWrongClient},
		{"another client's, expired", []string{"refresh_token", "rt"}, tokens{family("other", "dory"), oauth.Fail(oauth.RefreshExpired, "id")}, users{user: dory}, oauth.RefreshWrongClient},
		{"nobody's", []string{"refresh_token", "rt"}, tokens{p: family("", "")}, users{}, oauth.RefreshWrongClient},
		{"user deleted", []string{"refresh_token", "rt"}, tokens{p: family("app", "dory")}, users{}, oauth.UserUnknown},
		{"store away", []string{"refresh_token", "rt"}, tokens{p: family("app", "dory")}, users{err: away}, oauth.Unavailable},
		{"store away before", []string{"refresh_token", "rt"}, tokens{err: errors.New("boom")}, users{}, oauth.InternalError},
	} {
		t.Run(tt.name, func(t *testing.T) {
			proof, err := refresh.New(tt.tokens, tt.users).Prove(t.Context(), &grant.Attempt{
				Request: &grant.Request{Realm: &realm.Realm{Name: "default"}, Params: oauth.NewParams(tt.params...)},
				Client:  &client.Client{ID: "app"},
			})
			if got := oauth.ReasonOf(err); got != tt.reason {
				t.Fatalf("reason %q, want %q", got, tt.reason)
			}
			want := grant.Proof{}
			if err == nil {
				want = grant.Proof{User: tt.users.user, Ceiling: scope.Set{"read"}, HasCeiling: true, Continues: tt.tokens.p, Refresh: true}
			}
			if diff := cmp.Diff(want, proof, cmp.Comparer(func(a, b *token.Presented) bool { return a == b })); diff != "" {
				t.Error(diff)
			}
		})
	}
}
