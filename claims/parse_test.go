package claims_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/claims"
)

func TestParse(t *testing.T) {
	raw := func(texts ...string) (list []json.RawMessage) {
		for _, text := range texts {
			list = append(list, json.RawMessage(text))
		}
		return list
	}
	for _, tt := range []struct {
		name string
		text string
		want *claims.Request
	}{
		{"empty", `{}`, &claims.Request{}},
		{"white space around it", " \n{\t}\r\n", &claims.Request{}},
		{"the example of OpenID Connect Core 5.5", `{
			"userinfo": {"given_name": {"essential": true}, "nickname": null, "http://example.info/claims/groups": null},
			"id_token": {"auth_time": {"essential": true}, "acr": {"values": ["urn:mace:incommon:iap:silver"]}}
		}`, &claims.Request{
			UserInfo: map[string]*claims.Ask{"given_name": {Essential: true}, "nickname": nil, "http://example.info/claims/groups": nil},
			IDToken:  map[string]*claims.Ask{"auth_time": {Essential: true}, "acr": {Values: raw(`"urn:mace:incommon:iap:silver"`)}},
		}},
		{"a value, without its white space", `{"id_token":{"sub":{"value": { "a" : 1 } }}}`,
			&claims.Request{IDToken: map[string]*claims.Ask{"sub": {Value: raw(`{"a":1}`)[0]}}}},
		{"members that nobody knows", `{"verified":{"x":[1,{}]},"userinfo":{"email":{"purpose":"post","essential":false}}}`,
			&claims.Request{UserInfo: map[string]*claims.Ask{"email": {}}}},
		{"null", `{"userinfo":null,"id_token":{"name":{"value":null,"values":null,"essential":null}}}`,
			&claims.Request{IDToken: map[string]*claims.Ask{"name": {}}}},
		{"a language", `{"userinfo":{"family_name#ja-Hani-JP":null}}`,
			&claims.Request{UserInfo: map[string]*claims.Ask{"family_name#ja-Hani-JP": nil}}},
	} {
		got, err := claims.Parse(tt.text)
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		} else if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"c%d":null`, i)
		}
		return `{"userinfo":{` + b.String()[1:] + `}}`
	}
	for name, text := range map[string]string{
		"nothing":                     "",
		"no object":                   `[]`,
		"text":                        `"userinfo"`,
		"cut short":                   `{"userinfo":{"name":null}`,
		"something after it":          `{} {}`,
		"a member twice":              `{"userinfo":{},"userinfo":{}}`,
		"a member twice, one escaped": `{"id_token":{},"\u0069d_token":{}}`,
		"a claim twice":               `{"id_token":{"acr":null,"acr":{"essential":true}}}`,
		"a member of a claim twice":   `{"id_token":{"acr":{"value":"1","value":"2"}}}`,
		"no object for claims":        `{"userinfo":["name"]}`,
		"no object for a claim":       `{"userinfo":{"name":true}}`,
		"essential is text":           `{"userinfo":{"name":{"essential":"true"}}}`,
		"essential is a number":       `{"userinfo":{"name":{"essential":1}}}`,
		"values is text":              `{"id_token":{"acr":{"values":"1"}}}`,
		"values is empty":             `{"id_token":{"acr":{"values":[]}}}`,
		"value and values":            `{"id_token":{"acr":{"value":"1","values":["1"]}}}`,
		"a claim without a name":      `{"userinfo":{"":null}}`,
		"a claim with a huge name":    `{"userinfo":{"` + strings.Repeat("a", 201) + `":null}}`,
		"too many claims":             many(65),
		"too many values":             `{"id_token":{"acr":{"values":[` + strings.Repeat(`1,`, 32) + `1]}}}`,
		"too long":                    `{"x":"` + strings.Repeat("a", 8<<10) + `"}`,
		"too deep":                    strings.Repeat(`{"x":`, 1500) + `1`,
		"no UTF-8":                    "{\"userinfo\":{\"a\xff\":null}}",
	} {
		if got, err := claims.Parse(text); err == nil {
			t.Errorf("%s: read as %+v", name, got)
		}
	}
	if _, err := claims.Parse(many(64)); err != nil {
		t.Errorf("64 claims: %v", err)
	}
}

// What was read once is written, stored and read again as the same.
func FuzzParse(f *testing.F) {
	f.Add(`{"userinfo":{"given_name":{"essential":true},"nickname":null},"id_token":{"acr":{"values":["1", 2]}}}`)
	f.Add(`{"id_token":{"sub":{"value":{"a":[]}}}}`)
	f.Add(`{"userinfo":{"a":null,"\u0061":null}}`)
	f.Fuzz(func(t *testing.T, text string) {
		r, err := claims.Parse(text)
		if err != nil {
			return
		}
		written, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		var again claims.Request
		if err := json.Unmarshal(written, &again); err != nil {
			t.Fatalf("%s: %v", written, err)
		}
		if diff := cmp.Diff(claims.Names(r.UserInfo), claims.Names(again.UserInfo)); diff != "" {
			t.Errorf("%s", diff)
		}
		if diff := cmp.Diff(claims.Names(r.IDToken), claims.Names(again.IDToken)); diff != "" {
			t.Errorf("%s", diff)
		}
		rewritten, err := json.Marshal(again)
		if err != nil || string(rewritten) != string(written) {
			t.Errorf("%s, then %s, %v", written, rewritten, err)
		}
	})
}
