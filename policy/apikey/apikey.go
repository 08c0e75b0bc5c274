// Package apikey is the way in by an API key: a credential that a client sends as it is, in the header field x-api-key.
//
// A key is looked up by its SHA-256, so a wrong one tells nothing of how near it is to a right one. Why a key that is
// there is refused is told to its holder alone. The key is taken out of the call before it goes upstream.
package apikey

import (
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"net/textproto"
	"net/url"
	"strings"

	"sallyport/credential"
	"sallyport/oauth"
	"sallyport/policy"
)

const (
	scheme        = "ApiKey" // of the challenge: RFC 9110 section 11.6.1 wants one with every 401
	defaultHeader = "X-Api-Key"
	longest       = 512 // bytes of a key; what is longer is not looked at
)

// Keys finds credentials by their hashes, in memory.
type Keys interface {
	Find(ctx context.Context, realm string, kind credential.Kind, hash [32]byte) (*credential.Held, error)
}

//go:embed settings.go
var source string

type apikey struct {
	keys          Keys
	clients       policy.Clients
	uses          policy.Uses
	header, query string
}

// Kind returns the way in.
func Kind(keys Keys, clients policy.Clients, uses policy.Uses) policy.Kind {
	return policy.Kind{Source: source, New: func(_ policy.Site, raw json.RawMessage) (policy.Policy, error) {
		s := settings{Header: defaultHeader}
		if err := policy.Decode(raw, &s); err != nil {
			return nil, err
		}
		p := &apikey{keys: keys, clients: clients, uses: uses, header: textproto.CanonicalMIMEHeaderKey(s.Header), query: s.Query}
		switch {
		case !isToken(p.header):
			return nil, errors.New("header: is not the name of a header field; use one such as x-api-key")
		case p.header == "Authorization" || p.header == "Cookie" || p.header == "Host":
			return nil, errors.New("header: " + p.header + " has a meaning of its own; use another field, such as x-api-key")
		case p.query != "" && !isToken(p.query):
			return nil, errors.New("query: is not the name of a parameter that needs no escapes; use one such as api_key")
		}
		return p, nil
	}}
}

// isToken reports whether s is a token of RFC 9110 section 5.6.2, and nothing that a query would escape.
func isToken(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return s != ""
}

// Request implements policy.Policy.
func (p *apikey) Request(ctx context.Context, c *policy.Call) error {
	plain, err := p.presented(c)
	if err != nil {
		return err
	}
	var key *credential.Held
	if len(plain) <= longest {
		if key, err = p.keys.Find(ctx, c.Realm.Name, credential.APIKey, credential.HashOf(plain)); err != nil {
			return err
		}
	}
	if key == nil {
		return &policy.Refusal{
			Status: 401, Reason: policy.KeyUnknown, Scheme: scheme, Detail: "The API key is not known here.",
			Fix: "Check that the whole key was sent, and to the right realm.",
		}
	}
	client, err := p.clients.Get(ctx, c.Realm.Name, key.Client)
	if err != nil {
		return err
	}
	// The client comes first: what it may not do costs it no use of the key.
	c.Caller = policy.Caller{Client: key.Client, Scheme: scheme, Record: client}
	if err := p.use(ctx, c, key); err != nil {
		c.Caller = policy.Caller{} // whose key it would have been is not who calls
		return err
	}
	c.Caller = policy.Caller{Client: key.Client, Scope: key.Scope(c.Realm, client), Scheme: scheme, Credential: key.ID, Slots: &key.Slots}
	// The key was for us. An upstream that got it could use it here in the caller's name.
	p.Forget(c)
	return nil
}

// Forget implements policy.Forgetter.
func (p *apikey) Forget(c *policy.Call) {
	c.Header.Del(p.header)
	if p.query != "" {
		_, _, c.Query = cut(c.Query, p.query)
	}
}

func (p *apikey) use(ctx context.Context, c *policy.Call, key *credential.Held) error {
	if err := policy.CheckClient(c); err != nil {
		return err
	}
	return policy.UseKey(ctx, c, key, p.uses, scheme)
}

// presented is the key that the call brings.
func (p *apikey) presented(c *policy.Call) (string, error) {
	fields := c.Header.Values(p.header)
	found := len(fields)
	plain := ""
	if found > 0 {
		plain = strings.Trim(fields[0], " \t")
	}
	if p.query != "" {
		inQuery, n, _ := cut(c.Query, p.query)
		found += n
		if plain == "" {
			plain = inQuery
		}
	}
	switch {
	case found > 1:
		return "", &policy.Refusal{
			Status: 400, Reason: oauth.RequestMalformed, Scheme: scheme, Challenge: oauth.InvalidRequest,
			Detail: "The API key is there more than once. Send it once.",
		}
	case found == 0:
		return "", &policy.Refusal{
			Status: 401, Reason: oauth.TokenMissing, Scheme: scheme,
			Detail: "An API key is needed. Send it in the header field " + p.header + ".",
		}
	}
	return plain, nil
}

// cut returns the value of a parameter in a query, how often the parameter is there, and the query without it. Everything
// else stays as it is written.
func cut(query, name string) (value string, n int, rest string) {
	if !strings.Contains(query, name) {
		return "", 0, query
	}
	var left []string
	for part := range strings.SplitSeq(query, "&") {
		key, v, _ := strings.Cut(part, "=")
		if key != name {
			left = append(left, part)
			continue
		}
		if plain, err := url.QueryUnescape(v); err == nil {
			v = plain
		}
		value, n = v, n+1
	}
	return value, n, strings.Join(left, "&")
}
