package registration_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/client"
	"sallyport/key"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/registration"
)

const keys = `{"keys":[{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4","y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}]}`

var open = &realm.Realm{Name: "default", Registration: realm.Registration{Mode: realm.RegisterOpen}}

// made makes a client of metadata.
func made(r *realm.Realm, body string, old *client.Client) (*client.Client, error) {
	m, err := registration.Parse([]byte(body))
	if err != nil {
		return nil, err
	}
	return m.Client(r, old)
}

// told is what the metadata are told back as.
func told(t *testing.T, c *client.Client) map[string]any {
	t.Helper()
	text, err := json.Marshal(registration.Describe(c))
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	delete(m, "client_id")
	delete(m, "client_id_issued_at")
	return m
}

// TestDefaults: RFC 7591 section 2 and OpenID Connect Registration section 2.
func TestDefaults(t *testing.T) {
	c, err := made(open, `{"redirect_uris":["https://app.example.org/cb"]}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"redirect_uris": []any{"https://app.example.org/cb"}, "token_endpoint_auth_method": "client_secret_basic",
		"grant_types": []any{"authorization_code"}, "response_types": []any{"code"}, "id_token_signed_response_alg": "RS256",
		"application_type": "web", "subject_type": "public", "scope": "openid profile email address phone offline_access",
	}
	if d := cmp.Diff(want, told(t, c)); d != "" {
		t.Error(d)
	}
	if c.Type != client.Confidential || c.Status != client.On || c.Trusted || c.Registered == nil || c.OpenID.SkipConsent {
		t.Errorf("%+v", c)
	}
	c, err = made(&realm.Realm{IDTokenAlg: "ES256"}, `{"redirect_uris":["http://127.0.0.1/cb"],"token_endpoint_auth_method":"none","scope":"openid admin email"}`, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Type != client.Public || c.OpenID.IDTokenAlg != "ES256" || c.Scopes.String() != "openid email" {
		t.Errorf("%+v", c)
	}
}

// Everything that can be said is kept and told back, and saying it again changes nothing.
const everything = `{
	"redirect_uris":["https://app.example.org/cb","https://app.example.org/cb?x=1"], "token_endpoint_auth_method":"private_key_jwt",
	"token_endpoint_auth_signing_alg":"ES256", "grant_types":["authorization_code","refresh_token"], "response_types":["code"],
	"client_name":"App", "client_uri":"https://app.example.org/", "logo_uri":"https://cdn.example.com/logo.png", "policy_uri":"https://app.example.org/p",
	"tos_uri":"https://app.example.org/t", "contacts":["ops@example.org"], "scope":"openid email", "jwks":` + keys + `,
	"application_type":"web", "sector_identifier_uri":"https://app.example.org/s", "subject_type":"pairwise", "id_token_signed_response_alg":"PS256",
	"userinfo_signed_response_alg":"RS256", "request_object_signing_alg":"ES256", "request_uris":["https://app.example.org/r"],
	"require_pushed_authorization_requests":true, "require_signed_request_object":true, "default_max_age":0, "require_auth_time":true,
	"default_acr_values":["2"], "initiate_login_uri":"https://app.example.org/login", "post_logout_redirect_uris":["https://app.example.org/bye"],
	"backchannel_logout_uri":"https://app.example.org/b", "backchannel_logout_session_required":true,
	"frontchannel_logout_uri":"https://app.example.org/f", "frontchannel_logout_session_required":true,
	"client_name#de":"Äpp", "logo_uri#zh-TW":"https://app.example.org/zh.png", "software_id":"x", "software_version":"1", "mine":{"a":[1,null]},
	"tls_client_certificate_bound_access_tokens":false
}`

func TestEverythingIsToldBack(t *testing.T) {
	c, err := made(open, everything, nil)
	if err != nil {
		t.Fatal(err)
	}
	var want map[string]any
	if err := json.Unmarshal([]byte(everything), &want); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, told(t, c)); d != "" {
		t.Error(d)
	}
	text, err := json.Marshal(registration.Describe(c))
	if err != nil {
		t.Fatal(err)
	}
	c.ID, c.Realm, c.Registered.At = "id", "default", time.Unix(7, 0)
	again, err := made(open, string(text), c)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(told(t, c), told(t, again)); d != "" {
		t.Error(d)
	}
}

func TestRefused(t *testing.T) {
	const uri = `"redirect_uris":["https://app.example.org/cb"]`
	for body, want := range map[string]string{
		`[]`:                              "one JSON object",
		`{`:                               "one JSON object",
		`{} {}`:                           "one JSON object",
		`{` + uri + `,` + uri + `}`:       "every member is given once",
		`{"x":{"a":1,"a":2},` + uri + `}`: "every member is given once",
		`{}`:                              "redirect_uris: is missing",
		`{"redirect_uris":[]}`:            "redirect_uris: is missing",
		`{"redirect_uris":null}`:          "redirect_uris: is missing",
		`{"redirect_uris":"https://app.example.org/cb"}`:                                    "redirect_uris: must be an array",
		`{"redirect_uris":[null]}`:                                                          "redirect_uris: must be an array",
		`{"redirect_uris":["https://app.example.org/cb#x"]}`:                                "redirect_uris: 'https://app.example.org/cb#x' has a fragment",
		`{"redirect_uris":["http://app.example.org/cb"]}`:                                   "redirect_uris: 'http://app.example.org/cb' is not https",
		`{"redirect_uris":["http://localhost/cb"]}`:                                         "is not https",
		`{"redirect_uris":["javascript:alert(1)"]}`:                                         "cannot lead back",
		`{"redirect_uris":["app:/cb"],"application_type":"native"}`:                         "without a period",
		`{"redirect_uris":["https://a.example\\@evil.example/"]}`:                           "not an absolute URI",
		`{` + uri + `,"token_endpoint_auth_method":7}`:                                      "token_endpoint_auth_method: must be a string",
		`{` + uri + `,"token_endpoint_auth_method":"tls_client_auth"}`:                      "token_endpoint_auth_method: 'tls_client_auth' is not a method",
		`{` + uri + `,"token_endpoint_auth_method":"private_key_jwt"}`:                      "token_endpoint_auth_method: private_key_jwt needs",
		`{` + uri + `,"token_endpoint_auth_signing_alg":"ES256"}`:                           "token_endpoint_auth_signing_alg: it is for",
		`{` + uri + `,"grant_types":["implicit"]}`:                                          "grant_types: 'implicit' may not",
		`{` + uri + `,"grant_types":["password"]}`:                                          "grant_types: 'password' may not",
		`{` + uri + `,"grant_types":["authorization_code",""]}`:                             "grant_types",
		`{` + uri + `,"grant_types":["refresh_token","refresh_token"],"response_types":[]}`: "grant_types: 'refresh_token' is empty or given twice",
		`{` + uri + `,"response_types":["code id_token"]}`:                                  "response_types: code is the only",
		`{` + uri + `,"response_types":[]}`:                                                 "response_types: code and the grant type",
		`{` + uri + `,"grant_types":["refresh_token"],"response_types":["code"]}`:           "response_types: code and the grant type",
		`{` + uri + `,"client_name":["a"]}`:                                                 "client_name: must be a string",
		`{` + uri + `,"client_name":"\u202e"}`:                                              "client_name: ",
		`{` + uri + `,"client_name#de":7}`:                                                  "client_name#de: must be a string",
		`{` + uri + `,"logo_uri#de":"javascript:x"}`:                                        "logo_uri#de: 'javascript:x' is not an https URL",
		`{` + uri + `,"client_uri":"http://app.example.org"}`:                               "client_uri: 'http://app.example.org' is not https",
		`{` + uri + `,"logo_uri":"javascript:alert(1)"}`:                                    "logo_uri: ",
		`{` + uri + `,"logo_uri":"http://localhost/x"}`:                                     "logo_uri: 'http://localhost/x' is not https",
		`{` + uri + `,"policy_uri":true}`:                                                   "policy_uri: must be a string",
		`{` + uri + `,"tos_uri":"data:text/html,x"}`:                                        "tos_uri: ",
		`{` + uri + `,"contacts":"a@example.org"}`:                                          "contacts: must be an array",
		`{` + uri + `,"scope":["openid"]}`:                                                  "scope: must be a string",
		`{` + uri + `,"jwks":[]}`:                                                           "jwks: must be a JWK Set",
		`{` + uri + `,"jwks":"{}"}`:                                                         "jwks: must be a JWK Set",
		`{` + uri + `,"jwks":{"keys":[{"kty":"oct","k":"AAAA"}]}}`:                          "jwks: ",
		`{` + uri + `,"jwks":` + keys + `,"jwks_uri":"https://a.example/"}`:                 "jwks_uri: there are keys in jwks too",
		`{` + uri + `,"jwks_uri":"https://169.254.169.254@a.example/"}`:                     "jwks_uri: ",
		`{` + uri + `,"application_type":"mobile"}`:                                         "application_type: ",
		`{` + uri + `,"subject_type":"private"}`:                                            "subject_type: ",
		`{` + uri + `,"id_token_signed_response_alg":"none"}`:                               "id_token_signed_response_alg: 'none' is not an algorithm",
		`{` + uri + `,"id_token_signed_response_alg":"HS256"}`:                              "id_token_signed_response_alg: ",
		`{` + uri + `,"userinfo_signed_response_alg":"none"}`:                               "userinfo_signed_response_alg: ",
		`{` + uri + `,"request_object_signing_alg":"HS256"}`:                                "request_object_signing_alg: ",
		`{` + uri + `,"request_uris":["http://a.example/"]}`:                                "request_uris: ",
		`{` + uri + `,"id_token_encrypted_response_alg":"RSA-OAEP"}`:                        "id_token_encrypted_response_alg: is not supported",
		`{` + uri + `,"dpop_bound_access_tokens":true}`:                                     "dpop_bound_access_tokens: is not supported",
		`{` + uri + `,"require_auth_time":"true"}`:                                          "require_auth_time: must be true or false",
		`{` + uri + `,"require_pushed_authorization_requests":1}`:                           "require_pushed_authorization_requests: must be true or false",
		`{` + uri + `,"default_max_age":"3600"}`:                                            "default_max_age: must be a whole number",
		`{` + uri + `,"default_max_age":1.5}`:                                               "default_max_age: must be a whole number",
		`{` + uri + `,"default_max_age":-1}`:                                                "default_max_age: ",
		`{` + uri + `,"initiate_login_uri":"http://app.example.org/l"}`:                     "initiate_login_uri: 'http://app.example.org/l' is not https",
		`{` + uri + `,"post_logout_redirect_uris":["http://a.example/"]}`:                   "post_logout_redirect_uris: ",
		`{` + uri + `,"frontchannel_logout_uri":"https://b.example/f"}`:                     "frontchannel_logout_uri: ",
		`{` + uri + `,"backchannel_logout_uri":"https://a.example/#"}`:                      "backchannel_logout_uri: ",
		`{` + uri + `,"software_id":7}`:                                                     "software_id: must be a string",
		`{` + uri + `,"x":"` + strings.Repeat("a", 17<<10) + `"}`:                           "metadata: ",
	} {
		_, err := made(open, body, nil)
		e := oauth.AsError(err)
		if err == nil || !strings.Contains(e.Description, want) || e.Code != oauth.InvalidClientMetadata && e.Code != oauth.InvalidRedirectURI {
			t.Errorf("%.80s: %s, %q; want something about %q", body, e.Code, e.Description, want)
			continue
		}
		if about := strings.HasPrefix(want, "redirect_uris: '") || strings.HasPrefix(want, "redirect_uris: is missing"); about && e.Code != oauth.InvalidRedirectURI {
			t.Errorf("%.80s: %s", body, e.Code)
		}
	}
	if _, err := registration.Parse(make([]byte, registration.MaxSize+1)); oauth.ReasonOf(err) != oauth.RequestTooLarge {
		t.Errorf("too long: %v", err)
	}
}

func TestPolicy(t *testing.T) {
	strict := &realm.Realm{Registration: realm.Registration{
		Mode: realm.RegisterByToken, Grants: []string{"client_credentials", "authorization_code"}, Scopes: []string{"read"}, RedirectHosts: []string{"*.example.org", "127.0.0.1"},
	}}
	for body, want := range map[string]string{
		`{"redirect_uris":["https://app.example.org/cb"]}`:                                                               "",
		`{"redirect_uris":["http://127.0.0.1:4711/cb"],"application_type":"native","token_endpoint_auth_method":"none"}`: "",
		`{"redirect_uris":["https://example.org/cb"]}`:                                                                   "is not on a host",
		`{"redirect_uris":["https://app.example.org.evil.example/cb"]}`:                                                  "is not on a host",
		`{"redirect_uris":["org.example.app:/cb"],"application_type":"native"}`:                                          "is not on a host",
		`{"redirect_uris":["evil.app://app.example.org/cb"],"application_type":"native"}`:                                "is not on a host",
		`{"redirect_uris":["https://app.example.org/cb"],"post_logout_redirect_uris":["https://evil.example/"]}`:         "post_logout_redirect_uris: ",
		`{"redirect_uris":["https://app.example.org/cb"],"grant_types":["authorization_code","refresh_token"]}`:          "use client_credentials, authorization_code",
		`{"grant_types":["client_credentials"]}`:                                                                         "",
		`{"grant_types":["client_credentials"],"token_endpoint_auth_method":"none"}`:                                     "grant_types: a public client cannot",
	} {
		c, err := made(strict, body, nil)
		if got := oauth.AsError(err); (want == "") != (err == nil) || err != nil && !strings.Contains(got.Description, want) {
			t.Errorf("%s: %v, want %q", body, err, want)
		} else if err == nil && c.Scopes.String() != "read" {
			t.Errorf("%s: scopes %s", body, c.Scopes)
		}
	}
}

// A client changes what it says of itself and nothing else.
func TestAdministratorsSettingsStay(t *testing.T) {
	old, err := made(open, everything, nil)
	if err != nil {
		t.Fatal(err)
	}
	old.Realm, old.ID, old.Status, old.Rate, old.Audience = "default", "id", client.Locked, 5, []string{"x"}
	old.OpenID.SkipConsent, old.OpenID.RequirePKCE, old.OpenID.Claims = true, true, map[string]string{"a": "user.name"}
	old.Registered.At, old.Registered.TokenHash = time.Unix(9, 0), []byte{1}
	before := told(t, old)
	c, err := made(open, `{"redirect_uris":["https://new.example.org/cb"],"status":"on","trusted":true,"Rate":0,"skip_consent":false}`, old)
	if err != nil {
		t.Fatal(err)
	}
	if c.Status != client.Locked || c.Rate != 5 || c.Trusted || len(c.Audience) != 1 || !c.OpenID.SkipConsent || !c.OpenID.RequirePKCE || len(c.OpenID.Claims) != 1 ||
		!c.Registered.At.Equal(time.Unix(9, 0)) || len(c.Registered.TokenHash) != 1 {
		t.Errorf("%+v", c)
	}
	if c.Name != "" || c.OpenID.LogoURI != "" || c.JWKS != nil || c.OpenID.RequirePAR || len(c.OpenID.RequestURIs) > 0 {
		t.Errorf("what was left out is still there: %+v", c)
	}
	if d := cmp.Diff(before, told(t, old)); d != "" {
		t.Errorf("the old client was changed: %s", d)
	}
}

func TestEquip(t *testing.T) {
	now, master := time.Unix(1e9, 0), key.Master{1}
	c := &client.Client{Realm: "default", ID: "a", AuthMethod: client.MethodBasic}
	equip := func(m client.Method) string {
		t.Helper()
		c.AuthMethod = m
		plain, err := registration.Equip(c, master, now)
		if err != nil {
			t.Fatal(err)
		}
		return plain
	}
	first := equip(client.MethodBasic)
	if first == "" || !registration.HasSecret(c, first, now) || registration.HasSecret(c, "x", now) || registration.HasSecret(c, "", now) {
		t.Errorf("%q, %+v", first, c.Secrets)
	}
	if again := equip(client.MethodPost); again != "" || !registration.HasSecret(c, first, now) {
		t.Error("a method that needs no other secret got one")
	}
	mac := equip(client.MethodSecretJWT)
	if plain, err := client.OpenSecret(master, c.Realm, c.ID, c.Secrets[0].ID, c.Secrets[0].Sealed); err != nil || string(plain) != mac || len(c.Secrets) != 1 {
		t.Errorf("%v, %+v", err, c.Secrets)
	}
	if again := equip(client.MethodBasic); again != "" || len(c.Secrets[0].Sealed) > 0 {
		t.Error("the secret itself is still kept")
	}
	for _, m := range []client.Method{client.MethodNone, client.MethodPrivateKeyJWT} {
		equip(client.MethodBasic)
		if equip(m); len(c.Secrets) != 0 {
			t.Errorf("%s has a secret", m)
		}
	}
}

func TestTokens(t *testing.T) {
	plain, hash := registration.NewToken()
	other, _ := registration.NewToken()
	c := &client.Client{Registered: &client.Registered{TokenHash: hash[:]}}
	if !registration.Opens(c, plain) || registration.Opens(c, other) || registration.Opens(c, "") || len(plain) < 43 {
		t.Error("tokens")
	}
	if registration.Opens(nil, plain) || registration.Opens(&client.Client{}, plain) || registration.Opens(&client.Client{Registered: &client.Registered{}}, "") {
		t.Error("a client that has no token was opened")
	}
}

func FuzzMetadata(f *testing.F) {
	for _, seed := range []string{everything, `{"redirect_uris":["https://a.example/"],"scope":" a  b "}`, `{"grant_types":[],"response_types":[]}`, `{"a#b":1}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		c, err := made(open, body, nil)
		if err != nil {
			if e := oauth.AsError(err); e.Code == oauth.ServerError {
				t.Fatal(err)
			}
			return
		}
		if c.Trusted || c.OpenID.SkipConsent || c.Status != client.On || len(c.Secrets) > 0 {
			t.Fatalf("%+v", c)
		}
		text, err := json.Marshal(registration.Describe(c))
		if err != nil {
			t.Fatal(err)
		}
		c.ID = "id"
		again, err := made(open, string(text), c)
		if err != nil {
			t.Fatalf("told back as what is refused: %v\n%s", err, text)
		}
		if d := cmp.Diff(told(t, c), told(t, again)); d != "" {
			t.Fatal(d)
		}
	})
}
