// Package mock is the policy that answers calls with stored answers, so that clients can be written before there is an
// upstream: those that ask for it in digiRunner's way, by a header field, or all. The caller has been authorised as for
// any other call, and its limits count. What is no answer to any call (an informational status, fields that frame
// messages) is refused when the settings are read.
package mock

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/textproto"
	"slices"
	"strings"

	"sallyport/api"
	"sallyport/policy"
)

//go:embed settings.go
var source string

type mock struct {
	always  bool
	answers []answer
}

type answer struct {
	method string
	path   []string // segments; nil: any path
	policy.Answer
}

// Kind returns the policy.
func Kind() policy.Kind {
	return policy.Kind{Rank: policy.RankMock, Source: source, New: func(_ policy.Site, settings json.RawMessage) (policy.Policy, error) {
		var s Settings
		if err := policy.Decode(settings, &s); err != nil {
			return nil, err
		}
		return compile(s)
	}}
}

func compile(s Settings) (*mock, error) {
	m := &mock{always: s.When == "always"}
	if s.When != "" && s.When != "always" && s.When != "header" {
		return nil, errors.New("when: is neither header nor always; leave it out for header")
	}
	for i, given := range s.Answers {
		a, err := prepare(given)
		if err != nil {
			return nil, fmt.Errorf("answers[%d].%w", i, err)
		}
		m.answers = append(m.answers, a)
	}
	if s.Status != 0 || len(s.Headers) > 0 || len(s.Body) > 0 {
		a, err := prepare(Answer{Status: s.Status, Headers: s.Headers, Body: s.Body})
		if err != nil {
			return nil, err
		}
		m.answers = append(m.answers, a)
	}
	if len(m.answers) == 0 {
		return nil, errors.New("body: there is nothing to answer; give a status, headers, a body, or answers")
	}
	return m, nil
}

// prepare makes an answer that can be given as it is.
func prepare(given Answer) (a answer, err error) {
	a.method, a.Status = given.Method, given.Status
	if a.method != "" {
		if err := policy.CheckMethod(a.method); err != nil {
			return a, fmt.Errorf("method: %w", err)
		}
	}
	if a.Status == 0 {
		a.Status = 200
	}
	if a.Status < 200 || a.Status > 599 {
		return a, errors.New("status: is not between 200 and 599; use the status of an answer")
	}
	kind := "application/json"
	switch body := bytes.TrimSpace(given.Body); {
	case len(body) == 0:
		kind = ""
	case body[0] == '"':
		var text string
		if err := json.Unmarshal(body, &text); err != nil {
			return a, fmt.Errorf("body: %w", err)
		}
		a.Body, kind = []byte(text), "text/plain; charset=utf-8"
	default:
		a.Body = slices.Clone(body)
	}
	if len(a.Body) > 0 && (a.Status == 204 || a.Status == 304) { // RFC 9110 sections 15.3.5 and 15.4.5
		return a, fmt.Errorf("body: does not go with status %d; take one out", a.Status)
	}
	for _, name := range slices.Sorted(maps.Keys(given.Headers)) {
		if err := policy.CheckField(name, given.Headers[name]); err != nil {
			return a, fmt.Errorf("headers: %w", err)
		}
		a.Header = append(a.Header, policy.Param{Name: textproto.CanonicalMIMEHeaderKey(name), Value: given.Headers[name]})
		if strings.EqualFold(name, "Content-Type") {
			kind = ""
		}
	}
	if kind != "" {
		a.Header = append(a.Header, policy.Param{Name: "Content-Type", Value: kind})
	}
	if given.Path != "" {
		a.path, err = segments(given.Path)
	}
	return a, err
}

// anyOne stands for any segment. No path has braces, which are escaped there.
const anyOne = "{}"

// segments takes a path apart.
func segments(path string) ([]string, error) {
	list := strings.Split(path, "/")
	plain := slices.Clone(list)
	for i, s := range list {
		if strings.HasPrefix(s, "{") && strings.HasSuffix(s, "}") {
			list[i], plain[i] = anyOne, "x"
		}
	}
	if parsed, err := api.ParsePath(strings.Join(plain, "/")); err != nil || parsed != strings.Join(plain, "/") {
		return nil, errors.New("path: is no path as calls have it; write it like /orders/{id}")
	}
	return list[1:], nil
}

// Request implements policy.Policy.
func (m *mock) Request(_ context.Context, c *policy.Call) error {
	if !m.always && !asked(c.Header) {
		return nil
	}
	for i := range m.answers {
		if a := &m.answers[i]; a.fits(c) {
			given := a.Answer
			c.Answer = &given
			return nil
		}
	}
	return nil
}

func asked(h policy.Header) bool {
	return isTrue(h.Get("Dgr-Mock-Test")) || isTrue(h.Get("Dgr_mock_test"))
}

func isTrue(value string) bool { return strings.EqualFold(strings.TrimSpace(value), "true") }

func (a *answer) fits(c *policy.Call) bool {
	// RFC 9110 section 9.3.2: HEAD is GET without the body.
	if a.method != "" && a.method != c.Method && !(a.method == "GET" && c.Method == "HEAD") {
		return false
	}
	if a.path == nil {
		return true
	}
	rest := c.Path[1:]
	for i, want := range a.path {
		segment, after, more := strings.Cut(rest, "/")
		if more == (i == len(a.path)-1) || want != segment && (want != anyOne || segment == "") {
			return false
		}
		rest = after
	}
	return true
}
