package attacks_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"sallyport/conformance/optest"
)

// A way is a way to a token, or to what a token opens.
type way struct {
	name  string // as the controls call it
	title string // as the page shows it
	// ready does all that comes before and returns the one call that is left, which would succeed.
	ready func(c *cell) *call
}

// A call is one call through the front door, not made yet.
type call struct {
	*cell
	root   string // of the realm: "" or "/realms/other"
	path   string
	form   url.Values // without the client's credentials
	how    method
	id     string        // of the client
	secret string        // "": none is sent
	proof  func() string // makes the client assertion that is sent in place of the secret; nil: none

	bearer   string
	browser  *optest.Browser
	act      func(*call) // what the browser does
	password string      // that act types

	before []string // refresh and access tokens that the way has given so far
}

// A method is how the client says who it is at a door.
type method int

const (
	nobody   method = iota // it does not: a token or a browser's session speaks
	basic                  // HTTP Basic
	post                   // in the body
	digi                   // digiRunner's Basic, whose secret is Base64 once more
	digiPost               // digiRunner's body, likewise
)

// An outcome is what came of a call: granted, or why not.
type outcome string

const (
	granted  outcome = "granted"
	inactive outcome = "inactive" // introspection tells of no live token
)

var ways = []way{
	{"code", "`/token` authorization_code", func(c *cell) *call {
		b, code := c.signedIn()
		k := c.atToken("grant_type", "authorization_code", "code", code, "redirect_uri", rp, "code_verifier", optest.Verifier)
		k.browser = b
		return k
	}},
	{"refresh", "`/token` refresh_token", func(c *cell) *call {
		b, code := c.signedIn()
		a := c.tokens(code)
		k := c.atToken("grant_type", "refresh_token", "refresh_token", a.Text("refresh_token"))
		k.browser, k.before = b, []string{a.Text("access_token")}
		return k
	}},
	{"password", "`/token` password", func(c *cell) *call {
		return c.atToken("grant_type", "password", "username", c.user, "password", password, "scope", "read")
	}},
	{"client", "`/token` client_credentials", func(c *cell) *call { return c.atToken("grant_type", "client_credentials", "scope", "read") }},
	{"push", "`/par`", func(c *cell) *call {
		k := c.atToken()
		k.path = "/par"
		for name, v := range c.party().Query("scope", "openid read", "code_challenge", optest.Challenge(optest.Verifier), "code_challenge_method", "S256") {
			k.form[name] = v
		}
		k.form.Del("client_id")
		return k
	}},
	{"pushed", "`/authorize` pushed", func(c *cell) *call {
		b, _ := c.signedIn()
		a := c.party().Ask("/par", "scope", "openid read", "redirect_uri", rp, "response_type", "code", "prompt", "none",
			"code_challenge", optest.Challenge(optest.Verifier), "code_challenge_method", "S256")
		if a.Status != http.StatusCreated {
			c.t.Fatalf("par: %d %s", a.Status, a.Body)
		}
		return c.inBrowser(b, "/authorize", url.Values{"client_id": {c.id}, "request_uri": {a.Text("request_uri")}})
	}},
	{"silent", "`/authorize` prompt=none", func(c *cell) *call {
		b, _ := c.signedIn()
		u, _ := url.Parse(c.ask("prompt", "none"))
		return c.inBrowser(b, u.Path, u.Query())
	}},
	{"signin", "sign-in page", func(c *cell) *call {
		b := c.NewBrowser()
		b.Get(c.ask())
		return &call{cell: c, id: c.id, browser: b, password: password, act: func(k *call) {
			if k.submit("username", k.user, "password", k.password); k.browser.At("/signin/consent") {
				k.browser.Agree()
			}
		}}
	}},
	{"consent", "consent page", func(c *cell) *call {
		b := c.NewBrowser()
		b.Get(c.ask())
		if b.Submit("username", c.user, "password", password); !b.At("/signin/consent") {
			c.t.Fatalf("no consent page: %s", b.Page.Brief())
		}
		return &call{cell: c, id: c.id, browser: b, act: func(k *call) { k.submit("decision", "allow") }}
	}},
	{"userinfo", "`/userinfo`", func(c *cell) *call { return c.byToken("/userinfo") }},
	{"introspect", "`/introspect`", func(c *cell) *call {
		b, code := c.signedIn()
		k := c.atToken("token", c.tokens(code).Text("access_token"))
		k.path, k.browser = "/introspect", b
		return k
	}},
	{"api", "an API", func(c *cell) *call { return c.byToken("/orders") }},
	{"dr password", "digiRunner password", func(c *cell) *call {
		return c.atDigi("grant_type", "password", "username", c.user, "password", b64(password))
	}},
	{"dr refresh", "digiRunner refresh_token", func(c *cell) *call {
		a := c.atDigi("grant_type", "password", "username", c.user, "password", b64(password)).post()
		k := c.atDigi("grant_type", "refresh_token", "refresh_token", a.Text("refresh_token"))
		k.before = []string{a.Text("access_token")}
		return k
	}},
	{"dr client", "digiRunner client_credentials", func(c *cell) *call {
		k := c.atDigi("grant_type", "client_credentials")
		k.how = digiPost
		return k
	}},
	{"dr introspect", "digiRunner introspection", func(c *cell) *call {
		a := c.atDigi("grant_type", "password", "username", c.user, "password", b64(password)).post()
		return &call{cell: c, path: "/oauth/introspection", how: post, id: c.id, secret: secretOf(c.id),
			form: url.Values{"token": {a.Text("access_token")}, "token_type_hint": {"access_token"}}}
	}},
	{"kv code", "Kustvakt authorization_code", func(c *cell) *call {
		// That product's front end asks for the code, with the token of a user who has agreed to it there.
		front := c.house.cell(c.t)
		front.user = c.user
		front.change("trusted", "true")
		a := front.atKustvakt("grant_type", "password", "username", c.user, "password", password).post()
		b := c.NewBrowser()
		b.Header = bearerOf(a.Text("access_token"))
		b.Get("/api/v1.0/oauth2/authorize?" + pairs("client_id", c.id, "response_type", "code", "scope", "read", "redirect_uri", rp,
			"code_challenge", optest.Challenge(optest.Verifier), "code_challenge_method", "S256").Encode())
		return c.atKustvakt("grant_type", "authorization_code", "code", b.Answer().Get("code"), "redirect_uri", rp, "code_verifier", optest.Verifier)
	}},
	{"kv password", "Kustvakt password", func(c *cell) *call {
		c.change("trusted", "true")
		return c.atKustvakt("grant_type", "password", "username", c.user, "password", password)
	}},
	{"kv refresh", "Kustvakt refresh_token", func(c *cell) *call {
		c.change("trusted", "true")
		a := c.atKustvakt("grant_type", "password", "username", c.user, "password", password, "scope", "read").post()
		k := c.atKustvakt("grant_type", "refresh_token", "refresh_token", a.Text("refresh_token"))
		k.before = []string{a.Text("access_token")}
		return k
	}},
	{"kv client", "Kustvakt client_credentials", func(c *cell) *call { return c.atKustvakt("grant_type", "client_credentials") }},
	{"ddi client", "DDI client_credentials", func(c *cell) *call {
		k := c.atToken("grant_type", "client_credentials")
		k.path, k.how = "/oauth2/token/", post
		return k
	}},
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

func pairs(of ...string) url.Values {
	v := url.Values{}
	for i := 0; i+1 < len(of); i += 2 {
		v.Set(of[i], of[i+1])
	}
	return v
}

func (c *cell) atToken(form ...string) *call {
	return &call{cell: c, path: "/token", how: basic, id: c.id, secret: secretOf(c.id), form: pairs(form...)}
}

func (c *cell) atDigi(form ...string) *call {
	return &call{cell: c, path: "/oauth/token", how: digi, id: c.id, secret: secretOf(c.id), form: pairs(form...)}
}

func (c *cell) atKustvakt(form ...string) *call {
	return &call{cell: c, path: "/api/oauth2/token", how: basic, id: c.id, secret: secretOf(c.id), form: pairs(form...)}
}

func (c *cell) byToken(path string) *call {
	b, code := c.signedIn()
	return &call{cell: c, id: c.id, path: path, bearer: c.tokens(code).Text("access_token"), browser: b}
}

func (c *cell) inBrowser(b *optest.Browser, path string, query url.Values) *call {
	return &call{cell: c, id: c.id, path: path, form: query, browser: b, act: func(k *call) {
		k.browser.Get(k.root + k.path + "?" + k.form.Encode())
	}}
}

// submit fills in the form that is shown, and sends it to the call's realm.
func (k *call) submit(fields ...string) {
	k.t.Helper()
	if k.root == "" {
		k.browser.Submit(fields...)
		return
	}
	form := pairs(fields...)
	form.Set("flow", k.browser.Page.Form(fields[0]).Fields.Get("flow"))
	k.browser.Post(k.root+k.browser.Page.URL.Path, form, "")
}

// set changes parameters; "-" removes one.
func (k *call) set(of ...string) {
	for i := 0; i+1 < len(of); i += 2 {
		if of[i+1] == "-" {
			k.form.Del(of[i])
		} else {
			k.form.Set(of[i], of[i+1])
		}
	}
}

// post makes a call that no browser makes.
func (k *call) post() optest.Answer {
	k.t.Helper()
	form, h := url.Values{}, http.Header{}
	for name, v := range k.form {
		form[name] = v
	}
	switch {
	case k.proof != nil:
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", k.proof())
	case k.how == basic && k.secret == "", k.how == post || k.how == digiPost:
		form.Set("client_id", k.id)
		if secret := k.secret; secret != "" {
			if k.how == digiPost {
				secret = b64(secret)
			}
			form.Set("client_secret", secret)
		}
	case k.how == basic:
		h.Set("Authorization", "Basic "+b64(url.QueryEscape(k.id)+":"+url.QueryEscape(k.secret)))
	case k.how == digi:
		secret := ""
		if k.secret != "" {
			secret = b64(k.secret)
		}
		h.Set("Authorization", "Basic "+b64(k.id+":"+secret))
	}
	if k.bearer != "" {
		h.Set("Authorization", "Bearer "+k.bearer)
		return k.Send(http.MethodGet, k.root+k.path, "", "", h)
	}
	return k.Send(http.MethodPost, k.root+k.path, "application/x-www-form-urlencoded", form.Encode(), h)
}

// try makes the call and says what came of it.
func (k *call) try() outcome {
	k.t.Helper()
	if k.act != nil {
		k.act(k)
		return k.shown()
	}
	return k.judge(k.post())
}

// judge reads an answer. Whatever is granted is granted visibly; a refusal with a token in it would be a grant.
func (k *call) judge(a optest.Answer) outcome {
	k.t.Helper()
	if strings.HasSuffix(k.path, "introspect") || strings.HasSuffix(k.path, "introspection") {
		switch active, told := a.JSON["active"].(bool); {
		case a.Status == http.StatusOK && told && active:
			return granted
		case a.Status == http.StatusOK && told:
			return inactive
		}
	} else if a.Status < 300 || a.Text("access_token") != "" || a.Text("request_uri") != "" {
		return granted
	}
	if a.Status >= 500 && a.Status != http.StatusServiceUnavailable {
		k.t.Errorf("%s: %d %s", k.path, a.Status, a.Body)
	}
	if reason := k.reason(a.Header); reason != "" {
		return outcome(reason)
	}
	return outcome(http.StatusText(a.Status)) // the door itself did not understand it
}

// shown says where the browser is.
func (k *call) shown() outcome {
	k.t.Helper()
	p := &k.browser.Page
	if p.Left != nil {
		v := k.browser.Answer()
		switch {
		case p.Left.Host != "rp.example.org":
			return outcome("sent to " + p.Left.Host)
		case v.Get("code") != "":
			return granted
		}
		return outcome(v.Get("error"))
	}
	if reason := k.reason(p.Header); reason != "" {
		return outcome(reason)
	}
	if p.Status != http.StatusOK {
		return outcome("asked again at " + p.URL.Path + ", " + http.StatusText(p.Status))
	}
	return outcome("asked at " + p.URL.Path)
}
