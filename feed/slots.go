package feed

import "sync/atomic"

// Slots hang values off something that is shared and never modified, such as a verified token: whoever comes with the
// same token again finds the limit that counts it without a search. They hold few values. When they are full, the oldest
// makes room now and then, so that what nobody asks for any more goes, and those who come in turns do not drive each
// other out all the time. The zero value is empty. Slots must not be copied.
type Slots struct {
	list atomic.Pointer[[]slot] // never modified once stored
	full atomic.Uint32          // values that came when there was no room
}

type slot struct{ owner, value any }

const (
	mostSlots = 16
	roomEvery = 128 // of as many values that find no room, one is taken in
)

// Get returns what the owner has put there, nil if nothing. The owner is compared as it is; give a pointer.
func (s *Slots) Get(owner any) any {
	list := s.list.Load()
	if list == nil {
		return nil
	}
	for i := range *list {
		if (*list)[i].owner == owner {
			return (*list)[i].value
		}
	}
	return nil
}

// Put remembers a value for the owner, if there is room. Of two who put at the same time either may win; a value can be
// lost, and is put again by whoever misses it.
func (s *Slots) Put(owner, value any) {
	for {
		old := s.list.Load()
		var have []slot
		if old != nil {
			have = *old
		}
		if len(have) == mostSlots && s.Get(owner) == nil && s.full.Add(1)%roomEvery != 0 {
			return
		}
		next := make([]slot, 0, len(have)+1)
		for _, o := range have {
			if o.owner != owner {
				next = append(next, o)
			}
		}
		if len(next) == mostSlots {
			next = append(next[:0], next[1:]...)
		}
		next = append(next, slot{owner, value})
		if s.list.CompareAndSwap(old, &next) {
			return
		}
	}
}
