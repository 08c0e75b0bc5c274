package token

import (
	"sallyport/key"
	"sallyport/oauth"
)

// What the tests of the formats reach: signatures alone, and the JSON reader.

func SignBytes(k *key.Signing, input []byte) ([]byte, error) { return signBytes(k, input) }

func VerifyBytes(k *key.Verifying, input, signature []byte) bool {
	return verifyBytes(k, input, signature)
}

func SignJWS(header, payload []byte, k *key.Signing) (string, error) {
	return signJWS(header, payload, k)
}

// ReadMembers reads an object as tokens are read: each member by skip, or as a string.
func ReadMembers(s string) (map[string]string, bool) {
	out := map[string]string{}
	ok := readObject(s, func(r *jsonReader, name string) {
		if r.i < len(r.s) && r.s[r.i] == '"' {
			out[name] = r.str()
			return
		}
		r.skip()
	})
	return out, ok
}

func AppendString(s string) string { return string(oauth.AppendString(nil, s)) }

// Revocations is the number of revocations in memory.
func (s *Service) Revocations() int { return s.revoked.size() }

// Remembered is the number of tokens in the cache.
func (s *Service) Remembered() int {
	n := 0
	for i := range s.cache.shards {
		n += len(s.cache.shards[i].entries)
	}
	return n
}

// Forget empties the cache.
func (s *Service) Forget() { s.cache.clear() }
