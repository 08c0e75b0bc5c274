package cors

import "sallyport/realm"

// Settings are the pages that may call, and what they may send and read.
type Settings struct {
	// Origins lists the origins of pages that may read answers: "https://app.example.org", "https://*.example.org" for those
	// one or more labels below, or "*" for all. Required.
	Origins []string `json:"origins"`
	// Methods that pages may use, GET, HEAD, POST, PUT, PATCH and DELETE if none are named.
	Methods []string `json:"methods,omitempty"`
	// Headers that pages may send besides those that are always allowed, Authorization and Content-Type if none are named.
	// "*" allows all.
	Headers []string `json:"headers,omitempty"`
	// Expose lists the fields of answers that pages may read besides those that they always may.
	Expose []string `json:"expose,omitempty"`
	// Credentials lets pages send cookies and client certificates. Not with the origin "*".
	Credentials bool `json:"credentials,omitempty"`
	// MaxAge is for how long browsers need not ask again; what they think right if not given.
	MaxAge realm.Duration `json:"max_age,omitempty"`
	// Refuse refuses calls from pages of other origins with 403, instead of leaving it to the browser to keep the answer
	// from them. Calls that name no origin, which are not from pages, and those from the API's own host are not refused.
	Refuse bool `json:"refuse,omitempty"`
}
