package cors_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/policy"
	"sallyport/policy/cors"
	"sallyport/policy/policytest"
)

const site = "https://app.example.org"

func TestOrigins(t *testing.T) {
	tests := []struct {
		origins, origin string
		allowed         string // Access-Control-Allow-Origin
	}{
		{`"https://app.example.org"`, site, site},
		{`"https://app.example.org"`, "https://app.example.org.evil.example", ""},
		{`"https://app.example.org"`, "http://app.example.org", ""},
		{`"https://app.example.org"`, "https://app.example.org:8443", ""},
		{`"https://app.example.org"`, "https://xapp.example.org", ""},
		{`"https://app.example.org"`, "null", ""},
		{`"https://app.example.org:8443"`, "https://app.example.org:8443", "https://app.example.org:8443"},
		{`"https://*.example.org"`, site, site},
		{`"https://*.example.org"`, "https://a.b.example.org", "https://a.b.example.org"},
		{`"https://*.example.org"`, "https://example.org", ""},
		{`"https://*.example.org"`, "https://.example.org", ""},
		{`"https://*.example.org"`, "https://evil-example.org", ""},
		{`"https://*.example.org"`, "https://evil.example/x.example.org", ""},
		{`"https://*.example.org"`, "https://evil.example#.example.org", ""},
		{`"https://*.example.org"`, "http://app.example.org", ""},
		{`"*"`, site, "*"},
		{`"null"`, "null", "null"},
		{`"https://a.example", "https://b.example"`, "https://b.example", "https://b.example"},
	}
	for _, tt := range tests {
		p := policytest.Make(t, cors.Kind(), `{"origins": [`+tt.origins+`]}`)
		c := policytest.NewCall("GET", "/a", "Origin: "+tt.origin)
		if err := p.Request(t.Context(), c); err != nil || c.Answer != nil {
			t.Fatal(err, c.Answer)
		}
		if got := c.Reply.Get("Access-Control-Allow-Origin"); got != tt.allowed {
			t.Errorf("%s, %s: %q", tt.origins, tt.origin, got)
		}
		if got := c.Reply.Get("Vary"); (got == "Origin") != (tt.origins != `"*"`) {
			t.Errorf("%s: Vary is %q", tt.origins, got)
		}

		// A browser that asks gets the same answer, in its own words.
		ask := policytest.NewCall("OPTIONS", "/a", "Origin: "+tt.origin, "Access-Control-Request-Method: PUT")
		err := p.Request(t.Context(), ask)
		if got := ask.Reply.Get("Access-Control-Allow-Origin"); got != tt.allowed {
			t.Errorf("%s, %s, preflight: %q", tt.origins, tt.origin, got)
		}
		if tt.allowed != "" && (err != nil || ask.Answer == nil || ask.Answer.Status != 204) {
			t.Errorf("%s, %s, preflight: %v, %v", tt.origins, tt.origin, err, ask.Answer)
		}
		if r := policytest.Refusal(err); tt.allowed == "" && (r == nil || r.Status != 403 || r.Reason != policy.OriginDenied || r.Fix == "") {
			t.Errorf("%s, %s, preflight: %v", tt.origins, tt.origin, err)
		}
	}
}

func TestPreflight(t *testing.T) {
	tests := []struct {
		settings string
		header   []string
		want     policy.Fields
	}{
		{``, nil, policy.Fields{
			"Vary": {"Origin"}, "Access-Control-Allow-Methods": {"GET, HEAD, POST, PUT, PATCH, DELETE"},
			"Access-Control-Allow-Headers": {"Authorization, Content-Type"},
		}},
		{`, "methods": ["GET", "REPORT"], "headers": ["X-A", "X-B"], "max_age": "10m", "expose": ["X-C"], "credentials": true`, nil, policy.Fields{
			"Vary": {"Origin"}, "Access-Control-Allow-Methods": {"GET, REPORT"}, "Access-Control-Allow-Credentials": {"true"},
			"Access-Control-Allow-Headers": {"X-A, X-B"}, "Access-Control-Max-Age": {"600"},
		}},
		{`, "methods": ["GET"], "headers": ["*"]`, []string{"Access-Control-Request-Headers: authorization,x-a"}, policy.Fields{
			"Vary": {"Origin", "Access-Control-Request-Headers"}, "Access-Control-Allow-Methods": {"GET"},
			"Access-Control-Allow-Headers": {"authorization,x-a"},
		}},
		{`, "methods": ["GET"], "headers": ["*"]`, []string{"Access-Control-Request-Headers: <script>"}, policy.Fields{
			"Vary": {"Origin", "Access-Control-Request-Headers"}, "Access-Control-Allow-Methods": {"GET"},
		}},
	}
	for _, tt := range tests {
		p := policytest.Make(t, cors.Kind(), `{"origins": ["`+site+`"]`+tt.settings+`}`)
		c := policytest.NewCall("OPTIONS", "/a", append(tt.header, "Origin: "+site, "Access-Control-Request-Method: PUT")...)
		if err := p.Request(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		tt.want["Access-Control-Allow-Origin"] = []string{site}
		if diff := cmp.Diff(tt.want, c.Reply); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.settings, diff)
		}
		if diff := cmp.Diff(&policy.Answer{Status: 204}, c.Answer); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.settings, diff)
		}
	}
}

