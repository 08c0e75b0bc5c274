package headers_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/policy"
	"sallyport/policy/headers"
	"sallyport/policy/policytest"
	"sallyport/scope"
)

func TestChanges(t *testing.T) {
	tests := []struct {
		name, change string
		have, want   policy.Fields
	}{
		{"remove", `{"remove": ["x-a"]}`, policytest.Fields("X-A: 1", "X-A: 2", "X-B: 1"), policytest.Fields("X-B: 1")},
		{"set", `{"set": {"x-a": "new"}}`, policytest.Fields("X-A: 1", "X-A: 2"), policytest.Fields("X-A: new")},
		{"set what is not there", `{"set": {"X-A": "new"}}`, policytest.Fields(), policytest.Fields("X-A: new")},
		{"set to nothing", `{"set": {"X-A": ""}}`, policytest.Fields("X-A: 1"), policytest.Fields()},
		{"add", `{"add": {"X-A": "new"}}`, policytest.Fields("X-A: 1"), policytest.Fields("X-A: 1", "X-A: new")},
		{"add nothing", `{"add": {"X-A": "{param:none}"}}`, policytest.Fields("X-A: 1"), policytest.Fields("X-A: 1")},
		{"in order", `{"remove": ["X-A"], "set": {"X-A": "s"}, "add": {"X-A": "a"}}`, policytest.Fields("X-A: 1"), policytest.Fields("X-A: s", "X-A: a")},
		{"names", `{"set": {"X-A": "{client}/{user}/{scope}/{way}/{credential}"}}`, policytest.Fields(), policytest.Fields("X-A: c1/ann/read write/bearer/t1")},
		{"more names", `{"set": {"X-A": "{method} {host}{path} {address} {realm} {api}"}}`, policytest.Fields(), policytest.Fields("X-A: GET api.example.org/orders/a%20b 192.0.2.1 default orders")},
		{"parameters", `{"set": {"X-A": "id={param:id}"}}`, policytest.Fields(), policytest.Fields("X-A: id=a%20b")},
		{"braces", `{"set": {"X-A": "{{client}} {client}}}"}}`, policytest.Fields(), policytest.Fields("X-A: {client} c1}")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := policytest.NewCall("GET", "/orders/a%20b")
			c.Params = []policy.Param{{Name: "id", Value: "a%20b"}}
			c.Caller = policy.Caller{Client: "c1", User: "ann", Scope: scope.Set{"read", "write"}, Way: "bearer", Credential: "t1"}
			h := policy.Fields{}
			for name, values := range tt.have {
				h[name] = values
			}
			c.Header = h
			if err := policytest.Make(t, headers.Kind(), `{"request": `+tt.change+`}`).Request(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, h); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}

			r := policytest.NewResponse(200, "")
			r.Header = policy.Fields{}
			for name, values := range tt.have {
				r.Header[name] = values
			}
			p := policytest.Make(t, headers.Kind(), `{"response": `+tt.change+`}`)
			if err := p.Request(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			if err := p.(policy.Responder).Response(t.Context(), c, r); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, r.Header); diff != "" {
				t.Errorf("response (-want +got):\n%s", diff)
			}
		})
	}
}

