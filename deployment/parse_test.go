package deployment_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"sallyport/deployment"
	"sallyport/deployment/strictyaml"
)

func TestParseRefuses(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"nothing", "# nothing", "f.yaml: the file is empty; it needs at least `realm: NAME`"},
		{"no realm", "users: []", "f.yaml:1:1: realm: is missing; write `realm: default` or the name of another realm"},
		{"two documents of one realm", "realm: a\n---\nrealm: a", "f.yaml:3:1: realm: a is described twice; put everything of a realm into one document"},
		{"a host twice", "realm: a\nhosts: [x.org]\n---\nrealm: b\nhosts: [X.org]", "f.yaml:5:1: hosts: x.org is named twice; a host name leads to one realm"},
		{"a dialect", "realm: a\ndialects: [digi-runner]", `f.yaml:2:1: dialects: there is no dialect "digi-runner"; did you mean digirunner?`},
		{"a dialect twice", "realm: a\ndialects: [ddi, ddi]", `f.yaml:2:1: dialects: "ddi" is given twice; give it once`},
		{"settings of a dialect", "realm: a\ndialects: [ddi: {x: 1}]", "f.yaml:2:1: dialects: ddi: has no settings; write the name alone"},
		{"two dialects in one entry", "realm: a\ndialects: [{ddi: {}, digirunner: {}}]", "f.yaml:2:12: dialects: want a name, or one name with its settings such as {ratelimit: {rate: 100/s}}"},
		{"a trusted issuer", "realm: a\ntrusted_issuers: [{issuer: https://p.example.org, client: x}]", "f.yaml:2:1: trusted_issuers: number 1: audience: is missing; name what `aud` says when a token is for this gateway, or any token of that issuer would do"},
		{"a nameless user", "realm: a\nusers: [{org: 1}]", "f.yaml:2:10: name: is missing; every user needs one"},
		{"a user twice", "realm: a\nusers: [{name: x}, {name: x}]", "f.yaml:2:21: name: user x is already in the file, line 2; names are unique in a realm"},
		{"two passwords", "realm: a\nusers: [{name: x, password: p, password_env: SET}]", "f.yaml:2:32: user x: password_env: give only one of password and password_env"},
		{"an empty password", "realm: a\nusers: [{name: x, password: ''}]", "f.yaml:2:19: user x: password: is empty; write one or leave the key out"},
		{"an unset variable", "realm: a\nusers: [{name: x, password_env: UNSET}]", "f.yaml:2:19: user x: password_env: the environment variable UNSET is not set; set it, or use password_file or password_hash"},
		{"an absent file", "realm: a\nusers: [{name: x, password_file: nowhere}]", "f.yaml:2:19: user x: password_file: no such file; name a file that this command can read"},
		{"a status", "realm: a\nusers: [{name: x, status: disabled}]", `f.yaml:2:27: status: "disabled" is not a status; write on, off or locked`},
		{"a day", "realm: a\nclients: [{id: x, not_after: 31.1.2026}]", `f.yaml:2:30: not_after: "31.1.2026" is not a day or a moment; write 2026-01-31 or 2026-01-31T08:00:00Z`},
		{"a secret without one", "realm: a\nclients: [{id: x, secrets: [{expires: 2027-01-01}]}]", "f.yaml:2:30: client x: secrets: entry 1 holds no secret; give one of secret, secret_env, secret_file, secret_hash"},
		{"generated and brought", "realm: a\nclients: [{id: x, secret: s, generated: true}]", "f.yaml:2:30: client x: generated: give only one of secret and generated"},
		{"a grant", "realm: a\nclients: [{id: x, grants: [refresh]}]", `f.yaml:2:19: client x: grants: there is no grant "refresh"; there are client_credentials, password, public, refresh_token`},
		{"the scope that covers all", "realm: a\nall_scope: all\nclients: [{id: x, scopes: [all]}]", "f.yaml:3:19: client x: scopes: all covers every scope, which only a trusted client may have; add `trusted: true` or name the scopes"},
		{"a weight of none", "realm: a\napis: [{name: x, path: /x, targets: [{url: http://a, weight: 0}, {url: http://b}]}]", "f.yaml:2:54: api x: weight: 0 would be taken for the default of 1; write -1 for no calls, or leave it out"},
		{"no copies at all", "realm: a\napis: [{name: x, path: /x, upstream: http://a, mirror: {url: http://b, percent: 0}}]", "f.yaml:2:72: api x: mirror.percent: 0 would be taken for the default of 100; take out mirror to send no copies"},
		{"no time at all", "realm: a\napis: [{name: x, path: /x, upstream: http://a, timeouts: {answer: 0s}}]", "f.yaml:2:59: api x: timeouts.answer: 0 would be taken for the default; write more, or leave it out"},
		{"no retries at all", "realm: a\napis: [{name: x, path: /x, upstream: http://a, retry: {attempts: 1, budget: 0}}]", "f.yaml:2:69: api x: retry.budget: 0 would be taken for the default of 20; write 1 for as few as can be, or take out retry for none"},
		{"nothing to ask for", "realm: a\napis: [{name: x, path: /x, upstream: http://a, health: {}}]", "f.yaml:2:56: api x: health: it is empty, and path is missing; say what to ask for, like /healthz"},
		{"nothing ejected", "realm: a\napis: [{name: x, path: /x, upstream: http://a, eject: {}}]", "f.yaml:2:55: api x: eject: it is empty, and fails is missing; say after how many failures in a row a target is taken out"},
		{"a target", "realm: a\napis: [{name: x, path: /x, targets: [{url: http://a}, {weight: 3, url: ftp://b}]}]", `f.yaml:2:67: api x: targets[1].url: "ftp://b" has the scheme "ftp"; use http or https`},
		{"a target of a diversion", "realm: a\napis: [{name: x, path: /x, divert: [{from: [10.0.0.0/8], targets: [{url: x}]}]}]", "f.yaml:2:69: api x: divert[0].targets[0].url: it is not an absolute URL; write it like http://127.0.0.1:9000"},
		{"a diversion", "realm: a\napis: [{name: x, path: /x, divert: [{from: [10.1.0.0/8], targets: [{url: http://a}]}]}]", "f.yaml:2:38: api x: divert[0].from: 10.1.0.0/8 has bits behind its length; write 10.0.0.0/8"},
		{"a route", "realm: a\napis:\n- name: x\n  path: /x\n  upstream: http://a\n  routes:\n  - path: /a\n  - path: /b\n    allow: [get]", `f.yaml:9:5: api x: routes[1].allow: "get" is not an HTTP method; write it in upper case, like "GET"`},
		{"a setting of health", "realm: a\napis: [{name: x, path: /x, upstream: http://a, health: {path: /, every: 1ms}}]", "f.yaml:2:48: api x: health.every: 1ms cannot be used; write 100ms to 1d"},
		{"no hours", "realm: a\nclients: [{id: x, hours: 8-18}]", `f.yaml:2:26: hours: "8-18" are no hours; write them like 08:00-18:00 Europe/Berlin`},
		{"no address", "realm: a\nclients: [{id: x, addresses: [localhost]}]", `f.yaml:2:31: addresses: "localhost" is neither an address nor a prefix; write it like 192.0.2.7 or 10.0.0.0/8`},
		{"a period", "realm: a\nclients: [{id: x, quota: {calls: 5, per: year}}]", `f.yaml:2:19: client x: quota.per: "year" is no period; use hour, day, week, month or ever`},
		{"upstream and targets", "realm: a\napis: [{name: x, path: /x, upstream: http://a, targets: [{url: http://b}]}]", "f.yaml:2:48: api x: targets: give upstream or targets, not both"},
		{"a path twice by other names", "realm: a\napis: [{name: x, path: '/x/{a}', upstream: http://a}, {name: y, path: '/x/{b}', upstream: http://a}]", "f.yaml:2:65: api y: path: /x/{b} is already served by an api of this file, line 2; one path leads to one api, unless header conditions tell them apart"},
		{"a level of sign-in", "realm: a\nsign_in: {acr: high}", `f.yaml:2:1: sign_in.acr: "high" is not a level; use 1, 2, phr`},
		{"a grant for all", "realm: a\nregistration: {mode: open, grants: [implicit]}", `f.yaml:2:1: registration.grants: there is no grant "implicit"; there are client_credentials, password, refresh_token`},
		{"a method", "realm: a\nclients: [{id: x, auth_method: private_key_jwt}]", "f.yaml:2:19: client x: auth_method: private_key_jwt needs the client's public keys; give jwks or jwks_uri"},
		{"a claim", "realm: a\nclients: [{id: x, openid: {claims: {a: nobody.name}}}]", `f.yaml:2:19: client x: openid.claims: "a": undeclared reference to 'nobody' (at character 1)`},
		{"no keys", "realm: a\nclients: [{id: x, jwks: 'what'}]", "f.yaml:2:25: jwks: is not JSON; write keys with values"},
		{"a sealed secret alone", "realm: a\nclients: [{id: x, secrets: [{secret: s, secret_sealed: eA==}]}]", "f.yaml:2:41: client x: secret_sealed: needs id and secret_hash beside it; copy all three from an export"},
		{"half a registration", "realm: a\nclients: [{id: x, registered: {token_hash: abc}}]", "f.yaml:2:32: client x: registered: needs at, and token_hash, a SHA-256 in hex; copy both from an export"},
		{"a birthday", "realm: a\nusers: [{name: x, profile: {birthdate: 31.12.1990}}]", `f.yaml:2:19: user x: profile.birthdate: "31.12.1990" is not a date; write 1990-12-31, 0000-12-31 without the year, or 1990 alone`},
		{"no attributes", "realm: a\nusers: [{name: x, attributes: [a]}]", "f.yaml:2:31: attributes: want keys with values"},
		{"a path twice", "realm: a\napis: [{name: x, path: /x, upstream: http://a}, {name: y, path: /x, upstream: http://a}]", "f.yaml:2:59: api y: path: /x is already served by an api of this file, line 2; one path leads to one api, unless header conditions tell them apart"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := deployment.Parse("f.yaml", []byte(tc.text), checks())
			if err == nil {
				t.Fatal("accepted")
			}
			if err.Error() != tc.want {
				t.Errorf("got  %s\nwant %s", err, tc.want)
			}
		})
	}
}

