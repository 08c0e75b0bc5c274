package ddi

import (
	"bytes"
	"net/http"
	"strings"

	"sallyport/oauth"
	"sallyport/web"
)

// read takes the parameters from a JSON object or from a form. The product's page shows the one and speaks of the other,
// and clients that copied the page send JSON under whatever content type their tool puts there (curl -d says it is a form),
// so the body itself decides: no form begins with a brace.
func read(w http.ResponseWriter, r *http.Request) (oauth.Params, error) {
	media := web.MediaType(r)
	if media == "multipart/form-data" { // what tools make of the page's "Form Data"
		return web.ReadMultipart(w, r)
	}
	body, err := web.ReadBody(w, r)
	if err != nil {
		return oauth.Params{}, err
	}
	body = bytes.TrimPrefix(body, []byte("\ufeff")) // RFC 8259 section 8.1: a byte order mark may be ignored
	switch {
	case isJSON(media), looksLikeJSON(body):
		return oauth.ParseJSON(body)
	case media == "application/x-www-form-urlencoded", looksLikeForm(media, body):
		return oauth.ParseForm(string(bytes.TrimSpace(body)))
	}
	e := oauth.Fail(oauth.RequestMalformed, "")
	e.Description = "The body is neither a JSON object nor a form. Send application/json."
	return oauth.Params{}, e
}

func isJSON(media string) bool {
	return media == "application/json" || strings.HasSuffix(media, "+json")
}

func looksLikeJSON(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{"))
}

// looksLikeForm: a content type that has a meaning of its own is not taken for another.
func looksLikeForm(media string, body []byte) bool {
	switch media {
	case "", "text/plain", "application/octet-stream":
		return bytes.IndexByte(body, '=') > 0
	}
	return false
}
