package authserver

import (
	"net/http"

	"sallyport/client"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/web"
)

// credentials reads how a client presents itself: by HTTP Basic whose halves are form-encoded, by client_id and
// client_secret in the body, by an assertion (RFC 7521 section 4.2), or by client_id alone (RFC 6749 sections 2.3.1 and
// 3.2.1). More than one way in a request is refused (section 2.3); a client_id beside a Basic header is not a second way if
// it is the same.
func credentials(r *http.Request, p oauth.Params) (client.Credentials, error) {
	id := p.Get("client_id")
	secret, hasSecret := p.Lookup("client_secret")
	headers := r.Header["Authorization"]
	assertion, kind := p.Get("client_assertion"), p.Get("client_assertion_type")
	if assertion != "" || kind != "" {
		if len(headers) > 0 || secret != "" {
			return client.Credentials{}, twoMethods()
		}
		creds := client.AssertionCredentials(assertion, kind)
		if id != "" { // it need not be there; that the assertion is of the same client is found out with the rest of it
			creds.ID = id
		}
		return creds, nil
	}
	if len(headers) == 0 {
		if hasSecret {
			// A parameter without a value is a parameter left out (RFC 6749 section 3.2).
			return client.Credentials{Method: client.MethodPost, ID: id, Secret: secret, HasSecret: secret != ""}, nil
		}
		return client.Credentials{Method: client.MethodNone, ID: id}, nil
	}
	payload, basic := oauth.BasicPayload(headers[0])
	if !basic {
		e := oauth.Fail(oauth.ClientAuthScheme, "")
		e.Description = "This endpoint knows no Authorization scheme but Basic."
		return client.Credentials{}, e
	}
	if len(headers) > 1 || secret != "" {
		return client.Credentials{}, twoMethods()
	}
	basicID, basicSecret, err := oauth.ParseBasicForm(payload)
	if err != nil {
		return client.Credentials{}, err
	}
	if id != "" && id != basicID {
		return client.Credentials{}, twoMethods()
	}
	return client.Credentials{Method: client.MethodBasic, ID: basicID, Secret: basicSecret, HasSecret: true}, nil
}

func twoMethods() *oauth.Error {
	e := oauth.Fail(oauth.ParameterInvalid, "client_secret")
	e.Description = "The client authenticates in more than one way. Use one: the Authorization header, client_secret or client_assertion."
	return e
}

// authenticate finds out which client calls an endpoint other than the token endpoint. proved says that it showed a
// secret; a public client cannot.
func (f *Face) authenticate(r *http.Request, rl *realm.Realm, p oauth.Params) (c *client.Client, proved bool, err error) {
	creds, err := credentials(r, p)
	if err != nil {
		return nil, false, err
	}
	return f.engine.Authenticate(r.Context(), rl, creds, web.Source(r), "")
}
