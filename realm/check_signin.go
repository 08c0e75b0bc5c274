package realm

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"sallyport/scope"
)

const (
	minIdle     = Duration(time.Minute)
	maxText     = 255
	maxURL      = 2000
	maxLogo     = 32 << 10 // bytes of the picture
	maxRegister = 1_000_000
	maxList     = 1000
)

// Check reports what is wrong with the settings, nil if nothing.
func (s SignIn) Check() error {
	for i, m := range s.Methods {
		switch {
		case m != ByPassword && m != ByPasskey:
			return fmt.Errorf("methods: %s is no way to sign in; use password, passkey or both", Show(m))
		case slices.Contains(s.Methods[:i], m):
			return fmt.Errorf("methods: %s is given twice; give it once", m)
		}
	}
	switch {
	case s.ACR != "" && !slices.Contains(ACRs(), s.ACR):
		return fmt.Errorf("acr: %s is not a level; use %s", Show(s.ACR), strings.Join(ACRs(), ", "))
	case s.Idle != 0 && (s.Idle < minIdle || s.Idle > MaxDuration):
		return fmt.Errorf("idle: %s is out of range; use %s to %s", s.Idle, minIdle, MaxDuration)
	case s.Max != 0 && (s.Max < minIdle || s.Max > MaxDuration):
		return fmt.Errorf("max: %s is out of range; use %s to %s", s.Max, minIdle, MaxDuration)
	}
	return nil
}

// Check reports what is wrong with the settings, nil if nothing. Whether the grants exist is for whoever knows them.
func (g Registration) Check() error {
	if g.Mode != "" && !slices.Contains([]string{RegisterOff, RegisterByToken, RegisterOpen}, g.Mode) {
		return fmt.Errorf("mode: %s is not a mode; use off, token or open", Show(g.Mode))
	}
	if g.Max < 0 || g.Max > maxRegister {
		return fmt.Errorf("max: %d cannot be used; give how many clients there may be, 1 to %d, or leave it out for 1000", g.Max, maxRegister)
	}
	for _, l := range []struct {
		field string
		list  []string
		valid func(string) bool
		fix   string
	}{
		{"grants", g.Grants, func(s string) bool { return s != "" && len(s) <= maxText && Printable(s) }, "is not a grant type; use one such as authorization_code"},
		{"scopes", g.Scopes, scope.ValidName, "is not a scope name; use printable ASCII without space, quote or backslash"},
		{"redirect_hosts", g.RedirectHosts, validPattern, "is not a host name; use a name such as app.example.org, or *.example.org for any below"},
	} {
		if len(l.list) > maxList {
			return fmt.Errorf("%s: %d are too many; give at most %d", l.field, len(l.list), maxList)
		}
		for i, v := range l.list {
			if !l.valid(v) {
				return fmt.Errorf("%s: %s %s", l.field, Show(v), l.fix)
			}
			if slices.Contains(l.list[:i], v) {
				return fmt.Errorf("%s: %s is given twice; give it once", l.field, Show(v))
			}
		}
	}
	return nil
}

func validPattern(p string) bool { return validHost(strings.TrimPrefix(p, "*.")) }

// AdmitsHost reports whether clients that register may have people sent back to a host.
func (g Registration) AdmitsHost(host string) bool {
	if len(g.RedirectHosts) == 0 {
		return true
	}
	bare := func(h string) string { return strings.ToLower(strings.TrimSuffix(strings.Trim(h, "[]"), ".")) }
	host = bare(host)
	return slices.ContainsFunc(g.RedirectHosts, func(p string) bool {
		if below, ok := strings.CutPrefix(p, "*."); ok {
			return strings.HasSuffix(host, "."+bare(below))
		}
		return host == bare(p)
	})
}

// Check reports what is wrong with the settings, nil if nothing.
func (b Brand) Check() error {
	if len(b.Name) > maxText || !Printable(b.Name) {
		return fmt.Errorf("name: %s is too long or has characters that cannot be printed; use at most %d bytes of text", Show(b.Name), maxText)
	}
	if b.Logo != "" {
		if err := checkLogo(b.Logo); err != nil {
			return err
		}
	}
	if b.Accent != "" && !validColour(b.Accent) {
		return fmt.Errorf("accent: %s is not a colour; use #rrggbb", Show(b.Accent))
	}
	if rest, mail := strings.CutPrefix(b.Support, "mailto:"); b.Support != "" && !(mail && validMail(rest)) {
		if err := CheckURL(b.Support); err != nil {
			return fmt.Errorf("support: %s leads nobody to help; use an https: URL, or mailto: and an address", Show(b.Support))
		}
	}
	for _, f := range []struct{ field, value string }{{"policy", b.Policy}, {"terms", b.Terms}} {
		if f.value == "" {
			continue
		}
		if err := CheckURL(f.value); err != nil {
			return fmt.Errorf("%s: %w", f.field, err)
		}
	}
	return nil
}

// CheckURL reports what is wrong with the address of a web page or service that people or this server are led to: it is an
// absolute https URL, or http on this machine, and names no user.
func CheckURL(raw string) error {
	u, err := url.Parse(raw)
	switch {
	case err != nil || !Printable(raw) || strings.ContainsAny(raw, " \\\"<>") || len(raw) > maxURL || u.Host == "" || u.Hostname() == "" || u.Opaque != "":
		return fmt.Errorf("%s is not a URL; use one such as https://app.example.org/page", Show(raw))
	case u.User != nil:
		return fmt.Errorf("%s names a user; leave out everything up to the @", Show(raw))
	case u.Scheme != "https" && !(u.Scheme == "http" && isLoopback(u.Hostname())):
		return fmt.Errorf("%s is not https; use https, or http on localhost", Show(raw))
	}
	return nil
}

// IsLoopback reports whether a host name or address is this machine's own.
func IsLoopback(host string) bool { return isLoopback(strings.Trim(host, "[]")) }

func validMail(a string) bool {
	local, domain, ok := strings.Cut(a, "@")
	return ok && local != "" && validHost(domain) && len(a) <= maxText && Printable(a) && !strings.ContainsAny(a, " ?&<>\"\\")
}

func validColour(s string) bool {
	return len(s) == 7 && s[0] == '#' && strings.Trim(s[1:], "0123456789abcdefABCDEF") == ""
}

// checkLogo takes pictures alone: shown as an image, neither kind can run anything.
func checkLogo(logo string) error {
	wrong := fmt.Errorf("logo: is not a picture; use a data: URL of a PNG or SVG, such as data:image/png;base64,iVBORw0…")
	head, data, ok := strings.Cut(logo, ",")
	if !ok || len(logo) > 3*maxLogo {
		return wrong
	}
	var picture []byte
	var err error
	if kind, packed := strings.CutSuffix(head, ";base64"); packed {
		head = kind
		picture, err = base64.StdEncoding.DecodeString(data)
	} else {
		var text string
		text, err = url.PathUnescape(data)
		picture = []byte(text)
	}
	switch {
	case err != nil || !Printable(logo) || strings.ContainsAny(logo, " \"'<>\\"):
		return wrong
	case len(picture) > maxLogo:
		return fmt.Errorf("logo: has %d bytes; use at most %d", len(picture), maxLogo)
	case head == "data:image/png" && bytes.HasPrefix(picture, []byte("\x89PNG\r\n\x1a\n")):
	case (head == "data:image/svg+xml" || head == "data:image/svg+xml;charset=utf-8") && bytes.Contains(picture, []byte("<svg")):
	default:
		return wrong
	}
	return nil
}
