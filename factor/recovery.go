package factor

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"strings"

	"sallyport/oauth"
)

// How recovery codes look: groups of characters that are not taken for one another, 60 bits in all.
const (
	recoveryCodes    = 10
	recoveryGroups   = 3
	recoveryGroup    = 4
	recoveryAlphabet = "23456789ABCDEFGHJKLMNPQRSTUVWXYZ" // 32: a byte taken modulo it is even
)

// recoveryDoc is what a set of recovery codes keeps.
type recoveryDoc struct {
	Codes [][]byte `json:"codes"` // MACs of those that are left
	Used  [][]byte `json:"used,omitempty"`
}

// recoveryID names a user's set of recovery codes; there is one at most.
func recoveryID(user string) string {
	sum := sha256.Sum256([]byte("recovery\x00" + user))
	return "recovery-" + base64.RawURLEncoding.EncodeToString(sum[:16])
}

// NewRecovery makes recovery codes in the place of those that the user had. They are shown once; only their MACs are kept,
// under a key that is not in the store: a copy of the store is no place to guess them in.
func (s *Service) NewRecovery(ctx context.Context, realm, user string) ([]string, error) {
	codes := make([]string, recoveryCodes)
	doc := recoveryDoc{Codes: make([][]byte, recoveryCodes)}
	for i := range codes {
		codes[i] = newRecoveryCode()
		var err error
		if doc.Codes[i], err = s.recoveryMAC(realm, user, plain(codes[i])); err != nil {
			return nil, err
		}
	}
	body, err := write(doc)
	if err != nil {
		return nil, err
	}
	f := &Factor{Realm: realm, User: user, ID: recoveryID(user), Kind: Recovery, Doc: body, CreatedAt: s.moment()}
	for range maxTries {
		old, err := s.store.FactorByID(ctx, realm, f.ID)
		if err != nil {
			return nil, err
		}
		var done bool
		if old == nil {
			done, err = s.store.AddFactor(ctx, f)
		} else {
			done, err = s.store.SwapFactor(ctx, f, old.Doc)
		}
		if err != nil {
			return nil, err
		}
		if done {
			return codes, nil
		}
	}
	return nil, oauth.Fail(oauth.Unavailable, "")
}

// CheckRecovery takes one of the user's recovery codes, once. The error is of reason oauth.FactorWrong or oauth.FactorReused.
func (s *Service) CheckRecovery(ctx context.Context, realm, user, code string) error {
	code = plain(code)
	if len(code) != recoveryGroups*recoveryGroup {
		return oauth.Fail(oauth.FactorWrong, "")
	}
	mac, err := s.recoveryMAC(realm, user, code)
	if err != nil {
		return err
	}
	same := func(other []byte) bool { return hmac.Equal(mac, other) }
	for range maxTries {
		f, doc, err := s.recovery(ctx, realm, user)
		if err != nil {
			return err
		}
		if f == nil {
			return oauth.Fail(oauth.FactorWrong, "")
		}
		at := slices.IndexFunc(doc.Codes, same)
		if at < 0 {
			if slices.ContainsFunc(doc.Used, same) {
				return oauth.Fail(oauth.FactorReused, "")
			}
			return oauth.Fail(oauth.FactorWrong, "")
		}
		doc.Codes = slices.Delete(doc.Codes, at, at+1)
		doc.Used = append(doc.Used, mac)
		after := *f
		after.UsedAt = s.moment()
		if after.Doc, err = write(doc); err != nil {
			return err
		}
		if done, err := s.store.SwapFactor(ctx, &after, f.Doc); done || err != nil {
			return err
		}
	}
	return oauth.Fail(oauth.Unavailable, "")
}

// RecoveryLeft returns how many recovery codes the user has left, -1 if none were ever made.
func (s *Service) RecoveryLeft(ctx context.Context, realm, user string) (int, error) {
	f, doc, err := s.recovery(ctx, realm, user)
	if err != nil || f == nil {
		return -1, err
	}
	return len(doc.Codes), nil
}

func (s *Service) recovery(ctx context.Context, realm, user string) (*Factor, *recoveryDoc, error) {
	f, err := s.store.FactorByID(ctx, realm, recoveryID(user))
	if err != nil || f == nil || f.User != user {
		return nil, nil, err
	}
	doc, err := read[recoveryDoc](f)
	return f, doc, err
}

func (s *Service) recoveryMAC(realm, user, code string) ([]byte, error) {
	k, err := s.master.Derive("recovery codes", realm)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, k[:])
	mac.Write([]byte(user + "\x00" + code))
	return mac.Sum(nil), nil
}

func newRecoveryCode() string {
	var raw [recoveryGroups * recoveryGroup]byte
	_, _ = rand.Read(raw[:]) // never fails: see crypto/rand
	var b strings.Builder
	for i, c := range raw {
		if i > 0 && i%recoveryGroup == 0 {
			b.WriteByte('-')
		}
		b.WriteByte(recoveryAlphabet[int(c)%len(recoveryAlphabet)])
	}
	return b.String()
}

// plain is a code as it is compared: people leave out the hyphens, or write small letters.
func plain(code string) string {
	if len(code) > 64 {
		return ""
	}
	return strings.ToUpper(strings.Map(func(c rune) rune {
		if c == '-' || c == ' ' || c == '\t' {
			return -1
		}
		return c
	}, code))
}
