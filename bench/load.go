package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strconv"
	"sync"
	"time"
)

// A conn is one keep-alive connection of the load generator. It speaks just enough HTTP/1.1 to be cheap, so that the
// generator is not what limits a run.
type conn struct {
	c net.Conn
	r *bufio.Reader
}

func dial(addr string) (*conn, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	return &conn{c: c, r: bufio.NewReaderSize(c, 8<<10)}, nil
}

// do sends a whole request and returns status and body. The body is valid until the next call.
func (c *conn) do(request []byte) (status int, body []byte, err error) {
	if _, err = c.c.Write(request); err != nil {
		return 0, nil, err
	}
	line, err := c.r.ReadSlice('\n')
	if err != nil {
		return 0, nil, err
	}
	if len(line) < 12 {
		return 0, nil, fmt.Errorf("bad status line %q", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, nil, err
	}
	length := -1
	for {
		line, err = c.r.ReadSlice('\n')
		if err != nil {
			return 0, nil, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		if textproto.CanonicalMIMEHeaderKey(string(name)) == "Content-Length" {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, nil, err
			}
		}
	}
	if length < 0 {
		return 0, nil, fmt.Errorf("an answer without Content-Length")
	}
	body = make([]byte, length)
	_, err = io.ReadFull(c.r, body)
	return status, body, err
}

// A worker makes the next request of one connection from the answer to its last one.
type worker func(last []byte) (request []byte, err error)

// drive sends load over connections until the time is over and returns how many requests were answered with 200.
func drive(ctx context.Context, addr string, connections int, length time.Duration, newWorker func(i int) (worker, error)) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, length)
	defer cancel()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var total int64
	var first error
	for i := range connections {
		next, err := newWorker(i)
		if err != nil {
			return 0, err
		}
		wg.Go(func() {
			n, err := driveOne(ctx, addr, next)
			mu.Lock()
			defer mu.Unlock()
			total += n
			if err != nil && first == nil {
				first = err
				cancel()
			}
		})
	}
	wg.Wait()
	return total, first
}

func driveOne(ctx context.Context, addr string, next worker) (n int64, err error) {
	c, err := dial(addr)
	if err != nil {
		return 0, err
	}
	defer c.c.Close()
	var body []byte
	for ctx.Err() == nil {
		request, err := next(body)
		if err != nil {
			return n, err
		}
		var status int
		status, body, err = c.do(request)
		if err != nil {
			return n, err
		}
		if status != 200 {
			return n, fmt.Errorf("status %d: %.300s", status, body)
		}
		n++
	}
	return n, nil
}
