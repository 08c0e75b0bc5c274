package token

import (
	"context"
	"crypto/sha256"

	"sallyport/realm"
)

// The kinds of token List tells apart.
const (
	KindAccess  = "access_token"
	KindRefresh = "refresh_token"
)

// List returns the live stored tokens of a user, newest first, of one client only unless client is "": for KindAccess the
// reference tokens, for KindRefresh the grants. Self-contained access tokens are not stored and not listed.
func (s *Service) List(ctx context.Context, r *realm.Realm, user, client, kind string) ([]Listed, error) {
	now := s.now()
	var list []Listed
	if kind == KindAccess {
		refs, err := s.store.References(ctx, r.Name, user, client, now)
		if err != nil {
			return nil, err
		}
		for _, ref := range refs {
			if s.ended(ref) {
				continue
			}
			list = append(list, Listed{
				Handle: referenceHandle(ref), Client: ref.Client, Scope: ref.Scope,
				StartedAt: ref.StartedAt, CreatedAt: ref.IssuedAt, ExpiresAt: ref.ExpiresAt,
			})
		}
		return list, nil
	}
	families, err := s.store.Families(ctx, r.Name, user, client, now)
	if err != nil {
		return nil, err
	}
	for _, f := range families {
		if s.ends(f) {
			continue
		}
		list = append(list, Listed{
			Handle: familyHandle(f), Client: f.Client, Scope: f.Scope,
			StartedAt: f.StartedAt, CreatedAt: f.RotatedAt, ExpiresAt: f.ExpiresAt,
		})
	}
	return list, nil
}

// ended reports whether a stored token was ended by a revocation that is not about it alone.
func (s *Service) ended(ref *Reference) bool {
	names := s.revoked.names(&Access{Realm: ref.Realm, ID: ref.ID, Client: ref.Client, User: ref.User, Family: ref.Family, SignIn: ref.SignIn})
	return s.revoked.covers(&names, ref.Generation, ref.IssuedAt.UnixMicro())
}

// RevokeHandle ends the token of the user that List showed under the handle; a grant with its access tokens. It reports
// whether there was one.
func (s *Service) RevokeHandle(ctx context.Context, r *realm.Realm, user, handle string) (bool, error) {
	refs, err := s.store.References(ctx, r.Name, user, "", s.now())
	if err != nil {
		return false, err
	}
	for _, ref := range refs {
		if referenceHandle(ref) == handle {
			return true, s.revokeAccess(ctx, r, ref.Hash, ref.ID, ref.ExpiresAt)
		}
	}
	families, err := s.store.Families(ctx, r.Name, user, "", s.now())
	if err != nil {
		return false, err
	}
	for _, f := range families {
		if familyHandle(f) == handle {
			return true, s.endFamily(ctx, r, f, 0, true)
		}
	}
	return false, nil
}

// A handle is a hash of what only the store knows in full: it names a token and opens nothing.
func referenceHandle(r *Reference) string { return handle("reference", r.Realm, r.Hash[:]) }

func familyHandle(f *Family) string { return handle("family", f.Realm, f.ID[:]) }

func handle(kind, realm string, id []byte) string {
	sum := sha256.Sum256(append([]byte("handle\x00"+kind+"\x00"+realm+"\x00"), id...))
	return "h_" + b64.EncodeToString(sum[:15])
}
