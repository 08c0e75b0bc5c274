package passkey_test

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/deployment"
	"sallyport/factor"
	"sallyport/factor/passkey"
	"sallyport/feed"
	"sallyport/key"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/store"
	"sallyport/user"
)

const origin = "https://login.example.org:8443"

// A house is a service on a real store. Its clock is ours.
type house struct {
	*factor.Service
	*testing.T
	now        time.Time
	realm      *realm.Realm
	other      *realm.Realm
	dory, nemo *user.User
}

func open(t *testing.T) *house {
	t.Helper()
	h := &house{
		T: t, now: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC),
		realm: &realm.Realm{Name: realm.Default, Issuer: origin, Brand: realm.Brand{Name: "Example"}},
		other: &realm.Realm{Name: "other", Issuer: origin + "/realms/other"},
		dory:  &user.User{Realm: realm.Default, Name: "dory", Alias: "Dory", Status: user.On},
		nemo:  &user.User{Realm: realm.Default, Name: "nemo", Status: user.On},
	}
	now, hub := func() time.Time { return h.now }, &feed.Hub{}
	s, err := store.Open(t.Context(), store.Options{
		URL: filepath.Join(t.TempDir(), "test.db"), Hub: hub, Log: slog.New(slog.DiscardHandler), Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if err := s.Commit(t.Context(), deployment.ChangeSet{
		Realms: []*realm.Realm{{Name: realm.Default}, {Name: "other"}},
		Users:  []*user.User{h.dory, h.nemo, {Realm: "other", Name: "dory", Status: user.On}},
	}); err != nil {
		t.Fatal(err)
	}
	h.Service = factor.New(factor.Config{Store: s, Hub: hub, Master: key.Master{7}, Now: now, Ceremonies: passkey.Ceremonies{}})
	return h
}

// add gives a user an authenticator's key.
func (h *house) add(u *user.User, a *authenticator) {
	h.Helper()
	options, state := h.begin(u)
	if err := h.FinishAdd(h.Context(), h.realm, u, state, a.create(options), "laptop"); err != nil {
		h.Fatal(err)
	}
}

func (h *house) begin(u *user.User) (options, state []byte) {
	h.Helper()
	options, state, err := h.BeginAdd(h.Context(), h.realm, u)
	if err != nil {
		h.Fatal(err)
	}
	return options, state
}

func (h *house) ask(user string) (options, state []byte) {
	h.Helper()
	options, state, err := h.BeginSignIn(h.Context(), h.realm, user)
	if err != nil {
		h.Fatal(err)
	}
	return options, state
}

func TestAdd(t *testing.T) {
	h := open(t)
	options, _ := h.begin(h.dory)
	o := read(t, options).PublicKey
	if o.RP.ID != "login.example.org" || o.RP.Name != "Example" || o.User.Name != "dory" || o.User.DisplayName != "Dory" ||
		o.Attest != "none" && o.Attest != "" || o.Selection.UserVerification != "preferred" || o.Selection.ResidentKey != "preferred" {
		t.Errorf("options %s", options)
	}
	if strings.Contains(o.User.ID, b64([]byte("dory"))) {
		t.Error("the user handle tells who it is")
	}
	a := newAuthenticator(t, verified|eligible|backedUp)
	h.add(h.dory, a)
	list, err := h.List(t.Context(), realm.Default, "dory")
	if err != nil || len(list) != 1 || list[0].Kind != factor.Passkey || list[0].ID != b64(a.id) || list[0].Name != "laptop" {
		t.Fatalf("%+v, %v", list, err)
	}
	for _, want := range []string{`"flags":93`, `"transports":["internal","hybrid"]`, `"attachment":"platform"`} {
		if !bytes.Contains(list[0].Doc, []byte(want)) {
			t.Errorf("%s is not kept: %s", want, list[0].Doc)
		}
	}
	if s, err := h.Summary(t.Context(), realm.Default, "dory"); s != (factor.Summary{Passkey: true}) || err != nil {
		t.Errorf("summary %+v, %v", s, err)
	}
	options, _ = h.begin(h.dory)
	if e := read(t, options).PublicKey.Exclude; len(e) != 1 || e[0].ID != b64(a.id) {
		t.Errorf("the same authenticator may be added twice: %v", e)
	}
}

func TestAddRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(h *house, a *authenticator)
		state  func(h *house, own []byte) []byte
	}{
		"another origin":        {change: func(_ *house, a *authenticator) { a.origin = "https://evil.example" }},
		"another port":          {change: func(_ *house, a *authenticator) { a.origin = "https://login.example.org" }},
		"http":                  {change: func(_ *house, a *authenticator) { a.origin = "http://login.example.org:8443" }},
		"a subdomain":           {change: func(_ *house, a *authenticator) { a.origin = "https://x.login.example.org:8443" }},
		"another relying party": {change: func(_ *house, a *authenticator) { a.rpID = "example.org" }},
		"another challenge":     {change: func(_ *house, a *authenticator) { a.challenge = b64(bytes.Repeat([]byte{1}, 32)) }},
		"another ceremony":      {change: func(_ *house, a *authenticator) { a.typ = "webauthn.get" }},
		"nobody there":          {change: func(_ *house, a *authenticator) { a.flags = verified }},
		"backed up, not able":   {change: func(_ *house, a *authenticator) { a.flags = present | backedUp }},
		"too late":              {change: func(h *house, _ *authenticator) { h.now = h.now.Add(10 * time.Minute) }},
		"another user's state": {state: func(h *house, _ []byte) []byte {
			_, s := h.begin(h.nemo)
			return s
		}},
		"a state of signing in": {state: func(h *house, _ []byte) []byte {
			_, s := h.ask("")
			return s
		}},
		"no state":  {state: func(*house, []byte) []byte { return nil }},
		"no object": {state: func(*house, []byte) []byte { return []byte("7") }},
	} {
		t.Run(name, func(t *testing.T) {
			h, a := open(t), newAuthenticator(t, verified)
			options, state := h.begin(h.dory)
			if tt.change != nil {
				tt.change(h, a)
			}
			if tt.state != nil {
				state = tt.state(h, state)
			}
			if err := h.FinishAdd(t.Context(), h.realm, h.dory, state, a.create(options), ""); oauth.ReasonOf(err) != oauth.FactorWrong {
				t.Errorf("%v", err)
			}
			if list, err := h.List(t.Context(), realm.Default, "dory"); len(list) != 0 || err != nil {
				t.Errorf("it was added: %v, %v", list, err)
			}
		})
	}
}

