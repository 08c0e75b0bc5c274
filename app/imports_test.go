package app_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const modulePath = "sallyport"

// A layer says what kind of thing a folder is; see ARCHITECTURE.md.
type layer int

const (
	isUnknown   layer = iota
	isWord            // plumbing and the standards' vocabulary
	isNoun            // the rules about one thing
	isExtension       // what a grant and a policy is, and each one of them
	isFace            // speak HTTP to somebody
	isStorage         // implements the nouns' stores
	isAssembly        // puts everything together
	isCommand         // the program
	isTooling         // development only: nothing of it is in the program
)

func (l layer) String() string {
	return [...]string{"unknown", "word", "noun", "extension", "face", "storage", "app", "command", "tool"}[l]
}

// folders is the map of the tree: each top-level folder with Go code, and what
// it is. Folders below share the kind of the one at the top.
var folders = map[string]layer{
	"oauth": isWord, "problem": isWord, "web": isWord, "scope": isWord, "feed": isWord, "throttle": isWord, "explain": isWord, "expression": isWord,
	"jose": isWord, "mail": isWord,

	"realm": isNoun, "client": isNoun, "user": isNoun, "session": isNoun, "consent": isNoun, "factor": isNoun, "claims": isNoun, "registration": isNoun,
	"key": isNoun, "token": isNoun, "ticket": isNoun, "api": isNoun, "audit": isNoun, "credential": isNoun, "usage": isNoun,
	"deployment": isNoun, // the others as one file, which store saves as one change

	"grant": isExtension, "policy": isExtension, "authorize": isExtension, "logout": isExtension,

	"authserver": isFace, "dialect": isFace, "gateway": isFace, "console": isFace, "adminapi": isFace,

	"store": isStorage,
	"app":   isAssembly,
	"cmd":   isCommand,
	"bench": isTooling, "scripts": isTooling, "clients": isTooling, "conformance": isTooling,

	"examples": isWord, // files that a reader can apply; the quickstart embeds one
}

func layerOf(folder string) layer {
	top, _, _ := strings.Cut(folder, "/")
	return folders[top]
}

// objection says why the package in one folder must not import another, or
// nothing. Both are folders of this module.
func objection(from, to string) string {
	a, b := layerOf(from), layerOf(to)
	switch {
	case a == isTooling:
		return ""
	case isFixture(to) && !isFixture(from):
		return "a package for tests is imported by tests alone"
	case a == isAssembly && b < isAssembly:
		return ""
	case b == isStorage && a != isStorage:
		return "only app imports store: everything else names the few methods it calls in an interface of its own"
	case a == isStorage && b > isNoun && b != isStorage:
		return "store implements the nouns' interfaces and knows nobody above them"
	case isChild(to, "grant") && a == isFace, isChild(to, "policy") && a == isFace:
		return "a face knows no particular grant or policy; it asks the parent package, and app decides which there are"
	case isChild(to, "grant") && isChild(from, "grant"):
		return "a grant never imports a grant: what they share belongs to the pipeline in grant"
	case isChild(to, "policy") && isChild(from, "policy"):
		return "a policy never imports a policy: what they share belongs to policy"
	case isChild(to, "grant"), isChild(to, "policy"):
		return "only app knows which grants and policies there are"
	case isChild(to, "dialect") && isChild(from, "dialect"):
		return "a dialect never imports a dialect: each is a table that is read beside its own contract"
	case a == isFace && b == isFace && !(isChild(from, "dialect") && to == "dialect") && !isChild(to, "gateway") &&
		!(isChild(to, "authserver") && (from == "authserver" || isChild(from, "authserver"))),
		isChild(to, "gateway") && b == isFace && from != "gateway" && !isChild(from, "gateway"):
		return "a face never imports a face: what they share is below them"
	case a == isWord && b != isWord:
		return "a word imports nothing of ours but other words"
	case b > a:
		return fmt.Sprintf("imports go down only, and a %v is above a %v", b, a)
	}
	return ""
}

// externalObjection is objection for a package that is not ours.
func externalObjection(from, to string) string {
	l := layerOf(from)
	switch {
	case (to == "net/http" || strings.HasPrefix(to, "net/http/")) && l == isNoun:
		return "a noun holds rules, not HTTP: a face translates"
	case (to == "net/http" || strings.HasPrefix(to, "net/http/")) && l == isWord && from != "web" && !isChild(from, "web") && from != "problem":
		return "of the words only web and problem speak HTTP"
	case (to == "net/http" || strings.HasPrefix(to, "net/http/")) && (from == "policy" || isChild(from, "policy")):
		return "a policy sees a policy.Call and knows nothing of the HTTP engine, which can then be replaced"
	case isSQL(to) && l != isStorage && l != isTooling:
		return "every SQL statement lives in store"
	}
	return ""
}

