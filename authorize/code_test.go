package authorize_test

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/authorize"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/token"
)

func TestCodes(t *testing.T) {
	w := newWorld(t)
	codes, ctx := authorize.NewCodes(w.tickets, func() time.Time { return w.now }), t.Context()
	given := authorize.Grant{
		Realm: realm.Default, Client: "app", User: "dory", RedirectURI: callback, RedirectGiven: true, Challenge: s256,
		Scope: scope.Set{"openid", "read"}, Family: token.NewFamilyID(w.now), SignIn: &token.SignIn{At: w.now, ACR: "1", Nonce: "n"},
	}
	code, err := codes.Make(ctx, given)
	if err != nil {
		t.Fatal(err)
	}
	look := func(in, code string) (*authorize.Grant, bool) {
		t.Helper()
		g, spent, err := codes.Look(ctx, in, code)
		if err != nil {
			t.Fatal(err)
		}
		return g, spent
	}
	for range 2 { // looking changes nothing
		g, spent := look(realm.Default, code)
		if diff := cmp.Diff(&given, g); diff != "" || spent {
			t.Fatalf("spent %v (-want +got):\n%s", spent, diff)
		}
	}
	// CVE class 2: a code of another realm is no code here.
	for _, tt := range [][2]string{{"corp", code}, {realm.Default, code + "x"}, {realm.Default, code[1:]}, {realm.Default, ""}, {realm.Default, "x" + code[1:]}} {
		if g, spent := look(tt[0], tt[1]); g != nil || spent {
			t.Errorf("%v: %+v", tt, g)
		}
		if won, err := codes.Spend(ctx, tt[0], tt[1]); won || err != nil {
			t.Errorf("%v: spent, %v", tt, err)
		}
	}
	if won, err := codes.Spend(ctx, realm.Default, code); !won || err != nil {
		t.Fatalf("%v, %v", won, err)
	}
	for _, later := range []time.Duration{0, 30 * time.Second, time.Hour, 20 * time.Hour} { // codereuse-30seconds and long after
		w.now = w.now.Add(later)
		g, spent := look(realm.Default, code)
		if g == nil || !spent || g.Family != given.Family {
			t.Errorf("after %v: %+v, %v", later, g, spent)
		}
		if won, err := codes.Spend(ctx, realm.Default, code); won || err != nil {
			t.Errorf("after %v: won again, %v", later, err)
		}
	}
}

func TestCodesExpire(t *testing.T) {
	w := newWorld(t)
	codes, ctx := authorize.NewCodes(w.tickets, func() time.Time { return w.now }), t.Context()
	code, err := codes.Make(ctx, authorize.Grant{Realm: realm.Default})
	if err != nil {
		t.Fatal(err)
	}
	w.now = w.now.Add(authorize.CodeLife)
	if g, spent, err := codes.Look(ctx, realm.Default, code); g != nil || spent || err != nil {
		t.Errorf("%+v, %v, %v", g, spent, err)
	}
	if won, err := codes.Spend(ctx, realm.Default, code); won || err != nil {
		t.Errorf("%v, %v", won, err)
	}
	w.tickets.fail = errors.New("the disk is full")
	if _, err := codes.Make(ctx, authorize.Grant{}); err == nil {
		t.Error("made, with no disk")
	}
	if g, _, err := codes.Look(ctx, realm.Default, code); g != nil || err == nil {
		t.Errorf("looked at, with no disk: %+v", g)
	}
	if won, err := codes.Spend(ctx, realm.Default, code); won || err == nil {
		t.Error("spent, with no disk")
	}
}

