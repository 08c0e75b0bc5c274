package authserver

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"sallyport/authorize"
	"sallyport/authserver/pages"
	"sallyport/claims"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/token"
	"sallyport/web"
)

// finish makes the code and hands it to the client (RFC 6749 section 4.1.2). A flow is good for one.
func (t *turn) finish() error {
	ctx, req := t.r.Context(), t.flow.Request
	if t.secret != "" {
		if ours, err := t.flows.End(ctx, t.realm.Name, t.secret); err != nil || !ours {
			return gone(err)
		}
	}
	if t.client == nil {
		return t.go303(pages.Root(t.realm) + accountPath)
	}
	if err := t.sessions.Join(ctx, t.session, t.client.ID); err != nil {
		return err
	}
	code, err := t.codes.Make(ctx, authorize.Grant{
		Realm: t.realm.Name, Client: t.client.ID, User: t.session.User, RedirectURI: req.RedirectURI, RedirectGiven: req.RedirectGiven,
		Challenge: req.Challenge, Scope: req.Scope, Family: token.NewFamilyID(t.now()), SignIn: t.signIn(), Dialect: req.Dialect,
	})
	if err != nil {
		return err
	}
	return t.answer(req, [][2]string{{"code", code}})
}

// signIn is what the tokens say of the sign-in.
func (t *turn) signIn() *token.SignIn {
	req, s := t.flow.Request, t.session
	in := &token.SignIn{
		At: s.AuthTime, Methods: s.AMR, ACR: authorize.Told(req, s.ACR), Session: s.ID, Nonce: req.Nonce, Locales: req.ClaimsLocales,
		// A client of OpenID Connect that wants to act when nobody is there says so (OpenID Connect Core section 11).
		Bound:    req.Scope.Has(authorize.OpenID) && !req.Scope.Has(authorize.OfflineAccess),
		AskedACR: len(req.ACRValues) > 0,
		Provider: req.Provider,
	}
	if req.Claims != nil {
		in.IDToken, in.UserInfo = claims.Names(req.Claims.IDToken), claims.Names(req.Claims.UserInfo)
		in.AskedACR = in.AskedACR || slices.Contains(in.IDToken, "acr")
	}
	return in
}

// refuse ends the flow and tells the client why.
func (t *turn) refuse(e *oauth.Error) error {
	if t.secret != "" {
		if ours, err := t.flows.End(t.r.Context(), t.realm.Name, t.secret); err != nil || !ours {
			return gone(err)
		}
	}
	if t.client == nil {
		if t.session != nil && e.Reason == oauth.ConsentDenied { // who would not prove it again goes back to where he was
			return t.go303(pages.Root(t.realm) + accountPath)
		}
		return e
	}
	t.note(t.r.Context(), t.realm, e)
	return t.answer(t.flow.Request, refused(e))
}

// failed tells the client that the server could not go on: a redirect carries no status 500 or 503, so there are codes for
// it (RFC 6749 section 4.1.2.1). Other errors are for the user to see.
func (t *turn) failed(req *authorize.Request, err error) error {
	e := oauth.AsError(err)
	if e.Code != oauth.ServerError && e.Code != oauth.TemporarilyDown {
		return err
	}
	t.note(t.r.Context(), t.realm, e)
	return t.answer(req, refused(e))
}

func gone(err error) error {
	if err != nil {
		return err
	}
	return oauth.Fail(oauth.FlowGone, "")
}

func refused(e *oauth.Error) [][2]string {
	return [][2]string{{"error", string(e.Code)}, {"error_description", web.Printable(e.Description)}}
}

