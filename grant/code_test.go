package grant_test

import (
	"sync"
	"testing"
	"time"

	"sallyport/audit"
	"sallyport/authorize"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/token"
)

// code makes a code as the authorization endpoint does, and the parameters that redeem it.
func (h *house) code(t *testing.T, scopes ...string) (params []string, family token.ID) {
	t.Helper()
	g := authorize.Grant{
		Realm: realm.Default, Client: "app", User: "dory", RedirectURI: "https://rp.example/cb", RedirectGiven: true, Challenge: challenge(verifier),
		Scope: scope.Set(scopes), Family: token.NewFamilyID(h.now()), SignIn: &token.SignIn{At: h.now(), Methods: []string{"pwd"}, ACR: "1", Session: "sid", Bound: true, Nonce: "n"},
	}
	code, err := authorize.NewCodes(h.Store, h.now).Make(t.Context(), g)
	if err != nil {
		t.Fatal(err)
	}
	return []string{"code", code, "redirect_uri", g.RedirectURI, "code_verifier", verifier}, g.Family
}

// CVE class 3: of any number of parallel redemptions of one code one wins, and since the others were replays, what it won is
// over as soon as the last of them has been answered (RFC 6749 section 4.1.2).
func TestCVEClass3RacersWithOneCode(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		const racers = 200
		params, family := h.code(t, "openid", "read")
		var mu sync.Mutex
		var won []*token.Issued
		reasons := map[oauth.Reason]int{}
		start := make(chan struct{})
		var wg sync.WaitGroup
		for range racers {
			wg.Go(func() {
				<-start
				issued, err := h.exchange("authorization_code", params...)
				mu.Lock()
				defer mu.Unlock()
				if err == nil {
					won = append(won, issued)
				}
				reasons[oauth.ReasonOf(err)]++
			})
		}
		close(start)
		wg.Wait()
		// The winner may find that a replay has already ended what it was about to be given.
		if reasons[""]+reasons[oauth.CodeExpired] != 1 || reasons[oauth.CodeReplayed] != racers-1 {
			t.Fatalf("outcomes %v", reasons)
		}
		for _, issued := range won {
			if got := h.verify(issued.AccessToken); got != oauth.TokenRevoked {
				t.Errorf("the winner's access token: %q", got)
			}
			if _, err := h.exchange("refresh_token", "refresh_token", issued.RefreshToken); oauth.ReasonOf(err) != oauth.RefreshRevoked {
				t.Errorf("the winner's refresh token: %v", err)
			}
		}
		if err := h.log.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		events, err := h.Events(t.Context(), realm.Default, time.Time{}, 2*racers)
		if err != nil {
			t.Fatal(err)
		}
		stored := 0
		for _, e := range events {
			if e.Kind == audit.CodeReplayed && e.Client == "app" && e.Reason == oauth.CodeReplayed {
				stored++
			}
		}
		if stored == 0 {
			t.Errorf("no replay of the code of %s is on record: %+v", family, events)
		}
	})
}

// The modules codereuse and codereuse-30seconds: a second use is refused however late it comes, and ends what the first gave.
func TestACodeIsGoodOnce(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		for _, later := range []time.Duration{0, 30 * time.Second, 10 * time.Minute} {
			params, family := h.code(t, "openid", "read")
			issued, err := h.exchange("authorization_code", params...)
			if err != nil {
				t.Fatal(err)
			}
			if issued.IDToken == "" || issued.RefreshToken == "" || issued.Scope.String() != "openid read" {
				t.Errorf("issued %+v", issued)
			}
			if a, err := h.tokens.Verify(t.Context(), h.realms.ByName(realm.Default), issued.AccessToken); err != nil || a.Family != family {
				t.Errorf("access token %+v, %v", a, err)
			}
			h.pass(later)
			again, err := h.exchange("refresh_token", "refresh_token", issued.RefreshToken)
			if err != nil || again.IDToken == "" {
				t.Fatalf("refreshed: %+v, %v", again, err)
			}
			if _, err := h.exchange("authorization_code", params...); oauth.ReasonOf(err) != oauth.CodeReplayed {
				t.Errorf("after %s: %v", later, err)
			}
			for name, raw := range map[string]string{"first": issued.AccessToken, "refreshed": again.AccessToken} {
				if got := h.verify(raw); got != oauth.TokenRevoked {
					t.Errorf("after %s: the %s access token: %q", later, name, got)
				}
			}
			if _, err := h.exchange("refresh_token", "refresh_token", again.RefreshToken); oauth.ReasonOf(err) != oauth.RefreshRevoked {
				t.Errorf("after %s: the refresh token: %v", later, err)
			}
		}
		params, _ := h.code(t, "openid", "read")
		h.pass(authorize.CodeLife)
		if _, err := h.exchange("authorization_code", params...); oauth.ReasonOf(err) != oauth.CodeUnknown {
			t.Errorf("a code that is over: %v", err)
		}
	})
}

// A wrong verifier does not use the code up, so a thief cannot take it from its owner.
func TestAThiefCannotUseUpACode(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		params, _ := h.code(t, "openid", "read")
		for _, wrong := range [][2]string{{"code_verifier", verifier[1:] + "x"}, {"redirect_uri", "https://evil.example"}, {"code_verifier", ""}} {
			attempt := append([]string(nil), params...)
			for i := 0; i < len(attempt); i += 2 {
				if attempt[i] == wrong[0] {
					attempt[i+1] = wrong[1]
				}
			}
			if _, err := h.exchange("authorization_code", attempt...); err == nil {
				t.Fatalf("%v was taken", wrong)
			}
		}
		if _, err := h.exchange("authorization_code", params...); err != nil {
			t.Error(err)
		}
	})
}
