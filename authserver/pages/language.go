package pages

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// languages lists the files of lang/. The first is the one for everybody whose language is not among them.
func languages() []string { return []string{"en", "de", "zh-TW"} }

// Languages are the languages that pages come in (ui_locales_supported).
func Languages() []string { return languages() }

// Language picks the language of a page: the first of uiLocales (ui_locales of OpenID Connect Core section 3.1.2.1) that there
// is, then what the browser asks for (RFC 9110 section 12.5.4), then English.
func Language(r *http.Request, uiLocales []string) string {
	for _, tag := range uiLocales {
		if lang := match(tag); lang != "" {
			return lang
		}
	}
	type wish struct {
		lang string
		q    float64
	}
	var wishes []wish
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Language"), ","), ",") {
		tag, params, _ := strings.Cut(part, ";")
		q := 1.0
		if value, ok := strings.CutPrefix(strings.TrimSpace(params), "q="); ok {
			var err error
			if q, err = strconv.ParseFloat(value, 64); err != nil {
				continue
			}
		}
		if lang := match(strings.TrimSpace(tag)); lang != "" && q > 0 {
			wishes = append(wishes, wish{lang, q})
		}
	}
	if len(wishes) == 0 {
		return languages()[0]
	}
	slices.SortStableFunc(wishes, func(a, b wish) int {
		switch {
		case a.q > b.q:
			return -1
		case a.q < b.q:
			return 1
		}
		return 0
	})
	return wishes[0].lang
}

// match finds the language for a tag of BCP 47: the same one, or one with the same primary subtag. Chinese of any kind is shown
// in traditional characters, which are nearer to it than English is.
func match(tag string) string {
	primary, _, _ := strings.Cut(tag, "-")
	for _, lang := range languages() {
		if strings.EqualFold(lang, tag) {
			return lang
		}
	}
	for _, lang := range languages() {
		own, _, _ := strings.Cut(lang, "-")
		if strings.EqualFold(own, primary) {
			return lang
		}
	}
	return ""
}

// words are the texts of one language by their keys.
type words struct {
	lang  string
	texts map[string]string
}

func readWords(lang string) (words, error) {
	raw, err := files.ReadFile("lang/" + lang + ".json")
	if err != nil {
		return words{}, err
	}
	w := words{lang: lang}
	if err := json.Unmarshal(raw, &w.texts); err != nil {
		return words{}, fmt.Errorf("lang/%s.json: %w", lang, err)
	}
	return w, nil
}

// has reports whether there is a text.
func (w words) has(key string) bool { return w.texts[key] != "" }

// text returns a text with its %s filled in. A key without text ends the drawing of the page, which a test would show.
func (w words) text(key string, args ...any) (string, error) {
	t := w.texts[key]
	if t == "" {
		return "", fmt.Errorf("lang/%s.json has no text %q", w.lang, key)
	}
	if len(args) == 0 {
		return t, nil
	}
	return fmt.Sprintf(t, args...), nil
}
