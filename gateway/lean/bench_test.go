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

// benchUpstream answers every request with the same 1 KiB, until its standard input ends.
func benchUpstream() {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	answer := []byte("HTTP/1.1 200 OK\r\nServer: bench\r\nDate: Mon, 02 Jan 2006 15:04:05 GMT\r\nContent-Type: application/json\r\n" +
		"Content-Length: 1024\r\nCache-Control: no-store\r\n\r\n" + strings.Repeat("x", 1024))
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
					if _, err := c.Write(answer); err != nil {
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
	return &url.URL{Scheme: "http", Host: strings.TrimSpace(addr), Path: "/orders/17", RawPath: "/orders/17", RawQuery: "a=b"}
}

func tuned() *http.Transport {
	return &http.Transport{
		DialContext: (&net.Dialer{Timeout: 5 * time.Second}).DialContext, MaxIdleConnsPerHost: 256, DisableCompression: true,
		ResponseHeaderTimeout: time.Minute, ReadBufferSize: 8 << 10, WriteBufferSize: 8 << 10,
	}
}

// BenchmarkCall is a GET with the fields that a gateway sends, and an answer of 1 KiB, 32 at a time.
func BenchmarkCall(b *testing.B) {
	t := lean.New(lean.Options{})
	b.Run("lean", func(b *testing.B) { benchCalls(b, roundTrip(t)) })
	b.Run("lean-reused", func(b *testing.B) {
		benchCalls(b, func() func(*http.Request) (*http.Response, error) {
			var a lean.Answer
			return func(r *http.Request) (*http.Response, error) { return t.SendInto(&a, r, lean.Limits{}) }
		})
	})
	b.Run("net-http", func(b *testing.B) { benchCalls(b, roundTrip(tuned())) })
}

func roundTrip(t http.RoundTripper) func() func(*http.Request) (*http.Response, error) {
	return func() func(*http.Request) (*http.Response, error) { return t.RoundTrip }
}

func benchCalls(b *testing.B, sender func() func(*http.Request) (*http.Response, error)) {
	u := startUpstream(b)
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
		r := (&http.Request{Method: "GET", URL: u, Host: "api.example.org", Header: header, ProtoMajor: 1, ProtoMinor: 1}).WithContext(ctx)
		buf := make([]byte, 32<<10)
		for pb.Next() {
			res, err := send(r)
			if err != nil {
				b.Error(err)
				return
			}
			n, err := io.ReadFull(res.Body, buf[:1024])
			if m, end := res.Body.Read(buf[n:]); n != 1024 || m != 0 || end != io.EOF {
				b.Errorf("%d bytes, %v; then %d, %v", n, err, m, end)
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
