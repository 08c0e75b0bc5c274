package optest

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// An RP is a client with what it was registered with.
type RP struct {
	op          *OP
	ID          string
	Secret      string
	RedirectURI string
	Method      string            // token_endpoint_auth_method
	Key         *ecdsa.PrivateKey // signs assertions and request objects, by ES256 under KeyID
	KeyID       string
	RSA         *rsa.PrivateKey // likewise, RS256
	Metadata    map[string]any  // the answer to its registration
}

// An Answer is what an endpoint says.
type Answer struct {
	Status int
	Header http.Header
	Body   string
	JSON   map[string]any
}

// Text returns a member that is a string, "" if it is none.
func (a Answer) Text(member string) string {
	s, _ := a.JSON[member].(string)
	return s
}

// Register registers a client by RFC 7591. Members of meta replace the usual ones; nil removes one.
func (o *OP) Register(meta map[string]any) *RP {
	o.T.Helper()
	rp, a := o.TryRegister(meta)
	if a.Status != http.StatusCreated {
		o.T.Fatalf("registration: %d %s", a.Status, a.Body)
	}
	return rp
}

// TryRegister is Register that may be refused.
func (o *OP) TryRegister(meta map[string]any) (*RP, Answer) {
	o.T.Helper()
	m := map[string]any{
		"client_name":    "Conformance suite",
		"redirect_uris":  []string{"https://rp.example.org/callback"},
		"grant_types":    []string{"authorization_code", "refresh_token"},
		"response_types": []string{"code"},
	}
	maps.Copy(m, meta)
	for k, v := range m {
		if v == nil {
			delete(m, k)
		}
	}
	body, err := json.Marshal(m)
	if err != nil {
		o.T.Fatal(err)
	}
	a := o.Send(http.MethodPost, "/register", "application/json", string(body), nil)
	rp := &RP{op: o, Metadata: a.JSON, ID: a.Text("client_id"), Secret: a.Text("client_secret"), Method: a.Text("token_endpoint_auth_method")}
	if uris, ok := a.JSON["redirect_uris"].([]any); ok && len(uris) > 0 {
		rp.RedirectURI, _ = uris[0].(string)
	}
	return rp, a
}

// Client returns an RP for a client that a deployment file has.
func (o *OP) Client(id, secret, redirectURI string) *RP {
	method := "client_secret_basic"
	if secret == "" {
		method = "none"
	}
	return &RP{op: o, ID: id, Secret: secret, RedirectURI: redirectURI, Method: method}
}

// Send sends a request to the OP.
func (o *OP) Send(method, path, contentType, body string, header http.Header) Answer {
	o.T.Helper()
	address := path
	if strings.HasPrefix(path, "/") {
		address = o.URL + path
	}
	r, err := http.NewRequestWithContext(context.Background(), method, address, strings.NewReader(body))
	if err != nil {
		o.T.Fatal(err)
	}
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	for k, v := range header {
		r.Header[k] = v
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		o.T.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(io.LimitReader(res.Body, 4<<20))
	if err != nil {
		o.T.Fatal(err)
	}
	a := Answer{Status: res.StatusCode, Header: res.Header, Body: string(text)}
	_ = json.Unmarshal(text, &a.JSON) // what is no JSON has no members
	return a
}

// Challenge is the S256 code challenge of a verifier (RFC 7636 section 4.2).
func Challenge(verifier string) string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// URL returns the address of an authorization request. A pair with the value "-" removes a parameter.
func (rp *RP) URL(pairs ...string) string { return "/authorize?" + rp.Query(pairs...).Encode() }

// Query returns the parameters of an authorization request.
func (rp *RP) Query(pairs ...string) url.Values {
	q := url.Values{
		"client_id": {rp.ID}, "redirect_uri": {rp.RedirectURI}, "response_type": {"code"}, "scope": {"openid"},
		"state": {"a state"}, "nonce": {"a-nonce"},
	}
	if rp.Method == "none" {
		q.Set("code_challenge", Challenge(Verifier))
		q.Set("code_challenge_method", "S256")
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "-" {
			q.Del(pairs[i])
		} else {
			q.Set(pairs[i], pairs[i+1])
		}
	}
	return q
}

// Verifier is the code verifier of every RP here.
const Verifier = "a-code-verifier-that-is-long-enough-to-be-one-0123456789"

// Token makes a request to the token endpoint, authenticated by the RP's own method.
func (rp *RP) Token(pairs ...string) Answer {
	rp.op.T.Helper()
	return rp.Ask("/token", pairs...)
}

// Ask posts a form to an endpoint, authenticated by the RP's own method.
func (rp *RP) Ask(path string, pairs ...string) Answer {
	rp.op.T.Helper()
	form, header := url.Values{}, http.Header{}
	switch rp.Method {
	case "client_secret_basic":
		header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(rp.ID)+":"+url.QueryEscape(rp.Secret))))
	case "client_secret_post":
		form.Set("client_id", rp.ID)
		form.Set("client_secret", rp.Secret)
	case "private_key_jwt", "client_secret_jwt":
		form.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
		form.Set("client_assertion", rp.Assertion(nil))
	default:
		form.Set("client_id", rp.ID)
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] == "-" {
			form.Del(pairs[i])
		} else {
			form.Set(pairs[i], pairs[i+1])
		}
	}
	return rp.op.Send(http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode(), header)
}

