package deployment

import (
	"encoding/json"
	"strings"

	"sallyport/client"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/user"
)

// realm returns the realm as the file wants it, given what is stored (nil: nothing). Settings that the file does not
// mention stay as they are.
func (f *File) realm(stored *realm.Realm) *realm.Realm {
	r := realm.Realm{Name: f.Realm}
	if stored != nil {
		r = *stored
	}
	for key, set := range map[string]func(){
		"issuer": func() { r.Issuer = f.Issuer },
		"hosts":  func() { r.Hosts = f.Hosts },
		"dialects": func() {
			r.Dialects = nil
			for _, d := range f.Dialects {
				r.Dialects = append(r.Dialects, realm.Dialect(d))
			}
		},
		"access_token":  func() { r.AccessToken = realm.AccessToken(f.AccessToken) },
		"refresh_token": func() { r.RefreshToken = realm.RefreshToken(f.RefreshToken) },
		"all_scope":     func() { r.AllScope = f.AllScope },
		"keys":          func() { r.Keys = realm.KeySchedule(f.Keys) },
		"sign_in":       func() { r.SignIn = realm.SignIn(f.SignIn) },
		"registration":  func() { r.Registration = realm.Registration(f.Registration) },
		"brand":         func() { r.Brand = realm.Brand(f.Brand) },
		"require_pkce":  func() { r.RequirePKCE = f.RequirePKCE },
		"require_par":   func() { r.RequirePAR = f.RequirePAR },
		"id_token_alg":  func() { r.IDTokenAlg = f.IDTokenAlg },
		"trusted_issuers": func() {
			r.TrustedIssuers = nil
			for _, t := range f.TrustedIssuers {
				r.TrustedIssuers = append(r.TrustedIssuers, realm.TrustedIssuer(t))
			}
		},
	} {
		if f.Has(key) {
			set()
		}
	}
	return &r
}

func (s *Scope) scope() scope.Scope { return scope.Scope{Name: s.Name, Description: s.Description} }

// user returns the user as the file wants it, but for the password.
func (u *User) user(in string, stored *user.User) *user.User {
	status := user.Status(u.Status)
	password := u.PasswordHash
	if stored != nil {
		password = stored.Password
		if status == "" {
			status = stored.Status
		}
	}
	if status == "" {
		status = user.On
	}
	n := &user.User{
		Realm: in, Name: u.Name, Password: password, Alias: u.Alias, Email: u.Email, Status: status, Org: u.Org, Roles: u.Roles,
		Profile: u.Profile.profile(), Attributes: u.Attributes,
	}
	if stored != nil {
		n.UpdatedAt = stored.UpdatedAt
	}
	switch {
	case u.EmailVerified != nil:
		n.EmailVerified = *u.EmailVerified
	case stored != nil:
		n.EmailVerified = stored.EmailVerified && strings.EqualFold(stored.Email, u.Email)
	}
	return n
}

// client returns the client as the file wants it, but for the secrets.
func (c *Client) client(in string, stored *client.Client) *client.Client {
	n := &client.Client{
		Realm: in, ID: c.ID, Name: c.Name, Description: c.Description, URL: c.URL,
		Type: client.Type(c.Type), Status: client.Status(c.Status), Trusted: c.Trusted,
		Grants: c.Grants, Scopes: c.Scopes, Audience: c.Audience, Authorities: c.Authorities, RedirectURIs: c.RedirectURIs,
		AccessToken: realm.AccessToken(c.AccessToken), RefreshToken: realm.RefreshToken(c.RefreshToken),
		NotBefore: c.NotBefore.Time, NotAfter: c.NotAfter.Time,
		Addresses: c.Addresses, Hours: c.Hours, Rate: c.Rate, Quota: client.Quota(c.Quota), TokenUses: c.TokenUses,
		Priority: c.Priority, Certificates: c.Certificates,
		AuthMethod: client.Method(c.AuthMethod), AuthAlg: c.AuthAlg, JWKS: json.RawMessage(c.JWKS), JWKSURI: c.JWKSURI,
		OpenID: client.OpenID(c.OpenID), Registered: c.Registered.registered(),
	}
	if n.Type == "" {
		n.Type = client.Confidential
	}
	if stored != nil {
		if !c.Has("registered") {
			n.Registered = stored.Registered
		}
		n.Secrets = stored.Secrets
		if n.Status == "" {
			n.Status = stored.Status
		}
	}
	if n.Status == "" {
		n.Status = client.On
	}
	return n
}
