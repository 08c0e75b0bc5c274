package kustvakt

import (
	"context"
	"time"

	"sallyport/client"
	"sallyport/oauth"
	"sallyport/realm"
)

// authorizationCode is the grant that the authorization endpoint leads to.
const authorizationCode = "authorization_code"

// publicTTL is how long the access token of a public client lives, which has no refresh token.
const publicTTL = realm.Duration(365 * 24 * time.Hour)

// authorizeRows are the refusals of the authorization endpoint that whoever calls is told.
var authorizeRows = &rows{below: tokenRows, table: map[oauth.Reason]row{
	oauth.ClientMissing:        {400, oauth.InvalidRequest, "Missing parameter: client_id"},
	oauth.RedirectMissing:      {400, oauth.InvalidRequest, "Missing parameter: redirect URI"},
	oauth.RedirectUnregistered: {400, oauth.InvalidRequest, "Invalid redirect URI"},
}}

// invalidRequestURI is the code that the product's library has for a request that it cannot read.
const invalidRequestURI = oauth.Code("invalid_request_uri")

// redirectRows are those that the client is told by redirect, which has no status.
var redirectRows = &rows{below: tokenRows, table: map[oauth.Reason]row{
	oauth.ParameterDuplicate:  {0, invalidRequestURI, "Parameter(s) present more than once: [%]"},
	oauth.ParameterMissing:    {0, oauth.InvalidScope, "scope is required"},
	oauth.ScopeNotAllowed:     {0, oauth.InvalidScope, "Requested scope % is not allowed."},
	oauth.ResponseTypeUnknown: {0, oauth.UnsupportedResponseType, "Unsupported response type. Only code is supported."},
	oauth.GrantNotAllowed:     {0, oauth.UnauthorizedClient, "The grant type is not allowed for this client"},
	oauth.PushRequired:        {0, oauth.UnauthorizedClient, "This client must push or sign its requests, which is not possible here"},
	oauth.ChallengeMissing:    {0, oauth.InvalidRequest, "Missing code_challenge parameter"},
	oauth.ChallengeMethod:     {0, oauth.InvalidRequest, "Unsupported code_challenge_method. Only S256 is supported."},
	oauth.ParameterInvalid:    {0, oauth.InvalidRequest, "Invalid code_challenge parameter"},
}}

var (
	rowNoResponseType = row{0, invalidRequestURI, "Missing response_type parameter"}
	rowNoRedirect     = row{400, oauth.InvalidGrant, "Missing redirect URI"}
)

// codeRows are the refusals of a code at the token endpoint.
var codeRows = &rows{below: tokenRows, table: map[oauth.Reason]row{
	oauth.CodeUnknown:      {400, oauth.InvalidRequest, "Authorization is invalid."},
	oauth.CodeReplayed:     {400, oauth.InvalidGrant, "Invalid authorization"},
	oauth.CodeWrongClient:  {400, oauth.InvalidGrant, "Invalid authorization"},
	oauth.UserUnknown:      {400, oauth.InvalidGrant, "Invalid authorization"}, // gone or shut out since
	oauth.UserDisabled:     {400, oauth.InvalidGrant, "Invalid authorization"},
	oauth.UserLocked:       {400, oauth.InvalidGrant, "Invalid authorization"},
	oauth.CodeExpired:      {400, oauth.InvalidGrant, "Authorization expired"},
	oauth.RedirectMismatch: {400, oauth.InvalidGrant, "Invalid redirect URI"},
	oauth.VerifierMissing:  {400, oauth.InvalidGrant, "Missing code_verifier parameter"},
	oauth.VerifierWrong:    {400, oauth.InvalidGrant, "Invalid code_verifier"},
}}

// codeRefusal tells why a code gives nothing. In the product a code that does not exist is told before a client that is not
// believed; here the client has been asked first, so that guesses at its secret are slowed down whatever comes with them.
func (k *Kustvakt) codeRefusal(c call, e *oauth.Error) error {
	switch e.Reason {
	case oauth.ClientUnknown, oauth.SecretMissing, oauth.SecretWrong, oauth.SecretUnset:
		was, _, err := k.codes.Look(c.Context(), c.realm.Name, c.params.Get("code"))
		if err == nil && (was == nil || was.Dialect != Name) {
			e = oauth.Fail(oauth.CodeUnknown, "")
		}
	case oauth.RedirectMismatch:
		if c.params.Get("redirect_uri") == "" {
			return &refusal{row: rowNoRedirect, cause: e}
		}
	}
	return words(codeRows, e)
}

// codeLife is how long an access token that a code gives lives where neither client nor realm say. Only a token that is stored may
// live so long: when everything that its user has is ended it is gone, while that others have ended is not remembered for a year.
func (k *Kustvakt) codeLife(ctx context.Context, rl *realm.Realm, id string) (realm.Duration, error) {
	c, err := k.clients.Get(ctx, rl.Name, id)
	if err != nil || c == nil || c.Type != client.Public {
		return accessTTL, err
	}
	if format := c.AccessToken.Or(rl.AccessToken).Format; format != "" && format != realm.Reference {
		return accessTTL, nil
	}
	return publicTTL, nil
}
