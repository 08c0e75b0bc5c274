package session_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/deployment"
	"sallyport/feed"
	"sallyport/realm"
	"sallyport/session"
	"sallyport/ticket"
	"sallyport/user"
)

func TestFind(t *testing.T) {
	h := open(t)
	secret, s := h.start("dory", "")
	if len(secret) != ticket.SecretLength {
		t.Errorf("a secret of %d characters", len(secret))
	}
	if s.Hash != session.Hash(secret) || strings.Contains(s.ID, secret) || s.ID == "" {
		t.Errorf("session %q under %x", s.ID, s.Hash)
	}
	if diff := cmp.Diff(s, h.find(secret)); diff != "" {
		t.Errorf("what was started is not what is found:\n%s", diff)
	}
	other, _ := h.start("dory", "")
	for name, wrong := range map[string]string{
		"empty": "", "short": secret[:len(secret)-1], "long": secret + "A", "another": strings.Repeat("A", len(secret)), "the name": s.ID,
		"case": strings.ToLower(secret),
	} {
		if got := h.find(wrong); got != nil {
			t.Errorf("%s: found the session of %q", name, got.User)
		}
	}
	if got := h.find(other); got == nil || got.ID == s.ID {
		t.Error("two sign-ins without a session before them are one")
	}
	if got, err := h.Find(t.Context(), &realm.Realm{Name: "other"}, secret); got != nil || err != nil {
		t.Errorf("a secret of another realm opens %v, %v", got, err)
	}
}

func TestFindReadsOnce(t *testing.T) {
	h := open(t)
	secret, _ := h.start("dory", "")
	for range 5 {
		h.find(secret)
		h.find(strings.Repeat("B", ticket.SecretLength))
	}
	if n := h.disk.reads.Load(); n != 2 {
		t.Errorf("%d reads for two secrets", n)
	}
	h.disk.broken.Store(true)
	if h.find(secret) == nil {
		t.Error("a session in memory needs the store")
	}
	h.hub.Publish(feed.Change{Kind: feed.All})
	if s, err := h.Find(t.Context(), h.realm, secret); s != nil || !errors.Is(err, errDisk) {
		t.Errorf("without store and memory: %v, %v", s, err)
	}
}

func TestLimits(t *testing.T) {
	const day = 24 * time.Hour
	for name, tt := range map[string]struct {
		settings realm.SignIn
		later    *realm.SignIn // the settings from then on
		used     []time.Duration
		at       time.Duration
		want     bool
	}{
		"default, within the idle limit": {at: 12*time.Hour - time.Second, want: true},
		"default, idle":                  {at: 12 * time.Hour},
		"default, in use":                {used: []time.Duration{10 * time.Hour, 20 * time.Hour}, at: 30 * time.Hour, want: true},
		"in use to the end":              {settings: realm.SignIn{Idle: realm.Duration(6 * day)}, used: []time.Duration{5 * day}, at: 7*day - time.Second, want: true},
		"in use, at the end":             {settings: realm.SignIn{Idle: realm.Duration(6 * day)}, used: []time.Duration{5 * day}, at: 7 * day},
		"short idle":                     {settings: realm.SignIn{Idle: realm.Duration(time.Minute)}, at: time.Minute},
		"short":                          {settings: realm.SignIn{Max: realm.Duration(time.Hour)}, at: time.Hour},
		"shortened meanwhile":            {later: &realm.SignIn{Max: realm.Duration(time.Hour)}, at: time.Hour},
		"not lengthened meanwhile":       {settings: realm.SignIn{Max: realm.Duration(time.Hour)}, later: &realm.SignIn{Max: realm.Duration(day)}, at: time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			h.realm.SignIn = tt.settings
			start := h.now
			secret, s := h.start("dory", "")
			if tt.later != nil {
				h.realm = &realm.Realm{Name: h.realm.Name, SignIn: *tt.later}
			}
			for _, at := range tt.used {
				h.now = start.Add(at)
				if h.find(secret) == nil {
					t.Fatalf("gone after %v", at)
				}
			}
			h.now = start.Add(tt.at)
			if got := h.find(secret) != nil; got != tt.want {
				t.Errorf("found after %v: %t", tt.at, got)
			}
			list, err := h.List(t.Context(), realm.Default, "dory")
			if err != nil {
				t.Fatal(err)
			}
			live := false
			for _, s := range list {
				live = live || !s.Over(h.realm, h.now)
			}
			if live != tt.want {
				t.Errorf("in the list and not over: %t; session %+v", live, s)
			}
		})
	}
}

// What one node does not know of the use of a session at another must not end it.
func TestUseAtAnotherNode(t *testing.T) {
	h := open(t)
	elsewhere := h.manager()
	secret, _ := h.start("dory", "")
	h.find(secret)
	for range 5 {
		h.now = h.now.Add(11 * time.Hour)
		if s, err := elsewhere.Find(t.Context(), h.realm, secret); s == nil || err != nil {
			t.Fatalf("elsewhere: %v, %v", s, err)
		}
	}
	if h.find(secret) == nil {
		t.Error("a session in use elsewhere is taken for idle")
	}
}

func TestTouchesAreFew(t *testing.T) {
	h := open(t)
	secret, _ := h.start("dory", "")
	for range 100 {
		h.now = h.now.Add(time.Minute)
		h.find(secret)
	}
	// A twentieth of 12 h are 36 minutes.
	if n := h.disk.touches.Load(); n != 2 {
		t.Errorf("%d touches in 100 minutes", n)
	}
	h.disk.broken.Store(true)
	h.now = h.now.Add(time.Hour)
	if h.find(secret) == nil {
		t.Error("a use that cannot be noted turns the user away")
	}
}

func TestUserDecides(t *testing.T) {
	h := open(t)
	secret, _ := h.start("dory", "")
	set := func(s user.Status) {
		h.commit(deployment.ChangeSet{Users: []*user.User{{Realm: realm.Default, Name: "dory", Status: s}}})
	}
	for _, s := range []user.Status{user.Off, user.Locked} {
		set(s)
		if h.find(secret) != nil {
			t.Errorf("the session of a user who is %s is good", s)
		}
	}
	set(user.On)
	if h.find(secret) != nil {
		t.Error("a user who was switched off is signed in again without having signed in")
	}
	secret, _ = h.start("dory", "")
	h.commit(deployment.ChangeSet{Deleted: []deployment.Ref{{Kind: feed.User, Realm: realm.Default, ID: "dory"}}})
	set(user.On)
	if h.find(secret) != nil {
		t.Error("a new user has inherited the session of an old one of the same name")
	}
}
