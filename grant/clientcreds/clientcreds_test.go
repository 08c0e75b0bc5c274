package clientcreds_test

import (
	"testing"

	"sallyport/client"
	"sallyport/grant"
	"sallyport/grant/clientcreds"
	"sallyport/oauth"
)

func TestProve(t *testing.T) {
	g := clientcreds.New()
	for authenticated, want := range map[bool]oauth.Reason{true: "", false: oauth.GrantNotAllowed} {
		proof, err := g.Prove(t.Context(), &grant.Attempt{
			Request: &grant.Request{Type: "client_credentials", Params: oauth.NewParams("username", "dory")},
			Client:  &client.Client{ID: "app"}, Authenticated: authenticated,
		})
		if got := oauth.ReasonOf(err); got != want {
			t.Errorf("authenticated %v: %q", authenticated, got)
		}
		if proof.User != nil || proof.Refresh || proof.Continues != nil {
			t.Errorf("authenticated %v: %+v", authenticated, proof)
		}
	}
}
