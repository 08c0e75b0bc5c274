package steps

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"sallyport/authorize"
	"sallyport/mail"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/ticket"
	"sallyport/user"
)

const (
	linkLife    = 30 * time.Minute // a mailed link is good that long, and once
	mailTimeout = time.Minute
	mailed      = "mailed" // kind of the tickets that remember that a mail was sent
)

// The purposes of a mailed link.
const (
	ResetLink  = "reset"
	VerifyLink = "verify"
)

// How often one user is sent a mail at most.
const (
	perReset  = 2 * time.Minute
	perVerify = 10 * time.Minute // by itself, when the page is shown
	perResend = time.Minute      // when the user asks for it
)

// A Link is what a mailed link stands for. Whoever has it can read the mails of the address, and nothing else is proved.
type Link struct {
	For      string   `json:"for"`
	User     string   `json:"user"`
	Email    string   `json:"email"`          // it was sent to
	Password [32]byte `json:"password"`       // SHA-256 of the password's hash then: with another password the link is over
	Flow     string   `json:"flow,omitempty"` // the sign-in that waits for it
}

// OwnPassword is what Link.Password is of a user.
func OwnPassword(u *user.User) [32]byte { return authorize.PasswordOf(u) }

// Of reports whether the link still is one for the user: neither address nor password has changed since.
func (l *Link) Of(u *user.User) bool {
	own := OwnPassword(u)
	return strings.EqualFold(u.Email, l.Email) && subtle.ConstantTimeCompare(own[:], l.Password[:]) == 1
}

// Resolve returns the name of the user whom somebody means who typed a name or an e-mail address. Guesses are counted by it,
// so that it makes no difference which of both was typed (class "username vs e-mail counters").
func (d *Desk) Resolve(ctx context.Context, in, typed string) (name string, err error) {
	if !strings.Contains(typed, "@") {
		return typed, nil
	}
	u, err := d.Users.Get(ctx, in, typed)
	if err != nil {
		return "", err
	}
	if u == nil {
		if u, err = d.Editor.UserByEmail(ctx, in, typed); err != nil {
			return "", err
		}
	}
	if u == nil {
		return strings.ToLower(typed), nil
	}
	return u.Name, nil
}

// SendReset mails a link to whoever has forgotten a password, if there is such a user. It returns at once, so that neither
// what it does nor how long it takes tells whether there is (class "user enumeration").
func (v *Visit) SendReset(typed string) {
	rl, lang := v.Realm, v.Frame().Lang
	v.later(func(ctx context.Context) error {
		name, err := v.Resolve(ctx, rl.Name, typed)
		if err != nil {
			return err
		}
		u, err := v.Users.Get(ctx, rl.Name, name)
		if err != nil || u == nil || u.Status != user.On || u.Email == "" {
			return err
		}
		return v.send(ctx, rl, u, Link{For: ResetLink}, lang, perReset)
	})
}

// SendVerify mails a link by which a user proves to have an e-mail address. A user who does not ask for it gets one seldom.
func (v *Visit) SendVerify(u *user.User, asked bool) {
	rl, lang, flow, every := v.Realm, v.Frame().Lang, v.Secret, perVerify
	if asked {
		every = perResend
	}
	v.later(func(ctx context.Context) error {
		return v.send(ctx, rl, u, Link{For: VerifyLink, Flow: flow}, lang, every)
	})
}

// later does something after the answer, if not too much is being done already.
func (d *Desk) later(do func(context.Context) error) {
	select {
	case d.mails <- struct{}{}:
	default:
		d.Log.Warn("a mail was not sent: too many are under way")
		return
	}
	d.under.Go(func() {
		defer func() { <-d.mails }()
		// Nothing of the request goes along: it is over.
		ctx, cancel := context.WithTimeout(context.Background(), mailTimeout)
		defer cancel()
		if err := do(ctx); err != nil {
			d.Log.Error("a mail was not sent", "err", err)
		}
	})
}

