//go:build clients

package clients_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

var update = flag.Bool("update", false, "take the pictures in docs/screens anew")

const (
	screensFolder = "../docs/screens"
	largestScreen = 60 << 10
)

// shopHost is where the client is that the people sign in to.
const shopHost = "shop.example.org"

const screensYAML = `
sign_in: {reset: true, verify: true}
brand: {name: Sample Harbour, support: "mailto:help@example.org", policy: "https://example.org/privacy", terms: "https://example.org/terms"}
`

// A gallery looks at pages: each in light and in dark, by axe-core, and by how they fit a narrow window. With -update it takes
// pictures.
type gallery struct {
	*person
	axe   string
	shown []screen
}

// A screen is a picture in the gallery.
type screen struct{ name, what string }

// TestPages walks by every page that people see. None may have anything that axe-core finds, in light or in dark, and none may
// be wider than 320 CSS pixels when the window is (WCAG 2.2 success criterion 1.4.10).
func TestPages(t *testing.T) {
	box := newMailbox(t)
	op := provide(t, strings.Replace(applicationYAML("https://"+shopHost), "realm: default\n", "realm: default\n"+screensYAML, 1), "--smtp-url", box.url, "--mail-from", "Sample Harbour <login@example.org>")
	axe, err := os.ReadFile(filepath.Join(node(t), "node_modules", "axe-core", "axe.min.js"))
	if err != nil {
		t.Fatal(err)
	}
	back, arrived := receive(t, op)
	shop := chromedp.Flag("host-resolver-rules", "MAP "+shopHost+":443 "+strings.TrimPrefix(back, "https://"))
	g := &gallery{person: sitDown(t, op, shop), axe: string(axe)}
	a := &application{op: op, arrived: arrived}
	a.config.ClientID, a.config.RedirectURL, a.config.Scopes = "shop", "https://"+shopHost+"/callback", []string{"openid", "profile", "email", "read", "offline_access"}
	a.config.Endpoint.AuthURL = op.url + "/authorize"

	g.signingIn(a)
	g.forgetting(a, box)
	g.factors(a)
	g.accounts(a, box)
	g.home()
	g.leaving(a)
	if *update {
		g.index()
	}
}

func (g *gallery) signingIn(a *application) {
	g.open(a.url())
	g.look("signin", "Sign in")
	g.fill("username", "dory", "password", "not it")
	g.click(`form:has(input[name=password]) button.go`)
	g.look("signin-refused", "Sign in, refused")
	for _, in := range [][2]string{{"de", "German"}, {"zh-TW", "Traditional Chinese"}} {
		g.open(a.url("ui_locales", in[0]))
		g.look("signin-"+in[0], "Sign in, in "+in[1])
	}
	g.open(a.url("display", "popup"))
	g.look("", "Sign in, in a popup")
	ask[bool](g.person, `document.querySelector('label').remove(), document.querySelector('h1').style.color = '#999', true`)
	if found := strings.Join(g.violations(), "\n"); !strings.Contains(found, "label") || !strings.Contains(found, "color-contrast") {
		g.t.Errorf("a field without a label and a pale heading: axe-core finds %q", found)
	}
}

func (g *gallery) forgetting(a *application, box *mailbox) {
	g.open(a.url())
	g.click(`a[href*="/signin/forgot"]`)
	g.look("forgot", "A forgotten password")
	g.fill("username", "dory@example.org")
	g.click(`form button.go`)
	g.look("forgot-sent", "A mail is on its way")
	g.open(box.link(g.t, "dory@example.org"))
	g.look("new-password", "A new password")
	g.fill("new", "short", "again", "short")
	ask[bool](g.person, `document.querySelector('form:has(#new)').noValidate = true`)
	g.click(`form:has(#new) button.go`)
	g.look("", "A new password, refused")
	g.password = "correct horse battery"
	g.fill("new", g.password, "again", g.password)
	g.click(`form:has(#new) button.go`)
	g.look("", "The password was changed")
}

