package policy

import (
	"errors"
	"fmt"
	"strings"

	"sallyport/realm"
)

// CheckFieldName says why a name is none of a header field (RFC 9110 section 5.1).
func CheckFieldName(name string) error {
	if name == "" {
		return errors.New("an entry has no name; write that of a header field")
	}
	for i := range len(name) {
		switch c := name[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return fmt.Errorf("%s is not the name of a header field; use letters, digits and hyphens", realm.Show(name))
		}
	}
	return nil
}

// CheckMethod says why a name is none of a method that calls come with. Methods are told apart by case (RFC 9110 section
// 9.1), so one in lower case would wait for ever.
func CheckMethod(name string) error {
	if name == "" || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" {
		return fmt.Errorf("%s is not the name of a method; write it in upper case, like GET", realm.Show(name))
	}
	return nil
}

// CheckField says why settings must not make a header field of a request or an answer: it is none, or it is not theirs to
// make. The framing of messages and what the gateway says of itself and of callers are the gateway's alone.
func CheckField(name, value string) error {
	if err := CheckFieldName(name); err != nil {
		return err
	}
	if Reserved(name) {
		return fmt.Errorf("%s is made by the gateway itself; take it out", name)
	}
	for i := range len(value) {
		if c := value[i]; c < ' ' && c != '\t' || c >= 0x7f { // RFC 9110 section 5.5, without what is obsolete there
			return fmt.Errorf("the value of %s has a character that cannot stand in a header; use visible ASCII", name)
		}
	}
	return nil
}

// Reserved reports whether a header field is the gateway's alone.
func Reserved(name string) bool {
	name = strings.ToLower(strings.ReplaceAll(name, "_", "-"))
	switch name {
	case "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "content-length", "expect", "host", "http2-settings", "via", "forwarded":
		return true
	}
	return strings.HasPrefix(name, "proxy-") || strings.HasPrefix(name, "x-sallyport") || strings.HasPrefix(name, "x-forwarded")
}
