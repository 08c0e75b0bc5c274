package client_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
	"time"

	"sallyport/client"
)

func TestParseNetwork(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.7": "192.0.2.7", "192.0.2.7/32": "192.0.2.7", "10.0.0.0/8": "10.0.0.0/8", "2001:db8::/32": "2001:db8::/32", "::1": "::1",
		"::ffff:192.0.2.7": "192.0.2.7", "0.0.0.0/0": "0.0.0.0/0",
	} {
		n, err := client.ParseNetwork(text)
		if err != nil || n.String() != want {
			t.Errorf("%s: %s, %v", text, n, err)
		}
		if again, err := client.ParseNetwork(n.String()); err != nil || !again.Equal(n) {
			t.Errorf("%s: read again it is %s, %v", text, again, err)
		}
	}
	for text, fix := range map[string]string{
		"": "write it like", "localhost": "write it like", "10.0.0.0/33": "write it like", "10.1.0.0/8": "write 10.0.0.0/8",
		"fe80::1%eth0": "write it like", "::ffff:10.0.0.0/104": "write it like", "10.0.0.0-10.0.0.9": "write it like",
	} {
		if _, err := client.ParseNetwork(text); err == nil || !strings.Contains(err.Error(), fix) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestAdmits(t *testing.T) {
	c := &client.Client{Addresses: networks("192.0.2.7", "10.0.0.0/8", "2001:db8::/32")}
	for from, want := range map[string]bool{
		"192.0.2.7": true, "192.0.2.8": false, "10.255.0.1": true, "11.0.0.1": false, "2001:db8::5": true, "2001:db9::5": false, "::1": false,
	} {
		if got := c.Admits(netip.MustParseAddr(from)); got != want {
			t.Errorf("%s: %v", from, got)
		}
		if !(&client.Client{}).Admits(netip.MustParseAddr(from)) {
			t.Errorf("%s is kept out by nothing", from)
		}
	}
	if c.Admits(netip.Addr{}) {
		t.Error("who calls from nowhere is let in")
	}
}

func TestHours(t *testing.T) {
	at := func(clock string) time.Time {
		c, err := time.Parse(time.RFC3339, "2026-07-01T"+clock+":00Z")
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	tests := []struct {
		hours   string
		in, out []string // by UTC
		written string
	}{
		{"08:00-18:00", []string{"08:00", "17:59"}, []string{"07:59", "18:00", "00:00"}, "08:00-18:00 UTC"},
		{"08:00-18:00 Asia/Taipei", []string{"00:00", "09:59"}, []string{"23:59", "10:00"}, ""},
		{"08:00-18:00 Europe/Berlin", []string{"06:00", "15:59"}, []string{"05:59", "16:00"}, ""}, // in summer
		{"22:00-06:00 UTC", []string{"22:00", "23:59", "00:00", "05:59"}, []string{"06:00", "21:59"}, ""},
		{"08:00-24:00", []string{"08:00", "23:59"}, []string{"00:00", "07:59"}, "08:00-00:00 UTC"},
		{"00:00-24:00", []string{"00:00", "12:00", "23:59"}, nil, "-"},
	}
	for _, tt := range tests {
		h, err := client.ParseHours(tt.hours)
		if err != nil {
			t.Errorf("%s: %v", tt.hours, err)
			continue
		}
		for _, clock := range tt.in {
			if !h.Hold(at(clock)) {
				t.Errorf("%s: not at %s", tt.hours, clock)
			}
		}
		for _, clock := range tt.out {
			if h.Hold(at(clock)) {
				t.Errorf("%s: at %s too", tt.hours, clock)
			}
		}
		want := tt.written
		switch want {
		case "":
			want = tt.hours
		case "-":
			want = ""
		}
		if h.String() != want {
			t.Errorf("%s is written %q", tt.hours, h)
		}
		var stored client.Client
		text, err := json.Marshal(client.Client{Hours: h})
		if err == nil {
			err = json.Unmarshal(text, &stored)
		}
		if err != nil || !stored.Hours.Equal(h) {
			t.Errorf("%s: stored as %s: %s, %v", tt.hours, text, stored.Hours, err)
		}
	}
	for _, text := range []string{
		"", "8-18", "08:00", "08:00-", "-18:00", "24:00-08:00", "08:00-25:00", "08:00-08:00", "08:00-18:00 Nowhere", "08:00-18:00 Local", "08:00 - 18:00",
		"08:00-18:00 UTC UTC", "08:00-24:000", "08:00-18:00 ../../etc/passwd",
	} {
		if h, err := client.ParseHours(text); err == nil {
			t.Errorf("%q was read as %s", text, h)
		}
	}
}

// FuzzHours: what can be read is written in a form that is read as the same.
func FuzzHours(f *testing.F) {
	for _, seed := range []string{"08:00-18:00 Asia/Taipei", "22:00-06:00", "00:00-24:00", "1:00-2:00", "08:00-24:00 UTC"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		h, err := client.ParseHours(text)
		if err != nil || h.IsZero() {
			return
		}
		again, err := client.ParseHours(h.String())
		if err != nil || !again.Equal(h) {
			t.Fatalf("%q is written %q, which is %q, %v", text, h, again, err)
		}
	})
}
