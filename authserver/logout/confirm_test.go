package logout_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"
)

// ask opens the confirm page and returns its ticket.
func (h *house) ask(pairs ...string) string {
	h.Helper()
	got := h.get(pairs...)
	if !got.page(200, asked) || got.ticket() == "" {
		h.Fatalf("%d to %q:\n%s", got.Code, got.to, got.Body)
	}
	return got.ticket()
}

func TestConfirm(t *testing.T) {
	h := open(t)
	h.signIn("dory", "nemo")
	got := h.get("client_id", "app", "post_logout_redirect_uri", after, "state", "x")
	if policy := got.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "form-action 'self' https://app.example;") {
		t.Errorf("the page cannot lead back: %q", policy)
	}
	if !strings.Contains(got.Body.String(), "The App") {
		t.Error("the page does not say who asks")
	}
	if got := h.post("ticket", got.ticket(), "decision", "allow"); got.Code != http.StatusSeeOther || got.to != after+"?state=x" {
		t.Errorf("%d to %q", got.Code, got.to)
	}
	if !slices.Equal(h.here(), []string{"nemo"}) || !slices.Equal(h.ended, []string{"corp sid-dory"}) {
		t.Errorf("signed in %q, ended %q", h.here(), h.ended)
	}
	if got := h.post("ticket", h.ask(), "decision", "allow"); !got.page(200, done) || len(h.here()) != 0 {
		t.Errorf("%d to %q, signed in %q", got.Code, got.to, h.here())
	}
	if _, there := h.jar["__Host-sallyport-session-corp"]; there {
		t.Error("an empty cookie stays")
	}
}

func TestDeny(t *testing.T) {
	h := open(t)
	h.signIn("dory")
	ticket := h.ask("client_id", "app", "post_logout_redirect_uri", after)
	if got := h.post("ticket", ticket, "decision", "deny"); got.Code != http.StatusSeeOther || got.to != root+"/account" {
		t.Errorf("%d to %q", got.Code, got.to)
	}
	if len(h.ended) != 0 || len(h.here()) != 1 {
		t.Error("who said no is signed out")
	}
	if got := h.post("ticket", ticket, "decision", "allow"); !got.page(400, "<h1>") || len(h.ended) != 0 {
		t.Errorf("the ticket is good after it was denied: %d to %q", got.Code, got.to)
	}
}

// CVE classes 11 and 20: nobody is signed out by a page of somebody else's.
func TestForged(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(h *house, r *http.Request)
		params func(h *house, ticket string) []string
		status int
	}{
		"cross-site": {change: func(_ *house, r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") }, status: 403},
		"same-site":  {change: func(_ *house, r *http.Request) { r.Header.Set("Sec-Fetch-Site", "same-site") }, status: 403},
		"another origin": {change: func(_ *house, r *http.Request) {
			r.Header.Del("Sec-Fetch-Site")
			r.Header.Set("Origin", "https://evil.example")
		}, status: 403},
		"an opaque origin": {change: func(_ *house, r *http.Request) {
			r.Header.Del("Sec-Fetch-Site")
			r.Header.Set("Origin", "null")
		}, status: 403},
		"no browser":         {change: func(h *house, _ *http.Request) { delete(h.jar, "__Host-sallyport-browser-corp") }, status: 400},
		"another browser":    {change: func(h *house, _ *http.Request) { h.jar["__Host-sallyport-browser-corp"] = strings.Repeat("B", 43) }, status: 400},
		"too late":           {change: func(h *house, _ *http.Request) { h.now = h.now.Add(10 * time.Minute) }, status: 400},
		"no ticket":          {params: func(*house, string) []string { return []string{"ticket", "", "decision", "allow"} }, status: 400},
		"a made-up ticket":   {params: func(*house, string) []string { return []string{"ticket", strings.Repeat("A", 43), "decision", "allow"} }, status: 400},
		"no decision":        {params: func(_ *house, s string) []string { return []string{"ticket", s} }, status: 400},
		"a strange decision": {params: func(_ *house, s string) []string { return []string{"ticket", s, "decision", "maybe"} }, status: 400},
		"two decisions": {params: func(_ *house, s string) []string {
			return []string{"ticket", s, "decision", "deny", "decision", "allow"}
		}, status: 400},
		"an order that nobody was asked about": {params: func(h *house, _ string) []string {
			_, secret, _ := strings.Cut(h.crossSite("id_token_hint", "hint of nemo").to, "ticket=")
			return []string{"ticket", secret, "decision", "allow"}
		}, status: 400},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			h.signIn("dory")
			ticket := h.ask()
			params := []string{"ticket", ticket, "decision", "allow"}
			if tt.params != nil {
				params = tt.params(h, ticket)
			}
			r := h.form(params...)
			if tt.change != nil {
				tt.change(h, r)
			}
			if got := h.do(r); !got.page(tt.status, "<h1>") {
				t.Errorf("%d to %q", got.Code, got.to)
			}
			if len(h.ended) != 0 || len(h.here()) != 1 {
				t.Errorf("ended %q", h.ended)
			}
		})
	}
}

