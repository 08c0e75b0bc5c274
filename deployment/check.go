package deployment

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"sallyport/api"
	"sallyport/client"
	"sallyport/deployment/strictyaml"
	"sallyport/realm"
	"sallyport/user"
)

// A checker finds what is wrong with one document.
type checker struct {
	Checks
	folder string // that file names are relative to
	faults *strictyaml.Errors
}

func (c *checker) file(f *File) {
	if f.Realm == "" {
		c.faults.Add(f.At, "realm: is missing; write `realm: default` or the name of another realm")
	} else {
		c.told(f.Place, "", realm.Check(f.realm(nil)))
	}
	c.named(f.Place, "dialects", "dialect", f.Dialects, c.Dialects)
	for _, g := range f.Registration.Grants {
		if !slices.Contains(c.Grants, g) {
			c.faults.Add(f.Of("registration"), "registration.grants: there is no grant %.40q; %s", g, choice(g, slices.Clone(c.Grants)))
		}
	}
	seen := names{}
	for i := range f.Scopes {
		s := &f.Scopes[i]
		if c.unique(seen, s.Of("name"), "scope", "name", s.Name) {
			c.told(s.Place, "scope "+s.Name, s.scope().Check())
		}
	}
	seen = names{}
	for i := range f.Users {
		u := &f.Users[i]
		if c.unique(seen, u.Of("name"), "user", "name", u.Name) {
			c.user(u)
		}
	}
	seen = names{}
	for i := range f.Clients {
		cl := &f.Clients[i]
		if c.unique(seen, cl.Of("id"), "client", "id", cl.ID) {
			c.client(cl, f.AllScope)
		}
	}
	seen, paths := names{}, names{}
	for i := range f.APIs {
		a := &f.APIs[i]
		if c.unique(seen, a.Of("name"), "api", "name", a.Name) {
			c.api(a, f, paths)
		}
	}
}

// names are those already seen, and where.
type names map[string]strictyaml.Pos

func (c *checker) unique(seen names, at strictyaml.Pos, kind, key, name string) bool {
	if name == "" {
		c.faults.Add(at, "%s: is missing; every %s needs one", key, kind)
		return false
	}
	if first, ok := seen[name]; ok {
		c.faults.Add(at, "%s: %s %.80s is already in the file%s; names are unique in a realm", key, kind, name, line(first))
		return false
	}
	seen[name] = at
	return true
}

func line(at strictyaml.Pos) string {
	if at.Line == 0 {
		return ""
	}
	return fmt.Sprintf(", line %d", at.Line)
}

// told adds what a noun says of itself ("field: what is wrong; fix") at the place of the field.
func (c *checker) told(p strictyaml.Place, subject string, err error) {
	if err == nil {
		return
	}
	field, _, _ := strings.Cut(err.Error(), ":")
	field, _, _ = strings.Cut(field, "[")
	field, _, _ = strings.Cut(field, ".")
	if subject != "" {
		subject += ": "
	}
	c.faults.Add(p.Of(field), "%.100s%v", subject, err)
}

// named checks a list of extensions and their settings.
func (c *checker) named(p strictyaml.Place, key, kind string, list []Named, known map[string]func(json.RawMessage) error) {
	seen := map[string]bool{}
	for _, n := range list {
		check, ok := known[n.Name]
		switch {
		case !ok:
			c.faults.Add(p.Of(key), "%s: there is no %s %.40q; %s", key, kind, n.Name, choice(n.Name, keysOf(known)))
		case seen[n.Name]: // which the realm says itself
		default:
			if err := check(n.Settings); err != nil {
				c.faults.Add(p.Of(key), "%s: %s: %s", key, n.Name, strings.TrimPrefix(err.Error(), n.Name+": "))
			}
		}
		seen[n.Name] = true
	}
}

func (c *checker) user(u *User) {
	subject := "user " + u.Name
	c.one(u.Place, subject, []string{"password", "password_env", "password_file", "password_hash"})
	c.resolve(u.Place, subject, "password", &u.Password, &u.PasswordEnv, &u.PasswordFile)
	c.hash(u.Place, subject, "password_hash", u.PasswordHash)
	rest := u.user("", nil)
	rest.Password = "" // looked at already
	c.told(u.Place, subject, user.Check(rest))
}