func isSQL(path string) bool {
	return path == "database/sql" || strings.HasPrefix(path, "database/sql/") ||
		strings.HasPrefix(path, "github.com/jackc/pgx/") || strings.HasPrefix(path, "modernc.org/sqlite")
}

func isChild(folder, parent string) bool { return strings.HasPrefix(folder, parent+"/") }

// isFixture: like net/http/httptest, such packages are named after what they help to test.
func isFixture(folder string) bool {
	return strings.HasSuffix(folder, "test") && layerOf(folder) != isTooling
}

// TestImportRule holds for what is shipped; a _test.go file may put together what it needs.
func TestImportRule(t *testing.T) {
	for _, f := range goFiles(t) {
		folder := filepath.ToSlash(filepath.Dir(f))
		if folder == "." {
			t.Errorf("%s: Go code does not live at the root of the repository", f)
			continue
		}
		if layerOf(folder) == isUnknown {
			t.Errorf("%s: the folder is not in the map of app/imports_test.go.\n"+
				"Decide what it is (word, noun, extension, face, tool), add it to folders there, and say in ARCHITECTURE.md why it exists.", f)
			continue
		}
		if strings.HasSuffix(f, "_test.go") {
			continue
		}
		for _, imported := range importsOf(t, f) {
			why := externalObjection(folder, imported)
			if ours, ok := strings.CutPrefix(imported, modulePath+"/"); ok {
				why = objection(folder, ours)
			}
			if why != "" {
				t.Errorf("%s imports %s: %s", f, imported, why)
			}
		}
	}
}

// TestObjections shows that the rule can say no, and does not say it too often.
func TestObjections(t *testing.T) {
	for _, edge := range []string{
		"cmd/sallyport app", "app store/sqlite", "app dialect/ddi", "app grant/password",
		"dialect/ddi grant", "dialect/ddi dialect", "authserver policy", "gateway web",
		"grant/password grant", "grant user", "policy/bearer token", "token key", "web problem", "gateway gateway/lean",
		"store token", "store/sqlite store", "store/storetest store", "store/storetest user",
		"scripts/withpostgres store/postgres/pgtest", "bench app", "policy net/url", "web net/http", "web/metrics net/http", "store database/sql",
	} {
		if why := judge(edge); why != "" {
			t.Errorf("%s: refused: %s", edge, why)
		}
	}
	for _, edge := range []string{
		"app cmd/sallyport", "grant authserver", "user grant", "oauth user", "web token",
		"gateway authserver", "authserver dialect/ddi", "dialect/ddi dialect/kustvakt", "dialect/ddi authserver", "dialect dialect/ddi",
		"grant/password grant/refresh", "policy/bearer policy/apikey", "policy/bearer grant/password", "grant grant/password",
		"authserver grant/password", "gateway policy/bearer", "console store", "grant store/sqlite", "cmd/sallyport store",
		"store grant", "store/sqlite gateway", "authserver gateway/lean", "gateway bench", "store store/storetest", "app store/storetest",
		"user net/http", "token net/http/httptest", "oauth net/http", "policy/bearer net/http", "policy net/http",
		"user database/sql", "authserver database/sql", "feed github.com/jackc/pgx/v5",
	} {
		if judge(edge) == "" {
			t.Errorf("%s: allowed", edge)
		}
	}
}

func judge(edge string) string {
	from, to, _ := strings.Cut(edge, " ")
	if layerOf(to) != isUnknown {
		return objection(from, to)
	}
	return externalObjection(from, to)
}

func importsOf(t *testing.T, file string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(repoRoot(t), file), nil, parser.ImportsOnly)
	if err != nil {
		t.Fatal(err)
	}
	paths := map[string]bool{}
	for _, i := range parsed.Imports {
		path, err := strconv.Unquote(i.Path.Value)
		if err != nil {
			t.Fatal(err)
		}
		paths[path] = true
	}
	return slices.Sorted(maps.Keys(paths))
}

// goFiles lists the module's Go files, relative to its root.
func goFiles(t *testing.T) []string {
	t.Helper()
	base := repoRoot(t)
	var files []string
	err := filepath.WalkDir(base, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(base, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			hidden := rel != "." && (strings.HasPrefix(d.Name(), ".") || strings.HasPrefix(d.Name(), "_"))
			if hidden || rel == "tools" || rel == "bin" || d.Name() == "testdata" {
				return filepath.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(rel, ".go") {
			files = append(files, rel)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("no Go files under %s", base)
	}
	return files
}

// repoRoot is the folder of go.mod, above the one in which the test runs.
func repoRoot(t *testing.T) string {
	t.Helper()
	folder, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			return folder
		}
		up := filepath.Dir(folder)
		if up == folder {
			t.Fatal("no go.mod above the test's folder")
		}
		folder = up
	}
}
