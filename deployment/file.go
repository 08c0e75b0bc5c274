package deployment

import (
	_ "embed"
	"encoding/json"

	"sallyport/client"
	"sallyport/deployment/strictyaml"
	"sallyport/realm"
)

// These describe the declarative form. The reference page is made from their comments.
var (
	//go:embed file.go
	sourceFile string
	//go:embed file_api.go
	sourceAPI string
)

// Sources are the texts of the files that describe the declarative form.
func Sources() []string { return []string{sourceFile, sourceAPI} }

// A File is one document: a realm, and what is in it. Several realms stand in one file as documents separated by lines
// of `---`.
//
// What a file says of a user, a scope, a client or an API is all there is to it: a field left out has its default. These
// stay as they are when they are left out: credentials, a user's or client's status, whether an e-mail address was verified,
// by what a client that registered itself may change that, and the realm's own settings.
// What a file does not name is left alone, unless `--prune` is given.
type File struct {
	strictyaml.Place

	Realm        string       `yaml:"realm"`         // name of the realm: lower-case letters, digits, `-` and `_`; `default` is also served at the root
	Issuer       string       `yaml:"issuer"`        // `iss` of its tokens, an absolute URL (RFC 8414 section 2); default: made from the server's public URL
	Hosts        []string     `yaml:"hosts"`         // host names that this realm answers on
	Dialects     []Named      `yaml:"dialects"`      // other products' front doors that this realm opens: a name, or a name with its settings (`- digirunner: {wrong_password_status: 400}`)
	AccessToken  AccessToken  `yaml:"access_token"`  // defaults for the access tokens of every client
	RefreshToken RefreshToken `yaml:"refresh_token"` // defaults for the refresh tokens of every client
	AllScope     string       `yaml:"all_scope"`     // the scope that covers every other; only trusted clients may hold it
	Keys         Keys         `yaml:"keys"`          // when signing keys change

	SignIn       SignIn       `yaml:"sign_in"`      // how people sign in
	Registration Registration `yaml:"registration"` // who may register clients (RFC 7591)
	Brand        Brand        `yaml:"brand"`        // how the pages look
	RequirePKCE  bool         `yaml:"require_pkce"` // `true`: of every client in the code grant, not of public ones alone (RFC 7636); default false
	RequirePAR   bool         `yaml:"require_par"`  // `true`: every authorization request is pushed (RFC 9126); default false
	IDTokenAlg   string       `yaml:"id_token_alg"` // signature of ID tokens for clients that name none: `RS256`, `PS256`, `ES256` or `EdDSA`; default RS256

	TrustedIssuers []TrustedIssuer `yaml:"trusted_issuers"` // other authorization servers whose access tokens the gateway takes

	Scopes  []Scope  `yaml:"scopes"`  // rights that the realm knows by name
	Users   []User   `yaml:"users"`   // people who sign in
	Clients []Client `yaml:"clients"` // OAuth clients
	APIs    []API    `yaml:"apis"`    // what the gateway serves
}

// A Named is a name, with settings that only the named thing understands.
type Named struct {
	Name     string
	Settings json.RawMessage
}

// AccessToken says what access tokens look like and how long they live. What is left out is inherited: client, realm,
// front door, product.
type AccessToken struct {
	Format realm.Format   `yaml:"format"` // `jwt` (RFC 9068), `opaque` (sealed, nothing stored) or `reference` (random, stored hashed); default jwt
	TTL    realm.Duration `yaml:"ttl"`    // lifetime, such as 30s, 15m, 24h or 90d; default 1h
	Alg    string         `yaml:"alg"`    // signature of a jwt: `RS256`, `PS256`, `ES256` or `EdDSA`; default ES256
}

// RefreshToken says how refresh tokens behave. What is left out is inherited likewise.
type RefreshToken struct {
	TTL    realm.Duration  `yaml:"ttl"`    // life of the grant, counted from sign-in; rotation does not extend it; default 30d
	Idle   realm.Duration  `yaml:"idle"`   // a grant that is not refreshed for this long ends; default: no such limit
	Rotate *bool           `yaml:"rotate"` // `true`: every use gives a new refresh token, and a replay of an old one ends the grant; default true
	Grace  *realm.Duration `yaml:"grace"`  // a retry with the same refresh token within this time gets the same successor; default 30s
	Uses   int             `yaml:"uses"`   // how often one grant may be refreshed; default: without limit
}

