package authorize

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"sallyport/jose"
	"sallyport/oauth"
)

// skew is how far the clocks of clients may be wrong.
const skew = 60 * time.Second

// ObjectAlgs are the algorithms that request objects may be signed by.
func ObjectAlgs() []string { return jose.Asymmetric() }

// hasObject returns a request object, or the address of one, and by which parameter it came.
func (g *reading) hasObject() (object, by string) {
	for _, name := range []string{"request", "request_uri"} {
		if v := g.get(name); v != "" {
			return v, name
		}
	}
	return "", ""
}

// open puts the parameters of a request object in the place of all others (RFC 9101 section 6.3): what is beside a signature
// is anybody's.
func (g *reading) open(raw, by string) error {
	for _, name := range []string{"request", "request_uri"} {
		if times(g.params, name) > 1 {
			return duplicate(name)
		}
	}
	if by == "request" && g.get("request_uri") != "" {
		return invalid("request_uri", "Send request or request_uri, not both.")
	}
	if by == "request_uri" {
		fetched, err := g.fetch(raw)
		if err != nil {
			return err
		}
		raw = strings.TrimSpace(string(fetched))
	}
	t, err := g.verify(raw)
	if err != nil {
		return err
	}
	g.signed = !t.Unsigned
	told, err := jose.ParseClaims(t.Payload)
	if err != nil {
		return object("The request object is not one JSON object with each member once.", err)
	}
	if err := g.honest(told); err != nil {
		return err
	}
	inside, err := parameters(told)
	if err != nil {
		return err
	}
	// OpenID Connect Core section 6.1: what must be beside the object says the same.
	if outer, inner := g.get("response_type"), inside.Get("response_type"); outer != "" && inner != "" && outer != inner {
		return object("response_type is not the same inside the request object and beside it.", nil)
	} else if inner == "" && outer != "" {
		inside.Set("response_type", outer)
	}
	g.params = inside
	return nil
}

// fetch gets a request object from where it is (RFC 9101 section 5.2). Only what the client has registered is ever asked.
func (g *reading) fetch(uri string) ([]byte, error) {
	if g.from.Pushed { // RFC 9126 section 2.1
		return nil, invalid("request_uri", "It cannot be pushed. Push the parameters, or the request object by value.")
	}
	if g.pushedOnly() { // nothing is fetched for a request that cannot do
		return nil, oauth.Fail(oauth.PushRequired, "")
	}
	bare, fragment, _ := strings.Cut(uri, "#")
	if !slices.ContainsFunc(g.client.OpenID.RequestURIs, func(one string) bool {
		known, _, _ := strings.Cut(one, "#")
		return known == bare
	}) {
		return nil, oauth.Fail(oauth.RequestURIRefused, "")
	}
	// OpenID Connect Core section 6.2: the fragment is the hash of what is there, so that it can be kept.
	if len(fragment) == base64.RawURLEncoding.EncodedLen(sha256.Size) {
		return g.bounded(g.objects.Get, uri)
	}
	return g.bounded(g.Fetch.Get, bare)
}

// fetchHashed gets a request object that its address names by its hash, to be kept.
func (rd *Reader) fetchHashed(ctx context.Context, uri string) ([]byte, error) {
	bare, fragment, _ := strings.Cut(uri, "#")
	body, err := rd.Fetch.Get(ctx, bare)
	if err != nil {
		return nil, err
	}
	if len(body) > jose.MaxSize || hashOf(body) != fragment {
		return nil, errors.New("the fragment is not the hash of the request object, or that is too long")
	}
	return body, nil
}

