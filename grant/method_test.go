package grant_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"sallyport/client"
	"sallyport/grant"
	"sallyport/oauth"
	"sallyport/realm"
)

// asserted stands for what checks assertions: it takes the one that is called good.
type asserted struct{ unknown int }

func (a *asserted) Verify(_ context.Context, r *realm.Realm, c *client.Client, creds client.Credentials) error {
	switch {
	case c == nil:
		a.unknown++
		return oauth.Fail(oauth.ClientUnknown, creds.ID)
	case c.Realm != r.Name || creds.Assertion == "spent":
		return oauth.Fail(oauth.AssertionReplayed, c.ID)
	case creds.Assertion == "no keys":
		return oauth.Fail(oauth.ClientKeysMissing, c.ID)
	case creds.Assertion != "good":
		return oauth.Because(oauth.AssertionInvalid, errWrongAssertion)
	}
	return nil
}

var errWrongAssertion = errors.New("its aud is not the issuer")

// asserts makes the client authenticate by assertions, and the call come with one.
func asserts(w *world, r *grant.Request, m client.Method, assertion string) {
	w.engine.Assertions = &asserted{}
	w.app().AuthMethod = m
	r.Client = client.Credentials{Method: m, ID: "app", Assertion: assertion, HasAssertion: true, AssertionType: client.AssertionType}
}

// methods are the controls of how a client presents itself; each does the same to every grant.
var methods = []struct {
	name   string
	change func(w *world, r *grant.Request)
	want   oauth.Reason
}{
	{"registered for Basic", func(w *world, _ *grant.Request) { w.app().AuthMethod = client.MethodBasic }, issued},
	{"registered for Basic, secret in the body", func(w *world, r *grant.Request) {
		w.app().AuthMethod, r.Client.Method = client.MethodBasic, client.MethodPost
	}, oauth.AuthMethodWrong},
	{"registered for Basic, a front door with a way of its own", func(w *world, r *grant.Request) {
		w.app().AuthMethod, r.Client.Method = client.MethodBasic, client.MethodNone
	}, issued},
	{"registered for Basic, no secret", func(w *world, r *grant.Request) {
		w.app().AuthMethod = client.MethodBasic
		r.Client = client.Credentials{Method: client.MethodNone, ID: "app"}
	}, oauth.SecretMissing},
	{"registered for the body", func(w *world, r *grant.Request) {
		w.app().AuthMethod, r.Client.Method = client.MethodPost, client.MethodPost
	}, issued},
	{"registered for the body, secret by Basic", func(w *world, _ *grant.Request) { w.app().AuthMethod = client.MethodPost }, oauth.AuthMethodWrong},
	{"registered for none, with a secret", func(w *world, _ *grant.Request) { w.app().AuthMethod = client.MethodNone }, oauth.AuthMethodWrong},

	{"private_key_jwt", func(w *world, r *grant.Request) { asserts(w, r, client.MethodPrivateKeyJWT, "good") }, issued},
	{"client_secret_jwt", func(w *world, r *grant.Request) { asserts(w, r, client.MethodSecretJWT, "good") }, issued},
	{"assertion that does not verify", func(w *world, r *grant.Request) { asserts(w, r, client.MethodPrivateKeyJWT, "forged") }, oauth.AssertionInvalid},
	{"assertion that is empty", func(w *world, r *grant.Request) { asserts(w, r, client.MethodPrivateKeyJWT, "") }, oauth.AssertionInvalid},
	{"assertion that was used", func(w *world, r *grant.Request) { asserts(w, r, client.MethodSecretJWT, "spent") }, oauth.AssertionReplayed},
	{"assertion without keys", func(w *world, r *grant.Request) { asserts(w, r, client.MethodPrivateKeyJWT, "no keys") }, oauth.ClientKeysMissing},
	{"assertion of the other method", func(w *world, r *grant.Request) {
		asserts(w, r, client.MethodPrivateKeyJWT, "good")
		r.Client.Method = client.MethodSecretJWT
	}, oauth.AuthMethodWrong},
	{"assertion of a client with a secret", func(w *world, r *grant.Request) {
		asserts(w, r, client.MethodPrivateKeyJWT, "good")
		w.app().AuthMethod = ""
	}, oauth.AuthMethodWrong},
	{"assertion of a client for Basic", func(w *world, r *grant.Request) {
		asserts(w, r, client.MethodPrivateKeyJWT, "good")
		w.app().AuthMethod = client.MethodBasic
	}, oauth.AuthMethodWrong},
	{"assertion of a public client", func(w *world, r *grant.Request) {
		asserts(w, r, client.MethodPrivateKeyJWT, "good")
		makePublic(w)
	}, oauth.AuthMethodWrong},
	{"assertion where none is taken", func(w *world, r *grant.Request) {
		asserts(w, r, client.MethodPrivateKeyJWT, "good")
		w.engine.Assertions = nil
	}, oauth.AssertionInvalid},
	{"assertion of a client that is off", func(w *world, r *grant.Request) {
		asserts(w, r, client.MethodPrivateKeyJWT, "good")
		w.app().Status = client.Off
	}, oauth.ClientDisabled},
	{"assertion of a client that is not there", func(w *world, r *grant.Request) {
		asserts(w, r, client.MethodPrivateKeyJWT, "good")
		r.Client.ID = "nobody"
	}, oauth.ClientUnknown},
	{"assertion of nobody", func(w *world, r *grant.Request) {
		asserts(w, r, client.MethodPrivateKeyJWT, "good")
		r.Client.ID = ""
	}, oauth.ClientMissing},
	{"the right secret of a client with keys", func(w *world, _ *grant.Request) { w.app().AuthMethod = client.MethodPrivateKeyJWT }, oauth.AuthMethodWrong},
	{"the right secret, sent, of a client that signs with it", func(w *world, _ *grant.Request) { w.app().AuthMethod = client.MethodSecretJWT }, oauth.AuthMethodWrong},
	{"nothing from a client with keys", func(w *world, r *grant.Request) {
		w.app().AuthMethod = client.MethodPrivateKeyJWT
		r.Client = client.Credentials{Method: client.MethodNone, ID: "app"}
	}, oauth.AuthMethodWrong},
	{"nothing from a client with keys, and the word public", func(w *world, r *grant.Request) {
		sayPublic(w)
		w.app().AuthMethod = client.MethodPrivateKeyJWT
		r.Client = client.Credentials{Method: client.MethodNone, ID: "app"}
		r.Rules.Secretless = []string{r.Type}
	}, oauth.AuthMethodWrong},
}

