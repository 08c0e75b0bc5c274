package strictyaml

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// A Flower writes itself in flow style, such as a or {a: [b, c]}, where a struct cannot describe its form.
type Flower interface {
	Flow() (string, error)
}

// Marshal writes a struct in the form that Decode reads. Fields that are zero are left out; lists of structs are written
// as blocks, everything else on one line. An empty list is left out too, unless the option "empty" stands behind the name in
// its tag: then it is not the same as none.
func Marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	if err := block(&b, reflect.ValueOf(v), "", ""); err != nil {
		return nil, err
	}
	return b.Bytes(), nil
}

// block writes the fields of a struct, one a line; first goes before the first of them, indent before the others.
func block(b *bytes.Buffer, v reflect.Value, first, indent string) error {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	lead := first
	for i := range v.NumField() {
		name, option, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		f := v.Field(i)
		if name == "" || name == "-" || f.IsZero() || option != "empty" && f.Kind() == reflect.Slice && f.Len() == 0 {
			continue
		}
		if isBlockList(f) {
			fmt.Fprintf(b, "%s%s:\n", lead, name)
			for j := range f.Len() {
				if err := block(b, f.Index(j), indent+"  - ", indent+"    "); err != nil {
					return err
				}
			}
		} else {
			text, err := flow(f)
			if err != nil {
				return err
			}
			fmt.Fprintf(b, "%s%s: %s\n", lead, name, text)
		}
		lead = indent
	}
	return nil
}

func isBlockList(v reflect.Value) bool {
	if v.Kind() != reflect.Slice || v.Type().Elem().Kind() != reflect.Struct {
		return false
	}
	switch reflect.Zero(v.Type().Elem()).Interface().(type) {
	case Flower, encoding.TextMarshaler:
		return false
	}
	return true
}

func flow(v reflect.Value) (string, error) {
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	switch x := v.Interface().(type) {
	case Flower:
		return x.Flow()
	case encoding.TextMarshaler:
		text, err := x.MarshalText()
		return Quote(string(text)), err
	}
	var parts []string
	switch v.Kind() {
	case reflect.Slice:
		for i := range v.Len() {
			text, err := flow(v.Index(i))
			if err != nil {
				return "", err
			}
			parts = append(parts, text)
		}
		return "[" + strings.Join(parts, ", ") + "]", nil
	case reflect.Struct:
		for i := range v.NumField() {
			name, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
			if name == "" || name == "-" || v.Field(i).IsZero() {
				continue
			}
			text, err := flow(v.Field(i))
			if err != nil {
				return "", err
			}
			parts = append(parts, name+": "+text)
		}
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
		for _, name := range keys {
			text, err := flow(v.MapIndex(name))
			if err != nil {
				return "", err
			}
			parts = append(parts, Quote(name.String())+": "+text)
		}
	case reflect.String:
		return Quote(v.String()), nil
	default:
		return fmt.Sprint(v.Interface()), nil
	}
	return "{" + strings.Join(parts, ", ") + "}", nil
}

// plain is what needs no quotes, in no version of YAML and in no place.
var plain = regexp.MustCompile(`^([A-Za-z/][A-Za-z0-9_./+-]*(:[A-Za-z0-9_./+-]+)*( [A-Za-z0-9_./+-]+)*|[0-9]{1,9}[smhd])$`)

// Words that some version of YAML takes for something else than text.
var reserved = map[string]bool{
	"y": true, "n": true, "yes": true, "no": true, "true": true, "false": true, "null": true, "nan": true, "inf": true,
}

// Quote writes a text as a scalar, with quotes where it needs them.
func Quote(s string) string {
	if plain.MatchString(s) && !reserved[strings.ToLower(s)] {
		return s
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(s); err != nil {
		return `""`
	}
	return strings.TrimSuffix(b.String(), "\n")
}
