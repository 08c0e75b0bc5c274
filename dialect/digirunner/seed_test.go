package digirunner_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"
)

const (
	jwtHeader = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9."
	// What the documentation's sample tokens begin with.
	samplePayload = "eyJub2RlIjoiZXhlY3V0b3IxIiwiYXVkIjpbIllXUnRhVzVCVUVrIl0sInVzZXJfbmFtZSI6InRzcHVzZXIiLCJvcmdfaWQiOiIxMDAwMDAiLCJzY29wZSI6WyIyMDAwMDAwMDA2Il0s"
)

var (
	uuid      = `[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`
	jws       = regexp.QuoteMeta(jwtHeader) + `[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+`
	nineField = regexp.MustCompile(`^\{"access_token":"` + jws + `","expires_in":86399,"jti":"` + uuid + `","node":"executor1","org_id":"100000",` +
		`"refresh_token":"` + jws + `","scope":"2000000006","stime":\d{13},"token_type":"bearer"\}$`)
	accessClaims = regexp.MustCompile(`^\{"node":"executor1","aud":\["YWRtaW5BUEk"\],"user_name":"tspuser","org_id":"100000","scope":\["2000000006"\],` +
		`"stime":1772366400123,"exp":1772452800,"iat":1772366400,"authorities":\["1000"\],"jti":"` + uuid + `","client_id":"tspclient"\}$`)
	refreshClaims = regexp.MustCompile(`^\{"node":"executor1","aud":\["YWRtaW5BUEk"\],"user_name":"tspuser","org_id":"100000","scope":\["2000000006"\],` +
		`"ati":"` + uuid + `","stime":1772366400123,"exp":1772452800,"iat":1772366400,"authorities":\["1000"\],"jti":"` + uuid + `","client_id":"tspclient"\}$`)
)

func TestPasswordModeAsDocumented(t *testing.T) {
	h := open(t, nil)
	got := h.do(call{form: passwordForm})
	if got.status != http.StatusOK || !nineField.MatchString(got.body) {
		t.Fatalf("got %d %s", got.status, got.body)
	}
	for name, want := range map[string]string{"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Set-Cookie": ""} {
		if v := got.header.Get(name); v != want {
			t.Errorf("%s: %q, want %q", name, v, want)
		}
	}
	var b grantBody
	if err := json.Unmarshal([]byte(got.body), &b); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(b.Access, jwtHeader+samplePayload+"InN0aW") {
		t.Errorf("the access token begins %.320s", b.Access)
	}
	if !strings.HasPrefix(b.Refresh, jwtHeader+samplePayload+"ImF0aS") {
		t.Errorf("the refresh token begins %.320s", b.Refresh)
	}
	if p := payload(t, b.Access); !accessClaims.MatchString(p) || !strings.Contains(p, `"jti":"`+b.JTI+`"`) {
		t.Errorf("the access token says %s", p)
	}
	if p := payload(t, b.Refresh); !refreshClaims.MatchString(p) || !strings.Contains(p, `"ati":"`+b.JTI+`"`) {
		t.Errorf("the refresh token says %s", p)
	}
	if want := h.clock.Now().UnixMilli(); b.STime != want {
		t.Errorf("stime %d, want %d", b.STime, want)
	}

	wrong := h.do(call{form: "grant_type=password&username=tspuser&password=dXNlcjEyMw=="})
	if want := e2("invalid_grant", "Bad credentials"); wrong.status != http.StatusUnauthorized || wrong.body != want {
		t.Errorf("wrong password: %d %s", wrong.status, wrong.body)
	}
}

func TestRefreshAsDocumented(t *testing.T) {
	h := open(t, nil)
	first := h.issue(call{form: passwordForm})
	for _, tc := range []struct{ name, auth string }{{"with the client's password", tspClient}, {"public client", tspPublic}} {
		h.clock.Advance(time.Hour)
		got := h.do(call{auth: tc.auth, form: refreshForm(first.Refresh)})
		if got.status != http.StatusOK || !nineField.MatchString(got.body) {
			t.Fatalf("%s: got %d %s", tc.name, got.status, got.body)
		}
		var b grantBody
		if err := json.Unmarshal([]byte(got.body), &b); err != nil {
			t.Fatal(err)
		}
		if b.STime != first.STime {
			t.Errorf("%s: stime changed from %d to %d", tc.name, first.STime, b.STime)
		}
		if b.JTI == first.JTI {
			t.Errorf("%s: the access token has kept its jti", tc.name)
		}
		was, is := claimsOf(t, first.Refresh), claimsOf(t, b.Refresh)
		if is.JTI != was.JTI || is.Exp != was.Exp || is.Ati != b.JTI {
			t.Errorf("%s: the refresh token says %+v after %+v", tc.name, is, was)
		}
		if c := claimsOf(t, b.Access); c.Iat != h.clock.Now().Unix() || c.Exp != c.Iat+86400 {
			t.Errorf("%s: the access token says %+v", tc.name, c)
		}
	}

	h.clock.Advance(24 * time.Hour)
	late := h.do(call{form: refreshForm(first.Refresh)})
	if want := e2("invalid_token", "Invalid refresh token (expired): "+first.Refresh); late.status != http.StatusUnauthorized || late.body != want {
		t.Errorf("expired: %d %s", late.status, late.body)
	}
}

func TestRefreshEndsThePreviousAccessToken(t *testing.T) {
	h := open(t, nil)
	in := h.realms.ByName("default")
	first := h.issue(call{form: passwordForm})
	if _, err := h.tokens.Verify(t.Context(), in, first.Access); err != nil {
		t.Fatal(err)
	}
	h.clock.Advance(time.Second)
	second := h.issue(call{form: refreshForm(first.Refresh)})
	if _, err := h.tokens.Verify(t.Context(), in, first.Access); err == nil {
		t.Error("the access token before the refresh is still good")
	}
	if _, err := h.tokens.Verify(t.Context(), in, second.Access); err != nil {
		t.Errorf("the access token after the refresh: %v", err)
	}
	h.clock.Advance(time.Second)
	h.issue(call{form: refreshForm(second.Refresh)})
	if _, err := h.tokens.Verify(t.Context(), in, second.Access); err == nil {
		t.Error("the second access token is still good after the second refresh")
	}
}

type claims struct {
	JTI string `json:"jti"`
	Ati string `json:"ati"`
	Exp int64  `json:"exp"`
	Iat int64  `json:"iat"`
}

func claimsOf(t testing.TB, jwt string) claims {
	t.Helper()
	var c claims
	if err := json.Unmarshal([]byte(payload(t, jwt)), &c); err != nil {
		t.Fatal(err)
	}
	return c
}
