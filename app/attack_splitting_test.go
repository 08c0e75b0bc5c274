package app_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"sallyport/app"
)

// Request and response splitting: what a caller puts into paths, queries, parameters, names and fields makes no line of its
// own, neither on the way to the upstream nor on the way back, through templates and rewrites too.
func TestAttackSplitting(t *testing.T) {
	up := newWitness(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Echo", r.URL.RawQuery)
		w.WriteHeader(200)
	})
	template := "{request: {set: {X-Path: '{path}', X-Param: '{param:id}', X-Host: '{host}', X-Method: '{method}'}}, response: {set: {X-Path: '{path}', X-Param: '{param:id}', X-Host: '{host}'}}}"
	rules := "policies: [{headers: " + template + "}, {rewrite: {rules: [{match: '^/[a-z]+/(.*)$', to: '/r/$1'}], query: {set: {a: b}, remove: [gone]}}}]"
	s := guarded(t, "realm: default\napis:\n"+
		"  - {name: lean, path: '/lean/{id}', auth: [none], upstream: '"+up.URL+"/t/{id}', "+rules+"}\n"+
		"  - {name: std, path: '/std/{id}', engine: standard, auth: [none], upstream: '"+up.URL+"/t/{id}', "+rules+"}\n")
	evilTexts := []string{
		"%0d%0aX-Injected:%20yes", "%0aX-Injected:yes", "%0dX-Injected:yes", "%00", "%250d%250aX-Injected:yes", "%25250d%25250aX-Injected:yes", "%e5%98%8a%e5%98%8dX-Injected:yes", "\xe5\x98\x8a\xe5\x98\x8dX-Injected:yes",
		"%c4%8d%c4%8aX-Injected:yes", "%e2%80%a8X-Injected:yes", "%c2%85X-Injected:yes", "%20HTTP/1.1%0d%0aX-Injected:yes", "%20HTTP%2f1.1", "%7f", "%1b[31m", "\"><b", "a%20b", "x%09y", "${jndi}", "$1", "{id}", "%7Bid%7D",
	}
	for _, prefix := range []string{"/lean", "/std"} {
		for _, e := range evilTexts {
			for _, target := range []string{prefix + "/" + e, prefix + "/x/" + e, prefix + "/x?q=" + e, prefix + "/x?" + e + "=1", prefix + "/x?gone=" + e + "&a=" + e, prefix + "/x;" + e} {
				up.take()
				text := say(t, s.addr, "GET "+target+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Field: "+strings.NewReplacer("\r", "", "\n", "").Replace(e)+"\r\n\r\n")
				asked, bytes := up.take()
				if len(asked) > 1 || strings.Count(bytes, "\r\n\r\n") != len(asked) || len(asked) == 1 && !isOneLine(bytes) {
					t.Errorf("%s: the upstream got %q", target, bytes)
				}
				for _, a := range asked {
					if a.Header.Get("X-Injected") != "" || a.Header.Get("X-Method") != "GET" || strings.Contains(a.URI, prefix+"/x") || strings.Count(a.URI, " ") > 0 {
						t.Errorf("%s: the upstream got %q", target, bytes)
					}
				}
				list := answers(t, text)
				if len(list) != 1 || list[0].Header.Get("X-Injected") != "" || len(asked) == 1 != (list[0].StatusCode == 200) || len(asked) == 0 && list[0].StatusCode != 400 {
					t.Errorf("%s: answered %q", target, text)
				}
			}
		}
	}
}

// isOneLine reports whether the head of one request has no line that is none of a request's.
func isOneLine(head string) bool {
	lines := strings.Split(strings.TrimSuffix(head, "\r\n\r\n"), "\r\n")
	for i, line := range lines {
		if strings.ContainsAny(line, "\r\n\x00") || i == 0 && strings.Count(line, " ") != 2 || i > 0 && !strings.Contains(line, ":") {
			return false
		}
	}
	return true
}

