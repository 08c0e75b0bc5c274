package oauth

// A Reason says, for machines, why a request was refused. Faces turn reasons into their own status and wording; logs,
// metrics and audit records carry the reason itself. Reasons are stable names: never rename one.
type Reason string

// Reasons about the request itself.
const (
	RequestMalformed    Reason = "request_malformed"    // not decodable: bad encoding, bad JSON, half a body
	RequestTooLarge     Reason = "request_too_large"    // body over the limit
	RequestMediaType    Reason = "request_media_type"   // a content type this endpoint does not read
	RequestMethod       Reason = "request_method"       // an HTTP method this endpoint does not serve
	ParameterDuplicate  Reason = "parameter_duplicate"  // RFC 6749 section 3.2: parameters must not repeat
	ParameterMissing    Reason = "parameter_missing"    // a required parameter other than those named below
	ParameterInvalid    Reason = "parameter_invalid"    // a parameter with a value outside its grammar
	GrantTypeMissing    Reason = "grant_type_missing"   // no grant_type parameter
	GrantTypeEmpty      Reason = "grant_type_empty"     // grant_type is there and empty
	GrantUnsupported    Reason = "grant_unsupported"    // no such grant here
	GrantNotAllowed     Reason = "grant_not_allowed"    // the client may not use this grant
	GrantTrustedOnly    Reason = "grant_trusted_only"   // only trusted clients may use this grant here
	TooManyFailures     Reason = "too_many_failures"    // guesses are slowed down; RetryAfter is set
	Busy                Reason = "busy"                 // the password workers are all taken; RetryAfter is set
	Unavailable         Reason = "unavailable"          // the store is away or full
	InternalError       Reason = "internal_error"       // anything unforeseen; the cause is in Err
	RealmUnknown        Reason = "realm_unknown"        // no such realm
	DialectNotOpen      Reason = "dialect_not_open"     // the realm does not open this front door
	TokenTypeUnknown    Reason = "token_type_unknown"   // an unsupported token type hint (RFC 7009 section 2.2.1)
	AssertionInvalid    Reason = "assertion_invalid"    // a client assertion that does not verify
	ResourceUnsupported Reason = "resource_unsupported" // an audience the client may not ask for
)

// Reasons about the client.
const (
	ClientMissing       Reason = "client_missing"        // no client_id
	ClientUnknown       Reason = "client_unknown"        // no such client in the realm
	ClientDisabled      Reason = "client_disabled"       // status off
	ClientLocked        Reason = "client_locked"         // status locked
	ClientNotYetValid   Reason = "client_not_yet_valid"  // before its first day
	ClientExpired       Reason = "client_expired"        // after its last day
	ClientAuthMissing   Reason = "client_auth_missing"   // the endpoint wants an Authorization header and there is none
	ClientAuthMalformed Reason = "client_auth_malformed" // a Basic header that is not Base64 of id:secret
	ClientAuthScheme    Reason = "client_auth_scheme"    // an Authorization scheme other than Basic
	SecretMissing       Reason = "client_secret_missing" // a confidential client without a secret
	SecretWrong         Reason = "client_secret_wrong"   // none of the client's live secrets
	SecretUnset         Reason = "client_secret_unset"   // a confidential client for which no secret is stored
)

// Reasons about the user.
const (
	UsernameMissing Reason = "username_missing" // no username parameter
	UsernameEmpty   Reason = "username_empty"   // username is there and empty
	PasswordMissing Reason = "password_missing" // no or empty password parameter
	UserUnknown     Reason = "user_unknown"     // no such user in the realm
	PasswordWrong   Reason = "password_wrong"   // the password does not match
	UserDisabled    Reason = "user_disabled"    // status off
	UserLocked      Reason = "user_locked"      // status locked
)

// Reasons about scopes.
const (
	ScopeUnknown      Reason = "scope_unknown"       // a scope the realm does not have
	ScopeNotAllowed   Reason = "scope_not_allowed"   // a scope the client may not have
	ScopeExceedsGrant Reason = "scope_exceeds_grant" // a refresh that asks for more than was granted (RFC 6749 section 6)
	ScopeMissing      Reason = "scope_missing"       // a token without a scope the resource needs
)

// Reasons about refresh tokens.
const (
	RefreshMissing     Reason = "refresh_missing"      // no refresh_token parameter
	RefreshEmpty       Reason = "refresh_empty"        // refresh_token is there and empty
	RefreshUnknown     Reason = "refresh_unknown"      // not one of ours: malformed or forged
	RefreshExpired     Reason = "refresh_expired"      // past its end
	RefreshRevoked     Reason = "refresh_revoked"      // its family is gone
	RefreshReplayed    Reason = "refresh_replayed"     // an earlier generation, after the grace period: the family dies
	RefreshWrongClient Reason = "refresh_wrong_client" // issued to another client
	RefreshExhausted   Reason = "refresh_exhausted"    // its number of uses is spent
)

