package jose_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/jose"
)

const uri = "https://client.example/jwks"

// A holder is somebody whose keys are at a URI, and this server's view of them.
type holder struct {
	*web
	sets   *jose.Sets
	source jose.Source
}

func newHolder(t testing.TB, s *signer) *holder {
	h := &holder{web: newWeb(), source: jose.Source{URI: uri}}
	h.sets = h.web.sets()
	h.set(uri, s.set(t))
	return h
}

func (h *holder) verify(t testing.TB, raw string) error {
	_, err := h.sets.Verify(t.Context(), h.source, jose.Asymmetric(), raw)
	return err
}

// signed is a text that the signer signs, by the named key.
func signed(t testing.TB, s *signer, kid string) string {
	header := object{}
	if kid != "" {
		header["kid"] = kid
	}
	return sign(t, "RS256", s.rsa, header, payload)
}

func TestKeysAreRotated(t *testing.T) {
	for name, kid := range map[string]func(*signer) string{
		"named":                func(s *signer) string { return s.name + "-rsa" },
		"not named":            func(*signer) string { return "" },
		"under the same names": func(*signer) string { return "a-rsa" },
	} {
		t.Run(name, func(t *testing.T) {
			old, fresh := newSigner(t, "a"), newSigner(t, "b")
			if kid(fresh) == "a-rsa" {
				fresh.name = "a"
			}
			h := newHolder(t, old)
			if err := h.verify(t, signed(t, old, kid(old))); err != nil {
				t.Fatal(err)
			}
			h.set(uri, fresh.set(t))
			h.pass(time.Second)
			if err := h.verify(t, signed(t, fresh, kid(fresh))); err != nil {
				t.Errorf("right after the change: %v", err)
			}
			if err := h.verify(t, signed(t, old, kid(old))); !errors.Is(err, jose.ErrSignature) {
				t.Errorf("a key that was withdrawn: %v", err)
			}
			if n := h.count(uri); n != 2 {
				t.Errorf("fetched %d times", n)
			}
		})
	}
}

// Strangers cannot have this server call others as often as they like.
func TestUnknownKeysAreAskedForOnceAMinute(t *testing.T) {
	owner, stranger := newSigner(t, "a"), newSigner(t, "x")
	h := newHolder(t, owner)
	for minute := range 3 {
		var all sync.WaitGroup
		for i := range 50 {
			raw := signed(t, stranger, fmt.Sprint("made up ", i))
			all.Go(func() {
				if err := h.verify(t, raw); !errors.Is(err, jose.ErrSignature) {
					t.Errorf("got %v", err)
				}
			})
		}
		all.Wait()
		if n := h.count(uri); n != minute+2 {
			t.Fatalf("minute %d: fetched %d times", minute, n)
		}
		if err := h.verify(t, signed(t, owner, "a-rsa")); err != nil {
			t.Errorf("the owner meanwhile: %v", err)
		}
		h.pass(time.Minute)
	}
}

func TestServerThatDoesNotAnswer(t *testing.T) {
	owner := newSigner(t, "a")
	good := signed(t, owner, "a-rsa")
	h := newHolder(t, owner)
	for _, doc := range []string{"", "<html>", `{"keys":[]}`, `{"keys":"x"}`, `{"keys":null}`, `[]`} {
		h.set(uri, doc)
		before := h.count(uri)
		for range 5 {
			if err := h.verify(t, good); !errors.Is(err, jose.ErrKeys) {
				t.Errorf("%q: %v", doc, err)
			}
		}
		if n := h.count(uri) - before; n != 1 {
			t.Errorf("%q: fetched %d times", doc, n)
		}
		h.pass(30 * time.Second)
	}
	h.set(uri, owner.set(t))
	if err := h.verify(t, good); err != nil {
		t.Fatalf("once it answers: %v", err)
	}
	// Its last keys count for a day, in which others are not taken.
	h.set(uri, "")
	h.pass(20 * time.Hour)
	if err := h.verify(t, good); err != nil {
		t.Errorf("while it is away: %v", err)
	}
	if err := h.verify(t, signed(t, newSigner(t, "a"), "a-rsa")); !errors.Is(err, jose.ErrSignature) {
		t.Errorf("a stranger while it is away: %v", err)
	}
	h.pass(5 * time.Hour)
	if err := h.verify(t, good); !errors.Is(err, jose.ErrKeys) {
		t.Errorf("away for more than a day: %v", err)
	}
}

