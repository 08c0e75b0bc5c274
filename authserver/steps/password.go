package steps

import (
	_ "embed"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"sallyport/audit"
	"sallyport/oauth"
	"sallyport/throttle"
	"sallyport/user"
	"sallyport/web"
)

// The length of a new password (NIST SP 800-63B section 3.1.1.2): at least in characters, at most in bytes.
const (
	leastPassword = 8
	mostPassword  = 1000
)

//go:embed common.txt
var commonPasswords string

//go:embed words.txt
var commonWords string

// GoodPassword reports whether a new password is one that others would not guess at once: long enough, none of the commonest,
// not a common word or one of the user's own names with digits around it, and no mere pattern. There are no rules about
// digits and capital letters: they make passwords worse (section 3.1.1.2).
func GoodPassword(password string, own ...string) bool {
	if utf8.RuneCountInString(password) < leastPassword || len(password) > mostPassword || !utf8.ValidString(password) {
		return false
	}
	p := strings.ToLower(password)
	if listed(commonPasswords, p) || patterned(p) {
		return false
	}
	for _, core := range cores(p) {
		if listed(commonWords, core) {
			return false
		}
		for _, name := range own {
			name = strings.ToLower(name)
			local, _, _ := strings.Cut(name, "@")
			if core == name || core == local || p == name {
				return false
			}
		}
	}
	return true
}

// cores are what is left of a password without what people put around a word to please a rule, and what they put in it.
func cores(p string) []string {
	notLetter := func(r rune) bool { return !unicode.IsLetter(r) }
	bare := strings.TrimFunc(p, notLetter)
	read := strings.TrimFunc(plainLetters.Replace(p), notLetter)
	short := strings.TrimFunc(plainLetters.Replace(strings.TrimRight(p, "0123456789!?.,#*-_ ")), notLetter)
	return slices.DeleteFunc([]string{bare, read, short, halves(bare)}, func(s string) bool { return s == "" })
}

// plainLetters are what people put in the place of letters.
var plainLetters = strings.NewReplacer("0", "o", "1", "i", "3", "e", "4", "a", "5", "s", "7", "t", "@", "a", "$", "s", "!", "i")

// listed finds a word in a list of one word a line.
func listed(list, word string) bool {
	if word == "" || strings.ContainsRune(word, '\n') {
		return false
	}
	for at := 0; ; {
		i := strings.Index(list[at:], word)
		if i < 0 {
			return false
		}
		begin, end := at+i, at+i+len(word)
		if (begin == 0 || list[begin-1] == '\n') && (end == len(list) || list[end] == '\n') {
			return true
		}
		at = begin + 1
	}
}

// halves is the half of a word that is the same thing twice, otherwise the word.
func halves(s string) string {
	if h := len(s) / 2; len(s)%2 == 0 && s[:h] == s[h:] {
		return s[:h]
	}
	return s
}

// rows are the rows of keyboards, and what people count and spell by.
var rows = []string{"01234567890", "abcdefghijklmnopqrstuvwxyz", "qwertyuiop", "qwertzuiop", "azertyuiop", "asdfghjkl", "zxcvbnm", "yxcvbnm"}

// patterned reports whether a password is one run along a row, in either direction, or a few characters over and over.
func patterned(p string) bool {
	distinct := map[rune]bool{}
	for _, r := range p {
		distinct[r] = true
	}
	if len(distinct) < 3 {
		return true
	}
	for n := 1; n <= 4 && n*2 <= len(p); n++ {
		if strings.Repeat(p[:n], len(p)/n+1)[:len(p)] == p {
			return true
		}
	}
	back := []rune(p)
	slices.Reverse(back)
	for _, row := range rows {
		if strings.Contains(row+row, p) || strings.Contains(row+row, string(back)) {
			return true
		}
	}
	return false
}

// CheckPassword holds a password against the user's, as often as package throttle lets it.
func (v *Visit) CheckPassword(name, password string) (*user.User, error) {
	attempt, err := v.Throttle.User(v.Context(), v.Realm.Name, name, web.Source(v.R))
	if err != nil {
		return nil, err
	}
	outcome := throttle.Undecided
	defer func() { attempt.End(outcome) }()
	u, err := v.Auth.Authenticate(v.Context(), v.Realm.Name, name, password)
	switch oauth.ReasonOf(err) {
	case "":
		outcome = throttle.Succeeded
	case oauth.UserUnknown, oauth.PasswordWrong:
		outcome = throttle.Failed
	}
	return u, err
}

// SetPassword gives a user a new password. check sees the user as it is stored and may refuse; the change is recorded.
func (v *Visit) SetPassword(name, password string, check func(*user.User) error, detail string) (*user.User, error) {
	hash, err := v.Hasher.Hash(v.Context(), password)
	if err != nil {
		return nil, err
	}
	event := v.event(audit.CredentialReset, name, "", detail)
	u, err := v.Editor.UpdateUser(v.Context(), v.Realm.Name, name, func(u *user.User) error {
		if err := check(u); err != nil {
			return err
		}
		u.Password, u.UpdatedAt = hash, v.moment()
		return nil
	}, event)
	switch {
	case err != nil:
		return nil, err
	case u == nil:
		return nil, oauth.Fail(oauth.UserUnknown, name)
	}
	v.Log.InfoContext(v.Context(), string(event.Kind), "realm", event.Realm, "user", name, "detail", detail, "source", event.Source.String())
	return u, nil
}
