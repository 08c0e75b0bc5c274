package app_test

import (
	"net/http"
	"strings"
	"testing"

	"sallyport/app"
)

// CORS: pages of other origins read nothing that was not meant for them, however their origin is spelled; who may send
// credentials is never "anybody"; and an upstream cannot say otherwise.
func TestAttackCORS(t *testing.T) {
	up := newWitness(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Access-Control-Allow-Origin", r.Header.Get("Origin"))
		w.Header().Set("Access-Control-Allow-Credentials", "true")
		w.Header().Set("Access-Control-Expose-Headers", "*")
	})
	s := guarded(t, "realm: default\napis:\n"+
		"  - {name: named, path: /named, auth: [none], upstream: '"+up.URL+"', policies: [{cors: {origins: ['https://app.example.org', 'https://*.team.example.org'], credentials: true}}]}\n"+
		"  - {name: any, path: /any, auth: [none], upstream: '"+up.URL+"', policies: [{cors: {origins: ['*']}}]}\n")
	for _, method := range []string{"GET", "OPTIONS"} {
		for _, origin := range []string{
			"https://app.example.org", "https://a.team.example.org", "https://a.b.team.example.org", // these may
			"null", "", "*", "http://app.example.org", "https://app.example.org.evil.example", "https://evilapp.example.org", "https://app.example.orgevil.example", "https://app.example.org:8443", "https://APP.example.org",
			"https://app.example.org/", "https://app.example.org evil", "https://app.example.org, https://evil.example", "https://evil.example#app.example.org", "https://evil.example/.team.example.org", "https://evil.example?.team.example.org",
			"https://team.example.org", "https://.team.example.org", "https://evilteam.example.org", "https://a.team.example.org.evil.example", "https://a.team.example.org:1", "https://evil@a.team.example.org", "https://evil\\a.team.example.org",
			"https://a`.team.example.org", "https://a%60.team.example.org", "https://a..team.example.org", "https://é.team.example.org", "file://", "chrome-extension://abc", "https://app.example.org\x0b",
		} {
			may := strings.HasPrefix(origin, "https://a") && (origin == "https://app.example.org" || strings.Trim(strings.TrimSuffix(strings.TrimPrefix(origin, "https://"), ".team.example.org"), "ab.") == "" && strings.HasSuffix(origin, ".team.example.org") && !strings.Contains(origin, ".."))
			text := say(t, s.addr, method+" /named HTTP/1.1\r\nHost: api\r\nConnection: close\r\nOrigin: "+origin+"\r\nAccess-Control-Request-Method: PUT\r\n\r\n")
			if strings.HasPrefix(text, "HTTP/1.1 400 ") { // not even a header
				continue
			}
			h := answers(t, text)[0].Header
			want := ""
			if may {
				want = origin
			}
			if got := h.Values("Access-Control-Allow-Origin"); strings.Join(got, "|") != want || !may && len(h.Values("Access-Control-Allow-Credentials"))+len(h.Values("Access-Control-Expose-Headers")) > 0 || may && h.Get("Access-Control-Allow-Credentials") != "true" {
				t.Errorf("%s by %q: %v", method, origin, h)
			}
			if !strings.Contains(strings.Join(h.Values("Vary"), ","), "Origin") {
				t.Errorf("%s by %q: may be kept for others: %v", method, origin, h)
			}
			text = say(t, s.addr, method+" /any HTTP/1.1\r\nHost: api\r\nConnection: close\r\nOrigin: "+origin+"\r\nAccess-Control-Request-Method: PUT\r\n\r\n")
			if h := answers(t, text)[0].Header; h.Get("Access-Control-Allow-Origin") != "*" || h.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s by %q, open to all: %v", method, origin, h)
			}
		}
	}
	c := quiet(t)
	a, err := app.Build(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for _, settings := range []string{
		"{origins: ['*'], credentials: true}", "{origins: ['null'], credentials: true}", "{origins: []}", "{origins: ['https://*']}", "{origins: ['*.example.org']}", "{origins: ['https://a.*.org']}", "{origins: ['https://app.example.org/']}",
	} {
		if err := a.Apply(t.Context(), "x.yaml", []byte("realm: default\napis: [{name: x, path: /x, upstream: 'http://127.0.0.1:9', policies: [{cors: "+settings+"}]}]")); err == nil {
			t.Errorf("cors %s is taken", settings)
		}
	}
}

// Class 27 and 30, a browser's question before a call: it opens no part of an API that is shut, and reaches no upstream that
// has not been asked by somebody who may.
func TestAttackPreflight(t *testing.T) {
	up := newWitness(t, nil)
	s := guarded(t, "realm: default\napis:\n"+
		"  - {name: mixed, path: /mixed, auth: [none], upstream: '"+up.URL+"', policies: [{ratelimit: {rate: 1000/s, by: address}}], routes: [{path: /shut, auth: [bearer]}, {path: /post, allow: [POST], auth: [bearer]}]}\n"+
		"  - {name: strict, path: /strict, auth: [none], strict: true, upstream: '"+up.URL+"', policies: [{headers: {response: {set: {X-A: b}}}}], routes: [{path: /shut, auth: [bearer]}]}\n"+
		"  - {name: methods, path: /methods, auth: [none], allow: [GET], upstream: '"+up.URL+"', policies: [{headers: {response: {set: {X-A: b}}}}]}\n"+
		"  - {name: cors, path: /cors, auth: [bearer], upstream: '"+up.URL+"', policies: [{cors: {origins: ['https://app.example.org']}}]}\n")
	for path, want := range map[string]int{
		"/mixed/shut": 401, "/mixed/shut/x": 401, "/strict/shut": 401, "/strict/other": 404, "/methods": 405, "/cors": 403, "/cors/x": 403,
	} {
		text := say(t, s.addr, "OPTIONS "+path+" HTTP/1.1\r\nHost: api\r\nConnection: close\r\nOrigin: https://evil.example\r\nAccess-Control-Request-Method: GET\r\n\r\n")
		if asked, _ := up.take(); statuses(t, text)[0] != want || len(asked) != 0 {
			t.Errorf("%s: %v, asked %q; want %d", path, statuses(t, text), lines(asked), want)
		}
	}
}
