package claims_test

import (
	"bytes"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/claims"
	"sallyport/client"
	"sallyport/key"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/user"
)

var (
	home  = &realm.Realm{Name: "default", Issuer: "https://as.example"}
	plain = &client.Client{Realm: "default", ID: "app", Name: "App"}
	dory  = &user.User{
		Realm: "default", Name: "dory", Alias: "Dory Tang", Email: "dory@example.org", EmailVerified: true, Org: "reef", Roles: []string{"finder"},
		Profile: user.Profile{
			GivenName: "Dory", FamilyName: "Tang", MiddleName: "P", Nickname: "D", Page: "https://example.org/dory",
			Picture: "https://example.org/dory.png", Website: "https://example.org", Gender: "female", Birthdate: "2003-05-30",
			Zoneinfo: "Australia/Sydney", Locale: "en-AU", Phone: "+61 2 5550 0000", PhoneVerified: true,
			Address: user.Address{Formatted: "42 Wallaby Way\nSydney", Street: "42 Wallaby Way", Locality: "Sydney", Region: "NSW", PostalCode: "2000", Country: "AU"},
		},
		Attributes: map[string]any{"department": "search", "name#de": "Dorie", "department#de": "Suche", "level": 3},
		UpdatedAt:  time.Unix(1_700_000_000, 5),
	}
	bare = &user.User{Realm: "default", Name: "bare"}
)

func mapper(log *bytes.Buffer) *claims.Mapper {
	c := claims.Config{Key: key.Master{7}.Derive, Log: slog.New(slog.DiscardHandler)}
	if log != nil {
		c.Log = slog.New(slog.NewTextHandler(log, nil))
	}
	return claims.New(c)
}

var (
	profile = map[string]any{
		"name": "Dory Tang", "family_name": "Tang", "given_name": "Dory", "middle_name": "P", "nickname": "D", "preferred_username": "dory",
		"profile": "https://example.org/dory", "picture": "https://example.org/dory.png", "website": "https://example.org", "gender": "female",
		"birthdate": "2003-05-30", "zoneinfo": "Australia/Sydney", "locale": "en-AU", "updated_at": int64(1_700_000_000),
	}
	email   = map[string]any{"email": "dory@example.org", "email_verified": true}
	address = map[string]any{"address": map[string]any{
		"formatted": "42 Wallaby Way\nSydney", "street_address": "42 Wallaby Way", "locality": "Sydney", "region": "NSW", "postal_code": "2000", "country": "AU",
	}}
	phone = map[string]any{"phone_number": "+61 2 5550 0000", "phone_number_verified": true}
)

// The modules scope-profile, -email, -address, -phone and -all: a scope opens its claims and no others.
func TestScopes(t *testing.T) {
	all := map[string]any{}
	for _, part := range []map[string]any{profile, email, address, phone} {
		maps.Copy(all, part)
	}
	for _, tt := range []struct {
		scopes scope.Set
		user   *user.User
		want   map[string]any
	}{
		{scope.Set{"openid"}, dory, nil},
		{scope.Set{"openid", "profile"}, dory, profile},
		{scope.Set{"openid", "email"}, dory, email},
		{scope.Set{"openid", "address"}, dory, address},
		{scope.Set{"openid", "phone"}, dory, phone},
		{scope.Set{"openid", "profile", "email", "address", "phone"}, dory, all},
		{scope.Set{"openid", "offline_access", "department", "profile2"}, dory, nil},
		{scope.Set{"openid", "profile", "email", "address", "phone"}, bare, map[string]any{"preferred_username": "bare"}},
	} {
		want := map[string]any{"sub": tt.user.Name}
		maps.Copy(want, tt.want)
		got, err := mapper(nil).UserInfo(t.Context(), home, plain, tt.user, tt.scopes, nil, nil)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s (-want +got):\n%s", tt.user.Name, tt.scopes, diff)
		}
	}
}

