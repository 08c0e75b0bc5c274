package authorize

import (
	"slices"
	"strings"

	"sallyport/client"
	"sallyport/oauth"
	"sallyport/realm"
)

// CheckForeign holds a request that came by another product's front door against what realm and client demand of every request.
// Such a door reads its own parameters; what it cannot do, push or sign a request, it must not be a way around. A client that
// proves nothing at the token endpoint needs a challenge as it does here, unless the door says that its clients are older than
// that (bare) and the realm does not insist.
func CheckForeign(rl *realm.Realm, c *client.Client, challenge, method string, bare bool) error {
	required := rl.RequirePKCE || c.OpenID.RequirePKCE || c.Type == client.Public && !bare
	switch {
	case !slices.Contains(c.Grants, GrantType):
		return oauth.Fail(oauth.GrantNotAllowed, GrantType)
	case rl.RequirePAR || c.OpenID.RequirePAR || c.OpenID.RequireSigned:
		return oauth.Fail(oauth.PushRequired, "")
	case challenge == "" && (required || method != ""):
		return oauth.Fail(oauth.ChallengeMissing, "")
	case challenge == "":
		return nil
	case method != "S256":
		return oauth.Fail(oauth.ChallengeMethod, "")
	case len(challenge) != challengeLen || strings.Trim(challenge, base64url) != "":
		return invalid("code_challenge", "Send the SHA-256 of the verifier in base64url without padding: 43 characters.")
	}
	return nil
}