func (g *gallery) factors(a *application) {
	g.addAuthenticator()
	g.open(a.url("acr_values", "2", "claims", `{"id_token":{"acr":{"essential":true,"value":"2"}}}`))
	g.signIn()
	g.expect("/signin/enrol")
	g.look("enrol", "Setting up a second factor")
	g.totp = ask[string](g.person, `document.querySelector('.secret code').innerText`)
	g.fill("code", g.code())
	g.click(`form:has(input[name=code]) button`)
	g.look("recovery-codes", "Recovery codes")
	g.keepCodes()
	g.expect("/signin/consent")
	g.look("consent", "What an application wants")
	g.click(`button[name=decision][value=allow]`)
	next(g.t, a.arrived)

	g.signOut()
	g.open(a.url())
	g.signIn()
	g.expect("/signin/second")
	g.look("second-factor", "A second factor")
	g.do(chromedp.Click(chromedp.CSS("details > summary")))
	g.look("", "A second factor, by recovery code")
	g.fill("code", "000000")
	g.click(`form:has(#code) button.go`)
	g.look("", "A second factor, refused")
	g.carryOn()
	next(g.t, a.arrived)
}

// accounts signs in a second person in the same browser, whose e-mail address nobody has looked at.
func (g *gallery) accounts(a *application, box *mailbox) {
	dory := *g.person
	g.open(a.url("prompt", "select_account"))
	g.click(`button[name=session][value=another]`)
	g.fill("username", "nemo", "password", "the reef is near")
	g.click(`form:has(input[name=password]) button.go`)
	g.expect("/signin/verify")
	g.look("verify-sent", "An e-mail address is to be verified")
	nemo := g.person
	g.person = sitDown(g.t, g.op) // the mail is read somewhere else
	g.open(box.link(g.t, "nemo@example.org"))
	g.look("verify", "Confirming an e-mail address")
	g.click(`form:has(input[name=ticket]) button.go`)
	g.look("verified", "An e-mail address is verified")
	g.person = nemo
	g.open(ask[string](g.person, "location.href"))
	g.carryOn()
	next(g.t, a.arrived)
	g.open(a.url("prompt", "select_account"))
	g.expect("/signin/accounts")
	g.look("choose-account", "Choosing an account")
	*g.person = dory
	id := ask[string](g.person, `[...document.querySelectorAll('button[name=session]')].find(b => b.innerText.includes('Dory')).value`)
	g.click(`button[name=session][value="` + id + `"]`)
	g.carryOn()
	next(g.t, a.arrived)
}

func (g *gallery) home() {
	g.open("/account")
	g.expect("/account")
	g.click(`a[href$="/account/passkey"]`)
	g.look("account-passkey", "Adding a passkey")
	g.passkey()
	g.open("/account/totp")
	g.look("account-totp", "Adding one-time codes")
	g.open("/account/password")
	g.look("account-password", "Changing the password")
	g.open("/account")
	g.look("account", "The account page")
	ask[int](g.person, `document.querySelectorAll('details').forEach(d => { d.open = true }), 0`)
	g.look("", "The account page, all of it")
}

func (g *gallery) leaving(a *application) {
	g.open("/authorize?client_id=nobody&response_type=code")
	g.look("error", "A request that cannot be answered")
	g.scripts(false)
	g.do(chromedp.Navigate(a.url("response_mode", "form_post")))
	g.scripts(true) // the page was there without; axe-core is a script
	g.look("", "An answer by form_post")
	g.click(`form[data-send] button`)
	if r := next(g.t, a.arrived); r.Method != "POST" || r.PostForm.Get("code") == "" {
		g.t.Errorf("by form_post came %s %v", r.Method, r.Form)
	}
	g.open("/logout")
	g.look("sign-out", "Signing out")
	g.click(`button[name=decision][value=allow]`)
	g.look("signed-out", "Signed out")
}

func (g *gallery) expect(path string) {
	g.t.Helper()
	if got := g.path(); got != path {
		g.t.Fatalf("at %q, want %q\n%s", got, path, g.where())
	}
}

