package authorize_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/authorize"
	"sallyport/client"
	"sallyport/oauth"
	"sallyport/realm"
)

const (
	byPage     = "page" // RFC 6749 section 4.1.2.1: told to the user alone
	byRedirect = "redirect"
)

func TestRefusals(t *testing.T) {
	long := strings.Repeat("a", 5000)
	for _, tt := range []struct {
		name   string
		pairs  []string
		to     string
		code   oauth.Code
		reason oauth.Reason
	}{
		{"client missing", []string{"client_id", ""}, byPage, oauth.InvalidClient, oauth.ClientMissing},
		{"client unknown", []string{"client_id", "nobody"}, byPage, oauth.InvalidClient, oauth.ClientUnknown},
		{"client off", []string{"client_id", "off"}, byPage, oauth.InvalidClient, oauth.ClientDisabled},
		{"store away", []string{"client_id", "outage"}, byPage, oauth.TemporarilyDown, oauth.Unavailable},
		{"ensure-registered-redirect-uri", []string{"redirect_uri", "https://evil.example/cb"}, byPage, oauth.InvalidRequest, oauth.RedirectUnregistered},
		{"redirect-uri-query-added", []string{"redirect_uri", callback + "?x=y"}, byPage, oauth.InvalidRequest, oauth.RedirectUnregistered},
		{"redirect-uri-query-mismatch", []string{"client_id", "several", "redirect_uri", callback + "?a=c"}, byPage, oauth.InvalidRequest, oauth.RedirectUnregistered},
		{"redirect-uri-regfrag", []string{"redirect_uri", callback + "#f"}, byPage, oauth.InvalidRequest, oauth.RedirectUnregistered},
		{"ensure-redirect-uri-in-authorization-request", []string{"redirect_uri", ""}, byPage, oauth.InvalidRequest, oauth.RedirectMissing},
		{"redirect one of several", []string{"client_id", "several", "redirect_uri", "", "scope", "read"}, byPage, oauth.InvalidRequest, oauth.RedirectMissing},
		{"grant not allowed", []string{"client_id", "nocode"}, byRedirect, oauth.UnauthorizedClient, oauth.GrantNotAllowed},
		{"response-type-missing", []string{"response_type", ""}, byRedirect, oauth.InvalidRequest, oauth.ParameterMissing},
		{"response type token", []string{"response_type", "token"}, byRedirect, oauth.UnsupportedResponseType, oauth.ResponseTypeUnknown},
		{"response type hybrid", []string{"response_type", "code id_token"}, byRedirect, oauth.UnsupportedResponseType, oauth.ResponseTypeUnknown},
		{"response mode", []string{"response_mode", "query.jwt"}, byRedirect, oauth.InvalidRequest, oauth.ResponseModeUnknown},
		{"PKCE missing", []string{"client_id", "public"}, byRedirect, oauth.InvalidRequest, oauth.ChallengeMissing},
		{"PKCE method alone", []string{"code_challenge_method", "S256"}, byRedirect, oauth.InvalidRequest, oauth.ChallengeMissing},
		{"PKCE plain", []string{"code_challenge", s256, "code_challenge_method", "plain"}, byRedirect, oauth.InvalidRequest, oauth.ChallengeMethod},
		{"PKCE plain unsaid", []string{"code_challenge", s256}, byRedirect, oauth.InvalidRequest, oauth.ChallengeMethod},
		{"PKCE other case", []string{"code_challenge", s256, "code_challenge_method", "s256"}, byRedirect, oauth.InvalidRequest, oauth.ChallengeMethod},
		{"PKCE short", []string{"code_challenge", s256[1:], "code_challenge_method", "S256"}, byRedirect, oauth.InvalidRequest, oauth.ParameterInvalid},
		{"PKCE padded", []string{"code_challenge", s256[1:] + "=", "code_challenge_method", "S256"}, byRedirect, oauth.InvalidRequest, oauth.ParameterInvalid},
		{"prompt", []string{"prompt", "sudo"}, byRedirect, oauth.InvalidRequest, oauth.ParameterInvalid},
		{"prompt none and more", []string{"prompt", "none login"}, byRedirect, oauth.InvalidRequest, oauth.ParameterInvalid},
		{"prompt long", []string{"prompt", strings.Repeat("login ", 300)}, byRedirect, oauth.InvalidRequest, oauth.ParameterInvalid},
		{"scope unknown", []string{"scope", "read fly"}, byRedirect, oauth.InvalidScope, oauth.ScopeUnknown},
		{"scope not allowed", []string{"scope", "read admin"}, byRedirect, oauth.InvalidScope, oauth.ScopeNotAllowed},
		{"scope grammar", []string{"scope", `openid "x"`}, byRedirect, oauth.InvalidScope, oauth.ScopeUnknown},
		{"scope long", []string{"scope", "openid " + long}, byRedirect, oauth.InvalidScope, oauth.ScopeUnknown},
		{"max_age negative", []string{"max_age", "-1"}, byRedirect, oauth.InvalidRequest, oauth.ParameterInvalid},
		{"max_age word", []string{"max_age", "soon"}, byRedirect, oauth.InvalidRequest, oauth.ParameterInvalid},
		{"max_age signed", []string{"max_age", "+1"}, byRedirect, oauth.InvalidRequest, oauth.ParameterInvalid},
		{"max_age fraction", []string{"max_age", "1.5"}, byRedirect, oauth.InvalidRequest, oauth.ParameterInvalid},
		{"max_age endless", []string{"max_age", "99999999999999999999"}, byRedirect, oauth.InvalidRequest, oauth.ParameterInvalid},
		{"claims", []string{"claims", "[]"}, byRedirect, oauth.InvalidRequest, oauth.ParameterInvalid},
		{"claims for several", []string{"claims", `{"id_token":{"sub":{"values":["a","b"]}}}`}, byRedirect, oauth.InvalidRequest, oauth.ParameterInvalid},
		{"id_token_hint", []string{"id_token_hint", "x"}, byRedirect, oauth.InvalidRequest, oauth.ParameterInvalid},
		{"id_token_hint of another client", []string{"id_token_hint", "of other"}, byRedirect, oauth.InvalidRequest, oauth.ParameterInvalid},
		{"id_token_hint and sub", []string{"id_token_hint", "of dory", "claims", `{"id_token":{"sub":{"value":"nemo"}}}`}, byRedirect, oauth.LoginRequired, oauth.OtherUser},
		{"id_token_hint, store away", []string{"id_token_hint", "outage"}, byRedirect, oauth.TemporarilyDown, oauth.Unavailable},
		{"registration", []string{"registration", "{}"}, byRedirect, oauth.RegistrationUnsupported, oauth.ParameterInvalid},
		{"state long", []string{"state", long}, byRedirect, oauth.InvalidRequest, oauth.ParameterInvalid},
		{"nonce long", []string{"nonce", long}, byRedirect, oauth.InvalidRequest, oauth.ParameterInvalid},
		{"acr_values many", []string{"acr_values", strings.Repeat("1 ", 30)}, byRedirect, oauth.InvalidRequest, oauth.ParameterInvalid},
	} {
		w := newWorld(t)
		req, refusal := w.read(tt.pairs...)
		if refusal == nil {
			t.Errorf("%s: taken as %+v", tt.name, req)
			continue
		}
		where := byPage
		if refusal.To != nil {
			where = byRedirect
			if refusal.To.RedirectURI != callback || tt.name != "state long" && (refusal.To.State == nil || *refusal.To.State != "st") {
				t.Errorf("%s: to %+v", tt.name, refusal.To)
			}
		}
		if where != tt.to || refusal.Code != tt.code || refusal.Reason != tt.reason || refusal.Description == "" {
			t.Errorf("%s: by %s: %s, %s, %q; want by %s: %s, %s", tt.name, where, refusal.Code, refusal.Reason, refusal.Description, tt.to, tt.code, tt.reason)
		}
	}
}

