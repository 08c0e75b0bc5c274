package user_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/feed"
	"sallyport/oauth"
	"sallyport/user"
)

// store is a user.Store in memory that tells a hub of its changes.
type store struct {
	user.Store
	hub *feed.Hub

	mu       sync.Mutex
	users    map[string]*user.User // by realm/name
	replaced int
	fail     error
}

func newStore(users ...*user.User) *store {
	s := &store{hub: &feed.Hub{}, users: map[string]*user.User{}}
	for _, u := range users {
		s.users[u.Realm+"/"+u.Name] = u
	}
	return s
}

func (s *store) User(_ context.Context, realm, name string) (*user.User, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.users[realm+"/"+name], s.fail
}

func (s *store) ReplacePassword(_ context.Context, realm, name, old, replacement string) error {
	s.mu.Lock()
	u := *s.users[realm+"/"+name]
	if s.fail != nil || u.Password != old {
		defer s.mu.Unlock()
		return s.fail
	}
	u.Password = replacement
	s.users[realm+"/"+name] = &u
	s.replaced++
	s.mu.Unlock()
	s.hub.Publish(feed.Change{Kind: feed.User, Realm: realm, ID: name})
	return nil
}

type clock struct{ t time.Time }

func (c *clock) Now() time.Time { return c.t }

func TestAuthenticate(t *testing.T) {
	h := user.NewHasher(1)
	hash, err := h.Hash(t.Context(), "dorypass")
	if err != nil {
		t.Fatal(err)
	}
	s := newStore(
		&user.User{Realm: "a", Name: "dory", Password: hash, Status: user.On},
		&user.User{Realm: "a", Name: "off", Password: hash, Status: user.Off},
		&user.User{Realm: "a", Name: "federated", Status: user.On},
		&user.User{Realm: "a", Name: "broken", Password: "$nonsense$", Status: user.On},
	)
	a := user.NewAuthenticator(user.NewDirectory(s, s.hub), s, h, time.Now)
	for _, tt := range []struct {
		name, realm, user, password string
		reason                      oauth.Reason
	}{
		{"right", "a", "dory", "dorypass", ""},
		{"right again, remembered", "a", "dory", "dorypass", ""},
		{"wrong", "a", "dory", "Dorypass", oauth.PasswordWrong},
		{"empty", "a", "dory", "", oauth.PasswordWrong},
		{"too long", "a", "dory", strings.Repeat("x", 2000), oauth.PasswordWrong},
		{"unknown", "a", "nemo", "dorypass", oauth.UserUnknown},
		{"other realm", "b", "dory", "dorypass", oauth.UserUnknown},
		{"name by case", "a", "Dory", "dorypass", oauth.UserUnknown},
		{"status is not its matter", "a", "off", "dorypass", ""},
		{"no password set", "a", "federated", "", oauth.PasswordWrong},
		{"hash cannot be read", "a", "broken", "x", oauth.InternalError},
	} {
		t.Run(tt.name, func(t *testing.T) {
			u, err := a.Authenticate(t.Context(), tt.realm, tt.user, tt.password)
			if got := oauth.ReasonOf(err); got != tt.reason {
				t.Fatalf("reason %q, want %q (%v)", got, tt.reason, err)
			}
			if err == nil && (u == nil || u.Name != tt.user) {
				t.Errorf("user %+v", u)
			}
			if err != nil && (u != nil || strings.Contains(err.Error(), "dorypass")) {
				t.Errorf("user %+v, error %v", u, err)
			}
		})
	}
}

// CVE class 13: a name that does not exist costs the same work as one that does.
func TestCVEClass13UnknownUserCostsTheSame(t *testing.T) {
	h := user.NewHasher(1)
	hash, _ := h.Hash(t.Context(), "dorypass")
	s := newStore(&user.User{Realm: "a", Name: "dory", Password: hash}, &user.User{Realm: "a", Name: "federated"})
	a := user.NewAuthenticator(user.NewDirectory(s, s.hub), s, h, time.Now)
	defer h.Occupy()()
	for _, name := range []string{"dory", "nemo", "federated", strings.Repeat("x", 5000)} {
		ctx, cancel := context.WithCancel(t.Context())
		result := make(chan error)
		go func() {
			_, err := a.Authenticate(ctx, "a", name, "wrong")
			result <- err
		}()
		for h.Queued() == 0 { // it does want a worker
			select {
			case err := <-result:
				t.Fatalf("%.20s: answered without any work: %v", name, err)
			default:
			}
		}
		cancel()
		if err := <-result; !errors.Is(err, context.Canceled) {
			t.Errorf("%.20s: %v", name, err)
		}
	}
}

