package attacks_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/bcrypt"

	"sallyport/app"
	"sallyport/conformance/optest"
)

const (
	rp    = "https://rp.example.org/cb"
	other = "https://rp.example.org/other"
)

// password is everybody's. It is longer than bcrypt reads, so that the hash is cheap and is left as it is when somebody signs in.
var password = "a password for the attacked " + strings.Repeat("x", 60)

// scopes are what every client may have.
const scopes = "[openid, profile, email, offline_access, read, write, authorize]"

// A house is one server for all attacks.
type house struct {
	*optest.OP
	*log
	mails    *mailbox
	upstream string // where the API orders leads

	bcrypt   string
	mu       *sync.Mutex // held while a deployment is applied
	taken    *atomic.Int64
	prepared int64 // how many clients and users there are
}

// log is the access log: why each request was refused, by its id.
type log struct {
	mu      sync.Mutex
	reasons map[string]string
	text    strings.Builder
}

func (l *log) Write(line []byte) (int, error) {
	var v struct{ ID, Reason string }
	if err := json.Unmarshal(line, &v); err != nil {
		return 0, err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.reasons[v.ID] = v.Reason
	l.text.Write(line)
	return len(line), nil
}

// reason returns why a request was refused. Its line may be a moment behind a long answer.
func (l *log) reason(h http.Header) string {
	id := h.Get("X-Request-Id")
	for range 200 {
		l.mu.Lock()
		reason, ok := l.reasons[id]
		l.mu.Unlock()
		if ok {
			return reason
		}
		time.Sleep(5 * time.Millisecond)
	}
	return "no line in the log"
}

// open starts the server with so many clients and users.
func open(t testing.TB, cells int) *house {
	t.Helper()
	h := &house{log: &log{reasons: map[string]string{}}, mu: &sync.Mutex{}, taken: &atomic.Int64{}, prepared: int64(cells)}
	h.mails = receive(t)
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"orders":[]}`) }))
	t.Cleanup(backend.Close)
	h.upstream = backend.URL
	hash, err := bcrypt.GenerateFromPassword([]byte(password)[:72], bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	h.bcrypt = string(hash)
	h.OP = optest.Start(t, h.deployment(cells), func(c *app.Config) {
		c.LogRequests, c.AccessLogFormat, c.AccessLog = true, "json", h.log
		c.SMTPURL, c.MailFrom = "smtp://"+h.mails.addr, "login@example.org"
	})
	return h
}

func (h *house) deployment(cells int) string {
	var b strings.Builder
	for _, realm := range []string{"default", "other"} {
		fmt.Fprintf(&b, "realm: %s\ndialects: [digirunner, ddi, {kustvakt: {client_credentials_scopes: [read]}}]\n", realm)
		b.WriteString("registration: {mode: open, grants: [authorization_code, refresh_token]}\nsign_in: {reset: true}\n")
		b.WriteString("scopes: [{name: read}, {name: write}, {name: authorize}, {name: admin}]\n")
		fmt.Fprintf(&b, "apis:\n  - {name: orders, path: /orders, upstream: %q, auth: [bearer], scopes: [read]}\n", h.upstream)
		b.WriteString("users:\n") // each realm has namesakes of the other's, with the same passwords and secrets
		for i := range cells {
			fmt.Fprintf(&b, "  - {name: u%d, email: u%d@example.org, email_verified: true, password_hash: %q}\n", i, i, h.bcrypt)
		}
		b.WriteString("clients:\n")
		for i := range cells {
			b.WriteString(h.client(fmt.Sprintf("c%d", i), nil))
		}
		if realm == "default" {
			b.WriteString("---\n")
		}
	}
	return b.String()
}

// client writes a client of a deployment file; fields replace the usual ones, empty removes one.
func (h *house) client(id string, fields map[string]string) string {
	sum := sha256.Sum256([]byte(secretOf(id)))
	all := map[string]string{
		"secret_hash": "sha256:" + hex.EncodeToString(sum[:]), "grants": "[authorization_code, refresh_token, password, client_credentials]",
		"scopes": scopes, "redirect_uris": "[" + rp + ", " + other + "]",
	}
	for k, v := range fields {
		all[k] = v
	}
	var b strings.Builder
	fmt.Fprintf(&b, "  - id: %q\n", id)
	for k, v := range all {
		if v != "" {
			fmt.Fprintf(&b, "    %s: %s\n", k, v)
		}
	}
	return b.String()
}

func secretOf(id string) string { return "the long secret of the client " + id }

// apply changes what is deployed, as an administrator does while people work.
func (h *house) apply(t testing.TB, yaml string) {
	t.Helper()
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.App.Apply(t.Context(), "change.yaml", []byte(yaml)); err != nil {
		t.Fatal(err)
	}
}

// with returns the house for a test of its own.
func (h *house) with(t testing.TB) *house {
	own, op := *h, h.OP.For(t)
	own.OP = op
	return &own
}

// A cell is a client and a user of its own, whom no other test touches.
type cell struct {
	*house
	t        testing.TB
	id, user string
	fields   map[string]string // of the client, that are not the usual ones
}

// cell takes a client and a user that nobody has used yet.
func (h *house) cell(t testing.TB) *cell {
	t.Helper()
	n := h.taken.Add(1)
	if n >= h.prepared {
		t.Fatalf("there are only %d clients and users; prepare more", h.prepared)
	}
	own := h.with(t)
	return &cell{own, t, fmt.Sprintf("c%d", n), fmt.Sprintf("u%d", n), map[string]string{}}
}

// change changes the cell's client.
func (c *cell) change(pairs ...string) {
	c.t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		c.fields[pairs[i]] = pairs[i+1]
	}
	c.apply(c.t, "realm: default\nclients:\n"+c.client(c.id, c.fields))
}

// status sets the status of the cell's user.
func (c *cell) status(s string) {
	c.t.Helper()
	c.apply(c.t, fmt.Sprintf("realm: default\nusers: [{name: %s, email: %s@example.org, status: %q}]\n", c.user, c.user, s))
}

// client is the cell's client as an RP.
func (c *cell) party() *optest.RP { return c.Client(c.id, secretOf(c.id), rp) }

// ask is an authorization request of the cell's client with PKCE. A pair with the value "-" removes a parameter.
func (c *cell) ask(pairs ...string) string {
	return c.party().URL(append([]string{
		"scope", "openid read", "code_challenge", optest.Challenge(optest.Verifier), "code_challenge_method", "S256",
	}, pairs...)...)
}

// signedIn is a browser in which the cell's user is signed in and has agreed that the cell's client may read; code is what the
// client got.
func (c *cell) signedIn(pairs ...string) (b *optest.Browser, code string) {
	c.t.Helper()
	b = c.NewBrowser()
	b.Get(c.ask(pairs...))
	b.SignIn(c.user, password)
	if code = b.Answer().Get("code"); code == "" {
		c.t.Fatalf("no code: %s", b.Page.Brief())
	}
	return b, code
}

// tokens redeems a code.
func (c *cell) tokens(code string, pairs ...string) optest.Answer {
	c.t.Helper()
	a := c.party().Redeem(code, append([]string{"code_verifier", optest.Verifier}, pairs...)...)
	if a.Status != http.StatusOK || a.Text("access_token") == "" {
		c.t.Fatalf("the code is refused: %d %s", a.Status, a.Body)
	}
	return a
}

// alive reports whether an access token opens /userinfo or, without openid, the API.
func (c *cell) alive(access string) bool {
	c.t.Helper()
	a := c.Send(http.MethodGet, "/orders", "", "", bearerOf(access))
	return a.Status == http.StatusOK
}

func bearerOf(token string) http.Header { return http.Header{"Authorization": {"Bearer " + token}} }
