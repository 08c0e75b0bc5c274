package account

import (
	"net/http"
	"slices"

	"sallyport/authserver/pages"
	"sallyport/authserver/steps"
	"sallyport/client"
	"sallyport/realm"
)

// notices are those that the page's address may name: nobody can make it say anything else.
var notices = []pages.Notice{
	pages.NoticeChanged, pages.NoticeSessionEnded, pages.NoticeConsentEnded, pages.NoticeFactorAdded, pages.NoticeFactorRemoved,
	pages.NoticeMailSent, pages.NoticeVerified,
}

// home draws the page.
func home(o *Owner) error {
	if o.Posted() {
		return o.home("")
	}
	left, err := o.Factors.RecoveryLeft(o.Context(), o.Realm.Name, o.User.Name)
	if err != nil {
		return err
	}
	view := pages.Home{
		Frame: o.Frame(), User: o.User.Name, Alias: o.User.Alias, Email: o.User.Email, Verified: o.User.EmailVerified,
		CanMail: o.Mail != nil, Password: changeable(o), Recovery: left, Passkeys: o.Factors.HasPasskeys(o.Realm),
	}
	if n := pages.Notice(o.Params.Get("notice")); slices.Contains(notices, n) {
		view.Notice = n
	}
	if view.Sessions, err = o.sessionLines(); err != nil {
		return err
	}
	if view.Consents, err = o.consentLines(); err != nil {
		return err
	}
	list, err := o.Factors.List(o.Context(), o.Realm.Name, o.User.Name)
	if err != nil {
		return err
	}
	for _, f := range list {
		view.Factors = append(view.Factors, pages.FactorLine{ID: f.ID, Kind: string(f.Kind), Name: f.Name, Added: f.CreatedAt, Used: f.UsedAt})
	}
	return o.Show(http.StatusOK, view)
}

// changeable reports whether the user has a password that is good for anything.
func changeable(o *Owner) bool {
	return o.User.Password != "" && o.Realm.SignIn.Allows(realm.ByPassword)
}

func (o *Owner) sessionLines() ([]pages.SessionLine, error) {
	list, err := o.Sessions.List(o.Context(), o.Realm.Name, o.User.Name)
	if err != nil {
		return nil, err
	}
	var lines []pages.SessionLine
	for _, s := range list {
		if s.Over(o.Realm, o.Now()) && s.ID != o.Session.ID {
			continue
		}
		line := pages.SessionLine{
			ID: s.ID, Current: s.ID == o.Session.ID, Agent: program(s.Agent), Source: s.Source, Started: s.StartedAt, Seen: s.SeenAt,
		}
		for _, id := range s.Clients {
			c, err := o.Clients.Get(o.Context(), o.Realm.Name, id)
			if err != nil {
				return nil, err
			}
			line.Clients = append(line.Clients, called(c, id))
		}
		lines = append(lines, line)
	}
	return lines, nil
}

func (o *Owner) consentLines() ([]pages.ConsentLine, error) {
	list, err := o.Consents.List(o.Context(), o.Realm.Name, o.User.Name)
	if err != nil {
		return nil, err
	}
	var lines []pages.ConsentLine
	for _, given := range list {
		c, err := o.Clients.Get(o.Context(), o.Realm.Name, given.Client)
		if err != nil {
			return nil, err
		}
		line := pages.ConsentLine{
			Client: given.Client, Name: called(c, given.Client), Scopes: o.Rights(o.Realm.Name, given.Scopes), Granted: given.GrantedAt,
		}
		if c != nil && len(c.RedirectURIs) > 0 {
			line.Host = steps.Host(c.RedirectURIs[0])
		}
		lines = append(lines, line)
	}
	return lines, nil
}

// called is a client's name, or its id.
func called(c *client.Client, id string) string {
	if c != nil && c.Name != "" {
		return c.Name
	}
	return id
}
