package policy_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/client"
	"sallyport/policy"
	"sallyport/realm"
)

type inner struct {
	Name string `json:"name"`
	Most int64  `json:"most,omitempty"`
}

type everything struct {
	Text  string            `json:"text,omitempty"`
	Count int               `json:"count,omitempty"`
	On    bool              `json:"on,omitempty"`
	Tell  *bool             `json:"tell,omitempty"`
	Wait  realm.Duration    `json:"wait,omitempty"`
	List  []string          `json:"list,omitempty"`
	Nets  []client.Network  `json:"nets,omitempty"`
	Map   map[string]string `json:"map,omitempty"`
	Inner inner             `json:"inner,omitzero"`
	Rules []inner           `json:"rules,omitempty"`
	Any   json.RawMessage   `json:"any,omitempty"`
}

func TestDecode(t *testing.T) {
	yes, no := true, false
	for _, c := range []struct {
		settings string
		want     everything
	}{
		{``, everything{Text: "before"}},
		{`null`, everything{Text: "before"}},
		{`{}`, everything{Text: "before"}},
		{`{"text": null, "count": null}`, everything{Text: "before"}},
		{`{"text": "a", "count": 5, "on": true, "tell": false}`, everything{Text: "a", Count: 5, On: true, Tell: &no}},
		{`{"tell": true, "on": false}`, everything{Text: "before", Tell: &yes}},
		{`{"text": 1.10}`, everything{Text: "1.10"}}, // as it is written
		{`{"text": true}`, everything{Text: "true"}},
		{`{"text": ""}`, everything{}},
		{`{"wait": "1m"}`, everything{Text: "before", Wait: realm.Duration(time.Minute)}},
		{`{"wait": 90}`, everything{Text: "before", Wait: realm.Duration(90 * time.Second)}},
		{`{"list": ["a", 2], "map": {"X-A": 1, "X-B": "b"}}`, everything{Text: "before", List: []string{"a", "2"}, Map: map[string]string{"X-A": "1", "X-B": "b"}}},
		{`{"inner": {"name": "x", "most": 3}, "rules": [{"name": "y"}, {"most": 4}]}`, everything{Text: "before", Inner: inner{"x", 3}, Rules: []inner{{Name: "y"}, {Most: 4}}}},
		{`{"any": {"a": [1, null]}}`, everything{Text: "before", Any: json.RawMessage(`{"a": [1, null]}`)}},
	} {
		got := everything{Text: "before"}
		if err := policy.Decode(json.RawMessage(c.settings), &got); err != nil {
			t.Errorf("%s: %v", c.settings, err)
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.settings, diff)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for settings, want := range map[string]string{
		`{"txt": 1}`:               "txt: unknown key; known here: any, count, inner, list, map, nets, on, rules, tell, text, wait",
		`{"Text": "a"}`:            "Text: unknown key; known here: any, count, inner, list, map, nets, on, rules, tell, text, wait",
		`{"text": ["a"]}`:          "text: want a text, got a list",
		`{"text": {"a": 1}}`:       "text: want a text, got keys with values",
		`{"count": "5"}`:           "count: want a whole number, got a text",
		`{"count": 1.5}`:           "count: want a whole number, got a number",
		`{"count": 1e30}`:          "count: want a whole number, got a number",
		`{"count": 0}`:             "count: 0 would be taken for the default, if there is one; write more, or leave it out",
		`{"on": "yes"}`:            "on: want true or false, got a text",
		`{"tell": 1}`:              "tell: want true or false, got a number",
		`{"wait": "soon"}`:         `wait: "soon" is not a duration; write a number and a unit, such as 30s, 15m, 24h or 90d`,
		`{"wait": []}`:             "wait: want a text, got a list",
		`{"list": "a"}`:            "list: want a list such as [a, b], got a text",
		`{"list": [["a"]]}`:        "list: want a text, got a list",
		`{"nets": ["x"]}`:          `nets[0]: "x" is neither an address nor a prefix; write it like 192.0.2.7 or 10.0.0.0/8`,
		`{"map": ["a"]}`:           "map: want keys with values, got a list",
		`{"map": {"a": {}}}`:       "map.a: want a text, got keys with values",
		`{"inner": true}`:          "inner: want keys with values, got true or false",
		`{"inner": {"nam": 1}}`:    "inner.nam: unknown key; known here: most, name",
		`{"rules": [{}, {"x":1}]}`: "rules[1].x: unknown key; known here: most, name",
		`{"rules": {}}`:            "rules: want a list such as [a, b], got keys with values",
		`[]`:                       "settings: want keys with values, got a list",
		`"x"`:                      "settings: want keys with values, got a text",
		`{} {}`:                    "settings: something stands behind their end",
		`{`:                        "settings: unexpected EOF",
	} {
		err := policy.Decode(json.RawMessage(settings), &everything{})
		if err == nil || err.Error() != want {
			t.Errorf("%s:\n got %v\nwant %s", settings, err, want)
		}
	}
	if err := policy.Decode(json.RawMessage(`{"x": 1}`), &struct{}{}); err == nil || err.Error() != "x: unknown key; it has no settings; write the name alone" {
		t.Error(err)
	}
}

// FuzzDecode: whatever the settings, they are read or refused.
func FuzzDecode(f *testing.F) {
	f.Add(`{"text": 1, "inner": {"name": "x"}, "rules": [{"most": 1}], "map": {"a": "b"}, "wait": 5, "nets": ["::1"]}`)
	f.Add(`{"text": null} 1`)
	f.Fuzz(func(t *testing.T, settings string) {
		var v everything
		if policy.Decode(json.RawMessage(settings), &v) != nil {
			return
		}
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatalf("%q: %v", settings, err)
		}
		var again everything
		if err := policy.Decode(text, &again); err != nil {
			t.Fatalf("%q is written as %s, which is refused: %v", settings, text, err)
		}
	})
}
