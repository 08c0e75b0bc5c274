package token

import (
	"context"
	"errors"
	"math"
	"time"

	"sallyport/oauth"
	"sallyport/realm"
)

// NewFamilyID names a grant before there is one: an authorization code carries it, and whatever the code gives is called by it.
func NewFamilyID(now time.Time) ID { return newFamilyID(ShapeStandard, now) }

// SessionRevocation is the revocation that ends every token bound to a session. It lasts as long as any of them could. Who
// stores it with the session's end has done all there is to do; this node hears of it as every other does.
func (s *Service) SessionRevocation(ctx context.Context, r *realm.Realm, sid string) (Revocation, error) {
	if sid == "" {
		return Revocation{}, errors.New("the session has no name")
	}
	life, err := s.longestOf(ctx, r)
	return Revocation{Realm: r.Name, Kind: RevokeSession, Key: sid, Until: s.now().Add(life)}, err
}

// ClientUserRevocation is the revocation that ends every token a user has let a client have until now.
func (s *Service) ClientUserRevocation(ctx context.Context, r *realm.Realm, client, user string) (Revocation, error) {
	now := s.now()
	life, err := s.accessLife(ctx, r, client)
	return Revocation{
		Realm: r.Name, Kind: RevokeClientUser, Key: client + "\x00" + user, Bound: now.UnixMicro(), Until: now.Add(life),
	}, err
}

// EndFamilyByID ends a grant of which nothing is known but the name and the client: the code that gave it came twice (RFC 6749
// section 4.1.2). It holds for tokens that are only being made as well, so a redemption that is under way does not survive it.
// The grant's row, if there is one, stays until it expires; nobody goes on from it.
func (s *Service) EndFamilyByID(ctx context.Context, r *realm.Realm, clientID string, id ID) error {
	if id == (ID{}) {
		return errors.New("the grant has no name")
	}
	c, err := s.clients.Get(ctx, r.Name, clientID)
	if err != nil {
		return err
	}
	access, refresh := settings(r, c, realm.AccessToken{}, realm.RefreshToken{})
	life := max(access.TTL.Std(), refresh.TTL.Std(), longestDoor)
	var ends []Revocation
	for _, shape := range []Shape{ShapeStandard, ShapeDigiRunner} {
		ends = append(ends, Revocation{
			Realm: r.Name, Kind: RevokeFamily, Key: familyKey(shape, named(shape, id)), Bound: WholeFamily,
			// What is being made now is made within a few minutes, if at all.
			Until: s.now().Add(life + 10*time.Minute),
		})
	}
	if err := s.store.Revoke(ctx, [32]byte{}, 0, ends...); err != nil {
		return err
	}
	s.revoked.add(ends...)
	return nil
}

// longestDoor is longer than the lifetimes that front doors give by default. The row of such a grant stays.
const longestDoor = 400 * 24 * time.Hour

// ends reports whether a grant is over, although its row may still be there: its code was replayed, its session ended, or
// everything its client or its user had was ended since it began. A client or user that is registered anew under the same
// name does not inherit it.
func (s *Service) ends(f *Family) bool {
	a := &Access{Realm: f.Realm, Client: f.Client, User: f.User, SignIn: f.SignIn}
	a.Family = f.ID
	if f.Shape == ShapeDigiRunner {
		a.Family = linkID(linkOf(f.ID)) // what its access tokens know of it
	}
	names := s.revoked.names(a)
	// No generation is so high: of the revocations of a family only that of the whole family counts.
	return s.revoked.covers(&names, math.MaxUint32, f.StartedAt.UnixMicro())
}

// checkNamed refuses to begin a grant that was named before and has ended since: its code was replayed, or the session or the
// consent it rests on is over.
func (s *Service) checkNamed(m *minting) error {
	f := &Family{Realm: m.Realm.Name, ID: m.family, Client: m.Client.ID, Shape: m.Shape, StartedAt: m.started, SignIn: m.signIn}
	if m.User != nil {
		f.User = m.User.Name
	}
	if s.ends(f) {
		return oauth.Because(oauth.CodeExpired, errors.New("what the code stands for has ended since it was made"))
	}
	return nil
}
