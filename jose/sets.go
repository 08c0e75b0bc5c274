package jose

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/maypok86/otter/v2"
)

const (
	mostSets  = 1000 // of others' servers that are remembered
	mostTries = 10   // keys that one text is held against
)

// Config is what Sets work with.
type Config struct {
	Fetch Fetcher // gets the key sets that others publish
	Now   func() time.Time
}

// Sets verify by the keys of others, and remember those for a while. They may be used by many goroutines.
type Sets struct {
	fetch  Fetcher
	now    func() time.Time
	inline *otter.Cache[[32]byte, []key]
	remote *otter.Cache[string, *remote]
}

// New returns sets that know no key yet.
func New(c Config) *Sets {
	return &Sets{
		fetch: c.Fetch, now: c.Now,
		inline: otter.Must(&otter.Options[[32]byte, []key]{MaximumSize: mostSets}),
		remote: otter.Must(&otter.Options[string, *remote]{MaximumSize: mostSets}),
	}
}

// Verify reads text that is signed by one of the algorithms, with a key of the source. What is not signed is taken only if
// None is among the algorithms. The error is ErrMalformed, ErrSignature or ErrKeys.
func (s *Sets) Verify(ctx context.Context, from Source, algs []string, raw string) (*Token, error) {
	t, err := Peek(raw)
	switch {
	case err != nil:
		return nil, err
	case !slices.Contains(algs, t.Alg):
		return nil, malformed("its algorithm is none of %v", algs)
	case t.Unsigned:
		return t, nil
	}
	signed, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(t.Alg)})
	if err != nil {
		return nil, malformed("%v", err)
	}
	// Without this a public key could be passed off as the secret of an HMAC (RFC 8725 section 2.1).
	if symmetric := slices.Contains(Symmetric(), t.Alg); symmetric != (from.Secret != nil) {
		return nil, malformed("%s does not go with the keys that there are", t.Alg)
	}
	try := func(keys []key) bool {
		for _, k := range keys {
			payload, err := signed.Verify(k.public)
			if err == nil {
				t.Payload = payload
				return true
			}
		}
		return false
	}
	switch {
	case from.Secret != nil:
		if !try([]key{{public: from.Secret}}) {
			return nil, fmt.Errorf("%w: by the shared secret", ErrSignature)
		}
		return t, nil
	case len(from.Inline) > 0:
		keys, err := s.readInline(from.Inline)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrKeys, err)
		}
		if found := choose(keys, t); !try(found) {
			return nil, fmt.Errorf("%w: by any of the %d keys that could be meant", ErrSignature, len(found))
		}
		return t, nil
	case from.URI == "" && from.Issuer == "":
		return nil, fmt.Errorf("%w: none are given", ErrKeys)
	}
	if err := s.find(from).verify(ctx, s, t, try); err != nil {
		return nil, err
	}
	return t, nil
}

// readInline reads a key set that was given, once.
func (s *Sets) readInline(text []byte) ([]key, error) {
	id := sha256.Sum256(text)
	if keys, ok := s.inline.GetIfPresent(id); ok {
		return keys, nil
	}
	keys, err := readKeys(text)
	if err == nil {
		s.inline.Set(id, keys)
	}
	return keys, err
}

// find returns what is known of the keys that a server publishes.
func (s *Sets) find(from Source) *remote {
	id := from.Issuer + "\x00" + from.URI
	if r, ok := s.remote.GetIfPresent(id); ok {
		return r
	}
	r, _ := s.remote.SetIfAbsent(id, &remote{issuer: from.Issuer, uri: from.URI})
	return r
}

// choose returns the keys that may have made a signature: of the right type and curve, and of the name that it gives.
func choose(keys []key, t *Token) (found []key) {
	for _, k := range keys {
		if (t.KeyID == "" || k.id == "" || k.id == t.KeyID) && (k.alg == "" || k.alg == t.Alg) && slices.Contains(algorithms(k.public), t.Alg) {
			if found = append(found, k); len(found) == mostTries {
				break
			}
		}
	}
	return found
}
