package token_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/feed"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/token"
)

// An access token says of the sign-in what a resource needs, in every form, fresh and from the cache.
func TestAccessTokensTellOfTheSignIn(t *testing.T) {
	h := newHouse(t)
	at := time.Unix(h.now().Unix()-300, 0)
	for _, f := range formats {
		for _, tt := range []struct {
			name   string
			change func(*token.SignIn)
			want   token.SignIn
		}{
			{"bound to the session", func(*token.SignIn) {},
				token.SignIn{At: at, ACR: "2", Session: "sid-1", Bound: true, UserInfo: []string{"email", "name"}}},
			{"outlives the session", func(s *token.SignIn) { s.Bound = false }, token.SignIn{At: at, ACR: "2", UserInfo: []string{"email", "name"}}},
			{"nothing asked for", func(s *token.SignIn) { s.UserInfo = nil }, token.SignIn{At: at, ACR: "2", Session: "sid-1", Bound: true}},
			{"no class", func(s *token.SignIn) { *s = token.SignIn{At: s.At} }, token.SignIn{At: at}},
			{"letters that need care", func(s *token.SignIn) { s.ACR, s.UserInfo = "ä\"\x01", []string{`a"b`, "name#de"} },
				token.SignIn{At: at, ACR: "ä\"\x01", Session: "sid-1", Bound: true, UserInfo: []string{`a"b`, "name#de"}}},
		} {
			a := h.openID(f)
			tt.change(a.SignIn)
			out := h.issue(a)
			for _, look := range []string{"fresh", "from the cache"} {
				got := wantGood(t, h, out.AccessToken)
				if diff := cmp.Diff(&tt.want, got.SignIn); diff != "" {
					t.Errorf("%s, %s, %s (-want +got):\n%s", f, tt.name, look, diff)
				}
				if got.Family != a.Family || got.StartedAt.Unix() != at.Unix() {
					t.Errorf("%s, %s: family %s, started %s", f, tt.name, got.Family, got.StartedAt)
				}
			}
			again := h.mustAgain(token.Authorization{Realm: h.realm, Client: h.client, User: h.user, Access: realm.AccessToken{Format: f}}, out.RefreshToken)
			if diff := cmp.Diff(&tt.want, wantGood(t, h, again.AccessToken).SignIn); diff != "" {
				t.Errorf("%s, %s, after a refresh (-want +got):\n%s", f, tt.name, diff)
			}
		}
		a := h.openID(f)
		a.WithRefresh = false // the name of the grant is there all the same
		if got := wantGood(t, h, h.issue(a).AccessToken); got.Family != a.Family {
			t.Errorf("%s, without a refresh token: family %s, want %s", f, got.Family, a.Family)
		}
		if got := wantGood(t, h, h.issue(h.auth(f)).AccessToken); got.SignIn != nil {
			t.Errorf("%s: a password grant says %+v", f, got.SignIn)
		}
	}
}

// refreshable is why a refresh token is refused on a node, "" if it is not.
func refreshable(ctx context.Context, s *token.Service, r *realm.Realm, raw string) oauth.Reason {
	_, err := s.Present(ctx, r, raw)
	return oauth.ReasonOf(err)
}

