package app

import (
	"context"

	"sallyport/authorize"
	"sallyport/authserver"
	"sallyport/authserver/account"
	signout "sallyport/authserver/logout"
	"sallyport/authserver/pages"
	"sallyport/authserver/register"
	"sallyport/authserver/signin"
	"sallyport/authserver/steps"
	"sallyport/claims"
	"sallyport/client"
	"sallyport/consent"
	"sallyport/factor"
	"sallyport/factor/passkey"
	"sallyport/feed"
	"sallyport/jose"
	"sallyport/logout"
	"sallyport/mail"
	"sallyport/session"
	"sallyport/throttle"
	"sallyport/user"
	"sallyport/web"
	"sallyport/web/fetch"
)

// people is what it takes to have people sign in: what is known of them, and what a client may ask about them.
type people struct {
	fetch    *fetch.Fetcher // leads where clients say
	sets     *jose.Sets
	claims   *claims.Mapper
	sessions *session.Manager
	consents *consent.Book
	factors  *factor.Service
	logout   *logout.Service
	flows    *authorize.Flows
	codes    *authorize.Codes
	reader   *authorize.Reader
	pages    *pages.Set
	mail     mail.Sender // nil: no mails are sent
	auth     *user.Authenticator
	guesses  *throttle.Throttle

	mailing []interface{ Wait() } // faces that send mails after their answers
}

// newPeople makes what the nouns below need before there are tokens.
func (a *App) newPeople() (p *people, err error) {
	p = &people{
		claims: claims.New(claims.Config{Key: a.master.Derive, Now: a.now, Log: a.log}),
		flows:  authorize.NewFlows(a.store, a.now), codes: authorize.NewCodes(a.store, a.now),
		auth: user.NewAuthenticator(a.users, a.store, a.hasher, a.now), guesses: throttle.New(throttle.Config{Now: a.now}),
	}
	if p.fetch, err = a.config.outgoing(); err != nil {
		return nil, err
	}
	p.sets = jose.New(jose.Config{Fetch: p.fetch, Now: a.now})
	if p.mail, err = a.config.mailer(); err != nil {
		return nil, err
	}
	p.pages, err = pages.New()
	return p, err
}

// settle makes what needs the tokens, and starts to tell clients of logouts.
func (p *people) settle(background context.Context, a *App, hub *feed.Hub) {
	p.sessions = session.NewManager(session.Config{Store: a.store, Hub: hub, Users: a.users, Revoke: a.tokens, Now: a.now, Log: a.log})
	p.consents = consent.NewBook(consent.Config{Store: a.store, Hub: hub, Revoke: a.tokens, Now: a.now})
	p.factors = factor.New(factor.Config{Store: a.store, Hub: hub, Master: a.master, Ceremonies: passkey.Ceremonies{}, Now: a.now})
	p.reader = authorize.NewReader(authorize.Config{
		Clients: a.clients, Realms: a.realms, Sets: p.sets, Fetch: p.fetch, Tickets: a.store, IDTokens: a.tokens, Now: a.now,
	})
	p.logout = logout.New(logout.Config{Sessions: p.sessions, Clients: a.clients, Tokens: a.tokens, Claims: p.claims, Post: p.fetch, Log: a.log})
	p.logout.Start(background)
}

// assertions checks the assertions by which clients authenticate.
func (p *people) assertions(a *App) *client.Assertions {
	return client.NewAssertions(client.AssertionConfig{
		Sets: p.sets, Tickets: a.store, Open: client.Opener(a.master), Now: a.now,
	})
}

// routes are the standard endpoints and the pages.
func (p *people) routes(a *App) web.Routes {
	desk := steps.Config{
		Flows: p.flows, Sessions: p.sessions, Logout: p.logout, Consents: p.consents, Factors: p.factors, Users: a.users, Editor: a.store,
		Auth: p.auth, Hasher: a.hasher, Throttle: p.guesses, Tickets: a.store, Clients: a.clients, Realms: a.realms, Tokens: a.tokens,
		Pages: p.pages, Mail: p.mail, Audit: a.audit, Log: a.log, Now: a.now,
	}
	in, own := signin.New(desk), account.New(desk)
	p.mailing = append(p.mailing, in, own)
	all := web.Routes{}
	for _, face := range []interface{ Routes() web.Routes }{
		authserver.New(authserver.Config{
			Engine: a.engine, Tokens: a.tokens, Keys: a.ring, Realms: a.realms, Log: a.log, Now: a.now,
			Reader: p.reader, Flows: p.flows, Codes: p.codes, Sessions: p.sessions, Consents: p.consents, Factors: p.factors,
			Clients: a.clients, Users: a.users, Claims: p.claims, Pages: p.pages,
		}),
		in, own,
		register.New(register.Config{
			Registry: a.store, Clients: a.clients, Fetch: p.fetch.Straight(), Master: a.master, Commit: a.store.Commit, Longest: a.longest, Audit: a.audit,
			Log: a.log, Now: a.now,
		}),
		signout.New(signout.Config{
			Logout: p.logout, Sessions: p.sessions, Clients: a.clients, Users: a.users, Tokens: a.tokens, Claims: p.claims, Tickets: a.store,
			Pages: p.pages, Log: a.log, Now: a.now,
		}),
	} {
		for path, h := range face.Routes() {
			all[path] = h
		}
	}
	return all
}

// close waits for mails under way: who was told that one was sent shall get it.
func (p *people) close() {
	for _, f := range p.mailing {
		f.Wait()
	}
}

// warn tells of realms that want mails sent where none can be.
func (p *people) warn(a *App) {
	for _, rl := range a.realms.All() {
		if p.mail == nil && (rl.SignIn.Verify || rl.SignIn.Reset) {
			a.log.Warn("sign_in.verify and sign_in.reset need mails; set smtp_url and mail_from, or nobody can use them", "realm", rl.Name)
		}
	}
}
