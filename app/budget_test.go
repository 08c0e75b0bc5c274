package app_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// The budgets keep the tree readable: who breaks one splits, and does not raise it.
const (
	maxFileLines    = 450
	maxFuncLines    = 110
	longFuncLines   = 80   // may be passed,
	maxLongFuncs    = 0.02 // by this share of the functions
	maxProjects     = 18   // others' projects that the program is built from,
	maxTestProjects = 8    // and those that only tests and tools use
)

// Names that say nothing: such code belongs to a noun.
var emptyNames = []string{"util", "utils", "common", "models", "services", "helpers", "pkg"}

// sourceTree is what the budgets want to know of the code that is shipped.
type sourceTree struct {
	lines     map[string]int  // by file
	commented map[string]bool // by folder: has a package comment
	funcs     []funcSize
}

type funcSize struct {
	name  string // with its place
	lines int
	init  bool
}

func TestBudgets(t *testing.T) {
	s := readSource(t)
	for file, n := range s.lines {
		if n > maxFileLines {
			t.Errorf("%s has %d lines, more than %d; split it by what its parts are about", file, n, maxFileLines)
		}
	}
	long := 0
	for _, f := range s.funcs {
		if f.init {
			t.Errorf("%s: no init functions; pass what is needed from app", f.name)
		}
		if f.lines > maxFuncLines {
			t.Errorf("%s has %d lines, more than %d", f.name, f.lines, maxFuncLines)
		}
		if f.lines > longFuncLines {
			long++
			t.Logf("long: %s, %d lines", f.name, f.lines)
		}
	}
	if share := float64(long) / float64(len(s.funcs)); share > maxLongFuncs {
		t.Errorf("%d of %d functions have more than %d lines, %.1f %%; at most %.0f %% may", long, len(s.funcs), longFuncLines, 100*share, 100*maxLongFuncs)
	}
	for folder, ok := range s.commented {
		if !ok {
			t.Errorf("%s: no package comment; say what it owns, what it refuses, and which standard it follows", folder)
		}
		if slices.Contains(emptyNames, path.Base(folder)) {
			t.Errorf("%s: the name says nothing; put the code where its noun is", folder)
		}
	}
}

func TestDirectDependencies(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(repoRoot(t), "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	imported := shippedImports(t)
	shipped, others := map[string]bool{}, map[string]bool{}
	for _, requirement := range directModules(string(text)) {
		module, _, _ := strings.Cut(requirement, " ")
		into := others
		if slices.ContainsFunc(imported, func(p string) bool { return p == module || strings.HasPrefix(p, module+"/") }) {
			into = shipped
		}
		into[projectOf(module)] = true
	}
	for project := range shipped {
		delete(others, project)
	}
	t.Logf("the program: %q; tests and tools: %q", slices.Sorted(maps.Keys(shipped)), slices.Sorted(maps.Keys(others)))
	if len(shipped) > maxProjects {
		t.Errorf("the program is built from %d other projects, more than %d: %q", len(shipped), maxProjects, slices.Sorted(maps.Keys(shipped)))
	}
	if len(others) > maxTestProjects {
		t.Errorf("tests and tools use %d other projects, more than %d: %q", len(others), maxTestProjects, slices.Sorted(maps.Keys(others)))
	}
}

// projectOf is whose decisions a module depends on: the several modules of OpenTelemetry are one choice.
func projectOf(module string) string {
	if host, _, _ := strings.Cut(module, "/"); host == "go.opentelemetry.io" {
		return host
	}
	return module
}

// shippedImports lists what the code that is shipped imports.
func shippedImports(t *testing.T) []string {
	t.Helper()
	var all []string
	for _, f := range goFiles(t) {
		folder := filepath.ToSlash(filepath.Dir(f))
		if !strings.HasSuffix(f, "_test.go") && layerOf(folder) != isTooling && !isFixture(folder) {
			all = append(all, importsOf(t, f)...)
		}
	}
	return all
}

func TestDirectModulesAreCounted(t *testing.T) {
	got := directModules("module m\n\ngo 1.26\n\nrequire (\n\ta/b v1.0.0\n\tc/d v1.2.0 // indirect\n)\n\nrequire e/f v0.1.0\n\nreplace a/b => ../b\n")
	if want := []string{"a/b v1.0.0", "e/f v0.1.0"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// directModules lists the requirements of a go.mod that are not marked indirect.
func directModules(text string) []string {
	var direct []string
	inBlock := false
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "require (":
			inBlock = true
			continue
		case line == ")":
			inBlock = false
		}
		requirement, single := strings.CutPrefix(line, "require ")
		if (inBlock || single) && requirement != "" && !strings.HasPrefix(requirement, "//") && !strings.HasSuffix(requirement, "// indirect") {
			direct = append(direct, requirement)
		}
	}
	return direct
}

func readSource(t *testing.T) sourceTree {
	t.Helper()
	s := sourceTree{lines: map[string]int{}, commented: map[string]bool{}}
	for _, file := range goFiles(t) {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		set := token.NewFileSet()
		parsed, err := parser.ParseFile(set, filepath.Join(repoRoot(t), file), nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		folder := filepath.ToSlash(filepath.Dir(file))
		s.commented[folder] = s.commented[folder] || strings.TrimSpace(parsed.Doc.Text()) != ""
		s.lines[file] = set.File(parsed.Pos()).LineCount()
		for _, d := range parsed.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			first, last := set.Position(f.Pos()), set.Position(f.End())
			s.funcs = append(s.funcs, funcSize{
				name:  fmt.Sprintf("%s:%d %s", file, first.Line, f.Name.Name),
				lines: last.Line - first.Line + 1,
				init:  f.Recv == nil && f.Name.Name == "init",
			})
		}
	}
	return s
}
