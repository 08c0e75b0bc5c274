package attacks_test

import (
	"bufio"
	"fmt"
	"io"
	"mime/quotedprintable"
	"net"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A mailbox is a mail server that gives everything to the test.
type mailbox struct {
	addr string
	got  chan string
}

// receive starts a mail server (RFC 5321) that knows no more than it has to.
func receive(t testing.TB) *mailbox {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	m := &mailbox{addr: l.Addr().String(), got: make(chan string, 64)}
	go func() { // ends with the listener
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go m.serve(c)
		}
	}()
	return m
}

func (m *mailbox) serve(c net.Conn) {
	defer c.Close()
	r := bufio.NewReader(c)
	say := func(line string) { fmt.Fprintf(c, "%s\r\n", line) }
	say("220 mail.example.org")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch verb := strings.ToUpper(strings.TrimSpace(line)); {
		case strings.HasPrefix(verb, "DATA"):
			say("354 go on")
			var text strings.Builder
			for {
				line, err := r.ReadString('\n')
				if err != nil || line == ".\r\n" {
					break
				}
				text.WriteString(line)
			}
			m.got <- text.String()
			say("250 ok")
		case strings.HasPrefix(verb, "QUIT"):
			say("221 bye")
			return
		default:
			say("250 ok")
		}
	}
}

var mailedLink = regexp.MustCompile(`https?://\S+`)

// link waits for the next mail to a recipient and returns it with the address in it.
func (m *mailbox) link(t testing.TB, to string) (text, link string) {
	t.Helper()
	for {
		select {
		case raw := <-m.got:
			head, body, _ := strings.Cut(raw, "\r\n\r\n")
			plain, err := io.ReadAll(quotedprintable.NewReader(strings.NewReader(body)))
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(head, to) {
				return raw, mailedLink.FindString(string(plain))
			}
		case <-time.After(10 * time.Second):
			t.Fatalf("no mail for %s", to)
		}
	}
}
