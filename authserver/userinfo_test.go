package authserver_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/client"
	"sallyport/deployment"
	"sallyport/dialect/dialecttest"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/token"
	"sallyport/user"
)

// people adds clients of OpenID Connect and a user with something to tell.
func people(c *deployment.ChangeSet) {
	add := func(id string, format realm.Format, o client.OpenID) {
		c.Clients = append(c.Clients, &client.Client{
			Realm: realm.Default, ID: id, Type: client.Confidential, Status: client.On, Secrets: dialecttest.Secret(secret),
			Grants: []string{"authorization_code", "refresh_token", "password"}, Scopes: scope.Set{"openid", "profile", "email", "read"},
			RedirectURIs: []string{"https://rp.example/cb"}, AccessToken: realm.AccessToken{Format: format}, OpenID: o,
		})
	}
	add("rp", realm.JWT, client.OpenID{})
	add("rp-opaque", realm.Opaque, client.OpenID{})
	add("rp-reference", realm.Reference, client.OpenID{})
	add("rp-signed", realm.JWT, client.OpenID{UserInfoAlg: "RS256", Claims: map[string]string{"groups": `user.roles`}})
	add("rp-pairwise", realm.JWT, client.OpenID{SubjectType: "pairwise"})
	add("rp-broken", realm.JWT, client.OpenID{SubjectType: "pairwise", SectorIdentifierURI: "urn:none"})
	c.Users = append(c.Users, &user.User{
		Realm: realm.Default, Name: "nemo", Alias: "Nemo", Email: "nemo@example.org", Status: user.On, Roles: []string{"fish"},
		Profile: user.Profile{Nickname: "N"},
	})
}

// openID issues what the code grant would to a client, for nemo.
func (h *house) openID(id string, scopes ...string) *token.Issued {
	h.T.Helper()
	ctx := h.T.Context()
	c, err := h.Clients.Get(ctx, realm.Default, id)
	if err != nil {
		h.T.Fatal(err)
	}
	u, err := h.Users.Get(ctx, realm.Default, "nemo")
	if err != nil {
		h.T.Fatal(err)
	}
	issued, err := h.Tokens.Issue(ctx, token.Authorization{
		Realm: h.Realms.ByName(realm.Default), Client: c, User: u, Grant: "authorization_code", Scope: scope.Set(scopes), WithRefresh: true,
		Family: token.NewFamilyID(h.Clock.Now()),
		SignIn: &token.SignIn{At: h.Clock.Now().Add(-time.Minute), Methods: []string{"pwd"}, ACR: "1", Session: "sid-1", Bound: true, UserInfo: []string{"nickname"}},
	})
	if err != nil {
		h.T.Fatal(err)
	}
	return issued
}

// The modules userinfo-get, userinfo-post-header and userinfo-post-body.
func TestUserInfo(t *testing.T) {
	h := open(t, people)
	all := map[string]any{"sub": "nemo", "name": "Nemo", "preferred_username": "nemo", "nickname": "N", "email": "nemo@example.org", "email_verified": false}
	for _, id := range []string{"rp", "rp-opaque", "rp-reference"} {
		for scopes, want := range map[string]map[string]any{
			"openid":               {"sub": "nemo", "nickname": "N"},
			"openid profile email": all,
		} {
			raw := h.openID(id, strings.Fields(scopes)...).AccessToken
			for name, call := range map[string]dialecttest.Call{
				"get":                           {Method: http.MethodGet, Type: "-", Auth: "Bearer " + raw},
				"post, header":                  {Method: http.MethodPost, Type: "-", Auth: "bearer " + raw},
				"post, header, form":            {Method: http.MethodPost, Auth: "Bearer " + raw, Body: form("other", "x")},
				"post, body":                    {Method: http.MethodPost, Body: form("access_token", raw)},
				"get, and a body nobody reads":  {Method: http.MethodGet, Auth: "Bearer " + raw, Body: form("access_token", "x")},
				"post, header, another content": {Method: http.MethodPost, Type: "application/json", Auth: "Bearer " + raw, Body: `{}`},
			} {
				call.Path = "/userinfo"
				got := h.Do(h.routes, call)
				var says map[string]any
				if err := json.Unmarshal([]byte(got.Body), &says); err != nil || got.Status != http.StatusOK {
					t.Fatalf("%s, %s: %d %s", id, name, got.Status, got.Body)
				}
				if diff := cmp.Diff(want, says); diff != "" {
					t.Errorf("%s, %s, %q (-want +got):\n%s", id, name, scopes, diff)
				}
				if got.Header.Get("Content-Type") != "application/json" || got.Header.Get("Cache-Control") != "no-store" ||
					got.Header.Get("Access-Control-Allow-Origin") != "*" {
					t.Errorf("%s, %s: %v", id, name, got.Header)
				}
			}
		}
	}
}

