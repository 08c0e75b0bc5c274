package client_test

import (
	"strings"
	"testing"
	"time"

	"sallyport/client"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/user"
)

func goodClient() client.Client {
	return client.Client{
		ID: "tspclient", Name: "TSP", Description: "First line.\n\tSecond line.", URL: "https://example.org/",
		Type: client.Confidential, Status: client.On,
		Secrets:      []client.Secret{{ID: "1", Hash: bcryptHash}, {ID: "2", Hash: user.Digest("x")}},
		Grants:       []string{"password", "refresh_token", "client_credentials", "public"},
		Scopes:       scope.Set{"2000000006"},
		RedirectURIs: []string{"https://app.example.org/cb?x=1", "http://localhost:1410/", "org.example.app:/cb", "http://[::1]/cb"},
		Addresses:    networks("192.0.2.7", "10.0.0.0/8"), Rate: 5, Quota: client.Quota{Calls: 7, Per: "month", Zone: "Europe/Berlin"}, TokenUses: 3, Priority: 9,
		Certificates: []string{"CN=shop,O=Example", "2.5.4.3=shop", strings.Repeat("aB", 32), strings.TrimSuffix(strings.Repeat("AB:", 32), ":")},
		AccessToken:  realm.AccessToken{Format: realm.JWT, Alg: "RS256", TTL: realm.Duration(24 * time.Hour)},
	}
}

func networks(texts ...string) []client.Network {
	var list []client.Network
	for _, text := range texts {
		n, err := client.ParseNetwork(text)
		if err != nil {
			panic(err)
		}
		list = append(list, n)
	}
	return list
}

