package user_test

import (
	"strings"
	"testing"

	"sallyport/realm"
	"sallyport/user"
)

func TestCheck(t *testing.T) {
	good := user.User{Name: "dory", Status: user.On, Alias: "Dory \U0001F41F", Email: "dory@example.org", Org: "100000", Roles: []string{"1000"}, Password: foreign[1].hash}
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
