package client

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"sallyport/jose"
	"sallyport/realm"
)

// checkMethod sees that a client can authenticate in the way it is registered for, and has the keys for it.
func checkMethod(c *Client) error {
	methods := []Method{MethodNone, MethodBasic, MethodPost, MethodPrivateKeyJWT, MethodSecretJWT}
	switch {
	case c.AuthMethod == "":
	case !slices.Contains(methods, c.AuthMethod):
		return fmt.Errorf("auth_method: %s is not a method; use none, client_secret_basic, client_secret_post, client_secret_jwt or private_key_jwt", realm.Show(string(c.AuthMethod)))
	case (c.AuthMethod == MethodNone) != (c.Type == Public):
		return fmt.Errorf("auth_method: %s does not fit a %s client; a public client has none, and no other client", c.AuthMethod, c.Type)
	case c.AuthMethod == MethodPrivateKeyJWT && len(c.JWKS) == 0 && c.JWKSURI == "":
		return fmt.Errorf("auth_method: private_key_jwt needs the client's public keys; give jwks or jwks_uri")
	}
	if err := checkAuthAlg(c); err != nil {
		return err
	}
	if len(c.JWKS) > 0 && c.JWKSURI != "" { // RFC 7591 section 2
		return fmt.Errorf("jwks_uri: there are keys in jwks too; give one of the two")
	}
	if len(c.JWKS) > 0 {
		if err := jose.CheckSet(c.JWKS); err != nil {
			return fmt.Errorf("jwks: %w", err)
		}
	}
	return c.checkWeb("jwks_uri", c.JWKSURI, false)
}

func checkAuthAlg(c *Client) error {
	fits := AssertionAlgs(c.AuthMethod)
	switch {
	case c.AuthAlg == "":
		return nil
	case len(fits) == 0:
		return fmt.Errorf("auth_alg: it is for client_secret_jwt and private_key_jwt; leave it out, or set auth_method to one of them")
	}
	if !slices.Contains(fits, c.AuthAlg) {
		return fmt.Errorf("auth_alg: %s is not an algorithm of %s; use %s", realm.Show(c.AuthAlg), c.AuthMethod, strings.Join(fits, ", "))
	}
	return nil
}

// checkRedirect holds a redirect URI against RFC 6749 section 3.1.2: absolute, without fragment. Schemes that run code in a
// browser are never a way back to a client.
func checkRedirect(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || !u.IsAbs() || strings.ContainsAny(raw, " \\"):
		return fmt.Errorf("%s is not an absolute URI; use one such as https://app.example.org/callback", realm.Show(raw))
	case strings.Contains(raw, "#"):
		return fmt.Errorf("%s has a fragment; leave out everything from # on", realm.Show(raw))
	case slices.Contains([]string{"javascript", "data", "vbscript", "blob", "file", "about", "view-source"}, strings.ToLower(u.Scheme)):
		return fmt.Errorf("%s has a scheme that cannot lead back to a client; use https or the client's own", realm.Show(raw))
	case strings.Contains(u.Host, "*"):
		return fmt.Errorf("%s has a wildcard; redirect URIs are compared character by character, so name each host", realm.Show(raw))
	case (u.Scheme == "https" || u.Scheme == "http") && (u.Host == "" || u.Hostname() == "" || u.User != nil):
		return fmt.Errorf("%s has no host or names a user; use one such as https://app.example.org/callback", realm.Show(raw))
	}
	return nil
}

// checkRegistered holds the redirect URIs of a client that registered itself against its kind (OpenID Connect Registration
// section 2, RFC 8252 section 7, RFC 9700 section 2.6).
func checkRegistered(c *Client) error {
	if c.Registered == nil {
		return nil
	}
	for _, l := range []struct {
		field string
		uris  []string
	}{{"redirect_uris", c.RedirectURIs}, {"openid.post_logout_redirect_uris", c.OpenID.PostLogoutRedirectURIs}} {
		for _, raw := range l.uris {
			if err := c.checkOwnRedirect(raw); err != nil {
				return fmt.Errorf("%s: %w", l.field, err)
			}
		}
	}
	return nil
}

func (c *Client) checkOwnRedirect(raw string) error {
	u, err := url.Parse(raw)
	if err != nil {
		return err
	}
	scheme, native := strings.ToLower(u.Scheme), c.OpenID.ApplicationType == "native"
	switch {
	case scheme == "https":
		return nil
	case scheme == "http" && realm.IsLoopback(u.Hostname()) && (native || c.Type == Public):
		// A public client on this machine may have forgotten to say that it is native: its secret would be no safer.
		return nil
	case scheme == "http" && native:
		return fmt.Errorf("%s is not on this machine; a native application uses http on 127.0.0.1, [::1] or localhost, https, or a scheme of its own", realm.Show(raw))
	case !native:
		return fmt.Errorf("%s is not https; a web application uses https. Is it a native one? Then set application_type to native", realm.Show(raw))
	case !strings.Contains(scheme, "."): // RFC 8252 sections 7.1 and 8.4
		return fmt.Errorf("%s has a scheme without a period, which anybody may claim; use one made from a domain name, such as org.example.app:/callback", realm.Show(raw))
	}
	return nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
