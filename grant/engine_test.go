package grant_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/audit"
	"sallyport/client"
	"sallyport/grant"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/token"
)

func TestWhatIsIssued(t *testing.T) {
	w := newWorld()
	rules := grant.Rules{
		Dialect: "kustvakt", EndAccess: true, Issuer: "https://other.example",
		Access:  realm.AccessToken{TTL: realm.Duration(time.Hour)},
		Refresh: realm.RefreshToken{TTL: realm.Duration(24 * time.Hour)},
	}
	for _, name := range []string{"password", "client_credentials", "refresh_token"} {
		r := w.request(name)
		r.Rules = rules
		if got := w.exchange(t, r); got != "" {
			t.Fatal(got)
		}
		want := token.Authorization{
			Realm: w.realm, Client: w.clients["default/app"], Grant: name, Scope: scope.Set{"read", "write"},
			Access: rules.Access, Refresh: rules.Refresh, EndAccess: true, Issuer: rules.Issuer,
		}
		if name != "client_credentials" {
			want.User, want.WithRefresh = w.users["default/dory"], true
		}
		if name == "refresh_token" {
			want.Continues = &w.refresh["rt"].Presented
		}
		if diff := cmp.Diff(want, w.last(), cmp.Comparer(func(a, b *token.Presented) bool { return a == b })); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		record := w.events[len(w.events)-1]
		wantRecord := audit.Event{At: w.now, Kind: audit.TokenIssued, Realm: "default", Client: "app", Grant: name, Dialect: "kustvakt", Source: source}
		if want.User != nil {
			wantRecord.User = "dory"
		}
		if record != wantRecord {
			t.Errorf("%s: recorded %+v, want %+v", name, record, wantRecord)
		}
	}
}

func TestFirstFailureWins(t *testing.T) {
	// Each change adds a failure that comes before all of those added so far.
	w := newWorld()
	r := w.request("password")
	c := w.app()
	for _, step := range []struct {
		change func()
		want   oauth.Reason
	}{
		{func() { r = set(&r, "scope", "fly") }, oauth.ScopeUnknown},
		{func() { w.dory().Status = "off" }, oauth.UserDisabled},
		{func() { r = set(&r, "password", "wrong") }, oauth.PasswordWrong},
		{func() { r.Rules.TrustedOnly = []string{"password"} }, oauth.GrantTrustedOnly},
		{func() { c.Grants = nil }, oauth.GrantNotAllowed},
		{func() { r.Type = "telepathy" }, oauth.GrantUnsupported},
		{func() { r.Type = "" }, oauth.GrantTypeEmpty},
		{func() { r.Client.Secret = "wrong" }, oauth.SecretWrong},
		{func() { r.Client.Secret = "" }, oauth.SecretMissing},
		{func() { c.NotAfter = w.now }, oauth.ClientExpired},
		{func() { c.NotBefore = w.now.Add(1) }, oauth.ClientNotYetValid},
		{func() { c.Status = client.Off }, oauth.ClientDisabled},
		{func() { r.Client.ID = "nobody" }, oauth.ClientUnknown},
		{func() { r.Client.ID = "" }, oauth.ClientMissing},
		{func() { r.HasType = false }, oauth.GrantTypeMissing},
	} {
		step.change()
		if got := w.exchange(t, r); got != step.want {
			t.Fatalf("reason %q, want %q", got, step.want)
		}
	}
}

