package digirunner_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"sallyport/deployment"
	"sallyport/realm"
)

const tspOwner = "&client_id=tspclient&client_secret=tsp123abcd&token="

// inspectRows are the refusals of introspection and revocation; both give the same.
func inspectRows(h *house) []row {
	h.t.Helper()
	own := h.issue(call{form: passwordForm})
	foreign := h.issue(call{auth: basic("other", "tsp123abcd"), form: passwordForm})
	var rows []row
	for i, path := range []string{inspectPath, revokePath} {
		source := fmt.Sprintf("203.0.113.%d", i+1)
		add := func(name, tries, form string, status int, body string) {
			rows = append(rows, row{path + ": " + name, tries, call{path: path, auth: "-", form: form, source: source}, status, body, map[string]string{"WWW-Authenticate": ""}})
		}
		const access, refresh = "token_type_hint=access_token", "token_type_hint=refresh_token"
		add("no hint", "inspect/token_type_unknown", "token=x", 400, e2("unsupported_token_type_hint", "Unsupported token_type_hint: "))
		add("unknown hint", "inspect/token_type_unknown", "token_type_hint=Id_Token&token=x", 400, e2("unsupported_token_type_hint", "Unsupported token_type_hint: Id_Token"))
		add("no client", "common/client_missing", access, 400, e2("invalid_request", "Missing required parameter: client_id"))
		add("unknown client", "common/client_unknown", access+"&client_id=who&client_secret=x", 401, e1("401", "Unauthorized", "The client(application) was not found. client_id: who", path))
		add("client off", "common/client_disabled", access+"&client_id=off&client_secret=tsp123abcd", 403, e1("403", "Forbidden", "'off' Client(application) disable", path))
		add("client locked", "common/client_locked", access+"&client_id=locked&client_secret=tsp123abcd", 403, e1("403", "Forbidden", "'locked' Client(application) locked", path))
		add("client too early", "common/client_not_yet_valid", access+"&client_id=early&client_secret=tsp123abcd", 403, e1("403", "Client before start day", "Client before start day, start day(yyyy-MM-ddZ): 2026-03-03+0000", path))
		add("no secret", "inspect/client_secret_missing", access+"&client_id=plain&token=x", 400, e2("invalid_request", "Missing client_secret. client_id: plain"))
		add("wrong secret", "common/client_secret_wrong", access+"&client_id=plain&client_secret=x", 401, e1("401", "Unauthorized", wrongSecret+"plain", path))
		add("secret in Base64: it is plain here", "common/client_secret_wrong", access+"&client_id=other&client_secret=dHNwMTIzYWJjZA==", 401, e1("401", "Unauthorized", wrongSecret+"other", path))
		add("no token", "inspect/token_missing", access+"&client_id=tspclient&client_secret=tsp123abcd", 401, e2("invalid_token", notJSON))
		add("empty token", "inspect/parameter_missing", access+tspOwner, 401, e2("Unauthorized", "Unauthorized"))
		add("garbage", "inspect/token_malformed", access+tspOwner+"garbage", 400, e2("invalid_token", notJSON))
		add("garbage as refresh token", "inspect/token_malformed", refresh+tspOwner+"a.b.c", 400, e2("invalid_token", notJSON))
		add("a refresh token under the wrong name", "inspect/token_revoked", access+tspOwner+own.Refresh, 400, e2("invalid_token", notJSON))
		add("an access token under the wrong name", "inspect/token_malformed", refresh+tspOwner+own.Access, 400, e2("invalid_token", notJSON))
		add("another client's", "inspect/token_wrong_client", access+tspOwner+foreign.Access, 400, e2("invalid_grant", "Wrong client(application) for this token: "+foreign.Access))
		add("another client's refresh token", "inspect/token_wrong_client", refresh+tspOwner+foreign.Refresh, 400, e2("invalid_grant", "Wrong client(application) for this token: "+foreign.Refresh))
		rows = append(rows,
			row{path + ": JSON", "common/request_media_type", call{path: path, kind: "application/json", form: "{}"}, 415,
				e1("415", "Unsupported Media Type", "This endpoint does not read that content type. Send application/x-www-form-urlencoded.", path), nil},
			row{path + ": our own fault", "inspect/internal_error", call{path: path, realm: "broken", form: access}, 500,
				`{"timestamp":"<ms>","status":500,"error":"Internal Server Error","path":"` + path + `"}`, nil})
	}
	return rows
}

