package signin_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/audit"
	"sallyport/authserver/stepstest"
	"sallyport/oauth"
	"sallyport/realm"
)

func TestPassword(t *testing.T) {
	h := open(t)
	b := h.Browser().Get(ask("scope", "openid read", "claims", `{"id_token":{"email":{"essential":true}}}`))
	if !b.At("/signin") || b.Status != 200 || !strings.Contains(b.Text, "The app") || !strings.Contains(b.Text, "app.example.com") {
		t.Fatalf("%s %d\n%s", b.URL, b.Status, b.Text)
	}
	password(b, "dory")
	if !b.At("/signin/consent") || !strings.Contains(b.Text, "Read your orders") || !strings.Contains(b.Text, "Dear dory") {
		t.Fatalf("%s\n%s", b.URL, b.Text)
	}
	g := h.Redeem(b.Submit("decision", "allow").Code())
	if b.URL.Query().Get("state") != "s" || g.User != "dory" || g.Client != "app" {
		t.Errorf("%s: %+v", b.URL, g)
	}
	if diff := cmp.Diff([]string{"pwd"}, g.SignIn.Methods); diff != "" || g.SignIn.ACR != realm.ACROne || !g.SignIn.At.Equal(h.Clock.Now().Truncate(time.Microsecond)) {
		t.Errorf("%+v %s", g.SignIn, diff)
	}
	if h.Audit.Count(audit.SignedIn, "") != 1 {
		t.Error("nobody was told")
	}
	// The next request of the client asks nothing; another client has to ask.
	if b.Get(ask("scope", "openid read")).Code(); b.Status != 0 {
		t.Error(b.URL)
	}
	if b.Get(ask("client_id", "other")); !b.At("/signin/consent") {
		t.Error(b.URL)
	}
}

func TestWhoIsTurnedAway(t *testing.T) {
	const wrong, empty, disabled = "The name or the password is wrong", "A field was left empty", "This account is switched off"
	for _, tt := range []struct {
		name, username, password, notice string
		reason                           oauth.Reason
	}{
		{"wrong password", "dory", "guess", wrong, oauth.PasswordWrong},
		{"nobody", "nobody", "guess", wrong, oauth.UserUnknown},
		{"wrong, by address", "dory@example.org", "guess", wrong, oauth.PasswordWrong},
		{"nobody, by address", "nobody@example.org", "guess", wrong, oauth.UserUnknown},
		{"no password at all", "bare", "guess", wrong, oauth.PasswordWrong},
		{"switched off, wrong password", "offuser", "guess", wrong, oauth.PasswordWrong},
		{"switched off", "offuser", "password of offuser", disabled, oauth.UserDisabled},
		{"locked", "lockuser", "password of lockuser", disabled, oauth.UserLocked},
		{"locked, wrong password", "lockuser", "guess", wrong, oauth.PasswordWrong},
		{"no name", "", "guess", empty, ""},
		{"nothing", "dory", "", empty, ""},
		{"another realm's password", "dory", "another password", wrong, oauth.PasswordWrong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := open(t)
			b := h.Browser().Get(ask())
			b.Submit("password", tt.password, "username", tt.username)
			if !b.At("/signin") || b.Status != http.StatusUnprocessableEntity || !strings.HasPrefix(b.Notice, tt.notice) {
				t.Errorf("%s %d %q", b.URL, b.Status, b.Notice)
			}
			if b.Cookie("session") != "" {
				t.Error("there is a session")
			}
			if tt.reason != "" && h.Audit.Count(audit.SignInRefused, tt.reason) != 1 {
				t.Error("nobody was told")
			}
			if b.Get(ask("prompt", "none")); b.URL.Query().Get("error") != "login_required" {
				t.Errorf("afterwards: %s", b.URL)
			}
		})
	}
}

// Name and e-mail address of a user share one count of guesses (class 12), and who waits is told for how long.
func TestGuessesAreCountedByUser(t *testing.T) {
	h := open(t)
	b := h.Browser().Get(ask())
	for _, as := range []string{"dory", "dory@example.org", "DORY@example.org", " dory "} {
		if b.Submit("password", "guess", "username", as); b.Status != http.StatusUnprocessableEntity {
			t.Fatalf("%q: %d", as, b.Status)
		}
	}
	if b.Submit("password", secretly+"dory", "username", "dory@example.org"); b.Status != http.StatusTooManyRequests || b.Answer.Get("Retry-After") == "" {
		t.Errorf("%d %q", b.Status, b.Notice)
	}
	if password(b, "marlin"); !b.At("/signin/consent") {
		t.Errorf("somebody else is slowed down: %s %q", b.URL, b.Notice)
	}
	h.Clock.Advance(time.Minute)
	b = h.Browser().Get(ask())
	if b.Submit("password", secretly+"dory", "username", "Dory@Example.org"); !b.At("/signin/consent") {
		t.Errorf("by address: %s %d %q", b.URL, b.Status, b.Notice)
	}
}

