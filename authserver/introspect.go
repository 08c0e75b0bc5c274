package authserver

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"sallyport/claims"
	"sallyport/client"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/token"
	"sallyport/web"
)

// introspect is the introspection endpoint (RFC 7662). Only a client that proves itself may ask (section 2.1), and it
// learns only about tokens that concern it: its own, and those whose audience it is in. A trusted client learns about
// every token of the realm. For all else, and for whatever is not a live token, the answer is that it is not active
// (section 2.2), so nobody can find out by guessing what tokens there are (section 4).
func (f *Face) introspect(w http.ResponseWriter, r *http.Request, rl *realm.Realm) error {
	p, err := form(w, r)
	if err != nil {
		return err
	}
	c, proved, err := f.authenticate(r, rl, p)
	if err != nil {
		return err
	}
	if !proved {
		e := oauth.Fail(oauth.SecretMissing, c.ID)
		e.Description = "Only a confidential client may introspect tokens. Authenticate with its secret."
		return e
	}
	raw := p.Get("token")
	if raw == "" {
		return web.Missing("token")
	}
	body, err := f.describe(r.Context(), rl, c, raw, p.Get("token_type_hint") == "refresh_token")
	if err != nil {
		return err
	}
	web.WriteBody(w, http.StatusOK, "application/json", body)
	return nil
}

const inactive = `{"active":false}`

// describe returns the answer about a token.
func (f *Face) describe(ctx context.Context, rl *realm.Realm, c *client.Client, raw string, refreshFirst bool) ([]byte, error) {
	order := [2]func(context.Context, *realm.Realm, *client.Client, string) ([]byte, error){f.describeAccess, f.describeRefresh}
	if refreshFirst {
		order[0], order[1] = order[1], order[0]
	}
	for _, try := range order {
		if body, err := try(ctx, rl, c, raw); body != nil || err != nil {
			return body, err
		}
	}
	return []byte(inactive), nil
}

// describeAccess returns nil if raw is no live access token of ours.
func (f *Face) describeAccess(ctx context.Context, rl *realm.Realm, c *client.Client, raw string) ([]byte, error) {
	a, err := f.tokens.Verify(ctx, rl, raw)
	if err != nil {
		return nil, ours(err)
	}
	if a.Client != c.ID && !c.Trusted && !slices.Contains(a.Audience, c.ID) {
		return []byte(inactive), nil
	}
	if fit, err := f.fit(ctx, rl, c, a.Client); err != nil || !fit {
		return []byte(inactive), err
	}
	dst := make([]byte, 0, 512)
	is := about{client: a.Client, user: a.User, scope: a.Scope, issuedAt: a.IssuedAt, expiresAt: a.ExpiresAt, id: a.ID, signIn: a.SignIn}
	if err := f.name(ctx, rl, c, &is); err != nil {
		return nil, err
	}
	dst = appendAbout(dst, is)
	dst = append(dst, `,"token_type":"Bearer"`...)
	if len(a.Audience) == 1 {
		dst = append(dst, `,"aud":`...)
		dst = oauth.AppendString(dst, a.Audience[0])
	} else if len(a.Audience) > 1 {
		dst = append(dst, `,"aud":`...)
		dst = oauth.AppendList(dst, a.Audience)
	}
	return finish(dst, rl), nil
}

// describeRefresh returns nil if raw is no refresh token of ours.
func (f *Face) describeRefresh(ctx context.Context, rl *realm.Realm, c *client.Client, raw string) ([]byte, error) {
	p, state, err := f.tokens.InspectRefresh(ctx, rl, raw)
	if err != nil {
		return nil, ours(err)
	}
	if state != token.Active || (p.Family.Client != c.ID && !c.Trusted) {
		return []byte(inactive), nil
	}
	if fit, err := f.fit(ctx, rl, c, p.Family.Client); err != nil || !fit {
		return []byte(inactive), err
	}
	fam := p.Family
	dst := make([]byte, 0, 512)
	is := about{client: fam.Client, user: fam.User, scope: fam.Scope, issuedAt: fam.StartedAt, expiresAt: fam.ExpiresAt, id: p.ID, signIn: fam.SignIn}
	if err := f.name(ctx, rl, c, &is); err != nil {
		return nil, err
	}
	dst = appendAbout(dst, is)
	return finish(dst, rl), nil
}

