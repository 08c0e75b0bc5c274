package signature_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sallyport/api"
	"sallyport/client"
	"sallyport/credential"
	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/policy/policytest"
	"sallyport/policy/signature"
	"sallyport/scope"
)

const (
	id     = "bXkgYXBpIGtleQ=="
	secret = "bXkgc2VjcmV0IGtleQ=="
)

var now = policytest.Time

// sign is the formula of the contract.
func sign(minified, id, secret string) string {
	h := hmac.New(sha256.New, []byte(secret))
	h.Write([]byte(minified + id + secret))
	return base64.StdEncoding.EncodeToString(h.Sum(nil))
}

type world struct {
	keys    policytest.Keys
	clients policytest.Clients
	counts  policytest.Counts
}

func newWorld(t testing.TB, alter func(*credential.Credential, *client.Client)) *world {
	t.Helper()
	shop := &client.Client{Realm: "default", ID: "shop", Status: client.On, Scopes: scope.Set{"read"}}
	key, err := credential.ImportSignature(policytest.Master, "default", "shop", id, secret, now)
	if err != nil {
		t.Fatal(err)
	}
	if alter != nil {
		alter(key, shop)
	}
	w := &world{clients: policytest.Clients{"shop": shop}}
	w.keys.Add(t, key)
	return w
}

func (w *world) kind() policy.Kind {
	return signature.Kind(signature.Deps{Keys: &w.keys, Clients: w.clients, Uses: &w.counts, Replays: &w.counts})
}

func call(body, authorization string) *policy.Call {
	c := policytest.NewCall("POST", "/orders", "Authorization: "+authorization, "Accept: */*")
	c.Body = policytest.Body(body)
	return c
}

func TestFormula(t *testing.T) {
	// Made with: printf '%s' '{"a":1,"b":"x y"}bXkgYXBpIGtleQ==bXkgc2VjcmV0IGtleQ==' | openssl dgst -sha256 -hmac 'bXkgc2VjcmV0IGtleQ==' -binary | base64
	const known = "lmUt6VtlqlFDH+kD6WJg6HuiJAtbxypcEd5huH1JfoU="
	w := newWorld(t, nil)
	c := call("{ \"a\": 1,\n\t\"b\" : \"x y\" }", "DGRK "+id+"."+known)
	if err := policytest.Make(t, w.kind(), "").Request(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	want := policy.Caller{Client: "shop", Scope: scope.Set{"read"}, Scheme: "DGRK", Presented: "DGRK " + id + "." + known, Credential: id, Record: w.clients["shop"]}
	if diff := cmp.Diff(want, c.Caller, cmpopts.IgnoreFields(policy.Caller{}, "Slots"), cmpopts.EquateComparable(client.Hours{}, client.Network{})); diff != "" || c.Caller.Slots == nil {
		t.Error(diff)
	}
	if diff := cmp.Diff(policytest.Fields("Accept: */*"), c.Header); diff != "" {
		t.Errorf("goes upstream: %s", diff)
	}
}

func TestBodies(t *testing.T) {
	for _, tt := range []struct {
		name, body, minified string
		reason               oauth.Reason
	}{
		{"none", "", "", ""},
		{"white space", " \r\n\t", "", ""},
		{"compact", `{"a":1}`, `{"a":1}`, ""},
		{"order and repetition stay", `{ "b": 1, "a": 2, "b": 3 }`, `{"b":1,"a":2,"b":3}`, ""},
		{"numbers stay", `[ 1.0, 1e5, -0, 1E+2, 123456789012345678901234567890, 0.1000 ]`, `[1.0,1e5,-0,1E+2,123456789012345678901234567890,0.1000]`, ""},
		{"white space in strings stays", `{"a b" : " c\td "}`, `{"a b":" c\td "}`, ""},
		{"brackets in strings", `["} {", "\"", "\\"]`, `["} {","\"","\\"]`, ""},
		{"not ASCII", `{"名": "é<>&"}`, `{"名":"é<>&"}`, ""},
		{"escapes written anew", `["\u0041\/\u00e9\ud83d\ude00\u000A\u001f"]`, "[\"A/é😀\\n\\u001F\"]", ""},
		{"escapes as they came", `[ "\u0041\/" ]`, `["\u0041\/"]`, ""},
		{"half a character", `[ "\ud800x" ]`, `["\ud800x"]`, ""},
		{"a literal", ` null `, `null`, ""},
		{"a string", ` "x" `, `"x"`, ""},
		{"not minified", `{"a": 1}`, `{"a": 1}`, policy.SignatureWrong},
		{"sorted", `{"b":1,"a":2}`, `{"a":2,"b":1}`, policy.SignatureWrong},
		{"another body", `{"a":2}`, `{"a":1}`, policy.SignatureWrong},
		{"no body where one was signed", ``, `{"a":1}`, policy.SignatureWrong},
		{"not JSON", `a=1`, `a=1`, policy.BodyMalformed},
		{"cut", `{"a":1`, `{"a":1`, policy.BodyMalformed},
		{"two", `{}{}`, `{}{}`, policy.BodyMalformed},
		{"a comment", `{/*x*/}`, `{}`, policy.BodyMalformed},
		{"not UTF-8", "\"\xff\"", "\"\xff\"", policy.BodyMalformed},
		{"long", `"` + strings.Repeat("x", 1<<20) + `"`, "", policy.RequestRefused},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, nil)
			c := call(tt.body, "DGRK "+id+"."+sign(tt.minified, id, secret))
			err := policytest.Make(t, w.kind(), "").Request(t.Context(), c)
			if got := policytest.Reason(err); got != tt.reason {
				t.Errorf("%v, want %q", err, tt.reason)
			}
			if err != nil && c.Caller.Client != "" {
				t.Errorf("caller %+v", c.Caller)
			}
		})
	}
}

