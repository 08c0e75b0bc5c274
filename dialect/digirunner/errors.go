package digirunner

import (
	"net/http"

	"sallyport/oauth"
)

// A shape is one of the product's error bodies.
type shape int

const (
	e1     shape = iota // timestamp, status, error, message, path
	e1Bare              // E1 without message
	e2                  // error, error_description
	e3                  // txSN, txDate, txID, rtnCode, rtnMsg; error is the code, and the text hangs on the caller's language
)

// An answer is how one reason looks on the wire. Text may name, in braces, what is in about.
type answer struct {
	status int
	shape  shape
	error  string
	text   string
}

// A table says what becomes of each reason, by endpoint. What it lacks is looked up in common.
type table map[oauth.Reason]answer

// wrongPassword stands for the status that the realm's setting wrong_password_status gives.
const wrongPassword = 0

const (
	notJSON        = "Cannot convert access token to JSON"
	unauthorized   = "Unauthorized"
	forbidden      = "Forbidden"
	fullAuth       = "Full authentication is required to access this resource"
	badCredentials = "Bad credentials"
	internal       = "Internal Server Error"
	unavailable    = "Service Unavailable"
	secretIsWrong  = "The client account or password is incorrect. clientId: {client}"
)

// common are the answers that mean the same everywhere.
var common = table{
	// The client, in the order of checks.
	oauth.ClientMissing:     {400, e2, "invalid_request", "Missing required parameter: client_id"},
	oauth.ClientUnknown:     {401, e1, unauthorized, "The client(application) was not found. client_id: {client}"},
	oauth.ClientDisabled:    {403, e1, forbidden, "'{client}' Client(application) disable"},
	oauth.ClientLocked:      {403, e1, forbidden, "'{client}' Client(application) locked"},
	oauth.ClientNotYetValid: {403, e1, "Client before start day", "Client before start day, start day(yyyy-MM-ddZ): {day}"},
	oauth.ClientExpired:     {403, e1, "Client expired", "Client expired, end day(yyyy-MM-ddZ): {day}"},
	oauth.SecretWrong:       {401, e1, unauthorized, secretIsWrong},
	oauth.SecretUnset:       {401, e1, unauthorized, secretIsWrong},
	oauth.AuthMethodWrong:   {401, e1, unauthorized, secretIsWrong},

	// What the product does not have, or answers with what its framework says.
	oauth.RequestMalformed: {400, e2, "invalid_request", "{text}"},
	oauth.RequestTooLarge:  {413, e1, "Payload Too Large", "{text}"},
	oauth.RequestMediaType: {415, e1, "Unsupported Media Type", "{text}"},
	oauth.RequestMethod:    {405, e1, "Method Not Allowed", "Request method '{method}' is not supported"},
	oauth.RealmUnknown:     {404, e1, "Not Found", "{text}"},
	oauth.DialectNotOpen:   {404, e1, "Not Found", "{text}"},
	oauth.TooManyFailures:  {429, e1, "Too Many Requests", "{text}"},
	oauth.Busy:             {503, e1, unavailable, "{text}"},
	oauth.Unavailable:      {503, e1, unavailable, "{text}"},
	oauth.InternalError:    {500, e1, internal, internal},
}

