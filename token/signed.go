package token

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"sallyport/client"
	"sallyport/key"
	"sallyport/realm"
)

const (
	// typLogout is the "typ" of OpenID Connect Back-Channel Logout 1.0 section 2.4.
	typLogout = "logout+jwt"
	// eventLogout is the event that makes a token a logout token, ibid.
	eventLogout    = "http://schemas.openid.net/event/backchannel-logout"
	logoutLife     = 2 * time.Minute
	maxSignedClaim = 64 << 10 // bytes of claims that SignJWT signs
)

// SignJWT signs claims for a client by a key of the realm: a UserInfo answer, a logout token. `iss`, `aud` and `iat` are added
// where they are not given. A JWT of such a typ never passes for an access token, whose typ is its own.
func (s *Service) SignJWT(ctx context.Context, r *realm.Realm, c *client.Client, alg, typ string, claims map[string]any) (string, error) {
	if typ == typAccess {
		return "", errors.New("access tokens are not made in this way")
	}
	k, err := s.keys.Signer(ctx, r.Name, key.Alg(alg))
	if err != nil {
		return "", err
	}
	all := map[string]any{"iss": r.Issuer, "aud": c.ID, "iat": s.now().Unix()}
	maps.Copy(all, claims)
	payload, err := json.Marshal(all)
	if err != nil {
		return "", err
	}
	if len(payload) > maxSignedClaim {
		return "", fmt.Errorf("the claims for client %q are %d bytes long, over %d; map fewer claims, or shorter ones", c.ID, len(payload), maxSignedClaim)
	}
	return signJWS(append(appendHeader(nil, typ, k), '}'), payload, k)
}

// LogoutToken tells a client that a sign-in is over (OpenID Connect Back-Channel Logout 1.0 section 2.4): by the subject, the
// session by its public name, or both. It has no nonce, so that it cannot be taken for an ID token.
func (s *Service) LogoutToken(ctx context.Context, r *realm.Realm, c *client.Client, subject, sid string) (string, error) {
	if subject == "" && sid == "" {
		return "", errors.New("a logout token needs a subject, a session, or both")
	}
	now := s.now()
	claims := map[string]any{
		"iat": now.Unix(), "exp": now.Add(logoutLife).Unix(), "jti": newJTI(now, logoutLife, randomBits()).String(),
		"events": map[string]any{eventLogout: map[string]any{}},
	}
	if subject != "" {
		claims["sub"] = subject
	}
	if sid != "" {
		var err error
		if claims["sid"], err = s.sessionOf(r, c, sid); err != nil {
			return "", err
		}
	}
	return s.SignJWT(ctx, r, c, string(idTokenAlg(r, c)), typLogout, claims)
}