func TestAskedByName(t *testing.T) {
	for _, tt := range []struct {
		name    string
		asked   []string
		locales []string
		want    map[string]any
	}{
		{"nothing", nil, nil, map[string]any{}},
		{"a claim", []string{"nickname"}, nil, map[string]any{"nickname": "D"}},
		{"what the user has not", []string{"nonsense", "sub", "iss", "exp", "acr", "password", "org", "roles"}, nil, map[string]any{}},
		{"an attribute is told to nobody who asks", []string{"department", "level"}, nil, map[string]any{}},
		{"in a language", []string{"name#de"}, nil, map[string]any{"name#de": "Dorie"}},
		{"in a language that is not there", []string{"name#fr"}, nil, map[string]any{"name": "Dory Tang"}},
		{"an attribute in a language", []string{"department#de"}, nil, map[string]any{}},
		{"by claims_locales", []string{"name", "email"}, []string{"fr", "de"}, map[string]any{"name": "Dory Tang", "name#de": "Dorie", "email": "dory@example.org"}},
	} {
		got, err := mapper(nil).IDToken(t.Context(), home, plain, dory, scope.Set{"openid", "profile", "email"}, tt.asked, tt.locales)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

func TestMappedByExpressions(t *testing.T) {
	var log bytes.Buffer
	m := mapper(&log)
	c := *plain
	c.OpenID.Claims = map[string]string{
		"department": `user.attributes.department`,
		"groups":     `user.roles.map(r, client.id + ":" + r)`,
		"level":      `user.attributes.level + 1`,
		"who":        `{"name": user.name, "org": user.org, "given": user.profile.given_name, "city": user.profile.address.locality}`,
		"admin":      `"admin" in scopes`,
		"email":      `user.name + "@" + client.name + ".example"`,
		"gone":       `null`,
		"nickname":   `null`,
		"broken":     `user.attributes.missing`,
		"endless":    `[1,2,3,4,5,6,7,8,9].map(a, [1,2,3,4,5,6,7,8,9].map(b, [1,2,3,4,5,6,7,8,9].map(c, [1,2,3,4,5,6,7,8,9].map(d, a*b*c*d))))`,
		"no_cel":     `user.`,
		"given_name": `user.attributes.missing`, // what was mapped and fails is not told in the old way
		// CVE class 20: nothing may stand in for what the server says itself.
		"sub": `"admin"`, "SUB": `"admin"`, "iss": `"https://evil.example"`, "aud": `"other"`, "exp": `9999999999`, "nonce": `"n"`,
		"acr": `"phr"`, "amr": `["pop"]`, "auth_time": `1`, "sid": `"s"`, "at_hash": `"h"`, "azp": `"other"`, "cnf": `{}`, "events": `{}`,
	}
	want := map[string]any{
		"sub": "dory", "department": "search", "groups": []any{"app:finder"}, "level": int64(4), "admin": true, "email": "dory@App.example",
		"who": map[string]any{"name": "dory", "org": "reef", "given": "Dory", "city": "Sydney"}, "email_verified": true,
	}
	got, err := m.UserInfo(t.Context(), home, &c, dory, scope.Set{"openid", "email", "admin"}, []string{"nickname", "given_name"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("UserInfo (-want +got):\n%s", diff)
	}
	for _, name := range []string{"broken", "endless", "no_cel"} {
		if !strings.Contains(log.String(), "claim="+name) {
			t.Errorf("nobody is told that %s could not be made:\n%s", name, &log)
		}
	}
	delete(want, "sub")
	delete(want, "email_verified")
	if got, err = m.IDToken(t.Context(), home, &c, dory, scope.Set{"openid", "admin"}, nil, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ID token (-want +got):\n%s", diff)
	}
}

// By `sid` clients of two sectors must not find out what `sub` does not tell them.
func TestPairwiseSessions(t *testing.T) {
	m, home := mapper(nil), &realm.Realm{Name: "home"}
	of := func(kind, redirect, sid string) string {
		t.Helper()
		c := &client.Client{ID: "c", RedirectURIs: []string{redirect}, OpenID: client.OpenID{SubjectType: kind}}
		s, err := m.Session(home, c, sid)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	const a, b = "https://a.example/cb", "https://b.example/cb"
	if got := of("", a, "sid"); got != "sid" {
		t.Errorf("a public client: %q", got)
	}
	first := of("pairwise", a, "sid")
	if first == "sid" || first != of("pairwise", a, "sid") || first == of("pairwise", b, "sid") || first == of("pairwise", a, "other") {
		t.Errorf("%q", first)
	}
	if sub, err := m.Subject(home, &client.Client{RedirectURIs: []string{a}, OpenID: client.OpenID{SubjectType: "pairwise"}}, "sid"); err != nil || sub == first {
		t.Errorf("a session has the name of a user: %v", err)
	}
	if got := of("pairwise", a, ""); got != "" {
		t.Errorf("no session has the name %q", got)
	}
	if s, err := m.Session(home, &client.Client{OpenID: client.OpenID{SubjectType: "pairwise"}}, "sid"); err == nil {
		t.Errorf("without a sector: %q", s)
	}
}

func TestPairwiseSubjects(t *testing.T) {
	pairwise := func(sector string, redirects ...string) *client.Client {
		return &client.Client{ID: "c", RedirectURIs: redirects, OpenID: client.OpenID{SubjectType: "pairwise", SectorIdentifierURI: sector}}
	}
	m := mapper(nil)
	sub := func(r *realm.Realm, c *client.Client, name string) string {
		t.Helper()
		s, err := m.Subject(r, c, name)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if got := sub(home, plain, "dory"); got != "dory" {
		t.Errorf("a public subject is %q", got)
	}
	one := pairwise("", "https://rp.example/cb", "https://RP.example:8443/other")
	first := sub(home, one, "dory")
	if len(first) != 43 || strings.Contains(first, "dory") {
		t.Errorf("subject %q", first)
	}
	for name, same := range map[string]string{
		"asked again":               sub(home, one, "dory"),
		"a client of the same host": sub(home, pairwise("", "https://rp.example/x"), "dory"),
		"a client of the sector":    sub(home, pairwise("https://rp.example/list.json", "https://a.example", "app:/cb"), "dory"),
		"after a restart":           func() string { s, _ := mapper(nil).Subject(home, one, "dory"); return s }(),
	} {
		if same != first {
			t.Errorf("%s: %q, was %q", name, same, first)
		}
	}
	others := []string{
		first, sub(home, one, "nemo"), sub(home, pairwise("", "https://other.example/cb"), "dory"),
		sub(&realm.Realm{Name: "other"}, one, "dory"), sub(home, one, "Dory"),
	}
	slices.Sort(others)
	if n := len(slices.Compact(others)); n != 5 {
		t.Errorf("of five subjects %d differ", n)
	}
	for name, c := range map[string]*client.Client{
		"several hosts":           pairwise("", "https://a.example/", "https://b.example/"),
		"no host":                 pairwise("", "com.example.app:/cb"),
		"no redirects":            pairwise(""),
		"a host in name only":     pairwise("", "com.example.app://rp.example/cb"), // whoever made the application chose it
		"a sector without a host": pairwise("urn:x"),
		"a host and none":         pairwise("", "https://a.example/", "com.example.app:/cb"),
	} {
		if s, err := m.Subject(home, c, "dory"); err == nil {
			t.Errorf("%s: %q", name, s)
		}
		if _, err := m.UserInfo(t.Context(), home, c, dory, nil, nil, nil); err == nil {
			t.Errorf("%s: UserInfo told", name)
		}
	}
	broken := claims.New(claims.Config{Key: func(string, string) ([32]byte, error) { return [32]byte{}, errors.New("no key") }})
	if _, err := broken.Subject(home, one, "dory"); err == nil {
		t.Error("made without a key")
	}
	if _, err := claims.New(claims.Config{}).Subject(home, one, "dory"); err == nil {
		t.Error("made without any key")
	}
}

func TestSupported(t *testing.T) {
	names := claims.Supported()
	for _, part := range []map[string]any{profile, email, address, phone, {"sub": 1, "auth_time": 1, "acr": 1}} {
		for name := range part {
			if !slices.Contains(names, name) {
				t.Errorf("%s is told and not announced", name)
			}
		}
	}
	if sorted := slices.Sorted(slices.Values(names)); len(slices.Compact(sorted)) != len(names) {
		t.Errorf("named twice: %v", names)
	}
}