// Keys says when signing keys change.
type Keys struct {
	Every    realm.Duration `yaml:"every"`    // a new signing key this often; default: only by `sallyport key rotate`
	Announce realm.Duration `yaml:"announce"` // a key is published this long before it signs; default 24h
}

// SignIn says how people sign in and how long that lasts.
type SignIn struct {
	Methods []string       `yaml:"methods"` // `password`, `passkey`; default: both
	ACR     string         `yaml:"acr"`     // what every sign-in must reach: `1` one factor, `2` two factors, `phr` a passkey with user verification; default 1
	Idle    realm.Duration `yaml:"idle"`    // a session that is not used for this long ends; default 12h
	Max     realm.Duration `yaml:"max"`     // a session ends this long after the sign-in; default 7d
	Reset   bool           `yaml:"reset"`   // `true`: a forgotten password can be set anew by a mailed link; default false
	Verify  bool           `yaml:"verify"`  // `true`: an e-mail address is verified by a mailed link before the sign-in goes on; default false
}

// Registration says who may register clients over HTTP (RFC 7591), and what such clients may be.
type Registration struct {
	Mode          string   `yaml:"mode"`           // `off`, `token` (by an initial access token, see `sallyport realm registration-token`) or `open`; default off
	Grants        []string `yaml:"grants"`         // grant types they may ask for; default authorization_code and refresh_token
	Scopes        []string `yaml:"scopes"`         // scopes they may ask for; default openid, profile, email, address, phone, offline_access
	RedirectHosts []string `yaml:"redirect_hosts"` // hosts of their redirect URIs, `*.example.org` for any below; default: any
	Max           int      `yaml:"max"`            // how many there may be; default 1000
}

// Brand says how the pages look that people see.
type Brand struct {
	Name    string `yaml:"name"`    // who asks people to sign in; default: the realm's name
	Logo    string `yaml:"logo"`    // a data: URL of a PNG or SVG picture, at most 32 KiB
	Accent  string `yaml:"accent"`  // colour of the one thing to do: `#rrggbb`
	Support string `yaml:"support"` // where people get help: an https: or mailto: URL
	Policy  string `yaml:"policy"`  // URL of the privacy policy
	Terms   string `yaml:"terms"`   // URL of the terms of service
}

// A TrustedIssuer is another authorization server whose access tokens the way in `bearer` takes: JWTs in the manner of RFC
// 9068. Such a token acts as a client of the realm and has none but that client's scopes. It is good until it expires:
// nobody tells this server when it is revoked.
type TrustedIssuer struct {
	Issuer   string   `yaml:"issuer"`   // `iss` of its tokens, exactly
	JWKSURI  string   `yaml:"jwks_uri"` // where its keys are; default: as its metadata say
	Audience []string `yaml:"audience"` // any of these must be in `aud`
	Algs     []string `yaml:"algs"`     // signatures that it makes: `RS256` to `RS512`, `PS256` to `PS512`, `ES256` to `ES512`, `EdDSA`; default RS256, PS256, ES256 and EdDSA
	Client   string   `yaml:"client"`   // client that its tokens act as, or `claim:NAME` for the one that a claim names
	Scopes   string   `yaml:"scopes"`   // claim that holds the scopes; default `scope`
	User     string   `yaml:"user"`     // claim that names the user, who is told to the upstream as one of this realm; default: nobody is named
}

// A Scope is a right that the realm knows by name.
type Scope struct {
	strictyaml.Place

	Name        string `yaml:"name"`        // as it stands in tokens (RFC 6749 section 3.3)
	Description string `yaml:"description"` // what the right opens, in words
}

// A User is somebody who signs in with a name and a password. At most one of the four password fields may be given.
type User struct {
	strictyaml.Place

	Name         string   `yaml:"name"`          // what the user signs in with
	Password     string   `yaml:"password"`      // the password itself
	PasswordEnv  string   `yaml:"password_env"`  // name of the environment variable that holds it
	PasswordFile string   `yaml:"password_file"` // file that holds it, relative to this one; a final newline is not part of it
	PasswordHash string   `yaml:"password_hash"` // its hash: argon2id, bcrypt, PBKDF2 or scrypt
	Status       Status   `yaml:"status"`        // `on`, `off` or `locked`; default on
	Alias        string   `yaml:"alias"`         // the name shown to people
	Email        string   `yaml:"email"`         // e-mail address
	Org          string   `yaml:"org"`           // organisation id
	Roles        []string `yaml:"roles"`         // role ids

	EmailVerified *bool   `yaml:"email_verified"` // the address was seen to be the user's; left out: it stays as it is for as long as the address does
	Profile       Profile `yaml:"profile"`        // what clients may be told by the scopes profile, address and phone
	Attributes    Object  `yaml:"attributes"`     // whatever else claims are made from, by name
}

