// Package authorize owns the authorization request: what may be asked, what is still missing, and the code that answers.
//
// A request comes by GET or POST, pushed (RFC 9126), or as a signed object (RFC 9101); Reader turns all of them into one
// Request that was held against its client, or into a Refusal that says to whom it may be told (RFC 6749 section 4.1.2.1). From
// then on Next alone decides what comes next:
//
//	               ┌──────────────────────── /authorize ───────────────────────┐
//	request ─────▶ │ Next(request, flow, session, consent, factors, now)       │ ─▶ Finish: code to the client
//	               └──┬─────────┬──────────────┬───────────┬──────────┬────────┘ ─▶ Refuse: error to the client
//	                  ▼         ▼              ▼           ▼          ▼
//	            ChooseAccount  SignIn  SecondFactor  VerifyEmail   Consent          each a page of its own, which writes down
//	                  └─────────┴──────────────┴───────────┴──────────┘             what happened and returns to /authorize
//
// No page knows another. What they write down is in the session (who signed in, when, how), in the consent, or, before there
// is a session, in the Flow. The state is stored; the address a browser shows proves nothing.
package authorize

import (
	"time"

	"sallyport/claims"
	"sallyport/client"
	"sallyport/factor"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/session"
	"sallyport/token"
	"sallyport/user"
)

// A ResponseMode is how the answer reaches the client (OAuth 2.0 Multiple Response Type Encoding Practices section 2.1, OAuth 2.0
// Form Post Response Mode).
type ResponseMode string

// The response modes.
const (
	Query    ResponseMode = "query"
	Fragment ResponseMode = "fragment"
	FormPost ResponseMode = "form_post"
)

// A Request is an authorization request that was held against its client. It is stored as JSON while people are asked.
type Request struct {
	Realm         string          `json:"realm"`
	Client        string          `json:"client"`
	RedirectURI   string          `json:"redirect_uri"`
	RedirectGiven bool            `json:"redirect_given"` // the request named it, so the token request must too (RFC 6749 section 4.1.3)
	Mode          ResponseMode    `json:"mode"`
	State         *string         `json:"state,omitempty"` // nil: none came
	Scope         scope.Set       `json:"scope"`           // what the client may have of what it asked for
	Nonce         string          `json:"nonce,omitempty"`
	Challenge     string          `json:"challenge,omitempty"` // S256 code_challenge; empty: none came
	Prompt        []string        `json:"prompt,omitempty"`
	MaxAge        *int64          `json:"max_age,omitempty"` // seconds; nil: any age will do
	LoginHint     string          `json:"login_hint,omitempty"`
	HintSubject   string          `json:"hint_subject,omitempty"` // `sub` of id_token_hint; empty: no hint came
	ACRValues     []string        `json:"acr_values,omitempty"`
	ACREssential  bool            `json:"acr_essential,omitempty"` // asked for by the claims parameter as essential: one of ACRValues or nothing
	Claims        *claims.Request `json:"claims,omitempty"`
	UILocales     []string        `json:"ui_locales,omitempty"`
	ClaimsLocales []string        `json:"claims_locales,omitempty"`
	Display       string          `json:"display,omitempty"` // page, popup, touch or wap
	At            time.Time       `json:"at"`                // when it came; with prompt=login and its like, what happened before does not count

	// Of a request that came by another product's front door.
	Dialect  string `json:"dialect,omitempty"`  // which alone takes the code back, and whose answers know no iss; empty: the standard one
	Provider string `json:"provider,omitempty"` // as whose users people sign in, in digiRunner's words
}

// A Flow is a request for whose sake somebody is asked something. It is kept as a ticket of kind ticket.Flow whose body is its
// JSON; the secret is in the address, and the browser must have the cookie that Browser is the SHA-256 of.
type Flow struct {
	Request *Request  `json:"request"`
	Browser [32]byte  `json:"browser"`
	At      time.Time `json:"at"`

	// What is known of a sign-in that is not complete, before there is a session for it or while the session is to be
	// lifted: then /authorize has copied it from there.
	User     string    `json:"user,omitempty"`    // who has proved the first factor; taken back once the session says it all
	AMR      []string  `json:"amr,omitempty"`     // by what
	Proved   time.Time `json:"proved,omitzero"`   // when the last factor was proved
	ACR      string    `json:"acr,omitempty"`     // what that is worth
	Lifts    string    `json:"lifts,omitempty"`   // public name of the session that it was copied from, without which it counts for nothing
	Password [32]byte  `json:"password,omitzero"` // of User when it was proved (PasswordOf); with another one it counts for nothing
	Another  bool      `json:"another,omitempty"` // the user wants to sign in as somebody else than the session's; the sign-in takes it back
	Denied   bool      `json:"denied,omitempty"`  // the user said no, or gave up
	Asked    string    `json:"asked,omitempty"`   // public name of the session whose user was sent to the consent page: nobody else's answer counts
	Agreed   bool      `json:"agreed,omitempty"`  // that user agreed for this request (prompt=consent)
	Tries    int       `json:"tries,omitempty"`   // wrong codes of a second factor
	Offered  bool      `json:"offered,omitempty"` // setting up a second factor was offered and declined
}

// A Step is what comes next.
type Step string

// The steps.
const (
	Finish        Step = "finish"
	Refuse        Step = "refuse"
	ChooseAccount Step = "choose_account"
	SignIn        Step = "sign_in"
	SecondFactor  Step = "second_factor"
	EnrolFactor   Step = "enrol_factor" // a second factor is needed and the user has none
	VerifyEmail   Step = "verify_email"
	Consent       Step = "consent"
)

// Facts are what Next decides from. All of it was read just now.
type Facts struct {
	Realm    *realm.Realm
	Client   *client.Client
	Flow     *Flow            // Request is never nil; the rest is zero when nobody was asked anything yet
	Session  *session.Session // the browser's current one; nil: nobody is signed in
	Sessions int              // how many accounts are signed in in this browser
	User     *user.User       // of the session, or of the unfinished sign-in; nil: unknown
	Agreed   bool             // a stored consent covers all of what is asked, or none is needed
	Factors  factor.Summary   // of User
	Hinted   bool             // the session's user is the one whom id_token_hint names
	Now      time.Time
}

// A Decision is what comes next, and why.
type Decision struct {
	Step   Step
	Reason oauth.Reason // with Refuse
	ACR    string       // with SignIn, SecondFactor and EnrolFactor: what has to be reached
}

// A Grant is what a user has let a client have: the content of an authorization code.
type Grant struct {
	Realm         string        `json:"realm"`
	Client        string        `json:"client"`
	User          string        `json:"user"`
	RedirectURI   string        `json:"redirect_uri"`
	RedirectGiven bool          `json:"redirect_given"`
	Challenge     string        `json:"challenge,omitempty"`
	Scope         scope.Set     `json:"scope"`
	Family        token.ID      `json:"family"` // what the code will give is called by it, so that a replay can end it
	SignIn        *token.SignIn `json:"sign_in"`
	Dialect       string        `json:"dialect,omitempty"` // the front door that takes the code back, by its own rules; empty: the standard one
	// ExpiresAt is when a code of another front door is over; Make sets it. It is kept a while longer, because those products
	// tell a code that is over from one that never was. Zero: a code that is over is no code.
	ExpiresAt time.Time `json:"expires_at,omitzero"`
}

// A Refusal of an authorization request. With To nil it must not leave this server: the client or its redirect URI is in doubt, and
// the user is told on a page.
type Refusal struct {
	*oauth.Error
	To *Request // Client, RedirectURI, Mode and State are set; nil: tell the user alone
}
