// Package pages draws what people see: sign-in, consent, sign-out, errors, and the account page. It only draws: what is in a
// view (view.go) was decided elsewhere.
//
// A page works without a script, passkeys aside, loads nothing from elsewhere and may not be framed; its Content Security
// Policy allows what the page needs and nothing else. Everything from outside goes through html/template. Texts come in
// English, German and Traditional Chinese; a language is one more file in lang/ and its tag in languages.
package pages
