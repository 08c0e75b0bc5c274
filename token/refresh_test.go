package token_test

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/client"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/token"
)

func wantRefresh(t testing.TB, err error, want oauth.Reason) {
	t.Helper()
	if oauth.ReasonOf(err) != want {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestRotation(t *testing.T) {
	h := newHouse(t)
	a := h.auth(realm.JWT)
	first := h.issue(a)
	if first.RefreshIn != 30*86400-1 && first.RefreshIn != 30*86400 {
		t.Errorf("refresh token lives %d s", first.RefreshIn)
	}
	h.pass(time.Minute)
	second := h.mustAgain(a, first.RefreshToken)
	if second.RefreshToken == first.RefreshToken || second.AccessToken == first.AccessToken {
		t.Error("nothing was rotated")
	}
	if second.StartedAt != first.StartedAt || second.RefreshIn != first.RefreshIn-60 {
		t.Errorf("the grant began anew: %+v", second)
	}
	h.pass(20 * time.Second)
	retry := h.mustAgain(a, first.RefreshToken) // the answer got lost: within the grace period the same successor
	if retry.RefreshToken != second.RefreshToken {
		t.Error("a retry within the grace period got another successor")
	}
	third := h.mustAgain(a, second.RefreshToken)
	for _, out := range []*token.Issued{first, second, retry, third} {
		wantGood(t, h, out.AccessToken)
	}
	h.pass(31 * time.Second)
	_, err := h.again(a, second.RefreshToken)
	wantRefresh(t, err, oauth.RefreshReplayed)
	_, err = h.again(a, third.RefreshToken)
	wantRefresh(t, err, oauth.RefreshRevoked)
	for _, out := range []*token.Issued{first, second, retry, third} {
		wantReason(t, h, h.realm, out.AccessToken, oauth.TokenRevoked)
	}
	if len(h.store.families) != 0 {
		t.Errorf("%d families are left", len(h.store.families))
	}
}

func TestRacersGetOneSuccessor(t *testing.T) {
	for _, f := range formats {
		h := newHouse(t)
		far, _ := h.node(nil)
		a := h.auth(f)
		raw := h.issue(a).RefreshToken
		for range 5 {
			next := make([]string, 16)
			var wg sync.WaitGroup
			for i := range next {
				wg.Go(func() {
					s := h.Service
					if i%2 == 1 {
						s = far
					}
					p, err := s.Present(t.Context(), h.realm, raw)
					if err != nil {
						t.Error(err)
						return
					}
					mine := a
					mine.Continues = p
					out, err := s.Issue(t.Context(), mine)
					if err != nil {
						t.Error(err)
						return
					}
					next[i] = out.RefreshToken
					if _, err := s.Verify(t.Context(), h.realm, out.AccessToken); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			for _, n := range next {
				if n != next[0] || n == raw {
					t.Fatalf("%s: racers got different successors: %q", f, next)
				}
			}
			raw = next[0]
		}
	}
}

func TestWithoutRotation(t *testing.T) {
	h := newHouse(t)
	a := h.auth(realm.Opaque)
	a.Refresh = realm.RefreshToken{Rotate: ptr(false), Uses: 3}
	first := h.issue(a)
	for range 3 {
		h.pass(time.Hour)
		if out := h.mustAgain(a, first.RefreshToken); out.RefreshToken != first.RefreshToken {
			t.Error("the refresh token changed")
		}
	}
	_, err := h.again(a, first.RefreshToken)
	wantRefresh(t, err, oauth.RefreshExhausted)
}

func TestEndOfARefreshToken(t *testing.T) {
	h := newHouse(t)
	a := h.auth(realm.JWT)
	a.Refresh = realm.RefreshToken{TTL: realm.Duration(24 * time.Hour), Idle: realm.Duration(2 * time.Hour)}
	first := h.issue(a)
	h.pass(2*time.Hour - time.Second)
	second := h.mustAgain(a, first.RefreshToken)
	h.pass(2 * time.Hour)
	_, err := h.again(a, second.RefreshToken)
	wantRefresh(t, err, oauth.RefreshExpired) // left idle

	a.Refresh.Idle = 0
	h.mustAgain(a, second.RefreshToken)
	h.pass(21 * time.Hour)
	p, err := h.Present(t.Context(), h.realm, second.RefreshToken)
	wantRefresh(t, err, oauth.RefreshExpired) // rotation does not extend it
	if p == nil || p.Family.Client != "tspclient" {
		t.Errorf("presented %+v", p)
	}
	h.pass(-3 * 24 * time.Hour) // the clock is set back
	if _, err := h.Present(t.Context(), h.realm, second.RefreshToken); err != nil {
		t.Errorf("after the clock was set back: %v", err)
	}
}

func TestNarrowerScope(t *testing.T) {
	h := newHouse(t)
	a := h.auth(realm.Opaque)
	first := h.issue(a)
	less := a
	less.Scope = scope.Set{"read"}
	second := h.mustAgain(less, first.RefreshToken)
	if got := wantGood(t, h, second.AccessToken).Scope.String(); got != "read" || second.Scope.String() != "read" {
		t.Errorf("access token has %q", got)
	}
	a.Scope = nil
	third := h.mustAgain(a, second.RefreshToken)
	if got := third.Scope.String(); got != "read write" {
		t.Errorf("the grant has shrunk to %q", got)
	}
}

func TestEndAccessEndsEarlierAccessTokens(t *testing.T) {
	for _, rotate := range []bool{true, false} {
		for _, f := range formats {
			h := newHouse(t)
			a := h.auth(f)
			a.EndAccess, a.Refresh.Rotate = true, ptr(rotate)
			first := h.issue(a)
			wantGood(t, h, first.AccessToken)
			second := h.mustAgain(a, first.RefreshToken)
			wantReason(t, h, h.realm, first.AccessToken, oauth.TokenRevoked)
			wantGood(t, h, second.AccessToken)
			third := h.mustAgain(a, second.RefreshToken)
			wantReason(t, h, h.realm, second.AccessToken, oauth.TokenRevoked)
			wantGood(t, h, third.AccessToken)
		}
	}
}

// A revocation must outlive every access token of the grant, also those issued when tokens lived longer.
func TestRevocationOutlivesAccessTokensOfFormerSettings(t *testing.T) {
	h := newHouse(t)
	a := h.auth(realm.JWT)
	a.Access.TTL = realm.Duration(90 * 24 * time.Hour)
	a.Refresh.TTL = realm.Duration(365 * 24 * time.Hour)
	first := h.issue(a)
	a.Access.TTL = realm.Duration(time.Minute)
	second := h.mustAgain(a, first.RefreshToken)
	third := h.mustAgain(a, second.RefreshToken)
	p, err := h.Present(t.Context(), h.realm, third.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.RevokeRefresh(t.Context(), h.realm, p, true); err != nil {
		t.Fatal(err)
	}
	h.pass(89 * 24 * time.Hour)
	late, _ := h.node(nil)
	if _, err := late.Verify(t.Context(), h.realm, first.AccessToken); oauth.ReasonOf(err) != oauth.TokenRevoked {
		t.Errorf("after 89 days: %v", err)
	}
}

func TestInspectRefresh(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	want := func(raw string, state token.State) *token.Presented {
		t.Helper()
		p, got, err := h.InspectRefresh(ctx, h.realm, raw)
		if err != nil || got != state {
			t.Fatalf("got %q, %v, want %q", got, err, state)
		}
		return p
	}
	a := h.auth(realm.JWT)
	first := h.issue(a)
	p := want(first.RefreshToken, token.Active)
	if p.Family.User != "tspuser" || p.Family.Scope.String() != "read write" || p.ID != p.Family.ID.String() || p.Raw != first.RefreshToken {
		t.Errorf("inspected %+v", p)
	}
	second := h.mustAgain(a, first.RefreshToken)
	want(first.RefreshToken, token.Active) // within the grace period it would be taken
	want(second.RefreshToken, token.Active)
	h.pass(31 * time.Second)
	want(first.RefreshToken, token.Revoked)
	p = want(second.RefreshToken, token.Active)
	if err := h.RevokeRefresh(ctx, h.realm, p, false); err != nil {
		t.Fatal(err)
	}
	wantGood(t, h, second.AccessToken) // asked to leave the access tokens alone
	p = want(second.RefreshToken, token.Revoked)
	if p.Family.ID.String() != p.ID {
		t.Errorf("gone, and yet %+v", p.Family)
	}
	if err := h.RevokeRefresh(ctx, h.realm, p, true); err != nil {
		t.Fatal(err)
	}
	wantReason(t, h, h.realm, second.AccessToken, oauth.TokenRevoked)
	h.pass(31 * 24 * time.Hour)
	want(second.RefreshToken, token.Expired)
	if _, _, err := h.InspectRefresh(ctx, h.realm, second.AccessToken); oauth.ReasonOf(err) != oauth.RefreshUnknown {
		t.Errorf("an access token as refresh token: %v", err)
	}
}

// A restored backup has lost the latest generations: they must not go on, and must not end the family either.
func TestGenerationTheStoreHasLost(t *testing.T) {
	h := newHouse(t)
	a := h.auth(realm.JWT)
	first := h.issue(a)
	second := h.mustAgain(a, first.RefreshToken)
	for _, f := range h.store.families {
		f.Generation--
	}
	_, err := h.again(a, second.RefreshToken)
	wantRefresh(t, err, oauth.RefreshRevoked)
	h.mustAgain(a, first.RefreshToken)
}

func TestFailuresLoseNothing(t *testing.T) {
	h := newHouse(t)
	a := h.auth(realm.JWT)
	first := h.issue(a)
	p, err := h.Present(t.Context(), h.realm, first.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	a.Continues = p
	h.store.fail(oauth.Because(oauth.Unavailable, errors.New("away")))
	_, err = h.Issue(t.Context(), a)
	wantRefresh(t, err, oauth.Unavailable)
	h.store.fail(nil)
	if _, err := h.Issue(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	long := h.auth(realm.JWT)
	for range 700 {
		long.Scope = append(long.Scope, strings.Repeat("s", 20))
	}
	n := len(h.store.families)
	if _, err := h.Issue(t.Context(), long); err == nil || !strings.Contains(err.Error(), "fewer scopes") {
		t.Errorf("a token too long to verify: %v", err)
	}
	if len(h.store.families) != n {
		t.Error("a grant was stored for which no token was issued")
	}
}

func TestSettingsAreInherited(t *testing.T) {
	h := newHouse(t)
	r := *h.realm
	c := *h.client
	a := h.auth("")
	a.Realm, a.Client, a.WithRefresh = &r, &c, false
	ttl := func() int64 { t.Helper(); return h.issue(a).ExpiresIn }
	if got := ttl(); got != 3600 {
		t.Errorf("product: %d", got)
	}
	a.Access = realm.AccessToken{TTL: realm.Duration(2 * time.Hour), Format: realm.Opaque}
	if got := ttl(); got != 7200 {
		t.Errorf("front door: %d", got)
	}
	r.AccessToken.TTL = realm.Duration(3 * time.Hour)
	if got := ttl(); got != 3*3600 {
		t.Errorf("realm: %d", got)
	}
	c.AccessToken = realm.AccessToken{TTL: realm.Duration(4 * time.Hour)}
	if got := ttl(); got != 4*3600 {
		t.Errorf("client: %d", got)
	}
	if raw := h.issue(a).AccessToken; !strings.HasPrefix(raw, "sps_") {
		t.Errorf("the format of the front door was lost: %s", raw)
	}
	c.AccessToken.Format = "paper"
	if _, err := h.Issue(t.Context(), a); err == nil {
		t.Error("issued on paper")
	}
}

func TestListAndRevokeByHandle(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	a := h.auth(realm.Reference)
	mine := h.issue(a)
	h.pass(time.Second)
	b := a
	b.Client = &client.Client{Realm: "default", ID: "second", Status: client.On}
	h.clients.set(b.Client)
	theirs := h.issue(b)
	sealed := h.auth(realm.Opaque)
	h.issue(sealed)
	for kind, want := range map[string]int{token.KindAccess: 2, token.KindRefresh: 3} {
		list, err := h.List(ctx, h.realm, "tspuser", "", kind)
		if err != nil || len(list) != want {
			t.Fatalf("%s: %d, %v, want %d", kind, len(list), err, want)
		}
		for _, l := range list {
			if !strings.HasPrefix(l.Handle, "h_") || l.ExpiresAt.Before(h.now()) || l.Client == "" || len(l.Scope) != 2 {
				t.Errorf("listed %+v", l)
			}
			wantReason(t, h, h.realm, l.Handle, oauth.TokenMalformed)
			if ok, err := h.RevokeHandle(ctx, h.realm, "somebody", l.Handle); ok || err != nil {
				t.Errorf("revoked for another user: %v, %v", ok, err)
			}
		}
	}
	list, _ := h.List(ctx, h.realm, "tspuser", "second", token.KindAccess)
	if len(list) != 1 || list[0].Client != "second" {
		t.Fatalf("of one client: %+v", list)
	}
	if ok, err := h.RevokeHandle(ctx, h.realm, "tspuser", list[0].Handle); !ok || err != nil {
		t.Fatal(ok, err)
	}
	wantReason(t, h, h.realm, theirs.AccessToken, oauth.TokenRevoked)
	wantGood(t, h, mine.AccessToken)
	list, _ = h.List(ctx, h.realm, "tspuser", "tspclient", token.KindRefresh)
	for _, l := range list {
		if ok, err := h.RevokeHandle(ctx, h.realm, "tspuser", l.Handle); !ok || err != nil {
			t.Fatal(ok, err)
		}
	}
	wantReason(t, h, h.realm, mine.AccessToken, oauth.TokenRevoked)
	_, err := h.Present(ctx, h.realm, mine.RefreshToken)
	wantRefresh(t, err, oauth.RefreshRevoked)
	if list, _ := h.List(ctx, h.realm, "tspuser", "", token.KindAccess); len(list) != 0 {
		t.Errorf("still listed: %+v", list)
	}
	if ok, err := h.RevokeHandle(ctx, h.realm, "tspuser", "h_unknown"); ok || err != nil {
		t.Errorf("an unknown handle: %v, %v", ok, err)
	}
}
