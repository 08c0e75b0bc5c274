package oauth

import (
	"encoding/base64"
	"strings"
)

// BasicPayload returns what follows the scheme "Basic" in an Authorization header value, and whether the scheme is
// Basic at all. The scheme name compares without case (RFC 9110 section 11.1).
func BasicPayload(header string) (payload string, ok bool) {
	const scheme = "basic"
	header = strings.TrimSpace(header)
	if len(header) < len(scheme) || !strings.EqualFold(header[:len(scheme)], scheme) {
		return "", false
	}
	rest := header[len(scheme):]
	if rest != "" && rest[0] != ' ' && rest[0] != '\t' {
		return "", false
	}
	return strings.TrimSpace(rest), true
}

// ParseBasic decodes the payload of a Basic header into the two halves around the first colon, as RFC 7617 section 2
// has it; nothing is URL-decoded. The error is ClientAuthMalformed.
func ParseBasic(payload string) (id, secret string, err error) {
	raw, err := base64.StdEncoding.DecodeString(payload)
	if err != nil {
		return "", "", Because(ClientAuthMalformed, err)
	}
	s := string(raw)
	if !clean(s) {
		return "", "", Fail(ClientAuthMalformed, "")
	}
	id, secret, ok := strings.Cut(s, ":")
	if !ok {
		return "", "", Fail(ClientAuthMalformed, "")
	}
	return id, secret, nil
}

// ParseBasicForm is ParseBasic with both halves form-decoded afterwards, which RFC 6749 section 2.3.1 asks of clients.
// A half that is not a valid form encoding is taken as it is: many clients skip that step, and a secret with a lone "%"
// can only come from one of them.
func ParseBasicForm(payload string) (id, secret string, err error) {
	id, secret, err = ParseBasic(payload)
	if err != nil {
		return "", "", err
	}
	if v, ok := unescape(id); ok && clean(v) {
		id = v
	}
	if v, ok := unescape(secret); ok && clean(v) {
		secret = v
	}
	return id, secret, nil
}
