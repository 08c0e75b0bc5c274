package kustvakt_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/deployment"
	"sallyport/dialect/dialecttest"
	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/realm"
)

func TestSettings(t *testing.T) {
	door := open(t).door
	for _, ok := range []string{"", "{}", "null", `{"client_credentials_scopes":[]}`, `{"client_credentials_scopes":["search"]}`} {
		if err := door.CheckSettings(json.RawMessage(ok)); err != nil {
			t.Errorf("%q: %v", ok, err)
		}
	}
	for _, bad := range []string{`{"scopes":[]}`, `{"client_credentials_scopes":"x"}`, `{"client_credentials_scopes":["a b"]}`, `[]`, `{`} {
		err := door.CheckSettings(json.RawMessage(bad))
		if err == nil || !strings.Contains(err.Error(), "client_credentials_scopes") {
			t.Errorf("%q: %v; want an error that names the setting", bad, err)
		}
	}
	if door.Name() != "kustvakt" {
		t.Errorf("name %q", door.Name())
	}
}

// TestRefuse are the rows of protected services.
func TestRefuse(t *testing.T) {
	h := open(t)
	const bearer = `Bearer realm="Kustvakt"`
	for _, tc := range []struct {
		name    string
		auth    string
		refusal policy.Refusal
		status  int
		bearer  string
		body    string
	}{
		{"revoked", "Bearer x", policy.Refusal{Status: 401, Reason: oauth.TokenRevoked}, 401, bearer + `, error="invalid_token"`, b("2011", "Access token is invalid", "invalid_token")},
		{"of a client that is off", "Bearer x", policy.Refusal{Status: 401, Reason: oauth.ClientDisabled, Scheme: "Bearer", Challenge: oauth.InvalidToken}, 401, bearer + `, error="invalid_token"`, b("2011", "Access token is invalid", "invalid_token")},
		{"unknown", "Bearer x", policy.Refusal{Status: 401, Reason: oauth.TokenMalformed}, 401, bearer + `, error="invalid_token"`, b("2011", "Access token is invalid", "invalid_token")},
		{"expired", "Bearer x", policy.Refusal{Status: 401, Reason: oauth.TokenExpired}, 401, bearer + `, error="invalid_token", error_description="Access token is expired"`, b("2003", "Access token is expired", "")},
		{"scope", "Bearer x", policy.Refusal{Status: 403, Reason: oauth.ScopeMissing, Scope: []string{"vc_info"}}, 401, bearer + `, error="insufficient_scope", scope="vc_info"`, b("2010", "Scope vc_info is not authorized", "")},
		{"no credential", "", policy.Refusal{Status: 401, Reason: oauth.TokenMissing}, 401, bearer, b("2010", "Unauthorized operation for user: guest", "guest")},
		{"unknown scheme", "Blah x", policy.Refusal{Status: 401, Reason: oauth.TokenMissing}, 401, bearer, b("2001", "Authentication scheme is not supported.", "Blah")},
		{"one word", "Blah", policy.Refusal{Status: 401, Reason: oauth.TokenMissing}, 401, bearer, b("2001", "Cannot parse authorization header value. Use this format: [authentication scheme] [authentication token]", "")},
		{"scheme Api", "Api x", policy.Refusal{Status: 401, Reason: oauth.TokenMissing}, 401, bearer, b("2001", "Authentication API is no longer supported.", "")},
		{"Basic", "Basic x", policy.Refusal{Status: 401, Reason: oauth.TokenMissing}, 406, "", b("104", "Authentication provider for token type BASIC is not found.", "")},
		{"a token, yet missing", "Bearer x", policy.Refusal{Status: 401, Reason: oauth.TokenMissing}, 401, bearer, b("2010", "Unauthorized operation for user: guest", "guest")},
		{"header of one word", "Bearer", policy.Refusal{Status: 400, Reason: oauth.RequestMalformed, Scheme: "Bearer"}, 401, bearer, b("2001", "Cannot parse authorization header value. Use this format: [authentication scheme] [authentication token]", "")},
		{"header of three words", "Bearer a b", policy.Refusal{Status: 400, Reason: oauth.RequestMalformed, Scheme: "Bearer"}, 401, bearer, b("2001", "Cannot parse authorization header value. Use this format: [authentication scheme] [authentication token]", "")},
		{"no token in it", "Bearer %%", policy.Refusal{Status: 400, Reason: oauth.RequestMalformed, Scheme: "Bearer"}, 401, bearer + `, error="invalid_token"`, b("2011", "Access token is invalid", "invalid_token")},
		{"a request that cannot be served", "", policy.Refusal{Status: 400, Reason: policy.PathRefused, Detail: "No."}, 400, "", b("1800", "No.", "")},
		{"a request that cannot be read", "", policy.Refusal{Status: 400, Reason: oauth.RequestMalformed, Detail: "No."}, 400, "", b("1800", "No.", "")},
		{"no such API", "", policy.Refusal{Status: 404, Detail: "There is no API here."}, 404, "", b("114", "There is no API here.", "")},
		{"upstream away", "", policy.Refusal{Status: 503, Reason: oauth.Unavailable, Detail: "Later."}, 503, "", b("116", "Later.", "")},
		{"upstream broken", "", policy.Refusal{Status: 502, Detail: "Broken."}, 502, "", b("1800", "Broken.", "")},
		{"forbidden", "", policy.Refusal{Status: 403, Detail: "No."}, 403, "", b("2010", "No.", "")},
		{"rate limit", "", policy.Refusal{Status: 429}, 429, "", "Rate limit exceeded"},
	} {
		w := httptest.NewRecorder()
		h.door.Refuse(w, h.Request(dialecttest.Call{Method: http.MethodGet, Path: "/api/search", Auth: tc.auth}), &policy.Call{}, &tc.refusal)
		var challenges []string
		if tc.bearer != "" {
			challenges = []string{basicOnly, tc.bearer}
		}
		if w.Code != tc.status {
			t.Errorf("%s: status %d, want %d", tc.name, w.Code, tc.status)
		}
		if diff := cmp.Diff(tc.body, w.Body.String()); diff != "" {
			t.Errorf("%s: body (-want +got):\n%s", tc.name, diff)
		}
		if diff := cmp.Diff(challenges, w.Header().Values("WWW-Authenticate")); diff != "" {
			t.Errorf("%s: challenges (-want +got):\n%s", tc.name, diff)
		}
		if later := w.Header().Get("Retry-After") != ""; later != (tc.status == 429 || tc.status == 503) {
			t.Errorf("%s: Retry-After %q", tc.name, w.Header().Get("Retry-After"))
		}
	}
}

