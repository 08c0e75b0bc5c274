package api

import (
	"errors"
	"slices"
	"strings"
)

// Errors of ParsePattern besides those of ParsePath.
var (
	ErrPatternSpelling  = errors.New("it is not in its simplest spelling")
	ErrPatternParameter = errors.New("a parameter is a whole segment like {id}: a letter, then letters, digits and underscores")
	ErrPatternTwice     = errors.New("it has two parameters of the same name")
)

// maxParameter is the longest name of a path parameter, in bytes.
const maxParameter = 64

// Parameter returns the name of the path parameter that a segment of a pattern stands for, false if it stands for itself.
func Parameter(segment string) (name string, ok bool) {
	if len(segment) < 2 || segment[0] != '{' || segment[len(segment)-1] != '}' {
		return "", false
	}
	return segment[1 : len(segment)-1], true
}

// ParsePattern reads a path of which whole segments may be parameters ("/orders/{id}"). It returns the parameters' names
// from left to right, and the pattern's simplest spelling beside ErrPatternSpelling if that is another.
func ParsePattern(path string) (names []string, simplest string, err error) {
	if !strings.ContainsAny(path, "{}") {
		simplest, err = ParsePath(path)
		if err == nil && simplest != path {
			err = ErrPatternSpelling
		}
		return nil, simplest, err
	}
	segments := strings.Split(path, "/")
	var holes []int
	for i, s := range segments {
		name, ok := Parameter(s)
		switch {
		case !ok && strings.ContainsAny(s, "{}"), ok && !parameterName(name):
			return nil, "", ErrPatternParameter
		case ok && slices.Contains(names, name):
			return nil, "", ErrPatternTwice
		case ok:
			names = append(names, name)
			holes = append(holes, i)
			segments[i] = "-" // any segment that is spelled simply
		}
	}
	plain, err := ParsePath(strings.Join(segments, "/"))
	if err != nil {
		return nil, "", err
	}
	simple := strings.Split(plain, "/")
	for i, at := range holes {
		simple[at] = "{" + names[i] + "}"
	}
	if simplest = strings.Join(simple, "/"); simplest != path {
		return names, simplest, ErrPatternSpelling
	}
	return names, path, nil
}

func parameterName(name string) bool {
	ok := name != "" && len(name) <= maxParameter
	for i := range len(name) {
		c := name[i]
		ok = ok && ('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || i > 0 && (c == '_' || '0' <= c && c <= '9'))
	}
	return ok
}

// Allows reports whether a list of methods has the method; an empty one has any. Who may GET may ask for its HEAD (RFC 9110
// section 9.3.2).
func Allows(methods []string, method string) bool {
	return len(methods) == 0 || slices.Contains(methods, method) || method == "HEAD" && slices.Contains(methods, "GET")
}
