package app_test

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A process is the real program, in a process of its own.
type process struct {
	URL string

	env []string
	cmd *exec.Cmd
	log *syncBuffer
}

// syncBuffer is a buffer for two goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// newProcess prepares a server on a fresh database (SQLite if the URL is empty) that serves a deployment file.
func newProcess(t *testing.T, database, yaml string) *process {
	t.Helper()
	dir, addr := t.TempDir(), freeAddress(t)
	p := &process{URL: "http://" + addr, log: &syncBuffer{}}
	p.env = append(os.Environ(), runAsSallyport+"=1", "SALLYPORT_DATA="+filepath.Join(dir, "data"), "SALLYPORT_DATABASE="+database,
		"SALLYPORT_LISTEN="+addr, "SALLYPORT_LOG_LEVEL=warn")
	file := filepath.Join(dir, "deployment.yaml")
	if err := os.WriteFile(file, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := p.command("apply", "-f", file).CombinedOutput(); err != nil {
		t.Fatalf("apply: %v\n%s", err, out)
	}
	return p
}

func (p *process) command(args ...string) *exec.Cmd {
	cmd := exec.Command(os.Args[0], args...)
	cmd.Env = p.env
	return cmd
}

// start runs the server until it is ready. It is killed with the test at the latest.
func (p *process) start(t *testing.T) {
	t.Helper()
	p.cmd = p.command("serve")
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	started := p.cmd
	t.Cleanup(func() { _ = started.Process.Kill(); _ = started.Wait() })
	p.until(t, "/readyz", http.StatusOK)
}

// until waits for an answer with a status.
func (p *process) until(t *testing.T, path string, status int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
		response, err := http.Get(p.URL + path)
		if err == nil {
			response.Body.Close()
			if response.StatusCode == status {
				return
			}
		}
	}
	t.Fatalf("%s never answered %d; the server said:\n%s", path, status, p.log)
}

// kill ends the server the hard way.
func (p *process) kill(t *testing.T) {
	t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_ = p.cmd.Wait() // says that it was killed
}
