package authorize

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"sallyport/oauth"
	"sallyport/ticket"
)

const (
	// PushPrefix begins the request_uri of a pushed request (RFC 9126 section 2.2).
	PushPrefix = "urn:ietf:params:oauth:request_uri:"
	// PushLife is how long a pushed request waits for its user.
	PushLife = 90 * time.Second
)

// Push keeps a request that the client has pushed and was read with Source.Pushed. The URI that it returns is good once.
func (rd *Reader) Push(ctx context.Context, req *Request) (uri string, err error) {
	body, err := json.Marshal(req)
	if err != nil {
		return "", fmt.Errorf("pushed request: %w", err)
	}
	secret, t := ticket.New(req.Realm, ticket.Push, body, rd.Now().Add(PushLife))
	if err := rd.Tickets.PutTicket(ctx, t); err != nil {
		return "", err
	}
	return PushPrefix + secret, nil
}

// pushed takes a pushed request, nil if none is meant. Whatever else the browser brings does not count (RFC 9126 section 4).
func (g *reading) pushed() (*Request, error) {
	uri := g.get("request_uri")
	secret, ok := strings.CutPrefix(uri, PushPrefix)
	switch {
	case !ok || g.from.Pushed:
		return nil, nil
	case times(g.params, "request_uri") > 1:
		return nil, duplicate("request_uri")
	case len(secret) != ticket.SecretLength:
		return nil, oauth.Fail(oauth.RequestURIBad, "")
	}
	// Looked at first: another client must not use it up.
	hash := ticket.Hash(secret)
	t, err := g.Tickets.ReadTicket(g.ctx, g.realm.Name, ticket.Push, hash, g.now)
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, oauth.Fail(oauth.RequestURIBad, "")
	}
	req := new(Request)
	if err := json.Unmarshal(t.Body, req); err != nil {
		return nil, fmt.Errorf("pushed request: %w", err)
	}
	if req.Client != g.client.ID || !Registered(g.client.RedirectURIs, req.RedirectURI) {
		return nil, oauth.Fail(oauth.RequestURIBad, "")
	}
	if t, err = g.Tickets.TakeTicket(g.ctx, g.realm.Name, ticket.Push, hash, g.now); err != nil {
		return nil, err
	}
	if t == nil {
		return nil, oauth.Fail(oauth.RequestURIBad, "")
	}
	req.At = moment(g.now)
	return req, nil
}
