package attacks_test

import (
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"sallyport/conformance/optest"
)

var (
	shownSecret = regexp.MustCompile(`<p class="secret"><code>([A-Z2-7 ]+)</code>`)
	shownCode   = regexp.MustCompile(`<li><code>([^<]+)</code>`)
)

// A guarded user has an authenticator and recovery codes.
type guarded struct {
	*cell
	secret   string
	recovery []string
}

// code is the one-time code of the moment (RFC 6238), so many steps away.
func (g *guarded) code(steps int64) string {
	key, _ := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(g.secret)
	mac := hmac.New(sha1.New, key)
	_ = binary.Write(mac, binary.BigEndian, g.Now().Unix()/30+steps) // a hash takes everything
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", binary.BigEndian.Uint32(sum[at:])&0x7fffffff%1_000_000)
}

// guard sets up an authenticator for the cell's user.
func guard(h *house, t *testing.T) *guarded {
	t.Helper()
	g := &guarded{cell: h.cell(t)}
	b := h.NewBrowser()
	b.Get("/account/totp")
	if b.At("/signin") {
		b.Submit("username", g.user, "password", password)
		b.Get("/account/totp")
	}
	m := shownSecret.FindStringSubmatch(b.Page.Text)
	if m == nil {
		t.Fatalf("no secret: %s", b.Page.Brief())
	}
	g.secret = strings.ReplaceAll(m[1], " ", "")
	b.Submit("code", g.code(0))
	for _, m := range shownCode.FindAllStringSubmatch(b.Page.Text, -1) {
		g.recovery = append(g.recovery, m[1])
	}
	if len(g.recovery) != 10 {
		t.Fatalf("%d recovery codes: %s", len(g.recovery), b.Page.Brief())
	}
	return g
}

// half is a browser in which the password was proved and the second factor was not.
func (g *guarded) half() *optest.Browser {
	g.t.Helper()
	b := g.NewBrowser()
	b.Get(g.ask())
	if b.Submit("username", g.user, "password", password); !b.At("/signin/second") {
		g.t.Fatalf("no second factor is asked for: %s", b.Page.Brief())
	}
	return b
}

// factorForm is the form of the second factor, of whatever page there is: one that refuses has the same, or none.
func factorForm(b *optest.Browser, kind, code string) url.Values {
	if b.Page.Form("flow") == nil {
		return url.Values{}
	}
	return url.Values{"flow": {flowOf(b)}, "kind": {kind}, "code": {code}}
}

