package gateway_test

import (
	"io"
	"net/http"
	"testing"

	"sallyport/api"
)

// Which API and which route a call meets, and what comes of it.
func TestParts(t *testing.T) {
	echo := func(name string) string {
		return upstream(t, func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, name+" "+r.RequestURI) })
	}
	first, second := echo("first"), echo("second")
	b := start(t, nil,
		&api.API{
			Name: "orders", Path: "/orders/{id}", Upstream: first + "/v1/{id}", Strip: true, Scopes: []string{"read"}, Allow: []string{"GET", "POST", "DELETE"}, Strict: true,
			Routes: []api.Route{
				{Path: "/", Exact: true, Allow: []string{"GET"}},
				{Path: "/items/{item}", Allow: []string{"GET", "POST"}},
				{Path: "/items/{item}", Allow: []string{"DELETE"}, Scopes: []string{"admin"}},
				{Path: "/any", Scopes: []string{}},
				{Path: "/open", Auth: named("none")},
				{Path: "/open/not", Allow: []string{"POST"}},
			},
		},
		&api.API{Name: "loose", Path: "/loose", Upstream: first, Auth: named("none"), Routes: []api.Route{{Path: "/closed", Auth: named("bearer"), Scopes: []string{"admin"}}}},
		&api.API{Name: "v1", Path: "/v", Upstream: first, Auth: named("none")},
		&api.API{Name: "v2", Path: "/v", Upstream: second, Auth: named("none"), Headers: []api.Condition{{Name: "Api-Version", Value: "2"}}},
		&api.API{Name: "exact", Path: "/v/exact", Exact: true, Upstream: second, Auth: named("none")},
	)
	good := []string{"Authorization", "Bearer good"} // read and write
	tests := []struct {
		method, path string
		header       []string
		status       int
		body, allow  string
	}{
		{"GET", "/orders/5", good, 200, "first /v1/5", ""},
		{"GET", "/orders/5/", good, 200, "first /v1/5/", ""},
		{"GET", "/orders/5/items/a%2Cb;c?q=%7e", good, 200, "first /v1/5/items/a%2Cb;c?q=%7e", ""},
		{"HEAD", "/orders/5/items/6", good, 200, "", ""},
		{"GET", "/orders/5/items/6", nil, 401, "", ""},
		{"DELETE", "/orders/5/items/6", good, 403, "", ""},
		{"GET", "/orders/5/any/x", []string{"Authorization", "Bearer alone"}, 200, "first /v1/5/any/x", ""},
		{"GET", "/orders/5/open", nil, 200, "first /v1/5/open", ""},
		{"GET", "/orders/5/open/not", nil, 200, "first /v1/5/open/not", ""}, // the route below is for other methods
		{"POST", "/orders/5/open/not", nil, 401, "", ""},
		{"GET", "/orders/5/items", good, 404, "", ""},
		{"GET", "/orders", good, 404, "", ""},
		{"GET", "/orders/", good, 404, "", ""},
		// What is not served is told before anybody has to say who they are.
		{"PUT", "/orders/5", nil, 405, "", "GET, POST, DELETE, HEAD"},
		{"POST", "/orders/5", nil, 405, "", "GET, HEAD"},
		// No reading of a path leads around a route.
		{"GET", "/orders/5/open;x", nil, 400, "", ""},
		{"GET", "/loose/closed", nil, 401, "", ""},
		{"GET", "/loose/closed;x", nil, 400, "", ""},
		{"GET", "/loose/closed%3Bx/y", nil, 400, "", ""},
		{"GET", "/loose/%63losed", nil, 401, "", ""},
		{"GET", "/loose/x/%2e%2e/closed", nil, 400, "", ""},
		{"GET", "/loose/closed", good, 403, "", ""},
		{"GET", "/loose/other", nil, 200, "first /loose/other", ""},
		// Other APIs under one path.
		{"GET", "/v/x", nil, 200, "first /v/x", ""},
		{"GET", "/v/x", []string{"api-version", "2"}, 200, "second /v/x", ""},
		{"GET", "/v/x", []string{"api-version", "2", "api-version", "1"}, 400, "", ""},
		{"GET", "/v/exact", nil, 200, "second /v/exact", ""},
		{"GET", "/v/exact/x", nil, 200, "first /v/exact/x", ""},
	}
	for _, tt := range tests {
		res, body := b.call(t, tt.method, tt.path, nil, tt.header...)
		if res.StatusCode != tt.status || res.StatusCode == 200 && body != tt.body || res.Header.Get("Allow") != tt.allow {
			t.Errorf("%s %s: %d %q, Allow %q; want %d %q, %q", tt.method, tt.path, res.StatusCode, body, res.Header.Get("Allow"), tt.status, tt.body, tt.allow)
		}
	}
}
