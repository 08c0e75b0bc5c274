package upstream_test

import (
	"fmt"
	"net/netip"
	"testing"

	"sallyport/api"
	"sallyport/gateway/upstream"
)

func BenchmarkCall(b *testing.B) {
	for _, n := range []int{1, 4, 16} {
		for _, by := range []string{api.BalanceRandom, api.BalanceRoundRobin, api.BalanceLeast, api.BalanceTwo, api.BalanceHash} {
			b.Run(fmt.Sprintf("%s/%d", by, n), func(b *testing.B) {
				m := newManager(b, upstream.Config{})
				a := &api.API{Name: "a"}
				for i := range n {
					a.Targets = append(a.Targets, api.Target{URL: fmt.Sprintf("http://h%d", i), Weight: 1 + i%2})
				}
				a.Balance.By = by
				g := group(b, m, a)
				from := netip.MustParseAddr("192.0.2.1")
				b.ReportAllocs()
				for b.Loop() {
					t, err := g.Pick(from, "", nil)
					if err != nil {
						b.Fatal(err)
					}
					g.Begin(t)
					g.End(t, 200, nil)
				}
			})
		}
	}
}

// BenchmarkReload is what each API costs whenever any of them changes.
func BenchmarkReload(b *testing.B) {
	m := newManager(b, upstream.Config{})
	a := &api.API{Name: "a", Upstream: "http://127.0.0.1:9000"}
	group(b, m, a)
	b.ReportAllocs()
	for b.Loop() {
		again := *a
		group(b, m, &again)
	}
}
