package authserver

import (
	"cmp"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"sallyport/key"
	"sallyport/realm"
	"sallyport/token"
	"sallyport/web"
)

// How long, in seconds, others may keep what is published. A key is announced for far longer before it signs.
const maxAge = 300

// jwks publishes the realm's keys (RFC 7517 section 5). Those that sign by the realm's own algorithms are made here if need be: a
// resource server or a client that starts before the first token is issued must not keep an empty set.
func (f *Face) jwks(w http.ResponseWriter, r *http.Request, rl *realm.Realm) error {
	if err := web.Allow(w, r, http.MethodGet, http.MethodHead); err != nil {
		return err
	}
	access := rl.AccessToken.Or(realm.AccessToken{Alg: realm.DefaultAlg}).Alg
	for _, alg := range []string{access, cmp.Or(rl.IDTokenAlg, token.DefaultIDTokenAlg)} {
		if _, err := f.keys.Signer(r.Context(), rl.Name, key.Alg(alg)); err != nil {
			return err
		}
	}
	set, err := f.keys.JWKS(r.Context(), rl.Name)
	if err != nil {
		return err
	}
	publish(w, r, "application/jwk-set+json", set)
	return nil
}

// publish answers with a public document that others may keep for a while, or says that theirs is still good
// (RFC 9110 section 13.1.2).
func publish(w http.ResponseWriter, r *http.Request, contentType string, body []byte) {
	sum := sha256.Sum256(body)
	tag := `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
	h := w.Header()
	h.Set("Cache-Control", "public, max-age="+strconv.Itoa(maxAge))
	h.Set("ETag", tag)
	h.Set("Access-Control-Allow-Origin", "*") // any page may read what anybody may read
	if known(r.Header.Values("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method != http.MethodHead {
		_, _ = w.Write(body) // the caller is gone if this fails; there is nobody to tell
	}
}

// known reports whether one of the If-None-Match headers lists the tag. Comparison is weak (RFC 9110 section 13.1.2).
func known(headers []string, tag string) bool {
	for _, header := range headers {
		for candidate := range strings.SplitSeq(header, ",") {
			candidate = strings.TrimSpace(candidate)
			if candidate == "*" || strings.TrimPrefix(candidate, "W/") == tag {
				return true
			}
		}
	}
	return false
}