// Splitting by those who write deployment files: a setting cannot hold a line either.
func TestAttackSplittingBySettings(t *testing.T) {
	a, err := app.Build(t.Context(), quiet(t))
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for _, part := range []string{
		`policies: [{headers: {request: {set: {X-A: "b\r\nX-Injected: yes"}}}}]`, `policies: [{headers: {request: {set: {"X-A: b\r\nX-B": c}}}}]`, `policies: [{headers: {response: {set: {X-A: "b\nc"}}}}]`, `policies: [{headers: {request: {set: {X-A: "b\u0000"}}}}]`,
		`policies: [{headers: {request: {set: {Host: b}}}}]`, `policies: [{headers: {request: {set: {Content-Length: "5"}}}}]`, `policies: [{headers: {request: {set: {transfer_encoding: chunked}}}}]`, `policies: [{headers: {request: {add: {X-Sallyport-Client: b}}}}]`,
		`policies: [{headers: {request: {set: {x_sallyport_user: b}}}}]`, `policies: [{headers: {request: {set: {Connection: b}}}}]`, `policies: [{headers: {response: {set: {Transfer-Encoding: b}}}}]`, `policies: [{headers: {request: {set: {Upgrade: h2c}}}}]`,
		`policies: [{mock: {when: always, headers: {X-A: "b\r\nc"}, body: x}}]`, `policies: [{mock: {when: always, headers: {Content-Length: "0"}, body: x}}]`, `policies: [{mock: {status: 101, body: x}}]`,
		`policies: [{rewrite: {add_prefix: "/a b"}}]`, `policies: [{rewrite: {add_prefix: "/a\r\nb"}}]`, `policies: [{rewrite: {add_prefix: "/a/../b"}}]`, `policies: [{rewrite: {strip_prefix: "a"}}]`,
		`policies: [{cors: {origins: ["https://a.example\r\nX: y"]}}]`, `policies: [{cors: {origins: ["*"], headers: ["a\r\nb"]}}]`, `policies: [{cors: {origins: ["*"], methods: ["GET, X\r\n"]}}]`, `policies: [{ratelimit: {rate: 1/s, name: "a\"b"}}]`,
		`upstream_host: "a\r\nb"`, `upstream_host: "a b"`, `upstream_host: "a/b"`, `allow: ["GET\r\n"]`, `allow: ["GET /x"]`, `health: {path: "/x\r\ny"}`, `health: {path: "/a b"}`,
	} {
		err := a.Apply(t.Context(), "x.yaml", []byte("realm: default\napis: [{name: x, path: /x, auth: [none], upstream: 'http://127.0.0.1:9', "+part+"}]"))
		if err == nil {
			t.Errorf("%s is taken", part)
		}
	}
	for _, upstream := range []string{
		"http://127.0.0.1:9/a b", `http://127.0.0.1:9/a\r\nb`, "http://127.0.0.1:9/a?b=c", "http://127.0.0.1:9/#a", "http://user:pw@127.0.0.1:9", "file:///etc", "//127.0.0.1", "http://127.0.0.1:9/{id}", "http://{id}:9/", "http://127.0.0.1:9/.{id}",
		"http://127.0.0.1:9/..", "http://127.0.0.1:9/%2e%2e", "http://127.0.0.1:9/a%2fb", "unix:///x", "http://a%2eb", "http:///x", "http://127.0.0.1:9\\x",
	} {
		err := a.Apply(t.Context(), "x.yaml", []byte("realm: default\napis: [{name: x, path: /x, auth: [none], upstream: \""+strings.ReplaceAll(upstream, `\x`, `\\x`)+"\"}]"))
		if err == nil {
			t.Errorf("upstream %s is taken", upstream)
		}
	}
}

