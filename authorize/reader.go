package authorize

import (
	"context"
	"slices"
	"time"

	"sallyport/client"
	"sallyport/feed"
	"sallyport/jose"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/ticket"
	"sallyport/token"
)

// Clients finds clients; *client.Directory does.
type Clients interface {
	Get(ctx context.Context, realm, id string) (*client.Client, error)
}

// Realms knows the scopes of each realm; *realm.Directory does.
type Realms interface {
	Scope(realm, name string) (scope.Scope, bool)
}

// Verifier reads what clients have signed; *jose.Sets does.
type Verifier interface {
	Verify(ctx context.Context, from jose.Source, algs []string, raw string) (*jose.Token, error)
}

// Fetcher gets documents from where a client says they are; *fetch.Fetcher does, and nothing that is not guarded may.
type Fetcher interface {
	Get(ctx context.Context, url string) ([]byte, error)
}

// IDTokens reads ID tokens of this server; *token.Service does.
type IDTokens interface {
	ReadIDToken(ctx context.Context, r *realm.Realm, raw string) (*token.IDToken, error)
}

// Config is what a Reader works with. Every field must be set.
type Config struct {
	Clients  Clients
	Realms   Realms
	Sets     Verifier
	Fetch    Fetcher
	Tickets  ticket.Book // where pushed requests are
	IDTokens IDTokens
	Now      func() time.Time
}

// A Reader reads authorization requests, by whichever way they come.
type Reader struct {
	Config
	objects *feed.Cache[string, []byte] // request objects whose address tells their hash
	lent    lending
}

// objectsKept is how many request objects are kept in memory.
const objectsKept = 1000

// NewReader returns a reader.
func NewReader(c Config) *Reader {
	rd := &Reader{Config: c}
	rd.objects = feed.NewCache(objectsKept, rd.fetchHashed)
	return rd
}

// A Source says how the parameters came.
type Source struct {
	Pushed bool           // by the client itself (RFC 9126), not through a browser
	Client *client.Client // with Pushed: who pushed them, authenticated
}

// Read reads a request and holds it against its client. A refusal that has no To is for the user alone.
func (rd *Reader) Read(ctx context.Context, rl *realm.Realm, p oauth.Params, from Source) (*Request, *Refusal) {
	g := &reading{Reader: rd, ctx: ctx, realm: rl, params: p, from: from, now: rd.Now()}
	err := g.read()
	if err == nil {
		return g.req, nil
	}
	refusal := &Refusal{Error: oauth.AsError(err)}
	if g.safe {
		refusal.To = g.req
	}
	return nil, refusal
}

// A reading is one request under way.
type reading struct {
	*Reader
	ctx    context.Context
	realm  *realm.Realm
	params oauth.Params // those that count
	from   Source
	now    time.Time

	client *client.Client
	signed bool // the parameters are those of a signed object
	req    *Request
	safe   bool // req has a redirect URI of the client: a refusal may go there
}

func (g *reading) read() error {
	if err := g.findClient(); err != nil {
		return err
	}
	pushed, err := g.pushed()
	if err != nil {
		return err
	}
	if pushed != nil {
		g.req = pushed
		return nil
	}
	lost := g.address()
	if object, by := g.hasObject(); object != "" {
		if lost == nil && !g.req.RedirectGiven {
			g.safe = false // it may be another one that the object names
		}
		if err := g.open(object, by); err != nil {
			return err
		}
		lost = g.address()
	}
	if lost != nil {
		return lost
	}
	for _, check := range []func() error{
		g.once, g.means, g.responseType, g.challenge, g.prompt, g.scope, g.age, g.claims, g.hints, g.locales,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

// findClient reads client_id (RFC 6749 section 4.1.1; beside a request object too: RFC 9101 section 5).
func (g *reading) findClient() error {
	id := g.get("client_id")
	switch {
	case times(g.params, "client_id") > 1:
		return duplicate("client_id")
	case id == "":
		return missing("client_id")
	}
	c := g.from.Client
	if c == nil {
		var err error
		if c, err = g.Clients.Get(g.ctx, g.realm.Name, id); err != nil {
			return err
		}
	}
	switch {
	case c == nil || c.Realm != g.realm.Name:
		return oauth.Fail(oauth.ClientUnknown, id)
	case c.ID != id:
		return invalid("client_id", "It is not the client that authenticated.")
	}
	if reason := c.Unfit(g.now); reason != "" {
		return oauth.Fail(reason, id)
	}
	g.client = c
	g.req = &Request{Realm: g.realm.Name, Client: c.ID, At: moment(g.now)}
	return nil
}

// address finds out where the answer goes and how: what an error needs too.
func (g *reading) address() error {
	g.safe = false
	req := g.req
	req.RedirectURI, req.RedirectGiven, req.State, req.Mode = "", false, nil, Query
	uri := g.get("redirect_uri")
	switch {
	case times(g.params, "redirect_uri") > 1:
		return duplicate("redirect_uri")
	case uri != "" && !Registered(g.client.RedirectURIs, uri):
		return oauth.Fail(oauth.RedirectUnregistered, "")
	case uri != "":
		req.RedirectURI, req.RedirectGiven = uri, true
	case len(g.client.RedirectURIs) == 1 && !g.asksOpenID(): // OpenID Connect Core section 3.1.2.1: it must be there
		req.RedirectURI = g.client.RedirectURIs[0]
	default:
		return oauth.Fail(oauth.RedirectMissing, "")
	}
	if state := g.get("state"); state != "" && len(state) <= longestState && times(g.params, "state") == 1 {
		req.State = &state
	}
	if mode := ResponseMode(g.get("response_mode")); slices.Contains(Modes(), mode) {
		req.Mode = mode
	}
	g.safe = true
	return nil
}

// Modes are the response modes that are served.
func Modes() []ResponseMode { return []ResponseMode{Query, Fragment, FormPost} }

// get returns a parameter. One without a value is one left out (RFC 6749 section 3.1).
func (g *reading) get(name string) string { return g.params.Get(name) }

func (g *reading) asksOpenID() bool {
	asked, _ := scope.Parse(g.get("scope"))
	return asked.Has(OpenID)
}

// Again holds a request that was kept for a while against its client as that is now.
func (rd *Reader) Again(ctx context.Context, req *Request) (*client.Client, error) {
	c, err := rd.Clients.Get(ctx, req.Realm, req.Client)
	if err != nil {
		return nil, err
	}
	if c == nil {
		return nil, oauth.Fail(oauth.ClientUnknown, req.Client)
	}
	if reason := c.Unfit(rd.Now()); reason != "" {
		return nil, oauth.Fail(reason, c.ID)
	}
	if !Registered(c.RedirectURIs, req.RedirectURI) {
		return nil, oauth.Fail(oauth.RedirectUnregistered, "")
	}
	return c, nil
}
