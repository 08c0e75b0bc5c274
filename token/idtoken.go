package token

import (
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/json"
	"fmt"
	"time"

	"sallyport/client"
	"sallyport/key"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/user"
)

// Claims says what a client is told about a user; *claims.Mapper does.
type Claims interface {
	// Subject returns `sub` of a user to a client.
	Subject(r *realm.Realm, c *client.Client, userName string) (string, error)
	// Session returns `sid` of a session to a client.
	Session(r *realm.Realm, c *client.Client, sid string) (string, error)
	// IDToken returns what an ID token says of a user beside `sub`.
	IDToken(ctx context.Context, r *realm.Realm, c *client.Client, u *user.User, scopes scope.Set, names, locales []string) (map[string]any, error)
}

const (
	typJWT      = "JWT"
	idTokenLife = time.Hour
	scopeOpenID = "openid"
)

// DefaultIDTokenAlg signs ID tokens where neither client nor realm says otherwise (OpenID Connect Dynamic Client Registration
// section 2).
const DefaultIDTokenAlg = string(key.RS256)

// subjectOf is the name by which a client knows a user.
func (s *Service) subjectOf(r *realm.Realm, c *client.Client, name string) (string, error) {
	if s.claims == nil {
		return name, nil
	}
	return s.claims.Subject(r, c, name)
}

// sessionOf is the name by which a client knows a session.
func (s *Service) sessionOf(r *realm.Realm, c *client.Client, sid string) (string, error) {
	if s.claims == nil {
		return sid, nil
	}
	return s.claims.Session(r, c, sid)
}

// idTokenAlg is the algorithm of a client's ID tokens.
func idTokenAlg(r *realm.Realm, c *client.Client) key.Alg {
	for _, alg := range []string{c.OpenID.IDTokenAlg, r.IDTokenAlg} {
		if alg != "" {
			return key.Alg(alg)
		}
	}
	return key.Alg(DefaultIDTokenAlg)
}

// mintIDToken makes the ID token that goes with an access token (OpenID Connect Core section 2 and 3.1.3.6), "" if none is due.
// One that a refresh brings has the same `sub`, `aud`, `auth_time` and `sid`, and no nonce (section 12.2). There is no c_hash:
// codes and ID tokens never leave together here.
func (s *Service) mintIDToken(ctx context.Context, m *minting, access string) (string, error) {
	if m.signIn == nil || m.User == nil || !m.Scope.Has(scopeOpenID) {
		return "", nil
	}
	if m.Shape != ShapeStandard {
		return s.mintDigiIDToken(ctx, m, access)
	}
	k, err := s.keys.Signer(ctx, m.Realm.Name, idTokenAlg(m.Realm, m.Client))
	if err != nil {
		return "", err
	}
	sub, err := s.subjectOf(m.Realm, m.Client, m.User.Name)
	if err != nil {
		return "", err
	}
	sid, err := s.sessionOf(m.Realm, m.Client, m.signIn.Session)
	if err != nil {
		return "", err
	}
	b := appendIDToken(make([]byte, 0, 512), m, sub, sid)
	b = append(b, `,"at_hash":"`...)
	b = append(appendHalfHash(b, k.Alg, access), '"')
	if s.claims != nil {
		told, err := s.claims.IDToken(ctx, m.Realm, m.Client, m.User, m.Scope, m.signIn.IDToken, m.signIn.Locales)
		if err != nil {
			return "", err
		}
		if len(told) > 0 {
			more, err := json.Marshal(told)
			if err != nil {
				return "", err
			}
			b = append(append(b, ','), more[1:len(more)-1]...)
		}
	}
	var headBuf [160]byte
	text, err := signJWS(append(appendHeader(headBuf[:0], typJWT, k), '}'), append(b, '}'), k)
	if err == nil && len(text) > maxToken {
		err = fmt.Errorf("the ID token for client %q would be %d bytes long, over %d; map fewer claims, or shorter ones", m.Client.ID, len(text), maxToken)
	}
	return text, err
}

