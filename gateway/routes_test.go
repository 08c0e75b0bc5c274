package gateway_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/api"
	"sallyport/feed"
	"sallyport/realm"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func withRealm(r *http.Request) *http.Request {
	return r.WithContext(realm.NewContext(r.Context(), &realm.Realm{Name: "default"}))
}

// A change is in force for the next call.
func TestChangesAreInForceAtOnce(t *testing.T) {
	up := upstream(t, ok)
	b := start(t, nil)
	open := func(name string) *api.API {
		return &api.API{Name: name, Path: "/" + name, Upstream: up, Auth: named("none")}
	}
	closed := &api.API{Name: "a", Path: "/a", Upstream: up}
	steps := []struct {
		name string
		kind feed.Kind
		apis []*api.API
		want int
	}{
		{"registered", feed.API, []*api.API{open("a")}, 200},
		{"closed", feed.API, []*api.API{closed}, 401},
		{"its realm is gone", feed.Realm, nil, 404},
		{"news was lost", feed.All, []*api.API{open("a"), open("b")}, 200},
	}
	for range 20 {
		for _, s := range steps {
			b.shelf.put(nil, s.apis...)
			b.hub.Publish(feed.Change{Kind: s.kind, Realm: "default", ID: "a"})
			if res, _ := b.call(t, "GET", "/a", nil); res.StatusCode != s.want {
				t.Fatalf("%s: %d, want %d", s.name, res.StatusCode, s.want)
			}
		}
	}
}

func TestOtherNewsReadsNothing(t *testing.T) {
	b := start(t, nil, &api.API{Name: "a", Path: "/", Upstream: upstream(t, ok), Auth: named("none")})
	b.shelf.put(errors.New("must not be read"))
	b.hub.Publish(feed.Change{Kind: feed.Client}, feed.Change{Kind: feed.Revocation}, feed.Change{Kind: feed.User})
	if res, _ := b.call(t, "GET", "/", nil); res.StatusCode != 200 || strings.Contains(b.log.String(), "must not be read") {
		t.Errorf("%d, log %s", res.StatusCode, b.log)
	}
}

// While the store is away, calls are served by what is known; when it is back, by what it says.
func TestStoreAway(t *testing.T) {
	up := upstream(t, ok)
	b := start(t, nil, &api.API{Name: "a", Path: "/a", Upstream: up, Auth: named("none")})
	b.shelf.put(errors.New("away"))
	b.hub.Publish(feed.Change{Kind: feed.All})
	for range 5 {
		if res, _ := b.call(t, "GET", "/a", nil); res.StatusCode != 200 {
			t.Fatalf("while it is away: %d", res.StatusCode)
		}
	}
	b.shelf.put(nil, &api.API{Name: "b", Path: "/b", Upstream: up, Auth: named("none")})
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if res, _ := b.call(t, "GET", "/b", nil); res.StatusCode == 200 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("it did not come back")
		}
	}
	if res, _ := b.call(t, "GET", "/a", nil); res.StatusCode != 404 {
		t.Errorf("what is gone is served: %d", res.StatusCode)
	}
	if !strings.Contains(b.log.String(), "away") {
		t.Errorf("the log does not say so: %s", b.log)
	}
}

// Callers of an API that stays notice nothing of a hundred changes around it.
func TestHotSwapUnderLoad(t *testing.T) {
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, r.URL.Path) })
	stays := &api.API{Name: "stays", Path: "/stays", Upstream: up, Auth: named("none")}
	b := start(t, nil, stays)
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}}
	defer client.CloseIdleConnections()
	stop := make(chan struct{})
	var callers sync.WaitGroup
	for range 8 {
		callers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				res, err := client.Get(b.URL + "/stays/x")
				if err != nil {
					t.Error(err)
					return
				}
				body, err := io.ReadAll(res.Body)
				res.Body.Close()
				if err != nil || res.StatusCode != 200 || string(body) != "/stays/x" {
					t.Errorf("%d %q %v", res.StatusCode, body, err)
					return
				}
			}
		})
	}
	for i := range 100 {
		name := fmt.Sprintf("n%d", i)
		b.shelf.put(nil, &api.API{Realm: "default", Name: name, Path: "/" + name, Upstream: up, Auth: named("none")}, stays)
		b.hub.Publish(changeOf(name))
		b.eventually(t, "/"+name, 200)
	}
	close(stop)
	callers.Wait()
}
