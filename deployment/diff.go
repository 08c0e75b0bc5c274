package deployment

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"sallyport/feed"
	"sallyport/realm"
)

// An Op says what becomes of an object.
type Op string

// The operations.
const (
	Add    Op = "+"
	Change Op = "~"
	Remove Op = "-"
)

// A Line is one object that changes. It holds no secret, password or hash.
type Line struct {
	Op    Op        `json:"op"`
	Kind  feed.Kind `json:"kind"`
	Realm string    `json:"realm"`
	Name  string    `json:"name"`
	Words string    `json:"words,omitempty"` // what changes
}

// String writes the line as `~ client x: scopes [a] -> [a b]`.
func (l Line) String() string {
	s := fmt.Sprintf("%s %s %s", l.Op, l.Kind, l.Name)
	if l.Realm != realm.Default && l.Kind != feed.Realm {
		s += " in realm " + l.Realm
	}
	if l.Words != "" {
		s += ": " + l.Words
	}
	return s
}

// A Diff is everything that changes.
type Diff []Line

// String writes one line per object.
func (d Diff) String() string {
	var b strings.Builder
	for _, l := range d {
		b.WriteString(l.String())
		b.WriteByte('\n')
	}
	return b.String()
}

// changes says in words how two objects differ, "" if they do not. Credentials are not looked at.
func changes(before, after any) string {
	a, b := fields(before), fields(after)
	keys := map[string]bool{}
	for k := range a {
		keys[k] = true
	}
	for k := range b {
		keys[k] = true
	}
	var words []string
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if sameJSON(a[k], b[k]) {
			continue
		}
		was, is := show(k, a[k]), show(k, b[k])
		if was == is {
			words = append(words, k+" settings changed"+of(a[k], b[k]))
		} else {
			words = append(words, k+" "+was+" -> "+is)
		}
	}
	return strings.Join(words, "; ")
}

// of names the entries of a list that differ though they are shown alike, "" if it is none. Their settings are not shown:
// they may hold anything.
func of(before, after json.RawMessage) string {
	type entry struct {
		Name     string          `json:"name"`
		Settings json.RawMessage `json:"settings"`
	}
	var a, b []entry
	if json.Unmarshal(before, &a) != nil || json.Unmarshal(after, &b) != nil || len(a) != len(b) {
		return ""
	}
	var names []string
	for i := range a {
		if !sameJSON(a[i].Settings, b[i].Settings) && !slices.Contains(names, b[i].Name) {
			names = append(names, b[i].Name)
		}
	}
	if len(names) == 0 {
		return ""
	}
	return " (" + strings.Join(names, ", ") + ")"
}

// fields returns an object's fields as JSON, without what is secret.
func fields(v any) map[string]json.RawMessage {
	text, err := json.Marshal(v)
	m := map[string]json.RawMessage{}
	if err != nil || json.Unmarshal(text, &m) != nil {
		return m
	}
	for _, key := range []string{"secrets", "registered", "updated_at"} { // the last follows from the others
		delete(m, key)
	}
	return m
}

// show writes a value as people would.
func show(key string, j json.RawMessage) string {
	var v any
	if len(j) == 0 || json.Unmarshal(j, &v) != nil {
		return "none"
	}
	if s, ok := v.(string); ok && key == "upstream" {
		// A URL may hold a password, which is nobody's business here.
		if u, err := url.Parse(s); err == nil {
			return u.Redacted()
		}
	}
	return words(v)
}

// longWord is how much of a text is shown: a picture is one, too.
const longWord = 200

func words(v any) string {
	switch x := v.(type) {
	case string:
		if len(x) > longWord {
			x = strings.ToValidUTF8(x[:longWord], "") + "…"
		}
		if x == "" || strings.ContainsAny(x, " \t\n;") {
			return fmt.Sprintf("%q", x)
		}
		return x
	case []any:
		parts := make([]string, len(x))
		for i, item := range x {
			parts[i] = words(item)
		}
		return "[" + strings.Join(parts, " ") + "]"
	case map[string]any:
		name, named := x["name"].(string)
		if value, ok := x["value"].(string); named && ok { // a header condition
			return words(name + "=" + value)
		}
		// Settings of an extension may hold anything; its name is enough.
		if named {
			return name
		}
		var parts []string
		for _, k := range slices.Sorted(maps.Keys(x)) {
			parts = append(parts, k+": "+words(x[k]))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	return fmt.Sprint(v)
}