func hashOf(body []byte) string {
	sum := sha256.Sum256(body)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func unreachable(err error) error {
	if err == nil {
		return nil
	}
	e := oauth.Because(oauth.RequestURIBad, err)
	e.Description = "The request object could not be fetched from request_uri, or is not the one whose hash the fragment is."
	return e
}

// verify reads the signature. What is not signed counts only where the client has registered that (OpenID Connect Core
// section 6.1) and need not sign (RFC 9101 section 10.5).
func (g *reading) verify(raw string) (*jose.Token, error) {
	c := g.client
	algs := ObjectAlgs()
	if only := c.OpenID.RequestObjectAlg; only != "" {
		if only == jose.None && c.OpenID.RequireSigned {
			return nil, oauth.Fail(oauth.RequestUnsupported, "")
		}
		algs = []string{only}
	}
	if len(c.JWKS) == 0 && c.JWKSURI == "" && algs[0] != jose.None {
		return nil, oauth.Fail(oauth.RequestUnsupported, "") // nobody could verify it
	}
	t, err := g.Sets.Verify(g.ctx, jose.Source{Inline: c.JWKS, URI: c.JWKSURI}, algs, raw)
	switch {
	case errors.Is(err, jose.ErrKeys):
		return nil, object("There are no keys of this client to verify the request object by. Check jwks and jwks_uri.", err)
	case errors.Is(err, jose.ErrMalformed):
		return nil, object("The request object is not a JWS by one of "+strings.Join(algs, ", ")+".", err)
	case err != nil:
		return nil, object("The signature of the request object does not verify by the client's keys.", err)
	}
	// RFC 8725 section 3.11: what was signed for another purpose is not a request.
	if typ := strings.ToLower(t.Type); typ != "" && typ != "jwt" && typ != "oauth-authz-req+jwt" && typ != "application/oauth-authz-req+jwt" {
		return nil, object("The typ of the request object is not oauth-authz-req+jwt.", nil)
	}
	return t, nil
}

// honest holds what a request object says of itself against where it came (RFC 9101 sections 4 and 10.8).
func (g *reading) honest(told jose.Claims) error {
	id := g.client.ID
	for _, name := range []string{"iss", "client_id"} {
		if told.Has(name) && told.Text(name) != id {
			return object(name+" of the request object is not the client.", nil)
		}
	}
	switch {
	case told.Has("sub") && told.Text("sub") == id:
		return object("sub of the request object is the client: that is a client assertion, not a request.", nil)
	case told.Has("aud") && !slices.Contains(told.List("aud"), g.realm.Issuer):
		return object("aud of the request object is not the issuer.", nil)
	case told.Has("request") || told.Has("request_uri"): // RFC 9101 section 4
		return object("A request object cannot hold request or request_uri.", nil)
	}
	if at, ok := told.Time("exp"); told.Has("exp") && (!ok || !g.now.Before(at.Add(skew))) {
		return object("The request object is expired.", nil)
	}
	if at, ok := told.Time("nbf"); told.Has("nbf") && (!ok || g.now.Add(skew).Before(at)) {
		return object("The request object is not valid yet.", nil)
	}
	return nil
}

// parameters reads the members of a request object as parameters (RFC 9101 section 4). What is no parameter here is ignored,
// of whatever type it is.
func parameters(told jose.Claims) (oauth.Params, error) {
	var p oauth.Params
	for name, raw := range told {
		switch {
		case told.IsText(name):
			v := told.Text(name)
			if strings.ContainsRune(v, 0) {
				return p, object("A member of the request object holds a NUL.", nil)
			}
			p.Add(name, v)
		case name == "max_age":
			n, ok := told.Number(name)
			if !ok || n != float64(int64(n)) {
				return p, object("max_age of the request object is not a whole number.", nil)
			}
			p.Add(name, strconv.FormatInt(int64(n), 10))
		case name == "claims":
			p.Add(name, string(raw))
		case slices.Contains(known, name):
			return p, object(name+" of the request object is not a string.", nil)
		}
	}
	return p, nil
}

// known are the parameters that are read here and are strings.
var known = []string{
	"response_type", "client_id", "redirect_uri", "scope", "state", "response_mode", "nonce", "display", "prompt",
	"ui_locales", "claims_locales", "id_token_hint", "login_hint", "acr_values", "code_challenge", "code_challenge_method",
	"registration",
}
