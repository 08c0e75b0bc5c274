package jose

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// Peek reads signed text that nobody has verified: to find out whom it claims to be from. Nothing in it may be believed.
func Peek(raw string) (*Token, error) {
	if len(raw) > MaxSize {
		return nil, malformed("it has %d bytes; %d are enough", len(raw), MaxSize)
	}
	head, rest, _ := strings.Cut(raw, ".")
	payload, signature, found := strings.Cut(rest, ".")
	switch {
	case !found || strings.Contains(signature, "."): // five parts are a JWE (RFC 7516 section 7.1)
		return nil, malformed("it has not three parts")
	case len(head) > maxHeader:
		return nil, malformed("its header has %d bytes; %d are enough", len(head), maxHeader)
	}
	header, err := decode(head)
	if err != nil {
		return nil, malformed("header: %v", err)
	}
	members, err := ParseClaims(header)
	if err != nil {
		return nil, malformed("header: %v", err)
	}
	t, err := readHeader(members)
	if err != nil {
		return nil, err
	}
	if t.Payload, err = decode(payload); err != nil {
		return nil, malformed("payload: %v", err)
	}
	if _, err := decode(signature); err != nil {
		return nil, malformed("signature: %v", err)
	}
	if t.Unsigned = t.Alg == None; t.Unsigned != (signature == "") { // RFC 7518 section 3.6
		return nil, malformed("a signature that does not belong to its algorithm, or the lack of one")
	}
	return t, nil
}

func readHeader(h Claims) (*Token, error) {
	t := &Token{Alg: h.Text("alg"), KeyID: h.Text("kid"), Type: h.Text("typ")}
	switch {
	case t.Alg == "":
		return nil, malformed("it names no algorithm")
	case h.Has("kid") && !h.IsText("kid") || len(t.KeyID) > maxKid:
		return nil, malformed("its kid is no text, or a long one")
	case h.Has("typ") && !h.IsText("typ"):
		return nil, malformed("its typ is no text")
	case h.Has("crit"), h.Has("b64"): // RFC 7515 section 4.1.11, RFC 7797: no extension is known here
		return nil, malformed("it needs an extension")
	case h.Has("enc"), h.Has("zip"): // RFC 7516
		return nil, malformed("it is encrypted or compressed")
	}
	return t, nil
}

// decode reads unpadded base64url, of which there is one spelling for each text (RFC 7515 section 2).
func decode(text string) ([]byte, error) {
	if strings.ContainsAny(text, "\r\n") { // which the decoder would pass over
		return nil, fmt.Errorf("it has line breaks")
	}
	return base64.RawURLEncoding.Strict().DecodeString(text)
}

func malformed(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{ErrMalformed}, args...)...)
}