// Redeem redeems a code as the RP's request was.
func (rp *RP) Redeem(code string, pairs ...string) Answer {
	rp.op.T.Helper()
	all := []string{"grant_type", "authorization_code", "code", code, "redirect_uri", rp.RedirectURI}
	if rp.Method == "none" {
		all = append(all, "code_verifier", Verifier)
	}
	return rp.Token(append(all, pairs...)...)
}

// Assertion is a client assertion (RFC 7523 section 3, RFC 10070); members of claims replace the usual ones, nil removes one.
func (rp *RP) Assertion(claims map[string]any) string {
	now := rp.op.Now()
	c := map[string]any{
		"iss": rp.ID, "sub": rp.ID, "aud": rp.op.URL, "iat": now.Unix(), "exp": now.Add(time.Minute).Unix(), "jti": rand.Text(),
	}
	maps.Copy(c, claims)
	for k, v := range c {
		if v == nil {
			delete(c, k)
		}
	}
	return rp.Sign(c, "")
}

// Sign signs claims by the RP's key: its secret (HS256), its EC key or its RSA key.
func (rp *RP) Sign(claims map[string]any, typ string) string {
	key := jose.SigningKey{Algorithm: jose.HS256, Key: []byte(rp.Secret)}
	switch {
	case rp.RSA != nil:
		key = jose.SigningKey{Algorithm: jose.RS256, Key: jose.JSONWebKey{Key: rp.RSA, KeyID: rp.KeyID}}
	case rp.Key != nil:
		key = jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: rp.Key, KeyID: rp.KeyID}}
	}
	o := &jose.SignerOptions{}
	if typ != "" {
		o = o.WithType(jose.ContentType(typ))
	}
	s, err := jose.NewSigner(key, o)
	if err != nil {
		rp.op.T.Fatal(err)
	}
	text, err := json.Marshal(claims)
	if err != nil {
		rp.op.T.Fatal(err)
	}
	signed, err := s.Sign(text)
	if err != nil {
		rp.op.T.Fatal(err)
	}
	compact, err := signed.CompactSerialize()
	if err != nil {
		rp.op.T.Fatal(err)
	}
	return compact
}

// NewKey makes an EC key with an id.
func NewKey(id string) (*ecdsa.PrivateKey, map[string]any) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err) // the system has no random numbers
	}
	return k, PublicJWK(&k.PublicKey, id, "ES256")
}

// PublicJWK writes a public key as a JWK.
func PublicJWK(key any, id, alg string) map[string]any {
	text, err := json.Marshal(jose.JSONWebKey{Key: key, KeyID: id, Algorithm: alg, Use: "sig"})
	if err != nil {
		panic(err) // not a key
	}
	var m map[string]any
	_ = json.Unmarshal(text, &m) // was marshalled just now
	return m
}

// Verify checks the signature of a JWT of the OP by its published keys, and returns header and claims.
func (o *OP) Verify(raw string) (header, claims map[string]any) {
	o.T.Helper()
	set := o.Send(http.MethodGet, "/jwks", "", "", nil)
	var keys jose.JSONWebKeySet
	if err := json.Unmarshal([]byte(set.Body), &keys); err != nil {
		o.T.Fatalf("jwks: %v", err)
	}
	t, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.EdDSA})
	if err != nil {
		o.T.Fatalf("%.80q: %v", raw, err)
	}
	found := keys.Key(t.Signatures[0].Header.KeyID)
	if len(found) != 1 {
		o.T.Fatalf("kid %q: %d keys in %s", t.Signatures[0].Header.KeyID, len(found), set.Body)
	}
	payload, err := t.Verify(found[0])
	if err != nil {
		o.T.Fatalf("the signature: %v", err)
	}
	if err := json.Unmarshal(payload, &claims); err != nil {
		o.T.Fatal(err)
	}
	head, _, _ := strings.Cut(raw, ".")
	text, _ := base64.RawURLEncoding.DecodeString(head)
	_ = json.Unmarshal(text, &header) // it verified
	return header, claims
}