// The module userinfo-rs256: OpenID Connect Core section 5.3.2.
func TestUserInfoSigned(t *testing.T) {
	h := open(t, people)
	got := h.read("/userinfo", dialecttest.Call{Auth: "Bearer " + h.openID("rp-signed", "openid").AccessToken})
	parts := strings.Split(got.Body, ".")
	if got.Status != http.StatusOK || got.Header.Get("Content-Type") != "application/jwt" || len(parts) != 3 {
		t.Fatalf("%d %v %s", got.Status, got.Header, got.Body)
	}
	var head, says map[string]any
	for i, to := range []*map[string]any{&head, &says} {
		text, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err != nil || json.Unmarshal(text, to) != nil {
			t.Fatalf("%s: %v", parts[i], err)
		}
	}
	if head["alg"] != "RS256" || head["kid"] == "" {
		t.Errorf("header %v", head)
	}
	want := map[string]any{
		"iss": dialecttest.PublicURL, "aud": "rp-signed", "iat": float64(h.Clock.Now().Unix()), "sub": "nemo", "nickname": "N", "groups": []any{"fish"},
	}
	if diff := cmp.Diff(want, says); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	// It opens nothing, and is no ID token.
	if h.opens(got.Body) {
		t.Error("the answer is an access token")
	}
	if _, err := h.Tokens.ReadIDToken(t.Context(), h.Realms.ByName(realm.Default), got.Body); oauth.ReasonOf(err) != oauth.TokenMalformed {
		t.Errorf("the answer is an ID token: %v", err)
	}
}

