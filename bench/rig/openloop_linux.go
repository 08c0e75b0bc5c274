package rig

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// Latencies are the times from when a request was due to the end of its answer, sorted.
type Latencies []time.Duration

// At returns the latency below which the share q of the requests lay.
func (l Latencies) At(q float64) time.Duration {
	if len(l) == 0 {
		return 0
	}
	return l[min(len(l)-1, int(q*float64(len(l))))]
}

// OpenLoop sends requests at a constant rate, whether or not the server keeps up, as independent callers would. A request
// that had to wait for a free connection is late from the moment it was due: a server that stalls is not spared the
// requests that would have come meanwhile (coordinated omission).
//
// Each connection is a thread with a blocking socket: the timers of Go's scheduler are a millisecond coarse when a process
// is otherwise idle, which is more than what is measured here.
func OpenLoop(ctx context.Context, addr string, connections int, rate float64, length time.Duration, request []byte) (Latencies, error) {
	ctx, cancel := context.WithTimeout(ctx, length+5*time.Second)
	defer cancel()
	total := int64(rate * length.Seconds())
	var next atomic.Int64
	var wg sync.WaitGroup
	all := make([]Latencies, connections)
	errs := make([]error, connections)
	start := time.Now().Add(20 * time.Millisecond)
	for i := range connections {
		wg.Go(func() {
			all[i], errs[i] = openLoopOne(ctx, addr, request, func() (time.Time, bool) {
				n := next.Add(1) - 1
				return start.Add(time.Duration(float64(n) / rate * float64(time.Second))), n < total && ctx.Err() == nil
			})
		})
	}
	wg.Wait()
	merged := slices.Concat(all...)
	slices.Sort(merged)
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	if int64(len(merged)) < total {
		return nil, fmt.Errorf("only %d of %d requests were answered in time: the rate is too high for this server", len(merged), total)
	}
	return merged, nil
}

func openLoopOne(ctx context.Context, addr string, request []byte, due func() (time.Time, bool)) (Latencies, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const setTimerSlack = 29 // prctl(2), Linux: sleep as exactly as the machine can
	_, _, _ = syscall.RawSyscall(syscall.SYS_PRCTL, setTimerSlack, 1, 0)
	s, err := dialBlocking(addr)
	if err != nil {
		return nil, err
	}
	defer syscall.Close(int(s))
	c := &Conn{c: s}
	c.buffer()
	var out Latencies
	for {
		at, more := due()
		if !more {
			return out, nil
		}
		if wait := time.Until(at); wait > 0 {
			t := syscall.NsecToTimespec(int64(wait))
			_ = syscall.Nanosleep(&t, nil) // a signal ends it early, which is no harm
		}
		status, body, err := c.Do(request)
		if err != nil {
			return nil, err
		}
		if status != 200 {
			return nil, fmt.Errorf("status %d: %.200s", status, body)
		}
		out = append(out, time.Since(at))
	}
}

// A socket is a TCP connection outside of Go's poller.
type socket int

func dialBlocking(addr string) (socket, error) {
	a, err := net.ResolveTCPAddr("tcp4", addr)
	if err != nil {
		return 0, err
	}
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		return 0, err
	}
	to := &syscall.SockaddrInet4{Port: a.Port, Addr: [4]byte(a.IP.To4())}
	if err := syscall.Connect(fd, to); err != nil {
		_ = syscall.Close(fd)
		return 0, err
	}
	return socket(fd), syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1)
}

// Read implements io.Reader.
func (s socket) Read(p []byte) (int, error) {
	for {
		n, err := syscall.Read(int(s), p)
		switch {
		case err == syscall.EINTR:
			continue
		case err == nil && n == 0:
			return 0, errors.New("the server closed the connection")
		}
		return max(n, 0), err
	}
}

// Write implements io.Writer.
func (s socket) Write(p []byte) (int, error) {
	for done := 0; done < len(p); {
		n, err := syscall.Write(int(s), p[done:])
		if err == syscall.EINTR {
			continue
		}
		if err != nil {
			return done, err
		}
		done += n
	}
	return len(p), nil
}