// A Profile holds what a user is called and more (OpenID Connect Core section 5.1). The claim name is the user's alias.
type Profile struct {
	GivenName         string  `yaml:"given_name"`            // first name
	FamilyName        string  `yaml:"family_name"`           // last name
	MiddleName        string  `yaml:"middle_name"`           // name between the two
	Nickname          string  `yaml:"nickname"`              // what friends say
	PreferredUsername string  `yaml:"preferred_username"`    // short name to be shown; default: the user's name
	Page              string  `yaml:"profile"`               // URL of the profile page
	Picture           string  `yaml:"picture"`               // URL of a picture
	Website           string  `yaml:"website"`               // URL of the web site
	Gender            string  `yaml:"gender"`                // such as `female` or `male`
	Birthdate         string  `yaml:"birthdate"`             // `1990-12-31`, `0000-12-31` without the year, or the year alone
	Zoneinfo          string  `yaml:"zoneinfo"`              // time zone, such as `Europe/Berlin`
	Locale            string  `yaml:"locale"`                // language, such as `en-GB`
	Phone             string  `yaml:"phone_number"`          // such as `+49 30 1234567`
	PhoneVerified     bool    `yaml:"phone_number_verified"` // `true`: the number was seen to be the user's; default false
	Address           Address `yaml:"address"`               // postal address
}

// Address is a postal address (OpenID Connect Core section 5.1.1).
type Address struct {
	Formatted  string `yaml:"formatted"`      // the whole of it, as it is printed; it may have several lines
	Street     string `yaml:"street_address"` // street and number
	Locality   string `yaml:"locality"`       // city
	Region     string `yaml:"region"`         // state, province or region
	PostalCode string `yaml:"postal_code"`    // ZIP or postal code
	Country    string `yaml:"country"`        // country
}

// A Client is an OAuth client (RFC 6749 section 2). At most one of secret, secret_env, secret_file, secret_hash,
// generated and secrets may be given.
type Client struct {
	strictyaml.Place

	ID           string       `yaml:"id"`            // client_id
	Name         string       `yaml:"name"`          // the name shown to people
	Description  string       `yaml:"description"`   // what it is for
	URL          string       `yaml:"url"`           // where people find it
	Secret       string       `yaml:"secret"`        // the secret itself
	SecretEnv    string       `yaml:"secret_env"`    // name of the environment variable that holds it
	SecretFile   string       `yaml:"secret_file"`   // file that holds it, relative to this one; a final newline is not part of it
	SecretHash   string       `yaml:"secret_hash"`   // its hash: sha256, argon2id, bcrypt, PBKDF2 or scrypt
	Generated    bool         `yaml:"generated"`     // `true`: a secret is made when there is none, and shown once
	Secrets      []Secret     `yaml:"secrets"`       // several secrets that are good at the same time
	Type         string       `yaml:"type"`          // `confidential` or `public`; default confidential
	Status       Status       `yaml:"status"`        // `on`, `off` or `locked`; default on
	Trusted      bool         `yaml:"trusted"`       // may act for users on its own word (Kustvakt's super client); default false
	Grants       []string     `yaml:"grants"`        // grant types that it may use
	Scopes       []string     `yaml:"scopes"`        // scopes that it may have
	Audience     []string     `yaml:"audience"`      // `aud` of its tokens; default: the realm's issuer
	Authorities  []string     `yaml:"authorities"`   // digiRunner's authorities of the client itself
	RedirectURIs []string     `yaml:"redirect_uris"` // where sign-in pages may send people back to, compared exactly
	AccessToken  AccessToken  `yaml:"access_token"`  // instead of the realm's
	RefreshToken RefreshToken `yaml:"refresh_token"` // instead of the realm's
	NotBefore    Moment       `yaml:"not_before"`    // it may act from then on: 2026-01-31, or 2026-01-31T08:00:00Z
	NotAfter     Moment       `yaml:"not_after"`     // from then on it may not

	AuthMethod string     `yaml:"auth_method"` // the only way it may authenticate: `client_secret_basic`, `client_secret_post`, `client_secret_jwt`, `private_key_jwt` or `none`; default: Basic or the body, nothing for a public client
	AuthAlg    string     `yaml:"auth_alg"`    // the only algorithm of its assertions; default: any that fits the method
	JWKS       JSON       `yaml:"jwks"`        // its public keys (RFC 7517 section 5), as YAML or as JSON
	JWKSURI    string     `yaml:"jwks_uri"`    // where its public keys are; never beside jwks
	OpenID     OpenID     `yaml:"openid"`      // what it says of itself to an OpenID Provider
	Registered Registered `yaml:"registered"`  // it registered itself (RFC 7591), as export writes it; left out: it stays as it is

	Addresses    []client.Network `yaml:"addresses"`    // it calls from these addresses and prefixes alone; default: from anywhere
	Hours        client.Hours     `yaml:"hours"`        // it calls at these hours alone: `08:00-18:00 Asia/Taipei`; without a zone they are UTC; default: at any time
	Rate         int              `yaml:"rate"`         // calls per second to all APIs together whose rate limit leaves it to the client (`- ratelimit`); default: no limit
	Quota        Quota            `yaml:"quota"`        // calls in a period to all APIs together whose quota leaves it to the client (`- quota`); default: no limit
	TokenUses    int64            `yaml:"token_uses"`   // calls that one access token is good for (digiRunner); default: no limit
	Priority     int              `yaml:"priority"`     // under pressure 1 is served first and 9 last; default 5
	Certificates []string         `yaml:"certificates"` // SHA-256 of client certificates that it may come with, in hex, or their subjects (RFC 4514)

	APIKeys       []APIKey       `yaml:"api_keys"`       // what it sends in x-api-key; left out: they stay as they are
	SignatureKeys []SignatureKey `yaml:"signature_keys"` // what it signs calls with; left out: they stay as they are
}

