package cache

import "sallyport/realm"

// Settings are what an API says about its cache.
type Settings struct {
	// Mode is how long an answer is good for. "standard", the default, goes by what the upstream says (RFC 9111). "fixed" is
	// digiRunner's: every answer of status 200 to 399 is good for some minutes, whatever the upstream and the caller say,
	// and the old copy is given when a new one cannot be had.
	Mode string `json:"mode,omitempty"`
	// Minutes is how long an answer is good for with mode fixed, 1 if not given.
	Minutes int `json:"minutes,omitempty"`
	// Methods are those whose answers are kept with mode fixed: GET and HEAD if none are named. A method that changes
	// something must not be among them, because the second call would not reach the upstream. The body is part of what an
	// answer is found by.
	Methods []string `json:"methods,omitempty"`
	// Anything keeps, with mode fixed, also what the upstream marks as no-store or private. It is given to the same caller
	// alone. Not together with shared.
	Anything bool `json:"anything,omitempty"`
	// Shared lets callers have each other's answers, those of which the upstream says that they are for all ("public" or
	// "s-maxage"). Otherwise each caller gets its own: the same client, user and scopes.
	Shared bool `json:"shared,omitempty"`
	// Vary names fields of the request by which answers differ although the upstream does not say so in its own Vary.
	Vary []string `json:"vary,omitempty"`
	// Largest is the size in bytes of the largest body that is kept, 1048576 if not given; never more than a quarter of the
	// server's cache_bytes.
	Largest int64 `json:"largest,omitempty"`
	// StaleIfError is for how long after its time an answer may stand in for an upstream that fails, if the answer itself
	// does not say (RFC 5861 section 4). Not at all if not given.
	StaleIfError realm.Duration `json:"stale_if_error,omitempty"`
	// StaleWhileRevalidate is for how long after its time an answer may be given to others while one call fetches a new one,
	// if the answer itself does not say (RFC 5861 section 3). Not at all if not given.
	StaleWhileRevalidate realm.Duration `json:"stale_while_revalidate,omitempty"`
}
