package token_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/client"
	"sallyport/feed"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/token"
	"sallyport/user"
)

// directory is one user as the node knows him, and how often it was asked.
type directory struct {
	user  *user.User
	err   error
	asked atomic.Int64
}

func (d *directory) Get(context.Context, string, string) (*user.User, error) {
	d.asked.Add(1)
	return d.user, d.err
}

// withUsers is a house whose node knows its users, and the hub by which the node hears of changes.
func withUsers(t *testing.T) (*house, *directory, *feed.Hub) {
	h := newHouse(t)
	d := &directory{user: h.user}
	var hub *feed.Hub
	h.Service, h.ring = h.node(func(c *token.Config) { c.Users, hub = d, c.Hub })
	return h, d, hub
}

// end ends everything that a user or client of the realm was given until now, as an administrator's change does.
func end(h *house, hub *feed.Hub, kind token.RevocationKind, key string) {
	hub.Publish(feed.Change{
		Kind: feed.Revocation, Realm: h.realm.Name, Sub: string(kind), ID: key,
		Bound: h.now().UnixMicro(), Until: h.now().Add(400 * 24 * time.Hour).UnixMicro(),
	})
}

// A user or client that is registered anew under a former name, or is switched on again, has no part in the grants of
// before: their rows are still stored when the name comes back.
func TestGrantsEndWithTheirPrincipal(t *testing.T) {
	for name, what := range map[string]struct {
		kind token.RevocationKind
		key  string
	}{
		"user":             {token.RevokeUser, "tspuser"},
		"client":           {token.RevokeClient, "tspclient"},
		"user of a client": {token.RevokeClientUser, "tspclient\x00tspuser"},
	} {
		for _, shape := range []token.Shape{token.ShapeStandard, token.ShapeDigiRunner} {
			t.Run(name+" "+string(shape), func(t *testing.T) {
				h, _, hub := withUsers(t)
				a := h.auth(realm.JWT)
				a.Shape = shape
				out := h.issue(a)
				h.pass(time.Second)
				next := h.mustAgain(a, out.RefreshToken)
				h.pass(time.Second)
				end(h, hub, what.kind, what.key)
				h.pass(time.Second)
				for _, raw := range []string{out.RefreshToken, next.RefreshToken} {
					_, err := h.again(a, raw)
					wantRefresh(t, err, oauth.RefreshRevoked)
					if _, state, err := h.InspectRefresh(t.Context(), h.realm, raw); state != token.Revoked || err != nil {
						t.Errorf("the refresh token is %s, %v", state, err)
					}
				}
				if list, err := h.List(t.Context(), h.realm, "tspuser", "", token.KindRefresh); len(list) != 0 || err != nil {
					t.Errorf("still listed: %+v, %v", list, err)
				}
				h.mustAgain(a, h.issue(a).RefreshToken) // a grant given since is another matter
			})
		}
	}
}

// A command reads the clock before it writes, and a node hears of it later: a token issued in between is younger than
// the end of all tokens of its user. It is good only if the user may sign in now.
func TestTokenIssuedWhileItsUserIsSwitchedOff(t *testing.T) {
	for _, f := range formats {
		t.Run(string(f), func(t *testing.T) {
			h, users, hub := withUsers(t)
			a := h.auth(f)
			want := func(raw string, reason oauth.Reason, state token.State) {
				t.Helper()
				if _, err := h.Verify(t.Context(), h.realm, raw); oauth.ReasonOf(err) != reason {
					t.Errorf("Verify: %v, want %q", err, reason)
				}
				if _, got, err := h.Inspect(t.Context(), h.realm, raw); got != state || err != nil {
					t.Errorf("Inspect: %s, %v, want %s", got, err, state)
				}
			}
			end(h, hub, token.RevokeUser, "tspuser")
			h.pass(150 * time.Millisecond)
			slipped := h.issue(a).AccessToken
			off := *h.user
			for _, status := range []user.Status{user.Off, user.Locked} {
				off.Status, users.user = status, &off
				want(slipped, oauth.TokenRevoked, token.Revoked)
				cause := map[user.Status]oauth.Reason{user.Off: oauth.UserDisabled, user.Locked: oauth.UserLocked}[status]
				_, err := h.Verify(t.Context(), h.realm, slipped)
				if e := oauth.AsError(err); oauth.ReasonOf(e.Err) != cause {
					t.Errorf("user %q: %v", status, err)
				}
			}
			users.user = nil
			want(slipped, oauth.TokenRevoked, token.Revoked)
			users.user = h.user
			want(slipped, "", token.Active)

			users.err = errors.New("away")
			if _, err := h.Verify(t.Context(), h.realm, slipped); oauth.ReasonOf(err) == "" || oauth.ReasonOf(err) == oauth.TokenRevoked {
				t.Errorf("with the store away: %v", err)
			}
			users.err = nil

			h.pass(time.Minute)
			later, asked := h.issue(a).AccessToken, users.asked.Load()
			users.user = &off
			want(later, "", token.Active)
			if n := users.asked.Load() - asked; n != 0 {
				t.Errorf("%d questions about a token that nobody doubts", n)
			}
			end(h, hub, token.RevokeUser, "tspuser") // switched on again: what slipped through is over for good
			users.user = h.user
			want(slipped, oauth.TokenRevoked, token.Revoked)
		})
	}
}

func TestInspectRefreshLooksAtThePrincipals(t *testing.T) {
	h, users, _ := withUsers(t)
	raw := h.issue(h.auth(realm.JWT)).RefreshToken
	want := func(state token.State) {
		t.Helper()
		if _, got, err := h.InspectRefresh(t.Context(), h.realm, raw); got != state || err != nil {
			t.Errorf("%s, %v, want %s", got, err, state)
		}
	}
	want(token.Active)
	off := *h.user
	off.Status, users.user = user.Off, &off
	want(token.Revoked)
	users.user = nil
	want(token.Revoked)
	users.user = h.user
	c := *h.client
	for _, status := range []client.Status{client.Off, client.Locked} {
		c.Status = status
		h.clients.set(&c)
		want(token.Revoked)
	}
	h.clients.remove("default", "tspclient")
	want(token.Revoked)
	h.clients.set(h.client)
	want(token.Active)
	users.err = errors.New("away")
	if _, _, err := h.InspectRefresh(t.Context(), h.realm, raw); err == nil {
		t.Error("no error with the store away")
	}
}
