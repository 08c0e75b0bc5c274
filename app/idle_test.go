package app_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sallyport/realm"
)

// A memListener is a listener within the process: a hundred thousand connections need no descriptors.
type memListener struct {
	connections chan net.Conn
	once        sync.Once
	closed      chan struct{}
}

func newMemListener() *memListener {
	return &memListener{connections: make(chan net.Conn), closed: make(chan struct{})}
}

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.connections:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *memListener) Close() error {
	l.once.Do(func() { close(l.closed) })
	return nil
}

func (l *memListener) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

// dial connects; the server is not asked to read before something is written.
func (l *memListener) dial() (*memConn, error) {
	c := &memConn{toServer: make(chan []byte, 1), closed: make(chan struct{}), expired: make(chan struct{})}
	select {
	case l.connections <- (*memServerConn)(c):
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

// A memConn is the client's end of a connection: what it writes the server reads. It takes little memory, so that what is
// measured is the server's.
type memConn struct {
	toServer chan []byte
	closed   chan struct{}
	once     sync.Once
	rest     []byte // of what the server has begun to read

	mu      sync.Mutex    // guards what follows
	answer  []byte        // what the server wrote
	timer   *time.Timer   // of the deadline of the server's reads
	expired chan struct{} // closed when it passes
}

func (c *memConn) write(p []byte) { c.toServer <- p }

func (c *memConn) end() { c.once.Do(func() { close(c.closed) }) }

// take returns what the server has written since.
func (c *memConn) take() []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	p := c.answer
	c.answer = nil
	return p
}

// A memServerConn is the server's end.
type memServerConn memConn

func (c *memServerConn) Read(p []byte) (int, error) {
	c.mu.Lock()
	expired := c.expired
	c.mu.Unlock()
	if len(c.rest) > 0 { // net/http reads from one goroutine at a time
		n := copy(p, c.rest)
		c.rest = c.rest[n:]
		return n, nil
	}
	select {
	case data := <-c.toServer:
		n := copy(p, data)
		c.rest = data[n:]
		return n, nil
	case <-expired:
		return 0, os.ErrDeadlineExceeded
	case <-c.closed:
		return 0, io.EOF
	}
}

func (c *memServerConn) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = append(c.answer, p...)
	return len(p), nil
}

func (c *memServerConn) Close() error { (*memConn)(c).end(); return nil }
func (c *memServerConn) LocalAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80}
}
func (c *memServerConn) RemoteAddr() net.Addr {
	return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1}
}

func (c *memServerConn) SetDeadline(t time.Time) error    { return c.SetReadDeadline(t) }
func (c *memServerConn) SetWriteDeadline(time.Time) error { return nil }

// SetReadDeadline also ends a read that has begun, as net/http wants it.
func (c *memServerConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer != nil && !c.timer.Stop() {
		<-c.expired // it has fired, and closes the channel just now
	}
	c.timer = nil
	select {
	case <-c.expired:
		c.expired = make(chan struct{})
	default:
	}
	if t.IsZero() {
		return nil
	}
	expired := c.expired
	if left := time.Until(t); left > 0 {
		c.timer = time.AfterFunc(left, func() { close(expired) })
	} else {
		close(expired)
	}
	return nil
}

// TestIdleConnections holds many connections that have been served and wait, and looks at what they cost, whether others are
// served meanwhile, and whether all of it is given back.
func TestIdleConnections(t *testing.T) {
	many := 100_000
	if raceEnabled {
		many = 1_000 // the race detector cannot follow more than 8,128 goroutines
	}
	before, goroutines := memory(), runtime.NumGoroutine()
	l := newMemListener()
	c := quiet(t)
	c.ListenOn = func(string, string) (net.Listener, error) { return l, nil }
	c.IdleTimeout = realm.Duration(10 * time.Minute)
	s := serve(t, c, "realm: default")
	request := []byte("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
	idle := make([]*memConn, many)
	var next atomic.Int64
	var workers sync.WaitGroup
	for range 4 {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(many); i = next.Add(1) - 1 {
				conn, err := l.dial()
				if err != nil {
					t.Error(err)
					return
				}
				idle[i] = conn
				conn.write(request)
			}
		})
	}
	workers.Wait()
	within(t, 60*time.Second, "all are served", func() bool {
		for ; len(idle) > 0 && served(idle[len(idle)-1]); idle = idle[:len(idle)-1] {
		}
		return len(idle) == 0
	})
	idle = idle[:many]
	after := memory()
	each := float64(after-before) / float64(many)
	t.Logf("%d idle connections take %.0f MiB, %.1f KiB each", many, float64(after-before)/(1<<20), each/1024)
	if after-before > 3<<30 {
		t.Errorf("they take %d MiB", (after-before)>>20)
	}
	if !raceEnabled && each > 24<<10 {
		t.Errorf("each takes %.0f bytes", each)
	}

	start := time.Now()
	conn, err := l.dial()
	if err != nil {
		t.Fatal(err)
	}
	conn.write(request)
	within(t, 5*time.Second, "another is served", func() bool { return served(conn) })
	idle[many/2].write(request)
	within(t, 5*time.Second, "one that waited is served again", func() bool { return served(idle[many/2]) })
	t.Logf("two more were served after %v", time.Since(start))

	s.stop()
	if err := <-s.done; err != nil {
		t.Error(err)
	}
	for i, conn := range idle {
		select {
		case <-conn.closed:
		default:
			t.Fatalf("connection %d is still open after the end", i)
		}
	}
	within(t, 20*time.Second, "their goroutines end", func() bool { return runtime.NumGoroutine() <= goroutines+10 })
}

// served reports whether a whole answer has come, and takes it.
func served(c *memConn) bool {
	answer := c.take()
	if answer == nil {
		return false
	}
	response, err := http.ReadResponse(bufio.NewReader(bytes.NewReader(answer)), nil)
	return err == nil && response.StatusCode == http.StatusOK
}

// memory is what is in use: heap and stacks.
func memory() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// TestIdleConnectionsEnd: who says nothing for idle_timeout is not waited for.
func TestIdleConnectionsEnd(t *testing.T) {
	l := newMemListener()
	c := quiet(t)
	c.ListenOn = func(string, string) (net.Listener, error) { return l, nil }
	c.IdleTimeout, c.ReadHeaderTimeout = realm.Duration(100*time.Millisecond), realm.Duration(100*time.Millisecond)
	serve(t, c, "realm: default")
	var all []*memConn
	for i := range 200 {
		conn, err := l.dial()
		if err != nil {
			t.Fatal(err)
		}
		switch i % 3 {
		case 0: // says nothing at all
		case 1:
			conn.write([]byte("GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"))
		case 2:
			conn.write([]byte("GET /healthz HTTP/1.1\r\nHo"))
		}
		all = append(all, conn)
	}
	within(t, 10*time.Second, "all are closed", func() bool {
		for _, conn := range all {
			select {
			case <-conn.closed:
			default:
				return false
			}
		}
		return true
	})
	for i, conn := range all {
		if got := served(conn); got != (i%3 == 1) {
			t.Errorf("connection %d: served %v", i, got)
		}
	}
}
