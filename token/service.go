package token

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"sallyport/client"
	"sallyport/feed"
	"sallyport/key"
	"sallyport/realm"
)

// Clients finds clients; *client.Directory does.
type Clients interface {
	Get(ctx context.Context, realm, id string) (*client.Client, error)
}

// Config is what a Service works with.
type Config struct {
	Store   Store
	Keys    *key.Ring
	Clients Clients
	Hub     *feed.Hub
	// Longest returns the longest life an access token of the realm can have; revocations of a whole user or client are
	// kept that long. Nil: realm.MaxDuration. See Longest.
	Longest   func(ctx context.Context, r *realm.Realm) (time.Duration, error)
	CacheSize int              // verified tokens to remember; 0: 65536
	Now       func() time.Time // nil: time.Now
	Log       *slog.Logger     // nil: slog.Default()
}

// A Service makes tokens and says whether one is good.
type Service struct{}

var errSkeleton = errors.New("not there yet")

// New returns a Service. Start must be called before it verifies.
func New(c Config) (*Service, error) { return &Service{}, nil }

// Start loads the revocations, and keeps following the store until ctx is done.
func (s *Service) Start(ctx context.Context) error { return errSkeleton }

// Issue makes the tokens of an authorization. Refusals: RefreshUnknown, RefreshExpired, RefreshRevoked, RefreshReplayed,
// RefreshExhausted.
func (s *Service) Issue(ctx context.Context, a Authorization) (*Issued, error) {
	return nil, errSkeleton
}

// Verify returns what an access token says, if it is good in the realm now. Refusals: TokenMalformed, TokenExpired,
// TokenRevoked; the latter two carry the token's jti as their subject, and TokenRevoked has the client's own refusal
// (ClientUnknown, ClientDisabled, ClientLocked) as its cause if that is why. The result is shared: do not modify it.
func (s *Service) Verify(ctx context.Context, r *realm.Realm, raw string) (*Access, error) {
	return nil, errSkeleton
}

// Inspect returns what an access token says and what became of it. It fails if the token is not one of the realm's: forged,
// malformed (TokenMalformed), or a digiRunner refresh token (TokenRevoked, with its jti as subject).
func (s *Service) Inspect(ctx context.Context, r *realm.Realm, raw string) (*Access, State, error) {
	return nil, "", errSkeleton
}

// InspectRefresh returns what a refresh token says and what became of it. It fails with RefreshUnknown if the token is not
// one of the realm's. Where the grant is gone, Family holds what the token itself tells.
func (s *Service) InspectRefresh(ctx context.Context, r *realm.Realm, raw string) (*Presented, State, error) {
	return nil, "", errSkeleton
}

// Present returns what a refresh token stands for, for use. Refusals: RefreshUnknown, RefreshExpired, RefreshRevoked.
// Whether it is a replay shows when it is used (Issue).
func (s *Service) Present(ctx context.Context, r *realm.Realm, raw string) (*Presented, error) {
	return nil, errSkeleton
}

// RevokeAccess ends one access token.
func (s *Service) RevokeAccess(ctx context.Context, r *realm.Realm, a *Access, raw string) error {
	return errSkeleton
}

// RevokeRefresh ends a grant: its refresh tokens, and with withAccess its access tokens as well.
func (s *Service) RevokeRefresh(ctx context.Context, r *realm.Realm, p *Presented, withAccess bool) error {
	return errSkeleton
}

// The kinds of token List tells apart.
const (
	KindAccess  = "access_token"
	KindRefresh = "refresh_token"
)

// List returns the live stored tokens of a user, newest first, of one client only unless client is "". Self-contained
// access tokens are not stored and not listed.
func (s *Service) List(ctx context.Context, r *realm.Realm, user, client, kind string) ([]Listed, error) {
	return nil, errSkeleton
}

// RevokeHandle ends the token of the user that List showed under the handle. It reports whether there was one.
func (s *Service) RevokeHandle(ctx context.Context, r *realm.Realm, user, handle string) (bool, error) {
	return false, errSkeleton
}

// EndGrants ends every token of the user at the client, at all clients if client is "".
func (s *Service) EndGrants(ctx context.Context, r *realm.Realm, client, user string) error {
	return errSkeleton
}

// Longest returns the longest life any token of the realm can have by the settings of the realm and its clients, and not
// less than that of the product's own refresh tokens.
func Longest(ctx context.Context, r *realm.Realm, clients client.Store) (time.Duration, error) {
	return 0, errSkeleton
}
