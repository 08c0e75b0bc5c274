package logout

import (
	"context"
	"net/http"
	"net/url"

	"sallyport/authserver/cookie"
	"sallyport/authserver/pages"
	"sallyport/client"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/session"
	"sallyport/web"
)

func (f *Face) serve(w http.ResponseWriter, r *http.Request, rl *realm.Realm) error {
	if err := web.Allow(w, r, http.MethodGet, http.MethodPost); err != nil {
		return err
	}
	if r.Method == http.MethodPost {
		return f.posted(w, r, rl)
	}
	p, err := oauth.ParseForm(r.URL.RawQuery)
	if err != nil {
		return err
	}
	if err := duplicated(p); err != nil {
		return err
	}
	var o *order
	if secret, ok := p.Lookup("ticket"); ok {
		o, err = f.stored(r.Context(), rl, secret, false)
	} else {
		o, err = f.read(r.Context(), rl, p)
	}
	if err != nil {
		return err
	}
	return f.act(w, r, rl, o)
}

// posted takes an application's request by POST, or the answer to the confirm page. Section 2 allows the former from another
// site, and then browsers leave our cookies out: the order is put aside, and the browser comes back for it with them.
func (f *Face) posted(w http.ResponseWriter, r *http.Request, rl *realm.Realm) error {
	p, err := web.ReadForm(w, r)
	if err != nil {
		return err
	}
	if err := duplicated(p); err != nil {
		return err
	}
	if p.Has("ticket") {
		return f.confirmed(w, r, rl, p)
	}
	o, err := f.read(r.Context(), rl, p)
	if err != nil {
		return err
	}
	secret, err := f.store(r.Context(), rl, o)
	if err != nil {
		return err
	}
	send(w, pages.Root(rl)+Path+"?ticket="+url.QueryEscape(secret))
	return nil
}

// A signedIn is a session of this browser with its secret.
type signedIn struct {
	*session.Session
	secret string
}

// here returns the sessions of this browser that are good, the current one first.
func (f *Face) here(r *http.Request, rl *realm.Realm) ([]signedIn, error) {
	var all []signedIn
	for _, secret := range cookie.Sessions(r, rl) {
		s, err := f.Sessions.Find(r.Context(), rl, secret)
		if err != nil {
			return nil, err
		}
		if s != nil {
			all = append(all, signedIn{s, secret})
		}
	}
	return all, nil
}

// act carries out an order, or asks whether to. Whoever has an ID token of this browser's session is the application in it;
// anybody else could have sent the browser here (section 6).
func (f *Face) act(w http.ResponseWriter, r *http.Request, rl *realm.Realm, o *order) error {
	all, err := f.here(r, rl)
	if err != nil {
		return err
	}
	if len(all) == 0 {
		return f.finish(w, r, rl, o, nil)
	}
	own, err := f.own(r.Context(), rl, o, all)
	if err != nil {
		return err
	}
	if own != nil {
		return f.end(w, r, rl, o, all, own.ID)
	}
	return f.ask(w, r, rl, o, all)
}

// own returns the session that the hint is about, nil if it is none of this browser's.
func (f *Face) own(ctx context.Context, rl *realm.Realm, o *order, all []signedIn) (*signedIn, error) {
	if !o.Hinted {
		return nil, nil
	}
	c, err := f.Clients.Get(ctx, rl.Name, o.Client)
	if err != nil || o.Session == "" && (c == nil || c.Status != client.On) {
		return nil, err
	}
	for i, s := range all {
		known, want := s.ID, o.Session
		switch {
		case o.Session == "":
			want = o.Subject
			known, err = f.Claims.Subject(rl, c, s.User)
		case c != nil: // of one that is gone nobody knows which names it knew
			known, err = f.Claims.Session(rl, c, s.ID)
		}
		if err != nil {
			return nil, err
		}
		if known == want {
			return &all[i], nil
		}
	}
	return nil, nil
}