// tokenErrors are the answers of /oauth/token.
var tokenErrors = table{
	// 1, 2: what is asked for, and the header. The product answers undecodable Base64 with 500; it is no fault of ours.
	oauth.GrantTypeMissing:    {400, e2, "invalid_request", "Missing grant type"},
	oauth.ClientAuthMissing:   {401, e1, unauthorized, "Missing required parameter: Authorization"},
	oauth.ClientAuthMalformed: {401, e1, unauthorized, unauthorized},
	oauth.AssertionInvalid:    {400, e2, "invalid_request", "{text}"},

	// 6, 8-10: secret and grant type. 3-5 and 7 are in common.
	oauth.SecretMissing:    {400, e2, "invalid_request", "Missing client_secret"},
	oauth.GrantTypeEmpty:   {401, e2, "unauthorized", fullAuth},
	oauth.GrantUnsupported: {400, e2, "unsupported_grant_type", "Unsupported grant type: {grant}"},
	oauth.GrantNotAllowed:  {400, e2, "invalid_request", "Unauthorized grant type: {grant}"},

	// grant_type=password. A user who does not exist looks like a wrong password, whatever the realm sets for that.
	oauth.UsernameMissing: {400, e2, "invalid_grant", badCredentials},
	oauth.PasswordMissing: {400, e2, "invalid_grant", badCredentials},
	oauth.UsernameEmpty:   {401, e2, "unauthorized", fullAuth},
	oauth.UserUnknown:     {wrongPassword, e2, "invalid_grant", badCredentials},
	oauth.PasswordWrong:   {wrongPassword, e2, "invalid_grant", badCredentials},
	oauth.UserDisabled:    {403, e1, forbidden, "'{user}' User disable"},
	oauth.UserLocked:      {403, e1, forbidden, "'{user}' User locked"},

	// grant_type=authorization_code. Codes of other front doors are none here.
	oauth.CodeMissing:      {400, e2, "invalid_request", "Missing required parameter: code"},
	oauth.CodeUnknown:      {400, e2, "invalid_request", "Invalid auth code"},
	oauth.RedirectMissing:  {400, e2, "invalid_request", "Missing required parameter: redirect_uri"},
	oauth.RedirectMismatch: {400, e2, "invalid_request", "The redirect_uri mismatch"},
	oauth.CodeWrongClient:  {400, e2, "invalid_request", "Invalid auth code"},
	oauth.CodeReplayed:     {401, e1, unauthorized, "Auth code status is 'U' (used). auth_code: {code}"},
	oauth.CodeExpired:      {401, e1, unauthorized, "Auth code expired. auth code exp: {when}"},
	oauth.VerifierMissing:  {400, e2, "invalid_request", "Missing code_verifier"},
	oauth.VerifierWrong:    {400, e2, "invalid_request", "Invalid code_verifier"},

	// grant_type=refresh_token.
	oauth.RefreshMissing:     {401, e2, "invalid_token", notJSON},
	oauth.RefreshEmpty:       {401, e2, unauthorized, unauthorized},
	oauth.RefreshUnknown:     {400, e2, "invalid_token", notJSON},
	oauth.RefreshWrongClient: {400, e2, "invalid_grant", "Wrong client(application) for this refresh token: {token}"},
	oauth.RefreshExpired:     {401, e2, "invalid_token", "Invalid refresh token (expired): {token}"},
	oauth.RefreshRevoked:     {403, e2, "invalid_token", "Refresh token revoked, jti: {jti}"},
	oauth.RefreshReplayed:    {403, e2, "invalid_token", "Refresh token revoked, jti: {jti}"},
	oauth.RefreshExhausted:   {403, e2, "Over Refresh Token Allow Times", "Over Refresh Token Allow Times"},
}

// tokenV2Errors are the answers of /oauth/v2/token.
var tokenV2Errors = with(tokenErrors, table{
	oauth.GrantUnsupported: {400, e2, "invalid_request",
		"Currently, '/oauth/v2/token' only supports grant type 'client_credentials', but the requested grant type is '{grant}'."},
})

// refreshErrors are the answers of /oauth/token to a refresh or a code: its user may be gone.
var refreshErrors = with(tokenErrors, table{
	oauth.UserUnknown: {401, e1, unauthorized, unauthorized},
})

// inspectErrors are the answers of introspection and revocation, in the order of checks.
var inspectErrors = table{
	oauth.TokenTypeUnknown: {400, e2, "unsupported_token_type_hint", "Unsupported token_type_hint: {hint}"},
	oauth.SecretMissing:    {400, e2, "invalid_request", "Missing client_secret. client_id: {client}"},
	oauth.TokenMissing:     {401, e2, "invalid_token", notJSON},
	oauth.ParameterMissing: {401, e2, unauthorized, unauthorized}, // the token is there and empty
	oauth.TokenMalformed:   {400, e2, "invalid_token", notJSON},
	oauth.TokenRevoked:     {400, e2, "invalid_token", notJSON}, // a refresh token that is said to be an access token
	oauth.TokenWrongClient: {400, e2, "invalid_grant", "Wrong client(application) for this token: {token}"},
	oauth.InternalError:    {500, e1Bare, internal, ""},
}

// with is base with the rows of more before its own.
func with(base, more table) table {
	t := make(table, len(base)+len(more))
	for reason, a := range base {
		t[reason] = a
	}
	for reason, a := range more {
		t[reason] = a
	}
	return t
}

// lookup returns the answer for a reason. What no table foresees is told as the standard has it if it is the caller's to put
// right; otherwise it is a fault of ours.
func (t table) lookup(reason oauth.Reason) answer {
	if a, ok := t[reason]; ok {
		return a
	}
	if a, ok := common[reason]; ok {
		return a
	}
	if code := oauth.Fail(reason, "").Code; code != oauth.ServerError && code != oauth.TemporarilyDown {
		return answer{http.StatusBadRequest, e2, string(code), "{text}"}
	}
	return t.lookup(oauth.InternalError)
}

// statusFor is the answer's status in a realm with the settings s.
func (a answer) statusFor(s Settings) int {
	if a.status != wrongPassword {
		return a.status
	}
	if s.WrongPasswordStatus == http.StatusBadRequest {
		return http.StatusBadRequest
	}
	return http.StatusUnauthorized
}
