package oauth

type wording struct {
	code Code
	text string
}

const (
	clientAuthText = "Client authentication failed. Check the client id, and the secret or the assertion."
	userText       = "The username or password is wrong."
	refreshText    = "The refresh token is not valid, or was issued to another client. Sign in again."
	codeText       = "The authorization code is not valid, was used before, or was issued to another client. Sign in again."
	tokenText      = "The access token is not valid. Ask for a new one."
)

// standard is what RFC 6749 section 5.2 makes of each reason. Reasons that would tell a stranger which half of a
// credential was wrong share one text.
var standard = map[Reason]wording{
	RequestMalformed:    {InvalidRequest, "The request could not be read. Check its encoding and that it is complete."},
	RequestTooLarge:     {InvalidRequest, "The request body is over 1 MiB. Send less."},
	RequestMediaType:    {InvalidRequest, "This endpoint does not read that content type. Send application/x-www-form-urlencoded."},
	RequestMethod:       {InvalidRequest, "This endpoint does not serve that method. Use POST."},
	ParameterDuplicate:  {InvalidRequest, "A parameter is given more than once. Send each parameter once."},
	ParameterMissing:    {InvalidRequest, "A required parameter is missing."},
	ParameterInvalid:    {InvalidRequest, "A parameter has a value that is not allowed."},
	GrantTypeMissing:    {InvalidRequest, "The parameter grant_type is missing."},
	GrantTypeEmpty:      {InvalidRequest, "The parameter grant_type is empty."},
	GrantUnsupported:    {UnsupportedGrantType, "This server does not serve that grant type."},
	GrantNotAllowed:     {UnauthorizedClient, "This client may not use that grant type."},
	GrantTrustedOnly:    {UnauthorizedClient, "Only trusted clients may use that grant type."},
	TooManyFailures:     {TemporarilyDown, "Too many failed attempts. Wait before trying again."},
	Busy:                {TemporarilyDown, "The server is busy checking passwords. Try again shortly."},
	Unavailable:         {TemporarilyDown, "The server cannot reach its database. Try again shortly."},
	InternalError:       {ServerError, "Something went wrong on the server. The log has the details."},
	RealmUnknown:        {InvalidRequest, "There is no such realm."},
	DialectNotOpen:      {InvalidRequest, "This realm does not serve that endpoint."},
	TokenTypeUnknown:    {UnsupportedTokenType, "That token_type_hint is not supported."},
	AssertionInvalid:    {InvalidClient, clientAuthText},
	ResourceUnsupported: {InvalidTarget, "This client may not ask for a token for that resource."},

	ClientMissing:       {InvalidClient, clientAuthText},
	ClientUnknown:       {InvalidClient, clientAuthText},
	ClientDisabled:      {InvalidClient, clientAuthText},
	ClientLocked:        {InvalidClient, clientAuthText},
	ClientNotYetValid:   {InvalidClient, clientAuthText},
	ClientExpired:       {InvalidClient, clientAuthText},
	ClientAuthMissing:   {InvalidClient, clientAuthText},
	ClientAuthMalformed: {InvalidClient, clientAuthText},
	ClientAuthScheme:    {InvalidClient, clientAuthText},
	SecretMissing:       {InvalidClient, clientAuthText},
	SecretWrong:         {InvalidClient, clientAuthText},
	SecretUnset:         {InvalidClient, clientAuthText},

	UsernameMissing: {InvalidRequest, "The parameter username is missing."},
	UsernameEmpty:   {InvalidRequest, "The parameter username is empty."},
	PasswordMissing: {InvalidRequest, "The parameter password is missing."},
	UserUnknown:     {InvalidGrant, userText},
	PasswordWrong:   {InvalidGrant, userText},
	UserDisabled:    {InvalidGrant, userText},
	UserLocked:      {InvalidGrant, userText},

	ScopeUnknown:      {InvalidScope, "A requested scope does not exist."},
	ScopeNotAllowed:   {InvalidScope, "This client may not have a requested scope."},
	ScopeExceedsGrant: {InvalidScope, "A requested scope goes beyond what was granted."},
	ScopeMissing:      {InsufficientScope, "The access token lacks a scope that this resource needs."},

	RefreshMissing:     {InvalidRequest, "The parameter refresh_token is missing."},
	RefreshEmpty:       {InvalidRequest, "The parameter refresh_token is empty."},
	RefreshUnknown:     {InvalidGrant, refreshText},
	RefreshExpired:     {InvalidGrant, refreshText},
	RefreshRevoked:     {InvalidGrant, refreshText},
	RefreshReplayed:    {InvalidGrant, refreshText},
	RefreshWrongClient: {InvalidGrant, refreshText},
	RefreshExhausted:   {InvalidGrant, refreshText},

	TokenMissing:     {InvalidRequest, "The access token is missing."},
	TokenMalformed:   {InvalidToken, tokenText},
	TokenExpired:     {InvalidToken, "The access token is expired. Ask for a new one."},
	TokenRevoked:     {InvalidToken, tokenText},
	TokenWrongClient: {InvalidToken, tokenText},

	RedirectMissing:      {InvalidRequest, "The parameter redirect_uri is missing."},
	RedirectUnregistered: {InvalidRequest, "The redirect_uri is not registered for this client. It is compared character by character."},
	ResponseTypeUnknown:  {UnsupportedResponseType, "This server serves the response type code only."},
	ResponseModeUnknown:  {InvalidRequest, "That response_mode is not served. Use query, form_post or fragment."},
	ChallengeMissing:     {InvalidRequest, "The parameter code_challenge is missing. PKCE with S256 is required (RFC 7636)."},
	ChallengeMethod:      {InvalidRequest, "That code_challenge_method is not taken. Use S256 (RFC 7636)."},
	RequestObjectBad:     {InvalidRequestObject, "The request object does not verify, or contradicts the request."},
	RequestURIBad:        {InvalidRequestURI, "The request_uri leads to no request object, or was used or left lying for too long."},
	RequestUnsupported:   {RequestNotSupported, "This client may not send such a request object. Sign it, and register the keys by jwks or jwks_uri."},
	RequestURIRefused:    {RequestURINotSupported, "This client may not send that request_uri. Register it, or push the request (RFC 9126)."},
	PushRequired:         {InvalidRequest, "This request must be pushed first (RFC 9126)."},
	LoginNeeded:          {LoginRequired, "The user is not signed in."},
	ConsentNeeded:        {ConsentRequired, "The user has not agreed to this yet."},
	InteractionNeeded:    {InteractionRequired, "The user has to be asked something."},
	SelectionNeeded:      {AccountSelection, "The user has to choose an account."},
	ConsentDenied:        {AccessDenied, "The user did not agree."},
	ACRUnmet:             {UnmetAuthentication, "The user cannot sign in in the way that was asked for."},
	OtherUser:            {LoginRequired, "Somebody else is signed in than the request names."},
	FlowGone:             {InvalidRequest, "This sign-in is over, or was begun in another browser. Begin again in the application."},
	StepUpNeeded:         {InsufficientUserAuth, "The sign-in behind this token is too weak or too old for the resource."},

	CodeMissing:      {InvalidRequest, "The parameter code is missing."},
	CodeUnknown:      {InvalidGrant, codeText},
	CodeExpired:      {InvalidGrant, codeText},
	CodeReplayed:     {InvalidGrant, codeText},
	CodeWrongClient:  {InvalidGrant, codeText},
	RedirectMismatch: {InvalidGrant, "The redirect_uri is not the one of the authorization request."},
	VerifierMissing:  {InvalidGrant, "The parameter code_verifier is missing (RFC 7636)."},
	VerifierWrong:    {InvalidGrant, "The code_verifier does not match the code_challenge (RFC 7636)."},

	AuthMethodWrong:    {InvalidClient, clientAuthText},
	AssertionReplayed:  {InvalidClient, clientAuthText},
	ClientKeysMissing:  {InvalidClient, clientAuthText},
	RegistrationClosed: {AccessDenied, "This realm does not register clients."},
	RegistrationToken:  {InvalidToken, "The registration needs a token that is good. Ask the administrator for one."},
	MetadataBad:        {InvalidClientMetadata, "A field of the client metadata has a value that is not allowed."},
	MetadataRedirect:   {InvalidRedirectURI, "A redirect URI is not allowed."},

	FactorNeeded: {InvalidGrant, "This user signs in with more than a password. Use the authorization code grant."},
	FactorWrong:  {AccessDenied, "The code is wrong."},
	FactorReused: {AccessDenied, "The code is wrong."},
	SessionGone:  {LoginRequired, "Nobody is signed in any more."},
	CrossOrigin:  {InvalidRequest, "The form was sent by another site's page."},
	MailLinkGone: {InvalidRequest, "The link was used before, or is too old. Ask for another."},
	PasswordPoor: {InvalidRequest, "The new password is too short or too common."},
}
