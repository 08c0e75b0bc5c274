package digirunner

import (
	"strings"
	"unicode/utf8"

	"sallyport/client"
	"sallyport/oauth"
	"sallyport/web"
)

// params reads the parameters of a call: those of the query first, then those of a form or multipart body, so that the
// first value of a repeated one is the query's, as in the product. A body of another type holds no parameters.
func (c *call) params() (oauth.Params, error) {
	p, err := oauth.ParseForm(c.r.URL.RawQuery)
	if err != nil {
		return p, err
	}
	var body oauth.Params
	switch web.MediaType(c.r) {
	case "application/x-www-form-urlencoded":
		body, err = web.ReadForm(c.w, c.r)
	case "multipart/form-data":
		body, err = web.ReadMultipart(c.w, c.r)
	default:
		return p, nil
	}
	if err != nil || p.Len() == 0 {
		return body, err
	}
	for _, q := range body.All() {
		p.Add(q.Name, q.Value)
	}
	return p, nil
}

// form is params for endpoints that read nothing but a form body.
func (c *call) form() (oauth.Params, error) {
	switch web.MediaType(c.r) {
	case "application/x-www-form-urlencoded":
		return web.ReadForm(c.w, c.r)
	case "multipart/form-data":
		return web.ReadMultipart(c.w, c.r)
	}
	return oauth.Params{}, oauth.Fail(oauth.RequestMediaType, "")
}

// credentials reads an Authorization header: Basic base64(id ":" base64(password)). The product looks for the keyword
// anywhere in the value, without case; so does this.
func credentials(header string) (client.Credentials, error) {
	const keyword = "basic "
	at := indexFold(header, keyword)
	if at < 0 {
		return client.Credentials{}, oauth.Fail(oauth.ClientAuthMissing, "")
	}
	pair, ok := looseBase64(strings.Trim(header[at+len(keyword):], " \t"))
	if !ok || !clean(string(pair)) {
		return client.Credentials{}, oauth.Fail(oauth.ClientAuthMalformed, "")
	}
	id, secret, ok := strings.Cut(string(pair), ":")
	if !ok {
		return client.Credentials{}, oauth.Fail(oauth.ClientAuthMalformed, "")
	}
	return encoded(client.MethodBasic, id, secret), nil
}

// encoded makes credentials of a client id and a Base64 secret. An id of nothing but white space is none, and an empty
// secret was not sent: "id:" is how the product's public clients come.
func encoded(m client.Method, id, secret string) client.Credentials {
	if strings.TrimSpace(id) == "" {
		id = ""
	}
	if secret = secretText(secret); secret == "" {
		m = client.MethodNone
	}
	return client.Credentials{Method: m, ID: id, Secret: secret, HasSecret: secret != ""}
}

// clean reports whether s may travel further: valid UTF-8 without NUL.
func clean(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// indexFold is strings.Index without regard to the case of ASCII letters; lower is in lower case.
func indexFold(s, lower string) int {
	for i := 0; i+len(lower) <= len(s); i++ {
		if strings.EqualFold(s[i:i+len(lower)], lower) {
			return i
		}
	}
	return -1
}
