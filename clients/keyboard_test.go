//go:build clients

package clients_test

import (
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// Somebody without a mouse signs in and agrees: nothing but keys are pressed, and what has the focus can be seen.
func TestKeyboard(t *testing.T) {
	a := newApplication(t)
	p := sitDown(t, a.op)
	p.open(a.url())
	p.keys(p.name + kb.Tab + p.password)
	p.leave(func() { p.keys(kb.Enter) })
	if got := p.path(); got != "/signin/consent" {
		t.Fatalf("signed in by keys: at %s", p.where())
	}
	for range 20 {
		if ask[bool](p, `document.activeElement.matches('button[name=decision][value=allow]')`) {
			break
		}
		p.keys(kb.Tab)
		if style := ask[string](p, `getComputedStyle(document.activeElement).outlineStyle`); style == "none" {
			t.Errorf("one does not see that this has the focus: %s", ask[string](p, `document.activeElement.outerHTML`))
		}
	}
	p.leave(func() { p.keys(kb.Enter) })
	if _, how := a.redeem(t); how.Subject != "dory" {
		t.Errorf("signed in as %+v", how)
	}
}

// keys presses keys, wherever the focus is.
func (p *person) keys(keys string) {
	p.t.Helper()
	p.do(chromedp.KeyEvent(keys))
}
