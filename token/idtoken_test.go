package token_test

import (
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/claims"
	"sallyport/client"
	"sallyport/key"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/token"
	"sallyport/user"
)

var _ token.Claims = (*claims.Mapper)(nil)

// signIn is a sign-in five minutes before now.
func (h *house) signIn() *token.SignIn {
	return &token.SignIn{
		At: h.now().Add(-5 * time.Minute), Methods: []string{"pwd", "otp", "mfa"}, ACR: "2", Session: "sid-1", Bound: true,
		Nonce: `n-"0S6`, IDToken: []string{"nickname"}, UserInfo: []string{"email", "name"},
	}
}

// openID is an authorization of the code grant.
func (h *house) openID(f realm.Format) token.Authorization {
	a := h.auth(f)
	a.Grant, a.Scope, a.SignIn, a.Family = "authorization_code", scope.Set{"openid", "read"}, h.signIn(), token.NewFamilyID(h.now())
	return a
}

// signedIn is a house whose tokens tell claims.
func signedIn(t testing.TB) *house {
	h := newHouse(t)
	h.user = &user.User{Realm: "default", Name: "tspuser", Status: user.On, Roles: []string{"1000"}, Profile: user.Profile{Nickname: "Tsp"}}
	mapper := claims.New(claims.Config{Key: key.Master{9}.Derive, Now: h.now})
	h.Service, h.ring = h.node(func(c *token.Config) { c.Claims = mapper })
	return h
}

// idToken is what an ID token says, after its signature was checked by the realm's published key.
func (h *house) idToken(raw string, alg key.Alg) map[string]any {
	h.t.Helper()
	parts := strings.Split(raw, ".")
	if len(parts) != 3 {
		h.t.Fatalf("ID token %q", raw)
	}
	var head map[string]string
	if err := json.Unmarshal(bytesOf(h.t, parts[0]), &head); err != nil {
		h.t.Fatal(err)
	}
	k, err := h.ring.Verifier(h.t.Context(), h.realm.Name, head["kid"])
	if err != nil || k == nil {
		h.t.Fatalf("no key %q: %v", head["kid"], err)
	}
	if head["alg"] != string(alg) || k.Alg != alg || head["typ"] != "JWT" || len(head) != 3 {
		h.t.Errorf("header %v, want %s", head, alg)
	}
	if !token.VerifyBytes(k, []byte(parts[0]+"."+parts[1]), bytesOf(h.t, parts[2])) {
		h.t.Errorf("the signature does not verify")
	}
	var says map[string]any
	if err := json.Unmarshal(bytesOf(h.t, parts[1]), &says); err != nil {
		h.t.Fatal(err)
	}
	return says
}

func halfHash(alg key.Alg, text string) string {
	half := sha256.Sum256([]byte(text))
	out := half[:16]
	if alg == key.EdDSA {
		full := sha512.Sum512([]byte(text))
		out = full[:32]
	}
	return base64.RawURLEncoding.EncodeToString(out)
}

// The modules idtoken-rs256 and idtoken-signature, for every algorithm: OpenID Connect Core sections 2, 3.1.3.6 and 3.1.3.7.
func TestIDToken(t *testing.T) {
	h := signedIn(t)
	for _, tt := range []struct {
		client, realm string
		want          key.Alg
	}{
		{"", "", key.RS256}, {"RS256", "ES256", key.RS256}, {"", "ES256", key.ES256}, {"PS256", "", key.PS256}, {"EdDSA", "RS256", key.EdDSA},
	} {
		c, r := *h.client, *h.realm
		c.OpenID.IDTokenAlg, r.IDTokenAlg = tt.client, tt.realm
		a := h.openID(realm.JWT)
		a.Client, a.Realm = &c, &r
		out := h.issue(a)
		now := h.now()
		want := map[string]any{
			"iss": "https://as.example", "sub": "tspuser", "aud": "tspclient", "exp": float64(now.Unix() + 3600), "iat": float64(now.Unix()),
			"auth_time": float64(now.Unix() - 300), "nonce": `n-"0S6`, "acr": "2", "amr": []any{"pwd", "otp", "mfa"}, "sid": "sid-1",
			"at_hash": halfHash(tt.want, out.AccessToken), "nickname": "Tsp",
		}
		if diff := cmp.Diff(want, h.idToken(out.IDToken, tt.want)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.want, diff)
		}
		// A refresh brings another, of the same sign-in and without nonce (section 12.2).
		h.pass(10 * time.Minute)
		again := h.mustAgain(token.Authorization{Realm: &r, Client: &c, User: h.user, Grant: "refresh_token"}, out.RefreshToken)
		delete(want, "nonce")
		want["iat"], want["exp"], want["at_hash"] = float64(h.now().Unix()), float64(h.now().Unix()+3600), halfHash(tt.want, again.AccessToken)
		if diff := cmp.Diff(want, h.idToken(again.IDToken, tt.want)); diff != "" {
			t.Errorf("%s, after a refresh (-want +got):\n%s", tt.want, diff)
		}
	}
}

