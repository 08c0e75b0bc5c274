package authorize

import "sallyport/oauth"

// invalid is the refusal of a parameter's value. The text says what would do.
func invalid(name, text string) *oauth.Error {
	e := oauth.Fail(oauth.ParameterInvalid, name)
	e.Description = "The parameter " + name + " is not valid. " + text
	return e
}

func missing(name string) *oauth.Error {
	e := oauth.Fail(oauth.ParameterMissing, name)
	if name == "client_id" {
		e = oauth.Fail(oauth.ClientMissing, name)
	}
	e.Description = "The parameter " + name + " is missing."
	return e
}

func duplicate(name string) *oauth.Error {
	e := oauth.Fail(oauth.ParameterDuplicate, name)
	e.Description = "The parameter " + name + " is given more than once. Send it once."
	return e
}

// object is the refusal of a request object (RFC 9101 section 6). The cause is for the log.
func object(text string, cause error) *oauth.Error {
	e := oauth.Because(oauth.RequestObjectBad, cause)
	e.Description = text
	return e
}

// times counts how often a parameter came.
func times(p oauth.Params, name string) (n int) {
	for _, one := range p.All() {
		if one.Name == name {
			n++
		}
	}
	return n
}