// fit reports whether the client of a token may act today. The one that asks may, or it could not.
func (f *Face) fit(ctx context.Context, rl *realm.Realm, asker *client.Client, id string) (bool, error) {
	if id == asker.ID {
		return true, nil
	}
	of, err := f.engine.Clients.Get(ctx, rl.Name, id)
	return err == nil && of != nil && of.Unfit(f.now()) == "", err
}

// about is what RFC 7662 section 2.2 tells of either kind of token, and RFC 9470 section 6.2 of the sign-in behind it.
type about struct {
	client, user, id    string
	subject             string // "sub"
	hidden              bool   // the asker is not to know the user's own name
	scope               []string
	issuedAt, expiresAt time.Time
	signIn              *token.SignIn // nil: none
	session             string        // "sid"; empty: none
}

// name fills in subject and session. Without a user it is the client (RFC 9068 section 2.2). Of a pairwise client's token it is the name
// by which that client knows the user, and the client itself is told no other.
func (f *Face) name(ctx context.Context, rl *realm.Realm, asker *client.Client, a *about) error {
	if a.user == "" {
		a.subject = a.client
		return nil
	}
	of := asker
	if a.client != asker.ID {
		var err error
		if of, err = f.engine.Clients.Get(ctx, rl.Name, a.client); err != nil {
			return err
		}
	}
	a.subject = a.user
	if in := a.signIn; in != nil && in.Bound {
		a.session = in.Session
	}
	if of == nil || !claims.Pairwise(of) {
		return nil
	}
	var err error
	if a.subject, err = f.claims.Subject(rl, of, a.user); err != nil {
		return err
	}
	a.session, err = f.claims.Session(rl, of, a.session)
	a.hidden = of == asker
	return err
}

func appendAbout(dst []byte, a about) []byte {
	dst = append(dst, `{"active":true`...)
	if len(a.scope) > 0 {
		dst = append(dst, `,"scope":`...)
		dst = oauth.AppendSpaced(dst, a.scope)
	}
	dst = append(dst, `,"client_id":`...)
	dst = oauth.AppendString(dst, a.client)
	if a.user != "" && !a.hidden {
		dst = append(dst, `,"username":`...)
		dst = oauth.AppendString(dst, a.user)
	}
	dst = append(dst, `,"sub":`...)
	dst = oauth.AppendString(dst, a.subject)
	dst = append(dst, `,"exp":`...)
	dst = strconv.AppendInt(dst, a.expiresAt.Unix(), 10)
	dst = append(dst, `,"iat":`...)
	dst = strconv.AppendInt(dst, a.issuedAt.Unix(), 10)
	if a.id != "" {
		dst = append(dst, `,"jti":`...)
		dst = oauth.AppendString(dst, a.id)
	}
	if in := a.signIn; in != nil {
		dst = append(dst, `,"auth_time":`...)
		dst = strconv.AppendInt(dst, in.At.Unix(), 10)
		if in.ACR != "" {
			dst = append(dst, `,"acr":`...)
			dst = oauth.AppendString(dst, in.ACR)
		}
		if a.session != "" {
			dst = append(dst, `,"sid":`...)
			dst = oauth.AppendString(dst, a.session)
		}
	}
	return dst
}

func finish(dst []byte, rl *realm.Realm) []byte {
	if rl.Issuer != "" {
		dst = append(dst, `,"iss":`...)
		dst = oauth.AppendString(dst, rl.Issuer)
	}
	return append(dst, '}')
}
