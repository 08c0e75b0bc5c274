package factor

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sallyport/feed"
	"sallyport/key"
	"sallyport/oauth"
)

// Config is what a Service works with.
type Config struct {
	Store  Store
	Hub    *feed.Hub
	Master key.Master // secrets are sealed under it
	// Ceremonies verifies passkeys. Nil: there are none.
	Ceremonies Ceremonies
	Now        func() time.Time // nil: time.Now
}

// A Service adds, checks and removes factors. It does not count guesses: whoever asks it to check a code slows them down.
type Service struct {
	store      Store
	master     key.Master
	ceremonies Ceremonies
	now        func() time.Time
	summaries  *feed.Directory[Summary]
}

const (
	cacheSize = 100_000 // users whose Summary is kept in memory
	maxName   = 64      // characters of a factor's name
	mostEach  = 20      // factors of a user
	maxTries  = 20      // a change is tried so often when somebody else writes in between
)

// New returns a service whose memory the hub keeps current.
func New(c Config) *Service {
	s := &Service{store: c.Store, master: c.Master, ceremonies: c.Ceremonies, now: c.Now}
	if s.now == nil {
		s.now = time.Now
	}
	s.summaries = feed.NewDirectory(c.Hub, feed.Factor, cacheSize, s.summarise)
	return s
}

// Summary returns which factors a user has, from memory once it was asked.
func (s *Service) Summary(ctx context.Context, realm, user string) (Summary, error) {
	sum, err := s.summaries.Get(ctx, realm, user)
	if err != nil || sum == nil {
		return Summary{}, err
	}
	return *sum, nil
}

func (s *Service) summarise(ctx context.Context, realm, user string) (*Summary, error) {
	list, err := s.store.Factors(ctx, realm, user)
	if err != nil {
		return nil, err
	}
	var sum Summary
	for _, f := range list {
		switch f.Kind {
		case Passkey:
			sum.Passkey = true
		case TOTP:
			sum.TOTP = true
		case Recovery:
			doc, err := read[recoveryDoc](f)
			if err != nil {
				return nil, err
			}
			sum.Recovery = len(doc.Codes) > 0
		}
	}
	return &sum, nil
}

// List returns a user's passkeys and TOTP secrets, oldest first. Recovery codes are counted by RecoveryLeft.
func (s *Service) List(ctx context.Context, realm, user string) ([]*Factor, error) {
	all, err := s.store.Factors(ctx, realm, user)
	if err != nil {
		return nil, err
	}
	var list []*Factor
	for _, f := range all {
		if f.Kind != Recovery {
			list = append(list, f)
		}
	}
	return list, nil
}

// Remove removes one of a user's factors and reports whether it was there. Recovery codes go with the last factor that they
// stand in for.
func (s *Service) Remove(ctx context.Context, realm, user, id string) (bool, error) {
	done, err := s.store.DeleteFactor(ctx, realm, user, id)
	if err != nil || !done {
		return false, err
	}
	left, err := s.List(ctx, realm, user)
	if err == nil && len(left) == 0 {
		_, err = s.store.DeleteFactor(ctx, realm, user, recoveryID(user))
	}
	return true, err
}

// Rename gives one of a user's factors another name and reports whether it was there.
func (s *Service) Rename(ctx context.Context, realm, user, id, name string) (bool, error) {
	for range maxTries {
		f, err := s.store.FactorByID(ctx, realm, id)
		if err != nil || f == nil || f.User != user || f.Kind == Recovery {
			return false, err
		}
		after := *f
		after.Name = named(name, f.Name)
		if done, err := s.store.SwapFactor(ctx, &after, f.Doc); done || err != nil {
			return done, err
		}
	}
	return false, oauth.Fail(oauth.Unavailable, "")
}

// add stores a new factor, if the user has room for it.
func (s *Service) add(ctx context.Context, f *Factor) error {
	have, err := s.store.Factors(ctx, f.Realm, f.User)
	if err != nil {
		return err
	}
	if len(have) >= mostEach {
		e := oauth.Fail(oauth.FactorWrong, "")
		e.Description = "There are as many factors as a user can have. Remove one first."
		return e
	}
	f.CreatedAt = s.moment()
	ok, err := s.store.AddFactor(ctx, f)
	if err == nil && !ok {
		return oauth.Fail(oauth.FactorWrong, "") // somebody has registered it already
	}
	return err
}

// moment is now as the store keeps it.
func (s *Service) moment() time.Time { return s.now().UTC().Truncate(time.Microsecond) }

// named is a name as it is kept: what fits of it in one line of printable text, or the other one if that is nothing.
func named(name, otherwise string) string {
	name = strings.Map(func(c rune) rune {
		if !unicode.IsPrint(c) || c == utf8.RuneError {
			return -1
		}
		return c
	}, name[:min(len(name), 8*maxName)])
	if chars := []rune(name); len(chars) > maxName {
		name = string(chars[:maxName])
	}
	if name = strings.TrimSpace(name); name == "" {
		return otherwise
	}
	return name
}

func newID() string {
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails: see crypto/rand
	return base64.RawURLEncoding.EncodeToString(raw[:])
}

// read reads what the kind of a factor keeps.
func read[T any](f *Factor) (*T, error) {
	doc := new(T)
	d := json.NewDecoder(bytes.NewReader(f.Doc))
	if err := d.Decode(doc); err != nil {
		return nil, fmt.Errorf("factor %s of kind %s does not read: %w", f.ID, f.Kind, err)
	}
	return doc, nil
}

func write(doc any) ([]byte, error) { return json.Marshal(doc) }
