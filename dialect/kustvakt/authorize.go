package kustvakt

import (
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"

	"sallyport/authorize"
	"sallyport/client"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/token"
	"sallyport/web"
)

// scopeAuthorize is what the token of a caller of the authorization endpoint must hold, if not the scope that covers every other.
const scopeAuthorize = "authorize"

// An asked is one call of the authorization endpoint. Nobody is shown a page here: a super client's front end calls it with the
// token of the user who has agreed to it there.
type asked struct {
	call
	user     string
	client   *client.Client
	redirect string
	given    bool // redirect was in the call
	scope    scope.Set
}

// authorizeHandler serves the authorization endpoint (RFC 6749 section 3.1) as the product has it: by GET, and by POST in its
// API's version 1.0 alone.
func (k *Kustvakt) authorizeHandler(post bool) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a := &asked{call: call{Request: r, realm: realm.FromContext(r.Context())}}
		if r.Method == http.MethodPost && !post {
			w.WriteHeader(http.StatusNotFound) // as that version answers what it does not have
			return
		}
		err := a.read(w)
		if err == nil {
			err = k.authorize(w, a)
		}
		if err != nil {
			k.fail(w, a.call, err)
		}
	})
}

// read takes the parameters from where the method has them.
func (a *asked) read(w http.ResponseWriter) (err error) {
	if a.realm == nil {
		return oauth.Fail(oauth.RealmUnknown, "")
	}
	if err := web.Allow(w, a.Request, http.MethodGet, http.MethodPost); err != nil {
		return err
	}
	if a.Method == http.MethodGet {
		a.params, err = oauth.ParseForm(a.URL.RawQuery)
		return err
	}
	if web.MediaType(a.Request) != "application/x-www-form-urlencoded" {
		return oauth.Fail(oauth.RequestMediaType, "")
	}
	a.params, err = web.ReadForm(w, a.Request)
	return err
}

// authorize checks in the product's order: who calls, the client, where the answer goes, and then what the client is told there.
func (k *Kustvakt) authorize(w http.ResponseWriter, a *asked) error {
	if err := k.caller(a); err != nil {
		return err
	}
	for _, check := range []func(*asked) error{k.askedClient, (*asked).address} {
		if err := check(a); err != nil {
			return a.direct(err)
		}
	}
	if err := k.request(a); err != nil {
		return a.refuse(w, err)
	}
	ctx := a.Context()
	granted := authorize.Grant{
		Realm: a.realm.Name, Client: a.client.ID, User: a.user, Challenge: a.params.Get("code_challenge"), Scope: a.scope,
		Family: token.NewFamilyID(k.now()), Dialect: Name,
	}
	if a.given { // otherwise the token request must not name one either
		granted.RedirectURI, granted.RedirectGiven = a.redirect, true
	}
	code, err := k.codes.Make(ctx, granted)
	if err != nil {
		return a.refuse(w, err)
	}
	a.answer(w, "code="+url.QueryEscape(code))
	return nil
}

// caller finds out for whom the call is. Whole names of scopes count, and administrators are callers like others.
func (k *Kustvakt) caller(a *asked) error {
	access, n := k.access(a.call)
	switch {
	case n != nil:
		return n
	case access.Scope.Has(scopeAuthorize), a.realm.AllScope != "" && access.Scope.Has(a.realm.AllScope):
		a.user = access.User
		return nil
	}
	return noticeScope(scopeAuthorize).of(oauth.Fail(oauth.ScopeMissing, scopeAuthorize), "")
}

// askedClient finds the client. One that may not act is none to whoever asks.
func (k *Kustvakt) askedClient(a *asked) error {
	id := a.params.Get("client_id")
	switch {
	case a.twice("client_id"):
		return oauth.Fail(oauth.ParameterDuplicate, "client_id")
	case id == "":
		return oauth.Fail(oauth.ClientMissing, "")
	}
	c, err := k.clients.Get(a.Context(), a.realm.Name, id)
	if err != nil {
		return err
	}
	if c == nil || c.Realm != a.realm.Name || c.Unfit(k.now()) != "" {
		return oauth.Fail(oauth.ClientUnknown, id)
	}
	a.client = c
	return nil
}

// address finds out where the answer goes: to a registered URI, character by character, or if the client has registered none, to
// where the call says. It is for the super client to look at that one, which sees the answer first.
func (a *asked) address() error {
	uri, own := a.params.Get("redirect_uri"), a.client.RedirectURIs
	switch {
	case a.twice("redirect_uri"):
		return oauth.Fail(oauth.ParameterDuplicate, "redirect_uri")
	case uri == "" && len(own) == 1:
		a.redirect = own[0]
		return nil
	case uri == "":
		return oauth.Fail(oauth.RedirectMissing, "")
	case len(own) > 0 && !slices.Contains(own, uri), len(own) == 0 && !mayRedirect(uri):
		return oauth.Fail(oauth.RedirectUnregistered, "")
	}
	a.redirect, a.given = uri, true
	return nil
}