// appendIDToken writes the claims that are the server's own, without the closing brace.
func appendIDToken(b []byte, m *minting, sub, sid string) []byte {
	in := m.signIn
	b = append(b, `{"iss":`...)
	b = oauth.AppendString(b, m.Realm.Issuer)
	b = append(b, `,"sub":`...)
	b = oauth.AppendString(b, sub)
	b = append(b, `,"aud":`...)
	b = oauth.AppendString(b, m.Client.ID)
	b = appendNumber(b, `,"exp":`, m.issued.Add(idTokenLife).Unix())
	b = appendNumber(b, `,"iat":`, m.issued.Unix())
	b = appendNumber(b, `,"auth_time":`, in.At.Unix())
	if in.Nonce != "" && m.Continues == nil {
		b = append(b, `,"nonce":`...)
		b = oauth.AppendString(b, in.Nonce)
	}
	if in.ACR != "" {
		b = append(b, `,"acr":`...)
		b = oauth.AppendString(b, in.ACR)
	}
	if len(in.Methods) > 0 {
		b = append(b, `,"amr":`...)
		b = oauth.AppendList(b, in.Methods)
	}
	if sid != "" {
		b = append(b, `,"sid":`...)
		b = oauth.AppendString(b, sid)
	}
	return b
}

// appendHalfHash writes the left half of a text's hash, by the hash that goes with the algorithm (OpenID Connect Core section
// 3.1.3.6). That of Ed25519 is SHA-512 (RFC 8032 section 5.1).
func appendHalfHash(b []byte, alg key.Alg, text string) []byte {
	if alg == key.EdDSA {
		sum := sha512.Sum512([]byte(text))
		return b64.AppendEncode(b, sum[:len(sum)/2])
	}
	sum := sha256.Sum256([]byte(text))
	return b64.AppendEncode(b, sum[:len(sum)/2])
}

// An IDToken is what an ID token of the realm's own says.
type IDToken struct {
	Client    string // `aud`
	Subject   string // as the client knows the user
	Session   string // `sid`; empty: none
	IssuedAt  time.Time
	ExpiresAt time.Time
}

// ReadIDToken reads an ID token that this server issued in the realm, however old it is, for as long as the key it was signed
// with is kept (id_token_hint, OpenID Connect Core section 3.1.2.1 and RP-Initiated Logout 1.0 section 2). Anything else is
// TokenMalformed: tokens of other kinds have another typ, or lack a claim that only ID tokens have.
func (s *Service) ReadIDToken(ctx context.Context, r *realm.Realm, raw string) (*IDToken, error) {
	c, ok := splitJWS(raw)
	if !ok || c.v1 || c.header.typ != typJWT || c.header.ver != "" || c.header.kid == "" {
		return nil, malformed("it is not an ID token of this server's making")
	}
	k, err := s.keys.Verifier(ctx, r.Name, c.header.kid)
	if err != nil {
		return nil, err
	}
	if !c.signedBy(k) {
		return nil, malformed("no key of realm %s has signed it", r.Name)
	}
	var members map[string]json.RawMessage // by exact name, which a struct's fields are not
	if json.Unmarshal(c.payload, &members) != nil {
		return nil, malformed("its payload is not an object")
	}
	text := func(name string) (v string) {
		_ = json.Unmarshal(members[name], &v)
		return v
	}
	number := func(name string) (v int64) {
		_ = json.Unmarshal(members[name], &v)
		return v
	}
	t := &IDToken{Client: text("aud"), Subject: text("sub"), Session: text("sid")}
	issued, expires, auth := number("iat"), number("exp"), number("auth_time")
	if text("iss") != r.Issuer || t.Client == "" || t.Subject == "" || issued <= 0 || expires <= 0 || auth <= 0 {
		return nil, malformed("its claims are not those of an ID token of realm %s", r.Name)
	}
	t.IssuedAt, t.ExpiresAt = time.Unix(issued, 0), time.Unix(expires, 0)
	return t, nil
}
