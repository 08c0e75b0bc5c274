package client

import (
	"context"
	"time"

	"sallyport/oauth"
	"sallyport/user"
)

const (
	memoTTL  = 10 * time.Minute
	memoSize = 50_000
)

// A Verifier checks client secrets (RFC 6749 section 2.3.1).
type Verifier struct {
	store  Store
	hasher *user.Hasher
	memo   *user.Memo
	now    func() time.Time
}

// NewVerifier returns a verifier. Store is where an outdated hash is replaced.
func NewVerifier(store Store, h *user.Hasher, now func() time.Time) *Verifier {
	return &Verifier{store: store, hasher: h, memo: user.NewMemo(memoTTL, memoSize, now), now: now}
}

// Verify returns nil if secret is one of the client's live secrets. Otherwise the reason is SecretWrong, SecretUnset if the
// client has none at all, or Busy. Whether the client may act is not its matter.
func (v *Verifier) Verify(ctx context.Context, c *Client, secret string) error {
	if len(c.Secrets) == 0 {
		return oauth.Fail(oauth.SecretUnset, c.ID)
	}
	now := v.now()
	if v.quick(ctx, c, secret, now) {
		return nil
	}
	var unreadable error
	for i := range c.Secrets {
		s := &c.Secrets[i]
		if user.IsDigest(s.Hash) || !s.Live(now) {
			continue
		}
		ok, upgrade, err := v.hasher.Verify(ctx, s.Hash, secret)
		switch {
		case oauth.ReasonOf(err) == oauth.Busy || ctx.Err() != nil:
			return err
		case err != nil:
			unreadable = err
		case ok:
			v.memo.Add(c.Realm, c.ID, s.Hash, secret)
			if upgrade {
				v.upgrade(ctx, c, s.Hash, secret)
			}
			return nil
		}
	}
	if unreadable != nil {
		return unreadable
	}
	return oauth.Fail(oauth.SecretWrong, c.ID)
}

// quick tries what costs no slow hash: generated secrets, and those whose check succeeded not long ago. It looks at all of
// them whichever matches.
func (v *Verifier) quick(ctx context.Context, c *Client, secret string, now time.Time) (match bool) {
	for i := range c.Secrets {
		s := &c.Secrets[i]
		if !s.Live(now) {
			continue
		}
		if user.IsDigest(s.Hash) {
			ok, _, _ := v.hasher.Verify(ctx, s.Hash, secret) // a hash that cannot be read matches nothing
			match = match || ok
		} else if v.memo.Knows(c.Realm, c.ID, s.Hash, secret) {
			match = true
		}
	}
	return match
}

// upgrade replaces an outdated hash. Failing to is no reason to turn the client away: the next check tries again.
func (v *Verifier) upgrade(ctx context.Context, c *Client, old, secret string) {
	hash, err := v.hasher.Hash(ctx, secret)
	if err != nil {
		return
	}
	if v.store.ReplaceClientSecret(ctx, c.Realm, c.ID, old, hash) == nil {
		v.memo.Add(c.Realm, c.ID, hash, secret)
	}
}