func (c *checker) client(cl *Client, all string) {
	subject := "client " + cl.ID
	c.one(cl.Place, subject, []string{"secret", "secret_env", "secret_file", "secret_hash", "generated", "secrets"})
	c.resolve(cl.Place, subject, "secret", &cl.Secret, &cl.SecretEnv, &cl.SecretFile)
	c.hash(cl.Place, subject, "secret_hash", cl.SecretHash)
	for i := range cl.Secrets {
		s := &cl.Secrets[i]
		forms := []string{"secret", "secret_env", "secret_file", "secret_hash"}
		c.one(s.Place, subject, forms)
		c.resolve(s.Place, subject, "secret", &s.Secret, &s.SecretEnv, &s.SecretFile)
		if s.Secret == "" && s.SecretHash == "" {
			c.faults.Add(s.At, "%s: secrets: entry %d holds no secret; give one of %s", subject, i+1, strings.Join(forms, ", "))
		}
		c.hash(s.Place, subject, "secret_hash", s.SecretHash)
		c.sealed(s, subject)
	}
	for _, g := range cl.Grants {
		if !slices.Contains(c.Grants, g) && !strings.EqualFold(g, "public") {
			c.faults.Add(cl.Of("grants"), "%s: grants: there is no grant %.40q; %s", subject, g, choice(g, append([]string{"public"}, c.Grants...)))
		}
	}
	if all != "" && !cl.Trusted && slices.Contains(cl.Scopes, all) {
		c.faults.Add(cl.Of("scopes"), "%s: scopes: %s covers every scope, which only a trusted client may have; add `trusted: true` or name the scopes", subject, all)
	}
	c.registered(&cl.Registered, subject)
	c.told(cl.Place, subject, client.Check(cl.client("", nil)))
	c.keys(cl)
}

func (c *checker) api(a *API, f *File, paths names) {
	subject := "api " + a.Name
	c.weights(a.Targets, subject)
	for _, d := range a.Divert {
		c.weights(d.Targets, subject)
	}
	c.zeros(a, subject)
	made := a.api(f.Realm)
	err := api.Check(made, api.Known{Auth: c.Ways, Errors: keysOf(c.Dialects), Policies: c.Policies})
	c.told(a.place(err), subject, err)
	door := made.Door()
	if first, ok := paths[door]; ok {
		c.faults.Add(a.Of("path"), "%s: path: %.80s is already served by an api of this file%s; one path leads to one api, unless header conditions tell them apart", subject, a.Path, line(first))
	}
	paths[door] = a.Of("path")
}

// place is where the entry of a list stands that an error of package api is about ("routes[1].path: …"), or the API.
func (a *API) place(err error) strictyaml.Place {
	if err == nil {
		return a.Place
	}
	list, i, rest := entry(err.Error())
	switch {
	case list == "routes" && i < len(a.Routes):
		return within(a.Routes[i].Place, list, rest)
	case list == "targets" && i < len(a.Targets):
		return within(a.Targets[i].Place, list, rest)
	case list == "divert" && i < len(a.Divert):
		d := &a.Divert[i]
		if inner, j, rest := entry(rest); inner == "targets" && j < len(d.Targets) {
			return within(d.Targets[j].Place, list, rest)
		}
		return within(d.Place, list, rest)
	}
	return a.Place
}

// entry reads "name[3].rest".
func entry(text string) (list string, i int, rest string) {
	list, after, _ := strings.Cut(text, "[")
	number, rest, ok := strings.Cut(after, "].")
	i, err := strconv.Atoi(number)
	if !ok || err != nil {
		return "", 0, text
	}
	return list, i, rest
}

// within says where the list is told of that an entry belongs to: at the entry's own key if it has that.
func within(p strictyaml.Place, list, rest string) strictyaml.Place {
	key, _, _ := strings.Cut(rest, ":")
	key, _, _ = strings.Cut(key, "[")
	key, _, _ = strings.Cut(key, ".")
	return strictyaml.Place{At: p.At, Given: map[string]strictyaml.Pos{list: p.Of(key)}}
}
