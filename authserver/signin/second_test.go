package signin_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/audit"
	"sallyport/authserver/stepstest"
	"sallyport/oauth"
	"sallyport/realm"
)

func (h *house) passkey(name string, verifies bool) *stepstest.Authenticator {
	h.T.Helper()
	a, u, rl := h.Authenticator(verifies), h.User(name), h.Realms.ByName(realm.Default)
	options, state, err := h.Factors.BeginAdd(h.T.Context(), rl, u)
	if err == nil {
		err = h.Factors.FinishAdd(h.T.Context(), rl, u, state, []byte(a.Create(string(options))), "")
	}
	if err != nil {
		h.T.Fatal(err)
	}
	return a
}

// use answers the passkey of the page shown.
func use(b *stepstest.Browser, a *stepstest.Authenticator) *stepstest.Browser {
	b.House.T.Helper()
	f := b.Form("response")
	if f == nil {
		b.House.T.Fatalf("%s asks for no passkey\n%s", b.URL, b.Text)
	}
	return b.Fill(f, "response", a.Get(f.Data))
}

// Class 12: a user who has a second factor is always asked for it, by whatever way the sign-in came.
func TestSecondFactorIsAlwaysAsked(t *testing.T) {
	h := open(t)
	h.totp("dory")
	for name, pairs := range map[string][]string{
		"plain": nil, "acr 1": {"acr_values", "1"}, "fresh": {"prompt", "login"}, "max_age": {"max_age", "0"}, "hinted": {"login_hint", "dory"},
	} {
		b := password(h.Browser().Get(ask(pairs...)), "dory")
		if !b.At("/signin/second") || b.Cookie("session") != "" {
			t.Errorf("%s: %s, session %q", name, b.URL, b.Cookie("session"))
		}
		flow := b.Form("flow").Fields.Get("flow")
		for _, to := range []string{"/authorize?flow=" + flow, "/account", "/signin/consent?flow=" + flow} {
			if b.Get(to); b.At("/account") || b.Status == 0 || b.Form("decision") != nil && b.At("/signin/consent") {
				t.Errorf("%s: %s leads to %s", name, to, b.URL)
			}
		}
		if b.Get(ask("prompt", "none")); b.URL.Query().Get("error") != "login_required" {
			t.Errorf("%s: %s", name, b.URL)
		}
	}
}

func TestCodes(t *testing.T) {
	h := open(t)
	secret := h.totp("dory")
	b := password(h.Browser().Get(ask()), "dory")
	code := h.code(secret)
	b.Submit("code", "000000")
	if b.Status != http.StatusUnprocessableEntity || !strings.HasPrefix(b.Notice, "That code is wrong") {
		t.Fatalf("%d %q", b.Status, b.Notice)
	}
	h.Clock.Advance(90 * time.Second)
	if b.Submit("code", code); b.Status != http.StatusUnprocessableEntity {
		t.Fatalf("an old code: %d %s", b.Status, b.URL)
	}
	code = h.code(secret)
	g := h.Redeem(agree(b.Submit("code", code[:3]+" "+code[3:])).Code())
	if diff := cmp.Diff([]string{"pwd", "otp", "mfa"}, g.SignIn.Methods); diff != "" || g.SignIn.ACR != realm.ACRTwo {
		t.Errorf("%+v %s", g.SignIn, diff)
	}
	// The same code again, in another browser.
	b = password(h.Browser().Get(ask()), "dory")
	if b.Submit("code", code); !strings.HasPrefix(b.Notice, "That code was used before") || b.Cookie("session") != "" {
		t.Errorf("%s %q", b.URL, b.Notice)
	}
	if h.Audit.Count(audit.SignInRefused, oauth.FactorWrong) != 2 || h.Audit.Count(audit.SignInRefused, oauth.FactorReused) != 1 {
		t.Error("nobody was told")
	}
}

func TestRecoveryCodes(t *testing.T) {
	h := open(t)
	h.totp("dory")
	codes, err := h.Factors.NewRecovery(t.Context(), realm.Default, "dory")
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []bool{true, false} {
		b := password(h.Browser().Get(ask()), "dory")
		b.Post("/signin/second", url.Values{"flow": {b.Form("flow").Fields.Get("flow")}, "kind": {"recovery"}, "code": {strings.ToLower(codes[0])}})
		if got := b.Cookie("session") != ""; got != want {
			t.Errorf("time %d: %s %q", i, b.URL, b.Notice)
		}
		if !want && (!strings.HasPrefix(b.Notice, "That recovery code") || !strings.Contains(b.Text, "<details open>")) {
			t.Errorf("what is wrong, and where it is typed again, is not shown: %q", b.Notice)
		}
	}
	if h.Audit.Count(audit.FactorChanged, "") != 1 {
		t.Error("nobody was told")
	}
}

