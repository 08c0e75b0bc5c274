package credential

import (
	"fmt"
	"slices"

	"sallyport/feed"
	"sallyport/realm"
	"sallyport/scope"
)

// Check reports what is wrong with a credential, nil if nothing.
func Check(c *Credential) error {
	switch {
	case !realm.Printable(c.ID) || c.ID == "" || len(c.ID) > feed.MaxName:
		return fmt.Errorf("id: %s is not an id; use 1 to %d printable bytes", realm.Show(c.ID), feed.MaxName)
	case c.Client == "":
		return fmt.Errorf("client: is empty; name the client that the credential belongs to")
	case !slices.Contains([]Kind{APIKey, Signature}, c.Kind):
		return fmt.Errorf("kind: %s is not a kind of credential; use %s or %s", realm.Show(string(c.Kind)), APIKey, Signature)
	case c.Kind == Signature && len(c.Sealed) == 0:
		return fmt.Errorf("secret: is missing; a signing key has one")
	case c.Kind == APIKey && len(c.Sealed) != 0:
		return fmt.Errorf("secret: an API key has none but itself; leave it out")
	case c.Hash == [32]byte{}:
		return fmt.Errorf("hash: is missing; a credential is found by it")
	case c.Status != On && c.Status != Off:
		return fmt.Errorf("status: %s is not a status; use %s or %s", realm.Show(string(c.Status)), On, Off)
	case !realm.Printable(c.Name) || len(c.Name) > 1000:
		return fmt.Errorf("name: %s is not a name; use up to 1000 printable bytes", realm.Show(c.Name))
	case c.Uses < 0:
		return fmt.Errorf("uses: %d is negative; use 0 for no limit", c.Uses)
	case !c.NotAfter.IsZero() && !c.NotBefore.Before(c.NotAfter):
		return fmt.Errorf("not_after: is not after not_before; choose a later moment")
	}
	for _, name := range c.Scopes {
		if !scope.ValidName(name) {
			return fmt.Errorf("scopes: %s is not a scope name; use printable ASCII without space, quote or backslash", realm.Show(name))
		}
	}
	for _, name := range c.APIs {
		if name == "" || !realm.Printable(name) {
			return fmt.Errorf("apis: %s is not the name of an API; `sallyport export` shows those there are", realm.Show(name))
		}
	}
	return nil
}
