package expression_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/expression"
)

var dory = expression.Subject{
	User: map[string]any{
		"name": "dory", "email": "dory@example.org", "roles": []any{"reef", "sea"}, "email_verified": true,
		"attributes": map[string]any{"level": 7.0, "teams": []any{map[string]any{"id": "a"}}, "nothing": nil},
	},
	Client: map[string]any{"id": "shop"}, Scopes: []string{"openid", "email"},
}

func TestClaim(t *testing.T) {
	for source, want := range map[string]string{
		`user.name`:                                       `"dory"`,
		`user.name + "@" + client.id`:                     `"dory@shop"`,
		`user.roles`:                                      `["reef","sea"]`,
		`user.roles.filter(r, r != "sea")`:                `["reef"]`,
		`user.attributes.level`:                           `7`,
		`user.attributes["teams"].map(t, t.id)`:           `["a"]`,
		`{"name": user.name, "n": 1, "u": 2u, "d": 0.5}`:  `{"d":0.5,"n":1,"name":"dory","u":2}`,
		`has(user.org) ? user.org : null`:                 `null`,
		`user.attributes.nothing`:                         `null`,
		`"email" in scopes`:                               `true`,
		`"admin" in user.roles ? "admin" : "user"`:        `"user"`,
		`user.email_verified && size(user.roles) == 2`:    `true`,
		`user.email.split_is_none == "" ? 1 : 2`:          `error`,
		`user.org`:                                        `error`,
		`b"abc"`:                                          `error`,
		`[1.0 / 0.0, 0.0 / 0.0]`:                          `error`,
		`{1: "a"}`:                                        `error`,
		`timestamp("2026-01-01T00:00:00Z")`:               `error`,
		`string(timestamp("2026-01-01T00:00:00Z"))`:       `"2026-01-01T00:00:00Z"`,
		`[1,2,3].all(a, [1].all(b, a + b > 0)) ? "y":"n"`: `"y"`,
	} {
		c, err := expression.CompileClaim(source)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		got := "error"
		if v, err := c.Value(dory); err == nil {
			text, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			got = string(text)
		}
		if d := cmp.Diff(want, got); d != "" || c.String() != source {
			t.Errorf("%s: %s", source, d)
		}
	}
}

func TestClaimRefused(t *testing.T) {
	for source, part := range map[string]string{
		``:                                    "at character",
		`password`:                            "undeclared reference",
		`call.method`:                         "undeclared reference",
		`user.name +`:                         "at character",
		`scopes + 1`:                          "no matching overload",
		`"` + strings.Repeat("a", 2001) + `"`: "longer than 2000 bytes",
		strings.Repeat("[", 500) + strings.Repeat("]", 500): "recursion",
	} {
		if _, err := expression.CompileClaim(source); err == nil || !strings.Contains(err.Error(), part) {
			t.Errorf("%.40s: %v, want something about %q", source, err, part)
		}
	}
}

// A claim that would take long, or be huge, is given up.
func TestClaimCost(t *testing.T) {
	list := "[" + strings.Repeat("1,", 100) + "1]"
	for _, source := range []string{
		strings.ReplaceAll(`L.all(a, L.all(b, L.all(c, a + b + c > 0)))`, "L", list),
		strings.ReplaceAll(`L.map(a, L.map(b, L.map(c, user.name)))`, "L", list),
	} {
		c, err := expression.CompileClaim(source)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := c.Value(dory); err == nil || !strings.Contains(err.Error(), "cost") {
			t.Errorf("%T, %v", v, err)
		}
	}
}

func FuzzCompileClaim(f *testing.F) {
	for _, seed := range []string{`user.name`, `{"a": [user.roles, scopes]}`, `user.attributes.x.y`, `null`, `[[1], [2.5]]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		c, err := expression.CompileClaim(source)
		if err != nil {
			return
		}
		v, err := c.Value(dory)
		if err != nil {
			return
		}
		if _, err := json.Marshal(v); err != nil {
			t.Errorf("%s: %v: %v", source, v, err)
		}
	})
}
