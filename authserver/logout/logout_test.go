package logout_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/oauth"
	"sallyport/realm"
)

// What the texts of the pages begin with.
const (
	asked = "<h1>Sign out?"
	done  = "<h1>You are signed out"
)

// The cases of the OpenID Foundation's plan for RP-initiated logout (oidcc-rp-initiated-logout and its siblings), and what
// lies beside them. Everybody is dory.
func TestRequests(t *testing.T) {
	const good, uri, state, hint = after, "post_logout_redirect_uri", "state", "id_token_hint"
	for name, tt := range map[string]struct {
		params []string
		to     string // sent there, signed out
		status int    // otherwise: of the page
		asks   bool
	}{
		"rp-initiated-logout":            {params: []string{hint, "hint of dory", uri, good, state, "s t"}, to: good + "?state=s+t"},
		"no-state":                       {params: []string{hint, "hint of dory", uri, good}, to: good},
		"only-state":                     {params: []string{state, "x"}, status: 200, asks: true},
		"no-params":                      {status: 200, asks: true},
		"no-post-logout-redirect-uri":    {params: []string{hint, "hint of dory", state, "x"}, status: 200},
		"bad-post-logout-redirect-uri":   {params: []string{hint, "hint of dory", uri, "https://evil.example/", state, "x"}, status: 400},
		"query-added-to-post-logout-uri": {params: []string{hint, "hint of dory", uri, good + "?added=1", state, "x"}, status: 400},
		"no-id-token-hint":               {params: []string{uri, good, state, "x"}, status: 400},
		"bad-id-token-hint":              {params: []string{hint, "nonsense", uri, good, state, "x"}, status: 400},
		"modified-id-token-hint":         {params: []string{hint, "hint of dory!", uri, good, state, "x"}, status: 400},
		"empty state":                    {params: []string{hint, "hint of dory", uri, good, state, ""}, to: good + "?state="},
		"uri with a query":               {params: []string{hint, "hint of dory", uri, good + "?a=b", state, "x&y=z"}, to: good + "?a=b&state=x%26y%3Dz"},
		"uri of an application":          {params: []string{hint, "hint of dory", uri, "com.example.app:/out", state, "x"}, to: "com.example.app:/out?state=x"},
		"client_id in place of the hint": {params: []string{"client_id", "app", uri, good}, status: 200, asks: true},
		"client_id beside the hint":      {params: []string{hint, "hint of dory", "client_id", "app", uri, good}, to: good},
		"client_id of another":           {params: []string{hint, "hint of dory", "client_id", "other", uri, good}, status: 400},
		"another client's uri":           {params: []string{hint, "hint of dory", uri, "https://other.example/after"}, status: 400},
		"unknown client":                 {params: []string{"client_id", "nobody", uri, good}, status: 400},
		"unknown client, no uri":         {params: []string{"client_id", "nobody"}, status: 400},
		"client that is switched off":    {params: []string{"client_id", "off", uri, good}, status: 400},
		"hint of a client off, uri":      {params: []string{hint, "hint of a client off", uri, good}, status: 400},
		"hint of a client off":           {params: []string{hint, "hint of a client off"}, status: 200},
		"hint of a client gone, uri":     {params: []string{hint, "hint of a client gone", uri, good}, status: 400},
		"hint of a client gone":          {params: []string{hint, "hint of a client gone"}, status: 200},
		"hint of a pairwise client":      {params: []string{hint, "hint of a pair"}, status: 200},
		"hint with the public sid":       {params: []string{hint, "hint of a pair's own"}, status: 200, asks: true},
		"hint without sid":               {params: []string{hint, "hint without sid", uri, good}, to: good},
		"hint of somebody else":          {params: []string{hint, "hint of nemo", uri, good}, status: 200, asks: true},
		"hint of a session before":       {params: []string{hint, "hint of dory, long ago", uri, good}, status: 200, asks: true},
		"uri given twice":                {params: []string{hint, "hint of dory", uri, good, uri, "https://evil.example/"}, status: 400},
		"hint while the store is away":   {params: []string{hint, "while the disk is gone"}, status: 500},
		"unknown parameters":             {params: []string{"colour", "red"}, status: 200, asks: true},
		"a state that is endless":        {params: []string{hint, "hint of dory", uri, good, state, strings.Repeat("x", 5000)}, status: 400},
		"endless hints and locales":      {params: []string{"logout_hint", strings.Repeat("x", 5000), "ui_locales", strings.Repeat("xx ", 2000)}, status: 200, asks: true},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			t.Run(name+" by "+method, func(t *testing.T) {
				h := open(t)
				h.signIn("dory")
				var got answer
				if method == http.MethodGet {
					got = h.get(tt.params...)
				} else if got = h.crossSite(tt.params...); got.Code == http.StatusSeeOther {
					back, ok := strings.CutPrefix(got.to, root+"/logout?ticket=")
					if !ok {
						t.Fatalf("sent to %q by a form of another site", got.to)
					}
					got = h.get("ticket", back)
				}
				switch {
				case tt.to != "":
					if got.Code != http.StatusSeeOther || got.to != tt.to || got.Header().Get("Referrer-Policy") != "no-referrer" {
						t.Errorf("%d to %q, want %q", got.Code, got.to, tt.to)
					}
				case tt.status != 200:
					if !got.page(tt.status, "<h1>") {
						t.Errorf("%d to %q, want an error page with %d", got.Code, got.to, tt.status)
					}
					if strings.Contains(got.Body.String(), "Client authentication failed") { // nobody authenticates here
						t.Errorf("the page does not say what is wrong: %s", got.Body)
					}
				case tt.asks:
					if !got.page(200, asked) || got.ticket() == "" || !strings.Contains(got.Body.String(), "DORY") {
						t.Errorf("%d to %q, want the question:\n%s", got.Code, got.to, got.Body)
					}
				case !got.page(200, done):
					t.Errorf("%d to %q, want the end:\n%s", got.Code, got.to, got.Body)
				}
				out := tt.to != "" || tt.status == 200 && !tt.asks
				if gone := slices.Contains(h.ended, "corp sid-dory"); gone != out || (len(h.here()) == 0) != out {
					t.Errorf("ended %q, signed in %q", h.ended, h.here())
				}
			})
		}
	}
}

