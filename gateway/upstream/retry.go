package upstream

import (
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/api"
)

const (
	defaultBudget = 20 // percent
	freeRetries   = 10 // over the window, whatever the number of calls
	windowSeconds = 10
)

// retries is an API's rule for sending calls again.
type retries struct {
	most   int // besides the first attempt
	on     []int
	any    bool
	budget int64 // percent
	now    func() time.Time

	calls window // first attempts

	mu      sync.Mutex // makes looking at the budget and taking from it one step
	granted window     // retries
}

func newRetries(now func() time.Time, rule api.Retry) *retries {
	r := &retries{now: now, most: rule.Attempts, on: rule.On, any: rule.Any, budget: int64(rule.Budget)}
	if r.budget <= 0 {
		r.budget = defaultBudget
	}
	return r
}

// MayRetry reports whether a call that failed may be sent again, and takes it from the budget if so: then it should be.
//
// attempt is how often it has been sent again already: 0 when the first attempt has failed. touched says that some of its
// body has been read and is not kept. connected says that the request, or a part of it, may have reached a server.
// status is that of the answer, 0 if there was none.
func (g *Group) MayRetry(attempt int, method string, touched, connected bool, status int) bool {
	r := g.retry
	switch {
	case r == nil, attempt >= r.most, touched, connected && !idempotent(method):
		return false
	case status != 0 && !slices.Contains(r.on, status) && !(r.any && status >= 400):
		return false
	}
	return r.take()
}

// idempotent: RFC 9110 section 9.2.2. Methods that are not registered there are not known to be.
func idempotent(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}

// take takes a retry from the budget, if there is one left.
func (r *retries) take() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	second := r.now().Unix()
	retried := r.granted.sum(second)
	if retried >= freeRetries && retried*100 >= r.calls.sum(second)*r.budget {
		return false
	}
	r.granted.add(second)
	return true
}

// A window counts events of the last ten seconds, by second. A slot holds the second in its upper half and the number in
// its lower, so that a slot which is used again needs no lock.
type window [windowSeconds]atomic.Uint64

func (w *window) add(second int64) {
	slot, stamp := &w[uint64(second)%windowSeconds], uint64(uint32(second))<<32
	for {
		old := slot.Load()
		next := old + 1
		if old&^0xffffffff != stamp {
			next = stamp | 1
		}
		if slot.CompareAndSwap(old, next) {
			return
		}
	}
}

func (w *window) sum(second int64) int64 {
	var n int64
	for i := range w {
		slot := w[i].Load()
		if age := uint32(second) - uint32(slot>>32); age < windowSeconds {
			n += int64(uint32(slot))
		}
	}
	return n
}
