package policy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/policy"
)

func TestLimitFields(t *testing.T) {
	for want, got := range map[string]*[1]string{
		`"rate";q=100;w=60`:             policy.LimitPolicy("rate", 100, 60),
		`"all";q=5`:                     policy.LimitPolicy("all", 5, 0),
		`"big";q=999999999999999;w=1`:   policy.LimitPolicy("big", 1<<62, 1), // an Integer has 15 digits
		`"rate";r=99;t=7`:               policy.LimitNow("rate", 99, 7),
		`"rate";r=0;t=0`:                policy.LimitNow("rate", -3, 0),
		`"all";r=4`:                     policy.LimitNow("all", 4, -1),
		`"big";r=999999999999999;t=999`: policy.LimitNow("big", 1<<62, 999),
	} {
		if got[0] != want {
			t.Errorf("%s, want %s", got[0], want)
		}
	}
	if got := policy.LimitNow(strings.Repeat("n", 40), 1<<62, 1<<62)[0]; len(got) < 70 {
		t.Errorf("%s", got)
	}
}

// fields hides what kind of header it is.
type fields struct{ policy.Header }

func TestTellLimit(t *testing.T) {
	a, b := policy.LimitPolicy("a", 1, 2), policy.LimitPolicy("b", 3, 4)
	left := policy.LimitNow("a", 0, 1)
	want := policy.Fields{"Ratelimit-Policy": {`"a";q=1;w=2`, `"b";q=3;w=4`}, "Ratelimit": {`"a";r=0;t=1`, `"a";r=0;t=1`}}
	for name, wrap := range map[string]func(policy.Fields) policy.Header{
		"fields":         func(f policy.Fields) policy.Header { return f },
		"another header": func(f policy.Fields) policy.Header { return fields{f} },
	} {
		got := policy.Fields{}
		policy.TellLimit(wrap(got), a, left)
		policy.TellLimit(wrap(got), b, left)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	if a[0] != `"a";q=1;w=2` {
		t.Errorf("what is told to others was changed: %s", a[0])
	}
	one, reply := policy.Fields{}, 0.0
	reply = testing.AllocsPerRun(100, func() {
		clear(one)
		policy.TellLimit(one, a, left)
	})
	if reply != 0 {
		t.Errorf("%v allocations", reply)
	}
}

func TestValidLimitName(t *testing.T) {
	for name, valid := range map[string]bool{
		"rate": true, "A-b_c.9": true, strings.Repeat("a", 40): true,
		"": false, strings.Repeat("a", 41): false, "a b": false, `a"b`: false, `a\b`: false, "é": false, "a/b": false,
	} {
		if policy.ValidLimitName(name) != valid {
			t.Errorf("%q", name)
		}
	}
}
