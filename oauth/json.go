package oauth

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ParseJSON decodes a JSON object into parameters. Members that are strings or numbers become parameters, a number by
// its literal digits; members of other kinds are ignored, as unknown parameters are. A member named twice is a
// duplicate like any other (RFC 8259 section 4 leaves the meaning open, which is what an attacker wants).
func ParseJSON(body []byte) (Params, error) {
	if !clean(string(body)) {
		return Params{}, malformed("", "The JSON body is not valid UTF-8 or contains a NUL.")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if t, err := dec.Token(); err != nil {
		return Params{}, badJSON(err)
	} else if t != json.Delim('{') {
		return Params{}, malformed("", "The JSON body must be an object.")
	}
	var p Params
	for dec.More() {
		t, err := dec.Token()
		if err != nil {
			return Params{}, badJSON(err)
		}
		name, ok := t.(string)
		if !ok {
			return Params{}, badJSON(errors.New("member name is not a string"))
		}
		if p.Len() == MaxParams {
			return Params{}, malformed("", "The JSON body has more than 256 members. Send only those this endpoint reads.")
		}
		if err := addMember(dec, &p, name); err != nil {
			return Params{}, err
		}
	}
	if _, err := dec.Token(); err != nil {
		return Params{}, badJSON(err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return Params{}, malformed("", "There is something after the JSON object.")
	}
	return p, nil
}

func addMember(dec *json.Decoder, p *Params, name string) error {
	var value any
	if err := dec.Decode(&value); err != nil {
		return badJSON(err)
	}
	switch v := value.(type) {
	case string:
		if !clean(v) || !clean(name) {
			return malformed(name, "The member "+printable(name)+" contains a NUL.")
		}
		p.Add(name, v)
	case json.Number:
		p.Add(name, v.String())
	}
	return nil
}

func badJSON(err error) *Error {
	e := malformed("", "The JSON body is not complete and valid JSON.")
	var syntax *json.SyntaxError
	if errors.As(err, &syntax) {
		e.Description = fmt.Sprintf("The JSON body is broken at byte %d.", syntax.Offset)
	}
	e.Err = err
	return e
}