// Class 12: guesses are bounded in one sign-in, also when all of them come at once, and slowed down over all sign-ins; knowing
// the password does not start them over.
func TestGuessesAtTheSecondFactor(t *testing.T) {
	h := open(t)
	secret := h.totp("dory")
	b := password(h.Browser().Get(ask()), "dory")
	for i := range 10 {
		if b.Status == 0 {
			if i != 6 || b.URL.Query().Get("error") != "access_denied" {
				t.Errorf("after %d: %s", i, b.URL)
			}
			break
		}
		b.Submit("code", "000000")
		for b.Status == http.StatusTooManyRequests {
			h.Clock.Advance(10 * time.Second)
			b.Submit("code", "000000")
		}
	}
	if b.Status != 0 {
		t.Fatal("guesses without end")
	}
	h.Clock.Advance(24 * time.Hour) // all is forgotten
	for range 4 {
		b = password(h.Browser().Get(ask()), "dory")
		b.Submit("code", "000000")
	}
	b = password(h.Browser().Get(ask()), "dory")
	if b.Submit("code", h.code(secret)); b.Status != http.StatusTooManyRequests || b.Answer.Get("Retry-After") == "" {
		t.Errorf("the password starts the guesses over: %s %d", b.URL, b.Status)
	}
	h.Clock.Advance(time.Minute)
	if b.Submit("code", h.code(secret)); !b.At("/signin/consent") {
		t.Errorf("%s %d %q", b.URL, b.Status, b.Notice)
	}
}

// Class 12: who has the password and very many addresses, as anybody with an IPv6 network does, guesses no faster for that; and
// the user still gets in by what cannot be guessed.
func TestGuessesFromEverywhere(t *testing.T) {
	h := open(t)
	h.totp("dory")
	codes, err := h.Factors.NewRecovery(t.Context(), realm.Default, "dory")
	if err != nil {
		t.Fatal(err)
	}
	var all []*stepstest.Browser
	for i := range 60 {
		b := h.Browser()
		b.Source = "2001:db8:0:" + strconv.FormatInt(int64(i+1), 16) + "::1"
		all = append(all, password(b.Get(ask()), "dory"))
	}
	for range 2 { // whoever was told to come back does
		for _, b := range all {
			b.Submit("code", "000000")
		}
		h.Clock.Advance(31 * time.Second)
	}
	if n := h.Audit.Count(audit.SignInRefused, oauth.FactorWrong); n == 0 || n > 10 {
		t.Errorf("%d guesses were looked at within a minute", n)
	}
	b := h.Browser()
	b.Source = "198.51.100.7"
	password(b.Get(ask()), "dory")
	b.Post("/signin/second", url.Values{"flow": {b.Form("flow").Fields.Get("flow")}, "kind": {"recovery"}, "code": {codes[0]}})
	for b.Status == http.StatusTooManyRequests {
		h.Clock.Advance(10 * time.Second)
		b.Submit("code", codes[0], "kind", "recovery")
	}
	if b.Cookie("session") == "" {
		t.Errorf("a recovery code: %s %d %q", b.URL, b.Status, b.Notice)
	}
}

func TestGuessesAtOnce(t *testing.T) {
	h := open(t)
	h.totp("dory")
	b := password(h.Browser().Get(ask()), "dory")
	flow := b.Form("flow").Fields.Get("flow")
	var all sync.WaitGroup
	for i := range 40 {
		other := h.Browser()
		u, _ := url.Parse(stepstest.URL)
		other.Jar.SetCookies(u, b.Jar.Cookies(u))
		other.Source = "198.51.100." + string(rune('0'+i%10)) // each of several sources has its own allowance
		all.Go(func() { other.Post("/signin/second", url.Values{"flow": {flow}, "kind": {"totp"}, "code": {"000000"}}) })
	}
	all.Wait()
	if n := h.Audit.Count(audit.SignInRefused, oauth.FactorWrong); n == 0 || n > 5 {
		t.Errorf("%d guesses were looked at", n)
	}
}

// What is posted must be of a kind that would do, and of the user.
func TestSecondFactorOfAnotherKindOrUser(t *testing.T) {
	h := open(t)
	h.totp("dory")
	others, key := h.totp("marlin"), h.passkey("marlin", true)
	b := password(h.Browser().Get(ask()), "dory")
	flow := b.Form("flow").Fields.Get("flow")
	marlin := password(h.Browser().Get(ask()), "marlin")
	answer := marlin.Form("response").With("response", key.Get(marlin.Form("response").Data))
	answer.Set("flow", flow)
	for name, form := range map[string]url.Values{
		"no kind":          {"flow": {flow}, "code": {h.code(others)}},
		"another's code":   {"flow": {flow}, "kind": {"totp"}, "code": {h.code(others)}},
		"another's key":    answer,
		"the password":     {"flow": {flow}, "kind": {"password"}, "code": {secretly + "dory"}},
		"no recovery code": {"flow": {flow}, "kind": {"recovery"}, "code": {""}},
	} {
		h.Clock.Advance(5 * time.Minute) // nobody is slowed down
		if b.Post("/signin/second", form); b.Cookie("session") != "" || b.At("/signin/consent") {
			t.Errorf("%s: %s", name, b.URL)
		}
	}
	u, _ := url.Parse(stepstest.URL)
	stolen := h.Browser()
	stolen.Jar.SetCookies(u, b.Jar.Cookies(u))
	if stolen.Post("/signin/second", url.Values{"flow": {marlin.Form("flow").Fields.Get("flow")}, "kind": {"totp"}, "code": {h.code(others)}}); stolen.Cookie("session") != "" {
		t.Error("somebody else's sign-in was finished in another browser")
	}
}

