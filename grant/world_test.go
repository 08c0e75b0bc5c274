package grant_test

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"sallyport/audit"
	"sallyport/authorize"
	"sallyport/client"
	"sallyport/grant"
	"sallyport/grant/authcode"
	"sallyport/grant/clientcreds"
	"sallyport/grant/password"
	"sallyport/grant/refresh"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/throttle"
	"sallyport/token"
	"sallyport/user"
)

// A world is an engine with the real grants, throttle and secrets, over nouns in memory. Its fields are changed between
// calls.
type world struct {
	mu       sync.Mutex
	now      time.Time
	realm    *realm.Realm
	scopes   map[string]bool // declared, by realm/name
	clients  map[string]*client.Client
	users    map[string]*user.User
	refresh  map[string]*presented
	codes    map[string]*code
	ended    []token.ID // grants ended by their names
	endErr   error
	fail     error // of every store
	issueErr error

	issued []token.Authorization
	events []audit.Event

	throttle *throttle.Throttle
	engine   *grant.Engine
}

// presented is a refresh token and what became of it.
type presented struct {
	token.Presented
	state token.State
}

// code is an authorization code and what became of it.
type code struct {
	authorize.Grant
	spent bool
	lost  bool // another is just spending it
}

// verifier is the code_verifier of every call.
const verifier = "a-verifier-of-forty-three-characters-or-more.~_"

func challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

var source = netip.MustParseAddr("192.0.2.1")

const secret = "a generated secret"

func newWorld() *world {
	w := &world{
		now:    time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC),
		realm:  &realm.Realm{Name: "default", Issuer: "https://login.example.org"},
		scopes: map[string]bool{"default/read": true, "default/write": true, "default/admin": true},
		clients: map[string]*client.Client{"default/app": {
			Realm: "default", ID: "app", Type: client.Confidential, Status: client.On,
			Secrets: []client.Secret{{ID: "1", Hash: user.Digest(secret)}},
			Grants:  []string{"password", "refresh_token", "client_credentials", "authorization_code"},
			Scopes:  scope.Set{"read", "write"},
		}},
		users: map[string]*user.User{"default/dory": {Realm: "default", Name: "dory", Status: user.On, Password: "dorypass"}},
		refresh: map[string]*presented{"rt": {token.Presented{ID: "rt-id", Raw: "rt", Family: &token.Family{
			Realm: "default", Client: "app", User: "dory", Scope: scope.Set{"read", "write"},
		}}, token.Active}},
		codes: map[string]*code{"code": {Grant: authorize.Grant{
			Realm: "default", Client: "app", User: "dory", RedirectURI: "https://rp.example/cb", RedirectGiven: true,
			Challenge: challenge(verifier), Scope: scope.Set{"read", "write"}, Family: token.ID{7},
			SignIn: &token.SignIn{ACR: "1", Session: "sid"},
		}}},
	}
	w.throttle = throttle.New(throttle.Config{Now: w.clock})
	w.engine = grant.New(grant.Config{
		Realms: w, Clients: clients{w}, Secrets: client.NewVerifier(nil, user.NewHasher(1), w.clock), Tokens: w,
		Grants:   []grant.Grant{password.New(w, w.throttle), clientcreds.New(), refresh.New(w, users{w}), authcode.New(authcode.Deps{Codes: codes{w}, Users: users{w}, Tokens: w})},
		Throttle: w.throttle, Audit: w, Now: w.clock,
	})
	return w
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// app and dory are the client and user of every call, for changing. They are replaced, not modified in place.
func (w *world) app() *client.Client {
	c := *w.clients["default/app"]
	w.clients["default/app"] = &c
	return &c
}

func (w *world) dory() *user.User {
	u := *w.users["default/dory"]
	w.users["default/dory"] = &u
	return &u
}

// request is a call that succeeds.
func (w *world) request(grantType string) grant.Request {
	r := grant.Request{
		Realm: w.realm, Type: grantType, HasType: true, Source: source,
		Client: client.Credentials{Method: client.MethodBasic, ID: "app", Secret: secret, HasSecret: true},
	}
	switch grantType {
	case "password":
		r.Params = oauth.NewParams("username", "dory", "password", "dorypass")
	case "refresh_token":
		r.Params = oauth.NewParams("refresh_token", "rt")
	case "authorization_code":
		r.Params = oauth.NewParams("code", "code", "redirect_uri", "https://rp.example/cb", "code_verifier", verifier)
	}
	return r
}

