package key_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"sallyport/feed"
	"sallyport/key"
	"sallyport/realm"
)

const day = 24 * time.Hour

// node is one process with its own hub on a shared store.
func node(s *memStore, c *clock, change func(*key.Config)) *key.Ring {
	hub := &feed.Hub{}
	s.hubs = append(s.hubs, hub)
	cfg := key.Config{
		Store: s, Master: key.Master{9}, Hub: hub, Now: c.now,
		Overlap: func(context.Context, string) (time.Duration, error) { return 30 * day, nil },
	}
	if change != nil {
		change(&cfg)
	}
	return key.NewRing(cfg)
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestFirstKeyIsOneForAllNodes(t *testing.T) {
	s, c, ctx := &memStore{}, newClock(), t.Context()
	rings := []*key.Ring{node(s, c, nil), node(s, c, nil), node(s, c, nil)}
	for _, alg := range []key.Alg{key.RS256, key.PS256, key.ES256, key.EdDSA} {
		ids := make([]string, 3*len(rings))
		var wg sync.WaitGroup
		for i := range ids {
			wg.Go(func() {
				k, err := rings[i%len(rings)].Signer(ctx, "default", alg)
				if err != nil {
					t.Error(err)
					return
				}
				ids[i] = k.ID
			})
		}
		wg.Wait()
		for _, id := range ids {
			if id != ids[0] || id == "" {
				t.Fatalf("%s: nodes sign with different first keys: %q", alg, ids)
			}
		}
		for _, r := range rings {
			v := must[*key.Verifying](t)(r.Verifier(ctx, "default", ids[0]))
			if v == nil || v.Alg != alg {
				t.Fatalf("%s: a node does not know the key", alg)
			}
			if other := must[*key.Verifying](t)(r.Verifier(ctx, "other", ids[0])); other != nil {
				t.Fatalf("%s: the key counts in another realm", alg)
			}
		}
	}
	if len(s.records) != 4 {
		t.Errorf("%d keys stored, want 4", len(s.records))
	}
	for _, r := range s.records {
		if bytes.Contains(r.Sealed, r.Public) || len(r.Sealed) == 0 {
			t.Error("a stored key is not sealed")
		}
	}
}

func TestJWKS(t *testing.T) {
	s, c, ctx := &memStore{}, newClock(), t.Context()
	r := node(s, c, nil)
	if got := must[[]byte](t)(r.JWKS(ctx, "default")); string(got) != `{"keys":[]}` {
		t.Errorf("no keys: %s", got)
	}
	for _, alg := range []key.Alg{key.RS256, key.PS256, key.ES256, key.EdDSA} {
		must[*key.Signing](t)(r.Signer(ctx, "default", alg))
	}
	must[*key.SecretKey](t)(r.Secret(ctx, "default"))
	var set jose.JSONWebKeySet
	text := must[[]byte](t)(r.JWKS(ctx, "default"))
	if err := json.Unmarshal(text, &set); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	if len(set.Keys) != 4 {
		t.Fatalf("%d keys published, want 4 and no secret: %s", len(set.Keys), text)
	}
	for _, k := range set.Keys {
		print, err := k.Thumbprint(crypto.SHA256)
		if err != nil || base64.RawURLEncoding.EncodeToString(print) != k.KeyID {
			t.Errorf("%s: kid %s is not the RFC 7638 thumbprint", k.Algorithm, k.KeyID)
		}
		if k.Use != "sig" || !k.IsPublic() || !k.Valid() {
			t.Errorf("%s: use %q, public %v", k.Algorithm, k.Use, k.IsPublic())
		}
	}
	if strings.Contains(string(text), `"d"`) {
		t.Error("a private member is published")
	}
	var some jose.JSONWebKeySet
	if err := json.Unmarshal(must[[]byte](t)(r.JWKSOf(ctx, "fresh", key.RS256)), &some); err != nil || len(some.Keys) != 1 || some.Keys[0].Algorithm != "RS256" {
		t.Errorf("JWKSOf: %v %v", some, err)
	}
	block, rest := pem.Decode(must[[]byte](t)(r.PublicPEM(ctx, "default", key.RS256)))
	if block == nil || block.Type != "PUBLIC KEY" || len(rest) != 0 {
		t.Fatal("no PEM")
	}
	public, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		t.Fatal(err)
	}
	signer := must[*key.Signing](t)(r.Signer(ctx, "default", key.RS256))
	sum := sha256.Sum256([]byte("text"))
	sig := must[[]byte](t)(signer.Key.Sign(rand.Reader, sum[:], crypto.SHA256))
	if err := rsa.VerifyPKCS1v15(public.(*rsa.PublicKey), crypto.SHA256, sum[:], sig); err != nil {
		t.Errorf("the PEM is not of the key that signs: %v", err)
	}
}

