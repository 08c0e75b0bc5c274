package deployment

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"slices"
	"strings"
	"sync"
	"time"

	"sallyport/client"
	"sallyport/user"
)

// password returns the hash to store for a user whose stored one is old.
func (p *Planner) password(ctx context.Context, u *User, old string) (string, error) {
	switch {
	case u.PasswordHash != "":
		return u.PasswordHash, nil
	case u.Password == "":
		return old, nil
	}
	if ok, err := p.verify(ctx, old, u.Password); ok || err != nil {
		return old, err
	}
	return p.Hasher.Hash(ctx, u.Password)
}

func (p *Planner) verify(ctx context.Context, hash, plain string) (bool, error) {
	if hash == "" {
		return false, nil
	}
	ok, _, err := p.Hasher.Verify(ctx, hash, plain)
	return ok, err
}

// A secretChange is what becomes of a client's secrets.
type secretChange struct {
	list      []client.Secret
	words     string            // what changed, "" if nothing
	generated string            // a secret that was made
	plain     map[string]string // secrets as the file gives them, by id
}

// secrets compares the secrets that a file wants with those that are stored. Since applying a file twice must change
// nothing, a secret is the stored one if it verifies against its hash.
func (p *Planner) secrets(ctx context.Context, c *Client, old *client.Client) (secretChange, error) {
	var stored []client.Secret
	if old != nil {
		stored = old.Secrets
	}
	want := c.Secrets
	switch {
	case c.Secret != "" || c.SecretHash != "":
		want = []Secret{{Secret: c.Secret, SecretHash: c.SecretHash}}
	case c.Generated:
		now, byMAC := p.Now(), client.Method(c.AuthMethod) == client.MethodSecretJWT
		if slices.ContainsFunc(stored, func(s client.Secret) bool { return s.Live(now) && (!byMAC || len(s.Sealed) > 0) }) {
			return secretChange{list: stored}, nil
		}
		plain, s := client.NewSecret(now, 0)
		list := []client.Secret{s}
		if byMAC {
			list = append(slices.Clone(stored), s)
		}
		return secretChange{list: list, words: "secret generated", generated: plain, plain: map[string]string{s.ID: plain}}, nil
	case len(want) == 0 && !c.Has("secrets"):
		return secretChange{list: stored}, nil
	}
	change := secretChange{plain: map[string]string{}}
	left := slices.Clone(stored)
	for _, w := range want {
		i, err := p.match(ctx, w, left)
		if err != nil {
			return change, err
		}
		if i < 0 {
			s, err := p.newSecret(ctx, w)
			if err != nil {
				return change, err
			}
			change.list = append(change.list, s)
			change.words = "secret changed"
			change.plain[s.ID] = w.Secret
			continue
		}
		s := left[i]
		left = slices.Delete(left, i, i+1)
		if !s.ExpiresAt.Equal(w.Expires.Time) {
			s.ExpiresAt = w.Expires.Time
			change.words = join(change.words, "secret "+s.ID+" expires "+moment(s.ExpiresAt))
		}
		change.list = append(change.list, s)
		change.plain[s.ID] = w.Secret
	}
	if len(left) > 0 && !strings.HasPrefix(change.words, "secret changed") {
		change.words = join("secret removed", change.words)
	}
	return change, nil
}

func moment(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Format(time.RFC3339)
}

// match finds the stored secret that a wanted one is.
func (p *Planner) match(ctx context.Context, w Secret, stored []client.Secret) (int, error) {
	if w.generated {
		return -1, nil // nobody has seen it before
	}
	for i, s := range stored {
		if w.SecretHash != "" {
			if s.Hash == w.SecretHash {
				return i, nil
			}
			continue
		}
		if ok, err := p.verify(ctx, s.Hash, w.Secret); ok || err != nil {
			return i, err
		}
	}
	return -1, nil
}

func (p *Planner) newSecret(ctx context.Context, w Secret) (client.Secret, error) {
	s := client.Secret{
		ID: strings.ToLower(rand.Text()[:10]), Hash: w.SecretHash, CreatedAt: p.Now().UTC().Truncate(time.Microsecond), ExpiresAt: w.Expires.Time,
	}
	if w.ID != "" {
		s.ID = w.ID
	}
	s.Sealed, _ = base64.StdEncoding.DecodeString(w.SecretSealed) // looked at by the checker
	if len(s.Sealed) == 0 {
		s.Sealed = nil
	}
	if s.Hash != "" {
		return s, nil
	}
	if w.generated {
		s.Hash = user.Digest(w.Secret)
		return s, nil
	}
	var err error
	s.Hash, err = p.Hasher.Hash(ctx, w.Secret)
	return s, err
}

// each does n pieces of work that take time, some side by side, and stops at the first error.
func (p *Planner) each(ctx context.Context, n int, do func(i int) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var wg sync.WaitGroup
	var mu sync.Mutex // guards done
	done := 0
	free := make(chan struct{}, max(p.Workers, 1))
	for i := range n {
		if ctx.Err() != nil {
			break
		}
		free <- struct{}{}
		wg.Go(func() {
			defer func() { <-free }()
			if err := do(i); err != nil {
				cancel(err)
			}
			mu.Lock()
			defer mu.Unlock()
			done++
			if p.Progress != nil {
				p.Progress(done, n)
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}
