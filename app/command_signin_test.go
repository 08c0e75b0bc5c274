package app_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sallyport/app"
	"sallyport/factor"
	"sallyport/feed"
	"sallyport/session"
	"sallyport/store"
	"sallyport/token"
)

// run runs a command on a data folder.
func run(t *testing.T, data string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = app.Run(t.Context(), app.Process{
		Version: "test", Args: append(args, "--data", data), Getenv: func(string) (string, bool) { return "", false },
		Stdin: strings.NewReader(""), Stdout: &out, Stderr: &err,
	})
	return code, out.String(), err.String()
}

// withStore opens what the commands work on.
func withStore(t *testing.T, data string, do func(ctx context.Context, s *store.Store)) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{URL: filepath.Join(data, "sallyport.db"), Hub: &feed.Hub{}, Log: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	do(t.Context(), s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// signedIn is a data folder with a user who has two factors and two sessions.
func signedIn(t *testing.T) string {
	t.Helper()
	data := t.TempDir()
	if code, _, err := run(t, data, "user", "add", "dory", "--no-password"); code != 0 {
		t.Fatal(err)
	}
	now := time.Now().UTC().Truncate(time.Microsecond)
	withStore(t, data, func(ctx context.Context, s *store.Store) {
		for _, f := range []*factor.Factor{{ID: "key1", Kind: factor.Passkey, Name: "Laptop", Doc: []byte(`{"secret":"do not show"}`)}, {ID: "totp1", Kind: factor.TOTP, Name: "Phone", Doc: []byte("{}")}} {
			f.Realm, f.User, f.CreatedAt = "default", "dory", now
			if ok, err := s.AddFactor(ctx, f); err != nil || !ok {
				t.Fatal(ok, err)
			}
		}
		for _, id := range []string{"one", "two"} {
			e := &session.Session{
				Realm: "default", User: "dory", ID: id, Hash: sha256.Sum256([]byte(id)), StartedAt: now, AuthTime: now, SeenAt: now, ExpiresAt: now.Add(time.Hour),
				Agent: "Firefox", Source: "192.0.2.7", ACR: "1", AMR: []string{"pwd"},
			}
			if err := s.StartSession(ctx, e, [32]byte{}); err != nil {
				t.Fatal(err)
			}
		}
	})
	return data
}

func TestUserFactorCommands(t *testing.T) {
	data := signedIn(t)
	code, out, err := run(t, data, "user", "factor", "list", "dory")
	if code != 0 || !strings.Contains(out, "key1") || !strings.Contains(out, "Phone") || strings.Contains(out, "do not show") {
		t.Errorf("list: %d %s %s", code, out, err)
	}
	for _, args := range [][]string{{"dory"}, {"dory", "key1", "--all"}, {"dory", "key2"}, {"nemo", "--all"}} {
		if code, _, _ := run(t, data, append([]string{"user", "factor", "remove"}, args...)...); code != 2 {
			t.Errorf("remove %v: %d", args, code)
		}
	}
	if code, out, err := run(t, data, "user", "factor", "remove", "dory", "key1"); code != 0 || out != "- factor key1 of user dory\n" {
		t.Errorf("remove: %d %s %s", code, out, err)
	}
	if code, out, err := run(t, data, "user", "factor", "list", "dory", "--json"); code != 0 || strings.Contains(out, "key1") || !strings.Contains(out, "totp1") {
		t.Errorf("list: %d %s %s", code, out, err)
	}
	if code, out, err := run(t, data, "user", "factor", "remove", "dory", "--all"); code != 0 || out != "- factor totp1 of user dory\n" {
		t.Errorf("remove: %d %s %s", code, out, err)
	}
}

func TestUserSessionCommands(t *testing.T) {
	data := signedIn(t)
	code, out, err := run(t, data, "user", "session", "list", "dory")
	if code != 0 || !strings.Contains(out, "one") || !strings.Contains(out, "192.0.2.7") || !strings.Contains(out, "Firefox") {
		t.Errorf("list: %d %s %s", code, out, err)
	}
	if code, _, err := run(t, data, "user", "session", "end", "dory", "three"); code != 2 || !strings.Contains(err, "has no session") {
		t.Errorf("end: %d %s", code, err)
	}
	if code, out, err := run(t, data, "user", "session", "end", "dory", "one"); code != 0 || out != "- session one of user dory\n" {
		t.Errorf("end: %d %s %s", code, out, err)
	}
	if code, out, err := run(t, data, "user", "session", "end", "dory"); code != 0 || out != "- session two of user dory\n" {
		t.Errorf("end: %d %s %s", code, out, err)
	}
	if code, out, _ := run(t, data, "user", "session", "end", "dory"); code != 0 || out != "user dory has no session\n" {
		t.Errorf("end: %d %s", code, out)
	}
	withStore(t, data, func(ctx context.Context, s *store.Store) {
		all, err := s.Revocations(ctx, time.Now())
		if err != nil || len(all) != 2 {
			t.Fatalf("%+v %v", all, err)
		}
		for _, r := range all {
			if r.Kind != token.RevokeSession || r.Realm != "default" || r.Key != "one" && r.Key != "two" || time.Until(r.Until) < 24*time.Hour {
				t.Errorf("%+v", r)
			}
		}
	})
}
