package signin

import (
	"net/http"

	"sallyport/authorize"
	"sallyport/authserver/pages"
	"sallyport/authserver/steps"
	"sallyport/consent"
	"sallyport/oauth"
	"sallyport/session"
)

// agree asks whether a client may do what it wants. What it wants is in the flow: a form cannot add to it.
func agree(v *steps.Visit) error {
	if err := v.Resume(); err != nil {
		return err
	}
	s, err := v.Current()
	if err != nil {
		return err
	}
	if s == nil || v.Client == nil || s.ID != v.Flow.Asked { // somebody else counts by now than the one who was asked
		return v.Back()
	}
	switch v.Params.Get("decision") {
	case "deny":
		if v.Posted() {
			return v.Deny()
		}
	case "allow":
		if v.Posted() {
			return agreed(v, s)
		}
	}
	return askConsent(v, s)
}

func askConsent(v *steps.Visit, s *session.Session) error {
	u, err := v.Users.Get(v.Context(), v.Realm.Name, s.User)
	if err != nil {
		return err
	}
	if u == nil {
		return oauth.Fail(oauth.SessionGone, "")
	}
	req := v.Flow.Request
	return v.Show(http.StatusOK, pages.Consent{
		Frame: v.Frame(), User: steps.Name(u), Scopes: v.Rights(v.Realm.Name, req.Scope), Claims: req.AskedClaims(),
	})
}

// agreed remembers what the user has agreed to, for this request and for those that come after.
func agreed(v *steps.Visit, s *session.Session) error {
	req := v.Flow.Request
	err := v.Consents.Agree(v.Context(), consent.Consent{
		Realm: v.Realm.Name, User: s.User, Client: v.Client.ID, Scopes: req.Scope, Claims: req.AskedClaims(),
	})
	if err != nil {
		return err
	}
	if err := v.Note(func(f *authorize.Flow) { f.Agreed = true }); err != nil {
		return err
	}
	return v.Back()
}
