package rig

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"time"
)

// A Conn is one keep-alive connection of the load generator. It speaks just enough HTTP/1.1 to be cheap, so that the
// generator is not what limits a run.
type Conn struct {
	c io.ReadWriter
	r *bufio.Reader

	body []byte
}

// Dial opens a connection.
func Dial(addr string) (*Conn, error) {
	c, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	conn := &Conn{c: c}
	conn.buffer()
	return conn, nil
}

func (c *Conn) buffer() { c.r = bufio.NewReaderSize(c.c, 8<<10) }

// Close closes the connection.
func (c *Conn) Close() {
	if closer, ok := c.c.(io.Closer); ok {
		_ = closer.Close()
	}
}

// Do sends a whole request and returns status and body. The body is valid until the next call.
func (c *Conn) Do(request []byte) (status int, body []byte, err error) {
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
		if len(name) == len("content-length") && bytes.EqualFold(name, []byte("content-length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, nil, err
			}
		}
	}
	if length < 0 {
		return 0, nil, fmt.Errorf("an answer without Content-Length")
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	c.body = c.body[:length]
	_, err = io.ReadFull(c.r, c.body)
	return status, c.body, err
}

// A Worker makes the next request of one connection from the answer to its last one.
type Worker func(last []byte) (request []byte, err error)

// Drive sends load over connections until the time is over and returns how many requests were answered with 200.
func Drive(ctx context.Context, addr string, connections int, length time.Duration, newWorker func(i int) (Worker, error)) (int64, error) {
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

func driveOne(ctx context.Context, addr string, next Worker) (n int64, err error) {
	c, err := Dial(addr)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	var body []byte
	for ctx.Err() == nil {
		request, err := next(body)
		if err != nil {
			return n, err
		}
		var status int
		status, body, err = c.Do(request)
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

// Always sends one request over and over.
func Always(request []byte) func(int) (Worker, error) {
	return func(int) (Worker, error) {
		return func([]byte) ([]byte, error) { return request, nil }, nil
	}
}

// InTurn sends each request of a list in turn; the connections begin at different places.
func InTurn(requests [][]byte) func(int) (Worker, error) {
	return func(i int) (Worker, error) {
		at := i * 7919 % len(requests)
		return func([]byte) ([]byte, error) {
			at = (at + 1) % len(requests)
			return requests[at], nil
		}, nil
	}
}

// DriveAll sends each request that comes through the channel once, and returns how many were answered with 200.
func DriveAll(ctx context.Context, addr string, connections int, requests <-chan []byte) (int64, error) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var total int64
	var first error
	for range connections {
		wg.Go(func() {
			n, err := driveRest(ctx, addr, requests)
			mu.Lock()
			defer mu.Unlock()
			total += n
			if first == nil {
				first = err
			}
		})
	}
	wg.Wait()
	return total, first
}

func driveRest(ctx context.Context, addr string, requests <-chan []byte) (n int64, err error) {
	c, err := Dial(addr)
	if err != nil {
		return 0, err
	}
	defer c.Close()
	for request := range requests {
		if ctx.Err() != nil {
			return n, ctx.Err()
		}
		status, body, err := c.Do(request)
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