func TestWhatIsSent(t *testing.T) {
	w := newWorld(t, nil)
	plain, key := credential.NewAPIKey("default", "shop", now)
	w.keys.Add(t, key)
	good := sign("", id, secret)
	urlSafe := strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(good)
	for _, tt := range []struct {
		name, authorization string
		reason              oauth.Reason
	}{
		{"good", "DGRK " + id + "." + good, ""},
		{"the scheme has no case", "dgrk  " + id + "." + good, ""},
		{"damaged on the way", "DGRK " + id + "." + strings.ReplaceAll(strings.TrimRight(good, "="), "+", " "), ""},
		{"the other alphabet", "DGRK " + id + "." + urlSafe, ""},
		{"another scheme", "Basic " + id + "." + good, oauth.TokenMissing},
		{"a scheme that begins like it", "DGRKX " + id + "." + good, oauth.TokenMissing},
		{"no scheme", id + "." + good, oauth.TokenMissing},
		{"no signature", "DGRK " + id, oauth.RequestMalformed},
		{"no key", "DGRK ." + good, oauth.RequestMalformed},
		{"nothing", "DGRK", oauth.RequestMalformed},
		{"long", "DGRK " + strings.Repeat("x", 2000) + "." + good, oauth.RequestMalformed},
		{"unknown", "DGRK nobody." + sign("", "nobody", secret), policy.KeyUnknown},
		{"an API key", "DGRK " + plain + "." + sign("", plain, plain), policy.KeyUnknown},
		{"its id", "DGRK " + key.ID + "." + sign("", key.ID, plain), policy.KeyUnknown},
		{"empty signature", "DGRK " + id + ".", policy.SignatureWrong},
		{"not Base64", "DGRK " + id + ".%%%", policy.SignatureWrong},
		{"cut", "DGRK " + id + "." + good[:20], policy.SignatureWrong},
		{"longer", "DGRK " + id + "." + good + good, policy.SignatureWrong},
		{"signed with the id", "DGRK " + id + "." + sign("", id, id), policy.SignatureWrong},
		{"the secret itself", "DGRK " + id + "." + secret, policy.SignatureWrong},
		{"signed by another secret", "DGRK " + id + "." + sign("", id, secret+"x"), policy.SignatureWrong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := call("", tt.authorization)
			err := policytest.Make(t, w.kind(), "").Request(t.Context(), c)
			if got := policytest.Reason(err); got != tt.reason {
				t.Fatalf("reason %q, want %q", got, tt.reason)
			}
			if r := policytest.Refusal(err); r != nil && (r.Scheme != "DGRK" || c.Caller.Client != "" || strings.Contains(r.Detail+r.Fix, secret)) {
				t.Errorf("%+v", r)
			}
		})
	}
	c := call("", "DGRK "+id+"."+good)
	c.Header.Add("Authorization", "Bearer x")
	if err := policytest.Make(t, w.kind(), "").Request(t.Context(), c); policytest.Reason(err) != oauth.RequestMalformed {
		t.Errorf("two headers: %v", err)
	}
	c = call("", "DGRK "+id+"."+good)
	c.Realm.Name = "other"
	if err := policytest.Make(t, w.kind(), "").Request(t.Context(), c); policytest.Reason(err) != policy.KeyUnknown {
		t.Errorf("in another realm: %v", err)
	}
}

