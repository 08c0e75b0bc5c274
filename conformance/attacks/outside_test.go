package attacks_test

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/conformance/optest"
)

// same takes out of an answer what differs anyway: secrets, ids, and the name that was typed.
func same(text string, names ...string) string {
	for _, n := range names {
		text = strings.ReplaceAll(text, n, "NAME")
	}
	return regexp.MustCompile(`[A-Za-z0-9_-]{20,}|Date:[^\n]*|Request-Id:[^\n]*`).ReplaceAllString(text, "…")
}

var outsideAttacks = []attack{
	{13, "an unknown user and a wrong password look alike", func(h *house, t *testing.T) {
		for name, try := range map[string]func(user, password string) (int, string){
			"the sign-in page": func(user, password string) (int, string) {
				b := h.NewBrowser()
				b.Get(h.Client("c0", secretOf("c0"), rp).URL())
				b.Submit("username", user, "password", password)
				return b.Page.Status, b.Page.Text
			},
			"/token": func(user, password string) (int, string) {
				a := (&cell{house: h, t: t, id: "c0"}).atToken("grant_type", "password", "username", user, "password", password).post()
				return a.Status, a.Body
			},
			"digiRunner": func(user, password string) (int, string) {
				a := (&cell{house: h, t: t, id: "c0"}).atDigi("grant_type", "password", "username", user, "password", b64(password)).post()
				return a.Status, a.Body
			},
			"a forgotten password": func(user, _ string) (int, string) {
				b := h.NewBrowser()
				b.Get("/signin/forgot")
				b.Submit("username", user)
				return b.Page.Status, b.Page.Text
			},
		} {
			known, byMail, locked := h.cell(t), h.cell(t), h.cell(t)
			locked.status("locked")
			wantStatus, want := try("nobody-"+known.user, "a guess")
			want = same(want, "nobody-"+known.user)
			for _, user := range []string{known.user, byMail.user + "@example.org", "nobody@example.org", locked.user} {
				if name == "digiRunner" && user == locked.user {
					continue // that product tells the status first, which its page says
				}
				if status, got := try(user, "a guess"); status != wantStatus || same(got, user) != want {
					t.Errorf("%s: %s: %d %s\nnobody: %d %s", name, user, status, same(got, user), wantStatus, want)
				}
			}
			// Guesses at nobody are slowed down as guesses at somebody are.
			for _, user := range []string{"nobody-again-" + known.user, h.cell(t).user} {
				status := 0
				for range 5 {
					status, _ = try(user, "a guess")
				}
				if name != "a forgotten password" && status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
					t.Errorf("%s: guess 5 at %s: %d", name, user, status)
				}
			}
		}
	}, false},
	{13, "an unknown client and a wrong secret look alike", func(h *house, t *testing.T) {
		for _, path := range []string{"/token", "/par", "/introspect", "/revoke"} {
			c := h.cell(t)
			answers := map[string]string{}
			for _, id := range []string{c.id, "nobody-" + c.id} {
				for _, how := range []method{basic, post} {
					k := c.atToken("grant_type", "client_credentials", "token", "x")
					k.path, k.id, k.secret, k.how = path, id, "a guess", how
					a := k.post()
					answers[fmt.Sprintf("%d %s", a.Status, a.Body)] = id
				}
			}
			if len(answers) != 1 {
				t.Errorf("%s: %v", path, answers)
			}
		}
	}, false},
	{13, "as much work is done for nobody as for somebody", func(h *house, t *testing.T) {
		// Somebody whose password is hashed as this server hashes it.
		c := h.cell(t)
		const slow = "a password of the usual kind"
		h.apply(t, fmt.Sprintf("realm: default\nusers: [{name: %s, email: %s@example.org, password: %q}]\n", c.user, c.user, slow))
		fastest := map[string]time.Duration{}
		for i := range 3 {
			for _, user := range []string{c.user, fmt.Sprintf("nobody%d", i)} {
				k := c.atToken("grant_type", "password", "username", user, "password", "a guess")
				before := time.Now()
				k.post()
				kind := strings.TrimRight(user, "0123456789")
				if took := time.Since(before); fastest[kind] == 0 || took < fastest[kind] {
					fastest[kind] = took
				}
			}
		}
		if fastest["nobody"] < fastest["u"]/5 {
			t.Errorf("%v", fastest)
		}
	}, true},
	{14, "URLs of clients lead neither inside nor to what is not https", ssrf, false},
	{15, "a poisoned Host and its relatives", func(h *house, t *testing.T) {
		c := h.cell(t)
		evil := http.Header{
			"Host": {"evil.example"}, "X-Forwarded-Host": {"evil.example"}, "X-Forwarded-Proto": {"https"}, "X-Forwarded-Prefix": {"/evil"}, "X-Forwarded-Server": {"evil.example"}, "X-Host": {"evil.example"},
			"Forwarded": {"host=evil.example;proto=https"}, "X-Original-Url": {"/evil"}, "X-Rewrite-Url": {"/evil"}, "X-Forwarded-For": {"203.0.113.9"}, "X-Real-Ip": {"203.0.113.9"}, "True-Client-Ip": {"203.0.113.9"},
		}
		b := h.NewBrowser()
		b.Header = evil
		b.Get("/signin/forgot")
		b.Submit("username", c.user)
		text, link := h.mails.link(t, c.user+"@example.org")
		if !strings.HasPrefix(link, h.URL+"/signin/password?ticket=") || strings.Contains(text, "evil") {
			t.Errorf("the mailed link:\n%s", text)
		}
		for _, path := range []string{"/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"} {
			b.Get(path)
			if strings.Contains(b.Page.Text, "evil") || !strings.Contains(b.Page.Text, `"issuer":"`+h.URL+`"`) {
				t.Errorf("%s: %s", path, b.Page.Text)
			}
		}
		b = h.NewBrowser()
		b.Header = evil
		b.Get(c.ask())
		if b.SignIn(c.user, password); b.Page.Left == nil || b.Answer().Get("iss") != h.URL {
			t.Fatalf("%s", b.Page.Brief())
		}
		_, claims := h.Verify(c.tokens(b.Answer().Get("code")).Text("id_token"))
		if claims["iss"] != h.URL {
			t.Errorf("%v", claims)
		}
		_, a := h.TryRegister(nil)
		if uri := a.Text("registration_client_uri"); !strings.HasPrefix(uri, h.URL+"/") {
			t.Errorf("%s", uri)
		}
		// Nobody gets a new address by saying so: guesses are counted by the one of the connection.
		k := h.cell(t).atToken("grant_type", "client_credentials")
		for i := range 6 {
			form := url.Values{"grant_type": {"client_credentials"}, "client_id": {k.id}, "client_secret": {"a guess"}}
			h.Send(http.MethodPost, "/token", "application/x-www-form-urlencoded", form.Encode(), http.Header{"X-Forwarded-For": {fmt.Sprintf("203.0.113.%d", i)}, "X-Real-Ip": {fmt.Sprintf("203.0.113.%d", i)}})
		}
		if got := k.try(); got != "too_many_failures" {
			t.Errorf("a guesser with many names for itself: %s", got)
		}
	}, true},
	{16, "a user of the same name, and the same address, as one who is gone", func(h *house, t *testing.T) {
		c := h.cell(t)
		b, code := c.signedIn()
		a := c.tokens(code)
		b.Get(c.ask("prompt", "none"))
		waiting := b.Answer().Get("code")
		id := a.Text("id_token")
		h.Command("user", "remove", c.user)
		h.apply(t, fmt.Sprintf("realm: default\nusers: [{name: %s, email: %s@example.org, email_verified: true, password_hash: %q}]\n", c.user, c.user, h.bcrypt))
		deadline := time.Now().Add(5 * time.Second)
		for c.alive(a.Text("access_token")) && time.Now().Before(deadline) { // another process has told the store
			time.Sleep(20 * time.Millisecond)
		}
		if c.alive(a.Text("access_token")) {
			t.Error("the access token opens the new user's door")
		}
		for name, k := range map[string]*call{
			"refresh": c.atToken("grant_type", "refresh_token", "refresh_token", a.Text("refresh_token")),
			"code":    c.atToken("grant_type", "authorization_code", "code", waiting, "redirect_uri", rp, "code_verifier", optest.Verifier),
		} {
			if got := k.try(); got == granted {
				t.Errorf("%s: granted", name)
			}
		}
		if b.Get(c.ask("prompt", "none", "id_token_hint", id)); b.Answer().Get("error") != "login_required" {
			t.Errorf("the session: %v", b.Answer())
		}
		b.Get(c.ask())
		if b.Submit("username", c.user, "password", password); !b.At("/signin/consent") {
			t.Errorf("the consent: %s", b.Page.Brief())
		}
	}, false}, // the command has a clock of its own
	{16, "an address names one account, however it is written, and another's name is no address", func(h *house, t *testing.T) {
		c := h.cell(t)
		for _, typed := range []string{strings.ToUpper(c.user) + "@EXAMPLE.org", c.user + "@example.org ", " " + c.user} {
			b := h.NewBrowser()
			b.Get(c.ask())
			if b.Submit("username", typed, "password", password); !b.At("/signin/consent") {
				t.Errorf("%q: %s", typed, b.Page.Brief())
			}
		}
		err := h.App.Apply(t.Context(), "twin.yaml", []byte(fmt.Sprintf("realm: default\nusers: [{name: twin-%s, email: %s@example.org, password_hash: %q}]\n", c.user, strings.ToUpper(c.user), h.bcrypt)))
		b := h.NewBrowser()
		b.Get(c.ask())
		b.Submit("username", c.user+"@example.org", "password", password)
		if b.Agree(); b.Page.Left != nil && err == nil {
			_, claims := h.Verify(c.tokens(b.Answer().Get("code")).Text("id_token"))
			if claims["sub"] != c.user {
				t.Errorf("the address of two signs in %v", claims["sub"])
			}
		}
		for _, one := range []string{"true", `"true"`} { // a verified address is one by a boolean
			if h.App.Apply(t.Context(), "x.yaml", []byte(fmt.Sprintf("realm: default\nusers: [{name: %s, email: x@example.org, email_verified: '%s'}]\n", c.user, one))) == nil {
				t.Errorf("email_verified: '%s' is taken", one)
			}
		}
	}, false},
}

