package app_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"sallyport/app"
	"sallyport/app/apptest"
)

// What digiRunner's gateway does and ours does not, because it does harm.

// TestAStrangerUsesUpNobodysRate: the product counts calls by the client that a token names, before it looks at the token.
func TestAStrangerUsesUpNobodysRate(t *testing.T) {
	d := newDigi(t, "{}")
	token := d.bearer(t, "slow")
	forged := token[:len(token)-4] + "AAAA"
	for range 20 {
		if a := d.Do(t, "GET", "/dgrc/limited", "", "Authorization", forged); a.Status != 401 {
			t.Fatalf("a forged token: %d %s", a.Status, a.Body)
		}
	}
	if a := d.Do(t, "GET", "/dgrc/limited", "", "Authorization", token); a.Status != 200 {
		t.Errorf("after a stranger's calls in its name the client was answered %d %s", a.Status, a.Body)
	}
}

// TestCallsWithAKeyAreCounted: the product counts calls with x-api-key for nobody.
func TestCallsWithAKeyAreCounted(t *testing.T) {
	d := newDigi(t, "{}")
	key := d.key(t, "slow", nil)
	var served, slowed int
	for range 5 {
		switch a := d.Do(t, "GET", "/dgrc/limited", "", "X-Api-Key", key); a.Status {
		case 200:
			served++
		case 429:
			slowed++
			if !strings.Contains(a.Body, "Client requests exceeds TPS limit. client:slow") || a.Header.Get("Retry-After") == "" {
				t.Errorf("slowed down: %v %s", a.Header, a.Body)
			}
		default:
			t.Fatalf("%d %s", a.Status, a.Body)
		}
	}
	if served == 0 || slowed == 0 {
		t.Errorf("%d served, %d slowed down", served, slowed)
	}
	small := d.key(t, "small", nil)
	if a := d.Do(t, "GET", "/dgrc/limited", "", "X-Api-Key", small); a.Status != 200 {
		t.Errorf("the one call of a quota: %d %s", a.Status, a.Body)
	}
	if a := d.Do(t, "GET", "/dgrc/limited", "", "X-Api-Key", small); a.Status != 403 || !strings.Contains(a.Body, "quota ran out, client_id: small") {
		t.Errorf("a call over the quota: %d %s", a.Status, a.Body)
	}
}

// TestACallerDoesNotSayWhereItCallsFrom: the product believes X-Forwarded-For, whoever sends it.
func TestACallerDoesNotSayWhereItCallsFrom(t *testing.T) {
	from := []string{"X-Forwarded-For", "10.1.2.3", "X-Real-Ip", "10.1.2.3", "Forwarded", "for=10.1.2.3"}
	d := newDigi(t, "{}")
	token := d.bearer(t, "office")
	if a := d.Do(t, "GET", "/dgrc/orders/1", "", append(from, "Authorization", token)...); a.Status != 403 || !strings.Contains(a.Body, "ip(127.0.0.1) does not match host list") {
		t.Errorf("a client that may not call from here: %d %s", a.Status, a.Body)
	}
	if a := d.Do(t, "GET", "/dgrc/office", "", from...); a.Status != 401 || !strings.Contains(a.Body, "ip/fqdn= 127.0.0.1/") {
		t.Errorf("an API for callers from elsewhere: %d %s", a.Status, a.Body)
	}
	// Of a proxy that is trusted it is believed.
	behind := newDigi(t, "{}", apptest.With(func(c *app.Config) { c.TrustedProxies = []string{"127.0.0.1"} }))
	if a := behind.Do(t, "GET", "/dgrc/orders/1", "", append(from, "Authorization", behind.bearer(t, "office"))...); a.Status != 200 {
		t.Errorf("behind a proxy: %d %s", a.Status, a.Body)
	}
	if a := behind.Do(t, "GET", "/dgrc/office", "", from...); a.Status != 200 {
		t.Errorf("an API for such callers, behind a proxy: %d %s", a.Status, a.Body)
	}
}

// TestStrangersLockNobodyOutOfCalls: three wrong secrets lock the product's client, whoever sent them.
func TestStrangersLockNobodyOutOfCalls(t *testing.T) {
	d := newDigi(t, "{}", apptest.With(func(c *app.Config) { c.TrustedProxies = []string{"127.0.0.1"} }))
	stranger, own := "198.51.100.7", "192.0.2.1"
	slowed := false
	for range 12 {
		switch a := d.Do(t, "GET", "/dgrc/orders/1", "", "Authorization", single("tsp", "guess"), "X-Forwarded-For", stranger); a.Status {
		case 401:
		case 429:
			slowed = true
		default:
			t.Fatalf("a wrong secret: %d %s", a.Status, a.Body)
		}
	}
	if !slowed {
		t.Error("twelve wrong secrets were not slowed down")
	}
	for what, header := range map[string]string{"secret": single("tsp", "tsp-123abcd"), "token": d.bearer(t, "tsp")} {
		if a := d.Do(t, "GET", "/dgrc/orders/1", "", "Authorization", header, "X-Forwarded-For", own); a.Status != 200 {
			t.Errorf("the client itself, by its %s: %d %s", what, a.Status, a.Body)
		}
	}
}