// OpenID is what a client says of itself to an OpenID Provider (OpenID Connect Dynamic Client Registration 1.0 section 2, and the
// logout specifications).
type OpenID struct {
	ApplicationType string   `yaml:"application_type"` // `web` or `native`; default web
	Contacts        []string `yaml:"contacts"`         // e-mail addresses of those who are responsible
	LogoURI         string   `yaml:"logo_uri"`         // its logo, shown to people who are asked whether they agree
	PolicyURI       string   `yaml:"policy_uri"`       // its privacy policy, likewise
	TosURI          string   `yaml:"tos_uri"`          // its terms of service, likewise

	SubjectType         string `yaml:"subject_type"`          // `public`, or `pairwise`: every sector knows a user by another name; default public
	SectorIdentifierURI string `yaml:"sector_identifier_uri"` // whose host is the sector; default: the host of the redirect URIs

	IDTokenAlg       string            `yaml:"id_token_alg"`           // signature of its ID tokens; default: the realm's
	UserInfoAlg      string            `yaml:"userinfo_alg"`           // UserInfo is a JWT with this signature; default: plain JSON
	RequestObjectAlg string            `yaml:"request_object_alg"`     // the only signature of its request objects (RFC 9101); `none`: they are not signed; default: any signature
	RequestURIs      []string          `yaml:"request_uris"`           // from where its request objects may be fetched
	RequirePAR       bool              `yaml:"require_par"`            // `true`: its requests are pushed (RFC 9126); default false
	RequirePKCE      bool              `yaml:"require_pkce"`           // `true`: its requests have a code challenge, though it is confidential; default false
	RequireSigned    bool              `yaml:"require_signed_request"` // `true`: its requests are signed request objects (RFC 9101); default false
	DefaultMaxAge    *int64            `yaml:"default_max_age"`        // seconds after which people sign in again; default: no such limit
	RequireAuthTime  bool              `yaml:"require_auth_time"`      // `true`: its ID tokens say when the user signed in; they do here anyway
	DefaultACR       []string          `yaml:"default_acr_values"`     // levels of sign-in that it asks for by default
	InitiateLoginURI string            `yaml:"initiate_login_uri"`     // where others may send people to sign in to it
	Claims           map[string]string `yaml:"claims"`                 // claims that a CEL expression makes of user, client and scopes, by name: `{department: user.attributes.department}`
	SkipConsent      bool              `yaml:"skip_consent"`           // `true`: people are not asked whether they agree: it is the operator's own; default false

	PostLogoutRedirectURIs []string `yaml:"post_logout_redirect_uris"`            // where people may be sent after they signed out, compared exactly
	BackchannelLogoutURI   string   `yaml:"backchannel_logout_uri"`               // is told by a POST when a user signed out
	BackchannelSession     bool     `yaml:"backchannel_logout_session_required"`  // `true`: with sid
	FrontchannelLogoutURI  string   `yaml:"frontchannel_logout_uri"`              // is loaded in the user's browser when the user signed out
	FrontchannelSession    bool     `yaml:"frontchannel_logout_session_required"` // `true`: with iss and sid
}

