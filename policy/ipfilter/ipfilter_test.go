package ipfilter_test

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"

	"sallyport/policy"
	"sallyport/policy/ipfilter"
	"sallyport/policy/policytest"
)

func TestAddresses(t *testing.T) {
	const (
		allow = `{"allow": ["192.0.2.7", "10.0.0.0/8", "2001:db8::/32"]}`
		deny  = `{"deny": ["192.0.2.7", "10.0.0.0/8", "2001:db8::/32"]}`
		both  = `{"allow": ["10.0.0.0/8"], "deny": ["10.1.0.0/16"]}`
	)
	tests := []struct {
		settings, from string
		passes         bool
	}{
		{allow, "192.0.2.7", true},
		{allow, "192.0.2.8", false},
		{allow, "10.255.255.255", true},
		{allow, "11.0.0.0", false},
		{allow, "2001:db8:ffff::1", true},
		{allow, "2001:db9::1", false},
		{allow, "::ffff:10.0.0.1", true}, // an IPv4 address by another name
		{allow, "::10.0.0.1", false},
		{allow, "2001:db8::1%eth0", true},
		{allow, "", false},
		{deny, "192.0.2.7", false},
		{deny, "::ffff:192.0.2.7", false},
		{deny, "10.9.9.9", false},
		{deny, "2001:db8::1%eth0", false},
		{deny, "192.0.2.8", true},
		{both, "10.0.0.1", true},
		{both, "10.1.0.1", false},
		{both, "192.0.2.1", false},
		{`{"allow": ["0.0.0.0/0"]}`, "192.0.2.1", true},
		{`{"allow": ["0.0.0.0/0"]}`, "2001:db8::1", false},
		{`{"deny": ["::/0"]}`, "192.0.2.1", true},
	}
	for _, tt := range tests {
		p := policytest.Make(t, ipfilter.Kind(), tt.settings)
		c := policytest.NewCall("GET", "/a")
		c.Source = netip.Addr{}
		if tt.from != "" {
			c.Source = netip.MustParseAddr(tt.from)
		}
		err := p.Request(t.Context(), c)
		if (err == nil) != tt.passes {
			t.Errorf("%s from %s: %v", tt.settings, tt.from, err)
		}
		if r := policytest.Refusal(err); r != nil && (r.Status != 403 || r.Reason != policy.AddressDenied || r.Fix == "" || len(r.Facts) != 2) {
			t.Errorf("%s from %s: refused with %+v", tt.settings, tt.from, r)
		}
	}
}

func TestSettings(t *testing.T) {
	for settings, want := range map[string]string{
		``:                           "both are empty",
		`{}`:                         "both are empty",
		`{"allows": ["10.0.0.1"]}`:   `allows: unknown key; known here: `,
		`{"allow": ["10.0.0.1/8"]}`:  "write 10.0.0.0/8",
		`{"allow": ["example.org"]}`: "neither an address nor a prefix",
		`{"allow": "10.0.0.1"}`:      "allow: want a list such as [a, b], got a text",
	} {
		if _, err := ipfilter.Kind().New(policy.Site{}, json.RawMessage(settings)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", settings, err, want)
		}
	}
}

func TestManyNetworksCostNothing(t *testing.T) {
	var list []string
	for i := range 256 {
		list = append(list, netip.AddrFrom4([4]byte{10, 0, byte(i), 1}).String())
	}
	settings, err := json.Marshal(map[string]any{"deny": list})
	if err != nil {
		t.Fatal(err)
	}
	p := policytest.Make(t, ipfilter.Kind(), string(settings))
	c := policytest.NewCall("GET", "/a")
	if n := testing.AllocsPerRun(100, func() { _ = p.Request(t.Context(), c) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