func TestInspectionRefusals(t *testing.T) {
	h := open(t, nil)
	h.try(inspectRows(h))
}

// description is what introspection says, byte for byte.
func description(active bool, user, username, sub, kind, jti string, iat int64) string {
	return fmt.Sprintf(`{"active":%v,"scope":"2000000006","client_id":"%s","username":%s,"token_type":"%s","exp":%d,"iat":%d,"nbf":%d,"sub":%s,"aud":"YWRtaW5BUEk","iss":"https://auth.example.org/dgrv4","jti":"%s"}`,
		active, user, username, kind, iat+86400, iat, iat, sub, jti)
}

func (h *house) inspect(form string) string {
	h.t.Helper()
	got := h.do(call{path: inspectPath, auth: "-", form: form})
	if got.status != http.StatusOK || got.header.Get("Content-Type") != "application/json" {
		h.t.Fatalf("introspection: %d %s", got.status, got.body)
	}
	return got.body
}

func (h *house) revoke(form string) string {
	h.t.Helper()
	got := h.do(call{path: revokePath, auth: "-", form: form})
	if got.status != http.StatusOK || got.header.Get("Content-Type") != "application/json" {
		h.t.Fatalf("revocation: %d %s", got.status, got.body)
	}
	return got.body
}

func TestIntrospection(t *testing.T) {
	h := open(t, nil)
	own := h.issue(call{form: passwordForm})
	iat := h.clock.Now().Unix()
	refreshID := claimsOf(t, own.Refresh).JTI
	const alias, name = `"T. S. P."`, `"tspuser"`
	expect := func(what, got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("%s:\n got %s\nwant %s", what, got, want)
		}
	}
	expect("access token", h.inspect("token_type_hint=access_token"+tspOwner+own.Access), description(true, "tspclient", alias, name, "access_token", own.JTI, iat))
	expect("hint in capitals", h.inspect("token_type_hint=ACCESS_TOKEN"+tspOwner+own.Access), description(true, "tspclient", alias, name, "access_token", own.JTI, iat))
	expect("refresh token", h.inspect("token_type_hint=refresh_token"+tspOwner+own.Refresh), description(true, "tspclient", alias, name, "refresh_token", refreshID, iat))
	expect("a public client needs no secret", h.inspect("token_type_hint=access_token&client_id=tspclient&token="+own.Access), description(true, "tspclient", alias, name, "access_token", own.JTI, iat))

	machine := h.issue(call{auth: basic("machine", "tsp123abcd"), form: credentials})
	const machineOwner = "&client_id=machine&client_secret=tsp123abcd&token="
	expect("nobody's", h.inspect("token_type_hint=access_token"+machineOwner+machine.Access), description(true, "machine", "null", "null", "access_token", machine.JTI, iat))

	loner := h.issue(call{form: "grant_type=password&username=loner&password=dXNlcjEyM2FiY2Q="})
	expect("a user without alias", h.inspect("token_type_hint=access_token"+tspOwner+loner.Access), description(true, "tspclient", "null", `"loner"`, "access_token", loner.JTI, iat))

	h.revoke("token_type_hint=access_token" + tspOwner + own.Access)
	expect("revoked", h.inspect("token_type_hint=access_token"+tspOwner+own.Access), description(false, "tspclient", alias, name, "access_token", own.JTI, iat))
	h.revoke("token_type_hint=refresh_token" + tspOwner + own.Refresh)
	expect("revoked refresh token", h.inspect("token_type_hint=refresh_token"+tspOwner+own.Refresh), description(false, "tspclient", alias, name, "refresh_token", refreshID, iat))

	h.clock.Advance(25 * time.Hour)
	expect("expired", h.inspect("token_type_hint=access_token"+machineOwner+machine.Access), description(false, "machine", "null", "null", "access_token", machine.JTI, iat))
	expect("expired refresh token", h.inspect("token_type_hint=refresh_token"+tspOwner+loner.Refresh),
		description(false, "tspclient", "null", `"loner"`, "refresh_token", claimsOf(t, loner.Refresh).JTI, iat))
}

