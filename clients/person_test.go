//go:build clients

package clients_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha1"
	"encoding/base32"
	endian "encoding/binary"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/webauthn"
	"github.com/chromedp/chromedp"
)

// A person sits in front of a browser of their own and does what the provider's pages ask for.
type person struct {
	t        *testing.T
	ctx      context.Context
	op       *provider
	name     string
	password string
	totp     string // secret of the one-time codes in Base32; empty: has none
	shown    int64  // the last time step whose one-time code was used: a code is good once
	device   webauthn.AuthenticatorID
	seen     []string // paths of the pages that visit came by
}

// sitDown starts a browser, which ends with the test, for dory.
func sitDown(t *testing.T, op *provider, options ...chromedp.ExecAllocatorOption) *person {
	t.Helper()
	profile, err := os.MkdirTemp("", "sallyport-browser-")
	if err != nil {
		t.Fatal(err)
	}
	all := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.UserDataDir(profile), chromedp.WindowSize(1120, 760),
		chromedp.Flag("ignore-certificate-errors-spki-list", op.pin), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("lang", "en"), chromedp.Flag("accept-lang", "en"))
	alloc, freed := chromedp.NewExecAllocator(t.Context(), append(all, options...)...)
	ctx, closed := chromedp.NewContext(alloc)
	t.Cleanup(func() {
		closed()
		freed()
		_ = os.RemoveAll(profile)
	})
	p := &person{t: t, ctx: ctx, op: op, name: "dory", password: "the sea is wide"}
	p.do(chromedp.Navigate("about:blank")) // starts it; the browser ends with the context of this call
	var cancel context.CancelFunc
	p.ctx, cancel = context.WithTimeout(ctx, 3*time.Minute)
	t.Cleanup(cancel)
	return p
}

func (p *person) do(steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, steps...); err != nil {
		p.t.Fatalf("%v\nat %s", err, p.where())
	}
}

// ask has a script say something about the page.
func ask[T any](p *person, script string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](script))
	if err != nil {
		p.t.Fatalf("%s: %v\nat %s", script, err, p.where())
	}
	return v
}

// where is what the browser shows, for messages.
func (p *person) where() string {
	text, _ := chromedp.Run(p.ctx, chromedp.Evaluate[string](`location.href + '\n' + (document.body ? document.body.innerText : '').slice(0, 1500)`))
	return text
}

// at is the address of the page.
func (p *person) at() *url.URL {
	p.t.Helper()
	u, err := url.Parse(ask[string](p, "location.href"))
	if err != nil {
		p.t.Fatal(err)
	}
	return u
}

// path is the path of the page if it is the provider's, or empty.
func (p *person) path() string {
	p.t.Helper()
	if u := p.at(); u.Scheme+"://"+u.Host == p.op.url {
		return u.Path
	}
	return ""
}

// open goes to an address and waits for the page.
func (p *person) open(address string) {
	p.t.Helper()
	if strings.HasPrefix(address, "/") {
		address = p.op.url + address
	}
	p.leave(func() { ask[int](p, fmt.Sprintf("setTimeout(() => { location.href = %q }, 0)", address)) })
}

// leave does something that leads to another page, and waits until that page is there.
func (p *person) leave(by func()) {
	p.t.Helper()
	ask[bool](p, "window.before = true")
	by()
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		there, err := chromedp.Run(p.ctx, chromedp.Evaluate[bool](`!window.before && document.readyState === 'complete' && location.href !== 'about:blank'
			&& !document.querySelector('form[data-send]')`)) // which sends itself
		if err == nil && there {
			return
		}
	}
	p.t.Fatalf("nothing came of it\nat %s", p.where())
}

// click presses what a CSS selector finds, and waits for the next page.
func (p *person) click(selector string) {
	p.t.Helper()
	p.leave(func() { p.do(chromedp.Click(chromedp.CSS(selector), chromedp.NodeVisible)) })
}

