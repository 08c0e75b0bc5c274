package client

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"sallyport/expression"
	"sallyport/jose"
	"sallyport/realm"
)

const (
	maxClaims  = 100
	maxDefault = 10 * 365 * 24 * 3600 // seconds: the longest default_max_age
)

func checkOpenID(c *Client) error {
	for _, check := range []func(*Client) error{checkOpenIDNames, checkOpenIDAlgs, checkOpenIDURLs, checkSubject, checkLogoutURIs, checkClaims} {
		if err := check(c); err != nil {
			return fmt.Errorf("openid.%w", err)
		}
	}
	return nil
}

func checkOpenIDNames(c *Client) error {
	o := &c.OpenID
	switch {
	case o.ApplicationType != "" && o.ApplicationType != "web" && o.ApplicationType != "native":
		return fmt.Errorf("application_type: %s is not a kind of application; use web or native", realm.Show(o.ApplicationType))
	case o.DefaultMaxAge != nil && (*o.DefaultMaxAge < 0 || *o.DefaultMaxAge > maxDefault):
		return fmt.Errorf("default_max_age: %d cannot be used; give seconds, 0 to %d", *o.DefaultMaxAge, maxDefault)
	}
	for _, l := range []struct {
		field  string
		values []string
		most   int
	}{{"contacts", o.Contacts, maxText}, {"default_acr_values", o.DefaultACR, maxText}, {"request_uris", o.RequestURIs, maxLong}, {"post_logout_redirect_uris", o.PostLogoutRedirectURIs, maxLong}} {
		if err := checkList(l.field, l.values, l.most); err != nil {
			return err
		}
	}
	return nil
}

// checkOpenIDAlgs: what this server signs it signs by a key that others can verify by; alg none is for request objects alone,
// where an operator wants them (OpenID Connect Registration section 2).
func checkOpenIDAlgs(c *Client) error {
	o := &c.OpenID
	for _, f := range []struct {
		field, value string
		known        []string
	}{{"id_token_alg", o.IDTokenAlg, realm.Algs()}, {"userinfo_alg", o.UserInfoAlg, realm.Algs()}, {"request_object_alg", o.RequestObjectAlg, append(jose.Asymmetric(), "none")}} {
		if f.value != "" && !slices.Contains(f.known, f.value) {
			return fmt.Errorf("%s: %s is not an algorithm for that; use %s", f.field, realm.Show(f.value), strings.Join(f.known, ", "))
		}
	}
	if o.RequireSigned && o.RequestObjectAlg == "none" {
		return fmt.Errorf("request_object_alg: none is no signature, and require_signed_request wants one; use %s", strings.Join(jose.Asymmetric(), ", "))
	}
	return nil
}

func checkOpenIDURLs(c *Client) error {
	o := &c.OpenID
	for _, f := range []struct {
		field, value string
		https        bool
	}{
		{"logo_uri", o.LogoURI, false}, {"policy_uri", o.PolicyURI, false}, {"tos_uri", o.TosURI, false},
		{"sector_identifier_uri", o.SectorIdentifierURI, true}, // OpenID Connect Registration section 5
		{"initiate_login_uri", o.InitiateLoginURI, true},       // likewise section 2
		{"backchannel_logout_uri", o.BackchannelLogoutURI, false}, {"frontchannel_logout_uri", o.FrontchannelLogoutURI, false},
	} {
		if err := c.checkWeb(f.field, f.value, f.https); err != nil {
			return err
		}
	}
	for _, raw := range o.RequestURIs {
		if err := c.checkWeb("request_uris", raw, false); err != nil {
			return err
		}
	}
	return nil
}

// checkWeb checks the URL of a page or service. Plain http is for this machine, and only an administrator has business there.
func (c *Client) checkWeb(field, raw string, https bool) error {
	if raw == "" {
		return nil
	}
	if err := realm.CheckURL(raw); err != nil {
		return fmt.Errorf("%s: %w", field, err)
	}
	if (https || c.Registered != nil) && !strings.HasPrefix(strings.ToLower(raw), "https:") {
		return fmt.Errorf("%s: %s is not https; use https", field, realm.Show(raw))
	}
	return nil
}

