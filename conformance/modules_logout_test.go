package conformance_test

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	"sallyport/conformance/optest"
)

const back = "https://rp.example.org/signed-out"

// signedIn registers a client with a way back after logout and signs dory in at it.
func (s *suite) signedIn(meta map[string]any) (rp *optest.RP, b *optest.Browser, idToken string) {
	s.t.Helper()
	m := map[string]any{"post_logout_redirect_uris": list(back)}
	for k, v := range meta {
		m[k] = v
	}
	rp, b = s.Register(m), s.NewBrowser()
	a, _ := s.tokens(b, rp)
	return rp, b, a.Text("id_token")
}

// logout sends the browser to the end session endpoint and confirms if it is asked.
func (s *suite) logout(b *optest.Browser, pairs ...string) optest.Page {
	s.t.Helper()
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	b.Get("/logout?" + q.Encode())
	if b.Page.Left == nil && b.Page.Status == 200 && b.Page.Form("decision") != nil {
		b.Submit("decision", "allow")
	}
	return b.Page
}

// over checks that the session is over, or that it is not.
func (s *suite) over(b *optest.Browser, rp *optest.RP, want bool) {
	s.t.Helper()
	b.Get(rp.URL("prompt", "none"))
	if got := b.Answer().Get("error") == "login_required"; got != want {
		s.t.Errorf("session over: %v, want %v: %v", got, want, b.Answer())
	}
}

// stays checks that a browser was not sent anywhere.
func (s *suite) stays(p optest.Page, status int) {
	s.t.Helper()
	if p.Left != nil || p.Status != status {
		s.t.Errorf("%d %s", p.Status, p.Brief())
	}
}

