package register

import (
	"context"
	"net/http"
	"slices"
	"time"

	"sallyport/audit"
	"sallyport/client"
	"sallyport/deployment"
	"sallyport/feed"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/registration"
	"sallyport/token"
	"sallyport/web"
)

// register makes a client (RFC 7591 section 3).
func (f *Face) register(w http.ResponseWriter, r *http.Request, rl *realm.Realm) error {
	initial, err := f.admitted(r, rl)
	if err != nil {
		return err
	}
	m, err := read(w, r)
	if err != nil {
		return err
	}
	c, err := m.Client(rl, nil)
	if err != nil {
		return err
	}
	if err := f.sector(r.Context(), c); err != nil {
		return err
	}
	now := f.Now().UTC().Truncate(time.Microsecond)
	plain, hash := registration.NewToken()
	c.Realm, c.ID, c.Registered.At, c.Registered.TokenHash = rl.Name, registration.NewID(), now, hash[:]
	secret, err := registration.Equip(c, f.Master, now)
	if err != nil {
		return err
	}
	most := rl.Registration.Max
	if most == 0 {
		most = registration.DefaultMax
	}
	if err := f.Registry.RegisterClient(r.Context(), c, most, initial, now); err != nil {
		return closed(err)
	}
	f.record(r, c, "registered itself")
	f.tell(w, http.StatusCreated, rl, c, secret, plain)
	return nil
}

// admitted returns the hash of the initial access token (zero: none is needed), which is used up with the registration.
func (f *Face) admitted(r *http.Request, rl *realm.Realm) (hash [32]byte, err error) {
	switch rl.Registration.Mode {
	case realm.RegisterOpen:
		return hash, nil
	case realm.RegisterByToken:
		plain, err := bearer(r)
		if err != nil {
			return hash, err
		}
		if plain == "" {
			return hash, oauth.Fail(oauth.RegistrationToken, "")
		}
		hash = registration.HashToken(plain)
		// It is used up with the registration; but nothing that costs, and no call to where a stranger says, comes before.
		switch good, err := f.Registry.InitialToken(r.Context(), rl.Name, hash, f.Now()); {
		case err != nil:
			return hash, err
		case !good:
			return hash, oauth.Fail(oauth.RegistrationToken, "")
		}
		return hash, nil
	}
	return hash, oauth.Fail(oauth.RegistrationClosed, "")
}

// closed tells a client that there are too many what that means for it.
func closed(err error) error {
	e := oauth.AsError(err)
	if e.Reason == oauth.RegistrationClosed {
		told := *e
		told.Description = "This realm has as many registered clients as it may have. Ask the administrator to remove some, or to allow more."
		return &told
	}
	return e
}

// read reads the metadata.
func read(w http.ResponseWriter, r *http.Request) (*registration.Metadata, error) {
	if web.MediaType(r) != "application/json" {
		e := oauth.Fail(oauth.RequestMediaType, "")
		e.Description = "This endpoint does not read that content type. Send application/json."
		return nil, e
	}
	if r.ContentLength > registration.MaxSize {
		return nil, tooLong()
	}
	r.Body = http.MaxBytesReader(w, r.Body, registration.MaxSize)
	body, err := web.ReadBody(w, r)
	if err == nil {
		return registration.Parse(body)
	}
	if oauth.ReasonOf(err) == oauth.RequestTooLarge {
		return nil, tooLong()
	}
	return nil, err
}

func tooLong() error {
	e := oauth.Fail(oauth.RequestTooLarge, "")
	e.Description = "The client metadata are over 64 KiB. Send less."
	return e
}

// sector holds a pairwise client's redirect URIs against the document that its sector identifier leads to.
func (f *Face) sector(ctx context.Context, c *client.Client) error {
	if c.OpenID.SectorIdentifierURI == "" {
		return nil
	}
	select {
	case f.fetching <- struct{}{}:
		defer func() { <-f.fetching }()
	default:
		e := oauth.Fail(oauth.Busy, "")
		e.Description = "The server is busy fetching documents for other clients. Try again shortly."
		return e
	}
	return registration.CheckSector(ctx, f.Fetch, c)
}

// update replaces what a client says of itself (RFC 7592 section 2.2). Its registration access token is good once: the answer
// has the next.
func (f *Face) update(w http.ResponseWriter, r *http.Request, rl *realm.Realm, held *client.Client) error {
	m, err := read(w, r)
	if err != nil {
		return err
	}
	now := f.Now().UTC().Truncate(time.Microsecond)
	if err := repeated(m, held, now); err != nil {
		return err
	}
	wanted, err := m.Client(rl, held)
	if err != nil {
		return err
	}
	if err := f.sector(r.Context(), wanted); err != nil {
		return err
	}
	plain, hash := registration.NewToken()
	var secret string
	// Somebody else may have written in between: everything is done to the client as it is.
	c, err := f.Registry.UpdateClient(r.Context(), rl.Name, held.ID, func(c *client.Client) error {
		if c.Registered == nil || !slices.Equal(c.Registered.TokenHash, held.Registered.TokenHash) || c.Status != client.On {
			return oauth.Fail(oauth.RegistrationToken, "")
		}
		changed, err := m.Client(rl, c)
		if err != nil {
			return err
		}
		changed.Registered.TokenHash = hash[:]
		if secret, err = registration.Equip(changed, f.Master, now); err != nil {
			return err
		}
		*c = *changed
		return nil
	})
	if err != nil {
		return err
	}
	if c == nil {
		return oauth.Fail(oauth.RegistrationToken, "")
	}
	f.record(r, c, "changed its registration")
	f.tell(w, http.StatusOK, rl, c, secret, plain)
	return nil
}

// repeated sees that what a client repeats of this server's words is what it was told, and that it does not repeat what it
// must not (RFC 7592 section 2.2).
func repeated(m *registration.Metadata, c *client.Client, now time.Time) error {
	if m.Text("client_id") != c.ID {
		return registration.Bad("client_id", "must be the id of the client itself")
	}
	for _, name := range []string{"registration_access_token", "registration_client_uri", "client_secret_expires_at", "client_id_issued_at"} {
		if m.Has(name) {
			return registration.Bad(name, "must not be sent back; leave it out")
		}
	}
	if m.Has("client_secret") && !registration.HasSecret(c, m.Text("client_secret"), now) {
		return registration.Bad("client_secret", "is not the client's; leave it out, it cannot be chosen")
	}
	return nil
}

// remove ends a client and its tokens (RFC 7592 section 2.3).
func (f *Face) remove(w http.ResponseWriter, r *http.Request, rl *realm.Realm, c *client.Client) error {
	now := f.Now()
	longest, err := f.Longest(r.Context(), rl)
	if err != nil {
		return err
	}
	err = f.Commit(r.Context(), deployment.ChangeSet{
		Deleted:     []deployment.Ref{{Kind: feed.Client, Realm: rl.Name, ID: c.ID}},
		Revocations: []token.Revocation{{Realm: rl.Name, Kind: token.RevokeClient, Key: c.ID, Bound: now.UnixMicro(), Until: now.Add(longest)}},
	})
	if err != nil {
		return err
	}
	f.record(r, c, "ended its registration")
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (f *Face) record(r *http.Request, c *client.Client, what string) {
	if f.Audit == nil {
		return
	}
	f.Audit.Record(r.Context(), audit.Event{
		At: f.Now(), Kind: audit.ConfigChanged, Realm: c.Realm, Client: c.ID, Source: web.Source(r), Detail: "client " + c.ID + " " + what,
	})
}
