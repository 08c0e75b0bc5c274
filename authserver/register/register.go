// Package register is the door at which clients register themselves (RFC 7591, OpenID Connect Dynamic Client Registration 1.0)
// and change or end what they registered (RFC 7592). Both are at one path: POST registers, by an initial access token where the
// realm wants one; GET, PUT and DELETE with client_id in the query are about that client, by its registration access token.
//
// It speaks JSON and decides nothing: package registration knows what a client may say of itself. It refuses everybody in a
// realm that is closed, and tells nobody whether a client exists: a wrong token, a token of another client and a client that is
// none are answered alike (RFC 7592 section 2.1).
package register

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"sallyport/audit"
	"sallyport/client"
	"sallyport/deployment"
	"sallyport/key"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/registration"
	"sallyport/web"
)

// Path is where the endpoint is, below a realm's root (`registration_endpoint`).
const Path = "/register"

// Clients finds clients; *client.Directory does.
type Clients interface {
	Get(ctx context.Context, realm, id string) (*client.Client, error)
}

// Config is what the endpoint works with.
type Config struct {
	Registry client.Registry
	Clients  Clients
	Fetch    registration.Fetcher // guarded, follows no redirects; gets what a sector identifier leads to
	Master   key.Master           // seals secrets of clients that make MACs
	// Commit stores a change in one transaction.
	Commit func(ctx context.Context, c deployment.ChangeSet) error
	// Longest is how long a token of the realm can live at most.
	Longest func(ctx context.Context, r *realm.Realm) (time.Duration, error)
	Audit   audit.Recorder
	Log     *slog.Logger     // nil: slog.Default
	Now     func() time.Time // nil: time.Now
}

// fetches is how many documents are fetched at once for clients that register.
const fetches = 8

// A Face serves the endpoint for every realm.
type Face struct {
	Config
	fetching chan struct{} // holds one for each document that is being fetched
}

// New returns the endpoint.
func New(c Config) *Face {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Face{Config: c, fetching: make(chan struct{}, fetches)}
}

// Routes returns the endpoint by its path below a realm's root. The realm is in the request's context.
func (f *Face) Routes() web.Routes { return web.Routes{Path: http.HandlerFunc(f.serve)} }

// serve is the one place where errors are logged and written.
func (f *Face) serve(w http.ResponseWriter, r *http.Request) {
	rl := realm.FromContext(r.Context())
	if rl == nil {
		web.WriteError(w, oauth.Fail(oauth.RealmUnknown, ""), "")
		return
	}
	err := f.dispatch(w, r, rl)
	if err == nil {
		return
	}
	e := oauth.AsError(err)
	switch {
	case e.Code == oauth.ServerError || e.Reason == oauth.Unavailable:
		f.Log.ErrorContext(r.Context(), "request failed", "path", r.URL.Path, "realm", rl.Name, "reason", e.Reason, "err", e.Err)
	case e.Err != nil:
		f.Log.InfoContext(r.Context(), "registration refused", "realm", rl.Name, "reason", e.Reason, "err", e.Err)
	}
	if e.Code == oauth.InvalidToken { // RFC 6750 section 3: who sent no token is told of no error
		challenge := `Bearer realm="` + web.Printable(rl.Name) + `"`
		if r.Header.Get("Authorization") != "" {
			challenge += `, error="` + string(e.Code) + `"`
		}
		w.Header().Set("WWW-Authenticate", challenge)
	}
	web.WriteError(w, e, rl.Name)
}

func (f *Face) dispatch(w http.ResponseWriter, r *http.Request, rl *realm.Realm) error {
	if err := web.Allow(w, r, http.MethodPost, http.MethodGet, http.MethodPut, http.MethodDelete); err != nil {
		return err
	}
	if r.Method == http.MethodPost {
		return f.register(w, r, rl)
	}
	c, err := f.presented(r, rl)
	if err != nil {
		return err
	}
	switch r.Method {
	case http.MethodGet:
		f.tell(w, http.StatusOK, rl, c, "", "")
		return nil
	case http.MethodPut:
		return f.update(w, r, rl, c)
	}
	return f.remove(w, r, rl, c)
}

// presented returns the client whose registration access token came (RFC 7592 section 2). A client that an administrator has
// made, or switched off, is not for it to change.
func (f *Face) presented(r *http.Request, rl *realm.Realm) (*client.Client, error) {
	plain, err := bearer(r)
	if err != nil {
		return nil, err
	}
	q, err := oauth.ParseForm(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	if name := q.Duplicate(); name != "" {
		return nil, web.Duplicated(name)
	}
	c, err := f.Clients.Get(r.Context(), rl.Name, q.Get("client_id"))
	if err != nil {
		return nil, err
	}
	if plain == "" || !registration.Opens(c, plain) || c.Status != client.On {
		return nil, oauth.Fail(oauth.RegistrationToken, "")
	}
	return c, nil
}

// bearer returns the token of the Authorization header (RFC 6750 section 2.1), "" if there is no such header.
func bearer(r *http.Request) (string, error) {
	headers := r.Header["Authorization"]
	if len(headers) == 0 {
		return "", nil
	}
	scheme, plain, _ := strings.Cut(headers[0], " ")
	plain = strings.TrimSpace(plain)
	if len(headers) > 1 || !strings.EqualFold(scheme, "Bearer") || plain == "" {
		e := oauth.Fail(oauth.RegistrationToken, "")
		e.Description = "This endpoint takes one Authorization header with a Bearer token."
		return "", e
	}
	return plain, nil
}

// tell answers with the client information of RFC 7591 section 3.2.1. An empty secret or token is left out: of those that were
// told before only hashes are kept.
func (f *Face) tell(w http.ResponseWriter, status int, rl *realm.Realm, c *client.Client, secret, token string) {
	all := registration.Describe(c)
	all["registration_client_uri"] = strings.TrimSuffix(rl.Issuer, "/") + Path + "?" + url.Values{"client_id": {c.ID}}.Encode()
	if secret != "" {
		all["client_secret"] = secret
	}
	if len(c.Secrets) > 0 {
		all["client_secret_expires_at"] = expires(c)
	}
	if token != "" {
		all["registration_access_token"] = token
	}
	web.WriteJSON(w, status, all)
}

// expires is when the last of a client's secrets ends, 0 for never.
func expires(c *client.Client) int64 {
	var last int64
	for _, s := range c.Secrets {
		if s.ExpiresAt.IsZero() {
			return 0
		}
		last = max(last, s.ExpiresAt.Unix())
	}
	return last
}