func TestRotationAnnouncesAndOverlaps(t *testing.T) {
	s, c, ctx := &memStore{}, newClock(), t.Context()
	a, b := node(s, c, nil), node(s, c, nil)
	sign := func(r *key.Ring) string {
		t.Helper()
		return must[*key.Signing](t)(r.Signer(ctx, "default", key.ES256)).ID
	}
	published := func(r *key.Ring, id string) bool {
		t.Helper()
		return strings.Contains(string(must[[]byte](t)(r.JWKS(ctx, "default"))), id)
	}
	old := sign(a)
	next := must[key.Record](t)(a.Rotate(ctx, "default", key.ES256, day))
	if next.ID == old || next.Serial != 2 || next.Sealed != nil {
		t.Fatalf("rotated to %+v", next)
	}
	for _, r := range []*key.Ring{a, b} {
		if sign(r) != old || !published(r, next.ID) || !published(r, old) {
			t.Fatal("an announced key is published and does not sign")
		}
	}
	c.pass(day)
	for _, r := range []*key.Ring{a, b} {
		if sign(r) != next.ID || !published(r, old) {
			t.Fatal("after the announcement the new key signs and the old one is still published")
		}
		if must[*key.Verifying](t)(r.Verifier(ctx, "default", old)) == nil {
			t.Fatal("the old key does not verify")
		}
	}
	c.pass(31 * day)
	for _, r := range []*key.Ring{a, b} {
		if published(r, old) || must[*key.Verifying](t)(r.Verifier(ctx, "default", old)) != nil {
			t.Fatal("the old key is still good after its last token")
		}
	}
	if err := a.Tick(ctx); err != nil {
		t.Fatal(err)
	}
	if len(s.records) != 1 {
		t.Errorf("%d keys stored, want 1", len(s.records))
	}
	c.pass(-62 * day) // the clock is set back to before the first key
	if sign(a) != next.ID {
		t.Error("a clock that was set back leaves the realm without a key")
	}
}

