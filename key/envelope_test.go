package key_test

import (
	"bytes"
	"encoding/hex"
	"testing"

	"sallyport/key"
)

func TestEnvelopeOpensForItsRecordOnly(t *testing.T) {
	m := key.Master{1}
	of := key.Record{Realm: "default", Alg: key.RS256, ID: "kid"}
	sealed, err := key.Seal(m, &of, []byte("private"))
	if err != nil {
		t.Fatal(err)
	}
	again, err := key.Seal(m, &of, []byte("private"))
	if err != nil || bytes.Equal(sealed, again) {
		t.Fatalf("sealing twice gives the same bytes (%v): the nonce is not random", err)
	}
	try := func(name string, m key.Master, rec key.Record, want bool) {
		t.Helper()
		plain, err := key.Open(m, &rec)
		if (err == nil) != want || want && string(plain) != "private" {
			t.Errorf("%s: opened is %v (%v)", name, err == nil, err)
		}
	}
	with := func(change func(*key.Record)) key.Record {
		rec := of
		rec.Sealed = bytes.Clone(sealed)
		change(&rec)
		return rec
	}
	try("itself", m, with(func(*key.Record) {}), true)
	try("another master", key.Master{2}, with(func(*key.Record) {}), false)
	try("another realm", m, with(func(r *key.Record) { r.Realm = "other" }), false)
	try("another kid", m, with(func(r *key.Record) { r.ID = "kid2" }), false)
	try("another algorithm", m, with(func(r *key.Record) { r.Alg = key.PS256 }), false)
	try("another version", m, with(func(r *key.Record) { r.Sealed[0]++ }), false)
	try("shortened", m, with(func(r *key.Record) { r.Sealed = r.Sealed[:len(r.Sealed)-1] }), false)
	try("lengthened", m, with(func(r *key.Record) { r.Sealed = append(r.Sealed, 0) }), false)
	for i := range sealed {
		try("a bit turned", m, with(func(r *key.Record) { r.Sealed[i] ^= 1 }), false)
	}
}

// FuzzEnvelope: nothing but what was sealed opens, and nothing panics.
func FuzzEnvelope(f *testing.F) {
	m := key.Master{1}
	of := key.Record{Realm: "default", Alg: key.Secret, ID: "kid"}
	// Sealed once and for all: the workers of a fuzz run are processes of their own.
	genuine, err := hex.DecodeString("01af3212ae8ee4809a3ef94c464f7b1785577e32d2ef0d038868d56e13ca28268ce19a38")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(genuine)
	f.Add(genuine[:12])
	f.Add([]byte{1})
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, sealed []byte) {
		rec := of
		rec.Sealed = sealed
		plain, err := key.Open(m, &rec)
		if opened := err == nil; opened != bytes.Equal(sealed, genuine) || opened && string(plain) != "private" {
			t.Fatalf("%x: %q, %v", sealed, plain, err)
		}
	})
}
