package kustvakt

import (
	"net/http"
	"strings"
	"unicode/utf8"

	"sallyport/oauth"
	"sallyport/web"
)

const (
	jsonType       = "application/json;charset=utf-8"
	basicChallenge = `Basic realm="Kustvakt"`
)

// A row is a line of the contract's table in the OAuth shape. "%" in the text stands for what the refusal is about.
type row struct {
	status int
	code   oauth.Code
	text   string
}

// rows are a table of them, with the one that is asked when a reason is not in it.
type rows struct {
	table map[oauth.Reason]row
	below *rows
}

const revokedText = "Refresh token has been revoked"

// tokenRows are the refusals of the token endpoint. What the product has no words for (a disabled client, a throttled
// guess) is told as the nearest thing that it has: an administrator's switch is nothing for a stranger to know.
var tokenRows = &rows{table: map[oauth.Reason]row{
	oauth.GrantTypeMissing: {400, oauth.InvalidRequest, "Missing grant_type parameter"},
	oauth.GrantTypeEmpty:   {400, oauth.InvalidRequest, "Missing grant_type parameter"},
	oauth.GrantUnsupported: {400, oauth.InvalidRequest, "Invalid or unsupported grant type: %"},
	oauth.GrantNotAllowed:  {401, oauth.UnauthorizedClient, "The grant type is not allowed for this client"},
	oauth.GrantTrustedOnly: {401, oauth.UnauthorizedClient, "Password grant is not allowed for third party clients"},

	oauth.ClientMissing:       {400, oauth.InvalidRequest, "The value must not be null or empty string"},
	oauth.ClientAuthMalformed: {400, oauth.InvalidRequest, "Malformed client secret basic authentication (see RFC 6749, section 2.3.1): Not Base64 of client_id:client_secret"},
	oauth.ClientAuthScheme:    {400, oauth.InvalidRequest, "HTTP authentication must be Basic"},
	oauth.ClientAuthMissing:   {400, oauth.InvalidRequest, "Malformed client secret post authentication: Missing client_secret parameter"},
	oauth.ClientUnknown:       {401, oauth.InvalidClient, "Unknown client: %"},
	oauth.SecretMissing:       {400, oauth.InvalidRequest, "Missing parameter: client_secret"},
	oauth.SecretWrong:         {401, oauth.InvalidClient, "Invalid client credentials"},
	oauth.SecretUnset:         {401, oauth.InvalidClient, "client_secret was not registered"},
	oauth.ClientDisabled:      {401, oauth.InvalidClient, "Invalid client credentials"},
	oauth.ClientLocked:        {401, oauth.InvalidClient, "Invalid client credentials"},
	oauth.ClientNotYetValid:   {401, oauth.InvalidClient, "Invalid client credentials"},
	oauth.ClientExpired:       {401, oauth.InvalidClient, "Invalid client credentials"},

	oauth.CodeMissing:     {400, oauth.InvalidRequest, "Missing or empty code parameter"},
	oauth.UsernameMissing: {400, oauth.InvalidRequest, "Missing or empty username parameter"},
	oauth.UsernameEmpty:   {400, oauth.InvalidRequest, "Missing or empty username parameter"},
	oauth.PasswordMissing: {400, oauth.InvalidRequest, "Missing or empty password parameter"},

	oauth.RefreshMissing:     {400, oauth.InvalidRequest, "Missing or empty refresh_token parameter"},
	oauth.RefreshEmpty:       {400, oauth.InvalidRequest, "Missing or empty refresh_token parameter"},
	oauth.RefreshUnknown:     {400, oauth.InvalidGrant, "Refresh token is not found"},
	oauth.RefreshRevoked:     {400, oauth.InvalidGrant, revokedText},
	oauth.RefreshReplayed:    {400, oauth.InvalidGrant, revokedText},
	oauth.RefreshExhausted:   {400, oauth.InvalidGrant, revokedText},
	oauth.UserUnknown:        {400, oauth.InvalidGrant, revokedText}, // of a refresh: its user is gone or shut out
	oauth.UserDisabled:       {400, oauth.InvalidGrant, revokedText},
	oauth.UserLocked:         {400, oauth.InvalidGrant, revokedText},
	oauth.RefreshExpired:     {400, oauth.InvalidGrant, "Refresh token is expired"},
	oauth.RefreshWrongClient: {401, oauth.InvalidClient, "Client ID is not authorized"},

	oauth.ScopeUnknown:      {400, oauth.InvalidScope, "Invalid scope"},
	oauth.ScopeNotAllowed:   {400, oauth.InvalidScope, "Scope % is not authorized."},
	oauth.ScopeExceedsGrant: {400, oauth.InvalidScope, "Scope % is not authorized."},

	oauth.ParameterDuplicate: {400, oauth.InvalidRequest, "Parameter(s) present more than once: [%]"},
	oauth.TooManyFailures:    {429, oauth.TemporarilyDown, "Rate limit exceeded"},
	oauth.TokenMalformed:     {401, oauth.InvalidToken, "Access token is invalid"},
}}

