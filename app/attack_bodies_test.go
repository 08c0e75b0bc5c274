package app_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	deskID     = "desk"
	deskSecret = "desk-secret-0123456789"
)

// dgrk is digiRunner's signature of a text.
func dgrk(text string) string {
	h := hmac.New(sha256.New, []byte(deskSecret))
	h.Write([]byte(text + deskID + deskSecret))
	return "DGRK " + deskID + "." + base64.StdEncoding.EncodeToString(h.Sum(nil))
}

// Signed calls: a body other than the one that was signed is refused however it is dressed up, one that says the same is not
// read as something else, bombs cost nothing, and a signature that was used is not good again where that was wanted.
func TestAttackSignedBodies(t *testing.T) {
	up := newWitness(t, nil)
	s := guarded(t, keysYAML+"  - {name: signed, path: /signed, auth: [signature], upstream: '"+up.URL+"'}\n  - {name: once, path: /once, auth: [{signature: {replay: 1h}}], upstream: '"+up.URL+"'}\n")
	call := func(path, signature, body string) (int, []seen) {
		up.take()
		text := say(t, s.addr, fmt.Sprintf("POST %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: %s\r\nContent-Length: %d\r\n\r\n%s", path, signature, len(body), body))
		asked, _ := up.take()
		return statuses(t, text)[0], asked
	}
	const signed = `{"to":"dory","amount":1}`
	for name, tt := range map[string]struct {
		body string
		want int
	}{
		"as it was signed":                  {signed, 200},
		"with white space":                  {"{ \"to\" : \"dory\",\r\n\t\"amount\" : 1 }", 200},
		"another value":                     {`{"to":"dory","amount":2}`, 401},
		"a member twice, the other first":   {`{"amount":1000,"to":"dory","amount":1}`, 401},
		"a member twice, the other last":    {`{"to":"dory","amount":1,"amount":1000}`, 401},
		"a member in capitals besides":      {`{"to":"dory","amount":1,"Amount":1000}`, 401},
		"other order":                       {`{"amount":1,"to":"dory"}`, 401},
		"a number written otherwise":        {`{"to":"dory","amount":1.0}`, 401},
		"a number by its power":             {`{"to":"dory","amount":1e0}`, 401},
		"a number beyond what is exact":     {`{"to":"dory","amount":1.00000000000000000000000001}`, 401},
		"white space within a text":         {`{"to":"do ry","amount":1}`, 401},
		"white space in front of a byte":    {"\ufeff" + signed, 400},
		"another kind of space":             {strings.ReplaceAll(signed, ",", "\u00a0,"), 400},
		"a vertical tab":                    {strings.ReplaceAll(signed, ",", "\v,"), 400},
		"a NUL behind":                      {signed + "\x00", 400},
		"a comment":                         {strings.ReplaceAll(signed, ",", "/*,\"amount\":9*/,"), 400},
		"a comma too many":                  {strings.ReplaceAll(signed, "}", ",}"), 400},
		"another text behind":               {signed + signed, 400},
		"a name without quotes":             {`{to:"dory",amount:1}`, 400},
		"not a number":                      {`{"to":"dory","amount":NaN}`, 400},
		"a number with a zero":              {`{"to":"dory","amount":01}`, 400},
		"bytes that are no text":            {"{\"to\":\"dory\xff\",\"amount\":1}", 400},
		"UTF-16":                            {"\xff\xfe{\x00}\x00", 400},
		"a form":                            {"to=dory&amount=1", 400},
		"nothing":                           {"", 401},
		"white space alone":                 {" ", 401},
		"nested deep":                       {strings.Repeat("[", 200_000) + strings.Repeat("]", 200_000), 400},
		"nested deep in objects":            {strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_000), 400},
		"a number that is long":             {strings.Repeat("9", 500_000), 401},
		"a number with a long power":        {"1e" + strings.Repeat("9", 500_000), 401},
		"escapes without end":               {`"` + strings.Repeat(`\u0041`, 100_000) + `"`, 401},
		"more than is looked at":            {`"` + strings.Repeat("a", 2<<20) + `"`, 413},
		"the signed text with its escapes":  {`{"to":"\u0064ory","amount":1}`, 200}, // says the same to everybody who reads it
		"the signed text, half in escapes":  {`{"t\u006f":"dory","amount":1}`, 200},
		"the signed text with other digits": {`{"to":"dory","amount":\u0031}`, 400},
	} {
		begin := time.Now()
		st, asked := call("/signed", dgrk(signed), tt.body)
		if st != tt.want || (len(asked) == 1) != (st == 200) || len(asked) == 1 && asked[0].Body != tt.body {
			t.Errorf("%s: %d, want %d; the upstream was asked %.200q", name, st, tt.want, lines(asked))
		}
		if took := time.Since(begin); took > 3*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
	if st, _ := call("/once", dgrk(signed), signed); st != 200 {
		t.Fatalf("the first time: %d", st)
	}
	plain := dgrk(signed)
	for name, again := range map[string][2]string{
		"as it was":                      {plain, signed},
		"with white space":               {plain, strings.ReplaceAll(signed, ",", ", ")},
		"with escapes":                   {plain, strings.ReplaceAll(signed, "dory", `\u0064ory`)},
		"without padding":                {strings.TrimRight(plain, "="), signed},
		"in the other alphabet":          {strings.NewReplacer("+", "-", "/", "_").Replace(plain[:10]) + plain[10:], signed},
		"with more padding":              {plain + "==", signed},
		"with a scheme in small letters": {"dgrk" + plain[4:], signed},
		"with spaces":                    {strings.Replace(plain, " ", "   ", 1), signed},
	} {
		if st, asked := call("/once", again[0], again[1]); st != 401 || len(asked) != 0 {
			t.Errorf("again, %s: %d", name, st)
		}
	}
	once := new(atomic.Int32)
	var wg sync.WaitGroup
	other := strings.ReplaceAll(signed, "1", "7")
	for range 20 { // all at once, one is the first
		wg.Go(func() {
			text := say(t, s.addr, fmt.Sprintf("POST /once HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: %s\r\nContent-Length: %d\r\n\r\n%s", dgrk(other), len(other), other))
			if strings.HasPrefix(text, "HTTP/1.1 200 ") {
				once.Add(1)
			}
		})
	}
	wg.Wait()
	if once.Load() != 1 {
		t.Errorf("of 20 at once, %d were the first", once.Load())
	}
}

