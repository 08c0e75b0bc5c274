package app_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"sallyport/app"
)

// A page is what is written by many.
type page struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *page) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *page) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// Secrets in what is kept: no credential, good or bad, reaches a log, a record of refusals, a counter, a trace or another
// caller, whatever goes wrong with the call it came with.
func TestAttackSecretsAreNotKept(t *testing.T) {
	for _, form := range []string{"log", "json", "combined"} {
		t.Run(form, func(t *testing.T) { testSecretsAreNotKept(t, form) })
	}
}

func testSecretsAreNotKept(t *testing.T, form string) {
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")
	t.Setenv("OTEL_EXPORTER_OTLP_COMPRESSION", "none")
	log, access, traces := &page{}, &page{}, &page{}
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(traces, r.Body) }))
	t.Cleanup(collector.Close)
	up := newWitness(t, nil)
	texts := []string{"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\ngood<<reset", "nonsense", "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", "HTTP/1.1 500 no\r\nContent-Length: 0\r\n\r\n"}
	broken := evil(t, texts)
	metrics, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = metrics.Close()
	socket := filepath.Join(shortDir(t), "admin.sock")
	s := guarded(t, keysYAML+strings.TrimPrefix(twice(up.URL, "auth: [bearer, basic, signature, {apikey: {query: api_key}}]"), "\n")+
		"  - {name: write, path: /write, auth: [bearer, {apikey: {query: api_key}}], scopes: [write], upstream: '"+up.URL+"', policies: [{ratelimit: {rate: 2/h}}, {cors: {origins: ['https://a.example'], refuse: true}}]}\n"+
		"  - {name: broken, path: /broken, strip: true, auth: [bearer, basic, signature, {apikey: {query: api_key}}], upstream: '"+broken+"', mirror: {url: 'http://127.0.0.1:1'}, retry: {attempts: 2, 'on': [500]}}\n"+
		"  - {name: lost, path: /lost, engine: standard, auth: [bearer, basic, signature, {apikey: {query: api_key}}], upstream: 'http://127.0.0.1:1'}\n"+
		"  - {name: rewritten, path: /rewritten, auth: [bearer, basic, signature, {apikey: {query: api_key}}], upstream: '"+up.URL+"', policies: [{rewrite: {rules: [{match: '.*', to: '/..'}]}}]}\n",
		func(c *app.Config) {
			c.Log = slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			c.LogRequests, c.AccessLog, c.AccessLogFormat = true, access, form
			c.OTLPEndpoint, c.MetricsListen, c.AdminSocket = collector.URL, metrics.Addr().String(), socket
		})
	token := tokenOf(t, s.addr, "shop", "shop-secret-1")
	basic, wrong := basicOf("shop", "shop-secret-1"), basicOf("shop", "hush-wrong-secret")
	secrets := []string{
		token, strings.Split(token, ".")[2], "till-key-0123456789abcdef", "desk-secret-0123456789", "shop-secret-1", basic[6:], wrong[6:], "hush",
		base64.StdEncoding.EncodeToString([]byte("shop-secret-1")),
	}
	var back strings.Builder
	for _, path := range []string{"/lean/x", "/std/x", "/write", "/broken/evil/0", "/broken/evil/1", "/broken/evil/2", "/broken/evil/3", "/broken/x", "/lost", "/rewritten", "/nothing", "/lean/..", "/lean/%zz"} {
		for i, fields := range []string{
			"Authorization: Bearer " + token, "Authorization: Bearer hush-no-token", "Authorization: Bearer " + token[:len(token)-4] + "hush", "Authorization: " + basic, "Authorization: " + wrong, "Authorization: DGRK desk.hush", "Authorization: hush",
			"X-Api-Key: till-key-0123456789abcdef", "X-Api-Key: hush-no-key", "X-Api-Key: till-key-0123456789abcdef\r\nX-Api-Key: hush", "Cookie: session=hush", "Proxy-Authorization: Basic hush", "X-Sallyport-Client: hush", "Referer: http://a/?code=hush#hush",
			"Authorization: Bearer " + token + "\r\nOrigin: https://evil.example", "Authorization: Bearer " + token + "\r\nUpgrade: hush\r\nConnection: upgrade, hush", "Authorization: Bearer " + token + "\r\nExpect: hush",
		} {
			query := []string{"", "?api_key=till-key-0123456789abcdef", "?api_key=hush-no-key", "?access_token=" + token, "?password=hush"}[i%5]
			if strings.Contains(fields, "Api-Key") {
				query = ""
			}
			body := `{"password": "hush"}`
			back.WriteString(say(t, s.addr, fmt.Sprintf("POST %s%s HTTP/1.1\r\nHost: a\r\nConnection: close\r\n%s\r\nContent-Length: %d\r\n\r\n%s", path, query, fields, len(body), body)))
		}
	}
	explained := &bytes.Buffer{}
	code, out, errs := command(t, "explain", "--admin-socket", socket, "--last", "1000")
	if code != 0 || strings.Count(out, "\n") < 50 {
		t.Fatalf("explain: %d %s %s", code, out, errs)
	}
	explained.WriteString(out)
	ids := regexp.MustCompile(`\b[A-Z2-7]{12}-[0-9a-z]+\b`).FindAllString(out, -1)
	rand.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	for _, id := range ids[:min(len(ids), 40)] {
		code, one, errs := command(t, "explain", id, "--admin-socket", socket)
		if code != 0 {
			t.Fatalf("explain %s: %s", id, errs)
		}
		explained.WriteString(one)
	}
	_, counters := get(t, "http://"+metrics.Addr().String()+"/metrics")
	s.stop()
	for range s.done { // what was to be told is told
	}
	for where, text := range map[string]string{
		"the log": log.String(), "the access log": access.String(), "the records of refusals": explained.String(), "the counters": counters, "the traces": traces.String(), "the answers": back.String(),
	} {
		for _, secret := range secrets {
			if i := strings.Index(text, secret); i >= 0 {
				t.Errorf("%s: %q", where, text[max(0, i-200):min(len(text), i+100)])
			}
		}
		if len(text) < 500 && (where != "the access log" || form != "log") {
			t.Errorf("%s: there is too little: %q", where, text)
		}
	}
	if !strings.Contains(explained.String(), "upstream_failed") || !strings.Contains(explained.String(), "secret_wrong") {
		t.Errorf("what was refused is not explained: %.3000s", explained)
	}
}
