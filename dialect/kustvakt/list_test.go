package kustvakt_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/realm"
)

// listing is the answer of token/list, read.
func (h *house) listing(user tokens, pairs ...string) []map[string]any {
	h.T.Helper()
	got := h.through(listPath, user, pairs...)
	var list []map[string]any
	if err := json.Unmarshal([]byte(got.Body), &list); err != nil || got.Status != 200 {
		h.T.Fatalf("%d %s", got.Status, got.Body)
	}
	return list
}

func TestList(t *testing.T) {
	h := open(t)
	dory := h.login("dory", superID, superSecret)
	first := h.login("dory", "limited", secret, "scope", "search match_info")
	h.login("marlin", "limited", secret)
	if got := h.through(listPath, dory, "token_type", "access_token", "client_id", "nobody").Body; got != "[]" {
		t.Errorf("none: %s", got)
	}
	h.Clock.Advance(time.Minute)
	got := h.listing(dory, "token_type", "access_token")
	if len(got) != 1 {
		t.Fatalf("got %v; want the one token that is not the super client's", got)
	}
	handle, _ := got[0]["token"].(string)
	want := map[string]any{
		"token": handle, "created_date": "2026-03-01T13:00:00.123456+01:00", "expires_in": 259140.0,
		"user_authentication_time": "2026-03-01T13:00:00.123456+01:00", "scope": []any{"search", "match_info"},
		"client_id": "limited", "client_name": "A limited one", "client_description": "holds little", "client_url": "https://limited.example.org/",
	}
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("access token (-want +got):\n%s", diff)
	}
	wantHeaders(t, "list", h.through(listPath, dory, "token_type", "access_token"), "")

	refresh := h.listing(dory, "token_type", "refresh_token", "client_id", "limited")
	if len(refresh) != 1 || refresh[0]["expires_in"] != 365*24*3600-60.0 || refresh[0]["token"] == handle {
		t.Errorf("refresh token: %v", refresh)
	}
	if handle == "" || handle == first.Access || h.opens(handle) {
		t.Error("a list shows what opens something")
	}
}

// TestListedTokensCanBeRevoked: a user interface revokes what it shows.
func TestListedTokensCanBeRevoked(t *testing.T) {
	h := open(t)
	dory, marlin := h.login("dory", superID, superSecret), h.login("marlin", superID, superSecret)
	first := h.login("dory", "limited", secret)
	second := h.login("dory", "limited", secret)
	access := h.listing(dory, "token_type", "access_token")
	if len(access) != 2 {
		t.Fatalf("got %v", access)
	}
	for _, l := range access {
		wantSuccess(t, "by another user", h.through(superPath, marlin, "token", l["token"].(string)))
	}
	if !h.opens(first.Access) || !h.opens(second.Access) {
		t.Fatal("another user's handle ended a token")
	}
	for _, l := range access {
		wantSuccess(t, "access", h.through(superPath, dory, "token", l["token"].(string)))
	}
	if h.opens(first.Access) || h.opens(second.Access) {
		t.Error("a listed access token lives on")
	}
	if got := h.listing(dory, "token_type", "access_token"); len(got) != 0 {
		t.Errorf("still listed: %v", got)
	}
	for _, l := range h.listing(dory, "token_type", "refresh_token") {
		wantSuccess(t, "refresh", h.through(superPath, dory, "token", l["token"].(string)))
	}
	if h.refreshes(first.Refresh) || h.refreshes(second.Refresh) {
		t.Error("a listed grant lives on")
	}
	if !h.opens(dory.Access) || h.Realms.ByName(realm.Default) == nil {
		t.Error("the caller's own token ended")
	}
}
