package app_test

import (
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/app"
)

// Noise: requests that were hit by chance in any place break nothing, open nothing, and never end in a fault of ours.
func TestAttackNoise(t *testing.T) {
	log := &page{}
	up := newWitness(t, nil)
	s := guarded(t, keysYAML+strings.TrimPrefix(twice(up.URL, "auth: [none], strip: true, timeouts: {idle: 200ms}"), "\n")+
		"  - {name: shut, path: /shut, strip: true, auth: [bearer, basic, signature, {apikey: {query: k}}], upstream: '"+up.URL+"/shut-up'}\n"+
		"  - name: all\n    path: '/all/{id}'\n    auth: [none]\n    upstream: '"+up.URL+"/{id}'\n    policies:\n      - cors: {origins: ['*']}\n      - cache\n      - mock: {body: {a: b}}\n      - headers: {request: {set: {X-P: '{path} {param:id} {host}'}}, response: {set: {X-P: '{path}'}}}\n"+
		"      - rewrite: {rules: [{match: '^/all/(.*)$', to: '/r/$1'}], query: {remove: [x], set: {y: z}}}\n      - ratelimit: {rate: 1000000/s, by: \"expression: call.header['x'] + call.query\"}\n      - backauth\n      - concurrency: {most: 1000}\n",
		func(c *app.Config) {
			c.Log = slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelInfo}))
		})
	seeds := []string{
		"GET /lean/x?a=b HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\nX-A: b\r\n\r\n",
		"POST /std/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTrailer: X-T\r\n\r\nhello",
		"POST /lean/x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-T\r\n\r\n5;e=f\r\nhello\r\n0\r\nX-T: 1\r\n\r\n",
		"GET /all/5/x;y=z?x=1&y=2 HTTP/1.1\r\nHost: a.example:80\r\nOrigin: https://b.example\r\nIf-None-Match: \"a\"\r\nRange: bytes=0-1\r\nCache-Control: max-stale=5, no-cache\r\nid-token: x\r\ndgr-mock-test: true\r\n\r\n",
		"OPTIONS /all/5 HTTP/1.1\r\nHost: a\r\nOrigin: https://b.example\r\nAccess-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: a, b\r\n\r\n",
		"POST /shut/x?k=till HTTP/1.1\r\nHost: a\r\nAuthorization: DGRK desk.AAAA\r\nX-Api-Key: till\r\nContent-Length: 9\r\n\r\n{\"a\": 1 }",
		"GET /shut HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer eyJhbGciOiJFUzI1NiJ9.e30.AAAA\r\n\r\n",
		"GET /shut HTTP/1.1\r\nHost: a\r\nAuthorization: Basic c2hvcDp4\r\n\r\n",
		"GET http://a/realms/default/all/x HTTP/1.1\r\nHost: b\r\nUpgrade: websocket\r\nConnection: Upgrade, X-A\r\nX-Forwarded-For: 1.2.3.4\r\nVia: 1.0 x\r\nExpect: 100-continue\r\n\r\n",
	}
	bits := []string{"\r\n", "\n", "\r", "\x00", " ", "\t", ":", ";", "/", "//", "/../", "%2f", "%2e%2e", "%", "%25", "\xff", "{", "}", "\\", "?", "#", ",", "\"", "0", "-1", "99999999999999999999", "Content-Length: 3\r\n", "Transfer-Encoding: chunked\r\n", "Host: b\r\n", "shut", strings.Repeat("A", 3000)}
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(worker), 1))
			for range 150 {
				text := ""
				for range 1 + r.IntN(3) {
					text += noise(r, seeds[r.IntN(len(seeds))], bits)
				}
				throw(t, s.addr, text)
			}
		})
	}
	wg.Wait()
	asked, _ := up.take()
	for _, a := range asked {
		if strings.HasPrefix(a.URI, "/shut-up") || a.Header.Get("X-Sallyport-Client") != "" {
			t.Errorf("the upstream was asked %+v", a)
		}
	}
	if len(asked) < 100 {
		t.Errorf("no more than %d requests reached the upstream", len(asked))
	}
	for line := range strings.SplitSeq(log.String(), "\n") {
		if strings.Contains(line, "panic") || strings.Contains(line, "level=ERROR") {
			t.Errorf("a fault of ours: %s", line)
		}
	}
}

// noise changes some places of a text by chance.
func noise(r *rand.Rand, text string, bits []string) string {
	for range r.IntN(4) {
		at := r.IntN(len(text) + 1)
		switch r.IntN(4) {
		case 0: // takes some out
			text = text[:at] + text[min(len(text), at+r.IntN(6)):]
		case 1: // another byte
			if at < len(text) {
				text = text[:at] + string([]byte{byte(r.IntN(256))}) + text[at+1:]
			}
		default:
			text = text[:at] + bits[r.IntN(len(bits))] + text[at:]
		}
		if text == "" {
			text = "G"
		}
	}
	return text
}

// throw sends bytes and does not care much for what comes back.
func throw(t *testing.T, addr, text string) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		t.Error(err)
		return
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, text)
	_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	_, _ = io.Copy(io.Discard, conn)
}
