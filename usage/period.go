package usage

import (
	"fmt"
	"sort"
	"time"
)

// A Period is a span of the calendar in which calls are counted: an hour, a day, a week that begins on Monday, a month, or
// for ever. Days begin when the date changes in the period's zone, so some have 23 or 25 hours.
type Period struct {
	per  string
	zone *time.Location
}

// Periods are the names of the periods.
func Periods() []string { return []string{"hour", "day", "week", "month", "ever"} }

// ParsePeriod reads a period; empty means a day, and an empty zone UTC.
func ParsePeriod(per, zone string) (Period, error) {
	if per == "" {
		per = "day"
	}
	known := false
	for _, name := range Periods() {
		known = known || name == per
	}
	if !known {
		return Period{}, fmt.Errorf("per: %.40q is no period; write hour, day, week, month or ever", per)
	}
	location, err := time.LoadLocation(zone)
	if err != nil || zone == "Local" {
		return Period{}, fmt.Errorf("zone: %.40q names no time zone; use a name such as Europe/Berlin", zone)
	}
	return Period{per, location}, nil
}

// String names the period, without its zone.
func (p Period) String() string { return p.per }

// Zone names the time zone.
func (p Period) Zone() string { return p.zone.String() }

// Around returns the period that a moment is in: from is the first moment of it, until the first behind it. Both are zero
// for the period that never ends.
func (p Period) Around(at time.Time) (from, until time.Time) {
	if p.per == "ever" {
		return time.Time{}, time.Time{}
	}
	local := at.In(p.zone)
	if p.per == "hour" {
		// By the clock on the wall, which need not stand at a full hour when it does in UTC.
		past := time.Duration(local.Minute())*time.Minute + time.Duration(local.Second())*time.Second + time.Duration(local.Nanosecond())
		from = local.Add(-past)
		return from.UTC(), from.Add(time.Hour).UTC()
	}
	first, next := p.days(local)
	from, until = p.begin(first), p.begin(next)
	if !at.Before(until) { // the clocks went back over midnight: the new day has begun and is not begun again
		first, next = p.days(until.In(p.zone))
		from, until = p.begin(first), p.begin(next)
	}
	return from, until
}

// days returns the dates, as midnights of UTC, on which the period of a local time and the one after it begin.
func (p Period) days(local time.Time) (first, next time.Time) {
	y, m, d := local.Date()
	switch p.per {
	case "month":
		return date(y, m, 1), date(y, m+1, 1)
	case "week":
		monday := date(y, m, d-(int(local.Weekday())+6)%7)
		return monday, monday.AddDate(0, 0, 7)
	}
	return date(y, m, d), date(y, m, d+1)
}

func date(y int, m time.Month, d int) time.Time { return time.Date(y, m, d, 0, 0, 0, 0, time.UTC) }

// begin returns the first moment at which the zone has that date or a later one. Midnight is not asked for, because there
// are zones where it is left out, or comes twice, when the clocks change.
func (p Period) begin(day time.Time) time.Time {
	const around = 40 * time.Hour // no zone is so far from UTC
	low := day.Add(-around)
	n := sort.Search(int(2*around/time.Second), func(i int) bool {
		y, m, d := low.Add(time.Duration(i) * time.Second).In(p.zone).Date()
		return !date(y, m, d).Before(day)
	})
	return low.Add(time.Duration(n) * time.Second)
}
