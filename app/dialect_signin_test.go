package app_test

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
)

const signInDoors = `
realm: default
dialects: [digirunner, kustvakt]
all_scope: all
scopes: [{name: all}, {name: search}, {name: "2000000006"}]
users: [{name: dory, password: dorypass, alias: Dory}]
clients:
  - {id: front, secret: s3cret-of-front, trusted: true, grants: [password], scopes: [all]}
  - {id: corpus, secret: s3cret-of-corpus, grants: [authorization_code, refresh_token], scopes: [search]}
  - {id: runner, secret: s3cret-of-runner, grants: [authorization_code, refresh_token], scopes: ["2000000006", openid, profile], redirect_uris: ["https://rp.example/cb"], openid: {skip_consent: true}}
`

// TestSignInThroughOtherFrontDoors walks both products' code flows over the network: the super client's without a page, and that
// which leads through our own.
func TestSignInThroughOtherFrontDoors(t *testing.T) {
	base := "http://" + serve(t, quiet(t), signInDoors).addr
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	send := func(method, at, auth, form string) (int, string, map[string]any) {
		t.Helper()
		if strings.HasPrefix(at, "/") {
			at = base + at
		}
		r, err := http.NewRequestWithContext(t.Context(), method, at, strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		if form != "" {
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		if auth != "" {
			r.Header.Set("Authorization", auth)
		}
		response, err := browser.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		raw, _ := io.ReadAll(response.Body)
		var body map[string]any
		_ = json.Unmarshal(raw, &body)
		return response.StatusCode, response.Header.Get("Location"), body
	}
	basicOf := func(id, secret string) string {
		return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+secret))
	}
	codeIn := func(location string) string {
		t.Helper()
		u, err := url.Parse(location)
		if err != nil || u.Query().Get("code") == "" || u.Query().Get("state") != "s" || len(u.Query()) != 2 {
			t.Fatalf("not an answer with a code: %q", location)
		}
		return u.Query().Get("code")
	}

	_, _, login := send("POST", "/api/oauth2/token", basicOf("front", "s3cret-of-front"), "grant_type=password&username=dory&password=dorypass")
	token, _ := login["access_token"].(string)
	status, location, _ := send("GET", "/api/v1.1/oauth2/authorize?response_type=code&client_id=corpus&scope=search&state=s&redirect_uri=http%3A%2F%2Flocalhost%3A1410", "Bearer "+token, "")
	if status != http.StatusTemporaryRedirect || !strings.HasPrefix(location, "http://localhost:1410?") {
		t.Fatalf("%d %s", status, location)
	}
	corpus := codeIn(location)
	redeem := "grant_type=authorization_code&redirect_uri=http%3A%2F%2Flocalhost%3A1410&code=" + corpus
	if status, _, body := send("POST", "/token", basicOf("corpus", "s3cret-of-corpus"), redeem); status != 400 || body["error"] != "invalid_grant" {
		t.Errorf("at the standard front door: %d %v", status, body)
	}
	if status, _, body := send("POST", "/api/oauth2/token", basicOf("corpus", "s3cret-of-corpus"), redeem); status != 200 || body["scope"] != "search" || body["refresh_token"] == nil {
		t.Errorf("%d %v", status, body)
	}

	_, _, found := send("GET", "/dgrv4/ssotoken/LDAP/.well-known/openid-configuration", "", "")
	endpoint := func(name string) string {
		at, _ := found[name].(string)
		u, err := url.Parse(at)
		if err != nil || u.Path == "" {
			t.Fatalf("%s: %v", name, found)
		}
		return u.Path
	}
	status, location, _ = send("GET", endpoint("authorization_endpoint")+"?response_type=code&client_id=runner&scope=openid+profile&state=s&redirect_uri=https%3A%2F%2Frp.example%2Fcb", "", "")
	if status != http.StatusFound {
		t.Fatalf("%d %s", status, location)
	}
	for _, next := range []string{"/signin", "/authorize"} {
		if next == "/authorize" {
			flow, _ := url.Parse(location)
			_, location, _ = send("POST", "/signin", "", "username=dory&password=dorypass&flow="+flow.Query().Get("flow"))
			if !strings.HasPrefix(location, next) {
				t.Fatalf("signed in, to %q", location)
			}
		}
		if status, location, _ = send("GET", location, "", ""); status != http.StatusSeeOther {
			t.Fatalf("%d %s", status, location)
		}
	}
	secret := base64.StdEncoding.EncodeToString([]byte("s3cret-of-runner"))
	status, _, body := send("POST", endpoint("token_endpoint"), basicOf("runner", secret), "grant_type=authorization_code&redirect_uri=https%3A%2F%2Frp.example%2Fcb&code="+codeIn(location))
	access, _ := body["access_token"].(string)
	if status != 200 || body["idp_type"] != "LDAP" || body["id_token"] == nil || access == "" {
		t.Fatalf("%d %v", status, body)
	}
	if status, _, who := send("GET", endpoint("userinfo_endpoint"), "Bearer "+access, ""); status != 200 || who["sub"] != "dory" || who["name"] != "Dory" || who["iss"] != found["issuer"] {
		t.Errorf("%d %v", status, who)
	}
}
