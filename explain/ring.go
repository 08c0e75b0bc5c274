package explain

import (
	"slices"
	"strings"
	"sync"
)

// A Ring holds the newest records. Its methods may be called by many goroutines.
type Ring struct {
	mu      sync.Mutex // guards what follows
	records []Record   // in the order of their arrival, round and round
	size    int
	next    int // where the next one goes
}

// NewRing returns a ring that holds so many records at most.
func NewRing(size int) *Ring { return &Ring{size: max(1, size)} }

// What a stranger sends is cut, so that the ring's memory is bounded by its size, and copied when it is, so that a record
// keeps no more alive than it shows.
const (
	maxName = 128
	maxText = 512
	maxFact = 24
)

// Add puts a record in the place of the oldest.
func (g *Ring) Add(r Record) {
	r.bound()
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.records) < g.size {
		g.records = append(g.records, r)
		return
	}
	g.records[g.next] = r
	g.next = (g.next + 1) % g.size
}

// Find returns the newest record of a request.
func (g *Ring) Find(id string) (Record, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i := range g.records {
		if r := g.newest(i); r.ID == id {
			return *r, true
		}
	}
	return Record{}, false
}

// Last returns at most n records, the newest first.
func (g *Ring) Last(n int) []Record {
	g.mu.Lock()
	defer g.mu.Unlock()
	list := make([]Record, 0, max(0, min(n, len(g.records))))
	for i := range cap(list) {
		list = append(list, *g.newest(i))
	}
	return list
}

// newest returns the record that i others came after. It needs mu.
func (g *Ring) newest(i int) *Record {
	n := len(g.records)
	return &g.records[(g.next-1-i+2*n)%n]
}

// bound cuts what is too long.
func (r *Record) bound() {
	for _, s := range []*string{&r.ID, &r.Realm, &r.Face, &r.Method, &r.Host, &r.Source, &r.API, &r.Client, &r.User, &r.Way, &r.Reason, &r.Policy} {
		*s = cut(*s, maxName)
	}
	for _, s := range []*string{&r.Path, &r.Route, &r.Detail, &r.Fix, &r.Cause} {
		*s = cut(*s, maxText)
	}
	r.Facts = slices.Clone(r.Facts[:min(len(r.Facts), maxFact)])
	for i := range r.Facts {
		r.Facts[i] = Fact{Name: cut(r.Facts[i].Name, maxName), Value: cut(r.Facts[i].Value, maxText)}
	}
}

// cut returns a text of at most most bytes that ends with a whole rune.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	s = s[:most-len("…")]
	return strings.ToValidUTF8(s, "") + "…"
}
