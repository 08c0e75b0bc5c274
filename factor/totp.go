package factor

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1" //nolint:gosec // RFC 6238 section 1.2: what every authenticator knows; HMAC does not need collision resistance
	"crypto/subtle"
	"encoding/base32"
	"encoding/binary"
	"fmt"
	"image/png"
	"net/url"
	"strings"
	"time"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"

	"sallyport/oauth"
)

// The parameters that every authenticator knows (RFC 6238 section 4, RFC 4226 section 4).
const (
	step       = 30 * time.Second
	digits     = 6
	modulus    = 1_000_000
	secretSize = 20 // RFC 4226 section 4, R6
	leastSize  = 16
	mostSize   = 64
	drift      = 1 // steps that a clock may be off either way (RFC 6238 section 5.2)
)

const sealTOTP = "totp secret"

var base32Text = base32.StdEncoding.WithPadding(base32.NoPadding)

// totpDoc is what a TOTP factor keeps.
type totpDoc struct {
	Sealed []byte `json:"sealed"` // the secret, under the master key, for this factor of this user alone
	Last   int64  `json:"last"`   // the step of the latest code that was taken; none up to it is taken again
}

// A PendingTOTP is a secret that is not a factor yet: AddTOTP makes it one.
type PendingTOTP struct {
	Secret string // base32
	URI    string // otpauth:// URI
	QR     []byte // the URI as a PNG picture
}

// NewTOTP makes a secret for the user's authenticator, which shows it under the name of the issuer.
func (s *Service) NewTOTP(issuerName, user string) (*PendingTOTP, error) {
	raw := make([]byte, secretSize)
	_, _ = rand.Read(raw) // never fails: see crypto/rand
	p := &PendingTOTP{Secret: base32Text.EncodeToString(raw)}
	// A colon separates issuer and account in the label, so neither may have one.
	issuer, account := strings.ReplaceAll(issuerName, ":", " "), strings.ReplaceAll(user, ":", " ")
	p.URI = "otpauth://totp/" + url.PathEscape(issuer) + ":" + url.PathEscape(account) +
		"?secret=" + p.Secret + "&issuer=" + strings.ReplaceAll(url.QueryEscape(issuer), "+", "%20")
	code, err := qr.Encode(p.URI, qr.M, qr.Auto)
	if err != nil {
		return nil, fmt.Errorf("drawing the QR code: %w", err)
	}
	const margin, dot = 4, 4 // modules of quiet zone (ISO/IEC 18004 section 6.3.8), pixels of a module
	modules := code.Bounds().Dx()
	if code, err = barcode.Scale(code, modules*dot, modules*dot); err != nil {
		return nil, fmt.Errorf("drawing the QR code: %w", err)
	}
	var picture bytes.Buffer
	if err := png.Encode(&picture, quiet(code, margin*dot)); err != nil {
		return nil, fmt.Errorf("drawing the QR code: %w", err)
	}
	p.QR = picture.Bytes()
	return p, nil
}

// AddTOTP makes a secret of NewTOTP one of the user's factors, once a code shows that the authenticator has it.
func (s *Service) AddTOTP(ctx context.Context, realm, user, secret, code, name string) error {
	raw, err := base32Text.DecodeString(strings.ToUpper(strings.ReplaceAll(secret, " ", "")))
	if err != nil || len(raw) < leastSize || len(raw) > mostSize {
		return oauth.Fail(oauth.FactorWrong, "")
	}
	at, ok := s.match(raw, code)
	if !ok {
		return oauth.Fail(oauth.FactorWrong, "")
	}
	f := &Factor{Realm: realm, User: user, ID: newID(), Kind: TOTP, Name: named(name, "Authenticator")}
	sealed, err := s.master.Seal(sealTOTP, realm, f.ID+"/"+user, raw)
	if err != nil {
		return err
	}
	if f.Doc, err = write(totpDoc{Sealed: sealed, Last: at}); err != nil {
		return err
	}
	return s.add(ctx, f)
}

// CheckTOTP takes a code of one of the user's authenticators, once: of any number of racers with the same code one succeeds
// (RFC 6238 section 5.2). The error is of reason oauth.FactorWrong or oauth.FactorReused.
func (s *Service) CheckTOTP(ctx context.Context, realm, user, code string) error {
	for range maxTries {
		list, err := s.store.Factors(ctx, realm, user)
		if err != nil {
			return err
		}
		f, doc, err := s.accept(list, code)
		if err != nil {
			return err
		}
		after := *f
		after.UsedAt = s.moment()
		if after.Doc, err = write(doc); err != nil {
			return err
		}
		if done, err := s.store.SwapFactor(ctx, &after, f.Doc); done || err != nil {
			return err
		}
	}
	return oauth.Fail(oauth.Unavailable, "")
}

// accept finds the factor that a code is of, and what it is to keep from then on.
func (s *Service) accept(list []*Factor, code string) (*Factor, *totpDoc, error) {
	reason := oauth.FactorWrong
	for _, f := range list {
		if f.Kind != TOTP {
			continue
		}
		doc, err := read[totpDoc](f)
		if err != nil {
			return nil, nil, err
		}
		raw, err := s.master.Open(sealTOTP, f.Realm, f.ID+"/"+f.User, doc.Sealed)
		if err != nil {
			return nil, nil, fmt.Errorf("factor %s: %w", f.ID, err)
		}
		at, ok := s.match(raw, code)
		switch {
		case ok && at > doc.Last:
			doc.Last = at
			return f, doc, nil
		case ok:
			reason = oauth.FactorReused
		}
	}
	return nil, nil, oauth.Fail(reason, "")
}

// match returns the latest step near now that a code belongs to.
func (s *Service) match(secret []byte, code string) (at int64, ok bool) {
	code = strings.Join(strings.Fields(code), "")
	if len(code) != digits {
		return 0, false
	}
	now := s.now().Unix() / int64(step/time.Second)
	for t := now - drift; t <= now+drift; t++ {
		if subtle.ConstantTimeCompare([]byte(code), []byte(hotp(secret, t))) == 1 {
			at, ok = t, true
		}
	}
	return at, ok
}

// hotp is the one-time code of a counter (RFC 4226 section 5.3).
func hotp(secret []byte, counter int64) string {
	mac := hmac.New(sha1.New, secret)
	var c [8]byte
	binary.BigEndian.PutUint64(c[:], uint64(counter))
	mac.Write(c[:])
	sum := mac.Sum(nil)
	at := sum[len(sum)-1] & 0xf
	return fmt.Sprintf("%0*d", digits, binary.BigEndian.Uint32(sum[at:])&0x7fffffff%modulus)
}
