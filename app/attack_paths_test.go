package app_test

import (
	"slices"
	"strings"
	"testing"
)

// pathsYAML has an API that is open but for some of its routes, and APIs that shadow parts of another.
const pathsYAML = `realm: default
apis:
  - name: site
    path: /site
    auth: [none]
    upstream: 'UPSTREAM'
    routes:
      - {path: /admin, auth: [bearer]}
      - {path: '/things:delete', auth: [bearer]}
      - {path: '/@me', auth: [bearer]}
      - {path: '/a,b', auth: [bearer]}
      - {path: '/%40team', auth: [bearer]}
      - {path: '/user/{id}/keys', auth: [bearer]}
      - {path: '/exact', exact: true, auth: [bearer]}
      - {path: '/caf%C3%A9', auth: [bearer]}
  - {name: strict, path: /strict, auth: [bearer], strict: true, upstream: 'UPSTREAM', routes: [{path: /open, auth: [none]}]}
  - {name: root, path: /, auth: [none], upstream: 'UPSTREAM'}
  - {name: guarded, path: /guarded, auth: [bearer], upstream: 'UPSTREAM'}
  - {name: verb, path: '/v1/jobs:cancel', auth: [bearer], upstream: 'UPSTREAM'}
  - {name: shelf, path: '/shelf/{id}', auth: [none], strip: true, upstream: 'UPSTREAM/v1/{id}'}
  - {name: within, path: '/within/{id}/{file}', auth: [none], strip: true, upstream: 'UPSTREAM/v1/{file}/{id}/x'}
`

