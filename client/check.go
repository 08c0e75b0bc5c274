package client

import (
	"fmt"
	"net/url"
	"slices"
	"strings"

	"sallyport/realm"
	"sallyport/scope"
	"sallyport/user"
)

const (
	maxText    = 255  // bytes of a name, grant, audience or authority
	maxLong    = 2000 // bytes of a description or URL
	maxSecrets = 8    // each slow one costs a hash when a wrong secret is tried
	maxList    = 1000 // entries of any list
)

// Check reports what is wrong with a client, nil if nothing. Whether its scopes and grants exist is for whoever knows
// the realm.
func Check(c *Client) error {
	checks := []func(*Client) error{checkTexts, checkKind, checkSecrets, checkLists, checkURLs, checkTokens, checkConditions, checkLimits, checkCertificates,
		checkMethod, checkOpenID, checkRegistered}
	for _, check := range checks {
		if err := check(c); err != nil {
			return err
		}
	}
	return nil
}

func checkTexts(c *Client) error {
	if c.ID == "" {
		return fmt.Errorf("id: it is empty; give one")
	}
	if strings.Contains(c.ID, ":") { // RFC 7617 section 2: it could not be sent by Basic
		return fmt.Errorf("id: %s contains a colon; leave it out", realm.Show(c.ID))
	}
	for _, f := range []struct {
		field, value string
		most         int
	}{{"id", c.ID, MaxIDLength}, {"name", c.Name, maxText}, {"url", c.URL, maxLong}} {
		if err := checkText(f.field, f.value, f.most); err != nil {
			return err
		}
	}
	lines := strings.NewReplacer("\n", " ", "\r", " ", "\t", " ").Replace(c.Description) // a description may have some
	return checkText("description", lines, maxLong)
}

func checkText(field, value string, most int) error {
	switch {
	case len(value) > most:
		return fmt.Errorf("%s: %s has %d bytes; use at most %d", field, realm.Show(value), len(value), most)
	case !realm.Printable(value):
		return fmt.Errorf("%s: %s has characters that cannot be printed; leave them out", field, realm.Show(value))
	}
	return nil
}

func checkKind(c *Client) error {
	switch c.Type {
	case Confidential:
	case Public:
		switch {
		case len(c.Secrets) > 0:
			return fmt.Errorf("type: a public client cannot keep a secret; remove the secret, or make it confidential")
		case slices.Contains(c.Grants, "client_credentials"): // RFC 6749 section 4.4
			return fmt.Errorf("grants: a public client cannot use client_credentials; remove it, or make the client confidential")
		}
	default:
		return fmt.Errorf("type: %s is not a client type; use confidential or public", realm.Show(string(c.Type)))
	}
	switch c.Status {
	case On, Off, Locked:
	default:
		return fmt.Errorf("status: %s is not a status; use on, off or locked", realm.Show(string(c.Status)))
	}
	if !c.NotBefore.IsZero() && !c.NotAfter.IsZero() && !c.NotBefore.Before(c.NotAfter) {
		return fmt.Errorf("not_after: it is not later than not_before; give a later time")
	}
	return nil
}

func checkSecrets(c *Client) error {
	if len(c.Secrets) > maxSecrets {
		return fmt.Errorf("secrets: %d are too many; keep at most %d", len(c.Secrets), maxSecrets)
	}
	for i, s := range c.Secrets {
		if s.ID == "" || slices.ContainsFunc(c.Secrets[:i], func(o Secret) bool { return o.ID == s.ID }) {
			return fmt.Errorf("secrets: number %d has no id of its own; give it one", i+1)
		}
		if err := user.CheckHash(s.Hash); err != nil {
			return fmt.Errorf("secrets: number %d: %w", i+1, err)
		}
	}
	return nil
}

func checkLists(c *Client) error {
	for _, l := range []struct {
		field  string
		values []string
	}{{"grants", c.Grants}, {"scopes", c.Scopes}, {"audience", c.Audience}, {"authorities", c.Authorities}, {"redirect_uris", c.RedirectURIs}} {
		most := maxText
		if l.field == "redirect_uris" {
			most = maxLong
		}
		if err := checkList(l.field, l.values, most); err != nil {
			return err
		}
	}
	for _, name := range c.Scopes {
		if !scope.ValidName(name) {
			return fmt.Errorf("scopes: %s is not a scope name; use printable ASCII without space, quote or backslash, 1 to 128 characters", realm.Show(name))
		}
	}
	return nil
}

// checkList checks each entry of a list of texts, and that none comes twice.
func checkList(field string, values []string, most int) error {
	if len(values) > maxList {
		return fmt.Errorf("%s: %d are too many; give at most %d", field, len(values), maxList)
	}
	for i, v := range values {
		if v == "" || slices.Contains(values[:i], v) {
			return fmt.Errorf("%s: %s is empty or given twice; remove it", field, realm.Show(v))
		}
		if err := checkText(field, v, most); err != nil {
			return err
		}
	}
	return nil
}

func checkURLs(c *Client) error {
	if c.URL != "" {
		if u, err := url.Parse(c.URL); err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" {
			return fmt.Errorf("url: %s is not a web address; use one such as https://example.org/", realm.Show(c.URL))
		} else if c.Registered != nil && u.Scheme != "https" {
			return fmt.Errorf("url: %s is not https; use https", realm.Show(c.URL))
		}
	}
	for _, raw := range c.RedirectURIs {
		if err := checkRedirect(raw); err != nil {
			return fmt.Errorf("redirect_uris: %w", err)
		}
	}
	return nil
}

func checkTokens(c *Client) error {
	if err := c.AccessToken.Check(); err != nil {
		return fmt.Errorf("access_token: %w", err)
	}
	if err := c.RefreshToken.Check(); err != nil {
		return fmt.Errorf("refresh_token: %w", err)
	}
	return nil
}
