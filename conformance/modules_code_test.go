package conformance_test

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"sallyport/conformance/optest"
)

// Modules about codes, redirect URIs and the request as such.
var codeModules = []module{
	{"oidcc-server", basic, "a code, an ID token and UserInfo that belong together", func(s *suite) {
		rp := s.Register(nil)
		a, id := s.tokens(s.NewBrowser(), rp)
		if id["nonce"] != "a-nonce" || s.userInfo(a.Text("access_token"))["sub"] != id["sub"] {
			s.t.Errorf("ID token %v", id)
		}
	}},
	{"oidcc-codereuse", basic, "a code is good once", func(s *suite) {
		rp := s.Register(nil)
		code := s.code(s.NewBrowser(), rp)
		if first := rp.Redeem(code); first.Status != 200 {
			s.t.Fatalf("%d %s", first.Status, first.Body)
		}
		if again := rp.Redeem(code); again.Status != 400 || again.Text("error") != "invalid_grant" {
			s.t.Errorf("again: %d %s", again.Status, again.Body)
		}
	}},
	{"oidcc-codereuse-30seconds", basic, "a code that comes again later ends what the first use gave", func(s *suite) {
		rp := s.Register(nil)
		code := s.code(s.NewBrowser(), rp, "scope", "openid offline_access", "prompt", "consent")
		first := rp.Redeem(code)
		s.userInfo(first.Text("access_token"))
		s.Wait(30 * time.Second)
		if again := rp.Redeem(code); again.Text("error") != "invalid_grant" {
			s.t.Errorf("again: %d %s", again.Status, again.Body)
		}
		a := s.Send("GET", "/userinfo", "", "", http.Header{"Authorization": {"Bearer " + first.Text("access_token")}})
		if a.Status != 401 || !strings.Contains(a.Header.Get("WWW-Authenticate"), "invalid_token") {
			s.t.Errorf("the access token lives: %d %s", a.Status, a.Body)
		}
		if r := rp.Token("grant_type", "refresh_token", "refresh_token", first.Text("refresh_token")); r.Text("error") != "invalid_grant" {
			s.t.Errorf("the refresh token lives: %d %s", r.Status, r.Body)
		}
	}},
	{"oidcc-ensure-registered-redirect-uri", basic, "an unregistered redirect URI is told to nobody but the user", func(s *suite) {
		s.onPage(s.NewBrowser(), s.Register(nil).URL("redirect_uri", "https://evil.example.org/callback"))
	}},
	{"oidcc-redirect-uri-query-OK", dynamic, "a registered query stays", func(s *suite) {
		rp := s.Register(map[string]any{"redirect_uris": list("https://rp.example.org/cb?foo=bar")})
		b := s.NewBrowser()
		s.code(b, rp)
		if b.Page.Left.Query().Get("foo") != "bar" {
			s.t.Errorf("sent to %s", b.Page.Left)
		}
	}},
	{"oidcc-redirect-uri-query-added", dynamic, "a query that was not registered is another redirect URI", func(s *suite) {
		rp := s.Register(nil)
		s.onPage(s.NewBrowser(), rp.URL("redirect_uri", rp.RedirectURI+"?foo=bar"))
	}},
	{"oidcc-redirect-uri-query-mismatch", dynamic, "another query is another redirect URI", func(s *suite) {
		rp := s.Register(map[string]any{"redirect_uris": list("https://rp.example.org/cb?foo=bar")})
		s.onPage(s.NewBrowser(), rp.URL("redirect_uri", "https://rp.example.org/cb?bar=foo"))
	}},
	{"oidcc-redirect-uri-regfrag", dynamic, "a redirect URI with a fragment is not registered", func(s *suite) {
		_, a := s.TryRegister(map[string]any{"redirect_uris": list("https://rp.example.org/cb#foobar")})
		if a.Status != 400 || a.Text("error") != "invalid_redirect_uri" {
			s.t.Errorf("%d %s", a.Status, a.Body)
		}
	}},
	{"oidcc-ensure-redirect-uri-in-authorization-request", basic, "the redirect URI must be in the request", func(s *suite) {
		s.onPage(s.NewBrowser(), s.Register(nil).URL("redirect_uri", "-"))
	}},
	{"oidcc-response-type-missing", basic, "a request without response_type is refused", func(s *suite) {
		s.refused(s.NewBrowser(), s.Register(nil), "invalid_request unsupported_response_type", "response_type", "-")
	}},
	{"oidcc-ensure-request-with-unknown-parameter-succeeds", basic, "what is not known is ignored", func(s *suite) {
		s.code(s.NewBrowser(), s.Register(nil), "extra", "foobar")
	}},
	{"oidcc-ensure-request-with-acr-values-succeeds", basic, "acr_values that nobody has are no reason to refuse", func(s *suite) {
		_, id := s.tokens(s.NewBrowser(), s.Register(nil), "acr_values", "1 urn:nobody:knows")
		s.has(id, "acr")
		s.code(s.NewBrowser(), s.Register(nil), "acr_values", "urn:nobody:knows")
	}},
	{"oidcc-ensure-request-with-valid-pkce-succeeds", basic, "PKCE is taken of every client", func(s *suite) {
		rp := s.Register(nil)
		code := s.code(s.NewBrowser(), rp, "code_challenge", optest.Challenge(optest.Verifier), "code_challenge_method", "S256")
		if a := rp.Redeem(code, "code_verifier", optest.Verifier); a.Status != 200 {
			s.t.Errorf("%d %s", a.Status, a.Body)
		}
	}},
	{"oidcc-ensure-post-request-succeeds", basic, "the request may be posted, by another site's page", func(s *suite) {
		rp := s.Register(nil)
		b := s.NewBrowser()
		b.Post("/authorize", rp.Query(), "https://rp.example.org")
		b.SignIn("dory", "dory's password")
		if b.Answer().Get("code") == "" {
			s.t.Errorf("%v", b.Answer())
		}
		// Nobody is asked twice, though another site's form brings no cookies along that are its own alone.
		b.Post("/authorize", rp.Query(), "https://rp.example.org")
		if b.Answer().Get("code") == "" {
			s.t.Errorf("signed in: %v", b.Answer())
		}
	}},
	{"oidcc-server-client-secret-post", basic, "client_secret_post", func(s *suite) {
		s.tokens(s.NewBrowser(), s.Register(map[string]any{"token_endpoint_auth_method": "client_secret_post"}))
	}},
	{"oidcc-ensure-client-assertion-with-iss-aud-succeeds", dynamic, "an assertion whose audience is the issuer", func(s *suite) {
		s.tokens(s.NewBrowser(), s.withKey(nil))
	}},
	{"oidcc-display-page", basic, "display=page", func(s *suite) { s.code(s.NewBrowser(), s.Register(nil), "display", "page") }},
	{"oidcc-display-popup", basic, "display=popup", func(s *suite) { s.code(s.NewBrowser(), s.Register(nil), "display", "popup") }},
	{"oidcc-ui-locales", basic, "the pages speak the language that is asked for", func(s *suite) {
		b := s.NewBrowser()
		rp := s.Register(nil)
		for lang, word := range map[string]string{"de": "Anmelden", "zh-TW": "登入", "se": "Sign in"} {
			p := b.Get(rp.URL("ui_locales", lang))
			if !strings.Contains(p.Text, word) {
				s.t.Errorf("%s: no %q in %s", lang, word, p.Brief())
			}
		}
		s.code(b, rp, "ui_locales", "se")
	}},
	{"oidcc-claims-locales", basic, "claims_locales is no reason to refuse", func(s *suite) {
		s.code(s.NewBrowser(), s.Register(nil), "claims_locales", "se")
	}},
	{"oidcc-server-form-post", formPost, "the answer comes as a form", func(s *suite) {
		rp := s.Register(nil)
		b := s.NewBrowser()
		v := s.answered(b, rp, "response_mode", "form_post")
		if b.Page.Sent == nil || v.Get("code") == "" || v.Get("state") != "a state" || v.Get("iss") != s.URL || b.Page.Left.String() != rp.RedirectURI {
			s.t.Errorf("%v to %v", v, b.Page.Left)
		}
		if a := rp.Redeem(v.Get("code")); a.Status != 200 {
			s.t.Errorf("%d %s", a.Status, a.Body)
		}
	}},
	{"oidcc-form-post-error", formPost, "so does an error", func(s *suite) {
		b := s.NewBrowser()
		b.Get(s.Register(nil).URL("response_mode", "form_post", "prompt", "none"))
		if b.Page.Sent == nil || b.Answer().Get("error") != "login_required" {
			s.t.Errorf("%v", b.Page)
		}
	}},
	{"oidcc-discovery-endpoint-verification", config, "the discovery document says what is there, and nothing else", func(s *suite) {
		m := s.JSON("/.well-known/openid-configuration")
		if m["issuer"] != s.URL {
			s.t.Errorf("issuer %v", m["issuer"])
		}
		for _, name := range list("authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "registration_endpoint",
			"end_session_endpoint", "pushed_authorization_request_endpoint", "revocation_endpoint", "introspection_endpoint") {
			u, err := url.Parse(text(m[name]))
			if err != nil || !strings.HasPrefix(text(m[name]), s.URL+"/") {
				s.t.Errorf("%s: %v", name, m[name])
				continue
			}
			if a := s.Send("GET", u.Path, "", "", nil); a.Status == 404 {
				s.t.Errorf("%s: %s leads nowhere", name, u)
			}
		}
		for name, wants := range map[string]string{
			"scopes_supported": "openid profile email address phone offline_access", "response_types_supported": "code",
			"response_modes_supported": "query fragment form_post", "grant_types_supported": "authorization_code refresh_token",
			"subject_types_supported": "public pairwise", "id_token_signing_alg_values_supported": "RS256 ES256",
			"token_endpoint_auth_methods_supported": "client_secret_basic client_secret_post private_key_jwt client_secret_jwt none",
			"claims_supported":                      "sub name email", "code_challenge_methods_supported": "S256", "request_object_signing_alg_values_supported": "RS256",
			"acr_values_supported": "1 2 phr", "prompt_values_supported": "none login consent select_account",
		} {
			have, _ := m[name].([]any)
			for _, want := range strings.Fields(wants) {
				if !hasText(have, want) {
					s.t.Errorf("%s: %v has no %s", name, have, want)
				}
			}
		}
		for _, name := range list("authorization_response_iss_parameter_supported", "claims_parameter_supported", "request_parameter_supported",
			"request_uri_parameter_supported", "require_request_uri_registration", "backchannel_logout_supported", "backchannel_logout_session_supported",
			"frontchannel_logout_supported", "frontchannel_logout_session_supported") {
			if m[name] != true {
				s.t.Errorf("%s: %v", name, m[name])
			}
		}
		if hasText(m["code_challenge_methods_supported"].([]any), "plain") {
			s.t.Error("plain is offered")
		}
	}},
}

func text(v any) string {
	s, _ := v.(string)
	return s
}

func hasText(list []any, want string) bool {
	for _, v := range list {
		if v == want {
			return true
		}
	}
	return false
}
