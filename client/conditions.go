package client

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"sallyport/realm"
)

// A Network is an address or a prefix, as text ("192.0.2.7", "10.0.0.0/8").
type Network struct{ netip.Prefix }

// ParseNetwork reads an address or a prefix.
func ParseNetwork(text string) (Network, error) {
	if a, err := netip.ParseAddr(text); err == nil && a.Zone() == "" {
		a = a.Unmap()
		return Network{netip.PrefixFrom(a, a.BitLen())}, nil
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil || p.Addr().Is4In6():
		return Network{}, fmt.Errorf("%s is neither an address nor a prefix; write it like 192.0.2.7 or 10.0.0.0/8", realm.Show(text))
	case p != p.Masked():
		return Network{}, fmt.Errorf("%s has bits behind its length; write %s", realm.Show(text), p.Masked())
	}
	return Network{p}, nil
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (n *Network) UnmarshalText(text []byte) (err error) {
	*n, err = ParseNetwork(string(text))
	return err
}

// MarshalText implements encoding.TextMarshaler: an address is written without its length.
func (n Network) MarshalText() ([]byte, error) { return []byte(n.String()), nil }

// String implements fmt.Stringer.
func (n Network) String() string {
	if n.IsSingleIP() {
		return n.Addr().String()
	}
	return n.Prefix.String()
}

// Equal reports whether both are the same addresses.
func (n Network) Equal(o Network) bool { return n.Prefix == o.Prefix }

// Admits reports whether the client may call from an address.
func (c *Client) Admits(from netip.Addr) bool {
	if len(c.Addresses) == 0 {
		return true
	}
	return slices.ContainsFunc(c.Addresses, func(n Network) bool { return n.Contains(from) })
}

// Hours are the hours of each day at which a client may call: "08:00-18:00 Asia/Taipei". From a later to an earlier time
// they go over midnight. The zero value is all day.
type Hours struct {
	from, to int // minutes since midnight; to is the first that is out
	zone     *time.Location
}

// ParseHours reads hours. Without a zone they are UTC.
func ParseHours(text string) (Hours, error) {
	wrong := fmt.Errorf("%s are no hours; write them like 08:00-18:00 Europe/Berlin", realm.Show(text))
	span, name, _ := strings.Cut(strings.TrimSpace(text), " ")
	first, last, ok := strings.Cut(span, "-")
	from, err1 := time.Parse("15:04", first)
	to, err2 := time.Parse("15:04", strings.Replace(last, "24:00", "00:00", 1))
	zone, err3 := time.LoadLocation(strings.TrimSpace(name))
	if err3 != nil || strings.TrimSpace(name) == "Local" {
		return Hours{}, fmt.Errorf("%s names no time zone; use a name such as Europe/Berlin", realm.Show(text))
	}
	h := Hours{from.Hour()*60 + from.Minute(), to.Hour()*60 + to.Minute(), zone}
	if !ok || err1 != nil || err2 != nil || h.from == h.to && h.from != 0 {
		return Hours{}, wrong
	}
	return h, nil
}

// Hold reports whether a moment is within the hours.
func (h Hours) Hold(at time.Time) bool {
	if h.from == h.to {
		return true
	}
	t := at.In(h.zone)
	m := t.Hour()*60 + t.Minute()
	if h.from < h.to {
		return h.from <= m && m < h.to
	}
	return m >= h.from || m < h.to
}

// Clock writes a moment as the hours see it.
func (h Hours) Clock(at time.Time) string {
	if h.zone == nil {
		return at.UTC().Format("15:04 MST")
	}
	return at.In(h.zone).Format("15:04 MST")
}

// IsZero reports whether the hours are all day.
func (h Hours) IsZero() bool { return h.from == h.to }

// Equal reports whether both are the same hours, by the same clock.
func (h Hours) Equal(o Hours) bool { return h.String() == o.String() }

// String writes the hours as ParseHours reads them.
func (h Hours) String() string {
	if h.IsZero() {
		return ""
	}
	return fmt.Sprintf("%02d:%02d-%02d:%02d %s", h.from/60, h.from%60, h.to/60, h.to%60, h.zone)
}

// MarshalText implements encoding.TextMarshaler.
func (h Hours) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hours) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*h = Hours{}
		return nil
	}
	*h, err = ParseHours(string(text))
	return err
}

// A Quota is a number of calls in a period.
type Quota struct {
	Calls int64  `json:"calls"`          // 0: no limit
	Per   string `json:"per,omitempty"`  // hour, day, week, month or ever; empty: day
	Zone  string `json:"zone,omitempty"` // in which days, weeks and months begin; empty: UTC
}
