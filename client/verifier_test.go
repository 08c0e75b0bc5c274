package client_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/client"
	"sallyport/oauth"
	"sallyport/user"
)

// bcryptHash is of "U*U", from the reference implementation.
const bcryptHash = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"

type clock struct{ t time.Time }

func (c *clock) Now() time.Time { return c.t }

func newClock() *clock { return &clock{time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)} }

func TestVerify(t *testing.T) {
	now := newClock()
	h := user.NewHasher(1)
	generated, secret := client.NewSecret(now.t, 0)
	later, overlapping := client.NewSecret(now.t, time.Hour)
	past, expired := client.NewSecret(now.t.Add(-2*time.Hour), time.Hour)
	chosen, err := client.NewChosenSecret(t.Context(), h, "tsp123abcd", now.t, 0)
	if err != nil {
		t.Fatal(err)
	}
	s := &store{}
	c := &client.Client{Realm: "a", ID: "c", Secrets: []client.Secret{
		expired, chosen, secret, overlapping,
		{ID: "x", Hash: "$2a$05$broken"},
		{ID: "b", Hash: bcryptHash, ExpiresAt: now.t}, // over at this very moment
	}}
	s.put(c)
	v := client.NewVerifier(s, h, now.Now)
	for name, tt := range map[string]struct {
		c      *client.Client
		secret string
		reason oauth.Reason
	}{
		"generated":                    {c, generated, ""},
		"overlapping":                  {c, later, ""},
		"chosen":                       {c, "tsp123abcd", ""},
		"expired":                      {c, past, oauth.InternalError}, // not one that matches, and one that cannot be read
		"over at this moment":          {c, "U*U", oauth.InternalError},
		"wrong":                        {&client.Client{ID: "c", Secrets: []client.Secret{chosen, secret}}, "tsp123abce", oauth.SecretWrong},
		"empty":                        {&client.Client{ID: "c", Secrets: []client.Secret{chosen, secret}}, "", oauth.SecretWrong},
		"all expired":                  {&client.Client{ID: "c", Secrets: []client.Secret{expired}}, past, oauth.SecretWrong},
		"none":                         {&client.Client{ID: "c"}, "x", oauth.SecretUnset},
		"the hash itself":              {&client.Client{ID: "c", Secrets: []client.Secret{secret}}, secret.Hash, oauth.SecretWrong},
		"a digest that cannot be read": {&client.Client{ID: "c", Secrets: []client.Secret{{ID: "1", Hash: "sha256:zz"}}}, "x", oauth.SecretWrong},
		"too long":                     {&client.Client{ID: "c", Secrets: []client.Secret{chosen, secret}}, strings.Repeat("x", 1<<20), oauth.SecretWrong},
	} {
		t.Run(name, func(t *testing.T) {
			err := v.Verify(t.Context(), tt.c, tt.secret)
			if got := oauth.ReasonOf(err); got != tt.reason {
				t.Errorf("reason %q, want %q", got, tt.reason)
			}
		})
	}
}

