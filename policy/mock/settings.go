package mock

import "encoding/json"

// Settings are answers that are given in the upstream's place.
type Settings struct {
	// When is "header" or "always". With header, the default, only calls with the field "dgr-mock-test: true" are answered
	// here (digiRunner's; "dgr_mock_test" will do as well), and all others go to the upstream.
	When string `json:"when,omitempty"`
	// Status of the answer, 200 if not given.
	Status int `json:"status,omitempty"`
	// Headers are the header fields of the answer. Without a Content-Type there, a text is text/plain and anything else
	// application/json.
	Headers map[string]string `json:"headers,omitempty"`
	// Body of the answer: a text, which is sent as it is, or anything else, which is sent as JSON.
	Body json.RawMessage `json:"body,omitempty"`
	// Answers are for some calls only; the first that matches is given. Calls for which there is none get what is said
	// above, if anything is, and go to the upstream otherwise.
	Answers []Answer `json:"answers,omitempty"`
}

// An Answer is for calls with some method and path.
type Answer struct {
	// Method of the calls, any if not given.
	Method string `json:"method,omitempty"`
	// Path of the calls, whole as they come ("/orders/{id}"), any if not given. A segment in braces stands for any one.
	Path string `json:"path,omitempty"`
	// Status, as above.
	Status int `json:"status,omitempty"`
	// Headers, as above.
	Headers map[string]string `json:"headers,omitempty"`
	// Body, as above.
	Body json.RawMessage `json:"body,omitempty"`
}