// CVE class 1: whatever is not the registered address, character by character, is none.
func TestRedirects(t *testing.T) {
	for _, uri := range []string{
		"https://app.example/after/", "https://app.example/After", "https://APP.example/after", "HTTPS://app.example/after", "http://app.example/after",
		"https://app.example:443/after", "https://app.example/after#x", "https://app.example/after?", "https://app.example/x/../after",
		"https://app.example/./after", "https://app.example/%61fter", "https://app.example/after%00", "https://app.example@evil.example/after",
		"https://evil.example\\@app.example/after", "https://app.example.evil.example/after", "//app.example/after", "/after", "javascript:alert(1)",
		"data:text/html,x", " https://app.example/after", "https://app.example/after ", "https://app.example/after\n", "https://app.example/after;x",
		"https://*.example/after", "com.example.app:/out/../x", "com.example.app:out",
	} {
		h := open(t)
		h.signIn("dory")
		got := h.get("id_token_hint", "hint of dory", "post_logout_redirect_uri", uri)
		if !got.page(400, "<h1>") || len(h.ended) != 0 {
			t.Errorf("%q: %d to %q, ended %q", uri, got.Code, got.to, h.ended)
		}
		if strings.Contains(got.Body.String(), "evil.example") {
			t.Errorf("%q: the page repeats it", uri)
		}
		if got := open(t).get("id_token_hint", "hint of dory", "post_logout_redirect_uri", uri); got.to != "" {
			t.Errorf("%q: somebody who is not signed in is sent to %q", uri, got.to)
		}
	}
}

func TestNotSignedIn(t *testing.T) {
	h := open(t)
	if got := h.get("id_token_hint", "hint of dory", "post_logout_redirect_uri", after, "state", "x"); got.to != after+"?state=x" {
		t.Errorf("%d to %q", got.Code, got.to)
	}
	if got := h.get(); !got.page(200, done) {
		t.Errorf("%d to %q", got.Code, got.to)
	}
	if len(h.ended) != 0 {
		t.Errorf("ended %q", h.ended)
	}
}

func TestFrames(t *testing.T) {
	h := open(t)
	h.signIn("dory")
	h.frames = []string{"https://one.example/out?iss=a&sid=b", "https://two.example/out"}
	got := h.get("id_token_hint", "hint of dory", "post_logout_redirect_uri", after, "state", "x")
	if !got.page(200, done) || strings.Count(got.Body.String(), "<iframe") != 2 || !strings.Contains(got.Body.String(), `src="https://one.example/out?iss=a&amp;sid=b"`) {
		t.Errorf("%d to %q:\n%s", got.Code, got.to, got.Body)
	}
	if policy := got.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "frame-src https://one.example https://two.example;") {
		t.Errorf("policy %q", policy)
	}
	if refresh := got.Header().Get("Refresh"); !strings.HasSuffix(refresh, "url="+after+"?state=x") {
		t.Errorf("refresh %q", refresh)
	}
}

