package cache

import (
	"crypto/sha256"
	"encoding/binary"
	"strings"

	"sallyport/policy"
)

// A key is the SHA-256 of everything that a stored answer is found by, each part with its length, so that no two lists
// of parts are the same text.
type key [sha256.Size]byte

// A writer puts together the text of a key.
type writer []byte

func (w *writer) add(s string) {
	*w = binary.AppendUvarint(*w, uint64(len(s)))
	*w = append(*w, s...)
}

func (w *writer) flag(b bool) {
	if b {
		*w = append(*w, 1)
	} else {
		*w = append(*w, 0)
	}
}

// uri is the key of a target, whoever asks for it and how. It is what unsafe methods invalidate.
func (p *cache) uri(host string, secure bool, path, query string) key {
	var space [512]byte
	w := writer(binary.AppendUvarint(space[:0], p.id))
	w.add(strings.ToLower(host))
	w.flag(secure) // the upstream may answer plain calls by sending them to https
	w.add(path)
	w.add(query)
	return sha256.Sum256(w)
}

// Fields of the request that say who the caller is to an upstream which looks for itself.
var credentials = [...]string{"Authorization", "Cookie", "X-Api-Key", "Proxy-Authorization"}

// keys are where the answer to a call may lie: among those for this caller alone, and among those for all.
func (p *cache) keys(c *policy.Call, uri key, body []byte) (own, shared key) {
	var space [1024]byte
	w := append(writer(space[:0]), uri[:]...)
	if method := c.Method; method != "HEAD" { // which asks for what GET shows
		w.add(method)
	} else {
		w.add("GET")
	}
	sum := sha256.Sum256(body)
	w = append(w, sum[:]...)
	if len(c.API.Divert) > 0 { // other addresses may be served by other upstreams
		w.add(c.Source.String())
	}
	for _, name := range p.Vary {
		w.add(valueOf(c.Header, name))
	}
	if p.Shared {
		w.flag(true)
		shared = sha256.Sum256(w)
		w = w[:len(w)-1]
	}
	w.flag(false)
	w.add(c.Caller.Way)
	w.add(c.Caller.Client)
	w.add(c.Caller.User)
	for _, s := range c.Caller.Scope {
		w.add(s)
	}
	for _, name := range credentials {
		w.add(valueOf(c.Header, name))
	}
	return sha256.Sum256(w), shared
}
