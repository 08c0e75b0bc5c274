package authorize_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/authorize"
	"sallyport/oauth"
	"sallyport/realm"
)

const typ = "oauth-authz-req+jwt"

func unsigned(t testing.TB, told map[string]any) string {
	t.Helper()
	body, err := json.Marshal(told)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`)) + "." + base64.RawURLEncoding.EncodeToString(body) + "."
}

func TestRequestObjects(t *testing.T) {
	w, stranger := newWorld(t), newWorld(t)
	at := func(d time.Duration) int64 { return w.now.Add(d).Unix() }
	signed := func(pairs ...any) string { return w.sign(t, typ, told(pairs...)) }
	parts := strings.Split(signed(), ".")
	for _, tt := range []struct {
		name   string
		pairs  []string // beside it
		object string
		reason oauth.Reason // "": taken
	}{
		{"signed", nil, signed(), ""},
		{"ensure-request-object-with-redirect-uri", []string{"redirect_uri", "https://evil.example/"}, signed(), ""},
		{"redirect_uri inside alone", []string{"redirect_uri", ""}, signed(), ""},
		{"nothing beside it", []string{"redirect_uri", "", "response_type", "", "scope", "", "state", ""}, signed(), ""},
		{"response_type beside it", nil, signed("response_type", nil), ""},
		{"typ JWT", nil, w.sign(t, "JWT", told()), ""},
		{"typ left out", nil, w.sign(t, "", told()), ""},
		{"aud among others", nil, signed("aud", []string{"x", issuer}), ""},
		{"no aud, no iss, no client_id", nil, signed("aud", nil, "iss", nil, "client_id", nil), ""},
		{"in time", nil, signed("exp", at(time.Minute), "nbf", at(0), "iat", at(0), "jti", "1"), ""},
		{"max_age is a number", nil, signed("max_age", 10), ""},
		{"claims are an object", nil, signed("claims", map[string]any{"userinfo": map[string]any{"name": nil}}), ""},
		{"unknown members", nil, signed("foo", map[string]any{"a": 1}, "bar", true), ""},

		{"another's key", nil, stranger.sign(t, typ, told()), oauth.RequestObjectBad},
		{"signature of another", nil, parts[0] + "." + parts[1] + "." + strings.Split(signed("state", "x"), ".")[2], oauth.RequestObjectBad},
		{"changed", nil, parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"response_type":"code"}`)) + "." + parts[2], oauth.RequestObjectBad},
		{"signature cut off", nil, parts[0] + "." + parts[1] + ".", oauth.RequestObjectBad},
		{"unsigned", nil, unsigned(t, told()), oauth.RequestObjectBad},
		{"no JWS", nil, "x", oauth.RequestObjectBad},
		{"encrypted", nil, "a.b.c.d.e", oauth.RequestObjectBad},
		{"endless", nil, strings.Repeat("a", 100_000), oauth.RequestObjectBad},
		{"dots", nil, strings.Repeat(".", 50_000), oauth.RequestObjectBad},
		{"iss", nil, signed("iss", "public"), oauth.RequestObjectBad},
		{"iss is no string", nil, signed("iss", 1), oauth.RequestObjectBad},
		{"client_id", nil, signed("client_id", "public"), oauth.RequestObjectBad},
		{"aud", nil, signed("aud", "https://other.example.org"), oauth.RequestObjectBad},
		{"aud is no string", nil, signed("aud", 1), oauth.RequestObjectBad},
		{"a client assertion", nil, signed("sub", "app"), oauth.RequestObjectBad},
		{"typ of a client assertion", nil, w.sign(t, "client-authentication+jwt", told()), oauth.RequestObjectBad},
		{"typ of an access token", nil, w.sign(t, "at+jwt", told()), oauth.RequestObjectBad},
		{"expired", nil, signed("exp", at(-2*time.Minute)), oauth.RequestObjectBad},
		{"exp is no time", nil, signed("exp", "soon"), oauth.RequestObjectBad},
		{"not yet", nil, signed("nbf", at(2*time.Minute)), oauth.RequestObjectBad},
		{"request inside", nil, signed("request", signed()), oauth.RequestObjectBad},
		{"request_uri inside", nil, signed("request_uri", "https://app.example.org/request"), oauth.RequestObjectBad},
		{"response_type differs", nil, signed("response_type", "token"), oauth.RequestObjectBad},
		{"scope is a list", nil, signed("scope", []string{"openid"}), oauth.RequestObjectBad},
		{"state is a number", nil, signed("state", 1), oauth.RequestObjectBad},
		{"max_age is a fraction", nil, signed("max_age", 1.5), oauth.RequestObjectBad},
		{"max_age is huge", nil, signed("max_age", 1e300), oauth.RequestObjectBad},
		{"NUL", nil, signed("nonce", "a\x00b"), oauth.RequestObjectBad},
		{"claims are a list", nil, signed("claims", []string{"name"}), oauth.ParameterInvalid},
		{"redirect_uri of a stranger", nil, signed("redirect_uri", "https://evil.example/"), oauth.RedirectUnregistered},
		{"redirect_uri beside it alone", nil, signed("redirect_uri", nil), oauth.RedirectMissing},
		{"scope beside it alone", []string{"scope", "openid admin"}, signed("scope", "admin"), oauth.ScopeNotAllowed},
		{"and request_uri", []string{"request_uri", "https://app.example.org/request"}, signed(), oauth.ParameterInvalid},
		{"no keys", []string{"client_id", "keyless"}, signed(), oauth.RequestUnsupported},
		{"of another client", []string{"client_id", "public"}, signed(), oauth.RequestObjectBad},
	} {
		req, refusal := w.read(append(tt.pairs, "request", tt.object)...)
		if tt.reason != "" {
			if refusal == nil || refusal.Reason != tt.reason {
				t.Errorf("%s: %+v, %v; want %s", tt.name, req, refusal, tt.reason)
			}
			continue
		}
		if refusal != nil {
			t.Errorf("%s: %s: %s (%v)", tt.name, refusal.Reason, refusal.Description, refusal.Err)
			continue
		}
		if req.State == nil || *req.State != "inside" || req.RedirectURI != callback {
			t.Errorf("%s: %+v", tt.name, req)
		}
	}
}

