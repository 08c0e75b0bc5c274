package session_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/session"
	"sallyport/token"
)

// CVE class 11: a secret that was there before the sign-in opens nothing after it.
func TestStartRotates(t *testing.T) {
	h := open(t)
	first, s1 := h.start("dory", "")
	if err := h.Join(t.Context(), s1, "app"); err != nil {
		t.Fatal(err)
	}
	h.now = h.now.Add(time.Hour)
	second, s2 := h.start("dory", first)
	if first == second {
		t.Fatal("the secret stays")
	}
	if h.find(first) != nil {
		t.Error("the old secret still opens the session")
	}
	if s2.ID != s1.ID || !s2.StartedAt.Equal(s1.StartedAt) || !slices.Equal(s2.Clients, []string{"app"}) {
		t.Errorf("the session does not go on: %+v, then %+v", s1, s2)
	}
	if !s2.AuthTime.Equal(h.now.UTC()) || !s2.ExpiresAt.Equal(h.now.Add(7*24*time.Hour)) {
		t.Errorf("signed in at %v, good until %v", s2.AuthTime, s2.ExpiresAt)
	}
	third, s3 := h.start("nemo", second)
	if s3.ID == s2.ID || len(s3.Clients) != 0 || s3.User != "nemo" {
		t.Errorf("somebody else goes on in dory's session: %+v", s3)
	}
	if h.find(second) == nil || h.find(third) == nil {
		t.Error("two accounts in one browser: one is gone")
	}
}

func TestStartWithAPlantedSecret(t *testing.T) {
	h := open(t)
	planted := strings.Repeat("x", 43)
	secret, _ := h.start("dory", planted)
	if secret == planted || h.find(planted) != nil {
		t.Error("a planted secret opens the session")
	}
}

func TestStartKeepsWhatFits(t *testing.T) {
	h := open(t)
	at := h.now.Add(-time.Minute)
	_, s, err := h.Start(t.Context(), h.realm, session.SignedIn{
		User: "dory", AMR: []string{"pwd", "otp", "mfa"}, ACR: realm.ACRTwo, At: at,
		Agent: "Mozilla\x00\n" + strings.Repeat("ä", 500) + "\xff", Source: strings.Repeat("1", 100),
	}, "")
	if err != nil {
		t.Fatal(err)
	}
	if !s.AuthTime.Equal(at) || s.ACR != realm.ACRTwo || !slices.Equal(s.AMR, []string{"pwd", "otp", "mfa"}) {
		t.Errorf("%+v", s)
	}
	if len(s.Agent) > 200 || !utf8.ValidString(s.Agent) || !strings.HasPrefix(s.Agent, "Mozillaä") || len(s.Source) != 64 {
		t.Errorf("agent %q (%d), source %q", s.Agent, len(s.Agent), s.Source)
	}
	_, s, err = h.Start(t.Context(), h.realm, session.SignedIn{User: "dory", At: h.now.Add(time.Hour)}, "")
	if err != nil || s.AuthTime.After(h.now) {
		t.Errorf("signed in in the future: %v, %v", s.AuthTime, err)
	}
}

func TestJoin(t *testing.T) {
	h := open(t)
	secret, s := h.start("dory", "")
	for _, c := range []string{"a", "b", "a", "b"} {
		if err := h.Join(t.Context(), s, c); err != nil {
			t.Fatal(err)
		}
		s = h.find(secret)
	}
	if !slices.Equal(s.Clients, []string{"a", "b"}) {
		t.Errorf("clients %q", s.Clients)
	}
	if n := h.disk.writes.Load(); n != 2 {
		t.Errorf("%d writes for two clients", n)
	}
}

// Of many clients that join at the same time none is forgotten: one that is would not be told when the session ends.
func TestJoinRace(t *testing.T) {
	h := open(t)
	secret, s := h.start("dory", "")
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			if err := h.Join(t.Context(), s, fmt.Sprint(i)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := h.find(secret).Clients; len(got) != 10 {
		t.Errorf("clients %q", got)
	}
}

func TestJoinAfterTheEnd(t *testing.T) {
	h := open(t)
	_, s := h.start("dory", "")
	h.disk.between = func() {
		if _, err := h.End(t.Context(), h.realm, s.ID); err != nil {
			t.Error(err)
		}
	}
	if err := h.Join(t.Context(), s, "app"); oauth.ReasonOf(err) != oauth.SessionGone {
		t.Errorf("joined a session that had ended: %v", err)
	}
}

func TestChoose(t *testing.T) {
	h := open(t)
	secret, s := h.start("dory", "")
	h.now = h.now.Add(time.Minute)
	h.disk.between = func() {
		if err := h.Join(t.Context(), s, "app"); err != nil {
			t.Error(err)
		}
	}
	chosen, err := h.Choose(t.Context(), s)
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []*session.Session{chosen, h.find(secret)} {
		if !got.Chosen.Equal(h.now) || !slices.Equal(got.Clients, []string{"app"}) || !got.AuthTime.Equal(s.AuthTime) {
			t.Errorf("%+v", got)
		}
	}
	if s.Chosen.Equal(h.now) || len(s.Clients) != 0 {
		t.Error("a session that was handed out was modified")
	}
}

func TestEnd(t *testing.T) {
	h := open(t)
	secret, s := h.start("dory", "")
	h.find(secret)
	ended, err := h.End(t.Context(), h.realm, s.ID)
	if err != nil || ended == nil || ended.ID != s.ID || ended.User != "dory" {
		t.Fatalf("ended %v, %v", ended, err)
	}
	if h.find(secret) != nil {
		t.Error("the session goes on")
	}
	revoked := func(id string) bool {
		rs, err := h.store.Revocations(t.Context(), h.now)
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(rs, func(r token.Revocation) bool { return r.Kind == token.RevokeSession && r.Key == id })
	}
	if !revoked(s.ID) {
		t.Error("its tokens do not end with it")
	}
	if again, err := h.End(t.Context(), h.realm, s.ID); again != nil || err != nil {
		t.Errorf("ended twice: %v, %v", again, err)
	}
	if _, err := h.End(t.Context(), &realm.Realm{Name: "unrevokable"}, s.ID); !errors.Is(err, errDisk) {
		t.Errorf("without a revocation: %v", err)
	}
}

// CVE class 22: the name of a session of another realm ends nothing.
func TestEndInAnotherRealm(t *testing.T) {
	h := open(t)
	secret, s := h.start("dory", "")
	if ended, err := h.End(t.Context(), &realm.Realm{Name: "other"}, s.ID); ended != nil || err != nil {
		t.Errorf("%v, %v", ended, err)
	}
	if h.find(secret) == nil {
		t.Error("another realm has ended it")
	}
}

func TestEndAll(t *testing.T) {
	h := open(t)
	keep, kept := h.start("dory", "")
	gone, _ := h.start("dory", "")
	nemo, _ := h.start("nemo", "")
	ended, err := h.EndAll(t.Context(), h.realm, "dory", kept.ID)
	if err != nil || len(ended) != 1 || h.find(keep) == nil || h.find(gone) != nil || h.find(nemo) == nil {
		t.Errorf("all but one: %d ended, %v", len(ended), err)
	}
	ended, err = h.EndAll(t.Context(), h.realm, "dory", "")
	if err != nil || len(ended) != 1 || h.find(keep) != nil || h.find(nemo) == nil {
		t.Errorf("all: %d ended, %v", len(ended), err)
	}
}
