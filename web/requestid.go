package web

import (
	"crypto/rand"
	"net/http"
	"strconv"
	"sync/atomic"
)

// IDs makes the ids of requests: a random part for the process, and a number. They tell requests apart in logs; nothing
// rests on their being hard to guess.
type IDs struct {
	process string
	last    atomic.Uint64
}

// NewIDs returns a maker of ids that no other process shares.
func NewIDs() *IDs { return &IDs{process: rand.Text()[:12] + "-"} }

// Next returns a new id.
func (g *IDs) Next() string {
	var buf [32]byte
	return string(strconv.AppendUint(append(buf[:0], g.process...), g.last.Add(1), 36))
}

// forwardedID returns the id that a trusted proxy has given the request, "" if it has none or one unfit for a log.
func forwardedID(r *http.Request) string {
	ids := r.Header["X-Request-Id"]
	if len(ids) != 1 || len(ids[0]) == 0 || len(ids[0]) > 64 {
		return ""
	}
	for i := range len(ids[0]) {
		switch c := ids[0][i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return ""
		}
	}
	return ids[0]
}