// Class 27, the path that is decided on against the path that is served: another spelling of a guarded path is guarded as
// well or refused, never served by a rule that asks for less.
func TestAttackPathConfusion(t *testing.T) {
	up := newWitness(t, nil)
	s := guarded(t, strings.ReplaceAll(pathsYAML, "UPSTREAM", up.URL))
	for guardedPath, spellings := range map[string][]string{
		"/site/admin": {
			"/site/%61dmin", "/site/%2561dmin", "/site/admin/", "/site/admin/x", "/site/./admin", "/site/x/../admin", "/site//admin", "//site/admin", "/site/%2e/admin",
			"/site/x/%2e%2e/admin", "/site/x/%2e./admin", "/site/x/..;/admin", "/site/x/..;a=b/admin", "/site/x/..%3b/admin", "/site/x/..%2fadmin", "/site/x%2f..%2fadmin",
			"/site%2fadmin", "/site/%2fadmin", "/site/x/%252e%252e/admin", "/site/x/%25252e%25252e/admin", "/site/x/%252e%252e%252fadmin", "/site%252fadmin", "/site\\admin", "/site/%5cadmin",
			"/site/x/..\\admin", "/site/%c0%afadmin", "/site/%c0%ae%c0%ae/admin", "/site/%e0%80%afadmin", "/site/%u002fadmin", "/site/%u0061dmin", "/site/admin;", "/site/admin;a=b", "/site/admin;a=b/x",
			"/site;a=b/admin", "/site/;/admin", "/site/admin%3b", "/site/admin%00", "/site/admin%0a", "/site/admin%0d%0a", "/site/admin%09", "/site/%00/admin", "/site/admin%3Ba=b", "/site/admin%2f",
			"/site/admin%", "/site/admin%2", "/site/admin%zz", "/site/admin?x", "/site/admin/%2e", "/site/admin/..", "/site/admin/.%2e/admin", "/site/x/../admin?..", "/site/.%61dmin/../admin",
		},
		"/site/things:delete": {"/site/things%3adelete", "/site/things%3Adelete", "/site/%74hings%3adelete/x", "/site/things%253adelete", "/site/things:delete;x"},
		"/site/@me":           {"/site/%40me", "/site/%40me/x", "/site/%40m%65", "/site/%2540me"},
		"/site/a,b":           {"/site/a%2cb", "/site/a%2Cb/x"},
		"/site/%40team":       {"/site/@team", "/site/@team/x", "/site/@te%61m", "/site/%2540team"},
		"/site/user/1/keys":   {"/site/user/%2e/keys", "/site/user//keys", "/site/user/1;/keys", "/site/user/1;x/keys", "/site/user/1/keys;x", "/site/user/%31/keys", "/site/user/1/k%65ys", "/site/user/x/../1/keys"},
		"/site/exact":         {"/site/exact/", "/site/exac%74", "/site/exact;", "/site/exact;x", "/site/exact%3b"},
		"/site/caf%C3%A9":     {"/site/café", "/site/caf%c3%a9", "/site/%63af\xc3\xa9", "/site/caf%25C3%25A9"},
		"/strict/shut":        {"/strict/open/../shut", "/strict/open;/../shut", "/strict/open%2f..%2fshut", "/strict/open/..;/shut", "/strict/shut;/../open", "/strict/OPEN", "/strict/open;", "/strict/open;x", "/strict/o%2570en"},
		"/guarded/x":          {"/%67uarded/x", "/guarded;/x", "/guarded;a=b/x", "/./guarded/x", "/y/../guarded/x", "//guarded/x", "/guarded%2fx", "/%2e/guarded/x", "/guarded//x", "/guarded\\x", "/gu%2561rded/x", "/guarded%3b/x", "/;/guarded/x"},
		"/v1/jobs:cancel":     {"/v1/jobs%3Acancel", "/v1/jobs%3acancel/", "/v1/job%73%3acancel/x", "/v1/jobs%253Acancel", "/v1;x/jobs:cancel"},
	} {
		for _, path := range append(spellings, guardedPath) {
			up.take()
			text := say(t, s.addr, "GET "+path+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
			asked, _ := up.take()
			st := statuses(t, text)
			if len(st) != 1 || st[0] != 400 && st[0] != 401 && st[0] != 404 || len(asked) != 0 {
				t.Errorf("%s as %s: answered %v, the upstream was asked %q", guardedPath, path, st, lines(asked))
			}
			if path == guardedPath && (len(st) != 1 || st[0] != 401) && guardedPath != "/strict/shut" {
				t.Errorf("%s: answered %v, want 401", path, st)
			}
		}
	}
}

// Class 27, what is served goes upstream as it was decided on, byte for byte but for the one normal form; parameters and
// prefixes make nothing of it that was not there.
func TestAttackPathsAsSent(t *testing.T) {
	up := newWitness(t, nil)
	s := guarded(t, strings.ReplaceAll(pathsYAML, "UPSTREAM", up.URL))
	for path, want := range map[string]string{
		"/site/ADMIN":                       "/site/ADMIN", // names have case (RFC 3986 section 6.2.2.1), and so have rules
		"/site/admin.":                      "/site/admin.",
		"/site/admin%20":                    "/site/admin%20",
		"/site/adminx":                      "/site/adminx",
		"/site/x%3ay":                       "/site/x%3Ay",
		"/site/x:y!$&'()*+,=@z":             "/site/x:y!$&'()*+,=@z",
		"/site/100%25":                      "/site/100%25",
		"/site/x;y=z":                       "/site/x;y=z",
		"/site/%7ex":                        "/site/~x",
		"/site/x?../../admin":               "/site/x?../../admin",
		"/site/x?a=/admin;%2e%2e%2f&b=\"'<": "/site/x?a=/admin;%2e%2e%2f&b=\"'<",
		"/site/...":                         "/site/...",
		"/realms/default/site/x!(y)":        "/site/x!(y)",
		"/realms/default/site/x%2cy!":       "/site/x%2Cy!",
		"/shelf/x":                          "/v1/x",
		"/shelf/.x":                         "/v1/.x",
		"/shelf/x/y":                        "/v1/x/y",
		"/within/a/b":                       "/v1/b/a/x",
		"/within/a/b/c":                     "/v1/b/a/x/c",
		// None of these are served at all.
		"/shelf/.": "", "/shelf/%2e": "", "/shelf/%2f": "", "/shelf/;": "", "/shelf/;x": "", "/shelf/./x": "", "/shelf/%252e": "", "/shelf/.;": "",
		"/within/../x": "", "/within/%2e%2e/x": "", "/within/..;/x": "", "/within/a%2f/..": "", "/within/.%00/x": "",
		"/realms/default/../site/admin": "", "/realms/default//site/admin": "", "/realms/default%2fsite/x": "",
	} {
		up.take()
		text := say(t, s.addr, "GET "+path+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		asked, _ := up.take()
		var sent []string
		for _, a := range asked {
			sent = append(sent, a.URI)
		}
		switch {
		case want == "" && (len(sent) != 0 || statuses(t, text)[0] != 400 && statuses(t, text)[0] != 404):
			t.Errorf("%s: answered %v, sent %q; want a refusal", path, statuses(t, text), sent)
		case want != "" && !slices.Equal(sent, []string{want}):
			t.Errorf("%s: sent %q, want %q (%v)", path, sent, want, statuses(t, text))
		}
	}
}

// Class 27, calls by another product's paths: they lead to the API that the path says and to no other, by its own rules.
func TestAttackDialectPaths(t *testing.T) {
	up := newWitness(t, nil)
	s := guarded(t, "realm: default\ndialects: [digirunner]\napis:\n"+
		"  - {name: open, path: /open, module: mod, auth: [none], upstream: '"+up.URL+"/open-up', strip: true}\n"+
		"  - {name: shut, path: /shut, module: mod, upstream: '"+up.URL+"/shut-up', strip: true}\n"+
		"  - {name: inner, path: /open/inner, module: mod, upstream: '"+up.URL+"/inner-up', strip: true}\n"+
		"  - {name: routed, path: /routed, module: mod, auth: [none], upstream: '"+up.URL+"/routed-up', strip: true, routes: [{path: /shut, auth: [bearer]}, {path: '/a:b', auth: [bearer]}]}\n"+
		"  - {name: hosted, path: /hosted, module: mod, host: in.example, auth: [none], upstream: '"+up.URL+"/hosted-up'}\n"+
		"---\nrealm: second\nscopes: [{name: read}]\napis: [{name: shut, path: /shut, module: mod, auth: [none], upstream: '"+up.URL+"/second-up'}]\n")
	for target, want := range map[string]string{
		"/dgrc/open": "/open-up", "/dgrc/open/x": "/open-up/x", "/tsmpc/mod/open": "/open-up", "/tsmpc/mod/open/x": "/open-up/x", "/tsmpg/mod/open": "/open-up", "/tsmpc/%6dod/op%65n/x": "/open-up/x", "/realms/default/dgrc/open/x": "/open-up/x",
		"/dgrc/shut": "", "/dgrc//shut": "", "/dgrc/./shut": "", "/dgrc/open/../shut": "", "/dgrc/open/..%2fshut": "", "/dgrc/open/%2e%2e/shut": "", "/dgrc/open/..;/shut": "", "/dgrc/open;/../shut": "", "/dgrc/open/inner": "", "/dgrc/open/%69nner": "", "/dgrc/open/inner;x": "",
		"/dgrc/routed/shut": "", "/dgrc/routed/a:b": "", "/dgrc/routed/a%3ab": "", "/tsmpc/mod/routed/shut": "", "/tsmpc/mod/routed/a%3Ab": "", "/tsmpc/mod/routed/%2e/shut": "", "/dgrc/routed/shut;x": "", "/dgrc/dgrc/open": "", "/dgrc/tsmpc/mod/open": "",
		"/tsmpc/mod/shut": "", "/tsmpc/mod/open/../shut": "", "/tsmpc/mod/open%2f..%2fshut": "", "/tsmpc/mod/open/..;/shut": "", "/tsmpc/mod//open": "", "/tsmpc//mod/open": "", "/tsmpc/mod/open;x": "", "/tsmpc/mod;x/open": "", "/tsmpc/MOD/open": "", "/tsmpc/mod/OPEN": "",
		"/tsmpc/mod/open/inner": "", "/tsmpc/mod/open/%69nner/x": "", "/tsmpc/mod/inner": "", "/tsmpc/other/open": "", "/tsmpc/mod": "", "/tsmpc/": "", "/tsmpc/mod/": "", "/tsmpc/mod/a%2F..%2Fshut": "", "/tsmpc/mod/hosted": "", "/dgrc/hosted": "", "/dgrc/": "", "/dgrc": "",
		"/dgrc/realms/second/shut": "", "/realms/second/dgrc/shut": "", "/realms/second/tsmpc/mod/shut": "", "/%64grc/shut": "", "/dgrc%2fopen": "", "/DGRC/open": "", "/tsmpc/mod/open\\..\\shut": "", "/tsmpc/mod/open%00": "", "/dgrc/open%0a": "",
	} {
		up.take()
		text := say(t, s.addr, "GET "+target+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
		asked, _ := up.take()
		got := strings.TrimPrefix(strings.Join(lines(asked), "|"), "GET ")
		if got != want || want == "" && statuses(t, text)[0] < 400 {
			t.Errorf("%s: sent %q, want %q (%v)", target, got, want, statuses(t, text))
		}
	}
}
