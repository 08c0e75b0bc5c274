package digirunner_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/audit"
	"sallyport/authorize"
	mapping "sallyport/claims"
	"sallyport/client"
	"sallyport/deployment"
	"sallyport/dialect"
	"sallyport/dialect/digirunner"
	"sallyport/feed"
	"sallyport/grant"
	"sallyport/grant/authcode"
	"sallyport/grant/clientcreds"
	"sallyport/grant/password"
	"sallyport/grant/refresh"
	"sallyport/key"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/store"
	"sallyport/throttle"
	"sallyport/token"
	"sallyport/user"
	"sallyport/web"
)

// The documentation's own example.
const (
	tspClient = "Basic dHNwY2xpZW50OmRITndNVEl6WVdKalpBPT0="
	tspPublic = "Basic dHNwY2xpZW50Og=="
)

// A house is one server with a store of its own and a clock that only a test moves.
type house struct {
	t       testing.TB
	clock   *clock
	store   *store.Store
	ring    *key.Ring
	realms  *realm.Directory
	clients *client.Directory
	tokens  *token.Service
	codes   *authorize.Codes
	flows   *authorize.Flows
	dialect dialect.Dialect
	routes  web.Routes
}

type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// faultGrant fails for the reason it is asked to.
type faultGrant struct{}

func (faultGrant) Type() string { return "fault" }

func (faultGrant) Prove(_ context.Context, a *grant.Attempt) (grant.Proof, error) {
	e := oauth.Fail(oauth.Reason(a.Params.Get("reason")), "")
	if a.Params.Has("retry") {
		e.RetryAfter = 1500 * time.Millisecond
	}
	return grant.Proof{}, e
}

// userHash is the hash of the documented user's password. It is made once: it is meant to be slow.
var userHash = sync.OnceValue(func() string {
	h, err := user.NewHasher(1).Hash(context.Background(), "user123abcd")
	if err != nil {
		panic(err)
	}
	return h
})

func generated(secret string) []client.Secret {
	sum := sha256.Sum256([]byte(secret))
	return []client.Secret{{ID: "1", Hash: "sha256:" + hex.EncodeToString(sum[:])}}
}

// founding is what every house starts with.
func founding(now time.Time) deployment.ChangeSet {
	all := []string{"password", "refresh_token", "client_credentials"}
	plain := func(id string, grants ...string) *client.Client {
		return &client.Client{
			Realm: realm.Default, ID: id, Type: client.Confidential, Status: client.On, Grants: grants,
			Secrets: generated("tsp123abcd"), Scopes: scope.Set{"2000000006"}, Audience: []string{"YWRtaW5BUEk"}, Authorities: []string{"client"},
		}
	}
	tsp := plain("tspclient", append([]string{"public"}, all...)...)
	off, locked, early, late, once := plain("off", all...), plain("locked", all...), plain("early", all...), plain("late", all...), plain("once", all...)
	off.Status, locked.Status = client.Off, client.Locked
	early.NotBefore, late.NotAfter = now.Add(48*time.Hour), now.Add(-48*time.Hour)
	once.RefreshToken.Uses = 1
	unset := plain("unset", all...)
	unset.Secrets = nil
	sends := func(id string) *client.Client { // people to the sign-in pages
		c := plain(id, "authorization_code", "refresh_token")
		c.Scopes, c.RedirectURIs = scope.Set{"2000000006", "openid", "email", "profile"}, []string{callback, "com.example.app:/cb"}
		switch id {
		case "app":
			c.Type, c.Secrets = client.Public, nil
		case "half":
			c.Grants = append(c.Grants, "public")
		case "limited":
			c.Scopes = scope.Set{"2000000006", "openid"}
		case "bare":
			c.Grants = []string{"refresh_token"}
		}
		c.OpenID.RequirePAR, c.OpenID.RequireSigned, c.OpenID.RequirePKCE = id == "pushes", id == "signs", id == "proves"
		if id == "pairwise" {
			c.OpenID.SubjectType = "pairwise"
		}
		return c
	}
	wide := plain("wide", all...)
	wide.Scopes = scope.Set{"2000000006", "2000000007"}
	person := func(name string, status user.Status) *user.User {
		return &user.User{Realm: realm.Default, Name: name, Password: userHash(), Status: status, Alias: "T. S. P.", Org: "100000", Roles: []string{"1000"}}
	}
	loner := person("loner", user.On)
	loner.Org, loner.Alias = "", ""
	return deployment.ChangeSet{
		Realms: []*realm.Realm{
			{Name: realm.Default, Dialects: []realm.Dialect{{Name: digirunner.Name}}},
			{Name: "lenient", Dialects: []realm.Dialect{{Name: digirunner.Name, Settings: json.RawMessage(`{"wrong_password_status":400}`)}}},
			{Name: "closed"},
			{Name: "broken", Dialects: []realm.Dialect{{Name: digirunner.Name, Settings: json.RawMessage(`{"no":1}`)}}},
		},
		Scopes: []deployment.RealmScope{
			{Realm: realm.Default, Scope: scope.Scope{Name: "2000000006"}}, {Realm: realm.Default, Scope: scope.Scope{Name: "2000000007"}},
		},
		Users: []*user.User{person("tspuser", user.On), person("offuser", user.Off), person("lockeduser", user.Locked), loner, person("gone", user.On)},
		Clients: []*client.Client{
			tsp, off, locked, early, late, once, unset, wide, plain("plain", all...), plain("other", all...),
			sends("web"), sends("other-web"), sends("app"), sends("half"), sends("limited"), sends("pushes"), sends("signs"), sends("proves"), sends("pairwise"), sends("bare"),
			plain("machine", "client_credentials"), plain("norefresh", "password"), plain("faulty", "fault"),
		},
	}
}

