// Package explain remembers why requests were refused, so that whoever has the id of one can be told. It holds a bounded
// number in memory, the newest; nothing in it is a secret.
package explain

import "time"

// A Record is one refusal.
type Record struct {
	ID     string    `json:"id"` // of the request, as in X-Request-Id
	Time   time.Time `json:"time"`
	Realm  string    `json:"realm,omitempty"`
	Face   string    `json:"face,omitempty"` // gateway, authserver, or a dialect
	Method string    `json:"method"`
	Host   string    `json:"host,omitempty"`
	Path   string    `json:"path"` // as it came, without the query, which may hold a credential
	Source string    `json:"source,omitempty"`
	API    string    `json:"api,omitempty"`
	Route  string    `json:"route,omitempty"` // path of the route that matched
	Client string    `json:"client,omitempty"`
	User   string    `json:"user,omitempty"`
	Way    string    `json:"way,omitempty"` // way in that the caller was let in by
	Status int       `json:"status"`
	Reason string    `json:"reason"`           // machine-readable, stable
	Policy string    `json:"policy,omitempty"` // what refused: a policy, a way in, scope, client
	Detail string    `json:"detail,omitempty"` // what the caller was told
	Facts  []Fact    `json:"facts,omitempty"`  // what was compared with what
	Fix    string    `json:"fix,omitempty"`
	Cause  string    `json:"cause,omitempty"` // of a fault or of an upstream's failure; not for callers
}

// A Fact is one thing that the decision was made on.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}
