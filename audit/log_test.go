package audit_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/audit"
)

// store is an audit.Store in memory.
type store struct {
	audit.Store
	mu     sync.Mutex
	events []audit.Event
	calls  int
	fails  int           // so many calls fail first
	block  chan struct{} // if set, a call waits for it
}

func (s *store) AppendEvents(_ context.Context, events ...audit.Event) error {
	if s.block != nil {
		<-s.block
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls++
	if s.calls <= s.fails {
		return errors.New("away")
	}
	s.events = append(s.events, events...)
	return nil
}

// lines collects what is logged.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func logger(l *lines) *slog.Logger {
	return slog.New(slog.NewJSONHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func finish(t *testing.T, l *audit.Log) {
	t.Helper()
	if err := l.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
}

var replay = audit.Event{
	At: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), Kind: audit.RefreshReplayed, Realm: "default", Client: "app", User: "dory",
	Grant: "refresh_token", Dialect: "kustvakt", Reason: "refresh_replayed", Source: netip.MustParseAddr("192.0.2.1"),
}

func TestAttributesAreFixed(t *testing.T) {
	var out lines
	l := audit.NewLog(nil, logger(&out))
	e := replay
	e.Detail = "line one\nline two"
	l.Record(t.Context(), e)
	l.Record(t.Context(), audit.Event{Kind: audit.TokenIssued})
	finish(t, l)
	var got []map[string]string
	for line := range strings.Lines(out.String()) {
		m := map[string]string{}
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		delete(m, "time")
		got = append(got, m)
	}
	want := []map[string]string{
		{
			"level": "WARN", "msg": "refresh_replayed", "realm": "default", "client": "app", "user": "dory", "grant": "refresh_token",
			"dialect": "kustvakt", "reason": "refresh_replayed", "source": "192.0.2.1", "detail": "line one\nline two",
		},
		{"level": "INFO", "msg": "token_issued"},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("logged\n%v, want\n%v", got, want)
	}
}

func TestOnlyStoredKindsAreStored(t *testing.T) {
	s := &store{}
	seen := map[audit.Kind]int{}
	l := audit.NewLog(s, slog.New(slog.DiscardHandler), func(e audit.Event) { seen[e.Kind]++ })
	kinds := []audit.Kind{
		audit.TokenIssued, audit.TokenRefused, audit.TokenRevoked, audit.SignedIn, audit.SignInRefused,
		audit.RefreshReplayed, audit.CodeReplayed, audit.ConfigChanged, audit.KeyRotated, audit.CredentialReset, audit.FactorChanged,
	}
	for _, k := range kinds {
		l.Record(t.Context(), audit.Event{Kind: k})
	}
	finish(t, l)
	var stored []audit.Kind
	for _, e := range s.events {
		stored = append(stored, e.Kind)
	}
	if got := fmt.Sprint(stored); got != fmt.Sprint(kinds[5:]) {
		t.Errorf("stored %s", got)
	}
	for _, k := range kinds {
		if seen[k] != 1 {
			t.Errorf("the hook saw %s %d times", k, seen[k])
		}
	}
}

func TestCloseStoresWhatIsQueued(t *testing.T) {
	s := &store{block: make(chan struct{})}
	l := audit.NewLog(s, slog.New(slog.DiscardHandler))
	for range 1000 {
		l.Record(t.Context(), replay)
	}
	close(s.block)
	finish(t, l)
	finish(t, l) // twice is no mistake
	if n := len(s.events); n != 1000 {
		t.Errorf("%d of 1000 stored", n)
	}
	if s.calls > 100 {
		t.Errorf("%d writes for 1000 events", s.calls)
	}
	l.Record(t.Context(), replay) // nor is this
	if n := len(s.events); n != 1000 {
		t.Errorf("stored after Close: %d", n)
	}
}

func TestCloseGivesUpWithItsContext(t *testing.T) {
	s := &store{block: make(chan struct{})}
	l := audit.NewLog(s, slog.New(slog.DiscardHandler))
	l.Record(t.Context(), replay)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Close(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	close(s.block)
	finish(t, l)
}

// A store that hangs holds up nobody, and what it could not take is told.
func TestStoreHangs(t *testing.T) {
	var out lines
	s := &store{block: make(chan struct{})}
	l := audit.NewLog(s, logger(&out))
	for range 3000 {
		l.Record(t.Context(), replay)
	}
	close(s.block)
	finish(t, l)
	lost := strings.Count(out.String(), "audit event not stored")
	if lost == 0 || lost+len(s.events) != 3000 {
		t.Errorf("%d lost and told, %d stored", lost, len(s.events))
	}
}

func TestStoreIsTriedAgain(t *testing.T) {
	for fails, stored := range map[int]int{0: 1, 1: 1, 2: 1, 3: 0} {
		synctest.Test(t, func(t *testing.T) {
			var out lines
			s := &store{fails: fails}
			l := audit.NewLog(s, logger(&out))
			l.Record(t.Context(), replay)
			time.Sleep(time.Minute)
			finish(t, l)
			if len(s.events) != stored {
				t.Errorf("after %d failures: %d stored", fails, len(s.events))
			}
			if told := strings.Contains(out.String(), "audit events not stored"); told != (stored == 0) {
				t.Errorf("after %d failures: told %v", fails, told)
			}
		})
	}
}

func TestRecordAndCloseAtOnce(t *testing.T) {
	s := &store{}
	l := audit.NewLog(s, slog.New(slog.DiscardHandler))
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 200 {
				l.Record(context.Background(), replay)
			}
		})
	}
	wg.Go(func() { _ = l.Close(context.Background()) })
	wg.Wait()
	finish(t, l)
}