// open builds a house; change may alter what it starts with.
func open(t testing.TB, change func(*deployment.ChangeSet)) *house {
	t.Helper()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	ctx := t.Context()
	h := &house{t: t, clock: &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)}}
	quiet, hub := slog.New(slog.DiscardHandler), new(feed.Hub)
	var err error
	h.store, err = store.Open(ctx, store.Options{URL: filepath.Join(t.TempDir(), "test.db"), Hub: hub, Log: quiet, Now: h.clock.Now})
	must(err)
	t.Cleanup(func() { _ = h.store.Close() })
	set := founding(h.clock.Now())
	if change != nil {
		change(&set)
	}
	must(h.store.Commit(ctx, set))
	h.realms, err = realm.NewDirectory(ctx, h.store, hub, func() string { return "https://auth.example.org" })
	must(err)
	h.clients = client.NewDirectory(h.store, hub)
	users := user.NewDirectory(h.store, hub)
	hasher := user.NewHasher(2)
	guard := throttle.New(throttle.Config{Now: h.clock.Now})
	h.ring = key.NewRing(key.Config{Store: h.store, Master: key.Master{1}, Hub: hub, Now: h.clock.Now, Log: quiet})
	named := mapping.New(mapping.Config{Key: key.Master{1}.Derive, Now: h.clock.Now, Log: quiet})
	h.tokens, err = token.New(token.Config{
		Store: h.store, Keys: h.ring, Clients: h.clients, Claims: named, Hub: hub, Now: h.clock.Now, Log: quiet,
	})
	must(err)
	must(h.tokens.Start(ctx))
	h.codes, h.flows = authorize.NewCodes(h.store, h.clock.Now), authorize.NewFlows(h.store, h.clock.Now)
	engine := grant.New(grant.Config{
		Realms: h.realms, Clients: h.clients, Secrets: client.NewVerifier(h.store, hasher, h.clock.Now), Tokens: h.tokens,
		Grants: []grant.Grant{
			password.New(user.NewAuthenticator(users, h.store, hasher, h.clock.Now), guard), clientcreds.New(),
			refresh.New(h.tokens, users), authcode.New(authcode.Deps{Codes: h.codes, Users: users, Tokens: h.tokens}), faultGrant{},
		},
		Throttle: guard, Audit: audit.NewLog(h.store, quiet), Now: h.clock.Now,
	})
	h.dialect = digirunner.New(dialect.Deps{
		Engine: engine, Tokens: h.tokens, Keys: h.ring, Realms: h.realms, Clients: h.clients, Users: users, Log: quiet, Now: h.clock.Now,
		Flows: h.flows, Codes: h.codes, Claims: named,
	})
	h.routes = h.dialect.Routes()
	return h
}

