package token

import (
	"context"
	"time"

	"sallyport/oauth"
	"sallyport/realm"
)

// InspectRefresh returns what a refresh token says and what became of it. It fails with RefreshUnknown if the token is not
// one of the realm's. Where the grant is gone, Family holds what the token itself tells: all of it for a digiRunner
// token, identity and expiry for a standard one.
func (s *Service) InspectRefresh(ctx context.Context, r *realm.Realm, raw string) (*Presented, State, error) {
	return s.InspectDigiRefresh(ctx, r, raw, realm.RefreshToken{Rotate: new(bool)}) // that product's way
}

// InspectDigiRefresh is InspectRefresh for a front door that says itself, below realm and client, how digiRunner tokens
// behave: whether one that has had a successor is over depends on that.
func (s *Service) InspectDigiRefresh(ctx context.Context, r *realm.Realm, raw string, digi realm.RefreshToken) (*Presented, State, error) {
	p, stored, err := s.present(ctx, r, raw)
	if err != nil {
		return nil, "", err
	}
	now := s.now()
	if !now.Before(p.Family.ExpiresAt) {
		return p, Expired, nil
	}
	if !stored {
		return p, Revoked, nil
	}
	switch suspended, err := s.suspended(ctx, p.Family); {
	case err != nil:
		return nil, "", err
	case suspended:
		return p, Revoked, nil
	}
	c, err := s.clients.Get(ctx, r.Name, p.Family.Client)
	if err != nil {
		return nil, "", err
	}
	door := realm.RefreshToken{}
	if p.Family.Shape == ShapeDigiRunner {
		door = digi
	}
	_, set := settings(r, c, realm.AccessToken{}, door)
	if idle(p.Family, set.Idle, now) {
		return p, Expired, nil
	}
	if *set.Rotate && !usable(p, set.Grace.Std(), now) {
		return p, Revoked, nil
	}
	return p, Active, nil
}

// usable reports whether a refresh token of a family that rotates would still be taken: the current one, and its
// predecessor within the grace period.
func usable(p *Presented, grace time.Duration, now time.Time) bool {
	current := p.Family.Generation
	return p.Generation == current || p.Generation+1 == current && !now.After(p.Family.RotatedAt.Add(grace))
}

// Present returns what a refresh token stands for, for use. Refusals: RefreshUnknown, RefreshExpired, RefreshRevoked; with
// the latter two the Presented is returned as well, for a front door that says more of such a token. Whether it is a
// replay shows when it is used (Issue).
func (s *Service) Present(ctx context.Context, r *realm.Realm, raw string) (*Presented, error) {
	p, stored, err := s.present(ctx, r, raw)
	if err != nil {
		return nil, err
	}
	if !s.now().Before(p.Family.ExpiresAt) {
		return p, oauth.Fail(oauth.RefreshExpired, p.ID)
	}
	// A generation the store has not reached is one it has lost, by a restored backup: it must not go on from there.
	if !stored || p.Generation > p.Family.Generation {
		return p, oauth.Fail(oauth.RefreshRevoked, p.ID)
	}
	return p, nil
}

// present reads an authentic refresh token and its family, if that is stored.
func (s *Service) present(ctx context.Context, r *realm.Realm, raw string) (p *Presented, stored bool, err error) {
	if len(raw) > maxToken || len(raw) < refreshText {
		return nil, false, oauth.Fail(oauth.RefreshUnknown, "")
	}
	if p, err = s.readRefresh(ctx, r, raw); err != nil {
		return nil, false, err
	}
	if p == nil {
		return nil, false, oauth.Fail(oauth.RefreshUnknown, "")
	}
	f, err := s.store.Family(ctx, r.Name, p.Family.ID, p.Family.ExpiresAt)
	if err != nil {
		return nil, false, err
	}
	if f == nil || s.ends(f) {
		return p, false, nil
	}
	p.Family = f
	return p, true, nil
}
