package digirunner_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"sallyport/api"
	"sallyport/dialect"
	"sallyport/dialect/digirunner"
	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/realm"
	"sallyport/web"
)

// A callRow is a call of an API that was refused, after the gateway has found out as much about it as it does.
type callRow struct {
	name, tries string
	refusal     policy.Refusal
	way, client string // of the caller
	named       bool   // the API was called by module and name
	locale      string
	status      int
	body        string
}

// code is an error of the product's filters.
func code(number, text string) string {
	return "{\n  \"txSN\" : null,\n  \"txDate\" : null,\n  \"txID\" : null,\n  \"rtnCode\" : \"" + number + "\",\n  \"rtnMsg\" : \"" + number + " - " + text + "\"\n}"
}

// callRows are read beside the product's pipeline: each refusal in the order of its checks.
func callRows() []callRow {
	const path = "/dgrc/orders/7"
	because := func(status int, reason oauth.Reason, facts ...string) policy.Refusal {
		r := policy.Refusal{Status: status, Reason: reason, Detail: "In our words."}
		for i := 0; i+1 < len(facts); i += 2 {
			r.Facts = append(r.Facts, policy.Fact{Name: facts[i], Value: facts[i+1]})
		}
		return r
	}
	about := func(subject string, r policy.Refusal) policy.Refusal { r.Subject = subject; return r }
	by := func(way string, r policy.Refusal) policy.Refusal { r.Policy = way; return r }
	const when = "2026-02-28T12:00:00Z"
	one := func(status, err, message string) string { return e1(status, err, message, path) }
	return []callRow{
		{name: "host", tries: "gateway/host_refused", refusal: because(421, policy.HostRefused), status: 401, body: code("9978", "Illegal Host Header")},
		{name: "host, in Chinese", tries: "gateway/host_refused", refusal: because(421, policy.HostRefused), locale: "zh-TW", status: 401, body: code("9978", "不合法的 Host Header")},
		{name: "no such API", tries: "gateway/api_unknown", refusal: because(404, policy.APIUnknown), status: 404, body: code("0125", "API not found")},
		{name: "no such API, in English", tries: "gateway/api_unknown", refusal: because(404, policy.APIUnknown), locale: "en-US", status: 404, body: code("0125", "API not found")},
		{name: "no such API, in Chinese", tries: "gateway/api_unknown", refusal: because(404, policy.APIUnknown), locale: "zh_tw", status: 404, body: code("0125", "API不存在")},
		{name: "no such API, in a language nobody has", tries: "gateway/api_unknown", refusal: because(404, policy.APIUnknown), locale: "de-DE", status: 404, body: code("0125", "API not found")},
		{name: "off", tries: "gateway/api_disabled", refusal: because(503, policy.APIDisabled), status: 503, body: one("503", "disabled", "API was disabled")},
		{name: "too fast", tries: "gateway/rate_exceeded", refusal: because(429, policy.RateExceeded), client: "tsp", status: 429, body: one("429", "tps", "Client requests exceeds TPS limit. client:tsp")},
		{name: "too fast, and nobody yet", tries: "gateway/rate_exceeded", refusal: because(429, policy.RateExceeded), status: 429, body: one("429", "tps", "Client requests exceeds TPS limit. client:192.0.2.9")},
		{name: "method", tries: "gateway/method_not_allowed", refusal: because(405, policy.MethodNotAllowed), status: 405,
			body: one("405", "Method Not Allowed", "Method not allowed. api_key:/orders,module_name:sales,method:PUT")},
		{name: "method of a named API", tries: "gateway/method_not_allowed", refusal: because(405, policy.MethodNotAllowed), named: true, status: 405,
			body: one("405", "Method Not Allowed", "Method not allowed. api_key:orders-api,module_name:sales,method:PUT")},

		{name: "bearer: garbage", tries: "gateway/token_malformed", refusal: by("bearer", because(400, oauth.RequestMalformed)), status: 401, body: e2("invalid_token", notJSON)},
		{name: "bearer: client gone", tries: "common/client_unknown", refusal: by("bearer", about("gone", because(401, oauth.ClientUnknown))), status: 401,
			body: one("401", "Unauthorized", "The client(application) was not found. client_id: gone")},
		{name: "bearer: client off", tries: "common/client_disabled", refusal: by("bearer", about("tsp", because(401, oauth.ClientDisabled))), status: 403,
			body: one("403", "Forbidden", "'tsp' Client(application) disable")},
		{name: "client off", tries: "common/client_disabled", refusal: about("tsp", because(403, oauth.ClientDisabled)), client: "tsp", status: 403,
			body: one("403", "Forbidden", "'tsp' Client(application) disable")},
		{name: "client locked", tries: "common/client_locked", refusal: about("tsp", because(403, oauth.ClientLocked)), status: 403,
			body: one("403", "Forbidden", "'tsp' Client(application) locked")},
		{name: "host list", tries: "gateway/client_address", refusal: about("tsp", because(403, policy.ClientAddress, policy.FactAddress, "198.51.100.7", "addresses of the client", "[10.0.0.0/8]")), status: 403,
			body: one("403", "Forbidden", "ip(198.51.100.7) does not match host list, the clientId is 'tsp'")},
		{name: "too early", tries: "common/client_not_yet_valid", refusal: about("tsp", because(403, oauth.ClientNotYetValid, policy.FactFirst, when)), status: 403,
			body: one("403", "Client before start day", "Client before start day, start day(yyyy-MM-ddZ): 2026-02-28+0000")},
		{name: "too late", tries: "common/client_expired", refusal: about("tsp", because(403, oauth.ClientExpired, policy.FactLast, when)), status: 403,
			body: one("403", "Client expired", "Client expired, end day(yyyy-MM-ddZ): 2026-02-28+0000")},
		{name: "hours", tries: "gateway/client_hours", refusal: about("tsp", because(403, policy.ClientHours, policy.FactHours, "08:00-18:00 Asia/Taipei", "now", "20:30 CST")), status: 403,
			body: one("403", "Client(application) service time not available",
				"Client(application) service time not available, Start Time(HH:mmZ): 08:00+0800, End Time(HH:mmZ): 18:00+0800, Now(HH:mmZ): 20:30+0800")},
		{name: "bearer: scope", tries: "gateway/scope_missing", refusal: because(403, oauth.ScopeMissing), way: "bearer", client: "tsp", status: 403,
			body: one("403", "Forbidden", "Token Violates Scope Authorization Access Settings")},
		{name: "quota", tries: "gateway/quota_exceeded", refusal: because(429, policy.QuotaExceeded), way: "bearer", client: "tsp", status: 403,
			body: one("403", "Client(application) quota ran out", "Client(application) quota ran out, client_id: tsp")},
		{name: "uses of a token", tries: "gateway/token_uses_exceeded", refusal: because(403, policy.TokenUsesExceeded), way: "bearer", client: "tsp", status: 403,
			body: e2("Over Access Token Allow Times", "Over Access Token Allow Times")},

		{name: "basic: not Base64", tries: "basic/request_malformed", refusal: by("basic", because(400, oauth.RequestMalformed)), status: 401, body: one("401", "Unauthorized", "Unauthorized")},
		{name: "basic: unknown", tries: "common/client_unknown", refusal: by("basic", about("who", because(401, oauth.ClientUnknown))), status: 401,
			body: one("401", "Unauthorized", "The client(application) was not found. client_id: who")},
		{name: "basic: wrong secret", tries: "common/client_secret_wrong", refusal: by("basic", about("tsp", because(401, oauth.SecretWrong))), status: 401,
			body: one("401", "Unauthorized", "The client account or password is incorrect. clientId: tsp")},
		{name: "basic: grant", tries: "basic/grant_not_allowed", refusal: by("basic", about("tsp", because(403, oauth.GrantNotAllowed))), status: 400,
			body: e2("invalid_request", "Unauthorized grant type: client_credentials")},
		{name: "basic: scope", tries: "gateway/scope_missing", refusal: because(403, oauth.ScopeMissing), way: "basic", client: "tsp", status: 403,
			body: one("403", "Forbidden", "Token Violates Scope Authorization Access Settings")},

		{name: "key: unknown", tries: "apikey/key_unknown", refusal: by("apikey", because(401, policy.KeyUnknown)), status: 401, body: one("401", "Unauthorized", "X-Api-Key Not Found")},
		{name: "key: too early", tries: "apikey/key_not_yet_valid", refusal: by("apikey", because(401, policy.KeyNotYetValid, policy.FactFirst, when)), status: 401,
			body: one("401", "Unauthorized", "X-Api-Key is not valid, effective date is 2026/02/28 12:00:00.000")},
		{name: "key: expired", tries: "apikey/key_expired", refusal: by("apikey", because(401, policy.KeyExpired, policy.FactLast, when)), status: 401,
			body: one("401", "Unauthorized", "X-Api-Key Has Expired, expired at: 2026/02/28 12:00:00.000")},
		{name: "key: another API's", tries: "apikey/key_wrong_api", refusal: by("apikey", because(403, policy.KeyWrongAPI)), status: 403,
			body: one("403", "Forbidden", "X-Api-Key Violates Scope Authorization Access Settings")},
		{name: "key: scope", tries: "apikey/scope_missing", refusal: by("scope", because(403, oauth.ScopeMissing)), way: "apikey", client: "tsp", status: 403,
			body: one("403", "Forbidden", "X-Api-Key Violates Scope Authorization Access Settings")},
		{name: "key: revoked, for which there are no words", refusal: by("apikey", because(401, policy.KeyRevoked)), status: 401, body: one("401", "Unauthorized", "In our words.")},

		{name: "DGRK: garbage", tries: "signature/request_malformed", refusal: by("signature", because(400, oauth.RequestMalformed)), status: 401, body: one("401", "Unauthorized", "Unauthorized")},
		{name: "DGRK: a body that is not JSON", refusal: by("signature", because(400, policy.BodyMalformed)), status: 400, body: one("400", "Bad Request", "In our words.")},
		{name: "DGRK: unknown", tries: "signature/key_unknown", refusal: by("signature", because(401, policy.KeyUnknown)), status: 401, body: one("401", "Unauthorized", "API Key Not Found")},
		{name: "DGRK: wrong", tries: "signature/signature_wrong", refusal: by("signature", because(401, policy.SignatureWrong)), status: 401, body: one("401", "Unauthorized", "API Key Signature Incorrect")},
		{name: "DGRK: off", tries: "signature/key_disabled", refusal: by("signature", because(401, policy.KeyDisabled)), status: 401, body: one("401", "Unauthorized", "API Key Status is Deactived")},
		{name: "DGRK: revoked", tries: "signature/key_revoked", refusal: by("signature", because(401, policy.KeyRevoked, policy.FactRevoked, when)), status: 401,
			body: one("401", "Unauthorized", "API Key Has Revoked, revoked at: 2026/02/28 12:00:00.000")},
		{name: "DGRK: expired", tries: "signature/key_expired", refusal: by("signature", because(401, policy.KeyExpired, policy.FactLast, when)), status: 401,
			body: one("401", "Unauthorized", "API Key Has Expired, expired at: 2026/02/28 12:00:00.000")},
		{name: "DGRK: used up", tries: "signature/key_exhausted", refusal: by("signature", because(401, policy.KeyExhausted)), status: 401, body: one("401", "Unauthorized", "API Key Times Quota is 0")},
		{name: "DGRK: another API's", tries: "signature/key_wrong_api", refusal: by("signature", because(403, policy.KeyWrongAPI)), status: 403, body: one("403", "Forbidden", "Client Permission Denied, Api Key Deny")},
		{name: "DGRK: scope", tries: "signature/scope_missing", refusal: by("scope", because(403, oauth.ScopeMissing)), way: "signature", client: "tsp", status: 403,
			body: one("403", "Forbidden", "Client Permission Denied, Api Key Deny")},

		{name: "no target", tries: "gateway/no_target", refusal: because(403, policy.NoTarget, policy.FactAddress, "192.0.2.9"), status: 401,
			body: e1("401", "Unauthorized", "Missing srcUrl information. ip/fqdn= 192.0.2.9/192.0.2.9", "/orders")},
		{name: "no target for a named API", tries: "gateway/no_target", refusal: because(403, policy.NoTarget, policy.FactAddress, "192.0.2.9"), named: true, status: 401,
			body: e1("401", "Unauthorized", "Missing srcUrl information. ip/fqdn= 192.0.2.9/192.0.2.9", "orders-api")},
	}
}