// Class 11: forms of other sites, flows of other browsers, sessions that were left in a browser before.
func TestOtherSitesAndBrowsers(t *testing.T) {
	h := open(t)
	b := h.Browser().Get(ask())
	good := b.Form("password").With("username", "dory", "password", secretly+"dory")
	for _, site := range []string{"cross-site", "same-site", ""} {
		if b.PostFrom(site, "/signin", good); b.Status != http.StatusForbidden || b.Cookie("session") != "" {
			t.Errorf("from %q: %d", site, b.Status)
		}
	}
	for name, other := range map[string]*stepstest.Browser{"another browser": h.Browser(), "another browser that was here": h.Browser().Get(ask())} {
		if other.Post("/signin", good); other.Status == 0 || other.Cookie("session") != "" || !strings.Contains(other.Text, "flow_gone") {
			t.Errorf("%s: %s %d", name, other.URL, other.Status)
		}
		if other.Get("/signin?flow=" + good.Get("flow")); !strings.Contains(other.Text, "flow_gone") {
			t.Errorf("%s sees the page", name)
		}
	}
	if b.Post("/realms/corp/signin", good); !strings.Contains(b.Text, "flow_gone") {
		t.Error("the flow is good in another realm")
	}
	if b.Post("/signin", good); !b.At("/signin/consent") {
		t.Errorf("the attacks have spoilt it: %s", b.URL)
	}
	h.Clock.Advance(31 * time.Minute)
	if b.Submit("decision", "allow"); !strings.Contains(b.Text, "flow_gone") {
		t.Errorf("after half an hour: %s", b.URL)
	}
}

func TestSecretIsNewAtEverySignIn(t *testing.T) {
	h := open(t)
	b := agree(password(h.Browser().Get(ask()), "dory"))
	first := h.Redeem(b.Code())
	before := b.Cookie("session")
	h.Clock.Advance(time.Minute)
	b.Get(ask("prompt", "login"))
	if f := b.Form("password"); !b.At("/signin") || f == nil || f.Fields.Get("username") != "dory" || !strings.HasPrefix(b.Notice, "This needs a fresh") {
		t.Fatalf("%s %q", b.URL, b.Notice)
	}
	// Whoever is asked to prove it again cannot become somebody else by the way.
	if b.Submit("password", secretly+"marlin", "username", "marlin"); !b.At("/signin") {
		t.Fatalf("%s", b.URL)
	}
	second := h.Redeem(password(b, "dory").Code())
	if after := b.Cookie("session"); after == before || after == "" || strings.Contains(after, before) {
		t.Errorf("secret %q, then %q", before, after)
	}
	if first.SignIn.Session != second.SignIn.Session || !second.SignIn.At.After(first.SignIn.At) {
		t.Errorf("%+v, then %+v", first.SignIn, second.SignIn)
	}
	old := h.Browser()
	u, _ := url.Parse(stepstest.URL)
	old.Jar.SetCookies(u, []*http.Cookie{{Name: "__Host-sallyport-session-default", Value: before, Path: "/", Secure: true}})
	if old.Get(ask("prompt", "none")); old.URL.Query().Get("error") != "login_required" {
		t.Errorf("the old secret still opens: %s", old.URL)
	}
}

func TestGivingUp(t *testing.T) {
	h := open(t)
	for name, go_ := range map[string]func(b *stepstest.Browser){
		"sign-in": func(*stepstest.Browser) {},
		"consent": func(b *stepstest.Browser) { password(b, "dory") },
	} {
		b := h.Browser().Get(ask())
		go_(b)
		if b.Submit("decision", "deny"); b.Status != 0 || b.URL.Query().Get("error") != "access_denied" || b.URL.Query().Get("state") != "s" {
			t.Errorf("%s: %s %d", name, b.URL, b.Status)
		}
	}
}

func TestAccounts(t *testing.T) {
	h := open(t)
	b := agree(password(h.Browser().Get(ask()), "dory"))
	b.Code()
	h.Clock.Advance(time.Second)
	if b.Get(ask("prompt", "select_account")); !b.At("/signin/accounts") || !strings.Contains(b.Text, "Dear dory") {
		t.Fatalf("%s\n%s", b.URL, b.Text)
	}
	if b.Submit("session", "another"); !b.At("/signin") || b.Form("password").Fields.Get("username") != "" {
		t.Fatalf("%s", b.URL)
	}
	if g := h.Redeem(agree(password(b, "marlin")).Code()); g.User != "marlin" {
		t.Errorf("%+v", g)
	}
	h.Clock.Advance(time.Second)
	b.Get(ask("prompt", "select_account"))
	for _, wrong := range []string{"", "nobody's", "dory"} {
		if b.Submit("session", wrong); !b.At("/signin/accounts") {
			t.Fatalf("session=%q: %s", wrong, b.URL)
		}
	}
	at := strings.Index(b.Text, "Dear dory")
	button := b.Text[:at][strings.LastIndex(b.Text[:at], `value="`)+len(`value="`):]
	id := button[:strings.IndexByte(button, '"')]
	if g := h.Redeem(agree(b.Submit("session", id)).Code()); g.User != "dory" {
		t.Errorf("%+v", g)
	}
	if secrets := strings.Split(b.Cookie("session"), "."); len(secrets) != 2 || secrets[0] == secrets[1] {
		t.Errorf("%d sessions", len(secrets))
	}
}

