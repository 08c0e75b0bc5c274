package gateway_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/gateway"
)

// The keys are as net/http makes them from what is on the wire: the first letter and those behind a hyphen in upper case,
// all others in lower case.
func TestClean(t *testing.T) {
	gone := []string{
		"X-Sallyport-Client", "X-Sallyport-User", "X-Sallyport-Scope", "X-Sallyport-Anything", "X-Sallyport",
		"X_sallyport_user", "X-Sallyport_user", "X_sallyport-User", "X.sallyport.user", "X-Sallyport~user",
		"Forwarded", "X-Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Forwarded-Port", "X-Forwarded-Prefix",
		"X-Forwarded-User", "X-Forwarded-Email", "X-Forwarded-Groups", "X-Forwarded-Preferred-Username", "X-Forwarded-Access-Token",
		"X-Forwarded-Tls-Client-Cert", "X-Forwarded-For_", "X_forwarded_for", "X_forwarded-For", "X-Forwarded_for", "X-Forwardedfor",
		"X-Real-Ip", "X_real_ip", "X-Real_ip", "X-Client-Ip", "X-Cluster-Client-Ip", "True-Client-Ip", "Cf-Connecting-Ip", "Client_ip",
		"X-Original-Url", "X_original_url", "X-Original-Uri", "X-Original-Method", "X-Rewrite-Url", "X-Original-Host",
		"X-Auth-Request-User", "X_auth_request_user", "X-Authenticated-User", "X-Remote-User", "Remote-User", "Remote_user", "Remote-Groups", "remote.email", "X-Webauth-Role", "X-Consumer-Username", "Client-Cert-Chain",
		"X-Webauth-User", "X-Ssl-Client-Cert", "Ssl-Client-Verify", "Client-Cert", "Proxy", "X-Host",
		"X-Client-Cert", "X-Client-Dn", "X-Envoy-Original-Path", "X_ms_client_principal_name", "Cf-Access-Authenticated-User-Email", "Proxy_authorization", "Proxy-Connection",
		"X_http_method_override", "X-Http_method-Override", "X.method.override", // nobody who means well spells it so
	}
	stays := []string{
		"Accept", "Authorization", "Cookie", "Content-Type", "X-Requested-With", "X-Api-Key", "X-Forward", "X-Real", "X-Custom_header",
		"X-Trace-Id", "Traceparent", "Referer", "Proxy-Wasm", "Range", "If-None-Match", "X", "Client-Id", "Forwarded-By-Carrier",
		"X-A-Very-Long-Name-That-Goes-Beyond-The-Buffer-X-Forwarded-For",
	}
	override := []string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override"}

	h := http.Header{}
	want := http.Header{}
	for _, name := range gone {
		h[name] = []string{"evil"}
	}
	for _, name := range append(stays, override...) {
		h[name], want[name] = []string{"v"}, []string{"v"}
	}
	gateway.Clean(h, false)
	if diff := cmp.Diff(want, h); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	for _, name := range override {
		delete(want, name)
	}
	gateway.Clean(h, true)
	if diff := cmp.Diff(want, h); diff != "" {
		t.Errorf("with methods in the decision (-want +got):\n%s", diff)
	}
}

func TestCleanLeavesNoSwitchButWebSocket(t *testing.T) {
	for value, stays := range map[string]bool{"websocket": true, "WebSocket": true, "h2c": false, "websocket, h2c": false, "TLS/1.0": false, "": false} {
		h := http.Header{"Upgrade": {value}, "Connection": {"keep-alive, upgrade"}}
		if got := gateway.Clean(h, false); got != stays || len(h) > 0 {
			t.Errorf("%q: a switch to WebSocket: %v; left %v", value, got, h)
		}
	}
	for _, h := range []http.Header{{"Upgrade": {"websocket", "h2c"}, "Connection": {"upgrade"}}, {"Upgrade": {"websocket"}}} {
		if gateway.Clean(h, false) || len(h) > 0 {
			t.Errorf("left %v", h)
		}
	}
}

func TestCleanAllocatesNothing(t *testing.T) {
	h := http.Header{"Accept": {"*/*"}, "Content-Type": {"a/b"}, "X-Custom": {"1"}, "User-Agent": {"x"}}
	if n := testing.AllocsPerRun(100, func() { gateway.Clean(h, true) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// FuzzClean checks that nothing gets by: whatever Connection names is gone, and so is every spelling of who calls.
func FuzzClean(f *testing.F) {
	for _, seed := range [][3]string{
		{"close, X-A", "X-A", "websocket"}, {"upgrade,,\t,te", "X_sallyport_user", "h2c"}, {"keep-alive;x", "Remote.User", ""},
		{"\"x\"", "Content_length", "websocket, websocket"}, {"TE , Upgrade", "Te", "WEBSOCKET"},
	} {
		f.Add(seed[0], seed[1], seed[2])
	}
	f.Fuzz(func(t *testing.T, connection, name, up string) {
		h := http.Header{"Accept": {"*/*"}}
		h.Add(name, "v")
		h["Connection"], h["Upgrade"] = []string{connection}, []string{up}
		h["Te"] = []string{"gzip, trailers"}
		websocket := gateway.Clean(h, true)
		if websocket && !strings.EqualFold(up, "websocket") {
			t.Errorf("a switch to %q", up)
		}
		for left := range h {
			folded := strings.Map(func(r rune) rune {
				if r >= '0' && r <= '9' || r >= 'a' && r <= 'z' {
					return r
				}
				return '-'
			}, strings.ToLower(left))
			switch {
			case left == "Te":
				if diff := cmp.Diff([]string{"trailers"}, h[left]); diff != "" {
					t.Error(diff)
				}
				continue
			case strings.HasPrefix(folded, "x-sallyport"), strings.HasPrefix(folded, "x-forwarded"), strings.HasPrefix(folded, "remote-"),
				folded == "content-length", folded == "transfer-encoding", left == "Connection", left == "Upgrade", left == "Host", left == "Keep-Alive", left == "Trailer":
				t.Errorf("%q is left", left)
			}
			for named := range strings.SplitSeq(connection, ",") {
				if http.CanonicalHeaderKey(strings.Trim(named, " \t")) == left {
					t.Errorf("%q is named in %q and left", left, connection)
				}
			}
		}
	})
}
