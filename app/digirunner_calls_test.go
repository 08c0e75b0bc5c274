package app_test

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"sallyport/app"
	"sallyport/app/apptest"
	"sallyport/credential"
	"sallyport/key"
	"sallyport/store"
)

// A digi is a server that stands in for a digiRunner, before an upstream that says what it is asked for.
type digi struct {
	*apptest.Server
	upstream string
	hours    string // of the client that may not call at this time
	stored   *store.Store
	master   key.Master
}

const digiMaster = "0101010101010101010101010101010101010101010101010101010101010101"

// digiYAML has a client for each of its conditions. %s are settings of the dialect, hours that are over, and four times the
// upstream.
const digiYAML = `realm: default
dialects: [digirunner: %s, kustvakt]
scopes: [{name: "6"}, {name: "7"}]
users: [{name: tspuser, password: user123abcd}]
clients:
  - {id: tsp, secret: tsp-123abcd, scopes: ["6"], grants: [password, client_credentials, refresh_token]}
  - {id: leaver, secret: leaver-123abcd, scopes: ["6"], grants: [client_credentials]}
  - {id: outsider, secret: outsider-123abcd, scopes: ["7"], grants: [client_credentials]}
  - {id: office, secret: office-123abcd, scopes: ["6"], grants: [client_credentials], addresses: [10.0.0.0/8]}
  - {id: worker, secret: worker-123abcd, scopes: ["6"], grants: [client_credentials], hours: %s}
  - {id: early, secret: early-123abcd, scopes: ["6"], grants: [client_credentials], not_before: 2099-01-02}
  - {id: late, secret: late-123abcd, scopes: ["6"], grants: [client_credentials], not_after: 2020-01-02}
  - {id: slow, secret: slow-123abcd, scopes: ["6"], grants: [client_credentials], rate: 1}
  - {id: small, secret: small-123abcd, scopes: ["6"], grants: [client_credentials], quota: {calls: 1, per: ever}}
  - {id: once, secret: once-123abcd, scopes: ["6"], grants: [client_credentials], token_uses: 1}
  - {id: people, secret: people-123abcd, scopes: ["6"], grants: [password]}
apis:
  - {name: orders, path: /orders, upstream: %[3]s, auth: [bearer, basic, apikey, signature], scopes: ["6"], allow: [GET, POST]}
  - {name: special, path: /orders/special, upstream: %[3]s, scopes: ["7"]}
  - {name: items, module: sales, path: /v1/items, upstream: %[3]s, strip: true, scopes: ["6"]}
  - {name: one, path: /one, exact: true, upstream: %[3]s, scopes: ["6"]}
  - {name: thing, path: "/things/{p}", upstream: "%[3]s/t/{p}", strip: true, exact: true, scopes: ["6"]}
  - {name: v1, path: /v, upstream: %[3]s, auth: [none]}
  - {name: v2, path: /v, upstream: %[3]s, scopes: ["7"], headers: [{name: X-Version, value: "2"}]}
  - {name: hosted, path: /hosted, host: only.example.org, upstream: %[3]s, auth: [none]}
  - {name: off, path: /off, upstream: %[3]s, disabled: true}
  - {name: limited, path: /limited, upstream: %[3]s, auth: [bearer, apikey], scopes: ["6"], policies: [ratelimit, quota: {token_uses: true}]}
  - {name: signed, path: /signed, upstream: %[3]s, auth: [signature], scopes: ["6"]}
  - {name: office, path: /office, auth: [none], divert: [{from: [10.0.0.0/8], targets: [{url: %[3]s}]}]}
  - {name: korap, path: /korap, upstream: %[3]s, errors: kustvakt}
  - {name: back, path: /back, upstream: %[3]s, auth: [bearer, apikey], scopes: ["6"], policies: [backauth: {token_payload: true}]}
`

