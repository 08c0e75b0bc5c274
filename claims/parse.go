package claims

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"unicode/utf8"
)

// Bounds of the claims parameter. Nobody has a use for more, and it is kept while people are asked.
const (
	longestRequest = 8 << 10 // bytes
	mostClaims     = 64      // in one object
	longestName    = 200     // bytes
	mostValues     = 32
)

// Parse reads a claims parameter. Members it does not know are ignored, as OpenID Connect Core section 5.5 wants it; a member
// given twice, or of another type than the section says, is an error. The error says which.
func Parse(text string) (*Request, error) {
	if len(text) > longestRequest {
		return nil, fmt.Errorf("it is longer than %d bytes", longestRequest)
	}
	if !utf8.ValidString(text) {
		return nil, errors.New("it is not UTF-8")
	}
	top, err := object([]byte(text))
	if err != nil {
		return nil, err
	}
	r := &Request{}
	for name, to := range map[string]*map[string]*Ask{"userinfo": &r.UserInfo, "id_token": &r.IDToken} {
		if *to, err = asks(top[name]); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
	}
	return r, nil
}

// Names returns the names that are asked for, in order.
func Names(asked map[string]*Ask) []string { return slices.Sorted(maps.Keys(asked)) }

func asks(raw json.RawMessage) (map[string]*Ask, error) {
	if absent(raw) {
		return nil, nil
	}
	members, err := object(raw)
	if err != nil {
		return nil, err
	}
	if len(members) > mostClaims {
		return nil, fmt.Errorf("it asks for more than %d claims", mostClaims)
	}
	out := make(map[string]*Ask, len(members))
	for name, raw := range members {
		if name == "" || len(name) > longestName {
			return nil, fmt.Errorf("a claim's name is empty or longer than %d bytes", longestName)
		}
		if out[name], err = ask(raw); err != nil {
			return nil, fmt.Errorf("%.200q: %w", name, err)
		}
	}
	return out, nil
}

func ask(raw json.RawMessage) (*Ask, error) {
	if absent(raw) {
		return nil, nil
	}
	members, err := object(raw)
	if err != nil {
		return nil, err
	}
	a := &Ask{}
	if raw := members["essential"]; !absent(raw) {
		if err := json.Unmarshal(raw, &a.Essential); err != nil {
			return nil, errors.New("essential is neither true nor false")
		}
	}
	if raw := members["value"]; !absent(raw) {
		a.Value = compact(raw)
	}
	if raw := members["values"]; !absent(raw) {
		if err := json.Unmarshal(raw, &a.Values); err != nil || len(a.Values) == 0 || len(a.Values) > mostValues {
			return nil, fmt.Errorf("values is no list of 1 to %d values", mostValues)
		}
		for i, raw := range a.Values {
			a.Values[i] = compact(raw)
		}
	}
	if a.Value != nil && a.Values != nil {
		return nil, errors.New("it has both value and values; send one")
	}
	return a, nil
}

// absent reports whether a member is not there, or null.
func absent(raw json.RawMessage) bool { return len(raw) == 0 || string(raw) == "null" }

// compact takes the white space out of a value, so that it is stored as it is compared.
func compact(raw json.RawMessage) json.RawMessage {
	var b bytes.Buffer
	_ = json.Compact(&b, raw) // it was read as JSON before
	return b.Bytes()
}

// object reads one JSON object, and nothing after it.
func object(text []byte) (map[string]json.RawMessage, error) {
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil, errors.New("it is not a JSON object")
	}
	members := map[string]json.RawMessage{}
	for d.More() {
		t, err := d.Token()
		name, ok := t.(string)
		if err != nil || !ok {
			return nil, errors.New("it is not well-formed JSON")
		}
		if _, twice := members[name]; twice {
			return nil, fmt.Errorf("the member %.200q is there twice", name)
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, errors.New("it is not well-formed JSON")
		}
		members[name] = raw
	}
	if _, err := d.Token(); err != nil {
		return nil, errors.New("it is not well-formed JSON")
	}
	if len(bytes.TrimLeft(text[d.InputOffset():], " \t\r\n")) > 0 {
		return nil, errors.New("something follows the JSON object")
	}
	return members, nil
}
