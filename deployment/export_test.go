package deployment_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/api"
	"sallyport/client"
	"sallyport/deployment"
	"sallyport/realm"
	"sallyport/user"
)

// everything says something in every field of a realm, a user, a client and an API.
const everything = `
realm: default
issuer: https://login.example.org
hosts: [login.example.org]
dialects: [ddi]
access_token: {format: opaque, ttl: 1h}
refresh_token: {uses: 3}
all_scope: all
keys: {every: 90d}
sign_in: {methods: [password, passkey], acr: "2", idle: 1h, max: 1d, reset: true, verify: true}
registration: {mode: token, grants: [password], scopes: [openid], redirect_hosts: ["*.example.org"], max: 7}
brand:
  name: Reef & Co
  logo: "data:image/svg+xml,%3Csvg%20xmlns=%22http://www.w3.org/2000/svg%22/%3E"
  accent: "#2563eb"
  support: "mailto:help@example.org"
  policy: https://example.org/policy
  terms: https://example.org/terms
require_pkce: true
require_par: true
id_token_alg: ES256
trusted_issuers: [{issuer: "https://p.example.org", audience: [a], client: all}]
users:
  - name: dory
    password_hash: "$2b$04$abcdefghijklmnopqrstuuOBZ1YoHwqEQ9GvYBqxN5aGqbXJ8nVnS"
    status: locked
    alias: Dory
    email: Dory@example.org
    email_verified: true
    org: reef
    roles: [fish]
    profile:
      given_name: Dory
      family_name: Tang
      middle_name: B.
      nickname: Blue
      preferred_username: dory
      profile: https://example.org/dory
      picture: https://example.org/dory.png
      website: http://dory.example.org/
      gender: female
      birthdate: 0000-02-29
      zoneinfo: Australia/Sydney
      locale: en-AU
      phone_number: "+61 2 1234 5678"
      phone_number_verified: true
      address:
        formatted: "42 Wallaby Way\nSydney"
        street_address: 42 Wallaby Way
        locality: Sydney
        region: NSW
        postal_code: "2000"
        country: Australia
    attributes: {level: 7, teams: [{id: a}, b], memory: 0.5, "a key": null, yes: "true"}
clients:
  - id: a-mac
    auth_method: client_secret_jwt
    auth_alg: HS384
    secret: 0123456789012345678901234567890123456789012345678901234567890123
    jwks_uri: https://a.example/jwks
    redirect_uris: ["https://a.example/cb"]
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
    auth_method: private_key_jwt
    auth_alg: ES256
    jwks:
      keys:
        - {kty: EC, crv: P-256, kid: "007", x: MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4, y: 4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM, use: sig}
    openid:
      application_type: web
      contacts: [ops@a.example]
      logo_uri: https://a.example/logo.png
      policy_uri: https://a.example/policy
      tos_uri: https://a.example/tos
      subject_type: pairwise
      sector_identifier_uri: https://a.example/sector.json
      id_token_alg: PS256
      userinfo_alg: RS256
      request_object_alg: EdDSA
      request_uris: ["https://a.example/request.jwt#abc"]
      require_par: true
      require_pkce: true
      require_signed_request: true
      default_max_age: 0
      require_auth_time: true
      default_acr_values: ["2", phr]
      initiate_login_uri: https://a.example/login
      claims: {department: 'user.attributes["department"]', team: "user.roles.filter(r, r != 'x')"}
      skip_consent: true
      post_logout_redirect_uris: ["https://a.example/bye"]
      backchannel_logout_uri: https://a.example/back
      backchannel_logout_session_required: true
      frontchannel_logout_uri: https://a.example/front
      frontchannel_logout_session_required: true
    registered:
      at: 2026-05-04T03:02:01Z
      token_hash: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
      metadata: {client_name#de: Alles, software_id: x, list: [1, {a: b}]}
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
	if m.clients[0].ID != "a-mac" || len(m.clients[0].Secrets[0].Sealed) == 0 {
		t.Errorf("the secret of a client that makes MACs is not kept: %+v", m.clients[0])
	}
	c := *m.clients[1]
	c.JWKSURI = m.clients[0].JWKSURI
	a := *m.apis[0]
	a.Upstream, a.Divert = m.apis[2].Upstream, m.apis[1].Divert
	r, u := *m.realms[0], *m.users[0]
	for _, v := range []reflect.Value{
		reflect.ValueOf(c), reflect.ValueOf(c.OpenID), reflect.ValueOf(*c.Registered),
		reflect.ValueOf(a), reflect.ValueOf(a.Upstreams), reflect.ValueOf(a.Routes[0]),
		reflect.ValueOf(r), reflect.ValueOf(r.SignIn), reflect.ValueOf(r.Registration), reflect.ValueOf(r.Brand),
		reflect.ValueOf(u), reflect.ValueOf(u.Profile), reflect.ValueOf(u.Profile.Address),
	} {
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
	for i := range fresh.clients[1].Secrets { // made anew
		fresh.clients[1].Secrets[i].ID = m.clients[1].Secrets[i].ID
	}
	if d := cmp.Diff(m.realms, fresh.realms) + cmp.Diff(m.users, fresh.users); d != "" {
		t.Errorf("elsewhere: %s\n%s", d, text)
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
	var storedRealm realm.Realm
	var storedUser user.User
	throughJSON(t, m.clients[1], &storedClient)
	throughJSON(t, m.realms[0], &storedRealm)
	throughJSON(t, m.users[0], &storedUser)
	storedUser.Realm, storedUser.Password = "default", m.users[0].Password
	throughJSON(t, m.apis[0], &storedAPI)
	storedClient.Realm, storedAPI.Realm = "default", "default"
	storedAPI.Methods["GET"] = []string{}
	if d := cmp.Diff(m.clients[1], &storedClient) + cmp.Diff(m.realms[0], &storedRealm) + cmp.Diff(m.users[0], &storedUser) + cmp.Diff(m.apis[0], &storedAPI); d != "" {
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
