package cache_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/policy"
	"sallyport/policy/cache"
	"sallyport/policy/policytest"
	"sallyport/scope"
)

// TestNoLeak has many callers call the same targets at once, through one shared memory, with an upstream that puts the
// caller's name into every answer and says all kinds of things about caching. No caller ever gets an answer with another's
// name that was not marked for all, and never one from before a change that it has seen acknowledged.
func TestNoLeak(t *testing.T) {
	const workers, rounds, targets = 16, 800, 5
	kind := cache.Kind(256 << 10)
	says := []string{
		"max-age=60", "public, max-age=60", "private, max-age=60", "no-store", "s-maxage=1", "no-cache", "max-age=1, stale-if-error=60",
		"max-age=1, stale-while-revalidate=60", "max-age=60, must-revalidate", "",
	}
	for _, settings := range []string{
		`{"largest": 8192}`, `{"shared": true, "largest": 8192}`, `{"mode": "fixed", "anything": true}`, `{"mode": "fixed", "shared": true}`,
	} {
		p := policytest.Make(t, kind, settings)
		var hits atomic.Int64
		var versions, told [targets]atomic.Int64 // changed by PUT, and acknowledged to the caller
		var group sync.WaitGroup
		for w := range workers {
			group.Go(func() {
				random := rand.New(rand.NewPCG(uint64(w), 1))
				for i := range rounds {
					caller := policy.Caller{
						Way: "bearer", Client: fmt.Sprint("c", random.IntN(4)), User: fmt.Sprint("u", random.IntN(4)),
						Scope: []scope.Set{nil, {"a"}, {"a", "b"}}[random.IntN(3)],
					}
					who := fmt.Sprint(caller.Client, "/", caller.User, "/", caller.Scope)
					target := random.IntN(targets)
					c := policytest.NewCall("GET", fmt.Sprint("/t", target))
					c.Caller = caller
					c.Time = policytest.Time.Add(time.Duration(i) * 10 * time.Millisecond)
					least := told[target].Load()
					if random.IntN(40) == 0 {
						c.Method = "PUT"
					}
					var version int64
					o := serve(t, p, c, func(c *policy.Call) *policy.Response {
						if c.Method == "PUT" {
							version = versions[target].Add(1)
							return policytest.NewResponse(204, "")
						}
						if random.IntN(20) == 0 {
							return policytest.NewResponse(503, "")
						}
						say := says[random.IntN(len(says))]
						mark := "for " + who
						if strings.Contains(say, "public") || strings.Contains(say, "s-maxage") {
							mark = "for all"
						}
						// An upstream that takes the caller's word for what it has would hide what is tested here.
						if c.Header.Get("If-None-Match") == etag(versions[target].Load(), mark) && random.IntN(2) == 0 {
							return policytest.NewResponse(304, "", "Cache-Control: "+say)
						}
						version = versions[target].Load()
						body := fmt.Sprintf("%s, by %s, version %d %s", mark, who, version, strings.Repeat(".", random.IntN(4000)))
						return policytest.NewResponse(200, body, "Cache-Control: "+say, "Etag: "+etag(version, mark), "Date: "+httpDate(c.Time))
					})
					if c.Method == "PUT" {
						for was := told[target].Load(); was < version && !told[target].CompareAndSwap(was, version); was = told[target].Load() {
						}
						continue
					}
					if o.Status != 200 {
						continue
					}
					if strings.HasPrefix(o.Cache, "hit") {
						hits.Add(1)
					}
					if !strings.Contains(o.Body, ", by "+who+",") && !(strings.Contains(settings, "shared") && strings.HasPrefix(o.Body, "for all")) {
						t.Errorf("%s got %.60q", who, o.Body)
						return
					}
					_, rest, _ := strings.Cut(o.Body, "version ")
					if _, err := fmt.Sscan(rest, &version); err != nil || version < least {
						t.Errorf("%s got version %d after %d had been acknowledged (%s)", who, version, least, o.Cache)
						return
					}
				}
			})
		}
		group.Wait()
		if hits.Load() == 0 {
			t.Errorf("%s: nothing came from the store", settings)
		}
		if _, err := cache.Check(p, true); err != nil {
			t.Error(err)
		}
	}
}

// TestMemory stores far more than there is room for, from many callers at once, with bodies that break off among them.
// The bytes never pass the bound, and nothing is left reserved in the end.
func TestMemory(t *testing.T) {
	const size = 1 << 20
	p := policytest.Make(t, cache.Kind(size), `{"largest": 65536}`)
	var group sync.WaitGroup
	var most atomic.Int64
	for w := range 16 {
		group.Go(func() {
			random := rand.New(rand.NewPCG(uint64(w), 2))
			for i := range 300 {
				serve(t, p, policytest.NewCall("GET", fmt.Sprintf("/%d/%d", w, i)), func(*policy.Call) *policy.Response {
					r := policytest.NewResponse(200, strings.Repeat("x", random.IntN(70000)), "Cache-Control: max-age=60", "X-A: "+strings.Repeat("y", random.IntN(3000)))
					switch random.IntN(3) {
					case 0:
						r.Length = -1
					case 1:
						r.Length++ // never comes to its end
					}
					return r
				})
				n, err := cache.Check(p, false)
				if err != nil {
					t.Error(err)
					return
				}
				most.Store(max(most.Load(), n))
			}
		})
	}
	group.Wait()
	if _, err := cache.Check(p, true); err != nil {
		t.Error(err)
	}
	if n := most.Load(); n < size/2 {
		t.Errorf("of %d bytes only %d were ever used", size, n)
	}
	// The last one to come is there, the first one is not.
	call := func(path string) *policy.Answer {
		c := policytest.NewCall("GET", path)
		if err := p.Request(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		p.(policy.Finisher).Done(c)
		return c.Answer
	}
	serve(t, p, policytest.NewCall("GET", "/last"), func(*policy.Call) *policy.Response {
		return policytest.NewResponse(200, "x", "Cache-Control: max-age=60")
	})
	if call("/last") == nil || call("/0/0") != nil {
		t.Error("not the oldest went first")
	}
}

// What is used stays, what is not goes.
func TestLeastRecentlyUsedGoesFirst(t *testing.T) {
	p := policytest.Make(t, cache.Kind(100<<10), "")
	get := func(path string) outcome {
		return serve(t, p, policytest.NewCall("GET", path), func(*policy.Call) *policy.Response {
			return policytest.NewResponse(200, strings.Repeat("x", 9000), "Cache-Control: max-age=60")
		})
	}
	get("/kept")
	for i := range 50 {
		get(fmt.Sprint("/", i))
		if o := get("/kept"); o.Cache != "hit; ttl=60" {
			t.Fatalf("after %d others: %s", i, o.Cache)
		}
	}
	if o := get("/0"); o.Cache != stored {
		t.Errorf("the first of the others: %s", o.Cache)
	}
}

func etag(version int64, mark string) string { return fmt.Sprintf(`"%d %s"`, version, mark) }
