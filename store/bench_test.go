package store_test

import (
	"context"
	"encoding/binary"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/scope"
	"sallyport/store"
	"sallyport/store/postgres/pgtest"
	"sallyport/token"
)

func benchmark(b *testing.B, run func(b *testing.B, s *store.Store)) {
	for name, url := range map[string]func() string{
		"sqlite":   func() string { return filepath.Join(b.TempDir(), "bench.db") },
		"postgres": func() string { return pgtest.Start(b) },
	} {
		b.Run(name, func(b *testing.B) {
			s, err := store.Open(context.Background(), store.Options{URL: url(), Log: slog.New(slog.DiscardHandler)})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			b.ReportAllocs()
			run(b, s)
		})
	}
}

func benchFamily(n uint64) *token.Family {
	at := time.Unix(1_800_000_000, 0)
	f := &token.Family{
		Realm: "default", Client: "tspclient", User: "tspuser", Grant: "password", Scope: scope.Set{"2000000006"},
		Generation: 1, StartedAt: at, RotatedAt: at, ExpiresAt: at.Add(720 * time.Hour),
	}
	binary.BigEndian.PutUint64(f.ID[:], n*0x9E3779B97F4A7C15) // spread, as random ids are
	binary.BigEndian.PutUint64(f.ID[8:], n)
	return f
}

func benchReference(n uint64) *token.Reference {
	at := time.Unix(1_800_000_000, 0)
	r := &token.Reference{
		Realm: "default", ID: "0198c0de-0000-7000-8000-000000000000", Client: "tspclient",
		Scope: scope.Set{"read", "write"}, IssuedAt: at, StartedAt: at, ExpiresAt: at.Add(time.Hour),
	}
	binary.BigEndian.PutUint64(r.Hash[:], n*0x9E3779B97F4A7C15)
	binary.BigEndian.PutUint64(r.Hash[24:], n)
	return r
}

// group64 runs a write from 64 goroutines at a time.
func group64(b *testing.B, write func(n uint64) error) {
	var n atomic.Uint64
	b.SetParallelism(32) // of two processors
	b.ResetTimer()
	b.RunParallel(func(p *testing.PB) {
		for p.Next() {
			if err := write(n.Add(1)); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkCreateGrantGroup64(b *testing.B) {
	benchmark(b, func(b *testing.B, s *store.Store) {
		group64(b, func(n uint64) error { return s.CreateGrant(context.Background(), benchFamily(n), nil) })
	})
}

func BenchmarkCreateReferenceGroup64(b *testing.B) {
	benchmark(b, func(b *testing.B, s *store.Store) {
		group64(b, func(n uint64) error { return s.CreateGrant(context.Background(), nil, benchReference(n)) })
		if size, err := s.Size(context.Background()); err == nil {
			b.ReportMetric(float64(size)/float64(b.N), "bytes/token")
		}
	})
}

func BenchmarkAdvanceFamily(b *testing.B) {
	benchmark(b, func(b *testing.B, s *store.Store) {
		const families = 1024
		var generations [families]atomic.Uint32
		for n := range families {
			if err := s.CreateGrant(context.Background(), benchFamily(uint64(n)), nil); err != nil {
				b.Fatal(err)
			}
		}
		now := time.Unix(1_800_000_000, 0)
		group64(b, func(n uint64) error {
			f := benchFamily(n % families)
			_, err := s.AdvanceFamily(context.Background(), token.Advance{
				Realm: f.Realm, Family: f.ID, ExpiresAt: f.ExpiresAt, Presented: generations[n%families].Add(1),
				Now: now, Rotate: true, Grace: time.Hour,
			})
			return err
		})
	})
}

func BenchmarkFamily(b *testing.B) {
	benchmark(b, func(b *testing.B, s *store.Store) {
		f := benchFamily(1)
		if err := s.CreateGrant(context.Background(), f, nil); err != nil {
			b.Fatal(err)
		}
		b.ResetTimer()
		for b.Loop() {
			if got, err := s.Family(context.Background(), f.Realm, f.ID, f.ExpiresAt); err != nil || got == nil {
				b.Fatal(got, err)
			}
		}
	})
}
