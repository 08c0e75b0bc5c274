package digirunner_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/deployment"
	"sallyport/realm"
)

type deploymentChanges = deployment.ChangeSet

// TestWhichFieldsAreThere: a field without a value is left out, except scope.
func TestWhichFieldsAreThere(t *testing.T) {
	h := open(t, func(s *deploymentChanges) {
		for _, c := range s.Clients {
			if c.ID == "once" {
				c.Scopes = nil
			}
		}
	})
	const start, rest = `^\{"access_token":"[^"]+","expires_in":86399,"jti":"[^"]+","node":"executor1"`, `,"stime":\d{13},"token_type":"bearer"\}$`
	const user, org, refresh, group = "&username=tspuser&password=dXNlcjEyM2FiY2Q=", `,"org_id":"100000"`, `,"refresh_token":"[^"]+"`, `,"scope":"2000000006"`
	for _, tc := range []struct {
		name string
		call call
		want string
	}{
		{"client credentials", call{form: credentials}, group},
		{"client credentials, capitals", call{form: "grant_type=Client_Credentials"}, group},
		{"client credentials with a user name: no organisation leaks", call{form: credentials + "&username=tspuser"}, group},
		{"v2", call{path: v2Path, form: credentials}, `,"scope":"[^"]*2000000006[^"]*"`},
		{"password", call{form: "grant_type=password" + user}, org + refresh + group},
		{"a client without refresh tokens", call{auth: basic("norefresh", "tsp123abcd"), form: "grant_type=password" + user}, org + group},
		{"a user without organisation", call{form: "grant_type=password&username=loner&password=dXNlcjEyM2FiY2Q="}, refresh + group},
		{"two groups, whatever is asked for", call{auth: basic("wide", "tsp123abcd"), form: "grant_type=password&scope=2000000007" + user}, org + refresh + `,"scope":"2000000006 2000000007"`},
		{"no group", call{auth: basic("once", "tsp123abcd"), form: credentials}, `,"scope":""`},
	} {
		got := h.do(tc.call)
		if got.status != 200 || !regexp.MustCompile(start+tc.want+rest).MatchString(got.body) {
			t.Errorf("%s: %d %s", tc.name, got.status, got.body)
		}
		if cookies := got.header.Values("Set-Cookie"); len(cookies) > 0 {
			t.Errorf("%s: cookies %q", tc.name, cookies)
		}
	}
}

// TestLifetimesInherit: client before realm before this front door's 86400 seconds.
func TestLifetimesInherit(t *testing.T) {
	h := open(t, func(s *deploymentChanges) {
		s.Realms[0].AccessToken.TTL = realm.Duration(600e9)
		for _, c := range s.Clients {
			if c.ID == "machine" {
				c.AccessToken.TTL = realm.Duration(60e9)
			}
		}
	})
	if b := h.issue(call{form: credentials}); b.Expires != 599 {
		t.Errorf("the realm's 600 seconds gave %d", b.Expires)
	}
	if b := h.issue(call{auth: basic("machine", "tsp123abcd"), form: credentials}); b.Expires != 59 {
		t.Errorf("the client's 60 seconds gave %d", b.Expires)
	}
}

// TestAJTIIsNoCredential: the product re-issues tokens to whoever shows a jti as a cookie.
func TestAJTIIsNoCredential(t *testing.T) {
	h := open(t, nil)
	own := h.issue(call{form: passwordForm})
	for _, form := range []string{"", "grant_type=cookie_token", "grant_type=delegate_auth"} {
		got := h.do(call{form: form, cookie: "jti=" + own.JTI})
		if got.status != 400 {
			t.Errorf("%q: %d %s", form, got.status, got.body)
		}
	}
}

func TestRoutes(t *testing.T) {
	h := open(t, nil)
	want := []string{
		"/dgrv4/ssotoken/enccert", "/dgrv4/ssotoken/oauth2/certs", "/oauth/introspection", "/oauth/revocation", "/oauth/token", "/oauth/v2/token",
		"/dgrv4/ssotoken/gtwidp/userInfo", "/dgrv4/ssotoken/gtwidp/v2/userInfo", "/dgrv4/ssotoken/gtwidp/verify",
	}
	for _, provider := range []string{"LDAP", "JDBC", "API", "CUS", "GOOGLE", "MS", "OIDC"} {
		want = append(want, "/dgrv4/ssotoken/gtwidp/"+provider+"/authorization",
			"/dgrv4/ssotoken/"+provider+"/.well-known/openid-configuration", "/dgrv4/ssotoken/v2/"+provider+"/.well-known/openid-configuration")
	}
	slices.Sort(want)
	var got []string
	for path := range h.routes {
		got = append(got, path)
	}
	if slices.Sort(got); !slices.Equal(got, want) {
		t.Errorf("routes %q, want %q", got, want)
	}
}

// TestIssuersAreTheServers: an issuer comes from the realm's configuration, never from the Host header, and is the server's
// whatever path the realm has.
func TestIssuersAreTheServers(t *testing.T) {
	h := open(t, func(s *deploymentChanges) {
		for _, c := range s.Clients {
			if c.ID == "tspclient" {
				c.Realm = "lenient"
			}
		}
	})
	b := h.issue(call{realm: "lenient", path: v2Path, form: credentials})
	if p := payload(t, b.Access); !strings.Contains(p, `"iss":"https://auth.example.org/dgrv4/ssotoken/v2/OIDC"`) {
		t.Errorf("the v2 token says %s", p)
	}
	got := h.do(call{realm: "lenient", path: inspectPath, form: "token_type_hint=access_token" + tspOwner + b.Access})
	if !strings.Contains(got.body, `"iss":"https://auth.example.org/dgrv4"`) {
		t.Errorf("introspection says %s", got.body)
	}
}

// TestTheDatabaseIsGone: what needs it is refused in the product's shape, and what does not goes on.
func TestTheDatabaseIsGone(t *testing.T) {
	h := open(t, nil)
	own := h.issue(call{form: passwordForm})
	h.issue(call{form: credentials})
	if err := h.store.Close(); err != nil {
		t.Fatal(err)
	}
	h.clock.Advance(time.Second)
	for _, c := range []call{{form: refreshForm(own.Refresh)}, {path: revokePath, form: "token_type_hint=access_token" + tspOwner + own.Access}} {
		got := h.do(c)
		if want := e1("503", "Service Unavailable", "The server cannot reach its database. Try again shortly.", or(c.path, tokenPath)); got.status != 503 || got.body != want {
			t.Errorf("%.40s: %d %s", c.form, got.status, got.body)
		}
	}
	h.issue(call{form: credentials})
	if body := h.inspect("token_type_hint=access_token" + tspOwner + own.Access); !strings.HasPrefix(body, `{"active":true,`) {
		t.Errorf("introspection says %s", body)
	}
}
