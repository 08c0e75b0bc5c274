package deployment

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"slices"
	"time"

	"sallyport/api"
	"sallyport/client"
	"sallyport/deployment/strictyaml"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/user"
)

// page is how many users or clients are read at a time.
const page = 500

// Export writes a realm, or every realm if the name is empty, in the form that Parse reads. Credentials are written as
// their hashes, so that applying the export changes nothing.
func Export(ctx context.Context, store Store, name string) ([]byte, error) {
	files, err := Read(ctx, store, name)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for i, f := range files {
		if i > 0 {
			b.WriteString("---\n")
		}
		text, err := strictyaml.Marshal(f)
		if err != nil {
			return nil, err
		}
		b.Write(text)
	}
	return b.Bytes(), nil
}

// Read returns a realm, or every realm if the name is empty, as files.
func Read(ctx context.Context, store Store, name string) ([]*File, error) {
	realms, err := store.Realms(ctx)
	if err != nil {
		return nil, err
	}
	scopes, err := store.Scopes(ctx)
	if err != nil {
		return nil, err
	}
	apis, err := store.APIs(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(realms, func(a, b *realm.Realm) int { return compare(a.Name, b.Name) })
	slices.SortFunc(apis, func(a, b *api.API) int { return compare(a.Name, b.Name) })
	var files []*File
	for _, r := range realms {
		if name != "" && r.Name != name {
			continue
		}
		f := FromRealm(r)
		for _, s := range scopes[r.Name] {
			f.Scopes = append(f.Scopes, fromScope(s))
		}
		slices.SortFunc(f.Scopes, func(a, b Scope) int { return compare(a.Name, b.Name) })
		if err := eachUser(ctx, store, r.Name, func(u *user.User) { f.Users = append(f.Users, FromUser(u)) }); err != nil {
			return nil, err
		}
		if err := eachClient(ctx, store, r.Name, func(c *client.Client) { f.Clients = append(f.Clients, FromClient(c)) }); err != nil {
			return nil, err
		}
		if err := addKeys(ctx, store, f); err != nil {
			return nil, err
		}
		for _, a := range apis {
			if a.Realm == r.Name {
				f.APIs = append(f.APIs, fromAPI(a))
			}
		}
		files = append(files, f)
	}
	if name != "" && len(files) == 0 {
		return nil, fmt.Errorf("there is no realm %.80q; `sallyport realm list` shows those there are", name)
	}
	return files, nil
}

// addKeys writes the keys of a realm's clients into them.
func addKeys(ctx context.Context, store Store, f *File) error {
	all, err := store.Credentials(ctx, f.Realm, "")
	if err != nil || len(all) == 0 {
		return err
	}
	clients := make(map[string]*Client, len(f.Clients))
	for i := range f.Clients {
		clients[f.Clients[i].ID] = &f.Clients[i]
	}
	for _, k := range all {
		if c := clients[k.Client]; c != nil {
			c.addKey(k)
		}
	}
	return nil
}

// compare orders by bytes, as both engines do.
func compare(a, b string) int { return bytes.Compare([]byte(a), []byte(b)) }

func eachUser(ctx context.Context, store Store, in string, do func(*user.User)) error {
	for after := ""; ; {
		users, err := store.Users(ctx, in, after, page)
		if err != nil {
			return err
		}
		for _, u := range users {
			do(u)
			after = u.Name
		}
		if len(users) < page {
			return nil
		}
	}
}

func eachClient(ctx context.Context, store Store, in string, do func(*client.Client)) error {
	for after := ""; ; {
		clients, err := store.Clients(ctx, in, after, page)
		if err != nil {
			return err
		}
		for _, c := range clients {
			do(c)
			after = c.ID
		}
		if len(clients) < page {
			return nil
		}
	}
}

// FromRealm writes a stored realm as a file would, without what is in it.
func FromRealm(r *realm.Realm) *File {
	f := &File{
		Realm: r.Name, Issuer: r.Issuer, Hosts: r.Hosts, AccessToken: AccessToken(r.AccessToken),
		RefreshToken: RefreshToken(r.RefreshToken), AllScope: r.AllScope, Keys: Keys(r.Keys),
		SignIn: SignIn(r.SignIn), Registration: Registration(r.Registration), Brand: Brand(r.Brand),
		RequirePKCE: r.RequirePKCE, RequirePAR: r.RequirePAR, IDTokenAlg: r.IDTokenAlg,
	}
	for _, d := range r.Dialects {
		f.Dialects = append(f.Dialects, Named(d))
	}
	for _, t := range r.TrustedIssuers {
		f.TrustedIssuers = append(f.TrustedIssuers, TrustedIssuer(t))
	}
	return f
}

func fromScope(s scope.Scope) Scope { return Scope{Name: s.Name, Description: s.Description} }

// FromUser writes a stored user as a file would.
func FromUser(u *user.User) User {
	f := User{
		Name: u.Name, PasswordHash: u.Password, Status: Status(u.Status), Alias: u.Alias, Email: u.Email, Org: u.Org, Roles: u.Roles,
		Profile: fromProfile(u.Profile), Attributes: u.Attributes,
	}
	if u.EmailVerified {
		f.EmailVerified = &u.EmailVerified
	}
	return f
}

// FromClient writes a stored client as a file would.
func FromClient(c *client.Client) Client {
	f := Client{
		ID: c.ID, Name: c.Name, Description: c.Description, URL: c.URL, Type: string(c.Type), Status: Status(c.Status),
		Trusted: c.Trusted, Grants: c.Grants, Scopes: c.Scopes, Audience: c.Audience, Authorities: c.Authorities,
		RedirectURIs: c.RedirectURIs, AccessToken: AccessToken(c.AccessToken), RefreshToken: RefreshToken(c.RefreshToken),
		NotBefore: Moment{c.NotBefore}, NotAfter: Moment{c.NotAfter},
		Addresses: c.Addresses, Hours: c.Hours, Rate: c.Rate, Quota: Quota(c.Quota), TokenUses: c.TokenUses, Priority: c.Priority,
		Certificates: c.Certificates,
		AuthMethod:   string(c.AuthMethod), AuthAlg: c.AuthAlg, JWKS: JSON(canonical(c.JWKS)), JWKSURI: c.JWKSURI,
		OpenID: OpenID(c.OpenID), Registered: fromRegistered(c.Registered),
	}
	if len(c.Secrets) == 1 && c.Secrets[0].ExpiresAt.IsZero() && len(c.Secrets[0].Sealed) == 0 {
		f.SecretHash = c.Secrets[0].Hash
		return f
	}
	f.Secrets = FromSecrets(c)
	return f
}

// FromSecrets writes a client's secrets as a file would: as hashes, and under the master key where they are kept so.
func FromSecrets(c *client.Client) (list []Secret) {
	for _, s := range c.Secrets {
		entry := Secret{SecretHash: s.Hash, Expires: Moment{s.ExpiresAt}}
		if len(s.Sealed) > 0 {
			entry.ID, entry.SecretSealed = s.ID, base64.StdEncoding.EncodeToString(s.Sealed)
		}
		list = append(list, entry)
	}
	return list
}

// GeneratedSecret is an entry for a secret that client.NewSecret made: it is long enough for a fast hash.
func GeneratedSecret(plain string, expires time.Time) Secret {
	return Secret{Secret: plain, Expires: Moment{expires}, generated: true}
}
