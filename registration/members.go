package registration

import (
	"encoding/json"
	"slices"
	"strings"

	"sallyport/client"
	"sallyport/jose"
	"sallyport/realm"
	"sallyport/scope"
)

// A member is one of the metadata: how it becomes part of a client, and how that is told. What is nil is not told.
type member struct {
	name string
	want string // the type, in words
	set  func(c *client.Client, v json.RawMessage) error
	get  func(c *client.Client) any
	ours string // what package client calls it, where that is something else
}

// members are all that are known: RFC 7591 section 2, OpenID Connect Registration section 2 and the logout specifications.
func members() []member {
	o := func(c *client.Client) *client.OpenID { return &c.OpenID }
	return []member{
		list("redirect_uris", func(c *client.Client) *[]string { return &c.RedirectURIs }),
		choice("token_endpoint_auth_method", func(c *client.Client) *client.Method { return &c.AuthMethod }).as("auth_method"),
		text("token_endpoint_auth_signing_alg", func(c *client.Client) *string { return &c.AuthAlg }).as("auth_alg"),
		list("grant_types", func(c *client.Client) *[]string { return &c.Grants }).as("grants").otherwise([]string{}), // none is not the default
		responseTypes(),
		text("client_name", func(c *client.Client) *string { return &c.Name }).as("name"),
		text("client_uri", func(c *client.Client) *string { return &c.URL }).as("url"),
		text("logo_uri", func(c *client.Client) *string { return &o(c).LogoURI }),
		text("policy_uri", func(c *client.Client) *string { return &o(c).PolicyURI }),
		text("tos_uri", func(c *client.Client) *string { return &o(c).TosURI }),
		list("contacts", func(c *client.Client) *[]string { return &o(c).Contacts }),
		scopes(),
		text("jwks_uri", func(c *client.Client) *string { return &c.JWKSURI }),
		keySet(),
		choice("application_type", func(c *client.Client) *string { return &o(c).ApplicationType }).otherwise("web"),
		text("sector_identifier_uri", func(c *client.Client) *string { return &o(c).SectorIdentifierURI }),
		choice("subject_type", func(c *client.Client) *string { return &o(c).SubjectType }).otherwise("public"),
		text("id_token_signed_response_alg", func(c *client.Client) *string { return &o(c).IDTokenAlg }).as("id_token_alg"),
		text("userinfo_signed_response_alg", func(c *client.Client) *string { return &o(c).UserInfoAlg }).as("userinfo_alg"),
		text("request_object_signing_alg", func(c *client.Client) *string { return &o(c).RequestObjectAlg }).as("request_object_alg"),
		list("request_uris", func(c *client.Client) *[]string { return &o(c).RequestURIs }),
		yes("require_pushed_authorization_requests", func(c *client.Client) *bool { return &o(c).RequirePAR }), // RFC 9126 section 6
		yes("require_signed_request_object", func(c *client.Client) *bool { return &o(c).RequireSigned }),      // RFC 9101 section 10.5
		maxAge(),
		yes("require_auth_time", func(c *client.Client) *bool { return &o(c).RequireAuthTime }),
		list("default_acr_values", func(c *client.Client) *[]string { return &o(c).DefaultACR }),
		text("initiate_login_uri", func(c *client.Client) *string { return &o(c).InitiateLoginURI }),
		list("post_logout_redirect_uris", func(c *client.Client) *[]string { return &o(c).PostLogoutRedirectURIs }),
		text("backchannel_logout_uri", func(c *client.Client) *string { return &o(c).BackchannelLogoutURI }),
		yes("backchannel_logout_session_required", func(c *client.Client) *bool { return &o(c).BackchannelSession }),
		text("frontchannel_logout_uri", func(c *client.Client) *string { return &o(c).FrontchannelLogoutURI }),
		yes("frontchannel_logout_session_required", func(c *client.Client) *bool { return &o(c).FrontchannelSession }),
	}
}

func (m member) as(ours string) member { m.ours = ours; return m }

// otherwise tells a default that a client keeps as nothing.
func (m member) otherwise(value any) member {
	get := m.get
	m.get = func(c *client.Client) any {
		if v := get(c); v != nil {
			return v
		}
		return value
	}
	return m
}

// names are what the metadata call the fields that package client speaks of.
func names() map[string]string {
	all := map[string]string{"scopes": "scope", "type": "token_endpoint_auth_method"}
	for _, m := range members() {
		if m.ours != "" {
			all[m.ours] = m.name
		}
	}
	return all
}

func text(name string, at func(*client.Client) *string) member { return choice(name, at) }

// choice is a text, of whatever type it is kept as.
func choice[T ~string](name string, at func(*client.Client) *T) member {
	return member{
		name: name, want: "a string",
		set: func(c *client.Client, v json.RawMessage) error { return decode(v, at(c)) },
		get: func(c *client.Client) any {
			if *at(c) == "" {
				return nil
			}
			return string(*at(c))
		},
	}
}

func list(name string, at func(*client.Client) *[]string) member {
	return member{
		name: name, want: "an array of strings",
		set: func(c *client.Client, v json.RawMessage) error { return strs(v, at(c)) },
		get: func(c *client.Client) any {
			if len(*at(c)) == 0 {
				return nil
			}
			return slices.Clone(*at(c))
		},
	}
}

func yes(name string, at func(*client.Client) *bool) member {
	return member{
		name: name, want: "true or false",
		set: func(c *client.Client, v json.RawMessage) error { return decode(v, at(c)) },
		get: func(c *client.Client) any {
			if !*at(c) {
				return nil
			}
			return true
		},
	}
}

