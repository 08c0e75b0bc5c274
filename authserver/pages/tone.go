package pages

import "sallyport/oauth"

// noticeTone is how a notice is told: "bad" stands at the fields in question and is read out at once.
func noticeTone(n Notice) string {
	switch n {
	case "":
		return ""
	case NoticeWrong, NoticeOld, NoticeDisabled, NoticeWait, NoticeBusy, NoticeCode, NoticeCodeUsed, NoticeRecovery, NoticePasskey, NoticeEmpty, NoticeMismatch, NoticePoor:
		return "bad"
	}
	return "good"
}

// failureKey is the text of an error page: what people can do about it is the same for many reasons.
func failureKey(status int, reason string) string {
	switch oauth.Reason(reason) {
	case oauth.ClientMissing, oauth.ClientUnknown, oauth.RealmUnknown:
		return "failure.client"
	case oauth.ClientDisabled, oauth.ClientLocked, oauth.ClientNotYetValid, oauth.ClientExpired, oauth.GrantNotAllowed:
		return "failure.client_off"
	case oauth.RedirectMissing, oauth.RedirectUnregistered:
		return "failure.redirect"
	case oauth.FlowGone:
		return "failure.flow"
	case oauth.SessionGone, oauth.LoginNeeded:
		return "failure.session"
	case oauth.CrossOrigin:
		return "failure.cross_origin"
	case oauth.MailLinkGone:
		return "failure.link"
	case oauth.TooManyFailures:
		return "failure.wait"
	case oauth.Busy, oauth.Unavailable:
		return "failure.busy"
	case oauth.ConsentDenied:
		return "failure.denied"
	case oauth.ACRUnmet:
		return "failure.acr"
	}
	switch {
	case status == 404:
		return "failure.missing"
	case status == 429:
		return "failure.wait"
	case status == 503:
		return "failure.busy"
	case status >= 500:
		return "failure.server"
	}
	return "failure.request"
}