var factorAttacks = []attack{
	{12, "the password alone at the doors that take one", func(h *house, t *testing.T) {
		g := guard(h, t)
		for door, k := range map[string]*call{
			"standard":   g.atToken("grant_type", "password", "username", g.user, "password", password),
			"digiRunner": g.atDigi("grant_type", "password", "username", g.user, "password", b64(password)),
		} {
			if got := k.try(); got != "factor_needed" {
				t.Errorf("%s: %s", door, got)
			}
		}
	}, false},
	{12, "whoever has the password alone asks for every other page", func(h *house, t *testing.T) {
		g := guard(h, t)
		for _, path := range []string{"/authorize", "/signin/consent", "/signin/enrol", "/signin/accounts", "/signin/recovery", "/signin/verify", "/signin"} {
			for _, form := range []url.Values{nil, {"decision": {"allow"}}, {"decision": {"skip"}}, {"kind": {"totp"}, "code": {g.code(0)}, "ceremony": {strings.Repeat("A", 43)}}, {"continue": {"1"}}} {
				b := g.half()
				flow := flowOf(b)
				if form == nil || path == "/authorize" {
					b.Get(path + "?flow=" + flow)
				} else {
					form.Set("flow", flow)
					b.Post(path, form, "")
				}
				if sessionCookie(b).Value != "" || b.Page.Left != nil && b.Answer().Get("code") != "" || b.At("/signin/consent") || b.At("/signin/enrol") {
					t.Errorf("%s %v: %s", path, form, b.Page.Brief())
				}
				b.Get(g.ask("prompt", "none"))
				if b.Answer().Get("error") != "login_required" {
					t.Errorf("%s %v: prompt=none: %v", path, form, b.Answer())
				}
			}
		}
		b := g.half()
		for _, path := range []string{"/account", "/account/totp", "/account/factor", "/account/password", "/account/recovery", "/account/passkey"} {
			if b.Get(path); !b.At("/signin") {
				t.Errorf("%s: %s", path, b.Page.Brief())
			}
		}
	}, false},
	{12, "codes are guessed in one sign-in", func(h *house, t *testing.T) {
		g := guard(h, t)
		b := g.half()
		for range 8 {
			b.Post("/signin/second", factorForm(b, "totp", "000000"), "")
		}
		if b.Get(g.ask("prompt", "none")); b.Answer().Get("code") != "" {
			t.Error("a guess was right; run it again")
		}
		// By now not even the right one is looked at.
		b = g.half()
		if b.Submit("code", g.code(1)); b.Page.Left != nil || b.At("/signin/consent") {
			t.Errorf("no guess was slowed down: %s", b.Page.Brief())
		}
	}, false},
	{12, "codes are guessed in many sign-ins and at once", func(h *house, t *testing.T) {
		g := guard(h, t)
		looked := make(chan bool, 100)
		b := g.half()
		flow := flowOf(b)
		k := &call{cell: g.cell, browser: b}
		k.crowd(func(own *call) {
			p := own.browser.Post("/signin/second", url.Values{"flow": {flow}, "kind": {"totp"}, "code": {"123456"}}, "")
			looked <- p.Status == http.StatusUnprocessableEntity
		})
		n := 0
		for range 100 {
			if <-looked {
				n++
			}
		}
		if n > 5 {
			t.Errorf("%d guesses at once were looked at", n)
		}
		for range 3 { // a new sign-in does not start the count over, nor does the right password
			b = g.half()
			b.Submit("code", g.code(1))
			if b.Page.Left != nil || b.At("/signin/consent") {
				t.Fatal("a new sign-in starts the count over")
			}
		}
	}, false},
	{12, "a code, and a recovery code, works once, in twenty sign-ins at once", func(h *house, t *testing.T) {
		g := guard(h, t)
		h.Wait(2 * time.Minute)
		for _, try := range [][2]string{{"totp", g.code(0)}, {"recovery", g.recovery[0]}} {
			g.once(try[0], try[1])
		}
	}, true},
	{12, "the code with which it was set up, and old ones", func(h *house, t *testing.T) {
		g := guard(h, t)
		b := g.half()
		for _, steps := range []int64{0, -1, -2} { // the first was used to set it up; more guesses would be slowed down
			if b.Post("/signin/second", factorForm(b, "totp", g.code(steps)), ""); !b.At("/signin/second") && b.Page.Status < 400 {
				t.Errorf("%d steps: %s", steps, b.Page.Brief())
			}
			b = g.half()
		}
	}, false},
	{12, "codes are guessed slowly in one sign-in", func(h *house, t *testing.T) {
		g := guard(h, t)
		b := g.half()
		for range 5 {
			h.Wait(2 * time.Minute) // so that the guess is looked at
			if b.Submit("code", "000000"); !b.At("/signin/second") && b.Page.Status != http.StatusUnprocessableEntity {
				t.Fatalf("%s", b.Page.Brief())
			}
		}
		h.Wait(2 * time.Minute)
		if b.Submit("code", g.code(0)); b.Page.Left == nil || b.Answer().Get("error") != "access_denied" {
			t.Errorf("the sixth guess: %s", b.Page.Brief())
		}
	}, true},
	{12, "another user's code and recovery codes", func(h *house, t *testing.T) {
		g, other := guard(h, t), guard(h, t)
		for _, try := range [][2]string{{"totp", other.code(0)}, {"recovery", other.recovery[1]}, {"passkey", ""}} {
			b := g.half()
			if b.Post("/signin/second", factorForm(b, try[0], try[1]), ""); b.Page.Left != nil || b.At("/signin/consent") {
				t.Errorf("%s: %s", try[0], b.Page.Brief())
			}
		}
	}, false},
	{12, "a level that was asked for is reached or refused, never ignored", func(h *house, t *testing.T) {
		plain := h.cell(t)
		b, _ := plain.signedIn()
		essential := `{"id_token":{"acr":{"essential":true,"values":["2"]}}}`
		if b.Get(plain.ask("prompt", "none", "claims", essential)); b.Answer().Get("code") != "" {
			t.Error("a code for less than the essential acr")
		}
		if b.Get(plain.ask("claims", essential)); !b.At("/signin/enrol") && !b.At("/signin/second") {
			t.Errorf("%s", b.Page.Brief())
		}
		if b.Post("/signin/enrol", url.Values{"flow": {flowOf(b)}, "decision": {"deny"}}, ""); b.Page.Left == nil || b.Answer().Get("error") != "unmet_authentication_requirements" {
			t.Errorf("declined: %s", b.Page.Brief())
		}
		// A flow that was begun for more is not finished by a session for less.
		b.Get(plain.ask("claims", essential))
		flow := flowOf(b)
		if b.Get("/authorize?flow=" + flow); b.Page.Left != nil {
			t.Errorf("%s", b.Page.Brief())
		}
	}, false},
	{12, "a session from before the second factor was set up changes no factor", func(h *house, t *testing.T) {
		c := h.cell(t)
		stale, _ := c.signedIn() // in another browser
		g := &guarded{cell: c}
		b := h.NewBrowser()
		b.Get("/account/totp")
		b.Submit("username", c.user, "password", password)
		b.Get("/account/totp")
		g.secret = strings.ReplaceAll(shownSecret.FindStringSubmatch(b.Page.Text)[1], " ", "")
		b.Submit("code", g.code(0))
		b.Get("/account")
		id := b.Page.Form("factor").Fields.Get("factor")
		for path, form := range map[string]url.Values{
			"/account/factor": {"factor": {id}, "action": {"remove"}}, "/account/recovery": {}, "/account/totp": {"code": {g.code(1)}}, "/account/password": {"old": {password}, "new": {"correct horse battery"}, "again": {"correct horse battery"}},
		} {
			if stale.Post(path, form, ""); !stale.At("/signin") && !stale.At("/signin/second") {
				t.Errorf("%s: %s", path, stale.Page.Brief())
			}
		}
		g.half()
	}, false},
	{12, "an old session changes neither password nor factors", func(h *house, t *testing.T) {
		c := h.cell(t)
		b, _ := c.signedIn()
		h.Wait(16 * time.Minute)
		for _, path := range []string{"/account/password", "/account/totp", "/account/factor", "/account/recovery"} {
			form := url.Values{"old": {password}, "new": {"correct horse battery"}, "again": {"correct horse battery"}, "action": {"remove"}, "factor": {"x"}}
			if b.Post(path, form, ""); !b.At("/signin") {
				t.Errorf("%s: %s", path, b.Page.Brief())
			}
		}
	}, true},
}

// once uses a code in many sign-ins at once; one of them may succeed.
func (g *guarded) once(kind, code string) {
	g.t.Helper()
	const n = 20
	browsers := make([]*optest.Browser, n)
	for i := range browsers {
		browsers[i] = g.half()
	}
	done := make(chan bool, n)
	for _, b := range browsers {
		go func() { done <- b.Post("/signin/second", factorForm(b, kind, code), "").URL.Path == "/signin/consent" }()
	}
	won := 0
	for range browsers {
		if <-done {
			won++
		}
	}
	if won != 1 {
		g.t.Errorf("%s: %d of %d were taken", kind, won, n)
	}
	g.Wait(13 * time.Hour) // what failed is forgotten
}
