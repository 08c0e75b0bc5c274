package token_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sallyport/client"
	"sallyport/feed"
	"sallyport/key"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/token"
)

func wantReason(t testing.TB, h *house, r *realm.Realm, raw string, want oauth.Reason) {
	t.Helper()
	if _, err := h.Verify(t.Context(), r, raw); oauth.ReasonOf(err) != want {
		t.Errorf("got %v, want %q", err, want)
	}
}

func wantGood(t testing.TB, h *house, raw string) *token.Access {
	t.Helper()
	a, err := h.Verify(t.Context(), h.realm, raw)
	if err != nil {
		t.Fatalf("got %v, want a good token", err)
	}
	return a
}

func TestEveryFormatComesBackWhole(t *testing.T) {
	h := newHouse(t)
	issued := h.now().Truncate(time.Microsecond)
	for _, f := range formats {
		for _, by := range []string{"user", "client"} {
			a := h.auth(f)
			want := &token.Access{
				Realm: "default", Client: "tspclient", User: "tspuser", Scope: scope.Set{"read", "write"},
				Audience: []string{"https://as.example"}, Format: f, IssuedAt: issued, StartedAt: issued,
				ExpiresAt: time.Unix(issued.Unix()+3600, 0),
			}
			if by == "client" {
				a.User, a.WithRefresh, want.User = nil, false, ""
			}
			out := h.issue(a)
			want.ID = out.AccessID
			for _, look := range []string{"fresh", "from the cache"} {
				got := wantGood(t, h, out.AccessToken)
				if (got.Family == token.ID{}) != (by == "client") {
					t.Errorf("%s, %s: family %s", f, by, got.Family)
				}
				if f == realm.JWT && by == "user" { // auth_time has seconds
					want.StartedAt = time.Unix(issued.Unix(), 0)
				}
				if d := cmp.Diff(want, got, cmpopts.IgnoreFields(token.Access{}, "Family", "Slots"), cmpopts.EquateApproxTime(0)); d != "" {
					t.Errorf("%s, %s, %s (-want +got):\n%s", f, by, look, d)
				}
			}
			if out.ExpiresIn != 3600 || out.IssuedAt != issued || (out.RefreshToken == "") != (by == "client") {
				t.Errorf("%s, %s: issued %+v", f, by, out)
			}
			if n := len(out.AccessToken); f == realm.Reference && (n != 56 || strings.Trim(out.AccessToken, "0123456789abcdef") != "") {
				t.Errorf("reference token %q is not 56 lower-case hex digits", out.AccessToken)
			}
		}
	}
}

// A user and a client of the same name are told apart (RFC 9068 section 5).
func TestUserNamedLikeTheClient(t *testing.T) {
	h := newHouse(t)
	h.user.Name = h.client.ID
	for _, f := range formats {
		a := h.auth(f)
		if got := wantGood(t, h, h.issue(a).AccessToken).User; got != h.client.ID {
			t.Errorf("%s: user %q", f, got)
		}
		a.User, a.WithRefresh = nil, false
		if got := wantGood(t, h, h.issue(a).AccessToken).User; got != "" {
			t.Errorf("%s: the client became the user %q", f, got)
		}
	}
}

func TestSelfContainedTokensWriteNothing(t *testing.T) {
	h := newHouse(t)
	a := h.auth(realm.Opaque)
	a.User, a.WithRefresh = nil, false
	before := h.store.calls.Load()
	for _, f := range []realm.Format{realm.JWT, realm.Opaque} {
		a.Access.Format = f
		for range 10 {
			wantGood(t, h, h.issue(a).AccessToken)
		}
	}
	if n := h.store.calls.Load() - before; n != 0 {
		t.Errorf("%d calls of the store", n)
	}
}