func (d *Desk) send(ctx context.Context, rl *realm.Realm, u *user.User, l Link, lang string, every time.Duration) error {
	if d.Mail == nil {
		return errors.New("no mail server is configured")
	}
	first, err := d.first(ctx, rl.Name, u, l.For, every)
	if err != nil || !first {
		return err
	}
	l.User, l.Email, l.Password = u.Name, u.Email, OwnPassword(u)
	body, err := json.Marshal(l)
	if err != nil {
		return fmt.Errorf("mailed link: %w", err)
	}
	secret, t := ticket.New(rl.Name, ticket.Mail, body, d.Now().Add(linkLife))
	if err := d.Tickets.PutTicket(ctx, t); err != nil {
		return err
	}
	m, err := letter(lang, l.For, brand(rl), Name(u), address(rl, l.For, secret))
	if err != nil {
		return err
	}
	m.To = u.Email
	return d.Mail.Send(ctx, m)
}

// address is where a mailed link leads: below the issuer, whatever a request calls this server (class "poisoned reset link").
func address(rl *realm.Realm, purpose, secret string) string {
	path := "/signin/password"
	if purpose == VerifyLink {
		path = "/signin/verify"
	}
	return strings.TrimRight(rl.Issuer, "/") + path + "?ticket=" + url.QueryEscape(secret)
}

// How many mails of a kind a user is sent in a day before there is one an hour: anybody can ask for them, and nobody's letter
// box is to be filled from here.
const (
	perDay    = 3
	perRepeat = time.Hour
)

// first reports whether the user may be sent a mail of the kind now: none was sent in this stretch of time, nor many today.
func (d *Desk) first(ctx context.Context, in string, u *user.User, purpose string, every time.Duration) (bool, error) {
	claim := func(every time.Duration, number int) (bool, error) {
		began := d.Now().Truncate(every)
		name := strings.Join([]string{purpose, u.Name, u.Email, every.String(), strconv.FormatInt(began.Unix(), 10), strconv.Itoa(number)}, "\x00")
		return d.Tickets.ClaimTicket(ctx, ticket.Ticket{Realm: in, Kind: mailed, Hash: ticket.Hash(name), ExpiresAt: began.Add(2 * every)})
	}
	if ok, err := claim(every, 0); err != nil || !ok {
		return false, err
	}
	for number := range perDay {
		if ok, err := claim(24*time.Hour, number); err != nil || ok {
			return ok, err
		}
	}
	return claim(perRepeat, 0)
}

// Followed returns what the link that was followed stands for, and with take uses it up. The error is of reason
// oauth.MailLinkGone if it is over.
func (v *Visit) Followed(purpose string, take bool) (*Link, error) {
	secret := v.Params.Get("ticket")
	if len(secret) != ticket.SecretLength {
		return nil, oauth.Fail(oauth.MailLinkGone, "")
	}
	find := v.Tickets.ReadTicket
	if take {
		find = v.Tickets.TakeTicket
	}
	t, err := find(v.Context(), v.Realm.Name, ticket.Mail, ticket.Hash(secret), v.Now())
	if err != nil {
		return nil, err
	}
	l := new(Link)
	if t == nil || json.Unmarshal(t.Body, l) != nil || l.For != purpose {
		return nil, oauth.Fail(oauth.MailLinkGone, "")
	}
	return l, nil
}

// letter writes a mail.
func letter(lang, purpose, from, to, link string) (mail.Message, error) {
	words, ok := letters[lang]
	if !ok {
		words = letters["en"]
	}
	w, ok := words[purpose]
	if !ok {
		return mail.Message{}, fmt.Errorf("there is no letter %q", purpose)
	}
	fill := strings.NewReplacer("{from}", inLine(from), "{to}", inLine(to), "{link}", link)
	return mail.Message{Subject: fill.Replace(w.subject), Text: fill.Replace(w.text)}, nil
}

// inLine is a name that can stand in a subject, whatever it was made of.
func inLine(name string) string {
	const most = 40
	name = strings.Join(strings.FieldsFunc(strings.ToValidUTF8(name, ""), func(r rune) bool {
		return r < ' ' || r == 0x7f || r == 0x85 || r == 0x2028 || r == 0x2029
	}), " ")
	if r := []rune(name); len(r) > most {
		name = string(r[:most])
	}
	return name
}
