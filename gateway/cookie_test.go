package gateway_test

import (
	"io"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"sallyport/api"
)

// CVE class 28, and session fixation: pages and APIs under one host name share a browser's cookies.
func TestOwnCookiesStayOwn(t *testing.T) { eachEngine(t, testOwnCookies) }

func testOwnCookies(t *testing.T) {
	var got []string
	up := upstream(t, func(w http.ResponseWriter, r *http.Request) {
		got = r.Header["Cookie"]
		w.Header()["Set-Cookie"] = []string{
			"theirs=1; Path=/", "__Host-sallyport-session-default=planted; Path=/; Secure", "sallyport-session-default=planted",
			" SALLYPORT-browser-default=planted", "__host-Sallyport-x=planted",
		}
		w.Header().Set("Service-Worker-Allowed", "/")
		_, _ = io.WriteString(w, "ok")
	})
	b := start(t, nil, &api.API{Name: "open", Path: "/open", Upstream: up, Auth: named("none")})
	for _, tt := range []struct{ sent, want []string }{
		{nil, nil},
		{[]string{"a=b"}, []string{"a=b"}},
		{[]string{"a=b; sallyport-session-default=s; c=sallyport-d"}, []string{"a=b; c=sallyport-d"}},
		{[]string{"__Host-sallyport-session-default=s"}, nil},
		{[]string{"a=b;__Host-sallyport-browser-corp=s;Sallyport-Session-x=y"}, []string{"a=b"}},
	} {
		got = nil
		r, err := http.NewRequest("GET", b.URL+"/open", nil)
		if err != nil {
			t.Fatal(err)
		}
		if tt.sent != nil {
			r.Header["Cookie"] = tt.sent
		}
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", tt.sent, diff)
		}
		if diff := cmp.Diff([]string{"theirs=1; Path=/"}, res.Header["Set-Cookie"]); diff != "" || res.Header.Get("Service-Worker-Allowed") != "" {
			t.Errorf("the answer: %v %s", res.Header, diff)
		}
	}
}
