package deployment

import (
	"sallyport/deployment/strictyaml"
	"sallyport/realm"
)

// An API is what the gateway serves under a path. It has upstream, targets or divert. Among APIs that a call could be for,
// the most particular serves it: one of the host name before one of any, a segment that is spelled out before a parameter,
// the longer path before the shorter, and more header conditions before fewer.
type API struct {
	strictyaml.Place

	Name     string              `yaml:"name"`     // unique in the realm
	Host     string              `yaml:"host"`     // serves only this host name, or with `*.` in front any one label below it; default: any
	Path     string              `yaml:"path"`     // prefix that it serves, whole segments; a segment `{name}` stands for any one. What the server itself serves, such as /token, comes first, unless APIs have a listener of their own
	Exact    bool                `yaml:"exact"`    // `true`: nothing below the path is served; default false
	Headers  []Condition         `yaml:"headers"`  // it is for calls with all of these header fields only
	Allow    []string            `yaml:"allow"`    // methods that are served; GET stands for HEAD too; default: any
	Strip    bool                `yaml:"strip"`    // `true`: the path is taken off before the call goes upstream; default false
	Module   string              `yaml:"module"`   // digiRunner's module name; default: the first segment of the path
	Auth     []Named             `yaml:"auth"`     // ways in, of which any will do: `bearer`, `none` and others; default bearer
	Scopes   []string            `yaml:"scopes"`   // scopes of which any opens it; default: any valid credential does
	Methods  map[string][]string `yaml:"methods"`  // other scopes for some methods: `{GET: [read]}`; a method that is not named takes scopes
	Routes   []Route             `yaml:"routes"`   // parts of it with rules of their own
	Strict   bool                `yaml:"strict"`   // `true`: nothing but the routes is served; default false
	Policies []Named             `yaml:"policies"` // what else a call meets on its way
	Errors   string              `yaml:"errors"`   // dialect that its refusals are written in; default: RFC 6750 with problem+json
	Disabled bool                `yaml:"disabled"` // `true`: registered, not served; default false

	Upstream     string      `yaml:"upstream"`      // http or https URL that calls go to; `{name}` in its path is a parameter of path
	Targets      []Target    `yaml:"targets"`       // several URLs, among which calls are spread
	Divert       []Diversion `yaml:"divert"`        // targets by the caller's address: the first entry that it is from counts
	Balance      Balance     `yaml:"balance"`       // how calls are spread
	Health       Health      `yaml:"health"`        // a request that tells whether a target is there
	Eject        Eject       `yaml:"eject"`         // when a target that fails calls is left alone for a while
	Retry        Retry       `yaml:"retry"`         // when a call is sent again; only what is safe is
	Timeouts     Timeouts    `yaml:"timeouts"`      // how long calls may take
	Mirror       Mirror      `yaml:"mirror"`        // where copies of calls go, whose answers are forgotten
	Engine       string      `yaml:"engine"`        // `standard`: Go's own HTTP client carries the calls; default: the fast one where it can
	HTTP2        bool        `yaml:"http2"`         // `true`: HTTP/2 without TLS to http URLs, as gRPC wants it; default false
	UpstreamHost string      `yaml:"upstream_host"` // Host field that the upstream gets, `caller` for the caller's own; default: that of the URL
}

// A Condition is a header field that a call must have.
type Condition struct {
	Name  string `yaml:"name"`  // of the field
	Value string `yaml:"value"` // exactly this; default: any
}

// A Route is a part of an API with rules of its own. The most particular one counts, as among APIs.
type Route struct {
	strictyaml.Place

	Path    string      `yaml:"path"`         // below the path of the API, which is `/` here; a segment `{name}` stands for any one
	Exact   bool        `yaml:"exact"`        // `true`: nothing below the path; default false
	Allow   []string    `yaml:"allow"`        // methods that it is for; GET stands for HEAD too; default: any
	Headers []Condition `yaml:"headers"`      // it is for calls with all of these header fields only
	Auth    []Named     `yaml:"auth"`         // instead of the API's ways in
	Scopes  []string    `yaml:"scopes,empty"` // instead of the API's scopes; `[]`: any valid credential opens it
}

// A Target is one of several URLs.
type Target struct {
	strictyaml.Place

	URL    string `yaml:"url"`    // http or https URL; `{name}` in its path is a parameter of the API's path
	Weight int    `yaml:"weight"` // its share of the calls among the others; `-1`: it is kept and gets none; default 1
}

// A Diversion is targets for callers from some addresses. An API with diversions serves nobody else.
type Diversion struct {
	strictyaml.Place

	From    []string `yaml:"from"`    // addresses and prefixes; `0.0.0.0/0` and `::/0` for the rest
	Targets []Target `yaml:"targets"` // where their calls go
}

// Balance says how calls are spread.
type Balance struct {
	By  string `yaml:"by"`  // `random` by weight, `round_robin`, `least_connections`, `two_choices` or `hash`; default random
	Key string `yaml:"key"` // with hash, what goes to the same target: `client`, `user`, `address`, `path`, `header:NAME` or `cookie:NAME`; default address
}

// Health is a request that tells whether a target is there.
type Health struct {
	strictyaml.Place

	Path    string         `yaml:"path"`    // what is asked for, such as `/healthz`
	Every   realm.Duration `yaml:"every"`   // how often; default 10s
	Timeout realm.Duration `yaml:"timeout"` // for the answer; default 2s
	Status  int            `yaml:"status"`  // that is expected; default: any from 200 to 399
	Fails   int            `yaml:"fails"`   // in a row until it is taken out; default 3
	Passes  int            `yaml:"passes"`  // in a row until it is back; default 2
}

// Eject says when a target that fails real calls is left alone for a while.
type Eject struct {
	strictyaml.Place

	Fails int            `yaml:"fails"` // in a row: no connection, no answer in time, or a status from 500 on
	For   realm.Duration `yaml:"for"`   // longer each time, up to ten times this; default 30s
	Most  int            `yaml:"most"`  // percent of the targets that may be out at once; default 50
}

// Retry says when a call is sent again, to another target if there is one. Only what is safe is: a call whose connection
// could not be made, or one with an idempotent method (RFC 9110 section 9.2.2).
type Retry struct {
	strictyaml.Place

	Attempts int   `yaml:"attempts"` // besides the first
	On       []int `yaml:"on"`       // statuses after which it is sent again too
	Budget   int   `yaml:"budget"`   // retries as percent of calls, over the last ten seconds; ten are always free; default 20
	Any      bool  `yaml:"any"`      // `true`: after any status from 400 on, as digiRunner does; default false
}

// Timeouts bound the phases of a call.
type Timeouts struct {
	strictyaml.Place

	Connect realm.Duration `yaml:"connect"` // until there is a connection; default 5s
	Answer  realm.Duration `yaml:"answer"`  // from the end of the request to the head of the answer; default 1m
	Idle    realm.Duration `yaml:"idle"`    // between two pieces of a body, in either direction; default 5m
}

// Mirror says where copies of calls go.
type Mirror struct {
	strictyaml.Place

	URL     string `yaml:"url"`     // http or https URL
	Percent int    `yaml:"percent"` // of the calls; default 100
}
