package main

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/go-jose/go-jose/v4"

	"sallyport/bench/rig"
)

// nginx starts nginx as a plain proxy.
func (b *bed) nginx(ctx context.Context) (*rig.Process, error) {
	addr, err := rig.FreePort()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(b.dir, "nginx")
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	config := fmt.Sprintf(`daemon off; master_process off; worker_processes 1; pid %[1]s/pid; error_log %[1]s/error.log;
events { worker_connections 4096; }
http {
	access_log off; keepalive_requests 100000000; keepalive_timeout 1h; proxy_temp_path %[1]s/p; client_body_temp_path %[1]s/b;
	fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
	upstream up { server %[2]s; keepalive 256; keepalive_requests 100000000; }
	server {
		listen %[3]s;
		location / { proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header X-Forwarded-For $remote_addr; }
	}
}
`, dir, b.upstream.Addr, addr)
	file := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		return nil, err
	}
	return rig.Start(ctx, rig.Command{Addr: addr, Name: "nginx", Args: []string{"-c", file, "-p", dir}, Core: gatewayCore})
}

// haproxy starts HAProxy, plain or with the check of an RS256 token (signature, expiry, issuer) and a limit by client.
func (b *bed) haproxy(ctx context.Context, jwt bool) (*rig.Process, error) {
	addr, err := rig.FreePort()
	if err != nil {
		return nil, err
	}
	rules := ""
	if jwt {
		key, issuer, err := b.publicKey(ctx)
		if err != nil {
			return nil, err
		}
		rules = fmt.Sprintf(`
	stick-table type string len 64 size 100k expire 10s store http_req_rate(1s)
	http-request set-var(txn.bearer) http_auth_bearer
	http-request set-var(txn.alg) var(txn.bearer),jwt_header_query('$.alg')
	http-request set-var(txn.iss) var(txn.bearer),jwt_payload_query('$.iss')
	http-request set-var(txn.exp) var(txn.bearer),jwt_payload_query('$.exp','int')
	http-request set-var(txn.client) var(txn.bearer),jwt_payload_query('$.client_id')
	http-request set-var(txn.now) date()
	http-request deny deny_status 401 unless { var(txn.alg) -m str RS256 }
	http-request deny deny_status 401 unless { var(txn.iss) -m str %s }
	http-request deny deny_status 401 unless { var(txn.bearer),jwt_verify(txn.alg,"%s") -m int 1 }
	http-request deny deny_status 401 if { var(txn.exp),sub(txn.now) -m int lt 0 }
	http-request track-sc0 var(txn.client)
	http-request deny deny_status 429 if { sc_http_req_rate(0) gt 1000000 }
	http-request del-header authorization`, issuer, key)
	}
	config := fmt.Sprintf(`global
	nbthread 1
	maxconn 8192
defaults
	mode http
	timeout client 1h
	timeout server 1h
	timeout connect 5s
	timeout http-keep-alive 1h
	http-reuse always
	option forwardfor
frontend in
	bind %s%s
	default_backend up
backend up
	server u %s pool-max-conn 1024
`, addr, rules, b.upstream.Addr)
	file := filepath.Join(b.dir, fmt.Sprintf("haproxy-%t.cfg", jwt))
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		return nil, err
	}
	return rig.Start(ctx, rig.Command{Addr: addr, Name: "haproxy", Args: []string{"-db", "-f", file}, Core: gatewayCore})
}

// publicKey writes the RS256 key of Sallyport's realm to a PEM file, and returns the realm's issuer as well.
func (b *bed) publicKey(ctx context.Context) (file, issuer string, err error) {
	var set jose.JSONWebKeySet
	if err := getJSON(ctx, "http://"+b.sallyport.Addr+"/jwks", &set); err != nil {
		return "", "", err
	}
	var metadata struct {
		Issuer string `json:"issuer"`
	}
	if err := getJSON(ctx, "http://"+b.sallyport.Addr+"/.well-known/oauth-authorization-server", &metadata); err != nil {
		return "", "", err
	}
	for _, k := range set.Keys {
		if k.Algorithm != "RS256" {
			continue
		}
		der, err := x509.MarshalPKIXPublicKey(k.Key)
		if err != nil {
			return "", "", err
		}
		file = filepath.Join(b.dir, "rs256.pem")
		return file, metadata.Issuer, os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), 0o644)
	}
	return "", "", errors.New("the server publishes no RS256 key")
}

func getJSON(ctx context.Context, url string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return json.NewDecoder(res.Body).Decode(into)
}

// versions says what was measured.
func (b *bed) versions(ctx context.Context) []string {
	var all []string
	for _, c := range [][]string{{"nginx", "-v"}, {"haproxy", "-v"}} {
		out, err := exec.CommandContext(ctx, c[0], c[1]).CombinedOutput()
		if err == nil {
			line, _, _ := strings.Cut(string(out), "\n")
			line, _, _ = strings.Cut(line, " - ")
			all = append(all, strings.TrimSpace(line))
		}
	}
	return all
}
