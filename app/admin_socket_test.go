package app_test

import (
	"bytes"
	"context"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"sallyport/app"
)

// command runs a command line in this process.
func command(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	code = app.Run(context.Background(), app.Process{
		Args: args, Getenv: func(string) (string, bool) { return "", false }, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs,
	})
	return code, out.String(), errs.String()
}

func shortDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "sp")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func TestAdminSocketIsForItsUserAlone(t *testing.T) {
	c := quiet(t)
	c.AdminSocket = filepath.Join(shortDir(t), "admin.sock")
	// What a server that was killed leaves behind is replaced.
	left, err := net.ListenUnix("unix", &net.UnixAddr{Name: c.AdminSocket, Net: "unix"})
	if err != nil {
		t.Fatal(err)
	}
	left.SetUnlinkOnClose(false)
	left.Close()

	s := serve(t, c, "realm: default")
	info, err := os.Lstat(c.AdminSocket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v %v", info, err)
	}
	if entries, _ := os.ReadDir(filepath.Dir(c.AdminSocket)); len(entries) != 1 {
		t.Errorf("left behind: %v", entries)
	}
	if _, err := http.Get("http://" + s.addr + "/nothing"); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := command(t, "explain", "--admin-socket", c.AdminSocket); code != 0 || !strings.Contains(out, "api_unknown") {
		t.Errorf("%d %s %s", code, out, errs)
	}
	s.stop()
	if err := <-s.done; err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(c.AdminSocket); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
}

// Kernels have little room for the path of a socket; a data folder may lie deep.
func TestAdminSocketWithALongPath(t *testing.T) {
	if runtime.GOOS != "linux" {
		return // elsewhere a shorter path has to be chosen
	}
	c := quiet(t)
	dir := filepath.Join(shortDir(t), strings.Repeat("deep", 40))
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	c.AdminSocket = filepath.Join(dir, "admin.sock")
	s := serve(t, c, "realm: default")
	if _, err := http.Get("http://" + s.addr + "/nothing"); err != nil {
		t.Fatal(err)
	}
	if code, out, errs := command(t, "explain", "--admin-socket", c.AdminSocket); code != 0 || !strings.Contains(out, "api_unknown") {
		t.Errorf("%d %s %s", code, out, errs)
	}
}

// Two servers may share a folder. The one that ends first leaves the other's socket alone.
func TestAdminSocketOfAnotherServerStays(t *testing.T) {
	c := quiet(t)
	c.AdminSocket = filepath.Join(shortDir(t), "admin.sock")
	first := serve(t, c, "realm: default")
	second := serve(t, c, "realm: default")
	if _, err := http.Get("http://" + second.addr + "/nothing"); err != nil {
		t.Fatal(err)
	}
	first.stop()
	<-first.done
	if code, out, errs := command(t, "explain", "--admin-socket", c.AdminSocket); code != 0 || !strings.Contains(out, "api_unknown") {
		t.Errorf("%d %s %s", code, out, errs)
	}
}

// A socket is a convenience: what stands in its way does not keep a server from serving, and is not touched.
func TestServesWithoutAdminSocket(t *testing.T) {
	dir := shortDir(t)
	file := filepath.Join(dir, "a file")
	if err := os.WriteFile(file, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{file, filepath.Join(dir, "no", "folder")} {
		c := quiet(t)
		c.AdminSocket = path
		s := serve(t, c, "realm: default")
		if status, _ := get(t, "http://"+s.addr+"/healthz"); status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
	}
	if got, _ := os.ReadFile(file); string(got) != "precious" {
		t.Errorf("the file was changed: %q", got)
	}
}
