// Package policytest makes calls for tests of policies, without any HTTP engine: a policy must need none.
package policytest

import (
	"encoding/json"
	"errors"
	"io"
	"net/netip"
	"strings"
	"testing"
	"time"

	"sallyport/api"
	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/realm"
)

// Time is when calls arrive, unless a test says otherwise.
var Time = time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)

// Source is where calls come from, unless a test says otherwise.
var Source = netip.MustParseAddr("192.0.2.1")

// NewCall makes an anonymous call of API "orders" in realm "default". The target is a path, with a query if it has one.
// Header fields are written "Name: value".
func NewCall(method, target string, header ...string) *policy.Call {
	path, query, _ := strings.Cut(target, "?")
	return &policy.Call{
		Method: method,
		Host:   "api.example.org",
		Path:   path,
		Query:  query,
		Header: Fields(header...),
		Reply:  policy.Fields{},
		Body:   Body(""),
		Time:   Time,
		Source: Source,
		Realm:  &realm.Realm{Name: "default"},
		API:    &api.API{Realm: "default", Name: "orders", Path: "/orders"},
	}
}

// NewResponse makes what an upstream answered.
func NewResponse(status int, body string, header ...string) *policy.Response {
	return &policy.Response{
		Status: status,
		Header: Fields(header...),
		Body:   io.NopCloser(strings.NewReader(body)),
		Length: int64(len(body)),
	}
}

// Fields makes header fields of lines "Name: value".
func Fields(lines ...string) policy.Fields {
	f := policy.Fields{}
	for _, line := range lines {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			panic("policytest: a header field is written \"Name: value\", not " + line)
		}
		f.Add(name, strings.TrimSpace(value))
	}
	return f
}

// Make makes a policy from settings written as JSON; "" is none.
func Make(tb testing.TB, kind policy.Kind, settings string) policy.Policy {
	tb.Helper()
	made, err := kind.New(policy.Site{Realm: "default", API: "orders"}, json.RawMessage(settings))
	if err != nil {
		tb.Fatalf("settings %s: %v", settings, err)
	}
	return made
}

// Refusal returns the refusal in an error, nil if there is none.
func Refusal(err error) *policy.Refusal {
	var r *policy.Refusal
	errors.As(err, &r)
	return r
}

// Reason returns the reason of a refusal or of a fault, "" if there is neither.
func Reason(err error) oauth.Reason {
	if r := Refusal(err); r != nil {
		return r.Reason
	}
	if err == nil {
		return ""
	}
	return oauth.ReasonOf(err)
}

// Body is a request's body.
type Body string

var _ policy.Body = Body("")

// Length implements policy.Body.
func (b Body) Length() int64 { return int64(len(b)) }

// Read implements policy.Body.
func (b Body) Read(most int64) ([]byte, error) {
	if int64(len(b)) > most {
		return nil, &policy.Refusal{Status: 413, Reason: policy.RequestRefused}
	}
	return []byte(b), nil
}
