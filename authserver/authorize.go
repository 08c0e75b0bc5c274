package authserver

import (
	"net/http"
	"slices"

	"sallyport/authorize"
	"sallyport/authserver/cookie"
	"sallyport/authserver/pages"
	"sallyport/client"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/session"
	"sallyport/web"
)

// A turn is one visit of a browser to the authorization endpoint.
type turn struct {
	*Face
	w      http.ResponseWriter
	r      *http.Request
	realm  *realm.Realm
	client *client.Client // nil: the sign-in is for the account page
	flow   *authorize.Flow
	secret string // of the flow; empty: it is not stored, since nobody was asked anything yet

	browser [32]byte         // which browser this is; zero: not asked yet
	here    []found          // who is signed in in this browser
	session *session.Session // the one that counts; nil: nobody is
	hinted  bool
}

// found is a session with the secret that opens it.
type found struct {
	secret  string
	session *session.Session
}

// authorize is the authorization endpoint (RFC 6749 section 3.1). A request comes by GET or POST; who has been asked something
// on a page comes back by GET with the secret of the flow.
func (f *Face) authorize(w http.ResponseWriter, r *http.Request, rl *realm.Realm) error {
	if err := web.Allow(w, r, http.MethodGet, http.MethodPost); err != nil {
		return err
	}
	p, err := f.asked(w, r)
	if err != nil {
		return err
	}
	t := &turn{Face: f, w: w, r: r, realm: rl}
	if secret := p.Get("flow"); secret != "" && r.Method == http.MethodGet && p.Get("client_id") == "" {
		return t.resume(secret)
	}
	req, refusal := f.reader.Read(r.Context(), rl, p, authorize.Source{})
	if refusal != nil {
		if refusal.To == nil {
			return refusal.Error
		}
		f.note(r.Context(), rl, refusal.Error)
		return t.answer(refusal.To, refused(refusal.Error))
	}
	if r.Method == http.MethodPost {
		// With another site's form a browser sends no cookies (SameSite=Lax), so it is not known yet who this is. With the
		// redirect it sends them.
		secret, err := f.flows.Begin(r.Context(), req, [32]byte{})
		if err != nil {
			return t.failed(req, err)
		}
		return t.go303(pages.Root(rl) + authorizePath + "?flow=" + secret)
	}
	if t.client, err = f.reader.Again(r.Context(), req); err != nil {
		return t.failed(req, err)
	}
	t.flow = &authorize.Flow{Request: req, At: f.now()}
	return t.dispatch()
}

func (f *Face) asked(w http.ResponseWriter, r *http.Request) (oauth.Params, error) {
	if r.Method == http.MethodPost {
		return web.ReadForm(w, r)
	}
	return oauth.ParseForm(r.URL.RawQuery)
}

// resume goes on with a flow of this browser.
func (t *turn) resume(secret string) (err error) {
	ctx := t.r.Context()
	if t.flow, err = t.flows.Adopt(ctx, t.realm.Name, secret, t.which()); err != nil {
		return err
	}
	t.secret = secret
	if t.flow.Request.Client != "" {
		if t.client, err = t.reader.Again(ctx, t.flow.Request); err != nil {
			return err
		}
	}
	return t.dispatch()
}

// which says which browser this is. One that has no cookie gets one, once.
func (t *turn) which() [32]byte {
	if t.browser == [32]byte{} {
		t.browser = cookie.EnsureBrowser(t.w, t.r, t.realm)
	}
	return t.browser
}

// dispatch takes the next step.
func (t *turn) dispatch() error {
	err := t.step()
	if err != nil && t.client != nil {
		return t.failed(t.flow.Request, err)
	}
	return err
}

// step does what authorize.Next decides.
func (t *turn) step() error {
	facts, err := t.facts()
	if err != nil {
		return err
	}
	switch d := authorize.Next(facts); d.Step {
	case authorize.Finish:
		return t.finish()
	case authorize.Refuse:
		return t.refuse(oauth.Fail(d.Reason, ""))
	default:
		return t.ask(d.Step)
	}
}

// steps are the pages' paths below a realm's root.
var steps = map[authorize.Step]string{
	authorize.SignIn:        "/signin",
	authorize.SecondFactor:  "/signin/second",
	authorize.EnrolFactor:   "/signin/enrol",
	authorize.ChooseAccount: "/signin/accounts",
	authorize.VerifyEmail:   "/signin/verify",
	authorize.Consent:       "/signin/consent",
}

// ask sends the browser to the page of a step. The pages take the first session of the cookie for the one that counts, so what
// is over goes and the one that was looked at here comes first.
func (t *turn) ask(step authorize.Step) (err error) {
	ctx, browser := t.r.Context(), t.which()
	if t.secret == "" {
		if t.secret, err = t.flows.Begin(ctx, t.flow.Request, browser); err != nil {
			return err
		}
	}
	if err := t.prepare(step, browser); err != nil {
		return err
	}
	var secrets []string
	for _, one := range t.here {
		if one.session == t.session {
			secrets = append([]string{one.secret}, secrets...)
		} else {
			secrets = append(secrets, one.secret)
		}
	}
	if !slices.Equal(secrets, cookie.Sessions(t.r, t.realm)) {
		cookie.SetSessions(t.w, t.realm, secrets)
	}
	return t.go303(pages.Root(t.realm) + steps[step] + "?flow=" + t.secret)
}

// prepare notes in the flow what a page goes by: which sign-in is to be lifted, or whose consent is asked for. Which account
// counts may be another a moment later, in another tab.
func (t *turn) prepare(step authorize.Step, browser [32]byte) error {
	s, was := t.session, t.flow
	lift := (step == authorize.SecondFactor || step == authorize.EnrolFactor) && was.User == ""
	consent := step == authorize.Consent && s != nil && was.Asked != s.ID
	if s == nil || !lift && !consent {
		return nil
	}
	_, err := t.flows.Update(t.r.Context(), t.realm.Name, t.secret, browser, func(w *authorize.Flow) error {
		if lift {
			w.Forget()
			w.User, w.AMR, w.ACR, w.Proved, w.Lifts = s.User, s.AMR, s.ACR, s.AuthTime, s.ID
		} else {
			w.Asked, w.Agreed = s.ID, false
		}
		return nil
	})
	return err
}

// go303 sends the browser on by GET, whatever it came by (RFC 9700 section 4.12).
func (t *turn) go303(location string) error {
	h := t.w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer") // addresses here hold what nobody else should learn (RFC 9700 section 4.2.4)
	h.Set("Location", location)
	t.w.WriteHeader(http.StatusSeeOther)
	return nil
}
