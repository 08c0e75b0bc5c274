package digirunner

import (
	"net/http"

	"sallyport/key"
)

// certificate serves the public key that verifies v1 tokens, as PEM.
func (f *front) certificate(c *call) error {
	pem, err := f.Keys.PublicPEM(c.r.Context(), c.realm.Name, key.RS256)
	if err != nil {
		return err
	}
	publish(c.w, "text/plain; charset=utf-8", pem)
	return nil
}

// keys serves every RSA key that signs, will sign, or has signed a token that still counts (RFC 7517). The product
// publishes none for its v1 tokens; here a v1 token, which names no key, verifies with one of these.
func (f *front) keys(c *call) error {
	set, err := f.Keys.JWKSOf(c.r.Context(), c.realm.Name, key.RS256)
	if err != nil {
		return err
	}
	publish(c.w, "application/json", set)
	return nil
}

// publish answers with what anybody may keep for a while: a key is announced for longer than that before it signs.
func publish(w http.ResponseWriter, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	h.Set("Cache-Control", "public, max-age=300")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(body) // the client is gone if this fails; there is nobody to tell
}
