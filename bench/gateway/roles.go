package main

import (
	"bufio"
	"bytes"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"
)

// answerSize is the body of every answer: 1 KiB of JSON.
const answerSize = 1024

// serveRole runs this program as one of the servers that are not Sallyport and not somebody else's.
func serveRole(role string, args []string) error {
	switch {
	case role == "upstream" && len(args) == 1:
		return serveUpstream(args[0])
	case role == "reverseproxy" && len(args) == 2:
		return serveReverseProxy(args[0], args[1])
	}
	return fmt.Errorf("there is no role %q with %d arguments", role, len(args))
}

// serveUpstream answers every request with the same bytes, as cheaply as Go can: it is not what is measured.
func serveUpstream(addr string) error {
	body := `{"data":"` + strings.Repeat("x", answerSize-len(`{"data":""}`)) + `"}`
	answer := fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\r\n%s", len(body), body)
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			r := bufio.NewReaderSize(c, 8<<10)
			for {
				line, err := r.ReadSlice('\n')
				if err != nil {
					return
				}
				if len(bytes.TrimRight(line, "\r\n")) > 0 {
					continue
				}
				if _, err := c.Write(answer); err != nil {
					return
				}
			}
		}()
	}
}

// serveReverseProxy is httputil.ReverseProxy as one would tune it: pooled buffers, and as many connections to the upstream
// as there are callers.
func serveReverseProxy(addr, upstream string) error {
	target := &url.URL{Scheme: "http", Host: upstream}
	proxy := &httputil.ReverseProxy{
		Rewrite:    func(p *httputil.ProxyRequest) { p.SetURL(target); p.SetXForwarded() },
		BufferPool: &buffers{},
		Transport: &http.Transport{
			MaxIdleConns: 4096, MaxIdleConnsPerHost: 1024, IdleConnTimeout: 90 * time.Second, DisableCompression: true,
			ReadBufferSize: 8 << 10, WriteBufferSize: 8 << 10,
		},
	}
	return http.ListenAndServe(addr, proxy)
}

type buffers struct{ pool sync.Pool }

// Get implements httputil.BufferPool.
func (b *buffers) Get() []byte {
	if p, ok := b.pool.Get().(*[32 << 10]byte); ok {
		return p[:]
	}
	return make([]byte, 32<<10)
}

// Put implements httputil.BufferPool.
func (b *buffers) Put(p []byte) { b.pool.Put((*[32 << 10]byte)(p)) }