func TestOneSpends(t *testing.T) {
	w := newWorld(t)
	codes := authorize.NewCodes(w.tickets, func() time.Time { return w.now })
	code, err := codes.Make(t.Context(), authorize.Grant{Realm: realm.Default})
	if err != nil {
		t.Fatal(err)
	}
	var won atomic.Int32
	var all sync.WaitGroup
	for range 200 {
		all.Go(func() {
			if ours, err := codes.Spend(t.Context(), realm.Default, code); err == nil && ours {
				won.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d have won", won.Load())
	}
}

func TestFlows(t *testing.T) {
	w := newWorld(t)
	flows, ctx := authorize.NewFlows(w.tickets, func() time.Time { return w.now }), t.Context()
	own, other := [32]byte{1}, [32]byte{2}
	secret, err := flows.Begin(ctx, &authorize.Request{Realm: realm.Default, Client: "app", Prompt: []string{"login"}}, own)
	if err != nil {
		t.Fatal(err)
	}
	flow, err := flows.Get(ctx, realm.Default, secret, own)
	if err != nil || flow.Request.Client != "app" || !flow.Request.At.Equal(w.now) || !flow.At.Equal(w.now) {
		t.Fatalf("%+v, %v", flow, err)
	}
	// CVE class 11: another browser, another realm, another secret.
	for name, try := range map[string]func() error{
		"other browser":     func() error { _, err := flows.Get(ctx, realm.Default, secret, other); return err },
		"no browser":        func() error { _, err := flows.Get(ctx, realm.Default, secret, [32]byte{}); return err },
		"other realm":       func() error { _, err := flows.Get(ctx, "corp", secret, own); return err },
		"other secret":      func() error { _, err := flows.Get(ctx, realm.Default, secret[1:]+"x", own); return err },
		"no secret":         func() error { _, err := flows.Get(ctx, realm.Default, "", own); return err },
		"adopted by other":  func() error { _, err := flows.Adopt(ctx, realm.Default, secret, other); return err },
		"adopted by nobody": func() error { _, err := flows.Adopt(ctx, realm.Default, secret, [32]byte{}); return err },
		"written by other": func() error {
			_, err := flows.Update(ctx, realm.Default, secret, other, func(f *authorize.Flow) error { f.Agreed = true; return nil })
			return err
		},
	} {
		if err := try(); oauth.ReasonOf(err) != oauth.FlowGone {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := flows.Adopt(ctx, realm.Default, secret, own); err != nil {
		t.Errorf("adopted by its own: %v", err)
	}
	no := errors.New("no")
	if _, err := flows.Update(ctx, realm.Default, secret, own, func(f *authorize.Flow) error { f.Agreed = true; return no }); !errors.Is(err, no) {
		t.Error(err)
	}
	if flow, err = flows.Get(ctx, realm.Default, secret, own); err != nil || flow.Agreed {
		t.Errorf("an error has changed it: %+v, %v", flow, err)
	}
	if ended, err := flows.End(ctx, realm.Default, secret); !ended || err != nil {
		t.Errorf("%v, %v", ended, err)
	}
	if ended, err := flows.End(ctx, realm.Default, secret); ended || err != nil {
		t.Errorf("twice: %v, %v", ended, err)
	}
	if _, err := flows.Get(ctx, realm.Default, secret, own); oauth.ReasonOf(err) != oauth.FlowGone {
		t.Error(err)
	}
}

func TestFlowsOfNoBrowserAreTheFirstOnes(t *testing.T) {
	w := newWorld(t)
	flows, ctx := authorize.NewFlows(w.tickets, func() time.Time { return w.now }), t.Context()
	secret, err := flows.Begin(ctx, &authorize.Request{Realm: realm.Default}, [32]byte{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := flows.Get(ctx, realm.Default, secret, [32]byte{}); oauth.ReasonOf(err) != oauth.FlowGone {
		t.Errorf("got by nobody: %v", err)
	}
	if _, err := flows.Update(ctx, realm.Default, secret, [32]byte{}, func(*authorize.Flow) error { return nil }); oauth.ReasonOf(err) != oauth.FlowGone {
		t.Errorf("written by nobody: %v", err)
	}
	var won atomic.Int32
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			if _, err := flows.Adopt(ctx, realm.Default, secret, [32]byte{byte(i + 1)}); err == nil {
				won.Add(1)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d browsers have it", won.Load())
	}
	w.now = w.now.Add(authorize.FlowLife)
	if _, err := flows.Adopt(ctx, realm.Default, secret, [32]byte{1}); oauth.ReasonOf(err) != oauth.FlowGone {
		t.Errorf("after its time: %v", err)
	}
}

func TestFlowsAreWrittenOneAfterAnother(t *testing.T) {
	w := newWorld(t)
	flows, ctx, own := authorize.NewFlows(w.tickets, func() time.Time { return w.now }), t.Context(), [32]byte{1}
	secret, err := flows.Begin(ctx, &authorize.Request{Realm: realm.Default}, own)
	if err != nil {
		t.Fatal(err)
	}
	var done atomic.Int32
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			for {
				_, err := flows.Update(ctx, realm.Default, secret, own, func(f *authorize.Flow) error { f.Tries++; return nil })
				if err == nil {
					done.Add(1)
					return
				}
				if oauth.ReasonOf(err) != oauth.Unavailable { // too many at once
					t.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	if flow, err := flows.Get(ctx, realm.Default, secret, own); err != nil || flow.Tries != int(done.Load()) || flow.Tries != 50 {
		t.Errorf("%+v, %v", flow, err)
	}
}
