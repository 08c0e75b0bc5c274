package main

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"sallyport/bench/rig"
)

// A benchCase is one row of the table.
type benchCase struct {
	name      string
	alg       string  // JWS algorithm of a JWT case
	limit     float64 // aim: at most this many times the baseline (for JWTs: of baseline plus one signature)
	durable   bool
	server    *rig.Process
	newWorker func(i int) (rig.Worker, error)
}

// A measurement is one case in one round.
type measurement struct {
	cpu  float64 // server CPU, µs per request
	rate float64 // requests per second, all processes sharing the machine
}

func (b *bed) listCases() error {
	access, err := tokenFor(b.sqlite.Addr, "opaque")
	if err != nil {
		return err
	}
	introspect := post("/introspect", "opaque", url.Values{"token": {access}})
	call := []byte("GET /bench/x HTTP/1.1\r\nHost: bench\r\nAuthorization: Bearer " + access + "\r\n\r\n")
	s := b.sqlite
	b.cases = []benchCase{
		{name: "net/http baseline", server: b.baseline, newWorker: rig.Always(clientCredentials("opaque"))},
		{name: "client_credentials, opaque (sealed)", limit: 2.5, server: s, newWorker: rig.Always(clientCredentials("opaque"))},
		{name: "introspection", limit: 2.5, server: s, newWorker: rig.Always(introspect)},
		{name: "client_credentials, reference", limit: 5, durable: true, server: s, newWorker: rig.Always(clientCredentials("reference"))},
		{name: "refresh", limit: 5, durable: true, server: s, newWorker: refreshing(s.Addr)},
		{name: "client_credentials, JWT EdDSA", alg: "EdDSA", limit: 1.5, server: s, newWorker: rig.Always(clientCredentials("jwt-eddsa"))},
		{name: "client_credentials, JWT ES256", alg: "ES256", limit: 1.5, server: s, newWorker: rig.Always(clientCredentials("jwt-es256"))},
		{name: "client_credentials, JWT RS256", alg: "RS256", limit: 1.5, server: s, newWorker: rig.Always(clientCredentials("jwt-rs256"))},
		{name: "gateway call, bearer", server: s, newWorker: rig.Always(call)},
	}
	if b.postgres != nil {
		b.cases = append(b.cases,
			benchCase{name: "reference, PostgreSQL", durable: true, server: b.postgres, newWorker: rig.Always(clientCredentials("reference"))},
			benchCase{name: "refresh, PostgreSQL", durable: true, server: b.postgres, newWorker: refreshing(b.postgres.Addr)})
	}
	return nil
}

// measure runs one case once. A short run before the clock starts fills caches and connections.
func (b *bed) measure(ctx context.Context, c benchCase, o options) (m measurement, err error) {
	if _, err = rig.Drive(ctx, c.server.Addr, o.connections, o.length/10, c.newWorker); err != nil {
		return m, err
	}
	before, err := c.server.CPU()
	if err != nil {
		return m, err
	}
	began := time.Now()
	n, err := rig.Drive(ctx, c.server.Addr, o.connections, o.length, c.newWorker)
	if err != nil {
		return m, err
	}
	took := time.Since(began)
	after, err := c.server.CPU()
	if err != nil {
		return m, err
	}
	if n == 0 {
		return m, fmt.Errorf("no request was answered in %s", o.length)
	}
	return measurement{cpu: float64((after - before).Microseconds()) / float64(n), rate: float64(n) / took.Seconds()}, nil
}

func post(path, client string, form url.Values) []byte {
	body := form.Encode()
	auth := base64.StdEncoding.EncodeToString([]byte(client + ":" + secret))
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: bench\r\nAuthorization: Basic %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		path, auth, len(body), body)
}

func clientCredentials(client string) []byte {
	return post("/token", client, url.Values{"grant_type": {"client_credentials"}})
}

type answer struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
}

func ask(addr string, request []byte) (a answer, err error) {
	c, err := rig.Dial(addr)
	if err != nil {
		return a, err
	}
	defer c.Close()
	status, body, err := c.Do(request)
	if err != nil {
		return a, err
	}
	if status != 200 {
		return a, fmt.Errorf("status %d: %s", status, body)
	}
	return a, json.Unmarshal(body, &a)
}

func tokenFor(addr, client string) (string, error) {
	a, err := ask(addr, clientCredentials(client))
	return a.AccessToken, err
}

func signIn(addr string) (answer, error) {
	return ask(addr, post("/token", "opaque", url.Values{"grant_type": {"password"}, "username": {username}, "password": {password}}))
}

// refreshing gives each connection a grant of its own and rotates it at every request.
func refreshing(addr string) func(int) (rig.Worker, error) {
	return func(int) (rig.Worker, error) {
		first, err := signIn(addr)
		if err != nil {
			return nil, err
		}
		token := first.RefreshToken
		return func(last []byte) ([]byte, error) {
			if last != nil {
				var a answer
				if err := json.Unmarshal(last, &a); err != nil {
					return nil, err
				}
				token = a.RefreshToken
			}
			return post("/token", "opaque", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {token}}), nil
		}, nil
	}
}
