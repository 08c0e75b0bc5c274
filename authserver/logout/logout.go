// Package logout is the sign-out endpoint (OpenID Connect RP-Initiated Logout 1.0), to which applications send people who want
// to sign out, and which people may open themselves.
//
//	GET /logout ─▶ read ─▶ an id_token_hint of this browser's session? ─ yes ─▶ end it ─▶ page with the clients' frames,
//	      ▲                      │ no: anybody could have sent the browser here           or back to the application
//	      │ 303                  ▼                                                              ▲
//	POST ─┘ (cookies may      confirm page ─▶ POST with its ticket ─────────────────────────────┘
//	         not have come)
//
// It refuses to send anybody to an address that the client has not registered for this, character by character, and a hint
// that is not this server's own; then it shows a page and ends nothing.
package logout

import (
	"context"
	"log/slog"
	"net/http"
	"time"

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

// Path is where the endpoint is, below a realm's root (`end_session_endpoint`).
const Path = "/logout"

// Ender ends sessions and tells their clients; *logout.Service of the package that owns that does.
type Ender interface {
	End(ctx context.Context, r *realm.Realm, sid string) (ending.Ended, error)
}

// Sessions finds sessions; *session.Manager does.
type Sessions interface {
	Find(ctx context.Context, r *realm.Realm, secret string) (*session.Session, error)
}

// Clients finds clients; *client.Directory does.
type Clients interface {
	Get(ctx context.Context, realm, id string) (*client.Client, error)
}

// Users finds users; *user.Directory does.
type Users interface {
	Get(ctx context.Context, realm, name string) (*user.User, error)
}

// IDTokens reads this server's own ID tokens, however old; *token.Service does.
type IDTokens interface {
	ReadIDToken(ctx context.Context, r *realm.Realm, raw string) (*token.IDToken, error)
}

// Claims knows by which names a client knows a user and a session; *claims.Mapper does.
type Claims interface {
	Subject(r *realm.Realm, c *client.Client, userName string) (string, error)
	Session(r *realm.Realm, c *client.Client, sid string) (string, error)
}

// Pages draws; *pages.Set does.
type Pages interface {
	Write(w http.ResponseWriter, r *http.Request, status int, view any)
}

// Config is what the endpoint works with.
type Config struct {
	Logout   Ender
	Sessions Sessions
	Clients  Clients
	Users    Users
	Tokens   IDTokens
	Claims   Claims
	Tickets  ticket.Book
	Pages    Pages
	Log      *slog.Logger     // nil: slog.Default
	Now      func() time.Time // nil: time.Now
}

// A Face serves the endpoint.
type Face struct {
	Config
}

// New returns the endpoint.
func New(c Config) *Face {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Face{c}
}

// Routes returns the endpoint by its path below a realm's root. The realm is in the request's context.
func (f *Face) Routes() web.Routes {
	return web.Routes{Path: http.HandlerFunc(f.handle)}
}

// handle is the one place where errors are logged and shown.
func (f *Face) handle(w http.ResponseWriter, r *http.Request) {
	rl := realm.FromContext(r.Context())
	if rl == nil {
		web.WriteError(w, oauth.Fail(oauth.RealmUnknown, ""), "")
		return
	}
	if err := f.serve(w, r, rl); err != nil {
		f.fail(w, r, rl, oauth.AsError(err))
	}
}

func (f *Face) fail(w http.ResponseWriter, r *http.Request, rl *realm.Realm, e *oauth.Error) {
	v := pages.Failure{Frame: frame(r, rl, nil), Status: web.ErrorStatus(e), Reason: string(e.Reason), Detail: e.Description}
	v.Nobody = true
	if e.Code == oauth.InvalidClient {
		v.Detail = "The parameter client_id, or the id_token_hint, names no application that may ask here."
	}
	switch {
	case e.Reason == oauth.CrossOrigin:
		v.Status = http.StatusForbidden
	case v.Status == http.StatusUnauthorized: // it was the application's to say who it is, not the visitor's
		v.Status = http.StatusBadRequest
	}
	if visit := web.VisitOf(r.Context()); visit != nil {
		visit.Reason, v.ID = string(e.Reason), visit.ID
	}
	if v.Status >= http.StatusInternalServerError {
		f.Log.ErrorContext(r.Context(), "signing out failed", "realm", rl.Name, "reason", e.Reason, "err", e.Err)
	}
	f.Pages.Write(w, r, v.Status, v)
}

// frame is what every page of this endpoint has in common.
func frame(r *http.Request, rl *realm.Realm, locales []string) pages.Frame {
	return pages.Frame{Realm: rl, Root: pages.Root(rl), Lang: pages.Language(r, locales)}
}

// send sends the browser on. The address before it is nobody's business.
func send(w http.ResponseWriter, to string) {
	h := w.Header()
	h.Set("Location", to)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Length", "0")
	w.WriteHeader(http.StatusSeeOther)
}
