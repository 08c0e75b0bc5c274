package upstream_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"sallyport/api"
	"sallyport/gateway/upstream"
	"sallyport/policy"
	"sallyport/realm"
)

func refused(context.Context, string, string) (net.Conn, error) {
	return nil, errors.New("connection refused")
}

// servers answers on connections in memory, so that the time in a synctest bubble does not stand still for the network.
type servers struct {
	mu      sync.Mutex
	answer  map[string]string // by address; "" hangs, and no entry refuses the connection
	asked   map[string]int
	request *http.Request // the last
}

func newServers(answers map[string]string) *servers {
	return &servers{answer: answers, asked: map[string]int{}}
}

func (s *servers) set(addr, answer string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer[addr] = answer
}

func (s *servers) last() *http.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.request
}

func (s *servers) count(addr string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[addr]
}

func (s *servers) dial(_ context.Context, _, addr string) (net.Conn, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked[addr]++
	answer, ok := s.answer[addr]
	if !ok {
		return nil, errors.New("connection refused")
	}
	ours, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		r, err := http.ReadRequest(bufio.NewReader(theirs))
		if err != nil {
			return
		}
		s.mu.Lock()
		s.request = r
		s.mu.Unlock()
		if answer == "" {
			_, _ = theirs.Read(make([]byte, 1)) // until they hang up
			return
		}
		_, _ = theirs.Write([]byte(answer))
	}()
	return ours, nil
}

const (
	ok          = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
	unavailable = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
)

// checked returns an API with targets h0:80 and h1:80 whose health is asked for every ten seconds.
func checked() *api.API {
	a := balanced(api.BalanceRoundRobin, 1, 1)
	a.Health = api.Health{Path: "/healthz?deep=1"}
	return a
}

func TestHealthTakesOutAndBringsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServers(map[string]string{"h0:80": ok, "h1:80": ok})
		m := newManager(t, upstream.Config{Dial: s.dial})
		g := group(t, m, checked())
		up := func(want0, want1 bool) {
			t.Helper()
			synctest.Wait()
			if got := g.States(); got[0].Up != want0 || got[1].Up != want1 {
				t.Fatalf("up: %v and %v, want %v and %v", got[0].Up, got[1].Up, want0, want1)
			}
		}
		up(true, true)               // before anybody has asked
		time.Sleep(time.Second + 1)  // the first check is within a second
		s.set("h1:80", unavailable)  //
		time.Sleep(20 * time.Second) // two have failed
		up(true, true)               //
		time.Sleep(10 * time.Second) // the third
		up(true, false)              //
		if s := g.States()[1]; s.Cause != "it answered 503" || !s.Checked || s.Healthy {
			t.Errorf("state %+v", s)
		}
		for range 10 {
			if got := pick(t, g, ""); got.Host != "h0" {
				t.Fatalf("picked %v, which is down", got)
			}
		}
		s.set("h1:80", ok)
		time.Sleep(10 * time.Second) // one has passed
		up(true, false)
		time.Sleep(10 * time.Second)
		up(true, true)
		if cause := g.States()[1].Cause; cause != "" {
			t.Errorf("cause %q of a server that is well", cause)
		}
		if n := s.count("h0:80"); n != 6 {
			t.Errorf("asked %d times in 51 seconds, want 6", n)
		}
		if r := s.last(); r.Method != "GET" || r.RequestURI != "/healthz?deep=1" || !strings.HasPrefix(r.Host, "h") || r.UserAgent() != "sallyport-health" {
			t.Errorf("request %s %s, Host %s, by %s", r.Method, r.RequestURI, r.Host, r.UserAgent())
		}
	})
}

func TestHealthFlapsAreNotInARow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServers(map[string]string{"h0:80": unavailable, "h1:80": ok})
		a := checked()
		a.Health.Fails, a.Health.Passes, a.Health.Every = 2, 3, realm.Duration(time.Second)
		g := group(t, newManager(t, upstream.Config{Dial: s.dial, Rand: func() uint64 { return 0 }}), a)
		time.Sleep(time.Millisecond)
		for i := range 30 { // one fails, one passes …
			answer := ok
			if i%2 == 1 {
				answer = unavailable
			}
			s.set("h0:80", answer)
			time.Sleep(time.Second)
			if !g.States()[0].Up {
				t.Fatal("down, though it never failed twice in a row")
			}
		}
		s.set("h0:80", unavailable)
		time.Sleep(2 * time.Second)
		for i := range 30 { // two pass, one fails …
			answer := ok
			if i%3 == 2 {
				answer = unavailable
			}
			s.set("h0:80", answer)
			time.Sleep(time.Second)
			if g.States()[0].Up {
				t.Fatal("up, though it never passed three times in a row")
			}
		}
	})
}

