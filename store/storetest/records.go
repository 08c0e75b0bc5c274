package storetest

import (
	"bytes"
	"fmt"
	"net/netip"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/audit"
	"sallyport/key"
	"sallyport/oauth"
)

func recordTests() map[string]func(*testing.T, Database) {
	return map[string]func(*testing.T, Database){
		"keys":           keys,
		"race for a key": raceForAKey,
		"events":         events,
		"event pages":    eventPages,
	}
}

func keys(t *testing.T, d Database) {
	s := open(t, d)
	add := func(k key.Record, retire time.Time, want bool) {
		t.Helper()
		if got := must(s.AddKey(t.Context(), k, retire))(t); got != want {
			t.Fatalf("added = %v, want %v", got, want)
		}
	}
	every := bytes.Repeat([]byte{0, 1, 0xff}, 700)
	first := key.Record{Realm: "default", Alg: key.ES256, Serial: 1, ID: "k1", Public: every, Sealed: []byte{0}, CreatedAt: now, ActiveAt: now.Add(time.Hour)}
	secret := key.Record{Realm: "default", Alg: key.Secret, Serial: 1, ID: "s1", Sealed: every, CreatedAt: now}
	other := key.Record{Realm: "other", Alg: key.ES256, Serial: 1, ID: "o1"}
	for _, k := range []key.Record{first, secret, other} {
		add(k, time.Time{}, true)
	}
	taken := first
	taken.ID = "too late"
	add(taken, now.Add(time.Hour), false)
	check := func(want ...key.Record) {
		t.Helper()
		if diff := cmp.Diff(want, must(s.Keys(t.Context(), "default"))(t)); diff != "" {
			t.Error(diff)
		}
	}
	check(first, secret)

	second := key.Record{Realm: "default", Alg: key.ES256, Serial: 2, ID: "k2", CreatedAt: now}
	add(second, now.Add(2*time.Hour), true)
	first.ExpiresAt = now.Add(2 * time.Hour)
	check(first, second, secret)

	third := key.Record{Realm: "default", Alg: key.ES256, Serial: 3, ID: "k3", CreatedAt: now}
	add(third, now.Add(3*time.Hour), true)
	second.ExpiresAt = now.Add(3 * time.Hour) // that of the first stays
	check(first, second, third, secret)

	ok(t, s.DeleteExpiredKeys(t.Context(), now.Add(2*time.Hour)))
	check(first, second, third, secret)
	ok(t, s.DeleteExpiredKeys(t.Context(), now.Add(2*time.Hour+time.Microsecond)))
	check(second, third, secret)
	if n := len(must(s.Keys(t.Context(), "other"))(t)); n != 1 {
		t.Errorf("%d keys in the other realm", n)
	}
}

func raceForAKey(t *testing.T, d Database) {
	s := open(t, d)
	var won atomic.Int32
	var all sync.WaitGroup
	for n := range 8 {
		all.Go(func() {
			added, err := s.AddKey(t.Context(), key.Record{Realm: "default", Alg: key.RS256, Serial: 1, ID: fmt.Sprint(n)}, time.Time{})
			if err != nil {
				t.Error(err)
			}
			if added {
				won.Add(1)
			}
		})
	}
	all.Wait()
	if n := won.Load(); n != 1 {
		t.Errorf("%d racers won", n)
	}
	if n := len(must(s.Keys(t.Context(), "default"))(t)); n != 1 {
		t.Errorf("%d keys", n)
	}
}

func events(t *testing.T, d Database) {
	s := open(t, d)
	full := audit.Event{
		At: now, Kind: audit.RefreshReplayed, Realm: "default", Client: awkward, User: awkward, Grant: "refresh_token", Dialect: "ddi",
		Reason: oauth.RefreshReplayed, Source: netip.MustParseAddr("2001:db8::1"), Detail: awkward,
	}
	stray := audit.Event{At: now.Add(-time.Second), Kind: audit.ConfigChanged, Realm: "default", Detail: "a\x00b\xff"}
	bare := audit.Event{At: now.Add(time.Second), Kind: audit.KeyRotated, Realm: "default"}
	ok(t, s.AppendEvents(t.Context()))
	ok(t, s.AppendEvents(t.Context(), full, bare, stray, audit.Event{At: now, Realm: "other"}))
	stray.Detail = "a\uFFFDb\uFFFD" // no database keeps those bytes, and the event must not be lost
	if diff := cmp.Diff([]audit.Event{bare, full, stray}, must(s.Events(t.Context(), "default", time.Time{}, 10))(t), cmp.Comparer(sameAddr)); diff != "" {
		t.Error(diff)
	}
	if n := len(must(s.Events(t.Context(), "default", time.Time{}, 0))(t)); n != 0 {
		t.Errorf("a page of none has %d", n)
	}
}

func sameAddr(a, b netip.Addr) bool { return a == b }

func eventPages(t *testing.T, d Database) {
	s := open(t, d)
	var all []audit.Event
	for n := range 20 {
		// Five moments with four events each: a page never ends within one.
		all = append(all, audit.Event{At: now.Add(time.Duration(n/4) * time.Second), Kind: audit.ConfigChanged, Realm: "default", Detail: fmt.Sprint(n)})
	}
	ok(t, s.AppendEvents(t.Context(), all...))
	var got []string
	var sizes []int
	for before := (time.Time{}); len(sizes) < 10; {
		page := must(s.Events(t.Context(), "default", before, 6))(t)
		if len(page) == 0 {
			break
		}
		sizes = append(sizes, len(page))
		for _, e := range page {
			got = append(got, e.Detail)
		}
		before = page[len(page)-1].At
	}
	var want []string
	for n := 19; n >= 0; n-- {
		want = append(want, fmt.Sprint(n))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]int{8, 8, 4}, sizes); diff != "" {
		t.Error(diff)
	}
}
