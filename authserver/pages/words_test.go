package pages_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func texts(t *testing.T, lang string) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join("lang", lang+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]string
	if err := json.Unmarshal(raw, &m); err != nil {
		t.Fatal(err)
	}
	return m
}

func keys(m map[string]string) []string {
	var all []string
	for k := range m {
		all = append(all, k)
	}
	slices.Sort(all)
	return all
}

var verb = regexp.MustCompile(`%(\[\d\])?[sd]`)

func TestEveryLanguageHasEveryText(t *testing.T) {
	english := texts(t, "en")
	for _, lang := range languages {
		own := texts(t, lang)
		if diff := cmp.Diff(keys(english), keys(own)); diff != "" {
			t.Errorf("%s has other texts than English (-en +%s):\n%s", lang, lang, diff)
		}
		for key, text := range own {
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s: %s is empty", lang, key)
			}
			a, b := verb.FindAllString(english[key], -1), verb.FindAllString(text, -1)
			slices.Sort(a)
			slices.Sort(b)
			if !slices.Equal(a, b) {
				t.Errorf("%s: %s has the places %q, English has %q", lang, key, b, a)
			}
			if strings.Count(text, "%") != len(b) {
				t.Errorf("%s: %s has a stray %%: %q", lang, key, text)
			}
			if strings.Contains(text, "Oops") || strings.Contains(text, "nvalid input") {
				t.Errorf("%s: %s blames or babbles: %q", lang, key, text)
			}
		}
	}
}

// TestTextsAreUsed finds texts that no template and no code asks for.
func TestTextsAreUsed(t *testing.T) {
	var source strings.Builder
	for _, pattern := range []string{"templates/*.html", "templates/parts/*.html", "*.go"} {
		found, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range found {
			raw, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			source.Write(raw)
		}
	}
	for _, key := range keys(texts(t, "en")) {
		family, _, _ := strings.Cut(key, ".")
		switch family {
		case "notice", "scope", "claim", "month", "factor": // asked for by a name that is made up at run time
			continue
		}
		asked := strings.TrimSuffix(strings.TrimSuffix(key, ".one"), ".other")
		if family == "failure" {
			asked = strings.TrimSuffix(strings.TrimSuffix(strings.TrimSuffix(asked, ".title"), ".text"), ".do")
		}
		if !strings.Contains(source.String(), fmt.Sprintf("%q", asked)) {
			t.Errorf("nothing asks for %s", key)
		}
	}
}
