package app_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// Class 29, cache poisoning and deception: what one caller was answered, or could bring about, is never what another gets,
// unless the upstream says that it is for all.
func TestAttackCache(t *testing.T) {
	var n atomic.Int64
	up := newWitness(t, func(w http.ResponseWriter, r *http.Request) {
		control := r.URL.Query().Get("control")
		if control == "" {
			control = "public, max-age=60"
		}
		w.Header().Set("Cache-Control", control)
		if v := r.URL.Query().Get("vary"); v != "" {
			w.Header().Set("Vary", v)
		}
		if c := r.URL.Query().Get("cookie"); c != "" {
			w.Header().Set("Set-Cookie", "session="+c)
		}
		status := 200
		if r.Header.Get("X-Break") != "" || strings.Contains(r.Header.Get("Accept"), "\\") {
			status = 400
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "%d for %s at %s%s by %s", n.Add(1), r.Header.Get("X-Sallyport-Client"), r.Header.Get("X-Forwarded-Host"), r.URL.Path, r.Method)
	})
	s := guarded(t, keysYAML+
		"  - {name: shared, path: /shared, auth: [bearer, basic, none], upstream: '"+up.URL+"', policies: [{cache: {shared: true}}]}\n"+
		"  - {name: own, path: /own, auth: [bearer, basic, none], upstream: '"+up.URL+"', policies: [cache]}\n"+
		"  - {name: fixed, path: /fixed, auth: [bearer, basic, none], upstream: '"+up.URL+"', policies: [{cache: {mode: fixed, shared: true}}]}\n")
	shop, other := "Authorization: Bearer "+tokenOf(t, s.addr, "shop", "shop-secret-1")+"\r\n", "Authorization: Bearer "+tokenOf(t, s.addr, "other", "other-secret-1")+"\r\n"
	ask := func(head, fields string) string {
		text := say(t, s.addr, head+"\r\nConnection: close\r\n"+fields+"\r\n")
		_, body := outcomeOf(text, "GET")
		return body
	}
	get := func(target string) string { return "GET " + target + " HTTP/1.1\r\nHost: a" }
	for _, tt := range []struct {
		name          string
		first, second string // heads
		as, then      string // fields
		same          bool   // the second gets what the first was answered
	}{
		{"for all, to all", get("/shared/1"), get("/shared/1"), shop, other, true},
		{"for all, to one's own where nothing is shared", get("/own/1"), get("/own/1"), shop, other, false},
		{"one's own, again", get("/own/2"), get("/own/2"), shop, shop, true},
		{"one's own, by another way in", get("/own/3"), get("/own/3"), shop, "Authorization: " + basicOf("shop", "shop-secret-1") + "\r\n", false},
		{"nobody's, to somebody", get("/own/4"), get("/own/4"), "", shop, false},
		{"somebody's, to nobody", get("/own/5"), get("/own/5"), shop, "", false},
		{"not said to be for all", get("/shared/6?control=max-age%3D60"), get("/shared/6?control=max-age%3D60"), shop, other, false},
		{"private", get("/shared/7?control=private,max-age%3D60,public"), get("/shared/7?control=private,max-age%3D60,public"), shop, other, false},
		{"not to be stored", get("/shared/8?control=public,no-store"), get("/shared/8?control=public,no-store"), shop, shop, false},
		{"private, with fixed times", get("/fixed/7?control=private"), get("/fixed/7?control=private"), shop, other, false},
		{"not said to be for all, with fixed times", get("/fixed/8?control=max-age%3D60"), get("/fixed/8?control=max-age%3D60"), shop, other, false},
		{"with a session", get("/shared/9?cookie=1"), get("/shared/9?cookie=1"), shop, other, false},
		{"with a session, fixed", get("/fixed/9?cookie=1"), get("/fixed/9?cookie=1"), shop, shop, false},
		{"another host", "GET /shared/10 HTTP/1.1\r\nHost: evil.example", get("/shared/10"), "", "", false},
		{"another port", "GET /shared/11 HTTP/1.1\r\nHost: a:8080", get("/shared/11"), "", "", false},
		{"a host that a proxy forwards", get("/shared/12"), get("/shared/12"), "X-Forwarded-Host: evil.example\r\n", "", true},
		{"another query", get("/shared/13?a=b"), get("/shared/13?a=c"), "", "", false},
		{"a hidden parameter", get("/shared/14?a=b;c=d"), get("/shared/14?a=b&c=d"), "", "", false},
		{"an encoded name", get("/shared/15?%61=b"), get("/shared/15?a=b"), "", "", false},
		{"a path parameter", get("/shared/16;x=y"), get("/shared/16"), "", "", false},
		{"a file that is none", get("/shared/17/x.css"), get("/shared/17"), shop, other, false},
		{"an encoded path", get("/shared/%31%38"), get("/shared/18"), "", "", true}, // it is the same
		{"a varied field", get("/shared/19?vary=X-Part"), get("/shared/19?vary=X-Part"), "X-Part: 1\r\n", "X-Part: 2\r\n", false},
		{"varied by who calls", get("/shared/20?vary=Authorization"), get("/shared/20?vary=Authorization"), shop, other, false},
		{"varied by what we say", get("/shared/21?vary=X-Sallyport-Client"), get("/shared/21?vary=X-Sallyport-Client"), shop, other, false},
		{"varied by all", get("/shared/22?vary=*"), get("/shared/22?vary=*"), shop, shop, false},
		{"varied by where from", get("/shared/23?vary=X-Forwarded-For"), get("/shared/23?vary=X-Forwarded-For"), shop, shop, false},
		{"an error that was brought about", get("/shared/24"), get("/shared/24"), "X-Break: 1\r\n", "", false},
		{"an error by a byte", get("/shared/25"), get("/shared/25"), "Accept: \\\r\n", "", false},
		{"a method that overrides", get("/shared/26"), get("/shared/26"), "X-HTTP-Method-Override: POST\r\n", "", false},
		{"a body with GET", "GET /shared/27 HTTP/1.1\r\nHost: a\r\nContent-Length: 0", get("/shared/27"), "", "", true},
		{"another method", "POST /shared/28 HTTP/1.1\r\nHost: a\r\nContent-Length: 0", get("/shared/28"), "", "", false},
		{"a method in lower case", "get /shared/29 HTTP/1.1\r\nHost: a", get("/shared/29"), "", "", false},
		{"a part", get("/shared/30"), get("/shared/30"), "Range: bytes=0-1\r\n", "", false},
		{"what Connection hides", get("/shared/31?vary=X-Part"), get("/shared/31?vary=X-Part"), "Connection: X-Part\r\nX-Part: 1\r\n", "X-Part: 1\r\n", false},
		{"the whole URL", "GET http://a/shared/32 HTTP/1.1\r\nHost: evil.example", get("/shared/32"), "", "", true}, // it is to a
		{"another's whole URL", "GET http://evil.example/shared/33 HTTP/1.1\r\nHost: a", get("/shared/33"), "", "", false},
	} {
		first := ask(tt.first, tt.as)
		second := ask(tt.second, tt.then)
		if first == "" || second == "" || (first == second) != tt.same {
			t.Errorf("%s: %q, then %q", tt.name, first, second)
		}
	}
	// What is stored is given only to who may call at all.
	if text := say(t, s.addr, "GET /shared/1 HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer x\r\n\r\n"); statuses(t, text)[0] != 401 {
		t.Errorf("a stored answer for a bad token: %q", text)
	}
}
