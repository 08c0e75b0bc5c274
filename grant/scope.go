package grant

import (
	"slices"

	"sallyport/oauth"
	"sallyport/scope"
)

// maxScopeLength bounds the scope parameter, in bytes, before it is taken apart. Nobody has a use for more, and comparing
// hundreds of thousands of names with one another is an attack.
const maxScopeLength = 4096

// An allowance is what one client may be granted in one attempt.
type allowance struct {
	e       *Engine
	a       *Attempt
	all     string    // the realm's scope that covers every other, "" if there is none
	own     scope.Set // the client's scopes, without all unless it is trusted
	ceiling scope.Set // with limited: what was granted before
	limited bool
}

// scope decides what is granted (RFC 6749 sections 3.3 and 6).
func (e *Engine) scope(a *Attempt, p Proof) (scope.Set, error) {
	w := allowance{e: e, a: a, all: a.Realm.AllScope, own: a.Client.Scopes, ceiling: p.Ceiling, limited: p.HasCeiling}
	if w.all != "" && !a.Client.Trusted {
		w.own = without(w.own, w.all)
		w.ceiling = without(w.ceiling, w.all)
	}
	if a.Rules.Scope == ScopeIgnore {
		if w.limited {
			return w.ceiling, nil
		}
		return w.everything(), nil
	}
	requested, err := a.requestedScope()
	switch {
	case err != nil:
		return nil, err
	case len(requested) > 0:
		if a.Rules.Scope == ScopeReduce {
			return w.reduce(requested), nil
		}
		return requested, w.check(requested)
	case w.limited:
		return w.reduce(w.ceiling), nil
	case a.Rules.Scope == ScopeReduce:
		return nil, nil
	}
	return w.everything(), nil
}

func (a *Attempt) requestedScope() (scope.Set, error) {
	text := a.Params.Get("scope")
	separators := a.Rules.Separators
	if separators == "" {
		separators = " "
	}
	if len(text) > maxScopeLength {
		return nil, oauth.Fail(oauth.ScopeUnknown, "")
	}
	requested, ok := scope.ParseAny(text, separators)
	if !ok {
		return nil, oauth.Fail(oauth.ScopeUnknown, "")
	}
	return requested, nil
}

// everything is what a client gets that asks for nothing in particular. The scope that covers every other stands for all.
func (w *allowance) everything() scope.Set {
	if w.all != "" && w.own.Has(w.all) {
		return scope.Set{w.all}
	}
	return w.own
}

// check refuses the first scope that may not be granted.
func (w *allowance) check(requested scope.Set) error {
	for _, name := range requested {
		switch {
		case w.may(name) && w.granted(name):
		case !w.known(name):
			return oauth.Fail(oauth.ScopeUnknown, name)
		case !w.granted(name):
			return oauth.Fail(oauth.ScopeExceedsGrant, name)
		default:
			return oauth.Fail(oauth.ScopeNotAllowed, name)
		}
	}
	return nil
}

// reduce leaves out what may not be granted.
func (w *allowance) reduce(requested scope.Set) scope.Set {
	var kept scope.Set
	for _, name := range requested {
		limit := w.a.Rules.ScopeLimit
		if w.a.Rules.Scope == ScopeReduce && limit != nil && !limit.Has(name) {
			continue
		}
		if w.may(name) && w.granted(name) {
			kept = append(kept, name)
		}
	}
	return kept
}

// may reports whether the client may have the scope now.
func (w *allowance) may(name string) bool {
	return w.own.Has(name) || w.covered(w.own, name)
}

// granted reports whether the scope is within what was granted before, if there is such a limit.
func (w *allowance) granted(name string) bool {
	return !w.limited || w.ceiling.Has(name) || w.covered(w.ceiling, name)
}

// covered reports whether a set holds the scope that covers every other, and name is one that the realm declares.
func (w *allowance) covered(set scope.Set, name string) bool {
	return w.all != "" && set.Has(w.all) && w.declared(name)
}

func (w *allowance) known(name string) bool {
	return w.declared(name) || name == w.all || w.a.Client.Scopes.Has(name)
}

func (w *allowance) declared(name string) bool {
	_, ok := w.e.Realms.Scope(w.a.Realm.Name, name)
	return ok
}

func without(set scope.Set, name string) scope.Set {
	if !set.Has(name) {
		return set
	}
	return slices.DeleteFunc(slices.Clone(set), func(s string) bool { return s == name })
}
