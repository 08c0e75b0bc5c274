// Package signature is the way in by a signed call, as digiRunner has it (DGRK):
//
//	Authorization: DGRK KEY "." Base64(HMAC-SHA256(secret, minify(body) KEY secret))
//
// The key's id is public; the secret never travels. What is wrong is found in that product's order, and told in its words
// where its dialect writes the refusals: key, client, signature, status, revocation, dates, number of uses, API.
package signature

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"

	"sallyport/credential"
	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/usage"
)

const (
	scheme        = "DGRK"
	authorization = "Authorization"
	defaultBody   = 1 << 20
	longest       = 1024 // bytes of the header; what is longer is not looked at
)

// Keys finds credentials by their hashes, in memory.
type Keys interface {
	Find(ctx context.Context, realm string, kind credential.Kind, hash [32]byte) (*credential.Held, error)
}

// Replays keeps what was used: usage.Store.
type Replays interface {
	// LeaseUsage adds up to want to a count without exceeding the cap, and returns how much it added.
	LeaseUsage(ctx context.Context, c usage.Counter, want, most int64) (granted, used int64, err error)
}

//go:embed settings.go
var source string

// Deps are what the way in works with.
type Deps struct {
	Keys    Keys
	Clients policy.Clients
	Uses    policy.Uses
	Replays Replays
}

type signature struct {
	Deps
	settings
}

// Kind returns the way in.
func Kind(d Deps) policy.Kind {
	return policy.Kind{Source: source, New: func(_ policy.Site, raw json.RawMessage) (policy.Policy, error) {
		p := &signature{Deps: d, settings: settings{Body: defaultBody}}
		if err := policy.Decode(raw, &p.settings); err != nil {
			return nil, err
		}
		if p.Body < 0 {
			return nil, errors.New("body: is negative; use the number of bytes that a signed body may have")
		}
		return p, nil
	}}
}

// Request implements policy.Policy.
func (p *signature) Request(ctx context.Context, c *policy.Call) error {
	err := p.request(ctx, c)
	if err != nil {
		c.Caller = policy.Caller{} // whose key it would have been is not who calls
	}
	return err
}

// Forget implements policy.Forgetter.
func (p *signature) Forget(c *policy.Call) { policy.ForgetScheme(c.Header, scheme) }

// request has the checks in the contract's order.
func (p *signature) request(ctx context.Context, c *policy.Call) error {
	id, signed, err := presented(c.Header)
	if err != nil {
		return err
	}
	key, err := p.Keys.Find(ctx, c.Realm.Name, credential.Signature, credential.HashOf(id))
	if err != nil {
		return err
	}
	if key == nil {
		return refuse(policy.KeyUnknown, "The signing key is not known here.", id)
	}
	c.Caller = policy.Caller{Client: key.Client, Scheme: scheme}
	if c.Caller.Record, err = p.Clients.Get(ctx, c.Realm.Name, key.Client); err != nil {
		return err
	}
	if err := policy.CheckClient(c); err != nil {
		return err
	}
	mac, err := p.check(c, id, signed, key)
	if err != nil {
		return err
	}
	if err := policy.UseKey(ctx, c, key, p.Uses, scheme); err != nil {
		return err
	}
	if err := p.first(ctx, c, key, mac); err != nil {
		return err
	}
	c.Caller.Scope, c.Caller.Credential, c.Caller.Slots = key.Scope(c.Realm, c.Caller.Record), key.ID, &key.Slots
	c.Caller.Presented = c.Header.Get(authorization)
	c.Header.Del(authorization)
	return nil
}

// presented reads the header: the id of a key and a signature.
func presented(h policy.Header) (id string, signed []byte, err error) {
	fields := h.Values(authorization)
	if len(fields) == 0 {
		return "", nil, missing()
	}
	name, rest, _ := strings.Cut(strings.Trim(fields[0], " \t"), " ")
	if !strings.EqualFold(name, scheme) {
		return "", nil, missing()
	}
	id, text, ok := strings.Cut(strings.TrimLeft(rest, " "), ".")
	if len(fields) > 1 || !ok || id == "" || len(rest) > longest {
		return "", nil, malformed("The Authorization header holds no well-formed signature. Send one \"DGRK\", a space, the key, a point and the signature.")
	}
	if signed, ok = looseBase64(text); !ok {
		signed = nil // as wrong as any other
	}
	return id, signed, nil
}

// looseBase64 decodes what was damaged on its way through a shell or a form: a space for "+", no padding, the URL-safe
// alphabet.
func looseBase64(s string) ([]byte, bool) {
	s = strings.NewReplacer(" ", "+", "-", "+", "_", "/").Replace(strings.TrimRight(s, "= "))
	b, err := base64.RawStdEncoding.DecodeString(s)
	return b, err == nil && !strings.ContainsAny(s, "\r\n")
}

// check compares the signature with that of the body as it was sent, and returns the one that matched.
func (p *signature) check(c *policy.Call, id string, signed []byte, key *credential.Held) ([]byte, error) {
	body, err := p.body(c)
	if err != nil {
		return nil, err
	}
	text, escaped, err := minify(body)
	if err != nil {
		return nil, &policy.Refusal{Status: 400, Reason: policy.BodyMalformed, Detail: "The body is not JSON, which a signed call's must be, or empty."}
	}
	mac := sum(key.Secret, text, id)
	if hmac.Equal(mac, signed) {
		return mac, nil
	}
	// Whoever takes white space out of a text leaves escapes as they are. Whoever reads and writes it anew does not.
	if escaped {
		if mac = sum(key.Secret, stripped(body), id); hmac.Equal(mac, signed) {
			return mac, nil
		}
	}
	return nil, refuse(policy.SignatureWrong, "The signature does not match the body and the key.", id)
}

func (p *signature) body(c *policy.Call) ([]byte, error) {
	if c.Body == nil || c.Body.Length() == 0 {
		return nil, nil
	}
	return c.Body.Read(p.Body)
}

func sum(secret []byte, text []byte, id string) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write(text)
	h.Write([]byte(id))
	h.Write(secret)
	return h.Sum(nil)
}

func missing() *policy.Refusal {
	return &policy.Refusal{
		Status: 401, Reason: oauth.TokenMissing, Scheme: scheme,
		Detail: "The call has to be signed. Send the header: Authorization: DGRK KEY.SIGNATURE",
	}
}

func malformed(detail string) *policy.Refusal {
	return &policy.Refusal{Status: 400, Reason: oauth.RequestMalformed, Scheme: scheme, Challenge: oauth.InvalidRequest, Detail: detail}
}

func refuse(reason oauth.Reason, detail, id string) *policy.Refusal {
	return &policy.Refusal{
		Status: 401, Reason: reason, Scheme: scheme, Detail: detail, Facts: []policy.Fact{{Name: "key", Value: printable(id), Public: true}},
		Fix: "Sign with HMAC-SHA256 and the key's secret: the body without white space between its tokens, the key, the secret.",
	}
}

// printable keeps what a stranger sent from reaching a terminal.
func printable(id string) string {
	const most = 80
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, id[:min(len(id), most)])
}
