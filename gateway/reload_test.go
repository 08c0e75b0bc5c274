package gateway_test

import (
	"fmt"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"sallyport/api"
	"sallyport/feed"
	"sallyport/gateway"
	"sallyport/policy"
)

// thousands returns n APIs of one upstream.
func thousands(n int, up string) []*api.API {
	all := make([]*api.API, n)
	for i := range all {
		all[i] = &api.API{Realm: "default", Name: fmt.Sprint("n", i), Path: fmt.Sprintf("/team%d/api%d/{id}", i%100, i), Upstream: up, Auth: named("none")}
	}
	return all
}

// eventually calls until the answer has the status. A busy machine may need longer than a call waits for news.
func (b *bench) eventually(t *testing.T, path string, status int) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; {
		res, _ := b.call(t, "GET", path, nil)
		if res.StatusCode == status {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: still %d, want %d", path, res.StatusCode, status)
		}
	}
}

// One change among ten thousand APIs is soon in force; BenchmarkChange says how soon.
func TestChangeAmongThousands(t *testing.T) {
	up := upstream(t, ok)
	all := thousands(10_000, up)
	b := start(t, nil, all...)
	for round := range 3 {
		closed := *all[4711]
		closed.Disabled = round%2 == 0
		all = slices.Clone(all)
		all[4711] = &closed
		b.shelf.put(nil, all...)
		began := time.Now()
		b.hub.Publish(changeOf(closed.Name))
		want := 200
		if closed.Disabled {
			want = 503
		}
		b.eventually(t, "/team11/api4711/x", want)
		t.Logf("in force after %s", time.Since(began))
		if res, _ := b.call(t, "GET", "/team12/api4712/x", nil); res.StatusCode != 200 {
			t.Errorf("round %d, another: %d", round, res.StatusCode)
		}
	}
}

// Two APIs that cannot be told apart are both refused, and the one that stays is served again.
func TestTwins(t *testing.T) {
	up := upstream(t, ok)
	one := &api.API{Name: "one", Path: "/a/{x}", Upstream: up, Auth: named("none")}
	two := &api.API{Name: "two", Path: "/a/{y}", Upstream: up, Auth: named("none")}
	around := &api.API{Name: "around", Path: "/", Upstream: up, Auth: named("none")}
	b := start(t, nil, one, around)
	for _, step := range []struct {
		apis []*api.API
		want int
	}{{[]*api.API{one, two, around}, 500}, {[]*api.API{one, around}, 200}, {[]*api.API{one, two, around}, 500}, {[]*api.API{two, around}, 200}} {
		b.shelf.put(nil, step.apis...)
		b.hub.Publish(feed.Change{Kind: feed.All})
		if res, _ := b.call(t, "GET", "/a/1", nil); res.StatusCode != step.want {
			t.Errorf("%d, want %d", res.StatusCode, step.want)
		}
	}
}

// BenchmarkChange is the time from the news of a change among ten thousand APIs to the answer of the next call, which
// waits for it.
func BenchmarkChange(b *testing.B) {
	s, hub := &shelf{}, &feed.Hub{}
	all := thousands(10_000, "http://127.0.0.1:1")
	for _, a := range all {
		a.Disabled = true // so that nothing is sent
	}
	s.put(nil, all...)
	g, err := gateway.New(gateway.Config{APIs: s, Hub: hub, Log: quiet(), Now: time.Now, Parts: policy.Parts{Clients: everybody{}}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(g.Close)
	for n := 0; b.Loop(); n++ {
		changed := *all[n%len(all)]
		changed.Strip = !changed.Strip
		all = slices.Clone(all)
		all[n%len(all)] = &changed
		s.put(nil, all...)
		hub.Publish(changeOf(changed.Name))
		w := httptest.NewRecorder()
		g.ServeHTTP(w, withRealm(httptest.NewRequest("GET", "/team11/api4711/x", nil)))
		if w.Code != 503 {
			b.Fatal(w.Code, w.Body)
		}
	}
}
