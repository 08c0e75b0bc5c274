package authserver_test

import (
	"net/http"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/dialect/dialecttest"
)

func TestTokenAnswers(t *testing.T) {
	h := open(t)
	const jwt = `[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+`
	for _, tc := range []struct {
		name string
		call dialecttest.Call
		want string
	}{
		{"client credentials", dialecttest.Call{Auth: basic("app", secret), Body: "grant_type=client_credentials"},
			`{"access_token":"` + jwt + `","token_type":"Bearer","expires_in":3600,"scope":"read write"}`},
		{"password", dialecttest.Call{Auth: basic("app", secret), Body: form("grant_type", "password", "username", "dory", "password", "password of dory", "scope", "read")},
			`{"access_token":"` + jwt + `","token_type":"Bearer","expires_in":3600,"refresh_token":"[A-Za-z0-9_-]+","scope":"read"}`},
		{"reference", dialecttest.Call{Auth: basic("reference", secret), Body: "grant_type=client_credentials"},
			`{"access_token":"[0-9a-f]{56}","token_type":"Bearer","expires_in":600,"scope":"read write"}`},
		{"opaque", dialecttest.Call{Auth: basic("opaque", secret), Body: "grant_type=client_credentials"},
			`{"access_token":"sps_[A-Za-z0-9_-]+","token_type":"Bearer","expires_in":3600,"scope":"read write"}`},
		{"no scope at all", dialecttest.Call{Auth: basic("bare", secret), Body: "grant_type=client_credentials"},
			`{"access_token":"` + jwt + `","token_type":"Bearer","expires_in":3600}`},
		{"secret in the body", dialecttest.Call{Body: form("grant_type", "client_credentials", "client_id", "app", "client_secret", secret)}, `{"access_token".*"scope":"read write"}`},
		{"form-encoded halves", dialecttest.Call{Auth: basic("id:with colon & %", "pass:word+%"), Body: "grant_type=client_credentials"}, `{"access_token".*}`},
		{"client_id beside the header", dialecttest.Call{Auth: basic("app", secret), Body: "grant_type=client_credentials&client_id=app"}, `{"access_token".*}`},
		{"empty parameters are none", dialecttest.Call{Auth: basic("app", secret), Body: "grant_type=client_credentials&client_id=&client_secret=&scope="}, `{"access_token".*"scope":"read write"}`},
		{"unknown parameters", dialecttest.Call{Auth: basic("app", secret), Body: "grant_type=client_credentials&x=y&resource"}, `{"access_token".*}`},
		{"scheme in capitals, charset", dialecttest.Call{Auth: "BASIC" + basic("app", secret)[5:], Type: "Application/X-WWW-Form-Urlencoded; charset=UTF-8", Body: "grant_type=client_credentials"}, `{"access_token".*}`},
		{"public client", dialecttest.Call{Body: form("grant_type", "password", "client_id", "public", "username", "dory", "password", "password of dory")}, `{"access_token".*"refresh_token".*}`},
		{"a realm of its own", dialecttest.Call{Realm: "corp", Auth: basic("app", secret), Body: "grant_type=client_credentials"}, `{"access_token".*}`},
	} {
		tc.call.Path = "/token"
		got := h.Do(h.routes, tc.call)
		if got.Status != http.StatusOK || !regexp.MustCompile("^"+tc.want+"$").MatchString(got.Body) {
			t.Errorf("%s: %d %s", tc.name, got.Status, got.Body)
		}
		// RFC 6749 section 5.1.
		for header, want := range map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache", "WWW-Authenticate": ""} {
			if v := got.Header.Get(header); v != want {
				t.Errorf("%s: %s: %q, want %q", tc.name, header, v, want)
			}
		}
	}
}

func TestRefresh(t *testing.T) {
	h := open(t)
	first := h.login("app")
	second := h.get("app", "grant_type", "refresh_token", "refresh_token", first.Refresh)
	if second.Refresh == first.Refresh || second.Refresh == "" || second.Scope != "read write" || second.Type != "Bearer" {
		t.Errorf("got %+v", second)
	}
	again := h.get("app", "grant_type", "refresh_token", "refresh_token", first.Refresh)
	if again.Refresh != second.Refresh {
		t.Error("a retry within the grace period got another successor")
	}
	if narrow := h.get("app", "grant_type", "refresh_token", "refresh_token", second.Refresh, "scope", "read"); narrow.Scope != "read" {
		t.Errorf("narrowed: %q", narrow.Scope)
	}
}

const (
	wrongClient = `{"error":"invalid_client","error_description":"Client authentication failed. Check the client id, and the secret or the assertion."}`
	twoWays     = `{"error":"invalid_request","error_description":"The client authenticates in more than one way. Use one: the Authorization header, client_secret or client_assertion."}`
	wrongUser   = `{"error":"invalid_grant","error_description":"The username or password is wrong."}`
	wrongToken  = `{"error":"invalid_grant","error_description":"The refresh token is not valid, or was issued to another client. Sign in again."}`
)

