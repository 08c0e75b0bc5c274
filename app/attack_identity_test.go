package app_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// folded writes a field's name as servers do that put fields into environment variables.
func folded(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		case 'A' <= r && r <= 'Z':
			return r | 0x20
		}
		return '-'
	}, name)
}

// spellings are a field's name as strangers may write it.
func spellings(name string) []string {
	mixed := []byte(strings.ToLower(name))
	for i := range mixed {
		if i%2 == 1 {
			mixed[i] = strings.ToUpper(string(mixed[i]))[0]
		}
	}
	return []string{
		name, strings.ToLower(name), strings.ToUpper(name), string(mixed),
		strings.ReplaceAll(name, "-", "_"), strings.ToLower(strings.ReplaceAll(name, "-", "_")), strings.Replace(name, "-", "_", 1),
		strings.ReplaceAll(name, "-", "."), strings.ReplaceAll(name, "-", "~"), strings.ReplaceAll(name, "-", "!"),
	}
}

// forged are fields by which an upstream could take a stranger for somebody, or for a proxy.
var forged = []string{
	"X-Sallyport-Client", "X-Sallyport-User", "X-Sallyport-Scope", "X-Sallyport-Admin", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port",
	"X-Forwarded-Prefix", "X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Groups", "X-Forwarded-Client-Cert", "X-Forwarded", "Forwarded", "X-Real-Ip", "X-Client-Ip",
	"X-Cluster-Client-Ip", "True-Client-Ip", "Client-Ip", "Cf-Connecting-Ip", "Fastly-Client-Ip", "X-Originating-Ip", "X-Original-Url", "X-Original-Host", "X-Original-Forwarded-For",
	"X-Rewrite-Url", "X-Host", "X-Http-Host-Override", "Remote-User", "Remote-Addr", "Remote-Email", "X-Remote-User", "X-Remote-Addr", "X-Auth-Request-User", "X-Authenticated-User",
	"X-Authenticated-Userid", "X-Webauth-User", "X-Consumer-Id", "X-Consumer-Username", "X-Ssl-Client-Dn", "X-Ssl-Client-Verify", "Ssl-Client-Cert", "Client-Cert", "Client-Cert-Chain",
	"X-Request-Id", "Proxy", "Proxy-Authorization", "Proxy-Connection", "Content_Length", "Transfer_Encoding",
	"X-Client-Cert", "X-Client-Dn", "X-Goog-Authenticated-User-Email", "X-Ms-Client-Principal-Name", "Cf-Access-Authenticated-User-Email", "Tailscale-User-Login",
	"X-Amzn-Oidc-Identity", "X-Envoy-Original-Path", "X-Envoy-External-Address", "X-Userinfo", "X-Vouch-User", "X-Pomerium-Claim-Email", "X-Authentik-Username", "X-Azure-Clientip", "X-Azure-Socketip",
	"X-Appengine-User-Ip", "X-Proxyuser-Ip", "X-Arr-Clientcert",
}

// Class 28, identity-header smuggling: in no spelling does a stranger's word on who calls, from where and how reach an
// upstream, neither in the header nor in trailers, and nobody can have ours taken out by naming it in Connection.
func TestAttackIdentityHeaders(t *testing.T) {
	up := newWitness(t, nil)
	s := guarded(t, callersYAML+strings.TrimPrefix(twice(up.URL, "auth: [bearer, none]"), "\n"))
	bearer := "Authorization: Bearer " + tokenOf(t, s.addr, "shop", "shop-secret-1") + "\r\n"
	for _, prefix := range both {
		for _, credential := range []string{"", bearer} {
			var list []string
			for _, name := range forged {
				list = append(list, spellings(name)...)
			}
			for chunk := range slices.Chunk(list, 100) {
				var fields, trailers strings.Builder
				for _, name := range chunk {
					fmt.Fprintf(&fields, "%s: forged\r\n", name)
					fmt.Fprintf(&trailers, "%s: forged\r\n", name)
				}
				announced := "Trailer: X-Sallyport-User, x_sallyport_client, Remote_User, Authorization, Cookie, X-Checksum\r\n"
				for _, text := range []string{
					"GET " + prefix + "/header HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + credential + fields.String() + "\r\n",
					"GET " + prefix + "/named HTTP/1.1\r\nHost: a\r\nConnection: close, X-Sallyport-Client, x-sallyport-user, X-Sallyport-Scope, X-Forwarded-For\r\nconnection: X-Forwarded-Proto,X-Forwarded-Host,Via,Host, X-Request-Id\r\n" + credential + "\r\n",
					"POST " + prefix + "/trailer HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n" + announced + credential + "\r\n1\r\nx\r\n0\r\nX-Checksum: 1\r\nCookie: forged\r\n" + trailers.String() + "\r\n",
				} {
					up.take()
					answer := say(t, s.addr, text)
					asked, bytes := up.take()
					if len(asked) != 1 {
						t.Fatalf("%s: asked %q, answered %.200q", prefix, lines(asked), answer)
					}
					if strings.Contains(bytes, "forged") {
						t.Errorf("%s: the upstream was told %q", prefix, bytes)
					}
					checkIdentity(t, asked[0], credential != "")
				}
			}
		}
	}
}

