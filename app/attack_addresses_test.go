package app_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"sallyport/app"
)

// X-Forwarded-For, whose word counts: only that of a trusted proxy, and of its list only what the nearest one vouches for.
// Filters, limits, clients' addresses, diversions and what the upstream is told all go by the same address.
func TestAttackForwardedFor(t *testing.T) {
	up, diverted := newWitness(t, nil), newWitness(t, nil)
	yaml := "realm: default\nscopes: [{name: read}]\nclients: [{id: shop, secret: shop-secret-1, grants: [client_credentials], scopes: [read], addresses: [192.0.2.0/24]}]\napis:\n" +
		"  - {name: filter, path: /filter, auth: [none], upstream: '" + up.URL + "', policies: [{ipfilter: {allow: [192.0.2.0/24]}}]}\n" +
		"  - {name: denied, path: /denied, auth: [none], upstream: '" + up.URL + "', policies: [{ipfilter: {deny: [127.0.0.0/8, 198.51.100.0/24, '2001:db8::/32']}}]}\n" +
		"  - {name: client, path: /client, auth: [basic], upstream: '" + up.URL + "'}\n" +
		"  - name: divert\n    path: /divert\n    auth: [none]\n    divert: [{from: [192.0.2.0/24], targets: [{url: '" + diverted.URL + "'}]}, {from: ['0.0.0.0/0', '::/0'], targets: [{url: '" + up.URL + "'}]}]\n"
	plain := guarded(t, yaml)
	behind := guarded(t, yaml, func(c *app.Config) { c.TrustedProxies = []string{"127.0.0.0/8", "10.0.0.0/8"} })
	basic := "Authorization: " + basicOf("shop", "shop-secret-1") + "\r\n"
	call := func(s *serving, path, fields string) (int, string) {
		up.take()
		diverted.take()
		text := say(t, s.addr, "GET "+path+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"+basic+fields+"\r\n")
		asked, _ := up.take()
		other, _ := diverted.take()
		told := ""
		for _, a := range append(asked, other...) {
			told += a.Header.Get("X-Forwarded-For")
		}
		if len(other) > 0 {
			told += " diverted"
		}
		return statuses(t, text)[0], told
	}
	forged := []string{
		"X-Forwarded-For: 192.0.2.1\r\n", "x-forwarded-for: 192.0.2.1\r\n", "X_Forwarded_For: 192.0.2.1\r\n", "Forwarded: for=192.0.2.1\r\n", "X-Real-IP: 192.0.2.1\r\n", "X-Client-IP: 192.0.2.1\r\n", "True-Client-IP: 192.0.2.1\r\n",
		"CF-Connecting-IP: 192.0.2.1\r\n", "X-Forwarded-For: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.2\r\n", "Connection: X-Forwarded-For\r\nX-Forwarded-For: 192.0.2.1\r\n", "X-Original-Forwarded-For: 192.0.2.1\r\n", "X-Cluster-Client-IP: 192.0.2.1\r\n",
	}
	for _, f := range forged { // a stranger is where it is
		for path, want := range map[string]string{"/filter": "403 ", "/denied": "403 ", "/client": "403 ", "/divert": "200 127.0.0.1"} {
			if st, told := call(plain, path, f); fmt.Sprint(st, " ", told) != want {
				t.Errorf("%s with %q: %d %q, want %s", path, f, st, told, want)
			}
		}
	}
	for list, from := range map[string]string{ // as a trusted proxy hands it on; "": nobody knows more than the proxy's own address
		"192.0.2.1": "192.0.2.1", "198.51.100.7, 192.0.2.1": "192.0.2.1", "192.0.2.1, 198.51.100.7": "198.51.100.7", "192.0.2.1, 198.51.100.7, 10.0.0.1": "198.51.100.7", "192.0.2.1, unknown": "", "192.0.2.1, ": "", "unknown": "",
		"192.0.2.1:4711": "192.0.2.1", "::ffff:192.0.2.1": "192.0.2.1", "[::ffff:192.0.2.1]:80": "192.0.2.1", "2001:db8::1": "2001:db8::1", "[2001:db8::1]:80": "2001:db8::1", "198.51.100.7\r\nX-Forwarded-For: 192.0.2.1": "192.0.2.1",
		"192.0.2.1\r\nX-Forwarded-For: 198.51.100.7": "198.51.100.7", "192.0.2.1, 198.51.100.7 ,10.1.2.3, 127.0.0.1": "198.51.100.7", "192.0.2.1, 010.0.0.1": "", "192.0.2.1, 0x0a000001": "", "192.0.2.1;198.51.100.7": "", "\"192.0.2.1\"": "", "192.0.2.1, fe80::1%eth0": "fe80::1",
	} {
		good, bad := from == "192.0.2.1", from == "" || strings.HasPrefix(from, "198.") || strings.HasPrefix(from, "2001:")
		st, _ := call(behind, "/filter", "X-Forwarded-For: "+list+"\r\n")
		if (st == 200) != good {
			t.Errorf("filter, %q: %d", list, st)
		}
		if st, _ := call(behind, "/denied", "X-Forwarded-For: "+list+"\r\n"); (st == 403) != bad {
			t.Errorf("denied, %q: %d", list, st)
		}
		if st, _ := call(behind, "/client", "X-Forwarded-For: "+list+"\r\n"); (st == 200) != good {
			t.Errorf("client, %q: %d", list, st)
		}
		want := from
		if want == "" {
			want = "127.0.0.1"
		}
		if good {
			want += " diverted"
		}
		if st, told := call(behind, "/divert", "X-Forwarded-For: "+list+"\r\n"); st != 200 || told != want {
			t.Errorf("divert, %q: %d %q, want %q", list, st, told, want)
		}
	}
}

// Limits by address: an IPv6 subscriber has one limit, not one for each of its addresses, and a stranger's word on its
// address buys none.
func TestAttackLimitsByAddress(t *testing.T) {
	up := newWitness(t, nil)
	yaml := keysYAML + "  - {name: address, path: /address, auth: [none], upstream: '" + up.URL + "', policies: [{ratelimit: {rate: 5/h, by: address}}]}\n" +
		"  - {name: client, path: /client, auth: [bearer, basic, apikey], upstream: '" + up.URL + "', policies: [{ratelimit: {rate: 5/h}}]}\n" +
		"  - {name: user, path: /user, auth: [bearer, basic, apikey], upstream: '" + up.URL + "', policies: [{ratelimit: {rate: 5/h, by: user}}]}\n" +
		"  - {name: tenant, path: /tenant, auth: [none], upstream: '" + up.URL + "', policies: [{ratelimit: {rate: 5/h, by: \"expression: call.header['x-tenant']\"}}]}\n"
	plain := guarded(t, yaml)
	behind := guarded(t, yaml, func(c *app.Config) { c.TrustedProxies = []string{"127.0.0.0/8"} })
	served := func(s *serving, path string, fields func(i int) string) (n int) {
		for i := range 30 {
			if statuses(t, say(t, s.addr, fmt.Sprintf("GET %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s\r\n", path, fields(i))))[0] == 200 {
				n++
			}
		}
		return n
	}
	tokens := make([]string, 30)
	for i := range tokens {
		tokens[i] = tokenOf(t, plain.addr, "shop", "shop-secret-1")
	}
	ways := func(i int) string { // one client by whatever it has
		switch i % 3 {
		case 0:
			return "Authorization: Bearer " + tokens[i] + "\r\n"
		case 1:
			return "Authorization: " + basicOf("shop", "shop-secret-1") + "\r\n"
		}
		return "X-Api-Key: till-key-0123456789abcdef\r\n"
	}
	for _, tt := range []struct {
		name   string
		s      *serving
		path   string
		fields func(i int) string
		want   int
	}{
		{"a stranger's word", plain, "/address", func(i int) string { return fmt.Sprintf("X-Forwarded-For: 192.0.2.%d\r\n", i) }, 5},
		{"addresses of one IPv6 network", behind, "/address", func(i int) string { return fmt.Sprintf("X-Forwarded-For: 2001:db8:1:2:%x::%x\r\n", i, i) }, 5},
		{"an address in two forms", behind, "/address", func(i int) string {
			return "X-Forwarded-For: " + []string{"192.0.2.200", "::ffff:192.0.2.200", "[::ffff:c000:2c8]:1"}[i%3] + "\r\n"
		}, 5},
		{"other networks", behind, "/address", func(i int) string { return fmt.Sprintf("X-Forwarded-For: 2001:db8:1:%x::1\r\n", i+16) }, 30},
		{"many tokens and other credentials", plain, "/client", ways, 5},
		{"the same by user, where there is none", plain, "/user", ways, 5},
		{"other spellings of the path", plain, "/address", func(int) string { return "" }, 0}, // it was used up above
		{"names by case", plain, "/tenant", func(i int) string { return []string{"x-tenant", "X-TENANT", "X-Tenant"}[i%3] + ": one\r\n" }, 5},
		{"nobody's tenant", plain, "/tenant", func(int) string { return "" }, 5},
		{"a tenant named twice", plain, "/tenant", func(int) string { return "X-Tenant: two\r\nX-Tenant: three\r\n" }, 5},
	} {
		if n := served(tt.s, tt.path, tt.fields); n != tt.want {
			t.Errorf("%s: %d served, want %d", tt.name, n, tt.want)
		}
	}
	for _, spelling := range []string{"/%61ddress", "/address/", "/address/x", "/address?x", "/realms/default/address"} {
		if n := served(plain, spelling, func(int) string { return "" }); n != 0 {
			t.Errorf("%s: %d served", spelling, n)
		}
	}
}

// Class 14, an upstream at a forbidden address, and DNS rebinding: the address is looked at when the connection is made, each
// time, so a name that resolves to another one then is of no use.
func TestAttackForbiddenAddresses(t *testing.T) {
	first := new(atomic.Int32)
	up := newWitness(t, nil)
	_, port, _ := cutPort(up.URL)
	defer rebinding(t, func(string) net.IP {
		if first.Add(1) <= 2 { // A and AAAA of the first look
			return net.IPv4(127, 0, 0, 1)
		}
		return net.IPv4(169, 254, 169, 254)
	})()
	hosts := []string{"169.254.169.254", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[64:ff9b:1::a9fe:a9fe]", "[2002:a9fe:a9fe::1]", "[::169.254.169.254]", "[fd00:ec2::254]", "[fe80::1]", "0.0.0.0", "[::]", "224.0.0.1", "255.255.255.255", "100.100.100.200", "192.0.0.192"}
	var yaml strings.Builder
	yaml.WriteString("realm: default\napis:\n")
	for i, h := range hosts {
		for _, engine := range []string{"", "engine: standard, "} {
			fmt.Fprintf(&yaml, "  - {name: h%d%d, path: /h%d%d, auth: [none], %supstream: 'http://%s:%s', timeouts: {connect: 1s}, mirror: {url: 'http://%s:%s'}}\n", i, len(engine), i, len(engine), engine, h, port, h, port)
		}
	}
	fmt.Fprintf(&yaml, "  - {name: rebind, path: /rebind, auth: [none], upstream: 'http://rebind.example:%s'}\n", port)
	s := guarded(t, yaml.String())
	for i, h := range hosts {
		for _, engine := range []int{0, len("engine: standard, ")} {
			text := say(t, s.addr, fmt.Sprintf("GET /h%d%d HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", i, engine))
			if st := statuses(t, text)[0]; st != 502 || !strings.Contains(text, "upstream_denied") {
				t.Errorf("%s: %d %q", h, st, text)
			}
		}
	}
	if asked, _ := up.take(); len(asked) != 0 {
		t.Errorf("asked %q", lines(asked))
	}
	text := say(t, s.addr, "GET /rebind HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	if asked, _ := up.take(); statuses(t, text)[0] != 200 || !slices.Equal(lines(asked), []string{"GET /rebind"}) {
		t.Fatalf("before: %q, asked %q", text, lines(asked))
	}
	closeAll(up)
	for range 3 { // with no connection left, the name is looked up again
		text = say(t, s.addr, "GET /rebind HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
	}
	if statuses(t, text)[0] != 502 || !strings.Contains(text, "upstream_denied") {
		t.Errorf("after: %q", text)
	}
}

// closeAll has an upstream close its connections.
func closeAll(w *witness) {
	w.answer = func(rw http.ResponseWriter, _ *http.Request) { rw.Header().Set("Connection", "close") }
}

// rebinding puts a name server of its own in the place of the system's; the function returned puts that back.
func rebinding(t *testing.T, answer func(name string) net.IP) func() {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			_, _ = pc.WriteTo(dnsAnswer(buf[:n], answer("")), from)
		}
	}()
	addr := pc.LocalAddr().String()
	nameServer.Store(&addr)
	return func() {
		nameServer.Store(nil)
		_ = pc.Close()
	}
}

// nameServer is asked for addresses instead of the system's, nil: that is.
var nameServer atomic.Pointer[string]

// useNameServer has this process ask nameServer. It is called once, before anybody looks a name up.
func useNameServer() {
	net.DefaultResolver = &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		if own := nameServer.Load(); own != nil {
			network, address = "udp", *own
		}
		return (&net.Dialer{}).DialContext(ctx, network, address)
	}}
}

// dnsAnswer answers a question for A with an address, and every other with nothing (RFC 1035 section 4.1).
func dnsAnswer(question []byte, ip net.IP) []byte {
	end := 12
	for question[end] != 0 {
		end += int(question[end]) + 1
	}
	kind := binary.BigEndian.Uint16(question[end+1:])
	end += 5
	a := append([]byte{}, question[:end]...)
	a[2], a[3] = 0x81, 0x80
	clear(a[6:12])
	if kind == 1 {
		a[7] = 1
		a = append(a, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4)
		a = append(a, ip.To4()...)
	}
	return a
}
