package store

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	"sallyport/scope"
	"sallyport/token"
)

// micros is how a time is stored: microseconds since 1970, 0 for the zero time.
func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// moment is the opposite of micros, in UTC.
func moment(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// blob keeps an empty value from becoming NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// unblob is the opposite of blob: the databases differ in what an empty value is.
func unblob(b []byte) []byte {
	if len(b) == 0 {
		return nil
	}
	return b
}

// scopes is the opposite of scope.Set.String.
func scopes(s string) scope.Set {
	if s == "" {
		return nil
	}
	return strings.Split(s, " ")
}

// list stores strings that may hold anything as a JSON array; none take no room.
func list(values []string) (string, error) {
	if len(values) == 0 {
		return "", nil
	}
	b, err := json.Marshal(values)
	return string(b), err
}

func unlist(s string) (values []string, err error) {
	if s == "" {
		return nil, nil
	}
	err = json.Unmarshal([]byte(s), &values)
	return values, err
}

// signIn stores what a grant remembers of the sign-in behind it; none takes no room.
func signIn(s *token.SignIn) (string, error) {
	if s == nil {
		return "", nil
	}
	b, err := json.Marshal(s)
	return string(b), err
}

func readSignIn(doc string) (*token.SignIn, error) {
	if doc == "" {
		return nil, nil
	}
	s := &token.SignIn{}
	return s, json.Unmarshal([]byte(doc), s)
}

// lower is how addresses are compared: the letters of ASCII without case, everything else as it is. To go further would let
// somebody ask for another's mail under an address that only looks like it (a Kelvin sign is a k in lower case).
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// storable reports whether both databases can hold all the texts: PostgreSQL has neither NUL nor broken UTF-8. What is
// not storable is not stored, so a look-up need not ask.
func storable(texts ...string) bool {
	for _, s := range texts {
		if !utf8.ValidString(s) || strings.IndexByte(s, 0) >= 0 {
			return false
		}
	}
	return true
}

// printable makes a text storable, for records that must not be lost over a stray byte.
func printable(s string) string {
	if storable(s) {
		return s
	}
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}
