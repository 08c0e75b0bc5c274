package strictyaml_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"sallyport/deployment/strictyaml"
	"sallyport/realm"
)

type inner struct {
	strictyaml.Place

	Name string         `yaml:"name"`
	TTL  realm.Duration `yaml:"ttl"`
}

type flat struct {
	Format string         `yaml:"format"`
	TTL    realm.Duration `yaml:"ttl"`
}

type outer struct {
	strictyaml.Place

	Text   string              `yaml:"text"`
	Flag   bool                `yaml:"flag"`
	Maybe  *bool               `yaml:"maybe"`
	Count  int                 `yaml:"count"`
	List   []string            `yaml:"list"`
	Flat   flat                `yaml:"flat"`
	Inner  []inner             `yaml:"inner"`
	Lists  map[string][]string `yaml:"lists"`
	Secret string              `yaml:"secret"`
}

var withoutPlaces = cmpopts.IgnoreTypes(strictyaml.Place{})

func decode(t *testing.T, text string) (outer, error) {
	t.Helper()
	var v outer
	docs, err := strictyaml.Parse("f.yaml", []byte(text))
	if err != nil {
		return v, err
	}
	for _, d := range docs {
		if err := d.Decode(&v); err != nil {
			return v, err
		}
	}
	return v, nil
}