func TestExpiryAndClockJumps(t *testing.T) {
	h := newHouse(t)
	for _, f := range formats {
		out := h.issue(h.auth(f))
		left := time.Unix(h.now().Unix()+3600, 0).Sub(h.now())
		h.pass(left - time.Microsecond)
		wantGood(t, h, out.AccessToken)
		h.pass(time.Microsecond)
		for range 2 {
			_, err := h.Verify(t.Context(), h.realm, out.AccessToken)
			if e := oauth.AsError(err); oauth.ReasonOf(err) != oauth.TokenExpired || f != realm.Reference && e.Subject != out.AccessID {
				t.Errorf("%s: at its end: %v", f, err)
			}
		}
		h.pass(48 * time.Hour) // forward: over, also if nobody has seen the token yet
		h.Forget()
		wantReason(t, h, h.realm, out.AccessToken, oauth.TokenExpired)
		if _, state, err := h.Inspect(t.Context(), h.realm, out.AccessToken); state != token.Expired || err != nil {
			t.Errorf("%s: inspected as %q, %v", f, state, err)
		}
		h.pass(-48*time.Hour - left - 24*time.Hour) // back, to a day before it was issued: nobody is signed out
		wantGood(t, h, out.AccessToken)
		h.Forget()
		wantGood(t, h, out.AccessToken)
		h.pass(24 * time.Hour)
	}
}

func TestRevocationOfEveryKind(t *testing.T) {
	for _, f := range formats {
		h := newHouse(t)
		far, _ := h.node(nil)
		ctx := t.Context()
		both := func(raw string, want oauth.Reason) {
			t.Helper()
			for name, s := range map[string]*token.Service{"here": h.Service, "elsewhere": far} {
				if _, err := s.Verify(ctx, h.realm, raw); oauth.ReasonOf(err) != want {
					t.Errorf("%s, %s: got %v, want %q", f, name, err, want)
				}
			}
		}
		revoke := map[string]func(a *token.Access, out *token.Issued) error{
			"token": func(a *token.Access, out *token.Issued) error {
				return h.RevokeAccess(ctx, h.realm, a, out.AccessToken)
			},
			"grant": func(_ *token.Access, out *token.Issued) error {
				p, err := h.Present(ctx, h.realm, out.RefreshToken)
				return errors.Join(err, h.RevokeRefresh(ctx, h.realm, p, true))
			},
			"client and user": func(*token.Access, *token.Issued) error { return h.EndGrants(ctx, h.realm, "tspclient", "tspuser") },
			"user":            func(*token.Access, *token.Issued) error { return h.EndGrants(ctx, h.realm, "", "tspuser") },
			"client": func(*token.Access, *token.Issued) error {
				return h.store.Revoke(ctx, [32]byte{}, 0, token.Revocation{Realm: "default", Kind: token.RevokeClient, Key: "tspclient",
					Bound: h.now().UnixMicro(), Until: h.now().Add(time.Hour)})
			},
		}
		for name, end := range revoke {
			bystander := h.auth(f)
			bystander.Client = &client.Client{Realm: "default", ID: "by", Status: client.On}
			bystander.User = nil
			h.clients.set(bystander.Client)
			other := h.issue(bystander)
			out := h.issue(h.auth(f))
			both(out.AccessToken, "")
			both(other.AccessToken, "")
			if err := end(wantGood(t, h, out.AccessToken), out); err != nil {
				t.Fatal(err)
			}
			both(out.AccessToken, oauth.TokenRevoked)
			both(out.AccessToken, oauth.TokenRevoked)
			both(other.AccessToken, "")
			if _, state, err := far.Inspect(ctx, h.realm, out.AccessToken); state != token.Revoked || err != nil {
				t.Errorf("%s, %s: inspected as %q, %v", f, name, state, err)
			}
			h.pass(time.Microsecond)
			again := h.issue(h.auth(f))
			both(again.AccessToken, "") // a later sign-in is not concerned

			// A node that starts now has not seen any of this.
			late, _ := h.node(nil)
			if _, err := late.Verify(ctx, h.realm, out.AccessToken); oauth.ReasonOf(err) != oauth.TokenRevoked {
				t.Errorf("%s, %s, a node started later: %v", f, name, err)
			}
			if _, err := late.Verify(ctx, h.realm, again.AccessToken); err != nil {
				t.Errorf("%s, %s, a node started later: %v", f, name, err)
			}
		}
	}
}

