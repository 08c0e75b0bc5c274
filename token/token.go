// Package token owns tokens: it is the only package that makes them and the only one that says whether one is good.
//
// Four forms of access token leave here, and one Verify takes them all back:
//
//	jwt         RFC 9068, signed by a key of the realm
//	opaque      "sps_" and a sealed payload: client, user, scopes, times, family; nothing is stored
//	reference   56 hex digits: hour of expiry, order, 16 random bytes, 6 bytes of MAC; stored under its SHA-256
//	digiRunner  a JWT with that product's claims in that product's order
//
// A refresh token names its grant family and generation and carries a MAC over both (ShapeStandard), or is a digiRunner
// JWT. The store holds one row per family, however often it is refreshed. The row is deleted when the family ends; a
// token whose MAC is right and whose row is gone was revoked.
//
// Revocations are a bounded set in memory on every node, loaded at start and fed by changes; each lasts until the last
// token it concerns would have expired.
package token

import (
	"context"
	"encoding/base64"
	"math"
	"time"

	"sallyport/client"
	"sallyport/feed"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/user"
)

// An ID names a grant family: 16 random bytes. The zero ID is no family.
type ID [16]byte

// String writes the ID in unpadded base64url.
func (id ID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// A Shape is the wire form a front door wants its tokens in, where it is not for the client to choose.
type Shape string

// The shapes.
const (
	ShapeStandard     Shape = ""            // the client's format; refresh tokens of our own
	ShapeDigiRunner   Shape = "digirunner"  // v1 JWTs, access and refresh
	ShapeDigiRunnerV2 Shape = "digirunner2" // its v2 access JWT, for client credentials
)

// An Authorization says who got what. It is what the gate of package grant hands over once everything is checked.
type Authorization struct {
	Realm  *realm.Realm
	Client *client.Client
	User   *user.User // nil: the client acts for itself
	Grant  string     // grant type, for the record
	Scope  scope.Set
	Shape  Shape

	Access  realm.AccessToken  // defaults of the front door, below those of client and realm
	Refresh realm.RefreshToken // likewise

	WithRefresh bool       // issue a refresh token as well
	Continues   *Presented // the refresh token this goes on from; nil: a new grant
	EndAccess   bool       // access tokens of earlier generations end with this refresh (Kustvakt)
	SignIn      *SignIn    // the user signed in on our own pages for it; nil: no
	Family      ID         // the grant was named before it began (an authorization code does); zero: it is named now
	Issuer      string     // "iss" of ShapeDigiRunnerV2, and of ShapeDigiRunner what "iss" of its ID tokens begins with; empty: the realm's. Standard tokens always carry the realm's
}

// Issued is what the front doors write out.
type Issued struct {
	AccessToken  string
	AccessID     string // jti
	IssuedAt     time.Time
	ExpiresIn    int64     // seconds the access token lives
	StartedAt    time.Time // when the grant was first given; refreshes keep it
	RefreshToken string    // empty: none
	RefreshID    string    // digiRunner: jti of the refresh token
	RefreshIn    int64     // seconds the refresh token still lives
	IDToken      string    // empty: none
	Scope        scope.Set
	Client       *client.Client
	User         *user.User // nil: none
}

// Access is an access token that verified, or, from Inspect, one that once did.
type Access struct {
	Realm      string
	Client     string
	User       string // empty: the client acts for itself
	ID         string // jti
	Family     ID     // zero: none; of a digiRunner token, which has no room for more, a short form of it
	Generation uint32
	Scope      scope.Set
	Audience   []string
	Format     realm.Format
	Shape      Shape
	IssuedAt   time.Time // to the microsecond
	StartedAt  time.Time
	ExpiresAt  time.Time

	SignIn *SignIn // nil: the user did not sign in on our own pages. Of what a token says of it: At, ACR, Session, UserInfo

	Slots feed.Slots // what others remember with a token that verified; not part of what it says
}

// A State is what became of a token.
type State string

// The states.
const (
	Active  State = "active"
	Expired State = "expired"
	Revoked State = "revoked"
)

// A Family is one grant: everything that goes back to one sign-in of one user at one client. One row, one generation
// counter.
type Family struct {
	Realm      string
	ID         ID
	Client     string
	User       string // empty: none (Kustvakt's refreshable client credentials)
	Grant      string
	Shape      Shape
	Scope      scope.Set // everything that was granted; a refresh may ask for less
	Generation uint32    // the refresh token that counts now; its predecessor still does within the grace period
	StartedAt  time.Time
	RotatedAt  time.Time // when Generation was reached: the last use
	ExpiresAt  time.Time
	SignIn     *SignIn // nil: none
}

// A SignIn says how the user of a grant signed in, and what the client asked to be told: what ID tokens, UserInfo and checks
// of how fresh a sign-in is are made of. It must not be modified.
type SignIn struct {
	At       time.Time `json:"at"`                  // `auth_time`
	Methods  []string  `json:"amr,omitempty"`       // `amr`
	ACR      string    `json:"acr,omitempty"`       // `acr`
	Session  string    `json:"sid,omitempty"`       // `sid`: public name of the session
	Bound    bool      `json:"bound,omitempty"`     // the grant ends with the session: the client has no offline_access
	Nonce    string    `json:"nonce,omitempty"`     // of the authorization request
	Locales  []string  `json:"locales,omitempty"`   // claims_locales
	IDToken  []string  `json:"id_token,omitempty"`  // claims that were asked for by name in the ID token
	UserInfo []string  `json:"userinfo,omitempty"`  // likewise, at UserInfo
	AskedACR bool      `json:"asked_acr,omitempty"` // acr was asked for, so it is told
	Provider string    `json:"provider,omitempty"`  // as whose users people sign in, in digiRunner's words (idp_type)
}

// A Presented is a refresh token that is authentic, whatever became of its family.
type Presented struct {
	Family     *Family
	Generation uint32 // as the token says
	AccessID   string // digiRunner: the access token it was issued with (ati)
	ID         string // digiRunner: jti; otherwise the family's ID
	Raw        string

	life   time.Duration // the longest life an access token of the family was given so far
	claims *digiClaims   // digiRunner: what the refresh token says, to be said again
}

// A Reference is an access token that the store holds, under its hash.
type Reference struct {
	Realm      string
	Hash       [32]byte
	ID         string
	Client     string
	User       string
	Family     ID
	Generation uint32
	Scope      scope.Set
	Audience   []string
	IssuedAt   time.Time
	StartedAt  time.Time
	ExpiresAt  time.Time
	SignIn     *SignIn // nil: none
}

// Bucket is the hour in which something expires, counted from 1970. Rows are dropped by whole buckets: expiry never
// looks at a row that lives.
func Bucket(expires time.Time) int64 { return expires.Unix() / 3600 }

// A RevocationKind says what a Revocation is about.
type RevocationKind string

// The kinds. What Bound means depends on the kind.
const (
	RevokeToken      RevocationKind = "t" // Key is a jti; Bound is unused
	RevokeFamily     RevocationKind = "f" // Key is a family; tokens of generations below Bound end
	RevokeClient     RevocationKind = "c" // Key is a client; tokens issued at or before Bound (µs) end
	RevokeUser       RevocationKind = "u" // Key is a user; likewise
	RevokeClientUser RevocationKind = "p" // Key is client, NUL, user; likewise
	RevokeSession    RevocationKind = "s" // Key is the public name of a session; tokens bound to it end
)

// WholeFamily is the Bound that ends every generation.
const WholeFamily = int64(math.MaxUint32) + 1

// A Revocation ends tokens before their time. It is kept until Until, when the last of them has expired anyway.
type Revocation struct {
	Realm string
	Kind  RevocationKind
	Key   string
	Bound int64
	Until time.Time
}

// An Advance is one use of a refresh token, as the store carries it out.
type Advance struct {
	Realm       string
	Family      ID
	ExpiresAt   time.Time // of the family: tells its bucket
	Presented   uint32
	Now         time.Time
	Rotate      bool          // false: the presented token stays good; Generation only counts uses
	Grace       time.Duration // with Rotate
	MaxUses     int           // 0: without limit
	Reference   *Reference    // access token to store with it, or nil
	Revocations []Revocation  // to record with it
	OnReplay    Revocation    // to record instead, with the family's end, if this is a replay
}

// An Outcome is what came of an Advance.
type Outcome string

// The outcomes.
const (
	Advanced  Outcome = "advanced"  // a new generation
	Repeated  Outcome = "repeated"  // the predecessor again, within the grace period: same successor
	Replayed  Outcome = "replayed"  // the family has been ended
	Exhausted Outcome = "exhausted" // no uses left; nothing changed
	Gone      Outcome = "gone"      // there is no such family
)

// A Listed is a live token of a user, as lists show it.
type Listed struct {
	Handle    string // names the token to a revocation call; opens nothing
	Client    string
	Scope     scope.Set
	StartedAt time.Time // when the user signed in
	CreatedAt time.Time
	ExpiresAt time.Time
}

// A Store keeps what tokens need kept. Every method is one transaction; a write is durable when it returns.
type Store interface {
	// CreateGrant stores a new family, a new reference token, or both. Either may be nil.
	CreateGrant(ctx context.Context, f *Family, r *Reference) error
	// Family returns a family by its id and the expiry its token tells, nil if it is gone.
	Family(ctx context.Context, realm string, id ID, expires time.Time) (*Family, error)
	// AdvanceFamily carries out one use of a refresh token. Of any number of racers with the same token exactly one
	// is Advanced; the others are Repeated or Replayed.
	AdvanceFamily(ctx context.Context, a Advance) (Outcome, error)
	// EndFamily deletes a family and records the revocation (if its Key is set). It reports whether the family was there.
	EndFamily(ctx context.Context, realm string, id ID, expires time.Time, r Revocation) (bool, error)
	// Reference returns a stored token by its hash and expiry hour, nil if there is none.
	Reference(ctx context.Context, hash [32]byte, bucket int64) (*Reference, error)
	// Revoke records revocations, and deletes the reference token with the hash (zero hash: none).
	Revoke(ctx context.Context, hash [32]byte, bucket int64, rs ...Revocation) error
	// EndGrants deletes the families and reference tokens of a user (of one client only, unless client is "") and
	// records the revocations.
	EndGrants(ctx context.Context, realm, client, user string, rs ...Revocation) error
	// Revocations returns those not over at the moment now.
	Revocations(ctx context.Context, now time.Time) ([]Revocation, error)
	// References returns the live stored tokens of a user, newest first, of one client only unless client is "".
	References(ctx context.Context, realm, user, client string, now time.Time) ([]*Reference, error)
	// Families returns the live families of a user likewise.
	Families(ctx context.Context, realm, user, client string, now time.Time) ([]*Family, error)
	// DropExpired deletes at most limit rows of buckets that were over at the moment now, and returns how many it deleted.
	DropExpired(ctx context.Context, now time.Time, limit int) (int, error)
}
