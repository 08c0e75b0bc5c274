package api

import "sallyport/realm"

// A Target is one upstream of several.
type Target struct {
	URL    string `json:"url"`              // http or https
	Weight int    `json:"weight,omitempty"` // its share among the others; 0 means 1, and -1 none: it is kept, and gets no calls
}

// Upstreams says how calls are spread over an API's targets and what is done when they fail. The zero value is what an
// API with one target needs.
type Upstreams struct {
	Balance  Balance     `json:"balance,omitzero"`
	Health   Health      `json:"health,omitzero"`
	Eject    Eject       `json:"eject,omitzero"`
	Retry    Retry       `json:"retry,omitzero"`
	Timeouts Timeouts    `json:"timeouts,omitzero"`
	Mirror   Mirror      `json:"mirror,omitzero"`
	Divert   []Diversion `json:"divert,omitempty"`        // targets by the caller's address; the first that matches. With any, targets are for nobody else
	Engine   string      `json:"engine,omitempty"`        // "standard": net/http carries the calls; empty: the lean client where it can
	HTTP2    bool        `json:"http2,omitempty"`         // HTTP/2 without TLS to http targets (gRPC)
	Host     string      `json:"upstream_host,omitempty"` // Host field of the calls; empty: the target's, "caller": the caller's
}

// Ways to balance.
const (
	BalanceRandom     = "random"            // by weight; the default
	BalanceRoundRobin = "round_robin"       // in turn, by weight
	BalanceLeast      = "least_connections" // the fewest calls under way, by weight
	BalanceTwo        = "two_choices"       // the less busy of two drawn by weight
	BalanceHash       = "hash"              // the same target for the same key
)

// Balance says how a target is chosen.
type Balance struct {
	By  string `json:"by,omitempty"`
	Key string `json:"key,omitempty"` // with hash: client, user, address, path, header:NAME or cookie:NAME; empty: address
}

// Health is a request that tells whether a target is there.
type Health struct {
	Path    string         `json:"path,omitempty"`    // empty: nobody asks
	Every   realm.Duration `json:"every,omitempty"`   // 0 means 10s
	Timeout realm.Duration `json:"timeout,omitempty"` // of one request; 0 means 2s
	Status  int            `json:"status,omitempty"`  // expected; 0: any from 200 to 399
	Fails   int            `json:"fails,omitempty"`   // in a row until it is taken out; 0 means 3
	Passes  int            `json:"passes,omitempty"`  // in a row until it is back; 0 means 2
}

// Eject takes a target out for a while that fails real calls.
type Eject struct {
	Fails int            `json:"fails,omitempty"` // in a row: connection failures, timeouts and 5xx; 0: never
	For   realm.Duration `json:"for,omitempty"`   // longer each time, up to ten times this; 0 means 30s
	Most  int            `json:"most,omitempty"`  // percent of the targets that may be out at once; 0 means 50
}

// Retry sends a call again, to another target if there is one. Only what is safe is tried again: a call whose connection
// could not be made, or one with an idempotent method (RFC 9110 section 9.2.2) whose body has not been touched or is kept.
type Retry struct {
	Attempts int   `json:"attempts,omitempty"` // besides the first; 0: none
	On       []int `json:"on,omitempty"`       // statuses that are tried again too
	Budget   int   `json:"budget,omitempty"`   // retries as percent of calls, over the last ten seconds; 0 means 20. Ten are always free
	Any      bool  `json:"any,omitempty"`      // digiRunner: any status from 400 on
}

// Timeouts bound the phases of a call. 0 means the default in the comment.
type Timeouts struct {
	Connect realm.Duration `json:"connect,omitempty"` // until there is a connection; 5s
	Answer  realm.Duration `json:"answer,omitempty"`  // from the end of the request to the head of the answer; 1m
	Idle    realm.Duration `json:"idle,omitempty"`    // between two pieces of a body, in either direction; 5m
}

// Mirror sends copies of calls elsewhere and forgets the answers.
type Mirror struct {
	URL     string `json:"url,omitempty"`
	Percent int    `json:"percent,omitempty"` // of the calls; 0 means 100
}

// A Diversion is targets for callers from some addresses.
type Diversion struct {
	From    []string `json:"from"` // addresses and prefixes; "0.0.0.0/0" and "::/0" for the rest
	Targets []Target `json:"targets"`
}
