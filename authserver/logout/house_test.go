package logout_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/authserver/logout"
	"sallyport/authserver/pages"
	"sallyport/client"
	ending "sallyport/logout"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/session"
	"sallyport/ticket"
	"sallyport/token"
	"sallyport/user"
	"sallyport/web"
)

const (
	root  = "/realms/corp"
	after = "https://app.example/after"
)

var (
	corp    = &realm.Realm{Name: "corp", Issuer: "https://login.example.org" + root}
	errDisk = errors.New("the disk is gone")
)

// drawn are the real pages, read once.
var drawn = sync.OnceValues(pages.New)

// A house is the endpoint with everything around it in memory, and a browser.
type house struct {
	*testing.T
	routes   web.Routes
	sessions map[string]*session.Session // by secret
	clients  map[string]*client.Client
	hints    map[string]*token.IDToken
	frames   []string // front-channel addresses of whatever ends
	ended    []string
	broken   bool // nothing can be ended
	tickets  *book
	now      time.Time
	jar      map[string]string
}

func open(t *testing.T) *house {
	t.Helper()
	set, err := drawn()
	if err != nil {
		t.Fatal(err)
	}
	h := &house{
		T: t, now: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), tickets: &book{held: map[[32]byte]ticket.Ticket{}},
		sessions: map[string]*session.Session{}, jar: map[string]string{},
		clients: map[string]*client.Client{
			"app":   {ID: "app", Name: "The App", Status: client.On, OpenID: client.OpenID{PostLogoutRedirectURIs: []string{after, after + "?a=b", "com.example.app:/out"}}},
			"other": {ID: "other", Status: client.On, OpenID: client.OpenID{PostLogoutRedirectURIs: []string{"https://other.example/after"}}},
			"pair":  {ID: "pair", Status: client.On, OpenID: client.OpenID{SubjectType: "pairwise"}},
			"off":   {ID: "off", Status: client.Off, OpenID: client.OpenID{PostLogoutRedirectURIs: []string{after}}},
		},
		hints: map[string]*token.IDToken{
			"hint of dory":           {Client: "app", Subject: "app:dory", Session: "sid-dory"},
			"hint of nemo":           {Client: "app", Subject: "app:nemo", Session: "sid-nemo"},
			"hint of dory, long ago": {Client: "app", Subject: "app:dory", Session: "sid-before"},
			"hint of a pair":         {Client: "pair", Subject: "pair:dory", Session: "pair:sid-dory"},
			"hint of a pair's own":   {Client: "pair", Subject: "pair:dory", Session: "sid-dory"},
			"hint without sid":       {Client: "app", Subject: "app:dory"},
			"hint of a client gone":  {Client: "gone", Subject: "gone:dory", Session: "sid-dory"},
			"hint of a client off":   {Client: "off", Subject: "off:dory", Session: "sid-dory"},
		},
	}
	h.routes = logout.New(logout.Config{
		Logout: ender{h}, Sessions: finder{h}, Clients: clients{h}, Users: users{}, Tokens: reader{h}, Claims: claims{},
		Tickets: h.tickets, Pages: set, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return h.now },
	}).Routes()
	return h
}

// signIn signs a user in in the browser, as the current one if he is the first.
func (h *house) signIn(names ...string) {
	var secrets []string
	for _, n := range names {
		secret := (n + strings.Repeat("-", ticket.SecretLength))[:ticket.SecretLength]
		h.sessions[secret] = &session.Session{Realm: corp.Name, ID: "sid-" + n, User: n, Hash: session.Hash(secret)}
		secrets = append(secrets, secret)
	}
	h.jar["__Host-sallyport-session-corp"] = strings.Join(secrets, ".")
}

// here returns who is signed in by the browser's cookie.
func (h *house) here() (names []string) {
	for secret := range strings.SplitSeq(h.jar["__Host-sallyport-session-corp"], ".") {
		if s := h.sessions[secret]; s != nil {
			names = append(names, s.User)
		}
	}
	return names
}

// An answer is what came back.
type answer struct {
	*httptest.ResponseRecorder
	to string // Location
}

// page reports whether it is a page with the text, and sends nobody anywhere.
func (a answer) page(status int, text string) bool {
	return a.Code == status && a.to == "" && strings.Contains(a.Body.String(), text) &&
		strings.HasPrefix(a.Header().Get("Content-Type"), "text/html") && a.Header().Get("Content-Security-Policy") != ""
}

