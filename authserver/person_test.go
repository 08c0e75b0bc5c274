package authserver_test

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"sallyport/authorize"
	"sallyport/authserver/cookie"
	"sallyport/client"
	"sallyport/consent"
	"sallyport/deployment"
	"sallyport/dialect/dialecttest"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/session"
	"sallyport/user"
)

const (
	callback  = "https://app.example.org/cb"
	challenge = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM" // RFC 7636 appendix B
	verifier  = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
)

// A person is a browser at the authorization endpoint.
type person struct {
	*house
	jar   map[string]string
	realm string
}

// openWeb opens a server with clients that send people: "web" and "spa", which is public, "friend", of which nobody is asked.
func openWeb(t testing.TB, change ...func(*deployment.ChangeSet)) *person {
	t.Helper()
	h := open(t, append([]func(*deployment.ChangeSet){func(start *deployment.ChangeSet) {
		for _, in := range []string{realm.Default, "own"} {
			for _, id := range []string{"web", "spa", "friend"} {
				c := &client.Client{
					Realm: in, ID: id, Name: "Application " + id, Type: client.Confidential, Status: client.On, Secrets: dialecttest.Secret(secret),
					Grants: []string{"authorization_code", "refresh_token"}, Scopes: scope.Set{"openid", "profile", "offline_access", "read"},
					RedirectURIs: []string{callback, callback + "?a=b", "http://127.0.0.1/cb"}, OpenID: client.OpenID{SkipConsent: id == "friend"},
				}
				if id == "spa" {
					c.Type, c.Secrets = client.Public, nil
				}
				start.Clients = append(start.Clients, c)
			}
			start.Users = append(start.Users, &user.User{Realm: in, Name: "nemo", Status: user.On})
		}
	}}, change...)...)
	return &person{house: h, jar: map[string]string{}, realm: realm.Default}
}

// do sends a request with the browser's cookies and keeps those that come.
func (p *person) do(method, path, body string) dialecttest.Answer {
	p.T.Helper()
	c := dialecttest.Call{Method: method, Path: path, Body: body, Realm: p.realm, Header: http.Header{}}
	if method == http.MethodGet {
		c.Type = "-"
	}
	for _, name := range slices.Sorted(maps.Keys(p.jar)) {
		c.Header.Add("Cookie", name+"="+p.jar[name])
	}
	got := p.Do(p.routes, c)
	for _, set := range (&http.Response{Header: got.Header}).Cookies() {
		p.jar[set.Name] = set.Value
		if set.MaxAge < 0 {
			delete(p.jar, set.Name)
		}
		if !set.HttpOnly || !set.Secure || set.SameSite != http.SameSiteLaxMode || set.Domain != "" {
			p.T.Errorf("cookie %+v", set)
		}
	}
	return got
}

// ask sends a request of web, changed by pairs.
func (p *person) ask(pairs ...string) dialecttest.Answer {
	p.T.Helper()
	return p.do(http.MethodGet, "/authorize?"+asked(pairs...), "")
}

func asked(pairs ...string) string {
	v := url.Values{"client_id": {"web"}, "response_type": {"code"}, "redirect_uri": {callback}, "scope": {"read"}, "state": {"s t&=#"}}
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			v.Del(pairs[i])
		} else {
			v.Set(pairs[i], pairs[i+1])
		}
	}
	return v.Encode()
}

// signIn makes a session and puts its secret before those that are there.
func (p *person) signIn(name, acr string) *session.Session {
	p.T.Helper()
	rl := p.Realms.ByName(p.realm)
	opens, s, err := p.sessions.Start(p.T.Context(), rl, session.SignedIn{User: name, AMR: []string{"pwd"}, ACR: acr, At: p.Clock.Now()}, "")
	if err != nil {
		p.T.Fatal(err)
	}
	w := httptest.NewRecorder()
	cookie.SetSessions(w, rl, append([]string{opens}, p.secrets()...))
	set := w.Result().Cookies()[0]
	p.jar[set.Name] = set.Value
	return s
}

func (p *person) secrets() []string {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for name, value := range p.jar {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	return cookie.Sessions(r, p.Realms.ByName(p.realm))
}

func (p *person) agree(name, id string, scopes ...string) {
	p.T.Helper()
	if err := p.consents.Agree(p.T.Context(), consent.Consent{Realm: p.realm, User: name, Client: id, Scopes: scopes}); err != nil {
		p.T.Fatal(err)
	}
}

// to returns where an answer leads and the parameters it carries there.
func (p *person) to(got dialecttest.Answer) (where string, told url.Values) {
	p.T.Helper()
	if got.Status != http.StatusSeeOther {
		p.T.Fatalf("%d %v %.500s", got.Status, got.Header, got.Body)
	}
	if got.Header.Get("Cache-Control") != "no-store" || got.Header.Get("Referrer-Policy") != "no-referrer" {
		p.T.Errorf("headers %v", got.Header)
	}
	location := got.Header.Get("Location")
	at := strings.LastIndexAny(location, "?#")
	if kept := callback + "?a=b"; strings.HasPrefix(location, kept+"&") {
		at = len(kept)
	}
	if at < 0 {
		return location, nil
	}
	told, err := url.ParseQuery(location[at+1:])
	if err != nil {
		p.T.Fatal(err)
	}
	return location[:at+1], told
}

func (p *person) page(got dialecttest.Answer, status int) {
	p.T.Helper()
	if got.Status != status || got.Header.Get("Location") != "" || !strings.HasPrefix(got.Header.Get("Content-Type"), "text/html") ||
		!strings.Contains(got.Header.Get("Content-Security-Policy"), "default-src 'none'") || got.Header.Get("Cache-Control") != "no-store" {
		p.T.Errorf("no page of status %d: %d %v %.300s", status, got.Status, got.Header, got.Body)
	}
}

// forget removes a cookie.
func (p *person) forget(what string) {
	maps.DeleteFunc(p.jar, func(name, _ string) bool { return strings.Contains(name, "-"+what+"-") })
}

func (p *person) browser() [32]byte {
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	for name, value := range p.jar {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	hash, _ := cookie.Browser(r, p.Realms.ByName(p.realm))
	return hash
}

// begin asks for something that needs a page, and returns the flow.
func (p *person) begin(pairs ...string) string {
	p.T.Helper()
	_, told := p.to(p.ask(pairs...))
	if told.Get("flow") == "" {
		p.T.Fatalf("no flow: %v", told)
	}
	return told.Get("flow")
}

func (p *person) note(flow string, change func(*authorize.Flow)) {
	p.T.Helper()
	if _, err := p.flows.Update(p.T.Context(), p.realm, flow, p.browser(), func(f *authorize.Flow) error { change(f); return nil }); err != nil {
		p.T.Fatal(err)
	}
}