// OPTIONS that is no preflight is a call like others.
func TestPlainOPTIONS(t *testing.T) {
	p := policytest.Make(t, cors.Kind(), `{"origins": ["`+site+`"]}`)
	for _, header := range [][]string{nil, {"Origin: " + site}, {"Access-Control-Request-Method: PUT"}} {
		c := policytest.NewCall("OPTIONS", "/a", header...)
		if err := p.Request(t.Context(), c); err != nil || c.Answer != nil {
			t.Errorf("%v: %v, %v", header, err, c.Answer)
		}
	}
}

func TestCredentialsAndExpose(t *testing.T) {
	p := policytest.Make(t, cors.Kind(), `{"origins": ["`+site+`"], "credentials": true, "expose": ["X-A", "X-B"]}`)
	c := policytest.NewCall("GET", "/a", "Origin: "+site)
	if err := p.Request(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	want := policy.Fields{
		"Access-Control-Allow-Origin": {site}, "Access-Control-Allow-Credentials": {"true"},
		"Access-Control-Expose-Headers": {"X-A, X-B"}, "Vary": {"Origin"},
	}
	if diff := cmp.Diff(want, c.Reply); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestRefuse(t *testing.T) {
	for _, tt := range []struct {
		refuse string
		header []string
		passes bool
	}{
		{"false", []string{"Origin: https://evil.example"}, true},
		{"true", []string{"Origin: https://evil.example"}, false},
		{"true", []string{"Origin: null"}, false},
		{"true", []string{"Origin: " + site, "Origin: " + site}, false},
		{"true", []string{"Origin: https://api.example.org"}, true}, // the API's own host
		{"true", []string{"Origin: https://api.example.org.evil.example"}, false},
		{"true", []string{"Origin: " + site}, true},
		{"true", nil, true},
	} {
		p := policytest.Make(t, cors.Kind(), `{"origins": ["`+site+`"], "refuse": `+tt.refuse+`}`)
		err := p.Request(t.Context(), policytest.NewCall("POST", "/a", tt.header...))
		if (err == nil) != tt.passes || err != nil && policytest.Reason(err) != policy.OriginDenied {
			t.Errorf("refuse %s, %v: %v", tt.refuse, tt.header, err)
		}
	}
}

// The upstream's own words on the matter do not reach the browser; all else does.
func TestUpstreamsWords(t *testing.T) {
	p := policytest.Make(t, cors.Kind(), `{"origins": ["`+site+`"]}`)
	for _, origin := range []string{site, "https://evil.example"} {
		c := policytest.NewCall("GET", "/a", "Origin: "+origin)
		if err := p.Request(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		r := policytest.NewResponse(200, "", "Access-Control-Allow-Origin: *", "Access-Control-Allow-Credentials: true",
			"Access-Control-Expose-Headers: X-Secret", "Access-Control-Allow-Methods: PUT", "Access-Control-Allow-Headers: X-A",
			"Access-Control-Max-Age: 5", "Access-Control-Allow-Private-Network: true", "X-A: a", "Vary: Accept")
		r.Answered = origin == site // out of a cache
		if err := p.(policy.Responder).Response(t.Context(), c, r); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(policytest.Fields("X-A: a", "Vary: Accept"), r.Header); diff != "" {
			t.Errorf("%s (-want +got):\n%s", origin, diff)
		}
	}
}

func TestSettings(t *testing.T) {
	for settings, want := range map[string]string{
		``:                                 "origins: none is named",
		`{"origin": ["*"]}`:                `origin: unknown key; known here: `,
		`{"origins": ["app.example.org"]}`: "is no origin",
		`{"origins": ["https://app.example.org/"]}`:   "is no origin",
		`{"origins": ["https://App.example.org"]}`:    "is no origin",
		`{"origins": ["https://u@app.example.org"]}`:  "is no origin",
		`{"origins": ["https://a*.example.org"]}`:     "is no origin",
		`{"origins": ["https://*."]}`:                 "is no origin",
		`{"origins": ["*"], "credentials": true}`:     `credentials: do not go with the origin "*"`,
		`{"origins": ["null"], "credentials": true}`:  "is no origin",
		`{"origins": ["*"], "methods": ["GET, PUT"]}`: "methods: ",
		`{"origins": ["*"], "methods": ["get"]}`:      "methods: \"get\" is not the name of a method; write it in upper case, like GET",
		`{"origins": ["*"], "headers": ["X A"]}`:      "headers: ",
		`{"origins": ["*"], "expose": [""]}`:          "expose: ",
	} {
		if _, err := cors.Kind().New(policy.Site{}, json.RawMessage(settings)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", settings, err, want)
		}
	}
}
