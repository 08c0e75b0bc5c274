package explain_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"sallyport/explain"
)

func ids(records []explain.Record) string {
	var list []string
	for _, r := range records {
		list = append(list, r.ID)
	}
	return strings.Join(list, " ")
}

func TestTheNewestStay(t *testing.T) {
	g := explain.NewRing(3)
	for i, want := range []string{"", "0", "1 0", "2 1 0", "3 2 1", "4 3 2", "5 4 3", "6 5 4"} {
		if got := ids(g.Last(10)); got != want {
			t.Errorf("after %d: %q, want %q", i, got, want)
		}
		g.Add(explain.Record{ID: fmt.Sprint(i)})
	}
	if got := ids(g.Last(2)); got != "7 6" {
		t.Errorf("the last two: %q", got)
	}
	if got := g.Last(-1); len(got) != 0 {
		t.Errorf("fewer than none: %v", got)
	}
	for id, want := range map[string]bool{"4": false, "5": true, "7": true, "": false} {
		if r, ok := g.Find(id); ok != want || ok && r.ID != id {
			t.Errorf("find %q: %v %v", id, r, ok)
		}
	}
}

// A proxy may give two requests the same id.
func TestTheNewestIsFound(t *testing.T) {
	g := explain.NewRing(4)
	for i := range 6 {
		g.Add(explain.Record{ID: "same", Status: 400 + i})
		if r, _ := g.Find("same"); r.Status != 400+i {
			t.Errorf("round %d: found %d", i, r.Status)
		}
	}
}

func TestWhatAStrangerSendsIsCut(t *testing.T) {
	g := explain.NewRing(1)
	long := strings.Repeat("ü", 5000)
	r := explain.Record{ID: "1", Method: long, Path: long, Host: long, Cause: long}
	for range 100 {
		r.Facts = append(r.Facts, explain.Fact{Name: long, Value: long})
	}
	mine := r.Facts
	g.Add(r)
	got, _ := g.Find("1")
	size := len(got.Method) + len(got.Path) + len(got.Host) + len(got.Cause)
	for _, f := range got.Facts {
		size += len(f.Name) + len(f.Value)
	}
	if size > 20_000 || !utf8.ValidString(got.Path) || !strings.HasSuffix(got.Path, "ü…") {
		t.Errorf("%d bytes, path %q", size, got.Path)
	}
	if mine[0].Name != long {
		t.Error("the caller's facts were changed")
	}
}

func TestManyAtOnce(t *testing.T) {
	g := explain.NewRing(64)
	var all sync.WaitGroup
	for worker := range 8 {
		all.Go(func() {
			for i := range 500 {
				id := fmt.Sprintf("%d-%d", worker, i)
				g.Add(explain.Record{ID: id})
				g.Find(id)
				g.Last(5)
			}
		})
	}
	all.Wait()
	if n := len(g.Last(1000)); n != 64 {
		t.Errorf("%d records", n)
	}
}

func TestWriteText(t *testing.T) {
	r := explain.Record{
		ID: "abc-1", Time: time.Date(2026, 3, 1, 12, 0, 0, 5e6, time.UTC), Realm: "default", Face: "gateway", Method: "GET", Host: "api.example.org",
		Path: "/orders/1\x1b[2J\r\tx\u202e", Source: "192.0.2.1", API: "orders", Client: "app", Way: "bearer", Status: 403, Reason: "scope_missing",
		Policy: "scope", Detail: "Not enough.", Facts: []explain.Fact{{Name: "scopes of the credential", Value: "read"}}, Fix: "Ask for more.",
	}
	var b strings.Builder
	if err := r.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	want := `request                     abc-1
at                          2026-03-01T12:00:00.005Z
call                        GET /orders/1\u001b[2J\u000d\u0009x\u202e
host                        api.example.org
from                        192.0.2.1
realm                       default
served by                   gateway
api                         orders
client                      app
let in by                   bearer
answered                    403
reason                      scope_missing
refused by                  scope
told                        Not enough.
  scopes of the credential  read
to mend it                  Ask for more.
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