// RFC 6750 section 3: every refusal has its status, its challenge and its code.
func TestUserInfoRefuses(t *testing.T) {
	h := open(t, people)
	raw := h.openID("rp", "openid").AccessToken
	machine := h.get("app", "grant_type", "client_credentials").Access
	bearer := func(raw string) dialecttest.Call {
		return dialecttest.Call{Method: http.MethodGet, Type: "-", Auth: "Bearer " + raw}
	}
	for _, tt := range []struct {
		name   string
		call   dialecttest.Call
		status int
		want   string // of the challenge, behind the realm
	}{
		{"no token", dialecttest.Call{Method: http.MethodGet, Type: "-"}, 401, ``},
		{"no token, post", dialecttest.Call{Method: http.MethodPost, Body: form("a", "b")}, 401, ``},
		{"in the address", dialecttest.Call{Method: http.MethodGet, Type: "-", Path: "/userinfo?" + form("access_token", raw)}, 401, ``},
		{"another scheme", dialecttest.Call{Method: http.MethodGet, Type: "-", Auth: basic("rp", secret)}, 400, `invalid_request`},
		{"no token behind the scheme", bearer(""), 400, `invalid_request`},
		{"in header and body", dialecttest.Call{Method: http.MethodPost, Auth: "Bearer " + raw, Body: form("access_token", raw)}, 400, `invalid_request`},
		{"twice in the body", dialecttest.Call{Method: http.MethodPost, Body: form("access_token", raw, "access_token", raw)}, 400, `invalid_request`},
		{"in a body that is no form", dialecttest.Call{Method: http.MethodPost, Type: "application/json", Body: `{"access_token":"` + raw + `"}`}, 401, ``},
		{"garbage", bearer("garbage"), 401, `invalid_token`},
		{"a refresh token", bearer(h.openID("rp", "openid").RefreshToken), 401, `invalid_token`},
		{"an ID token", bearer(h.openID("rp", "openid").IDToken), 401, `invalid_token`},
		{"without openid", bearer(h.openID("rp", "profile").AccessToken), 403, `insufficient_scope`},
		{"of a client", bearer(machine), 401, `invalid_token`},
	} {
		if tt.call.Path == "" {
			tt.call.Path = "/userinfo"
		}
		got := h.Do(h.routes, tt.call)
		challenge := got.Header.Get("WWW-Authenticate")
		rest, ok := strings.CutPrefix(challenge, `Bearer realm="default"`)
		if got.Status != tt.status || !ok || (tt.want == "") != (rest == "") || !strings.HasPrefix(rest, ifSaid(`, error="`+tt.want+`"`, tt.want)) {
			t.Errorf("%s: %d %q %s", tt.name, got.Status, challenge, got.Body)
		}
		if (tt.want == "insufficient_scope") != strings.HasSuffix(challenge, `, scope="openid"`) {
			t.Errorf("%s: %q", tt.name, challenge)
		}
		if got.Header.Get("Access-Control-Allow-Origin") != "*" || strings.Contains(got.Body, "nemo@") {
			t.Errorf("%s: %v %s", tt.name, got.Header, got.Body)
		}
	}
	if got := h.Do(h.routes, dialecttest.Call{Method: http.MethodDelete, Path: "/userinfo", Auth: "Bearer " + raw}); got.Status != http.StatusMethodNotAllowed {
		t.Errorf("DELETE: %d", got.Status)
	}
	got := h.read("/userinfo", dialecttest.Call{Method: http.MethodOptions})
	if got.Status != http.StatusNoContent || !strings.Contains(got.Header.Get("Access-Control-Allow-Headers"), "Authorization") {
		t.Errorf("preflight: %d %v", got.Status, got.Header)
	}
	// A fault of ours is no fault of the token's.
	if got := h.read("/userinfo", bearer(h.openID("rp-opaque", "openid").AccessToken)); got.Status != http.StatusOK {
		t.Errorf("the instrument does not work: %d", got.Status)
	}
}

func ifSaid(text, said string) string {
	if said == "" {
		return ""
	}
	return text
}

// What ended ends at UserInfo as well, and a user who is switched off is told to nobody.
func TestUserInfoAfterTheEnd(t *testing.T) {
	h := open(t, people)
	r := h.Realms.ByName(realm.Default)
	tell := func(raw string) int { return h.read("/userinfo", dialecttest.Call{Auth: "Bearer " + raw}).Status }
	session, other := h.openID("rp", "openid").AccessToken, h.openID("rp-reference", "openid").AccessToken
	end, err := h.Tokens.SessionRevocation(t.Context(), r, "sid-1")
	if err != nil {
		t.Fatal(err)
	}
	if got := [2]int{tell(session), tell(other)}; got != [2]int{200, 200} {
		t.Fatal(got)
	}
	if err := h.Stores.Revoke(t.Context(), [32]byte{}, 0, end); err != nil {
		t.Fatal(err)
	}
	if got := [2]int{tell(session), tell(other)}; got != [2]int{401, 401} {
		t.Error(got)
	}
	raw := h.login("rp", "scope", "openid").Access
	if got := tell(raw); got != http.StatusOK {
		t.Errorf("of a password grant: %d", got)
	}
	h.Change(deployment.ChangeSet{Users: []*user.User{{Realm: realm.Default, Name: "dory", Status: user.Off}}})
	if got := tell(raw); got != http.StatusUnauthorized {
		t.Errorf("of a user who is off: %d", got)
	}
}

