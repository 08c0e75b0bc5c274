package authserver

import (
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"

	"sallyport/key"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/web"
)

// How long, in seconds, others may keep what is published. A key is announced for far longer before it signs.
const maxAge = 300

// jwks publishes the realm's keys (RFC 7517 section 5). The key that signs by the realm's own algorithm is made here if need
// be: a resource server that starts before the first token is issued must not keep an empty set.
func (f *Face) jwks(w http.ResponseWriter, r *http.Request, rl *realm.Realm) error {
	if err := web.Allow(w, r, http.MethodGet, http.MethodHead); err != nil {
		return err
	}
	alg := rl.AccessToken.Or(realm.AccessToken{Alg: realm.DefaultAlg}).Alg
	if _, err := f.keys.Signer(r.Context(), rl.Name, key.Alg(alg)); err != nil {
		return err
	}
	set, err := f.keys.JWKS(r.Context(), rl.Name)
	if err != nil {
		return err
	}
	publish(w, r, "application/jwk-set+json", set)
	return nil
}

// metadata is the document of RFC 8414 section 3. It names only what this realm does, and every address in it comes from
// the configured issuer: what a request says about its host is never repeated (section 3.3).
func (f *Face) metadata(w http.ResponseWriter, r *http.Request, rl *realm.Realm) error {
	if err := web.Allow(w, r, http.MethodGet, http.MethodHead); err != nil {
		return err
	}
	publish(w, r, "application/json", f.appendMetadata(nil, rl))
	return nil
}

func (f *Face) appendMetadata(dst []byte, rl *realm.Realm) []byte {
	root := strings.TrimSuffix(rl.Issuer, "/")
	dst = append(dst, `{"issuer":`...)
	dst = oauth.AppendString(dst, rl.Issuer)
	for _, endpoint := range []struct{ member, path string }{
		{"token_endpoint", tokenPath},
		{"revocation_endpoint", revokePath},
		{"introspection_endpoint", introspectPath},
		{"jwks_uri", jwksPath},
	} {
		dst = append(dst, `,"`+endpoint.member+`":`...)
		dst = oauth.AppendString(dst, root+endpoint.path)
	}
	proofs := []string{"client_secret_basic", "client_secret_post"}
	for _, list := range []struct {
		member string
		values []string
	}{
		{"response_types_supported", nil}, // required by RFC 8414 section 2; there is no authorization endpoint here
		{"grant_types_supported", f.engine.GrantTypes()},
		{"token_endpoint_auth_methods_supported", append(proofs, "none")},
		{"revocation_endpoint_auth_methods_supported", append(proofs, "none")},
		{"introspection_endpoint_auth_methods_supported", proofs},
	} {
		dst = append(dst, `,"`+list.member+`":`...)
		dst = oauth.AppendList(dst, list.values)
	}
	return append(dst, '}')
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