// TestCVEClass10EveryGrantMeetsEveryMethod: a way to authenticate that one grant refuses and its sibling takes. The endpoints
// where nothing is granted are held to the same.
func TestCVEClass10EveryGrantMeetsEveryMethod(t *testing.T) {
	for _, m := range methods {
		for _, name := range slices.Sorted(maps.Values(folders)) {
			t.Run(m.name+"/"+name, func(t *testing.T) {
				w := newWorld()
				r := w.request(name)
				m.change(w, &r)
				if got := w.exchange(t, r); got != m.want {
					t.Errorf("reason %q, want %q", got, m.want)
				}
			})
		}
		t.Run(m.name+"/another endpoint", func(t *testing.T) {
			w := newWorld()
			r := w.request("password")
			m.change(w, &r)
			_, proved, err := w.engine.Authenticate(t.Context(), w.realm, r.Client, source, "")
			if got := oauth.ReasonOf(err); got != m.want || proved != (m.want == issued) {
				t.Errorf("reason %q, proved %v, want %q", got, proved, m.want)
			}
		})
	}
}

// CVE class 13: what refuses a client that is not there does the work of refusing one that is.
func TestCVEClass13AnAssertionOfNobodyIsVerified(t *testing.T) {
	w := newWorld()
	r := w.request("client_credentials")
	asserts(w, &r, client.MethodPrivateKeyJWT, "good")
	r.Client.ID = "nobody"
	w.exchange(t, r)
	if n := w.engine.Assertions.(*asserted).unknown; n != 1 {
		t.Errorf("verified %d times", n)
	}
}

// Assertions are slowed down as wrong secrets are, by the same count.
func TestAssertionsAreThrottled(t *testing.T) {
	for _, wrong := range []string{"forged", "spent"} {
		w := newWorld()
		r := w.request("client_credentials")
		asserts(w, &r, client.MethodPrivateKeyJWT, wrong)
		for range 4 {
			w.exchange(t, r)
		}
		r.Client.Assertion = "good"
		if got := w.exchange(t, r); got != oauth.TooManyFailures {
			t.Errorf("%s: %q", wrong, got)
		}
	}
	w := newWorld()
	r := w.request("client_credentials")
	asserts(w, &r, client.MethodPrivateKeyJWT, "no keys") // which is no guess
	for range 10 {
		if got := w.exchange(t, r); got != oauth.ClientKeysMissing {
			t.Fatalf("got %q", got)
		}
	}
}

// The client is told of an assertion no more than that it does not do; who runs the server reads why.
func TestWhatIsWrongWithAnAssertionIsRecorded(t *testing.T) {
	w := newWorld()
	r := w.request("client_credentials")
	asserts(w, &r, client.MethodPrivateKeyJWT, "forged")
	w.exchange(t, r)
	if e := w.events[len(w.events)-1]; e.Reason != oauth.AssertionInvalid || e.Detail != errWrongAssertion.Error() {
		t.Errorf("recorded: %+v", e)
	}
}
