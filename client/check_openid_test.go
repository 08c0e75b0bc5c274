package client_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"sallyport/client"
	"sallyport/realm"
)

const publicKey = `{"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}`

func webClient() client.Client {
	age := int64(0)
	return client.Client{
		ID: "web", Type: client.Confidential, Status: client.On, Grants: []string{"authorization_code"},
		RedirectURIs: []string{"https://app.example.org/cb?x=1"}, AuthMethod: client.MethodPrivateKeyJWT, AuthAlg: "ES256", JWKS: json.RawMessage(publicKey),
		OpenID: client.OpenID{
			ApplicationType: "web", Contacts: []string{"a@example.org"}, LogoURI: "https://app.example.org/logo", PolicyURI: "https://app.example.org/p",
			TosURI: "https://app.example.org/t", SubjectType: "pairwise", IDTokenAlg: "ES256", UserInfoAlg: "RS256", RequestObjectAlg: "PS512",
			RequestURIs: []string{"https://app.example.org/r#1"}, RequireSigned: true, DefaultMaxAge: &age, DefaultACR: []string{"2"},
			InitiateLoginURI: "https://app.example.org/login", Claims: map[string]string{"team": "user.org"},
			PostLogoutRedirectURIs: []string{"https://app.example.org/bye"}, BackchannelLogoutURI: "https://app.example.org/b", FrontchannelLogoutURI: "https://APP.example.org:443/f",
		},
	}
}

// refusals checks that each alteration is refused in the name of its field.
func refusals(t *testing.T, good func() client.Client, cases []refusal) {
	t.Helper()
	c := good()
	if err := client.Check(&c); err != nil {
		t.Fatal(err)
	}
	for i, tt := range cases {
		c := good()
		tt.alter(&c)
		if err := client.Check(&c); err == nil || !strings.HasPrefix(err.Error(), tt.field+": ") || !realm.Printable(err.Error()) {
			t.Errorf("%d, %s: %v", i, tt.field, err)
		}
	}
}

type refusal struct {
	field string
	alter func(*client.Client)
}

func TestCheckOpenID(t *testing.T) {
	minus := int64(-1)
	refusals(t, webClient, []refusal{
		{"auth_method", func(c *client.Client) { c.AuthMethod = "tls_client_auth" }},
		{"auth_method", func(c *client.Client) { c.AuthMethod = client.MethodNone }},
		{"auth_method", func(c *client.Client) { c.JWKS = nil }},
		{"auth_method", func(c *client.Client) { c.Type = client.Public }},
		{"auth_alg", func(c *client.Client) { c.AuthAlg = "HS256" }},
		{"auth_alg", func(c *client.Client) { c.AuthAlg = "none" }},
		{"auth_alg", func(c *client.Client) { c.AuthMethod = client.MethodSecretJWT }},
		{"auth_alg", func(c *client.Client) { c.AuthMethod = client.MethodBasic }},
		{"jwks_uri", func(c *client.Client) { c.JWKSURI = "https://a.example/jwks" }},
		{"jwks_uri", func(c *client.Client) { c.JWKS, c.JWKSURI = nil, "http://a.example/jwks" }},
		{"jwks_uri", func(c *client.Client) { c.JWKS, c.JWKSURI = nil, "https://u:p@a.example/jwks" }},
		{"jwks", func(c *client.Client) { c.JWKS = json.RawMessage(`{"keys":[]}`) }},
		{"jwks", func(c *client.Client) {
			c.JWKS = json.RawMessage(strings.Replace(publicKey, `"x"`, `"d":"870MB6gfuTJ4HtUnUvYMyJpr5eUZNP4Bk43bVdj3eAE","x"`, 1))
		}},
		{"openid.application_type", func(c *client.Client) { c.OpenID.ApplicationType = "mobile" }},
		{"openid.contacts", func(c *client.Client) { c.OpenID.Contacts = []string{""} }},
		{"openid.logo_uri", func(c *client.Client) { c.OpenID.LogoURI = "javascript:alert(1)" }},
		{"openid.policy_uri", func(c *client.Client) { c.OpenID.PolicyURI = "http://a.example/" }},
		{"openid.tos_uri", func(c *client.Client) { c.OpenID.TosURI = "data:text/html,x" }},
		{"openid.subject_type", func(c *client.Client) { c.OpenID.SubjectType = "private" }},
		{"openid.sector_identifier_uri", func(c *client.Client) { c.OpenID.SectorIdentifierURI = "http://localhost/x" }},
		{"openid.sector_identifier_uri", func(c *client.Client) {
			c.RedirectURIs, c.OpenID.FrontchannelLogoutURI = []string{"org.evil.app://app.example.org/cb"}, ""
		}},
		{"openid.sector_identifier_uri", func(c *client.Client) { c.RedirectURIs = append(c.RedirectURIs, "https://b.example.org/") }},
		{"openid.sector_identifier_uri", func(c *client.Client) { c.RedirectURIs = []string{"org.example:/cb"} }},
		{"openid.id_token_alg", func(c *client.Client) { c.OpenID.IDTokenAlg = "none" }},
		{"openid.id_token_alg", func(c *client.Client) { c.OpenID.IDTokenAlg = "HS256" }},
		{"openid.userinfo_alg", func(c *client.Client) { c.OpenID.UserInfoAlg = "none" }},
		{"openid.request_object_alg", func(c *client.Client) { c.OpenID.RequestObjectAlg = "HS256" }},
		{"openid.request_object_alg", func(c *client.Client) { c.OpenID.RequestObjectAlg = "none" }},
		{"openid.request_uris", func(c *client.Client) { c.OpenID.RequestURIs = []string{"http://169.254.169.254/"} }},
		{"openid.default_max_age", func(c *client.Client) { c.OpenID.DefaultMaxAge = &minus }},
		{"openid.default_acr_values", func(c *client.Client) { c.OpenID.DefaultACR = []string{"a", "a"} }},
		{"openid.initiate_login_uri", func(c *client.Client) { c.OpenID.InitiateLoginURI = "http://localhost/login" }},
		{"openid.claims", func(c *client.Client) { c.OpenID.Claims = map[string]string{"sub": "user.name"} }},
		{"openid.claims", func(c *client.Client) { c.OpenID.Claims = map[string]string{"": "user.name"} }},
		{"openid.claims", func(c *client.Client) { c.OpenID.Claims = map[string]string{"a": "user.name +"} }},
		{"openid.post_logout_redirect_uris", func(c *client.Client) { c.OpenID.PostLogoutRedirectURIs = []string{"https://a.example/#"} }},
		{"openid.post_logout_redirect_uris", func(c *client.Client) { c.OpenID.PostLogoutRedirectURIs = []string{"JAVASCRIPT:x"} }},
		{"openid.backchannel_logout_uri", func(c *client.Client) { c.OpenID.BackchannelLogoutURI = "https://a.example/#x" }},
		{"openid.frontchannel_logout_uri", func(c *client.Client) { c.OpenID.FrontchannelLogoutURI = "https://other.example.org/f" }},
		{"openid.frontchannel_logout_uri", func(c *client.Client) { c.OpenID.FrontchannelLogoutURI = "https://app.example.org:8443/f" }},
	})
}

