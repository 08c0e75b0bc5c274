package pages

import (
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// headers are those of every page.
func headers(h http.Header, v view, lang string) {
	f := v.frame()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", lang)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", policy(v))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	// Not no-referrer: with it browsers send "Origin: null" with our own forms, which then look like another site's where
	// there is no Sec-Fetch-Site to tell.
	h.Set("Referrer-Policy", "same-origin")
	if _, ok := deref(v).(FormPost); ok {
		h.Set("Referrer-Policy", "strict-origin") // an application may look at the Origin of an answer
	}
	if f.Asker == nil && !f.Popup {
		// An application may have opened the sign-in in a window that has to find its opener when it is back.
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
	}
	if f.Wait > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(f.Wait.Seconds()))))
	}
	if out, ok := deref(v).(SignedOut); ok && len(out.Frames) > 0 && leads(out.Continue) {
		h.Set("Refresh", "6; url="+out.Continue) // where no script runs; otherwise the page goes on as soon as all frames are there
	}
}

// scripted reports whether a page needs the script.
func scripted(v view) bool {
	switch v := deref(v).(type) {
	case SignIn:
		return v.Passkey != ""
	case SecondFactor:
		return v.Passkey != ""
	case SignedOut:
		return len(v.Frames) > 0 && v.Continue != ""
	case EnrolFactor, RecoveryCodes, FormPost:
		return true
	}
	return false
}

// policy is the Content Security Policy of a page: what it needs and nothing else (Content Security Policy Level 3).
func policy(v view) string {
	f := v.frame()
	script, image, form, frame := "", "img-src 'self' data:", "form-action 'self'", ""
	if scripted(v) {
		script = "script-src 'self'; "
	}
	if f.Asker != nil && strings.HasPrefix(f.Asker.Logo, "https:") {
		image += source(f.Asker.Logo)
	}
	for _, target := range f.Targets {
		form += source(target)
	}
	switch v := deref(v).(type) {
	case FormPost:
		form = "form-action" + source(v.Action)
		if form == "form-action" {
			form += " 'none'"
		}
	case SignedOut:
		for _, u := range v.Frames {
			frame += source(u)
		}
		if frame != "" {
			frame = "; frame-src" + frame
		}
	}
	return "default-src 'none'; style-src 'self'; " + script + image + "; " + form + frame + "; frame-ancestors 'none'; base-uri 'none'"
}

// source is the source expression for the origin of a URL with a space before it, or nothing if the URL leads nowhere that a
// page should. Where the grammar of the policy has no word for the host (IPv6, other alphabets), it is the scheme.
func source(raw string) string {
	u, err := url.Parse(raw)
	if err != nil || !leads(raw) {
		return ""
	}
	if u.Scheme != "https" && u.Scheme != "http" {
		return " " + u.Scheme + ":"
	}
	if u.Hostname() == "" {
		return ""
	}
	for _, c := range u.Host {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '.' || c == '-' || c == ':') || strings.Count(u.Host, ":") > 1 {
			return " " + u.Scheme + ":"
		}
	}
	return " " + u.Scheme + "://" + u.Host
}

// leads reports whether a URL is one that a browser may be sent to: of the web, or of an application by a scheme made of its
// domain (RFC 8252 section 7.1). No scheme that runs something has a dot in it.
func leads(raw string) bool {
	u, err := url.Parse(raw)
	if err != nil || strings.ContainsFunc(raw, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
		return false
	}
	return (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" || strings.Contains(u.Scheme, ".")
}