func TestASessionEndsWhatIsBoundToIt(t *testing.T) {
	h := newHouse(t)
	far, _ := h.node(nil)
	ctx := t.Context()
	for _, f := range formats {
		a := h.openID(f)
		a.SignIn.Session = "sid-" + string(f)
		bound := h.issue(a)
		a.SignIn, a.Family = h.signIn(), token.NewFamilyID(h.now())
		other := h.issue(a) // of another session
		a.SignIn, a.Family = h.signIn(), token.NewFamilyID(h.now())
		a.SignIn.Session, a.SignIn.Bound = "sid-"+string(f), false
		offline := h.issue(a)
		for _, s := range []*token.Service{h.Service, far} {
			if _, err := s.Verify(ctx, h.realm, bound.AccessToken); err != nil {
				t.Fatal(err)
			}
		}

		end, err := h.SessionRevocation(ctx, h.realm, "sid-"+string(f))
		if err != nil || end.Kind != token.RevokeSession || end.Until.Before(h.now().Add(30*24*time.Hour)) {
			t.Fatalf("%+v, %v", end, err)
		}
		if err := h.store.Revoke(ctx, [32]byte{}, 0, end); err != nil {
			t.Fatal(err)
		}
		late, _ := h.node(nil)
		for name, s := range map[string]*token.Service{"here": h.Service, "elsewhere": far, "started later": late} {
			if _, err := s.Verify(ctx, h.realm, bound.AccessToken); oauth.ReasonOf(err) != oauth.TokenRevoked {
				t.Errorf("%s, %s: access %v", f, name, err)
			}
			if got := refreshable(ctx, s, h.realm, bound.RefreshToken); got != oauth.RefreshRevoked {
				t.Errorf("%s, %s: refresh %q", f, name, got)
			}
			for which, out := range map[string]*token.Issued{"of another session": other, "offline": offline} {
				if _, err := s.Verify(ctx, h.realm, out.AccessToken); err != nil {
					t.Errorf("%s, %s, %s: access %v", f, name, which, err)
				}
				if got := refreshable(ctx, s, h.realm, out.RefreshToken); got != "" {
					t.Errorf("%s, %s, %s: refresh %q", f, name, which, got)
				}
			}
		}
		// A code of the session that was not redeemed yet opens nothing any more.
		a.SignIn.Bound, a.Family = true, token.NewFamilyID(h.now())
		if _, err := h.Issue(ctx, a); oauth.ReasonOf(err) != oauth.CodeExpired {
			t.Errorf("%s: issued in a session that is over: %v", f, err)
		}
	}
	if _, err := h.SessionRevocation(ctx, h.realm, ""); err == nil {
		t.Error("a session without a name")
	}
}

func TestListsForgetWhatASessionEnded(t *testing.T) {
	h := newHouse(t)
	h.issue(h.openID(realm.Reference))
	end, err := h.SessionRevocation(t.Context(), h.realm, "sid-1")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []int{1, 0} {
		for _, kind := range []string{token.KindAccess, token.KindRefresh} {
			list, err := h.List(t.Context(), h.realm, "tspuser", "", kind)
			if err != nil || len(list) != want {
				t.Errorf("%s: %d listed, want %d, %v", kind, len(list), want, err)
			}
		}
		h.store.tell(end)
	}
}

// A refresh token that is bound to a session does not live longer than the session can.
func TestABoundGrantEndsWithTheLongestSession(t *testing.T) {
	h := newHouse(t)
	for name, tt := range map[string]struct {
		change func(a *token.Authorization)
		want   time.Duration // of the refresh token, from now; 0: none
	}{
		"by default":         {func(*token.Authorization) {}, 7*24*time.Hour - 5*time.Minute},
		"by the realm":       {func(a *token.Authorization) { r := *h.realm; r.SignIn.Max = realm.Duration(time.Hour); a.Realm = &r }, 55 * time.Minute},
		"shorter of its own": {func(a *token.Authorization) { a.Refresh.TTL = realm.Duration(time.Minute) }, time.Minute},
		"not bound":          {func(a *token.Authorization) { a.SignIn.Bound = false }, 30 * 24 * time.Hour},
		"over":               {func(a *token.Authorization) { a.SignIn.At = h.now().Add(-7 * 24 * time.Hour) }, 0},
	} {
		a := h.openID(realm.JWT)
		tt.change(&a)
		out := h.issue(a)
		if (out.RefreshToken != "") != (tt.want > 0) || out.AccessToken == "" {
			t.Errorf("%s: %+v", name, out)
		}
		if got := time.Duration(out.RefreshIn) * time.Second; got > tt.want || got < tt.want-2*time.Second {
			t.Errorf("%s: the refresh token lives %s, want %s", name, got, tt.want)
		}
	}
}