// A user who is switched off between password and code is not let in (class 5).
func TestSwitchedOffMeanwhile(t *testing.T) {
	h := open(t)
	secret := h.totp("dory")
	b := password(h.Browser().Get(ask()), "dory")
	h.off("dory")
	if b.Submit("code", h.code(secret)); !b.At("/signin") || b.Cookie("session") != "" {
		t.Errorf("%s", b.URL)
	}
}

func TestPasskeyAlone(t *testing.T) {
	h := open(t)
	h.totp("dory") // one factor that is two is enough
	key := h.passkey("dory", true)
	b := h.Browser().Get(ask())
	answered := b.Form("response")
	answer := answered.With("response", key.Get(answered.Data))
	thief := h.Browser().Get(ask())
	answer.Set("flow", thief.Form("flow").Fields.Get("flow"))
	if thief.Post("/signin", answer); thief.Cookie("session") != "" {
		t.Error("an answer was good in another browser")
	}
	b.Get(ask())
	g := h.Redeem(agree(use(b, key)).Code())
	if diff := cmp.Diff([]string{"pop", "user"}, g.SignIn.Methods); diff != "" || g.SignIn.ACR != realm.ACRPhishingResistant || g.User != "dory" {
		t.Errorf("%+v %s", g, diff)
	}
	weak := h.passkey("marlin", false)
	if b = use(h.Browser().Get(ask()), weak); b.Cookie("session") != "" || !strings.HasPrefix(b.Notice, "The passkey did not work") {
		t.Errorf("without its user: %s %q", b.URL, b.Notice)
	}
	gone := h.passkey("nemo", true)
	h.off("nemo")
	if b = use(h.Browser().Get(ask()), gone); b.Cookie("session") != "" || !strings.HasPrefix(b.Notice, "This account is switched off") {
		t.Errorf("switched off: %s %q", b.URL, b.Notice)
	}
}

func TestPasskeyBesideThePassword(t *testing.T) {
	for _, tt := range []struct {
		verifies bool
		acr      string
		methods  []string
	}{
		{false, realm.ACRTwo, []string{"pwd", "pop", "mfa"}},
		{true, realm.ACRPhishingResistant, []string{"pwd", "pop", "user", "mfa"}},
	} {
		h := open(t)
		key := h.passkey("dory", tt.verifies)
		b := password(h.Browser().Get(ask()), "dory")
		g := h.Redeem(agree(use(b, key)).Code())
		if diff := cmp.Diff(tt.methods, g.SignIn.Methods); diff != "" || g.SignIn.ACR != tt.acr {
			t.Errorf("%+v %s", g.SignIn, diff)
		}
	}
	h := open(t)
	key := h.passkey("dory", false)
	b := password(h.Browser().Get(ask("acr_values", "phr")), "dory")
	if f := b.Form("code"); f != nil {
		t.Error("a code would not be enough")
	}
	if use(b, key); b.Cookie("session") != "" {
		t.Errorf("without its user it is not phishing resistant enough: %s", b.URL)
	}
}

// RFC 9470: a session is lifted by the factor that it lacks, and by nothing less.
func TestStepUp(t *testing.T) {
	h := open(t)
	b := agree(password(h.Browser().Get(ask()), "dory"))
	low := h.Redeem(b.Code())
	secret := h.totp("dory")
	b.Get(ask("acr_values", "2"))
	if !b.At("/signin/second") {
		t.Fatalf("%s", b.URL)
	}
	if b.Submit("code", "000000"); !b.At("/signin/second") {
		t.Fatalf("%s", b.URL)
	}
	high := h.Redeem(b.Submit("code", h.code(secret)).Code())
	if high.SignIn.ACR != realm.ACRTwo || high.SignIn.Session != low.SignIn.Session || !high.SignIn.At.Equal(low.SignIn.At) {
		t.Errorf("%+v, then %+v", low.SignIn, high.SignIn)
	}
}

func (h *house) off(name string) {
	h.T.Helper()
	if _, err := h.Store.UpdateUser(h.T.Context(), realm.Default, name, switchOff); err != nil {
		h.T.Fatal(err)
	}
}
