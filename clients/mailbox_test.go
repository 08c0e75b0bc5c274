//go:build clients

package clients_test

import (
	"bufio"
	"fmt"
	"io"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A mailbox is a mail server on this machine that takes every mail.
type mailbox struct {
	url   string
	mails chan string
}

func newMailbox(t *testing.T) *mailbox {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	m := &mailbox{"smtp://" + l.Addr().String(), make(chan string, 16)}
	go func() { // ends when the listener is closed
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go m.talk(c)
		}
	}()
	return m
}

// talk is the server's side of SMTP (RFC 5321), no more of it than one sender needs.
func (m *mailbox) talk(c net.Conn) {
	defer c.Close()
	in := bufio.NewReader(c)
	fmt.Fprint(c, "220 mailbox\r\n")
	for {
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		switch verb := strings.ToUpper(line[:min(len(line), 4)]); verb {
		case "QUIT":
			fmt.Fprint(c, "221 bye\r\n")
			return
		case "DATA":
			fmt.Fprint(c, "354 go on\r\n")
			var text strings.Builder
			for line != ".\r\n" {
				if line, err = in.ReadString('\n'); err != nil {
					return
				}
				text.WriteString(line)
			}
			m.mails <- text.String()
			fmt.Fprint(c, "250 taken\r\n")
		default:
			fmt.Fprint(c, "250 mailbox\r\n")
		}
	}
}

var linkInMail = regexp.MustCompile(`https://\S+`)

// link is the address in the next mail, which is for somebody.
func (m *mailbox) link(t *testing.T, to string) string {
	t.Helper()
	select {
	case text := <-m.mails:
		letter, err := mail.ReadMessage(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		body := io.Reader(letter.Body)
		if strings.EqualFold(letter.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
			body = quotedprintable.NewReader(body)
		}
		words, err := io.ReadAll(body)
		link := linkInMail.FindString(string(words))
		if err != nil || !strings.Contains(letter.Header.Get("To"), to) || link == "" {
			t.Fatalf("the mail is\n%s\n%v", text, err)
		}
		return link
	case <-time.After(20 * time.Second):
		t.Fatal("no mail came")
		return ""
	}
}
