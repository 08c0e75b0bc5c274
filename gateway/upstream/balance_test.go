package upstream_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"sallyport/api"
	"sallyport/gateway/upstream"
)

var ways = []string{api.BalanceRandom, api.BalanceRoundRobin, api.BalanceLeast, api.BalanceTwo, api.BalanceHash}

// balanced returns an API with targets http://h0, http://h1 … of some weights.
func balanced(by string, weights ...int) *api.API {
	a := &api.API{Realm: "r", Name: "a"}
	a.Balance.By = by
	for i, w := range weights {
		a.Targets = append(a.Targets, api.Target{URL: fmt.Sprintf("http://h%d", i), Weight: w})
	}
	return a
}

// shares picks n times, each time with another key, and counts by host.
func shares(t *testing.T, g *upstream.Group, n int, tried ...*upstream.Target) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for i := range n {
		counts[pick(t, g, fmt.Sprint("key", i), tried...).Host]++
	}
	return counts
}

// wantShares checks counts against weights. Five standard deviations of a binomial distribution are exceeded once in a
// million times, and the seed is fixed.
func wantShares(t *testing.T, counts map[string]int, weights map[string]int) {
	t.Helper()
	n, total := 0, 0
	for _, c := range counts {
		n += c
	}
	for _, w := range weights {
		total += w
	}
	for host, c := range counts {
		p := float64(weights[host]) / float64(total)
		if off := math.Abs(float64(c) - p*float64(n)); off > 5*math.Sqrt(float64(n)*p*(1-p)) {
			t.Errorf("%s got %d of %d calls, want about %.0f", host, c, n, p*float64(n))
		}
	}
}

func TestSharesFollowWeights(t *testing.T) {
	weights := map[string]int{"h0": 1, "h1": 1, "h2": 3, "h4": 15} // the 0 is a 1; h3 gets none
	for _, by := range ways {
		t.Run(by, func(t *testing.T) {
			m := newManager(t, upstream.Config{Rand: seeded(1)})
			g := group(t, m, balanced(by, 0, 1, 3, -1, 15))
			wantShares(t, shares(t, g, 20_000), weights)
		})
	}
}

func TestEqualSharesByHash(t *testing.T) {
	g := group(t, newManager(t, upstream.Config{}), balanced(api.BalanceHash, 7, 7, -1, 7))
	wantShares(t, shares(t, g, 20_000), map[string]int{"h0": 1, "h1": 1, "h3": 1})
}

// Without the one that failed, the others' shares keep their proportions.
func TestSharesWithoutTheTried(t *testing.T) {
	for _, by := range ways {
		t.Run(by, func(t *testing.T) {
			m := newManager(t, upstream.Config{Rand: seeded(2)})
			g := group(t, m, balanced(by, 5, 1, 3, 11))
			heavy := pick(t, g, "")
			for heavy.Host != "h3" {
				heavy = pick(t, g, fmt.Sprint(rand.Uint64()))
			}
			wantShares(t, shares(t, g, 20_000, heavy), map[string]int{"h0": 5, "h1": 1, "h2": 3})
		})
	}
}

func TestTriedAgainIfThereIsNoOther(t *testing.T) {
	for _, by := range ways {
		for _, n := range []int{1, 2} {
			t.Run(fmt.Sprint(by, n), func(t *testing.T) {
				g := group(t, newManager(t, upstream.Config{}), balanced(by, make([]int, n)...))
				first := pick(t, g, "")
				second := pick(t, g, "", first)
				if (first == second) != (n == 1) {
					t.Errorf("the second attempt went to %v after %v, of %d targets", second, first, n)
				}
				if third := pick(t, g, "", first, second); third == nil {
					t.Error("no target for the third attempt")
				}
			})
		}
	}
}