// checkSubject sees that pairwise subjects have a sector (OpenID Connect Core section 8.1).
func checkSubject(c *Client) error {
	o := &c.OpenID
	switch o.SubjectType {
	case "", "public":
		return nil
	case "pairwise":
	default:
		return fmt.Errorf("subject_type: %s is not a kind of subject; use public or pairwise", realm.Show(o.SubjectType))
	}
	if o.SectorIdentifierURI != "" {
		return nil
	}
	hosts := map[string]bool{}
	for _, raw := range c.RedirectURIs {
		if u, err := url.Parse(raw); err == nil && (u.Scheme == "https" || u.Scheme == "http") {
			hosts[strings.ToLower(u.Hostname())] = true
		} else { // in a scheme of its own an application chooses what stands for a host
			hosts[""] = true
		}
	}
	if len(hosts) != 1 || hosts[""] {
		return fmt.Errorf("sector_identifier_uri: is missing, and the redirect URIs are not all of one host; give the URL of a list of them")
	}
	return nil
}

func checkLogoutURIs(c *Client) error {
	o := &c.OpenID
	for _, raw := range o.PostLogoutRedirectURIs {
		if err := checkRedirect(raw); err != nil {
			return fmt.Errorf("post_logout_redirect_uris: %w", err)
		}
	}
	if strings.Contains(o.BackchannelLogoutURI, "#") { // OpenID Connect Back-Channel Logout section 2.2
		return fmt.Errorf("backchannel_logout_uri: %s has a fragment; leave out everything from # on", realm.Show(o.BackchannelLogoutURI))
	}
	if o.FrontchannelLogoutURI == "" {
		return nil
	}
	// OpenID Connect Front-Channel Logout section 2: of the origin of a redirect URI.
	own := origin(o.FrontchannelLogoutURI)
	if !slices.ContainsFunc(c.RedirectURIs, func(raw string) bool { return origin(raw) == own }) {
		return fmt.Errorf("frontchannel_logout_uri: %s has neither scheme, host and port of a redirect URI; use one beside them", realm.Show(o.FrontchannelLogoutURI))
	}
	return nil
}

func origin(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || u.Host == "" {
		return ""
	}
	port := u.Port()
	if port == "" {
		port = map[string]string{"https": "443", "http": "80"}[u.Scheme]
	}
	return u.Scheme + "://" + strings.ToLower(u.Hostname()) + ":" + port
}

// ownClaims are those by which this server speaks about what it issues: in ID tokens, access tokens, UserInfo or logout tokens
// (RFC 7519 section 4.1, OpenID Connect Core section 2, RFC 7800, RFC 9068, the logout specifications).
var ownClaims = []string{
	"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "typ", "cnf", "act", "may_act", "client_id", "scope", "gid", "uic", "auth_time", "nonce", "acr",
	"amr", "azp", "at_hash", "c_hash", "s_hash", "sid", "events", "sub_jwk", "_claim_names", "_claim_sources",
}

// OwnClaim reports whether the value of a claim is this server's word, which no expression replaces. Case does not matter: a
// reader that is careless about it must not be led astray.
func OwnClaim(name string) bool { return slices.Contains(ownClaims, strings.ToLower(name)) }

func checkClaims(c *Client) error {
	if len(c.OpenID.Claims) > maxClaims {
		return fmt.Errorf("claims: %d are too many; give at most %d", len(c.OpenID.Claims), maxClaims)
	}
	for _, name := range sortedKeys(c.OpenID.Claims) {
		switch {
		case name == "" || len(name) > maxText || !realm.Printable(name):
			return fmt.Errorf("claims: %s is not a claim name; use at most %d bytes of text", realm.Show(name), maxText)
		case OwnClaim(name):
			return fmt.Errorf("claims: %s is the server's own; choose another name", name)
		}
		if _, err := expression.CompileClaim(c.OpenID.Claims[name]); err != nil {
			return fmt.Errorf("claims: %s: %w", realm.Show(name), err)
		}
	}
	return nil
}
