package steps

import "sallyport/mail"

// Letter is letter.
func Letter(lang, purpose, from, to, link string) (mail.Message, error) {
	return letter(lang, purpose, from, to, link)
}

// Letters are the languages that there are letters in.
func Letters() (languages []string) {
	for lang := range letters {
		languages = append(languages, lang)
	}
	return languages
}
