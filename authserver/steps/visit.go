package steps

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"sallyport/authorize"
	"sallyport/authserver/cookie"
	"sallyport/authserver/pages"
	"sallyport/client"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/web"
)

// A Visit is one request of a browser.
type Visit struct {
	*Desk
	W      http.ResponseWriter
	R      *http.Request
	Realm  *realm.Realm
	Params oauth.Params // of the body of a POST, otherwise of the query

	Secret  string          // of the flow; set by Resume
	Flow    *authorize.Flow // likewise
	Client  *client.Client  // who asks; nil: nobody, the sign-in is for the account page
	browser [32]byte        // see Browser; zero: nobody has asked yet

	seats []Seat // see Here
	read  bool   // seats was read
}

// Handler adapts a page: the one place where forms are taken in and errors are logged and shown.
func (d *Desk) Handler(serve func(*Visit) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rl := realm.FromContext(r.Context())
		if rl == nil {
			web.WriteError(w, oauth.Fail(oauth.RealmUnknown, ""), "")
			return
		}
		v := &Visit{Desk: d, W: w, R: r, Realm: rl}
		err := v.open()
		if err == nil {
			err = serve(v)
		}
		if err != nil {
			v.fail(oauth.AsError(err))
		}
	})
}

// open takes in what was sent. A form that is not from a page of ours is not even read (class "login CSRF").
func (v *Visit) open() (err error) {
	if err := web.Allow(v.W, v.R, http.MethodGet, http.MethodPost); err != nil {
		return err
	}
	if v.Posted() {
		if err := sameOrigin(v.R, v.Realm); err != nil {
			return err
		}
		v.Params, err = web.ReadForm(v.W, v.R)
	} else {
		v.Params, err = oauth.ParseForm(v.R.URL.RawQuery)
	}
	if err != nil {
		return err
	}
	if name := v.Params.Duplicate(); name != "" {
		return web.Duplicated(name)
	}
	return nil
}

// sameOrigin refuses a form that another site's page sent. What our origin is comes from the issuer, and for browsers that
// say whether a request is their own site's (Sec-Fetch-Site) from them.
func sameOrigin(r *http.Request, rl *realm.Realm) error {
	check := http.NewCrossOriginProtection()
	if u, err := url.Parse(rl.Issuer); err == nil && u.Host != "" {
		if err := check.AddTrustedOrigin(u.Scheme + "://" + u.Host); err != nil {
			return err
		}
	}
	if err := check.Check(r); err != nil {
		return oauth.Because(oauth.CrossOrigin, err)
	}
	return nil
}

// Posted reports whether a form was sent.
func (v *Visit) Posted() bool { return v.R.Method == http.MethodPost }

// Context is the request's.
func (v *Visit) Context() context.Context { return v.R.Context() }

// fail shows an error page.
func (v *Visit) fail(e *oauth.Error) {
	view := pages.Failure{Frame: v.Frame(), Status: web.ErrorStatus(e), Reason: string(e.Reason), Detail: e.Description}
	view.Nobody, view.Wait = true, e.RetryAfter
	if e.Reason == oauth.CrossOrigin {
		view.Status = http.StatusForbidden
	}
	if visit := web.VisitOf(v.Context()); visit != nil {
		visit.Reason, view.ID = string(e.Reason), visit.ID
	}
	if view.Status >= http.StatusInternalServerError {
		v.Log.ErrorContext(v.Context(), "a page failed", "path", v.R.URL.Path, "realm", v.Realm.Name, "reason", e.Reason, "err", e.Err)
	}
	v.Pages.Write(v.W, v.R, view.Status, view)
}

// Missing says that there is no such page in this realm.
func (v *Visit) Missing() error {
	view := pages.Failure{Frame: v.Frame(), Status: http.StatusNotFound}
	view.Nobody = true
	return v.Show(http.StatusNotFound, view)
}

// Resume finds the flow that the form or address names. It has to be this browser's.
func (v *Visit) Resume() error { return v.resume(v.Params.Get("flow")) }

// Continue is Resume with a secret from elsewhere, and reports whether there is such a flow.
func (v *Visit) Continue(secret string) bool { return v.resume(secret) == nil }