func TestLostNewsAreReadAgain(t *testing.T) {
	h := newHouse(t)
	hub := &feed.Hub{} // hears nothing of the store
	deaf, _ := h.node(func(c *token.Config) { c.Hub = hub })
	out := h.issue(h.auth(realm.JWT))
	if _, err := deaf.Verify(t.Context(), h.realm, out.AccessToken); err != nil {
		t.Fatal(err)
	}
	if err := h.RevokeAccess(t.Context(), h.realm, wantGood(t, h, out.AccessToken), out.AccessToken); err != nil {
		t.Fatal(err)
	}
	h.store.fail(errors.New("no database"))
	hub.Publish(feed.Change{Kind: feed.All})
	time.Sleep(20 * time.Millisecond)
	h.store.fail(nil)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		_, err := deaf.Verify(t.Context(), h.realm, out.AccessToken)
		if oauth.ReasonOf(err) == oauth.TokenRevoked {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the revocation never arrived: %v", err)
		}
	}
}

func TestClientMustBeThereAndOn(t *testing.T) {
	for _, f := range formats {
		h := newHouse(t)
		out := h.issue(h.auth(f))
		wantGood(t, h, out.AccessToken)
		for status, cause := range map[client.Status]oauth.Reason{client.Off: oauth.ClientDisabled, client.Locked: oauth.ClientLocked, "": oauth.ClientDisabled} {
			c := *h.client
			c.Status = status
			h.clients.set(&c)
			_, err := h.Verify(t.Context(), h.realm, out.AccessToken)
			if e := oauth.AsError(err); oauth.ReasonOf(err) != oauth.TokenRevoked || oauth.ReasonOf(e.Err) != cause {
				t.Errorf("%s, client %q: %v", f, status, err)
			}
			if _, state, _ := h.Inspect(t.Context(), h.realm, out.AccessToken); state != token.Revoked {
				t.Errorf("%s, client %q: inspected as %q", f, status, state)
			}
		}
		h.clients.set(h.client)
		wantGood(t, h, out.AccessToken)
		// What is wrong with the client is told of a revoked token, too.
		c := *h.client
		c.Status = client.Off
		h.clients.set(&c)
		revoked := h.issue(h.auth(f))
		if err := h.store.Revoke(t.Context(), [32]byte{}, 0, token.Revocation{Realm: "default", Kind: token.RevokeClient, Key: "tspclient",
			Bound: h.now().Add(time.Second).UnixMicro(), Until: h.now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
		_, err := h.Verify(t.Context(), h.realm, revoked.AccessToken)
		if e := oauth.AsError(err); oauth.ReasonOf(err) != oauth.TokenRevoked || oauth.ReasonOf(e.Err) != oauth.ClientDisabled {
			t.Errorf("%s: %v", f, err)
		}
		h.clients.remove("default", "tspclient")
		wantReason(t, h, h.realm, out.AccessToken, oauth.TokenRevoked)
	}
}

func TestCacheIsBounded(t *testing.T) {
	h := newHouse(t)
	small, _ := h.node(func(c *token.Config) { c.CacheSize = 128 })
	a := h.auth(realm.Opaque)
	a.User, a.WithRefresh = nil, false
	for range 1000 {
		if _, err := small.Verify(t.Context(), h.realm, h.issue(a).AccessToken); err != nil {
			t.Fatal(err)
		}
	}
	if n := small.Remembered(); n > 128 || n < 64 {
		t.Errorf("%d tokens remembered, want at most 128 and not many fewer", n)
	}
}

func TestGoneReferenceTokensAskTheStoreOnce(t *testing.T) {
	h := newHouse(t)
	out := h.issue(h.auth(realm.Reference))
	if err := h.RevokeAccess(t.Context(), h.realm, wantGood(t, h, out.AccessToken), out.AccessToken); err != nil {
		t.Fatal(err)
	}
	fresh, _ := h.node(nil)
	before := h.store.calls.Load()
	for range 50 {
		if _, err := fresh.Verify(t.Context(), h.realm, out.AccessToken); oauth.ReasonOf(err) != oauth.TokenRevoked {
			t.Fatal(err)
		}
	}
	if n := h.store.calls.Load() - before; n != 1 {
		t.Errorf("%d reads, want 1", n)
	}
	before = h.store.calls.Load()
	for i := range 56 {
		bad := []byte(out.AccessToken)
		bad[i] = "0123456789abcdef"[(strings.IndexByte("0123456789abcdef", bad[i])+1)%16]
		wantReason(t, h, h.realm, string(bad), oauth.TokenMalformed)
	}
	if n := h.store.calls.Load() - before; n != 0 {
		t.Errorf("%d reads for made-up tokens", n)
	}
}

func TestStoreFaultIsNotARefusal(t *testing.T) {
	h := newHouse(t)
	out := h.issue(h.auth(realm.Reference))
	h.store.fail(oauth.Because(oauth.Unavailable, errors.New("disk full")))
	wantReason(t, h, h.realm, out.AccessToken, oauth.Unavailable)
	h.store.fail(nil)
	wantGood(t, h, out.AccessToken)
	h.store.fail(oauth.Because(oauth.Unavailable, errors.New("disk full")))
	wantGood(t, h, out.AccessToken) // seen before: no store needed
	if _, err := h.Issue(t.Context(), h.auth(realm.JWT)); oauth.ReasonOf(err) != oauth.Unavailable {
		t.Errorf("issued without a store: %v", err)
	}
	a := h.auth(realm.Opaque)
	a.WithRefresh = false
	if _, err := h.Issue(t.Context(), a); err != nil {
		t.Errorf("a sealed token needs no store: %v", err)
	}
}

func TestKeysRotateUnderLivingTokens(t *testing.T) {
	h := newHouse(t)
	far, _ := h.node(nil)
	var raws []string
	for range 3 {
		for _, f := range formats {
			raws = append(raws, h.issue(h.auth(f)).AccessToken)
		}
		for _, alg := range []key.Alg{key.ES256, key.Secret} {
			if _, err := h.ring.Rotate(t.Context(), "default", alg, 0); err != nil {
				t.Fatal(err)
			}
		}
		h.pass(10 * time.Second)
		for _, raw := range raws {
			wantGood(t, h, raw)
			if _, err := far.Verify(t.Context(), h.realm, raw); err != nil {
				t.Errorf("another node: %v", err)
			}
		}
	}
}

func TestIssuerIsChecked(t *testing.T) {
	h := newHouse(t)
	raw := h.issue(h.auth(realm.JWT)).AccessToken
	wantGood(t, h, raw)
	renamed := *h.realm
	renamed.Issuer = "https://elsewhere.example"
	wantReason(t, h, &renamed, raw, oauth.TokenMalformed)
	h.Forget()
	wantReason(t, h, &renamed, raw, oauth.TokenMalformed)
}

func TestRevocationsThatAreOverGo(t *testing.T) {
	h := newHouse(t)
	out := h.issue(h.auth(realm.JWT))
	const n = 100_000
	rs := make([]token.Revocation, n)
	for i := range rs {
		rs[i] = token.Revocation{Realm: "default", Kind: token.RevokeToken, Key: time.Duration(i).String(), Until: h.now().Add(time.Hour)}
	}
	h.store.tell(rs...)
	wantGood(t, h, out.AccessToken)
	if got := h.Revocations(); got != n {
		t.Errorf("%d revocations held, want %d", got, n)
	}
	h.pass(2 * time.Hour)
	for i := range rs {
		rs[i].Key, rs[i].Until = "b"+rs[i].Key, h.now().Add(time.Hour)
	}
	h.store.tell(rs...)
	if got := h.Revocations(); got > 3*n/2 {
		t.Errorf("%d revocations held after the first %d were over", got, n)
	}
}