// The order of the contract: key, client, signature, status, revocation, dates, number of uses, API.
func TestOrderOfChecks(t *testing.T) {
	steps := []struct {
		reason oauth.Reason
		status int
		spoil  func(k *credential.Credential, c *client.Client)
	}{
		{policy.KeyWrongAPI, 403, func(k *credential.Credential, _ *client.Client) { k.APIs = []string{"other"} }},
		{policy.KeyExhausted, 401, func(k *credential.Credential, _ *client.Client) { k.Uses = 1 }},
		{policy.KeyExpired, 401, func(k *credential.Credential, _ *client.Client) { k.NotAfter = now }},
		{policy.KeyRevoked, 401, func(k *credential.Credential, _ *client.Client) { k.RevokedAt = now.Add(-time.Minute) }},
		{policy.KeyDisabled, 401, func(k *credential.Credential, _ *client.Client) { k.Status = credential.Off }},
		{policy.SignatureWrong, 401, nil},
		{policy.ClientHours, 403, func(_ *credential.Credential, c *client.Client) { c.Hours, _ = client.ParseHours("01:00-02:00") }},
		{oauth.ClientDisabled, 403, func(_ *credential.Credential, c *client.Client) { c.Status = client.Off }},
		{policy.KeyUnknown, 401, func(k *credential.Credential, _ *client.Client) { k.Realm = "other" }},
	}
	for last := range steps {
		wrong := false
		w := newWorld(t, func(k *credential.Credential, c *client.Client) {
			for _, s := range steps[:last+1] {
				if s.spoil == nil {
					wrong = true
				} else if s.reason != policy.KeyUnknown {
					s.spoil(k, c)
				}
			}
		})
		if steps[last].reason == policy.KeyUnknown {
			w.keys = policytest.Keys{}
		}
		if last >= 1 { // the one use is spent
			if ok, _, _ := w.counts.Take(t.Context(), counter(), 1); !ok {
				t.Fatal("not taken")
			}
		}
		signed := sign("", id, secret)
		if wrong {
			signed = sign("", id, "x")
		}
		r := policytest.Refusal(policytest.Make(t, w.kind(), "").Request(t.Context(), call("", "DGRK "+id+"."+signed)))
		if r == nil || r.Reason != steps[last].reason || r.Status != steps[last].status {
			t.Errorf("%+v, want %d %s", r, steps[last].status, steps[last].reason)
		}
	}
}