func TestMethodsOfARealm(t *testing.T) {
	h := open(t, func(r *realm.Realm) { r.SignIn.Methods = []string{realm.ByPasskey} })
	b := h.Browser().Get(ask())
	if b.Form("password") != nil || b.Form("response") == nil {
		t.Fatalf("%s", b.Text)
	}
	form := url.Values{"flow": {b.Form("response").Fields.Get("flow")}, "username": {"dory"}, "password": {secretly + "dory"}}
	if b.Post("/signin", form); b.Cookie("session") != "" || !b.At("/signin") {
		t.Errorf("a password was taken: %s", b.URL)
	}
	h = open(t, func(r *realm.Realm) { r.SignIn.Methods = []string{realm.ByPassword} })
	if b = h.Browser().Get(ask()); b.Form("password") == nil || b.Form("response") != nil {
		t.Errorf("%s", b.Text)
	}
	// A ceremony of no use.
	if b.Fill(b.Form("password"), "response", "{}", "ceremony", strings.Repeat("A", 43)); b.Cookie("session") != "" || !b.At("/signin") {
		t.Errorf("a passkey was taken: %s", b.URL)
	}
}

func TestLanguageAndHints(t *testing.T) {
	h := open(t)
	b := h.Browser().Get(ask("ui_locales", "fr de", "login_hint", "marlin@example.org"))
	if b.Answer.Get("Content-Language") != "de" || b.Form("password").Fields.Get("username") != "marlin@example.org" {
		t.Errorf("%q %q", b.Answer.Get("Content-Language"), b.Form("password").Fields.Get("username"))
	}
	b = h.Browser()
	b.Header.Set("Accept-Language", "zh-Hant;q=0.9, en;q=0.5")
	if b.Get(ask()); b.Answer.Get("Content-Language") != "zh-TW" {
		t.Errorf("%q", b.Answer.Get("Content-Language"))
	}
	if csp := b.Answer.Get("Content-Security-Policy"); !strings.Contains(csp, "form-action 'self' https://app.example.com;") {
		t.Errorf("the answer could not be sent on: %s", csp)
	}
}

// What is called out of turn gains nothing and leads back.
func TestOutOfTurn(t *testing.T) {
	h := open(t)
	for _, path := range []string{"/signin/second", "/signin/enrol", "/signin/consent", "/signin/accounts", "/signin/verify", "/signin/recovery"} {
		b := h.Browser().Get(ask())
		flow := b.Form("flow").Fields.Get("flow")
		for _, form := range []url.Values{nil, {"flow": {flow}}, {"flow": {flow}, "decision": {"allow"}, "kind": {"totp"}, "code": {"000000"}, "session": {"x"}}} {
			if form == nil {
				b.Get(path + "?flow=" + flow)
			} else {
				b.Post(path, form)
			}
			if !b.At("/signin") || b.Cookie("session") != "" {
				t.Errorf("%s %v: %s %d", path, form, b.URL, b.Status)
			}
		}
		if b.Get(path); b.Status == 0 || b.Status < 400 {
			t.Errorf("%s without a flow: %d", path, b.Status)
		}
	}
	for _, method := range []string{http.MethodPut, http.MethodDelete} {
		b := h.Browser()
		if b.Request(method, "/signin"); b.Status != http.StatusMethodNotAllowed || !strings.Contains(b.Answer.Get("Allow"), "GET") {
			t.Errorf("%s: %d", method, b.Status)
		}
	}
}

func TestPagesTellNobodyElse(t *testing.T) {
	h := open(t)
	b := h.Browser().Get(ask())
	for _, header := range []string{"Content-Security-Policy", "X-Frame-Options", "Referrer-Policy"} {
		if b.Answer.Get(header) == "" {
			t.Errorf("no %s", header)
		}
	}
	if cc := b.Answer.Get("Cache-Control"); cc != "no-store" {
		t.Errorf("Cache-Control %q", cc)
	}
	b.Submit("password", "hush-hush", "username", `"><script>alert(1)</script>`)
	if strings.Contains(b.Text, "hush-hush") || strings.Contains(b.Text, "<script>alert") {
		t.Errorf("%s", b.Text)
	}
	if !slices.Contains(b.Form("username").Names, "password") {
		t.Errorf("%v", b.Form("username"))
	}
}