// The defects of the product that are not copied, where no other test shows it.

func TestScopeNamesCompareWhole(t *testing.T) {
	h := open(t)
	got := h.login("dory", "limited", secret, "scope", "install_user_client")
	a, err := h.Tokens.Verify(t.Context(), h.Realms.ByName(realm.Default), got.Access)
	if err != nil {
		t.Fatal(err)
	}
	if a.Scope.HasAny([]string{"all"}) || a.Scope.Has("search") {
		t.Errorf("a token for %q opens more than that", a.Scope)
	}
	refused := h.post(tokenPath, basic("limited", secret), "grant_type", "refresh_token", "refresh_token", got.Refresh, "scope", "all")
	if refused.Status != 400 || refused.Text("error") != "invalid_scope" {
		t.Errorf("a refresh to all: %d %s", refused.Status, refused.Body)
	}
}

func TestAdministratorsHaveNoMoreThanTheirScope(t *testing.T) {
	h := open(t)
	got := h.login("admin", superID, superSecret, "scope", "search")
	a, err := h.Tokens.Verify(t.Context(), h.Realms.ByName(realm.Default), got.Access)
	if err != nil || a.Scope.String() != "search" {
		t.Errorf("%+v, %v", a, err)
	}
}

func TestOnlyTrustedClientsMayHaveAll(t *testing.T) {
	h := open(t, func(c *deployment.ChangeSet) {
		c.Realms[0].Dialects[0].Settings = []byte(`{"client_credentials_scopes":["all","search"]}`)
	})
	if got := h.get(basic(plainID, secret), "grant_type", "client_credentials", "scope", "all search"); got.Scope != "search" {
		t.Errorf("got %q", got.Scope)
	}
}

