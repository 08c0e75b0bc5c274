package client

import (
	"context"
	"encoding/json"
	"time"
)

// OpenID holds what a client says of itself to an OpenID Provider (OpenID Connect Dynamic Client Registration 1.0 section 2,
// RFC 7591 section 2, and the logout specifications). The names are those of the specifications.
type OpenID struct {
	ApplicationType string   `json:"application_type,omitempty"` // web or native; empty: web
	Contacts        []string `json:"contacts,omitempty"`
	LogoURI         string   `json:"logo_uri,omitempty"`
	PolicyURI       string   `json:"policy_uri,omitempty"`
	TosURI          string   `json:"tos_uri,omitempty"`

	SubjectType         string `json:"subject_type,omitempty"`          // public or pairwise; empty: public
	SectorIdentifierURI string `json:"sector_identifier_uri,omitempty"` // whose host is the sector of pairwise subjects

	IDTokenAlg       string            `json:"id_token_alg,omitempty"`           // empty: the realm's
	UserInfoAlg      string            `json:"userinfo_alg,omitempty"`           // UserInfo is a JWT signed by it; empty: JSON
	RequestObjectAlg string            `json:"request_object_alg,omitempty"`     // the only one of its request objects; empty: any that is listed, or none where unsigned ones are taken
	RequestURIs      []string          `json:"request_uris,omitempty"`           // from where its request objects may be fetched, compared without the fragment
	RequirePAR       bool              `json:"require_par,omitempty"`            // RFC 9126 section 6
	RequirePKCE      bool              `json:"require_pkce,omitempty"`           // also of a confidential client
	RequireSigned    bool              `json:"require_signed_request,omitempty"` // RFC 9101 section 10.5
	DefaultMaxAge    *int64            `json:"default_max_age,omitempty"`        // seconds
	RequireAuthTime  bool              `json:"require_auth_time,omitempty"`
	DefaultACR       []string          `json:"default_acr_values,omitempty"`
	InitiateLoginURI string            `json:"initiate_login_uri,omitempty"`
	Claims           map[string]string `json:"claims,omitempty"`       // claims that a CEL expression makes, by name
	SkipConsent      bool              `json:"skip_consent,omitempty"` // of the operator's own: people are not asked

	PostLogoutRedirectURIs []string `json:"post_logout_redirect_uris,omitempty"`
	BackchannelLogoutURI   string   `json:"backchannel_logout_uri,omitempty"`
	BackchannelSession     bool     `json:"backchannel_logout_session_required,omitempty"`
	FrontchannelLogoutURI  string   `json:"frontchannel_logout_uri,omitempty"`
	FrontchannelSession    bool     `json:"frontchannel_logout_session_required,omitempty"`
}

// Registered says that a client registered itself, and by what it may change that (RFC 7592).
type Registered struct {
	At        time.Time       `json:"at"`
	TokenHash []byte          `json:"token_hash"`         // SHA-256 of the registration access token
	Metadata  json.RawMessage `json:"metadata,omitempty"` // members that mean nothing here and are told back (names in other languages, software_id)
}

// A Registry keeps clients that register themselves.
type Registry interface {
	// RegisterClient stores a new client, if the realm has fewer than max that registered themselves, and uses up one use of
	// the initial access token with the hash (zero: none is needed). All of it happens or nothing does. The error is of
	// reason oauth.RegistrationToken or oauth.RegistrationClosed (there are too many), or oauth.MetadataBad if the id is taken.
	RegisterClient(ctx context.Context, c *Client, max int, initial [32]byte, now time.Time) error
	// UpdateClient changes a client by read, change and compare-and-swap; change is called again if somebody else wrote in
	// between, and an error of it ends the attempt and changes nothing. It returns the client as it is now, nil if there is none.
	UpdateClient(ctx context.Context, realm, id string, change func(*Client) error) (*Client, error)
	// InitialToken reports whether an initial access token of the realm is good for a registration now, and uses nothing up.
	InitialToken(ctx context.Context, realm string, hash [32]byte, now time.Time) (bool, error)
	// PutInitialToken stores an initial access token under its hash, good for a number of registrations.
	PutInitialToken(ctx context.Context, realm string, hash [32]byte, uses int, expires time.Time) error
}