func TestMemoOfUsers(t *testing.T) {
	h := user.NewHasher(1)
	hash, _ := h.Hash(t.Context(), "dorypass")
	s := newStore(&user.User{Realm: "a", Name: "dory", Password: hash}, &user.User{Realm: "a", Name: "marlin", Password: hash})
	now := &clock{time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
	a := user.NewAuthenticator(user.NewDirectory(s, s.hub), s, h, now.Now)
	if _, err := a.Authenticate(t.Context(), "a", "dory", "dorypass"); err != nil {
		t.Fatal(err)
	}
	// With every worker taken and the caller gone, only what is remembered succeeds.
	defer h.Occupy()()
	hurried, cancel := context.WithCancel(t.Context())
	cancel()
	remembered := func(name, password string) bool {
		_, err := a.Authenticate(hurried, "a", name, password)
		return err == nil
	}
	if !remembered("dory", "dorypass") {
		t.Error("not remembered")
	}
	if remembered("dory", "dorypas") || remembered("marlin", "dorypass") {
		t.Error("remembered for another password or user")
	}
	now.t = now.t.Add(time.Minute)
	if remembered("dory", "dorypass") {
		t.Error("remembered for too long")
	}
}

func TestMemoEndsWithTheCredential(t *testing.T) {
	h := user.NewHasher(1)
	hash, _ := h.Hash(t.Context(), "old")
	other, _ := h.Hash(t.Context(), "new")
	s := newStore(&user.User{Realm: "a", Name: "dory", Password: hash})
	a := user.NewAuthenticator(user.NewDirectory(s, s.hub), s, h, time.Now)
	if _, err := a.Authenticate(t.Context(), "a", "dory", "old"); err != nil {
		t.Fatal(err)
	}
	if err := s.ReplacePassword(t.Context(), "a", "dory", hash, other); err != nil {
		t.Fatal(err)
	}
	if _, err := a.Authenticate(t.Context(), "a", "dory", "old"); oauth.ReasonOf(err) != oauth.PasswordWrong {
		t.Errorf("the old password: %v", err)
	}
	if _, err := a.Authenticate(t.Context(), "a", "dory", "new"); err != nil {
		t.Errorf("the new password: %v", err)
	}
}

func TestClockGoingBackEndsTheMemo(t *testing.T) {
	now := &clock{time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)}
	m := user.NewMemo(time.Minute, 10, now.Now)
	m.Add("a", "dory", "hash", "password")
	if !m.Knows("a", "dory", "hash", "password") {
		t.Error("not remembered")
	}
	for _, q := range [][4]string{{"b", "dory", "hash", "password"}, {"a", "doryh", "ash", "password"}, {"a", "dory", "hash2", "password"}, {"a", "dory", "hash", ""}} {
		if m.Knows(q[0], q[1], q[2], q[3]) {
			t.Errorf("knows %q", q)
		}
	}
	now.t = now.t.Add(-time.Second)
	if m.Knows("a", "dory", "hash", "password") {
		t.Error("remembered by a clock that went back")
	}
}

func TestUpgradeAtSignIn(t *testing.T) {
	h := user.NewHasher(1)
	for _, tt := range foreign {
		if !strings.HasPrefix(tt.hash, "$") {
			continue
		}
		t.Run(tt.name, func(t *testing.T) {
			s := newStore(&user.User{Realm: "a", Name: "dory", Password: tt.hash})
			a := user.NewAuthenticator(user.NewDirectory(s, s.hub), s, h, time.Now)
			if _, err := a.Authenticate(t.Context(), "a", "dory", tt.password+"x"); err == nil && !strings.HasPrefix(tt.password, long) {
				t.Fatal("a wrong password signs in")
			}
			if s.replaced != 0 {
				t.Fatal("a wrong password replaced the hash")
			}
			for range 2 {
				if _, err := a.Authenticate(t.Context(), "a", "dory", tt.password); err != nil {
					t.Fatal(err)
				}
			}
			stored := s.users["a/dory"].Password
			if got := strings.HasPrefix(stored, "$argon2id$v=19$m=19456,t=2,p=1$"); got != tt.upgrade {
				t.Errorf("stored %.40s", stored)
			}
			if s.replaced > 1 {
				t.Errorf("replaced %d times", s.replaced)
			}
		})
	}
}

func TestUpgradeThatFailsDoesNotTurnAway(t *testing.T) {
	s := newStore(&user.User{Realm: "a", Name: "dory", Password: foreign[1].hash})
	dir := user.NewDirectory(s, s.hub)
	if _, err := dir.Get(t.Context(), "a", "dory"); err != nil {
		t.Fatal(err)
	}
	s.fail = errors.New("read-only")
	a := user.NewAuthenticator(dir, s, user.NewHasher(1), time.Now)
	if _, err := a.Authenticate(t.Context(), "a", "dory", foreign[1].password); err != nil {
		t.Errorf("%v", err)
	}
	if _, err := a.Authenticate(t.Context(), "a", "nobody", "x"); !errors.Is(err, s.fail) {
		t.Errorf("store away: %v", err)
	}
}