func TestNoIDToken(t *testing.T) {
	h := signedIn(t)
	for name, change := range map[string]func(a *token.Authorization){
		"no openid":           func(a *token.Authorization) { a.Scope = scope.Set{"read"} },
		"nobody signed in":    func(a *token.Authorization) { a.SignIn = nil },
		"no user":             func(a *token.Authorization) { a.User = nil },
		"another front door":  func(a *token.Authorization) { a.Shape = token.ShapeDigiRunner },
		"its client's tokens": func(a *token.Authorization) { a.Shape, a.User = token.ShapeDigiRunnerV2, nil },
	} {
		a := h.openID(realm.JWT)
		change(&a)
		if out := h.issue(a); out.IDToken != "" || out.AccessToken == "" {
			t.Errorf("%s: %+v", name, out)
		}
	}
	out := h.issue(h.openID(realm.Opaque))
	narrow := token.Authorization{Realm: h.realm, Client: h.client, User: h.user, Scope: scope.Set{"read"}}
	if again := h.mustAgain(narrow, out.RefreshToken); again.IDToken != "" {
		t.Error("a refresh without openid brought an ID token")
	}
	if out := h.issue(h.openID(realm.JWT)); out.IDToken == "" { // the instrument works
		t.Error("no ID token where one is due")
	}
}

func TestIDTokenWithoutAMapper(t *testing.T) {
	h := newHouse(t)
	says := h.idToken(h.issue(h.openID(realm.JWT)).IDToken, key.RS256)
	if says["sub"] != "tspuser" || says["nickname"] != nil {
		t.Errorf("says %v", says)
	}
}

// What an operator maps cannot speak for the server, and cannot make a token that nobody takes.
func TestMappedClaimsInIDTokens(t *testing.T) {
	h := signedIn(t)
	c := *h.client
	c.OpenID.Claims = map[string]string{"roles": "user.roles", "sub": `"admin"`, "aud": `"x"`, "nonce": `"x"`, "Iss": `"x"`}
	a := h.openID(realm.Reference)
	a.Client = &c
	says := h.idToken(h.issue(a).IDToken, key.RS256)
	if says["sub"] != "tspuser" || says["aud"] != "tspclient" || says["nonce"] != `n-"0S6` || says["Iss"] != nil {
		t.Errorf("says %v", says)
	}
	if diff := cmp.Diff([]any{"1000"}, says["roles"]); diff != "" {
		t.Error(diff)
	}
	u := *h.user
	u.Attributes = map[string]any{"long": strings.Repeat("x", 7000)}
	c.OpenID.Claims = map[string]string{"long": "user.attributes.long"}
	a.User, a.Family = &u, token.NewFamilyID(h.now())
	if _, err := h.Issue(t.Context(), a); err == nil || !strings.Contains(err.Error(), "map fewer claims") {
		t.Errorf("an ID token that is too long: %v", err)
	}
}

