package pages

import (
	"time"

	"sallyport/realm"
)

// A Frame is what every page has. The zero value of each field but Realm leaves something out.
type Frame struct {
	Realm *realm.Realm
	Root  string // path of the realm's root as the browser sees it: "" or "/realms/NAME"; see Root
	Lang  string // en, de or zh-TW: see Language
	Asker *Asker // the client for whose sake the page is shown; nil: none
	Flow  string // secret of the sign-in under way; goes into every form
	// Targets are where a form may lead beside this server: the client's redirect URI. Browsers hold form-action against every
	// redirect that follows a form, so an application whose callback sends people on to another origin needs that one here too.
	Targets []string
	Notice  Notice        // something that happened, told above the form; empty: nothing
	Wait    time.Duration // with NoticeWait and NoticeBusy
	Nobody  bool          // leave out the way back to the application
	Popup   bool          // display=popup: little room
}

// An Asker is the client that asks.
type Asker struct {
	ID       string
	Name     string // of the client, or its id
	Host     string // of the redirect URI: what can be verified
	Logo     string // https URL of its logo; empty: none
	Policy   string // URL of its privacy policy
	Terms    string // URL of its terms of service
	Unproved bool   // it registered itself: nobody has looked at it
}

// A Notice is something that a page tells of what has just happened.
type Notice string

// The notices. Each has a text in every language.
const (
	NoticeWrong         Notice = "wrong"     // name or password is wrong
	NoticeDisabled      Notice = "disabled"  // the account is switched off or locked
	NoticeWait          Notice = "wait"      // too many attempts; Wait says for how long
	NoticeBusy          Notice = "busy"      // the server is busy
	NoticeCode          Notice = "code"      // the one-time code is wrong
	NoticeCodeUsed      Notice = "code_used" // the one-time code was used before
	NoticeRecovery      Notice = "recovery"  // the recovery code is wrong, or was used before
	NoticeOld           Notice = "old"       // the current password is wrong
	NoticePasskey       Notice = "passkey"   // the passkey did not work
	NoticeEmpty         Notice = "empty"     // a field was left empty
	NoticeMismatch      Notice = "mismatch"  // the two new passwords differ
	NoticePoor          Notice = "poor"      // the new password is too short or too common
	NoticeReauth        Notice = "reauth"    // sign in again to go on
	NoticeChanged       Notice = "changed"   // the password was changed
	NoticeSessionEnded  Notice = "session_ended"
	NoticeConsentEnded  Notice = "consent_ended"
	NoticeFactorAdded   Notice = "factor_added"
	NoticeFactorRemoved Notice = "factor_removed"
	NoticeMailSent      Notice = "mail_sent"
	NoticeVerified      Notice = "verified" // the e-mail address
)

// SignIn asks for name and password, or a passkey.
type SignIn struct {
	Frame
	Login    string // to begin with, from login_hint or a try before
	Fixed    bool   // Login cannot be changed: the one who is signed in must prove it again
	Password bool   // a password may be given
	Passkey  string // options of navigator.credentials.get as JSON; empty: no passkeys
	Ceremony string // secret of the passkey's challenge
	Reset    bool   // there is a way for forgotten passwords
	Others   bool   // other accounts are signed in in this browser
}

// SecondFactor asks for another proof.
type SecondFactor struct {
	Frame
	User     string
	TOTP     bool
	Recovery bool
	Passkey  string
	Ceremony string
}

// EnrolFactor has somebody set up a second factor who has none and needs one.
type EnrolFactor struct {
	Frame
	User     string
	Secret   string // of the one-time codes, in groups, to be typed
	QR       []byte // PNG
	Passkey  string // options of navigator.credentials.create as JSON
	Ceremony string // secret under which secret and challenge are kept
	TOTP     bool   // one-time codes are good enough
	Account  bool   // it was asked for on the account page: the form goes back there
}

// RecoveryCodes shows new recovery codes, once.
type RecoveryCodes struct {
	Frame
	Codes []string
	Next  string // path to go on to
}

// Consent asks whether a client may do what it wants.
type Consent struct {
	Frame
	User   string // the name shown to people
	Scopes []Right
	Claims []string // claims asked for one by one
}

// A Right is something that is asked for.
type Right struct {
	Name        string
	Description string // as the realm has it; standard scopes have texts of their own
}

// ChooseAccount asks as whom somebody wants to go on.
type ChooseAccount struct {
	Frame
	Accounts []Account
}

// An Account is somebody who is signed in in this browser.
type Account struct {
	ID    string // public name of the session
	User  string
	Alias string
}

// SignOut asks whether somebody wants to sign out.
type SignOut struct {
	Frame
	User   string
	Ticket string // secret of the sign-out that waits
}

// SignedOut says that it is done. Frames are the front-channel logout URIs of the clients, loaded in hidden frames.
type SignedOut struct {
	Frame
	Frames   []string
	Continue string // URL to go on to; empty: none
}

// ForgotPassword asks who has forgotten a password; Sent says that a mail is on its way, if there is such an account.
type ForgotPassword struct {
	Frame
	Sent bool
}

// NewPassword asks for a new password: with Ticket by a mailed link, otherwise on the account page.
type NewPassword struct {
	Frame
	User   string
	Ticket string
	Old    bool // ask for the old one as well
}

// VerifyEmail says that a mail with a link is on its way, or (Done) that the address is verified.
type VerifyEmail struct {
	Frame
	Email  string
	Ticket string // of the link that was followed; a button confirms it, because mail scanners follow links
	Done   bool
}

// Home is the account page.
type Home struct {
	Frame
	User     string
	Alias    string
	Email    string
	Verified bool
	CanMail  bool
	Password bool // there is a password that can be changed
	Sessions []SessionLine
	Consents []ConsentLine
	Factors  []FactorLine
	Recovery int  // recovery codes left; -1: none were made
	Passkeys bool // passkeys can be added
}

// A SessionLine is a session on the account page.
type SessionLine struct {
	ID      string
	Current bool
	Agent   string // browser and system in short
	Source  string
	Started time.Time
	Seen    time.Time
	Clients []string // names
}

// A ConsentLine is a consent on the account page.
type ConsentLine struct {
	Client  string
	Name    string
	Host    string
	Scopes  []Right
	Granted time.Time
}

// A FactorLine is a factor on the account page.
type FactorLine struct {
	ID    string
	Kind  string // passkey or totp
	Name  string
	Added time.Time
	Used  time.Time
}

// A Failure is an error page. Status is that of HTTP; Reason one of package oauth's.
type Failure struct {
	Frame
	Status int
	Reason string
	Detail string // English, for developers; may name a parameter, never repeats what was sent unless it is harmless
	ID     string // of the request
}

// FormPost hands an answer to a client (OAuth 2.0 Form Post Response Mode). It is sent at once where scripts run, and by a
// button elsewhere.
type FormPost struct {
	Frame
	Action string
	Fields [][2]string
}
