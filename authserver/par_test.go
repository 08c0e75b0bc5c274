package authserver_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"sallyport/authorize"
	"sallyport/deployment"
)

func TestPAR(t *testing.T) {
	p := openWeb(t, func(start *deployment.ChangeSet) { start.Realms[0].RequirePAR = true })
	p.signIn("dory", "1")
	p.agree("dory", "web", "read")
	p.agree("dory", "spa", "read")
	request := []string{"response_type", "code", "redirect_uri", callback, "scope", "read", "state", "pushed"}
	pkce := append([]string{"client_id", "spa", "code_challenge", challenge, "code_challenge_method", "S256"}, request...)
	for name, tt := range map[string]struct {
		auth  string
		pairs []string
		id    string
	}{
		"basic":  {basic("web", secret), request, "web"},
		"post":   {"", append([]string{"client_id", "web", "client_secret", secret}, request...), "web"},
		"public": {"", pkce, "spa"},
	} {
		got := p.post("/par", tt.auth, tt.pairs...)
		uri := got.Text("request_uri")
		if got.Status != http.StatusCreated || !strings.HasPrefix(uri, authorize.PushPrefix) || got.JSON()["expires_in"] != 90.0 || got.Header.Get("Cache-Control") != "no-store" {
			t.Fatalf("%s: %d %v %s", name, got.Status, got.Header, got.Body)
		}
		p.page(p.do(http.MethodGet, "/authorize?"+form("client_id", "friend", "request_uri", uri), ""), http.StatusBadRequest)
		_, told := p.to(p.do(http.MethodGet, "/authorize?"+form("client_id", tt.id, "request_uri", uri), ""))
		if told.Get("code") == "" || told.Get("state") != "pushed" {
			t.Errorf("%s: %v", name, told)
		}
		p.page(p.do(http.MethodGet, "/authorize?"+form("client_id", tt.id, "request_uri", uri), ""), http.StatusBadRequest)
	}
	if _, told := p.to(p.ask()); told.Get("error") != "invalid_request" {
		t.Errorf("not pushed: %v", told)
	}
	uri := p.post("/par", basic("web", secret), request...).Text("request_uri")
	p.Clock.Advance(authorize.PushLife + time.Second)
	p.page(p.do(http.MethodGet, "/authorize?"+form("client_id", "web", "request_uri", uri), ""), http.StatusBadRequest)
}

func TestPARRefuses(t *testing.T) {
	p := openWeb(t)
	request := func(pairs ...string) []string {
		return append([]string{"response_type", "code", "scope", "read"}, pairs...)
	}
	own := request("redirect_uri", callback)
	for name, tt := range map[string]struct {
		auth   string
		pairs  []string
		status int
		code   string
	}{
		"no client":            {"", own, http.StatusUnauthorized, "invalid_client"},
		"unknown client":       {basic("nobody", secret), own, http.StatusUnauthorized, "invalid_client"},
		"wrong secret":         {basic("web", "x"), own, http.StatusUnauthorized, "invalid_client"},
		"no secret":            {"", append([]string{"client_id", "web"}, own...), http.StatusUnauthorized, "invalid_client"},
		"another's id":         {basic("web", secret), append([]string{"client_id", "friend"}, own...), http.StatusBadRequest, "invalid_request"},
		"off":                  {basic("off", secret), own, http.StatusUnauthorized, "invalid_client"},
		"grant not allowed":    {basic("nogrant", secret), own, http.StatusBadRequest, "invalid_request"},
		"redirect":             {basic("web", secret), request("redirect_uri", "https://evil.example/"), http.StatusBadRequest, "invalid_request"},
		"scope":                {basic("web", secret), request("redirect_uri", callback, "scope", "admin"), http.StatusBadRequest, "invalid_request"}, // twice
		"request_uri":          {basic("web", secret), append([]string{"request_uri", authorize.PushPrefix + "x"}, own...), http.StatusBadRequest, "invalid_request"},
		"request object":       {basic("web", secret), append([]string{"request", "x"}, own...), http.StatusBadRequest, "request_not_supported"},
		"no PKCE":              {"", append([]string{"client_id", "spa"}, own...), http.StatusBadRequest, "invalid_request"},
		"response type":        {basic("web", secret), []string{"response_type", "token", "redirect_uri", callback}, http.StatusBadRequest, "unsupported_response_type"},
		"duplicate parameters": {basic("web", secret), append(own, "state", "a", "state", "b"), http.StatusBadRequest, "invalid_request"},
	} {
		got := p.post("/par", tt.auth, tt.pairs...)
		if got.Status != tt.status || got.Text("error") != tt.code {
			t.Errorf("%s: %d %s", name, got.Status, got.Body)
		}
	}
	if got := p.do(http.MethodGet, "/par?"+asked(), ""); got.Status != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", got.Status)
	}
}
