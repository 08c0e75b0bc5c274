package ratelimit

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Limit is a rate and a burst, in the form that the generic cell rate algorithm (GCRA; ITU-T I.371 annex A) wants: one
// call each Interval, and Burst of them at once after a rest. In any time t it lets no more than Burst + t/Interval calls
// pass. All it remembers is one moment, the theoretical arrival time: when the calls so far would all have been, had they
// come one each Interval.
type Limit struct {
	Interval int64 // nanoseconds
	Burst    int64
}

// setBack is how far the clock may seem to go back because calls overtake each other. More than that, and it was set back.
const setBack = int64(time.Second)

// Next decides on a call at the moment now. It returns the theoretical arrival time to remember, and whether the call
// may pass. It is a function of its arguments alone.
func (l Limit) Next(tat, now int64) (next int64, ok bool) {
	tolerance := l.Interval * l.Burst
	if tat-now > tolerance+setBack {
		tat = now + tolerance // a clock that is set back shuts nobody out for the difference
		return tat, false
	}
	next = max(tat, now) + l.Interval
	if next-now > tolerance {
		return tat, false
	}
	return next, true
}

// Left returns how many calls may pass at once at the moment now.
func (l Limit) Left(tat, now int64) int64 {
	if tat <= now {
		return l.Burst
	}
	return max(0, (l.Interval*l.Burst-(tat-now))/l.Interval)
}

// Wait returns how long it is until one more call may pass than may now.
func (l Limit) Wait(tat, now int64) int64 {
	wait := tat - now - l.Interval*(l.Burst-l.Left(tat, now)-1)
	return max(0, min(wait, l.Interval))
}

const (
	mostBurst = 1_000_000
	fastest   = time.Microsecond // between two calls
)

// parseRate reads a rate such as 100/s.
func parseRate(text string) (calls int64, per time.Duration, err error) {
	number, unit, _ := strings.Cut(text, "/")
	switch unit {
	case "s":
		per = time.Second
	case "m":
		per = time.Minute
	case "h":
		per = time.Hour
	}
	calls, err = strconv.ParseInt(number, 10, 64)
	if err != nil || per == 0 || calls < 1 || number[0] == '+' {
		return 0, 0, fmt.Errorf("rate: %.40q is no rate; write a number of calls and a time, like 100/s, 600/m or 10000/h", text)
	}
	if calls > int64(per/fastest) {
		return 0, 0, fmt.Errorf("rate: %.40q is more than a limit can tell; leave the limit out, or write at most %d/%s", text, per/fastest, unit)
	}
	return calls, per, nil
}

// newLimit rounds the interval up: a limit may be a trifle lower than said, never higher.
func newLimit(calls int64, per time.Duration, burst int64) Limit {
	return Limit{Interval: (int64(per) + calls - 1) / calls, Burst: burst}
}
