package bearer

import (
	"context"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"golang.org/x/sync/singleflight"

	"sallyport/oauth"
	"sallyport/realm"
)

const (
	freshFor   = 10 * time.Minute // keys are asked for anew when they are older
	usableFor  = 24 * time.Hour   // while the issuer does not answer, its last keys count for so long
	fetchPause = 30 * time.Second // between two attempts, whatever strangers ask for
	mostKeys   = 100
	mostTries  = 10 // keys that one token without a kid is held against
	minRSA     = 2048
)

// A keySet holds the keys of one issuer.
type keySet struct {
	issuer, uri string
	flight      singleflight.Group

	mu      sync.Mutex // guards what follows
	keys    []jose.JSONWebKey
	fetched time.Time // when keys were
	tried   time.Time // when that was last attempted
	err     error     // what came of that
}

func (s *Issuers) set(t *realm.TrustedIssuer) *keySet {
	s.mu.Lock()
	defer s.mu.Unlock()
	id := t.Issuer + "\x00" + t.JWKSURI
	if s.sets[id] == nil {
		s.sets[id] = &keySet{issuer: t.Issuer, uri: t.JWKSURI}
	}
	return s.sets[id]
}

// find returns the keys that may have made a signature. Keys that are known and a little old are used at once and fetched
// anew meanwhile. For one that is not known the issuer is asked, with a pause between two attempts.
func (k *keySet) find(ctx context.Context, s *Issuers, kid, alg string) ([]jose.JSONWebKey, error) {
	found, fresh := k.pick(s.now(), kid, alg)
	if len(found) > 0 {
		if !fresh && k.due(s.now()) {
			go k.refresh(context.WithoutCancel(ctx), s) // ends with the fetch, which is bounded in time
		}
		return found, nil
	}
	if k.due(s.now()) {
		k.refresh(ctx, s)
		found, _ = k.pick(s.now(), kid, alg)
	}
	if len(found) > 0 {
		return found, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.usable(s.now()) {
		return nil, bad("%s has no key %.80q for %s", k.issuer, kid, alg)
	}
	err := k.err
	if err == nil {
		err = errNoKeys
	}
	return nil, oauth.Because(oauth.Unavailable, err)
}

// usable reports whether the keys may be used. The caller holds mu.
func (k *keySet) usable(now time.Time) bool {
	return !k.fetched.IsZero() && now.Sub(k.fetched) < usableFor
}

// pick returns the keys that are known and could be meant.
func (k *keySet) pick(now time.Time, kid, alg string) (found []jose.JSONWebKey, fresh bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.usable(now) {
		return nil, false
	}
	for _, key := range k.keys {
		if (kid == "" || key.KeyID == kid) && (key.Algorithm == "" || key.Algorithm == alg) && len(found) < mostTries {
			found = append(found, key)
		}
	}
	return found, now.Sub(k.fetched) < freshFor
}

// due reports whether the issuer may be asked: not long after the last time, unless that is under way.
func (k *keySet) due(now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.tried.IsZero() || now.Sub(k.tried) >= fetchPause
}

// refresh asks the issuer for its keys. Those who want it at the same time share one attempt.
func (k *keySet) refresh(ctx context.Context, s *Issuers) {
	done := k.flight.DoChan("", func() (any, error) {
		if !k.due(s.now()) {
			return nil, nil // somebody was faster
		}
		keys, err := k.fetchKeys(context.WithoutCancel(ctx), s.fetch)
		k.mu.Lock()
		defer k.mu.Unlock()
		k.tried, k.err = s.now(), err
		if err == nil {
			k.keys, k.fetched = keys, k.tried
		}
		return nil, nil
	})
	select {
	case <-done:
	case <-ctx.Done():
	}
}

func (k *keySet) fetchKeys(ctx context.Context, f Fetcher) ([]jose.JSONWebKey, error) {
	uri := k.uri
	if uri == "" {
		var err error
		if uri, err = discover(ctx, f, k.issuer); err != nil {
			return nil, fmt.Errorf("metadata of %s: %w", k.issuer, err)
		}
	}
	text, err := f.Get(ctx, uri)
	if err != nil {
		return nil, fmt.Errorf("keys of %s: %w", k.issuer, err)
	}
	keys, err := parseKeys(text)
	if err != nil {
		return nil, fmt.Errorf("keys of %s: %w", k.issuer, err)
	}
	return keys, nil
}

// discover finds where an issuer's keys are, by OpenID Connect Discovery section 4 or else RFC 8414 section 3.
func discover(ctx context.Context, f Fetcher, issuer string) (string, error) {
	u, err := url.Parse(issuer)
	if err != nil {
		return "", err
	}
	path := strings.TrimSuffix(u.EscapedPath(), "/")
	root := u.Scheme + "://" + u.Host
	for _, at := range []string{root + path + "/.well-known/openid-configuration", root + "/.well-known/oauth-authorization-server" + path} {
		var text []byte
		if text, err = f.Get(ctx, at); err != nil {
			continue
		}
		var metadata map[string]json.RawMessage
		if err = json.Unmarshal(text, &metadata); err != nil {
			continue
		}
		said, uri := claims(metadata).text("issuer"), claims(metadata).text("jwks_uri")
		if said != issuer || uri == "" { // RFC 8414 section 3.3
			err = fmt.Errorf("%s does not describe this issuer", at)
			continue
		}
		return uri, nil
	}
	return "", err
}

// parseKeys reads a JWK Set (RFC 7517 section 5). What cannot verify a signature of somebody else is left out: secret and
// private keys, keys for encryption, weak ones, and those that are not understood.
func parseKeys(text []byte) (keys []jose.JSONWebKey, err error) {
	var set struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("not a JWK Set: %w", err)
	}
	for _, raw := range set.Keys[:min(len(set.Keys), mostKeys)] {
		var key jose.JSONWebKey
		if key.UnmarshalJSON(raw) != nil || !key.Valid() || !key.IsPublic() || key.Use != "" && key.Use != "sig" || !signs(raw) {
			continue
		}
		if r, ok := key.Key.(*rsa.PublicKey); ok && r.N.BitLen() < minRSA {
			continue
		}
		keys = append(keys, key)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("none of %d keys verifies signatures", len(set.Keys))
	}
	return keys, nil
}

// signs reports whether a key's operations, if it names any, are those of a verifier (RFC 7517 section 4.3).
func signs(raw json.RawMessage) bool {
	var key struct {
		Operations []string `json:"key_ops"`
	}
	return json.Unmarshal(raw, &key) == nil && (key.Operations == nil || slices.Contains(key.Operations, "verify"))
}
