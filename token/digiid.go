package token

import (
	"context"
	"encoding/json"
	"maps"
	"strings"

	"sallyport/key"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
)

// DigiClaims are the claims that scopes open in digiRunner's ID tokens and at its UserInfo.
func DigiClaims(granted scope.Set) (names []string) {
	if granted.Has("email") {
		names = append(names, "email")
	}
	if granted.Has("profile") {
		names = append(names, "name", "picture")
	}
	return names
}

// mintDigiIDToken makes the ID token of that product's code flow, "" if nobody signed in for it: with an issuer that names as
// whose users people sign in, and an end that is the access token's.
func (s *Service) mintDigiIDToken(ctx context.Context, m *minting, access string) (string, error) {
	if m.Shape != ShapeDigiRunner || m.signIn.Provider == "" {
		return "", nil
	}
	k, err := s.keys.Signer(ctx, m.Realm.Name, key.RS256)
	if err != nil {
		return "", err
	}
	sub, err := s.subjectOf(m.Realm, m.Client, m.User.Name)
	if err != nil {
		return "", err
	}
	all := map[string]any{}
	if s.claims != nil {
		told, err := s.claims.IDToken(ctx, m.Realm, m.Client, m.User, m.Scope, DigiClaims(m.Scope), nil)
		if err != nil {
			return "", err
		}
		maps.Copy(all, told)
	}
	maps.Copy(all, map[string]any{
		"iss": m.Issuer + "/" + m.signIn.Provider, "sub": sub, "aud": m.Client.ID, "iat": m.issued.Unix(), "exp": m.expires.Unix(),
		"at_hash": string(appendHalfHash(nil, k.Alg, access)),
	})
	if m.signIn.Nonce != "" && m.Continues == nil {
		all["nonce"] = m.signIn.Nonce
	}
	payload, err := json.Marshal(all)
	if err != nil {
		return "", err
	}
	return signJWS(append(appendHeader(nil, typJWT, k), `,"ver":"`+digiVersion+`"}`...), payload, k)
}

// A DigiIDToken is what an ID token of digiRunner's shape says.
type DigiIDToken struct {
	Issuer  string         `json:"iss"`
	Subject string         `json:"sub"`
	Client  string         `json:"aud"`
	Expires int64          `json:"exp"`
	Issued  int64          `json:"iat"`
	Claims  map[string]any `json:"-"` // all of it
}

// ReadDigiIDToken reads an ID token of that shape which the realm has signed and whose issuer is the given one, a slash and a kind of sign-in.
// Anything else is TokenMalformed; one that is over is TokenExpired.
func (s *Service) ReadDigiIDToken(ctx context.Context, r *realm.Realm, issuer, raw string) (*DigiIDToken, error) {
	c, ok := splitJWS(raw)
	if !ok || c.v1 || c.header.typ != typJWT || c.header.ver != digiVersion || c.header.kid == "" {
		return nil, malformed("it is not an ID token of digiRunner's shape")
	}
	k, err := s.keys.Verifier(ctx, r.Name, c.header.kid)
	if err != nil {
		return nil, err
	}
	if !c.signedBy(k) || k.Alg != key.RS256 {
		return nil, malformed("no key of realm %s has signed it", r.Name)
	}
	t := &DigiIDToken{}
	if json.Unmarshal(c.payload, t) != nil || json.Unmarshal(c.payload, &t.Claims) != nil {
		return nil, malformed("its payload is not that of an ID token")
	}
	provider, ours := strings.CutPrefix(t.Issuer, issuer+"/")
	_, hashed := t.Claims["at_hash"].(string)
	if !ours || !hashed || provider == "" || strings.Contains(provider, "/") || t.Client == "" || t.Subject == "" {
		return nil, malformed("its claims are not those of an ID token of realm %s", r.Name)
	}
	if s.now().Unix() >= t.Expires {
		return nil, oauth.Fail(oauth.TokenExpired, "")
	}
	return t, nil
}