func TestTokenErrors(t *testing.T) {
	h := open(t)
	others := h.login("api").Refresh
	app := basic("app", secret)
	cc := "grant_type=client_credentials"
	login := func(name, password string) string {
		return form("grant_type", "password", "username", name, "password", password)
	}
	for _, tc := range []struct {
		name   string
		call   dialecttest.Call
		status int
		body   string
	}{
		{"no grant_type", dialecttest.Call{Auth: app, Body: "scope=read"}, 400, `{"error":"invalid_request","error_description":"The parameter grant_type is missing."}`},
		{"empty grant_type", dialecttest.Call{Auth: app, Body: "grant_type="}, 400, `{"error":"invalid_request","error_description":"The parameter grant_type is missing."}`},
		{"unknown grant", dialecttest.Call{Auth: app, Body: "grant_type=magic"}, 400, `{"error":"unsupported_grant_type","error_description":"This server does not serve that grant type."}`},
		{"grant the client may not use", dialecttest.Call{Auth: basic("nogrant", secret), Body: cc}, 400, `{"error":"unauthorized_client","error_description":"This client may not use that grant type."}`},
		{"public client, client credentials", dialecttest.Call{Body: cc + "&client_id=public"}, 401, wrongClient},
		{"public client, any secret", dialecttest.Call{Auth: basic("public", "x"), Body: cc}, 400, `{"error":"unauthorized_client","error_description":"This client may not use that grant type."}`},
		{"no client", dialecttest.Call{Body: cc}, 401, wrongClient},
		{"unknown client", dialecttest.Call{Auth: basic("nobody", "x"), Body: cc}, 401, wrongClient},
		{"wrong secret", dialecttest.Call{Auth: basic("app", "x"), Source: "192.0.2.2", Body: cc}, 401, wrongClient},
		{"wrong secret in the body", dialecttest.Call{Source: "192.0.2.2", Body: cc + "&client_id=app&client_secret=x"}, 401, wrongClient},
		{"no secret", dialecttest.Call{Body: cc + "&client_id=app"}, 401, wrongClient},
		{"client switched off", dialecttest.Call{Auth: basic("off", secret), Body: cc}, 401, wrongClient},
		{"client of another realm", dialecttest.Call{Realm: "corp", Auth: basic("api", secret), Body: cc}, 401, wrongClient},
		{"broken Basic", dialecttest.Call{Auth: "Basic ?", Body: cc}, 401, wrongClient},
		{"another scheme", dialecttest.Call{Auth: "Bearer x", Body: cc}, 401, `{"error":"invalid_client","error_description":"This endpoint knows no Authorization scheme but Basic."}`},
		{"header and body secret", dialecttest.Call{Auth: app, Body: cc + "&client_id=app&client_secret=" + secret}, 400, twoWays},
		{"header and another client_id", dialecttest.Call{Auth: app, Body: cc + "&client_id=api"}, 400, twoWays},
		{"two headers", dialecttest.Call{Header: http.Header{"Authorization": {app, app}}, Body: cc}, 400, twoWays},
		{"parameter twice", dialecttest.Call{Auth: app, Body: cc + "&scope=a&scope=a"}, 400, `{"error":"invalid_request","error_description":"The parameter scope is given more than once. Send it once."}`},
		{"parameters in the URL", dialecttest.Call{Path: "/token?grant_type=client_credentials", Auth: app}, 400, `{"error":"invalid_request","error_description":"The parameter grant_type is missing."}`},
		{"unknown scope", dialecttest.Call{Auth: app, Body: cc + "&scope=nonsense"}, 400, `{"error":"invalid_scope","error_description":"A requested scope does not exist."}`},
		{"scope beyond the client's", dialecttest.Call{Auth: app, Body: cc + "&scope=read+admin"}, 400, `{"error":"invalid_scope","error_description":"This client may not have a requested scope."}`},
		{"no username", dialecttest.Call{Auth: app, Body: "grant_type=password&password=x"}, 400, `{"error":"invalid_request","error_description":"The parameter username is missing."}`},
		{"no password", dialecttest.Call{Auth: app, Body: "grant_type=password&username=dory"}, 400, `{"error":"invalid_request","error_description":"The parameter password is missing."}`},
		{"wrong password", dialecttest.Call{Auth: app, Source: "192.0.2.3", Body: login("dory", "x")}, 400, wrongUser},
		{"unknown user", dialecttest.Call{Auth: app, Source: "192.0.2.3", Body: login("nobody", "x")}, 400, wrongUser},
		{"user switched off", dialecttest.Call{Auth: app, Body: login("offuser", "password of offuser")}, 400, wrongUser},
		{"no refresh token", dialecttest.Call{Auth: app, Body: "grant_type=refresh_token"}, 400, `{"error":"invalid_request","error_description":"The parameter refresh_token is missing."}`},
		{"unknown refresh token", dialecttest.Call{Auth: app, Body: "grant_type=refresh_token&refresh_token=x"}, 400, wrongToken},
		{"another client's refresh token", dialecttest.Call{Auth: app, Body: form("grant_type", "refresh_token", "refresh_token", others)}, 400, wrongToken},
		{"fault", dialecttest.Call{Auth: app, Body: "grant_type=fault&reason=internal_error"}, 500, `{"error":"server_error","error_description":"Something went wrong on the server. The log has the details."}`},
		{"busy", dialecttest.Call{Auth: app, Body: "grant_type=fault&reason=busy&retry"}, 503, `{"error":"temporarily_unavailable","error_description":"The server is busy checking passwords. Try again shortly."}`},
		{"throttled", dialecttest.Call{Auth: app, Body: "grant_type=fault&reason=too_many_failures&retry"}, 429, `{"error":"temporarily_unavailable","error_description":"Too many failed attempts. Wait before trying again."}`},
		{"unknown realm", dialecttest.Call{Realm: "nowhere", Auth: app, Body: cc}, 404, `{"error":"invalid_request","error_description":"There is no such realm."}`},
	} {
		if tc.call.Path == "" {
			tc.call.Path = "/token"
		}
		got := h.Do(h.routes, tc.call)
		if got.Status != tc.status {
			t.Errorf("%s: status %d, want %d", tc.name, got.Status, tc.status)
		}
		if diff := cmp.Diff(tc.body, got.Body); diff != "" {
			t.Errorf("%s: body (-want +got):\n%s", tc.name, diff)
		}
		want := map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store", "Pragma": "no-cache"}
		switch tc.status {
		case http.StatusUnauthorized:
			realm := tc.call.Realm
			if realm == "" {
				realm = "default"
			}
			want["WWW-Authenticate"] = `Basic realm="` + realm + `", charset="UTF-8"`
		case http.StatusTooManyRequests, http.StatusServiceUnavailable:
			want["Retry-After"] = "2"
		}
		for _, header := range []string{"Content-Type", "Cache-Control", "Pragma", "WWW-Authenticate", "Retry-After"} {
			if v := got.Header.Get(header); v != want[header] {
				t.Errorf("%s: %s: %q, want %q", tc.name, header, v, want[header])
			}
		}
	}
	if !h.refreshes(others) {
		t.Error("another client used the refresh token up")
	}
}

