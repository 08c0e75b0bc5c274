package jose

import (
	"bytes"
	"encoding/json"
	"math"
	"time"
	"unicode/utf8"
)

// Claims are the members of a JSON object by their exact names: a JWT Claims Set (RFC 7519 section 4).
type Claims map[string]json.RawMessage

// ParseClaims reads a JSON object. One with members that repeat, at any depth, is refused (RFC 7519 section 4): two readers
// could take it to say different things.
func ParseClaims(payload []byte) (Claims, error) {
	switch {
	case len(payload) > MaxSize:
		return nil, malformed("an object of %d bytes; %d are enough", len(payload), MaxSize)
	case !utf8.Valid(payload) || !json.Valid(payload): // RFC 8259 section 8.1
		return nil, malformed("not JSON in UTF-8")
	}
	if err := strict(json.NewDecoder(bytes.NewReader(payload))); err != nil {
		return nil, err
	}
	var c Claims
	if err := json.Unmarshal(payload, &c); err != nil || c == nil {
		return nil, malformed("not a JSON object")
	}
	return c, nil
}

// strict refuses members that repeat and values too deep in one another, in JSON that is otherwise right.
func strict(d *json.Decoder) error {
	type level struct {
		names map[string]bool // nil in an array
		value bool            // what comes next is a value, not a name
	}
	d.UseNumber()
	var open []level
	for {
		token, err := d.Token()
		if err != nil {
			return nil // the end: the text is known to be JSON
		}
		if delim, is := token.(json.Delim); is && (delim == '}' || delim == ']') {
			open = open[:len(open)-1]
			continue
		}
		if n := len(open); n > 0 && open[n-1].names != nil {
			top := &open[n-1]
			if !top.value {
				name, _ := token.(string)
				if top.names[name] || len(top.names) >= maxMembers {
					return malformed("a member is given twice, or there are very many")
				}
				top.names[name], top.value = true, true
				continue
			}
			top.value = false
		}
		if delim, is := token.(json.Delim); is {
			if len(open) == maxDepth {
				return malformed("objects too deep in one another")
			}
			next := level{}
			if delim == '{' {
				next.names = map[string]bool{}
			}
			open = append(open, next)
		}
	}
}

// Has reports whether there is such a claim, of whatever type.
func (c Claims) Has(name string) bool { _, ok := c[name]; return ok }

// Raw returns a claim as it was sent, nil if there is none.
func (c Claims) Raw(name string) json.RawMessage { return c[name] }

// IsText reports whether a claim is a string.
func (c Claims) IsText(name string) bool { return len(c[name]) > 0 && c[name][0] == '"' }

// Text returns a claim that is a string, "" if it is none.
func (c Claims) Text(name string) (s string) {
	if !c.IsText(name) || json.Unmarshal(c[name], &s) != nil {
		return ""
	}
	return s
}

// List returns a claim that is an array of strings, or one string; nil if it is neither.
func (c Claims) List(name string) (list []string) {
	if c.IsText(name) {
		return []string{c.Text(name)}
	}
	var each []json.RawMessage
	if json.Unmarshal(c[name], &each) != nil {
		return nil
	}
	for _, raw := range each {
		var s *string // null is no string
		if json.Unmarshal(raw, &s) != nil || s == nil {
			return nil
		}
		list = append(list, *s)
	}
	return list
}

// Number returns a claim that is a number.
func (c Claims) Number(name string) (n float64, ok bool) {
	raw := c[name]
	if len(raw) == 0 || raw[0] != '-' && (raw[0] < '0' || raw[0] > '9') || json.Unmarshal(raw, &n) != nil {
		return 0, false
	}
	return n, true
}

// Time returns a NumericDate (RFC 7519 section 2), within some thousand years of 1970.
func (c Claims) Time(name string) (at time.Time, ok bool) {
	seconds, ok := c.Number(name)
	if !ok || math.Abs(seconds) > 1e11 {
		return time.Time{}, false
	}
	whole, part := math.Modf(seconds)
	return time.Unix(int64(whole), int64(part*1e9)).UTC(), true
}