// TestNobodyGetsAnothersStoredAnswer: the product's cache knows methods, targets and bodies, and no callers.
func TestNobodyGetsAnothersStoredAnswer(t *testing.T) {
	var reached atomic.Int64
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s sees answer %d", r.Header.Get("X-Sallyport-Client"), reached.Add(1))
	}))
	t.Cleanup(upstream.Close)
	for _, settings := range []string{"{mode: fixed, minutes: 5}", "{}"} {
		reached.Store(0)
		d := newDigi(t, "{}")
		d.Apply(t, `realm: default
apis: [{name: stored, path: /stored, upstream: `+upstream.URL+`, scopes: ["6"], policies: [cache: `+settings+`]}]`)
		tokens := map[string]string{"tsp": d.bearer(t, "tsp"), "once": d.bearer(t, "once")}
		for range 2 {
			for client, token := range tokens {
				if a := d.Do(t, "GET", "/dgrc/stored", "", "Authorization", token); a.Status != 200 || !strings.HasPrefix(a.Body, client+" sees") {
					t.Errorf("%s: %s got %d %s", settings, client, a.Status, a.Body)
				}
			}
		}
		if a := d.Do(t, "GET", "/dgrc/stored", ""); a.Status != 401 {
			t.Errorf("%s: a stranger got %d %s", settings, a.Status, a.Body)
		}
		if n := reached.Load(); settings != "{}" && n != 2 {
			t.Errorf("%s: the upstream was asked %d times for two callers", settings, n)
		}
	}
}

// TestQuotaOfAClientIsExact: the product reads its counter, adds one and writes it back.
func TestQuotaOfAClientIsExact(t *testing.T) {
	d := newDigi(t, "{}")
	d.Apply(t, `realm: default
clients: [{id: many, secret: many-123abcd, scopes: ["6"], grants: [client_credentials], quota: {calls: 50, per: ever}}]
apis: [{name: counted, path: /counted, upstream: `+d.upstream+`, scopes: ["6"], policies: [quota]}]`)
	token := d.bearer(t, "many")
	var served, refused atomic.Int64
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for range 5 {
				switch a := d.Do(t, "GET", "/dgrc/counted", "", "Authorization", token); a.Status {
				case 200:
					served.Add(1)
				case 403:
					refused.Add(1)
				}
			}
		})
	}
	all.Wait()
	if served.Load() != 50 || refused.Load() != 50 {
		t.Errorf("%d calls of 50 were served, %d refused", served.Load(), refused.Load())
	}
}

// TestWhatDigiRunnersUpstreamsAreTold: what goes on to the upstream beside the call.
func TestWhatDigiRunnersUpstreamsAreTold(t *testing.T) {
	d := newDigi(t, "{}")
	token, key := d.bearer(t, "tsp"), d.key(t, "tsp", nil)
	payload := strings.Split(token, ".")[1]
	for _, tc := range []struct {
		name, path             string
		header                 []string
		authorization, payload string
	}{
		{"without the policy the credential ends here", "/dgrc/orders", []string{"Authorization", token, "backAuth", "true", "id-token", "a.b.c"}, "", ""},
		{"as it does when nothing is said", "/dgrc/back", []string{"Authorization", token}, "", payload},
		{"the caller's own", "/dgrc/back", []string{"Authorization", token, "backAuth", "true"}, token, payload},
		{"another", "/dgrc/back", []string{"Authorization", token, "backAuth", "Basic dTpw"}, "Basic dTpw", payload},
		{"an identity token", "/dgrc/back", []string{"Authorization", token, "backAuth", "true", "id-token", "a.b.c"}, "Bearer a.b.c", payload},
		{"a key has nothing to tell", "/dgrc/back", []string{"X-Api-Key", key, "backAuth", "true", "tokenpayload", "e30"}, "", ""},
		{"a key, and another credential", "/tsmpc/back/back", []string{"X-Api-Key", key, "backAuth", "Basic dTpw"}, "Basic dTpw", ""},
	} {
		a := d.Do(t, "GET", tc.path, "", tc.header...)
		var got struct{ Authorization, Payload, Key string }
		if err := json.Unmarshal([]byte(a.Body), &got); err != nil || a.Status != 200 {
			t.Fatalf("%s: %d %s", tc.name, a.Status, a.Body)
		}
		if got.Authorization != tc.authorization || got.Payload != tc.payload || got.Key != "" {
			t.Errorf("%s: the upstream got %+v", tc.name, got)
		}
	}
	if said, err := base64.RawURLEncoding.DecodeString(payload); err != nil || !strings.Contains(string(said), `"client_id":"tsp"`) {
		t.Errorf("the payload says %s, %v", said, err)
	}
}