// responseTypes follow from the grant types: nothing of them is kept.
func responseTypes() member {
	return member{
		name: "response_types", want: "an array of strings",
		set: func(_ *client.Client, v json.RawMessage) error { return strs(v, new([]string)) },
		get: func(c *client.Client) any {
			if slices.Contains(c.Grants, "authorization_code") {
				return []string{"code"}
			}
			return []string{}
		},
	}
}

// scopes are one string (RFC 7591 section 2).
func scopes() member {
	return member{
		name: "scope", want: "a string of scopes with a space between two",
		set: func(c *client.Client, v json.RawMessage) error {
			var all string
			if err := decode(v, &all); err != nil {
				return err
			}
			for _, name := range strings.Fields(all) {
				if scope.ValidName(name) && !slices.Contains(c.Scopes, name) {
					c.Scopes = append(c.Scopes, name)
				}
			}
			return nil
		},
		get: func(c *client.Client) any { return strings.Join(c.Scopes, " ") },
	}
}

func keySet() member {
	return member{
		name: "jwks", want: "a JWK Set",
		set: func(c *client.Client, v json.RawMessage) error {
			if len(v) == 0 || v[0] != '{' {
				return errType
			}
			c.JWKS = slices.Clone(v)
			return nil
		},
		get: func(c *client.Client) any {
			if len(c.JWKS) == 0 {
				return nil
			}
			return c.JWKS
		},
	}
}

func maxAge() member {
	return member{
		name: "default_max_age", want: "a whole number of seconds",
		set: func(c *client.Client, v json.RawMessage) error {
			var n int64
			if err := decode(v, &n); err != nil {
				return err
			}
			c.OpenID.DefaultMaxAge = &n
			return nil
		},
		get: func(c *client.Client) any {
			if c.OpenID.DefaultMaxAge == nil {
				return nil
			}
			return *c.OpenID.DefaultMaxAge
		},
	}
}

func decode(v json.RawMessage, into any) error {
	if json.Unmarshal(v, into) != nil {
		return errType
	}
	return nil
}

// strs reads an array of strings; one string in its place is none.
func strs(v json.RawMessage, into *[]string) error {
	var each []*string // null is no string
	if len(v) == 0 || v[0] != '[' || json.Unmarshal(v, &each) != nil {
		return errType
	}
	all := make([]string, len(each))
	for i, s := range each {
		if s == nil {
			return errType
		}
		all[i] = *s
	}
	*into = all
	return nil
}

// read puts the metadata into a client.
func (m *Metadata) read(c *client.Client) error {
	for _, f := range members() {
		v := m.members.Raw(f.name)
		if v == nil {
			continue
		}
		if err := f.set(c, v); err != nil {
			return Bad(f.name, "must be %s", f.want)
		}
	}
	return m.others()
}

// others looks at what has no place in a client.
func (m *Metadata) others() error {
	for name, v := range m.members {
		base, _, tagged := strings.Cut(name, "#") // RFC 7591 section 2.2: in another language
		switch {
		case tagged && slices.Contains(forPeople(), base):
			var value string
			if decode(v, &value) != nil {
				return Bad(name, "must be a string")
			}
			if base != "client_name" && value != "" && !(strings.HasPrefix(value, "https:") && realm.CheckURL(value) == nil) {
				return Bad(name, "%s is not an https URL", realm.Show(value))
			}
		case (name == "software_id" || name == "software_version") && !m.members.IsText(name):
			return Bad(name, "must be a string")
		case slices.Contains(undone(), name) && string(v) != "false":
			return Bad(name, "is not supported here; leave it out")
		}
	}
	return nil
}

// forPeople are the members that may come in several languages.
func forPeople() []string {
	return []string{"client_name", "client_uri", "logo_uri", "tos_uri", "policy_uri"}
}

// undone are members that ask for something this server does not do. Who asks for it would count on it.
func undone() []string {
	return []string{
		"id_token_encrypted_response_alg", "id_token_encrypted_response_enc", "userinfo_encrypted_response_alg", "userinfo_encrypted_response_enc",
		"request_object_encryption_alg", "request_object_encryption_enc", "authorization_signed_response_alg", "authorization_encrypted_response_alg",
		"authorization_encrypted_response_enc", "introspection_signed_response_alg", "introspection_encrypted_response_alg",
		"introspection_encrypted_response_enc", "tls_client_certificate_bound_access_tokens", "dpop_bound_access_tokens",
	}
}

// isOurs reports whether a member is this server's word (RFC 7591 section 3.2.1), which a client only repeats, or one that is
// ignored as a whole: software statements are signed by nobody who is known here (section 2.3).
func isOurs(name string) bool {
	return slices.Contains([]string{
		"client_id", "client_secret", "client_id_issued_at", "client_secret_expires_at", "registration_access_token", "registration_client_uri",
		"software_statement",
	}, name)
}

// Describe tells a client as its metadata (RFC 7591 section 3.2.1), defaults included.
func Describe(c *client.Client) map[string]any {
	all := map[string]any{}
	if c.Registered != nil {
		if rest, err := jose.ParseClaims(c.Registered.Metadata); err == nil {
			for name, v := range rest {
				all[name] = v
			}
		}
		all["client_id_issued_at"] = c.Registered.At.Unix()
	}
	for _, m := range members() {
		if v := m.get(c); v != nil {
			all[m.name] = v
		}
	}
	all["client_id"] = c.ID
	return all
}
