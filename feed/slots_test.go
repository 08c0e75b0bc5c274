package feed_test

import (
	"sync"
	"testing"

	"sallyport/feed"
)

func TestSlots(t *testing.T) {
	var s feed.Slots
	owners := make([]*int, 40)
	for i := range owners {
		owners[i] = new(int)
		if got := s.Get(owners[i]); got != nil {
			t.Fatalf("%d: found %v before anything was put", i, got)
		}
	}
	s.Put(owners[0], "a")
	s.Put(owners[1], "b")
	s.Put(owners[0], "c")
	if s.Get(owners[0]) != "c" || s.Get(owners[1]) != "b" {
		t.Errorf("got %v and %v", s.Get(owners[0]), s.Get(owners[1]))
	}
}

// Full slots keep most of what they have when others come in turns, cost those nothing, and do not hold on to what nobody
// asks for any more.
func TestFullSlots(t *testing.T) {
	var s feed.Slots
	owners := make([]*int, 40)
	for i := range owners {
		owners[i] = new(int)
		s.Put(owners[i], i)
	}
	held := 0
	for i, o := range owners {
		if v := s.Get(o); v != nil {
			held++
			if v != i {
				t.Errorf("%d holds %v", i, v)
			}
		}
	}
	if held == 0 || held == len(owners) {
		t.Errorf("%d of %d are held", held, len(owners))
	}
	newcomer := new(int)
	if n := testing.AllocsPerRun(100, func() { s.Put(newcomer, nil) }); n > 1 {
		t.Errorf("%v allocations for a value that finds no room", n)
	}
	for range 10_000 {
		if s.Get(newcomer) == nil {
			s.Put(newcomer, "new")
		}
	}
	if s.Get(newcomer) != "new" {
		t.Error("who came often never got room")
	}
}

func TestSlotsByMany(t *testing.T) {
	var s feed.Slots
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			mine := new(int)
			for range 1000 {
				if v := s.Get(mine); v == nil {
					s.Put(mine, mine)
				} else if v != any(mine) {
					t.Error("found somebody else's value")
				}
			}
		})
	}
	wg.Wait()
}
