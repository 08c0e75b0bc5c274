package digirunner

import (
	"sallyport/oauth"
)

// assertionType is the client_assertion_type of RFC 7523 section 2.2.
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// refuseAssertion refuses a request that authenticates its client by an assertion (RFC 7523 section 2.2). Clients have no
// certificates here, so no assertion verifies; what is wrong with it otherwise is said first, as in the product. A
// request without one passes. An assertion is never ignored in favour of other credentials.
func refuseAssertion(p oauth.Params) error {
	kind, jwt := p.Get("client_assertion_type"), p.Get("client_assertion")
	text := ""
	switch said := peek(jwt); {
	case kind == "" && jwt == "":
		return nil
	case kind != assertionType:
		text = "The 'client_assertion_type' parameter is incorrect."
	case jwt == "":
		text = "Missing required parameter: client_assertion"
	case !said.read:
		text = "An error occurred during client_assertion JWS authentication."
	case said.Issuer == "":
		text = "client_assertion is missing issuer [iss]."
	case said.Expires == nil:
		text = "client_assertion is missing expiration time [exp]."
	default:
		text = "The client_assertion JWS verify error."
	}
	e := oauth.Fail(oauth.AssertionInvalid, "")
	e.Description = text
	return e
}
