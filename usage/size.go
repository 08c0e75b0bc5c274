package usage

import "time"

const (
	ahead  = 250 * time.Millisecond // a lease should last so long at the pace of the last one
	faster = 8                      // it grows at most so many times
	share  = 20                     // and takes at most this part of what is left, for other nodes want some too
	low    = 5                      // with less than this part of the cap left, nothing is leased that nobody waits for
)

// scarce reports whether so little is left that nothing is kept in stock.
func scarce(rest, most int64) bool { return rest < most/low }

// leaseSize says how much to lease: for everybody who waits, and if calls come fast, for those to come. Towards the cap
// nothing is kept in stock, so that what is left goes to whichever node is asked for it.
func leaseSize(waiting, last int64, since time.Duration, rest, most int64) int64 {
	if last == 0 || scarce(rest, most) {
		return waiting
	}
	size := last * faster
	if since > 0 {
		size = min(size, int64(float64(last)*float64(ahead)/float64(since)))
	}
	return max(waiting, min(size, rest/share))
}
