package ratelimit_test

import (
	"fmt"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/feed"
	"sallyport/policy"
	"sallyport/policy/policytest"
	"sallyport/policy/ratelimit"
)

func keyOf(tb testing.TB, id string) policy.Key {
	tb.Helper()
	by, err := policy.ParseBy("client")
	if err != nil {
		tb.Fatal(err)
	}
	c := policytest.NewCall("GET", "/")
	c.Caller.Client = id
	key, err := by.Key(c)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

// Those who have been still for long enough make room for those who come.
func TestIdleLimitersGo(t *testing.T) {
	table := ratelimit.NewTable(1 << 20)
	limit := ratelimit.Limit{Interval: int64(time.Millisecond), Burst: 10}
	now := policytest.Time.UnixNano()
	most := 0
	for n := range 200_000 {
		table.Take(keyOf(t, fmt.Sprint("client", n)), limit, now)
		now += int64(time.Microsecond) // each is busy for 1 ms after its call, so 1,000 are at any time
		if n%1000 == 0 {
			most = max(most, table.Size())
		}
	}
	if size := table.Size(); size > 3000 || most > 3000 {
		t.Errorf("%d limiters, at most %d at a time, for 1000 callers that are busy", size, most)
	}
}

// However many come at the same time, the table has its bounds; who is dropped is one that was hardly limited.
func TestTableIsBounded(t *testing.T) {
	table := ratelimit.NewTable(100)
	limit := ratelimit.Limit{Interval: int64(time.Hour), Burst: 2}
	now := policytest.Time.UnixNano()
	for n := range 50_000 {
		table.Take(keyOf(t, fmt.Sprint("client", n)), limit, now)
	}
	if size := table.Size(); size > 100*ratelimit.Parts {
		t.Errorf("%d limiters, at most %d are allowed", size, 100*ratelimit.Parts)
	}
}

// Limiters that are dropped while they are in use count on: nobody gets more than agreed because of it.
func TestDroppedWhileInUse(t *testing.T) {
	table := ratelimit.NewTable(1 << 20)
	limit := ratelimit.Limit{Interval: int64(time.Second), Burst: 1}
	var clock atomic.Int64
	clock.Store(policytest.Time.UnixNano())
	const step = int64(20*time.Second) / (8 * 20_000) // all calls take 20 s
	var all sync.WaitGroup
	counts := make([]int, 8)
	for worker := range counts {
		all.Go(func() {
			for n := range 20_000 {
				if table.Take(keyOf(t, fmt.Sprint(n%1000)), limit, clock.Add(step)) {
					counts[worker]++
				}
			}
		})
	}
	all.Wait()
	total := 0
	for _, n := range counts {
		total += n
	}
	// One at first and one each second; and a few that came before others whose clock was ahead by some steps.
	if most := 21*1000 + 100; total > most {
		t.Errorf("%d calls passed, at most %d are agreed", total, most)
	}
}

// A million callers at the same time; under the race detector, which is slow, fewer.
func TestMillionKeys(t *testing.T) {
	const callers = 1_000_000 / slowness
	p := policytest.Make(t, ratelimit.Kind(), `{"rate": "10/h", "by": "address", "fields": false}`)
	before := heap()
	c := &policy.Call{Time: policytest.Time}
	for n := range callers {
		c.Source = netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)})
		if err := p.Request(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	used := heap() - before
	t.Logf("%d limiters take %d MiB, %d bytes each", ratelimit.SizeOf(p), used>>20, used/callers)
	if n := ratelimit.SizeOf(p); n != callers || used > 250*callers {
		t.Errorf("%d limiters in %d bytes", n, used)
	}
	runtime.KeepAlive(p)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func benchmark(b *testing.B, settings string, slots *feed.Slots) {
	p := policytest.Make(b, ratelimit.Kind(), settings)
	c := caller("shop", slots)
	reply := policy.Fields{}
	c.Reply = reply
	b.ReportAllocs()
	for b.Loop() {
		delete(reply, "Ratelimit") // each call has an answer of its own
		delete(reply, "Ratelimit-Policy")
		c.Time = c.Time.Add(time.Millisecond)
		if err := p.Request(b.Context(), c); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkByClient(b *testing.B) {
	benchmark(b, `{"rate": "1000000/s", "burst": 1000}`, &feed.Slots{})
}

func BenchmarkByClientWithoutFields(b *testing.B) {
	benchmark(b, `{"rate": "1000000/s", "burst": 1000, "fields": false}`, &feed.Slots{})
}

func BenchmarkByClientWithoutSlots(b *testing.B) {
	benchmark(b, `{"rate": "1000000/s", "burst": 1000, "fields": false}`, nil)
}

func BenchmarkByAddress(b *testing.B) {
	benchmark(b, `{"rate": "1000000/s", "burst": 1000, "by": "address", "fields": false}`, nil)
}
