package app_test

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"sallyport/gateway/demo"
	"sallyport/store/postgres/pgtest"
)

// Scripts that need no database, or only their own.
func TestScripts(t *testing.T) { runScripts(t, "plain", func(*testscript.Env) {}) }

// The same scripts on both engines: what one does the other has to do.
func TestScriptsSQLite(t *testing.T) { runScripts(t, "both", func(*testscript.Env) {}) }

func TestScriptsPostgreSQL(t *testing.T) {
	runScripts(t, "both", func(e *testscript.Env) { e.Setenv("SALLYPORT_DATABASE", pgtest.Start(t)) })
}

func runScripts(t *testing.T, folder string, setup func(*testscript.Env)) {
	examples, err := filepath.Abs("../examples")
	if err != nil {
		t.Fatal(err)
	}
	upstream := httptest.NewServer(demo.Handler(time.Now))
	t.Cleanup(upstream.Close)
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script", folder),
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			e.Setenv("SALLYPORT_DATA", filepath.Join(e.WorkDir, "data"))
			e.Setenv("SALLYPORT_LISTEN", freeAddress(t))
			_, own, _ := net.SplitHostPort(e.Getenv("SALLYPORT_LISTEN"))
			e.Setenv("PORT", own)
			e.Setenv("URL", "http://"+e.Getenv("SALLYPORT_LISTEN"))
			e.Setenv("UPSTREAM", upstream.URL)
			_, port, _ := net.SplitHostPort(upstream.Listener.Addr().String())
			e.Setenv("UPSTREAM_PORT", port)
			e.Setenv("EXAMPLES", examples)
			setup(e)
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){"member": member, "expand": expand, "replace": replace, "ready": ready, "settle": settle},
	})
}

func freeAddress(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// member puts a member of the last JSON answer into a variable: member VARIABLE NAME. A name of several parts leads to
// the first element of lists on its way.
func member(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: member VARIABLE NAME")
	}
	out := ts.ReadFile("stdout")
	if _, body, ok := strings.Cut(out, "\n\n"); ok && !strings.HasPrefix(out, "{") {
		out = body
	}
	var v any
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		ts.Fatalf("the answer is not JSON: %v", err)
	}
	for name := range strings.SplitSeq(args[1], ".") {
		if list, ok := v.([]any); ok && len(list) > 0 {
			v = list[0]
		}
		object, _ := v.(map[string]any)
		v = object[name]
	}
	text, ok := v.(string)
	if !ok || text == "" {
		ts.Fatalf("the answer has no text %s", args[1])
	}
	ts.Setenv(args[0], text)
}

// expand replaces $NAME in a file: expand FILE NAME...
func expand(ts *testscript.TestScript, _ bool, args []string) {
	text := ts.ReadFile(args[0])
	for _, name := range args[1:] {
		text = strings.ReplaceAll(text, "$"+name, ts.Getenv(name))
	}
	if err := os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600); err != nil {
		ts.Fatalf("%v", err)
	}
}

// replace puts other texts into a file: replace FILE OLD NEW OLD NEW...
func replace(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) < 3 || len(args)%2 == 0 {
		ts.Fatalf("usage: replace FILE OLD NEW...")
	}
	text := ts.ReadFile(args[0])
	for i := 1; i < len(args); i += 2 {
		if !strings.Contains(text, args[i]) {
			ts.Fatalf("%s does not contain %s", args[0], args[i])
		}
		text = strings.ReplaceAll(text, args[i], args[i+1])
	}
	if err := os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600); err != nil {
		ts.Fatalf("%v", err)
	}
}

// ready waits until the server says that it is.
func ready(ts *testscript.TestScript, _ bool, args []string) {
	base := ts.Getenv("URL")
	if len(args) == 1 {
		base = args[0]
	}
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if response, err := http.Get(base + "/readyz"); err == nil {
			response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return
			}
		}
	}
	ts.Fatalf("%s is not ready", base)
}

// settle waits as long as a change by another process may take to be known.
func settle(*testscript.TestScript, bool, []string) { time.Sleep(time.Second) }
