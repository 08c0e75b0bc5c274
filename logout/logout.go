// Package logout ends sessions and tells the clients that had a part in them: those with a back channel by a logout token
// that this server posts (OpenID Connect Back-Channel Logout 1.0), those with a front channel by a page in the user's own
// browser (OpenID Connect Front-Channel Logout 1.0).
//
//	End ─▶ session gone, its tokens revoked ─┬─▶ queue ─▶ worker ─▶ POST logout_token
//	       (one transaction)                 │              ▲  └─ no answer, or a bad day there: later, a few times
//	                                         │              └──────────────────────────────────┘
//	                                         └─▶ Ended.Frames, for the page that says goodbye
//
// Whatever a client does with the news, the session is over: its tokens are revoked first. Telling is best effort, bounded in
// memory and time, and goes through the guarded fetcher, because clients choose the addresses themselves.
package logout

import (
	"context"
	"errors"
	"log/slog"
	"net/url"
	"time"

	"sallyport/client"
	"sallyport/realm"
	"sallyport/session"
)

// Sessions ends sessions; *session.Manager does.
type Sessions interface {
	End(ctx context.Context, r *realm.Realm, id string) (*session.Session, error)
	EndAll(ctx context.Context, r *realm.Realm, user, except string) ([]*session.Session, error)
}

// Clients finds clients; *client.Directory does.
type Clients interface {
	Get(ctx context.Context, realm, id string) (*client.Client, error)
}

// Tokens makes logout tokens; *token.Service does.
type Tokens interface {
	LogoutToken(ctx context.Context, r *realm.Realm, c *client.Client, subject, sid string) (string, error)
}

// Claims knows by which names a client knows a user and a session; *claims.Mapper does.
type Claims interface {
	Subject(r *realm.Realm, c *client.Client, userName string) (string, error)
	Session(r *realm.Realm, c *client.Client, sid string) (string, error)
}

// A Poster posts to an address that a client has chosen; *fetch.Fetcher does.
type Poster interface {
	Post(ctx context.Context, url, contentType string, body []byte) (status int, err error)
}

// Config is what a Service works with.
type Config struct {
	Sessions Sessions
	Clients  Clients
	Tokens   Tokens
	Claims   Claims // nil: every client knows users and sessions by their names
	Post     Poster // nil: nobody is told by the back channel
	Queue    int    // how many messages may wait; 0: 10,000
	Workers  int    // how many are sent at the same time; 0: 8
	Retry    func(try int) time.Duration
	Log      *slog.Logger // nil: slog.Default
}

// A Service ends sessions. Start must be called for the back channel to work.
type Service struct {
	sessions Sessions
	clients  Clients
	tokens   Tokens
	claims   Claims
	post     Poster
	workers  int
	retry    func(try int) time.Duration
	log      *slog.Logger
	queue    chan *message
}

const (
	defaultQueue   = 10_000
	defaultWorkers = 8
)

// New returns a service.
func New(c Config) *Service {
	s := &Service{
		sessions: c.Sessions, clients: c.Clients, tokens: c.Tokens, claims: c.Claims, post: c.Post,
		workers: c.Workers, retry: c.Retry, log: c.Log,
	}
	if c.Queue == 0 {
		c.Queue = defaultQueue
	}
	if s.workers == 0 {
		s.workers = defaultWorkers
	}
	if s.retry == nil {
		s.retry = backoff
	}
	if s.log == nil {
		s.log = slog.Default()
	}
	s.queue = make(chan *message, c.Queue)
	return s
}

// Ended is what has ended.
type Ended struct {
	Session *session.Session // nil: there was none
	Frames  []string         // front-channel logout URIs, to be loaded in the user's browser
}

// End ends a session by its public name, with every token that is bound to it, and tells its clients.
func (s *Service) End(ctx context.Context, r *realm.Realm, sid string) (Ended, error) {
	gone, err := s.sessions.End(ctx, r, sid)
	if err != nil || gone == nil {
		return Ended{}, err
	}
	return Ended{Session: gone, Frames: s.tell(ctx, r, gone)}, nil
}

// EndAll ends every session of a user but the one with the public name except (empty: all), and tells their clients by the
// back channel: the browsers of those sessions are elsewhere.
func (s *Service) EndAll(ctx context.Context, r *realm.Realm, user, except string) ([]*session.Session, error) {
	gone, err := s.sessions.EndAll(ctx, r, user, except)
	for _, g := range gone {
		s.tell(ctx, r, g)
	}
	return gone, err
}

// tell queues what goes by the back channel and returns what is left to the browser. The session is over already: what goes
// wrong here is logged and stops nobody.
func (s *Service) tell(ctx context.Context, r *realm.Realm, gone *session.Session) (frames []string) {
	for _, id := range gone.Clients {
		c, err := s.clients.Get(ctx, r.Name, id)
		if err != nil {
			s.log.WarnContext(ctx, "a client could not be told of a sign-out", "realm", r.Name, "client", id, "err", err)
			continue
		}
		if c == nil || c.Status != client.On {
			continue
		}
		if c.OpenID.BackchannelLogoutURI != "" && s.post != nil {
			s.enqueue(ctx, &message{realm: r, client: c, user: gone.User, sid: gone.ID})
		}
		if c.OpenID.FrontchannelLogoutURI == "" {
			continue
		}
		frame, err := s.frontchannel(r, c, gone.ID)
		if err != nil {
			s.log.WarnContext(ctx, "a client could not be told of a sign-out", "realm", r.Name, "client", id, "err", err)
			continue
		}
		frames = append(frames, frame)
	}
	return frames
}

// frontchannel is the address that a browser loads to sign out at a client. OpenID Connect Front-Channel Logout 1.0 section 2:
// issuer and session are added for a client that requires them; one that has a query of its own keeps it.
func (s *Service) frontchannel(r *realm.Realm, c *client.Client, sid string) (string, error) {
	u, err := url.Parse(c.OpenID.FrontchannelLogoutURI)
	if err != nil {
		return "", err
	}
	if u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
		return "", errors.New("frontchannel_logout_uri is not an address that a browser loads; write it like https://host/path")
	}
	if c.OpenID.FrontchannelSession {
		if s.claims != nil {
			if sid, err = s.claims.Session(r, c, sid); err != nil {
				return "", err
			}
		}
		more := url.Values{"iss": {r.Issuer}, "sid": {sid}}.Encode()
		if u.RawQuery != "" {
			more = u.RawQuery + "&" + more
		}
		u.RawQuery = more
	}
	return u.String(), nil
}
