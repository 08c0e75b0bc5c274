package steps

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"sallyport/audit"
	"sallyport/authorize"
	"sallyport/client"
	"sallyport/consent"
	"sallyport/factor"
	"sallyport/logout"
	"sallyport/mail"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/session"
	"sallyport/throttle"
	"sallyport/ticket"
	"sallyport/user"
)

// Flows keeps sign-ins under way; *authorize.Flows does.
type Flows interface {
	Begin(ctx context.Context, req *authorize.Request, browser [32]byte) (secret string, err error)
	Get(ctx context.Context, realm, secret string, browser [32]byte) (*authorize.Flow, error)
	Update(ctx context.Context, realm, secret string, browser [32]byte, change func(*authorize.Flow) error) (*authorize.Flow, error)
}

// Sessions begins and finds sessions; *session.Manager does.
type Sessions interface {
	Find(ctx context.Context, r *realm.Realm, secret string) (*session.Session, error)
	Start(ctx context.Context, r *realm.Realm, in session.SignedIn, replaces string) (secret string, s *session.Session, err error)
	Choose(ctx context.Context, s *session.Session) (*session.Session, error)
	List(ctx context.Context, realm, user string) ([]*session.Session, error)
}

// Logout ends sessions and tells their clients; *logout.Service does.
type Logout interface {
	End(ctx context.Context, r *realm.Realm, sid string) (logout.Ended, error)
	EndAll(ctx context.Context, r *realm.Realm, user, except string) ([]*session.Session, error)
}

// Consents keeps what users have agreed to; *consent.Book does.
type Consents interface {
	Agree(ctx context.Context, c consent.Consent) error
	List(ctx context.Context, realm, user string) ([]*consent.Consent, error)
	End(ctx context.Context, r *realm.Realm, user, client string) error
}

// Factors adds, checks and removes factors; *factor.Service does.
type Factors interface {
	Summary(ctx context.Context, realm, user string) (factor.Summary, error)
	List(ctx context.Context, realm, user string) ([]*factor.Factor, error)
	Remove(ctx context.Context, realm, user, id string) (bool, error)
	Rename(ctx context.Context, realm, user, id, name string) (bool, error)

	NewTOTP(issuerName, user string) (*factor.PendingTOTP, error)
	AddTOTP(ctx context.Context, realm, user, secret, code, name string) error
	CheckTOTP(ctx context.Context, realm, user, code string) error

	NewRecovery(ctx context.Context, realm, user string) ([]string, error)
	CheckRecovery(ctx context.Context, realm, user, code string) error
	RecoveryLeft(ctx context.Context, realm, user string) (int, error)

	HasPasskeys(r *realm.Realm) bool
	BeginAdd(ctx context.Context, r *realm.Realm, u *user.User) (options, state []byte, err error)
	FinishAdd(ctx context.Context, r *realm.Realm, u *user.User, state, response []byte, name string) error
	BeginSignIn(ctx context.Context, r *realm.Realm, userName string) (options, state []byte, err error)
	FinishSignIn(ctx context.Context, r *realm.Realm, state, response []byte) (userName string, verified bool, err error)
}

// Users finds users; *user.Directory does.
type Users interface {
	Get(ctx context.Context, realm, name string) (*user.User, error)
}

// Authenticator checks passwords; *user.Authenticator does.
type Authenticator interface {
	Authenticate(ctx context.Context, realm, name, password string) (*user.User, error)
}

// Hasher hashes new passwords; *user.Hasher does.
type Hasher interface {
	Hash(ctx context.Context, password string) (string, error)
}

// Clients finds clients; *client.Directory does.
type Clients interface {
	Get(ctx context.Context, realm, id string) (*client.Client, error)
}

// Scopes tells what the realms' scopes mean; *realm.Directory does.
type Scopes interface {
	Scope(realm, name string) (scope.Scope, bool)
}

// Tokens ends tokens; *token.Service does.
type Tokens interface {
	EndGrants(ctx context.Context, r *realm.Realm, client, user string) error
}

// Pages draws; *pages.Set does.
type Pages interface {
	Write(w http.ResponseWriter, r *http.Request, status int, view any)
	Asset(w http.ResponseWriter, r *http.Request)
}

// Config is what the pages work with.
type Config struct {
	Flows    Flows
	Sessions Sessions
	Logout   Logout
	Consents Consents
	Factors  Factors
	Users    Users
	Editor   user.Editor
	Auth     Authenticator
	Hasher   Hasher
	Throttle *throttle.Throttle
	Tickets  ticket.Book
	Clients  Clients
	Realms   Scopes
	Tokens   Tokens
	Pages    Pages
	Mail     mail.Sender // nil: no mail is sent
	Audit    audit.Recorder
	Log      *slog.Logger     // nil: slog.Default
	Now      func() time.Time // nil: time.Now
}

// A Desk is where forms come in. Its methods may be called by several goroutines.
type Desk struct {
	Config
	mails chan struct{}  // one element for each mail under way
	under sync.WaitGroup // mails under way; Wait waits for them
}

// maxMails bounds how many mails are under way at once. Who asks for one more gets none, and is told nothing else than
// anybody is: how many there are is nobody's business.
const maxMails = 16

// NewDesk returns a desk.
func NewDesk(c Config) *Desk {
	if c.Log == nil {
		c.Log = slog.Default()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Desk{Config: c, mails: make(chan struct{}, maxMails)}
}

// Wait waits until the mails under way have left. It is for the end of the server.
func (d *Desk) Wait() { d.under.Wait() }

// moment is now, as precise as that of a session is stored, so that they compare.
func (d *Desk) moment() time.Time { return d.Now().UTC().Truncate(time.Microsecond) }