// What a caller sends under a name that is set goes no further, also when there is nothing to say instead.
func TestCallersOwnFieldDoesNotPass(t *testing.T) {
	p := policytest.Make(t, headers.Kind(), `{"request": {"set": {"X-User": "{user}"}}}`)
	c := policytest.NewCall("GET", "/a", "X-User: admin", "x-user: root")
	if err := p.Request(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if got := c.Header.Values("X-User"); len(got) != 0 {
		t.Errorf("the upstream gets %q", got)
	}
}

// A refusal is the gateway's own.
func TestFailuresAreNotChanged(t *testing.T) {
	p := policytest.Make(t, headers.Kind(), `{"response": {"set": {"X-A": "1"}}}`)
	r := &policy.Response{Failure: &policy.Refusal{Status: 502}}
	if err := p.(policy.Responder).Response(t.Context(), policytest.NewCall("GET", "/a"), r); err != nil || r.Header != nil {
		t.Errorf("%v, %v", err, r.Header)
	}
}

func TestSettings(t *testing.T) {
	for settings, want := range map[string]string{
		``:                                    "nothing is to be changed",
		`{"request": {}}`:                     "nothing is to be changed",
		`{"requests": {}}`:                    `requests: unknown key; known here: `,
		`{"request": {"sett": {}}}`:           `sett: unknown key; known here: `,
		`{"request": {"remove": ["Host"]}}`:   "request.remove: Host is made by the gateway",
		`{"request": {"set": {"host": "x"}}}`: "request.set: host is made by the gateway",
		`{"request": {"set": {"Content-Length": "0"}}}`:          "is made by the gateway",
		`{"request": {"set": {"Transfer-Encoding": "chunked"}}}`: "is made by the gateway",
		`{"request": {"set": {"Transfer_Encoding": "chunked"}}}`: "is made by the gateway",
		`{"request": {"add": {"Connection": "close"}}}`:          "is made by the gateway",
		`{"request": {"set": {"X-Sallyport-Client": "x"}}}`:      "is made by the gateway",
		`{"request": {"set": {"X_Sallyport_User": "x"}}}`:        "is made by the gateway",
		`{"request": {"set": {"X-Forwarded-For": "x"}}}`:         "is made by the gateway",
		`{"response": {"set": {"Upgrade": "h2c"}}}`:              "response.set: Upgrade is made by the gateway",
		`{"response": {"set": {"X A": "x"}}}`:                    "not the name of a header field",
		`{"response": {"set": {"X-A:": "x"}}}`:                   "not the name of a header field",
		`{"response": {"set": {"X-A": "a\r\nX-B: b"}}}`:          "a character that cannot stand",
		`{"response": {"set": {"X-A": "ä"}}}`:                    "a character that cannot stand",
		`{"request": {"set": {"X-A": "{secret}"}}}`:              "names nothing that is known",
		`{"request": {"set": {"X-A": "{param:}"}}}`:              "names nothing that is known",
		`{"request": {"set": {"X-A": "{client:x}"}}}`:            "names nothing that is known",
		`{"request": {"set": {"X-A": "{client"}}}`:               "names nothing that is known",
		`{"request": {"set": {"X-A": "client}"}}}`:               "a closing brace without an opening one",
	} {
		if _, err := headers.Kind().New(policy.Site{}, json.RawMessage(settings)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", settings, err, want)
		}
	}
}

// FuzzTemplate: whatever a template and the names of callers are, what comes out can stand in a header, and a name that
// stands alone is got back by decoding once.
func FuzzTemplate(f *testing.F) {
	f.Add("{client}", "c1")
	f.Add("a {user} {{b}} {scope}", "%41dmin\r\nX-A: ä")
	f.Add("}{", "")
	f.Fuzz(func(t *testing.T, text, name string) {
		make := func(value string) (policy.Policy, error) {
			settings, err := json.Marshal(map[string]any{"request": map[string]any{"set": map[string]string{"X-A": value}}})
			if err != nil {
				t.Skip()
			}
			return headers.Kind().New(policy.Site{}, settings)
		}
		value := func(p policy.Policy) string {
			c := policytest.NewCall("GET", "/a")
			c.Caller = policy.Caller{Client: name, User: name, Scope: scope.Set{name}, Credential: name}
			if err := p.Request(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			return c.Header.Get("X-A")
		}
		if p, err := make(text); err == nil {
			for _, c := range []byte(value(p)) {
				if c < ' ' && c != '\t' || c >= 0x7f {
					t.Fatalf("%q with %q makes %q", text, name, value(p))
				}
			}
		}
		p, err := make("{user}")
		if err != nil {
			t.Fatal(err)
		}
		if back, err := url.PathUnescape(value(p)); err != nil || back != name {
			t.Fatalf("%q arrives as %q, %v", name, back, err)
		}
	})
}
