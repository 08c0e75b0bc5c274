package jose_test

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/jose"
)

func TestParseClaims(t *testing.T) {
	deep := strings.Repeat(`{"a":[`, 8) + strings.Repeat(`]}`, 8)
	for text, good := range map[string]bool{
		`{}`: true, deep: true,
		` {"a":1,"b":{"a":2},"c":[{"a":1},{"a":2}]} `: true,
		`{"a":"a","b":["a","a"],"A":1}`:               true,
		`{"a":"{\"a\":1,\"a\":2}"}`:                   true,

		``: false, `null`: false, `[]`: false, `"a"`: false, `1`: false, `{`: false, `{}{}`: false, `{} x`: false, `{"a":}`: false,
		`{"a":1,"a":1}`:            false,
		`{"a":1,"\u0061":2}`:       false,
		`{"b":{"a":1,"a":1}}`:      false,
		`{"b":[1,{"a":1,"a":1}]}`:  false,
		`{"a":{"x":1},"a":1}`:      false,
		`{"a":"a","b":"b","a":[]}`: false,
		"{\"a\":\"\xff\"}":         false,
		`{"x":` + deep + `}`:       false,
		`{"x":` + strings.Repeat("[", 40_000) + strings.Repeat("]", 20_000): false,
		`{"x":"` + strings.Repeat("x", jose.MaxSize) + `"}`:                 false,
	} {
		c, err := jose.ParseClaims([]byte(text))
		if good != (err == nil) || good != (c != nil) || err != nil && !errors.Is(err, jose.ErrMalformed) {
			t.Errorf("%.60s: %v", text, err)
		}
	}
	for members, good := range map[int]bool{1000: true, 1001: false} {
		many := map[string]int{}
		for i := range members {
			many[strconv.Itoa(i)] = i
		}
		text, err := json.Marshal(many)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := jose.ParseClaims(text); good != (err == nil) {
			t.Errorf("%d members: %v", members, err)
		}
	}
}

func TestGetters(t *testing.T) {
	c, err := jose.ParseClaims([]byte(`{
		"text":"a\u0062","empty":"","number":12.5,"minus":-1,"huge":1e300,"null":null,"true":true,"list":["a","b"],"none":[],"mixed":["a",1],"nulls":[null],"object":{"a":1}}`))
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		text string
		list []string
		time time.Time
		has  bool
	}{
		"text":   {"ab", []string{"ab"}, time.Time{}, true},
		"empty":  {"", []string{""}, time.Time{}, true},
		"number": {"", nil, time.Unix(12, 5e8).UTC(), true},
		"minus":  {"", nil, time.Unix(-1, 0).UTC(), true},
		"huge":   {"", nil, time.Time{}, true},
		"null":   {"", nil, time.Time{}, true},
		"true":   {"", nil, time.Time{}, true},
		"list":   {"", []string{"a", "b"}, time.Time{}, true},
		"none":   {"", nil, time.Time{}, true},
		"mixed":  {"", nil, time.Time{}, true},
		"nulls":  {"", nil, time.Time{}, true},
		"object": {"", nil, time.Time{}, true},
		"Text":   {"", nil, time.Time{}, false},
	} {
		at, isTime := c.Time(name)
		if c.Text(name) != want.text || !cmp.Equal(c.List(name), want.list) || !at.Equal(want.time) || isTime == want.time.IsZero() || c.Has(name) != want.has || (c.Raw(name) != nil) != want.has {
			t.Errorf("%s: %q, %q, %v, %v", name, c.Text(name), c.List(name), at, c.Has(name))
		}
		if c.IsText(name) != (want.text != "" || name == "empty") {
			t.Errorf("%s: text: %v", name, c.IsText(name))
		}
	}
	if n, ok := c.Number("huge"); !ok || n != 1e300 {
		t.Errorf("huge: %v", n)
	}
}

func FuzzParseClaims(f *testing.F) {
	for _, text := range []string{`{"a":1,"a":2}`, `{"a":[{"b":{}}]}`, `[]`, `{"\ud800":1,"\ufffd":2}`, "{\"\xff\":1}"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := jose.ParseClaims(text)
		if err != nil {
			return
		}
		// What was taken has one meaning: written and read again it is the same, and nothing of it was lost.
		again, err := json.Marshal(c)
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		d, err := jose.ParseClaims(again)
		if err != nil && len(again) <= jose.MaxSize || err == nil && len(c) != len(d) {
			t.Fatalf("%q: %v, %d and %d members", text, err, len(c), len(d))
		}
		for name := range c {
			c.Text(name)
			c.List(name)
			c.Time(name)
		}
	})
}
