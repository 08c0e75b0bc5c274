package user

import (
	"fmt"

	"sallyport/realm"
)

const (
	maxText  = 255 // bytes of a name, alias, address, organisation or role
	maxRoles = 1000
)

// Check reports what is wrong with a user, nil if nothing.
func Check(u *User) error {
	if u.Name == "" {
		return fmt.Errorf("name: it is empty; give one")
	}
	for _, f := range []struct{ field, value string }{{"name", u.Name}, {"alias", u.Alias}, {"email", u.Email}, {"org", u.Org}} {
		if err := checkText(f.field, f.value); err != nil {
			return err
		}
	}
	switch u.Status {
	case On, Off, Locked:
	default:
		return fmt.Errorf("status: %s is not a status; use on, off or locked", realm.Show(string(u.Status)))
	}
	if len(u.Roles) > maxRoles {
		return fmt.Errorf("roles: %d are too many; give at most %d", len(u.Roles), maxRoles)
	}
	for _, role := range u.Roles {
		if role == "" {
			return fmt.Errorf("roles: one is empty; remove it")
		}
		if err := checkText("roles", role); err != nil {
			return err
		}
	}
	if err := checkProfile(u); err != nil {
		return err
	}
	switch {
	case u.Password == "":
		return nil
	case IsDigest(u.Password):
		return fmt.Errorf("password: a plain SHA-256 is no way to keep a password; use an argon2id, bcrypt, PBKDF2 or scrypt hash")
	}
	if err := CheckHash(u.Password); err != nil {
		return fmt.Errorf("password: %w", err)
	}
	return nil
}

func checkText(field, value string) error {
	switch {
	case len(value) > maxText:
		return fmt.Errorf("%s: %s has %d bytes; use at most %d", field, realm.Show(value), len(value), maxText)
	case !realm.Printable(value):
		return fmt.Errorf("%s: %s has characters that cannot be printed; leave them out", field, realm.Show(value))
	}
	return nil
}