func TestDecode(t *testing.T) {
	yes := true
	for _, tc := range []struct {
		name, text string
		want       outer
	}{
		{"nothing", "", outer{}},
		{"comments", "# nothing\n---\n# more\n", outer{}},
		{"a number is the text it is written as", "text: 0123", outer{Text: "0123"}},
		{"hexadecimal too", "text: 0x1F", outer{Text: "0x1F"}},
		{"a long number", "text: 123456789012345678901234567890", outer{Text: "123456789012345678901234567890"}},
		{"a fraction", "text: 1.50", outer{Text: "1.50"}},
		{"on", "text: on", outer{Text: "on"}},
		{"true is a text where a text is wanted", "text: true", outer{Text: "true"}},
		{"no", "list: [no, off, 1]", outer{List: []string{"no", "off", "1"}}},
		{"quotes", `text: "a: b # c"`, outer{Text: "a: b # c"}},
		{"block", "text: |\n  a\n  b\n", outer{Text: "a\nb\n"}},
		{"everything", "flag: true\nmaybe: true\ncount: 7\nflat: {format: jwt, ttl: 24h}\ninner:\n  - {name: a}\n  - name: b\n    ttl: 30s\nlists: {GET: [a, b]}",
			outer{Flag: true, Maybe: &yes, Count: 7, Flat: flat{"jwt", realm.Duration(24 * time.Hour)},
				Inner: []inner{{Name: "a"}, {Name: "b", TTL: realm.Duration(30 * time.Second)}}, Lists: map[string][]string{"GET": {"a", "b"}}}},
		{"colons in a list", "list: [::1, http://a:80, a:b:c]", outer{List: []string{"::1", "http://a:80", "a:b:c"}}},
		{"colons in a list within braces", "lists: {GET: [::1, fe80::1, 2001:db8::/32, 'x', http://a:80/b, 82:b3 , ::], PUT: [a:1]}",
			outer{Lists: map[string][]string{"GET": {"::1", "fe80::1", "2001:db8::/32", "x", "http://a:80/b", "82:b3", "::"}, "PUT": {"a:1"}}}},
		{"colons on several lines", "inner: [{name: x, ttl: 5s},\n  {\n  name: a:b}]\nlists: {\n  GET: [\n    a:1,\n    b:2\n  ]}",
			outer{Inner: []inner{{Name: "x", TTL: realm.Duration(5 * time.Second)}, {Name: "a:b"}}, Lists: map[string][]string{"GET": {"a:1", "b:2"}}}},
		{"byte order mark and CRLF", "\xef\xbb\xbftext: a\r\ncount: 1\r\n", outer{Text: "a", Count: 1}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := decode(t, tc.text)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tc.want, got, withoutPlaces); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestRefusals(t *testing.T) {
	for _, tc := range []struct{ name, text, want string }{
		{"unknown key", "txt: a", "f.yaml:1:1: txt: unknown key; did you mean text?"},
		{"another spelling", "Text: a", "f.yaml:1:1: Text: unknown key; did you mean text?"},
		{"unknown key, nothing near", "flat: {x: 1}", "f.yaml:1:8: x: unknown key; known here: format, ttl"},
		{"unknown key below", "inner:\n  - name: a\n    nam: b", "f.yaml:3:5: nam: unknown key; did you mean name?"},
		{"twice", "text: a\ncount: 1\ntext: b", "f.yaml:3:1: text: the key is given twice; keep one"},
		{"list for text", "secret: [hunter2]", "f.yaml:1:9: secret: want a text, got a list"},
		{"mapping for text", "secret: {hunter2: 1}", "f.yaml:1:9: secret: want a text, got keys with values"},
		{"text for list", "list: hunter2", "f.yaml:1:7: list: want a list such as [a, b], got a text"},
		{"text for bool", "flag: yes", "f.yaml:1:7: flag: want true or false, got a text"},
		{"text for number", "count: many", "f.yaml:1:8: count: want a whole number, got a text"},
		{"fraction for number", "count: 1.5", "f.yaml:1:8: count: want a whole number, got a number"},
		{"no value", "text:", "f.yaml:1:1: text: has no value; write one or leave the key out"},
		{"null", "text: ~", "f.yaml:1:1: text: has no value; write one or leave the key out"},
		{"null in a list", "list: [a, null]", "f.yaml:1:7: list: entry 2 of the list is empty"},
		{"duration", "flat: {ttl: soon}", `f.yaml:1:13: ttl: "soon" is not a duration; write a number and a unit, such as 30s, 15m, 24h or 90d`},
		{"alias", "text: &a x\nsecret: *a", "f.yaml:1:7: text: anchors and aliases are not supported; write the value out\nf.yaml:2:9: secret: anchors and aliases are not supported; write the value out"},
		{"tag", "text: !!str 1", "f.yaml:1:7: text: tags (!) are not supported; write the value out"},
		{"a list of all", "- a", "f.yaml:1:1: the document: want keys with values, got a list"},
		{"control character", "text: \"a\x00b\"", "f.yaml:1:9: this is not UTF-8 text; save the file as UTF-8, without control characters"},
		{"not UTF-8", "count: 1\ntext: \xff", "f.yaml:2:7: this is not UTF-8 text; save the file as UTF-8, without control characters"},
		{"several", "txt: 1\ncount: x\nflag: 1", "f.yaml:1:1: txt: unknown key; did you mean text?\nf.yaml:2:8: count: want a whole number, got a text\nf.yaml:3:7: flag: want true or false, got a number"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := decode(t, tc.text)
			if err == nil {
				t.Fatal("accepted")
			}
			if d := cmp.Diff(tc.want, err.Error()); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestSyntaxErrorsTellNoValues(t *testing.T) {
	for _, text := range []string{"secret: \"hunter2", "secret: [hunter2", "secret: {hunter2", "secret: hunter2: x", "\tsecret: hunter2", "secret: 'hunter2"} {
		_, err := decode(t, text)
		if err == nil {
			t.Errorf("%q: accepted", text)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") || !strings.HasPrefix(err.Error(), "f.yaml") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestPlaces(t *testing.T) {
	v, err := decode(t, "text: a\ninner:\n  - name: b\n    ttl: 1s\n")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		at   strictyaml.Pos
		want string
	}{
		{v.Of("inner"), "f.yaml:2:1"}, {v.Of("absent"), "f.yaml:1:1"}, {v.Inner[0].At, "f.yaml:3:5"}, {v.Inner[0].Of("ttl"), "f.yaml:4:5"},
	} {
		if got := tc.at.String(); got != tc.want {
			t.Errorf("got %s, want %s", got, tc.want)
		}
	}
	if v.Has("count") || !v.Has("text") {
		t.Error("what was given is not known")
	}
}

// FuzzDecode: whatever is read can be written and read again, and is the same.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"", "text: a", "text: 0123\nlist: [on, no, ~x, 'a b', \"\\u00e4\"]", "flat: {format: jwt, ttl: 90d}\ninner: [{name: a}]", "lists: {\"*\": [a]}\n---\ntext: b",
		"text: &a b", "text: |\n  a\n  b\n", "inner:\n- name: {x: [}", "count: 99999999999999", "text: !!binary aGk=", "<<: {text: a}", "? a\n: b", "text: \"\\x00\\u2028\"",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		docs, err := strictyaml.Parse("f.yaml", []byte(text))
		if err != nil {
			var faults strictyaml.Errors
			if !errors.As(err, &faults) || len(faults) == 0 {
				t.Fatalf("not an Errors: %v", err)
			}
			return
		}
		for _, d := range docs {
			var v outer
			if d.Decode(&v) != nil {
				continue
			}
			written, err := strictyaml.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			var again outer
			back, err := strictyaml.Parse("f.yaml", written)
			if err != nil {
				t.Fatalf("%v in what was written:\n%s", err, written)
			}
			for _, d := range back {
				if err := d.Decode(&again); err != nil {
					t.Fatalf("%v in what was written:\n%s", err, written)
				}
			}
			if d := cmp.Diff(v, again, withoutPlaces, cmpopts.EquateEmpty()); d != "" {
				t.Fatalf("%s\nwritten:\n%s", d, written)
			}
		}
	})
}