// revokeRows are those of revocation by a client, where they differ.
var revokeRows = &rows{below: tokenRows, table: map[oauth.Reason]row{
	oauth.ClientMissing: {400, oauth.InvalidRequest, "Missing parameter: client_id"},
}}

// superRows are those of calls through a super client, where they differ.
var superRows = &rows{below: tokenRows, table: map[oauth.Reason]row{
	oauth.ClientMissing:     {400, oauth.InvalidRequest, "Missing parameter: super_client_id"},
	oauth.SecretMissing:     {400, oauth.InvalidRequest, "Missing parameter: super_client_secret"},
	oauth.SecretWrong:       {401, oauth.InvalidClient, "Invalid super_client credentials"},
	oauth.ClientDisabled:    {401, oauth.InvalidClient, "Invalid super_client credentials"},
	oauth.ClientLocked:      {401, oauth.InvalidClient, "Invalid super_client credentials"},
	oauth.ClientNotYetValid: {401, oauth.InvalidClient, "Invalid super_client credentials"},
	oauth.ClientExpired:     {401, oauth.InvalidClient, "Invalid super_client credentials"},
}}

// A refusal is an answer in the OAuth shape.
type refusal struct {
	row
	cause    *oauth.Error
	state    string // of an authorization request
	hasState bool
}

// Error is for logs.
func (f *refusal) Error() string { return f.cause.Error() }

// Unwrap returns the reason behind the answer.
func (f *refusal) Unwrap() error { return f.cause }

// words puts an error into those of a table. A reason that no table knows keeps the standard's.
func words(t *rows, err error) *refusal {
	e := oauth.AsError(err)
	for ; t != nil; t = t.below {
		if r, ok := t.table[e.Reason]; ok {
			r.text = strings.Replace(r.text, "%", shown(e.Subject), 1)
			return &refusal{row: r, cause: e}
		}
	}
	return &refusal{row: row{web.ErrorStatus(e), e.Code, e.Description}, cause: e}
}

// shown is what may be repeated of a word that a stranger sent. The product fails over a quote in it; here it is dropped.
func shown(s string) string {
	s = web.Printable(s)
	return s[:min(len(s), 100)]
}

// clipped shortens a name that is repeated as it came, at the border of a character.
func clipped(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	n := most
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func (f *refusal) write(w http.ResponseWriter) {
	h := w.Header()
	if f.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", basicChallenge)
	}
	web.SetRetryAfter(h, f.cause)
	h.Set("Pragma", "no-store")
	body := web.AppendError(nil, f.code, f.text)
	if f.hasState {
		body = append(body[:len(body)-1], `,"state":`...)
		body = append(oauth.AppendString(body, f.state), '}')
	}
	web.WriteBody(w, f.status, jsonType, body)
}
