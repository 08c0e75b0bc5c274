package client

import (
	"time"

	"sallyport/oauth"
)

// Unfit says why the client may not act at the moment now, "" if it may.
func (c *Client) Unfit(now time.Time) oauth.Reason {
	switch {
	case c.Status == Locked:
		return oauth.ClientLocked
	case c.Status != On:
		return oauth.ClientDisabled
	case now.Before(c.NotBefore):
		return oauth.ClientNotYetValid
	case !c.NotAfter.IsZero() && !now.Before(c.NotAfter):
		return oauth.ClientExpired
	}
	return ""
}