// ssrf has traps on addresses where no URL of a client may lead, and URLs that lead there straight, by a name and by redirects.
func ssrf(h *house, t *testing.T) {
	var hits atomic.Int64
	trap := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { hits.Add(1); w.WriteHeader(http.StatusNoContent) })
	plain := httptest.NewServer(trap) // http, on an address that https could reach
	t.Cleanup(plain.Close)
	inside := &httptest.Server{Config: &http.Server{Handler: trap, ReadHeaderTimeout: time.Second}}
	var err error
	if inside.Listener, err = net.Listen("tcp", "[::1]:0"); err != nil {
		t.Logf("no IPv6 here: %v", err)
		inside = nil
	} else {
		inside.StartTLS()
		t.Cleanup(inside.Close)
	}
	who := h.cell(t)
	path := "/to-" + who.id
	h.Mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", r.URL.Query().Get("to"))
		w.WriteHeader(http.StatusFound)
	})
	aims := []string{
		plain.URL + "/", "http://169.254.169.254/latest/meta-data/", "https://169.254.169.254/", "https://[::ffff:169.254.169.254]/", "https://10.0.0.1/", "https://[fd00:ec2::254]/", "https://0.0.0.0/",
		"file:///etc/passwd", "gopher://127.0.0.1/", "ftp://127.0.0.1/",
	}
	if inside != nil {
		port := inside.URL[strings.LastIndex(inside.URL, ":"):]
		aims = append(aims, inside.URL+"/", "https://[::1]"+port+"/", "https://localhost"+port+"/")
	}
	straight := slices.Clone(aims)
	for _, aim := range straight {
		aims = append(aims, h.Outside.URL+path+"?to="+url.QueryEscape(aim))
	}
	for _, aim := range aims {
		// Whether the registration itself takes the URL or refuses it: nothing may be fetched from there.
		for _, meta := range []map[string]any{
			{"jwks_uri": aim, "token_endpoint_auth_method": "private_key_jwt"}, {"request_uris": []string{aim}, "jwks_uri": aim}, {"sector_identifier_uri": aim, "subject_type": "pairwise"},
			{"backchannel_logout_uri": aim, "logo_uri": aim, "policy_uri": aim, "tos_uri": aim, "initiate_login_uri": aim, "client_uri": aim},
		} {
			p, a := h.TryRegister(meta)
			if a.Status != http.StatusCreated {
				continue
			}
			if p.Key, p.KeyID = nil, "k1"; p.Method == "private_key_jwt" {
				p.Key, _ = optest.NewKey("k1")
				p.Token("grant_type", "authorization_code", "code", "x", "redirect_uri", p.RedirectURI)
			}
			b := h.NewBrowser()
			b.Get(p.URL("request_uri", aim))
			if meta["backchannel_logout_uri"] != nil {
				b.Get(p.URL())
				b.SignIn(who.user, password)
				(&call{cell: who, browser: b}).signOut()
			}
		}
		// A URL that nobody has registered is not even looked at.
		h.NewBrowser().Get(h.Client("c0", secretOf("c0"), rp).URL("request_uri", aim))
		h.Client("c0", secretOf("c0"), rp).Ask("/par", "request_uri", aim, "response_type", "code", "redirect_uri", rp)
	}
	time.Sleep(100 * time.Millisecond) // a back-channel call would be on its way
	if n := hits.Load(); n != 0 {
		t.Errorf("%d requests were led inside", n)
	}
}
