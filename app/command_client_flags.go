package app

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"sallyport/client"
	"sallyport/deployment"
)

// A clientFlag sets one field of a client.
type clientFlag struct {
	name, usage string
	field       func(*deployment.Client) any
}

// clientFields are the fields of a client that have a flag.
var clientFields = []clientFlag{
	{"name", "the name shown to people", func(c *deployment.Client) any { return &c.Name }},
	{"description", "what it is for", func(c *deployment.Client) any { return &c.Description }},
	{"url", "where people find it", func(c *deployment.Client) any { return &c.URL }},
	{"type", "confidential or public", func(c *deployment.Client) any { return &c.Type }},
	{"status", "on, off or locked", func(c *deployment.Client) any { return &c.Status }},
	{"trusted", "may act for users on its own word", func(c *deployment.Client) any { return &c.Trusted }},
	{"grants", "grant types, separated by commas", func(c *deployment.Client) any { return &c.Grants }},
	{"scopes", "scopes, separated by commas", func(c *deployment.Client) any { return &c.Scopes }},
	{"audience", "aud of its tokens", func(c *deployment.Client) any { return &c.Audience }},
	{"authorities", "digiRunner's authorities", func(c *deployment.Client) any { return &c.Authorities }},
	{"redirect-uris", "where sign-in may send people back to", func(c *deployment.Client) any { return &c.RedirectURIs }},
	{"token-format", "jwt, opaque or reference", func(c *deployment.Client) any { return (*text)(&c.AccessToken.Format) }},
	{"token-ttl", "life of its access tokens, such as 30m", func(c *deployment.Client) any { return &c.AccessToken.TTL }},
	{"token-alg", "signature of its JWTs: RS256, PS256, ES256 or EdDSA", func(c *deployment.Client) any { return &c.AccessToken.Alg }},
	{"refresh-ttl", "life of its grants, such as 30d", func(c *deployment.Client) any { return &c.RefreshToken.TTL }},
	{"not-before", "it may act from then on, such as 2026-01-31", func(c *deployment.Client) any { return &c.NotBefore }},
	{"not-after", "from then on it may not", func(c *deployment.Client) any { return &c.NotAfter }},
	{"addresses", "addresses and prefixes it calls from, separated by commas", func(c *deployment.Client) any { return &c.Addresses }},
	{"hours", "hours it calls at, such as \"08:00-18:00 Asia/Taipei\"", func(c *deployment.Client) any { return &c.Hours }},
	{"rate", "calls per second to all APIs together whose rate limit leaves it to the client", func(c *deployment.Client) any { return &c.Rate }},
	{"quota", "calls in a period, such as 10000/day or \"5000/month Europe/Berlin\"", func(c *deployment.Client) any { return (*quotaText)(&c.Quota) }},
	{"token-uses", "calls that one access token is good for", func(c *deployment.Client) any { return &c.TokenUses }},
	{"priority", "1 is served first under pressure, 9 last", func(c *deployment.Client) any { return &c.Priority }},
	{"certificates", "client certificate it may come with: SHA-256 in hex or subject; may be repeated", func(c *deployment.Client) any { return (*repeated)(&c.Certificates) }},
	{"auth-method", "the only way it may authenticate: client_secret_basic, client_secret_post, client_secret_jwt, private_key_jwt or none", func(c *deployment.Client) any { return &c.AuthMethod }},
	{"auth-alg", "the only algorithm of its assertions, such as ES256", func(c *deployment.Client) any { return &c.AuthAlg }},
	{"jwks", "its public keys, a JWK Set as JSON", func(c *deployment.Client) any { return (*jsonText)(&c.JWKS) }},
	{"jwks-uri", "where its public keys are", func(c *deployment.Client) any { return &c.JWKSURI }},
	{"post-logout-redirect-uris", "where people may be sent after they signed out", func(c *deployment.Client) any { return &c.OpenID.PostLogoutRedirectURIs }},
	{"backchannel-logout-uri", "is told by a POST when a user signed out", func(c *deployment.Client) any { return &c.OpenID.BackchannelLogoutURI }},
	{"frontchannel-logout-uri", "is loaded in the user's browser when the user signed out", func(c *deployment.Client) any { return &c.OpenID.FrontchannelLogoutURI }},
	{"subject-type", "public, or pairwise: every sector knows a user by another name", func(c *deployment.Client) any { return &c.OpenID.SubjectType }},
	{"id-token-alg", "signature of its ID tokens: RS256, PS256, ES256 or EdDSA", func(c *deployment.Client) any { return &c.OpenID.IDTokenAlg }},
	{"userinfo-alg", "UserInfo is a JWT with this signature; empty: plain JSON", func(c *deployment.Client) any { return &c.OpenID.UserInfoAlg }},
	{"require-par", "its authorization requests are pushed (RFC 9126)", func(c *deployment.Client) any { return &c.OpenID.RequirePAR }},
	{"require-pkce", "its authorization requests have a code challenge, though it is confidential", func(c *deployment.Client) any { return &c.OpenID.RequirePKCE }},
	{"skip-consent", "people are not asked whether they agree: it is the operator's own", func(c *deployment.Client) any { return &c.OpenID.SkipConsent }},
}

