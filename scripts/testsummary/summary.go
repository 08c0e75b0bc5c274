package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Total counts tests. A test with subtests is not counted beside them, unless
// it failed by itself; a package that failed without a failing test counts as
// one failure.
type Total struct{ Passed, Failed, Skipped int }

func (t Total) String() string {
	return fmt.Sprintf("%d passed, %d failed, %d skipped", t.Passed, t.Failed, t.Skipped)
}

// event is a line of "go test -json"; see "go doc test2json" and "go help buildjson".
type event struct {
	Action     string
	ImportPath string // of build events
	Package    string
	Test       string
	Output     string
}

type pack struct {
	output  strings.Builder // what no test wrote
	tests   map[string]*test
	failed  int
	started []string // names in the order in which tests began
}

type test struct {
	output      strings.Builder
	parent      bool // has subtests
	childFailed bool
	done        bool
}

type summary struct {
	w        io.Writer
	total    Total
	packages map[string]*pack
	skipped  []string
}

// Summarise reads events until the stream ends and reports them to w. The
// total is valid beside an error, too.
func Summarise(r io.Reader, w io.Writer) (Total, error) {
	s := summary{w: w, packages: map[string]*pack{}}
	lines := bufio.NewReader(r)
	var err error
	for err == nil {
		var line string
		line, err = lines.ReadString('\n')
		if line == "" {
			continue
		}
		var e event
		if json.Unmarshal([]byte(line), &e) != nil || e.Action == "" {
			fmt.Fprintln(w, strings.TrimSuffix(line, "\n")) // not an event: show it
			continue
		}
		s.add(e)
	}
	if err == io.EOF {
		err = nil
	}
	s.breakOff()
	for _, line := range s.skipped {
		fmt.Fprintln(w, line)
	}
	return s.total, err
}

func (s *summary) add(e event) {
	if e.Action == "build-output" {
		fmt.Fprint(s.w, e.Output)
		return
	}
	if e.Package == "" {
		return // build-fail: its package fails as well
	}
	p := s.packages[e.Package]
	if p == nil {
		p = &pack{tests: map[string]*test{}}
		s.packages[e.Package] = p
	}
	if e.Test != "" {
		s.addTest(p, e)
		return
	}
	switch e.Action {
	case "output":
		p.output.WriteString(e.Output)
	case "pass", "skip":
		for line := range strings.Lines(p.output.String()) {
			if strings.HasPrefix(line, "ok ") {
				fmt.Fprint(s.w, line)
			}
		}
		delete(s.packages, e.Package)
	case "fail":
		s.failPackage(p)
		delete(s.packages, e.Package)
	}
}

func (s *summary) addTest(p *pack, e event) {
	t := p.tests[e.Test]
	if t == nil {
		t = &test{}
		p.tests[e.Test] = t
		p.started = append(p.started, e.Test)
		p.eachParent(e.Test, func(t *test) { t.parent = true })
	}
	switch e.Action {
	case "output":
		if !strings.HasPrefix(e.Output, "=== ") {
			t.output.WriteString(e.Output)
		}
		return
	case "pass":
		if !t.parent {
			s.total.Passed++
		}
	case "skip":
		if !t.parent {
			s.total.Skipped++
		}
		s.skipped = append(s.skipped, fmt.Sprintf("skipped: %s.%s: %s", e.Package, e.Test, reason(t.output.String())))
	case "fail":
		fmt.Fprint(s.w, t.output.String())
		if !t.childFailed {
			s.total.Failed++
			p.failed++
		}
		p.eachParent(e.Test, func(t *test) { t.childFailed = true })
	default:
		return // run, pause, cont, bench: nothing has ended
	}
	t.done = true
	t.output.Reset() // a long run would hold megabytes
}

// eachParent visits the tests above a subtest, nearest first. A name may
// contain slashes of its own, so not every prefix is a test.
func (p *pack) eachParent(name string, visit func(*test)) {
	for i := strings.LastIndexByte(name, '/'); i >= 0; i = strings.LastIndexByte(name, '/') {
		name = name[:i]
		if t := p.tests[name]; t != nil {
			visit(t)
		}
	}
}

// failPackage shows what no test has shown yet: tests that never ended (a
// timeout, os.Exit, a crash), then the package's own lines.
func (s *summary) failPackage(p *pack) {
	for _, name := range p.started {
		if t := p.tests[name]; !t.done {
			fmt.Fprintf(s.w, "--- DID NOT END: %s\n%s", name, t.output.String())
		}
	}
	fmt.Fprint(s.w, p.output.String())
	if p.failed == 0 {
		s.total.Failed++
	}
}

// breakOff fails the packages that were still running when the stream ended.
func (s *summary) breakOff() {
	names := make([]string, 0, len(s.packages))
	for name := range s.packages {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		s.failPackage(s.packages[name])
		fmt.Fprintf(s.w, "FAIL\t%s [no result]\n", name)
	}
}

// reason is what a test said when it was skipped, on one line.
func reason(output string) string {
	var said []string
	for line := range strings.Lines(output) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "--- SKIP") {
			said = append(said, line)
		}
	}
	return strings.Join(said, " ")
}