// Where an error goes when the object cannot be read: nowhere but where the client said beside it.
func TestRefusedObjectsGoNowhere(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct{ beside, to string }{{callback, byRedirect}, {"", byPage}, {"https://evil.example/", byPage}} {
		_, refusal := w.read("redirect_uri", tt.beside, "scope", "read", "request", "x")
		if refusal == nil || refusal.Code != oauth.InvalidRequestObject || (refusal.To != nil) != (tt.to == byRedirect) {
			t.Errorf("%q: %+v", tt.beside, refusal)
		}
	}
}

func TestUnsignedRequestObjects(t *testing.T) {
	w := newWorld(t)
	mine := told("iss", "unsigned", "client_id", "unsigned")
	if req, refusal := w.read("client_id", "unsigned", "request", unsigned(t, mine)); refusal != nil || *req.State != "inside" {
		t.Errorf("%+v, %v", req, refusal) // unsigned-request-object-supported-correctly
	}
	if _, refusal := w.read("client_id", "unsigned", "request", w.sign(t, typ, mine)); refusal == nil || refusal.Reason != oauth.RequestObjectBad {
		t.Errorf("signed, though registered as unsigned: %v", refusal)
	}
	w.clients["unsigned"].OpenID.RequireSigned = true
	if _, refusal := w.read("client_id", "unsigned", "request", unsigned(t, mine)); refusal == nil || refusal.Reason != oauth.RequestUnsupported {
		t.Errorf("must sign, and may not: %v", refusal)
	}
	w.clients["app"].OpenID.RequireSigned = true
	if _, refusal := w.read("request", w.sign(t, typ, told())); refusal != nil {
		t.Errorf("must sign, and has: %v", refusal)
	}
	w.clients["app"].OpenID.RequestObjectAlg = "RS256"
	if _, refusal := w.read("request", w.sign(t, typ, told())); refusal == nil || refusal.Reason != oauth.RequestObjectBad {
		t.Errorf("by another algorithm: %v", refusal)
	}
}

