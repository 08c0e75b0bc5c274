package mock_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/policy"
	"sallyport/policy/mock"
	"sallyport/policy/policytest"
)

func answer(t *testing.T, settings string, c *policy.Call) *policy.Answer {
	t.Helper()
	p := policytest.Make(t, mock.Kind(), settings)
	if err := p.Request(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	return c.Answer
}

func TestWhen(t *testing.T) {
	const byHeader, always = `{"body": "x"}`, `{"when": "always", "body": "x"}`
	tests := []struct {
		settings string
		header   []string
		answered bool
	}{
		{byHeader, nil, false},
		{byHeader, []string{"dgr-mock-test: true"}, true},
		{byHeader, []string{"DGR-Mock-Test: TRUE"}, true},
		{byHeader, []string{"dgr_mock_test: true"}, true},
		{byHeader, []string{"Dgr_Mock_Test: true"}, true},
		{byHeader, []string{"dgr-mock-test: false"}, false},
		{byHeader, []string{"dgr-mock-test: 1"}, false},
		{byHeader, []string{"dgr-mock-test:"}, false},
		{`{"when": "header", "body": "x"}`, []string{"dgr-mock-test: true"}, true},
		{always, nil, true},
		{always, []string{"dgr-mock-test: false"}, true},
	}
	for _, tt := range tests {
		if a := answer(t, tt.settings, policytest.NewCall("GET", "/a", tt.header...)); (a != nil) != tt.answered {
			t.Errorf("%s with %v: %v", tt.settings, tt.header, a)
		}
	}
}

func TestAnswer(t *testing.T) {
	tests := []struct {
		settings string
		want     policy.Answer
	}{
		{`{"body": "hello"}`, policy.Answer{Status: 200, Header: []policy.Param{{Name: "Content-Type", Value: "text/plain; charset=utf-8"}}, Body: []byte("hello")}},
		{`{"body": {"id": 5}}`, policy.Answer{Status: 200, Header: []policy.Param{{Name: "Content-Type", Value: "application/json"}}, Body: []byte(`{"id": 5}`)}},
		{`{"body": 12345678901234567890}`, policy.Answer{Status: 200, Header: []policy.Param{{Name: "Content-Type", Value: "application/json"}}, Body: []byte(`12345678901234567890`)}},
		{`{"body": "<a/>", "headers": {"content-type": "text/xml", "X-B": "1"}}`, policy.Answer{Status: 200, Header: []policy.Param{{Name: "X-B", Value: "1"}, {Name: "Content-Type", Value: "text/xml"}}, Body: []byte(`<a/>`)}},
		{`{"status": 503, "headers": {"Retry-After": "5"}}`, policy.Answer{Status: 503, Header: []policy.Param{{Name: "Retry-After", Value: "5"}}}},
		{`{"status": 204}`, policy.Answer{Status: 204}},
		{`{"body": ""}`, policy.Answer{Status: 200, Header: []policy.Param{{Name: "Content-Type", Value: "text/plain; charset=utf-8"}}, Body: []byte{}}},
	}
	for _, tt := range tests {
		a := answer(t, tt.settings, policytest.NewCall("GET", "/a", "dgr-mock-test: true"))
		if diff := cmp.Diff(&tt.want, a); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.settings, diff)
		}
	}
}

func TestAnswersByPath(t *testing.T) {
	const settings = `{"when": "always", "answers": [
		{"method": "GET", "path": "/orders/{id}", "body": "one"},
		{"method": "POST", "path": "/orders", "status": 201},
		{"path": "/orders/", "body": "list"},
		{"path": "/orders/{id}/items/{item}", "body": "item"},
		{"method": "DELETE", "status": 204}]`
	for _, tt := range []struct {
		method, path string
		status       int // 0: goes to the upstream
		body         string
	}{
		{"GET", "/orders/5", 200, "one"},
		{"HEAD", "/orders/5", 200, "one"},
		{"PUT", "/orders/5", 0, ""},
		{"GET", "/orders/", 200, "list"},
		{"GET", "/orders", 0, ""},
		{"POST", "/orders", 201, ""},
		{"GET", "/orders/5/items/6", 200, "item"},
		{"GET", "/orders/5/items/", 0, ""},
		{"GET", "/orders/5/items", 0, ""},
		{"GET", "/orders/5/items/6/7", 0, ""},
		{"GET", "/Orders/5", 0, ""},
		{"DELETE", "/orders/5", 204, ""},
	} {
		a := answer(t, settings+"}", policytest.NewCall(tt.method, tt.path))
		if tt.status == 0 {
			if a != nil {
				t.Errorf("%s %s is answered with %d", tt.method, tt.path, a.Status)
			}
			a = answer(t, settings+`, "status": 404}`, policytest.NewCall(tt.method, tt.path))
			if a == nil || a.Status != 404 {
				t.Errorf("%s %s does not get the answer for all others: %v", tt.method, tt.path, a)
			}
			continue
		}
		if a == nil || a.Status != tt.status || string(a.Body) != tt.body {
			t.Errorf("%s %s: %v", tt.method, tt.path, a)
		}
	}
}

func TestSettings(t *testing.T) {
	for settings, want := range map[string]string{
		``:                                     "there is nothing to answer",
		`{"when": "always"}`:                   "there is nothing to answer",
		`{"when": "never", "status": 200}`:     "when: is neither",
		`{"boddy": 1}`:                         `boddy: unknown key; known here: `,
		`{"status": 101}`:                      "status: is not between 200 and 599",
		`{"status": 600}`:                      "status: is not between 200 and 599",
		`{"status": 204, "body": "x"}`:         "body: does not go with status 204",
		`{"headers": {"Content-Length": "1"}}`: "headers: Content-Length is made by the gateway",
		`{"headers": {"X A": "1"}}`:            "not the name of a header field",
		`{"headers": {"X-A": "1\r\nX-B: 2"}}`:  "a character that cannot stand in a header",
		`{"answers": [{"path": "orders"}]}`:    "answers[0].path: is no path",
		`{"answers": [{"path": "/a/../b"}]}`:   "answers[0].path: is no path",
		`{"answers": [{"path": "/%61"}]}`:      "answers[0].path: is no path",
		`{"answers": [{"method": "get"}]}`:     "answers[0].method: \"get\" is not the name of a method",
		`{"answers": [{}, {"status": 99}]}`:    "answers[1].status: is not between",
	} {
		if _, err := mock.Kind().New(policy.Site{}, json.RawMessage(settings)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", settings, err, want)
		}
	}
}

// It stands behind the ways in and the limits, and before what costs the upstream something.
func TestRank(t *testing.T) {
	if r := mock.Kind().Rank; r <= policy.RankQuota || r >= policy.RankHeaders || r >= policy.RankCache {
		t.Errorf("rank %d", r)
	}
}
