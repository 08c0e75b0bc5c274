package logout

import (
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strings"
	"time"

	"sallyport/client"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/ticket"
	"sallyport/web"
)

// An order is a request to sign out that was held against its client. While it waits it is the body of a ticket of kind
// ticket.Logout.
type order struct {
	Client   string   `json:"client,omitempty"`
	Redirect string   `json:"redirect,omitempty"` // post_logout_redirect_uri, registered; empty: none
	State    *string  `json:"state,omitempty"`    // nil: none came
	Hinted   bool     `json:"hinted,omitempty"`   // an id_token_hint came
	Session  string   `json:"session,omitempty"`  // `sid` of it
	Subject  string   `json:"subject,omitempty"`  // `sub` of it
	Login    string   `json:"login,omitempty"`    // logout_hint
	Locales  []string `json:"locales,omitempty"`  // ui_locales

	// Of an order that the user is asked to confirm.
	Confirm bool     `json:"confirm,omitempty"`
	Browser [32]byte `json:"browser,omitzero"` // which browser was asked
	Target  string   `json:"target,omitempty"` // public name of the session
}

// The bounds of what is taken from a request.
const (
	orderLife  = 10 * time.Minute
	maxState   = 4096
	maxLocales = 10
	maxLocale  = 35 // RFC 5646 section 4.4.1
)

// read holds a request against its client (OpenID Connect RP-Initiated Logout 1.0 sections 2 and 3).
func (f *Face) read(ctx context.Context, rl *realm.Realm, p oauth.Params) (*order, error) {
	o := &order{Client: p.Get("client_id")}
	if raw := p.Get("id_token_hint"); raw != "" {
		hint, err := f.Tokens.ReadIDToken(ctx, rl, raw)
		if err != nil {
			return nil, refusedHint(err)
		}
		// Section 2: "the OP MUST verify that the Client Identifier matches the one used when issuing the ID Token".
		if o.Client != "" && o.Client != hint.Client {
			return nil, invalid("client_id", "is not the client that id_token_hint was issued to")
		}
		o.Client, o.Hinted, o.Session, o.Subject = hint.Client, true, hint.Session, hint.Subject
	}
	c, err := f.fit(ctx, rl, o.Client)
	if err != nil {
		return nil, err
	}
	if c == nil && !o.Hinted && o.Client != "" {
		return nil, oauth.Fail(oauth.ClientUnknown, "")
	}
	if uri := p.Get("post_logout_redirect_uri"); uri != "" {
		switch {
		case o.Client == "":
			return nil, invalid("post_logout_redirect_uri", "says nothing without id_token_hint or client_id: send one of them")
		case c == nil:
			return nil, oauth.Fail(oauth.ClientUnknown, "")
		case !registered(c, uri):
			e := oauth.Fail(oauth.RedirectUnregistered, "")
			e.Description = "post_logout_redirect_uri is not among those that the client has registered. Register it, exactly as it is sent."
			return nil, e
		}
		o.Redirect = uri
	}
	if state, ok := p.Lookup("state"); ok {
		if len(state) > maxState {
			return nil, invalid("state", "is too long: send at most 4096 bytes")
		}
		o.State = &state
	}
	if login := p.Get("logout_hint"); len(login) <= client.MaxIDLength {
		o.Login = login
	}
	for tag := range strings.FieldsSeq(p.Get("ui_locales")) {
		if len(tag) <= maxLocale && len(o.Locales) < maxLocales {
			o.Locales = append(o.Locales, tag)
		}
	}
	return o, nil
}

// fit returns a client that may act at all, nil if it is none or may not: nobody is sent to it.
func (f *Face) fit(ctx context.Context, rl *realm.Realm, id string) (*client.Client, error) {
	if id == "" {
		return nil, nil
	}
	c, err := f.Clients.Get(ctx, rl.Name, id)
	if err != nil || c == nil || c.Status != client.On {
		return nil, err
	}
	return c, nil
}

// registered compares character by character (section 3.1).
func registered(c *client.Client, uri string) bool {
	return slices.Contains(c.OpenID.PostLogoutRedirectURIs, uri)
}

// refusedHint is what is told of a hint that does not verify. A fault of the server's stays one.
func refusedHint(err error) error {
	switch e := oauth.AsError(err); e.Code {
	case oauth.ServerError, oauth.TemporarilyDown:
		return e
	}
	e := invalid("id_token_hint", "is not an ID token that this server has issued, or its key is gone. Nobody was signed out; send one as it was received")
	e.Err = err
	return e
}

func invalid(name, what string) *oauth.Error {
	e := oauth.Fail(oauth.ParameterInvalid, name)
	e.Description = "The parameter " + name + " " + what + "."
	return e
}

// target returns where to go after the sign-out, empty: nowhere. The client is asked again: a ticket may have waited.
func (f *Face) target(ctx context.Context, rl *realm.Realm, o *order) (string, *client.Client, error) {
	c, err := f.fit(ctx, rl, o.Client)
	if err != nil || c == nil || o.Redirect == "" || !registered(c, o.Redirect) {
		return "", c, err
	}
	if o.State == nil {
		return o.Redirect, c, nil
	}
	base, fragment, cut := strings.Cut(o.Redirect, "#")
	separator := "?"
	if strings.Contains(base, "?") {
		separator = "&"
	}
	base += separator + "state=" + url.QueryEscape(*o.State)
	if cut {
		base += "#" + fragment
	}
	return base, c, nil
}

// store puts an order aside and returns the secret of its ticket.
func (f *Face) store(ctx context.Context, rl *realm.Realm, o *order) (string, error) {
	body, err := json.Marshal(o)
	if err != nil {
		return "", err
	}
	secret, t := ticket.New(rl.Name, ticket.Logout, body, f.Now().Add(orderLife))
	return secret, f.Tickets.PutTicket(ctx, t)
}

// stored reads the order that a ticket holds. One that waits to be confirmed is taken, so that it is good once; one that
// was posted here is left, so that the page can be loaded again.
func (f *Face) stored(ctx context.Context, rl *realm.Realm, secret string, confirm bool) (*order, error) {
	if len(secret) != ticket.SecretLength {
		return nil, oauth.Fail(oauth.FlowGone, "")
	}
	t, err := f.Tickets.ReadTicket(ctx, rl.Name, ticket.Logout, ticket.Hash(secret), f.Now())
	if err != nil {
		return nil, err
	}
	if t == nil {
		return nil, oauth.Fail(oauth.FlowGone, "")
	}
	o := new(order)
	if err := json.Unmarshal(t.Body, o); err != nil {
		return nil, err
	}
	if o.Confirm != confirm {
		return nil, oauth.Fail(oauth.FlowGone, "")
	}
	if confirm {
		if t, err = f.Tickets.TakeTicket(ctx, rl.Name, ticket.Logout, ticket.Hash(secret), f.Now()); err != nil {
			return nil, err
		}
		if t == nil {
			return nil, oauth.Fail(oauth.FlowGone, "")
		}
	}
	return o, nil
}

// duplicated refuses a parameter that came twice: which one counts would be a guess.
func duplicated(p oauth.Params) error {
	if name := p.Duplicate(); name != "" {
		return web.Duplicated(name)
	}
	return nil
}
