package token_test

import (
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"testing"

	"sallyport/key"
	"sallyport/realm"
	"sallyport/token"
)

func BenchmarkIssue(b *testing.B) {
	for _, c := range []struct {
		name   string
		format realm.Format
		alg    key.Alg
	}{
		{"sealed", realm.Opaque, ""}, {"reference", realm.Reference, ""},
		{"ES256", realm.JWT, key.ES256}, {"EdDSA", realm.JWT, key.EdDSA}, {"RS256", realm.JWT, key.RS256},
	} {
		h := newHouse(b)
		a := h.auth(c.format)
		a.Access.Alg, a.User, a.WithRefresh = string(c.alg), nil, false
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h.issue(a)
			}
		})
		if c.alg == "" {
			continue
		}
		k, err := h.ring.Signer(b.Context(), "default", c.alg)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(c.name+"-signature-alone", func(b *testing.B) {
			sum := sha256.Sum256([]byte("text"))
			opts := crypto.SignerOpts(crypto.SHA256)
			if c.alg == key.EdDSA {
				opts = crypto.Hash(0)
			}
			for b.Loop() {
				if _, err := k.Key.Sign(rand.Reader, sum[:], opts); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	h := newHouse(b)
	access, _ := everyToken(h)
	for _, name := range []string{"opaque", "reference", "ES256", "EdDSA", "RS256", "digirunner"} {
		raw := access[name]
		run := func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := h.Verify(b.Context(), h.realm, raw); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.Run(name+"-hit", run)
		b.Run(name+"-miss", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				h.Forget()
				if _, err := h.Verify(b.Context(), h.realm, raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("opaque-hit-after-revocations", func(b *testing.B) {
		b.ReportAllocs()
		r := token.Revocation{Realm: "default", Kind: token.RevokeToken, Key: "x", Until: h.now()}
		for b.Loop() {
			h.store.tell(r)
			if _, err := h.Verify(b.Context(), h.realm, access["opaque"]); err != nil {
				b.Fatal(err)
			}
		}
	})
}