func TestPairwiseClients(t *testing.T) {
	h := signedIn(t)
	c := *h.client
	c.OpenID.SubjectType, c.RedirectURIs = "pairwise", []string{"https://rp.example/cb"}
	h.clients.set(&c)
	for _, f := range formats {
		a := h.openID(f)
		a.Client = &c
		out := h.issue(a)
		for range 2 {
			says := h.idToken(out.IDToken, key.RS256)
			if sub, _ := says["sub"].(string); len(sub) != 43 {
				t.Errorf("%s: sub %q", f, says["sub"])
			}
			sid, _ := says["sid"].(string)
			if sid == "" || sid == "sid-1" {
				t.Errorf("%s: sid %q", f, says["sid"])
			}
			if raw, err := h.LogoutToken(t.Context(), h.realm, &c, "", "sid-1"); err != nil || !strings.Contains(payloadOf(t, raw), `"sid":"`+sid+`"`) {
				t.Errorf("%s: the session of the logout token is another: %v", f, err)
			}
			got := wantGood(t, h, out.AccessToken)
			if got.User != "tspuser" || (got.Format == realm.JWT) || f != realm.JWT && got.Format != f {
				t.Errorf("%s: access token %+v", f, got)
			}
			if strings.Contains(out.AccessToken, base64.RawURLEncoding.EncodeToString([]byte("tspuser"))) || strings.Count(out.AccessToken, ".") > 0 {
				t.Errorf("%s: the access token can be read: %s", f, out.AccessToken)
			}
			out = h.mustAgain(token.Authorization{Realm: h.realm, Client: &c, User: h.user, Access: realm.AccessToken{Format: f}}, out.RefreshToken)
		}
	}
	a := h.openID(realm.JWT) // the client's own token tells nothing of a user
	a.Client, a.User, a.SignIn, a.WithRefresh, a.Family = &c, nil, nil, false, token.ID{}
	if got := wantGood(t, h, h.issue(a).AccessToken); got.Format != realm.JWT {
		t.Errorf("a token of the client itself is %s", got.Format)
	}
}

func TestReadIDToken(t *testing.T) {
	h := signedIn(t)
	out := h.issue(h.openID(realm.JWT))
	at := time.Unix(h.now().Unix(), 0)
	want := &token.IDToken{Client: "tspclient", Subject: "tspuser", Session: "sid-1", IssuedAt: at, ExpiresAt: at.Add(time.Hour)}
	for range 2 { // fresh, and long over
		got, err := h.ReadIDToken(t.Context(), h.realm, out.IDToken)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Error(diff)
		}
		h.pass(20 * 24 * time.Hour)
	}
}