// Modules of the logout plans.
var logoutModules = []module{
	{"oidcc-rp-initiated-logout", rpLogout, "out, and back to the client with its state", func(s *suite) {
		rp, b, id := s.signedIn(nil)
		p := s.logout(b, "id_token_hint", id, "post_logout_redirect_uri", back, "state", "x y")
		if p.Left == nil || !strings.HasPrefix(p.Left.String(), back) || p.Left.Query().Get("state") != "x y" {
			s.t.Errorf("%s", p.Brief())
		}
		s.over(b, rp, true)
	}},
	{"oidcc-rp-initiated-logout-bad-id-token-hint", rpLogout, "a hint that is none is told to nobody but the user", func(s *suite) {
		_, b, _ := s.signedIn(nil)
		s.stays(s.logout(b, "id_token_hint", "not.a.token", "post_logout_redirect_uri", back), 400)
	}},
	{"oidcc-rp-initiated-logout-modified-id-token-hint", rpLogout, "nor is one that was changed", func(s *suite) {
		rp, b, id := s.signedIn(nil)
		cut := strings.LastIndexByte(id, '.')
		s.stays(s.logout(b, "id_token_hint", id[:cut-5]+"AAAAA"+id[cut:], "post_logout_redirect_uri", back), 400)
		s.over(b, rp, false)
	}},
	{"oidcc-rp-initiated-logout-no-id-token-hint", rpLogout, "without a hint the user is asked, and sent nowhere", func(s *suite) {
		rp, b, _ := s.signedIn(nil)
		b.Get("/logout?" + url.Values{"post_logout_redirect_uri": {back}}.Encode())
		if b.Page.Left != nil {
			s.t.Errorf("sent to %s", b.Page.Left)
		}
		s.over(b, rp, false)
	}},
	{"oidcc-rp-initiated-logout-bad-post-logout-redirect-uri", rpLogout, "an address that is not registered", func(s *suite) {
		_, b, id := s.signedIn(nil)
		s.stays(s.logout(b, "id_token_hint", id, "post_logout_redirect_uri", "https://evil.example.org/"), 400)
	}},
	{"oidcc-rp-initiated-logout-no-post-logout-redirect-uri", rpLogout, "no address: out, and the browser stays", func(s *suite) {
		rp, b, id := s.signedIn(nil)
		s.stays(s.logout(b, "id_token_hint", id, "state", "x"), 200)
		s.over(b, rp, true)
	}},
	{"oidcc-rp-initiated-logout-query-added-to-post-logout-redirect-uri", rpLogout, "a query that was not registered is another address", func(s *suite) {
		_, b, id := s.signedIn(nil)
		s.stays(s.logout(b, "id_token_hint", id, "post_logout_redirect_uri", back+"?foo=bar"), 400)
	}},
	{"oidcc-rp-initiated-logout-no-state", rpLogout, "back without state", func(s *suite) {
		rp, b, id := s.signedIn(nil)
		if p := s.logout(b, "id_token_hint", id, "post_logout_redirect_uri", back); p.Left == nil || p.Left.String() != back {
			s.t.Errorf("%s", p.Brief())
		}
		s.over(b, rp, true)
	}},
	{"oidcc-rp-initiated-logout-only-state", rpLogout, "state alone leads nowhere", func(s *suite) {
		rp, b, _ := s.signedIn(nil)
		s.stays(s.logout(b, "state", "x"), 200)
		s.over(b, rp, true)
	}},
	{"oidcc-rp-initiated-logout-no-params", rpLogout, "nothing: out after a question", func(s *suite) {
		rp, b, _ := s.signedIn(nil)
		b.Get("/logout")
		if b.Page.Form("decision") == nil {
			s.t.Fatalf("nobody was asked: %s", b.Page.Brief())
		}
		s.stays(b.Submit("decision", "allow"), 200)
		s.over(b, rp, true)
	}},
	{"oidcc-backchannel-rp-initiated-logout", backchannel, "the client is told directly", func(s *suite) {
		told := make(chan url.Values, 4)
		s.Mux.HandleFunc("/backchannel", func(_ http.ResponseWriter, r *http.Request) {
			_ = r.ParseForm()
			told <- r.PostForm
		})
		rp, b, id := s.signedIn(map[string]any{"backchannel_logout_uri": s.Outside.URL + "/backchannel", "backchannel_logout_session_required": true})
		_, claims := s.Verify(id)
		s.logout(b, "id_token_hint", id, "post_logout_redirect_uri", back)
		var form url.Values
		select {
		case form = <-told:
		case <-time.After(10 * time.Second):
			s.t.Fatal("nobody was told")
		}
		h, c := s.Verify(form.Get("logout_token"))
		events, _ := c["events"].(map[string]any)
		_, event := events["http://schemas.openid.net/event/backchannel-logout"]
		_, nonce := c["nonce"]
		if h["typ"] != "logout+jwt" || c["iss"] != s.URL || c["aud"] != rp.ID || c["sub"] != claims["sub"] || c["sid"] != claims["sid"] ||
			!event || nonce || c["jti"] == nil || number(s.t, c, "exp")-number(s.t, c, "iat") > 120 {
			s.t.Errorf("%v %v", h, c)
		}
		s.over(b, rp, true)
	}},
	{"oidcc-frontchannel-rp-initiated-logout", frontchannel, "the client is told by a frame", func(s *suite) {
		rp, b, id := s.signedIn(map[string]any{"frontchannel_logout_uri": "https://rp.example.org/front?x=1", "frontchannel_logout_session_required": true})
		_, claims := s.Verify(id)
		p := s.logout(b, "id_token_hint", id, "post_logout_redirect_uri", back, "state", "x")
		want := url.Values{"iss": {s.URL}, "sid": {text(claims["sid"])}}.Encode()
		want = strings.ReplaceAll(want, "&", "&amp;")
		if p.Left != nil || !strings.Contains(p.Text, "https://rp.example.org/front?x=1&amp;"+want) || !strings.Contains(p.Text, back+"?state=x") ||
			!strings.Contains(p.Header.Get("Content-Security-Policy"), "frame-src https://rp.example.org") {
			s.t.Errorf("%s\n%v", p.Text, p.Header)
		}
		s.over(b, rp, true)
	}},
}
