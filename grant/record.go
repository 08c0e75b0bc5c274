package grant

import (
	"context"
	"unicode/utf8"

	"sallyport/audit"
	"sallyport/oauth"
)

// maxRecorded bounds, in bytes, what a stranger can write into the record by way of a client id or grant type.
const maxRecorded = 100

// A trail is what is known of a call by the time its outcome is recorded.
type trail struct{ audit.Event }

func (e *Engine) issued(ctx context.Context, t trail) {
	t.At, t.Kind = e.Now(), audit.TokenIssued
	e.Audit.Record(ctx, t.Event)
}

func (e *Engine) refused(ctx context.Context, t trail, refusal *oauth.Error) {
	t.At, t.Kind, t.Reason = e.Now(), audit.TokenRefused, refusal.Reason
	switch refusal.Reason {
	case oauth.RefreshReplayed:
		t.Kind = audit.RefreshReplayed
	case oauth.CodeReplayed:
		t.Kind = audit.CodeReplayed
	case oauth.PasswordWrong: // not UserUnknown: people type their password into the wrong field
		t.User = short(refusal.Subject)
	case oauth.AssertionInvalid, oauth.ClientKeysMissing: // the client is not told what is wrong with it; somebody has to know
		if refusal.Err != nil {
			t.Detail = short(refusal.Err.Error())
		}
	}
	e.Audit.Record(ctx, t.Event)
}

// short cuts s at a rune's boundary.
func short(s string) string {
	if len(s) <= maxRecorded {
		return s
	}
	s = s[:maxRecorded]
	for len(s) > 0 && !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s
}
