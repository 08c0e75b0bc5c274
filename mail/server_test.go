package mail_test

import (
	"bufio"
	"crypto/tls"
	"encoding/base64"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// A server is a mail server that says what it was told.
type server struct {
	addr     string
	secure   *tls.Config // its certificate is for example.com
	roots    *tls.Config // what a client checks it by
	starttls bool
	users    string // "user\x00password"; empty: anybody
	refuse   string // begins the commands that are refused

	mu    sync.Mutex // guards what follows
	heard []string   // commands
	mails []string
	plain int // commands AUTH and DATA that came without TLS
}

func serve(t *testing.T, implicit, starttls bool) *server {
	t.Helper()
	https := httptest.NewTLSServer(nil)
	t.Cleanup(https.Close)
	s := &server{secure: &tls.Config{Certificates: https.TLS.Certificates}, starttls: starttls}
	s.roots = &tls.Config{RootCAs: https.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = ln.Addr().String()
	var all sync.WaitGroup
	t.Cleanup(func() { _ = ln.Close(); all.Wait() })
	all.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
				s.talk(conn, implicit)
			})
		}
	})
	return s
}

func (s *server) talk(conn net.Conn, secure bool) {
	if secure {
		conn = tls.Server(conn, s.secure)
	}
	in := bufio.NewReader(conn)
	say := func(lines ...string) { _, _ = conn.Write([]byte(strings.Join(lines, "\r\n") + "\r\n")) }
	say("220 example.com here")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, rest, _ := strings.Cut(line, " ")
		s.note(line, !secure && (verb == "AUTH" || verb == "DATA"))
		switch {
		case s.refuse != "" && strings.HasPrefix(line, s.refuse):
			say("550 no")
		case verb == "EHLO":
			lines := []string{"250-example.com"}
			if s.starttls && !secure {
				lines = append(lines, "250-STARTTLS")
			}
			say(append(lines, "250 AUTH PLAIN")...)
		case verb == "STARTTLS":
			say("220 go on")
			conn, secure = tls.Server(conn, s.secure), true
			in = bufio.NewReader(conn)
		case verb == "AUTH":
			raw, _ := base64.StdEncoding.DecodeString(strings.TrimPrefix(rest, "PLAIN "))
			if string(raw) != "\x00"+s.users {
				say("535 no")
				continue
			}
			say("235 ok")
		case verb == "DATA":
			say("354 go on")
			s.take(in)
			say("250 taken")
		case verb == "QUIT":
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

func (s *server) note(line string, plain bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = append(s.heard, line)
	if plain {
		s.plain++
	}
}

func (s *server) take(in *bufio.Reader) {
	var b strings.Builder
	for {
		line, err := in.ReadString('\n')
		if err != nil || line == ".\r\n" {
			break
		}
		b.WriteString(line)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, b.String())
}

func (s *server) told() (heard, mails []string, plain int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string(nil), s.heard...), append([]string(nil), s.mails...), s.plain
}
