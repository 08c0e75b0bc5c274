package mail_test

import (
	"net"
	"strings"
	"testing"

	"sallyport/mail"
)

var message = mail.Message{To: "dory@example.org", Subject: "Zurücksetzen: 重設密碼", Text: "Hello.\n.\nhttps://example.org/signin/password?ticket=abc\n"}

func sender(t *testing.T, c mail.Config) *mail.SMTP {
	t.Helper()
	s, err := mail.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSend(t *testing.T) {
	for _, tt := range []struct {
		name               string
		url                string
		implicit, starttls bool
		users              string
		fails              bool
	}{
		{name: "on this machine", url: "smtp://ADDR"},
		{name: "on this machine, with a password", url: "smtp://me:p%40ss@ADDR", users: "me\x00p@ss"},
		{name: "on this machine, with another password", url: "smtp://me:wrong@ADDR", users: "me\x00p@ss", fails: true},
		{name: "elsewhere, by STARTTLS", url: "smtp://example.com", starttls: true},
		{name: "elsewhere, by STARTTLS, with a password", url: "smtp://me:pass@example.com:587", starttls: true, users: "me\x00pass"},
		{name: "elsewhere, without TLS", url: "smtp://me:pass@example.com", users: "me\x00pass", fails: true},
		{name: "elsewhere, TLS from the beginning", url: "smtps://me:pass@example.com", implicit: true, users: "me\x00pass"},
		{name: "elsewhere, the certificate of another", url: "smtps://mail.example.org", implicit: true, fails: true},
		{name: "elsewhere, the certificate of another, by STARTTLS", url: "smtp://mail.example.org", starttls: true, fails: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			srv := serve(t, tt.implicit, tt.starttls)
			srv.users = tt.users
			s := sender(t, mail.Config{URL: strings.Replace(tt.url, "ADDR", srv.addr, 1), From: "Sallyport <no-reply@example.org>", TLS: srv.roots})
			if !strings.Contains(tt.url, "ADDR") {
				mail.DialTo(s, srv.addr)
			}
			err := s.Send(t.Context(), message)
			heard, mails, plain := srv.told()
			if tt.fails {
				if err == nil || len(mails) != 0 {
					t.Errorf("sent: %v %q", err, heard)
				}
				if !strings.Contains(tt.url, "ADDR") && plain != 0 {
					t.Errorf("told in plain text: %q", heard)
				}
				return
			}
			if err != nil || len(mails) != 1 {
				t.Fatalf("%v: %q", err, heard)
			}
			if !strings.Contains(tt.url, "ADDR") && plain != 0 {
				t.Errorf("told in plain text: %q", heard)
			}
			for _, want := range []string{
				"From: \"Sallyport\" <no-reply@example.org>\r\n", "To: <dory@example.org>\r\n", "=?UTF-8?q?Zur=C3=BCcksetzen", "Auto-Submitted: auto-generated\r\n",
				"@example.org>\r\n", "Date: ", "\r\nHello.\r\n..\r\nhttps://example.org/signin/password?ticket=3Dabc\r\n",
			} {
				if !strings.Contains(mails[0], want) {
					t.Errorf("no %q in\n%s", want, mails[0])
				}
			}
			if strings.Contains(mails[0], "go-mail") {
				t.Errorf("it tells by what it was made:\n%s", mails[0])
			}
		})
	}
}

func TestWhatTheServerRefuses(t *testing.T) {
	for _, refuse := range []string{"MAIL", "RCPT", "DATA"} {
		srv := serve(t, false, false)
		srv.refuse = refuse
		err := sender(t, mail.Config{URL: "smtp://" + srv.addr, From: "a@example.org"}).Send(t.Context(), message)
		if _, mails, _ := srv.told(); err == nil || len(mails) != 0 {
			t.Errorf("%s refused, and sent: %v", refuse, err)
		}
	}
}

