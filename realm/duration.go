package realm

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A Duration is written as people write lifetimes: "30s", "24h", "90d", or a plain number of seconds. It is stored as text.
type Duration time.Duration

// MaxDuration is the longest lifetime that can be set: ten years.
const MaxDuration = Duration(3650 * 24 * time.Hour)

// Std returns d as a time.Duration.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// Seconds returns d in whole seconds.
func (d Duration) Seconds() int64 { return int64(time.Duration(d) / time.Second) }

// String writes d in the largest unit that divides it.
func (d Duration) String() string {
	t := time.Duration(d)
	for _, u := range []struct {
		unit time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "m"}, {time.Second, "s"}} {
		if t != 0 && t%u.unit == 0 {
			return strconv.FormatInt(int64(t/u.unit), 10) + u.name
		}
	}
	return t.String()
}

// MarshalText implements encoding.TextMarshaler.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler. It refuses negative values and those over MaxDuration.
func (d *Duration) UnmarshalText(text []byte) error {
	v, err := ParseDuration(string(text))
	if err != nil {
		return err
	}
	*d = v
	return nil
}

// ParseDuration reads a Duration. The error says what to write instead.
func ParseDuration(s string) (Duration, error) {
	bad := fmt.Errorf("%.40q is not a duration; write a number and a unit, such as 30s, 15m, 24h or 90d", s)
	s = strings.TrimSpace(s)
	var d Duration
	if n, ok := strings.CutSuffix(s, "d"); ok {
		days, err := strconv.ParseUint(n, 10, 16)
		if err != nil {
			return 0, bad
		}
		d = Duration(time.Duration(days) * 24 * time.Hour)
	} else if n, err := strconv.ParseUint(s, 10, 32); err == nil {
		d = Duration(time.Duration(n) * time.Second)
	} else {
		t, err := time.ParseDuration(s)
		if err != nil || t < 0 {
			return 0, bad
		}
		d = Duration(t)
	}
	if d > MaxDuration {
		return 0, fmt.Errorf("%q is too long; the longest lifetime is 3650d", s)
	}
	return d, nil
}
