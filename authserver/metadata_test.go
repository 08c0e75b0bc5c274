package authserver_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/authserver"
	"sallyport/deployment"
	"sallyport/dialect/dialecttest"
	"sallyport/realm"
)

func texts(v any) (list []string) {
	each, _ := v.([]any)
	for _, one := range each {
		s, _ := one.(string)
		list = append(list, s)
	}
	return list
}

// TestMetadata: what it says is true of the realm, and none of it comes from the request.
func TestMetadata(t *testing.T) {
	h := open(t, func(start *deployment.ChangeSet) {
		own := start.Realms[2]
		own.Registration.Mode, own.RequirePAR, own.SignIn.Methods = realm.RegisterByToken, true, []string{realm.ByPassword}
		own.Brand.Policy, own.Brand.Terms = "https://example.com/policy", "https://example.com/terms"
	})
	proofs := []any{"client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"}
	for name, tc := range map[string]struct{ realm, issuer, root string }{
		"default":           {"default", dialecttest.PublicURL, dialecttest.PublicURL},
		"named":             {"corp", dialecttest.PublicURL + "/realms/corp", dialecttest.PublicURL + "/realms/corp"},
		"issuer of its own": {"own", "https://login.example.com/sso/", "https://login.example.com/sso"},
	} {
		ask := func(path string) dialecttest.Answer {
			return h.read(path, dialecttest.Call{
				Realm: tc.realm, Host: "evil.example",
				Header: http.Header{"X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"http"}, "Forwarded": {"host=evil.example"}, "X-Forwarded-Prefix": {"/evil"}},
			})
		}
		got := ask(authserver.MetadataPath)
		told := got.JSON()
		want := map[string]any{
			"issuer": tc.issuer, "authorization_endpoint": tc.root + "/authorize", "token_endpoint": tc.root + "/token",
			"userinfo_endpoint": tc.root + "/userinfo", "revocation_endpoint": tc.root + "/revoke",
			"introspection_endpoint": tc.root + "/introspect", "jwks_uri": tc.root + "/jwks",
			"pushed_authorization_request_endpoint": tc.root + "/par", "end_session_endpoint": tc.root + "/logout",
			"response_types_supported": []any{"code"}, "response_modes_supported": []any{"query", "fragment", "form_post"},
			"grant_types_supported":   []any{"authorization_code", "client_credentials", "fault", "password", "refresh_token"},
			"subject_types_supported": []any{"public", "pairwise"}, "code_challenge_methods_supported": []any{"S256"},
			"prompt_values_supported":               []any{"none", "login", "consent", "select_account"},
			"display_values_supported":              []any{"page", "popup", "touch", "wap"},
			"acr_values_supported":                  []any{"1", "2", "phr"},
			"ui_locales_supported":                  []any{"en", "de", "zh-TW"},
			"claim_types_supported":                 []any{"normal"},
			"id_token_signing_alg_values_supported": []any{"RS256", "PS256", "ES256", "EdDSA"},
			"userinfo_signing_alg_values_supported": []any{"RS256", "PS256", "ES256", "EdDSA"},
			"scopes_supported":                      []any{"openid", "profile", "email", "address", "phone", "offline_access"},

			"token_endpoint_auth_methods_supported":         append(slices.Clone(proofs), "none"),
			"revocation_endpoint_auth_methods_supported":    append(slices.Clone(proofs), "none"),
			"introspection_endpoint_auth_methods_supported": proofs,

			"claims_parameter_supported": true, "request_parameter_supported": true, "request_uri_parameter_supported": true,
			"require_request_uri_registration": true, "authorization_response_iss_parameter_supported": true,
			"frontchannel_logout_supported": true, "frontchannel_logout_session_supported": true,
			"backchannel_logout_supported": true, "backchannel_logout_session_supported": true,
		}
		if tc.realm == "default" {
			want["scopes_supported"] = append(slices.Clone(want["scopes_supported"].([]any)), "admin", "read")
		}
		if tc.realm == "own" {
			want["registration_endpoint"], want["require_pushed_authorization_requests"] = tc.root+"/register", true
			want["acr_values_supported"] = []any{"1", "2"}
			want["op_policy_uri"], want["op_tos_uri"] = "https://example.com/policy", "https://example.com/terms"
		}
		for _, long := range []string{"token_endpoint", "revocation_endpoint", "introspection_endpoint"} {
			member := long + "_auth_signing_alg_values_supported"
			if algs := texts(told[member]); !slices.Contains(algs, "RS256") || !slices.Contains(algs, "HS256") || slices.Contains(algs, "none") {
				t.Errorf("%s: %s: %v", name, member, algs)
			}
			delete(told, member)
		}
		if algs := texts(told["request_object_signing_alg_values_supported"]); !slices.Contains(algs, "ES256") || !slices.Contains(algs, "none") || slices.Contains(algs, "HS256") {
			t.Errorf("%s: request objects by %v", name, algs)
		}
		if list := texts(told["claims_supported"]); !slices.Contains(list, "email_verified") || !slices.Contains(list, "sub") {
			t.Errorf("%s: claims %v", name, list)
		}
		delete(told, "request_object_signing_alg_values_supported")
		delete(told, "claims_supported")
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if got.Header.Get("Content-Type") != "application/json" || strings.Contains(got.Body, "evil") {
			t.Errorf("%s: %v %s", name, got.Header, got.Body)
		}
		if other := ask(authserver.DiscoveryPath); other.Body != got.Body {
			t.Errorf("%s: two documents", name)
		}
	}
}

// Every address that the metadata name is served, but those of the sibling packages.
func TestMetadataNamesWhatIsServed(t *testing.T) {
	h := open(t)
	for member, v := range h.read(authserver.DiscoveryPath, dialecttest.Call{}).JSON() {
		if at, _ := v.(string); strings.HasSuffix(member, "_endpoint") || member == "jwks_uri" {
			path := strings.TrimPrefix(at, dialecttest.PublicURL)
			if h.routes[path] == nil && path != "/logout" && path != "/register" {
				t.Errorf("%s: %s is not served", member, path)
			}
		}
	}
}
