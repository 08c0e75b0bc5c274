package key_test

import (
	"bytes"
	"testing"

	"sallyport/key"
)

func TestSealedSecrets(t *testing.T) {
	master := key.Master{1}
	sealed, err := master.Seal("credential", "default", "id", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	if plain, err := master.Open("credential", "default", "id", sealed); err != nil || string(plain) != "secret" {
		t.Fatalf("%q, %v", plain, err)
	}
	again, _ := master.Seal("credential", "default", "id", []byte("secret"))
	if bytes.Contains(sealed, []byte("secret")) || bytes.Equal(sealed, again) {
		t.Error("the envelope shows what is in it")
	}
	changed := bytes.Clone(sealed)
	changed[len(changed)-1] ^= 1
	for name, open := range map[string]func() ([]byte, error){
		"another purpose": func() ([]byte, error) { return master.Open("other", "default", "id", sealed) },
		"another realm":   func() ([]byte, error) { return master.Open("credential", "other", "id", sealed) },
		"another id":      func() ([]byte, error) { return master.Open("credential", "default", "ie", sealed) },
		"another master":  func() ([]byte, error) { return key.Master{2}.Open("credential", "default", "id", sealed) },
		"changed":         func() ([]byte, error) { return master.Open("credential", "default", "id", changed) },
		"cut":             func() ([]byte, error) { return master.Open("credential", "default", "id", sealed[:10]) },
		"empty":           func() ([]byte, error) { return master.Open("credential", "default", "id", nil) },
	} {
		if plain, err := open(); err == nil {
			t.Errorf("%s: opens to %q", name, plain)
		}
	}
}