// Reasons about access tokens, given by the verifier.
const (
	TokenMissing     Reason = "token_missing"      // no credential at all
	TokenMalformed   Reason = "token_malformed"    // not one of ours: malformed or forged
	TokenExpired     Reason = "token_expired"      // past its end
	TokenRevoked     Reason = "token_revoked"      // revoked, or its family or client or user was
	TokenWrongClient Reason = "token_wrong_client" // belongs to another client
)

// Reasons about authorization requests (RFC 6749 section 4.1.2.1, OpenID Connect Core section 3.1.2.6).
const (
	RedirectMissing      Reason = "redirect_uri_missing"      // none in the request where one must be
	RedirectUnregistered Reason = "redirect_uri_unregistered" // not one of the client's
	ResponseTypeUnknown  Reason = "response_type_unknown"     // another response type than code
	ResponseModeUnknown  Reason = "response_mode_unknown"     // none of query, form_post and fragment
	ChallengeMissing     Reason = "code_challenge_missing"    // PKCE is required here
	ChallengeMethod      Reason = "code_challenge_method"     // another method than S256
	RequestObjectBad     Reason = "request_object_invalid"    // a request object that does not verify
	RequestURIBad        Reason = "request_uri_invalid"       // a request_uri that leads to nothing
	RequestUnsupported   Reason = "request_unsupported"       // a request object where none is taken
	RequestURIRefused    Reason = "request_uri_unsupported"   // a request_uri where none is taken
	PushRequired         Reason = "push_required"             // RFC 9126: this request must be pushed
	LoginNeeded          Reason = "login_required"            // prompt=none, and nobody is signed in
	ConsentNeeded        Reason = "consent_required"          // prompt=none, and the user has not agreed
	InteractionNeeded    Reason = "interaction_required"      // prompt=none, and a page would have to be shown
	SelectionNeeded      Reason = "account_selection_required"
	ConsentDenied        Reason = "consent_denied"          // the user said no
	ACRUnmet             Reason = "acr_unmet"               // an essential acr that the user cannot reach
	OtherUser            Reason = "other_user"              // id_token_hint is about somebody else
	FlowGone             Reason = "flow_gone"               // a sign-in that was begun too long ago, or in another browser
	StepUpNeeded         Reason = "authentication_too_weak" // RFC 9470: the resource wants a stronger or fresher sign-in
)

// Reasons about authorization codes.
const (
	CodeMissing      Reason = "code_missing"      // no code parameter
	CodeUnknown      Reason = "code_unknown"      // not one of ours, or over for long
	CodeExpired      Reason = "code_expired"      // past its end
	CodeReplayed     Reason = "code_replayed"     // used before: what it gave is revoked
	CodeWrongClient  Reason = "code_wrong_client" // issued to another client
	RedirectMismatch Reason = "redirect_mismatch" // another redirect_uri than in the authorization request
	VerifierMissing  Reason = "verifier_missing"  // a challenge was made, and no code_verifier came
	VerifierWrong    Reason = "verifier_wrong"    // code_verifier does not match the challenge, or none was made
)

// Reasons about client authentication by assertion (RFC 7523, RFC 10070) and about client metadata.
const (
	AuthMethodWrong    Reason = "client_auth_method"       // the client is registered for another method
	AssertionReplayed  Reason = "assertion_replayed"       // its jti was used before
	ClientKeysMissing  Reason = "client_keys_missing"      // no key to verify by: none registered, or jwks_uri does not answer
	RegistrationClosed Reason = "registration_closed"      // the realm registers nobody
	RegistrationToken  Reason = "registration_token_wrong" // no initial or registration access token that is good
	MetadataBad        Reason = "client_metadata_invalid"  // RFC 7591 section 3.2.2
	MetadataRedirect   Reason = "client_metadata_redirect" // likewise, about a redirect URI
)

// Reasons about factors and sessions.
const (
	FactorWrong  Reason = "factor_wrong"   // a code or passkey that does not match
	FactorNeeded Reason = "factor_needed"  // a password alone, of a user or a realm that wants more
	FactorReused Reason = "factor_reused"  // a one-time code that was used before
	SessionGone  Reason = "session_gone"   // nobody is signed in any more
	CrossOrigin  Reason = "cross_origin"   // a form that another site's page sent
	MailLinkGone Reason = "mail_link_gone" // a mailed link that was used, or is too old
	PasswordPoor Reason = "password_poor"  // a new password that is too short or too common
)
