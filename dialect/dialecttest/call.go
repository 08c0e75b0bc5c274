package dialecttest

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"sallyport/realm"
	"sallyport/web"
)

// A Call is one request. The zero values are those of an ordinary form post from one address.
type Call struct {
	Method  string // POST
	Path    string
	Auth    string // Authorization; empty: none
	Type    string // Content-Type; empty: a form; "-": none
	Body    string
	Half    bool        // the body breaks off before its announced end
	Chunked bool        // its length is not announced
	Header  http.Header // further ones
	Host    string      // auth.example.org
	Source  string      // 192.0.2.1
	Realm   string      // default
}

// An Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// JSON reads the body into a map.
func (a Answer) JSON() map[string]any {
	var m map[string]any
	if json.Unmarshal([]byte(a.Body), &m) != nil {
		return nil
	}
	return m
}

// Text returns a member of the body that is a string, "" if there is none.
func (a Answer) Text(member string) string {
	s, _ := a.JSON()[member].(string)
	return s
}

// torn is a body whose connection breaks.
type torn struct{ rest io.Reader }

// Read implements io.Reader.
func (b torn) Read(p []byte) (int, error) {
	n, err := b.rest.Read(p)
	if err != nil {
		err = errors.New("connection reset")
	}
	return n, err
}

// Do sends a call to the handler at its path. No such route is a failure of the test.
func (h *House) Do(routes web.Routes, c Call) Answer {
	h.T.Helper()
	path, _, _ := strings.Cut(c.Path, "?")
	handler := routes[path]
	if handler == nil {
		h.T.Fatalf("there is no route %q", path)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, h.Request(c))
	return Answer{w.Code, w.Header(), w.Body.String()}
}

// Request makes the request of a call.
func (h *House) Request(c Call) *http.Request {
	or := func(s, otherwise string) string {
		if s == "" {
			return otherwise
		}
		return s
	}
	var body io.Reader = strings.NewReader(c.Body)
	if c.Half {
		body = torn{body}
	}
	r := httptest.NewRequest(or(c.Method, http.MethodPost), "https://"+or(c.Host, "auth.example.org")+c.Path, body)
	switch {
	case c.Chunked:
		r.ContentLength = -1
	case c.Half:
		r.ContentLength = int64(len(c.Body)) + 10
	}
	r.RemoteAddr = or(c.Source, "192.0.2.1") + ":4711"
	for name, values := range c.Header {
		r.Header[name] = values
	}
	if kind := or(c.Type, "application/x-www-form-urlencoded"); kind != "-" {
		r.Header.Set("Content-Type", kind)
	}
	if c.Auth != "" {
		r.Header.Set("Authorization", c.Auth)
	}
	if in := h.Realms.ByName(or(c.Realm, realm.Default)); in != nil {
		r = r.WithContext(realm.NewContext(r.Context(), in))
	}
	return r
}

// BadInput is what a stranger may send to an endpoint that reads a form: each of them must be refused in the door's own
// shape. The body of an ordinary call is kept where the fault is elsewhere.
func BadInput(ordinary Call) map[string]Call {
	with := func(change func(*Call)) Call {
		c := ordinary
		change(&c)
		return c
	}
	return map[string]Call{
		"over 1 MiB":            with(func(c *Call) { c.Body += "&pad=" + strings.Repeat("a", web.MaxBody) }),
		"over 1 MiB, in chunks": with(func(c *Call) { c.Body += "&pad=" + strings.Repeat("a", web.MaxBody); c.Chunked = true }),
		"half sent":             with(func(c *Call) { c.Half = true }),
		"half sent, in chunks":  with(func(c *Call) { c.Half, c.Chunked = true, true }),
		"duplicate":             with(func(c *Call) { c.Body += "&client_id=a&client_id=b" }),
		"10,000 parameters":     with(func(c *Call) { c.Body += strings.Repeat("&a=b", 10000) }),
		"bad UTF-8":             with(func(c *Call) { c.Body += "&x=%ff%fe" }),
		"bad UTF-8 in a name":   with(func(c *Call) { c.Body += "&%c3%28=x" }),
		"NUL":                   with(func(c *Call) { c.Body += "&x=a%00b" }),
		"broken escape":         with(func(c *Call) { c.Body += "&x=%zz" }),
		"wrong content type":    with(func(c *Call) { c.Type = "application/xml" }),
		"no such method":        with(func(c *Call) { c.Method = http.MethodGet }),
	}
}

// WantStatus is the status every door gives to BadInput.
func WantStatus(name string) int {
	switch name {
	case "over 1 MiB", "over 1 MiB, in chunks":
		return http.StatusRequestEntityTooLarge
	case "wrong content type":
		return http.StatusUnsupportedMediaType
	case "no such method":
		return http.StatusMethodNotAllowed
	}
	return http.StatusBadRequest
}
