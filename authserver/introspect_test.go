package authserver_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/client"
	"sallyport/deployment"
	"sallyport/dialect/dialecttest"
)

const inactive = `{"active":false}`

func (h *house) introspect(id, raw string, pairs ...string) dialecttest.Answer {
	h.T.Helper()
	got := h.post("/introspect", basic(id, secret), append([]string{"token", raw}, pairs...)...)
	if got.Status != http.StatusOK {
		h.T.Fatalf("%s: %d %s", id, got.Status, got.Body)
	}
	return got
}

func TestIntrospectTells(t *testing.T) {
	h := open(t)
	for _, id := range []string{"app", "reference", "opaque", "RS256"} {
		user, machine := h.login(id, "scope", "write read"), h.get(id, "grant_type", "client_credentials")
		ttl := 3600.0
		if id == "reference" {
			ttl = 600
		}
		for name, tc := range map[string]struct {
			raw  string
			want map[string]any
		}{
			"of a user": {user.Access, map[string]any{
				"active": true, "scope": "write read", "client_id": id, "username": "dory", "sub": "dory", "token_type": "Bearer",
				"iat": 1772366400.0, "exp": 1772366400 + ttl, "aud": dialecttest.PublicURL, "iss": dialecttest.PublicURL,
			}},
			"of a client": {machine.Access, map[string]any{
				"active": true, "scope": "read write", "client_id": id, "sub": id, "token_type": "Bearer",
				"iat": 1772366400.0, "exp": 1772366400 + ttl, "aud": dialecttest.PublicURL, "iss": dialecttest.PublicURL,
			}},
			"refresh": {user.Refresh, map[string]any{
				"active": true, "scope": "write read", "client_id": id, "username": "dory", "sub": "dory",
				"iat": 1772366400.0, "exp": 1772366400 + 30*24*3600.0, "iss": dialecttest.PublicURL,
			}},
		} {
			for _, hint := range []string{"", "access_token", "refresh_token", "nonsense"} {
				got := h.introspect(id, tc.raw, "token_type_hint", hint)
				var body map[string]any
				if err := json.Unmarshal([]byte(got.Body), &body); err != nil {
					t.Fatalf("%s: %v in %s", name, err, got.Body)
				}
				if jti, _ := body["jti"].(string); jti == "" {
					t.Errorf("%s %s: no jti in %s", id, name, got.Body)
				}
				delete(body, "jti")
				if diff := cmp.Diff(tc.want, body); diff != "" {
					t.Errorf("%s %s, hint %q (-want +got):\n%s", id, name, hint, diff)
				}
				if got.Header.Get("Content-Type") != "application/json" || got.Header.Get("Cache-Control") != "no-store" {
					t.Errorf("%s %s: headers %v", id, name, got.Header)
				}
			}
		}
	}
}

// TestIntrospectTellsOnlyThoseConcerned: RFC 7662 section 4. To anybody else a token is as good as none.
func TestIntrospectTellsOnlyThoseConcerned(t *testing.T) {
	h := open(t)
	own, addressed := h.login("app"), h.login("for-api")
	for _, tc := range []struct {
		name, id, raw string
		active        bool
	}{
		{"the owner", "app", own.Access, true},
		{"a stranger", "api", own.Access, false},
		{"a trusted client", "trusted", own.Access, true},
		{"whom it is for", "api", addressed.Access, true},
		{"whom it is not for", "app", addressed.Access, false},
		{"the owner, refresh", "app", own.Refresh, true},
		{"a stranger, refresh", "api", own.Refresh, false},
		{"a trusted client, refresh", "trusted", own.Refresh, true},
		{"the audience has no business with the refresh token", "api", addressed.Refresh, false},
	} {
		got := h.introspect(tc.id, tc.raw)
		if active := got.JSON()["active"] == true; active != tc.active {
			t.Errorf("%s: %s", tc.name, got.Body)
		}
		if !tc.active && got.Body != inactive {
			t.Errorf("%s: %s, want exactly %s", tc.name, got.Body, inactive)
		}
	}
	if aud := h.introspect("api", addressed.Access).JSON()["aud"]; !cmp.Equal(aud, []any{"https://api.example.org", "api"}) {
		t.Errorf("aud %v", aud)
	}
}

