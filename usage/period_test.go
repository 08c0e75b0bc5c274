package usage_test

import (
	"strings"
	"testing"
	"time"

	"sallyport/usage"
)

func TestPeriod(t *testing.T) {
	for _, tt := range []struct {
		per, zone, at, from, until string
	}{
		{"", "", "2026-07-01T12:30:15.5Z", "2026-07-01T00:00:00Z", "2026-07-02T00:00:00Z"},
		{"day", "UTC", "2026-07-01T00:00:00Z", "2026-07-01T00:00:00Z", "2026-07-02T00:00:00Z"},
		{"day", "UTC", "2026-07-01T23:59:59.999999999Z", "2026-07-01T00:00:00Z", "2026-07-02T00:00:00Z"},
		{"day", "Asia/Taipei", "2026-07-01T15:59:59Z", "2026-06-30T16:00:00Z", "2026-07-01T16:00:00Z"},
		{"day", "Asia/Taipei", "2026-07-01T16:00:00Z", "2026-07-01T16:00:00Z", "2026-07-02T16:00:00Z"},
		{"day", "Asia/Kathmandu", "2026-07-01T18:14:59Z", "2026-06-30T18:15:00Z", "2026-07-01T18:15:00Z"},
		// Days on which the clocks change have 23 and 25 hours.
		{"day", "Europe/Berlin", "2026-03-29T12:00:00Z", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"},
		{"day", "Europe/Berlin", "2026-10-25T12:00:00Z", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"},
		{"day", "America/New_York", "2026-03-08T12:00:00Z", "2026-03-08T05:00:00Z", "2026-03-09T04:00:00Z"},
		{"day", "Australia/Lord_Howe", "2026-04-04T20:00:00Z", "2026-04-04T13:00:00Z", "2026-04-05T13:30:00Z"},
		// Midnight is left out: the day begins at 1:00.
		{"day", "Africa/Cairo", "2026-04-24T12:00:00Z", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"},
		{"day", "America/Sao_Paulo", "2018-11-04T12:00:00Z", "2018-11-04T03:00:00Z", "2018-11-05T02:00:00Z"},
		// Midnight comes twice: the day begins with the first.
		{"day", "America/Havana", "2026-11-01T04:30:00Z", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"},
		{"day", "America/Havana", "2026-11-01T05:30:00Z", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"},
		// A day that was left out altogether, when Samoa crossed the date line.
		{"day", "Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"},
		{"day", "Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"},

		{"week", "UTC", "2026-07-01T12:00:00Z", "2026-06-29T00:00:00Z", "2026-07-06T00:00:00Z"},
		{"week", "UTC", "2026-07-05T23:59:59Z", "2026-06-29T00:00:00Z", "2026-07-06T00:00:00Z"}, // Sunday
		{"week", "UTC", "2026-07-06T00:00:00Z", "2026-07-06T00:00:00Z", "2026-07-13T00:00:00Z"}, // Monday
		{"week", "Europe/Berlin", "2026-03-29T21:59:59Z", "2026-03-22T23:00:00Z", "2026-03-29T22:00:00Z"},
		{"week", "UTC", "2027-01-01T00:00:00Z", "2026-12-28T00:00:00Z", "2027-01-04T00:00:00Z"},

		{"month", "UTC", "2026-02-28T23:00:00Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"},
		{"month", "Asia/Taipei", "2026-12-31T16:00:00Z", "2026-12-31T16:00:00Z", "2027-01-31T16:00:00Z"},
		{"month", "Europe/Berlin", "2026-03-31T21:59:59Z", "2026-02-28T23:00:00Z", "2026-03-31T22:00:00Z"},

		{"hour", "UTC", "2026-07-01T12:59:59.9Z", "2026-07-01T12:00:00Z", "2026-07-01T13:00:00Z"},
		{"hour", "Asia/Kathmandu", "2026-07-01T12:14:00Z", "2026-07-01T11:15:00Z", "2026-07-01T12:15:00Z"},
		{"hour", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T00:00:00Z", "2026-10-25T01:00:00Z"}, // 2:30 the first time
		{"hour", "Europe/Berlin", "2026-10-25T01:30:00Z", "2026-10-25T01:00:00Z", "2026-10-25T02:00:00Z"}, // and the second
	} {
		p, err := usage.ParsePeriod(tt.per, tt.zone)
		if err != nil {
			t.Fatal(err)
		}
		from, until := p.Around(at(t, tt.at))
		if !from.Equal(at(t, tt.from)) || !until.Equal(at(t, tt.until)) {
			t.Errorf("%s of %s in %s: %s to %s, want %s to %s", tt.per, tt.at, tt.zone, from.UTC(), until.UTC(), tt.from, tt.until)
		}
	}
	ever, err := usage.ParsePeriod("ever", "")
	if err != nil {
		t.Fatal(err)
	}
	if from, until := ever.Around(at(t, "2026-07-01T12:00:00Z")); !from.IsZero() || !until.IsZero() {
		t.Errorf("ever: %s to %s", from, until)
	}
}

func at(t *testing.T, text string) time.Time {
	t.Helper()
	m, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// One period follows the other without a gap, in every zone and over years of changes of the clock.
func TestPeriodsFollowEachOther(t *testing.T) {
	for _, zone := range []string{"UTC", "Europe/Berlin", "America/Havana", "America/St_Johns", "Africa/Cairo", "Australia/Lord_Howe", "Pacific/Apia", "Asia/Tehran", "America/Sao_Paulo"} {
		for _, per := range []string{"day", "week", "month"} {
			p, err := usage.ParsePeriod(per, zone)
			if err != nil {
				t.Fatal(err)
			}
			moment := at(t, "2006-01-01T00:00:00Z")
			for moment.Year() < 2014 {
				from, until := p.Around(moment)
				if from.After(moment) || !until.After(moment) {
					t.Fatalf("%s in %s of %s: %s to %s", per, zone, moment, from, until)
				}
				for _, inside := range []time.Time{from, until.Add(-time.Nanosecond), from.Add(until.Sub(from) / 2)} {
					if f, u := p.Around(inside); !f.Equal(from) || !u.Equal(until) {
						t.Fatalf("%s in %s: %s is in %s to %s and in %s to %s", per, zone, inside, from, until, f, u)
					}
				}
				moment = until
			}
		}
	}
}

func TestParsePeriod(t *testing.T) {
	for _, bad := range [][2]string{{"year", ""}, {"Day", ""}, {"day", "Mars/Olympus"}, {"day", "Local"}, {"day", "../etc/passwd"}} {
		if p, err := usage.ParsePeriod(bad[0], bad[1]); err == nil || !strings.Contains(err.Error(), ": ") {
			t.Errorf("%q: %v, %v", bad, p, err)
		}
	}
	p, err := usage.ParsePeriod("", "Asia/Taipei")
	if err != nil || p.String() != "day" || p.Zone() != "Asia/Taipei" {
		t.Errorf("%s, %s, %v", p, p.Zone(), err)
	}
}
