package digirunner

import (
	"strings"
	"time"

	"sallyport/policy"
)

// Forms of moments in the product's texts.
const (
	dayForm    = "2006-01-02-0700"
	momentForm = "2006/01/02 15:04:05.000"
	hourForm   = "15:04-0700"
)

// facts takes from a refusal what it was decided on.
func (a *about) facts(made *policy.Call, refusal *policy.Refusal) {
	for _, f := range refusal.Facts {
		switch f.Name {
		case policy.FactFirst, policy.FactLast, policy.FactRevoked:
			if t, err := time.Parse(time.RFC3339, f.Value); err == nil {
				a.day, a.when = t.UTC().Format(dayForm), t.UTC().Format(momentForm)
			}
		case policy.FactAddress:
			a.address = f.Value
		case policy.FactHours:
			a.hours(f.Value, made.Time)
		}
	}
}

// hours reads hours as package client writes them, "08:00-18:00 Asia/Taipei".
func (a *about) hours(text string, now time.Time) {
	span, name, _ := strings.Cut(text, " ")
	from, to, _ := strings.Cut(span, "-")
	zone, err := time.LoadLocation(name)
	if err != nil {
		zone = time.UTC
	}
	now = now.In(zone)
	offset := now.Format("-0700")
	a.start, a.end, a.now = from+offset, to+offset, now.Format(hourForm)
}
