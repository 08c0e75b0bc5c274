package deployment

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"sallyport/deployment/strictyaml"
)

// UnmarshalNode reads a name, or one key with settings.
func (n *Named) UnmarshalNode(v strictyaml.Node) error {
	if name, ok := v.Scalar(); ok {
		*n = Named{Name: name}
		return nil
	}
	name, value, ok := v.Single()
	if !ok {
		return errors.New("want a name, or one name with its settings such as {ratelimit: {rate: 100/s}}")
	}
	settings, err := value.JSON()
	if err != nil {
		return fmt.Errorf("settings of %.40s: %w", name, err)
	}
	if string(settings) == "null" || string(settings) == "{}" {
		settings = nil
	}
	*n = Named{Name: name, Settings: settings}
	return nil
}

// Flow writes the name, with its settings if it has some.
func (n Named) Flow() (string, error) {
	if len(n.Settings) == 0 {
		return strictyaml.Quote(n.Name), nil
	}
	// JSON is YAML in flow style.
	return "{" + strictyaml.Quote(n.Name) + ": " + string(n.Settings) + "}", nil
}

// A Status is on, off or locked; empty if it was not given.
type Status string

// UnmarshalText reads a Status. Tools that follow YAML 1.1 turn on and off into true and false: both are understood.
func (s *Status) UnmarshalText(text []byte) error {
	switch t := strings.ToLower(string(text)); t {
	case "on", "off", "locked":
		*s = Status(t)
	case "true":
		*s = "on"
	case "false":
		*s = "off"
	default:
		return fmt.Errorf("%.40q is not a status; write on, off or locked", text)
	}
	return nil
}

// A Moment is a point in time, written as a day (its first moment in UTC) or as RFC 3339 has it.
type Moment struct{ time.Time }

// UnmarshalText reads a Moment.
func (m *Moment) UnmarshalText(text []byte) error {
	for _, layout := range []string{time.DateOnly, time.RFC3339Nano} {
		if t, err := time.Parse(layout, string(text)); err == nil && t.Year() >= 1970 && t.Year() < 2200 {
			m.Time = t.UTC().Truncate(time.Microsecond)
			return nil
		}
	}
	return fmt.Errorf("%.40q is not a day or a moment; write 2026-01-31 or 2026-01-31T08:00:00Z", text)
}

// MarshalText writes a Moment as UnmarshalText reads it.
func (m Moment) MarshalText() ([]byte, error) {
	if m.Truncate(24*time.Hour).Equal(m.Time) && m.Hour() == 0 {
		return []byte(m.UTC().Format(time.DateOnly)), nil
	}
	return []byte(m.UTC().Format(time.RFC3339Nano)), nil
}

// sameJSON reports whether two pieces of JSON say the same.
func sameJSON(a, b json.RawMessage) bool {
	return string(canonical(a)) == string(canonical(b))
}

// canonical sorts the keys and drops the white space.
func canonical(j json.RawMessage) json.RawMessage {
	if len(j) == 0 {
		return nil
	}
	var v any
	if json.Unmarshal(j, &v) != nil {
		return j
	}
	c, err := json.Marshal(v)
	if err != nil {
		return j
	}
	return c
}

// JSON is any value, kept as JSON. It is written as YAML or, quoted, as JSON.
type JSON json.RawMessage

// UnmarshalNode reads the value.
func (j *JSON) UnmarshalNode(v strictyaml.Node) error {
	if text, ok := v.Scalar(); ok {
		if !json.Valid([]byte(text)) {
			return errors.New("is not JSON; write keys with values")
		}
		*j = JSON(canonical(json.RawMessage(text)))
		return nil
	}
	text, err := v.JSON()
	*j = JSON(canonical(text))
	return err
}

// Flow writes the value: JSON is YAML in flow style.
func (j JSON) Flow() (string, error) { return string(j), nil }

// An Object is keys with any values.
type Object map[string]any

// UnmarshalNode reads the object.
func (o *Object) UnmarshalNode(v strictyaml.Node) error {
	text, err := v.JSON()
	if err != nil {
		return err
	}
	m := map[string]any{}
	if json.Unmarshal(text, &m) != nil {
		return errors.New("want keys with values")
	}
	*o = m
	return nil
}

// Flow writes the object.
func (o Object) Flow() (string, error) {
	text, err := json.Marshal(map[string]any(o))
	return string(text), err
}
