//go:build clients

package clients_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/net/websocket"
)

// page opens a WebSocket and an EventSource through the gateway and reports what came, and when.
const page = `<!doctype html><title>t</title><script>
const seen = [], began = performance.now();
const note = s => seen.push(s);
const report = () => fetch('/app/report', {method: 'POST', body: seen.join('\n')});
const ws = new WebSocket((location.protocol === 'https:' ? 'wss://' : 'ws://') + location.host + '/app/socket', 'chat');
ws.onopen = () => { note('open ' + ws.protocol); ws.send('hello'); ws.send('x'.repeat(100000)); };
ws.onmessage = e => { note('ws ' + (e.data.length > 20 ? e.data.length : e.data)); if (e.data.length > 20) ws.close(1000, 'bye'); };
ws.onclose = e => {
  note('close ' + e.code);
  const es = new EventSource('/app/events');
  let last = 0;
  es.onmessage = m => {
    const now = performance.now();
    note('sse ' + m.data + (last && now - last < 50 ? ' at once' : ''));
    last = now;
    if (m.data === '3') { es.close(); report(); }
  };
  es.onerror = () => { note('sse error'); es.close(); report(); };
};
ws.onerror = () => { note('ws error'); report(); };
</script>`

func TestBrowser(t *testing.T) {
	reports := make(chan string, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /app/{$}", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, page) })
	mux.Handle("/app/socket", websocket.Server{
		Handshake: func(c *websocket.Config, _ *http.Request) error { c.Protocol = []string{"chat"}; return nil },
		Handler:   echo,
	})
	mux.HandleFunc("GET /app/events", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i+1)
			if err := http.NewResponseController(w).Flush(); err != nil {
				return
			}
			time.Sleep(200 * time.Millisecond)
		}
		<-r.Context().Done()
	})
	mux.HandleFunc("POST /app/report", func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		select {
		case reports <- string(body):
		default:
		}
	})
	upstream := httptest.NewServer(mux)
	defer upstream.CloseClientConnections()
	s := serve(t, clientYAML+`  - {name: app, path: /app, upstream: `+upstream.URL+`, auth: [none]}`)
	for name, url := range map[string]string{"plain": "http://" + s.plain, "TLS": "https://" + s.secure} {
		t.Run(name, func(t *testing.T) {
			browse(t, url+"/app/")
			select {
			case got := <-reports:
				want := "open chat\nws hello\nws 100000\nclose 1000\nsse 1\nsse 2\nsse 3"
				if strings.TrimSpace(got) != want {
					t.Errorf("the page saw\n%s\nwant\n%s", got, want)
				}
			case <-time.After(60 * time.Second):
				t.Error("the page reported nothing")
			}
		})
	}
}

// echo sends back each message whole, until the page closes.
func echo(c *websocket.Conn) {
	defer c.Close() // says good-bye as well
	for {
		var message string
		if websocket.Message.Receive(c, &message) != nil || websocket.Message.Send(c, message) != nil {
			return
		}
	}
}

// browse opens a page in a headless browser, which ends with the test.
func browse(t *testing.T, url string) {
	t.Helper()
	cmd := exec.Command("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
		"--disable-component-update", "--disable-sync", "--ignore-certificate-errors", "--user-data-dir="+t.TempDir(), "--remote-debugging-port=0", url)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		_ = cmd.Wait()
		time.Sleep(200 * time.Millisecond) // its children still write to the profile
	})
}