func TestUses(t *testing.T) {
	w := newWorld(t, func(k *credential.Credential, _ *client.Client) { k.Uses = 2 })
	p := policytest.Make(t, w.kind(), "")
	good, bad := "DGRK "+id+"."+sign("", id, secret), "DGRK "+id+"."+sign("", id, "x")
	for range 3 { // whoever does not know the secret uses nothing up
		if err := p.Request(t.Context(), call("", bad)); policytest.Reason(err) != policy.SignatureWrong {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := p.Request(t.Context(), call("", good)); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.Request(t.Context(), call("", good)); policytest.Reason(err) != policy.KeyExhausted {
		t.Errorf("the third: %v", err)
	}
}

func TestReplay(t *testing.T) {
	w := newWorld(t, func(k *credential.Credential, _ *client.Client) { k.Uses = 100 })
	p := policytest.Make(t, w.kind(), `{"replay": "5m"}`)
	at := func(after time.Duration, body string) error {
		c := call(body, "DGRK "+id+"."+sign(body, id, secret))
		c.Time = now.Add(after)
		return p.Request(t.Context(), c)
	}
	for _, tt := range []struct {
		after  time.Duration
		body   string
		reason oauth.Reason
	}{
		{4 * time.Minute, `{"n":1}`, ""},
		{4 * time.Minute, `{"n":1}`, policy.SignatureReplay},
		{4 * time.Minute, `{"n":2}`, ""},
		{6 * time.Minute, `{"n":1}`, policy.SignatureReplay}, // in the next piece of time
		{9*time.Minute - 1, `{"n":1}`, policy.SignatureReplay},
		{14 * time.Minute, `{"n":1}`, ""},
		{14 * time.Minute, ``, ""},
		{15 * time.Minute, ``, policy.SignatureReplay},
	} {
		if err := at(tt.after, tt.body); policytest.Reason(err) != tt.reason {
			t.Errorf("%v %s: %v, want %q", tt.after, tt.body, err, tt.reason)
		}
	}
	if n := w.counts.Used("key/" + id); n != 4 {
		t.Errorf("%d uses counted, want 4: a replay is none", n)
	}
	// The same body in another spelling has the same signature, and is the same call.
	if err := p.Request(t.Context(), call(`{ "n" : 2 }`, "DGRK "+id+"."+sign(`{"n":2}`, id, secret))); policytest.Reason(err) != policy.SignatureReplay {
		t.Errorf("in another spelling: %v", err)
	}
	w.counts.Fail = errors.New("away")
	if err := at(time.Hour, `{"n":3}`); policytest.Refusal(err) != nil || policytest.Reason(err) != oauth.Unavailable {
		t.Errorf("while nobody can say: %v", err)
	}
	// Without the setting a signature may come again.
	w = newWorld(t, nil)
	p = policytest.Make(t, w.kind(), "")
	for range 2 {
		if err := at(0, ""); err != nil {
			t.Fatal(err)
		}
	}
}

func TestInTheChain(t *testing.T) {
	for _, tt := range []struct {
		scopes []string
		alter  func(*credential.Credential, *client.Client)
		reason oauth.Reason
	}{
		{[]string{"read"}, nil, ""},
		{[]string{"write"}, nil, oauth.ScopeMissing},
		{nil, func(_ *credential.Credential, c *client.Client) { c.Status = client.Locked }, oauth.ClientLocked},
		{nil, func(_ *credential.Credential, c *client.Client) { c.NotAfter = now }, oauth.ClientExpired},
	} {
		w := newWorld(t, tt.alter)
		c := call("", "DGRK "+id+"."+sign("", id, secret))
		c.API.Auth, c.API.Scopes = []api.Policy{{Name: "signature"}}, tt.scopes
		chain, err := policy.NewChain(c.API, policy.Parts{Ways: map[string]policy.Kind{"signature": w.kind()}, Clients: w.clients})
		if err != nil {
			t.Fatal(err)
		}
		err = chain.Request(t.Context(), c)
		if got := policytest.Reason(err); got != tt.reason {
			t.Errorf("reason %q, want %q", got, tt.reason)
		}
		if r := policytest.Refusal(err); r != nil && strings.HasPrefix(string(r.Reason), "client_") && r.Policy != "client" {
			t.Errorf("refused by %q", r.Policy)
		}
	}
}

func TestSettings(t *testing.T) {
	for _, settings := range []string{`{"replay": "-5m"}`, `{"replay": "soon"}`, `{"body": -1}`, `{"window": "5m"}`} {
		if _, err := signature.Kind(signature.Deps{}).New(policy.Site{}, []byte(settings)); err == nil {
			t.Errorf("%s is taken", settings)
		}
	}
	w := newWorld(t, nil)
	p := policytest.Make(t, w.kind(), `{"body": 10}`)
	body := `"123456789"`
	if err := p.Request(t.Context(), call(body, "DGRK "+id+"."+sign(body, id, secret))); policytest.Refusal(err) == nil || policytest.Refusal(err).Status != 413 {
		t.Errorf("a longer body: %v", err)
	}
}
