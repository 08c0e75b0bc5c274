package registration_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"sallyport/client"
	"sallyport/oauth"
	"sallyport/registration"
)

type document string

func (d document) Get(_ context.Context, url string) ([]byte, error) {
	if d == "" || url != "https://app.example.org/s" {
		return nil, errors.New("no answer")
	}
	return []byte(d), nil
}

// TestSector: OpenID Connect Registration section 5.
func TestSector(t *testing.T) {
	c := &client.Client{RedirectURIs: []string{"https://a.example/cb", "https://b.example/cb"}, OpenID: client.OpenID{SectorIdentifierURI: "https://app.example.org/s"}}
	for text, want := range map[string]string{
		`["https://b.example/cb","https://c.example/","https://a.example/cb"]`: "",
		`["https://a.example/cb"]`:                      "does not list 'https://b.example/cb'",
		`["https://a.example/cb/","https://b.example"]`: "does not list",
		`{"redirect_uris":["https://a.example/cb"]}`:    "not a JSON array",
		`null`: "not a JSON array",
		`[1]`:  "not a JSON array",
		`["` + strings.Repeat("a", 300<<10) + `"]`: "not a JSON array",
		``: "could not be fetched",
	} {
		err := registration.CheckSector(t.Context(), document(text), c)
		if got := oauth.AsError(err); (want == "") != (err == nil) || err != nil && (!strings.Contains(got.Description, want) || got.Code != oauth.InvalidClientMetadata) {
			t.Errorf("%.60s: %v, want %q", text, err, want)
		}
	}
	if err := registration.CheckSector(t.Context(), document(""), &client.Client{}); err != nil {
		t.Errorf("no sector: %v", err)
	}
}
