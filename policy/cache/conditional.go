package cache

import (
	"strings"
	"time"

	"sallyport/policy"
)

// notModified reports whether a caller has what is stored already (RFC 9111 section 4.3.2). Of the two conditions the
// entity tag counts (RFC 9110 section 13.2.2), and neither for anything but a success (section 13.2.1).
func (e *entry) notModified(had conditions) bool {
	switch {
	case e.status != 200:
		return false
	case len(had.tags) > 0:
		return tagsMatch(had.tags, e.etag)
	case had.since == "":
		return false
	}
	since, ok := parseTime(had.since)
	modified := e.modified
	if modified.IsZero() {
		modified = e.date
	}
	return ok && !modified.After(since)
}

// tagsMatch compares entity tags weakly, as If-None-Match does (RFC 9110 section 13.1.2).
func tagsMatch(fields []string, etag string) bool {
	for _, field := range fields {
		if strings.Trim(field, " \t") == "*" {
			return true
		}
		for field != "" {
			var tag string
			if tag, field = nextTag(field); tag != "" && opaque(tag) == opaque(etag) {
				return true
			}
		}
	}
	return false
}

// opaque is an entity tag without its mark of weakness (RFC 9110 section 8.8.3).
func opaque(etag string) string { return strings.TrimPrefix(etag, "W/") }

// nextTag takes one entity tag off a list. A tag may contain commas. What is no tag ends the list.
func nextTag(list string) (tag, rest string) {
	list = strings.TrimLeft(list, ", \t")
	start := len(list) - len(opaque(list))
	if !strings.HasPrefix(list[start:], `"`) {
		return "", ""
	}
	end := strings.IndexByte(list[start+1:], '"')
	if end < 0 {
		return "", ""
	}
	end += start + 2
	return list[:end], list[end:]
}

// parseTime reads an HTTP-date in its three forms (RFC 9110 section 5.6.7).
func parseTime(text string) (time.Time, bool) {
	for _, form := range [...]string{dateForm, "Monday, 02-Jan-06 15:04:05 GMT", time.ANSIC} {
		if t, err := time.Parse(form, text); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

const dateForm = "Mon, 02 Jan 2006 15:04:05 GMT"

// conditions are what a caller asked to be compared, before our own took their place.
type conditions struct {
	tags  []string
	since string
}

func conditionsOf(c *policy.Call) conditions {
	if !safe(c.Method) {
		return conditions{}
	}
	return conditions{c.Header.Values("If-None-Match"), c.Header.Get("If-Modified-Since")}
}

func safe(method string) bool { return method == "GET" || method == "HEAD" }

// validate asks the upstream whether an entry still stands (RFC 9111 section 4.3.1).
func (e *entry) validate(c *policy.Call) bool {
	if e.etag == "" && e.lastModified == "" || !safe(c.Method) {
		return false
	}
	h := c.Header
	h.Del("If-None-Match")
	h.Del("If-Modified-Since")
	if e.etag != "" {
		h.Set("If-None-Match", e.etag)
	} else {
		h.Set("If-Modified-Since", e.lastModified)
	}
	return true
}
