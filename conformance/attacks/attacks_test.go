package attacks_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
)

var update = flag.Bool("update", false, "write docs/attacks.md")

const report = "../../docs/attacks.md"

// results are what the page tells, gathered while tests run.
type results struct {
	mu     sync.Mutex
	failed map[string]bool // by control and way, or by attack
}

func (r *results) note(t *testing.T, name string) {
	t.Cleanup(func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.failed[name] = t.Failed()
	})
}

// TestAttacks runs the table and the attacks by class against one server, and compares the page that tells of them with the run.
func TestAttacks(t *testing.T) {
	r := &results{failed: map[string]bool{}}
	h := open(t, holes(t)+400)
	t.Run("table", func(t *testing.T) { table(t, h, r, false) })
	t.Run("classes", func(t *testing.T) { classes(t, h, r, false) })
	t.Run("table, alone", func(t *testing.T) { table(t, h, r, true) })
	t.Run("classes, alone", func(t *testing.T) { classes(t, h, r, true) })
	if t.Failed() || testing.Short() || flag.Lookup("test.run").Value.String() != "" {
		return
	}
	page := r.page()
	if *update {
		if err := os.WriteFile(report, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if have, err := os.ReadFile(report); err != nil || string(have) != page {
		t.Errorf("%s is not what this run found (%v); write it by: go test ./conformance/attacks -update", report, err)
	}
}

// holes fails for every cell that is neither attacked nor excused, and for every class that has no attack. It counts the cells that are.
func holes(t *testing.T) (attacked int) {
	names := map[string]bool{}
	for _, w := range ways {
		names[w.name] = true
	}
	for _, c := range controls {
		for name := range c.cells {
			if !names[name] {
				t.Errorf("%s: %q is no way", c.name, name)
			}
		}
		for _, w := range ways {
			if v, ok := c.cells[w.name]; !ok || (v.want == "") == (v.because == "") {
				t.Errorf("the table has a hole: say what %q does to %q", c.name, w.name)
			} else if v.want != "" {
				attacked++
			}
		}
	}
	for _, class := range owed {
		if !slices.ContainsFunc(attacks, func(a attack) bool { return a.class == class }) {
			t.Errorf("class %d has no attack", class)
		}
	}
	return attacked
}

func table(t *testing.T, h *house, r *results, alone bool) {
	for _, c := range controls {
		for _, w := range ways {
			v := c.cells[w.name]
			if v.want == "" || c.alone != alone {
				continue
			}
			name := c.name + "/" + w.name
			t.Run(name, func(t *testing.T) {
				if !alone {
					t.Parallel()
				}
				r.note(t, name)
				if got := c.attack(w.ready(h.cell(t))); got != v.want {
					t.Errorf("%s: want %s", got, v.want)
				}
			})
		}
	}
}

func classes(t *testing.T, h *house, r *results, alone bool) {
	for _, a := range attacks {
		if a.alone != alone {
			continue
		}
		t.Run(fmt.Sprintf("class %d, %s", a.class, a.what), func(t *testing.T) {
			if !alone {
				t.Parallel()
			}
			r.note(t, a.what)
			a.run(h.with(t), t)
		})
	}
}

func (r *results) page() string {
	var b strings.Builder
	b.WriteString(pageHead)
	var reasons []string
	b.WriteString("| attack |")
	for _, w := range ways {
		fmt.Fprintf(&b, " %s |", w.title)
	}
	b.WriteString("\n|---|" + strings.Repeat("---|", len(ways)) + "\n")
	cells := 0
	for _, c := range controls {
		fmt.Fprintf(&b, "| %s |", c.name)
		for _, w := range ways {
			v := c.cells[w.name]
			mark := "ok"
			switch {
			case v.because != "":
				i := slices.Index(reasons, v.because)
				if i < 0 {
					i, reasons = len(reasons), append(reasons, v.because)
				}
				mark = fmt.Sprintf("–%d", i+1)
			case r.failed[c.name+"/"+w.name]:
				mark = "**failed**"
			default:
				cells++
			}
			fmt.Fprintf(&b, " %s |", mark)
		}
		b.WriteString("\n")
	}
	fmt.Fprintf(&b, "\n%d cells are attacked. The others have nothing to attack, because:\n\n", cells)
	for i, because := range reasons {
		fmt.Fprintf(&b, "- –%d: %s\n", i+1, because)
	}
	b.WriteString(classHead)
	sorted := slices.Clone(attacks)
	slices.SortStableFunc(sorted, func(a, b attack) int { return a.class - b.class })
	for _, a := range sorted {
		result := "withstood"
		if r.failed[a.what] {
			result = "**failed**"
		}
		fmt.Fprintf(&b, "| %d %s | %s | %s |\n", a.class, classNames[a.class], a.what, result)
	}
	return b.String()
}

const pageHead = `# Attacks

A whole server is attacked in the ways that have broken authorization servers before. ` + "`go test ./conformance/attacks`" + ` does it and fails
when this page is not what it finds; ` + "`-update`" + ` writes it.

## Ways to a token × controls

Each cell takes a call that would succeed, spoils it in one way, and compares the reason for which it is refused. *ok*: refused
for just that reason (the first line: granted). A cell that is neither attacked nor excused fails the test.

`

const classHead = `
## By class

| class | attack | result |
|---|---|---|
`