// A call is one request; the zero values are those of an ordinary form post.
type call struct {
	method string // POST
	path   string // /oauth/token
	auth   string // Authorization header; "-": none at all; empty: the documented client's
	form   string
	body   io.Reader // instead of form
	kind   string    // content type, application/x-www-form-urlencoded
	source string    // address it comes from
	realm  string    // default
	cookie string
}

// An answer is what came back, with timestamps masked in the body.
type answer struct {
	status int
	header http.Header
	body   string
}

var timestamp = regexp.MustCompile(`"timestamp":"\d{13}"`)

func (h *house) do(c call) answer {
	h.t.Helper()
	body := c.body
	if body == nil {
		body = strings.NewReader(c.form)
	}
	path := or(c.path, "/oauth/token")
	r := httptest.NewRequest(or(c.method, http.MethodPost), path, body)
	r.RemoteAddr = or(c.source, "192.0.2.1") + ":4711"
	r.Header.Set("Content-Type", or(c.kind, "application/x-www-form-urlencoded"))
	if auth := or(c.auth, tspClient); auth != "-" {
		r.Header.Set("Authorization", auth)
	}
	if c.cookie != "" {
		r.Header.Set("Cookie", c.cookie)
	}
	if in := h.realms.ByName(or(c.realm, realm.Default)); in != nil {
		r = r.WithContext(realm.NewContext(r.Context(), in))
	}
	endpoint, _, _ := strings.Cut(path, "?")
	w := httptest.NewRecorder()
	h.routes[endpoint].ServeHTTP(w, r)
	return answer{w.Code, w.Header(), timestamp.ReplaceAllString(w.Body.String(), `"timestamp":"<ms>"`)}
}

// A grantBody is a success body, read.
type grantBody struct {
	Access  string `json:"access_token"`
	Expires int64  `json:"expires_in"`
	JTI     string `json:"jti"`
	Org     string `json:"org_id"`
	Refresh string `json:"refresh_token"`
	Scope   string `json:"scope"`
	STime   int64  `json:"stime"`
}

// issue makes a call that must succeed.
func (h *house) issue(c call) grantBody {
	h.t.Helper()
	got := h.do(c)
	var b grantBody
	if err := json.Unmarshal([]byte(got.body), &b); err != nil || got.status != http.StatusOK {
		h.t.Fatalf("%s: %d %s", c.form, got.status, got.body)
	}
	return b
}

const passwordForm = "grant_type=password&username=tspuser&password=dXNlcjEyM2FiY2Q="

func loginForm(user string) string {
	return "grant_type=password&username=" + user + "&password=dXNlcjEyM2FiY2Q="
}

func refreshForm(token string) string {
	return "grant_type=refresh_token&refresh_token=" + url.QueryEscape(token)
}

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func basic(id, secret string) string {
	pair := id + ":" + base64.StdEncoding.EncodeToString([]byte(secret))
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(pair))
}

// e1 and e2 are the product's two error bodies, byte for byte.
func e1(status, err, message, path string) string {
	return `{"timestamp":"<ms>","status":` + status + `,"error":"` + err + `","message":"` + message + `","path":"` + path + `"}`
}

func e2(err, description string) string {
	return `{"error":"` + err + `","error_description":"` + description + `"}`
}

// payload decodes the middle part of a JWT.
func payload(t testing.TB, jwt string) string {
	t.Helper()
	parts := strings.Split(jwt, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is not a JWS", jwt)
	}
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