func (w *world) Scope(realm, name string) (scope.Scope, bool) {
	return scope.Scope{Name: name}, w.scopes[realm+"/"+name]
}

type clients struct{ *world }

func (w clients) Get(_ context.Context, realm, id string) (*client.Client, error) {
	return w.clients[realm+"/"+id], w.fail
}

type users struct{ *world }

func (w users) Get(_ context.Context, realm, name string) (*user.User, error) {
	return w.users[realm+"/"+name], w.fail
}

type codes struct{ *world }

func (w codes) Look(_ context.Context, realm, raw string) (*authorize.Grant, bool, error) {
	c := w.codes[raw]
	if w.fail != nil || c == nil || c.Realm != realm {
		return nil, false, w.fail
	}
	return &c.Grant, c.spent, nil
}

func (w codes) Spend(_ context.Context, _, raw string) (bool, error) {
	c := w.codes[raw]
	won := !c.spent && !c.lost
	c.spent = true
	return won, w.fail
}

func (w *world) EndFamilyByID(_ context.Context, _ *realm.Realm, _ string, id token.ID) error {
	w.ended = append(w.ended, id)
	return w.endErr
}

func (w *world) Authenticate(_ context.Context, realm, name, password string) (*user.User, error) {
	u := w.users[realm+"/"+name]
	switch {
	case w.fail != nil:
		return nil, w.fail
	case u == nil:
		return nil, oauth.Fail(oauth.UserUnknown, name)
	case u.Password != password:
		return nil, oauth.Fail(oauth.PasswordWrong, name)
	}
	return u, nil
}

func (w *world) Present(_ context.Context, r *realm.Realm, raw string) (*token.Presented, error) {
	p := w.refresh[raw]
	switch {
	case p == nil || p.Family.Realm != r.Name:
		return nil, oauth.Fail(oauth.RefreshUnknown, "")
	case p.state == token.Expired:
		return &p.Presented, oauth.Fail(oauth.RefreshExpired, p.ID)
	case p.state == token.Revoked:
		return &p.Presented, oauth.Fail(oauth.RefreshRevoked, p.ID)
	}
	return &p.Presented, nil
}

func (w *world) Issue(_ context.Context, a token.Authorization) (*token.Issued, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.issueErr != nil {
		return nil, w.issueErr
	}
	w.issued = append(w.issued, a)
	return &token.Issued{AccessToken: "at", Scope: a.Scope, Client: a.Client, User: a.User}, nil
}

func (w *world) Record(_ context.Context, e audit.Event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
}

// exchange makes a call and returns the reason it was refused for, after checking what holds for every call: one record,
// and nothing issued unless it succeeded.
func (w *world) exchange(t *testing.T, r grant.Request) oauth.Reason {
	t.Helper()
	issuedBefore, recordedBefore := len(w.issued), len(w.events)
	issued, err := w.engine.Exchange(t.Context(), r)
	reason := oauth.ReasonOf(err)
	var e *oauth.Error
	if err != nil && !errors.As(err, &e) {
		t.Errorf("the error is a %T", err)
	}
	if n := len(w.events) - recordedBefore; n != 1 {
		t.Fatalf("%d records of one call", n)
	}
	record := w.events[len(w.events)-1]
	if record.Reason != reason || record.Source != r.Source || record.Dialect != r.Rules.Dialect || record.At.IsZero() {
		t.Errorf("refused for %q, recorded %+v", reason, record)
	}
	if (err == nil) != (record.Kind == audit.TokenIssued) || (err == nil) != (issued != nil) {
		t.Errorf("err %v, issued %v, recorded %s", err, issued, record.Kind)
	}
	if n := len(w.issued) - issuedBefore; (err == nil) != (n == 1) {
		t.Errorf("err %v, and %d issued", err, n)
	}
	return reason
}

// last is the latest authorization.
func (w *world) last() token.Authorization { return w.issued[len(w.issued)-1] }

func set(r *grant.Request, pairs ...string) grant.Request {
	params := oauth.NewParams()
	for _, p := range r.Params.All() {
		params.Add(p.Name, p.Value)
	}
	for i := 0; i < len(pairs); i += 2 {
		params.Set(pairs[i], pairs[i+1])
	}
	r.Params = params
	return *r
}

func drop(list []string, word string) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return s == word })
}