func TestCheck(t *testing.T) {
	good := goodClient()
	if err := client.Check(&good); err != nil {
		t.Fatal(err)
	}
	public := client.Client{ID: "p", Type: client.Public, Status: client.Off, Grants: []string{"password", "refresh_token"}}
	if err := client.Check(&public); err != nil {
		t.Errorf("public: %v", err)
	}
	nine := make([]client.Secret, 9)
	long := realm.Duration(3651 * 24 * time.Hour)
	for _, tt := range []struct {
		field string
		alter func(*client.Client)
	}{
		{"id", func(c *client.Client) { c.ID = "" }},
		{"id", func(c *client.Client) { c.ID = "a:b" }},
		{"id", func(c *client.Client) { c.ID = "a\x00b" }},
		{"id", func(c *client.Client) { c.ID = "a\x1b[0mb" }},
		{"id", func(c *client.Client) { c.ID = "a\xff" }},
		{"id", func(c *client.Client) { c.ID = strings.Repeat("x", 256) }},
		{"name", func(c *client.Client) { c.Name = "\u200b" }},
		{"description", func(c *client.Client) { c.Description = "\x07" }},
		{"description", func(c *client.Client) { c.Description = strings.Repeat("x", 2001) }},
		{"url", func(c *client.Client) { c.URL = "javascript:alert(1)" }},
		{"url", func(c *client.Client) { c.URL = "example.org" }},
		{"type", func(c *client.Client) { c.Type = "" }},
		{"type", func(c *client.Client) { c.Type = "PUBLIC" }},
		{"type", func(c *client.Client) { c.Type = client.Public; c.Grants = nil }},
		{"grants", func(c *client.Client) { c.Type = client.Public; c.Secrets = nil }},
		{"grants", func(c *client.Client) { c.Grants = []string{"password", "password"} }},
		{"grants", func(c *client.Client) { c.Grants = []string{""} }},
		{"status", func(c *client.Client) { c.Status = "enabled" }},
		{"not_after", func(c *client.Client) { c.NotBefore = time.Unix(2, 0); c.NotAfter = time.Unix(2, 0) }},
		{"secrets", func(c *client.Client) { c.Secrets = nine }},
		{"secrets", func(c *client.Client) { c.Secrets = []client.Secret{{Hash: bcryptHash}} }},
		{"secrets", func(c *client.Client) {
			c.Secrets = []client.Secret{{ID: "1", Hash: bcryptHash}, {ID: "1", Hash: bcryptHash}}
		}},
		{"secrets", func(c *client.Client) { c.Secrets = []client.Secret{{ID: "1", Hash: "plain"}} }},
		{"scopes", func(c *client.Client) { c.Scopes = scope.Set{"two words"} }},
		{"scopes", func(c *client.Client) { c.Scopes = make(scope.Set, 1001) }},
		{"audience", func(c *client.Client) { c.Audience = []string{"\x00"} }},
		{"authorities", func(c *client.Client) { c.Authorities = []string{strings.Repeat("x", 256)} }},
		{"redirect_uris", func(c *client.Client) { c.RedirectURIs = []string{"/callback"} }},
		{"redirect_uris", func(c *client.Client) { c.RedirectURIs = []string{"https://a.example/#x"} }},
		{"redirect_uris", func(c *client.Client) { c.RedirectURIs = []string{"https://a.example/#"} }},
		{"redirect_uris", func(c *client.Client) { c.RedirectURIs = []string{"JavaScript:alert(1)"} }},
		{"redirect_uris", func(c *client.Client) { c.RedirectURIs = []string{"https:///cb"} }},
		{"redirect_uris", func(c *client.Client) { c.RedirectURIs = []string{"https://good.example@evil.example/"} }},
		{"redirect_uris", func(c *client.Client) { c.RedirectURIs = []string{"https://a.example\\@evil.example/"} }},
		{"addresses", func(c *client.Client) { c.Addresses = networks("10.0.0.1", "10.0.0.1") }},
		{"addresses", func(c *client.Client) { c.Addresses = make([]client.Network, 1) }},
		{"addresses", func(c *client.Client) { c.Addresses = make([]client.Network, 1001) }},
		{"rate", func(c *client.Client) { c.Rate = -1 }},
		{"rate", func(c *client.Client) { c.Rate = 1_000_001 }},
		{"quota.calls", func(c *client.Client) { c.Quota.Calls = -1 }},
		{"quota.calls", func(c *client.Client) { c.Quota = client.Quota{Per: "day"} }},
		{"quota.per", func(c *client.Client) { c.Quota.Per = "year" }},
		{"quota.zone", func(c *client.Client) { c.Quota.Zone = "Middle/Earth" }},
		{"quota.zone", func(c *client.Client) { c.Quota.Zone = "Local" }},
		{"token_uses", func(c *client.Client) { c.TokenUses = -1 }},
		{"priority", func(c *client.Client) { c.Priority = 10 }},
		{"priority", func(c *client.Client) { c.Priority = -1 }},
		{"certificates", func(c *client.Client) { c.Certificates = []string{strings.Repeat("a", 63)} }},
		{"certificates", func(c *client.Client) { c.Certificates = []string{"shop"} }},
		{"certificates", func(c *client.Client) { c.Certificates = []string{"CN="} }},
		{"certificates", func(c *client.Client) { c.Certificates = []string{"CN=a\n"} }},
		{"certificates", func(c *client.Client) { c.Certificates = []string{"CN=a", "CN=a"} }},
		{"certificates", func(c *client.Client) { c.Certificates = make([]string, 65) }},
		{"access_token", func(c *client.Client) { c.AccessToken.Format = "saml" }},
		{"access_token", func(c *client.Client) { c.AccessToken.Alg = "none" }},
		{"access_token", func(c *client.Client) { c.AccessToken.Alg = "HS256" }},
		{"access_token", func(c *client.Client) { c.AccessToken.TTL = long }},
		{"access_token", func(c *client.Client) { c.AccessToken.TTL = -1 }},
		{"refresh_token", func(c *client.Client) { c.RefreshToken.TTL = realm.Duration(time.Millisecond) }},
		{"refresh_token", func(c *client.Client) { c.RefreshToken.Grace = &long }},
		{"refresh_token", func(c *client.Client) { c.RefreshToken.Uses = -1 }},
	} {
		c := goodClient()
		tt.alter(&c)
		err := client.Check(&c)
		if err == nil || !strings.HasPrefix(err.Error(), tt.field+": ") {
			t.Errorf("%s: %v", tt.field, err)
			continue
		}
		if len(err.Error()) > 300 || !realm.Printable(err.Error()) {
			t.Errorf("%s: not fit to be shown: %q", tt.field, err)
		}
	}
}
