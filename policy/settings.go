package policy

import (
	"bytes"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// Decode reads a policy's settings into a struct with json tags. Unknown keys, a wrong type and anything behind the end
// are errors that name the key and say what belongs there. No settings at all leave the struct as it is, so that defaults
// may be set before.
//
// A text is taken as it is written, with or without quotes, so a number will do for one. A number of zero is refused:
// wherever a policy counts, none at all would be taken for the default, which is not what its writer means.
func Decode(settings json.RawMessage, into any) error {
	if len(settings) == 0 || string(settings) == "null" {
		return nil
	}
	d := json.NewDecoder(bytes.NewReader(settings))
	var whole json.RawMessage
	if err := d.Decode(&whole); err != nil {
		return fmt.Errorf("settings: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return errors.New("settings: something stands behind their end")
	}
	return set("", whole, reflect.ValueOf(into).Elem())
}

// set reads one value. key is the way to it, as it is told to people; "" is the whole.
func set(key string, from json.RawMessage, to reflect.Value) error {
	if string(from) == "null" {
		return nil
	}
	if to.Kind() == reflect.Pointer {
		to.Set(reflect.New(to.Type().Elem()))
		return set(key, from, to.Elem())
	}
	switch v := to.Addr().Interface().(type) {
	case *json.RawMessage:
		*v = slices.Clone(from)
		return nil
	case encoding.TextUnmarshaler:
		text, ok := scalar(from)
		if !ok {
			return wrong(key, "a text", from)
		}
		if err := v.UnmarshalText([]byte(text)); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
		return nil
	}
	switch to.Kind() {
	case reflect.Struct:
		return setStruct(key, from, to)
	case reflect.Slice:
		return setList(key, from, to)
	case reflect.Map:
		return setMap(key, from, to)
	case reflect.String:
		text, ok := scalar(from)
		if !ok {
			return wrong(key, "a text", from)
		}
		to.SetString(text)
		return nil
	}
	if json.Unmarshal(from, to.Addr().Interface()) != nil {
		return wrong(key, inWords(to.Kind()), from)
	}
	if to.CanInt() && to.IsZero() {
		return fmt.Errorf("%s: 0 would be taken for the default, if there is one; write more, or leave it out", key)
	}
	return nil
}

func setStruct(key string, from json.RawMessage, to reflect.Value) error {
	given, err := object(key, from)
	if err != nil {
		return err
	}
	fields := map[string]int{}
	for i := range to.NumField() {
		name, _, _ := strings.Cut(to.Type().Field(i).Tag.Get("json"), ",")
		fields[name] = i
	}
	for _, name := range slices.Sorted(maps.Keys(given)) {
		i, ok := fields[name]
		if !ok {
			known := "it has no settings; write the name alone"
			if len(fields) > 0 {
				known = "known here: " + strings.Join(slices.Sorted(maps.Keys(fields)), ", ")
			}
			return fmt.Errorf("%.80s: unknown key; %s", below(key, name), known)
		}
		if err := set(below(key, name), given[name], to.Field(i)); err != nil {
			return err
		}
	}
	return nil
}

func setList(key string, from json.RawMessage, to reflect.Value) error {
	var list []json.RawMessage
	if json.Unmarshal(from, &list) != nil {
		return wrong(key, "a list such as [a, b]", from)
	}
	all := reflect.MakeSlice(to.Type(), len(list), len(list))
	for i := range list {
		entry := key
		if to.Type().Elem().Kind() == reflect.Struct {
			entry = fmt.Sprintf("%s[%d]", key, i)
		}
		if err := set(entry, list[i], all.Index(i)); err != nil {
			return err
		}
	}
	to.Set(all)
	return nil
}

func setMap(key string, from json.RawMessage, to reflect.Value) error {
	given, err := object(key, from)
	if err != nil {
		return err
	}
	to.Set(reflect.MakeMapWithSize(to.Type(), len(given)))
	for _, name := range slices.Sorted(maps.Keys(given)) {
		value := reflect.New(to.Type().Elem()).Elem()
		if err := set(below(key, name), given[name], value); err != nil {
			return err
		}
		to.SetMapIndex(reflect.ValueOf(name), value)
	}
	return nil
}

func object(key string, from json.RawMessage) (map[string]json.RawMessage, error) {
	var given map[string]json.RawMessage
	if json.Unmarshal(from, &given) != nil {
		return nil, wrong(key, "keys with values", from)
	}
	return given, nil
}

// scalar returns a text, or what is written like one, a number say.
func scalar(from json.RawMessage) (string, bool) {
	var text string
	if json.Unmarshal(from, &text) == nil {
		return text, true
	}
	return string(from), from[0] != '{' && from[0] != '['
}

func below(key, name string) string {
	if key == "" {
		return name
	}
	return key + "." + name
}

func wrong(key, want string, from json.RawMessage) error {
	got := "a number"
	switch from[0] {
	case '"':
		got = "a text"
	case '{':
		got = "keys with values"
	case '[':
		got = "a list"
	case 't', 'f':
		got = "true or false"
	}
	if key == "" {
		key = "settings"
	}
	return fmt.Errorf("%s: want %s, got %s", key, want, got)
}

func inWords(k reflect.Kind) string {
	switch k {
	case reflect.Bool:
		return "true or false"
	case reflect.Float64:
		return "a number"
	}
	return "a whole number"
}
