package grant_test

import (
	"sync"
	"testing"
	"time"

	"sallyport/audit"
	"sallyport/client"
	"sallyport/deployment"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/token"
	"sallyport/user"
)

func TestSignInAndRefresh(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		first := h.signIn(t)
		if first.RefreshToken == "" || first.User == nil || first.Scope.String() != "read" {
			t.Fatalf("%+v", first)
		}
		second, err := h.exchange("refresh_token", "refresh_token", first.RefreshToken)
		if err != nil {
			t.Fatal(err)
		}
		if second.RefreshToken == first.RefreshToken || second.AccessToken == first.AccessToken || !second.StartedAt.Equal(first.StartedAt) {
			t.Errorf("first %+v, second %+v", first, second)
		}
		own, err := h.exchange("client_credentials")
		if err != nil || own.RefreshToken != "" || own.User != nil {
			t.Errorf("client credentials: %+v, %v", own, err)
		}
		for what, raw := range map[string]string{"first": first.AccessToken, "second": second.AccessToken, "the client's own": own.AccessToken} {
			if got := h.verify(raw); got != "" {
				t.Errorf("%s access token: %s", what, got)
			}
		}
		if n := h.families(t); n != 1 {
			t.Errorf("%d grants are stored", n)
		}
	})
}

// CVE class 4: any number of racers with one refresh token end up in one grant, and a replay later ends it.
func TestCVEClass4RacersWithOneRefreshToken(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		const racers = 64
		first := h.signIn(t)
		var mu sync.Mutex
		successors, access, start := map[string]int{}, map[string]bool{}, make(chan struct{})
		var wg sync.WaitGroup
		for range racers {
			wg.Go(func() {
				<-start
				issued, err := h.exchange("refresh_token", "refresh_token", first.RefreshToken)
				mu.Lock()
				defer mu.Unlock()
				if err != nil {
					t.Errorf("within the grace period: %v", err)
					return
				}
				successors[issued.RefreshToken]++
				access[issued.AccessToken] = true
			})
		}
		close(start)
		wg.Wait()
		if len(successors) != 1 || len(access) != racers {
			t.Fatalf("%d different successors, %d access tokens", len(successors), len(access))
		}
		if n := h.families(t); n != 1 {
			t.Errorf("%d grants are stored", n)
		}
		var successor string
		for successor = range successors {
			if successor == first.RefreshToken {
				t.Fatal("it did not change")
			}
		}
		third, err := h.exchange("refresh_token", "refresh_token", successor)
		if err != nil {
			t.Fatal(err)
		}

		h.pass(realm.DefaultGrace.Std() + time.Second)
		if _, err := h.exchange("refresh_token", "refresh_token", first.RefreshToken); oauth.ReasonOf(err) != oauth.RefreshReplayed {
			t.Errorf("a replay: %v", err)
		}
		for what, raw := range map[string]string{"predecessor": successor, "latest": third.RefreshToken, "replayed": first.RefreshToken} {
			if _, err := h.exchange("refresh_token", "refresh_token", raw); oauth.ReasonOf(err) != oauth.RefreshRevoked {
				t.Errorf("%s after the replay: %v", what, err)
			}
		}
		access[third.AccessToken] = true
		for raw := range access {
			if got := h.verify(raw); got != oauth.TokenRevoked {
				t.Errorf("an access token of the grant after the replay: %q", got)
			}
		}
		if n := h.families(t); n != 0 {
			t.Errorf("%d grants are stored after the replay", n)
		}
		if err := h.log.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		events, err := h.Events(t.Context(), realm.Default, time.Time{}, 10)
		if err != nil || len(events) != 1 || events[0].Kind != audit.RefreshReplayed || events[0].User != "dory" {
			t.Errorf("stored events: %+v, %v", events, err)
		}
	})
}

// CVE classes 4 and 5: who is switched off is refused at the next call, and what was refused is not used up.
func TestCVEClass5SwitchedOff(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		issued := h.signIn(t)
		dory, err := h.User(t.Context(), realm.Default, "dory")
		if err != nil {
			t.Fatal(err)
		}
		app, err := h.Client(t.Context(), realm.Default, "app")
		if err != nil {
			t.Fatal(err)
		}
		refresh := func() (*token.Issued, error) {
			return h.exchange("refresh_token", "refresh_token", issued.RefreshToken)
		}

		for status, want := range map[user.Status]oauth.Reason{user.Off: oauth.UserDisabled, user.Locked: oauth.UserLocked} {
			changed := *dory
			changed.Status = status
			h.commit(t, deployment.ChangeSet{Users: []*user.User{&changed}})
			if _, err := refresh(); oauth.ReasonOf(err) != want {
				t.Errorf("user %s: refresh %v", status, err)
			}
			if _, err := h.exchange("password", "username", "dory", "password", "dorypass"); oauth.ReasonOf(err) != want {
				t.Errorf("user %s: password %v", status, err)
			}
		}
		h.commit(t, deployment.ChangeSet{Users: []*user.User{dory}})

		for status, want := range map[client.Status]oauth.Reason{client.Off: oauth.ClientDisabled, client.Locked: oauth.ClientLocked} {
			changed := *app
			changed.Status = status
			h.commit(t, deployment.ChangeSet{Clients: []*client.Client{&changed}})
			if _, err := refresh(); oauth.ReasonOf(err) != want {
				t.Errorf("client %s: refresh %v", status, err)
			}
			if got := h.verify(issued.AccessToken); got != oauth.TokenRevoked {
				t.Errorf("client %s: access token %q", status, got)
			}
		}
		h.commit(t, deployment.ChangeSet{Clients: []*client.Client{app}})

		h.pass(realm.DefaultGrace.Std() + time.Second) // were the token used up, this would be a replay
		if _, err := refresh(); err != nil {
			t.Errorf("switched on again: %v", err)
		}
	})
}

// A database that goes away while tokens are asked for refuses, loses nothing, and says so in words for the caller.
func TestStoreAway(t *testing.T) {
	onBoth(t, func(t *testing.T, h *house) {
		issued := h.signIn(t)
		if err := h.Close(); err != nil {
			t.Fatal(err)
		}
		_, err := h.exchange("refresh_token", "refresh_token", issued.RefreshToken)
		if e := oauth.AsError(err); e.Reason != oauth.Unavailable || e.Code != oauth.TemporarilyDown {
			t.Errorf("%+v", e)
		}
	})
}
