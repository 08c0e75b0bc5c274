// Package authcode is the authorization code grant (RFC 6749 section 4.1.3) with PKCE (RFC 7636). It holds a code against the
// client that presents it, the redirect URI and the challenge of the authorization request, and spends it by one atomic
// statement.
//
//	code ─▶ known? ─▶ this client's? ─▶ unspent? ─▶ redirect_uri? ─▶ code_verifier? ─▶ spend ─▶ proof
//	                        │ no            │ no                                         │ lost
//	                        ▼               ▼                                            ▼
//	                  refused, stays   replay: what the code gave, or is giving, ends at once
//
// Who presents a code that is not his learns nothing of it and cannot use it up: the one it was made for still can. Only the
// client itself can set off the replay rule.
package authcode

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"time"

	"sallyport/authorize"
	"sallyport/grant"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/token"
	"sallyport/user"
)

// Codes reads and spends authorization codes; *authorize.Codes does.
type Codes interface {
	// Look returns what a code stands for, and whether it was spent. The error says what is wrong with a code that is none.
	Look(ctx context.Context, realm, code string) (g *authorize.Grant, spent bool, err error)
	// Spend uses a code up, and reports whether this call was the one that did.
	Spend(ctx context.Context, realm, code string) (won bool, err error)
}

// Users finds users.
type Users interface {
	Get(ctx context.Context, realm, name string) (*user.User, error)
}

// Ender ends grants by their names; *token.Service does.
type Ender interface {
	EndFamilyByID(ctx context.Context, r *realm.Realm, clientID string, id token.ID) error
}

// Deps is what the grant works with. Every field must be set.
type Deps struct {
	Codes  Codes
	Users  Users
	Tokens Ender
}

// Grant is the grant.
type Grant struct{ Deps }

var _ grant.Grant = (*Grant)(nil)

// New returns the grant.
func New(d Deps) *Grant { return &Grant{d} }

// Type implements grant.Grant.
func (*Grant) Type() string { return "authorization_code" }

const (
	scopeOpenID  = "openid"
	scopeOffline = "offline_access"
)

// Prove implements grant.Grant.
func (g *Grant) Prove(ctx context.Context, a *grant.Attempt) (grant.Proof, error) {
	code := a.Params.Get("code")
	if code == "" {
		return grant.Proof{}, oauth.Fail(oauth.CodeMissing, "code")
	}
	was, spent, err := g.Codes.Look(ctx, a.Realm.Name, code)
	switch {
	case err != nil:
		return grant.Proof{}, err
	case was == nil || was.Realm != a.Realm.Name || !ownDoor(a, was):
		return grant.Proof{}, oauth.Fail(oauth.CodeUnknown, "")
	case was.Client != a.Client.ID:
		return grant.Proof{}, oauth.Fail(oauth.CodeWrongClient, "")
	case spent:
		return grant.Proof{}, g.replayed(ctx, a, was)
	case !was.ExpiresAt.IsZero() && !a.Now.Before(was.ExpiresAt):
		return grant.Proof{}, oauth.Fail(oauth.CodeExpired, was.ExpiresAt.UTC().Format(time.RFC3339Nano))
	}
	if err := checkRedirect(a, was); err != nil {
		return grant.Proof{}, err
	}
	if err := checkVerifier(a, was); err != nil {
		return grant.Proof{}, err
	}
	u, err := g.Users.Get(ctx, a.Realm.Name, was.User)
	switch {
	case err != nil:
		return grant.Proof{}, err
	case u == nil:
		return grant.Proof{}, oauth.Fail(oauth.UserUnknown, was.User)
	}
	won, err := g.Codes.Spend(ctx, a.Realm.Name, code)
	switch {
	case err != nil:
		return grant.Proof{}, err
	case !won:
		return grant.Proof{}, g.replayed(ctx, a, was)
	}
	return grant.Proof{
		User: u, Ceiling: was.Scope, HasCeiling: true, Refresh: mayRefresh(was), SignIn: was.SignIn, Family: was.Family,
	}, nil
}

// ownDoor reports whether a code is presented where it was given. Each front door takes back its own alone: their rules differ,
// and nobody may choose the looser ones.
func ownDoor(a *grant.Attempt, was *authorize.Grant) bool {
	return was.Dialect == a.Rules.Dialect && (was.Dialect != "" || a.Rules.Shape == token.ShapeStandard)
}

// replayed ends what the code gave (RFC 6749 section 4.1.2). If that cannot be written down the call fails for that reason: the
// caller comes again, and so does the attempt to end it.
func (g *Grant) replayed(ctx context.Context, a *grant.Attempt, was *authorize.Grant) error {
	if err := g.Tokens.EndFamilyByID(ctx, a.Realm, was.Client, was.Family); err != nil {
		return err
	}
	return oauth.Fail(oauth.CodeReplayed, was.Family.String())
}

// checkRedirect compares the redirect URI with that of the authorization request, character by character. It must be sent if it
// was in that request (RFC 6749 section 4.1.3); if it is sent otherwise, it must be the one that was used.
func checkRedirect(a *grant.Attempt, was *authorize.Grant) error {
	uri := a.Params.Get("redirect_uri")
	if uri == "" && !was.RedirectGiven || uri == was.RedirectURI {
		return nil
	}
	return oauth.Fail(oauth.RedirectMismatch, "redirect_uri")
}

var errNoChallenge = errors.New("the code was made without a code_challenge, which this client must send")

// checkVerifier holds the verifier against the challenge (RFC 7636 section 4.6, by S256 alone). One without the other is
// refused both ways: who strips the challenge from a request must not find the verifier ignored (RFC 9700 section 2.1.1). What
// the authorization endpoint demands of a client is demanded here again, of codes that were made before it did.
func checkVerifier(a *grant.Attempt, was *authorize.Grant) error {
	verifier := a.Params.Get("code_verifier")
	switch {
	case was.Challenge == "" && verifier != "":
		return oauth.Fail(oauth.VerifierWrong, "code_verifier")
	case was.Challenge == "" && (!a.Authenticated && !a.Rules.BareCode || a.Realm.RequirePKCE || a.Client.OpenID.RequirePKCE):
		return oauth.Because(oauth.VerifierMissing, errNoChallenge)
	case was.Challenge == "":
		return nil
	case verifier == "":
		return oauth.Fail(oauth.VerifierMissing, "code_verifier")
	case !isVerifier(verifier):
		return oauth.Fail(oauth.VerifierWrong, "code_verifier")
	}
	sum := sha256.Sum256([]byte(verifier))
	if subtle.ConstantTimeCompare([]byte(base64.RawURLEncoding.EncodeToString(sum[:])), []byte(was.Challenge)) != 1 {
		return oauth.Fail(oauth.VerifierWrong, "code_verifier")
	}
	return nil
}

// isVerifier reports whether s has the grammar of RFC 7636 section 4.1: 43 to 128 unreserved characters.
func isVerifier(s string) bool {
	if len(s) < 43 || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '.', c == '_', c == '~':
		default:
			return false
		}
	}
	return true
}

// mayRefresh reports whether a refresh token may come of a code: by offline_access, or without OpenID Connect, which knows no
// such scope. Otherwise it must end with the session, since nobody agreed to more (OpenID Connect Core section 11).
func mayRefresh(was *authorize.Grant) bool {
	return was.Scope.Has(scopeOffline) || !was.Scope.Has(scopeOpenID) || was.SignIn != nil && was.SignIn.Bound
}
