package digirunner

import (
	"encoding/json"
	"slices"
	"strings"

	"sallyport/web"
)

// Calls implements dialect.Caller:
//
//	/dgrc/PATH                the API that is registered under PATH
//	/tsmpc/MODULE/NAME[/…]    the API of that module and name
//	/tsmpg/MODULE/NAME[/…]    the same, as older callers have it
//	/PATH                     an API like any other; the product's with bare_calls
//
// The prefixes are read as they were sent: in another spelling they are an API's own path.
func (f *front) Calls(raw json.RawMessage) func(host, path string) (web.Called, bool) {
	s, err := parseSettings(raw)
	if err != nil { // nobody has stored such settings; without them the product's own paths are served all the same
		f.Log.Error("digirunner: settings of a realm cannot be read; its calls are served without them", "cause", err)
		s = Settings{}
	}
	return func(host, path string) (web.Called, bool) {
		to, ok := readCall(path)
		if !ok && !s.BareCalls {
			return web.Called{}, false
		}
		to.Foreign = !s.serves(host)
		return to, true
	}
}

// readCall reads the path of a call. That of a bare call is the API's own.
func readCall(path string) (to web.Called, ok bool) {
	if rest, ok := strings.CutPrefix(path, "/dgrc"); ok && strings.HasPrefix(rest, "/") {
		return web.Called{Dialect: Name, Path: rest}, true
	}
	for _, prefix := range [...]string{"/tsmpc", "/tsmpg"} {
		if rest, ok := strings.CutPrefix(path, prefix); ok && strings.HasPrefix(rest, "/") {
			return web.Called{Dialect: Name, Path: rest, Named: true}, true
		}
	}
	return web.Called{Dialect: Name, Path: path}, false
}

// serves reports whether APIs are called under a host name.
func (s Settings) serves(host string) bool {
	if len(s.Hosts) == 0 {
		return true
	}
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.Contains(host[i:], "]") {
		host = host[:i]
	}
	return slices.ContainsFunc(s.Hosts, func(own string) bool { return strings.EqualFold(own, strings.TrimSuffix(host, ".")) })
}