// checkIdentity looks for what the gateway says of a call from this machine, once each.
func checkIdentity(t *testing.T, got seen, known bool) {
	t.Helper()
	want := map[string]string{"x-forwarded-for": "127.0.0.1", "x-forwarded-host": "a", "x-forwarded-proto": "http", "via": "1.1 sallyport"}
	if known {
		want["x-sallyport-client"], want["x-sallyport-scope"] = "shop", "read"
	}
	have := map[string]string{}
	for name, values := range got.Header {
		switch f := folded(name); {
		case f == "via", strings.HasPrefix(f, "x-sallyport"), strings.HasPrefix(f, "x-forwarded"):
			have[f] += strings.Join(values, "|")
		case f == "x-request-id" && len(values) == 1 && values[0] != "":
		case slices.ContainsFunc(forged, func(n string) bool { return folded(n) == f }):
			t.Errorf("%s: %q reached the upstream", name, values)
		}
	}
	if diff := cmp.Diff(want, have); diff != "" {
		t.Errorf("the upstream was told (-want +got):\n%s", diff)
	}
	if len(got.Header["X-Request-Id"]) != 1 {
		t.Errorf("X-Request-Id: %q", got.Header["X-Request-Id"])
	}
	for name := range got.Trailer {
		if name != "X-Checksum" {
			t.Errorf("trailer %s reached the upstream: %q", name, got.Trailer)
		}
	}
}

// Class 28, method override: a field that asks for another method than the one that was decided on goes no further, where
// the method was part of the decision.
func TestAttackMethodOverride(t *testing.T) {
	up := newWitness(t, func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Cache-Control", "max-age=60") })
	s := guarded(t, callersYAML+strings.TrimPrefix(twice(up.URL, "auth: [none], allow: [GET]"), "\n")+
		"  - {name: cached, path: /cached, auth: [none], upstream: '"+up.URL+"', policies: [cache]}\n"+
		"  - {name: scoped, path: /scoped, auth: [none], upstream: '"+up.URL+"', routes: [{path: /, allow: [DELETE], auth: [bearer]}]}\n")
	for _, prefix := range append(both, "/scoped", "/cached") {
		for i, name := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
			for j, spelling := range spellings(name) {
				say(t, s.addr, fmt.Sprintf("GET %s/%d/%d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s: DELETE\r\n\r\n", prefix, i, j, spelling))
				asked, bytes := up.take()
				if prefix == "/cached" { // it may be passed on, but what comes back is nobody else's
					say(t, s.addr, fmt.Sprintf("GET %s/%d/%d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", prefix, i, j))
					if again, _ := up.take(); len(again) != 1 && strings.Contains(bytes, "DELETE") {
						t.Errorf("%s: the answer to %s is given to those who GET", spelling, bytes)
					}
				} else if len(asked) != 1 || strings.Contains(bytes, "DELETE") {
					t.Errorf("%s %s: the upstream was asked %q", prefix, spelling, bytes)
				}
			}
		}
	}
}
