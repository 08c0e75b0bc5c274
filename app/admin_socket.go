package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"sallyport/explain"
	"sallyport/problem"
)

// An adminSocket is a Unix socket at which the server answers whoever may read its data folder. It shows what is no
// secret but no stranger's business either.
type adminSocket struct {
	path   string
	file   os.FileInfo // of the socket: another server may have taken the path over
	net    *net.UnixListener
	server *http.Server
}

// maxSocketPath is what every kernel has room for.
const maxSocketPath = 103

// reachable returns a path to a socket that a kernel has room for. Done lets go of it.
func reachable(path string) (short string, done func(), err error) {
	if len(path) <= maxSocketPath {
		return path, func() {}, nil
	}
	if runtime.GOOS != "linux" {
		return "", nil, fmt.Errorf("its path has more than %d bytes; choose a shorter one", maxSocketPath)
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return "", nil, err
	}
	// The descriptor of a folder stands for its path.
	return fmt.Sprintf("/proc/self/fd/%d/%s", dir.Fd(), filepath.Base(path)), func() { _ = dir.Close() }, nil
}

// openAdminSocket makes the socket. It is made in a folder that nobody else may enter and moved to its place, so that
// there is no moment at which others could connect; a socket that a dead server has left there is replaced.
func openAdminSocket(path string, h http.Handler) (_ *adminSocket, err error) {
	if info, err := os.Lstat(path); err == nil && info.Mode().Type() != os.ModeSocket {
		return nil, errors.New("there is something else under its name; choose another")
	}
	dir, err := os.MkdirTemp(filepath.Dir(path), ".s")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	made := filepath.Join(dir, "s")
	short, done, err := reachable(made)
	if err != nil {
		return nil, err
	}
	defer done()
	s := &adminSocket{path: path, server: &http.Server{Handler: h, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, IdleTimeout: time.Minute}}
	if s.net, err = net.ListenUnix("unix", &net.UnixAddr{Name: short, Net: "unix"}); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			_ = s.net.Close() // the error that stopped it is the one to tell
		}
	}()
	s.net.SetUnlinkOnClose(false)
	if err = os.Chmod(made, 0o600); err != nil {
		return nil, err
	}
	if err = os.Rename(made, path); err != nil {
		return nil, err
	}
	if s.file, err = os.Lstat(path); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *adminSocket) serve() { _ = s.server.Serve(s.net) } // ends when it is closed

// close ends the socket. One that another server has put in its place stays.
func (s *adminSocket) close() {
	if now, err := os.Lstat(s.path); err == nil && os.SameFile(now, s.file) {
		_ = os.Remove(s.path) // if it stays, the next server replaces it
	}
	_ = s.server.Close() // nobody waits for an answer that matters
}

// adminHandler answers at the admin socket.
func (a *App) adminHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /explain", func(w http.ResponseWriter, r *http.Request) {
		n, err := strconv.Atoi(cmp.Or(r.URL.Query().Get("last"), "1"))
		if err != nil || n < 1 {
			problem.Problem{Status: http.StatusBadRequest, Detail: "last: is not a number; write how many refusals to show."}.Write(w, r)
			return
		}
		writeAdmin(w, a.refusals.Last(n))
	})
	mux.HandleFunc("GET /explain/{id}", func(w http.ResponseWriter, r *http.Request) {
		record, ok := a.refusals.Find(r.PathValue("id"))
		if !ok {
			problem.Problem{Status: http.StatusNotFound, Detail: "No refusal with this id is remembered here."}.Write(w, r)
			return
		}
		writeAdmin(w, record)
	})
	mux.HandleFunc("GET /upstreams", a.serveTargets)
	return mux
}

func writeAdmin(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v) // whoever asked is gone if this fails
}

// errNoServer says that nobody answers at the admin socket.
var errNoServer = errors.New("no server answers")

// An adminClient asks a server at its socket.
type adminClient struct {
	path string
	http *http.Client
}

func newAdminClient(path string) *adminClient {
	return &adminClient{path: path, http: &http.Client{
		Timeout: 10 * time.Second,
		Transport: &http.Transport{
			DisableKeepAlives: true,
			DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
				short, done, err := reachable(path)
				if err != nil {
					return nil, err
				}
				defer done()
				return (&net.Dialer{}).DialContext(ctx, "unix", short)
			},
		},
	}}
}

// get asks for a path and reads the answer into v; false if there is none.
func (c *adminClient) get(ctx context.Context, path string, v any) (found bool, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://sallyport"+path, nil)
	if err != nil {
		return false, err
	}
	response, err := c.http.Do(r)
	var failed *net.OpError
	if errors.As(err, &failed) && failed.Op == "dial" {
		return false, fmt.Errorf("%w at %s (%w); name its folder by --data or its socket by --admin-socket, and run as the user that the server runs as", errNoServer, c.path, failed.Err)
	}
	if err != nil {
		return false, err
	}
	defer response.Body.Close()
	switch response.StatusCode {
	case http.StatusOK:
		return true, json.NewDecoder(response.Body).Decode(v)
	case http.StatusNotFound:
		return false, nil
	}
	var p problem.Problem
	_ = json.NewDecoder(response.Body).Decode(&p) // the status says enough if it cannot be read
	return false, fmt.Errorf("the server answered %d: %s", response.StatusCode, p.Detail)
}

// refusal asks for the refusal of a request.
func (c *adminClient) refusal(ctx context.Context, id string) (r explain.Record, found bool, err error) {
	found, err = c.get(ctx, "/explain/"+url.PathEscape(id), &r)
	return r, found, err
}

// refusals asks for the newest refusals.
func (c *adminClient) refusals(ctx context.Context, n int) (list []explain.Record, err error) {
	_, err = c.get(ctx, "/explain?last="+strconv.Itoa(n), &list)
	return list, err
}
