package signin_test

import (
	"testing"

	"sallyport/realm"
)

// Two people at one browser: what was offered to one is not set up for the other.
func TestOfferToSomebodyElse(t *testing.T) {
	h := open(t, two)
	b := password(h.Browser().Get(ask()), "dory")
	offered, secret := b.Form("code"), shown(b)
	password(b.Get(ask()), "marlin")
	flow := b.Form("flow").Fields.Get("flow")
	form := offered.With("code", h.code(secret))
	form.Set("flow", flow)
	if b.Post("/signin/enrol", form); h.Has("marlin").TOTP || h.Has("dory").TOTP || b.Cookie("session") != "" {
		t.Errorf("%s", b.URL)
	}
}

// Where any passkey may answer, because its user has to be verified, it still has to be the one of who gave the password.
func TestVerifiedPasskeyOfSomebodyElse(t *testing.T) {
	h := open(t, func(r *realm.Realm) { r.SignIn.ACR = realm.ACRPhishingResistant })
	own, others := h.passkey("dory", true), h.passkey("marlin", true)
	b := password(h.Browser().Get(ask()), "dory")
	if use(b, others); !b.At("/signin/second") || b.Cookie("session") != "" {
		t.Fatalf("%s", b.URL)
	}
	if g := h.Redeem(agree(use(b, own)).Code()); g.User != "dory" || g.SignIn.ACR != realm.ACRPhishingResistant {
		t.Errorf("%+v", g)
	}
}