// ask shows the confirm page. Its ticket is good in this browser alone.
func (f *Face) ask(w http.ResponseWriter, r *http.Request, rl *realm.Realm, o *order, all []signedIn) error {
	whom := all[0]
	for _, s := range all {
		if o.Login != "" && (s.User == o.Login || s.ID == o.Login) {
			whom = s
			break
		}
	}
	ctx := r.Context()
	to, c, err := f.target(ctx, rl, o)
	if err != nil {
		return err
	}
	u, err := f.Users.Get(ctx, rl.Name, whom.User)
	if err != nil {
		return err
	}
	waiting := *o
	waiting.Confirm, waiting.Target, waiting.Browser = true, whom.ID, cookie.EnsureBrowser(w, r, rl)
	secret, err := f.store(ctx, rl, &waiting)
	if err != nil {
		return err
	}
	v := pages.SignOut{Frame: frame(r, rl, o.Locales), User: whom.User, Ticket: secret}
	if u != nil && u.Alias != "" {
		v.User = u.Alias
	}
	v.Asker = asker(c, to)
	if to != "" {
		v.Targets = []string{to} // the answer to the form may be a redirect
	}
	f.Pages.Write(w, r, http.StatusOK, v)
	return nil
}

// asker is the client as the page shows it, nil if there is none.
func asker(c *client.Client, to string) *pages.Asker {
	if c == nil {
		return nil
	}
	a := &pages.Asker{
		ID: c.ID, Name: c.Name, Logo: c.OpenID.LogoURI, Policy: c.OpenID.PolicyURI, Terms: c.OpenID.TosURI, Unproved: c.Registered != nil,
	}
	if a.Name == "" {
		a.Name = c.ID
	}
	if u, err := url.Parse(to); err == nil {
		a.Host = u.Host
	}
	return a
}

// confirmed takes the answer to the confirm page, from that page alone.
func (f *Face) confirmed(w http.ResponseWriter, r *http.Request, rl *realm.Realm, p oauth.Params) error {
	if err := sameOrigin(r, rl); err != nil {
		return err
	}
	decision := p.Get("decision")
	if decision != "allow" && decision != "deny" {
		return invalid("decision", "is neither allow nor deny")
	}
	browser, ok := cookie.Browser(r, rl)
	if !ok {
		return oauth.Fail(oauth.FlowGone, "")
	}
	o, err := f.stored(r.Context(), rl, p.Get("ticket"), true)
	if err != nil {
		return err
	}
	if o.Browser != browser {
		return oauth.Fail(oauth.FlowGone, "")
	}
	if decision == "deny" {
		send(w, pages.Root(rl)+"/account")
		return nil
	}
	all, err := f.here(r, rl)
	if err != nil {
		return err
	}
	return f.end(w, r, rl, o, all, o.Target)
}

// sameOrigin refuses a form that another site's page sent. What the origin is comes from the issuer.
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

// end ends one session of this browser, takes it out of the cookie, and goes on. Other accounts stay signed in.
func (f *Face) end(w http.ResponseWriter, r *http.Request, rl *realm.Realm, o *order, all []signedIn, sid string) error {
	var frames []string
	var rest []string
	for _, s := range all {
		if s.ID != sid {
			rest = append(rest, s.secret)
			continue
		}
		ended, err := f.Logout.End(r.Context(), rl, sid)
		if err != nil {
			return err
		}
		frames = ended.Frames
	}
	cookie.SetSessions(w, rl, rest)
	return f.finish(w, r, rl, o, frames)
}

// finish sends the browser back to the application, or says that the user is signed out. Frames have to be loaded first.
func (f *Face) finish(w http.ResponseWriter, r *http.Request, rl *realm.Realm, o *order, frames []string) error {
	to, c, err := f.target(r.Context(), rl, o)
	if err != nil {
		return err
	}
	if to != "" && len(frames) == 0 {
		send(w, to)
		return nil
	}
	v := pages.SignedOut{Frame: frame(r, rl, o.Locales), Frames: frames, Continue: to}
	v.Asker = asker(c, to)
	f.Pages.Write(w, r, http.StatusOK, v)
	return nil
}