// Each parameter comes once (RFC 6749 section 3.1). CVE class 1: which of two redirect URIs counts is not guessed.
func TestDuplicates(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct{ name, to string }{
		{"client_id", byPage}, {"redirect_uri", byPage}, {"state", byRedirect}, {"scope", byRedirect}, {"response_type", byRedirect},
		{"response_mode", byRedirect}, {"code_challenge", byRedirect}, {"nonce", byRedirect}, {"unknown", byRedirect}, {"we\"ird", byRedirect}, {"resource", ""},
	} {
		p := oauth.NewParams("client_id", "app", "response_type", "code", "redirect_uri", callback, "scope", "openid", "state", "st")
		if !p.Has(tt.name) {
			p.Add(tt.name, "x")
		}
		p.Add(tt.name, p.Get(tt.name))
		_, refusal := w.reader.Read(t.Context(), w.realm, p, authorize.Source{})
		switch {
		case tt.to == "":
			if refusal != nil {
				t.Errorf("%s: %v", tt.name, refusal)
			}
		case refusal == nil || refusal.Reason != oauth.ParameterDuplicate || (refusal.To != nil) != (tt.to == byRedirect):
			t.Errorf("%s: %+v", tt.name, refusal)
		case tt.name == "state" && refusal.To.State != nil:
			t.Error("one of two states is told")
		}
	}
}

