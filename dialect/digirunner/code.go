package digirunner

import (
	"sallyport/authorize"
	"sallyport/client"
	"sallyport/oauth"
)

// earlierThanCode puts the product's order of checks right: what is missing, and whether the redirect URI is one of the client's,
// is told before anything about the code. The pipeline has decided by then, and it decides by the code first.
func (f *front) earlierThanCode(c *call, creds client.Credentials, p oauth.Params, err error) error {
	if !aboutCode[oauth.ReasonOf(err)] {
		return err
	}
	if creds.Secret == "" && p.Get("code_verifier") == "" {
		return oauth.Fail(oauth.VerifierMissing, "code_verifier")
	}
	uri := p.Get("redirect_uri")
	switch {
	case p.Get("code") == "":
		return err
	case uri == "":
		return oauth.Fail(oauth.RedirectMissing, "redirect_uri")
	}
	known, lookup := f.Clients.Get(c.r.Context(), c.realm.Name, creds.ID)
	if lookup == nil && known != nil && !authorize.Registered(known.RedirectURIs, uri) {
		return oauth.Fail(oauth.RedirectMismatch, "redirect_uri")
	}
	return err
}

// aboutCode holds the reasons that are given once the client is believed and may use the grant.
var aboutCode = map[oauth.Reason]bool{
	oauth.CodeMissing: true, oauth.CodeUnknown: true, oauth.CodeWrongClient: true, oauth.CodeReplayed: true, oauth.CodeExpired: true,
	oauth.RedirectMismatch: true, oauth.VerifierMissing: true, oauth.VerifierWrong: true,
}

// provided is as whose users somebody signed in for an access token that was just made or verified, "" if nobody did.
func provided(access string) string { return peek(access).Provider }