func TestScheduleIsKeptByAnyNumberOfNodes(t *testing.T) {
	s, c, ctx := &memStore{}, newClock(), t.Context()
	scheduled := func(cfg *key.Config) {
		cfg.Schedules = func() map[string]realm.KeySchedule {
			return map[string]realm.KeySchedule{"default": {Every: realm.Duration(30 * day)}, "manual": {}}
		}
	}
	rings := []*key.Ring{node(s, c, scheduled), node(s, c, scheduled), node(s, c, scheduled)}
	must[*key.Signing](t)(rings[0].Signer(ctx, "default", key.EdDSA))
	must[*key.Signing](t)(rings[0].Signer(ctx, "manual", key.EdDSA))
	must[*key.SecretKey](t)(rings[0].Secret(ctx, "default"))
	signed := map[string]int{}
	for range 60 * 4 { // sixty days, a tick every six hours on every node at once
		var wg sync.WaitGroup
		for _, r := range rings {
			wg.Go(func() {
				if err := r.Tick(ctx); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		id := must[*key.Signing](t)(rings[1].Signer(ctx, "default", key.EdDSA)).ID
		if !strings.Contains(string(must[[]byte](t)(rings[2].JWKS(ctx, "default"))), id) {
			t.Fatal("a key signs that is not published")
		}
		signed[id]++
		c.pass(6 * time.Hour)
	}
	if len(signed) != 2 {
		t.Errorf("%d keys signed in sixty days, want 2: %v", len(signed), signed)
	}
	if keys := must[[]key.Record](t)(rings[0].Keys(ctx, "manual")); len(keys) != 1 {
		t.Errorf("a realm without a schedule has %d keys", len(keys))
	}
	for _, k := range must[[]key.Record](t)(rings[0].Keys(ctx, "default")) {
		if k.Alg != key.EdDSA && k.Alg != key.Secret {
			t.Errorf("the schedule made a %s key that nobody uses", k.Alg)
		}
	}
}

func TestUnknownKidAsksTheStoreOnceASecond(t *testing.T) {
	s, c, ctx := &memStore{}, newClock(), t.Context()
	mine, deaf := node(s, c, nil), node(s, c, func(cfg *key.Config) { cfg.Hub = nil })
	must[*key.Signing](t)(deaf.Signer(ctx, "default", key.ES256))
	must[*key.Verifying](t)(deaf.Verifier(ctx, "default", "unknown"))
	fresh := must[key.Record](t)(mine.Rotate(ctx, "default", key.ES256, 0))
	before := s.reads.Load()
	for range 100 {
		must[*key.Verifying](t)(deaf.Verifier(ctx, "default", "unknown"))
	}
	if n := s.reads.Load() - before; n != 0 {
		t.Errorf("%d reads within a second of the last", n)
	}
	c.pass(time.Second)
	if must[*key.Verifying](t)(deaf.Verifier(ctx, "default", fresh.ID)) == nil {
		t.Error("a key of another node was not found")
	}
}

func TestKeysOutliveTheStore(t *testing.T) {
	s, c, ctx := &memStore{}, newClock(), t.Context()
	hub := &feed.Hub{}
	r := node(s, c, func(cfg *key.Config) { cfg.Hub = hub })
	id := must[*key.Signing](t)(r.Signer(ctx, "default", key.ES256)).ID
	s.fail(errors.New("no database"))
	hub.Publish(feed.Change{Kind: feed.All})
	if got := must[*key.Signing](t)(r.Signer(ctx, "default", key.ES256)).ID; got != id {
		t.Errorf("signs with %s", got)
	}
	if _, err := r.Signer(ctx, "unread", key.ES256); err == nil {
		t.Error("a realm whose keys were never read has a key")
	}
	s.fail(nil)
	c.pass(time.Second)
	must[*key.Signing](t)(r.Signer(ctx, "unread", key.ES256))
}

func TestWrongMasterIsSaid(t *testing.T) {
	s, c, ctx := &memStore{}, newClock(), t.Context()
	must[*key.Signing](t)(node(s, c, nil).Signer(ctx, "default", key.ES256))
	wrong := node(s, c, func(cfg *key.Config) { cfg.Master = key.Master{8} })
	if _, err := wrong.Signer(ctx, "default", key.ES256); err == nil || !strings.Contains(err.Error(), "master key") {
		t.Errorf("got %v", err)
	}
	if len(s.records) != 1 {
		t.Error("a key was added beside one that does not open")
	}
}

// A row moved between realms or algorithms in the database must not become a key there.
func TestTamperedRecords(t *testing.T) {
	for name, tamper := range map[string]func(*key.Record){
		"algorithm": func(r *key.Record) { r.Alg = key.RS256 },
		"realm":     func(r *key.Record) { r.Realm = "other" },
		"public":    func(r *key.Record) { r.Public = r.Public[:10] },
	} {
		s, c, ctx := &memStore{}, newClock(), t.Context()
		must[*key.Signing](t)(node(s, c, nil).Signer(ctx, "default", key.ES256))
		tamper(&s.records[0])
		if _, err := node(s, c, nil).Signer(ctx, s.records[0].Realm, s.records[0].Alg); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestSecrets(t *testing.T) {
	s, c, ctx := &memStore{}, newClock(), t.Context()
	r := node(s, c, nil)
	if got := must[[]*key.SecretKey](t)(r.Secrets(ctx, "default")); len(got) != 0 {
		t.Fatalf("%d secrets before the first use", len(got))
	}
	first := must[*key.SecretKey](t)(r.Secret(ctx, "default"))
	other := must[*key.SecretKey](t)(r.Secret(ctx, "other"))
	seen := map[[32]byte]string{}
	for _, k := range []*key.SecretKey{first, other} {
		for _, purpose := range []string{"seal", "refresh", "reference"} {
			d := k.Derive(purpose)
			if was, ok := seen[d]; ok {
				t.Errorf("%s and %s have one key", was, purpose)
			}
			seen[d] = purpose
			if d != k.Derive(purpose) {
				t.Error("derivation is not stable")
			}
		}
	}
	must[key.Record](t)(r.Rotate(ctx, "default", key.Secret, 0))
	if must[*key.SecretKey](t)(r.Secret(ctx, "default")).ID != first.ID {
		t.Error("a new secret is used before other nodes can know of it")
	}
	c.pass(5 * time.Second)
	if must[*key.SecretKey](t)(r.Secret(ctx, "default")).ID == first.ID {
		t.Error("the new secret is not used")
	}
	if got := must[[]*key.SecretKey](t)(r.Secrets(ctx, "default")); len(got) != 2 || got[1].ID != first.ID {
		t.Errorf("living secrets: %d", len(got))
	}
}

func TestRotateRefusals(t *testing.T) {
	s, c := &memStore{}, newClock()
	r := node(s, c, nil)
	if _, err := r.Rotate(t.Context(), "default", "HS256", 0); err == nil || !strings.Contains(err.Error(), "ES256") {
		t.Errorf("HS256: %v", err)
	}
	if _, err := r.Rotate(t.Context(), "default", key.ES256, -1); err == nil {
		t.Error("a negative announcement was accepted")
	}
	if _, err := r.Signer(t.Context(), "default", "none"); err == nil {
		t.Error("a key for none was made")
	}
	if _, err := r.Signer(t.Context(), "default", key.Secret); err == nil {
		t.Error("a secret signs")
	}
}