func TestParseAccepts(t *testing.T) {
	files, err := deployment.Parse("conf/f.yaml", []byte(`
realm: default
users: [{name: 4711, password: 0123, status: on, org: 100000}, {name: b, status: false}]
clients:
  - {id: 2000000006, scopes: [2000000006], secret_env: SET, not_before: 2026-01-31, status: true, type: confidential}
apis: [{name: x, path: /x, targets: [{url: "http://a", weight: 3}]}]
`), checks())
	if err != nil {
		t.Fatal(err)
	}
	f := files[0]
	if u := f.Users[0]; u.Name != "4711" || u.Password != "0123" || u.Status != "on" || u.Org != "100000" || f.Users[1].Status != "off" {
		t.Errorf("users: %+v", f.Users)
	}
	c := f.Clients[0]
	if c.ID != "2000000006" || c.Scopes[0] != "2000000006" || c.Secret != "from the environment" || c.SecretEnv != "" || c.Status != "on" ||
		!c.NotBefore.Equal(time.Date(2026, 1, 31, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("client: %+v", c)
	}
	if a := f.APIs[0]; a.Upstream != "" || len(a.Targets) != 1 || a.Targets[0].URL != "http://a" || a.Targets[0].Weight != 3 {
		t.Errorf("api: %+v", a)
	}
}

// FuzzParse: a file is refused with places, or can be stored, after which storing it again changes nothing.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{base, everything, "realm: a\n---\nrealm: b\nhosts: [x]", "realm: default\nclients: [{id: on, generated: true}]", "realm: default\nusers:\n  - {name: x, password_env: SET}", "a: [", "realm: default\ndialects:\n- digirunner: {wrong_password_status: 400}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		files, err := deployment.Parse("f.yaml", []byte(text), checks())
		if err != nil {
			var faults strictyaml.Errors
			if !errors.As(err, &faults) || !strings.HasPrefix(err.Error(), "f.yaml") {
				t.Fatalf("without a place: %v", err)
			}
			return
		}
		m := &memory{}
		p := deployment.Planner{Store: m, Hasher: hasher{}, Now: func() time.Time { return now }, Prune: true, Master: askMaster}
		planned, err := p.Plan(context.Background(), files)
		if faults := (strictyaml.Errors)(nil); errors.As(err, &faults) {
			return // a secret that is too short for what it is for, or sealed elsewhere
		}
		if err != nil {
			t.Fatal(err)
		}
		if err := planned.Commit(context.Background(), m, now); err != nil {
			t.Fatal(err)
		}
		again, err := p.Plan(context.Background(), files)
		if err != nil || !again.Changes.Empty() {
			t.Fatalf("a second time: %v %s", err, again.Diff)
		}
	})
}
