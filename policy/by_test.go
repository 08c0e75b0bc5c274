package policy_test

import (
	"net/netip"
	"strings"
	"testing"

	"sallyport/api"
	"sallyport/feed"
	"sallyport/policy"
	"sallyport/realm"
)

func TestKeys(t *testing.T) {
	long := strings.Repeat("x", 129)
	call := &policy.Call{
		Source: netip.MustParseAddr("2001:db8:1:2:3:4:5:6"), Realm: &realm.Realm{Name: "default"}, API: &api.API{Name: "orders"},
		Method: "GET", Host: "h", Path: "/orders/7", Query: "q", Header: policy.Fields{"X-A": {"1", "2"}},
		Params: []policy.Param{{Name: "id", Value: "7"}},
		Caller: policy.Caller{Client: "shop", User: "dory", Credential: "key1", Scope: []string{"read", "write"}, Slots: &feed.Slots{}},
	}
	for _, tt := range []struct {
		by, key               string
		early, sticky, public bool
	}{
		{"", "client/shop", false, true, true},
		{"client", "client/shop", false, true, true},
		{"user", "user/dory", false, true, true},
		{"key", "key/key1", false, true, true},
		{"address", "address/2001:db8:1:2::/64", true, false, true},
		{"api", "api", false, false, true},
		{"expression: call.header['x-a']", "expression/1,2", false, false, false},
		{`expression:call.method + call.host + call.path + call.query`, "expression/GETh/orders/7q", false, false, false},
		{`expression: call.realm + call.api + call.client + call.user + call.credential`, "expression/defaultordersshopdorykey1", false, false, false},
		{`expression: call.address + call.param["id"] + call.param["no"] + call.scope[1]`, "expression/2001:db8:1:2:3:4:5:67write", false, false, false},
		{`expression: "` + long + `"`, "its hash", false, false, false},
	} {
		by, err := policy.ParseBy(tt.by)
		if err != nil {
			t.Fatal(err)
		}
		key, err := by.Key(call)
		if err != nil {
			t.Fatal(err)
		}
		if got := key.String(); got != tt.key && !(strings.Contains(tt.by, long) && len(got) == len("expression/sha256:")+64) {
			t.Errorf("by %q: %s, want %s", tt.by, got, tt.key)
		}
		if by.Early() != tt.early || by.Sticky(call) != tt.sticky || key.Public() != tt.public {
			t.Errorf("by %q: early %v, sticky %v, public %v", tt.by, by.Early(), by.Sticky(call), key.Public())
		}
		if tt.by != "" && !strings.HasPrefix(tt.by, "expression:") && by.String() != tt.by {
			t.Errorf("%q is written %q", tt.by, by)
		}
		again, _ := by.Key(call)
		if again != key || again.Hash() != key.Hash() {
			t.Errorf("by %q: the same call has two keys", tt.by)
		}
	}
	nobody := &policy.Call{Source: netip.MustParseAddr("192.0.2.1")}
	for _, name := range []string{"client", "user", "key"} {
		by, _ := policy.ParseBy(name)
		if key, err := by.Key(nobody); err != nil || key.String() != "address/192.0.2.1" || by.Sticky(nobody) {
			t.Errorf("by %s, nobody: %s, %v", name, key.String(), err)
		}
	}
	for _, bad := range []string{"clients", "Client", " client", "expression", "expression:", "expression: 1", "expression: call.nix"} {
		if _, err := policy.ParseBy(bad); err == nil || !strings.HasPrefix(err.Error(), "by: ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
