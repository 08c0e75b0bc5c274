package jose_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	gojose "github.com/go-jose/go-jose/v4"

	"sallyport/jose"
)

// web is documents by URL, how often each was fetched, and the time.
type web struct {
	mu    sync.Mutex
	docs  map[string]string
	asked map[string]int
	now   time.Time
}

func newWeb() *web {
	return &web{docs: map[string]string{}, asked: map[string]int{}, now: time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)}
}

func (w *web) Get(_ context.Context, url string) ([]byte, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked[url]++
	doc, ok := w.docs[url]
	if !ok {
		return nil, errors.New("nothing there")
	}
	return []byte(doc), nil
}

func (w *web) set(url, doc string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.docs[url] = doc; doc == "" {
		delete(w.docs, url)
	}
}

func (w *web) count(url string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.asked[url]
}

func (w *web) time() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *web) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

func (w *web) sets() *jose.Sets { return jose.New(jose.Config{Fetch: w, Now: w.time}) }

// A signer is somebody with one key of each type.
type signer struct {
	rsa  *rsa.PrivateKey
	ec   map[string]*ecdsa.PrivateKey // by algorithm
	ed   ed25519.PrivateKey
	mac  []byte
	name string // in its key ids
}

func newSigner(t testing.TB, name string) *signer {
	t.Helper()
	s := &signer{ec: map[string]*ecdsa.PrivateKey{}, mac: make([]byte, 64), name: name}
	var err error
	if s.rsa, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
		t.Fatal(err)
	}
	for alg, curve := range map[string]elliptic.Curve{"ES256": elliptic.P256(), "ES384": elliptic.P384(), "ES512": elliptic.P521()} {
		if s.ec[alg], err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	_, s.ed, _ = ed25519.GenerateKey(rand.Reader)
	_, _ = rand.Read(s.mac)
	return s
}

// key is the private key for an algorithm.
func (s *signer) key(alg string) any {
	switch alg[:2] {
	case "RS", "PS":
		return s.rsa
	case "ES":
		return s.ec[alg]
	case "HS":
		return s.mac
	}
	return s.ed
}

// set is the signer's key set.
func (s *signer) set(t testing.TB) string {
	t.Helper()
	keys := []gojose.JSONWebKey{public(s.rsa.Public(), s.name+"-rsa"), public(s.ed.Public(), s.name+"-ed")}
	for alg, k := range s.ec {
		keys = append(keys, public(k.Public(), s.name+"-"+alg))
	}
	return set(t, keys...)
}

func public(k crypto.PublicKey, kid string) gojose.JSONWebKey {
	return gojose.JSONWebKey{Key: k, KeyID: kid}
}

func set(t testing.TB, keys ...gojose.JSONWebKey) string {
	t.Helper()
	text, err := json.Marshal(gojose.JSONWebKeySet{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

type object = map[string]any

// sign signs a payload, with more in its header.
func sign(t testing.TB, alg string, key any, header object, payload string) string {
	t.Helper()
	o := &gojose.SignerOptions{}
	for name, value := range header {
		o.WithHeader(gojose.HeaderKey(name), value)
	}
	s, err := gojose.NewSigner(gojose.SigningKey{Algorithm: gojose.SignatureAlgorithm(alg), Key: key}, o)
	if err != nil {
		t.Fatal(err)
	}
	jws, err := s.Sign([]byte(payload))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := jws.CompactSerialize()
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func b64(text string) string { return base64.RawURLEncoding.EncodeToString([]byte(text)) }
