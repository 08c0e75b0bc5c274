package steps_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"sallyport/authserver/pages"
	"sallyport/authserver/steps"
	"sallyport/mail"
	"sallyport/realm"
	"sallyport/user"
)

func TestGoodPassword(t *testing.T) {
	own := []string{"dory", "Dory Blue", "forgetful@example.org"}
	for _, good := range []string{
		"correct horse battery", "a horse that corrects staples", "tr0ub4dor&3x", "Zwölf Boxkämpfer jagen", "密碼要夠長才行喔", "dorylikestoswim", "xkcd-936-comic",
		strings.Repeat("long enough ", 80), "        spaces at both ends        ",
	} {
		if !steps.GoodPassword(good, own...) {
			t.Errorf("%q is refused", good)
		}
	}
	for _, poor := range []string{
		"", "short", "1234567", "密碼密碼", "password", "PASSWORD", "Password1", "password123!", "p@ssw0rd", "P4$$w0rd2026", "12345678", "123456789", "87654321",
		"1234567890", "0987654321", "11111111", "aaaaaaaa", "abababab", "abcabcabc", "abcdabcd", "qwertyuiop", "poiuytrewq", "asdfghjkl", "qwertzuiop", "abcdefgh", "hgfedcba",
		"1q2w3e4r", "1qaz2wsx", "iloveyou", "iloveyou1", "welcome1", "Willkommen2026", "sunshine99", "sallyport", "Sallyport!", "monkeymonkey", "dory2026", "DORY!!!!",
		"dorydory", "forgetful", "forgetful1", "forgetful@example.org", "\xff\xff\xff\xff\xff\xff\xff\xff\xff", strings.Repeat("long enough ", 84),
	} {
		if steps.GoodPassword(poor, own...) {
			t.Errorf("%q is taken", poor)
		}
	}
}

func FuzzGoodPassword(f *testing.F) {
	for _, s := range []string{"password\n", "12345678\n123456789", "ääääääää", "\x00\x00\x00\x00abcdefg", "😀😀😀😀😀😀😀😀"} {
		f.Add(s, "dory")
	}
	f.Fuzz(func(t *testing.T, password, name string) {
		good := steps.GoodPassword(password, name)
		if good && (utf8.RuneCountInString(password) < 8 || len(password) > user.MaxPasswordLength || strings.EqualFold(password, name) && name != "") {
			t.Errorf("%q for %q is taken", password, name)
		}
	})
}

func TestLetters(t *testing.T) {
	languages := steps.Letters()
	for _, tag := range []string{"en", "de", "zh-TW"} {
		// The mails come in every language that the pages come in.
		if got := pages.Language(httptest.NewRequest(http.MethodGet, "/", nil), []string{tag}); got != tag || !slices.Contains(languages, got) {
			t.Errorf("%s: %v", tag, languages)
		}
	}
	const link = "https://auth.example.org/signin/password?ticket=x"
	nasty := "Nemo\r\nBcc: x@example.net\u2028" + strings.Repeat("長", 100)
	seen := map[string]bool{}
	for _, lang := range append(languages, "tlh") {
		for _, purpose := range []string{steps.ResetLink, steps.VerifyLink} {
			m, err := steps.Letter(lang, purpose, nasty, nasty, link)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(m.Text, "\n"+link+"\n") || strings.Contains(m.Text+m.Subject, "{") || strings.ContainsAny(m.Subject, "\r\n\u2028") {
				t.Errorf("%s %s: %q\n%s", lang, purpose, m.Subject, m.Text)
			}
			seen[m.Subject] = true
			m.To = "dory@example.org"
			if err := send(t, m); err != nil {
				t.Errorf("%s %s: no mail server would be asked to take it: %v", lang, purpose, err)
			}
		}
	}
	if len(seen) != 2*len(languages) {
		t.Errorf("%d subjects", len(seen))
	}
	if _, err := steps.Letter("en", "greetings", "a", "b", link); err == nil {
		t.Error("a letter that nobody wrote")
	}
}

// send has a message checked as it would be before it is sent.
func send(t *testing.T, m mail.Message) error {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_ = l.Close()
	s, err := mail.New(mail.Config{URL: "smtp://" + addr, From: "a@example.org"})
	if err != nil {
		t.Fatal(err)
	}
	if err = s.Send(context.Background(), m); err != nil && strings.Contains(err.Error(), "did not take") {
		return nil // nobody listens: it was good as far as it goes
	}
	return err
}

func TestProof(t *testing.T) {
	at := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	first := steps.Proof{User: "dory", AMR: []string{"pwd"}, ACR: realm.ACROne, At: at}
	for name, tt := range map[string]struct {
		got  steps.Proof
		amr  []string
		acr  string
		when time.Time
	}{
		"code":               {first.WithCode(), []string{"pwd", "otp", "mfa"}, realm.ACRTwo, at},
		"two codes":          {first.WithCode().WithCode(), []string{"pwd", "otp", "mfa"}, realm.ACRTwo, at},
		"passkey":            {first.WithPasskey(false, at.Add(1)), []string{"pwd", "pop", "mfa"}, realm.ACRTwo, at},
		"passkey, verified":  {first.WithPasskey(true, at.Add(1)), []string{"pwd", "pop", "user", "mfa"}, realm.ACRPhishingResistant, at.Add(1)},
		"never worth less":   {first.WithPasskey(true, at).WithCode(), []string{"pwd", "pop", "user", "mfa", "otp"}, realm.ACRPhishingResistant, at},
		"nothing came first": {steps.Proof{}.WithCode(), []string{"otp"}, realm.ACROne, time.Time{}},
	} {
		if diff := cmp.Diff(tt.amr, tt.got.AMR); diff != "" || tt.got.ACR != tt.acr || !tt.got.At.Equal(tt.when) {
			t.Errorf("%s: %+v %s", name, tt.got, diff)
		}
	}
	if len(first.AMR) != 1 {
		t.Error("the first proof was changed")
	}
}
