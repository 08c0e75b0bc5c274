package authorize

import (
	"slices"

	"sallyport/oauth"
	"sallyport/scope"
)

// The scopes of OpenID Connect Core sections 3.1.2.1, 5.4 and 11. Every realm has them.
const (
	OpenID        = "openid"
	OfflineAccess = "offline_access"
)

// StandardScopes are the scopes that every realm has without declaring them.
func StandardScopes() []string {
	return []string{OpenID, "profile", "email", "address", "phone", OfflineAccess}
}

// longestScope bounds the scope parameter, in bytes, before it is taken apart.
const longestScope = 4096

// scope keeps what the client may have of what it asks for. A scope that does not exist or that the client may not have is an
// error (RFC 6749 section 4.1.2.1), but in an OpenID Connect request it is ignored (OpenID Connect Core section 3.1.2.1).
// Who asks for nothing gets what it gets elsewhere (RFC 6749 section 3.3), OpenID Connect aside, which has to be asked for.
func (g *reading) scope() error {
	text := g.get("scope")
	asked, ok := scope.Parse(text)
	if !ok || len(text) > longestScope {
		return oauth.Fail(oauth.ScopeUnknown, "")
	}
	openID := asked.Has(OpenID)
	if openID && !g.may(OpenID) {
		return oauth.Fail(oauth.ScopeNotAllowed, OpenID)
	}
	if len(asked) == 0 {
		for _, name := range g.client.Scopes {
			if name != OpenID && name != OfflineAccess {
				asked = append(asked, name)
			}
		}
	}
	for _, name := range asked {
		switch {
		case name == OfflineAccess && !slices.Contains(g.client.Grants, "refresh_token"): // there is nothing to have
		case g.may(name):
			g.req.Scope = append(g.req.Scope, name)
		case openID || text == "":
		case g.exists(name):
			return oauth.Fail(oauth.ScopeNotAllowed, name)
		default:
			return oauth.Fail(oauth.ScopeUnknown, name)
		}
	}
	return nil
}

// may reports whether the client may have a scope. The scope that covers every other is for trusted clients alone.
func (g *reading) may(name string) bool {
	all, own := g.realm.AllScope, g.client.Scopes
	if all != "" && !g.client.Trusted && name == all {
		return false
	}
	return own.Has(name) || all != "" && g.client.Trusted && own.Has(all) && g.declared(name)
}

func (g *reading) declared(name string) bool {
	_, ok := g.Realms.Scope(g.realm.Name, name)
	return ok
}

func (g *reading) exists(name string) bool {
	return g.declared(name) || slices.Contains(StandardScopes(), name)
}