func TestRequestURI(t *testing.T) {
	w := newWorld(t)
	object := w.sign(t, typ, told())
	sum := sha256.Sum256([]byte(object))
	hash := base64.RawURLEncoding.EncodeToString(sum[:])
	w.web["https://app.example.org/request"], w.web["https://app.example.org/kept"] = object+"\n", object
	for _, tt := range []struct {
		uri    string
		reason oauth.Reason
		fetch  int // how often it is fetched in two readings
	}{
		{"https://app.example.org/request", "", 2}, // request-uri-signed-rs256
		{"https://app.example.org/request#v2", "", 2},
		{"https://app.example.org/kept#" + hash, "", 1},
		{"https://app.example.org/kept#" + strings.Repeat("A", 43), oauth.RequestURIBad, 2},
		{"https://app.example.org/other", oauth.RequestURIRefused, 0},
		{"https://app.example.org/request?x=y", oauth.RequestURIRefused, 0},
		{"https://app.example.org/request/", oauth.RequestURIRefused, 0},
		{"http://169.254.169.254/latest/meta-data/", oauth.RequestURIRefused, 0}, // CVE class 14
		{"file:///etc/passwd", oauth.RequestURIRefused, 0},
		{"urn:ietf:params:oauth:request_uri:unknown", oauth.RequestURIBad, 0},
	} {
		w.fetched = nil
		for range 2 {
			req, refusal := w.read("request_uri", tt.uri)
			if tt.reason == "" && (refusal != nil || *req.State != "inside") || tt.reason != "" && (refusal == nil || refusal.Reason != tt.reason) {
				t.Errorf("%s: %+v, %v", tt.uri, req, refusal)
			}
		}
		if len(w.fetched) != tt.fetch {
			t.Errorf("%s: fetched %q", tt.uri, w.fetched)
		}
	}
	w.fetched, w.realm.RequirePAR = nil, true
	if _, refusal := w.read("request_uri", "https://app.example.org/request"); refusal == nil || refusal.Reason != oauth.PushRequired || len(w.fetched) > 0 {
		t.Errorf("should have been pushed: %v, fetched %q", refusal, w.fetched)
	}
	w.realm.RequirePAR = false
	delete(w.web, "https://app.example.org/request")
	if _, refusal := w.read("request_uri", "https://app.example.org/request"); refusal == nil || refusal.Code != oauth.InvalidRequestURI {
		t.Errorf("gone: %v", refusal)
	}
	w.clients["public"].OpenID.RequestURIs = nil
	if _, refusal := w.read("client_id", "public", "request_uri", "https://app.example.org/request"); refusal == nil || refusal.Code != oauth.RequestURINotSupported {
		t.Errorf("another's: %v", refusal)
	}
}

// slowly is a fetcher whose documents take until they are let go.
type slowly struct {
	begun chan struct{}
	end   chan struct{}
}

func (s slowly) Get(context.Context, string) ([]byte, error) {
	s.begun <- struct{}{}
	<-s.end
	return nil, errors.New("too late")
}

// Classes 14 and 19: strangers who name a slow request_uri over and over hold a few connections with it, and other clients' are
// still fetched.
func TestFewRequestObjectsAreFetchedAtOnce(t *testing.T) {
	w := newWorld(t)
	w.clients["several"].OpenID.RequestURIs = []string{"https://several.example/r"}
	slow := slowly{make(chan struct{}, 1000), make(chan struct{})}
	c := w.reader.Config
	c.Fetch = slow
	reader := authorize.NewReader(c)
	read := func(client, uri string) oauth.Reason {
		_, refusal := reader.Read(t.Context(), w.realm, oauth.NewParams("client_id", client, "request_uri", uri), authorize.Source{})
		return refusal.Reason
	}
	reasons := make(chan oauth.Reason, 100)
	var all sync.WaitGroup
	for range cap(reasons) {
		all.Go(func() { reasons <- read("app", "https://app.example.org/request") })
	}
	busy := 0
	for busy < cap(reasons)-4 {
		if got := <-reasons; got != oauth.Busy {
			t.Fatalf("%q", got)
		}
		busy++
	}
	all.Go(func() { reasons <- read("several", "https://several.example/r") })
	for range 5 {
		<-slow.begun
	}
	close(slow.end)
	all.Wait()
	if len(reasons) != 5 || len(slow.begun) != 0 {
		t.Errorf("%d were fetched, %d more were begun", len(reasons), len(slow.begun))
	}
	for range 5 {
		if got := <-reasons; got != oauth.RequestURIBad {
			t.Errorf("%q", got)
		}
	}
	if got := read("app", "https://app.example.org/request"); got != oauth.RequestURIBad { // its places are free again
		t.Errorf("%q", got)
	}
}

func TestPush(t *testing.T) {
	w := newWorld(t)
	w.realm.RequirePAR = true
	app, ctx := w.clients["app"], t.Context()
	push := func() string {
		t.Helper()
		p := oauth.NewParams("client_id", "app", "response_type", "code", "redirect_uri", callback, "scope", "openid", "state", "pushed")
		req, refusal := w.reader.Read(ctx, w.realm, p, authorize.Source{Pushed: true, Client: app})
		if refusal != nil {
			t.Fatal(refusal)
		}
		uri, err := w.reader.Push(ctx, req)
		if err != nil || !strings.HasPrefix(uri, authorize.PushPrefix) {
			t.Fatalf("%q, %v", uri, err)
		}
		return uri
	}
	uri := push()
	w.now = w.now.Add(time.Minute)
	if _, refusal := w.read("client_id", "public", "request_uri", uri); refusal == nil || refusal.Reason != oauth.RequestURIBad || refusal.To != nil {
		t.Errorf("another client's: %v", refusal)
	}
	other := *w.realm
	other.Name = "corp"
	copied := *app
	copied.Realm, copied.ID = "corp", "corp"
	w.clients["corp"] = &copied
	if _, refusal := w.reader.Read(ctx, &other, oauth.NewParams("client_id", "corp", "request_uri", uri), authorize.Source{}); refusal == nil || refusal.Reason != oauth.RequestURIBad {
		t.Errorf("another realm's: %v", refusal)
	}
	// What is beside it does not count.
	req, refusal := w.read("request_uri", uri, "redirect_uri", "https://evil.example/", "scope", "admin", "state", "x")
	if refusal != nil || *req.State != "pushed" || req.RedirectURI != callback || !req.At.Equal(w.now) {
		t.Fatalf("%+v, %v", req, refusal)
	}
	if _, refusal := w.read("request_uri", uri); refusal == nil || refusal.Reason != oauth.RequestURIBad || refusal.To != nil {
		t.Errorf("twice: %v", refusal)
	}
	uri = push()
	w.now = w.now.Add(authorize.PushLife)
	if _, refusal := w.read("request_uri", uri); refusal == nil || refusal.Reason != oauth.RequestURIBad {
		t.Errorf("late: %v", refusal)
	}
	uri = push()
	app.RedirectURIs = []string{"https://app.example.org/new"}
	if _, refusal := w.read("request_uri", uri); refusal == nil || refusal.Reason != oauth.RequestURIBad {
		t.Errorf("the redirect URI is no longer the client's: %v", refusal)
	}
}

