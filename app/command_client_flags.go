package app

import (
	"encoding"
	"fmt"

	"github.com/spf13/pflag"

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
}

// text is any type that is text and no more.
type text string

// UnmarshalText implements encoding.TextUnmarshaler.
func (t *text) UnmarshalText(b []byte) error { *t = text(b); return nil }

// clientFlags adds the flags and returns what sets the given ones.
func clientFlags(flags *pflag.FlagSet) func(*deployment.Client) error {
	for _, f := range clientFields {
		switch f.field(&deployment.Client{}).(type) {
		case *bool:
			flags.Bool(f.name, false, f.usage)
		case *[]string:
			flags.StringSlice(f.name, nil, f.usage)
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
	case *[]string:
		*to, err = flags.GetStringSlice(name)
	case *string:
		*to, err = flags.GetString(name)
	case encoding.TextUnmarshaler:
		err = to.UnmarshalText([]byte(flags.Lookup(name).Value.String()))
	default:
		err = fmt.Errorf("has no form")
	}
	return err
}