// mayRedirect reports whether an answer may go to a URI that nobody has registered: http or https, a host name or address, no
// fragment (RFC 6749 section 3.1.2), nobody's password.
func mayRedirect(uri string) bool {
	if strings.ContainsFunc(uri, func(c rune) bool { return c <= ' ' || c > '~' || strings.ContainsRune("#\"<>\\^`{|}", c) }) {
		return false
	}
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Opaque != "" {
		return false
	}
	host := u.Hostname()
	if ip, err := netip.ParseAddr(host); err == nil && ip.Zone() == "" || strings.EqualFold(host, "localhost") {
		return true
	}
	labels := strings.Split(strings.TrimSuffix(host, "."), ".")
	return len(labels) > 1 && !slices.ContainsFunc(labels, func(l string) bool {
		return l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' ||
			strings.Trim(strings.ToLower(l), "abcdefghijklmnopqrstuvwxyz0123456789-") != ""
	})
}

// request checks what the client is told of by redirect.
func (k *Kustvakt) request(a *asked) error {
	for _, one := range a.params.All() {
		if a.twice(one.Name) {
			return oauth.Fail(oauth.ParameterDuplicate, one.Name)
		}
	}
	names, ok := scope.ParseAny(strings.ToLower(a.params.Get("scope")), " ,")
	all := a.realm.AllScope
	switch {
	case ok && len(names) == 0:
		return oauth.Fail(oauth.ParameterMissing, "scope")
	case all != "" && names.Has(all) && !a.client.Trusted:
		return oauth.Fail(oauth.ScopeNotAllowed, all)
	case a.params.Get("response_type") == "":
		return oauth.Fail(oauth.ParameterMissing, "response_type")
	case a.params.Get("response_type") != authorize.ResponseType:
		return oauth.Fail(oauth.ResponseTypeUnknown, "")
	case !ok || len(a.params.Get("scope")) > longestScope:
		return oauth.Fail(oauth.ScopeUnknown, "")
	}
	for _, name := range names {
		_, declared := k.realms.Scope(a.realm.Name, name)
		switch {
		case a.client.Scopes.Has(name), declared && all != "" && a.client.Trusted && a.client.Scopes.Has(all):
		case declared || name == all:
			return oauth.Fail(oauth.ScopeNotAllowed, name)
		default:
			return oauth.Fail(oauth.ScopeUnknown, name)
		}
	}
	a.scope = names
	return authorize.CheckForeign(a.realm, a.client, a.params.Get("code_challenge"), a.params.Get("code_challenge_method"), true)
}

// longestScope bounds the scope parameter, in bytes.
const longestScope = 4096

// twice reports whether a parameter came more than once.
func (a *asked) twice(name string) bool {
	n := 0
	for _, one := range a.params.All() {
		if one.Name == name {
			n++
		}
	}
	return n > 1
}

// state is what the client wants to have back.
func (a *asked) state() (string, bool) {
	s, ok := a.params.Lookup("state")
	return s, ok && !a.twice("state")
}

// direct answers whoever called, because nobody else can be told safely (RFC 6749 section 4.1.2.1).
func (a *asked) direct(err error) error {
	f := words(authorizeRows, err)
	f.state, f.hasState = a.state()
	return f
}

// refuse tells the client by way of its redirect URI. A fault of ours is told and logged as any other.
func (a *asked) refuse(w http.ResponseWriter, err error) error {
	e := oauth.AsError(err)
	if e.Code == oauth.ServerError || e.Code == oauth.TemporarilyDown {
		return a.direct(e)
	}
	f := words(redirectRows, e)
	if e.Reason == oauth.ParameterMissing && e.Subject == "response_type" {
		f.row = rowNoResponseType
	}
	if v := web.VisitOf(a.Context()); v != nil {
		v.Reason = string(e.Reason)
	}
	a.answer(w, "error="+url.QueryEscape(string(f.code))+"&error_description="+url.QueryEscape(f.text))
	return nil
}

// answer sends the caller to the client's redirect URI, by the status that the product has. A query that is there is kept (RFC 6749
// section 3.1.2).
func (a *asked) answer(w http.ResponseWriter, told string) {
	if state, ok := a.state(); ok {
		told += "&state=" + url.QueryEscape(state)
	}
	between := "?"
	if strings.Contains(a.redirect, "?") {
		between = "&"
	}
	h := w.Header()
	h.Set("Location", a.redirect+between+told)
	h.Set("Cache-Control", "no-store")
	h.Set("Pragma", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusTemporaryRedirect)
}
