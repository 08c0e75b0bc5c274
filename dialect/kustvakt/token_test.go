package kustvakt_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/client"
	"sallyport/deployment"
	"sallyport/dialect/dialecttest"
	"sallyport/dialect/kustvakt"
	"sallyport/realm"
)

var pageAnswer = regexp.MustCompile(`^\{"access_token":"[0-9a-f]{56}","refresh_token":"[A-Za-z0-9._-]+","scope":"search match_info","token_type":"Bearer","expires_in":259200\}$`)

// The calls of the product's page, line ends included.
const (
	pageHeader = "Basic ZFJKbnBGSDZSSFRyNkw3Yk5ocm43RjpfSUdhUXF2VVVyUFR6UktKdnFQWW5B"
	pageFirst  = `grant_type=password
&client_id=dRJnpFH6RHTr6L7bNhrn7F
&username=dory&password=dorypass
&scope=search match_info`
	pageSecond = `grant_type=password
&client_id=dRJnpFH6RHTr6L7bNhrn7F
&client_secret=_IGaQqvUUrPTzRKJvqPYnA&redirect_uri=http://example.client.com/redirect
&username=dory&password=dorypass
&scope=search match_info`
)

func TestAnswersAsDocumented(t *testing.T) {
	h := open(t)
	oneLine := strings.NewReplacer("\n", "")
	for name, c := range map[string]dialecttest.Call{
		"credentials in the header":      {Auth: pageHeader, Body: pageFirst},
		"credentials in the body":        {Body: pageSecond},
		"header, on one line":            {Auth: pageHeader, Body: oneLine.Replace(pageFirst)},
		"body, on one line":              {Body: oneLine.Replace(pageSecond)},
		"with carriage returns":          {Body: strings.ReplaceAll(pageSecond, "\n", "\r\n")},
		"with a charset":                 {Auth: pageHeader, Body: pageFirst, Type: "application/x-www-form-urlencoded;charset=utf-8"},
		"in chunks":                      {Auth: pageHeader, Body: pageFirst, Chunked: true},
		"version 1.0":                    {Auth: pageHeader, Body: pageFirst, Path: "/api/v1.0/oauth2/token"},
		"version 1.1":                    {Auth: pageHeader, Body: pageFirst, Path: "/api/v1.1/oauth2/token"},
		"scopes separated by commas":     {Auth: pageHeader, Body: strings.Replace(pageFirst, "search match_info", "search,match_info", 1)},
		"another client_id in the body":  {Auth: pageHeader, Body: strings.Replace(pageFirst, superID, "blah", 1)},
		"a wrong secret in the body too": {Auth: pageHeader, Body: pageFirst + "&client_secret=blah"},
	} {
		if c.Path == "" {
			c.Path = tokenPath
		}
		got := h.Do(h.routes, c)
		if got.Status != http.StatusOK || !pageAnswer.MatchString(got.Body) {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
		wantHeaders(t, name, got, "")
	}
}

// wantHeaders checks what every answer to an OAuth call carries.
func wantHeaders(t *testing.T, name string, got dialecttest.Answer, challenge string) {
	t.Helper()
	for header, want := range map[string]string{
		"Content-Type": "application/json;charset=utf-8", "Cache-Control": "no-store", "Pragma": "no-store",
		"WWW-Authenticate": challenge, "Location": "",
	} {
		if v := got.Header.Get(header); v != want {
			t.Errorf("%s: %s: %q, want %q", name, header, v, want)
		}
	}
}

func TestPasswordScope(t *testing.T) {
	h := open(t)
	if got := h.login("dory", superID, superSecret).Scope; got != "all" {
		t.Errorf("none asked by a super client: %q, want all", got)
	}
	if got := h.login("dory", superID, superSecret, "scope", "").Scope; got != "all" {
		t.Errorf("an empty one asked: %q, want all", got)
	}
	if got := h.login("dory", superID, superSecret, "scope", "vc_info").Scope; got != "vc_info" {
		t.Errorf("a declared one that all covers: %q", got)
	}
	if got := h.login("dory", "limited", secret).Scope; got != "search match_info install_user_client" {
		t.Errorf("none asked by a trusted client without all: %q", got)
	}
}

func TestRefreshRotates(t *testing.T) {
	h := open(t)
	first := h.login("dory", superID, superSecret, "scope", "match_info search")
	second := h.get("", "grant_type", "refresh_token", "client_id", superID, "client_secret", superSecret, "refresh_token", first.Refresh)
	if second.Scope != "match_info search" || second.Expires != 259200 || second.Refresh == "" || second.Refresh == first.Refresh {
		t.Errorf("got %+v after %+v", second, first)
	}
	if h.opens(first.Access) || !h.opens(second.Access) {
		t.Errorf("the old access token opens: %v, the new one: %v; want only the new one", h.opens(first.Access), h.opens(second.Access))
	}
	refused := h.post(tokenPath, "", "grant_type", "refresh_token", "client_id", superID, "client_secret", superSecret, "refresh_token", second.Refresh, "scope", "all")
	if refused.Status != 400 || refused.Text("error") != "invalid_scope" {
		t.Errorf("a refresh to all: %d %s", refused.Status, refused.Body)
	}
	narrow := h.get(basic(superID, superSecret), "grant_type", "refresh_token", "refresh_token", second.Refresh, "scope", "search")
	if narrow.Scope != "search" {
		t.Errorf("a refresh to less: %q", narrow.Scope)
	}
	wide := h.get(basic(superID, superSecret), "grant_type", "refresh_token", "refresh_token", narrow.Refresh)
	if wide.Scope != "match_info search" {
		t.Errorf("the next one without a scope: %q, want all that was granted", wide.Scope)
	}
	h.Clock.Advance(time.Hour)
	if again := h.post(tokenPath, basic(superID, superSecret), "grant_type", "refresh_token", "refresh_token", first.Refresh); again.Status != 400 ||
		again.Text("error") != "invalid_grant" || again.Text("error_description") != "Refresh token has been revoked" {
		t.Errorf("a rotated refresh token: %d %s", again.Status, again.Body)
	}
	if h.refreshes(wide.Refresh) || h.opens(wide.Access) {
		t.Error("after a replay the grant lives on")
	}
}

func TestClientCredentials(t *testing.T) {
	h := open(t)
	as := func(pairs ...string) tokens {
		return h.get(basic(plainID, secret), append([]string{"grant_type", "client_credentials"}, pairs...)...)
	}
	got := as("scope", "preferred_username client_info")
	if got.Scope != "client_info" || got.Refresh == "" || got.Expires != 259200 {
		t.Errorf("reduced: %+v", got)
	}
	if got := as(); got.Scope != "" {
		t.Errorf("none asked: %q", got.Scope)
	}
	if got := as("scope", "all"); got.Scope != "" {
		t.Errorf("all: %q", got.Scope)
	}
	again := h.get(basic(plainID, secret), "grant_type", "refresh_token", "refresh_token", got.Refresh)
	if again.Scope != "client_info" || h.opens(got.Access) {
		t.Errorf("refreshed: %+v; the old one opens: %v", again, h.opens(got.Access))
	}
	if odd := h.get("Basic "+strings.TrimPrefix(basic("a%3Ab+c%25", "secret"), "Basic "), "grant_type", "client_credentials", "scope", "client_info"); odd.Scope != "client_info" {
		t.Errorf("form-encoded halves: %+v", odd)
	}
}

func TestClientCredentialsScopesAreASetting(t *testing.T) {
	h := open(t, func(c *deployment.ChangeSet) {
		c.Realms[0].Dialects = []realm.Dialect{{Name: kustvakt.Name, Settings: []byte(`{"client_credentials_scopes":["search","client_info"]}`)}}
	})
	if got := h.get(basic(plainID, secret), "grant_type", "client_credentials", "scope", "search preferred_username client_info"); got.Scope != "search client_info" {
		t.Errorf("got %q", got.Scope)
	}
}

// TestSettingsWin: lifetimes and formats are defaults of this door, below those of realm and client.
func TestSettingsWin(t *testing.T) {
	h := open(t, func(c *deployment.ChangeSet) {
		i := slices.IndexFunc(c.Clients, func(c *client.Client) bool { return c.ID == superID })
		c.Clients[i].AccessToken = realm.AccessToken{Format: realm.JWT, TTL: realm.Duration(time.Minute)}
		c.Realms[0].AccessToken.TTL = realm.Duration(time.Hour)
	})
	if got := h.login("dory", superID, superSecret); strings.Count(got.Access, ".") != 2 || got.Expires != 60 {
		t.Errorf("the client's: %+v", got)
	}
	if got := h.login("dory", "limited", secret); got.Expires != 3600 {
		t.Errorf("the realm's: %+v", got)
	}
}

func TestPublicSuperClientGetsNoRefreshToken(t *testing.T) {
	h := open(t)
	got := h.get("", "grant_type", "password", "client_id", "publicsuper", "client_secret", "whatever", "username", "dory", "password", "dorypass")
	if got.Refresh != "" || got.Access == "" {
		t.Errorf("got %+v", got)
	}
}

func TestOddNamesAndPasswords(t *testing.T) {
	h := open(t, func(c *deployment.ChangeSet) {
		u := *c.Users[0]
		u.Name, u.Password = `mar"lin\`, dialecttest.Password("pass}w+rd &%")
		c.Users = append(c.Users, &u)
	})
	got := h.get(basic(superID, superSecret), "grant_type", "password", "username", `mar"lin\`, "password", "pass}w+rd &%")
	if !h.opens(got.Access) {
		t.Errorf("got %+v", got)
	}
}
