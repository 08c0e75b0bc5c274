//go:build unix

package lean_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"sallyport/gateway/lean"
)

// The benchmarks' upstream is a process of its own, so that the CPU time of this one is the client's.
const benchEnv = "LEAN_BENCH_UPSTREAM"

func TestMain(m *testing.M) {
	if os.Getenv(benchEnv) != "" {
		benchUpstream()
		return
	}
	os.Exit(m.Run())
}

// benchUpstream answers every request with 1 KiB, or 64 KiB, until its standard input ends.
func benchUpstream() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	answer := func(size int) []byte {
		return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Mon, 02 Jan 2006 15:04:05 GMT\r\nContent-Type: application/json\r\n"+
			"Content-Length: %d\r\nCache-Control: no-store\r\n\r\n%s", size, strings.Repeat("x", size))
	}
	small, large := answer(1<<10), answer(64<<10)
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				buf := make([]byte, 8<<10)
				for {
					n, err := c.Read(buf)
					if err != nil || !bytes.Contains(buf[:n], []byte("\r\n\r\n")) {
						c.Close()
						return
					}
					text := small
					if bytes.Contains(buf[:n], []byte(" /large ")) {
						text = large
					}
					if _, err := c.Write(text); err != nil {
						return
					}
				}
			}()
		}
	}()
	_, _ = io.Copy(io.Discard, os.Stdin)
}

func startUpstream(b *testing.B) *url.URL {
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), benchEnv+"=1", "GOMAXPROCS=1")
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { in.Close(); _ = cmd.Wait() })
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return &url.URL{Scheme: "http", Host: strings.TrimSpace(addr)}
}

func tuned() *http.Transport {
	return &http.Transport{
		DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext, MaxIdleConnsPerHost: 256, DisableCompression: true,
		ResponseHeaderTimeout: time.Minute, ReadBufferSize: 8 << 10, WriteBufferSize: 8 << 10,
	}
}

// BenchmarkCall is calls with the fields that a gateway sends, 32 at a time: a GET, a POST of 256 bytes, and one whose answer
// is larger than any buffer.
func BenchmarkCall(b *testing.B) {
	for _, call := range []struct {
		name, method, path, body string
		size                     int
	}{
		{"get-1k", "GET", "/orders/17", "", 1 << 10}, {"post-1k", "POST", "/orders/17", strings.Repeat("y", 256), 1 << 10}, {"get-64k", "GET", "/large", "", 64 << 10},
	} {
		run := func(name string, sender func() func(*http.Request) (*http.Response, error)) {
			b.Run(call.name+"/"+name, func(b *testing.B) { benchCalls(b, call.method, call.path, call.body, call.size, sender) })
		}
		t := lean.New(lean.Options{})
		run("lean", roundTrip(t))
		run("lean-reused", func() func(*http.Request) (*http.Response, error) {
			var a lean.Answer
			return func(r *http.Request) (*http.Response, error) { return t.SendInto(&a, r, lean.Limits{}) }
		})
		run("net-http", roundTrip(tuned()))
	}
}

func roundTrip(t http.RoundTripper) func() func(*http.Request) (*http.Response, error) {
	return func() func(*http.Request) (*http.Response, error) { return t.RoundTrip }
}

func benchCalls(b *testing.B, method, path, body string, size int, sender func() func(*http.Request) (*http.Response, error)) {
	u := startUpstream(b)
	u.Path, u.RawPath = path, path
	header := http.Header{
		"Accept": {"*/*"}, "User-Agent": {"wrk/4.1"}, "Via": {"1.1 sallyport"}, "X-Forwarded-For": {"192.0.2.7"}, "X-Forwarded-Host": {"api.example.org"},
		"X-Forwarded-Proto": {"https"}, "X-Sallyport-Client": {"tspclient"}, "X-Sallyport-Scope": {"read write"}, "X-Request-Id": {"01HZX3T6V3W4X5Y6Z7A8B9C0D1"},
	}
	b.SetParallelism(32)
	b.ReportAllocs()
	before := cpuTime(b)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		send := sender()
		ctx := b.Context()
		r := (&http.Request{Method: method, URL: u, Host: "api.example.org", Header: header, ProtoMajor: 1, ProtoMinor: 1}).WithContext(ctx)
		buf := make([]byte, 32<<10)
		sent := strings.NewReader("")
		for pb.Next() {
			if body != "" {
				sent.Reset(body)
				r.Body, r.ContentLength = io.NopCloser(sent), int64(len(body))
			}
			res, err := send(r)
			if err != nil {
				b.Error(err)
				return
			}
			n := 0
			for err == nil {
				var m int
				m, err = res.Body.Read(buf)
				n += m
			}
			if n != size || err != io.EOF {
				b.Errorf("%d bytes, %v", n, err)
				return
			}
			res.Body.Close()
		}
	})
	b.StopTimer()
	b.ReportMetric(float64(cpuTime(b)-before)/float64(b.N)/1e3, "cpu-µs/op")
}

// cpuTime is what this process has used.
func cpuTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
