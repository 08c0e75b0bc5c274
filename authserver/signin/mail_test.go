package signin_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"sallyport/audit"
	"sallyport/authserver/stepstest"
	"sallyport/mail"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/user"
)

const better = "a horse that corrects staples"

// mailed waits for the mails under way and returns those after the first n.
func (h *house) mailed(n int) []mail.Message {
	h.face.Wait()
	return h.Mail.All()[n:]
}

// forgotten asks for a link for somebody and returns it, empty if none came.
func (h *house) forgotten(b *stepstest.Browser, who string) string {
	h.T.Helper()
	n := len(h.mailed(0))
	b.Get("/signin/forgot").Submit("username", who)
	if mails := h.mailed(n); len(mails) == 1 {
		return stepstest.Link(mails[0])
	}
	return ""
}

func TestForgottenPassword(t *testing.T) {
	h := open(t)
	thief := agree(password(h.Browser().Get(ask("scope", "openid offline_access", "prompt", "consent")), "dory"))
	thief.Code()
	b := h.Browser()
	b.Header.Set("Host", "evil.example") // class 15
	b.Header.Set("X-Forwarded-Host", "evil.example")
	link := h.forgotten(b, "dory@example.org")
	if !strings.HasPrefix(link, stepstest.URL+"/signin/password?ticket=") {
		t.Fatalf("link %q", link)
	}
	b = h.Browser()
	if b.Get(link).Get(link); !b.At("/signin/password") || b.Status != 200 { // looking at it does not use it up
		t.Fatalf("%s %d", b.URL, b.Status)
	}
	for _, tt := range []struct{ fresh, again, notice string }{
		{"", "", "A field was left empty"}, {"short", "short", "That password is too short"}, {"password123", "password123", "That password is too short"},
		{"dory2026", "dory2026", "That password is too short"}, {better, better + "!", "The two new passwords differ"},
	} {
		if b.Submit("new", tt.fresh, "again", tt.again); !strings.HasPrefix(b.Notice, tt.notice) || b.Status != http.StatusUnprocessableEntity {
			t.Errorf("%q: %q %d", tt.fresh, b.Notice, b.Status)
		}
	}
	if strings.Contains(b.Text, better) {
		t.Error("the page repeats the password")
	}
	before := b.Form("new").With("new", better, "again", better)
	if b.Submit("new", better, "again", better); !strings.HasPrefix(b.Notice, "Your password is changed") || b.Cookie("session") != "" {
		t.Fatalf("%s %q", b.URL, b.Notice)
	}
	if b.Submit("password", better, "username", "dory"); !b.At("/account") || b.Status != 200 {
		t.Errorf("%s %d", b.URL, b.Status)
	}
	if b.Post("/signin/password", before); !strings.Contains(b.Text, "mail_link_gone") {
		t.Error("the link is good twice")
	}
	if thief.Get(ask("prompt", "none")); thief.URL.Query().Get("error") != "login_required" {
		t.Errorf("whoever knew the old password is still in: %s", thief.URL)
	}
	if b = h.Browser().Get(ask()).Submit("password", secretly+"dory", "username", "dory"); !b.At("/signin") {
		t.Error("the old password still opens")
	}
	events, err := h.Store.(audit.Store).Events(t.Context(), realm.Default, time.Time{}, 10)
	if err != nil || len(events) != 1 || events[0].Kind != audit.CredentialReset || events[0].User != "dory" {
		t.Errorf("%+v %v", events, err)
	}
	if u := h.User("dory"); !u.EmailVerified {
		t.Error("the address is not known to be the user's")
	}
}

// Class 13: whoever asks learns nothing, neither from the page nor by when it comes.
func TestForgottenTellsNothing(t *testing.T) {
	h := open(t)
	var want string
	for _, who := range []string{"dory", "nobody", "dory@example.org", "nobody@example.org", "offuser", "lockuser", "bare"} {
		b := h.Browser().Get("/signin/forgot")
		b.Submit("username", who)
		if want == "" {
			want = b.Text
		}
		if b.Text != want || b.Status != 200 {
			t.Errorf("%s: another page: %d\n%s", who, b.Status, b.Text)
		}
	}
	to := map[string]int{}
	for _, m := range h.mailed(0) {
		to[m.To]++
	}
	if len(to) != 1 || to["Dory@example.org"] != 1 {
		t.Errorf("mails %v", to)
	}
	h.Mail.Fail = errors.New("the mail server is away")
	b := h.Browser().Get("/signin/forgot")
	if b.Submit("username", "marlin"); b.Text != want {
		t.Errorf("the mail server's absence shows: %s", b.Text)
	}
}

func TestLinksThatAreOver(t *testing.T) {
	for name, spoil := range map[string]func(h *house){
		"too old": func(h *house) { h.Clock.Advance(31 * time.Minute) },
		"the password was changed": func(h *house) {
			h.edit("dory", func(u *user.User) error { u.Password = user.Digest("x"); return nil })
		},
		"the address was changed": func(h *house) {
			h.edit("dory", func(u *user.User) error { u.Email = "thief@example.net"; return nil })
		},
		"switched off": func(h *house) { h.edit("dory", switchOff) },
	} {
		h := open(t)
		link := h.forgotten(h.Browser(), "dory")
		b := h.Browser().Get(link)
		form := b.Form("new").With("new", better, "again", better)
		spoil(h)
		hash := h.User("dory").Password
		if b.Post("/signin/password", form); !strings.Contains(b.Text, "mail_link_gone") || h.User("dory").Password != hash {
			t.Errorf("%s: %s", name, b.Text)
		}
	}
	h := open(t, func(r *realm.Realm) { r.SignIn.Verify = true })
	verify := stepstest.Link(func() mail.Message {
		password(h.Browser().Get(ask()), "dory")
		return h.mailed(0)[0]
	}())
	ticket := verify[strings.Index(verify, "ticket=")+len("ticket="):]
	for _, path := range []string{"/signin/password?ticket=" + ticket, "/signin/password?ticket=", "/signin/password", "/realms/corp/signin/password?ticket=" + ticket} {
		if b := h.Browser().Get(path); b.Status < 400 {
			t.Errorf("%s: %d", path, b.Status)
		}
	}
}