func TestIntrospectInactive(t *testing.T) {
	h := open(t)
	revoked, rotated, corp := h.login("app"), h.login("app"), h.Do(h.routes, dialecttest.Call{Path: "/token", Realm: "corp", Auth: basic("app", secret), Body: "grant_type=client_credentials"}).Text("access_token")
	h.post("/revoke", basic("app", secret), "token", revoked.Refresh)
	h.get("app", "grant_type", "refresh_token", "refresh_token", rotated.Refresh)
	old, reference := h.login("app"), h.get("reference", "grant_type", "client_credentials")
	h.Clock.Advance(2 * time.Hour)
	for name, raw := range map[string]string{
		"garbage": "garbage", "a JWT of somebody's": "eyJhbGciOiJub25lIn0.e30.", "revoked": revoked.Access, "revoked refresh": revoked.Refresh,
		"rotated refresh": rotated.Refresh, "expired": old.Access, "expired reference": reference.Access, "another realm's": corp,
		"one letter off": old.Refresh[:20] + "A" + old.Refresh[21:],
	} {
		for _, hint := range []string{"access_token", "refresh_token"} {
			if got := h.introspect("trusted", raw, "token_type_hint", hint); got.Body != inactive {
				t.Errorf("%s: %s", name, got.Body)
			}
		}
	}
	h.Clock.Advance(31 * 24 * time.Hour)
	if got := h.introspect("trusted", old.Refresh); got.Body != inactive {
		t.Errorf("expired refresh: %s", got.Body)
	}
}

// TestIntrospectFollowsChanges: what an administrator switches off is inactive at once.
func TestIntrospectFollowsChanges(t *testing.T) {
	h := open(t)
	own := h.login("app")
	if got := h.introspect("trusted", own.Access); got.JSON()["active"] != true {
		t.Fatalf("before: %s", got.Body)
	}
	c, err := h.Clients.Get(t.Context(), "default", "app")
	if err != nil {
		t.Fatal(err)
	}
	off := *c
	off.Status = client.Off
	h.Change(deployment.ChangeSet{Clients: []*client.Client{&off}})
	if got := h.introspect("trusted", own.Access); got.Body != inactive {
		t.Errorf("after: %s", got.Body)
	}
}

func TestIntrospectRefusals(t *testing.T) {
	h := open(t)
	own := h.login("app").Access
	for _, tc := range []struct {
		name   string
		call   dialecttest.Call
		status int
		code   string
	}{
		{"nobody", dialecttest.Call{Body: form("token", own)}, 401, "invalid_client"},
		{"wrong secret", dialecttest.Call{Auth: basic("app", "x"), Body: form("token", own)}, 401, "invalid_client"},
		{"confidential client without its secret", dialecttest.Call{Body: form("token", own, "client_id", "app")}, 401, "invalid_client"},
		{"public client", dialecttest.Call{Body: form("token", own, "client_id", "public")}, 401, "invalid_client"},
		{"public client with a secret", dialecttest.Call{Auth: basic("public", "x"), Body: form("token", own)}, 401, "invalid_client"},
		{"two ways", dialecttest.Call{Auth: basic("app", secret), Body: form("token", own, "client_secret", secret)}, 400, "invalid_request"},
		{"no token", dialecttest.Call{Auth: basic("app", secret)}, 400, "invalid_request"},
	} {
		tc.call.Path = "/introspect"
		got := h.Do(h.routes, tc.call)
		if got.Status != tc.status || got.Text("error") != tc.code || (got.Header.Get("WWW-Authenticate") != "") != (tc.status == 401) {
			t.Errorf("%s: %d %v %s", tc.name, got.Status, got.Header, got.Body)
		}
	}
}