// answer hands parameters to the client's redirect URI, with its state and our name (RFC 9207), which tells clients of several
// servers apart who answered.
func (t *turn) answer(to *authorize.Request, told [][2]string) error {
	if to.State != nil {
		told = append(told, [2]string{"state", *to.State})
	}
	if to.Dialect == "" { // the metadata of other products' front doors do not announce it, so it must not come (section 2.4)
		told = append(told, [2]string{"iss", t.realm.Issuer})
	}
	if to.Mode == authorize.FormPost {
		frame := t.frame(t.r, t.realm, to.UILocales)
		frame.Asker, frame.Popup = t.asker(to), to.Display == "popup"
		t.pages.Write(t.w, t.r, http.StatusOK, pages.FormPost{Frame: frame, Action: to.RedirectURI, Fields: told})
		return nil
	}
	var tail strings.Builder
	for i, one := range told {
		if i > 0 {
			tail.WriteByte('&')
		}
		tail.WriteString(one[0] + "=" + url.QueryEscape(one[1]))
	}
	between := "#"
	if to.Mode != authorize.Fragment {
		between = "?" // a query that is there is kept (RFC 6749 section 3.1.2)
		if at := strings.IndexByte(to.RedirectURI, '?'); at >= 0 {
			between = "&"
			if at == len(to.RedirectURI)-1 || strings.HasSuffix(to.RedirectURI, "&") {
				between = ""
			}
		}
	}
	return t.go303(to.RedirectURI + between + tail.String())
}

// asker is the client that an answer goes to, by its name if it can be found out.
func (t *turn) asker(to *authorize.Request) *pages.Asker {
	a := &pages.Asker{ID: to.Client, Name: to.Client}
	c := t.client
	if c == nil {
		c, _ = t.reader.Again(t.r.Context(), to)
	}
	if c != nil && c.Name != "" {
		a.Name = c.Name
	}
	if u, err := url.Parse(to.RedirectURI); err == nil {
		a.Host = u.Host
	}
	return a
}

func (f *Face) frame(r *http.Request, rl *realm.Realm, locales []string) pages.Frame {
	return pages.Frame{Realm: rl, Root: pages.Root(rl), Lang: pages.Language(r, locales)}
}

// browser adapts an endpoint that people see: its errors are pages (RFC 6749 section 4.1.2.1).
func (f *Face) browser(serve func(http.ResponseWriter, *http.Request, *realm.Realm) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		rl := realm.FromContext(r.Context())
		if rl == nil {
			web.WriteError(w, oauth.Fail(oauth.RealmUnknown, ""), "")
			return
		}
		err := serve(w, r, rl)
		if err == nil {
			return
		}
		e := oauth.AsError(err)
		f.note(r.Context(), rl, e)
		frame := f.frame(r, rl, nil)
		frame.Nobody = true
		status := web.ErrorStatus(e)
		if status == http.StatusUnauthorized {
			status = http.StatusBadRequest // nobody can authenticate to this page
		}
		web.SetRetryAfter(w.Header(), e)
		f.pages.Write(w, r, status, pages.Failure{
			Frame: frame, Status: status, Reason: string(e.Reason), Detail: detail(e), ID: web.RequestID(r.Context()),
		})
	})
}

// detail is what an error page tells developers. What is said to clients about their authentication is of no use there.
func detail(e *oauth.Error) string {
	switch e.Reason {
	case oauth.ClientMissing:
		return "The parameter client_id is missing."
	case oauth.ClientUnknown, oauth.ClientDisabled, oauth.ClientLocked, oauth.ClientNotYetValid, oauth.ClientExpired:
		return "The parameter client_id names no application that may ask here."
	}
	return e.Description
}

// note writes a refusal down where operators look.
func (f *Face) note(ctx context.Context, rl *realm.Realm, e *oauth.Error) {
	if v := web.VisitOf(ctx); v != nil {
		v.Reason = string(e.Reason)
	}
	switch {
	case e.Code == oauth.ServerError || e.Reason == oauth.Unavailable:
		f.log.ErrorContext(ctx, "request failed", "path", authorizePath, "realm", rl.Name, "reason", e.Reason, "err", e.Err)
	case e.Err != nil: // keys that could not be fetched, a request object that does not verify
		f.log.InfoContext(ctx, "request refused", "path", authorizePath, "realm", rl.Name, "reason", e.Reason, "err", e.Err)
	}
}

const accountPath = "/account"