// fill types into fields, by name.
func (p *person) fill(pairs ...string) {
	p.t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		field := fmt.Sprintf(`main input[name=%q]:not([type=hidden])`, pairs[i])
		p.do(chromedp.WaitVisible(chromedp.CSS(field)))
		ask[string](p, fmt.Sprintf("document.querySelector(%q).value = ''", field))
		p.do(chromedp.SendKeys(chromedp.CSS(field), pairs[i+1]))
	}
}

// visit opens an address and does what the provider asks for until the browser is sent somewhere else, or no page asks for
// anything. What was asked for is in seen.
func (p *person) visit(address string) {
	p.t.Helper()
	p.open(address)
	p.carryOn()
}

func (p *person) carryOn() {
	p.t.Helper()
	p.seen = nil
	for range 8 {
		path := p.path()
		if path == "" {
			return
		}
		p.seen = append(p.seen, path)
		switch path {
		case "/signin":
			p.signIn()
		case "/signin/second":
			p.fill("code", p.code())
			p.click(`form:has(#code) button.go`)
		case "/signin/consent":
			p.click(`button[name=decision][value=allow]`)
		case "/logout":
			if !p.has(`button[name=decision][value=allow]`) {
				return
			}
			p.click(`button[name=decision][value=allow]`)
		default:
			return
		}
	}
	p.t.Fatalf("no end of it: %v\nat %s", p.seen, p.where())
}

// has reports whether a CSS selector finds something on the page.
func (p *person) has(selector string) bool {
	p.t.Helper()
	return ask[bool](p, fmt.Sprintf("!!document.querySelector(%q)", selector))
}

// signIn fills in the sign-in page.
func (p *person) signIn() {
	p.t.Helper()
	p.fill("username", p.name, "password", p.password)
	p.click(`form:has(input[name=password]) button.go`)
}

// addAuthenticator gives the browser a device that holds passkeys and knows its owner, who does not touch it yet.
func (p *person) addAuthenticator() {
	p.t.Helper()
	p.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		if _, err := cdp.Call(ctx, t, webauthn.Enable, webauthn.EnableParams{}); err != nil {
			return err
		}
		made, err := cdp.Call(ctx, t, webauthn.AddVirtualAuthenticator, webauthn.AddVirtualAuthenticatorParams{Options: &webauthn.VirtualAuthenticatorOptions{
			Protocol: webauthn.AuthenticatorProtocolCtap2, Ctap2version: webauthn.Ctap2versionCtap21, Transport: webauthn.AuthenticatorTransportInternal,
			HasResidentKey: true, HasUserVerification: true, IsUserVerified: true,
		}})
		p.device = made.AuthenticatorID
		return err
	}))
	p.touch(false)
}

// touch has the owner touch the device at every request from now on, or not.
func (p *person) touch(at bool) {
	p.t.Helper()
	p.do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, webauthn.SetAutomaticPresenceSimulation, webauthn.SetAutomaticPresenceSimulationParams{AuthenticatorID: p.device, Enabled: at})
		return err
	}))
}

// passkey presses the button for a passkey, and touches the device. The page offers passkeys without the button as well: if that
// was not over yet, the touch answers it.
func (p *person) passkey() {
	p.t.Helper()
	p.leave(func() {
		p.touch(true)
		ask[bool](p, `!!document.querySelector('form.passkey button')?.click()`)
	})
	p.touch(false)
}

// code is what an authenticator app shows (RFC 6238 with the usual settings): now, or in the next half minute if that of now was
// used. The server takes a clock that is that much ahead; who needs a third code waits.
func (p *person) code() string {
	p.t.Helper()
	key, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(strings.ToUpper(strings.ReplaceAll(p.totp, " ", "")))
	if err != nil {
		p.t.Fatalf("the secret of the one-time codes, %q: %v", p.totp, err)
	}
	const step = 30
	p.shown = max(p.shown+1, time.Now().Unix()/step)
	if wait := p.shown - time.Now().Unix()/step - 1; wait > 0 {
		time.Sleep(time.Duration(wait) * step * time.Second)
	}
	h := hmac.New(sha1.New, key)
	_ = endian.Write(h, endian.BigEndian, p.shown) // a hash takes everything
	sum := h.Sum(nil)
	at4 := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", endian.BigEndian.Uint32(sum[at4:at4+4])&0x7fffffff%1000000)
}
