package attacks_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"sallyport/conformance/optest"
)

var joseAttacks = []attack{
	{17, "access tokens and hints that somebody else has signed, or nobody", func(h *house, t *testing.T) {
		c := h.cell(t)
		b, code := c.signedIn()
		a := c.tokens(code)
		set := h.Send(http.MethodGet, "/jwks", "", "", nil).Body
		mine, public := optest.NewKey("mine")
		sign := func(header map[string]any, payload string) string {
			head, _ := json.Marshal(header)
			input := b64url(string(head)) + "." + payload
			p := c.party()
			p.Key, p.KeyID = mine, "mine"
			return input + "." + strings.Split(p.Sign(map[string]any{}, ""), ".")[2]
		}
		mac := func(header, payload, key string) string {
			m := hmac.New(sha256.New, []byte(key))
			m.Write([]byte(header + "." + payload))
			return header + "." + payload + "." + base64.RawURLEncoding.EncodeToString(m.Sum(nil))
		}
		var one struct{ Keys []map[string]any }
		_ = json.Unmarshal([]byte(set), &one)
		key, _ := json.Marshal(one.Keys[0])
		for name, jwt := range map[string]string{"access": a.Text("access_token"), "hint": a.Text("id_token")} {
			var forged []string
			head, payload := forge(jwt, func(_, p map[string]any) { p["sub"] = "u0" })
			signature := strings.Split(jwt, ".")[2]
			forged = append(forged, head+"."+payload+"."+signature, head+"."+payload+".", unsigned(jwt, "none"), unsigned(jwt, "None"), unsigned(jwt, "NONE"), unsigned(jwt, ""))
			for _, alg := range []string{"HS256", "ES256", "RS256", "none", "dir", "ES256K"} {
				for _, more := range []map[string]any{
					{}, {"jwk": public}, {"jku": h.Outside.URL + "/jwks"}, {"x5u": h.Outside.URL + "/x"}, {"kid": "mine"}, {"kid": "../../../../dev/null"}, {"kid": "' OR '1'='1"}, {"kid": ""},
					{"crit": []string{"exp"}}, {"b64": false, "crit": []string{"b64"}}, {"typ": "at+jwt"}, {"cty": "JWT"},
				} {
					head, payload := forge(jwt, func(hd, _ map[string]any) {
						hd["alg"] = alg
						for k, v := range more {
							hd[k] = v
						}
					})
					var full map[string]any
					raw, _ := base64.RawURLEncoding.DecodeString(head)
					_ = json.Unmarshal(raw, &full)
					forged = append(forged, head+"."+payload+"."+signature, sign(full, payload))
					if alg == "HS256" {
						forged = append(forged, mac(head, payload, set), mac(head, payload, string(key)), mac(head, payload, ""), mac(head, payload, fmt.Sprint(one.Keys[0]["x"])))
					}
				}
			}
			for _, raw := range forged {
				if raw == jwt {
					continue
				}
				if name == "access" {
					for _, path := range []string{"/userinfo", "/orders"} {
						if got := h.Send(http.MethodGet, path, "", "", bearerOf(raw)); got.Status == http.StatusOK || got.Status >= 500 {
							t.Errorf("%s: %d for %s", path, got.Status, raw)
						}
					}
					continue
				}
				if p := h.NewBrowser().Get("/logout?id_token_hint=" + url.QueryEscape(raw)); p.Status != http.StatusBadRequest {
					t.Errorf("/logout: %d for %s", p.Status, raw)
				}
			}
		}
		if b.Get(c.ask("prompt", "none", "id_token_hint", a.Text("id_token"))); b.Answer().Get("code") == "" {
			t.Errorf("a good hint is refused: %v", b.Answer())
		}
	}, false},
	{17, "a client's key, and key id, speaks for no other client", func(h *house, t *testing.T) {
		c, other := h.cell(t), h.cell(t)
		p, _ := c.signs()
		q, _ := other.signs()
		p.ID = other.id // c's key, the other's name; both keys are called k1
		k := other.atToken("grant_type", "client_credentials")
		if k.proof = func() string { return p.Assertion(nil) }; k.try() != "assertion_invalid" {
			t.Error("one client signs for another")
		}
		if k.proof = func() string { return q.Assertion(nil) }; k.try() != granted {
			t.Error("the client's own is refused")
		}
		b := h.NewBrowser()
		theirs := map[string]any{"iss": c.id, "aud": h.URL, "client_id": c.id, "response_type": "code", "scope": "openid", "redirect_uri": rp}
		claims := map[string]any{"iss": other.id, "aud": h.URL, "client_id": other.id, "response_type": "code", "scope": "openid", "redirect_uri": rp}
		for name, signed := range map[string]string{"another's key": p.Sign(claims, ""), "unsigned": unsigned(q.Sign(claims, ""), "none"), "another's name": q.Sign(theirs, "")} {
			if b.Get(other.ask("request", signed, "prompt", "none")); b.Page.Status != http.StatusBadRequest && (b.Page.Left == nil || b.Answer().Get("error") != "invalid_request_object") {
				t.Errorf("%s: %s", name, b.Page.Brief())
			}
		}
		// A namesake of another realm with the same key id and another key.
		h.apply(t, "realm: other\nclients:\n"+h.client(other.id, map[string]string{"auth_method": "private_key_jwt", "jwks": keySet(t, "k1")}))
		far := other.atToken("grant_type", "client_credentials")
		far.root = "/realms/other"
		far.proof = func() string { return q.Assertion(map[string]any{"aud": h.URL + "/realms/other"}) }
		if got := far.try(); got != "assertion_invalid" {
			t.Errorf("the namesake: %s", got)
		}
	}, false},
	{17, "a client registers private or weak keys, or algorithms that need none", func(h *house, t *testing.T) {
		for name, meta := range map[string]map[string]any{
			"private":          {"jwks": json.RawMessage(`{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}]}`)},
			"symmetric":        {"jwks": json.RawMessage(`{"keys":[{"kty":"oct","k":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}`)},
			"off the curve":    {"jwks": json.RawMessage(`{"keys":[{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"AAAAzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}]}`)},
			"a short RSA key":  {"jwks": json.RawMessage(`{"keys":[{"kty":"RSA","e":"AQAB","n":"` + strings.Repeat("x", 86) + `"}]}`)},
			"ID token none":    {"id_token_signed_response_alg": "none"},
			"ID token HS256":   {"id_token_signed_response_alg": "HS256"},
			"UserInfo none":    {"userinfo_signed_response_alg": "none"},
			"assertions none":  {"token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "none"},
			"assertions HS256": {"token_endpoint_auth_method": "private_key_jwt", "token_endpoint_auth_signing_alg": "HS256"},
		} {
			if _, a := h.TryRegister(meta); a.Status != http.StatusBadRequest {
				t.Errorf("%s: %d %s", name, a.Status, a.Body)
			}
		}
	}, false},
	{18, "JOSE that is large, deep, many or not what it seems", func(h *house, t *testing.T) {
		c := h.cell(t)
		p, _ := c.signs()
		good := p.Assertion(nil)
		parts := strings.Split(good, ".")
		deep := strings.Repeat(`{"a":`, 20_000) + "1" + strings.Repeat("}", 20_000)
		hostile := map[string]string{
			"a hundred thousand dots": strings.Repeat(".", 100_000), "dots after it": good + strings.Repeat(".", 50_000), "five parts": good + ".x.y", "a large part": parts[0] + "." + strings.Repeat("A", 500_000) + "." + parts[2],
			"a large header": b64url(`{"alg":"ES256","x":"`+strings.Repeat("x", 400_000)+`"}`) + "." + parts[1] + "." + parts[2], "deep": parts[0] + "." + b64url(deep) + "." + parts[2], "a deep header": b64url(deep) + "." + parts[1] + "." + parts[2],
			"an array": b64url(strings.Repeat("[", 30_000)) + "." + parts[1] + "." + parts[2], "many members": b64url("{"+strings.Repeat(`"a":1,`, 50_000)+`"alg":"ES256"}`) + "." + parts[1] + "." + parts[2],
			"PBES2":       b64url(`{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2147483647,"p2s":"AAAA"}`) + ".AAAA.AAAA.AAAA.AAAA",
			"compressed":  b64url(`{"alg":"dir","enc":"A128GCM","zip":"DEF"}`) + "..AAAA." + strings.Repeat("A", 100_000) + ".AAAA",
			"RSA1_5":      b64url(`{"alg":"RSA1_5","enc":"A128GCM"}`) + ".AAAA.AAAA.AAAA.AAAA",
			"a big kid":   b64url(`{"alg":"ES256","kid":"`+strings.Repeat("k", 100_000)+`"}`) + "." + parts[1] + "." + parts[2],
			"two algs":    b64url(`{"alg":"ES256","alg":"none"}`) + "." + parts[1] + ".",
			"not UTF-8":   b64url("{\"alg\":\"ES256\",\"x\":\"\xff\xfe\"}") + "." + parts[1] + "." + parts[2],
			"a number":    b64url("1e999999999") + "." + parts[1] + "." + parts[2],
			"JSON":        `{"payload":"` + parts[1] + `","signatures":[{"protected":"` + parts[0] + `","signature":"` + parts[2] + `"}]}`,
			"empty parts": "..", "nothing": ".", "a long signature": parts[0] + "." + parts[1] + "." + strings.Repeat("A", 300_000),
		}
		began := time.Now()
		for name, raw := range hostile {
			for _, path := range []string{"/token", "/par"} {
				form := url.Values{"grant_type": {"client_credentials"}, "client_id": {c.id}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {raw}}
				if a := h.Send(http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode(), nil); a.Status < 400 || a.Status >= 500 && a.Status != http.StatusServiceUnavailable {
					t.Errorf("%s at %s: %d %.200s", name, path, a.Status, a.Body)
				}
			}
			k := c.atToken("response_type", "code", "request", raw)
			k.path, k.proof = "/par", func() string { return p.Assertion(nil) }
			if a := k.post(); a.Status < 400 || a.Status >= 500 && a.Status != http.StatusServiceUnavailable {
				t.Errorf("%s as a request: %d %.200s", name, a.Status, a.Body)
			}
			for _, path := range []string{"/userinfo", "/logout"} {
				header, form, method := bearerOf(raw), "", http.MethodGet
				if path == "/logout" || len(raw) > 60_000 {
					method, form, header = http.MethodPost, url.Values{"id_token_hint": {raw}, "access_token": {raw}}.Encode(), nil
				}
				if a := h.Send(method, path, "application/x-www-form-urlencoded", form, header); a.Status < 400 || a.Status >= 500 {
					t.Errorf("%s at %s: %d %.200s", name, path, a.Status, a.Body)
				}
			}
			k = c.atToken("token", raw)
			k.path, k.proof = "/introspect", func() string { return p.Assertion(nil) }
			if got := k.try(); got == granted {
				t.Errorf("%s is a live token", name)
			}
			h.Wait(time.Hour) // wrong assertions slow down the next, which is not what is tried here
		}
		if took := time.Since(began); took > 30*time.Second {
			t.Errorf("it took %v", took)
		}
		k := c.atToken("grant_type", "client_credentials")
		if k.proof = func() string { return p.Assertion(nil) }; k.try() != granted {
			t.Error("the server is not well any more")
		}
	}, true},
	{18, "a key set that is large, slow to end or full of rubbish", func(h *house, t *testing.T) {
		c := h.cell(t)
		key, public := optest.NewKey("k1")
		good, _ := json.Marshal(public)
		many := make([]string, 2000)
		for i := range many {
			many[i] = fmt.Sprintf(`{"kty":"EC","crv":"P-256","kid":"k%d","x":"AAAA","y":"AAAA"}`, i)
		}
		for name, body := range map[string]string{
			"large": `{"keys":[` + string(good) + `],"x":"` + strings.Repeat("x", 3<<20) + `"}`, "many": `{"keys":[` + strings.Join(many, ",") + `]}`, "deep": strings.Repeat(`{"keys":[`, 50_000), "empty": "", "a page": "<html>", "null": "null", "strings": `{"keys":["x",1,null,{}]}`,
		} {
			uri := h.Serve("/set-"+c.id+"-"+strings.ReplaceAll(name, " ", "-"), "application/json", func() []byte { return []byte(body) })
			p := h.Register(map[string]any{"token_endpoint_auth_method": "private_key_jwt", "jwks_uri": uri})
			p.Key, p.KeyID = key, "k1"
			if a := p.Token("grant_type", "refresh_token", "refresh_token", "x"); a.Status == http.StatusOK || a.Status >= 500 && a.Status != http.StatusServiceUnavailable {
				t.Errorf("%s: %d %s", name, a.Status, a.Body)
			}
		}
	}, false},
}

// keySet is a key set with one key of that id.
func keySet(t testing.TB, id string) string {
	t.Helper()
	_, public := optest.NewKey(id)
	set, err := json.Marshal(map[string]any{"keys": []any{public}})
	if err != nil {
		t.Fatal(err)
	}
	return string(set)
}
