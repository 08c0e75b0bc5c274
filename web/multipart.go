package web

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"unicode/utf8"

	"sallyport/oauth"
)

// ReadMultipart reads the parameters of a multipart/form-data body (RFC 7578), which some products take as they take a form.
// Parts with a file name are files, not parameters. The error is an *oauth.Error.
func ReadMultipart(w http.ResponseWriter, r *http.Request) (oauth.Params, error) {
	media, attrs, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if media != "multipart/form-data" {
		return oauth.Params{}, oauth.Fail(oauth.RequestMediaType, "")
	}
	if err != nil || attrs["boundary"] == "" {
		return oauth.Params{}, badMultipart("The multipart body has no boundary. Name it in the Content-Type header.", err)
	}
	body, err := ReadBody(w, r)
	if err != nil {
		return oauth.Params{}, err
	}
	var p oauth.Params
	parts := multipart.NewReader(bytes.NewReader(body), attrs["boundary"])
	for {
		part, err := parts.NextPart()
		if errors.Is(err, io.EOF) {
			return p, nil
		}
		if err != nil {
			return oauth.Params{}, badMultipart("The multipart body is not complete and valid.", err)
		}
		value, err := io.ReadAll(part)
		if err != nil {
			return oauth.Params{}, badMultipart("The multipart body is not complete and valid.", err)
		}
		if part.FileName() != "" {
			continue
		}
		if p.Len() == oauth.MaxParams {
			return oauth.Params{}, badMultipart("The request has more than 256 parameters. Send only those this endpoint reads.", nil)
		}
		if !storable(part.FormName()) || !storable(string(value)) {
			return oauth.Params{}, badMultipart("A parameter is not valid UTF-8 or contains a NUL.", nil)
		}
		p.Add(part.FormName(), string(value))
	}
}

func badMultipart(text string, cause error) error {
	e := oauth.Because(oauth.RequestMalformed, cause)
	e.Description = text
	return e
}

// storable reports whether s may travel further: valid UTF-8 without NUL, as in a form.
func storable(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }
