package ticket_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"sallyport/ticket"
)

func TestNew(t *testing.T) {
	expires := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	seen := map[string]bool{}
	for range 1000 {
		secret, tk := ticket.New("default", "code", []byte("body"), expires)
		if seen[secret] {
			t.Fatal("repeated")
		}
		seen[secret] = true
		if len(secret) != ticket.SecretLength || strings.Trim(secret, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			t.Fatalf("secret %q", secret)
		}
		if tk.Hash != ticket.Hash(secret) || tk.Realm != "default" || tk.Kind != "code" || string(tk.Body) != "body" || !tk.ExpiresAt.Equal(expires) {
			t.Fatalf("%+v", tk)
		}
		if bytes.Contains([]byte(secret), tk.Hash[:]) {
			t.Fatal("the hash is the secret")
		}
	}
	if ticket.Hash("a") == ticket.Hash("b") {
		t.Error("hashes collide")
	}
}
