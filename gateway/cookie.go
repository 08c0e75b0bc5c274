package gateway

import (
	"net/http"
	"strings"

	"sallyport/web"
)

// Sign-in pages and APIs may be served under one host name, and then a browser sends the cookies of the former to the
// latter. An upstream neither learns them nor sets them: who could plant a session in a browser could have somebody work in
// a stranger's account (session fixation).

// hideCookies takes this server's cookies off a call.
func hideCookies(h http.Header) {
	lines := h["Cookie"]
	if lines == nil || !anyOwn(lines) {
		return
	}
	kept := make([]string, 0, len(lines))
	for _, line := range lines {
		var others []string
		for pair := range strings.SplitSeq(line, ";") {
			if name, _, _ := strings.Cut(pair, "="); !web.OwnCookie(name) {
				others = append(others, strings.TrimSpace(pair))
			}
		}
		if len(others) > 0 {
			kept = append(kept, strings.Join(others, "; "))
		}
	}
	if len(kept) == 0 {
		delete(h, "Cookie")
		return
	}
	h["Cookie"] = kept
}

func anyOwn(lines []string) bool {
	for _, line := range lines {
		for pair := range strings.SplitSeq(line, ";") {
			if web.OwnCookie(pair) {
				return true
			}
		}
	}
	return false
}

// keepOffPages takes out of an answer what would reach beyond the API into the pages of this host: cookies in this server's
// names, and a service worker for paths that are not the upstream's.
func keepOffPages(h http.Header) {
	delete(h, "Service-Worker-Allowed")
	set := h["Set-Cookie"]
	if !anyOwn(set) {
		return
	}
	kept := make([]string, 0, len(set))
	for _, c := range set {
		if !web.OwnCookie(c) {
			kept = append(kept, c)
		}
	}
	if len(kept) == 0 {
		delete(h, "Set-Cookie")
		return
	}
	h["Set-Cookie"] = kept
}
