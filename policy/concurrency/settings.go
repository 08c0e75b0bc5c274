package concurrency

// Settings are what an API says about how many calls it takes at the same time.
type Settings struct {
	// Most is how many calls may be on their way at the same time on one node. It has to be given. A call is on its way
	// until the last byte of its answer has been sent.
	Most int `json:"most"`
	// By says whose calls count together: api (the default: all calls), client, user, key (one token or API key), address,
	// or an expression such as "expression: call.header['x-tenant']". By address it comes before the caller is known.
	By string `json:"by,omitempty"`
	// Name is what callers see the limit by: "concurrency" if it is not given.
	Name string `json:"name,omitempty"`
}
