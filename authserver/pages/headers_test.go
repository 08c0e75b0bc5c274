package pages_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sallyport/authserver/pages"
)

func TestHeaders(t *testing.T) {
	s := newSet(t)
	for name, view := range samples("de") {
		h := draw(t, s, view).Header()
		referrer := "same-origin"
		if _, ok := view.(pages.FormPost); ok {
			referrer = "strict-origin"
		}
		for key, want := range map[string]string{
			"Content-Type": "text/html; charset=utf-8", "Content-Language": "de", "Cache-Control": "no-store",
			"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": referrer,
		} {
			if got := h.Get(key); got != want {
				t.Errorf("%s: %s is %q, want %q", name, key, got, want)
			}
		}
		policy := h.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "style-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action "} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: no %s in %q", name, part, policy)
			}
		}
	}
}

func TestPolicyAllowsWhatThePageNeeds(t *testing.T) {
	s := newSet(t)
	to := func(targets ...string) pages.Frame { return pages.Frame{Targets: targets} }
	logo := func(url string) pages.Frame { return pages.Frame{Asker: &pages.Asker{Logo: url}} }
	const before, after = "default-src 'none'; style-src 'self'; ", "; frame-ancestors 'none'; base-uri 'none'"
	const image, script = "img-src 'self' data:", "script-src 'self'; "
	for _, c := range []struct {
		name string
		view any
		want string
	}{
		{"nothing", pages.Consent{}, image + "; form-action 'self'"},
		{"web", pages.Consent{Frame: to("https://app.example.com:8443/cb?x=1")}, image + "; form-action 'self' https://app.example.com:8443"},
		{"native", pages.Consent{Frame: to("com.example.app:/cb")}, image + "; form-action 'self' com.example.app:"},
		{"loopback", pages.Consent{Frame: to("http://127.0.0.1:5000/cb")}, image + "; form-action 'self' http://127.0.0.1:5000"},
		{"IPv6 has no word in the grammar", pages.Consent{Frame: to("http://[::1]:5000/cb")}, image + "; form-action 'self' http:"},
		{"other alphabets neither", pages.Consent{Frame: to("https://bücher.example/cb")}, image + "; form-action 'self' https:"},
		{"what runs something", pages.Consent{Frame: to("javascript:alert(1)", "data:text/html,x", "blob:x")}, image + "; form-action 'self'"},
		{"a directive in a host", pages.Consent{Frame: to("https://a.example;script-src *")}, image + "; form-action 'self'"},
		{"logo", pages.Consent{Frame: logo("https://cdn.example.com/l.png")}, image + " https://cdn.example.com; form-action 'self'"},
		{"logo in plain text", pages.Consent{Frame: logo("http://cdn.example.com/l.png")}, image + "; form-action 'self'"},
		{"password alone", pages.SignIn{Password: true}, image + "; form-action 'self'"},
		{"passkey", pages.SignIn{Passkey: "{}"}, script + image + "; form-action 'self'"},
		{"pointer", &pages.SignIn{Passkey: "{}"}, script + image + "; form-action 'self'"},
		{"form post", pages.FormPost{Action: "https://app.example.com/cb"}, script + image + "; form-action https://app.example.com"},
		{"form post nowhere", pages.FormPost{Action: "javascript:1"}, script + image + "; form-action 'none'"},
		{"signed out", pages.SignedOut{Frames: []string{"https://a.example/out", "https://b.example/out"}}, image + "; form-action 'self'; frame-src https://a.example https://b.example"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := draw(t, s, c.view).Header().Get("Content-Security-Policy"); got != before+c.want+after {
				t.Errorf("got  %s\nwant %s", got, before+c.want+after)
			}
		})
	}
}

func TestWayOnAfterSignOut(t *testing.T) {
	s := newSet(t)
	for _, c := range []struct{ to, refresh, href string }{
		{"https://app.example.com/bye?state=a%20b", "6; url=https://app.example.com/bye?state=a%20b", `href="https://app.example.com/bye?state=a%20b"`},
		{"com.example.app:/bye", "6; url=com.example.app:/bye", `href="com.example.app:/bye"`},
		{"javascript:alert(1)", "", ""},
		{"https://a.example/\r\nSet-Cookie: a=b", "", ""},
		{"", "", ""},
	} {
		w := draw(t, s, pages.SignedOut{Frames: []string{"https://b.example/out"}, Continue: c.to})
		if got := w.Header().Get("Refresh"); got != c.refresh {
			t.Errorf("%q: Refresh is %q, want %q", c.to, got, c.refresh)
		}
		if c.href != "" && !strings.Contains(w.Body.String(), c.href) {
			t.Errorf("%q: no link to go on", c.to)
		}
		if c.href == "" && strings.Contains(w.Body.String(), "data-after-frames") {
			t.Errorf("%q: a link to go on by", c.to)
		}
	}
}

