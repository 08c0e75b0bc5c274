package user_test

import (
	"strings"
	"testing"

	"sallyport/realm"
	"sallyport/user"
)

func TestCheck(t *testing.T) {
	good := user.User{Name: "dory", Status: user.On, Alias: "Dory \U0001F41F", Email: "dory@example.org", Org: "100000", Roles: []string{"1000"}, Password: foreign[1].hash,
		EmailVerified: true, Attributes: map[string]any{"level": 7.0, "teams": []any{"a"}},
		Profile: user.Profile{
			GivenName: "Dory", Page: "https://example.org/dory", Picture: "http://example.org/dory.png", Birthdate: "0000-02-29", Zoneinfo: "Australia/Sydney",
			Locale: "zh-Hant-TW", Phone: "+61 2 1234", PhoneVerified: true, Address: user.Address{Formatted: "42 Wallaby Way\r\nSydney"},
		},
	}
	if err := user.Check(&good); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		field string
		alter func(*user.User)
	}{
		{"name", func(u *user.User) { u.Name = "" }},
		{"name", func(u *user.User) { u.Name = "do\x00ry" }},
		{"name", func(u *user.User) { u.Name = "do\nry" }},
		{"name", func(u *user.User) { u.Name = "do\xffry" }},
		{"name", func(u *user.User) { u.Name = "do\u202ery" }},
		{"name", func(u *user.User) { u.Name = strings.Repeat("x", 256) }},
		{"alias", func(u *user.User) { u.Alias = "\x1b[31m" }},
		{"email", func(u *user.User) { u.Email = strings.Repeat("x", 256) }},
		{"org", func(u *user.User) { u.Org = "\t" }},
		{"status", func(u *user.User) { u.Status = "" }},
		{"status", func(u *user.User) { u.Status = "ON" }},
		{"roles", func(u *user.User) { u.Roles = []string{""} }},
		{"roles", func(u *user.User) { u.Roles = []string{"\x7f"} }},
		{"roles", func(u *user.User) { u.Roles = make([]string, 1001) }},
		{"email_verified", func(u *user.User) { u.Email = "" }},
		{"profile.given_name", func(u *user.User) { u.Profile.GivenName = "a\nb" }},
		{"profile.nickname", func(u *user.User) { u.Profile.Nickname = strings.Repeat("x", 256) }},
		{"profile.profile", func(u *user.User) { u.Profile.Page = "javascript:alert(1)" }},
		{"profile.picture", func(u *user.User) { u.Profile.Picture = "data:image/png,x" }},
		{"profile.website", func(u *user.User) { u.Profile.Website = "example.org" }},
		{"profile.birthdate", func(u *user.User) { u.Profile.Birthdate = "1990-02-30" }},
		{"profile.birthdate", func(u *user.User) { u.Profile.Birthdate = "31.12.1990" }},
		{"profile.zoneinfo", func(u *user.User) { u.Profile.Zoneinfo = "Middle/Earth" }},
		{"profile.zoneinfo", func(u *user.User) { u.Profile.Zoneinfo = "Local" }},
		{"profile.locale", func(u *user.User) { u.Profile.Locale = "../etc" }},
		{"profile.locale", func(u *user.User) { u.Profile.Locale = "4-en" }},
		{"profile.phone_number_verified", func(u *user.User) { u.Profile.Phone = "" }},
		{"profile.address.formatted", func(u *user.User) { u.Profile.Address.Formatted = "\x07" }},
		{"profile.address.country", func(u *user.User) { u.Profile.Address.Country = "a\nb" }},
		{"attributes", func(u *user.User) { u.Attributes = map[string]any{"": 1} }},
		{"attributes", func(u *user.User) { u.Attributes = map[string]any{"a": func() {}} }},
		{"attributes", func(u *user.User) { u.Attributes = map[string]any{"a": strings.Repeat("x", 16<<10)} }},
		{"password", func(u *user.User) { u.Password = "plain" }},
		{"password", func(u *user.User) { u.Password = user.Digest("x") }},
	} {
		u := good
		tt.alter(&u)
		err := user.Check(&u)
		if err == nil || !strings.HasPrefix(err.Error(), tt.field+": ") {
			t.Errorf("%s: %v", tt.field, err)
			continue
		}
		if len(err.Error()) > 300 || !realm.Printable(err.Error()) {
			t.Errorf("%s: not fit to be shown: %q", tt.field, err)
		}
	}
}
