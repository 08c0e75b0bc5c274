package signin_test

import (
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/audit"
	"sallyport/authserver/stepstest"
	"sallyport/realm"
	"sallyport/user"
)

func switchOff(u *user.User) error {
	u.Status = user.Off
	return nil
}

func two(r *realm.Realm) { r.SignIn.ACR = realm.ACRTwo }

// shown is the secret that a page shows.
func shown(b *stepstest.Browser) string {
	_, rest, _ := strings.Cut(b.Text, `class="secret"><code>`)
	secret, _, _ := strings.Cut(rest, "<")
	return secret
}

func TestSettingUpCodes(t *testing.T) {
	h := open(t, two)
	b := password(h.Browser().Get(ask()), "dory")
	if !b.At("/signin/enrol") || b.Cookie("session") != "" || !strings.Contains(b.Text, "data:image/png;base64,") {
		t.Fatalf("%s\n%s", b.URL, b.Text)
	}
	secret := shown(b)
	if b.Submit("code", "000000"); !strings.HasPrefix(b.Notice, "That code is wrong") || shown(b) != secret {
		t.Fatalf("%q, secret %q, then %q", b.Notice, secret, shown(b))
	}
	b.Submit("code", h.code(secret))
	if b.Title == "" || strings.Count(b.Text, "<li><code>") != 10 || b.Cookie("session") == "" {
		t.Fatalf("%s\n%s", b.URL, b.Text)
	}
	_, rest, _ := strings.Cut(b.Text, `<a class="go" href="`)
	next, _, _ := strings.Cut(rest, `"`)
	g := h.Redeem(agree(b.Get(next)).Code())
	if diff := cmp.Diff([]string{"pwd", "otp", "mfa"}, g.SignIn.Methods); diff != "" || g.SignIn.ACR != realm.ACRTwo {
		t.Errorf("%+v %s", g.SignIn, diff)
	}
	if has := h.Has("dory"); !has.TOTP || !has.Recovery || h.Audit.Count(audit.FactorChanged, "") != 2 {
		t.Errorf("%+v", has)
	}
	if b = password(h.Browser().Get(ask()), "dory"); !b.At("/signin/second") {
		t.Errorf("the next sign-in: %s", b.URL)
	}
}

func TestSettingUpAPasskey(t *testing.T) {
	h := open(t, two)
	b := password(h.Browser().Get(ask()), "dory")
	key := h.Authenticator(true)
	f := b.Form("response")
	good := f.With("response", key.Create(f.Data))
	if b.Fill(f, "response", `{"id":"x"}`); !strings.HasPrefix(b.Notice, "The passkey did not work") {
		t.Fatalf("%s %q", b.URL, b.Notice)
	}
	if b.Post("/signin/enrol", good); h.Has("dory").Passkey {
		t.Fatal("a challenge was good twice")
	}
	f = b.Form("response")
	if b.Fill(f, "response", key.Create(f.Data)); b.Cookie("session") == "" || !h.Has("dory").Passkey {
		t.Fatalf("%s\n%s", b.URL, b.Text)
	}
	if b = h.Browser().Get(ask()); h.Redeem(agree(use(b, key)).Code()).User != "dory" {
		t.Error("it does not sign in")
	}
}

// Class 12: a password alone does not set up a factor beside one that is there, nor does a session that has lain around.
func TestWhoMaySetUpAFactor(t *testing.T) {
	h := open(t)
	h.totp("dory")
	b := password(h.Browser().Get(ask("acr_values", "phr")), "dory")
	flow := b.Form("flow").Fields.Get("flow")
	for _, form := range []url.Values{nil, {"flow": {flow}, "kind": {"totp"}, "code": {"000000"}, "ceremony": {strings.Repeat("A", 43)}}} {
		if form == nil {
			b.Get("/signin/enrol?flow=" + flow)
		} else {
			b.Post("/signin/enrol", form)
		}
		if !b.At("/signin/second") || shown(b) != "" {
			t.Errorf("%v: %s", form, b.URL)
		}
	}
	h = open(t)
	b = agree(password(h.Browser().Get(ask()), "marlin"))
	b.Code()
	if b.Get(ask("acr_values", "2")); !b.At("/signin/enrol") {
		t.Fatalf("%s", b.URL)
	}
	h.Clock.Advance(20 * time.Minute)
	b.Get("/signin/enrol?flow=" + b.Form("flow").Fields.Get("flow"))
	if !b.At("/signin") || shown(b) != "" {
		t.Fatalf("an old session: %s", b.URL)
	}
	if password(b, "marlin"); !b.At("/signin/enrol") {
		t.Errorf("%s", b.URL)
	}
	// Another user's offer, and one of another browser.
	other := password(h.Browser().Get(ask("acr_values", "2")), "nemo")
	if !other.At("/signin/enrol") {
		t.Fatalf("%s", other.URL)
	}
	mixed := b.Form("code").With("code", h.code(shown(b)))
	mixed.Set("flow", other.Form("flow").Fields.Get("flow"))
	if other.Post("/signin/enrol", mixed); h.Has("nemo").TOTP || h.Has("marlin").TOTP {
		t.Error("an offer made to somebody else was taken")
	}
}

func TestRatherNot(t *testing.T) {
	h := open(t, two)
	b := password(h.Browser().Get(ask()), "dory")
	if b.Submit("decision", "deny"); b.URL.Query().Get("error") == "" || b.Cookie("session") != "" {
		t.Errorf("what has to be was left out: %s", b.URL)
	}
	h = open(t)
	b = agree(password(h.Browser().Get(ask()), "dory"))
	b.Code()
	if b.Get(ask("acr_values", "2")); !b.At("/signin/enrol") {
		t.Fatalf("%s", b.URL)
	}
	if g := h.Redeem(b.Submit("decision", "deny").Code()); g.SignIn.ACR != realm.ACROne {
		t.Errorf("%+v", g.SignIn)
	}
}
