//go:build clients

package clients_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// A sign-out is told to two other clients in hidden frames (OpenID Connect Front-Channel Logout 1.0) before the browser goes on
// to the one that asked for it. The page's own policy has to let the frames load.
func TestFrontChannelLogout(t *testing.T) {
	const yaml = `realm: default
clients:
  - {id: one, name: One, secret: one-secret-12, grants: [authorization_code], scopes: [openid], redirect_uris: ["https://one.example.org/callback"],
     openid: {skip_consent: true, post_logout_redirect_uris: ["https://one.example.org/bye"]}}
  - {id: two, name: Two, secret: two-secret-12, grants: [authorization_code], scopes: [openid], redirect_uris: ["https://two.example.org/callback"],
     openid: {skip_consent: true, frontchannel_logout_uri: "https://two.example.org/gone?x=y", frontchannel_logout_session_required: true}}
  - {id: three, name: Three, secret: three-secret, grants: [authorization_code], scopes: [openid], redirect_uris: ["https://three.example.org/callback"],
     openid: {skip_consent: true, frontchannel_logout_uri: "https://three.example.org/gone"}}
` + peopleYAML
	op := provide(t, yaml)
	back, arrived := receive(t, op)
	p := sitDown(t, op, chromedp.Flag("host-resolver-rules", "MAP *.example.org:443 "+strings.TrimPrefix(back, "https://")))
	for _, name := range []string{"one", "two", "three"} {
		q := url.Values{"client_id": {name}, "redirect_uri": {"https://" + name + ".example.org/callback"}, "response_type": {"code"}, "scope": {"openid"}}
		p.visit(op.url + "/authorize?" + q.Encode())
		if r := next(t, arrived); r.Host != name+".example.org" || r.Form.Get("code") == "" {
			t.Fatalf("%s got %s %v", name, r.Host, r.Form)
		}
	}
	q := url.Values{"client_id": {"one"}, "post_logout_redirect_uri": {"https://one.example.org/bye"}, "state": {"so long"}}
	p.visit(op.url + "/logout?" + q.Encode())
	var seen []string
	for range 3 {
		r := next(t, arrived)
		at := r.Host + r.URL.Path
		seen = append(seen, at)
		switch at {
		case "two.example.org/gone":
			if r.Form.Get("iss") != op.url || r.Form.Get("sid") == "" || r.Form.Get("x") != "y" {
				t.Errorf("two was told %v", r.Form)
			}
		case "one.example.org/bye":
			if len(seen) != 3 || r.Form.Get("state") != "so long" {
				t.Errorf("back at the client after %q, with %v", seen, r.Form)
			}
		}
	}
	slices.Sort(seen)
	if want := []string{"one.example.org/bye", "three.example.org/gone", "two.example.org/gone"}; !slices.Equal(seen, want) {
		t.Errorf("told were %q, want %q", seen, want)
	}
}
