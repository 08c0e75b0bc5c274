package authorize

import (
	"context"
	"sync"

	"sallyport/oauth"
)

// Anybody can name a request_uri of any client, and so have this server fetch what is there. How many it fetches at once is
// bounded, for each client and in all: otherwise a slow or long answer would take as many connections and as much memory as
// somebody has a mind to (class "SSRF, other DoS").
const (
	fetchesOfOne = 4
	fetchesInAll = 64
)

// A lending counts documents that are being fetched.
type lending struct {
	mu  sync.Mutex
	all int
	of  map[string]int // by client
}

// borrow takes one of a client's places, and reports whether there was one.
func (l *lending) borrow(client string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.all >= fetchesInAll || l.of[client] >= fetchesOfOne {
		return false
	}
	if l.of == nil {
		l.of = map[string]int{}
	}
	l.all++
	l.of[client]++
	return true
}

func (l *lending) giveBack(client string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all--
	if l.of[client]--; l.of[client] == 0 {
		delete(l.of, client)
	}
}

// bounded fetches a document by get for the client, if not too many are being fetched already.
func (g *reading) bounded(get func(context.Context, string) ([]byte, error), uri string) ([]byte, error) {
	who := g.realm.Name + "\x00" + g.client.ID
	if !g.lent.borrow(who) {
		e := oauth.Fail(oauth.Busy, "")
		e.Description = "The server is fetching as many request objects as it can. Try again shortly."
		return nil, e
	}
	defer g.lent.giveBack(who)
	body, err := get(g.ctx, uri)
	return body, unreachable(err)
}
