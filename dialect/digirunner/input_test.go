package digirunner_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"sallyport/dialect/digirunner"
	"sallyport/realm"
)

// broken is a body whose sender goes away in the middle.
type broken struct{ sent bool }

func (b *broken) Read(p []byte) (int, error) {
	if b.sent {
		return 0, errors.New("connection reset")
	}
	b.sent = true
	return copy(p, "grant_type=pass"), nil
}

func multipartForm(pairs ...string) (body io.Reader, kind string) {
	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	for i := 0; i+1 < len(pairs); i += 2 {
		if err := w.WriteField(pairs[i], pairs[i+1]); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return &b, w.FormDataContentType()
}

func badInputRows() []row {
	bad := func(name string, c call, text string) row {
		return row{name, "common/request_malformed", c, 400, e2("invalid_request", text), nil}
	}
	tooMany := strings.Repeat("a=b&", 10000)
	const large = "The request body is over 1 MiB. Send less."
	half := "--x\r\nContent-Disposition: form-data; name=\"grant_type\"\r\n\r\npass"
	latin, kind := multipartForm("grant_type", "\xff")
	return []row{
		{"over 1 MiB", "common/request_too_large", call{form: "grant_type=password&pad=" + strings.Repeat("x", 1<<20)}, 413, e1("413", "Payload Too Large", large, tokenPath), nil},
		{"over 1 MiB at introspection", "common/request_too_large", call{path: inspectPath, form: strings.Repeat("x", 1<<20+1)}, 413, e1("413", "Payload Too Large", large, inspectPath), nil},
		{"over 1 MiB of multipart", "common/request_too_large", call{kind: "multipart/form-data; boundary=x", form: strings.Repeat("x", 1<<20+1)}, 413, e1("413", "Payload Too Large", large, tokenPath), nil},
		bad("half sent", call{body: new(broken)}, "The request could not be read. Check its encoding and that it is complete."),
		bad("broken escape", call{form: "grant_type=%zz"}, "The parameter grant_type has a broken percent-escape."),
		bad("not UTF-8", call{form: "grant_type=%ff"}, "The parameter grant_type is not valid UTF-8 or contains a NUL."),
		bad("NUL", call{form: "grant_type=password%00"}, "The parameter grant_type is not valid UTF-8 or contains a NUL."),
		bad("10,000 parameters", call{form: tooMany}, "The request has more than 256 parameters. Send only those this endpoint reads."),
		bad("broken query", call{path: tokenPath + "?a=%", form: credentials}, "The parameter a has a broken percent-escape."),
		bad("multipart without boundary", call{kind: "multipart/form-data", form: "x"}, "The multipart body has no boundary. Name it in the Content-Type header."),
		bad("half a multipart body", call{kind: "multipart/form-data; boundary=x", form: half}, "The multipart body is not complete and valid."),
		bad("multipart, not UTF-8", call{kind: kind, body: latin}, "A parameter is not valid UTF-8 or contains a NUL."),
	}
}

func TestBadInput(t *testing.T) {
	h := open(t, nil)
	h.try(badInputRows())
	pairs := make([]string, 0, 600)
	for i := range 300 {
		pairs = append(pairs, fmt.Sprint("p", i), "v")
	}
	body, kind := multipartForm(pairs...)
	if got := h.do(call{body: body, kind: kind}); got.status != http.StatusBadRequest || !strings.Contains(got.body, "256 parameters") {
		t.Errorf("300 parts: %d %s", got.status, got.body)
	}
}

// TestWhereParametersMayBe: form, multipart and query; the first value counts.
func TestWhereParametersMayBe(t *testing.T) {
	h := open(t, nil)
	all := []string{"grant_type", "PassWord", "username", "tspuser", "password", "dXNlcjEyM2FiY2Q="}
	body, kind := multipartForm(append(all, "grant_type", "again")...)
	h.issue(call{form: "multipart", body: body, kind: kind})
	h.issue(call{path: tokenPath + "?" + passwordForm, form: ""})
	h.issue(call{path: tokenPath + "?" + passwordForm, kind: "application/json", form: `{"grant_type":"magic"}`})
	h.issue(call{path: tokenPath + "?username=tspuser", form: "grant_type=password&username=nobody&password=dXNlcjEyM2FiY2Q%3D"})
	h.issue(call{form: passwordForm + "&password=x&grant_type=magic&username=nobody"})
	h.issue(call{form: passwordForm + "&scope=anything"})
	h.issue(call{form: passwordForm, kind: "application/x-www-form-urlencoded; charset=UTF-8"})
	h.issue(call{form: passwordForm, kind: "application/x-www-form-urlencoded; charset"})
	h.issue(call{form: "grant_type=password&username=tspuser&password=dXNlcjEyM2FiY2Q"})
	h.issue(call{form: credentials + "&client_id=machine&client_secret=dHNwMTIzYWJjZA==", auth: "Basic of somebody else"})
	if got := h.do(call{form: `{"grant_type":"password"}`, kind: "application/json"}); got.body != e2("invalid_request", "Missing grant type") {
		t.Errorf("a JSON body was read: %d %s", got.status, got.body)
	}

	var b bytes.Buffer
	w := multipart.NewWriter(&b)
	if file, err := w.CreateFormFile("grant_type", "password"); err != nil {
		t.Fatal(err)
	} else if _, err := file.Write([]byte("password")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := h.do(call{body: &b, kind: w.FormDataContentType()}); got.body != e2("invalid_request", "Missing grant type") {
		t.Errorf("a file was taken for a parameter: %d %s", got.status, got.body)
	}
}

// TestAPlusThatBecameASpace: curl -d leaves the plus of a Base64 password as it is, and a form says space for it.
func TestAPlusThatBecameASpace(t *testing.T) {
	h := open(t, func(s *deploymentChanges) {
		for _, c := range s.Clients {
			if c.ID == "machine" {
				c.Secrets = generated("\xfb\xff\xfe~") // +//+fg==
			}
		}
	})
	for _, secret := range []string{"+//+fg==", "%2B//%2Bfg%3D%3D", "-__-fg", "+//+fg"} {
		h.issue(call{auth: "-", form: credentials + "&client_id=machine&client_secret=" + secret})
	}
}

// TestStrangersTextIsBounded: what an error repeats of a request is limited, and is JSON whatever it was.
func TestStrangersTextIsBounded(t *testing.T) {
	h := open(t, nil)
	long := strings.Repeat("ä", 300000)
	for _, c := range []call{
		{auth: basic(long[:4000], "x"), form: credentials},
		{form: "grant_type=" + long},
		{path: inspectPath, form: "token_type_hint=" + long},
		{path: tokenPath + "?" + strings.Repeat("x", 4000), method: strings.Repeat("M", 4000)},
		{auth: "-", form: credentials + "&client_id=" + long + "&client_secret=eA=="},
	} {
		if got := h.do(c); got.status < 400 || len(got.body) > 600 {
			t.Errorf("%.60s: %d with %d bytes", c.form, got.status, len(got.body))
		}
	}
	expired := refreshForm("e30.eyJqdGkiOiJqIn0." + strings.Repeat("x", 500000))
	if got := h.do(call{auth: basic("faulty", "tsp123abcd"), form: strings.Replace(expired, "grant_type=refresh_token", "grant_type=fault&reason=refresh_expired", 1)}); got.status != http.StatusUnauthorized || len(got.body) > 9000 {
		t.Errorf("%d with %d bytes", got.status, len(got.body))
	}
}

// FuzzTokenEndpoint: whatever is sent, the answer is the product's, and never a fault of ours.
func FuzzTokenEndpoint(f *testing.F) {
	for _, s := range []string{"", passwordForm, refreshForm("a.b.c"), credentials, credentials + "&client_id=machine&client_secret=dHNwMTIzYWJjZA==", "grant_type=%ff", "grant_type"} {
		f.Add(tspClient, "application/x-www-form-urlencoded", "", []byte(s))
	}
	f.Add("Basic !", "multipart/form-data; boundary=x", "grant_type=password", []byte("--x\r\n\r\n--x--"))
	h := open(f, nil)
	in := h.realms.ByName(realm.Default)
	calls := uint32(0)
	f.Fuzz(func(t *testing.T, auth, kind, query string, body []byte) {
		for _, path := range []string{tokenPath, v2Path, inspectPath, revokePath} {
			r := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
			calls++ // from ever new places, so that the throttle does not answer everything
			r.RemoteAddr = netip.AddrPortFrom(netip.AddrFrom4([4]byte(binary.BigEndian.AppendUint32(nil, calls))), 4711).String()
			r.URL.RawQuery = query
			r.Header.Set("Authorization", auth)
			r.Header.Set("Content-Type", kind)
			w := httptest.NewRecorder()
			h.routes[path].ServeHTTP(w, r.WithContext(realm.NewContext(r.Context(), in)))
			if w.Code == http.StatusInternalServerError || w.Header().Get("Content-Type") != "application/json" || !strings.HasPrefix(w.Body.String(), "{") {
				t.Fatalf("%s: %d %s", path, w.Code, w.Body)
			}
		}
	})
}

func TestSettings(t *testing.T) {
	d := digirunner.New(dialectDeps())
	for _, good := range []string{"", "null", "{}", ` {"wrong_password_status":401}`, `{"wrong_password_status":400,"rotate_refresh_tokens":true}`} {
		if err := d.CheckSettings([]byte(good)); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
	for bad, want := range map[string]string{
		`{"wrong_status":400}`:            "wrong_status: unknown setting; there are wrong_password_status (401 or 400), rotate_refresh_tokens and bare_calls (true or false), and hosts (a list of names)",
		`{"wrong_password_status":403}`:   "wrong_password_status: 403 is not allowed; use 401 (as documented) or 400 (as the product does)",
		`{"wrong_password_status":"400"}`: "wrong_password_status: string is not allowed; write a number",
		`{"rotate_refresh_tokens":"yes"}`: "rotate_refresh_tokens: string is not allowed; write true or false",
		`{"hosts":"api.example.org"}`:     "hosts: string is not allowed; write a list of host names",
		`{"hosts":[1]}`:                   "hosts: number is not allowed; write a list of host names",
		`{"hosts":["*"]}`:                 "hosts: \"*\" is not a host name; write it without port and path, such as api.example.org",
		`{"hosts":["a:80"]}`:              "hosts: \"a:80\" is not a host name; write it without port and path, such as api.example.org",
		`{} {}`:                           "settings: there is something after the object; write one object",
		`[]`:                              "settings: not an object of",
		`{`:                               "settings: not an object of",
	} {
		if err := d.CheckSettings([]byte(bad)); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v; want %s", bad, err, want)
		}
	}
	if d.Name() != "digirunner" {
		t.Errorf("name %q", d.Name())
	}
}