func TestCallsThatAreRefused(t *testing.T) {
	d := digirunner.New(dialectDeps())
	for _, tc := range callRows() {
		r := httptest.NewRequest(http.MethodPut, "/dgrc/orders/7?secret=1", nil)
		visit := &web.Visit{Context: realm.NewContext(r.Context(), &realm.Realm{Name: realm.Default}), Called: &web.Called{Dialect: "digirunner", Named: tc.named}}
		r = r.WithContext(visit)
		if tc.locale != "" {
			r.Header.Set("locale", tc.locale)
		}
		made := &policy.Call{
			API: &api.API{Name: "orders-api", Path: "/orders", Module: "sales"}, Source: netip.MustParseAddr("192.0.2.9"),
			Time: time.Date(2026, 3, 1, 12, 30, 0, 0, time.UTC), Caller: policy.Caller{Client: tc.client, Way: tc.way},
		}
		w := httptest.NewRecorder()
		d.Refuse(w, r, made, &tc.refusal)
		body := timestamp.ReplaceAllString(w.Body.String(), `"timestamp":"<ms>"`)
		if w.Code != tc.status || body != tc.body {
			t.Errorf("%s:\n got %d %s\nwant %d %s", tc.name, w.Code, body, tc.status, tc.body)
		}
		kind := "application/json"
		if tc.body[1] == '\n' {
			kind = "application/json; charset=utf-8"
		}
		h := w.Header()
		if h.Get("Content-Type") != kind || h.Get("X-Content-Type-Options") != "nosniff" || (w.Code == 401) != (h.Get("WWW-Authenticate") != "") {
			t.Errorf("%s: headers %v", tc.name, h)
		}
	}
}

