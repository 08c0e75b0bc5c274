// Package headers is the policy that adds, sets and removes header fields on the way to the upstream and on the way back.
// It refuses settings that would make fields which frame messages, which belong to one connection, or by which the
// gateway tells the upstream who calls: those are the gateway's own.
package headers

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/textproto"
	"slices"

	"sallyport/policy"
)

//go:embed settings.go
var source string

type headers struct {
	request, response change
}

type change struct {
	remove   []string
	set, add []field
}

type field struct {
	name  string
	value template
}

// Kind returns the policy.
func Kind() policy.Kind {
	return policy.Kind{Rank: policy.RankHeaders, Source: source, New: func(_ policy.Site, settings json.RawMessage) (policy.Policy, error) {
		var s Settings
		if err := policy.Decode(settings, &s); err != nil {
			return nil, err
		}
		p := &headers{}
		var err error
		if p.request, err = compile(s.Request); err != nil {
			return nil, fmt.Errorf("request.%w", err)
		}
		if p.response, err = compile(s.Response); err != nil {
			return nil, fmt.Errorf("response.%w", err)
		}
		if p.request.none() && p.response.none() {
			return nil, errors.New("request and response: nothing is to be changed; name fields, or take the policy out")
		}
		return p, nil
	}}
}

func compile(s Change) (c change, err error) {
	for _, name := range s.Remove {
		if err := policy.CheckField(name, ""); err != nil {
			return c, fmt.Errorf("remove: %w", err)
		}
		c.remove = append(c.remove, textproto.CanonicalMIMEHeaderKey(name))
	}
	if c.set, err = fields(s.Set); err != nil {
		return c, fmt.Errorf("set: %w", err)
	}
	if c.add, err = fields(s.Add); err != nil {
		return c, fmt.Errorf("add: %w", err)
	}
	return c, nil
}

func fields(given map[string]string) ([]field, error) {
	var list []field
	for _, name := range slices.Sorted(maps.Keys(given)) {
		if err := policy.CheckField(name, given[name]); err != nil {
			return nil, err
		}
		value, err := parse(given[name])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		list = append(list, field{textproto.CanonicalMIMEHeaderKey(name), value})
	}
	return list, nil
}

func (c *change) none() bool { return len(c.remove)+len(c.set)+len(c.add) == 0 }

func (c *change) make(call *policy.Call, h policy.Header) {
	for _, name := range c.remove {
		h.Del(name)
	}
	for i := range c.set {
		f := &c.set[i]
		if value := f.value.of(call); value != "" {
			h.Set(f.name, value)
		} else {
			h.Del(f.name)
		}
	}
	for i := range c.add {
		f := &c.add[i]
		if value := f.value.of(call); value != "" {
			h.Add(f.name, value)
		}
	}
}

// Request implements policy.Policy.
func (p *headers) Request(_ context.Context, c *policy.Call) error {
	p.request.make(c, c.Header)
	return nil
}

// Response implements policy.Responder.
func (p *headers) Response(_ context.Context, c *policy.Call, r *policy.Response) error {
	if r.Failure == nil && r.Header != nil {
		p.response.make(c, r.Header)
	}
	return nil
}