func TestRequests(t *testing.T) {
	age := func(n int64) *int64 { return &n }
	state := "st"
	for _, tt := range []struct {
		name  string
		pairs []string
		want  func(*authorize.Request)
	}{
		{"ordinary", nil, func(*authorize.Request) {}},
		{"ensure-request-with-unknown-parameter-succeeds", []string{"extra", "foobar"}, func(*authorize.Request) {}},
		{"ensure-request-with-valid-pkce-succeeds", []string{"code_challenge", s256, "code_challenge_method", "S256"}, func(r *authorize.Request) { r.Challenge = s256 }},
		{"form_post", []string{"response_mode", "form_post"}, func(r *authorize.Request) { r.Mode = authorize.FormPost }},
		{"fragment", []string{"response_mode", "fragment"}, func(r *authorize.Request) { r.Mode = authorize.Fragment }},
		{"no state", []string{"state", ""}, func(r *authorize.Request) { r.State = nil }},
		{"redirect-uri-query-OK", []string{"client_id", "several", "redirect_uri", callback + "?a=b"}, func(r *authorize.Request) {
			r.Client, r.RedirectURI = "several", callback+"?a=b"
		}},
		{"redirect left out", []string{"redirect_uri", "", "scope", "read"}, func(r *authorize.Request) {
			r.RedirectGiven, r.Scope = false, []string{"read"}
		}},
		{"loopback", []string{"client_id", "native", "redirect_uri", "http://127.0.0.1:51004/cb"}, func(r *authorize.Request) {
			r.Client, r.RedirectURI = "native", "http://127.0.0.1:51004/cb"
		}},
		{"scopes that are not there", []string{"scope", "openid fly admin email profile"}, func(r *authorize.Request) { r.Scope = []string{"openid", "profile"} }},
		{"no scope", []string{"scope", ""}, func(r *authorize.Request) { r.Scope = []string{"profile", "read"} }},
		{"offline_access", []string{"scope", "openid offline_access"}, func(r *authorize.Request) { r.Scope = []string{"openid", "offline_access"} }},
		{"prompt-login", []string{"prompt", "login consent"}, func(r *authorize.Request) { r.Prompt = []string{"login", "consent"} }},
		{"prompt-none", []string{"prompt", "none"}, func(r *authorize.Request) { r.Prompt = []string{"none"} }},
		{"max-age-1", []string{"max_age", "1"}, func(r *authorize.Request) { r.MaxAge = age(1) }},
		{"max-age-0", []string{"max_age", "0"}, func(r *authorize.Request) { r.MaxAge = age(0) }},
		{"max-age-10000", []string{"max_age", "10000"}, func(r *authorize.Request) { r.MaxAge = age(10000) }},
		{"login-hint", []string{"login_hint", "dory@example.org"}, func(r *authorize.Request) { r.LoginHint = "dory@example.org" }},
		{"login hint long", []string{"login_hint", strings.Repeat("x", 300)}, func(*authorize.Request) {}},
		{"id-token-hint", []string{"id_token_hint", "of dory"}, func(r *authorize.Request) { r.HintSubject = "dory" }},
		{"ui-locales", []string{"ui_locales", "zh-TW de"}, func(r *authorize.Request) { r.UILocales = []string{"zh-TW", "de"} }},
		{"claims-locales", []string{"claims_locales", "se"}, func(r *authorize.Request) { r.ClaimsLocales = []string{"se"} }},
		{"locales many", []string{"ui_locales", strings.Repeat("de ", 400)}, func(*authorize.Request) {}},
		{"display-page", []string{"display", "page"}, func(r *authorize.Request) { r.Display = "page" }},
		{"display-popup", []string{"display", "popup"}, func(r *authorize.Request) { r.Display = "popup" }},
		{"display unknown", []string{"display", "hologram"}, func(*authorize.Request) {}},
		{"ensure-request-with-acr-values-succeeds", []string{"acr_values", "1 urn:x"}, func(r *authorize.Request) { r.ACRValues = []string{"1", "urn:x"} }},
		{"nonce", []string{"nonce", "n"}, func(r *authorize.Request) { r.Nonce = "n" }},
	} {
		w := newWorld(t)
		want := &authorize.Request{
			Realm: realm.Default, Client: "app", RedirectURI: callback, RedirectGiven: true, Mode: authorize.Query, State: &state,
			Scope: []string{"openid"}, At: w.now,
		}
		tt.want(want)
		got, refusal := w.read(tt.pairs...)
		if refusal != nil {
			t.Errorf("%s: %s: %s", tt.name, refusal.Reason, refusal.Description)
			continue
		}
		for _, list := range []*[]string{&got.Prompt, &got.ACRValues, &got.UILocales, &got.ClaimsLocales} {
			if len(*list) == 0 {
				*list = nil
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestClaimsDecideAboutTheSignIn(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		claims, values string
		acr            string
		essential      bool
		sub            string
		asked          string
	}{
		{`{"userinfo":{"name":{"essential":true},"sub":null}}`, "", "", false, "", "name"}, // claims-essential
		{`{"id_token":{"acr":{"essential":true,"values":["phr","2"]}}}`, "1", "phr 2", true, "", ""},
		{`{"id_token":{"acr":{"essential":true,"value":"2"}}}`, "", "2", true, "", ""},
		{`{"id_token":{"acr":{"values":["2"]}}}`, "1", "2", false, "", ""},
		{`{"id_token":{"acr":{"essential":true}}}`, "1", "1", false, "", ""},
		{`{"id_token":{"acr":null,"sub":{"value":"dory"},"email":null},"userinfo":{"email":null,"sub":{"value":"dory"}}}`, "", "", false, "dory", "email"},
	} {
		req, refusal := w.read("claims", tt.claims, "acr_values", tt.values)
		if refusal != nil {
			t.Errorf("%s: %s", tt.claims, refusal.Description)
			continue
		}
		if got := strings.Join(req.ACRValues, " "); got != tt.acr || req.ACREssential != tt.essential || req.HintSubject != tt.sub || strings.Join(req.AskedClaims(), " ") != tt.asked {
			t.Errorf("%s: acr %q, essential %v, sub %q, asked %v", tt.claims, got, req.ACREssential, req.HintSubject, req.AskedClaims())
		}
	}
}

// What realm and client demand holds for whoever forgets it.
func TestDemands(t *testing.T) {
	fifty := int64(50)
	for _, tt := range []struct {
		name   string
		change func(*world)
		pairs  []string
		reason oauth.Reason // "": taken
		holds  func(*authorize.Request) bool
	}{
		{"PKCE by realm", func(w *world) { w.realm.RequirePKCE = true }, nil, oauth.ChallengeMissing, nil},
		{"PKCE by client", func(w *world) { w.clients["app"].OpenID.RequirePKCE = true }, nil, oauth.ChallengeMissing, nil},
		{"PAR by realm", func(w *world) { w.realm.RequirePAR = true }, nil, oauth.PushRequired, nil},
		{"PAR by client", func(w *world) { w.clients["app"].OpenID.RequirePAR = true }, nil, oauth.PushRequired, nil},
		{"signed", func(w *world) { w.clients["app"].OpenID.RequireSigned = true }, nil, oauth.ParameterMissing, nil},
		{"default age", func(w *world) { w.clients["app"].OpenID.DefaultMaxAge = &fifty }, nil, "", func(r *authorize.Request) bool { return *r.MaxAge == 50 }},
		{"own age", func(w *world) { w.clients["app"].OpenID.DefaultMaxAge = &fifty }, []string{"max_age", "7"}, "", func(r *authorize.Request) bool { return *r.MaxAge == 7 }},
		{"default acr", func(w *world) { w.clients["app"].OpenID.DefaultACR = []string{"2"} }, nil, "", func(r *authorize.Request) bool { return slices.Equal(r.ACRValues, []string{"2"}) }},
		{"no openid", func(w *world) { w.clients["app"].Scopes = []string{"read"} }, nil, oauth.ScopeNotAllowed, nil},
		{"nothing to refresh", func(w *world) { w.clients["app"].Grants = []string{"authorization_code"} }, []string{"scope", "openid offline_access"}, "", func(r *authorize.Request) bool { return slices.Equal(r.Scope, []string{"openid"}) }},
		{"all, not trusted", func(w *world) { w.realm.AllScope, w.clients["app"].Scopes = "admin", []string{"admin"} }, []string{"scope", "admin"}, oauth.ScopeNotAllowed, nil},
		{"all, trusted", func(w *world) {
			w.realm.AllScope, w.clients["app"].Scopes, w.clients["app"].Trusted = "admin", []string{"admin"}, true
		}, []string{"scope", "write"}, "", func(r *authorize.Request) bool { return slices.Equal(r.Scope, []string{"write"}) }},
		{"not yet", func(w *world) { w.clients["app"].NotBefore = w.now.Add(1) }, nil, oauth.ClientNotYetValid, nil},
		{"over", func(w *world) { w.clients["app"].NotAfter = w.now }, nil, oauth.ClientExpired, nil},
		{"locked", func(w *world) { w.clients["app"].Status = client.Locked }, nil, oauth.ClientLocked, nil},
		{"other realm", func(w *world) { w.clients["app"].Realm = "corp" }, nil, oauth.ClientUnknown, nil},
	} {
		w := newWorld(t)
		tt.change(w)
		req, refusal := w.read(tt.pairs...)
		switch {
		case tt.reason != "" && (refusal == nil || refusal.Reason != tt.reason):
			t.Errorf("%s: %+v, %v; want %s", tt.name, req, refusal, tt.reason)
		case tt.reason == "" && (refusal != nil || !tt.holds(req)):
			t.Errorf("%s: %+v, %v", tt.name, req, refusal)
		}
	}
}

// FuzzRead: whatever the parameters, what is taken goes to a URI of the client, and what is refused goes nowhere else.
func FuzzRead(f *testing.F) {
	w := newWorld(f)
	for _, q := range []string{
		"client_id=app&response_type=code&redirect_uri=https%3A%2F%2Fapp.example.org%2Fcb&scope=openid&state=st",
		"client_id=native&response_type=code&redirect_uri=http%3A%2F%2F127.0.0.1%3A80%2Fcb&prompt=none&max_age=1",
		"client_id=app&request=a.b.c&request_uri=urn:ietf:params:oauth:request_uri:x",
		"client_id=app&response_type=code&scope=read&claims=%7B%22id_token%22%3A%7B%22acr%22%3A%7B%22essential%22%3Atrue%7D%7D%7D",
		"client_id=unsigned&request=eyJhbGciOiJub25lIn0.eyJyZXNwb25zZV90eXBlIjoiY29kZSJ9.",
	} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, query string) {
		p, err := oauth.ParseForm(query)
		if err != nil {
			return
		}
		req, refusal := w.reader.Read(t.Context(), w.realm, p, authorize.Source{})
		if (req == nil) == (refusal == nil) {
			t.Fatalf("%v and %v", req, refusal)
		}
		to := req
		if refusal != nil {
			if refusal.Code == oauth.ServerError {
				t.Fatal(refusal)
			}
			to = refusal.To
		}
		if to == nil {
			return
		}
		c := w.clients[to.Client]
		if c == nil || c.Status != client.On || !authorize.Registered(c.RedirectURIs, to.RedirectURI) || !slices.Contains(authorize.Modes(), to.Mode) {
			t.Fatalf("it goes to %+v", to)
		}
		if req != nil && (c.Type == client.Public && req.Challenge == "" || slices.Contains(req.Prompt, "none") && len(req.Prompt) > 1) {
			t.Fatalf("taken: %+v", req)
		}
	})
}