// Pairwise: no answer of this server tells the client who the user is elsewhere (OpenID Connect Core section 8).
func TestPairwiseClientsLearnNoName(t *testing.T) {
	h := open(t, people)
	issued := h.openID("rp-pairwise", "openid", "email")
	sub := ""
	for name, body := range map[string]string{
		"UserInfo":                  h.read("/userinfo", dialecttest.Call{Auth: "Bearer " + issued.AccessToken}).Body,
		"introspection":             h.introspect("rp-pairwise", issued.AccessToken).Body,
		"introspection, of refresh": h.introspect("rp-pairwise", issued.RefreshToken).Body,
	} {
		var says map[string]any
		if err := json.Unmarshal([]byte(body), &says); err != nil {
			t.Fatal(err)
		}
		got, _ := says["sub"].(string)
		if len(got) != 43 || sub != "" && got != sub || says["username"] != nil || says["sid"] == "sid-1" || name != "UserInfo" && says["sid"] == nil {
			t.Errorf("%s: %s", name, body)
		}
		sub = got
	}
	var says map[string]any // a resource server knows the user by name, and the client's name for him
	if err := json.Unmarshal([]byte(h.introspect("trusted", issued.AccessToken).Body), &says); err != nil || says["username"] != "nemo" || says["sub"] != sub {
		t.Errorf("to a resource server: %v, %v", says, err)
	}
	// A client that cannot have subjects of its own is a fault of the server's settings, and nothing is told.
	h2 := open(t, people)
	raw := func() string {
		c, _ := h2.Clients.Get(t.Context(), realm.Default, "rp-broken")
		u, _ := h2.Users.Get(t.Context(), realm.Default, "nemo")
		issued, err := h2.Tokens.Issue(t.Context(), token.Authorization{Realm: h2.Realms.ByName(realm.Default), Client: c, User: u, Scope: scope.Set{"openid"}})
		if err != nil {
			t.Fatal(err)
		}
		return issued.AccessToken
	}()
	if got := h2.read("/userinfo", dialecttest.Call{Auth: "Bearer " + raw}); got.Status != http.StatusInternalServerError || strings.Contains(got.Body, "nemo") {
		t.Errorf("%d %s", got.Status, got.Body)
	}
}

// RFC 9470 section 6.2: introspection tells of the sign-in.
func TestIntrospectTellsOfTheSignIn(t *testing.T) {
	h := open(t, people)
	for _, id := range []string{"rp", "rp-opaque", "rp-reference"} {
		issued := h.openID(id, "openid", "read")
		for name, raw := range map[string]string{"access": issued.AccessToken, "refresh": issued.RefreshToken} {
			var says map[string]any
			if err := json.Unmarshal([]byte(h.introspect(id, raw).Body), &says); err != nil {
				t.Fatal(err)
			}
			want := map[string]any{"auth_time": float64(h.Clock.Now().Unix() - 60), "acr": "1", "sid": "sid-1", "sub": "nemo", "username": "nemo"}
			for member, value := range want {
				if says[member] != value {
					t.Errorf("%s, %s: %s is %v, want %v", id, name, member, says[member], value)
				}
			}
		}
	}
	for _, member := range []string{"auth_time", "acr", "sid"} {
		if body := h.introspect("app", h.login("app").Access).Body; strings.Contains(body, `"`+member+`"`) {
			t.Errorf("of a password grant: %s", body)
		}
	}
}

// The token endpoint gives the ID token beside the others (OpenID Connect Core section 3.1.3.3).
func TestTokenAnswerWithIDToken(t *testing.T) {
	h := open(t, people)
	got := h.get("rp", "grant_type", "refresh_token", "refresh_token", h.openID("rp", "openid", "read").RefreshToken)
	if got.ID == "" || got.Scope != "openid read" || got.Access == "" || got.Refresh == "" {
		t.Errorf("%+v", got)
	}
	if got := h.login("rp", "scope", "openid"); got.ID != "" { // nobody signed in on our pages
		t.Errorf("an ID token of a password: %s", got.ID)
	}
}
