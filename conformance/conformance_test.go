package conformance_test

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"

	"sallyport/conformance/optest"
)

// A plan is a test plan of the OpenID Foundation's suite.
type plan string

const (
	basic        plan = "Basic"
	config       plan = "Config"
	dynamic      plan = "Dynamic"
	formPost     plan = "Form Post"
	thirdParty   plan = "3rd-party-initiated login"
	rpLogout     plan = "RP-initiated logout"
	backchannel  plan = "Back-channel logout"
	frontchannel plan = "Front-channel logout"
)

// A module is one of its modules, as we have it.
type module struct {
	name string // as the suite has it
	plan plan
	what string
	run  func(*suite)
}

var update = flag.Bool("update", false, "write docs/conformance.md")

const report = "../docs/conformance.md"

// TestModules runs every module against one server and compares the table of results with the page that shows it.
func TestModules(t *testing.T) {
	op := optest.Start(t, deployment)
	var page strings.Builder
	page.WriteString(head)
	seen := map[string]bool{}
	count := 0
	for _, modules := range [][]module{codeModules, signInModules, registerModules, logoutModules} {
		for _, m := range modules {
			if seen[m.name] {
				t.Fatalf("%s is there twice", m.name)
			}
			seen[m.name] = true
			passed := t.Run(m.name, func(t *testing.T) { m.run((&suite{OP: op}).with(t)) })
			result := "passed"
			if !passed {
				result = "**failed**"
			}
			fmt.Fprintf(&page, "| %s | %s | %s | %s |\n", m.name, m.plan, m.what, result)
			count++
		}
	}
	fmt.Fprintf(&page, "\n%d modules.\n", count)
	if *update {
		if err := os.WriteFile(report, []byte(page.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have, err := os.ReadFile(report); err != nil || string(have) != page.String() {
		t.Errorf("%s is not what this run found (%v); write it by: go test ./conformance -update", report, err)
	}
}

const head = `# Conformance modules

The modules of the OpenID Foundation's conformance suite that concern an OpenID Provider, ported as tests of our own: what each does
is taken from its public description, how is ours. This is no certification. ` + "`go test ./conformance`" + ` runs them against a whole server
and fails when this page is not what it finds; ` + "`-update`" + ` writes it.

| module | plan | what has to happen | result |
|---|---|---|---|
`
