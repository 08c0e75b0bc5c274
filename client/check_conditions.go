package client

import (
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"sallyport/realm"
)

const (
	maxRate         = 1_000_000
	maxCertificates = 64
)

func checkConditions(c *Client) error {
	if len(c.Addresses) > maxList {
		return fmt.Errorf("addresses: %d are too many; give at most %d, or wider prefixes", len(c.Addresses), maxList)
	}
	for i, n := range c.Addresses {
		if !n.IsValid() || n.Prefix != n.Masked() {
			return fmt.Errorf("addresses: number %d is no address; write it like 192.0.2.7 or 10.0.0.0/8", i+1)
		}
		if slices.ContainsFunc(c.Addresses[:i], n.Equal) {
			return fmt.Errorf("addresses: %s is given twice; remove one", n)
		}
	}
	return nil
}

func checkLimits(c *Client) error {
	switch {
	case c.Rate < 0 || c.Rate > maxRate:
		return fmt.Errorf("rate: %d cannot be used; give the calls per second, 1 to %d, or leave it out for no limit", c.Rate, maxRate)
	case c.TokenUses < 0:
		return fmt.Errorf("token_uses: %d is negative; give the calls that a token is good for, or leave it out for no limit", c.TokenUses)
	case c.Priority < 0 || c.Priority > 9:
		return fmt.Errorf("priority: %d is none; give 1 for what is served first to 9 for last, or leave it out for 5", c.Priority)
	}
	return c.Quota.Check()
}

// periods are the names of the periods of a Quota.
var periods = []string{"hour", "day", "week", "month", "ever"}

// Check reports what is wrong with a quota, nil if nothing.
func (q Quota) Check() error {
	switch {
	case q.Calls < 0:
		return fmt.Errorf("quota.calls: %d is negative; give the calls in a period, or leave quota out for no limit", q.Calls)
	case q.Per != "" && !slices.Contains(periods, q.Per):
		return fmt.Errorf("quota.per: %s is no period; use hour, day, week, month or ever", realm.Show(q.Per))
	case q.Calls == 0 && q != (Quota{}):
		return fmt.Errorf("quota.calls: it is missing; give the calls in a period")
	}
	if _, err := time.LoadLocation(q.Zone); err != nil || q.Zone == "Local" {
		return fmt.Errorf("quota.zone: %s names no time zone; use a name such as Europe/Berlin", realm.Show(q.Zone))
	}
	return nil
}

// checkCertificates: a certificate is named by its SHA-256 in hex, with colons or without as tools print it, or by its
// subject as RFC 4514 writes it.
func checkCertificates(c *Client) error {
	if len(c.Certificates) > maxCertificates {
		return fmt.Errorf("certificates: %d are too many; give at most %d", len(c.Certificates), maxCertificates)
	}
	for i, text := range c.Certificates {
		if err := checkText("certificates", text, maxLong); err != nil {
			return err
		}
		raw, err := hex.DecodeString(strings.ReplaceAll(text, ":", ""))
		if (err != nil || len(raw) != 32) && !isSubject(text) {
			return fmt.Errorf("certificates: %s is neither a SHA-256 in hex (64 digits) nor a subject such as CN=shop,O=Example", realm.Show(text))
		}
		if slices.Contains(c.Certificates[:i], text) {
			return fmt.Errorf("certificates: %s is given twice; remove one", realm.Show(text))
		}
	}
	return nil
}

// isSubject reports whether a text looks like a distinguished name: it begins with an attribute type and "=".
func isSubject(text string) bool {
	name, value, found := strings.Cut(text, "=")
	return found && value != "" && name != "" && strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.-") == ""
}
