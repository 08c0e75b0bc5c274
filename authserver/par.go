package authserver

import (
	"net/http"
	"time"

	"sallyport/authorize"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/web"
)

// par takes a request that a client pushes before it sends its user (RFC 9126). The client authenticates as it does at the
// token endpoint; a public one says who it is.
func (f *Face) par(w http.ResponseWriter, r *http.Request, rl *realm.Realm) error {
	p, err := form(w, r)
	if err != nil {
		return err
	}
	c, _, err := f.authenticate(r, rl, p)
	if err != nil {
		return err
	}
	if p.Get("client_id") == "" { // it authenticated by a header or an assertion
		p.Set("client_id", c.ID)
	}
	if p.Get("request_uri") != "" { // RFC 9126 section 2.1
		e := oauth.Fail(oauth.ParameterInvalid, "request_uri")
		e.Description = "The parameter request_uri cannot be pushed. Push the parameters, or a request object by value."
		return e
	}
	req, refusal := f.reader.Read(r.Context(), rl, p, authorize.Source{Pushed: true, Client: c})
	if refusal != nil {
		return refusal.Error
	}
	uri, err := f.reader.Push(r.Context(), req)
	if err != nil {
		return err
	}
	web.WriteJSON(w, http.StatusCreated, struct {
		URI string `json:"request_uri"`
		In  int64  `json:"expires_in"`
	}{uri, int64(authorize.PushLife / time.Second)})
	return nil
}