func TestBadInput(t *testing.T) {
	h := open(t)
	for _, path := range []string{"/token", "/revoke", "/introspect"} {
		ordinary := dialecttest.Call{Path: path, Auth: basic("app", secret), Body: "grant_type=client_credentials&token=x"}
		for name, c := range dialecttest.BadInput(ordinary) {
			got := h.Do(h.routes, c)
			want := dialecttest.WantStatus(name)
			if got.Status != want || got.Text("error") != "invalid_request" || got.Text("error_description") == "" {
				t.Errorf("%s: %s: %d %s, want %d", path, name, got.Status, got.Body, want)
			}
			if allow := got.Header.Get("Allow"); (allow == http.MethodPost) != (want == http.StatusMethodNotAllowed) {
				t.Errorf("%s: %s: Allow: %q", path, name, allow)
			}
		}
	}
}

func TestStoreAway(t *testing.T) {
	h := open(t)
	h.disk.Away.Store(true)
	got := h.post("/token", basic("reference", secret), "grant_type", "client_credentials")
	if got.Status != http.StatusServiceUnavailable || got.Text("error") != "temporarily_unavailable" || got.Header.Get("Retry-After") == "" {
		t.Errorf("%d %v %s", got.Status, got.Header, got.Body)
	}
	if got := h.post("/token", basic("app", secret), "grant_type", "client_credentials"); got.Status != http.StatusOK {
		t.Errorf("a JWT needs no store: %d %s", got.Status, got.Body)
	}
	h.disk.Away.Store(false)
	if got := h.post("/token", basic("reference", secret), "grant_type", "client_credentials"); got.Status != http.StatusOK {
		t.Errorf("afterwards: %d %s", got.Status, got.Body)
	}
}

func TestGuessesAreSlowedDown(t *testing.T) {
	h := open(t)
	for _, path := range []string{"/token", "/introspect", "/revoke"} {
		var got dialecttest.Answer
		for range 20 {
			got = h.Do(h.routes, dialecttest.Call{Path: path, Auth: basic("app", "guess"), Source: "198.51.100.7", Body: "grant_type=client_credentials&token=x"})
			if got.Status != http.StatusUnauthorized {
				break
			}
		}
		if got.Status != http.StatusTooManyRequests || got.Header.Get("Retry-After") == "" || got.Text("error") == "" {
			t.Errorf("%s: %d %v %s", path, got.Status, got.Header, got.Body)
		}
	}
	h.get("app", "grant_type", "client_credentials") // from elsewhere
}