// look looks at the page that is shown, which is called name in docs/screens if it is to have a picture there.
func (g *gallery) look(name, what string) {
	g.t.Helper()
	if name != "" {
		g.shown = append(g.shown, screen{name, what})
		if _, err := os.Stat(filepath.Join(screensFolder, name+"-light.png")); err != nil && !*update {
			g.t.Errorf("%v: run `make screens` and commit", err)
		}
	}
	for _, scheme := range []string{"light", "dark"} {
		g.emulate(1120, scheme)
		for _, v := range g.violations() {
			g.t.Errorf("%s (%s): %s", what, scheme, v)
		}
		if *update && name != "" {
			g.emulateAll(1120, ask[int64](g.person, "Math.min(document.documentElement.scrollHeight, 1600)"), scheme)
			g.take(name + "-" + scheme)
		}
	}
	g.emulate(320, "light")
	if wide := ask[int](g.person, "document.documentElement.scrollWidth"); wide > 320 {
		g.t.Errorf("%s: %d pixels wide in a window of 320", what, wide)
	}
	g.emulate(1120, "light")
}

func (g *gallery) emulate(width int64, scheme string) {
	g.t.Helper()
	g.emulateAll(width, 760, scheme)
}

func (g *gallery) emulateAll(width, height int64, scheme string) {
	g.t.Helper()
	g.do(chromedp.EmulateViewport(width, height), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		return err
	}))
}

// scripts lets pages run scripts, or not.
func (g *gallery) scripts(run bool) {
	g.t.Helper()
	g.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: !run})
		return err
	}))
}

// violations is what axe-core finds on the page.
func (g *gallery) violations() []string {
	g.t.Helper()
	if !ask[bool](g.person, "!!window.axe") {
		g.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
			_, err := chromedp.Evaluate[bool](g.axe+"\n;true")(ctx, t)
			return chromedp.Void{}, err
		})
	}
	text, err := chromedp.Run(g.ctx, chromedp.Evaluate[string](`axe.run(document, {resultTypes: ['violations', 'incomplete']}).then(r => JSON.stringify({
		passes: r.passes.length,
		violations: r.violations.map(v => v.id + ': ' + v.help + '; ' + v.nodes.map(n => n.html + ' ' + n.failureSummary).join('; '))}))`, chromedp.EvalAwaitPromise))
	if err != nil {
		g.t.Fatalf("axe-core: %v\nat %s", err, g.where())
	}
	var said struct {
		Passes     int
		Violations []string
	}
	if err := json.Unmarshal([]byte(text), &said); err != nil || said.Passes == 0 {
		g.t.Fatalf("axe-core said %s: %v", text, err)
	}
	return said.Violations
}

// take takes a picture of the page.
func (g *gallery) take(name string) {
	g.t.Helper()
	time.Sleep(100 * time.Millisecond) // colours change at once, but not in the same frame
	raw, err := chromedp.Run(g.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		g.t.Fatal(err)
	}
	small, err := fewerColours(raw)
	if err != nil {
		g.t.Fatal(err)
	}
	if len(small) > largestScreen {
		g.t.Errorf("the picture %s has %d bytes, more than %d", name, len(small), largestScreen)
	}
	if err := os.WriteFile(filepath.Join(screensFolder, name+".png"), small, 0o644); err != nil {
		g.t.Fatal(err)
	}
}

// index lists the pictures in a page of their own.
func (g *gallery) index() {
	g.t.Helper()
	var b strings.Builder
	b.WriteString("# The pages\n\n<!-- Written by `make screens`. Do not edit. -->\n\nWhat people see who sign in, in light and in dark. The look is a realm's own: name, colour and logo are settings (`brand` in\nthe [deployment file](../reference/deployment-file.md)).\n")
	for _, s := range g.shown {
		fmt.Fprintf(&b, "\n## %s\n\n| light | dark |\n| --- | --- |\n| ![%[1]s, light](%[2]s-light.png) | ![%[1]s, dark](%[2]s-dark.png) |\n", s.what, s.name)
	}
	if err := os.WriteFile(filepath.Join(screensFolder, "README.md"), []byte(b.String()), 0o644); err != nil {
		g.t.Fatal(err)
	}
}
