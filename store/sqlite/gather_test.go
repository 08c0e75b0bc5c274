package sqlite

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestALoneWriteWaitsForNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWriter(nil, nil)
		w.company = 1
		began := time.Now()
		if w.gather(1, began) != nil || time.Since(began) != 0 {
			t.Errorf("waited %s", time.Since(began))
		}
	})
}

func TestCompanyIsWaitedForAMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWriter(nil, nil)
		w.company = 2
		began := time.Now()
		go func() {
			time.Sleep(nextWithin / 2)
			w.queue <- &job{}
		}()
		if w.gather(1, began) == nil {
			t.Error("one that came in time was not taken along")
		}
		if w.gather(2, began) != nil || time.Since(began) > 2*nextWithin {
			t.Errorf("nobody came, and that took %s", time.Since(began))
		}
	})
}

func TestWaitingHasAnEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWriter(nil, nil)
		w.company = 2
		began := time.Now()
		go func() { // somebody always comes just in time
			for range 100 {
				w.queue <- &job{}
				time.Sleep(nextWithin - time.Microsecond)
			}
		}()
		n := 0
		for w.gather(n, began) != nil {
			n++
		}
		if took := time.Since(began); took > maxGather+nextWithin || n == 0 {
			t.Errorf("took %d along in %s", n, took)
		}
		time.Sleep(time.Second) // the feeder ends
	})
}
