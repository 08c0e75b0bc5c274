package store

import (
	"context"

	"sallyport/store/engine"
	"sallyport/token"
)

// One use of a refresh token is one conditional update: the database lets one racer through and shows the others what
// that one wrote. The current generation is tested in the statement, so nothing is read before it.
const (
	familyRotate = `UPDATE family SET generation = generation + 1, uses = uses + 1, rotated_at = $4
		WHERE bucket = $1 AND id = $2 AND realm = $3 AND generation = $5 AND ($6 = 0 OR uses < $6)`
	familyUse = `UPDATE family SET generation = generation + 1, uses = uses + 1, rotated_at = $4
		WHERE bucket = $1 AND id = $2 AND realm = $3 AND ($5 = 0 OR uses < $5)`
	familyState = `SELECT generation, uses, rotated_at FROM family WHERE bucket = $1 AND id = $2 AND realm = $3`
)

// AdvanceFamily implements token.Store.
func (s *Store) AdvanceFamily(ctx context.Context, a token.Advance) (outcome token.Outcome, err error) {
	const op = "advance family"
	if !storable(a.Realm) {
		return token.Gone, nil
	}
	if a.Reference == nil && len(a.Revocations) == 0 {
		outcome, err = s.advanceAlone(ctx, a)
		if err != nil || (outcome != undecided && outcome != token.Replayed) {
			return outcome, fault(op, err)
		}
	}
	err = s.write(ctx, op, func(tx engine.Tx) (err error) {
		for outcome = undecided; outcome == undecided; {
			if outcome, err = use(tx, a); err != nil {
				return err
			}
		}
		switch outcome {
		case token.Replayed:
			return endReplayed(tx, a)
		case token.Advanced, token.Repeated:
			if a.Reference != nil {
				if err := addReference(tx, a.Reference); err != nil {
					return err
				}
			}
			return revoke(tx, a.Revocations)
		}
		return nil
	})
	if err != nil {
		return "", err
	}
	return outcome, nil
}

// undecided is no outcome yet: a racer changed the family between two looks at it.
const undecided token.Outcome = ""

// advanceAlone is the common case, an update with nothing beside it. Only that changes anything here: a replay is ended
// by the caller, and stays one until then.
func (s *Store) advanceAlone(ctx context.Context, a token.Advance) (token.Outcome, error) {
	var done bool
	err := s.engine.WriteOne(ctx, func(tx engine.Tx) (err error) {
		done, err = advance(tx, a)
		return err
	})
	if err != nil {
		return "", err
	}
	if done {
		return token.Advanced, nil
	}
	var f state
	if err := s.engine.Query(ctx, f.read, familyState, familyKey(a)...); err != nil {
		return "", err
	}
	return f.judge(a), nil
}

// use advances the family, or finds out why it does not advance. The answer is one that was true after the attempt: a
// generation only ever grows, so a predecessor stays one.
func use(tx engine.Tx, a token.Advance) (token.Outcome, error) {
	done, err := advance(tx, a)
	if err != nil {
		return "", err
	}
	if done {
		return token.Advanced, nil
	}
	var f state
	if err := tx.Query(f.read, familyState, familyKey(a)...); err != nil {
		return "", err
	}
	return f.judge(a), nil
}

func advance(tx engine.Tx, a token.Advance) (bool, error) {
	if a.Rotate {
		n, err := tx.Exec(familyRotate, append(familyKey(a), micros(a.Now), int64(a.Presented), int64(a.MaxUses))...)
		return n == 1, err
	}
	n, err := tx.Exec(familyUse, append(familyKey(a), micros(a.Now), int64(a.MaxUses))...)
	return n == 1, err
}

func familyKey(a token.Advance) []any { return []any{token.Bucket(a.ExpiresAt), a.Family[:], a.Realm} }

// A state is what of a family decides about a use.
type state struct {
	found            bool
	generation, uses int64
	rotatedAt        int64
}

func (f *state) read(row engine.Row) error {
	f.found = true
	return row.Scan(&f.generation, &f.uses, &f.rotatedAt)
}

// judge says why a family did not advance.
func (f *state) judge(a token.Advance) token.Outcome {
	presented, spent := int64(a.Presented), a.MaxUses > 0 && f.uses >= int64(a.MaxUses)
	switch {
	case !f.found:
		return token.Gone
	case !a.Rotate || presented == f.generation:
		if !spent {
			return undecided
		}
		return token.Exhausted
	case presented > f.generation:
		return token.Gone // never issued: it cannot be ours
	case presented == f.generation-1 && micros(a.Now) <= f.rotatedAt+max(a.Grace, 0).Microseconds():
		return token.Repeated
	}
	return token.Replayed
}

// endReplayed deletes the family: somebody holds a copy of one of its tokens, and nobody can tell who.
// RFC 9700 section 4.14.2.
func endReplayed(tx engine.Tx, a token.Advance) error {
	if _, err := tx.Exec(familyDelete, familyKey(a)...); err != nil {
		return err
	}
	if a.OnReplay.Key == "" {
		return nil
	}
	return revoke(tx, []token.Revocation{a.OnReplay})
}
