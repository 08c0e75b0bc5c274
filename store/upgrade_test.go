package store_test

import (
	"database/sql"
	"log/slog"
	"regexp"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sallyport/store"
	"sallyport/ticket"
	"sallyport/token"
)

// What the release before sign-in left behind.
const beforeSignIn = `
	INSERT INTO realm (name, doc) VALUES ('default', '{}');
	INSERT INTO account (realm, name, password, doc) VALUES
		('default', 'dory', 'x', '{"name":"dory","email":"Dory@Reef.EXAMPLE","status":"on"}'),
		('default', 'élan', 'x', '{"name":"élan","email":"É@Reef.example","status":"on"}'),
		('default', 'nemo', 'x', '{"name":"nemo","status":"on"}');
	INSERT INTO family (bucket, id, realm, client, account, grant_type, shape, scope, generation, uses, started_at, rotated_at, expires_at)
		VALUES (500000, BYTES(01000000000000000000000000000000), 'default', 'app', 'dory', 'password', '', 'read', 1, 0, 1, 1, 1800000000000000);
	INSERT INTO reference (bucket, hash, realm, client, account, id, family, generation, scope, audience, issued_at, started_at, expires_at)
		VALUES (500000, BYTES(02), 'default', 'app', 'dory', 'jti', BYTES(), 0, 'read', '', 1, 1, 1800000000000000);
	INSERT INTO ticket (hash, bucket, realm, kind, body, expires_at)
		VALUES (BYTES(0300000000000000000000000000000000000000000000000000000000000000), 500000, 'default', 'code', BYTES(04), 1800000000000000)`

// bytesLiteral finds what the two databases write differently.
var bytesLiteral = regexp.MustCompile(`BYTES\(([0-9a-f]*)\)`)

// TestUpgradeToSignIn: what was stored before there were sign-ins is there afterwards, and can be used in the new ways.
func TestUpgradeToSignIn(t *testing.T) {
	databases(t, func(t *testing.T, name, url string) {
		if err := store.Migrate(t.Context(), url, history(t)[:2]); err != nil {
			t.Fatal(err)
		}
		fill(t, name, url)
		s, err := store.Open(t.Context(), store.Options{URL: url, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for email, want := range map[string]string{"dory@reef.example": "dory", "É@reef.example": "élan", "é@reef.example": "", "": ""} {
			u, err := s.UserByEmail(t.Context(), "default", email)
			if err != nil {
				t.Fatal(err)
			}
			if (u == nil) != (want == "") || u != nil && u.Name != want {
				t.Errorf("%q is %+v, want %q", email, u, want)
			}
		}
		expires := time.UnixMicro(1800000000000000)
		f, err := s.Family(t.Context(), "default", token.ID{1}, expires)
		if err != nil || f == nil || f.SignIn != nil {
			t.Errorf("family: %+v, %v", f, err)
		}
		refs, err := s.References(t.Context(), "default", "dory", "", expires.Add(-time.Hour))
		if err != nil || len(refs) != 1 || refs[0].SignIn != nil {
			t.Errorf("references: %+v, %v", refs, err)
		}
		for _, want := range []bool{false, true} {
			x, spent, err := s.SpendTicket(t.Context(), "default", ticket.Code, [32]byte{3}, expires.Add(-time.Hour), expires)
			if err != nil || x == nil || spent != want {
				t.Errorf("ticket: %+v, spent = %v, want %v: %v", x, spent, want, err)
			}
		}
	})
}

func fill(t *testing.T, database, url string) {
	t.Helper()
	if database == "postgres" {
		c, err := pgx.Connect(t.Context(), url)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close(t.Context())
		if _, err := c.Exec(t.Context(), bytesLiteral.ReplaceAllString(beforeSignIn, `'\x$1'::bytea`)); err != nil {
			t.Fatal(err)
		}
		return
	}
	db, err := sql.Open("sqlite", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.ExecContext(t.Context(), bytesLiteral.ReplaceAllString(beforeSignIn, `x'$1'`)); err != nil {
		t.Fatal(err)
	}
}
