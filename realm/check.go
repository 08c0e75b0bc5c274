package realm

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sallyport/scope"
)

// MaxNameLength is the longest realm name, in bytes: it is a label of URLs.
const MaxNameLength = 63

// Bounds on lifetimes beyond those of Duration itself.
const (
	minTTL   = Duration(time.Second)
	maxGrace = Duration(time.Hour)
)

// algs are the algorithms that sign JWTs.
var algs = []string{"RS256", "PS256", "ES256", "EdDSA"}

// Check reports what is wrong with a realm, nil if nothing. Settings of dialects are for the dialects to check.
func Check(r *Realm) error {
	if !validName(r.Name) {
		return fmt.Errorf("realm: %s is not a realm name; use lower-case letters, digits and hyphens, 1 to %d characters, a letter or digit first and last", Show(r.Name), MaxNameLength)
	}
	if err := checkIssuer(r.Issuer); err != nil {
		return err
	}
	for i, h := range r.Hosts {
		if !validHost(h) {
			return fmt.Errorf("hosts: %s is not a host name; use a name such as api.example.org, without scheme, port or path", Show(h))
		}
		if slices.Contains(r.Hosts[:i], h) {
			return fmt.Errorf("hosts: %s is given twice; give it once", Show(h))
		}
	}
	for i, d := range r.Dialects {
		if d.Name == "" {
			return fmt.Errorf("dialects: number %d has no name; name it or remove it", i+1)
		}
		if slices.ContainsFunc(r.Dialects[:i], func(o Dialect) bool { return o.Name == d.Name }) {
			return fmt.Errorf("dialects: %s is given twice; give it once", Show(d.Name))
		}
	}
	if r.AllScope != "" && !scope.ValidName(r.AllScope) {
		return fmt.Errorf("all_scope: %s is not a scope name; use printable ASCII without space, quote or backslash", Show(r.AllScope))
	}
	if err := r.AccessToken.Check(); err != nil {
		return fmt.Errorf("access_token: %w", err)
	}
	if err := r.RefreshToken.Check(); err != nil {
		return fmt.Errorf("refresh_token: %w", err)
	}
	if err := r.Keys.check(); err != nil {
		return fmt.Errorf("keys: %w", err)
	}
	for _, part := range []struct {
		field string
		check func() error
	}{{"sign_in", r.SignIn.Check}, {"registration", r.Registration.Check}, {"brand", r.Brand.Check}} {
		if err := part.check(); err != nil {
			return fmt.Errorf("%s.%w", part.field, err)
		}
	}
	if r.IDTokenAlg != "" && !slices.Contains(algs, r.IDTokenAlg) {
		return fmt.Errorf("id_token_alg: %s is not an algorithm for ID tokens; use %s", Show(r.IDTokenAlg), strings.Join(algs, ", "))
	}
	if r.SignIn.ACR == ACRPhishingResistant && !r.SignIn.Allows(ByPasskey) {
		return fmt.Errorf("sign_in.acr: %s is reached by a passkey alone; add passkey to methods, or ask for less", r.SignIn.ACR)
	}
	if r.AllScope != "" && slices.Contains(r.Registration.Scopes, r.AllScope) {
		return fmt.Errorf("registration.scopes: %s covers every scope, which only a trusted client may have; name the scopes", Show(r.AllScope))
	}
	return checkTrusted(r)
}

// Algs are the algorithms that sign what this server issues.
func Algs() []string { return slices.Clone(algs) }

// Check reports what is wrong with the settings, nil if nothing.
func (a AccessToken) Check() error {
	switch {
	case a.Format != "" && !slices.Contains([]Format{JWT, Opaque, Reference}, a.Format):
		return fmt.Errorf("format: %s is not a token format; use jwt, opaque or reference", Show(string(a.Format)))
	case a.Alg != "" && !slices.Contains(algs, a.Alg):
		return fmt.Errorf("alg: %s is not an algorithm for tokens; use %s", Show(a.Alg), strings.Join(algs, ", "))
	}
	return checkTTL("ttl", a.TTL)
}

// Check reports what is wrong with the settings, nil if nothing.
func (a RefreshToken) Check() error {
	if err := checkTTL("ttl", a.TTL); err != nil {
		return err
	}
	if err := checkTTL("idle", a.Idle); err != nil {
		return err
	}
	switch {
	case a.Grace != nil && (*a.Grace < 0 || *a.Grace > maxGrace):
		return fmt.Errorf("grace: %s is out of range; use 0s to %s", a.Grace, maxGrace)
	case a.Uses < 0:
		return fmt.Errorf("uses: %d is negative; use 0 for no limit", a.Uses)
	}
	return nil
}

func checkTTL(field string, d Duration) error {
	if d != 0 && (d < minTTL || d > MaxDuration) {
		return fmt.Errorf("%s: %s is out of range; use %s to %s", field, d, minTTL, MaxDuration)
	}
	return nil
}

func (k KeySchedule) check() error {
	switch {
	case k.Every != 0 && (k.Every < Duration(time.Hour) || k.Every > MaxDuration):
		return fmt.Errorf("every: %s is out of range; use 0s for never, or 1h to %s", k.Every, MaxDuration)
	case k.Announce < 0 || k.Announce > MaxDuration:
		return fmt.Errorf("announce: %s is out of range; use 0s to %s", k.Announce, MaxDuration)
	case k.Every != 0 && k.Announce >= k.Every:
		return fmt.Errorf("announce: %s is not shorter than every, %s; use less", k.Announce, k.Every)
	}
	return nil
}

// checkIssuer holds an issuer against RFC 8414 section 2. Plain http is for this machine alone.
func checkIssuer(issuer string) error {
	if issuer == "" {
		return nil
	}
	u, err := url.Parse(issuer)
	switch {
	case err != nil || !Printable(issuer) || len(issuer) > 1000 || u.Host == "" || u.User != nil:
		return fmt.Errorf("issuer: %s is not a URL; use one such as https://login.example.org", Show(issuer))
	case u.RawQuery != "" || u.ForceQuery || strings.Contains(issuer, "#"):
		return fmt.Errorf("issuer: %s has a query or fragment; leave it out", Show(issuer))
	case u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())):
		return fmt.Errorf("issuer: %s is not https; use https, or http on localhost", Show(issuer))
	}
	return nil
}

func isLoopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.IsLoopback()
}

func validName(s string) bool { return validLabel(s) && len(s) <= MaxNameLength }

// validLabel reports whether s is a label of a host name in lower case (RFC 1123 section 2.1).
func validLabel(s string) bool {
	if s == "" || len(s) > 63 || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

func validHost(h string) bool {
	if a, err := netip.ParseAddr(strings.Trim(h, "[]")); err == nil {
		return a.Zone() == "" && (a.Is4() && !strings.ContainsAny(h, "[]") || a.Is6() && h[0] == '[' && h[len(h)-1] == ']')
	}
	if len(h) > 253 {
		return false
	}
	for label := range strings.SplitSeq(h, ".") {
		if !validLabel(strings.ToLower(label)) {
			return false
		}
	}
	return true
}

// Printable reports whether s is valid UTF-8 without control, format or other unprintable characters.
func Printable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// Show quotes a value for an error, shortened if it is long.
func Show(s string) string {
	const most = 60
	if len(s) <= most {
		return fmt.Sprintf("%q", s)
	}
	return fmt.Sprintf("%.*q…", most, s)
}
