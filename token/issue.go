package token

import (
	"context"
	"time"

	"sallyport/oauth"
)

// Issue makes the tokens of an authorization. What must be kept is durable when it returns; a JWT or sealed access token
// without a refresh token writes nothing. Refusals: RefreshUnknown (a refresh token of another front door),
// RefreshExpired, RefreshRevoked, RefreshReplayed, RefreshExhausted; CodeExpired (a grant that was named before it began and
// has ended since).
func (s *Service) Issue(ctx context.Context, a Authorization) (*Issued, error) {
	m, err := s.prepare(a)
	if err != nil {
		return nil, err
	}
	out := &Issued{
		AccessID: m.jti.String(), IssuedAt: m.issued, ExpiresIn: m.access.TTL.Seconds(), StartedAt: m.started,
		Scope: a.Scope, Client: a.Client, User: a.User,
	}
	if a.Shape == ShapeDigiRunnerV2 {
		out.Scope = digiV2Scope(a.Scope) // what the token holds (RFC 6749 section 5.1)
	}
	// The tokens are made before anything is written: a failure here leaves no grant that nobody holds.
	var row *Reference
	if out.AccessToken, row, err = s.mintAccess(ctx, m); err != nil {
		return nil, err
	}
	if out.IDToken, err = s.mintIDToken(ctx, m, out.AccessToken); err != nil {
		return nil, err
	}
	if m.grant != nil {
		if out.RefreshToken, out.RefreshID, err = s.mintRefresh(ctx, m); err != nil {
			return nil, err
		}
		out.RefreshIn = int64(m.grant.ExpiresAt.Sub(m.now) / time.Second)
	}
	switch {
	case a.Continues != nil:
		err = s.advance(ctx, m, row)
	case m.grant != nil || row != nil:
		err = s.store.CreateGrant(ctx, m.grant, row)
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// advance uses up the presented refresh token.
func (s *Service) advance(ctx context.Context, m *minting, row *Reference) error {
	p, f := m.Continues, m.grant
	key := familyKey(f.Shape, f.ID)
	over := m.now.Add(m.life())
	use := Advance{
		Realm: m.Realm.Name, Family: f.ID, ExpiresAt: f.ExpiresAt, Presented: p.Generation, Now: m.now,
		Rotate: *m.refresh.Rotate, Grace: m.refresh.Grace.Std(), MaxUses: m.refresh.Uses, Reference: row,
		OnReplay: Revocation{Realm: m.Realm.Name, Kind: RevokeFamily, Key: key, Bound: WholeFamily, Until: over},
	}
	if m.EndAccess && f.Shape == ShapeStandard {
		use.Revocations = append(use.Revocations,
			Revocation{Realm: m.Realm.Name, Kind: RevokeFamily, Key: key, Bound: int64(m.generation), Until: over})
	}
	// digiRunner ends the access token that the refresh token was issued with.
	if ati, ok := parseJTI(p.AccessID); ok {
		if until := ati.issued().Add(ati.life()); until.After(m.now) {
			use.Revocations = append(use.Revocations,
				Revocation{Realm: m.Realm.Name, Kind: RevokeToken, Key: p.AccessID, Until: until})
		}
	}
	outcome, err := s.store.AdvanceFamily(ctx, use)
	if err != nil {
		return err
	}
	switch outcome {
	case Advanced, Repeated:
		s.revoked.add(use.Revocations...)
		return nil
	case Replayed:
		s.revoked.add(use.OnReplay)
		return oauth.Fail(oauth.RefreshReplayed, p.ID)
	case Exhausted:
		return oauth.Fail(oauth.RefreshExhausted, p.ID)
	}
	return oauth.Fail(oauth.RefreshRevoked, p.ID)
}
