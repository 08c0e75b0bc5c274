package priority

import "sallyport/realm"

// Settings are what an API says about calls that come faster than they can be served. All calls on a node that meet this
// policy are counted together, whatever their API, so all APIs should give the same numbers.
type Settings struct {
	// Under is how many calls may be on their way at the same time before others wait. It has to be given. Those who wait
	// go on in the order of their client's priority, 1 first and 9 last, and in the order they came in where it is the same.
	// A client without a priority, and who calls without one, has 5.
	Under int `json:"under"`
	// Wait is how long a call may wait before it is refused: 2s if it is not given, at most 1m.
	Wait realm.Duration `json:"wait,omitempty"`
	// Queue is how many calls may wait: 1000 if it is not given. When it is full, a call takes the place of the last one with
	// a lower priority; if there is none it is refused.
	Queue int `json:"queue,omitempty"`
}
