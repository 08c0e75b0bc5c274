package quota

// Settings are what an API says about how much it may be called.
type Settings struct {
	// Calls is how many calls there may be in a period, on all nodes together. If it is not given, each client's own quota
	// counts, with its period and zone, for all APIs of the realm together that leave it to the client; there is no limit
	// for clients without one.
	Calls int64 `json:"calls,omitempty"`
	// Per is the period: hour, day (the default), week (from Monday), month, or ever.
	Per string `json:"per,omitempty"`
	// Zone is the time zone in which days, weeks and months begin, such as Europe/Berlin: UTC if it is not given.
	Zone string `json:"zone,omitempty"`
	// By says whose calls count together: client (the default), user, key (one token or API key), address, api (all calls),
	// or an expression such as "expression: call.header['x-tenant']".
	By string `json:"by,omitempty"`
	// Shared makes one quota for all APIs of the realm that give the same word here. They should give the same number.
	// Otherwise each API that gives a number has a quota of its own.
	Shared string `json:"shared,omitempty"`
	// Name is what callers see the quota by, in the RateLimit fields: "quota" if it is not given. It is part of what the
	// count is stored under, so another name begins another count. Several quotas of one API need different names.
	Name string `json:"name,omitempty"`
	// TokenUses counts the calls of each access token as well, against the number of uses that its client's tokens have.
	TokenUses bool `json:"token_uses,omitempty"`
	// WhenAway says what happens to a call that cannot be counted because the database is away: refuse (the default), or
	// open, which lets it pass uncounted.
	WhenAway string `json:"when_away,omitempty"`
	// Fields tells callers what they have left, in the fields RateLimit and RateLimit-Policy: true if it is not given.
	Fields *bool `json:"fields,omitempty"`
}
