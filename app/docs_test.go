package app_test

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"sallyport/expression"
)

// What a reference page points to is there.
func TestReferencesLeadSomewhere(t *testing.T) {
	text, err := os.ReadFile("../docs/reference/deployment-file.md")
	if err != nil {
		t.Fatal(err)
	}
	titles := map[string]bool{}
	for _, heading := range regexp.MustCompile(`(?m)^## (.*)$`).FindAllStringSubmatch(string(text), -1) {
		_, last, ok := strings.Cut(heading[1], ": ")
		if !ok {
			last = heading[1]
		}
		for name := range strings.SplitSeq(last, ", ") {
			titles[name] = true
		}
	}
	found := regexp.MustCompile(`\| list, see (\S+) \|`).FindAllStringSubmatch(string(text), -1)
	if len(found) < 10 {
		t.Fatalf("only %d references; has the page another form?", len(found))
	}
	for _, reference := range found {
		if !titles[reference[1]] {
			t.Errorf("see %s: there is no such section", reference[1])
		}
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `(\\S+)` \\| see below \\|.*$").FindAllStringSubmatch(string(text), -1) {
		if name := row[1]; !titles[name] {
			t.Errorf("%s: see below, where nothing is said of it", name)
		}
	}
}

// The page names all that expressions can read.
func TestVariablesAreDescribed(t *testing.T) {
	text, err := os.ReadFile("../docs/reference/policies.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(expression.Texts(), "scope", "header['", "param['") {
		if !strings.Contains(string(text), "`call."+name) {
			t.Errorf("call.%s is not described", name)
		}
	}
}