// TestPathsOfCalls: which paths are the product's, and what of them is the API's.
func TestPathsOfCalls(t *testing.T) {
	const bare, hosts = `{"bare_calls":true}`, `{"bare_calls":true,"hosts":["api.example.org","[2001:db8::1]"]}`
	for _, tc := range []struct {
		settings, host, path string
		want                 *web.Called
	}{
		{"", "", "/dgrc/orders/1", &web.Called{Path: "/orders/1"}},
		{"", "", "/dgrc/", &web.Called{Path: "/"}},
		{"", "", "/dgrc//orders", &web.Called{Path: "//orders"}}, // which the gateway refuses, as it would without the prefix
		{"", "", "/dgrc/../orders", &web.Called{Path: "/../orders"}},
		{"", "", "/dgrc/%2e%2e/orders", &web.Called{Path: "/%2e%2e/orders"}},
		{"", "", "/dgrc/a%2fb;c=d", &web.Called{Path: "/a%2fb;c=d"}},
		{"", "", "/tsmpc/sales/orders/1", &web.Called{Path: "/sales/orders/1", Named: true}},
		{"", "", "/tsmpg/sales/orders", &web.Called{Path: "/sales/orders", Named: true}},
		{"", "", "/tsmpc/", &web.Called{Path: "/", Named: true}},
		{"", "", "/dgrc", nil},
		{"", "", "/dgrcx/orders", nil},
		{"", "", "/DGRC/orders", nil},
		{"", "", "/%64grc/orders", nil},
		{"", "", "//dgrc/orders", nil},
		{"", "", "/dgrc;x/orders", nil},
		{"", "", "/x/dgrc/orders", nil},
		{"", "", "/tsmp/sales/orders", nil},
		{"", "", "/orders", nil},
		{bare, "", "/orders", &web.Called{Path: "/orders"}},
		{bare, "", "/dgrc/orders", &web.Called{Path: "/orders"}},
		{hosts, "api.example.org", "/orders", &web.Called{Path: "/orders"}},
		{hosts, "API.example.org.:8080", "/orders", &web.Called{Path: "/orders"}},
		{hosts, "[2001:db8::1]", "/orders", &web.Called{Path: "/orders"}},
		{hosts, "[2001:db8::1]:443", "/orders", &web.Called{Path: "/orders"}},
		{hosts, "evil.example", "/orders", &web.Called{Path: "/orders", Foreign: true}},
		{hosts, "api.example.org.evil.example", "/dgrc/orders", &web.Called{Path: "/orders", Foreign: true}},
		{hosts, "", "/orders", &web.Called{Path: "/orders", Foreign: true}},
		{`{"hosts":["api.example.org"]}`, "evil.example", "/orders", nil},
		{`{"hosts":["api.example.org"]}`, "evil.example", "/tsmpc/a/b", &web.Called{Path: "/a/b", Named: true, Foreign: true}},
	} {
		d := digirunner.New(dialectDeps())
		if err := d.CheckSettings([]byte(tc.settings)); err != nil {
			t.Fatal(err)
		}
		got, ok := d.(dialect.Caller).Calls([]byte(tc.settings))(tc.host, tc.path)
		if tc.want == nil {
			if ok {
				t.Errorf("%s %s: taken for the product's: %+v", tc.settings, tc.path, got)
			}
			continue
		}
		tc.want.Dialect = "digirunner"
		if !ok || got != *tc.want {
			t.Errorf("%s %s%s: %+v, %v; want %+v", tc.settings, tc.host, tc.path, got, ok, *tc.want)
		}
	}
}