func TestWhatIsHealthy(t *testing.T) {
	for _, test := range []struct {
		name, answer string
		status       int
		cause        string // "": healthy
	}{
		{"204", "HTTP/1.1 204 No Content\r\n\r\n", 0, ""},
		{"a redirect is not followed", "HTTP/1.1 302 Found\r\nLocation: http://elsewhere/\r\nContent-Length: 0\r\n\r\n", 0, ""},
		{"404", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 0, "it answered 404"},
		{"404 as asked for", "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", 404, ""},
		{"200 where another is asked for", ok, 204, "it answered 200, not 204"},
		{"a body without end", "HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\nmore to come", 0, ""},
		{"no HTTP", "SSH-2.0-OpenSSH\r\n", 0, "malformed HTTP"},
		{"a head without end", "HTTP/1.1 200 OK\r\nA: " + strings.Repeat("a", 1<<20), 0, "exceeded"},
		{"hangs", "", 0, "no answer within 2s"},
		{"hangs up", "\x00", 0, "malformed HTTP"},
		{"refuses", "refused", 0, "connection refused"},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newServers(map[string]string{"h0:80": test.answer})
				if test.answer == "refused" {
					delete(s.answer, "h0:80")
				}
				a := balanced("", 1)
				a.Health = api.Health{Path: "/", Fails: 1, Status: test.status}
				g := group(t, newManager(t, upstream.Config{Dial: s.dial}), a)
				time.Sleep(4 * time.Second)
				state := g.States()[0]
				if healthy := test.cause == ""; state.Healthy != healthy || !strings.Contains(state.Cause, test.cause) || (state.Cause == "") != healthy {
					t.Fatalf("state %+v, want cause %q", state, test.cause)
				}
				if test.cause == "" {
					pick(t, g, "")
				} else {
					_, err := g.Pick(caller, "", nil)
					r := wantRefusal(t, err, 503, policy.Refusal{Reason: policy.NoHealthyTarget})
					if r.RetryAfter != 10*time.Second || !strings.Contains(r.Facts[0].Value, test.cause) {
						t.Errorf("refusal %+v", r)
					}
				}
				s.mu.Lock()
				defer s.mu.Unlock()
				if len(s.asked) != 1 {
					t.Errorf("asked %v", s.asked)
				}
			})
		})
	}
}

// A server that answers late is asked as often as others, and a slow answer is not two.
func TestHealthRhythm(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServers(map[string]string{"h0:80": ""})
		a := balanced("", 1)
		a.Health = api.Health{Path: "/", Every: realm.Duration(3 * time.Second), Timeout: realm.Duration(2500 * time.Millisecond)}
		g := group(t, newManager(t, upstream.Config{Dial: s.dial}), a)
		time.Sleep(61 * time.Second)
		if n := s.count("h0:80"); n < 20 || n > 21 {
			t.Errorf("asked %d times in 61 seconds, want every three", n)
		}
		if g.States()[0].Up {
			t.Error("up")
		}
	})
}

// Two APIs with the same server and the same questions ask once; the last to go ends it.
func TestHealthIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServers(map[string]string{"h0:80": ok, "h1:80": ok})
		m := newManager(t, upstream.Config{Dial: s.dial})
		a, b, c := checked(), checked(), checked()
		b.Name, b.Targets = "b", []api.Target{{URL: "http://h0/below"}}
		c.Name, c.Host = "c", "other.example"
		gb := group(t, m, b)
		keep := []*upstream.Group{group(t, m, a), gb}
		time.Sleep(time.Minute)
		if n := s.count("h0:80"); n != 6 {
			t.Errorf("asked %d times in a minute, want 6", n)
		}
		group(t, m, c)
		time.Sleep(time.Minute)
		if n := s.count("h0:80"); n != 12 {
			t.Errorf("asked %d times in two minutes, want 12: the API's own host is not the target's", n)
		}
		m.Sweep(keep)
		m.Sweep([]*upstream.Group{gb})
		time.Sleep(time.Minute)
		if n, n1 := s.count("h0:80"), s.count("h1:80"); n != 18 || n1 != 12 {
			t.Errorf("asked %d and %d times in three minutes, want 18, and 12 for the one that nobody needs in the third", n, n1)
		}
		m.Sweep(nil)
		time.Sleep(time.Minute)
		if n := s.count("h0:80"); n != 18 {
			t.Errorf("asked %d times, though nobody needs it any more", n)
		}
		group(t, m, a) // and begins anew
		time.Sleep(time.Minute)
		if n := s.count("h0:80"); n != 24 {
			t.Errorf("asked %d times, want 24", n)
		}
	})
}

// A change of the API that leaves the checks alone is not a fresh start for a server that is down.
func TestHealthOutlivesAChange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServers(map[string]string{"h0:80": ok})
		m := newManager(t, upstream.Config{Dial: s.dial})
		group(t, m, checked())
		time.Sleep(time.Minute)
		a := checked()
		a.Targets[1].Weight = 5
		g := group(t, m, a)
		m.Sweep([]*upstream.Group{g})
		if s := g.States(); !s[0].Up || s[1].Up {
			t.Errorf("after the change: %+v", s)
		}
	})
}