// Where a browser has no Sec-Fetch-Site, the origin of the issuer is our own, whatever the Host a proxy sends.
func TestOwnOrigin(t *testing.T) {
	h := open(t)
	h.signIn("dory")
	r := h.form("ticket", h.ask(), "decision", "allow")
	r.Header.Del("Sec-Fetch-Site")
	r.Header.Set("Origin", "https://login.example.org")
	r.Host = "127.0.0.1:8089"
	if got := h.do(r); !got.page(200, done) {
		t.Errorf("%d to %q", got.Code, got.to)
	}
}

func TestTicketIsGoodOnce(t *testing.T) {
	h := open(t)
	h.signIn("dory")
	ticket := h.ask()
	jar := maps.Clone(h.jar)
	h.post("ticket", ticket, "decision", "allow")
	h.jar = jar
	h.signIn("dory")
	if got := h.post("ticket", ticket, "decision", "allow"); !got.page(400, "<h1>") || len(h.ended) != 1 {
		t.Errorf("%d to %q, ended %q", got.Code, got.to, h.ended)
	}
}

// A confirm page stays open while the client changes: what counts is what is registered when the browser is sent on.
func TestRedirectIsCheckedAgain(t *testing.T) {
	for name, change := range map[string]func(h *house){
		"address gone": func(h *house) { c := *h.clients["app"]; c.OpenID.PostLogoutRedirectURIs = nil; h.clients["app"] = &c },
		"client off":   func(h *house) { c := *h.clients["app"]; c.Status = "off"; h.clients["app"] = &c },
		"client gone":  func(h *house) { delete(h.clients, "app") },
	} {
		h := open(t)
		h.signIn("dory")
		ticket := h.ask("client_id", "app", "post_logout_redirect_uri", after)
		change(h)
		if got := h.post("ticket", ticket, "decision", "allow"); !got.page(200, done) || strings.Contains(got.Body.String(), after) {
			t.Errorf("%s: %d to %q", name, got.Code, got.to)
		}
		if len(h.ended) != 1 {
			t.Errorf("%s: the user is still signed in", name)
		}
	}
}

// What ended elsewhere meanwhile is over: the browser goes on.
func TestConfirmAfterTheEnd(t *testing.T) {
	h := open(t)
	h.signIn("dory", "nemo")
	ticket := h.ask()
	for secret, s := range h.sessions {
		if s.User == "dory" {
			delete(h.sessions, secret)
		}
	}
	if got := h.post("ticket", ticket, "decision", "allow"); !got.page(200, done) || len(h.ended) != 0 || !slices.Equal(h.here(), []string{"nemo"}) {
		t.Errorf("%d to %q, ended %q, signed in %q", got.Code, got.to, h.ended, h.here())
	}
}