func TestRoundRobinIsExact(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 3))
	m := newManager(t, upstream.Config{})
	for range 200 {
		weights := make([]int, 1+r.IntN(6))
		total := 0
		for i := range weights {
			weights[i] = 1 + r.IntN(20)
			total += weights[i]
		}
		g := group(t, m, balanced(api.BalanceRoundRobin, weights...))
		var served []string
		for range 3 * total {
			served = append(served, pick(t, g, "").Host)
		}
		for start := 0; start < len(served); start += total {
			for i, w := range weights {
				host, n := fmt.Sprint("h", i), 0
				for _, s := range served[start : start+total] {
					if s == host {
						n++
					}
				}
				if n != w {
					t.Fatalf("weights %v: %s got %d of calls %d to %d, want %d", weights, host, n, start, start+total, w)
				}
			}
		}
		m.Sweep(nil)
	}
}

// The order for 5, 1, 1 is the well-known one: the heavy target does not get its five in a row.
func TestRoundRobinIsSmooth(t *testing.T) {
	g := group(t, newManager(t, upstream.Config{}), balanced(api.BalanceRoundRobin, 5, 1, 1))
	var got []string
	for range 7 {
		got = append(got, pick(t, g, "").Host)
	}
	if want := []string{"h0", "h0", "h1", "h0", "h2", "h0", "h0"}; !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
}

// Calls that stay are spread in proportion to the weights, however many there are.
func TestLeastConnectionsFillsByWeight(t *testing.T) {
	weights := []int{1, 2, 7}
	g := group(t, newManager(t, upstream.Config{Rand: seeded(4)}), balanced(api.BalanceLeast, weights...))
	for n := 1; n <= 500; n++ {
		g.Begin(pick(t, g, ""))
		for i, s := range g.States() {
			if want := float64(n*weights[i]) / 10; math.Abs(float64(s.InFlight)-want) > 1.5 {
				t.Fatalf("of %d calls under way %s has %d, want about %.1f", n, s.URL, s.InFlight, want)
			}
		}
	}
}

// A target that is slow gets fewer: here, one whose calls never end.
func TestBusyTargetsAreSpared(t *testing.T) {
	for _, by := range []string{api.BalanceLeast, api.BalanceTwo} {
		t.Run(by, func(t *testing.T) {
			g := group(t, newManager(t, upstream.Config{Rand: seeded(5)}), balanced(by, 1, 1, 1, 1))
			for range 1000 {
				if target := pick(t, g, ""); target.Host == "h2" {
					g.Begin(target)
				}
			}
			if n := g.States()[2].InFlight; n != 1 {
				t.Errorf("%d calls hang at the slow target, want 1: the others are idle", n)
			}
		})
	}
}

// With two choices, the fullest of many targets has hardly more than the average; drawn at random, it has far more.
func TestTwoChoicesAreEven(t *testing.T) {
	fullest := func(by string) (most int64) {
		g := group(t, newManager(t, upstream.Config{Rand: seeded(6)}), balanced(by, make([]int, 50)...))
		for range 5000 {
			g.Begin(pick(t, g, ""))
		}
		for _, s := range g.States() {
			most = max(most, s.InFlight)
		}
		return most
	}
	if two, random := fullest(api.BalanceTwo), fullest(api.BalanceRandom); two > 105 || random < 115 {
		t.Errorf("the fullest of 50 targets has %d calls by two choices and %d by one, of 100 on average", two, random)
	}
}

// assigned returns the host of each of n keys.
func assigned(t *testing.T, a *api.API, n int) []string {
	t.Helper()
	g := group(t, newManager(t, upstream.Config{}), a)
	hosts := make([]string, n)
	for i := range hosts {
		hosts[i] = pick(t, g, fmt.Sprint("user-", i)).Host
	}
	return hosts
}

