// Package mail sends short texts to people: links that they asked for. It speaks SMTP (RFC 5321) to one server that the
// operator names, and keeps no queue: that is the server's business.
//
// It refuses to talk to another machine without TLS (RFC 8314 section 3: links in a mail are as good as passwords), and
// any address or subject that would begin a header of its own.
package mail

import (
	"context"
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"unicode/utf8"
)

// A Message is one mail to one person.
type Message struct {
	To      string // one address, without a name
	Subject string
	Text    string // plain text, lines ended by LF
}

// A Sender sends mails.
type Sender interface {
	// Send hands the message to the mail server. When it returns nil, the server has taken it.
	Send(ctx context.Context, m Message) error
}

// Limits of a message. What is longer was not written by us.
const (
	maxAddress = 254 // RFC 5321 section 4.5.3.1.3, without the angle brackets
	maxSubject = 200
	maxText    = 16 << 10
)

// CheckAddress says what is wrong with an e-mail address to which mail is to be sent: one address, nothing else.
func CheckAddress(address string) error {
	if len(address) > maxAddress {
		return fmt.Errorf("the address has %d bytes; the longest there can be has %d", len(address), maxAddress)
	}
	parsed, err := mail.ParseAddress(address)
	switch {
	case err != nil || !oneLine(address):
		return errors.New("the address is not an e-mail address; write it as name@example.org")
	case parsed.Address != address:
		return errors.New("the address has a name or comment around it; write name@example.org alone")
	}
	return nil
}

func (m Message) check() error {
	if err := CheckAddress(m.To); err != nil {
		return err
	}
	switch {
	case m.Subject == "" || len(m.Subject) > maxSubject || !oneLine(m.Subject):
		return fmt.Errorf("the subject must be one line of 1 to %d bytes", maxSubject)
	case m.Text == "" || len(m.Text) > maxText || !utf8.ValidString(m.Text) || strings.ContainsRune(m.Text, 0):
		return fmt.Errorf("the text must be 1 to %d bytes of UTF-8", maxText)
	}
	return nil
}

// oneLine reports whether a text can stand in a header: a line break would begin the next one.
func oneLine(s string) bool {
	if !utf8.ValidString(s) {
		return false
	}
	return strings.IndexFunc(s, func(r rune) bool { return r < 0x20 || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029 }) < 0
}
