package web_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"sallyport/oauth"
	"sallyport/web"
)

func TestMediaType(t *testing.T) {
	for given, want := range map[string]string{
		"":                                      "",
		"application/json":                      "application/json",
		"Application/JSON; Charset=\"UTF-8\"":   "application/json",
		"application/x-www-form-urlencoded;":    "application/x-www-form-urlencoded",
		"application/json; charset":             "application/json",
		"application/json; charset=utf-8; =":    "application/json",
		"multipart/form-data; boundary":         "multipart/form-data",
		"application/json, application/json":    "",
		"application/json charset=utf-8":        "",
		"/; charset=utf-8":                      "",
		"application/x-www-form-urlencoded ; a": "application/x-www-form-urlencoded",
	} {
		r := httptest.NewRequest("POST", "/token", nil)
		r.Header.Set("Content-Type", given)
		if got := web.MediaType(r); got != want {
			t.Errorf("%q: %q, want %q", given, got, want)
		}
	}
}

func part(head, value string) string {
	return "--b\r\nContent-Disposition: form-data; " + head + "\r\n\r\n" + value + "\r\n"
}

func TestReadMultipart(t *testing.T) {
	const kind = "multipart/form-data; boundary=b"
	for _, tt := range []struct {
		name, kind, body string
		want             string // name=value of every parameter, in order
		reason           oauth.Reason
	}{
		{"two", kind, part(`name="a"`, "1+ %") + part(`name=b`, "") + "--b--", "a=1+ %&b=", ""},
		{"twice", kind, part(`name="a"`, "1") + part(`name="a"`, "2") + "--b--", "a=1&a=2", ""},
		{"a file", kind, part(`name="a"; filename="f"`, "1") + part(`name="b"`, "2") + "--b--", "b=2", ""},
		{"none", kind, "--b--", "", ""},
		{"quoted boundary", `multipart/form-data; boundary="b"`, part(`name="a"`, "1") + "--b--", "a=1", ""},
		{"a form", "application/x-www-form-urlencoded", "a=1", "", oauth.RequestMediaType},
		{"no boundary", "multipart/form-data", part(`name="a"`, "1") + "--b--", "", oauth.RequestMalformed},
		{"broken boundary", "multipart/form-data; boundary", part(`name="a"`, "1") + "--b--", "", oauth.RequestMalformed},
		{"no end", kind, part(`name="a"`, "1"), "", oauth.RequestMalformed},
		{"a NUL", kind, part(`name="a"`, "\x00") + "--b--", "", oauth.RequestMalformed},
		{"not UTF-8", kind, part(`name="a"`, "\xff") + "--b--", "", oauth.RequestMalformed},
		{"too many", kind, strings.Repeat(part(`name="a"`, "1"), oauth.MaxParams+1) + "--b--", "", oauth.RequestMalformed},
		{"too long", kind, strings.Repeat("x", web.MaxBody+1), "", oauth.RequestTooLarge},
	} {
		r := httptest.NewRequest("POST", "/token", strings.NewReader(tt.body))
		r.Header.Set("Content-Type", tt.kind)
		p, err := web.ReadMultipart(httptest.NewRecorder(), r)
		if got := oauth.ReasonOf(err); got != tt.reason {
			t.Errorf("%s: reason %q, want %q", tt.name, got, tt.reason)
		}
		var pairs []string
		for _, q := range p.All() {
			pairs = append(pairs, q.Name+"="+q.Value)
		}
		if got := strings.Join(pairs, "&"); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func FuzzReadMultipart(f *testing.F) {
	f.Add("multipart/form-data; boundary=b", part(`name="a"`, "1")+"--b--")
	f.Add("multipart/form-data; boundary", part(`name="a"; filename="f"`, "1"))
	f.Fuzz(func(t *testing.T, kind, body string) {
		r := httptest.NewRequest("POST", "/token", strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		p, err := web.ReadMultipart(httptest.NewRecorder(), r)
		if err != nil && p.Len() != 0 {
			t.Errorf("parameters with an error: %v", p.All())
		}
		if p.Len() > oauth.MaxParams {
			t.Errorf("%d parameters", p.Len())
		}
	})
}