func TestOtherAccountsStay(t *testing.T) {
	h := open(t)
	h.signIn("nemo", "dory", "marlin")
	if got := h.get("id_token_hint", "hint of dory", "post_logout_redirect_uri", after); got.to != after {
		t.Fatalf("%d to %q", got.Code, got.to)
	}
	if !slices.Equal(h.here(), []string{"nemo", "marlin"}) || !slices.Equal(h.ended, []string{"corp sid-dory"}) {
		t.Errorf("signed in %q, ended %q", h.here(), h.ended)
	}
	if got := h.get("logout_hint", "marlin"); !got.page(200, "MARLIN") {
		t.Errorf("logout_hint does not choose: %s", got.Body)
	}
	if got := h.get("logout_hint", "sid-marlin"); !got.page(200, "MARLIN") {
		t.Errorf("logout_hint by session does not choose: %s", got.Body)
	}
	if got := h.get("logout_hint", "dory"); !got.page(200, "NEMO") {
		t.Errorf("without a choice it is not the current one: %s", got.Body)
	}
}

func TestFailureKeepsTheCookie(t *testing.T) {
	h := open(t)
	h.signIn("dory")
	h.broken = true
	if got := h.get("id_token_hint", "hint of dory", "post_logout_redirect_uri", after); !got.page(500, "<h1>") || strings.Contains(got.Body.String(), errDisk.Error()) {
		t.Errorf("%d to %q:\n%s", got.Code, got.to, got.Body)
	}
	if len(h.here()) != 1 {
		t.Error("who could not be signed out has lost the cookie, and with it the means to try again")
	}
}

func TestMethodsAndRealms(t *testing.T) {
	h := open(t)
	for _, m := range []string{http.MethodPut, http.MethodDelete, http.MethodHead} {
		if got := h.do(httptest.NewRequest(m, corp.Issuer+"/logout", nil)); got.Code != http.StatusMethodNotAllowed || got.Header().Get("Allow") != "GET, POST" {
			t.Errorf("%s: %d", m, got.Code)
		}
	}
	r := h.form()
	r.Header.Set("Content-Type", "application/json")
	if got := h.do(r); got.Code != http.StatusUnsupportedMediaType {
		t.Errorf("JSON: %d", got.Code)
	}
	w := httptest.NewRecorder()
	h.routes["/logout"].ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/logout", nil))
	if w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), string(oauth.InvalidRequest)) {
		t.Errorf("without a realm: %d %s", w.Code, w.Body)
	}
}

func TestLanguage(t *testing.T) {
	h := open(t)
	h.signIn("dory")
	if got := h.get("ui_locales", "fr de"); got.Header().Get("Content-Language") != "de" {
		t.Errorf("language %q", got.Header().Get("Content-Language"))
	}
}

func TestUnknownTickets(t *testing.T) {
	h := open(t)
	h.signIn("dory")
	for _, secret := range []string{"", "A", strings.Repeat("A", 43), strings.Repeat("A", 5000), h.ask()} {
		if got := h.get("ticket", secret); !got.page(400, "<h1>") || len(h.ended) != 0 {
			t.Errorf("%.50q: %d to %q", secret, got.Code, got.to)
		}
	}
}

// An order that was put aside is good in its own realm, and for a while.
func TestOrdersAge(t *testing.T) {
	h := open(t)
	h.signIn("dory")
	first := h.crossSite("id_token_hint", "hint of dory", "post_logout_redirect_uri", after)
	_, secret, _ := strings.Cut(first.to, "ticket=")
	h.now = h.now.Add(10 * time.Minute)
	if got := h.get("ticket", secret); !got.page(400, "<h1>") || len(h.ended) != 0 {
		t.Errorf("%d to %q", got.Code, got.to)
	}
	first = h.crossSite("id_token_hint", "hint of dory", "post_logout_redirect_uri", after)
	_, secret, _ = strings.Cut(first.to, "ticket=")
	r := httptest.NewRequest(http.MethodGet, "https://login.example.org/logout?ticket="+secret, nil)
	r = r.WithContext(realm.NewContext(r.Context(), &realm.Realm{Name: realm.Default, Issuer: "https://login.example.org"}))
	w := httptest.NewRecorder()
	h.routes["/logout"].ServeHTTP(w, r)
	if w.Code != http.StatusBadRequest || len(h.ended) != 0 {
		t.Errorf("in another realm: %d", w.Code)
	}
}