// FuzzPathOfACall: whatever a stranger writes, what is read of it is the end of it, and the rest is one of the prefixes.
func FuzzPathOfACall(f *testing.F) {
	for _, seed := range []string{"/dgrc/a", "/tsmpc/a/b", "/tsmpg//", "/dgrc", "/", "", "/dgrc/%2f", "dgrc/"} {
		f.Add("api.example.org:80", seed)
	}
	read := digirunner.New(dialectDeps()).(dialect.Caller).Calls([]byte(`{"bare_calls":true,"hosts":["api.example.org"]}`))
	f.Fuzz(func(t *testing.T, host, path string) {
		to, ok := read(host, path)
		prefix, isEnd := strings.CutSuffix(path, to.Path)
		if !ok || !isEnd || to.Dialect != "digirunner" {
			t.Fatalf("%q: %+v, %v", path, to, ok)
		}
		named := prefix == "/tsmpc" || prefix == "/tsmpg"
		if to.Named != named || prefix != "" && !named && prefix != "/dgrc" || prefix != "" && !strings.HasPrefix(to.Path, "/") {
			t.Fatalf("%q: %+v", path, to)
		}
		if !to.Foreign && !strings.HasPrefix(strings.ToLower(host), "api.example.org") {
			t.Fatalf("calls are served under %q", host)
		}
	})
}