func TestRevocation(t *testing.T) {
	h := open(t, nil)
	in := h.realms.ByName(realm.Default)
	good := func(raw string) bool { _, err := h.tokens.Verify(t.Context(), in, raw); return err == nil }
	said := func(code, message, jti string) string {
		return `{"code":"` + code + `","message":"` + message + jti + `"}`
	}

	own := h.issue(call{form: passwordForm})
	access := "token_type_hint=access_token" + tspOwner + own.Access
	if got, want := h.revoke(access), said("token_revoke_success", "access token revoke success, jti: ", own.JTI); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if good(own.Access) {
		t.Error("a revoked access token is still good")
	}
	if got, want := h.revoke(access), said("token_already_revoked", "access token already revoked, jti: ", own.JTI); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	h.clock.Advance(time.Second)
	next := h.issue(call{form: refreshForm(own.Refresh)}) // the other kind lives on

	refresh := "token_type_hint=refresh_token" + tspOwner + next.Refresh
	id := claimsOf(t, next.Refresh).JTI
	if got, want := h.revoke(refresh), said("token_revoke_success", "refresh token revoke success, jti: ", id); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if !good(next.Access) {
		t.Error("the access token ended with its refresh token")
	}
	if got, want := h.revoke(refresh), said("token_already_revoked", "refresh token already revoked, jti: ", id); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := h.do(call{form: refreshForm(next.Refresh)}); got.status != http.StatusForbidden {
		t.Errorf("a revoked refresh token: %d %s", got.status, got.body)
	}

	late := h.issue(call{form: passwordForm})
	h.clock.Advance(25 * time.Hour)
	if got, want := h.revoke("token_type_hint=access_token"+tspOwner+late.Access), said("token_revoke_success", "access token revoke success, jti: ", late.JTI); got != want {
		t.Errorf("expired: got %s, want %s", got, want)
	}
}

// In a realm whose refresh tokens rotate, one that has had a successor is over, and introspection says so.
func TestIntrospectionOfRotatedTokens(t *testing.T) {
	h := open(t, func(set *deployment.ChangeSet) {
		set.Realms[0].Dialects[0].Settings = []byte(`{"rotate_refresh_tokens":true}`)
	})
	first := h.issue(call{form: passwordForm})
	second := h.issue(call{form: refreshForm(first.Refresh)})
	h.clock.Advance(time.Minute) // past the time in which a retry gets the same successor
	for _, tt := range []struct {
		name, token string
		active      bool
	}{
		{"replaced", first.Refresh, false},
		{"current", second.Refresh, true},
	} {
		got := h.inspect("token_type_hint=refresh_token" + tspOwner + tt.token)
		if want := fmt.Sprintf(`{"active":%v,`, tt.active); !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %s, want %s…", tt.name, got, want)
		}
	}
	want := `{"code":"token_already_revoked","message":"refresh token already revoked, jti: ` + claimsOf(t, first.Refresh).JTI + `"}`
	if got := h.revoke("token_type_hint=refresh_token" + tspOwner + first.Refresh); got != want {
		t.Errorf("revocation of a replaced token: got %s, want %s", got, want)
	}
}