// text is any type that is text and no more.
type text string

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *text) UnmarshalText(b []byte) error { *t = text(b); return nil }

// jsonText is a value written as JSON. An empty text is none.
type jsonText deployment.JSON

// UnmarshalText implements encoding.TextUnmarshaler.
func (j *jsonText) UnmarshalText(b []byte) error {
	if len(b) > 0 && !json.Valid(b) {
		return errors.New("is not JSON")
	}
	*j = jsonText(slices.Clone(b))
	return nil
}

// repeated is a list whose values may hold commas: its flag is given once for each.
type repeated []string

// A quotaText is a quota written as one text: CALLS/PERIOD and a time zone.
type quotaText deployment.Quota

// UnmarshalText implements encoding.TextUnmarshaler. An empty text is no quota.
func (q *quotaText) UnmarshalText(b []byte) error {
	*q = quotaText{}
	if len(b) == 0 {
		return nil
	}
	amount, zone, _ := strings.Cut(string(b), " ")
	calls, per, _ := strings.Cut(amount, "/")
	n, err := strconv.ParseInt(calls, 10, 64)
	if err != nil {
		return fmt.Errorf("%.40q is not a quota; write calls and period, such as 10000/day", b)
	}
	*q = quotaText{Calls: n, Per: per, Zone: strings.TrimSpace(zone)}
	return nil
}

// clientFlags adds the flags and returns what sets the given ones.
func clientFlags(flags *pflag.FlagSet) func(*deployment.Client) error {
	for _, f := range clientFields {
		switch f.field(&deployment.Client{}).(type) {
		case *bool:
			flags.Bool(f.name, false, f.usage)
		case *[]string, *[]client.Network:
			flags.StringSlice(f.name, nil, f.usage)
		case *repeated:
			flags.StringArray(f.name, nil, f.usage)
		case *int:
			flags.Int(f.name, 0, f.usage)
		case *int64:
			flags.Int64(f.name, 0, f.usage)
		default:
			flags.String(f.name, "", f.usage)
		}
	}
	return func(c *deployment.Client) error {
		for _, f := range clientFields {
			if !flags.Changed(f.name) {
				continue
			}
			if err := setFlag(flags, f.name, f.field(c)); err != nil {
				return usage("--%s: %v", f.name, err)
			}
		}
		return nil
	}
}

// setFlag writes a flag's value to where it belongs.
func setFlag(flags *pflag.FlagSet, name string, to any) error {
	var err error
	switch to := to.(type) {
	case *bool:
		*to, err = flags.GetBool(name)
	case **bool:
		var given bool
		given, err = flags.GetBool(name)
		*to = &given
	case *[]string:
		*to, err = flags.GetStringSlice(name)
	case *[]client.Network:
		*to, err = networks(flags, name)
	case *repeated:
		*to, err = flags.GetStringArray(name)
	case *int:
		*to, err = flags.GetInt(name)
	case *int64:
		*to, err = flags.GetInt64(name)
	case *string:
		*to, err = flags.GetString(name)
	case encoding.TextUnmarshaler:
		err = to.UnmarshalText([]byte(flags.Lookup(name).Value.String()))
	default:
		err = fmt.Errorf("has no form")
	}
	return err
}

func networks(flags *pflag.FlagSet, name string) ([]client.Network, error) {
	texts, err := flags.GetStringSlice(name)
	if err != nil {
		return nil, err
	}
	var list []client.Network
	for _, text := range texts {
		n, err := client.ParseNetwork(text)
		if err != nil {
			return nil, err
		}
		list = append(list, n)
	}
	return list, nil
}
