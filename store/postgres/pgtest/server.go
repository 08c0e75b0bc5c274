package pgtest

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// ErrAbsent is returned by [Launch] on a machine without PostgreSQL's server programs.
var ErrAbsent = errors.New("PostgreSQL's initdb, postgres and pg_ctl are neither on PATH nor in /usr/lib/postgresql/*/bin; " +
	"install PostgreSQL (Debian: apt-get install postgresql)")

// Options says how a server is run.
type Options struct {
	// Durable keeps fsync on. Without it a crash of the machine, not of a
	// process, loses data, and everything is several times faster.
	Durable bool
}

// Server is a running PostgreSQL server on a temporary directory.
type Server struct {
	dir  string
	life io.Closer // the pipe that keeps the server running
	cmd  *exec.Cmd
	stop func() error
}

// script keeps the server for as long as its standard input is open. The kernel
// closes that pipe however the owner ends, so a panic or a SIGKILL leaves
// neither a process nor a directory behind.
const script = `dir=$1 bin=$2
if "$bin/initdb" -D "$dir/data" -U postgres -E UTF8 --locale=C --auth=trust --no-sync >"$dir/log" 2>&1 &&
	printf '%s\n' "$3" >>"$dir/data/postgresql.conf" &&
	"$bin/pg_ctl" -D "$dir/data" -l "$dir/log" -t 120 -w start >"$dir/ctl" 2>&1
then
	echo ready
	cat >/dev/null
else
	cat "$dir/ctl" "$dir/log" 2>/dev/null
fi
"$bin/pg_ctl" -D "$dir/data" -m immediate -w stop >/dev/null 2>&1
cd / && rm -rf "$dir"
`

// Launch initialises a server and waits until it answers. Run as root, the
// server belongs to the user "postgres", since PostgreSQL refuses root.
func Launch(o Options) (*Server, error) {
	bin, err := findPrograms()
	if err != nil {
		return nil, err
	}
	// A socket's path may be about 100 bytes long, so the name is short.
	dir, err := os.MkdirTemp("", "spg")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command("/bin/sh", "-c", script, "sh", dir, bin, settings(dir, o))
	cmd.Dir = dir
	// PGDATA, PGPORT and the like would change what the programs do.
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LC_ALL=C", "TZ=UTC"}
	if err := runUnprivileged(cmd, dir); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	life, err := cmd.StdinPipe()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	if err := cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s := &Server{dir: dir, life: life, cmd: cmd}
	s.stop = sync.OnceValue(func() error { return errors.Join(s.life.Close(), s.cmd.Wait()) })

	answer := bufio.NewReader(out)
	if line, _ := answer.ReadString('\n'); line != "ready\n" {
		rest, _ := io.ReadAll(answer)
		return nil, errors.Join(fmt.Errorf("PostgreSQL did not start: %s%s", line, rest), s.Stop())
	}
	return s, nil
}

// Stop ends the server at once and removes its directory. Further calls return the same.
func (s *Server) Stop() error { return s.stop() }

// URL addresses the server's maintenance database; its user may create others.
func (s *Server) URL() string {
	u := url.URL{Scheme: "postgres", User: url.User("postgres"), Path: "/postgres"}
	u.RawQuery = url.Values{"host": {s.dir}}.Encode()
	return u.String()
}

func settings(dir string, o Options) string {
	fsync := "off"
	if o.Durable {
		fsync = "on"
	}
	return strings.Join([]string{
		"listen_addresses = ''",
		"unix_socket_directories = '" + dir + "'",
		"max_connections = 300", // many test packages share one server
		"shared_buffers = 64MB",
		"fsync = " + fsync,
		"full_page_writes = " + fsync,
		"autovacuum = off",
	}, "\n")
}

// findPrograms returns the folder that holds initdb, postgres and pg_ctl. A
// name on PATH may be a link or stand alone, so its target's folder counts.
func findPrograms() (string, error) {
	var folders []string
	if p, err := exec.LookPath("initdb"); err == nil {
		if p, err = filepath.EvalSymlinks(p); err == nil {
			folders = append(folders, filepath.Dir(p))
		}
	}
	debian, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", err
	}
	slices.SortFunc(debian, func(a, b string) int { return cmp.Compare(major(b), major(a)) })
	for _, f := range append(folders, debian...) {
		if hasAll(f, "initdb", "postgres", "pg_ctl") {
			return f, nil
		}
	}
	return "", ErrAbsent
}

func major(bin string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(bin)))
	if err != nil {
		return 0 // a folder that is not named by a version is tried last
	}
	return n
}

func hasAll(folder string, names ...string) bool {
	for _, n := range names {
		if _, err := os.Stat(filepath.Join(folder, n)); err != nil {
			return false
		}
	}
	return true
}
