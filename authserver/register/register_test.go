package register_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/audit"
	"sallyport/authserver/register"
	"sallyport/client"
	"sallyport/deployment"
	"sallyport/feed"
	"sallyport/key"
	"sallyport/realm"
	"sallyport/registration"
	"sallyport/store"
	"sallyport/token"
)

// house is the endpoint over a store of its own.
type house struct {
	t       *testing.T
	store   *store.Store
	face    *register.Face
	realm   *realm.Realm
	now     time.Time
	sector  string // what every sector identifier leads to
	fetched int    // how often that was asked for
	heard   recorder
}

type recorder struct {
	mu     sync.Mutex
	events []audit.Event
}

func (r *recorder) Record(_ context.Context, e audit.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

func (h *house) Get(context.Context, string) ([]byte, error) {
	h.fetched++
	if h.sector == "" {
		return nil, errors.New("no answer")
	}
	return []byte(h.sector), nil
}

func newHouse(t *testing.T, policy realm.Registration) *house {
	t.Helper()
	h := &house{t: t, now: time.Date(2026, 5, 4, 3, 2, 1, 0, time.UTC), realm: &realm.Realm{Name: "default", Issuer: "https://login.example.org/", Registration: policy}}
	hub := &feed.Hub{}
	s, err := store.Open(t.Context(), store.Options{URL: filepath.Join(t.TempDir(), "t.db"), Hub: hub, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return h.now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	h.store = s
	admin := &client.Client{Realm: "default", ID: "admins", Type: client.Confidential, Status: client.On}
	h.must(s.Commit(t.Context(), deployment.ChangeSet{Realms: []*realm.Realm{h.realm}, Clients: []*client.Client{admin}}))
	h.face = register.New(register.Config{
		Registry: s, Clients: client.NewDirectory(s, hub), Fetch: h, Master: key.Master{1}, Commit: s.Commit,
		Longest: func(context.Context, *realm.Realm) (time.Duration, error) { return time.Hour, nil },
		Audit:   &h.heard, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return h.now },
	})
	return h
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   map[string]any
}

func (a answer) text(name string) string { s, _ := a.body[name].(string); return s }

// call sends a request; an empty token sends no Authorization.
func (h *house) call(method, query, token, body string) answer {
	r := httptest.NewRequest(method, register.Path+query, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return h.do(r)
}

func (h *house) do(r *http.Request) answer {
	w := httptest.NewRecorder()
	h.face.Routes()[register.Path].ServeHTTP(w, r.WithContext(realm.NewContext(r.Context(), h.realm)))
	a := answer{status: w.Code, header: w.Header()}
	if text, _ := io.ReadAll(w.Body); len(text) > 0 {
		if json.Unmarshal(text, &a.body) != nil {
			h.t.Errorf("not JSON: %s", text)
		}
	}
	if got := w.Header().Get("Cache-Control"); got != "no-store" {
		h.t.Errorf("%s %s: Cache-Control %q", r.Method, r.URL, got)
	}
	return a
}

const minimal = `{"redirect_uris":["https://app.example.org/cb"],"client_name":"App","software_id":"x"}`

func TestLife(t *testing.T) {
	h := newHouse(t, realm.Registration{Mode: realm.RegisterOpen})
	made := h.call("POST", "", "", minimal)
	id, secret, first := made.text("client_id"), made.text("client_secret"), made.text("registration_access_token")
	if made.status != 201 || id == "" || len(secret) < 64 || len(first) < 43 || made.body["client_secret_expires_at"] != 0.0 || made.body["client_id_issued_at"] != float64(h.now.Unix()) {
		t.Fatalf("%d %v", made.status, made.body)
	}
	if got, want := made.text("registration_client_uri"), "https://login.example.org/register?client_id="+id; got != want {
		t.Errorf("registration_client_uri %q, want %q", got, want)
	}
	stored, err := h.store.Client(t.Context(), "default", id)
	h.must(err)
	text, err := json.Marshal(stored)
	h.must(err)
	if strings.Contains(string(text), secret) || strings.Contains(string(text), first) || stored.Type != client.Confidential || stored.Trusted {
		t.Errorf("stored: %s", text)
	}

	query := "?client_id=" + id
	read := h.call("GET", query, first, "")
	if read.status != 200 || read.text("client_name") != "App" || read.text("software_id") != "x" || read.body["client_secret"] != nil || read.body["registration_access_token"] != nil {
		t.Errorf("read: %d %v", read.status, read.body)
	}

	changed := h.call("PUT", query, first, `{"client_id":"`+id+`","client_secret":"`+secret+`","redirect_uris":["https://app.example.org/new"],"token_endpoint_auth_method":"client_secret_post"}`)
	second := changed.text("registration_access_token")
	if changed.status != 200 || second == "" || second == first || changed.body["client_name"] != nil || changed.body["software_id"] != nil || changed.body["client_secret"] != nil {
		t.Fatalf("changed: %d %v", changed.status, changed.body)
	}
	if again := h.call("GET", query, first, ""); again.status != 401 {
		t.Errorf("the first token is still good: %d", again.status)
	}
	// Another method, another secret.
	mac := h.call("PUT", query, second, `{"client_id":"`+id+`","redirect_uris":["https://app.example.org/new"],"token_endpoint_auth_method":"client_secret_jwt"}`)
	if s := mac.text("client_secret"); mac.status != 200 || s == "" || s == secret {
		t.Errorf("client_secret_jwt: %d %v", mac.status, mac.body)
	}
	third := mac.text("registration_access_token")

	gone := h.call("DELETE", query, third, "")
	if gone.status != 204 || gone.body != nil {
		t.Errorf("deleted: %d %v", gone.status, gone.body)
	}
	if c, err := h.store.Client(t.Context(), "default", id); err != nil || c != nil {
		t.Errorf("still there: %v %v", c, err)
	}
	ended, err := h.store.Revocations(t.Context(), h.now)
	h.must(err)
	if len(ended) != 1 || ended[0].Kind != token.RevokeClient || ended[0].Key != id || ended[0].Bound < h.now.UnixMicro() || !ended[0].Until.After(h.now) {
		t.Errorf("revocations: %+v", ended)
	}
	if again := h.call("GET", query, third, ""); again.status != 401 {
		t.Errorf("after the end: %d", again.status)
	}
	if len(h.heard.events) != 4 {
		t.Errorf("audited: %+v", h.heard.events)
	}
	for _, e := range h.heard.events {
		if e.Kind != audit.ConfigChanged || e.Client != id || strings.Contains(e.Detail, secret) {
			t.Errorf("audited: %+v", e)
		}
	}
}

func TestWhoMayRegister(t *testing.T) {
	for _, mode := range []string{"", realm.RegisterOff} {
		h := newHouse(t, realm.Registration{Mode: mode})
		if a := h.call("POST", "", "", minimal); a.status != 403 || a.text("error") != "access_denied" {
			t.Errorf("mode %q: %d %v", mode, a.status, a.body)
		}
	}
	h := newHouse(t, realm.Registration{Mode: realm.RegisterByToken})
	plain, hash := registration.NewToken()
	late, lateHash := registration.NewToken()
	h.must(h.store.PutInitialToken(t.Context(), "default", hash, 2, h.now.Add(time.Hour)))
	h.must(h.store.PutInitialToken(t.Context(), "default", lateHash, 2, h.now))
	if a := h.call("POST", "", "", minimal); a.status != 401 || a.header.Get("WWW-Authenticate") != `Bearer realm="default"` {
		t.Errorf("no token: %d %v", a.status, a.header)
	}
	for _, bad := range []string{late, "wrong", "a b"} {
		if a := h.call("POST", "", bad, minimal); a.status != 401 || a.text("error") != "invalid_token" || !strings.Contains(a.header.Get("WWW-Authenticate"), `error="invalid_token"`) {
			t.Errorf("%q: %d %v", bad, a.status, a.body)
		}
	}
	// What is refused for another reason uses nothing up.
	if a := h.call("POST", "", plain, `{}`); a.status != 400 {
		t.Errorf("bad metadata: %d", a.status)
	}
	// Two uses, however many come at once.
	var wg sync.WaitGroup
	var mu sync.Mutex
	made := map[int]int{}
	for range 10 {
		wg.Go(func() {
			a := h.call("POST", "", plain, minimal)
			mu.Lock()
			made[a.status]++
			mu.Unlock()
		})
	}
	wg.Wait()
	if made[201] != 2 || made[401] != 8 {
		t.Errorf("two uses: %v", made)
	}
}

func TestNumberIsBounded(t *testing.T) {
	h := newHouse(t, realm.Registration{Mode: realm.RegisterOpen, Max: 2})
	var last answer
	for range 3 {
		last = h.call("POST", "", "", minimal)
	}
	if last.status != 403 || !strings.Contains(last.text("error_description"), "as many registered clients") {
		t.Errorf("%d %v", last.status, last.body)
	}
}

func TestRefusals(t *testing.T) {
	h := newHouse(t, realm.Registration{Mode: realm.RegisterOpen})
	made := h.call("POST", "", "", minimal)
	other := h.call("POST", "", "", minimal)
	id, token := made.text("client_id"), made.text("registration_access_token")
	mine := "?client_id=" + id
	put := func(more string) string {
		return `{"client_id":"` + id + `","redirect_uris":["https://a.example/"]` + more + `}`
	}
	for _, tc := range []struct {
		name, method, query, token, body string
		status                           int
		code                             string
	}{
		{"another method", "PATCH", mine, token, "", 405, "invalid_request"},
		{"no client", "GET", "", token, "", 401, "invalid_token"},
		{"no token", "GET", mine, "", "", 401, "invalid_token"},
		{"the token of another", "GET", mine, other.text("registration_access_token"), "", 401, "invalid_token"},
		{"a client that is none", "GET", "?client_id=none", token, "", 401, "invalid_token"},
		{"a client of the administrators", "GET", "?client_id=admins", token, "", 401, "invalid_token"},
		{"to delete it", "DELETE", "?client_id=admins", token, "", 401, "invalid_token"},
		{"two clients", "GET", mine + "&client_id=admins", token, "", 400, "invalid_request"},
		{"the id of another", "PUT", mine, token, strings.Replace(put(""), id, other.text("client_id"), 1), 400, "invalid_client_metadata"},
		{"no id", "PUT", mine, token, minimal, 400, "invalid_client_metadata"},
		{"its own token", "PUT", mine, token, put(`,"registration_access_token":"` + token + `"`), 400, "invalid_client_metadata"},
		{"the time it was issued", "PUT", mine, token, put(`,"client_id_issued_at":1`), 400, "invalid_client_metadata"},
		{"a secret of its choice", "PUT", mine, token, put(`,"client_secret":"mine"`), 400, "invalid_client_metadata"},
		{"bad metadata", "PUT", mine, token, put(`,"client_name":7`), 400, "invalid_client_metadata"},
		{"a bad redirect URI", "POST", "", "", `{"redirect_uris":["http://a.example/"]}`, 400, "invalid_redirect_uri"},
		{"twice", "POST", "", "", `{"redirect_uris":["https://a.example/"],"redirect_uris":["https://b.example/"]}`, 400, "invalid_client_metadata"},
		{"nothing", "POST", "", "", "", 400, "invalid_client_metadata"},
		{"too much", "POST", "", "", `{"x":"` + strings.Repeat("a", 65<<10) + `"}`, 413, "invalid_request"},
	} {
		a := h.call(tc.method, tc.query, tc.token, tc.body)
		if a.status != tc.status || a.text("error") != tc.code || a.text("error_description") == "" {
			t.Errorf("%s: %d %v", tc.name, a.status, a.body)
		}
	}
	form := httptest.NewRequest("POST", register.Path, strings.NewReader("redirect_uris=https://a.example/"))
	form.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if a := h.do(form); a.status != 415 {
		t.Errorf("a form: %d", a.status)
	}
	chunked := httptest.NewRequest("POST", register.Path, io.MultiReader(strings.NewReader(`{"x":"`), strings.NewReader(strings.Repeat("a", 70<<10))))
	chunked.ContentLength = -1
	chunked.Header.Set("Content-Type", "application/json")
	if a := h.do(chunked); a.status != 413 {
		t.Errorf("too much, without a length: %d", a.status)
	}
	twice := httptest.NewRequest("GET", register.Path+mine, nil)
	twice.Header["Authorization"] = []string{"Bearer " + token, "Bearer " + token}
	if a := h.do(twice); a.status != 401 {
		t.Errorf("two headers: %d", a.status)
	}
	// Nothing of all that changed the client, and its token is still good.
	if a := h.call("GET", mine, token, ""); a.status != 200 || a.text("client_name") != "App" {
		t.Errorf("%d %v", a.status, a.body)
	}
	// An administrator has the last word.
	_, err := h.store.UpdateClient(t.Context(), "default", id, func(c *client.Client) error { c.Status = client.Off; return nil })
	h.must(err)
	for _, method := range []string{"GET", "PUT", "DELETE"} {
		if a := h.call(method, mine, token, put("")); a.status != 401 {
			t.Errorf("%s of a client that is off: %d", method, a.status)
		}
	}
}

// TestSector: registration-sector-uri and registration-sector-bad of the conformance suite.
func TestSector(t *testing.T) {
	h := newHouse(t, realm.Registration{Mode: realm.RegisterOpen})
	body := `{"redirect_uris":["https://a.example/cb","https://b.example/cb"],"subject_type":"pairwise","sector_identifier_uri":"https://a.example/s"}`
	for sector, status := range map[string]int{`["https://a.example/cb","https://b.example/cb"]`: 201, `["https://a.example/cb"]`: 400, "": 400} {
		h.sector = sector
		if a := h.call("POST", "", "", body); a.status != status || status == 400 && a.text("error") != "invalid_client_metadata" {
			t.Errorf("%s: %d %v", sector, a.status, a.body)
		}
	}
}

// Class 14: who has no initial access token does not have this server call anybody.
func TestStrangersHaveNothingFetched(t *testing.T) {
	h := newHouse(t, realm.Registration{Mode: realm.RegisterByToken})
	h.sector = `["https://a.example/cb"]`
	body := `{"redirect_uris":["https://a.example/cb"],"subject_type":"pairwise","sector_identifier_uri":"https://a.example/s"}`
	if a := h.call("POST", "", "made-up", body); a.status != 401 || h.fetched != 0 {
		t.Errorf("%d, %d documents were fetched", a.status, h.fetched)
	}
	plain, hash := registration.NewToken()
	h.must(h.store.PutInitialToken(t.Context(), "default", hash, 1, time.Time{}))
	if a := h.call("POST", "", plain, body); a.status != 201 || h.fetched != 1 {
		t.Errorf("%d %v, %d documents were fetched", a.status, a.body, h.fetched)
	}
}

// One token changes a client once, however many changes come at once.
func TestTokenIsRotatedOnce(t *testing.T) {
	h := newHouse(t, realm.Registration{Mode: realm.RegisterOpen})
	made := h.call("POST", "", "", minimal)
	id, plain := made.text("client_id"), made.text("registration_access_token")
	var wg sync.WaitGroup
	var mu sync.Mutex
	got, next := map[int]int{}, ""
	for range 20 {
		wg.Go(func() {
			a := h.call("PUT", "?client_id="+id, plain, `{"client_id":"`+id+`","redirect_uris":["https://a.example/"]}`)
			mu.Lock()
			defer mu.Unlock()
			if got[a.status]++; a.status == 200 {
				next = a.text("registration_access_token")
			}
		})
	}
	wg.Wait()
	if got[200] != 1 || got[401] != 19 {
		t.Fatalf("%v", got)
	}
	if a := h.call("GET", "?client_id="+id, next, ""); a.status != 200 {
		t.Errorf("the token that was told is not good: %d", a.status)
	}
}

func TestNoRealm(t *testing.T) {
	w := httptest.NewRecorder()
	newHouse(t, realm.Registration{}).face.Routes()[register.Path].ServeHTTP(w, httptest.NewRequest("POST", register.Path, nil))
	if w.Code != 404 {
		t.Errorf("%d", w.Code)
	}
}
