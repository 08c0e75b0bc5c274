package ratelimit

// Settings are what an API says about how fast it may be called.
type Settings struct {
	// Rate is how many calls there may be in a time: 100/s, 600/m or 10000/h. They are spread over the time: after a burst a
	// call comes in as soon as its share of the time has passed. If it is not given, each client's own rate counts, for
	// all APIs of the realm together that leave it to the client; there is no limit for clients without one.
	Rate string `json:"rate,omitempty"`
	// Burst is how many calls may come at once after a rest: the number in rate if it is not given.
	Burst int64 `json:"burst,omitempty"`
	// By says whose calls count together: client (the default), user, key (one token or API key), address, api (all calls),
	// or an expression such as "expression: call.header['x-tenant']". By address it comes before the caller is known, so
	// that a flood costs next to nothing.
	By string `json:"by,omitempty"`
	// Shared makes one limit for all APIs of the realm that give the same word here. They should give the same rate.
	// Otherwise each API that gives a rate has a limit of its own.
	Shared string `json:"shared,omitempty"`
	// Name is what callers see the limit by, in the RateLimit fields; "rate" if it is not given. Several limits of one API need
	// different names.
	Name string `json:"name,omitempty"`
	// Fields tells callers what they have left, in the fields RateLimit and RateLimit-Policy: true if it is not given.
	Fields *bool `json:"fields,omitempty"`
	// Legacy tells them in X-RateLimit-Limit, X-RateLimit-Remaining and X-RateLimit-Reset (seconds) as well.
	Legacy bool `json:"legacy,omitempty"`
}