// TestPublicClientsHaveNoClientCredentials: in the product any secret that is not empty would do.
func TestPublicClientsHaveNoClientCredentials(t *testing.T) {
	h := open(t)
	for name, c := range map[string]dialecttest.Call{
		"no secret":    {Body: form("grant_type", "client_credentials", "client_id", publicID)},
		"empty secret": {Body: form("grant_type", "client_credentials", "client_id", publicID, "client_secret", "")},
		"any secret":   {Body: form("grant_type", "client_credentials", "client_id", publicID, "client_secret", "x")},
		"by Basic":     {Auth: basic(publicID, "x"), Body: form("grant_type", "client_credentials")},
	} {
		c.Path = tokenPath
		if got := h.Do(h.routes, c); got.Status != 400 && got.Status != 401 || got.Text("access_token") != "" {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
}

// TestUserNeedsAPassword: in the product's tests HTTP Basic signed in whoever it named.
func TestUserNeedsAPassword(t *testing.T) {
	h := open(t)
	for _, password := range []string{"anything", "", "dorypass"} {
		got := h.post(listPath, basic("dory", password), "super_client_id", superID, "super_client_secret", superSecret, "token_type", "access_token")
		if got.Status != http.StatusNotAcceptable {
			t.Errorf("%q: %d %s", password, got.Status, got.Body)
		}
	}
}

// TestNothingOpensThatIsStored: tokens and secrets are not in the database, neither as text nor as bytes.
func TestNothingOpensThatIsStored(t *testing.T) {
	const password = "under-the-sea 9"
	h := open(t, func(c *deployment.ChangeSet) { c.Users[0].Password = dialecttest.Password(password) })
	got := h.get(basic(superID, superSecret), "grant_type", "password", "username", "dory", "password", password)
	next := h.get(basic(superID, superSecret), "grant_type", "refresh_token", "refresh_token", got.Refresh)
	files, err := filepath.Glob(h.file + "*")
	if err != nil || len(files) == 0 {
		t.Fatalf("no database at %s: %v", h.file, err)
	}
	var all []byte
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data...)
	}
	if !bytes.Contains(all, []byte("dory")) {
		t.Fatal("this is not where the grant is stored")
	}
	for name, s := range map[string]string{
		"access token": got.Access, "refresh token": got.Refresh, "second access token": next.Access, "second refresh token": next.Refresh,
		"client secret": superSecret, "password": password,
	} {
		if bytes.Contains(all, []byte(s)) {
			t.Errorf("the %s is stored as it is", name)
		}
		if raw, err := hex.DecodeString(s); err == nil && bytes.Contains(all, raw) {
			t.Errorf("the bytes of the %s are stored", name)
		}
	}
}

// FuzzDoor: whatever a stranger sends to any endpoint, there is an answer in one of the two shapes that is not a fault of ours.
func FuzzDoor(f *testing.F) {
	f.Add(uint8(0), "", pageSecond)
	f.Add(uint8(0), pageHeader, pageFirst)
	f.Add(uint8(1), "", form("client_id", superID, "client_secret", superSecret, "token", "604c6b3c89688821edc3f852701b636e0c3d76bf5cc153dd76815d08"))
	f.Add(uint8(2), "Bearer a.b.c", form("super_client_id", superID, "super_client_secret", superSecret, "token", "h_"))
	f.Add(uint8(4), "Basic YTpi", "token_type=access_token")
	h := open(f)
	user := "Bearer " + h.login("dory", superID, superSecret).Access
	f.Add(uint8(4), user, form("super_client_id", superID, "super_client_secret", superSecret, "token_type", "refresh_token"))
	f.Add(uint8(3), user, form("super_client_id", superID, "super_client_secret", superSecret, "client_id", "limited"))
	paths := []string{tokenPath, revokePath, superPath, superAllPath, listPath}
	f.Fuzz(func(t *testing.T, which uint8, auth, body string) {
		if strings.Contains(body, "fault") {
			return // a grant that fails on purpose
		}
		r := h.Request(dialecttest.Call{Path: paths[int(which)%len(paths)], Body: body, Auth: auth})
		w := httptest.NewRecorder()
		h.routes[r.URL.Path].ServeHTTP(w, r)
		if w.Code >= 500 || w.Code < 200 {
			t.Fatalf("status %d %s", w.Code, w.Body)
		}
		if !json.Valid(w.Body.Bytes()) && w.Body.String() != "SUCCESS" {
			t.Fatalf("body %q", w.Body)
		}
	})
}