// A key that is somebody's cannot become somebody else's.
func TestAddTwice(t *testing.T) {
	h, a := open(t), newAuthenticator(t, verified)
	h.add(h.dory, a)
	options, state := h.begin(h.nemo)
	if err := h.FinishAdd(t.Context(), h.realm, h.nemo, state, a.create(options), ""); oauth.ReasonOf(err) != oauth.FactorWrong {
		t.Error(err)
	}
	if f, err := h.List(t.Context(), realm.Default, "dory"); len(f) != 1 || err != nil {
		t.Errorf("dory has %v, %v", f, err)
	}
}

func TestSignIn(t *testing.T) {
	h, a, key := open(t), newAuthenticator(t, verified), newAuthenticator(t, 0)
	h.add(h.dory, a)
	h.add(h.dory, key)
	for name, tt := range map[string]struct {
		who      string
		with     *authenticator
		nameless bool
		verified bool
		allowed  int
		verify   string
	}{
		"alone":                             {with: a, verified: true, verify: "required"},
		"as second factor":                  {who: "dory", with: a, verified: true, allowed: 2, verify: "preferred"},
		"second factor, unverified":         {who: "dory", with: key, allowed: 2, verify: "preferred"},
		"second factor without user handle": {who: "dory", with: key, nameless: true, allowed: 2, verify: "preferred"},
	} {
		t.Run(name, func(t *testing.T) {
			h.T = t
			options, state := h.ask(tt.who)
			o := read(t, options).PublicKey
			if o.RPID != "login.example.org" || len(o.Allow) != tt.allowed || o.Verify != tt.verify {
				t.Errorf("options %s", options)
			}
			tt.with.nameless, tt.with.t = tt.nameless, t
			got, verified, err := h.FinishSignIn(t.Context(), h.realm, state, tt.with.get(options))
			if got != "dory" || verified != tt.verified || err != nil {
				t.Errorf("%q, verified %t, %v", got, verified, err)
			}
		})
	}
	list, err := h.List(t.Context(), realm.Default, "dory")
	if err != nil || slices.ContainsFunc(list, func(f *factor.Factor) bool { return !f.UsedAt.Equal(h.now) }) {
		t.Errorf("the use is not noted: %+v, %v", list, err)
	}
}

func TestSignInRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		who    string
		change func(h *house, a *authenticator)
		state  func(h *house, own []byte) []byte
		realm  func(h *house) *realm.Realm
	}{
		"another origin":          {change: func(_ *house, a *authenticator) { a.origin = "https://login.example.org.evil.example" }},
		"another relying party":   {change: func(_ *house, a *authenticator) { a.rpID = "evil.example" }},
		"another challenge":       {change: func(_ *house, a *authenticator) { a.challenge = b64(bytes.Repeat([]byte{1}, 32)) }},
		"another ceremony":        {change: func(_ *house, a *authenticator) { a.typ = "webauthn.create" }},
		"another key":             {change: func(_ *house, a *authenticator) { a.forged = true }},
		"another id":              {change: func(_ *house, a *authenticator) { a.id = bytes.Repeat([]byte{1}, 32) }},
		"another user's handle":   {change: func(_ *house, a *authenticator) { a.handle = bytes.Repeat([]byte{1}, 32) }},
		"alone, no handle":        {change: func(_ *house, a *authenticator) { a.nameless = true }},
		"alone, unverified":       {change: func(_ *house, a *authenticator) { a.flags = present }},
		"alone, nobody there":     {change: func(_ *house, a *authenticator) { a.flags = verified }},
		"suddenly can be copied":  {change: func(_ *house, a *authenticator) { a.flags |= eligible }},
		"too late":                {change: func(h *house, _ *authenticator) { h.now = h.now.Add(10 * time.Minute) }},
		"second factor, handle":   {who: "dory", change: func(_ *house, a *authenticator) { a.handle = bytes.Repeat([]byte{1}, 32) }},
		"second factor of nemo":   {who: "nemo"},
		"in another realm":        {realm: func(h *house) *realm.Realm { return h.other }},
		"a state of adding a key": {state: func(h *house, _ []byte) []byte { _, s := h.begin(h.dory); return s }},
		"an older challenge":      {state: func(h *house, _ []byte) []byte { _, s := h.ask(""); return s }},
		"no state":                {state: func(*house, []byte) []byte { return nil }},
	} {
		t.Run(name, func(t *testing.T) {
			h, a := open(t), newAuthenticator(t, verified)
			h.add(h.dory, a)
			h.add(h.nemo, newAuthenticator(t, verified))
			options, state := h.ask(tt.who)
			if tt.change != nil {
				tt.change(h, a)
			}
			if tt.state != nil {
				state = tt.state(h, state)
			}
			in := h.realm
			if tt.realm != nil {
				in = tt.realm(h)
			}
			got, _, err := h.FinishSignIn(t.Context(), in, state, a.get(options))
			if got != "" || oauth.ReasonOf(err) != oauth.FactorWrong {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// WebAuthn Level 3 section 7.2 step 22: a counter that does not grow is the sign of a copy.
func TestCounter(t *testing.T) {
	h, a := open(t), newAuthenticator(t, verified)
	a.count = 5
	h.add(h.dory, a)
	for _, step := range []struct {
		count uint32
		want  oauth.Reason
	}{{6, ""}, {6, oauth.FactorWrong}, {5, oauth.FactorWrong}, {0, oauth.FactorWrong}, {100, ""}, {99, oauth.FactorWrong}, {101, ""}} {
		a.count = step.count
		options, state := h.ask("")
		if _, _, err := h.FinishSignIn(t.Context(), h.realm, state, a.get(options)); oauth.ReasonOf(err) != step.want {
			t.Errorf("counter %d: %v, want %q", step.count, err, step.want)
		}
	}
}

// Where there is a counter, even a state that was not kept from being used twice lets an answer in once.
func TestReplay(t *testing.T) {
	h, a := open(t), newAuthenticator(t, verified)
	a.count = 1
	h.add(h.dory, a)
	a.count = 2
	options, state := h.ask("")
	answer := a.get(options)
	if _, _, err := h.FinishSignIn(t.Context(), h.realm, state, answer); err != nil {
		t.Fatal(err)
	}
	if _, _, err := h.FinishSignIn(t.Context(), h.realm, state, answer); oauth.ReasonOf(err) != oauth.FactorWrong {
		t.Errorf("the same answer again: %v", err)
	}
}

func TestSecondFactorOfNobody(t *testing.T) {
	h := open(t)
	if _, _, err := h.BeginSignIn(t.Context(), h.realm, "dory"); oauth.ReasonOf(err) != oauth.FactorWrong {
		t.Error(err)
	}
}

func TestHasPasskeys(t *testing.T) {
	h := open(t)
	for issuer, want := range map[string]bool{
		origin: true, "https://login.example.org/realms/x": true, "http://localhost:8089": true, "http://sub.localhost": true,
		"http://127.0.0.1:8089": false, "https://127.0.0.1": false, "https://[::1]:8089": false, "http://login.example.org": false,
		"https://intranet": false, "": false,
	} {
		if got := h.HasPasskeys(&realm.Realm{Name: realm.Default, Issuer: issuer}); got != want {
			t.Errorf("%q: %t", issuer, got)
		}
	}
	if _, _, err := h.BeginSignIn(t.Context(), &realm.Realm{Name: realm.Default, Issuer: "http://127.0.0.1:8089"}, ""); err == nil {
		t.Error("a realm at an IP address begins a ceremony that no browser takes part in")
	}
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{}}`))
	f.Add([]byte(`{}`))
	f.Add([]byte(`{"id":"AA","rawId":"AA","type":"public-key","response":{"attestationObject":"o2NmbXRkbm9uZWdhdHRTdG10oGhhdXRoRGF0YVk","clientDataJSON":"e30"}}`))
	p := factor.Party{ID: "login.example.org", Origin: origin, Name: "Example"}
	a := factor.Account{Handle: bytes.Repeat([]byte{1}, 32), Name: "dory", Alias: "Dory"}
	_, create, err := passkey.Ceremonies{}.Create(p, a)
	if err != nil {
		f.Fatal(err)
	}
	_, get, err := passkey.Ceremonies{}.Get(p, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, answer []byte) {
		if c, err := (passkey.Ceremonies{}).Created(p, a, create, answer); err == nil {
			t.Errorf("a key without the challenge: %+v", c)
		}
		_, _ = passkey.Ceremonies{}.ID(answer)
		if u, err := (passkey.Ceremonies{}).Got(p, a, true, get, answer); err == nil {
			t.Errorf("an answer without the challenge: %+v", u)
		}
	})
}
