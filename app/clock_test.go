package app_test

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"sallyport/app/apptest"
)

func member1(t *testing.T, body, name string) string {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(body), &m); err != nil {
		t.Fatalf("%v: %s", err, body)
	}
	text, ok := m[name].(string)
	if !ok {
		t.Fatalf("no %s in %s", name, body)
	}
	return text
}

// A clock that jumps, either way, expires what it has to and breaks nothing.
func TestClockJumps(t *testing.T) {
	s := apptest.New(t, `
realm: default
scopes: [{name: read}]
users: [{name: dory, password: dorypass}]
clients:
  - {id: jwt, type: public, grants: [password, refresh_token], scopes: [read], access_token: {format: jwt, ttl: 1h}, refresh_token: {ttl: 30d}}
  - {id: reference, type: public, grants: [password, refresh_token], scopes: [read], access_token: {format: reference, ttl: 1h}, refresh_token: {ttl: 30d}}
  - {id: opaque, type: public, grants: [password, refresh_token], scopes: [read], access_token: {format: opaque, ttl: 1h}, refresh_token: {ttl: 30d}}
  - {id: eye, secret: eye, trusted: true, grants: [client_credentials], scopes: [read]}
`)
	type pair struct{ access, refresh string }
	signIn := func(client string) pair {
		t.Helper()
		a := s.Post(t, "/token", "grant_type", "password", "client_id", client, "username", "dory", "password", "dorypass")
		if a.Status != http.StatusOK {
			t.Fatalf("%s: sign-in: %d %s", client, a.Status, a.Body)
		}
		return pair{member1(t, a.Body, "access_token"), member1(t, a.Body, "refresh_token")}
	}
	active := func(token string) bool {
		t.Helper()
		a := s.Post(t, "/introspect", "client_id", "eye", "client_secret", "eye", "token", token)
		var m struct{ Active bool }
		if err := json.Unmarshal([]byte(a.Body), &m); err != nil || a.Status != http.StatusOK {
			t.Fatalf("introspect: %d %s", a.Status, a.Body)
		}
		return m.Active
	}
	refresh := func(client, token string) (int, string) {
		t.Helper()
		a := s.Post(t, "/token", "grant_type", "refresh_token", "client_id", client, "refresh_token", token)
		return a.Status, a.Body
	}
	for _, client := range []string{"jwt", "reference", "opaque"} {
		p := signIn(client)
		if !active(p.access) {
			t.Fatalf("%s: a new token is not active", client)
		}
		s.Clock.Advance(2 * time.Hour)
		if active(p.access) {
			t.Errorf("%s: active after its end", client)
		}
		status, body := refresh(client, p.refresh)
		if status != http.StatusOK || !active(member1(t, body, "access_token")) {
			t.Errorf("%s: refresh after the jump: %d %s", client, status, body)
		}
		s.Clock.Advance(-26 * time.Hour)
		q := signIn(client)
		if !active(q.access) {
			t.Errorf("%s: a token from after the jump back is not active", client)
		}
		if status, body := refresh(client, q.refresh); status != http.StatusOK {
			t.Errorf("%s: refresh after the jump back: %d %s", client, status, body)
		}
		s.Clock.Advance(24 * time.Hour)
		r := signIn(client)
		s.Clock.Advance(60 * 24 * time.Hour)
		if status, body := refresh(client, r.refresh); status != http.StatusBadRequest {
			t.Errorf("%s: refresh after its end: %d %s", client, status, body)
		}
		if !active(signIn(client).access) {
			t.Errorf("%s: a token from after the long jump is not active", client)
		}
		s.Clock.Advance(-60 * 24 * time.Hour)
	}
}