// What registered itself is held to more.
func TestCheckRegistered(t *testing.T) {
	native := func() client.Client {
		return client.Client{
			ID: "app", Type: client.Public, Status: client.On, AuthMethod: client.MethodNone, Grants: []string{"authorization_code"},
			RedirectURIs: []string{"org.example.app:/cb", "http://127.0.0.1/cb", "http://[::1]:4711/cb", "http://localhost/cb", "https://app.example.org/cb"},
			OpenID:       client.OpenID{ApplicationType: "native", PostLogoutRedirectURIs: []string{"org.example.app:/bye"}},
			Registered:   &client.Registered{At: time.Unix(1, 0), TokenHash: make([]byte, 32)},
		}
	}
	refusals(t, native, []refusal{
		{"redirect_uris", func(c *client.Client) { c.RedirectURIs = []string{"http://app.example.org/cb"} }},
		{"redirect_uris", func(c *client.Client) { c.RedirectURIs = []string{"app:/cb"} }},
		{"redirect_uris", func(c *client.Client) { c.RedirectURIs = []string{"http://localhost.evil.example/"} }},
		{"redirect_uris", func(c *client.Client) { c.OpenID.ApplicationType = "web" }},
		{"openid.post_logout_redirect_uris", func(c *client.Client) { c.OpenID.PostLogoutRedirectURIs = []string{"http://a.example/"} }},
		{"openid.logo_uri", func(c *client.Client) { c.OpenID.LogoURI = "http://localhost/logo" }},
		{"jwks_uri", func(c *client.Client) { c.JWKSURI = "http://127.0.0.1/jwks" }},
	})
	web := func() client.Client {
		c := webClient()
		c.Registered = &client.Registered{}
		return c
	}
	refusals(t, web, []refusal{
		{"redirect_uris", func(c *client.Client) {
			c.OpenID.SubjectType, c.RedirectURIs = "", append(c.RedirectURIs, "http://localhost/cb")
		}},
		{"redirect_uris", func(c *client.Client) {
			c.OpenID.SubjectType, c.RedirectURIs = "", append(c.RedirectURIs, "org.example.app:/cb")
		}},
		{"openid.backchannel_logout_uri", func(c *client.Client) { c.OpenID.BackchannelLogoutURI = "http://localhost/b" }},
	})
	// A public client on this machine may have forgotten to say that it is native.
	c := native()
	c.OpenID, c.RedirectURIs = client.OpenID{}, []string{"http://localhost:33418/callback"}
	if err := client.Check(&c); err != nil {
		t.Error(err)
	}
}
