package token

import (
	"context"
	"time"

	"sallyport/client"
	"sallyport/realm"
)

// RevokeAccess ends one access token, raw, which Verify or Inspect read as a. It holds on this node when it returns.
func (s *Service) RevokeAccess(ctx context.Context, r *realm.Realm, a *Access, raw string) error {
	var hash [32]byte
	if a.Format == realm.Reference && len(raw) == referenceText {
		hash = referenceKey(raw)
	}
	return s.revokeAccess(ctx, r, hash, a.ID, a.ExpiresAt)
}

func (s *Service) revokeAccess(ctx context.Context, r *realm.Realm, hash [32]byte, id string, expires time.Time) error {
	// The row of a reference token goes; the revocation reaches the nodes that have the token in their cache.
	var rs []Revocation
	if id != "" {
		rs = append(rs, Revocation{Realm: r.Name, Kind: RevokeToken, Key: id, Until: expires})
	}
	if err := s.store.Revoke(ctx, hash, Bucket(expires), rs...); err != nil {
		return err
	}
	s.revoked.add(rs...)
	return nil
}

// RevokeRefresh ends a grant: its refresh tokens, and with withAccess its access tokens as well.
func (s *Service) RevokeRefresh(ctx context.Context, r *realm.Realm, p *Presented, withAccess bool) error {
	return s.endFamily(ctx, r, p.Family, p.life, withAccess)
}

func (s *Service) endFamily(ctx context.Context, r *realm.Realm, f *Family, life time.Duration, withAccess bool) error {
	var end Revocation
	if withAccess {
		now, err := s.accessLife(ctx, r, f.Client)
		if err != nil {
			return err
		}
		end = Revocation{
			Realm: r.Name, Kind: RevokeFamily, Key: familyKey(f.Shape, f.ID), Bound: WholeFamily,
			Until: s.now().Add(max(life, now)),
		}
	}
	if _, err := s.store.EndFamily(ctx, r.Name, f.ID, f.ExpiresAt, end); err != nil {
		return err
	}
	s.revoked.add(end)
	return nil
}

// accessLife returns how long access tokens of a client live by its present settings and those of the realm, and not less
// than DefaultRefreshTTL: front doors have defaults of their own, and settings may have been longer before.
func (s *Service) accessLife(ctx context.Context, r *realm.Realm, id string) (time.Duration, error) {
	c, err := s.clients.Get(ctx, r.Name, id)
	if err != nil {
		return 0, err
	}
	access, _ := settings(r, c, realm.AccessToken{}, realm.RefreshToken{})
	return max(access.TTL, realm.DefaultRefreshTTL).Std(), nil
}

// EndGrants ends every token of the user at the client, at all clients if client is "".
func (s *Service) EndGrants(ctx context.Context, r *realm.Realm, client, user string) error {
	now := s.now()
	end := Revocation{Realm: r.Name, Kind: RevokeUser, Key: user, Bound: now.UnixMicro()}
	var life time.Duration
	var err error
	if client != "" {
		end.Kind, end.Key = RevokeClientUser, client+"\x00"+user
		life, err = s.accessLife(ctx, r, client)
	} else {
		life, err = s.longest(ctx, r)
	}
	if err != nil {
		return err
	}
	end.Until = now.Add(life)
	if err := s.store.EndGrants(ctx, r.Name, client, user, end); err != nil {
		return err
	}
	s.revoked.add(end)
	return nil
}

// Longest returns the longest life any token of the realm can have by the settings of the realm and its clients, and not
// less than DefaultRefreshTTL. It reads every client: it is for rare acts, such as changing a key.
func Longest(ctx context.Context, r *realm.Realm, clients client.Store) (time.Duration, error) {
	const page = 500
	longest := realm.DefaultRefreshTTL
	consider := func(c *client.Client) {
		access, refresh := settings(r, c, realm.AccessToken{}, realm.RefreshToken{})
		longest = max(longest, access.TTL, refresh.TTL)
	}
	consider(nil)
	for after := ""; ; {
		list, err := clients.Clients(ctx, r.Name, after, page)
		if err != nil {
			return 0, err
		}
		for _, c := range list {
			consider(c)
			after = c.ID
		}
		if len(list) < page {
			return longest.Std(), nil
		}
	}
}
