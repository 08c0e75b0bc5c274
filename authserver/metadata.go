package authserver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"sallyport/authorize"
	"sallyport/authserver/pages"
	"sallyport/claims"
	"sallyport/jose"
	"sallyport/realm"
	"sallyport/web"
)

// A metadata is the document of RFC 8414 section 2 and OpenID Connect Discovery section 3, with what later specifications have
// added. It is one document at both places: a client may look at either.
type metadata struct {
	Issuer        string `json:"issuer"`
	Authorization string `json:"authorization_endpoint"`
	Token         string `json:"token_endpoint"`
	UserInfo      string `json:"userinfo_endpoint"`
	JWKS          string `json:"jwks_uri"`
	Registration  string `json:"registration_endpoint,omitempty"` // only where somebody may register
	Push          string `json:"pushed_authorization_request_endpoint"`
	Revocation    string `json:"revocation_endpoint"`
	Introspection string `json:"introspection_endpoint"`
	EndSession    string `json:"end_session_endpoint"` // OpenID Connect RP-Initiated Logout section 2.1

	Scopes        []string `json:"scopes_supported"`
	ResponseTypes []string `json:"response_types_supported"`
	ResponseModes []string `json:"response_modes_supported"`
	GrantTypes    []string `json:"grant_types_supported"`
	Prompts       []string `json:"prompt_values_supported"`
	Displays      []string `json:"display_values_supported"`
	ACRs          []string `json:"acr_values_supported"`
	Subjects      []string `json:"subject_types_supported"`
	Claims        []string `json:"claims_supported"`
	ClaimTypes    []string `json:"claim_types_supported"`
	UILocales     []string `json:"ui_locales_supported"`
	PKCE          []string `json:"code_challenge_methods_supported"` // RFC 7636

	TokenAuth          []string `json:"token_endpoint_auth_methods_supported"`
	TokenAuthAlgs      []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	RevocationAuth     []string `json:"revocation_endpoint_auth_methods_supported"`
	RevocationAlgs     []string `json:"revocation_endpoint_auth_signing_alg_values_supported"`
	IntrospectionAuth  []string `json:"introspection_endpoint_auth_methods_supported"`
	IntrospectionAlgs  []string `json:"introspection_endpoint_auth_signing_alg_values_supported"`
	IDTokenAlgs        []string `json:"id_token_signing_alg_values_supported"`
	UserInfoAlgs       []string `json:"userinfo_signing_alg_values_supported"`
	RequestObjectAlgs  []string `json:"request_object_signing_alg_values_supported"`
	PolicyURI          string   `json:"op_policy_uri,omitempty"`
	TermsURI           string   `json:"op_tos_uri,omitempty"`
	ClaimsParameter    bool     `json:"claims_parameter_supported"`
	RequestParameter   bool     `json:"request_parameter_supported"`
	RequestURI         bool     `json:"request_uri_parameter_supported"`
	RegisterRequestURI bool     `json:"require_request_uri_registration"`                // OpenID Connect Core section 6.2
	RequirePush        bool     `json:"require_pushed_authorization_requests,omitempty"` // RFC 9126 section 5
	Names              bool     `json:"authorization_response_iss_parameter_supported"`  // RFC 9207 section 3
	FrontLogout        bool     `json:"frontchannel_logout_supported"`
	FrontLogoutSession bool     `json:"frontchannel_logout_session_supported"`
	BackLogout         bool     `json:"backchannel_logout_supported"`
	BackLogoutSession  bool     `json:"backchannel_logout_session_supported"`
}

// metadata tells what this realm does and nothing else. Every address in it comes from the configured issuer: what a request
// says about its host is never repeated (RFC 8414 section 3.3).
func (f *Face) metadata(w http.ResponseWriter, r *http.Request, rl *realm.Realm) error {
	if err := web.Allow(w, r, http.MethodGet, http.MethodHead); err != nil {
		return err
	}
	body, err := json.Marshal(f.document(rl))
	if err != nil {
		return fmt.Errorf("metadata: %w", err)
	}
	publish(w, r, "application/json", body)
	return nil
}

func (f *Face) document(rl *realm.Realm) metadata {
	root := strings.TrimSuffix(rl.Issuer, "/")
	proofs := []string{"client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt"}
	anyhow, proofAlgs := append(slices.Clone(proofs), "none"), append(jose.Asymmetric(), jose.Symmetric()...)
	m := metadata{
		Issuer: rl.Issuer, Authorization: root + authorizePath, Token: root + tokenPath, UserInfo: root + userinfoPath,
		JWKS: root + jwksPath, Push: root + parPath, Revocation: root + revokePath, Introspection: root + introspectPath,
		EndSession: root + logoutPath,

		Scopes: f.scopes(rl), ResponseTypes: []string{authorize.ResponseType}, GrantTypes: f.engine.GrantTypes(),
		Prompts: authorize.Prompts(), Displays: authorize.Displays(), ACRs: acrs(rl), Subjects: []string{"public", "pairwise"},
		Claims: claims.Supported(), ClaimTypes: []string{"normal"}, UILocales: pages.Languages(), PKCE: []string{"S256"},

		TokenAuth: anyhow, TokenAuthAlgs: proofAlgs, RevocationAuth: anyhow, RevocationAlgs: proofAlgs,
		IntrospectionAuth: proofs, IntrospectionAlgs: proofAlgs, IDTokenAlgs: realm.Algs(), UserInfoAlgs: realm.Algs(),
		RequestObjectAlgs: append(authorize.ObjectAlgs(), jose.None),
		PolicyURI:         rl.Brand.Policy, TermsURI: rl.Brand.Terms,

		ClaimsParameter: true, RequestParameter: true, RequestURI: true, RegisterRequestURI: true, RequirePush: rl.RequirePAR,
		Names: true, FrontLogout: true, FrontLogoutSession: true, BackLogout: true, BackLogoutSession: true,
	}
	for _, mode := range authorize.Modes() {
		m.ResponseModes = append(m.ResponseModes, string(mode))
	}
	if mode := rl.Registration.Mode; mode == realm.RegisterOpen || mode == realm.RegisterByToken {
		m.Registration = root + registerPath
	}
	return m
}

// scopes are those of the standard and those that the realm declares.
func (f *Face) scopes(rl *realm.Realm) []string {
	all := authorize.StandardScopes()
	for _, name := range f.realms.Scopes(rl.Name) {
		if !slices.Contains(all, name) {
			all = append(all, name)
		}
	}
	return all
}

// acrs are the classes that somebody can reach in the realm.
func acrs(rl *realm.Realm) []string {
	all := realm.ACRs()
	if !rl.SignIn.Allows(realm.ByPasskey) {
		all = slices.DeleteFunc(all, func(acr string) bool { return acr == realm.ACRPhishingResistant })
	}
	return all
}