// Registered says that a client registered itself.
type Registered struct {
	strictyaml.Place

	At        Moment `yaml:"at"`         // when
	TokenHash string `yaml:"token_hash"` // SHA-256 of its registration access token, in hex
	Metadata  JSON   `yaml:"metadata"`   // what it said that means nothing here and is told back
}

// An APIKey is what a client sends in x-api-key. At most one of key, key_env, key_file, key_hash and generated is given.
type APIKey struct {
	strictyaml.Place

	ID        string   `yaml:"id"`         // public id; default: one is made
	Key       string   `yaml:"key"`        // the key itself
	KeyEnv    string   `yaml:"key_env"`    // name of the environment variable that holds it
	KeyFile   string   `yaml:"key_file"`   // file that holds it, relative to this one
	KeyHash   string   `yaml:"key_hash"`   // its SHA-256, in hex
	Generated bool     `yaml:"generated"`  // `true`: a key is made when the client has none of that name, and shown once
	Name      string   `yaml:"name"`       // what it is for, in words
	Status    Status   `yaml:"status"`     // `on` or `off`; default on
	Scopes    []string `yaml:"scopes"`     // of the client's scopes only these; default: all of them
	APIs      []string `yaml:"apis"`       // it opens these APIs alone, by name; default: any
	Uses      int64    `yaml:"uses"`       // calls that it is good for; default: without limit
	NotBefore Moment   `yaml:"not_before"` // it is good from then on
	NotAfter  Moment   `yaml:"not_after"`  // from then on it is not
	RevokedAt Moment   `yaml:"revoked_at"` // when it was revoked
}

// A SignatureKey is what a client signs calls with, in the manner of digiRunner (DGRK). At most one of secret, secret_env,
// secret_file and secret_sealed is given.
type SignatureKey struct {
	strictyaml.Place

	ID           string   `yaml:"id"`            // what the client sends in front of the point
	Secret       string   `yaml:"secret"`        // the secret itself
	SecretEnv    string   `yaml:"secret_env"`    // name of the environment variable that holds it
	SecretFile   string   `yaml:"secret_file"`   // file that holds it, relative to this one
	SecretSealed string   `yaml:"secret_sealed"` // as export writes it: it opens with the same master key alone
	Name         string   `yaml:"name"`          // what it is for, in words
	Status       Status   `yaml:"status"`        // `on` or `off`; default on
	Scopes       []string `yaml:"scopes"`        // of the client's scopes only these; default: all of them
	APIs         []string `yaml:"apis"`          // it opens these APIs alone, by name; default: any
	Uses         int64    `yaml:"uses"`          // calls that it is good for; default: without limit
	NotBefore    Moment   `yaml:"not_before"`    // it is good from then on
	NotAfter     Moment   `yaml:"not_after"`     // from then on it is not
	RevokedAt    Moment   `yaml:"revoked_at"`    // when it was revoked
}

// A Quota is a number of calls in a period.
type Quota struct {
	Calls int64  `yaml:"calls"` // how many
	Per   string `yaml:"per"`   // `hour`, `day`, `week`, `month` or `ever`; default day
	Zone  string `yaml:"zone"`  // time zone in which days, weeks and months begin, such as `Europe/Berlin`; default UTC
}

// A Secret is one of several secrets of a client. Exactly one of the first four forms is given.
type Secret struct {
	strictyaml.Place

	Secret     string `yaml:"secret"`      // the secret itself
	SecretEnv  string `yaml:"secret_env"`  // name of the environment variable that holds it
	SecretFile string `yaml:"secret_file"` // file that holds it
	SecretHash string `yaml:"secret_hash"` // its hash
	Expires    Moment `yaml:"expires"`     // it is not good from then on; default: good until removed

	ID           string `yaml:"id"`            // of the secret; default: one is made
	SecretSealed string `yaml:"secret_sealed"` // beside secret_hash and id, of clients that authenticate by client_secret_jwt, as export writes it: it opens with the same master key alone

	generated bool // secret was made by a machine: a fast hash is enough
}