// Old keys are used at once and asked for anew meanwhile: nobody waits, and one that was withdrawn soon counts no more.
func TestOldKeysAreFetchedMeanwhile(t *testing.T) {
	old, fresh := newSigner(t, "a"), newSigner(t, "b")
	h := newHolder(t, old)
	raw := signed(t, old, "a-rsa")
	if err := h.verify(t, raw); err != nil {
		t.Fatal(err)
	}
	h.set(uri, fresh.set(t))
	h.pass(9 * time.Minute)
	if err := h.verify(t, raw); err != nil || h.count(uri) != 1 {
		t.Fatalf("fresh keys: %v, fetched %d times", err, h.count(uri))
	}
	h.pass(2 * time.Minute)
	if err := h.verify(t, raw); err != nil {
		t.Fatalf("old keys: %v", err)
	}
	for range 200 {
		if err := h.verify(t, raw); errors.Is(err, jose.ErrSignature) {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the key that was withdrawn counts for ever")
}

// slow answers when it is told to.
type slow struct {
	*web
	asked, answer chan struct{}
}

func (s slow) Get(ctx context.Context, url string) ([]byte, error) {
	s.asked <- struct{}{}
	<-s.answer
	return s.web.Get(ctx, url)
}

// Whoever gives up does not spoil it for the others who wait for the same keys.
func TestOneWhoWaitsGivesUp(t *testing.T) {
	owner := newSigner(t, "a")
	w := slow{newWeb(), make(chan struct{}), make(chan struct{})}
	w.set(uri, owner.set(t))
	sets := jose.New(jose.Config{Fetch: w, Now: w.time})
	raw := signed(t, owner, "a-rsa")
	ctx, cancel := context.WithCancel(t.Context())
	first, second := make(chan error, 1), make(chan error, 1)
	verify := func(ctx context.Context, done chan error) {
		_, err := sets.Verify(ctx, jose.Source{URI: uri}, jose.Asymmetric(), raw)
		done <- err
	}
	go verify(ctx, first)
	<-w.asked
	go verify(t.Context(), second)
	cancel()
	if err := <-first; !errors.Is(err, jose.ErrKeys) {
		t.Errorf("who gave up: %v", err)
	}
	close(w.answer)
	if err := <-second; err != nil {
		t.Errorf("who waited: %v", err)
	}
}

func TestKeysByTheIssuersMetadata(t *testing.T) {
	owner := newSigner(t, "a")
	const issuer = "https://partner.example.org/tenant"
	connect := issuer + "/.well-known/openid-configuration"
	own := "https://partner.example.org/.well-known/oauth-authorization-server/tenant"
	said := func(of, at string) string { return fmt.Sprintf(`{"issuer":%q,"jwks_uri":%q}`, of, at) }
	for name, tt := range map[string]struct {
		docs map[string]string
		good bool
	}{
		"OpenID Connect":       {map[string]string{connect: said(issuer, uri)}, true},
		"RFC 8414":             {map[string]string{own: said(issuer, uri)}, true},
		"the second is good":   {map[string]string{connect: "<html>", own: said(issuer, uri)}, true},
		"of another issuer":    {map[string]string{connect: said("https://partner.example.org", uri)}, false},
		"said twice":           {map[string]string{connect: strings.Replace(said(issuer, uri), "{", `{"issuer":"x",`, 1)}, false},
		"without keys":         {map[string]string{connect: said(issuer, "")}, false},
		"no metadata anywhere": {nil, false},
	} {
		h := newHolder(t, owner)
		h.source = jose.Source{Issuer: issuer}
		for at, doc := range tt.docs {
			h.set(at, doc)
		}
		if err := h.verify(t, signed(t, owner, "a-rsa")); tt.good != (err == nil) || err != nil && !errors.Is(err, jose.ErrKeys) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNoSource(t *testing.T) {
	h := newHolder(t, newSigner(t, "a"))
	for name, from := range map[string]jose.Source{"none": {}, "not a set": {Inline: []byte("x")}, "an empty set": {Inline: []byte(`{"keys":[]}`)}} {
		h.source = from
		if err := h.verify(t, signed(t, newSigner(t, "a"), "")); !errors.Is(err, jose.ErrKeys) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