// Rules that cost: patterns and expressions over what strangers send end in bounded time, and an expression that would not is
// given up without letting the call through.
func TestAttackCostlyRules(t *testing.T) {
	up := newWitness(t, nil)
	all := "'" + strings.Repeat("x", 60) + "'"
	bomb := "[" + strings.Repeat("1,", 60) + "1].all(a, [" + strings.Repeat("1,", 60) + "1].all(b, [" + strings.Repeat("1,", 60) + "1].all(c, a + b + c > 0 && call.path != " + all + "))) ? call.path : call.host"
	s := guarded(t, "realm: default\napis:\n"+
		"  - {name: rewritten, path: /rewritten, auth: [none], upstream: '"+up.URL+"', policies: [{rewrite: {rules: [{match: '^(/[a-z]+)*(a|aa|a.*a)+$', to: '/x'}, {match: '(.*)', to: '$1$1$1$1'}]}}]}\n"+
		"  - {name: matched, path: /matched, auth: [none], upstream: '"+up.URL+"', policies: [{ratelimit: {rate: 1000/s, by: \"expression: call.header['x'].matches('(a+)+b') ? 'a' : 'b'\"}}]}\n"+
		"  - {name: bomb, path: /bomb, auth: [none], upstream: '"+up.URL+"', policies: [{ratelimit: {rate: 1000/s, by: \"expression: "+bomb+"\"}}]}\n"+
		"  - {name: long, path: /long, auth: [none], upstream: '"+up.URL+"', policies: [{quota: {calls: 1000, per: hour, by: \"expression: call.header['x'] + call.query + call.path\"}}]}\n",
	)
	long := strings.Repeat("a", 40_000)
	for path, want := range map[string][]int{
		"/rewritten/" + long + "!": {200, 400, 404, 414, 431, 502}, "/rewritten/" + strings.Repeat("a/", 10_000) + "b": {200, 400, 404, 414, 431, 502},
		"/matched": {200}, "/bomb": {500, 503}, "/long?" + long: {200},
	} {
		begin := time.Now()
		st := statuses(t, say(t, s.addr, "GET "+path+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX: "+long[:20_000]+"\r\n\r\n"))[0]
		if took := time.Since(begin); took > 3*time.Second {
			t.Errorf("%.20s took %v", path, took)
		}
		found := false
		for _, w := range want {
			found = found || st == w
		}
		if !found {
			t.Errorf("%.20s: %d, want one of %v", path, st, want)
		}
	}
	if asked, _ := up.take(); strings.Contains(strings.Join(lines(asked), " "), "/bomb") {
		t.Error("a call went through whose limit could not be found")
	}
}
