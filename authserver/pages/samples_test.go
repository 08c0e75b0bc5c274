package pages_test

import (
	"bytes"
	"image/png"
	"time"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"

	"sallyport/authserver/pages"
	"sallyport/oauth"
)

const passkeyOptions = `{"publicKey":{"challenge":"AAAA","rpId":"login.example.org","userVerification":"required"}}`

// samples are all pages as people get to see them, with what there is to be told.
func samples(lang string) map[string]any {
	f := aFrame(lang)
	with := func(change func(*pages.Frame)) pages.Frame {
		g := f
		change(&g)
		return g
	}
	notice := func(n pages.Notice) pages.Frame { return with(func(g *pages.Frame) { g.Notice = n }) }
	own := with(func(g *pages.Frame) { g.Asker, g.Flow = nil, "" })
	unproved := with(func(g *pages.Frame) { a := *g.Asker; a.Unproved = true; g.Asker = &a })
	wait := with(func(g *pages.Frame) { g.Notice, g.Wait = pages.NoticeWait, 90*time.Second })
	popup := with(func(g *pages.Frame) { g.Popup = true })
	qr := qrCode("otpauth://totp/Acme:dory?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Acme")
	rights := []pages.Right{{Name: "openid"}, {Name: "profile"}, {Name: "email"}, {Name: "search", Description: "Search the corpus"}, {Name: "offline_access"}}
	return map[string]any{
		"signin":               pages.SignIn{Frame: f, Password: true, Passkey: passkeyOptions, Ceremony: "c", Reset: true},
		"signin-wrong":         pages.SignIn{Frame: notice(pages.NoticeWrong), Login: "dory", Password: true, Reset: true, Others: true},
		"signin-wait":          pages.SignIn{Frame: wait, Login: "dory", Fixed: true, Password: true},
		"signin-passkey":       pages.SignIn{Frame: f, Passkey: passkeyOptions, Ceremony: "c"},
		"signin-popup":         pages.SignIn{Frame: popup, Password: true, Passkey: passkeyOptions, Ceremony: "c", Reset: true},
		"second":               pages.SecondFactor{Frame: f, User: "dory", TOTP: true, Recovery: true, Passkey: passkeyOptions, Ceremony: "c"},
		"second-recovery-used": pages.SecondFactor{Frame: notice(pages.NoticeRecovery), User: "dory", TOTP: true, Recovery: true},
		"second-code":          pages.SecondFactor{Frame: notice(pages.NoticeCode), User: "dory", TOTP: true, Recovery: true},
		"second-recovery":      pages.SecondFactor{Frame: f, User: "dory", Recovery: true},
		"enrol":                pages.EnrolFactor{Frame: f, User: "dory", Secret: "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP", QR: qr, Passkey: passkeyOptions, Ceremony: "c", TOTP: true},
		"enrol-account":        pages.EnrolFactor{Frame: own, User: "dory", Secret: "JBSW Y3DP EHPK 3PXP JBSW Y3DP EHPK 3PXP", QR: qr, Ceremony: "c", TOTP: true, Account: true},
		"recovery": pages.RecoveryCodes{Frame: f, Codes: []string{
			"3k7d-92mq", "p4xn-8tzh", "6wvc-1ryb", "m9gs-5fjl", "2hqe-7kdt", "8zrn-4wpx", "c5yb-0vmg", "t1lf-6sjh", "9dke-3qnz", "x7pw-2grc",
		}},
		"consent":          pages.Consent{Frame: f, User: "Dory Bluetang", Scopes: rights, Claims: []string{"birthdate", "picture"}},
		"consent-unproved": pages.Consent{Frame: unproved, User: "dory", Scopes: rights[:2]},
		"accounts":         pages.ChooseAccount{Frame: f, Accounts: []pages.Account{{ID: "1", User: "dory", Alias: "Dory Bluetang"}, {ID: "2", User: "marlin@reef.example.org"}}},
		"signout":          pages.SignOut{Frame: f, User: "dory", Ticket: "ticket"},
		"signedout":        pages.SignedOut{Frame: f, Frames: []string{"https://reports.example.com/out?sid=1"}, Continue: "https://reports.example.com/bye"},
		"signedout-plain":  pages.SignedOut{Frame: own},
		"forgot":           pages.ForgotPassword{Frame: f},
		"forgot-sent":      pages.ForgotPassword{Frame: f, Sent: true},
		"newpassword-old":  pages.NewPassword{Frame: notice(pages.NoticeOld), User: "dory", Old: true},
		"newpassword":      pages.NewPassword{Frame: notice(pages.NoticePoor), User: "dory", Ticket: "ticket"},
		"newpassword-own":  pages.NewPassword{Frame: own, User: "dory", Old: true},
		"verify":           pages.VerifyEmail{Frame: f, Email: "dory@reef.example.org"},
		"verify-confirm":   pages.VerifyEmail{Frame: own, Email: "dory@reef.example.org", Ticket: "ticket"},
		"verify-done":      pages.VerifyEmail{Frame: own, Email: "dory@reef.example.org", Done: true},
		"home":             aHome(with(func(g *pages.Frame) { g.Asker, g.Flow, g.Notice = nil, "", pages.NoticeFactorAdded }), rights),
		"home-empty":       pages.Home{Frame: own, User: "marlin", Password: true, Recovery: -1, Sessions: []pages.SessionLine{{ID: "s", Current: true, Started: now, Seen: now}}},
		"failure": pages.Failure{Frame: own, Status: 400, Reason: string(oauth.RedirectUnregistered), ID: "01JD8Z7Q9X",
			Detail: "The redirect_uri is not registered for this client. It is compared character by character."},
		"failure-server": pages.Failure{Frame: own, Status: 500, Reason: string(oauth.InternalError), ID: "01JD8Z7Q9X"},
		"formpost":       pages.FormPost{Frame: f, Action: "https://reports.example.com/callback", Fields: [][2]string{{"code", "abc"}, {"state", "s"}, {"iss", "https://login.example.org"}}},
	}
}

func aHome(f pages.Frame, rights []pages.Right) pages.Home {
	ago := func(d time.Duration) time.Time { return now.Add(-d) }
	return pages.Home{
		Frame: f, User: "dory", Alias: "Dory Bluetang", Email: "dory@reef.example.org", CanMail: true, Password: true, Recovery: 8, Passkeys: true,
		Sessions: []pages.SessionLine{
			{ID: "s1", Current: true, Agent: "Firefox on Linux", Source: "192.0.2.7", Started: ago(3 * time.Hour), Seen: ago(10 * time.Second), Clients: []string{"Reports", "Orders"}},
			{ID: "s2", Agent: "Safari on iPhone", Source: "2001:db8::17", Started: ago(50 * time.Hour), Seen: ago(20 * time.Minute)},
		},
		Consents: []pages.ConsentLine{{Client: "reports", Name: "Reports", Host: "reports.example.com", Scopes: rights[:3], Granted: ago(100 * 24 * time.Hour)}},
		Factors: []pages.FactorLine{
			{ID: "f1", Kind: "passkey", Name: "Laptop", Added: ago(40 * 24 * time.Hour), Used: ago(3 * time.Hour)},
			{ID: "f2", Kind: "totp", Name: "Phone", Added: ago(26 * time.Hour)},
		},
	}
}

func qrCode(text string) []byte {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		panic(err)
	}
	big, err := barcode.Scale(code, 384, 384)
	if err != nil {
		panic(err)
	}
	var out bytes.Buffer
	if err := png.Encode(&out, big); err != nil {
		panic(err)
	}
	return out.Bytes()
}
