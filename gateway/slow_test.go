package gateway_test

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"sallyport/api"
)

// slowServer is the server of b with a limit on the time that a request may take to arrive.
func slowServer(t *testing.T, b *bench, limit time.Duration) string {
	t.Helper()
	s := httptest.NewUnstartedServer(b.Config.Handler)
	s.Config.ReadTimeout = limit
	s.Start()
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// A caller who is refused cannot hold a connection by sending a body that never comes: the server would wait for it before
// it answers.
func TestStrangersCannotHoldConnections(t *testing.T) {
	b := start(t, nil, &api.API{Name: "a", Path: "/a", Upstream: upstream(t, ok)},
		&api.API{Name: "off", Path: "/off", Upstream: upstream(t, ok), Disabled: true})
	address := slowServer(t, b, 200*time.Millisecond)
	for name, head := range map[string]string{
		"no token":    "POST /a HTTP/1.1\r\nHost: a\r\n",
		"a bad token": "POST /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer bad\r\n",
		"no such API": "POST /b HTTP/1.1\r\nHost: a\r\n",
		"API is off":  "POST /off HTTP/1.1\r\nHost: a\r\n",
		"a bad path":  "POST /a/../b HTTP/1.1\r\nHost: a\r\n",
		"TRACE":       "TRACE /a HTTP/1.1\r\nHost: a\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := io.WriteString(conn, head+"Content-Length: 10\r\n\r\nx"); err != nil {
				t.Fatal(err)
			}
			_ = conn.SetReadDeadline(time.Now().Add(20 * time.Second))
			if answer, err := io.ReadAll(conn); err != nil {
				t.Errorf("%q, then %v: the connection is still open", answer, err)
			}
		})
	}
}

// The limit is not for calls that are let in: bodies may be large and slow, and so may answers.
func TestCallersMayBeSlow(t *testing.T) { eachEngine(t, testCallersMayBeSlow) }

func testCallersMayBeSlow(t *testing.T) {
	const limit = 100 * time.Millisecond
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		time.Sleep(4 * limit)
		_, _ = w.Write(append(body, "done"...))
	})
	b := start(t, nil, &api.API{Name: "a", Path: "/a", Upstream: up})
	address := slowServer(t, b, limit)
	slow, body := io.Pipe()
	go func() {
		for range 4 {
			time.Sleep(limit)
			_, _ = io.WriteString(body, "x")
		}
		_ = body.Close()
	}()
	for name, c := range map[string]struct {
		body io.Reader
		want string
	}{"slow body": {slow, "xxxxdone"}, "slow answer": {http.NoBody, "done"}} {
		r, err := http.NewRequestWithContext(t.Context(), "POST", "http://"+address+"/a", c.body)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer good")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if string(got) != c.want || err != nil || res.StatusCode != 200 {
			t.Errorf("%s: %s, %q, %v", name, res.Status, got, err)
		}
	}
}