func newDigi(t *testing.T, settings string, options ...apptest.Option) *digi {
	t.Helper()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Content-Type"] = []string{"application/json"}
		_ = json.NewEncoder(w).Encode(map[string]string{
			"uri": r.RequestURI, "authorization": r.Header.Get("Authorization"), "payload": r.Header.Get("tokenpayload"), "key": r.Header.Get("X-Api-Key"),
		})
	}))
	t.Cleanup(upstream.Close)
	past := time.Now().UTC().Add(-3 * time.Hour)
	d := &digi{upstream: upstream.URL, hours: past.Format("15:04") + "-" + past.Add(time.Hour).Format("15:04")}
	folder := ""
	options = append(options, apptest.With(func(c *app.Config) { folder, c.MasterKey = c.Data, digiMaster }))
	d.Server = apptest.New(t, fmt.Sprintf(digiYAML, settings, d.hours, upstream.URL), options...)
	var err error
	if d.master, err = key.LoadMaster("", digiMaster); err != nil {
		t.Fatal(err)
	}
	// Credentials are made by another process, as the command line makes them.
	if d.stored, err = store.Open(t.Context(), store.Options{URL: filepath.Join(folder, "sallyport.db")}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.stored.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

// doubly is the product's Basic header of its token endpoint, single that of its gateway.
func doubly(id, secret string) string {
	return single(id, base64.StdEncoding.EncodeToString([]byte(secret)))
}

func single(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
}

// bearer gets a token for a client.
func (d *digi) bearer(t *testing.T, client string) string {
	t.Helper()
	a := d.Do(t, "POST", "/oauth/token", "grant_type=client_credentials", "Content-Type", "application/x-www-form-urlencoded", "Authorization", doubly(client, client+"-123abcd"))
	var body struct {
		AccessToken string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(a.Body), &body); err != nil || body.AccessToken == "" {
		t.Fatalf("no token for %s: %d %s", client, a.Status, a.Body)
	}
	return "Bearer " + body.AccessToken
}

// key makes an API key for a client.
func (d *digi) key(t *testing.T, client string, change func(*credential.Credential)) string {
	t.Helper()
	plain, c := credential.NewAPIKey("default", client, time.Now())
	if change != nil {
		change(c)
	}
	d.put(t, c)
	return plain
}

func (d *digi) put(t *testing.T, c *credential.Credential) {
	t.Helper()
	if err := d.stored.PutCredential(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

// signer makes a signing key for a client. What it returns signs a body that is minified already.
func (d *digi) signer(t *testing.T, client string, change func(*credential.Credential)) func(body string) string {
	t.Helper()
	id, secret, c, err := credential.NewSignature(d.master, "default", client, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if change != nil {
		change(c)
	}
	d.put(t, c)
	return func(body string) string {
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(body + id + secret))
		return "DGRK " + id + "." + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
}

// A digiCall is a call and what the product answers. An empty want is the upstream's answer.
type digiCall struct {
	name, method, path string
	header             []string
	status             int
	want               string
}

// What a test cannot know of an answer: when it was given.
var (
	stamped = regexp.MustCompile(`^\{"timestamp":"\d{13}"`)
	clocked = regexp.MustCompile(`Now\(HH:mmZ\): \d\d:\d\d\+0000`)
)

func (d *digi) try(t *testing.T, calls []digiCall) {
	t.Helper()
	for _, c := range calls {
		method := c.method
		if method == "" {
			method = "GET"
		}
		a := d.Do(t, method, c.path, "", c.header...)
		body := stamped.ReplaceAllString(a.Body, `{"timestamp":"<ms>"`)
		body = clocked.ReplaceAllString(body, "Now(HH:mmZ): <now>")
		if a.Status != c.status || c.want != "" && body != c.want {
			t.Errorf("%s: %s %s\n got %d %s\nwant %d %s", c.name, method, c.path, a.Status, body, c.status, c.want)
		}
		if a.Status == 401 && a.Header.Get("WWW-Authenticate") == "" {
			t.Errorf("%s: 401 without a challenge", c.name)
		}
	}
}

// The product's two ordinary error bodies, and that of its filters.
func digiE1(status int, kind, message, path string) string {
	return fmt.Sprintf(`{"timestamp":"<ms>","status":%d,"error":"%s","message":"%s","path":"%s"}`, status, kind, message, path)
}

func digiE2(kind, description string) string {
	return fmt.Sprintf(`{"error":"%s","error_description":"%s"}`, kind, description)
}

func digiE3(code, text string) string {
	return fmt.Sprintf("{\n  \"txSN\" : null,\n  \"txDate\" : null,\n  \"txID\" : null,\n  \"rtnCode\" : \"%s\",\n  \"rtnMsg\" : \"%s - %s\"\n}", code, code, text)
}

const noSuchAPI = "API not found"

// TestDigiRunnersPathsOfCalls: the same APIs by every path, decided on by the path that they are registered under.
func TestDigiRunnersPathsOfCalls(t *testing.T) {
	d := newDigi(t, "{}")
	token := d.bearer(t, "tsp")
	for _, tc := range []struct{ path, uri string }{
		{"/dgrc/orders", "/orders"},
		{"/dgrc/orders/1?a=b", "/orders/1?a=b"},
		{"/dgrc/orders/", "/orders/"},
		{"/dgrc/orders/%7E/%C3%A9", "/orders/~/%C3%A9"},
		{"/dgrc/%6frders/1", "/orders/1"},
		{"/tsmpc/orders/orders", "/orders"},
		{"/tsmpc/orders/orders/1/2?a=b", "/orders/1/2?a=b"},
		{"/tsmpc/%6frders/%6frders/1", "/orders/1"},
		{"/tsmpg/orders/orders/1", "/orders/1"},
		{"/tsmpc/sales/items/1", "/1"},
		{"/dgrc/v1/items/1", "/1"},
		{"/tsmpc/one/one", "/one"},
		{"/dgrc/things/5", "/t/5"},
		{"/orders/1", "/orders/1"},
		{"/realms/default/dgrc/orders/1", "/orders/1"},
		{"/realms/default/tsmpc/orders/orders/1", "/orders/1"},
	} {
		a := d.Do(t, "GET", tc.path, "", "Authorization", token)
		var got struct{ URI, Authorization string }
		if err := json.Unmarshal([]byte(a.Body), &got); err != nil || a.Status != 200 || got.URI != tc.uri || got.Authorization != "" {
			t.Errorf("%s: %d %s; want %s", tc.path, a.Status, a.Body, tc.uri)
		}
	}
	var calls []digiCall
	for _, path := range []string{
		"/dgrc/none", "/dgrc/", "/dgrcx/orders", "/tsmpc/orders", "/tsmpc/orders/", "/tsmpc/sales/orders", "/tsmpc/v1/items", "/tsmpc/orders/none",
		"/tsmpc/one/one/more",          // nothing is below it
		"/tsmpc/things/thing/5",        // it has no path of its own without the parameter
		"/tsmpc/orders/orders/special", // another API's path, and rules
	} {
		c := digiCall{name: path, path: path, header: []string{"Authorization", token}, status: 404, want: digiE3("0125", noSuchAPI)}
		if strings.HasPrefix(path, "/dgrcx") { // none of the product's
			c.want = ""
		}
		calls = append(calls, c)
	}
	// One parser reads every path: what the gateway refuses it refuses under each of them.
	for _, path := range []string{"//orders", "/orders//1", "/../orders", "/orders/../off", "/orders/%2e%2e/off", "/orders/%2f", "/orders/..;x/off", "/orders/%252e%252e/off", "/orders/%00", "/orders/%zz"} {
		for _, prefix := range []string{"/dgrc", "/tsmpc/orders", "/tsmpg/orders"} {
			calls = append(calls, digiCall{name: "spelling", path: prefix + path, header: []string{"Authorization", token}, status: 400})
		}
	}
	d.tryRaw(t, calls)
	// What a name opens is what the path opens: conditions of the API and of others are heeded.
	d.try(t, []digiCall{
		{"an API without conditions", "", "/tsmpc/v/v1", nil, 200, ""},
		{"when another has them, and they hold", "", "/tsmpc/v/v1", []string{"X-Version", "2"}, 404, digiE3("0125", noSuchAPI)},
		{"with conditions", "", "/tsmpc/v/v2", []string{"X-Version", "2", "Authorization", token}, 403, ""},
		{"that do not hold", "", "/tsmpc/v/v2", []string{"Authorization", token}, 404, digiE3("0125", noSuchAPI)},
		{"of one host", "", "/tsmpc/hosted/hosted/x", []string{"Host", "only.example.org"}, 200, ""},
		{"on another", "", "/tsmpc/hosted/hosted/x", nil, 404, digiE3("0125", noSuchAPI)},
	})
}

// tryRaw sends paths as they are written, which net/http's client would not.
func (d *digi) tryRaw(t *testing.T, calls []digiCall) {
	t.Helper()
	for _, c := range calls {
		connection, err := net.Dial("tcp", strings.TrimPrefix(d.URL, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(connection, "GET %s HTTP/1.1\r\nHost: api.example.org\r\nConnection: close\r\n%s: %s\r\n\r\n", c.path, c.header[0], c.header[1])
		response, err := http.ReadResponse(bufio.NewReader(connection), nil)
		if err != nil {
			t.Fatalf("%s: %v", c.path, err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil || response.StatusCode != c.status || c.want != "" && string(body) != c.want {
			t.Errorf("%s:\n got %d %s %v\nwant %d %s", c.path, response.StatusCode, body, err, c.status, c.want)
		}
		_ = connection.Close()
	}
}

// TestDigiRunnersRefusals is read beside the product's pipeline and its credentials.
func TestDigiRunnersRefusals(t *testing.T) {
	d := newDigi(t, "{}")
	token, other := d.bearer(t, "tsp"), d.bearer(t, "outsider")
	leaver := d.bearer(t, "leaver")
	d.Apply(t, "realm: default\nclients: [{id: leaver, status: off}]")
	auth := func(value string) []string { return []string{"Authorization", value} }
	withKey := func(key string) []string { return []string{"X-Api-Key", key} }
	past := time.Now().Add(-time.Hour)
	moment := past.UTC().Truncate(time.Second).Format("2006/01/02 15:04:05.000")
	key := d.key(t, "tsp", nil)
	keyOfOther := d.key(t, "outsider", nil)
	keyLater := d.key(t, "tsp", func(c *credential.Credential) { c.NotBefore = time.Date(2099, 1, 2, 3, 4, 5, 0, time.UTC) })
	keyOver := d.key(t, "tsp", func(c *credential.Credential) { c.NotAfter = past })
	keyElsewhere := d.key(t, "tsp", func(c *credential.Credential) { c.APIs = []string{"items"} })
	keyOfOffice := d.key(t, "office", func(c *credential.Credential) { c.NotAfter = past })
	sign := d.signer(t, "tsp", nil)
	signOff := d.signer(t, "tsp", func(c *credential.Credential) { c.Status = credential.Off })
	signRevoked := d.signer(t, "tsp", func(c *credential.Credential) { c.RevokedAt = past })
	signOver := d.signer(t, "tsp", func(c *credential.Credential) { c.NotAfter = past })
	signTwice := d.signer(t, "tsp", func(c *credential.Credential) { c.Uses = 1 })
	signElsewhere := d.signer(t, "tsp", func(c *credential.Credential) { c.APIs = []string{"items"} })
	const path = "/dgrc/orders/1"
	forbidden := func(message string) string { return digiE1(403, "Forbidden", message, path) }
	unauthorized := func(message string) string { return digiE1(401, "Unauthorized", message, path) }
	start, end, _ := strings.Cut(d.hours, "-")
	d.try(t, []digiCall{
		// 3.2, in the order of checks: each call fails all the later ones too.
		{"no such API", "", "/dgrc/none", nil, 404, digiE3("0125", noSuchAPI)},
		{"no such API, in Chinese", "", "/dgrc/none", []string{"locale", "zh-TW"}, 404, digiE3("0125", "API不存在")},
		{"no such API, in English", "", "/dgrc/none", []string{"locale", "en-US"}, 404, digiE3("0125", noSuchAPI)},
		{"off", "PUT", "/dgrc/off", nil, 503, digiE1(503, "disabled", "API was disabled", "/dgrc/off")},
		{"method", "PUT", path, nil, 405, digiE1(405, "Method Not Allowed", "Method not allowed. api_key:/orders,module_name:orders,method:PUT", path)},
		{"method, by name", "PUT", "/tsmpc/orders/orders", nil, 405,
			digiE1(405, "Method Not Allowed", "Method not allowed. api_key:orders,module_name:orders,method:PUT", "/tsmpc/orders/orders")},
		{"no credential", "", path, nil, 401, unauthorized("Unauthorized")},
		{"no target", "", "/dgrc/office/x", nil, 401, digiE1(401, "Unauthorized", "Missing srcUrl information. ip/fqdn= 127.0.0.1/127.0.0.1", "/office")},
		{"no target, by name", "", "/tsmpc/office/office", nil, 401, digiE1(401, "Unauthorized", "Missing srcUrl information. ip/fqdn= 127.0.0.1/127.0.0.1", "office")},

		// 3.3: bearer.
		{"a token", "", path, auth(token), 200, ""},
		{"garbage", "", path, auth("Bearer garbage"), 401, digiE2("invalid_token", "Cannot convert access token to JSON")},
		{"garbage of another kind", "", path, auth("Bearer %%"), 401, digiE2("invalid_token", "Cannot convert access token to JSON")},
		{"a forged one", "", path, auth(token + "x"), 401, digiE2("invalid_token", "Cannot convert access token to JSON")},
		{"client off", "", path, auth(leaver), 403, forbidden("'leaver' Client(application) disable")},
		{"scope", "", path, auth(other), 403, forbidden("Token Violates Scope Authorization Access Settings")},
		{"another scheme", "", path, auth("Digest x"), 401, unauthorized("Unauthorized")},
		{"host list", "", path, auth(d.bearer(t, "office")), 403, forbidden("ip(127.0.0.1) does not match host list, the clientId is 'office'")},
		{"hours", "", path, auth(d.bearer(t, "worker")), 403, digiE1(403, "Client(application) service time not available",
			"Client(application) service time not available, Start Time(HH:mmZ): "+start+"+0000, End Time(HH:mmZ): "+end+"+0000, Now(HH:mmZ): <now>", path)},

		// Basic.
		{"basic", "", path, auth(single("tsp", "tsp-123abcd")), 200, ""},
		{"basic: not Base64", "", path, auth("Basic %%%"), 401, unauthorized("Unauthorized")},
		{"basic: unknown", "", path, auth(single("nobody", "x")), 401, unauthorized("The client(application) was not found. client_id: nobody")},
		{"basic: wrong", "", path, auth(single("tsp", "guess")), 401, unauthorized("The client account or password is incorrect. clientId: tsp")},
		{"basic: encoded twice, as at the token endpoint", "", path, auth(doubly("tsp", "tsp-123abcd")), 401, unauthorized("The client account or password is incorrect. clientId: tsp")},
		{"basic: off", "", path, auth(single("leaver", "leaver-123abcd")), 403, forbidden("'leaver' Client(application) disable")},
		{"basic: early", "", path, auth(single("early", "early-123abcd")), 403,
			digiE1(403, "Client before start day", "Client before start day, start day(yyyy-MM-ddZ): 2099-01-02+0000", path)},
		{"basic: late", "", path, auth(single("late", "late-123abcd")), 403, digiE1(403, "Client expired", "Client expired, end day(yyyy-MM-ddZ): 2020-01-02+0000", path)},
		{"basic: grant", "", path, auth(single("people", "people-123abcd")), 400, digiE2("invalid_request", "Unauthorized grant type: client_credentials")},
		{"basic: scope", "", path, auth(single("outsider", "outsider-123abcd")), 403, forbidden("Token Violates Scope Authorization Access Settings")},

		// x-api-key.
		{"key", "", path, withKey(key), 200, ""},
		{"key: unknown", "", path, withKey("nobody's"), 401, unauthorized("X-Api-Key Not Found")},
		{"key: early", "", path, withKey(keyLater), 401, unauthorized("X-Api-Key is not valid, effective date is 2099/01/02 03:04:05.000")},
		{"key: over", "", path, withKey(keyOver), 401, unauthorized("X-Api-Key Has Expired, expired at: " + moment)},
		{"key: the client comes first", "", path, withKey(keyOfOffice), 403, forbidden("ip(127.0.0.1) does not match host list, the clientId is 'office'")},
		{"key: scope", "", path, withKey(keyOfOther), 403, forbidden("X-Api-Key Violates Scope Authorization Access Settings")},
		{"key: another API's", "", path, withKey(keyElsewhere), 403, forbidden("X-Api-Key Violates Scope Authorization Access Settings")},
		{"key and a bad token", "", path, append(withKey(key), auth("Bearer garbage")...), 401, digiE2("invalid_token", "Cannot convert access token to JSON")},

		// DGRK.
		{"DGRK", "", path, auth(sign("")), 200, ""},
		{"DGRK: unknown", "", path, auth("DGRK nobody.x"), 401, unauthorized("API Key Not Found")},
		{"DGRK: wrong", "", path, auth(sign("{}")), 401, unauthorized("API Key Signature Incorrect")},
		{"DGRK: off", "", path, auth(signOff("")), 401, unauthorized("API Key Status is Deactived")},
		{"DGRK: revoked", "", path, auth(signRevoked("")), 401, unauthorized("API Key Has Revoked, revoked at: " + moment)},
		{"DGRK: over", "", path, auth(signOver("")), 401, unauthorized("API Key Has Expired, expired at: " + moment)},
		{"DGRK: once", "", path, auth(signTwice("")), 200, ""},
		{"DGRK: twice", "", path, auth(signTwice("")), 401, unauthorized("API Key Times Quota is 0")},
		{"DGRK: another API's", "", path, auth(signElsewhere("")), 403, forbidden("Client Permission Denied, Api Key Deny")},
		{"DGRK: off comes after wrong", "", path, auth(signOff("{}")), 401, unauthorized("API Key Signature Incorrect")},

		// How much.
		{"uses of a token", "", "/dgrc/limited", auth(d.bearer(t, "once")), 200, ""},
		{"a call of the quota", "", "/dgrc/limited", auth(d.bearer(t, "small")), 200, ""},
		{"none is left", "", "/dgrc/limited", auth(d.bearer(t, "small")), 403,
			digiE1(403, "Client(application) quota ran out", "Client(application) quota ran out, client_id: small", "/dgrc/limited")},
		{"a call in a second", "", "/dgrc/limited", auth(d.bearer(t, "slow")), 200, ""},
		{"another one", "", "/dgrc/limited", auth(d.bearer(t, "slow")), 429, digiE1(429, "tps", "Client requests exceeds TPS limit. client:slow", "/dgrc/limited")},
	})
	once := auth(d.bearer(t, "once"))
	d.try(t, []digiCall{
		{"first use", "", "/dgrc/limited", once, 200, ""},
		{"second use", "", "/dgrc/limited", once, 403, digiE2("Over Access Token Allow Times", "Over Access Token Allow Times")},
	})
	d.Clock.Advance(25 * time.Hour)
	d.try(t, []digiCall{{"expired", "", path, auth(token), 401, digiE2("invalid_token", "Access token expired: "+strings.TrimPrefix(token, "Bearer "))}})
}
