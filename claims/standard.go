package claims

import (
	"slices"
	"strings"

	"sallyport/user"
)

// ofScope is which claims a scope opens (OpenID Connect Core section 5.4).
var ofScope = map[string][]string{
	"profile": {
		"name", "family_name", "given_name", "middle_name", "nickname", "preferred_username", "profile", "picture",
		"website", "gender", "birthdate", "zoneinfo", "locale", "updated_at",
	},
	"email":   {"email", "email_verified"},
	"address": {"address"},
	"phone":   {"phone_number", "phone_number_verified"},
}

// Supported returns the names of the claims that can be told (claims_supported, OpenID Connect Discovery section 3).
func Supported() []string {
	names := []string{"sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid"}
	for _, s := range []string{"profile", "email", "address", "phone"} {
		names = append(names, ofScope[s]...)
	}
	return names
}

// tell returns those of the standard claims that were asked for and that the user has.
//
// A name may carry a language, as in name#de (section 5.2). Such a value is told if the user has an attribute of that very
// name; of what was asked for in no language, so are the attributes in the languages of claims_locales.
func tell(u *user.User, asked, locales []string) map[string]any {
	told := map[string]any{}
	for _, name := range asked {
		base, _, tagged := strings.Cut(name, "#")
		if tagged {
			if value, ok := u.Attributes[name].(string); ok && isStandard(base) {
				told[name] = value
				continue
			}
		}
		if value := standard(u, base); value != nil {
			told[base] = value
		}
		if tagged {
			continue
		}
		for _, locale := range locales {
			if value, ok := u.Attributes[base+"#"+locale].(string); ok && isStandard(base) {
				told[base+"#"+locale] = value
			}
		}
	}
	return told
}

func isStandard(name string) bool {
	for _, names := range ofScope {
		if slices.Contains(names, name) {
			return true
		}
	}
	return false
}

// standard is the value of one of the claims of section 5.1, nil if the user has none.
func standard(u *user.User, name string) any {
	p := &u.Profile
	switch name {
	case "email_verified":
		return ifThere(u.Email, u.EmailVerified)
	case "phone_number_verified":
		return ifThere(p.Phone, p.PhoneVerified)
	case "updated_at":
		if u.UpdatedAt.IsZero() {
			return nil
		}
		return u.UpdatedAt.Unix()
	case "address":
		return address(&p.Address)
	}
	text := ""
	switch name {
	case "name":
		if text = u.Alias; text == "" {
			text = strings.TrimSpace(p.GivenName + " " + p.FamilyName)
		}
	case "preferred_username":
		if text = p.PreferredUsername; text == "" {
			text = u.Name
		}
	case "email":
		text = u.Email
	default:
		text = plainText(p, name)
	}
	return ifThere(text, text)
}

// plainText is a claim that is a field of the profile as it stands.
func plainText(p *user.Profile, name string) string {
	switch name {
	case "family_name":
		return p.FamilyName
	case "given_name":
		return p.GivenName
	case "middle_name":
		return p.MiddleName
	case "nickname":
		return p.Nickname
	case "profile":
		return p.Page
	case "picture":
		return p.Picture
	case "website":
		return p.Website
	case "gender":
		return p.Gender
	case "birthdate":
		return p.Birthdate
	case "zoneinfo":
		return p.Zoneinfo
	case "locale":
		return p.Locale
	case "phone_number":
		return p.Phone
	}
	return ""
}

// ifThere is value, or nil where what it is about is empty: a claim without a value is left out (section 5.3.2).
func ifThere(text string, value any) any {
	if text == "" {
		return nil
	}
	return value
}

// address is the claim of section 5.1.1.
func address(a *user.Address) any {
	m := map[string]any{}
	for name, text := range map[string]string{
		"formatted": a.Formatted, "street_address": a.Street, "locality": a.Locality, "region": a.Region,
		"postal_code": a.PostalCode, "country": a.Country,
	} {
		if text != "" {
			m[name] = text
		}
	}
	if len(m) == 0 {
		return nil
	}
	return m
}

// describe is a user as expressions see one: by the names of a deployment file. What is empty is not there, roles, profile and
// attributes aside.
func describe(u *user.User) map[string]any {
	profile := map[string]any{}
	for _, name := range ofScope["profile"] {
		if text := plainText(&u.Profile, name); text != "" {
			profile[name] = text
		}
	}
	for name, value := range map[string]any{
		"preferred_username": ifThere(u.Profile.PreferredUsername, u.Profile.PreferredUsername),
		"phone_number":       standard(u, "phone_number"), "phone_number_verified": standard(u, "phone_number_verified"),
		"address": address(&u.Profile.Address),
	} {
		if value != nil {
			profile[name] = value
		}
	}
	about := map[string]any{"name": u.Name, "roles": nonNil(u.Roles), "profile": profile, "attributes": map[string]any{}, "email_verified": u.EmailVerified}
	if u.Attributes != nil {
		about["attributes"] = u.Attributes
	}
	for name, text := range map[string]string{"alias": u.Alias, "email": u.Email, "org": u.Org} {
		if text != "" {
			about[name] = text
		}
	}
	return about
}

func nonNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