// Host routing: an API of a host is not reached, and not passed by, under another spelling of that host.
func TestAttackHostRouting(t *testing.T) {
	up := newWitness(t, nil)
	s := guarded(t, "realm: default\napis:\n"+
		"  - {name: any, path: /, auth: [none], upstream: '"+up.URL+"/any'}\n"+
		"  - {name: named, path: /, host: api.example.org, auth: [bearer], upstream: '"+up.URL+"/named'}\n"+
		"  - {name: below, path: /, host: '*.team.example.org', auth: [bearer], upstream: '"+up.URL+"/below'}\n"+
		"  - {name: inside, path: /, host: in.team.example.org, auth: [none], upstream: '"+up.URL+"/inside'}\n"+
		"  - {name: own, path: /own, host: api.example.org, auth: [none], upstream_host: caller, upstream: '"+up.URL+"'}\n"+
		"---\nrealm: second\nhosts: [second.example]\napis: [{name: any, path: /, auth: [bearer], upstream: '"+up.URL+"/second'}]\n")
	get := func(host, target string) (int, []string) {
		up.take()
		text := say(t, s.addr, "GET "+target+" HTTP/1.1\r\nHost: "+host+"\r\nConnection: close\r\n\r\n")
		asked, _ := up.take()
		return statuses(t, text)[0], lines(asked)
	}
	for host, want := range map[string]string{
		"api.example.org": "401", "API.Example.ORG": "401", "api.example.org.": "401", "api.example.org:80": "401", "api.example.org:": "401", "api.example.org.:8089": "401", "API.EXAMPLE.ORG.:1": "401",
		"api.example.org..": "400", "api.example.org:80:80": "400", "api.example.org@a": "400", "api%2eexample.org": "400", "api.example.org,a": "400", " api.example.org": "401", "api.example.org\t": "401", "\xe3\x80\x82api.example.org": "400",
		"api。example.org": "400", "xn--api.example.org": "200 /any/", "a.team.example.org": "401", "A.Team.Example.Org.:9": "401", "a.b.team.example.org": "200 /any/", "team.example.org": "200 /any/", ".team.example.org": "400", "in.team.example.org": "200 /inside/",
		"in.team.example.org.evil.example": "200 /any/", "api.example.org.evil.example": "200 /any/", "evilapi.example.org": "200 /any/", "[::1]": "200 /any/", "[::1]:80": "200 /any/", "127.0.0.1": "200 /any/", "": "200 /any/",
		"second.example": "401", "SECOND.example.:80": "401",
	} {
		st, asked := get(host, "/")
		got := strings.TrimSpace(fmt.Sprint(st, " ", strings.TrimPrefix(strings.Join(asked, "|"), "GET ")))
		if got != want {
			t.Errorf("%q: %s, want %s", host, got, want)
		}
	}
	// A realm with a host of its own is the only one there, and is found by its name nowhere else if that is not asked for.
	for target, want := range map[string]int{"/realms/default/": 404, "/realms/second/": 401, "/realms/third/": 404, "/realms/DEFAULT/": 404, "/realms/default%2f": 404} {
		if st, asked := get("second.example", target); st != want || len(asked) != 0 {
			t.Errorf("second.example%s: %d %q, want %d", target, st, asked, want)
		}
	}
	// Who may say the host to the upstream says the one that was decided on.
	say(t, s.addr, "GET http://api.example.org/own HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\nX-Forwarded-Host: evil.example\r\nX-Host: evil.example\r\n\r\n")
	if asked, bytes := up.take(); len(asked) != 1 || asked[0].Host != "api.example.org" || strings.Contains(bytes, "evil") {
		t.Errorf("the upstream was told %q", bytes)
	}
	for _, u := range []string{"http://evil.example/own", "http://api.example.org@evil.example/own"} { // what is said twice
		if p, err := url.Parse(u); err != nil || p.Host != "evil.example" {
			t.Fatal(u)
		}
		text := say(t, s.addr, "GET "+u+" HTTP/1.1\r\nHost: api.example.org\r\nConnection: close\r\n\r\n")
		if asked, _ := up.take(); slices.Contains(lines(asked), "GET /own") {
			t.Errorf("%s: %q, asked %q", u, text, lines(asked))
		}
	}
}

// Class 27, conditions on fields: what decides which rules are meant is sent once, or nobody guesses.
func TestAttackConditions(t *testing.T) {
	up := newWitness(t, nil)
	s := guarded(t, "realm: default\napis:\n"+
		"  - {name: plain, path: /x, auth: [none], upstream: '"+up.URL+"'}\n  - {name: internal, path: /x, headers: [{name: X-Tier, value: internal}], auth: [bearer], upstream: '"+up.URL+"'}\n"+
		"  - {name: routed, path: /y, auth: [none], upstream: '"+up.URL+"', routes: [{path: /, headers: [{name: X-Debug}], auth: [bearer]}]}\n")
	for fields, want := range map[string]int{
		"": 200, "X-Tier: internal\r\n": 401, "x-tier:internal\r\n": 401, "X-Tier: other\r\n": 200, "X-Tier: internal\r\nX-Tier: internal\r\n": 400, "X-Tier: internal\r\nX-Tier: other\r\n": 400, "X-Tier: other\r\nx-tier: internal\r\n": 400,
		"X-Tier: other\r\nX-Tier: more\r\n": 200, "Connection: X-Tier\r\nX-Tier: internal\r\n": 200, // which then does not reach the upstream
	} {
		up.take()
		text := say(t, s.addr, "GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"+fields+"\r\n")
		asked, _ := up.take()
		if statuses(t, text)[0] != want || (len(asked) == 1) != (want == 200) || len(asked) == 1 && slices.Contains(asked[0].Header["X-Tier"], "internal") {
			t.Errorf("%q: %v, asked %+v; want %d", fields, statuses(t, text), asked, want)
		}
	}
	for fields, want := range map[string]int{"": 200, "X-Debug:\r\n": 401, "x-debug: 1\r\n": 401, "X-Debug: 1\r\nX-Debug: 2\r\n": 401, "Connection: x-debug\r\nX-Debug: 1\r\n": 200} {
		text := say(t, s.addr, "GET /y HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"+fields+"\r\n")
		asked, _ := up.take()
		if statuses(t, text)[0] != want || len(asked) == 1 && asked[0].Header["X-Debug"] != nil {
			t.Errorf("%q: %v, asked %+v; want %d", fields, statuses(t, text), asked, want)
		}
	}
}