// TestWhoWritesARefusal: by a path of the product's it is the product, unless the API says; by its own path the API.
func TestWhoWritesARefusal(t *testing.T) {
	for settings, bare := range map[string]bool{"{}": false, "{bare_calls: true}": true} {
		d := newDigi(t, settings)
		for path, product := range map[string]bool{
			"/dgrc/orders": true, "/tsmpc/orders/orders": true, "/orders": bare, "/none": bare, "/dgrc/none": true, "/dgrc//none": true, "/dgrc/korap": false, "/korap": false,
		} {
			a := d.Do(t, "GET", path, "")
			got := strings.HasPrefix(a.Body, `{"timestamp":"`) || strings.HasPrefix(a.Body, "{\n  \"txSN\" : null")
			if got != product {
				t.Errorf("%s: %s: %d %s", settings, path, a.Status, a.Body)
			}
			if strings.Contains(path, "korap") && !strings.Contains(a.Body, `"errors":[[`) {
				t.Errorf("%s: %s: %d %s", settings, path, a.Status, a.Body)
			}
			if a.Header.Get("X-Request-Id") == "" {
				t.Errorf("%s: %s: a refusal without an id", settings, path)
			}
		}
	}
}

// TestHostsOfDigiRunner: the product's list of host names.
func TestHostsOfDigiRunner(t *testing.T) {
	d := newDigi(t, "{hosts: [api.example.org], bare_calls: true}")
	token := d.bearer(t, "tsp")
	for _, path := range []string{"/dgrc/orders", "/tsmpc/orders/orders", "/orders", "/dgrc/none", "/dgrc//x"} {
		a := d.Do(t, "GET", path, "", "Host", "evil.example", "Authorization", token, "X-Forwarded-Host", "api.example.org")
		if a.Status != 401 || a.Body != digiE3("9978", "Illegal Host Header") || a.Header.Get("Content-Type") != "application/json; charset=utf-8" {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
	for _, path := range []string{"/dgrc/orders", "/tsmpc/orders/orders", "/orders"} {
		if a := d.Do(t, "GET", path, "", "Host", "api.example.org:8080", "Authorization", token); a.Status != 200 {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
}

// TestDigiRunnersPathsAreThoseOfRealmsThatOpenIt, and of the APIs' own listener.
func TestDigiRunnersPathsAreThoseOfRealmsThatOpenIt(t *testing.T) {
	d := newDigi(t, "{}")
	d.Apply(t, "realm: plain\napis: [{name: open, path: /open, auth: [none], upstream: "+d.upstream+"}]")
	for path, status := range map[string]int{"/realms/plain/open": 200, "/realms/plain/dgrc/open": 404, "/realms/plain/tsmpc/open/open": 404, "/realms/plain/readiness": 404} {
		if a := d.Do(t, "GET", path, ""); a.Status != status || strings.Contains(a.Body, "rtnCode") {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
	for _, path := range []string{"/liveness", "/dgrliveness", "/dgrv4/liveness", "/readiness"} {
		if a := d.Do(t, "GET", path, ""); a.Status != 200 {
			t.Errorf("%s: %d %s", path, a.Status, a.Body)
		}
	}
	// A change of the realm is heeded at once.
	d.Apply(t, "realm: plain\ndialects: [digirunner]")
	if a := d.Do(t, "GET", "/realms/plain/dgrc/open", ""); a.Status != 200 {
		t.Errorf("when the realm has opened it: %d %s", a.Status, a.Body)
	}
	c := quiet(t)
	c.GatewayListen = freeAddress(t)
	main := serve(t, c, "realm: default\ndialects: [digirunner]\napis: [{name: open, path: /open, auth: [none], upstream: "+d.upstream+"}]")
	if status, body := get(t, "http://"+c.GatewayListen+"/tsmpc/open/open"); status != 200 {
		t.Errorf("on the APIs' own listener: %d %s", status, body)
	}
	if status, body := get(t, "http://"+c.GatewayListen+"/oauth/token"); status != 404 {
		t.Errorf("a token on the APIs' own listener: %d %s", status, body)
	}
	if status, body := get(t, "http://"+main.addr+"/dgrc/open"); status != 404 {
		t.Errorf("an API on the other: %d %s", status, body)
	}
}
