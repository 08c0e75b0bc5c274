package user

import (
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"sallyport/realm"
)

const (
	maxURL        = 2000
	maxAttributes = 16 << 10 // bytes of all attributes as JSON
)

// checkProfile holds a profile against OpenID Connect Core section 5.1.
func checkProfile(u *User) error {
	p := &u.Profile
	for _, f := range []struct{ field, value string }{
		{"given_name", p.GivenName}, {"family_name", p.FamilyName}, {"middle_name", p.MiddleName}, {"nickname", p.Nickname},
		{"preferred_username", p.PreferredUsername}, {"gender", p.Gender}, {"zoneinfo", p.Zoneinfo}, {"locale", p.Locale}, {"phone_number", p.Phone},
		{"address.locality", p.Address.Locality}, {"address.region", p.Address.Region}, {"address.postal_code", p.Address.PostalCode}, {"address.country", p.Address.Country},
		// Those two may have several lines.
		{"address.formatted", lines(p.Address.Formatted)}, {"address.street_address", lines(p.Address.Street)},
	} {
		if err := checkText("profile."+f.field, f.value); err != nil {
			return err
		}
	}
	for _, f := range []struct{ field, value string }{{"profile", p.Page}, {"picture", p.Picture}, {"website", p.Website}} {
		if f.value != "" && !isPage(f.value) {
			return fmt.Errorf("profile.%s: %s is not a web address; use one such as https://example.org/dory", f.field, realm.Show(f.value))
		}
	}
	switch {
	case p.Birthdate != "" && !isBirthdate(p.Birthdate):
		return fmt.Errorf("profile.birthdate: %s is not a date; write 1990-12-31, 0000-12-31 without the year, or 1990 alone", realm.Show(p.Birthdate))
	case p.Zoneinfo != "" && !isZone(p.Zoneinfo):
		return fmt.Errorf("profile.zoneinfo: %s names no time zone; use a name such as Europe/Berlin", realm.Show(p.Zoneinfo))
	case p.Locale != "" && !isLocale(p.Locale):
		return fmt.Errorf("profile.locale: %s is not a language tag; use one such as en-GB", realm.Show(p.Locale))
	case p.PhoneVerified && p.Phone == "":
		return fmt.Errorf("profile.phone_number_verified: there is no phone number; give phone_number, or leave this out")
	case u.EmailVerified && u.Email == "":
		return fmt.Errorf("email_verified: there is no address; give email, or leave this out")
	}
	return checkAttributes(u.Attributes)
}

func lines(s string) string { return strings.NewReplacer("\r\n", " ", "\n", " ").Replace(s) }

func isPage(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && len(raw) <= maxURL && realm.Printable(raw)
}

func isBirthdate(s string) bool {
	if rest, ok := strings.CutPrefix(s, "0000-"); ok {
		s = "2000-" + rest // a leap year: people are born on 29 February
	}
	_, year := time.Parse("2006", s)
	_, day := time.Parse(time.DateOnly, s)
	return year == nil || day == nil
}

func isZone(s string) bool {
	_, err := time.LoadLocation(s)
	return err == nil && s != "Local"
}

// isLocale: the shape of RFC 5646, with the underscore that some write.
func isLocale(s string) bool {
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == '-' || r == '_' })
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	return len(parts) > 0 && len(s) <= 35 && strings.Trim(parts[0], letters) == "" && !slices.ContainsFunc(parts, func(p string) bool {
		return len(p) > 8 || strings.Trim(p, letters+"0123456789") != ""
	})
}

func checkAttributes(m map[string]any) error {
	if len(m) == 0 {
		return nil
	}
	for name := range m {
		if name == "" || len(name) > maxText || !realm.Printable(name) {
			return fmt.Errorf("attributes: %s is not a name; use at most %d bytes of text", realm.Show(name), maxText)
		}
	}
	text, err := json.Marshal(m)
	switch {
	case err != nil:
		return fmt.Errorf("attributes: cannot be written as JSON; use texts, numbers, true, false, lists and keys")
	case len(text) > maxAttributes:
		return fmt.Errorf("attributes: have %d bytes; use at most %d", len(text), maxAttributes)
	}
	return nil
}
