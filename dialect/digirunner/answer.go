package digirunner

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"sallyport/oauth"
	"sallyport/web"
)

// The longest texts of a stranger that an error repeats, in bytes.
const (
	maxQuotedToken = 8 << 10
	maxQuoted      = 256
)

// about is what an error text may name. All of it may come from a stranger.
type about struct {
	client, user, grant, hint string
	code                      string
	token                     string
	day                       string // first or last day of the client

	// Of a call of an API.
	api, module     string // as the product names it: by its path, or by name if it was called so
	address         string // where the call came from
	when            string // from or until when a key is good, or when it was revoked
	start, end, now string // the client's hours, and the time by their clock
}

// bodyE1 is the product's error body of its framework's kind. Its fields are in wire order.
type bodyE1 struct {
	Timestamp string `json:"timestamp"`
	Status    int    `json:"status"`
	Error     string `json:"error"`
	Message   string `json:"message,omitempty"`
	Path      string `json:"path"`
}

// bodyE2 is the error body of RFC 6749 section 5.2.
type bodyE2 struct {
	Error       string `json:"error"`
	Description string `json:"error_description"`
}

// writeError answers with what the call's table says about e.
func writeError(c *call, e *oauth.Error) {
	a := c.errors.lookup(e.Reason)
	status := a.statusFor(c.settings)
	if e.RetryAfter > 0 {
		c.w.Header().Set("Retry-After", strconv.FormatInt(int64((e.RetryAfter+time.Second-1)/time.Second), 10))
	}
	if c.basic && status == http.StatusUnauthorized && a.shape == e1 {
		c.w.Header().Set("WWW-Authenticate", `Basic realm="`+web.Printable(c.realm.Name)+`", charset="UTF-8"`)
	}
	writeAnswer(c, a, status, c.expand(a.text, e))
}

// expand puts what is known of the request into a text. It replaces in one pass: nothing that a stranger sent is
// expanded again.
func (c *call) expand(text string, e *oauth.Error) string {
	if !strings.Contains(text, "{") {
		return text
	}
	name := c.about.user
	if name == "" {
		name = e.Subject // a refresh names no user; the pipeline knows whose status it is about
	}
	jti := ""
	if strings.Contains(text, "{jti}") {
		jti = peek(c.about.token).ID
	}
	return strings.NewReplacer(
		"{client}", clip(c.about.client, maxQuoted),
		"{user}", clip(name, maxQuoted),
		"{grant}", clip(c.about.grant, maxQuoted),
		"{hint}", clip(c.about.hint, maxQuoted),
		"{code}", clip(c.about.code, maxQuoted),
		"{token}", clip(c.about.token, maxQuotedToken),
		"{jti}", clip(jti, maxQuoted),
		"{day}", c.about.day,
		"{method}", clip(c.r.Method, maxQuoted),
		"{text}", clip(e.Description, maxQuoted),
		"{api}", clip(c.about.api, maxQuoted),
		"{module}", clip(c.about.module, maxQuoted),
		"{address}", c.about.address,
		"{when}", c.about.when,
		"{start}", c.about.start,
		"{end}", c.about.end,
		"{now}", c.about.now,
	).Replace(text)
}

func writeAnswer(c *call, a answer, status int, text string) {
	var body any
	switch a.shape {
	case e2:
		body = bodyE2{Error: a.error, Description: text}
	case e1, e1Bare:
		path := c.path
		if path == "" {
			path = requestURI(c.r)
		}
		body = bodyE1{
			Timestamp: strconv.FormatInt(c.now.UnixMilli(), 10),
			Status:    status, Error: a.error, Message: text, Path: clip(path, maxQuoted),
		}
	case e3:
		writeE3(c, a.error, status)
		return
	}
	writeJSON(c.w, status, body)
}

// writeE3 writes a code in the caller's language, laid out as the product lays it out. The first three fields are those of
// a transaction, and there is none.
func writeE3(c *call, code string, status int) {
	text := codeTexts[code][0]
	if strings.EqualFold(strings.ReplaceAll(c.r.Header.Get("Locale"), "_", "-"), "zh-TW") {
		text = codeTexts[code][1]
	}
	c.w.Header().Set("X-Content-Type-Options", "nosniff")
	web.WriteBody(c.w, status, "application/json; charset=utf-8", []byte(`{
  "txSN" : null,
  "txDate" : null,
  "txID" : null,
  "rtnCode" : "`+code+`",
  "rtnMsg" : "`+code+" - "+text+`"
}`))
}

// writeJSON writes v as the product's serialiser does: characters such as '<' and '&' stand for themselves. No browser
// takes the answer for a page, since the content type is not to be guessed.
func writeJSON(w http.ResponseWriter, status int, v any) {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		status = http.StatusInternalServerError
		body.Reset()
		body.WriteString(`{"error":"Internal Server Error"}`)
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	web.WriteBody(w, status, "application/json", bytes.TrimSuffix(body.Bytes(), []byte("\n")))
}

// requestURI is the path as the client wrote it, without the query.
func requestURI(r *http.Request) string {
	if path, _, _ := strings.Cut(r.RequestURI, "?"); strings.HasPrefix(path, "/") {
		return path
	}
	return r.URL.EscapedPath()
}

// clip shortens s to at most n bytes, at the border of a character.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