// CVE class 17 and 9: nothing but an ID token of the realm's own passes for one, and an ID token for nothing else.
func TestReadIDTokenRefuses(t *testing.T) {
	h := signedIn(t)
	out := h.issue(h.openID(realm.JWT))
	parts := strings.Split(out.IDToken, ".")
	b64 := base64.RawURLEncoding.EncodeToString
	rs, err := h.ring.Signer(t.Context(), "default", key.RS256)
	if err != nil {
		t.Fatal(err)
	}
	sign := func(head, payload string) string {
		raw, err := token.SignJWS([]byte(head), []byte(payload), rs)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	head := fmt.Sprintf(`{"typ":"JWT","alg":"RS256","kid":%q}`, rs.ID)
	payload := payloadOf(t, out.IDToken)
	without := func(member string) string {
		var m map[string]any
		if err := json.Unmarshal([]byte(payload), &m); err != nil {
			t.Fatal(err)
		}
		delete(m, member)
		text, _ := json.Marshal(m)
		return string(text)
	}
	logout, err := h.LogoutToken(t.Context(), h.realm, h.client, "tspuser", "sid-1")
	if err != nil {
		t.Fatal(err)
	}
	info, err := h.SignJWT(t.Context(), h.realm, h.client, "RS256", "JWT", map[string]any{"sub": "tspuser"})
	if err != nil {
		t.Fatal(err)
	}
	access, _ := everyToken(h)
	stranger := newHouse(t)
	for name, raw := range map[string]string{
		"an access token":       access["RS256"],
		"a digiRunner token":    access["digirunner"],
		"a sealed token":        access["opaque"],
		"a logout token":        logout,
		"a UserInfo answer":     info,
		"nothing":               "",
		"no signature":          parts[0] + "." + parts[1] + ".",
		"none":                  b64([]byte(`{"typ":"JWT","alg":"none"}`)) + "." + parts[1] + ".",
		"another payload":       parts[0] + "." + b64([]byte(strings.Replace(payload, "tspuser", "tspusex", 1))) + "." + parts[2],
		"another deployment":    stranger.issue(stranger.openID(realm.JWT)).IDToken,
		"no sub":                sign(head, without("sub")),
		"no aud":                sign(head, without("aud")),
		"no auth_time":          sign(head, without("auth_time")),
		"no exp":                sign(head, without("exp")),
		"another issuer":        sign(head, strings.Replace(payload, "https://as.example", "https://evil.example", 1)),
		"SUB for sub":           sign(head, strings.Replace(payload, `"sub"`, `"SUB"`, 1)),
		"not an object":         sign(head, `[]`),
		"an access token's typ": sign(fmt.Sprintf(`{"typ":"at+jwt","alg":"RS256","kid":%q}`, rs.ID), payload),
	} {
		if got, err := h.ReadIDToken(t.Context(), h.realm, raw); oauth.ReasonOf(err) != oauth.TokenMalformed {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
	if _, err := h.ReadIDToken(t.Context(), h.other, out.IDToken); oauth.ReasonOf(err) != oauth.TokenMalformed {
		t.Errorf("in another realm: %v", err)
	}
	if _, err := h.ReadIDToken(t.Context(), h.realm, sign(head, payload)); err != nil {
		t.Errorf("the instrument does not work: %v", err)
	}
	for name, raw := range map[string]string{"an ID token": out.IDToken, "a logout token": logout, "a UserInfo answer": info} {
		if _, err := h.Verify(t.Context(), h.realm, raw); oauth.ReasonOf(err) != oauth.TokenMalformed {
			t.Errorf("%s opens a door: %v", name, err)
		}
	}
}

func TestLogoutToken(t *testing.T) {
	h := signedIn(t)
	c := *h.client
	c.OpenID.IDTokenAlg = "ES256"
	ids := map[any]bool{}
	for _, tt := range []struct {
		sub, sid string
	}{{"tspuser", "sid-1"}, {"tspuser", ""}, {"", "sid-1"}} {
		raw, err := h.LogoutToken(t.Context(), h.realm, &c, tt.sub, tt.sid)
		if err != nil {
			t.Fatal(err)
		}
		if head := string(bytesOf(t, strings.Split(raw, ".")[0])); !strings.Contains(head, `"typ":"logout+jwt","alg":"ES256"`) {
			t.Errorf("header %s", head)
		}
		var says map[string]any
		if err := json.Unmarshal([]byte(payloadOf(t, raw)), &says); err != nil {
			t.Fatal(err)
		}
		if says["jti"] == nil || ids[says["jti"]] {
			t.Errorf("jti %v", says["jti"])
		}
		ids[says["jti"]] = true
		delete(says, "jti")
		want := map[string]any{
			"iss": "https://as.example", "aud": "tspclient", "iat": float64(h.now().Unix()), "exp": float64(h.now().Unix() + 120),
			"events": map[string]any{"http://schemas.openid.net/event/backchannel-logout": map[string]any{}},
		}
		if tt.sub != "" {
			want["sub"] = tt.sub
		}
		if tt.sid != "" {
			want["sid"] = tt.sid
		}
		if diff := cmp.Diff(want, says); diff != "" {
			t.Errorf("%+v (-want +got):\n%s", tt, diff)
		}
	}
	if _, err := h.LogoutToken(t.Context(), h.realm, &c, "", ""); err == nil {
		t.Error("about nobody")
	}
	if _, err := h.SignJWT(t.Context(), h.realm, &client.Client{ID: "x"}, "ES256", "at+jwt", nil); err == nil {
		t.Error("an access token was made in passing")
	}
	if _, err := h.SignJWT(t.Context(), h.realm, &c, "ES256", "JWT", map[string]any{"x": strings.Repeat("x", 70_000)}); err == nil {
		t.Error("signed without end")
	}
}
