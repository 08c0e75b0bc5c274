package app_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/clientcredentials"

	"sallyport/app/apptest"
	"sallyport/gateway/demo"
)

// thirdPartyDeployment serves one client that other people's libraries speak for.
func thirdPartyDeployment(upstream string) string {
	return `realm: default
dialects: [ddi, kustvakt]
all_scope: all
scopes: [{name: read}, {name: all}]
users: [{name: "dör y", password: "päss w+rd&="}]
clients:
  - {id: "shop+1", secret: "s3cr%t&:+/=", type: confidential, trusted: true, grants: [client_credentials, password, refresh_token], scopes: [read], access_token: {ttl: 15s}}
apis:
  - {name: orders, path: /orders, upstream: "` + upstream + `", auth: [bearer], scopes: [read]}
`
}

// TestGoOAuth2Library drives the server with golang.org/x/oauth2, as a user's program would: it finds out by itself how
// the client authenticates, asks for tokens, refreshes them when they run out, and calls an API with them.
func TestGoOAuth2Library(t *testing.T) {
	server := httptest.NewServer(demo.Handler(time.Now))
	t.Cleanup(server.Close)
	upstream := server.URL
	for _, door := range []struct{ name, path string }{
		{"standard", "/token"},
		{"Kustvakt", "/api/oauth2/token"},
	} {
		for _, style := range []struct {
			name  string
			value oauth2.AuthStyle
		}{{"found out", oauth2.AuthStyleAutoDetect}, {"header", oauth2.AuthStyleInHeader}, {"body", oauth2.AuthStyleInParams}} {
			t.Run(door.name+"/"+style.name, func(t *testing.T) {
				s := apptest.New(t, thirdPartyDeployment(upstream))
				passwordAndRefresh(t, s, s.URL+door.path, style.value)
			})
		}
	}
	t.Run("client credentials", func(t *testing.T) {
		s := apptest.New(t, thirdPartyDeployment(upstream))
		for _, path := range []string{"/token", "/oauth2/token/"} {
			c := clientcredentials.Config{ClientID: "shop+1", ClientSecret: "s3cr%t&:+/=", TokenURL: s.URL + path, Scopes: []string{"read"}}
			opens(t, c.Client(t.Context()), s.URL+"/orders/1")
		}
	})
	t.Run("refusal", func(t *testing.T) {
		s := apptest.New(t, thirdPartyDeployment(upstream))
		c := clientcredentials.Config{ClientID: "shop+1", ClientSecret: "wrong", TokenURL: s.URL + "/token", AuthStyle: oauth2.AuthStyleInHeader}
		_, err := c.Token(t.Context())
		var refused *oauth2.RetrieveError
		if !errors.As(err, &refused) || refused.ErrorCode != "invalid_client" || refused.Response.StatusCode != http.StatusUnauthorized {
			t.Errorf("got %v", err)
		}
	})
}

func passwordAndRefresh(t *testing.T, s *apptest.Server, endpoint string, style oauth2.AuthStyle) {
	c := oauth2.Config{
		ClientID: "shop+1", ClientSecret: "s3cr%t&:+/=", Scopes: []string{"read"},
		Endpoint: oauth2.Endpoint{TokenURL: endpoint, AuthStyle: style},
	}
	first, err := c.PasswordCredentialsToken(t.Context(), "dör y", "päss w+rd&=")
	if err != nil {
		t.Fatal(err)
	}
	if first.RefreshToken == "" || !strings.EqualFold(first.TokenType, "Bearer") {
		t.Fatalf("got a %s token, refresh token there: %v", first.TokenType, first.RefreshToken != "")
	}
	opens(t, c.Client(t.Context(), first), s.URL+"/orders/1")

	expired := *first
	expired.Expiry = expired.Expiry.Add(-24 * time.Hour)
	source := c.TokenSource(context.WithoutCancel(t.Context()), &expired)
	second, err := source.Token()
	if err != nil {
		t.Fatal(err)
	}
	if second.AccessToken == first.AccessToken || second.RefreshToken == first.RefreshToken {
		t.Error("a refresh must bring new tokens")
	}
	opens(t, oauth2.NewClient(t.Context(), oauth2.StaticTokenSource(second)), s.URL+"/orders/2")
}

// opens expects the API to be open.
func opens(t *testing.T, c *http.Client, url string) {
	t.Helper()
	answer, err := c.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("%s: %s", url, answer.Status)
	}
}