// Front doors put the subject into their own words.
func TestSubjects(t *testing.T) {
	for _, tt := range []struct {
		reason  oauth.Reason
		change  func(w *world, r *grant.Request)
		subject string
	}{
		{oauth.ClientUnknown, func(_ *world, r *grant.Request) { r.Client.ID = "nobody" }, "nobody"},
		{oauth.ClientLocked, func(w *world, _ *grant.Request) { w.app().Status = client.Locked }, "app"},
		{oauth.SecretWrong, func(_ *world, r *grant.Request) { r.Client.Secret = "x" }, "app"},
		{oauth.GrantUnsupported, func(_ *world, r *grant.Request) { r.Type = "Telepathy" }, "Telepathy"},
		{oauth.UserLocked, func(w *world, _ *grant.Request) { w.dory().Status = "locked" }, "dory"},
		{oauth.ScopeUnknown, func(_ *world, r *grant.Request) { *r = set(r, "scope", "read fly") }, "fly"},
	} {
		w := newWorld()
		r := w.request("password")
		tt.change(w, &r)
		_, err := w.engine.Exchange(t.Context(), r)
		if e := oauth.AsError(err); e.Reason != tt.reason || e.Subject != tt.subject {
			t.Errorf("%s about %q, want %s about %q", e.Reason, e.Subject, tt.reason, tt.subject)
		}
	}
}

func TestAuthenticate(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(w *world, c *client.Credentials)
		proved bool
		reason oauth.Reason
	}{
		{"right", func(*world, *client.Credentials) {}, true, ""},
		{"wrong", func(_ *world, c *client.Credentials) { c.Secret = "x" }, false, oauth.SecretWrong},
		{"missing", func(_ *world, c *client.Credentials) { c.Secret = "" }, false, oauth.SecretMissing},
		{"no id", func(_ *world, c *client.Credentials) { c.ID = "" }, false, oauth.ClientMissing},
		{"unknown", func(_ *world, c *client.Credentials) { c.ID = "nobody" }, false, oauth.ClientUnknown},
		{"off", func(w *world, _ *client.Credentials) { w.app().Status = client.Off }, false, oauth.ClientDisabled},
		{"locked", func(w *world, _ *client.Credentials) { w.app().Status = client.Locked }, false, oauth.ClientLocked},
		{"expired", func(w *world, _ *client.Credentials) { w.app().NotAfter = w.now }, false, oauth.ClientExpired},
		{"public", func(w *world, c *client.Credentials) { makePublic(w); c.Secret = "" }, false, ""},
		{"public, secret ignored", func(w *world, _ *client.Credentials) { makePublic(w) }, false, ""},
		{"the word public", func(w *world, c *client.Credentials) { sayPublic(w); c.Secret = "" }, false, ""},
		{"the word public, right", func(w *world, _ *client.Credentials) { sayPublic(w) }, true, ""},
		{"the word public, wrong", func(w *world, c *client.Credentials) { sayPublic(w); c.Secret = "x" }, false, oauth.SecretWrong},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld()
			creds := w.request("").Client
			tt.change(w, &creds)
			c, proved, err := w.engine.Authenticate(t.Context(), w.realm, creds, source, "kustvakt")
			if got := oauth.ReasonOf(err); got != tt.reason || proved != tt.proved || (c == nil) != (err != nil) {
				t.Errorf("client %v, proved %v, reason %q", c, proved, got)
			}
			if (len(w.events) == 1) != (err != nil) {
				t.Errorf("records: %+v", w.events)
			}
			if err != nil && (w.events[0].Kind != audit.TokenRefused || w.events[0].Reason != tt.reason || w.events[0].Dialect != "kustvakt") {
				t.Errorf("record: %+v", w.events[0])
			}
		})
	}
	w := newWorld()
	if _, _, err := w.engine.Authenticate(t.Context(), nil, w.request("").Client, source, ""); oauth.ReasonOf(err) != oauth.RealmUnknown {
		t.Errorf("without a realm: %v", err)
	}
}

// Introspection and revocation must not be a place to guess secrets that the token endpoint slows down.
func TestOneThrottleForEveryEndpoint(t *testing.T) {
	w := newWorld()
	wrong := w.request("").Client
	wrong.Secret = "x"
	for range 4 {
		_, _, _ = w.engine.Authenticate(t.Context(), w.realm, wrong, source, "")
	}
	if got := w.exchange(t, w.request("password")); got != oauth.TooManyFailures {
		t.Errorf("reason %q", got)
	}
	if e := oauth.AsError(second(w.engine.Authenticate(t.Context(), w.realm, wrong, source, ""))); e.RetryAfter <= 0 {
		t.Errorf("no time to come back at: %+v", e)
	}
}

