package steps

// A wording is a mail in one language. {from}, {to} and {link} are filled in.
type wording struct{ subject, text string }

// letters are the mails by language, in those of package pages, and by purpose.
var letters = map[string]map[string]wording{
	"en": {
		ResetLink: {"Choose a new password for {from}", `Hello {to},

somebody, probably you, asked for a new password at {from}.
Open this address to choose one:

{link}

It works once, within 30 minutes. If it was not you, do nothing:
your password stays as it is.
`},
		VerifyLink: {"Confirm your e-mail address for {from}", `Hello {to},

please confirm that this is your e-mail address at {from}:

{link}

It works once, within 30 minutes. If you have nothing to do with
this, do nothing.
`},
	},
	"de": {
		ResetLink: {"Neues Passwort für {from}", `Guten Tag {to},

jemand, wahrscheinlich Sie selbst, möchte bei {from} ein neues
Passwort setzen. Öffnen Sie dazu diese Adresse:

{link}

Sie gilt einmal, 30 Minuten lang. Waren Sie es nicht, dann ist nichts
zu tun: Ihr Passwort bleibt, wie es ist.
`},
		VerifyLink: {"E-Mail-Adresse für {from} bestätigen", `Guten Tag {to},

bitte bestätigen Sie, dass dies bei {from} Ihre E-Mail-Adresse ist:

{link}

Der Link gilt einmal, 30 Minuten lang. Haben Sie nichts damit zu tun,
dann ist nichts zu tun.
`},
	},
	"zh-TW": {
		ResetLink: {"為 {from} 設定新密碼", `{to}，您好：

有人（很可能就是您）要求在 {from} 設定新密碼。
請開啟以下網址來設定：

{link}

此連結只能使用一次，30 分鐘內有效。如果不是您要求的，
請不必理會，您的密碼不會改變。
`},
		VerifyLink: {"確認您在 {from} 的電子郵件地址", `{to}，您好：

請確認這是您在 {from} 的電子郵件地址：

{link}

此連結只能使用一次，30 分鐘內有效。如果與您無關，
請不必理會。
`},
	},
}