// CVE class 3: a code that came twice ends what it gave, whenever that was or will be made.
func TestEndFamilyByID(t *testing.T) {
	ctx := context.Background()
	for _, f := range formats {
		h := newHouse(t)
		far, _ := h.node(nil)
		hub := &feed.Hub{} // hears nothing of the store
		deaf, _ := h.node(func(c *token.Config) { c.Hub = hub })

		a := h.openID(f)
		out := h.issue(a)
		bystander := h.issue(h.openID(f))
		wantGood(t, h, out.AccessToken)
		again := h.mustAgain(token.Authorization{Realm: h.realm, Client: h.client, User: h.user, Access: a.Access}, out.RefreshToken)
		if err := h.EndFamilyByID(ctx, h.realm, "tspclient", a.Family); err != nil {
			t.Fatal(err)
		}
		// Another node, which has not heard, is just issuing.
		underWay, err := deaf.Issue(ctx, a)
		if err != nil {
			t.Fatal(err)
		}
		for name, s := range map[string]*token.Service{"here": h.Service, "elsewhere": far} {
			for which, raw := range map[string]string{"first": out.AccessToken, "refreshed": again.AccessToken, "under way": underWay.AccessToken} {
				if _, err := s.Verify(ctx, h.realm, raw); oauth.ReasonOf(err) != oauth.TokenRevoked {
					t.Errorf("%s, %s, %s: access %v", f, name, which, err)
				}
			}
			for which, raw := range map[string]string{"first": out.RefreshToken, "refreshed": again.RefreshToken, "under way": underWay.RefreshToken} {
				if got := refreshable(ctx, s, h.realm, raw); got != oauth.RefreshRevoked {
					t.Errorf("%s, %s, %s: refresh %q", f, name, which, got)
				}
			}
			if _, err := s.Issue(ctx, a); oauth.ReasonOf(err) != oauth.CodeExpired {
				t.Errorf("%s, %s: issued again: %v", f, name, err)
			}
			if _, err := s.Verify(ctx, h.realm, bystander.AccessToken); err != nil {
				t.Errorf("%s, %s: a bystander: %v", f, name, err)
			}
		}
		// For as long as the refresh token would have lived, and nobody's clock matters.
		h.pass(30*24*time.Hour - time.Minute)
		late, _ := h.node(nil)
		if got := refreshable(ctx, late, h.realm, underWay.RefreshToken); got != oauth.RefreshRevoked && got != oauth.RefreshExpired {
			t.Errorf("%s, a month later: %q", f, got)
		}
	}
	h := newHouse(t)
	if err := h.EndFamilyByID(ctx, h.realm, "tspclient", token.ID{}); err == nil {
		t.Error("a grant without a name")
	}
	h.store.fail(errors.New("disk full"))
	if err := h.EndFamilyByID(ctx, h.realm, "tspclient", token.NewFamilyID(h.now())); err == nil {
		t.Error("what could not be written down passed for done")
	}
}

// A refresh that ends access tokens of earlier generations does not end the grant.
func TestEarlierGenerationsAreNotTheGrant(t *testing.T) {
	h := newHouse(t)
	a := h.auth(realm.JWT)
	a.EndAccess = true
	out := h.issue(a)
	for range 3 {
		next := h.mustAgain(a, out.RefreshToken)
		wantReason(t, h, h.realm, out.AccessToken, oauth.TokenRevoked)
		wantGood(t, h, next.AccessToken)
		out = next
	}
}

// What a user takes back includes the code that is on its way.
func TestClientUserRevocation(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	code := h.openID(realm.JWT)
	out := h.issue(h.openID(realm.JWT))
	h.pass(time.Second)
	end, err := h.ClientUserRevocation(ctx, h.realm, "tspclient", "tspuser")
	if err != nil || end.Kind != token.RevokeClientUser || end.Bound != h.now().UnixMicro() || end.Until.Before(h.now().Add(30*24*time.Hour)) {
		t.Fatalf("%+v, %v", end, err)
	}
	if err := h.store.Revoke(ctx, [32]byte{}, 0, end); err != nil {
		t.Fatal(err)
	}
	h.pass(time.Second)
	wantReason(t, h, h.realm, out.AccessToken, oauth.TokenRevoked)
	if got := refreshable(ctx, h.Service, h.realm, out.RefreshToken); got != oauth.RefreshRevoked {
		t.Errorf("refresh %q", got)
	}
	if _, err := h.Issue(ctx, code); oauth.ReasonOf(err) != oauth.CodeExpired {
		t.Errorf("a code from before: %v", err)
	}
	again := h.issue(h.openID(realm.JWT)) // the same old sign-in, agreed to anew
	wantGood(t, h, again.AccessToken)
	if got := refreshable(ctx, h.Service, h.realm, again.RefreshToken); got != "" {
		t.Errorf("agreed to anew: refresh %q", got)
	}
}

