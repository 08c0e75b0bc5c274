package app_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// moody is an upstream that tells each caller who it is and what it asked, and behaves in many ways while doing so: with and
// without a length, slowly, with more behind the answer, breaking off, or with an end of its own.
func moody(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				in := bufio.NewReader(c)
				for {
					r, err := http.ReadRequest(in)
					if err != nil || !moodily(c, r) {
						return
					}
				}
			}()
		}
	}()
	return "http://" + l.Addr().String()
}

// ownEngine says whether a path is served by our own engine. It looks at what has come before a connection is used again;
// net/http does so as well, but in a goroutine of its own, and a request that is faster takes the excess for its answer.
func ownEngine(path string) bool {
	return strings.HasPrefix(path, "/lean") || strings.HasPrefix(path, "/cached")
}

// moodily answers one request and says whether the connection stays.
func moodily(c net.Conn, r *http.Request) bool {
	sent, err := io.ReadAll(r.Body)
	if err != nil {
		return false
	}
	body := strings.Repeat(fmt.Sprintf("%s %s %s\n", r.Header.Get("X-Sallyport-Client"), r.RequestURI, sent), 1+rand.IntN(200))
	head := "HTTP/1.1 200 OK\r\nCache-Control: max-age=1\r\nVary: X-Part\r\nX-For: " + r.Header.Get("X-Sallyport-Client") + " " + r.RequestURI + "\r\n"
	if r.Header.Get("If-None-Match") != "" {
		head += "ETag: \"x\"\r\n"
	}
	mood := rand.IntN(12)
	if mood == 1 && !ownEngine(r.URL.Path) {
		mood = 2
	}
	switch mood {
	case 0: // breaks off
		fmt.Fprintf(c, "%sContent-Length: %d\r\n\r\n%s", head, len(body)+10, body)
		return false
	case 1: // says more than it was asked, all in one piece: what comes later looks like the next answer to anybody
		body = body[:min(len(body), 1000)]
		fmt.Fprintf(c, "%sContent-Length: %d\r\n\r\n%sHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison", head, len(body), body)
	case 2: // takes its time
		fmt.Fprintf(c, "%sTransfer-Encoding: chunked\r\n\r\n", head)
		for part := range strings.SplitAfterSeq(body, "\n") {
			if part == "" {
				break
			}
			fmt.Fprintf(c, "%x\r\n%s\r\n", len(part), part)
			if rand.IntN(50) == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		_, _ = io.WriteString(c, "0\r\n\r\n")
	case 3: // ends with its connection
		fmt.Fprintf(c, "%sConnection: close\r\n\r\n%s", head, body)
		return false
	case 4: // keeps others waiting
		time.Sleep(time.Duration(rand.IntN(20)) * time.Millisecond)
		fallthrough
	default:
		fmt.Fprintf(c, "%sContent-Length: %d\r\n\r\n%s", head, len(body), body)
	}
	return rand.IntN(10) != 0
}

// Classes 29 and 31, one caller's answer for another: under load, with callers who leave and an upstream of many moods,
// everybody gets what was said to him: out of pools, out of a cache, over connections that carried others before.
func TestAttackAnswersStayApart(t *testing.T) {
	const clients = 8
	var yaml strings.Builder
	yaml.WriteString("realm: default\nscopes: [{name: read}]\nclients:\n")
	for i := range clients {
		fmt.Fprintf(&yaml, "  - {id: client%d, secret: secret-of-client-%d, grants: [client_credentials], scopes: [read]}\n", i, i)
	}
	up := moody(t)
	s := guarded(t, yaml.String()+"apis:"+twice(up, "scopes: [read]")+
		"  - {name: cached, path: /cached, scopes: [read], upstream: '"+up+"', policies: [cache]}\n"+
		"  - {name: fixed, path: /fixed, scopes: [read], engine: standard, upstream: '"+up+"', policies: [{cache: {mode: fixed, methods: [GET, POST]}}]}\n")
	var tokens [clients]string
	for i := range tokens {
		tokens[i] = tokenOf(t, s.addr, fmt.Sprint("client", i), fmt.Sprint("secret-of-client-", i))
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	defer transport.CloseIdleConnections()
	whole, broken := new(atomic.Int64), new(atomic.Int64)
	var wg sync.WaitGroup
	for n := range 4 * clients {
		wg.Go(func() {
			for range 25 {
				i := n % clients
				path := []string{"/lean", "/std", "/cached", "/fixed"}[rand.IntN(4)] + fmt.Sprint("/", rand.IntN(6))
				ok, err := askMoody(t, transport, "http://"+s.addr+path, path, fmt.Sprint("client", i), tokens[i])
				if err != nil {
					t.Error(err)
					return
				}
				if ok {
					whole.Add(1)
				} else {
					broken.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if whole.Load() < broken.Load() || broken.Load() == 0 {
		t.Errorf("%d answers came to their end, %d did not: the upstream has lost its moods", whole.Load(), broken.Load())
	}
}

// askMoody makes a call, and sometimes does not wait for all of the answer. The error says that it was somebody else's.
func askMoody(t *testing.T, transport *http.Transport, url, path, client, token string) (whole bool, err error) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	method, sent := "GET", ""
	if rand.IntN(3) == 0 {
		method, sent = "POST", strings.Repeat(client, 1+rand.IntN(5000))
	}
	r, err := http.NewRequestWithContext(ctx, method, url, strings.NewReader(sent))
	if err != nil {
		return false, err
	}
	r.Header.Set("Authorization", "Bearer "+token)
	if rand.IntN(8) == 0 {
		time.AfterFunc(time.Duration(rand.IntN(5000))*time.Microsecond, cancel)
	}
	res, err := transport.RoundTrip(r)
	if err != nil {
		return false, nil //nolint:nilerr // a call that breaks off is no news here
	}
	defer res.Body.Close()
	text, broke := io.ReadAll(res.Body)
	if res.StatusCode == 502 {
		return false, nil
	}
	line := fmt.Sprintf("%s %s %s\n", client, path, sent)
	if res.StatusCode != 200 || res.Header.Get("X-For") != client+" "+path {
		return false, fmt.Errorf("%s %s of %s: %d for %q", method, path, client, res.StatusCode, res.Header.Get("X-For"))
	}
	for got := string(text); got != ""; {
		part := got[:min(len(got), len(line))]
		if !strings.HasPrefix(line, part) {
			return false, fmt.Errorf("%s %s of %s: was answered %.200q", method, path, client, part)
		}
		got = got[len(part):]
	}
	return broke == nil, nil
}