func TestNobodyListens(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := ln.Addr().String()
	_ = ln.Close()
	if err := sender(t, mail.Config{URL: "smtp://" + addr, From: "a@example.org"}).Send(t.Context(), message); err == nil {
		t.Error("sent")
	}
}

// Nothing that comes from outside can add a header, a recipient or a command.
func TestInjection(t *testing.T) {
	srv := serve(t, false, false)
	s := sender(t, mail.Config{URL: "smtp://" + srv.addr, From: "a@example.org"})
	for _, change := range []func(*mail.Message){
		func(m *mail.Message) { m.To = "dory@example.org\r\nBcc: mallory@example.net" },
		func(m *mail.Message) { m.To = "dory@example.org, mallory@example.net" },
		func(m *mail.Message) { m.To = "dory@example.org>\r\nRCPT TO:<mallory@example.net" },
		func(m *mail.Message) { m.To = "Dory <dory@example.org>" },
		func(m *mail.Message) { m.To = "\"a\r\nRCPT TO:<x@y.example>\"@example.org" },
		func(m *mail.Message) { m.To = "dory" },
		func(m *mail.Message) { m.To = "" },
		func(m *mail.Message) { m.To = strings.Repeat("a", 250) + "@example.org" },
		func(m *mail.Message) { m.Subject = "Hello\r\nBcc: mallory@example.net" },
		func(m *mail.Message) { m.Subject = "Hello\nBcc: mallory@example.net" },
		func(m *mail.Message) { m.Subject = "Hello\u2028there" },
		func(m *mail.Message) { m.Subject = "" },
		func(m *mail.Message) { m.Subject = strings.Repeat("a", 201) },
		func(m *mail.Message) { m.Text = "" },
		func(m *mail.Message) { m.Text = "\xff" },
		func(m *mail.Message) { m.Text = strings.Repeat("a", 17<<10) },
	} {
		m := message
		change(&m)
		if err := s.Send(t.Context(), m); err == nil {
			t.Errorf("sent: %q", m)
		}
	}
	if heard, _, _ := srv.told(); len(heard) != 0 {
		t.Errorf("the server heard %q", heard)
	}
}

func TestConfigurationsThatAreRefused(t *testing.T) {
	for _, c := range []mail.Config{
		{URL: "", From: "a@example.org"},
		{URL: "http://example.org", From: "a@example.org"},
		{URL: "smtp://", From: "a@example.org"},
		{URL: "smtp://hush:hush%zz@example.org", From: "a@example.org"},
		{URL: "smtp://hush@example.org", From: "a@example.org"},
		{URL: "smtp://:hush@example.org", From: "a@example.org"},
		{URL: "smtp://example.org:0", From: "a@example.org"},
		{URL: "smtp://example.org:70000", From: "a@example.org"},
		{URL: "smtp://example.org/inbox", From: "a@example.org"},
		{URL: "smtp://example.org?tls=no", From: "a@example.org"},
		{URL: "smtp://example.org", From: ""},
		{URL: "smtp://example.org", From: "nobody"},
		{URL: "smtp://example.org", From: "a@example.org\r\nBcc: b@example.org"},
	} {
		s, err := mail.New(c)
		if err == nil {
			t.Errorf("%+v: %+v", c, s)
		} else if strings.Contains(err.Error(), "hush") {
			t.Errorf("the error tells the password: %v", err)
		}
	}
}

func FuzzCheckAddress(f *testing.F) {
	for _, s := range []string{"dory@example.org", "\"a b\"@example.org", "a@[127.0.0.1]", "Dory <dory@example.org>", "a@b\r\nc", "ü@example.org", "a@b,c@d"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if mail.CheckAddress(s) != nil {
			return
		}
		if strings.ContainsAny(s, "\r\n\x00") || !strings.Contains(s, "@") || len(s) > 254 {
			t.Errorf("accepted %q", s)
		}
	})
}
