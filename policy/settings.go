package policy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Decode reads a policy's settings into a struct with json tags. Unknown keys, a wrong type and anything behind the end
// are errors that name the key. No settings at all leave the struct as it is, so that defaults may be set before.
func Decode(settings json.RawMessage, into any) error {
	if len(settings) == 0 || string(settings) == "null" {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(settings))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		var wrong *json.UnmarshalTypeError
		if errors.As(err, &wrong) {
			if wrong.Field == "" {
				return fmt.Errorf("settings: a %s stands where keys with values belong", wrong.Value)
			}
			return fmt.Errorf("%s: a %s stands where a %s belongs", wrong.Field, wrong.Value, wrong.Type)
		}
		return errors.New(strings.TrimPrefix(err.Error(), "json: "))
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("settings: something stands behind their end")
	}
	return nil
}
