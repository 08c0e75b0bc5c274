package digirunner_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sallyport/deployment"
	"sallyport/user"
)

const (
	v2UserInfo = "/dgrv4/ssotoken/gtwidp/v2/userInfo"
	v1UserInfo = "/dgrv4/ssotoken/gtwidp/userInfo"
	verifyPath = "/dgrv4/ssotoken/gtwidp/verify"
)

func info(bearer string) call {
	return call{method: http.MethodGet, path: v2UserInfo, auth: bearer}
}

func TestUserInfo(t *testing.T) {
	h := open(t, func(s *deployment.ChangeSet) {
		for _, u := range s.Users {
			u.Email, u.Profile.Picture = u.Name+"@example.org", "https://example.org/p.png"
		}
	})
	const start = `{"iss":"https://auth.example.org/dgrv4/ssotoken/LDAP","sub":"tspuser","aud":"web","exp":1772452800,"iat":1772366400`
	for asked, want := range map[string]string{
		"openid email profile": start + `,"name":"T. S. P.","email":"tspuser@example.org","picture":"https://example.org/p.png"}`,
		"openid email":         start + `,"email":"tspuser@example.org"}`,
		"openid profile":       start + `,"name":"T. S. P.","picture":"https://example.org/p.png"}`,
		"openid":               start + `}`,
	} {
		b := h.redeem(call{auth: webAuth, form: redeem(h.code("scope", asked))})
		for name, c := range map[string]call{
			"access token": info("Bearer " + b.Access),
			"ID token":     {path: v1UserInfo, auth: "-", form: "id_token=" + url.QueryEscape(b.ID)},
			"verified":     {path: verifyPath, auth: "-", form: "id_token=" + url.QueryEscape(b.ID)},
		} {
			if got := h.do(c); got.status != 200 || got.body != want || got.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s, %s: %d %v %s", asked, name, got.status, got.header, got.body)
			}
		}
	}
}

func TestUserInfoRefusals(t *testing.T) {
	h := open(t, nil)
	b := h.redeem(call{auth: webAuth, form: redeem(h.code())})
	password, machine := h.issue(call{form: passwordForm}), h.issue(call{form: credentials})
	scope := e1("403", "Forbidden", "Token Violates Scope Authorization Access Settings", v2UserInfo)
	bearer := func(error string) map[string]string {
		if error != "" {
			error = `, error="` + error + `"`
		}
		return map[string]string{"WWW-Authenticate": `Bearer realm="default"` + error}
	}
	rows := []row{
		{"no token", "", info("-"), 401, e1("401", "Unauthorized", "Unauthorized", v2UserInfo), nil},
		{"Basic", "", info(webAuth), 401, e1("401", "Unauthorized", "Unauthorized", v2UserInfo), nil},
		{"no token of ours", "", info("Bearer x"), 401, e2("invalid_token", notJSON), bearer("invalid_token")},
		{"an ID token", "", info("Bearer " + b.ID), 401, e2("invalid_token", notJSON), bearer("invalid_token")},
		{"a refresh token", "", info("Bearer " + b.Refresh), 403, e2("invalid_token", "Access token revoked, jti: "+claimsOf(t, b.Refresh).JTI), bearer("invalid_token")},
		{"a password's token", "", info("Bearer " + password.Access), 403, scope, bearer("insufficient_scope")},
		{"a client's own token", "", info("Bearer " + machine.Access), 403, scope, bearer("insufficient_scope")},
	}
	h.try(rows)
	off := &user.User{Realm: "default", Name: "tspuser", Status: user.Off}
	if err := h.store.Commit(t.Context(), deployment.ChangeSet{Users: []*user.User{off}}); err != nil {
		t.Fatal(err)
	}
	if got := h.do(info("Bearer " + b.Access)); got.status != 403 || got.body != e2("invalid_token", "Access token revoked, jti: "+b.JTI) {
		t.Errorf("user off: %d %s", got.status, got.body)
	}
	h.clock.Advance(24 * time.Hour)
	if got := h.do(info("Bearer " + b.Access)); got.status != 401 || got.body != e2("invalid_token", "Access token expired: "+b.Access) {
		t.Errorf("expired: %d %s", got.status, got.body)
	}
}

// hintRows are refusals of ID tokens in a form. The product believes one without its signature by one of the two ways.
func hintRows(h *house) []row {
	b := h.redeem(call{auth: webAuth, form: redeem(h.code())})
	parts := strings.Split(b.ID, ".")
	forged := parts[0] + "." + strings.Split(b.Access, ".")[1] + "." + parts[2]
	none := "eyJ0eXAiOiJKV1QiLCJhbGciOiJub25lIiwidmVyIjoiMi4wIn0." + parts[1] + "."
	refused := e2("Forbidden", "The id_token is not one of this server's")
	var rows []row
	for _, path := range []string{v1UserInfo, verifyPath} {
		try := func(name, tries, raw string, status int, body string) {
			rows = append(rows, row{name, tries, call{path: path, auth: "-", form: "id_token=" + url.QueryEscape(raw)}, status, body, nil})
		}
		try("none", "hint/parameter_missing", "", 400, e2("invalid_request", "Missing required parameter: id_token"))
		try("garbage", "hint/token_malformed", "x", 403, refused)
		try("forged", "hint/token_malformed", forged, 403, refused)
		try("not signed", "hint/token_malformed", none, 403, refused)
		try("an access token", "hint/token_malformed", b.Access, 403, refused)
		try("a v2 access token", "hint/token_malformed", h.issue(call{path: v2Path, form: credentials}).Access, 403, refused)
	}
	return rows
}

func TestHintRefusals(t *testing.T) {
	h := open(t, nil)
	h.try(hintRows(h))
}

// TestIntrospectionOfASignIn: the issuer is that of the kind of sign-in.
func TestIntrospectionOfASignIn(t *testing.T) {
	h := open(t, nil)
	b := h.redeem(call{auth: webAuth, form: redeem(h.code())})
	got := h.do(call{path: inspectPath, auth: "-", form: "token_type_hint=access_token&client_id=web&client_secret=tsp123abcd&token=" + b.Access})
	if got.status != 200 || !strings.Contains(got.body, `"active":true`) || !strings.Contains(got.body, `"iss":"https://auth.example.org/dgrv4/ssotoken/LDAP"`) {
		t.Errorf("%d %s", got.status, got.body)
	}
}
