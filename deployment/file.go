package deployment

import (
	_ "embed"
	"encoding/json"

	"sallyport/deployment/strictyaml"
	"sallyport/realm"
)

// Source is the text of the file that describes the declarative form. The reference page is made from its comments.
//
//go:embed file.go
var Source string

// A File is one document: a realm, and what is in it. Several realms stand in one file as documents separated by lines
// of `---`.
//
// What a file says of a user, a scope, a client or an API is all there is to it: a field left out has its default. Three
// things stay as they are when they are left out: credentials, a user's or client's status, and the realm's own settings.
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
}

// A Secret is one of several secrets of a client. Exactly one of the four forms is given.
type Secret struct {
	strictyaml.Place

	Secret     string `yaml:"secret"`      // the secret itself
	SecretEnv  string `yaml:"secret_env"`  // name of the environment variable that holds it
	SecretFile string `yaml:"secret_file"` // file that holds it
	SecretHash string `yaml:"secret_hash"` // its hash
	Expires    Moment `yaml:"expires"`     // it is not good from then on; default: good until removed
}

// An API is what the gateway serves under a path.
type API struct {
	strictyaml.Place

	Name     string              `yaml:"name"`     // unique in the realm
	Host     string              `yaml:"host"`     // serves only this host name; default: any
	Path     string              `yaml:"path"`     // prefix that it serves, whole segments
	Strip    bool                `yaml:"strip"`    // `true`: the prefix is taken off before the call goes upstream; default false
	Upstream string              `yaml:"upstream"` // http or https URL that calls go to
	Targets  []Target            `yaml:"targets"`  // another way to write upstream
	Auth     []Named             `yaml:"auth"`     // ways in, of which any will do: `bearer`, `none`; default bearer
	Scopes   []string            `yaml:"scopes"`   // scopes of which any opens it; default: any valid credential does
	Methods  map[string][]string `yaml:"methods"`  // other scopes for some methods: `{GET: [read]}`; a method that is not named takes scopes
	Policies []Named             `yaml:"policies"` // what else a call meets on its way
	Errors   string              `yaml:"errors"`   // dialect that its refusals are written in; default: RFC 6750 with problem+json
	Disabled bool                `yaml:"disabled"` // `true`: registered, not served; default false
}

// A Target is one upstream of an API.
type Target struct {
	strictyaml.Place

	URL    string `yaml:"url"`    // http or https URL
	Weight int    `yaml:"weight"` // its share of the calls; has no effect while one target is all there may be
}