// hurried is the context of a caller who has gone: with it nothing succeeds that needs a slow hash.
func hurried(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

func TestMemo(t *testing.T) {
	now, s, h := newClock(), &store{}, user.NewHasher(1)
	a, _ := client.NewChosenSecret(t.Context(), h, "first secret", now.t, 0)
	b, _ := client.NewChosenSecret(t.Context(), h, "second secret", now.t, 5*time.Minute)
	c := &client.Client{Realm: "a", ID: "c", Secrets: []client.Secret{a, b}}
	v := client.NewVerifier(s, h, now.Now)
	for _, secret := range []string{"first secret", "second secret"} {
		if err := v.Verify(hurried(t), c, secret); !errors.Is(err, context.Canceled) {
			t.Fatalf("remembered what was never checked: %v", err)
		}
		if err := v.Verify(t.Context(), c, secret); err != nil {
			t.Fatal(err)
		}
		if err := v.Verify(hurried(t), c, secret); err != nil {
			t.Errorf("not remembered: %v", err)
		}
	}
	replaced := *c
	replaced.Secrets = []client.Secret{{ID: a.ID, Hash: b.Hash}}
	if err := v.Verify(t.Context(), &replaced, "first secret"); oauth.ReasonOf(err) != oauth.SecretWrong {
		t.Errorf("remembered beyond the stored hash: %v", err)
	}
	for what, other := range map[string]*client.Client{
		"client": {Realm: "a", ID: "d", Secrets: c.Secrets},
		"realm":  {Realm: "b", ID: "c", Secrets: c.Secrets},
	} {
		if err := v.Verify(hurried(t), other, "first secret"); !errors.Is(err, context.Canceled) {
			t.Errorf("remembered for another %s: %v", what, err)
		}
	}
	now.t = now.t.Add(5 * time.Minute)
	if err := v.Verify(t.Context(), c, "second secret"); oauth.ReasonOf(err) != oauth.SecretWrong {
		t.Errorf("remembered beyond the secret's life: %v", err)
	}
	now.t = now.t.Add(5 * time.Minute)
	if err := v.Verify(hurried(t), c, "first secret"); !errors.Is(err, context.Canceled) {
		t.Errorf("remembered for too long: %v", err)
	}
}

func TestUpgrade(t *testing.T) {
	now, s, h := newClock(), &store{}, user.NewHasher(1)
	_, generated := client.NewSecret(now.t, 0)
	s.put(&client.Client{Realm: "a", ID: "c", Secrets: []client.Secret{generated, {ID: "old", Hash: bcryptHash}}})
	v := client.NewVerifier(s, h, now.Now)
	if err := v.Verify(t.Context(), s.clients["a/c"], "U*V"); oauth.ReasonOf(err) != oauth.SecretWrong || len(s.swapped) != 0 {
		t.Fatalf("wrong secret: %v, replaced %v", err, s.swapped)
	}
	if err := v.Verify(t.Context(), s.clients["a/c"], "U*U"); err != nil {
		t.Fatal(err)
	}
	after := s.clients["a/c"].Secrets
	if len(s.swapped) != 1 || !strings.HasPrefix(after[1].Hash, "$argon2id$") || after[1].ID != "old" || !cmp.Equal(after[0], generated) {
		t.Errorf("after the upgrade: %+v", after)
	}
	if err := v.Verify(hurried(t), s.clients["a/c"], "U*U"); err != nil {
		t.Errorf("the new hash is not remembered: %v", err)
	}

	s.put(&client.Client{Realm: "a", ID: "c", Secrets: []client.Secret{{ID: "old", Hash: bcryptHash}}})
	s.fail = errors.New("read-only")
	if err := client.NewVerifier(s, h, now.Now).Verify(t.Context(), s.clients["a/c"], "U*U"); err != nil {
		t.Errorf("an upgrade that failed turned the client away: %v", err)
	}
}

func TestNewSecret(t *testing.T) {
	now := newClock()
	seen := map[string]bool{}
	for range 100 {
		plain, s := client.NewSecret(now.t, 24*time.Hour)
		if len(plain) != 64 || strings.Trim(plain, "abcdefghijklmnopqrstuvwxyz234567") != "" {
			t.Fatalf("secret %q", plain)
		}
		if seen[plain] || seen[s.ID] {
			t.Fatal("repeated")
		}
		seen[plain], seen[s.ID] = true, true
		if strings.Contains(s.Hash, plain) || !s.Live(now.t) || s.Live(now.t.Add(24*time.Hour)) || !s.CreatedAt.Equal(now.t) {
			t.Fatalf("%+v", s)
		}
	}
	if _, s := client.NewSecret(now.t, 0); !s.Live(now.t.AddDate(100, 0, 0)) {
		t.Error("a secret without end has one")
	}
	if _, err := client.NewChosenSecret(t.Context(), user.NewHasher(1), "", now.t, 0); err == nil {
		t.Error("an empty secret")
	}
}

func TestGeneratedSecretsAreCheap(t *testing.T) {
	now := newClock()
	plain, s := client.NewSecret(now.t, 0)
	c := &client.Client{Realm: "a", ID: "c", Secrets: []client.Secret{s}}
	v := client.NewVerifier(&store{}, user.NewHasher(1), now.Now)
	if err := v.Verify(hurried(t), c, plain); err != nil {
		t.Errorf("it wants a worker: %v", err)
	}
}

func BenchmarkVerifyGenerated(b *testing.B) {
	now := newClock()
	plain, s := client.NewSecret(now.t, 0)
	c := &client.Client{Realm: "a", ID: "c", Secrets: []client.Secret{s}}
	v := client.NewVerifier(&store{}, user.NewHasher(1), now.Now)
	b.ReportAllocs()
	for b.Loop() {
		_ = v.Verify(b.Context(), c, plain)
	}
}

func BenchmarkVerifyRemembered(b *testing.B) {
	now, h := newClock(), user.NewHasher(1)
	s, _ := client.NewChosenSecret(b.Context(), h, "tsp123abcd", now.t, 0)
	c := &client.Client{Realm: "a", ID: "c", Secrets: []client.Secret{s}}
	v := client.NewVerifier(&store{}, h, now.Now)
	b.ReportAllocs()
	for b.Loop() {
		_ = v.Verify(b.Context(), c, "tsp123abcd")
	}
}
