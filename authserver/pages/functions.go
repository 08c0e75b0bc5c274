package pages

import (
	"encoding/base64"
	"fmt"
	"html/template"
	"math"
	"reflect"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// deref is the view itself where a pointer to it was given.
func deref(v any) any { return reflect.Indirect(reflect.ValueOf(v)).Interface() }

// functions are what templates may call.
func (s *Set) functions(w words) template.FuncMap {
	return template.FuncMap{
		"t":        w.text,
		"has":      w.has,
		"rich":     w.rich,
		"count":    w.count,
		"ago":      func(t time.Time) (string, error) { return w.ago(t, s.Now()) },
		"duration": w.duration,
		"stamp":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
		"right":    w.right,
		"claim":    w.claim,
		"failure":  failureKey,
		"notice":   noticeTone,
		"link":     link,
		"onward":   onward,
		"picture":  picture,
		"png":      png,
		"initial":  initial,
		"dict":     dict,
		"join":     strings.Join,
	}
}

// rich is text for a template whose arguments stand out. Both are escaped.
func (w words) rich(key string, args ...any) (template.HTML, error) {
	marked := make([]any, len(args))
	for i, a := range args {
		marked[i] = "<b>" + template.HTMLEscapeString(fmt.Sprint(a)) + "</b>"
	}
	t, err := w.text(key)
	if err != nil {
		return "", err
	}
	return template.HTML(fmt.Sprintf(template.HTMLEscapeString(t), marked...)), nil // escaped one by one above
}

// count is the text for a number of things: key.one for one, key.other for any other number.
func (w words) count(key string, n int) (string, error) {
	if n == 1 {
		key += ".one"
	} else {
		key += ".other"
	}
	if t := w.texts[key]; !strings.Contains(t, "%") {
		return w.text(key) // "yesterday"
	}
	return w.text(key, n)
}

// ago says how long ago something was. It needs no time zone, which a browser does not tell.
func (w words) ago(t, now time.Time) (string, error) {
	d := now.Sub(t)
	switch {
	case d < time.Minute:
		return w.text("ago.now")
	case d < time.Hour:
		return w.count("ago.minute", int(d/time.Minute))
	case d < 24*time.Hour:
		return w.count("ago.hour", int(d/time.Hour))
	case d < 30*24*time.Hour:
		return w.count("ago.day", int(d/(24*time.Hour)))
	}
	month, err := w.text(fmt.Sprintf("month.%d", t.Month()))
	if err != nil {
		return "", err
	}
	return w.text("ago.date", t.Year(), month, t.Day())
}

// duration says for how long somebody has to wait, rounded up.
func (w words) duration(d time.Duration) (string, error) {
	if d < 2*time.Minute {
		return w.count("for.second", max(1, int(math.Ceil(d.Seconds()))))
	}
	return w.count("for.minute", int(math.Ceil(d.Minutes())))
}

// right is what a scope means: the standard's have texts in every language, a realm's own have its description.
func (w words) right(r Right) (string, error) {
	switch {
	case w.has("scope." + r.Name):
		return w.text("scope." + r.Name)
	case r.Description != "":
		return r.Description, nil
	}
	return w.text("scope", r.Name)
}

// claim is what a claim is to people, or its name.
func (w words) claim(name string) string {
	if t := w.texts["claim."+name]; t != "" {
		return t
	}
	return name
}

// link lets through addresses of the web and of mail, and turns anything else into nothing.
func link(raw string) template.URL {
	for _, scheme := range []string{"https://", "http://", "mailto:"} {
		if strings.HasPrefix(raw, scheme) && !strings.ContainsFunc(raw, unicode.IsControl) {
			return template.URL(raw) // checked
		}
	}
	return ""
}

// onward is link for where an application wants its people back: that may be an application on the device.
func onward(raw string) template.URL {
	if leads(raw) {
		return template.URL(raw) // checked
	}
	return ""
}

// picture is link for pictures, which must not come in plain text.
func picture(raw string) template.URL {
	if strings.HasPrefix(raw, "https://") {
		return link(raw)
	}
	return ""
}

func png(raw []byte) template.URL {
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(raw)) // base64
}

// initial stands in for a picture that is not there.
func initial(name string) string {
	r, size := utf8.DecodeRuneInString(strings.TrimSpace(name))
	if size == 0 {
		return "?"
	}
	return strings.ToUpper(string(r))
}

// dict hands several values to a part of a page.
func dict(pairs ...any) (map[string]any, error) {
	if len(pairs)%2 != 0 {
		return nil, fmt.Errorf("dict wants pairs, not %d values", len(pairs))
	}
	m := make(map[string]any, len(pairs)/2)
	for i := 0; i < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return m, nil
}