func second[A, B any](_ A, _ B, err error) error { return err }

// Three wrong secrets from a stranger lock nobody out, and neither does any number of them.
func TestStrangerCannotLockOut(t *testing.T) {
	w := newWorld()
	for i := range 100 {
		wrong := w.request("password")
		wrong.Source = source.Next()
		wrong.Client.Secret = fmt.Sprint("guess ", i)
		w.exchange(t, wrong)
		wrong = w.request("password")
		wrong.Source = source.Next().Next()
		w.exchange(t, set(&wrong, "password", fmt.Sprint("guess ", i)))
	}
	for _, name := range []string{"password", "client_credentials", "refresh_token"} {
		if got := w.exchange(t, w.request(name)); got != "" {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// CVE class 13: made-up client ids are slowed down like wrong secrets, so the throttle does not tell which exist.
func TestCVEClass13ThrottleDoesNotTellWhichClientsExist(t *testing.T) {
	answers := func(id string) (reasons []oauth.Reason) {
		w := newWorld()
		r := w.request("password")
		r.Client.ID, r.Client.Secret = id, "wrong"
		for range 6 {
			_, err := w.engine.Exchange(t.Context(), r)
			reasons = append(reasons, oauth.Reason(oauth.AsError(err).Description))
		}
		return reasons
	}
	if diff := cmp.Diff(answers("app"), answers("nobody")); diff != "" {
		t.Errorf("a stranger can tell them apart: %s", diff)
	}
}

// CVE class 13: no answer of the standard texts tells a missing user from a wrong password or a user who is off.
func TestCVEClass13AnswersDoNotTellWhichUsersExist(t *testing.T) {
	texts := map[string]bool{}
	for _, name := range []string{"dory", "nobody"} {
		w := newWorld()
		r := w.request("password")
		_, err := w.engine.Exchange(t.Context(), set(&r, "username", name, "password", "wrong"))
		e := oauth.AsError(err)
		texts[string(e.Code)+e.Description] = true
	}
	if len(texts) != 1 {
		t.Errorf("%v", texts)
	}
}

// CVE class 4 and 5: what a principal has become since counts at every refresh.
func TestCVEClass4RefreshAfterTheWorldChanged(t *testing.T) {
	w := newWorld()
	if got := w.exchange(t, w.request("refresh_token")); got != "" {
		t.Fatal(got)
	}
	w.dory().Status = "off"
	if got := w.exchange(t, w.request("refresh_token")); got != oauth.UserDisabled {
		t.Errorf("user switched off: %q", got)
	}
	w.dory().Status = "on"
	c := w.app()
	c.Grants = drop(c.Grants, "refresh_token")
	if got := w.exchange(t, w.request("refresh_token")); got != oauth.GrantNotAllowed {
		t.Errorf("grant taken away: %q", got)
	}
	delete(w.clients, "default/app")
	if got := w.exchange(t, w.request("refresh_token")); got != oauth.ClientUnknown {
		t.Errorf("client deleted: %q", got)
	}
}

// CVE class 19: neither a huge scope nor thousands of distinct names cost more than the rest of the call.
func TestCVEClass19HugeScopeIsNotTakenApart(t *testing.T) {
	var names strings.Builder
	for i := range 100_000 {
		fmt.Fprintf(&names, "s%d ", i)
	}
	for rule, want := range map[grant.ScopeRule]oauth.Reason{grant.ScopeAsk: oauth.ScopeUnknown, grant.ScopeReduce: oauth.ScopeUnknown, grant.ScopeIgnore: ""} {
		w := newWorld()
		r := w.request("client_credentials")
		r.Rules.Scope = rule
		if got := w.exchange(t, set(&r, "scope", names.String())); got != want {
			t.Errorf("rule %d: %q, want %q", rule, got, want)
		}
	}
}

func TestRecordHoldsNoSecretAndIsBounded(t *testing.T) {
	w := newWorld()
	long := strings.Repeat("ü", 5000)
	for _, change := range []func(r *grant.Request){
		func(*grant.Request) {},
		func(r *grant.Request) { r.Client.Secret = "wrong-secret" },
		func(r *grant.Request) { *r = set(r, "password", "wrong-secret") },
		func(r *grant.Request) { *r = set(r, "username", "wrong-secret") }, // typed into the wrong field
		func(r *grant.Request) { r.Client.ID = long },
		func(r *grant.Request) { r.Type = long },
	} {
		r := w.request("password")
		change(&r)
		w.exchange(t, r)
	}
	for _, e := range w.events {
		text := fmt.Sprintf("%+v", e)
		for _, secret := range []string{"wrong-secret", secret, "dorypass"} {
			if strings.Contains(text, secret) {
				t.Errorf("%q in %s", secret, text)
			}
		}
		if len(text) > 500 || strings.ContainsRune(text, '\uFFFD') {
			t.Errorf("%d bytes: %s", len(text), text)
		}
	}
}

func TestReplayIsRecordedAsOne(t *testing.T) {
	w := newWorld()
	w.issueErr = oauth.Fail(oauth.RefreshReplayed, "rt-id")
	w.exchange(t, w.request("refresh_token"))
	if k := w.events[0].Kind; k != audit.RefreshReplayed {
		t.Errorf("recorded as %s", k)
	}
	if e := w.events[0]; e.User != "dory" || e.Client != "app" {
		t.Errorf("recorded %+v", e)
	}
}

// Guesses at once: no more of them are looked at than the throttle would let through one by one.
func TestGuessesAtOnce(t *testing.T) {
	w := newWorld()
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			r := w.request("password")
			if i%2 == 0 {
				r.Client.Secret = "x"
			}
			_, _ = w.engine.Exchange(context.Background(), set(&r, "password", "x"))
		})
	}
	wg.Wait()
	wrong := map[oauth.Reason]int{}
	for _, e := range w.events {
		wrong[e.Reason]++
	}
	if wrong[oauth.PasswordWrong] > 4 || len(w.events) != 200 {
		t.Errorf("%v", wrong)
	}
}

