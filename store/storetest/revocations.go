package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/token"
)

func revocationTests() map[string]func(*testing.T, Database) {
	return map[string]func(*testing.T, Database){
		"are kept":         revocationsAreKept,
		"largest and last": largestAndLast,
		"with a token":     revocationWithAToken,
	}
}

func revocationsAreKept(t *testing.T, d Database) {
	s := open(t, d)
	until := now.Add(time.Hour)
	want := []token.Revocation{
		{Realm: awkward, Kind: token.RevokeToken, Key: awkward, Until: until},
		{Realm: "default", Kind: token.RevokeClient, Key: "app", Bound: now.UnixMicro(), Until: until},
		{Realm: "default", Kind: token.RevokeFamily, Key: "f", Bound: token.WholeFamily, Until: until},
		{Realm: "default", Kind: token.RevokeClientUser, Key: "app\x00dory", Bound: 1, Until: now.Add(time.Microsecond)},
		{Realm: "default", Kind: token.RevokeToken, Key: "", Until: until},
		{Realm: "default", Kind: token.RevokeUser, Key: "app", Bound: 2, Until: until},
	}
	over := token.Revocation{Realm: "default", Kind: token.RevokeToken, Key: "over", Until: now}
	ok(t, s.Revoke(t.Context(), [32]byte{}, 0, append(want, over)...))
	if diff := cmp.Diff(want, must(s.Revocations(t.Context(), now))(t)); diff != "" {
		t.Error(diff)
	}
	ok(t, s.Revoke(t.Context(), [32]byte{}, 0))
}

func largestAndLast(t *testing.T, d Database) {
	s := open(t, d)
	r := token.Revocation{Realm: "default", Kind: token.RevokeClient, Key: "app"}
	for _, step := range []struct {
		bound, wantBound int64
		until, wantUntil time.Duration
	}{
		{5, 5, 10 * time.Minute, 10 * time.Minute},
		{3, 5, 5 * time.Minute, 10 * time.Minute},
		{4, 5, 20 * time.Minute, 20 * time.Minute},
		{9, 9, 1 * time.Minute, 20 * time.Minute},
		{2, 9, 5 * time.Hour, 5 * time.Hour}, // another hour
		{10, 10, time.Minute, 5 * time.Hour},
	} {
		r.Bound, r.Until = step.bound, now.Add(step.until)
		ok(t, s.Revoke(t.Context(), [32]byte{}, 0, r))
		want := []token.Revocation{{Realm: "default", Kind: token.RevokeClient, Key: "app", Bound: step.wantBound, Until: now.Add(step.wantUntil)}}
		if diff := cmp.Diff(want, must(s.Revocations(t.Context(), now))(t)); diff != "" {
			t.Errorf("after %+v: %s", step, diff)
		}
	}
}

func revocationWithAToken(t *testing.T, d Database) {
	s := open(t, d)
	gone, kept := reference(1, "dory"), reference(2, "dory")
	create(t, s, nil, gone)
	create(t, s, nil, kept)
	r := token.Revocation{Realm: "default", Kind: token.RevokeToken, Key: gone.ID, Until: gone.ExpiresAt}
	ok(t, s.Revoke(t.Context(), gone.Hash, token.Bucket(gone.ExpiresAt), r))
	ok(t, s.Revoke(t.Context(), gone.Hash, token.Bucket(gone.ExpiresAt), r))
	if getReference(t, s, gone) != nil || getReference(t, s, kept) == nil {
		t.Error("not that token alone was deleted")
	}
	if n := len(must(s.Revocations(t.Context(), now))(t)); n != 1 {
		t.Errorf("%d revocations", n)
	}
}