// Sessions end often; clients are read for it only after one has changed.
func TestSessionRevocationsReadClientsOnce(t *testing.T) {
	h := newHouse(t)
	var reads int
	var fail error
	hub := &feed.Hub{}
	s, _ := h.node(func(c *token.Config) {
		c.Hub = hub
		c.Longest = func(context.Context, *realm.Realm) (time.Duration, error) {
			reads++
			return time.Duration(reads) * time.Hour, fail
		}
	})
	end := func(want time.Duration, reason string) {
		t.Helper()
		r, err := s.SessionRevocation(t.Context(), h.realm, "s")
		if err != nil || !r.Until.Equal(h.now().Add(want)) {
			t.Errorf("%s: until %s, %v, want %s", reason, r.Until.Sub(h.now()), err, want)
		}
	}
	end(time.Hour, "first")
	end(time.Hour, "again")
	hub.Publish(feed.Change{Kind: feed.User, Realm: "default"})
	end(time.Hour, "a user changed")
	hub.Publish(feed.Change{Kind: feed.Client, Realm: "default", ID: "x"})
	end(2*time.Hour, "a client changed")
	hub.Publish(feed.Change{Kind: feed.All})
	fail = errors.New("away")
	if _, err := s.SessionRevocation(t.Context(), h.realm, "s"); err == nil {
		t.Error("a length that nobody knows")
	}
	fail = nil
	end(4*time.Hour, "all changed")
}

// 200 redemptions' worth of endings and issues race: whatever was issued is over once the ending has returned.
func TestIssuesAndEndsRace(t *testing.T) {
	h := newHouse(t)
	for range 20 {
		a := h.openID(realm.Opaque)
		var wg sync.WaitGroup
		issued := make(chan *token.Issued, 10)
		for i := range 10 {
			wg.Go(func() {
				if i == 5 {
					if err := h.EndFamilyByID(t.Context(), h.realm, "tspclient", a.Family); err != nil {
						t.Error(err)
					}
					return
				}
				out, err := h.Issue(t.Context(), a)
				if err == nil {
					issued <- out
				} else if oauth.ReasonOf(err) != oauth.CodeExpired {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		close(issued)
		for out := range issued {
			wantReason(t, h, h.realm, out.AccessToken, oauth.TokenRevoked)
			if got := refreshable(t.Context(), h.Service, h.realm, out.RefreshToken); got != oauth.RefreshRevoked {
				t.Errorf("refresh %q", got)
			}
		}
	}
}

// A grant that was named before it began was given when it was named.
func TestNamedGrantsBeginWhenTheyWereNamed(t *testing.T) {
	h := newHouse(t)
	a := h.openID(realm.JWT)
	began := h.now().Truncate(time.Microsecond)
	h.pass(30 * time.Second)
	if out := h.issue(a); !out.StartedAt.Equal(began) || !out.IssuedAt.Equal(began.Add(30*time.Second)) {
		t.Errorf("started %s, issued %s", out.StartedAt, out.IssuedAt)
	}
	a.Family = token.ID{1, 2, 3} // tells no time
	if out := h.issue(a); !out.StartedAt.Equal(out.IssuedAt) {
		t.Errorf("started %s, issued %s", out.StartedAt, out.IssuedAt)
	}
	a.Family = token.NewFamilyID(h.now().Add(-2 * time.Hour))
	if out := h.issue(a); !out.StartedAt.Equal(out.IssuedAt) {
		t.Errorf("named long ago: started %s, issued %s", out.StartedAt, out.IssuedAt)
	}
	a.SignIn, a.Scope = nil, scope.Set{"read"}
	if out := h.issue(a); out.AccessToken == "" {
		t.Error("without a sign-in")
	}
}
