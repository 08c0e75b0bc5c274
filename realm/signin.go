package realm

import "time"

// SignIn says how people sign in to a realm and for how long that lasts. Zero fields have the defaults in the comments.
type SignIn struct {
	Methods []string `json:"methods,omitempty" yaml:"methods,omitempty"` // password, passkey; none: both
	ACR     string   `json:"acr,omitempty" yaml:"acr,omitempty"`         // what every sign-in must reach: ACROne, ACRTwo or ACRPhishingResistant; empty: ACROne
	Idle    Duration `json:"idle,omitempty" yaml:"idle,omitempty"`       // a session not used for this long ends; 0: 12 h
	Max     Duration `json:"max,omitempty" yaml:"max,omitempty"`         // a session ends this long after the sign-in; 0: 7 days
	Reset   bool     `json:"reset,omitempty" yaml:"reset,omitempty"`     // a forgotten password can be set anew by a mailed link
	Verify  bool     `json:"verify,omitempty" yaml:"verify,omitempty"`   // an e-mail address is verified by a mailed link before the sign-in goes on
}

// The ways in which people prove who they are at first.
const (
	ByPassword = "password"
	ByPasskey  = "passkey"
)

// The authentication context classes, in rising order (`acr`, OpenID Connect Core section 2).
const (
	ACROne               = "1"   // one factor
	ACRTwo               = "2"   // two factors
	ACRPhishingResistant = "phr" // a passkey with user verification; the name is that of OpenID Connect Extended Authentication Profile ACR Values 1.0
)

// ACRs are the classes in rising order.
func ACRs() []string { return []string{ACROne, ACRTwo, ACRPhishingResistant} }

// Defaults of SignIn.
const (
	DefaultIdle    = Duration(12 * time.Hour)
	DefaultSession = Duration(7 * 24 * time.Hour)
)

// Allows reports whether people may begin their sign-in by a method.
func (s SignIn) Allows(method string) bool {
	if len(s.Methods) == 0 {
		return method == ByPassword || method == ByPasskey
	}
	for _, m := range s.Methods {
		if m == method {
			return true
		}
	}
	return false
}

// Registration says who may register clients, and what such clients may be (RFC 7591).
type Registration struct {
	Mode          string   `json:"mode,omitempty" yaml:"mode,omitempty"`                     // RegisterOff, RegisterByToken or RegisterOpen; empty: off
	Grants        []string `json:"grants,omitempty" yaml:"grants,omitempty"`                 // grant types they may ask for; none: authorization_code and refresh_token
	Scopes        []string `json:"scopes,omitempty" yaml:"scopes,omitempty"`                 // scopes they may ask for; none: openid, profile, email, address, phone, offline_access
	RedirectHosts []string `json:"redirect_hosts,omitempty" yaml:"redirect_hosts,omitempty"` // hosts of their redirect URIs, `*.example.org` for any below; none: any
	Max           int      `json:"max,omitempty" yaml:"max,omitempty"`                       // how many there may be; 0: 1000
}

// The modes of registration.
const (
	RegisterOff     = "off"
	RegisterByToken = "token" // by an initial access token (RFC 7591 section 3)
	RegisterOpen    = "open"
)

// Brand says how a realm's pages look.
type Brand struct {
	Name    string `json:"name,omitempty" yaml:"name,omitempty"`       // who asks people to sign in; empty: the realm's name
	Logo    string `json:"logo,omitempty" yaml:"logo,omitempty"`       // a data: URL of a PNG or SVG picture, at most 32 KiB
	Accent  string `json:"accent,omitempty" yaml:"accent,omitempty"`   // colour of the one thing to do: #rrggbb
	Support string `json:"support,omitempty" yaml:"support,omitempty"` // where people get help: https: or mailto:
	Policy  string `json:"policy,omitempty" yaml:"policy,omitempty"`   // URL of the privacy policy
	Terms   string `json:"terms,omitempty" yaml:"terms,omitempty"`     // URL of the terms of service
}