// A grant that proves carelessly is held up by the pipeline.
type careless struct{ grant.Proof }

func (careless) Type() string { return "password" }

func (g careless) Prove(context.Context, *grant.Attempt) (grant.Proof, error) { return g.Proof, nil }

func TestThePipelineTrustsNoGrant(t *testing.T) {
	family := func(f token.Family) *token.Presented { return &token.Presented{ID: "id", Family: &f} }
	base := newWorld()
	dory := base.users["default/dory"]
	for name, tt := range map[string]struct {
		proof grant.Proof
		want  oauth.Reason
	}{
		"another client's refresh token": {grant.Proof{User: dory, Continues: family(token.Family{Realm: "default", Client: "other", User: "dory"})}, oauth.RefreshWrongClient},
		"another realm's":                {grant.Proof{User: dory, Continues: family(token.Family{Realm: "other", Client: "app", User: "dory"})}, oauth.RefreshUnknown},
		"another user's":                 {grant.Proof{User: dory, Continues: family(token.Family{Realm: "default", Client: "app", User: "marlin"})}, oauth.InternalError},
		"a user's, without the user":     {grant.Proof{Continues: family(token.Family{Realm: "default", Client: "app", User: "dory"})}, oauth.InternalError},
		"without a family":               {grant.Proof{User: dory, Continues: &token.Presented{}}, oauth.RefreshUnknown},
		"everything right":               {grant.Proof{User: dory, Continues: family(token.Family{Realm: "default", Client: "app", User: "dory"})}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld()
			config := w.engine.Config
			config.Grants = []grant.Grant{careless{tt.proof}}
			w.engine = grant.New(config)
			if got := w.exchange(t, w.request("password")); got != tt.want {
				t.Errorf("reason %q, want %q", got, tt.want)
			}
		})
	}
}
