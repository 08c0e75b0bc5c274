package oauth

import (
	"errors"
	"time"
)

// A Code is an error code of RFC 6749 section 5.2, RFC 7009 section 2.2.1 or RFC 6750 section 3.1.
type Code string

// The codes.
const (
	InvalidRequest       Code = "invalid_request"
	InvalidClient        Code = "invalid_client"
	InvalidGrant         Code = "invalid_grant"
	UnauthorizedClient   Code = "unauthorized_client"
	UnsupportedGrantType Code = "unsupported_grant_type"
	InvalidScope         Code = "invalid_scope"
	InvalidTarget        Code = "invalid_target"         // RFC 8707 section 2
	UnsupportedTokenType Code = "unsupported_token_type" // RFC 7009 section 2.2.1
	InvalidToken         Code = "invalid_token"          // RFC 6750 section 3.1
	InsufficientScope    Code = "insufficient_scope"     // RFC 6750 section 3.1
	TemporarilyDown      Code = "temporarily_unavailable"

	// RFC 6749 section 4.1.2.1, OpenID Connect Core section 3.1.2.6, RFC 9101 section 5.2 and RFC 9470 section 5.
	AccessDenied            Code = "access_denied"
	UnsupportedResponseType Code = "unsupported_response_type"
	LoginRequired           Code = "login_required"
	ConsentRequired         Code = "consent_required"
	InteractionRequired     Code = "interaction_required"
	AccountSelection        Code = "account_selection_required"
	InvalidRequestURI       Code = "invalid_request_uri"
	InvalidRequestObject    Code = "invalid_request_object"
	RequestNotSupported     Code = "request_not_supported"
	RequestURINotSupported  Code = "request_uri_not_supported"
	RegistrationUnsupported Code = "registration_not_supported"
	UnmetAuthentication     Code = "unmet_authentication_requirements"
	InsufficientUserAuth    Code = "insufficient_user_authentication"

	// RFC 7591 section 3.2.2.
	InvalidRedirectURI    Code = "invalid_redirect_uri"
	InvalidClientMetadata Code = "invalid_client_metadata"
	ServerError           Code = "server_error"
)

// An Error is a refusal: a wire code, the reason behind it, and words that a stranger may read.
type Error struct {
	Code        Code
	Reason      Reason
	Description string        // for the caller; holds no secret and does not tell which half of a credential was wrong
	Subject     string        // what the reason is about: a client id, a scope, a grant type, a parameter, a token id
	RetryAfter  time.Duration // with TooManyFailures and Busy
	Err         error         // the cause; logged, never shown
}

// Error is for logs. It never contains Subject, which may be something a stranger sent.
func (e *Error) Error() string {
	if e.Err != nil {
		return string(e.Reason) + ": " + e.Err.Error()
	}
	return string(e.Reason)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Fail makes the Error for a reason, with the standard code and description of that reason. Subject may be empty.
func Fail(reason Reason, subject string) *Error {
	w := standard[reason]
	if w.code == "" {
		w = standard[InternalError]
	}
	return &Error{Code: w.code, Reason: reason, Description: w.text, Subject: subject}
}

// Because is Fail with a cause for the log.
func Because(reason Reason, cause error) *Error {
	e := Fail(reason, "")
	e.Err = cause
	return e
}

// AsError finds the Error in err. Anything that is not one is InternalError with err as its cause; nil stays nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return Because(InternalError, err)
}

// ReasonOf returns the reason of err: "" for nil, InternalError for an error that is not an Error.
func ReasonOf(err error) Reason {
	if err == nil {
		return ""
	}
	return AsError(err).Reason
}
