package token

import (
	"context"
	"fmt"
	"strings"
	"time"

	"sallyport/oauth"
	"sallyport/realm"
)

// Verify returns what an access token says, if it is good in the realm now. Refusals: TokenMalformed, TokenExpired,
// TokenRevoked; the latter two carry the token's jti as their subject, and TokenRevoked has as its cause what is wrong with
// the client (ClientUnknown, ClientDisabled, ClientLocked) or the user (UserDisabled, UserLocked), if anything is. The
// result is shared: do not modify it.
//
// Times are compared without leeway: the product reads its own clock only. A token whose issue lies in the future is good:
// the clock was set back since, and that must not sign everybody out.
func (s *Service) Verify(ctx context.Context, r *realm.Realm, raw string) (*Access, error) {
	v, err := s.look(ctx, r, raw)
	if err != nil {
		return nil, err
	}
	if v.gone && s.now().UnixMicro() < v.expires {
		return nil, oauth.Fail(oauth.TokenRevoked, v.access.ID)
	}
	if s.now().UnixMicro() >= v.expires {
		e := oauth.Fail(oauth.TokenExpired, v.access.ID)
		e.Err = fmt.Errorf("it was good until %s", v.access.ExpiresAt.UTC().Format(time.RFC3339))
		return nil, e
	}
	revoked, err := s.isRevoked(ctx, v)
	if err != nil {
		return nil, err
	}
	refusal, err := s.clientRefusal(ctx, v.access.Realm, v.access.Client)
	switch {
	case revoked && (err != nil || refusal == ""): // that nobody knows more about it makes it no better
		return nil, s.revokedFor(v.access, s.userRefusal(ctx, v.access.Realm, v.access.User), v.access.User)
	case err != nil:
		return nil, err
	case refusal != "":
		return nil, s.revokedFor(v.access, refusal, v.access.Client)
	}
	return v.access, nil
}

// revokedFor refuses a token for a reason that lies with somebody; "": nobody knows of any.
func (s *Service) revokedFor(a *Access, cause oauth.Reason, who string) error {
	e := oauth.Fail(oauth.TokenRevoked, a.ID)
	if cause != "" {
		e.Err = oauth.Fail(cause, who)
	}
	return e
}

// Inspect returns what an access token says and what became of it. It fails if the token is not an access token of the
// realm: forged or malformed (TokenMalformed), or a digiRunner refresh token (TokenRevoked, with its jti as subject). Of a
// reference token that is not stored any more, only the format and the hour of expiry are known.
func (s *Service) Inspect(ctx context.Context, r *realm.Realm, raw string) (*Access, State, error) {
	v, err := s.look(ctx, r, raw)
	if err != nil {
		return nil, "", err
	}
	expired := s.now().UnixMicro() >= v.expires
	if v.gone {
		if expired {
			return v.access, Expired, nil
		}
		return v.access, Revoked, nil
	}
	revoked, err := s.isRevoked(ctx, v)
	if err != nil {
		return nil, "", err
	}
	if revoked {
		return v.access, Revoked, nil
	}
	if expired {
		return v.access, Expired, nil
	}
	refusal, err := s.clientRefusal(ctx, v.access.Realm, v.access.Client)
	if err != nil {
		return nil, "", err
	}
	if refusal != "" {
		return v.access, Revoked, nil
	}
	return v.access, Active, nil
}

// look returns the authentic token, from the cache if it was seen before.
func (s *Service) look(ctx context.Context, r *realm.Realm, raw string) (*verified, error) {
	if len(raw) > maxToken || len(raw) < referenceText {
		return nil, malformed("it is %d bytes long, which no token is", len(raw))
	}
	k := keyOf(r.Name, raw)
	if v := s.cache.get(&k); v != nil && (v.issuer == "" || v.issuer == r.Issuer) {
		return v, nil
	}
	generation := s.cache.generation.Load()
	a, gone, err := s.read(ctx, r, raw)
	if err != nil {
		return nil, err
	}
	if a == nil {
		return nil, s.why(ctx, r, raw)
	}
	v := &verified{access: a, gone: gone, expires: a.ExpiresAt.UnixMicro()}
	if gone {
		if s.now().UnixMicro() < v.expires { // it will not come back; being over may be the clock's mistake
			s.cache.put(&k, v, generation, s.now())
		}
		return v, nil
	}
	if a.Format == realm.JWT && a.Shape == ShapeStandard {
		v.issuer = r.Issuer
	}
	v.names = s.revoked.names(a)
	s.cache.put(&k, v, generation, s.now())
	return v, nil
}

// read verifies a token of any form. It returns nil if the token is not authentic.
func (s *Service) read(ctx context.Context, r *realm.Realm, raw string) (a *Access, gone bool, err error) {
	switch {
	case strings.HasPrefix(raw, sealedPrefix):
		a, err = s.readSealed(ctx, r, raw)
	case len(raw) == referenceText && strings.IndexByte(raw, '.') < 0:
		return s.readReference(ctx, r, raw)
	default:
		a, err = s.readJWT(ctx, r, raw)
	}
	return a, false, err
}

// isRevoked asks the revocation set if it has changed since the token was last found clear. The epoch is read first: what
// is added meanwhile moves it again.
func (s *Service) isRevoked(ctx context.Context, v *verified) (bool, error) {
	epoch := s.revoked.epoch.Load() + 1
	if v.cleared.Load() == epoch {
		return false, nil
	}
	a := v.access
	if s.revoked.covers(&v.names, a.Generation, a.IssuedAt.UnixMicro()) {
		return true, nil
	}
	if s.users != nil && s.revoked.doubts(&v.names, a.IssuedAt.UnixMicro()) {
		away, err := s.userAway(ctx, a.Realm, a.User)
		return away, err // asked again next time: who is switched on again is not told here
	}
	v.cleared.Store(epoch)
	return false, nil
}