// ticket is the one in the page's form.
func (a answer) ticket() string {
	_, rest, _ := strings.Cut(a.Body.String(), `name="ticket" value="`)
	value, _, _ := strings.Cut(rest, `"`)
	return value
}

func query(pairs ...string) string {
	v := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		v.Add(pairs[i], pairs[i+1])
	}
	return v.Encode()
}

func (h *house) get(pairs ...string) answer {
	h.Helper()
	return h.do(httptest.NewRequest(http.MethodGet, corp.Issuer+"/logout?"+query(pairs...), nil))
}

func (h *house) post(pairs ...string) answer {
	h.Helper()
	return h.do(h.form(pairs...))
}

func (h *house) form(pairs ...string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, corp.Issuer+"/logout", strings.NewReader(query(pairs...)))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	return r
}

// crossSite is a form that another site's page sends: browsers leave Lax cookies out.
func (h *house) crossSite(pairs ...string) answer {
	h.Helper()
	r := h.form(pairs...)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	r.Header.Set("Origin", "https://evil.example")
	jar := h.jar
	h.jar = map[string]string{}
	defer func() { h.jar = jar }()
	return h.do(r)
}

func (h *house) do(r *http.Request) answer {
	h.Helper()
	for name, value := range h.jar {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	r = r.WithContext(realm.NewContext(r.Context(), corp))
	w := httptest.NewRecorder()
	h.routes[logout.Path].ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(h.jar, c.Name)
		} else {
			h.jar[c.Name] = c.Value
		}
	}
	a := answer{w, w.Header().Get("Location")}
	if !slices.Contains([]string{"no-store"}, w.Header().Get("Cache-Control")) {
		h.Errorf("%s %s may be cached", r.Method, r.URL)
	}
	return a
}

type ender struct{ h *house }

func (e ender) End(_ context.Context, r *realm.Realm, sid string) (ending.Ended, error) {
	if e.h.broken {
		return ending.Ended{}, errDisk
	}
	e.h.ended = append(e.h.ended, r.Name+" "+sid)
	for secret, s := range e.h.sessions {
		if s.ID == sid {
			delete(e.h.sessions, secret)
			return ending.Ended{Session: s, Frames: e.h.frames}, nil
		}
	}
	return ending.Ended{}, nil
}

type finder struct{ h *house }

func (f finder) Find(_ context.Context, r *realm.Realm, secret string) (*session.Session, error) {
	if r.Name != corp.Name {
		return nil, nil
	}
	return f.h.sessions[secret], nil
}

type clients struct{ h *house }

func (c clients) Get(_ context.Context, _, id string) (*client.Client, error) {
	return c.h.clients[id], nil
}

type users struct{}

func (users) Get(_ context.Context, _, name string) (*user.User, error) {
	return &user.User{Name: name, Alias: strings.ToUpper(name)}, nil
}

type reader struct{ h *house }

func (r reader) ReadIDToken(_ context.Context, _ *realm.Realm, raw string) (*token.IDToken, error) {
	if raw == "while the disk is gone" {
		return nil, errDisk
	}
	if t := r.h.hints[raw]; t != nil {
		return t, nil
	}
	return nil, oauth.Fail(oauth.TokenMalformed, "")
}

type claims struct{}

func (claims) Subject(_ *realm.Realm, c *client.Client, name string) (string, error) {
	return c.ID + ":" + name, nil
}

func (claims) Session(_ *realm.Realm, c *client.Client, sid string) (string, error) {
	if c.OpenID.SubjectType == "pairwise" {
		return c.ID + ":" + sid, nil
	}
	return sid, nil
}

// A book keeps tickets in memory.
type book struct {
	ticket.Book // what the endpoint does not call
	mu          sync.Mutex
	held        map[[32]byte]ticket.Ticket
}

func (b *book) PutTicket(_ context.Context, t ticket.Ticket) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.held[t.Hash] = t
	return nil
}

func (b *book) ReadTicket(_ context.Context, realm, kind string, hash [32]byte, now time.Time) (*ticket.Ticket, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	t, ok := b.held[hash]
	if !ok || t.Realm != realm || t.Kind != kind || !now.Before(t.ExpiresAt) {
		return nil, nil
	}
	return &t, nil
}

func (b *book) TakeTicket(ctx context.Context, realm, kind string, hash [32]byte, now time.Time) (*ticket.Ticket, error) {
	t, err := b.ReadTicket(ctx, realm, kind, hash, now)
	b.mu.Lock()
	defer b.mu.Unlock()
	if t != nil {
		delete(b.held, hash)
	}
	return t, err
}