func (v *Visit) resume(secret string) error {
	browser, ok := cookie.Browser(v.R, v.Realm)
	if !ok || secret == "" {
		return oauth.Fail(oauth.FlowGone, "")
	}
	flow, err := v.Flows.Get(v.Context(), v.Realm.Name, secret, browser)
	if err != nil {
		return err
	}
	if id := flow.Request.Client; id != "" {
		c, err := v.Clients.Get(v.Context(), v.Realm.Name, id)
		if err != nil {
			return err
		}
		if c == nil {
			return oauth.Fail(oauth.ClientUnknown, id)
		}
		if reason := c.Unfit(v.Now()); reason != "" {
			return oauth.Fail(reason, id)
		}
		v.Client = c
	}
	v.Secret, v.Flow, v.browser = secret, flow, browser
	return nil
}

// Note changes the flow.
func (v *Visit) Note(change func(*authorize.Flow)) error {
	flow, err := v.Flows.Update(v.Context(), v.Realm.Name, v.Secret, v.Browser(), func(f *authorize.Flow) error {
		change(f)
		return nil
	})
	if err == nil {
		v.Flow = flow
	}
	return err
}

// Deny notes that the user said no, and goes back.
func (v *Visit) Deny() error {
	if err := v.Note(func(f *authorize.Flow) { f.Denied = true }); err != nil {
		return err
	}
	return v.Back()
}

// Next is the address at which it is decided what comes next.
func (v *Visit) Next() string {
	return pages.Root(v.Realm) + "/authorize?flow=" + url.QueryEscape(v.Secret)
}

// Back goes to where it is decided what comes next.
func (v *Visit) Back() error { return v.Go(v.Next()) }

// Browser is what says which browser this is. One that is new here is given a secret with the answer.
func (v *Visit) Browser() [32]byte {
	if v.browser == [32]byte{} {
		v.browser = cookie.EnsureBrowser(v.W, v.R, v.Realm)
	}
	return v.browser
}

// Begin starts a sign-in that nobody but the account page asks for. With fresh the user has to prove who it is again.
func (v *Visit) Begin(fresh bool) error {
	req := &authorize.Request{Realm: v.Realm.Name, At: v.moment()}
	if fresh {
		req.Prompt = []string{"login"}
	}
	secret, err := v.Flows.Begin(v.Context(), req, v.Browser())
	if err != nil {
		return err
	}
	v.Client, v.Secret = nil, secret
	v.Flow, err = v.Flows.Get(v.Context(), v.Realm.Name, secret, v.Browser())
	return err
}

// SignIn has the user sign in for the account page.
func (v *Visit) SignIn(fresh bool) error {
	if err := v.Begin(fresh); err != nil {
		return err
	}
	return v.Back()
}

// Go sends the browser on by GET. The address before it is nobody's business (RFC 9700 section 4.2.4).
func (v *Visit) Go(to string) error {
	h := v.W.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Location", to)
	h.Set("Content-Length", "0")
	v.W.WriteHeader(http.StatusSeeOther)
	return nil
}

// Show draws a page.
func (v *Visit) Show(status int, view any) error {
	v.Pages.Write(v.W, v.R, status, view)
	return nil
}

// Frame is what every page has.
func (v *Visit) Frame() pages.Frame {
	f := pages.Frame{Realm: v.Realm, Root: pages.Root(v.Realm), Flow: v.Secret}
	var locales []string
	if v.Flow != nil {
		req := v.Flow.Request
		locales, f.Popup = req.UILocales, req.Display == "popup"
		if v.Client != nil {
			f.Asker = asker(v.Client, req.RedirectURI)
			f.Targets = []string{req.RedirectURI}
		}
	}
	f.Lang = pages.Language(v.R, locales)
	return f
}

func asker(c *client.Client, redirect string) *pages.Asker {
	a := &pages.Asker{
		ID: c.ID, Name: c.Name, Host: Host(redirect), Logo: c.OpenID.LogoURI, Policy: c.OpenID.PolicyURI, Terms: c.OpenID.TosURI,
		Unproved: c.Registered != nil,
	}
	if a.Name == "" {
		a.Name = c.ID
	}
	return a
}

// Host is the host of an address as people are shown it: what can be verified of a client.
func Host(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Host
}

// Rights are scopes as people are shown them.
func (d *Desk) Rights(in string, scopes []string) []pages.Right {
	rights := make([]pages.Right, 0, len(scopes))
	for _, name := range slices.Compact(slices.Clone(scopes)) {
		r := pages.Right{Name: name}
		if s, ok := d.Realms.Scope(in, name); ok {
			r.Description = s.Description
		}
		rights = append(rights, r)
	}
	return rights
}