func TestWaitIsToldToMachinesAndPeople(t *testing.T) {
	w := draw(t, newSet(t), pages.SignIn{Frame: pages.Frame{Notice: pages.NoticeWait, Wait: 90*time.Second + 1}, Password: true})
	if got := w.Header().Get("Retry-After"); got != "91" {
		t.Errorf("Retry-After is %q", got)
	}
	if !strings.Contains(w.Body.String(), "Try again in 91 seconds.") {
		t.Error("the page does not say for how long to wait")
	}
}

func TestOpenerIsKeptForApplications(t *testing.T) {
	s := newSet(t)
	for _, c := range []struct {
		frame pages.Frame
		want  string
	}{
		{pages.Frame{}, "same-origin"},
		{pages.Frame{Asker: &pages.Asker{}}, ""},
		{pages.Frame{Popup: true}, ""},
	} {
		if got := draw(t, s, pages.SignIn{Frame: c.frame}).Header().Get("Cross-Origin-Opener-Policy"); got != c.want {
			t.Errorf("%+v: %q, want %q", c.frame, got, c.want)
		}
	}
}

func TestAssets(t *testing.T) {
	s := newSet(t)
	page := draw(t, s, pages.SignIn{Frame: aFrame("en"), Password: true, Passkey: "{}"}).Body.String()
	get := func(url string, header ...string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodGet, url, nil)
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		w := httptest.NewRecorder()
		s.Asset(w, r)
		return w
	}
	for _, c := range []struct{ marker, kind string }{{`rel="stylesheet" href="`, "text/css; charset=utf-8"}, {`<script src="`, "text/javascript; charset=utf-8"}} {
		_, rest, _ := strings.Cut(page, c.marker)
		url, _, _ := strings.Cut(rest, `"`)
		w := get(strings.ReplaceAll(url, "&amp;", "&"))
		if w.Code != 200 || w.Header().Get("Content-Type") != c.kind || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || w.Body.Len() == 0 {
			t.Errorf("%s: %d %v", url, w.Code, w.Header())
		}
		if again := get(strings.ReplaceAll(url, "&amp;", "&"), "If-None-Match", w.Header().Get("ETag")); again.Code != 304 || again.Body.Len() != 0 {
			t.Errorf("%s again: %d", url, again.Code)
		}
	}
	if w := get("/signin/assets?f=style.css&v=old"); w.Code != 200 || strings.Contains(w.Header().Get("Cache-Control"), "immutable") {
		t.Errorf("an old page's style: %d %v", w.Code, w.Header())
	}
	for _, url := range []string{"/signin/assets", "/signin/assets?f=../view.go", "/signin/assets?f=en.json"} {
		if w := get(url); w.Code != 404 {
			t.Errorf("%s: %d", url, w.Code)
		}
	}
	w := httptest.NewRecorder()
	s.Asset(w, httptest.NewRequest(http.MethodPost, "/signin/assets?f=style.css", nil))
	if w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
}

func TestAccent(t *testing.T) {
	s := newSet(t)
	f := aFrame("en")
	for _, c := range []struct{ colour, query, style string }{
		{"#0A5", "", ""},
		{"#0055AA", "&amp;accent=0055aa", "--accent:#0055aa;--on-accent:#fff"},
		{"#ffee00", "&amp;accent=ffee00", "--accent:#ffee00;--on-accent:#14171f"},
		{"#12345;", "", ""},
		{"red;}*{}", "", ""},
	} {
		f.Realm.Brand.Accent = c.colour
		page := draw(t, s, pages.SignIn{Frame: f}).Body.String()
		if got := strings.Contains(page, "accent="); got != (c.query != "") || !strings.Contains(page, c.query+`"`) {
			t.Errorf("%s: the page does not ask for it as %q", c.colour, c.query)
		}
		w := httptest.NewRecorder()
		s.Asset(w, httptest.NewRequest(http.MethodGet, "/signin/assets?f=style.css&accent="+strings.TrimPrefix(strings.ReplaceAll(c.colour, ";", "%3B"), "#"), nil))
		if c.style == "" && strings.Contains(w.Body.String(), ":root{--accent") || !strings.Contains(w.Body.String(), c.style) {
			t.Errorf("%s: the style sheet ends %q", c.colour, w.Body.String()[w.Body.Len()-80:])
		}
	}
}