// A second factor is not left out by way of the mailbox (class 12).
// Anybody can have links mailed to anybody whose name he knows, but not without end, and the user still gets one.
func TestLettersAreFew(t *testing.T) {
	h := open(t)
	h.Clock.Advance(24*time.Hour - h.Clock.Now().Sub(h.Clock.Now().Truncate(24*time.Hour))) // to midnight
	for range 3 * 30 {
		h.forgotten(h.Browser(), "dory")
		h.Clock.Advance(2 * time.Minute)
	}
	if n := len(h.mailed(0)); n < 4 || n > 6 {
		t.Errorf("%d mails in three hours", n)
	}
	h.Clock.Advance(time.Hour)
	if h.forgotten(h.Browser(), "dory") == "" {
		t.Error("an hour later there is none")
	}
}

func TestForgottenPasswordKeepsTheSecondFactor(t *testing.T) {
	h := open(t)
	h.totp("dory")
	b := h.Browser().Get(h.forgotten(h.Browser(), "dory"))
	b.Submit("new", better, "again", better)
	if b.Submit("password", better, "username", "dory"); !b.At("/signin/second") || b.Cookie("session") != "" {
		t.Errorf("%s", b.URL)
	}
}

func TestMailsAreFew(t *testing.T) {
	h := open(t)
	sent := 0
	for range 20 {
		if h.forgotten(h.Browser(), "dory") != "" {
			sent++
		}
		h.Clock.Advance(10 * time.Second)
	}
	if sent == 0 || sent > 3 {
		t.Errorf("%d mails in 200 seconds", sent)
	}
}

func TestNoWayForForgottenPasswords(t *testing.T) {
	for name, change := range map[string]func(*realm.Realm){
		"off":           func(r *realm.Realm) { r.SignIn.Reset = false },
		"passkeys only": func(r *realm.Realm) { r.SignIn.Methods = []string{realm.ByPasskey} },
	} {
		h := open(t, change)
		for _, path := range []string{"/signin/forgot", "/signin/password"} {
			if b := h.Browser().Get(path); b.Status != http.StatusNotFound {
				t.Errorf("%s %s: %d", name, path, b.Status)
			}
		}
		if b := h.Browser().Get(ask()); strings.Contains(b.Text, "/signin/forgot") {
			t.Errorf("%s: the page leads there", name)
		}
	}
}

func TestVerify(t *testing.T) {
	h := open(t, func(r *realm.Realm) { r.SignIn.Verify = true })
	b := password(h.Browser().Get(ask()), "dory")
	if !b.At("/signin/verify") || !strings.Contains(b.Text, "Dory@example.org") {
		t.Fatalf("%s\n%s", b.URL, b.Text)
	}
	_, onward, _ := strings.Cut(b.Text, `class="go" href="`) // the way on leads back until the address is verified
	onward, _, _ = strings.Cut(onward, `"`)
	for range 2 {
		if !b.Get(onward).At("/signin/verify") {
			t.Fatalf("%q leads to %s", onward, b.URL)
		}
	}
	mails := h.mailed(0)
	if len(mails) != 1 {
		t.Fatalf("%d mails", len(mails))
	}
	link := stepstest.Link(mails[0])
	scanner := h.Browser().Get(link)
	if !scanner.At("/signin/verify") || h.User("dory").EmailVerified {
		t.Fatal("following the link was enough")
	}
	// Somebody else's browser may confirm it, and gains nothing else by it.
	if scanner.Submit("ticket"); !h.User("dory").EmailVerified || scanner.Cookie("session") != "" || scanner.Status != 200 {
		t.Fatalf("%s", scanner.URL)
	}
	if scanner.Get(link); !strings.Contains(scanner.Text, "mail_link_gone") {
		t.Error("the link is good twice")
	}
	h.Redeem(agree(b.Get(onward)).Code())
}

func TestVerifyInTheSameBrowser(t *testing.T) {
	h := open(t, func(r *realm.Realm) { r.SignIn.Verify = true })
	b := password(h.Browser().Get(ask()), "dory")
	h.Clock.Advance(2 * time.Minute)
	if b.Submit("action", "resend"); len(h.mailed(0)) != 2 || b.Notice == "" {
		t.Fatalf("%d mails, %q", len(h.mailed(0)), b.Notice)
	}
	b.Get(stepstest.Link(h.mailed(1)[0]))
	if g := h.Redeem(agree(b.Submit("ticket")).Code()); g.User != "dory" {
		t.Errorf("%+v", g)
	}
	changed := open(t, func(r *realm.Realm) { r.SignIn.Verify = true })
	b = password(changed.Browser().Get(ask()), "dory")
	b.Get(stepstest.Link(changed.mailed(0)[0]))
	changed.edit("dory", func(u *user.User) error { u.Email = "other@example.org"; return nil })
	if b.Submit("ticket"); changed.User("dory").EmailVerified || !strings.Contains(b.Text, string(oauth.MailLinkGone)) {
		t.Errorf("another address was verified: %s", b.URL)
	}
}

func (h *house) edit(name string, change func(*user.User) error) {
	h.T.Helper()
	if _, err := h.Store.UpdateUser(h.T.Context(), realm.Default, name, change); err != nil {
		h.T.Fatal(err)
	}
}
