package ddi_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"sallyport/dialect/dialecttest"
	"sallyport/oauth"
	"sallyport/policy"
)

func TestSettings(t *testing.T) {
	door := open(t).door
	for _, ok := range []string{"", " ", "{}", "null"} {
		if err := door.CheckSettings(json.RawMessage(ok)); err != nil {
			t.Errorf("%q: %v", ok, err)
		}
	}
	for _, bad := range []string{`{"ttl":"1h"}`, `[]`, `"x"`, `{`} {
		if door.CheckSettings(json.RawMessage(bad)) == nil {
			t.Errorf("%q was taken", bad)
		}
	}
	if door.Name() != "ddi" {
		t.Errorf("name %q", door.Name())
	}
}

func TestRefuse(t *testing.T) {
	h := open(t)
	for _, tc := range []struct {
		name      string
		refusal   policy.Refusal
		challenge string
		body      string
	}{
		{
			"no token", policy.Refusal{Status: 401, Reason: oauth.TokenMissing, Scheme: "Bearer"},
			`Bearer realm="default"`, `{"error":"invalid_request","error_description":"The access token is missing."}`,
		},
		{
			"expired", policy.Refusal{Status: 401, Reason: oauth.TokenExpired, Scheme: "Bearer", Challenge: oauth.InvalidToken},
			`Bearer realm="default", error="invalid_token", error_description="The access token is expired. Ask for a new one."`,
			`{"error":"invalid_token","error_description":"The access token is expired. Ask for a new one."}`,
		},
		{
			"scope", policy.Refusal{Status: 403, Reason: oauth.ScopeMissing, Scheme: "Bearer", Challenge: oauth.InsufficientScope, Scope: []string{"read", "write"}, Detail: `Say "please".`},
			`Bearer realm="default", error="insufficient_scope", error_description="Say please.", scope="read write"`,
			`{"error":"insufficient_scope","error_description":"Say please."}`,
		},
		{
			"upstream away", policy.Refusal{Status: 503, Reason: oauth.Unavailable, Detail: "Later."},
			"", `{"error":"temporarily_unavailable","error_description":"Later."}`,
		},
		{
			"no such API", policy.Refusal{Status: 404, Reason: policy.APIUnknown, Detail: "Nothing is here."},
			"", `{"error":"invalid_request","error_description":"Nothing is here."}`,
		},
		{
			"upstream broken", policy.Refusal{Status: 502, Reason: policy.UpstreamFailed, Detail: "Broken."},
			"", `{"error":"server_error","error_description":"Broken."}`,
		},
		{
			"upstream slow", policy.Refusal{Status: 504, Reason: policy.UpstreamTimeout, Detail: "Slow."},
			"", `{"error":"temporarily_unavailable","error_description":"Slow."}`,
		},
	} {
		w := httptest.NewRecorder()
		r := h.Request(dialecttest.Call{Method: http.MethodGet, Path: "/api/dns/zone/"})
		h.door.Refuse(w, r, &policy.Call{}, &tc.refusal)
		if w.Code != tc.refusal.Status || w.Body.String() != tc.body || w.Header().Get("WWW-Authenticate") != tc.challenge {
			t.Errorf("%s: %d %q\n%s", tc.name, w.Code, w.Header().Get("WWW-Authenticate"), w.Body)
		}
	}
}

// FuzzToken: whatever a stranger sends, there is an answer in JSON that is not a fault of ours.
func FuzzToken(f *testing.F) {
	f.Add("application/json", "", pageBody)
	f.Add("application/x-www-form-urlencoded", "Bearer x", form)
	f.Add("", "Basic YTpi", "grant_type=client_credentials")
	f.Add("text/plain", basic(pageID, pageSecret), `{"grant_type":"client_credentials","client_id":1e400}`)
	f.Add("application/json", "basic", `{"a":[[[[{}]]]],"client_id":"\ud800"}`)
	h := open(f)
	f.Fuzz(func(t *testing.T, contentType, auth, body string) {
		r := h.Request(dialecttest.Call{Path: "/oauth2/token/", Type: "-", Body: body, Auth: auth})
		r.Header.Set("Content-Type", contentType)
		w := httptest.NewRecorder()
		h.routes["/oauth2/token/"].ServeHTTP(w, r)
		if w.Code >= 500 || w.Code < 200 {
			t.Fatalf("status %d %s", w.Code, w.Body)
		}
		if !json.Valid(w.Body.Bytes()) || strings.Contains(w.Body.String(), "server_error") {
			t.Fatalf("body %q", w.Body)
		}
	})
}
