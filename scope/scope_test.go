package scope_test

import (
	"strings"
	"testing"

	"sallyport/scope"
)

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		in, seps, want string
		ok             bool
	}{
		{"", " ", "", true},
		{"search match_info", " ", "search match_info", true},
		{"  b   a b ", " ", "b a", true},
		{"a,b c", " ,", "a b c", true},
		{"a,b", " ", "a,b", true},
		{`a"b`, " ", "", false},
		{`a\b`, " ", "", false},
		{"ä", " ", "", false},
		{"a\tb", " ", "", false},
		{strings.Repeat("a", 129), " ", "", false},
	} {
		got, ok := scope.ParseAny(tt.in, tt.seps)
		if ok != tt.ok || got.String() != tt.want {
			t.Errorf("%q: got %q, %v; want %q, %v", tt.in, got, ok, tt.want, tt.ok)
		}
	}
}

// Names compare whole: install_user_client contains the letters "all" and is not the scope all.
func TestSetNeverMatchesBySubstring(t *testing.T) {
	s := scope.Set{"install_user_client", "Search"}
	if s.Has("all") || s.Has("search") || s.HasAny([]string{"all", "search", "user"}) {
		t.Error("matched part of a name, or ignored case")
	}
	if !s.HasAny([]string{"x", "Search"}) {
		t.Error("did not match a whole name")
	}
}

func TestSetArithmetic(t *testing.T) {
	s := scope.Set{"a", "b", "c"}
	if outside, ok := s.Within(scope.Set{"c", "a"}); ok || outside != "b" {
		t.Errorf("Within: %q, %v", outside, ok)
	}
	if _, ok := s.Within(scope.Set{"c", "b", "a", "d"}); !ok {
		t.Error("Within: a superset must do")
	}
	if _, ok := (scope.Set)(nil).Within(nil); !ok {
		t.Error("nothing is within nothing")
	}
	if got := s.Intersect(scope.Set{"c", "x", "a"}).String(); got != "a c" {
		t.Errorf("Intersect: %q", got)
	}
}

func TestCheck(t *testing.T) {
	if err := (scope.Scope{Name: "read"}).Check(); err != nil {
		t.Error(err)
	}
	for _, bad := range []scope.Scope{{}, {Name: "a b"}, {Name: "a", Description: strings.Repeat("x", 1001)}} {
		if bad.Check() == nil {
			t.Errorf("%.20q passed", bad.Name)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("search match_info")
	f.Add("a,b  c\x00")
	f.Fuzz(func(t *testing.T, s string) {
		set, ok := scope.ParseAny(s, " ,")
		if !ok {
			return
		}
		again, ok := scope.Parse(set.String())
		if !ok || again.String() != set.String() {
			t.Fatalf("%q does not survive a round trip", set)
		}
	})
}
