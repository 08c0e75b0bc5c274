// Package cookie owns what this server keeps in a browser: the secrets of the sessions there, and a secret that says that
// it is still the same browser. Nothing in a cookie is believed: each is a random secret whose hash is looked up.
//
// The cookies are HttpOnly and SameSite=Lax. Over https their names begin with __Host-, so that no other host and no plain
// connection can set them (RFC 6265bis section 4.1.3.2). Each realm has its own.
package cookie

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"

	"sallyport/realm"
	"sallyport/ticket"
	"sallyport/web"
)

// MaxSessions is how many accounts can be signed in in one browser at once.
const MaxSessions = 5

func name(rl *realm.Realm, what string) string {
	n := web.CookiePrefix + what + "-" + rl.Name
	if secure(rl) {
		return web.SecureHost + n
	}
	return n
}

func secure(rl *realm.Realm) bool { return strings.HasPrefix(rl.Issuer, "https://") }

// Sessions returns the secrets of the sessions in this browser, the current one first. They prove nothing yet.
func Sessions(r *http.Request, rl *realm.Realm) []string {
	c, err := r.Cookie(name(rl, "session"))
	if err != nil {
		return nil
	}
	var secrets []string
	for s := range strings.SplitSeq(c.Value, ".") {
		if len(s) == ticket.SecretLength && len(secrets) < MaxSessions {
			secrets = append(secrets, s)
		}
	}
	return secrets
}

// SetSessions writes the secrets down, the current one first; none: nobody is signed in any more. What is beyond MaxSessions
// is forgotten.
func SetSessions(w http.ResponseWriter, rl *realm.Realm, secrets []string) {
	set(w, rl, "session", strings.Join(secrets[:min(len(secrets), MaxSessions)], "."))
}

// Browser returns the hash of the secret that says which browser this is; ok is false if it has none.
func Browser(r *http.Request, rl *realm.Realm) (hash [32]byte, ok bool) {
	c, err := r.Cookie(name(rl, "browser"))
	if err != nil || len(c.Value) != ticket.SecretLength {
		return hash, false
	}
	return sha256.Sum256([]byte(c.Value)), true
}

// EnsureBrowser is Browser that gives a secret to a browser that has none.
func EnsureBrowser(w http.ResponseWriter, r *http.Request, rl *realm.Realm) [32]byte {
	if hash, ok := Browser(r, rl); ok {
		return hash
	}
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // never fails: see crypto/rand
	secret := base64.RawURLEncoding.EncodeToString(raw[:])
	set(w, rl, "browser", secret)
	return sha256.Sum256([]byte(secret))
}

func set(w http.ResponseWriter, rl *realm.Realm, what, value string) {
	c := &http.Cookie{
		Name: name(rl, what), Value: value, Path: "/", HttpOnly: true, Secure: secure(rl), SameSite: http.SameSiteLaxMode,
	}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}