func TestPushed(t *testing.T) {
	w := newWorld(t)
	for name, tt := range map[string]struct {
		pairs  []string
		reason oauth.Reason
	}{
		"request_uri":     {[]string{"request_uri", "https://app.example.org/request"}, oauth.ParameterInvalid},
		"pushed":          {[]string{"request_uri", authorize.PushPrefix + strings.Repeat("a", 43)}, oauth.ParameterInvalid},
		"another client":  {[]string{"client_id", "public"}, oauth.ParameterInvalid},
		"redirect_uri":    {[]string{"redirect_uri", "https://evil.example/"}, oauth.RedirectUnregistered},
		"by value":        {[]string{"request", w.sign(t, typ, told())}, ""},
		"by value, wrong": {[]string{"request", "x"}, oauth.RequestObjectBad},
	} {
		p := oauth.NewParams("client_id", "app", "response_type", "code", "redirect_uri", callback, "scope", "openid")
		for i := 0; i < len(tt.pairs); i += 2 {
			p.Set(tt.pairs[i], tt.pairs[i+1])
		}
		_, refusal := w.reader.Read(t.Context(), w.realm, p, authorize.Source{Pushed: true, Client: w.clients["app"]})
		if tt.reason == "" && refusal != nil || tt.reason != "" && (refusal == nil || refusal.Reason != tt.reason) {
			t.Errorf("%s: %v", name, refusal)
		}
	}
	if len(w.fetched) > 0 {
		t.Errorf("fetched %q", w.fetched)
	}
}

func TestAgain(t *testing.T) {
	w := newWorld(t)
	req := &authorize.Request{Realm: realm.Default, Client: "app", RedirectURI: callback}
	if c, err := w.reader.Again(t.Context(), req); err != nil || c != w.clients["app"] {
		t.Errorf("%v, %v", c, err)
	}
	for id, reason := range map[string]oauth.Reason{"nobody": oauth.ClientUnknown, "off": oauth.ClientDisabled, "native": oauth.RedirectUnregistered, "outage": oauth.Unavailable} {
		if _, err := w.reader.Again(t.Context(), &authorize.Request{Realm: realm.Default, Client: id, RedirectURI: callback}); oauth.ReasonOf(err) != reason {
			t.Errorf("%s: %v", id, err)
		}
	}
}

// FuzzObject: whatever an unsigned object says, it leads to a URI of the client and to no fault of ours.
func FuzzObject(f *testing.F) {
	w := newWorld(f)
	for _, s := range []string{
		`{"response_type":"code","redirect_uri":"https://app.example.org/cb","scope":"openid","max_age":1,"claims":{"id_token":{"acr":null}}}`,
		`{"client_id":"unsigned","aud":["https://as.example.org"],"exp":1e10,"nbf":0}`, `{"exp":"x","exp":1}`, `[]`, `{"max_age":-1e400}`, `{"state":"\u0000"}`,
	} {
		f.Add([]byte(s))
	}
	head := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none"}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		raw := head + "." + base64.RawURLEncoding.EncodeToString(payload) + "."
		p := oauth.NewParams("client_id", "unsigned", "request", raw)
		req, refusal := w.reader.Read(t.Context(), w.realm, p, authorize.Source{})
		if (req == nil) == (refusal == nil) || refusal != nil && refusal.Code == oauth.ServerError {
			t.Fatalf("%v and %v", req, refusal)
		}
		if req != nil && req.RedirectURI != callback {
			t.Fatalf("it goes to %q", req.RedirectURI)
		}
		if req != nil && req.State != nil && strings.ContainsRune(*req.State, 0) {
			t.Fatal("a NUL in the state")
		}
	})
}
