package app_test

import (
	"slices"
	"strings"
	"testing"
)

// Class 31, heads that two servers could read differently: lines, names, versions, targets and hosts. Nothing but what was
// decided on goes upstream, and where the head itself is doubtful the connection ends.
func TestAttackHeads(t *testing.T) {
	up := newWitness(t, nil)
	s := guarded(t, "realm: default\napis:"+twice(up.URL, "auth: [none]")+
		"  - {name: inner, path: /inner, host: inner.example, upstream: '"+up.URL+"/secret', auth: [bearer]}\n")
	tests := []struct {
		name, text string
		want       []int
		asked      []string
	}{
		{"a NUL in a value", "GET PREFIX HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n" + hidden, []int{400}, nil},
		{"a NUL in a name", "GET PREFIX HTTP/1.1\r\nHost: a\r\nX\x00: b\r\n\r\n" + hidden, []int{400}, nil},
		{"a bare CR in a value", "GET PREFIX HTTP/1.1\r\nHost: a\r\nX: a\rY: b\r\n\r\n" + hidden, []int{400}, nil},
		{"a bare CR in a name", "GET PREFIX HTTP/1.1\r\nHost: a\r\nX\r: b\r\n\r\n" + hidden, []int{400}, nil},
		{"a name in brackets", "GET PREFIX HTTP/1.1\r\nHost: a\r\n(X): b\r\n\r\n" + hidden, []int{400}, nil},
		{"a name with a space", "GET PREFIX HTTP/1.1\r\nHost: a\r\nX Y: b\r\n\r\n" + hidden, []int{400}, nil},
		{"a name beyond ASCII", "GET PREFIX HTTP/1.1\r\nHost: a\r\nX\xc3\xa9: b\r\n\r\n" + hidden, []int{400}, nil},
		{"no name", "GET PREFIX HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n" + hidden, []int{400}, nil},
		{"no colon", "GET PREFIX HTTP/1.1\r\nHost: a\r\nX\r\n\r\n" + hidden, []int{400}, nil},
		{"a fold first", "GET PREFIX HTTP/1.1\r\n X: y\r\nHost: a\r\n\r\n" + hidden, []int{400}, nil},
		{"no host", "GET PREFIX HTTP/1.1\r\n\r\n" + hidden, []int{400}, nil},
		{"an empty host", "GET PREFIX HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n", []int{200}, []string{"GET /"}},
		{"two hosts", "GET PREFIX HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" + hidden, []int{400}, nil},
		{"two hosts, the same", "GET PREFIX HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n" + hidden, []int{400}, nil},
		{"a host in a list", "GET PREFIX HTTP/1.1\r\nHost: a, inner.example\r\n\r\n" + hidden, []int{400}, nil},
		{"a host and a user", "GET PREFIX HTTP/1.1\r\nHost: me@a\r\n\r\n" + hidden, []int{400}, nil},
		{"a host and a path", "GET PREFIX HTTP/1.1\r\nHost: a/b\r\n\r\n" + hidden, []int{400}, nil},
		{"a host and a query", "GET PREFIX HTTP/1.1\r\nHost: a?b\r\n\r\n" + hidden, []int{400}, nil},
		{"a host and a fragment", "GET PREFIX HTTP/1.1\r\nHost: a#b\r\n\r\n" + hidden, []int{400}, nil},
		{"a host and a backslash", "GET PREFIX HTTP/1.1\r\nHost: a\\b\r\n\r\n" + hidden, []int{400}, nil},
		{"a host behind a fold", "GET PREFIX HTTP/1.1\r\nHost:\r\n a b\r\n\r\n" + hidden, []int{400}, nil},
		{"a host with an escape", "GET PREFIX HTTP/1.1\r\nHost: inner%2eexample\r\nConnection: close\r\n\r\n", []int{400}, nil},
		{"a host with a port that is none", "GET PREFIX HTTP/1.1\r\nHost: a:80:90\r\nConnection: close\r\n\r\n", []int{400}, nil},
		{"a host with a port of letters", "GET PREFIX HTTP/1.1\r\nHost: a:b\r\nConnection: close\r\n\r\n", []int{400}, nil},
		{"a host with a semicolon", "GET PREFIX HTTP/1.1\r\nHost: a;b\r\nConnection: close\r\n\r\n", []int{400}, nil},
		{"a host with empty labels", "GET PREFIX HTTP/1.1\r\nHost: a..b\r\nConnection: close\r\n\r\n", []int{400}, nil},
		{"a host beyond ASCII", "GET PREFIX HTTP/1.1\r\nHost: a\xc3\xa9\r\n\r\n" + hidden, []int{400}, nil},
		{"a host in brackets that is none", "GET PREFIX HTTP/1.1\r\nHost: [a]\r\nConnection: close\r\n\r\n", []int{400}, nil},
		{"the target names another host, which counts", "GET http://a/PREFIX HTTP/1.1\r\nHost: inner.example\r\nConnection: close\r\n\r\n", []int{200}, []string{"GET /"}},
		{"the target names a guarded host", "GET http://inner.example/inner HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", []int{401}, nil},
		{"the target names a user", "GET http://a@inner.example/PREFIX HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", []int{400}, nil},
		{"the target names two ports", "GET http://a:80:90/PREFIX HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", []int{400}, nil},
		{"the target has another scheme", "GET gopher://a/PREFIX HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", []int{400}, nil},
		{"the target has two slashes in front", "GET //inner.example/PREFIX HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", []int{400}, nil},
		{"the target has no slash in front", "GET @inner.example/PREFIX HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", []int{400}, nil},
		{"the target is a port", "GET :80/PREFIX HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", []int{400}, nil},
		{"a fragment", "GET PREFIX#/../admin HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", []int{400}, nil},
		{"a fragment in the query", "GET PREFIX?a#b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", []int{400}, nil},
		{"a space in the target", "GET PREFIX?a b HTTP/1.1\r\nHost: a\r\n\r\n" + hidden, []int{400}, nil},
		{"a tab for the space", "GET\tPREFIX\tHTTP/1.1\r\nHost: a\r\n\r\n" + hidden, []int{400}, nil},
		{"a NUL in the target", "GET PREFIX?\x00 HTTP/1.1\r\nHost: a\r\n\r\n" + hidden, []int{400}, nil},
		{"a method in lower case is another", "get PREFIX HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", []int{200}, []string{"get /"}},
		{"a method with a bracket", "GE(T PREFIX HTTP/1.1\r\nHost: a\r\n\r\n" + hidden, []int{400}, nil},
		{"no version", "GET PREFIX\r\nHost: a\r\n\r\n" + hidden, []int{400}, nil},
		{"HTTP/0.9", "GET PREFIX HTTP/0.9\r\nHost: a\r\n\r\n" + hidden, []int{505}, nil},
		{"HTTP/2.0 by the old form", "GET PREFIX HTTP/2.0\r\nHost: a\r\n\r\n" + hidden, []int{505}, nil},
		{"a version of two digits", "GET PREFIX HTTP/1.10\r\nHost: a\r\n\r\n" + hidden, []int{400}, nil},
		{"CONNECT", "CONNECT inner.example:80 HTTP/1.1\r\nHost: inner.example:80\r\n\r\n" + hidden, []int{501}, nil},
		{"TRACE", "TRACE PREFIX HTTP/1.1\r\nHost: a\r\n\r\n" + hidden, []int{501}, nil},
		{"h2c by upgrade", "GET PREFIX HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n", []int{200}, []string{"GET /"}},
		{"another expectation", "POST PREFIX HTTP/1.1\r\nHost: a\r\nExpect: y 100-continue\r\nContent-Length: 38\r\n\r\n" + hidden, []int{417}, nil},
	}
	for _, prefix := range both {
		for _, tt := range tests {
			t.Run(prefix[1:]+" "+tt.name, func(t *testing.T) {
				up.take()
				text := say(t, s.addr, strings.ReplaceAll(strings.ReplaceAll(tt.text, "/PREFIX", prefix), "PREFIX", prefix))
				asked, bytes := up.take()
				got := lines(asked)
				for i := range got {
					got[i] = strings.Replace(got[i], prefix, "/", 1)
				}
				if st := statuses(t, text); !slices.Equal(st, tt.want) || !slices.Equal(got, tt.asked) {
					t.Errorf("answered %v %q, want %v; the upstream was asked %q, want %q", st, text, tt.want, got, tt.asked)
				}
				if strings.Contains(strings.ToLower(bytes), "h2c") || strings.Contains(bytes, "Http2-Settings") {
					t.Errorf("the upstream is asked to change over: %q", bytes)
				}
			})
		}
	}
}