func TestHashMovesNoMoreThanItMust(t *testing.T) {
	const keys = 20_000
	for _, test := range []struct {
		name    string
		weights []int
		index   int // of the target that changes
		weight  int // from then on
		share   float64
	}{
		{"one of ten leaves", []int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, 3, -1, 1.0 / 10},
		{"one of ten comes", []int{1, 1, 1, -1, 1, 1, 1, 1, 1, 1}, 3, 1, 1.0 / 10},
		{"a heavy one leaves", []int{1, 2, 6, 1}, 2, -1, 6.0 / 10},
		{"a light one leaves", []int{1, 2, 6, 1}, 0, -1, 1.0 / 10},
		{"one gets more", []int{1, 2, 6, 1}, 0, 2, 2.0/11 - 1.0/10},
		{"one gets less", []int{1, 2, 6, 1}, 2, 3, 6.0/10 - 3.0/7},
	} {
		t.Run(test.name, func(t *testing.T) {
			before := balanced(api.BalanceHash, test.weights...)
			after := balanced(api.BalanceHash, test.weights...)
			after.Targets[test.index].Weight = test.weight
			changed := fmt.Sprint("h", test.index)
			moved := 0
			was, is := assigned(t, before, keys), assigned(t, after, keys)
			for i := range was {
				if was[i] == is[i] {
					continue
				}
				moved++
				if was[i] != changed && is[i] != changed {
					t.Fatalf("key %d moved from %s to %s, though %s changed", i, was[i], is[i], changed)
				}
			}
			if got := float64(moved) / keys; math.Abs(got-test.share) > 0.02 {
				t.Errorf("%.3f of the keys moved, want about %.3f", got, test.share)
			}
		})
	}
}

func TestHashIgnoresTheOrderOfTargets(t *testing.T) {
	for _, weights := range [][]int{{1, 1, 1, 1}, {1, 2, 3, 4}} {
		a := balanced(api.BalanceHash, weights...)
		b := balanced(api.BalanceHash, weights...)
		slices.Reverse(b.Targets)
		if !slices.Equal(assigned(t, a, 500), assigned(t, b, 500)) {
			t.Errorf("weights %v: in another order the same targets get other keys", weights)
		}
	}
}

// Nodes of a cluster and versions of the program must agree on this: a change sends callers to other targets.
func TestHashIsPinned(t *testing.T) {
	got := assigned(t, balanced(api.BalanceHash, 1, 1, 1, 1), 12)
	if want := []string{"h0", "h2", "h0", "h0", "h2", "h1", "h3", "h3", "h3", "h0", "h0", "h0"}; !slices.Equal(got, want) {
		t.Errorf("keys went to %q, want %q", got, want)
	}
}

func TestHashByAddress(t *testing.T) {
	g := group(t, newManager(t, upstream.Config{}), balanced(api.BalanceHash, 1, 1, 1))
	counts := map[string]int{}
	for i := range 3000 {
		from := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		first, err := g.Pick(from, "", nil)
		if err != nil {
			t.Fatal(err)
		}
		counts[first.Host]++
		mapped := netip.AddrFrom16(from.As16())
		if again, _ := g.Pick(mapped, "", nil); again != first {
			t.Fatalf("%v went to %v, %v to %v", from, first, mapped, again)
		}
	}
	wantShares(t, counts, map[string]int{"h0": 1, "h1": 1, "h2": 1})
}

func TestCallsDoNotAllocate(t *testing.T) {
	for _, by := range ways {
		for n := 1; n <= 5; n += 2 {
			a := balanced(by, make([]int, n)...)
			a.Retry.Attempts, a.Eject.Fails, a.Health.Path = 2, 3, "/healthz"
			a.Mirror.URL = "http://copies"
			g := group(t, newManager(t, upstream.Config{Dial: refused}), a)
			first := pick(t, g, "")
			if allocated := testing.AllocsPerRun(100, func() {
				tried := [2]*upstream.Target{first}
				target, _ := g.Pick(caller, "a key", tried[:1])
				g.Begin(target)
				g.End(target, 200, nil)
				_, _ = g.Mirror()
				g.MayRetry(0, "GET", false, true, 0)
			}); allocated != 0 {
				t.Errorf("%s of %d: %v allocations per call", by, n, allocated)
			}
		}
	}
}
