package app_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// keysYAML has a client with every kind of credential.
const keysYAML = `realm: default
scopes: [{name: read}, {name: write}]
clients:
  - id: shop
    secret: shop-secret-1
    grants: [client_credentials]
    scopes: [read]
    api_keys: [{id: till, key: till-key-0123456789abcdef}]
    signature_keys: [{id: desk, secret: desk-secret-0123456789}]
  - {id: other, secret: other-secret-1, grants: [client_credentials], scopes: [read, write]}
  - {id: asleep, secret: asleep-secret-1, status: 'off', grants: [client_credentials], scopes: [read], api_keys: [{id: gone, key: gone-key-0123456789abcdef}]}
apis:
`

func basicOf(id, password string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(id+":"+password))
}

// Class 31, credentials that travel on: whichever credential opened a call, none that the API takes from its callers goes
// upstream, nor does one that somebody brings where nobody asks for it.
func TestAttackCredentialsGoNoFurther(t *testing.T) {
	up := newWitness(t, nil)
	s := guarded(t, keysYAML+strings.TrimPrefix(twice(up.URL, "strip: true, auth: [bearer, basic, signature, {apikey: {query: api_key}}, none], routes: [{path: /open, auth: [none]}, {path: /key, auth: [{apikey: {query: api_key}}]}]"), "\n")+
		"  - {name: own, path: /own, auth: [none], upstream: '"+up.URL+"'}\n")
	token := tokenOf(t, s.addr, "shop", "shop-secret-1")
	for _, prefix := range both {
		for _, tt := range []struct {
			name, target, fields string
			client               string // "": nobody
			kept                 string // goes upstream
		}{
			{"a token", "/x", "Authorization: Bearer " + token, "shop", ""},
			{"a key", "/x", "X-Api-Key: till-key-0123456789abcdef", "shop", ""},
			{"a key in the query", "/x?a=b&api_key=till-key-0123456789abcdef&c=d", "", "shop", "/x?a=b&c=d"},
			{"a secret", "/x", "Authorization: " + basicOf("shop", "shop-secret-1"), "shop", ""},
			{"a token and a key", "/x", "Authorization: Bearer " + token + "\r\nX-Api-Key: till-key-0123456789abcdef", "shop", ""},
			{"a token and a key of another", "/x", "Authorization: Bearer " + token + "\r\nX-Api-Key: gone-key-0123456789abcdef", "shop", ""},
			{"a token and a key in the query", "/x?api_key=till-key-0123456789abcdef", "Authorization: Bearer " + token, "shop", ""},
			{"a key where only it is asked for, and a token", "/key", "X-Api-Key: till-key-0123456789abcdef\r\nAuthorization: Bearer " + token, "shop", ""},
			{"a key where only it is asked for, and a secret", "/key", "X-Api-Key: till-key-0123456789abcdef\r\nAuthorization: " + basicOf("shop", "shop-secret-1"), "shop", ""},
			{"a token where nobody asks", "/open", "Authorization: Bearer " + token, "", ""},
			{"a forged token where nobody asks", "/open", "authorization: bearer x.y.z", "", ""},
			{"a secret where nobody asks", "/open", "Authorization: " + basicOf("shop", "shop-secret-1"), "", ""},
			{"a key where nobody asks", "/open?api_key=till-key-0123456789abcdef", "X-Api-Key: till-key-0123456789abcdef", "", ""},
			{"what is for the upstream", "/open", "Authorization: Digest username=me", "", "Digest username=me"},
		} {
			up.take()
			fields := tt.fields
			if fields != "" {
				fields += "\r\n"
			}
			text := say(t, s.addr, "GET "+prefix+tt.target+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"+fields+"\r\n")
			asked, bytes := up.take()
			if len(asked) != 1 || asked[0].Header.Get("X-Sallyport-Client") != tt.client {
				t.Errorf("%s %s: %v, asked %+v", prefix, tt.name, statuses(t, text), asked)
				continue
			}
			for _, secret := range []string{token, "till-key", "gone-key", basicOf("shop", "shop-secret-1")[6:], "x.y.z"} {
				if strings.Contains(bytes, secret) {
					t.Errorf("%s %s: the upstream was told %q", prefix, tt.name, bytes)
				}
			}
			if !strings.Contains(bytes, tt.kept) {
				t.Errorf("%s %s: the upstream was told %q without %q", prefix, tt.name, bytes, tt.kept)
			}
		}
	}
	// An API that lets everybody in looks after itself.
	say(t, s.addr, "GET /own HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer its-own\r\nX-Api-Key: its-own\r\n\r\n")
	if asked, _ := up.take(); len(asked) != 1 || asked[0].Header.Get("Authorization") != "Bearer its-own" || asked[0].Header.Get("X-Api-Key") != "its-own" {
		t.Errorf("an API of its own was asked %+v", asked)
	}
}

// Class 30, fail-open: what is empty, doubled, cut or of another kind opens nothing.
func TestAttackCredentialsThatAreNone(t *testing.T) {
	up := newWitness(t, nil)
	s := guarded(t, keysYAML+
		"  - {name: token, path: /token-only, upstream: '"+up.URL+"'}\n"+
		"  - {name: key, path: /key-only, auth: [apikey], upstream: '"+up.URL+"'}\n"+
		"  - {name: secret, path: /secret-only, auth: [basic], upstream: '"+up.URL+"'}\n"+
		"  - {name: signed, path: /signed-only, auth: [signature], upstream: '"+up.URL+"'}\n"+
		"  - {name: cert, path: /cert-only, auth: [mtls], upstream: '"+up.URL+"'}\n")
	token := tokenOf(t, s.addr, "shop", "shop-secret-1")
	const key = "till-key-0123456789abcdef"
	for path, fields := range map[string][]string{
		"/token-only": {
			"", "Authorization:", "Authorization: Bearer", "Authorization: Bearer ", "Authorization: Bearer null", "Authorization: " + token, "Authorization: Token " + token, "Authorization: Bearer " + token + "x",
			"Authorization: Bearer " + token[:len(token)-1], "Authorization: Bearer " + token + "\r\nAuthorization: Bearer " + token, "Authorization: Bearer " + token + ", Bearer " + token,
			"Authorization: Bearer\t" + token + " x", "Proxy-Authorization: Bearer " + token, "X-Authorization: Bearer " + token, "Authorization_: Bearer " + token, "Cookie: Authorization=Bearer " + token,
			"Connection: Authorization\r\nAuthorization: Bearer " + token, "X-Api-Key: " + key, "X-Sallyport-Client: shop", "Authorization: " + basicOf("shop", "shop-secret-1"),
		},
		"/token-only?access_token=" + token: {""},
		"/key-only?api_key=" + key:          {""},
		"/key-only?x-api-key=" + key:        {""},
		"/key-only": {
			"X-Api-Key:", "X-Api-Key: " + key[:len(key)-1], "X-Api-Key: " + key + "x", "X-Api-Key: " + strings.ToUpper(key), "X-Api-Key: till", "X_Api_Key: " + key, "X-Api-Key: " + key + "\r\nX-Api-Key: " + key,
			"X-Api-Key: " + key + ", " + key, "X-Api-Key: gone-key-0123456789abcdef", "X-Api-Key: " + strings.Repeat("k", 4000), "Authorization: ApiKey " + key, "Authorization: Bearer " + token, "X-Api-Key: desk", "Connection: x-api-key\r\nX-Api-Key: " + key,
		},
		"/secret-only": {
			"Authorization: Basic", "Authorization: Basic ====", "Authorization: " + basicOf("shop", ""), "Authorization: " + basicOf("shop", "shop-secret-"), "Authorization: " + basicOf("", "shop-secret-1"), "Authorization: " + basicOf("shop\x00", "shop-secret-1"),
			"Authorization: " + basicOf("SHOP", "shop-secret-1"), "Authorization: " + basicOf("asleep", "asleep-secret-1"), "Authorization: " + basicOf("shop", "shop-secret-1") + "\r\nAuthorization: " + basicOf("other", "other-secret-1"), "Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte("shop")),
		},
		"/signed-only": {"Authorization: DGRK", "Authorization: DGRK desk", "Authorization: DGRK desk.", "Authorization: DGRK .", "Authorization: DGRK desk.AAAA", "Authorization: DGRK till." + key},
		"/cert-only":   {"", "X-Client-Cert: MIIB", "X-SSL-Client-Verify: SUCCESS\r\nX-SSL-Client-S-DN: CN=shop", "X-Forwarded-Client-Cert: Hash=00;Subject=\"CN=shop\"", "Client-Cert: :MIIB:", "Authorization: Bearer " + token},
	} {
		for _, f := range fields {
			if f != "" {
				f += "\r\n"
			}
			text := say(t, s.addr, "GET "+path+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"+f+"\r\n")
			st := statuses(t, text)
			if asked, _ := up.take(); len(asked) != 0 || len(st) != 1 || st[0] != 400 && st[0] != 401 && st[0] != 403 {
				t.Errorf("%s with %.120q: %v, asked %q", path, f, st, lines(asked))
			}
		}
	}
}

// Class 30, guesses: who tries secrets of a client is slowed down before many were tried, and the right one is not taken
// from him then; others are not in his way.
func TestAttackBasicGuesses(t *testing.T) {
	up := newWitness(t, nil)
	s := guarded(t, keysYAML+"  - {name: secret, path: /secret-only, auth: [basic], upstream: '"+up.URL+"'}\n")
	try := func(id, password string) int {
		return statuses(t, say(t, s.addr, "GET /secret-only HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: "+basicOf(id, password)+"\r\n\r\n"))[0]
	}
	slowed := 0
	for i := range 50 {
		switch st := try("shop", fmt.Sprint("guess-", i)); st {
		case 401:
		case 429:
			slowed++
		default:
			t.Fatalf("guess %d: %d", i, st)
		}
	}
	if slowed < 20 || try("shop", "shop-secret-1") != 429 {
		t.Errorf("%d of 50 guesses were slowed down; the right one was taken: %v", slowed, try("shop", "shop-secret-1") == 200)
	}
	begin := time.Now()
	if st := try("other", "other-secret-1"); st != 200 || time.Since(begin) > 5*time.Second {
		t.Errorf("another client is answered %d after %v", st, time.Since(begin))
	}
}

// Races for what is good a number of times only: a key's uses and a quota, by calls at the same time, in any mixture of
// success, refusal and failure, are never given out twice.
func TestAttackRacesForUses(t *testing.T) {
	var reached atomic.Int64
	up := newWitness(t, func(http.ResponseWriter, *http.Request) { reached.Add(1) })
	s := guarded(t, "realm: default\nscopes: [{name: read}, {name: write}]\nclients:\n  - {id: shop, type: public, scopes: [read], api_keys: [{id: few, key: few-key-0123456789abcdef, uses: 10}, {id: more, key: more-key-0123456789abcdef}]}\napis:\n"+
		"  - {name: key, path: /key, auth: [apikey], upstream: '"+up.URL+"'}\n  - {name: shut, path: /shut, auth: [apikey], scopes: [write], upstream: '"+up.URL+"'}\n"+
		"  - {name: quota, path: /quota, auth: [apikey], upstream: '"+up.URL+"', policies: [{quota: {calls: 10, per: ever}}]}\n"+
		"  - {name: lost, path: /lost, auth: [apikey], upstream: 'http://127.0.0.1:1', policies: [{quota: {calls: 10, per: ever}}]}\n")
	for _, tt := range []struct {
		path, key string
		most      int64
	}{{"/key", "few-key-0123456789abcdef", 10}, {"/quota", "more-key-0123456789abcdef", 10}} {
		reached.Store(0)
		var wg sync.WaitGroup
		for i := range 60 {
			wg.Go(func() {
				path := tt.path
				if i%6 == 0 {
					path = []string{"/lost", "/nothing"}[i%2]
				}
				say(t, s.addr, "GET "+path+" HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Api-Key: "+tt.key+"\r\n\r\n")
			})
		}
		wg.Wait()
		if n := reached.Load(); n > tt.most || tt.path == "/quota" && n != tt.most {
			t.Errorf("%s: %d calls reached the upstream, want %d", tt.path, n, tt.most)
		}
	}
}