func TestHealthAsksForTheHostThatCallsHave(t *testing.T) {
	for _, test := range []struct{ host, want string }{{"", "h0"}, {"inner.example", "inner.example"}, {"caller", "h0"}} {
		synctest.Test(t, func(t *testing.T) {
			s := newServers(map[string]string{"h0:80": ok})
			a := balanced("", 1)
			a.Health.Path, a.Upstreams.Host = "/", test.host
			group(t, newManager(t, upstream.Config{Dial: s.dial}), a)
			time.Sleep(2 * time.Second)
			if got := s.last().Host; got != test.want {
				t.Errorf("upstream_host %q: asked for %q, want %q", test.host, got, test.want)
			}
		})
	}
}

func TestCloseEndsChecks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // which fails if a goroutine is left
		s := newServers(map[string]string{"h0:80": "", "h1:80": ok})
		m := newManager(t, upstream.Config{Dial: s.dial})
		g := group(t, m, checked())
		time.Sleep(1100 * time.Millisecond) // one request hangs
		m.Close()
		group(t, m, balanced("", 1))
		late := checked()
		late.Name = "late"
		group(t, m, late)
		before := s.count("h0:80")
		time.Sleep(time.Minute)
		if n := s.count("h0:80"); n != before {
			t.Errorf("asked %d more times after Close", n-before)
		}
		pick(t, g, "")
	})
}

// TestHealthOverTheNetwork: what connections in memory do not show.
func TestHealthOverTheNetwork(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	protocols := new(http.Protocols)
	for _, test := range []struct {
		name       string
		http2, tls bool
		want       string // protocol
	}{
		{"plain", false, false, "HTTP/1.1"},
		{"HTTP/2 without TLS", true, false, "HTTP/2.0"},
		{"TLS", false, true, "HTTP/2.0"},
		{"TLS, HTTP/2 asked for", true, true, "HTTP/2.0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := make(chan string, 100)
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Proto }))
			protocols.SetHTTP1(!test.http2)
			protocols.SetUnencryptedHTTP2(test.http2)
			if test.tls {
				server.EnableHTTP2 = true
				server.StartTLS()
			} else {
				server.Config.Protocols = protocols
				server.Start()
			}
			defer server.Close()
			c := upstream.Config{}
			if test.tls {
				c.TLS = server.Client().Transport.(*http.Transport).TLSClientConfig
			}
			a := &api.API{Name: "a", Upstream: server.URL}
			a.HTTP2 = test.http2
			a.Health = api.Health{Path: "/", Fails: 1, Every: realm.Duration(10 * time.Millisecond)}
			g := group(t, newManager(t, c), a)
			for range 3 {
				select {
				case proto := <-got:
					if proto != test.want {
						t.Fatalf("asked by %s, want %s", proto, test.want)
					}
				case <-time.After(10 * time.Second):
					t.Fatalf("nobody asks: %+v", g.States())
				}
			}
			if s := g.States()[0]; !s.Up || s.Cause != "" {
				t.Errorf("state %+v", s)
			}
		})
	}
}

// Ejection is a guess from a few calls: when the others' servers are down, who is ejected and would be back first is tried
// all the same. Who is down himself never is.
func TestEjectedIsBetterThanDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newServers(map[string]string{"h0:80": ok, "h1:80": ok, "h2:80": ok, "h3:80": ok})
		a := balanced(api.BalanceRoundRobin, 1, 1, 1, 1)
		a.Health = api.Health{Path: "/", Fails: 1, Every: realm.Duration(time.Second)}
		a.Eject = api.Eject{Fails: 1, For: realm.Duration(time.Hour)}
		g := group(t, newManager(t, upstream.Config{Dial: s.dial}), a)
		targets := targetsOf(t, g)
		end(g, targets[2], 500, nil)
		time.Sleep(time.Minute)
		end(g, targets[1], 500, nil)
		s.set("h0:80", unavailable)
		s.set("h3:80", unavailable)
		time.Sleep(3 * time.Second)
		for range 5 {
			if got := pick(t, g, ""); got != targets[2] {
				t.Fatalf("picked %v, want the one that is back first", got)
			}
		}
		s.set("h2:80", unavailable)
		time.Sleep(3 * time.Second)
		if got := pick(t, g, ""); got != targets[1] {
			t.Errorf("picked %v, want the only one that is not down", got)
		}
		s.set("h1:80", unavailable)
		time.Sleep(3 * time.Second)
		_, err := g.Pick(caller, "", nil)
		wantRefusal(t, err, 503, policy.Refusal{Reason: policy.NoHealthyTarget})
	})
}
