package deployment_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/api"
	"sallyport/client"
	"sallyport/deployment"
)

// everything says something in every field of a client and an API.
const everything = `
realm: default
dialects: [ddi]
clients:
  - id: all
    name: All
    description: Every field
    url: https://a.example/
    secret_hash: "sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
    type: confidential
    status: locked
    trusted: true
    grants: [password]
    scopes: [read]
    audience: [https://b.example]
    authorities: [x]
    redirect_uris: ["https://a.example/cb"]
    access_token: {format: opaque, ttl: 1h}
    refresh_token: {ttl: 30d, idle: 1h, rotate: false, grace: 0s, uses: 3}
    not_before: 2026-01-31
    not_after: 2027-01-31T08:00:00Z
    addresses: [192.0.2.7, 10.0.0.0/8, "2001:db8::/32"]
    hours: "22:00-06:00 Asia/Taipei"
    rate: 100
    quota: {calls: 5000000000, per: month, zone: Europe/Berlin}
    token_uses: 6000000000
    priority: 1
    certificates: ["CN=shop,O=Example", 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef]
apis:
  - name: all
    host: "*.example.org"
    path: /orders/{id}
    exact: true
    headers: [{name: Api-Version, value: "2"}, {name: beta}]
    allow: [GET, POST]
    strip: true
    module: orders
    auth: [bearer]
    scopes: [read]
    methods: {POST: [write], GET: []}
    strict: true
    routes:
      - path: /items/{item}
        exact: true
        allow: [GET]
        headers: [{name: x}]
        auth: [bearer]
        scopes: [items]
      - path: /any
        scopes: []
      - path: /open
        auth: [none]
    policies: [ratelimit: {rate: 100/s}]
    errors: ddi
    disabled: true
    targets:
      - url: "http://a.example/{id}"
        weight: 3
      - url: http://b.example
        weight: -1
    balance: {by: hash, key: "header:X-Tenant"}
    health: {path: /healthz, every: 10s, timeout: 1s, status: 204, fails: 2, passes: 3}
    eject: {fails: 5, for: 1m, most: 20}
    retry: {attempts: 2, on: [502, 503], budget: 30, any: true}
    timeouts: {connect: 1s, answer: 2m, idle: 1h}
    mirror: {url: http://c.example, percent: 10}
    engine: standard
    http2: true
    upstream_host: caller
  - name: diverted
    path: /diverted
    divert:
      - from: [10.0.0.0/8]
        targets:
          - url: http://a.example
      - from: [0.0.0.0/0, "::/0"]
        targets:
          - url: http://b.example
            weight: 2
          - url: http://c.example
  - name: one
    path: /one
    upstream: http://127.0.0.1:9000
`

func TestEveryFieldIsExported(t *testing.T) {
	m := &memory{}
	commit(t, m, plan(t, m, everything, false))

	// Nothing may be left out of the text above.
	c := *m.clients[0]
	a := *m.apis[0]
	a.Upstream, a.Divert = m.apis[2].Upstream, m.apis[1].Divert
	for _, v := range []reflect.Value{reflect.ValueOf(c), reflect.ValueOf(a), reflect.ValueOf(a.Upstreams), reflect.ValueOf(a.Routes[0])} {
		for i := range v.NumField() {
			if f := v.Type().Field(i); v.Field(i).IsZero() && f.Tag.Get("json") != "-" {
				t.Errorf("the test says nothing in %s.%s", v.Type(), f.Name)
			}
		}
	}

	text, err := deployment.Export(t.Context(), m, "")
	if err != nil {
		t.Fatal(err)
	}
	if p := plan(t, m, string(text), true); !p.Changes.Empty() {
		t.Errorf("applying the export changes\n%s\nexport:\n%s", p.Diff, text)
	}
	fresh := &memory{}
	commit(t, fresh, plan(t, fresh, string(text), true))
	for i := range fresh.clients[0].Secrets { // made anew
		fresh.clients[0].Secrets[i].ID = m.clients[0].Secrets[i].ID
	}
	if d := cmp.Diff(m.clients, fresh.clients); d != "" {
		t.Errorf("elsewhere: %s\n%s", d, text)
	}
	if d := cmp.Diff(m.apis, fresh.apis); d != "" {
		t.Errorf("elsewhere: %s\n%s", d, text)
	}
	again, err := deployment.Export(t.Context(), fresh, "")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(text), string(again)); d != "" {
		t.Errorf("elsewhere: %s", d)
	}

	// What is stored is JSON, and says the same.
	var storedClient client.Client
	var storedAPI api.API
	throughJSON(t, m.clients[0], &storedClient)
	throughJSON(t, m.apis[0], &storedAPI)
	storedClient.Realm, storedAPI.Realm = "default", "default"
	storedAPI.Methods["GET"] = []string{}
	if d := cmp.Diff(m.clients[0], &storedClient) + cmp.Diff(m.apis[0], &storedAPI); d != "" {
		t.Errorf("stored: %s", d)
	}
}

func throughJSON(t *testing.T, from, to any) {
	t.Helper()
	text, err := json.Marshal(from)
	if err == nil {
		err = json.Unmarshal(text, to)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// What changes is told in words.
func TestDiffOfAPIs(t *testing.T) {
	m := &memory{}
	commit(t, m, plan(t, m, "realm: default\napis: [{name: a, path: /a, upstream: http://a, headers: [{name: v, value: '1'}], routes: [{path: /x, scopes: []}]}]\nclients: [{id: c, type: public, rate: 5}]", false))
	p := plan(t, m, `
realm: default
apis: [{name: a, path: "/a/{id}", targets: [{url: http://a, weight: 2}, {url: http://b}], headers: [{name: v, value: '2'}], routes: [{path: /x}], retry: {attempts: 1}}]
clients: [{id: c, type: public, addresses: [10.0.0.0/8], hours: 08:00-18:00 Europe/Berlin, quota: {calls: 5}}]
`, false)
	want := `~ client c: addresses none -> [10.0.0.0/8]; hours none -> "08:00-18:00 Europe/Berlin"; quota none -> {calls: 5}; rate 5 -> none
~ api a: headers [v=1] -> [v=2]; path /a -> /a/{id}; retry none -> {attempts: 1}; routes [{path: /x, scopes: []}] -> [{path: /x}]; targets none -> [{url: http://a, weight: 2} {url: http://b}]; upstream http://a -> none
`
	if d := cmp.Diff(want, p.Diff.String()); d != "" {
		t.Error(d)
	}
}
