package token_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strings"
	"sync"
	"testing"
	"time"

	"sallyport/feed"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/token"
)

// Each test is a class of weakness that authorization servers had, shown not to be one here.

// everyToken issues one token of each kind and returns them by name.
func everyToken(h *house) (access, refresh map[string]string) {
	access, refresh = map[string]string{}, map[string]string{}
	for _, alg := range []string{"RS256", "PS256", "ES256", "EdDSA"} {
		a := h.auth(realm.JWT)
		a.Access.Alg = alg
		access[alg] = h.issue(a).AccessToken
	}
	access["opaque"] = h.issue(h.auth(realm.Opaque)).AccessToken
	out := h.issue(h.auth(realm.Reference))
	access["reference"], refresh["standard"] = out.AccessToken, out.RefreshToken
	out = h.issue(digiAuth(h))
	access["digirunner"], refresh["digirunner"] = out.AccessToken, out.RefreshToken
	v2 := digiAuth(h)
	v2.Shape, v2.User = token.ShapeDigiRunnerV2, nil
	access["digirunner2"] = h.issue(v2).AccessToken
	access["ES256, signed in"] = h.issue(h.openID(realm.JWT)).AccessToken
	access["opaque, signed in"] = h.issue(h.openID(realm.Opaque)).AccessToken
	return access, refresh
}

// spellings are ways to write a token differently that a lax decoder takes for the same.
func spellings(raw string) []string {
	list := []string{
		raw + "=", raw + "==", raw + " ", " " + raw, raw + "\n", raw + "\r\n", raw + ".", "." + raw, raw + "A", raw + "AAAA", raw + "0", raw + "00",
		raw[:len(raw)-1], raw[:len(raw)-2], raw[1:], raw[:len(raw)/2], raw + raw, strings.ToUpper(raw), strings.ToLower(raw) + ".",
		raw[:10] + "\n" + raw[10:], raw[:20] + "\r" + raw[20:], raw[:len(raw)-4] + "\n" + raw[len(raw)-4:], raw + "\x00",
		strings.ReplaceAll(strings.ReplaceAll(raw+"-", "-", "+"), "_", "/"),
		strings.ReplaceAll(raw, ".", "=."), strings.ReplaceAll(raw, ".", ".."), strings.ReplaceAll(raw, ".", "\n."),
		strings.Replace(raw, "sps_", "SPS_", 1), strings.Replace(raw, "sps_", "", 1) + "~",
	}
	// The last character of a base64url text may have bits that mean nothing.
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for _, c := range alphabet {
		list = append(list, raw[:len(raw)-1]+string(c))
		if dot := strings.LastIndexByte(raw, '.'); dot > 0 {
			list = append(list, raw[:dot-1]+string(c)+raw[dot:])
			first := strings.IndexByte(raw, '.')
			list = append(list, raw[:first-1]+string(c)+raw[first:])
		}
	}
	out := list[:0]
	for _, s := range list {
		if s != raw {
			out = append(out, s)
		}
	}
	return out
}

// CVE class 9: truncated, extended and re-encoded tokens.
func TestClass09OneSpellingOfAToken(t *testing.T) {
	h := newHouse(t)
	access, refresh := everyToken(h)
	for name, raw := range access {
		wantGood(t, h, raw)
		for _, s := range spellings(raw) {
			if _, err := h.Verify(t.Context(), h.realm, s); oauth.ReasonOf(err) != oauth.TokenMalformed {
				t.Errorf("%s: another spelling %q: %v", name, s, err)
			}
			if _, _, err := h.Inspect(t.Context(), h.realm, s); oauth.ReasonOf(err) != oauth.TokenMalformed {
				t.Errorf("%s: another spelling inspected: %v", name, err)
			}
		}
	}
	for name, raw := range refresh {
		if _, err := h.Present(t.Context(), h.realm, raw); err != nil {
			t.Fatal(err)
		}
		for _, s := range spellings(raw) {
			if _, err := h.Present(t.Context(), h.realm, s); oauth.ReasonOf(err) != oauth.RefreshUnknown {
				t.Errorf("%s refresh token: another spelling %q: %v", name, s, err)
			}
		}
	}
}

// Every single character of every token matters.
func TestEveryCharacterCounts(t *testing.T) {
	h := newHouse(t)
	access, refresh := everyToken(h)
	for name, raw := range access {
		for i := range raw {
			bad := []byte(raw)
			bad[i] ^= 1
			if _, err := h.Verify(t.Context(), h.realm, string(bad)); oauth.ReasonOf(err) != oauth.TokenMalformed {
				t.Errorf("%s: character %d: %v", name, i, err)
			}
		}
	}
	for name, raw := range refresh {
		for i := range raw {
			bad := []byte(raw)
			bad[i] ^= 1
			if _, err := h.Present(t.Context(), h.realm, string(bad)); oauth.ReasonOf(err) != oauth.RefreshUnknown {
				t.Errorf("%s refresh token: character %d: %v", name, i, err)
			}
		}
	}
}

// CVE classes 17 and 22: a token of one realm in another, with twin clients and even the issuer copied.
func TestClass17OtherRealm(t *testing.T) {
	h := newHouse(t)
	access, refresh := everyToken(h)
	twin := *h.other
	twin.Issuer = h.realm.Issuer
	for _, r := range []*realm.Realm{h.other, &twin} {
		// The other realm has keys of its own.
		a := h.auth(realm.JWT)
		a.Realm = r
		for _, alg := range []string{"RS256", "PS256", "ES256", "EdDSA"} {
			a.Access.Alg = alg
			h.issue(a)
		}
		a.Access.Format = realm.Opaque
		h.issue(a)
		for _, raw := range access {
			wantReason(t, h, r, raw, oauth.TokenMalformed)
			wantGood(t, h, raw)
			wantReason(t, h, r, raw, oauth.TokenMalformed)
		}
		for _, raw := range refresh {
			if _, err := h.Present(t.Context(), r, raw); oauth.ReasonOf(err) != oauth.RefreshUnknown {
				t.Errorf("in another realm: %v", err)
			}
		}
	}
}

// CVE class 18: JOSE that costs the reader dear.
func TestClass18SizeAndDots(t *testing.T) {
	h := newHouse(t)
	b64 := base64.RawURLEncoding.EncodeToString
	huge := strings.Repeat("a", 1<<20)
	for name, raw := range map[string]string{
		"a million dots":      strings.Repeat(".", 1<<20),
		"8 KiB of dots":       strings.Repeat(".", 8<<10),
		"four parts":          "e30.e30.e30.e30",
		"five parts (JWE)":    "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00iLCJ6aXAiOiJERUYifQ.a.a.a." + huge[:4000],
		"a megabyte":          huge,
		"a megabyte, sealed":  "sps_" + huge,
		"a megabyte, header":  huge + ".e30.e30",
		"deep nesting":        b64([]byte(strings.Repeat(`{"a":`, 1500))) + ".e30.AAAA",
		"deep arrays":         b64([]byte(`{"alg":`+strings.Repeat(`[`, 5000))) + ".e30.AAAA",
		"many members":        b64([]byte(`{`+strings.Repeat(`"a":"b",`, 700)+`"c":"d"}`)) + ".e30.AAAA",
		"PBES2 with a count":  b64([]byte(`{"alg":"PBES2-HS256+A128KW","p2c":2147483647}`)) + ".e30.AAAA",
		"empty parts":         "..",
		"empty":               "",
		"sealed, empty":       "sps_",
		"sealed, short":       "sps_" + b64(make([]byte, 43)),
		"refresh of 8 KiB":    huge[:8<<10],
		"reference of no one": strings.Repeat("0", 56),
	} {
		start := time.Now()
		if _, err := h.Verify(t.Context(), h.realm, raw); oauth.ReasonOf(err) != oauth.TokenMalformed {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := h.Present(t.Context(), h.realm, raw); oauth.ReasonOf(err) != oauth.RefreshUnknown {
			t.Errorf("%s as refresh token: %v", name, err)
		}
		if d := time.Since(start); d > 5*time.Second {
			t.Errorf("%s took %s", name, d)
		}
	}
}

// CVE class 8: what Verify refuses, Inspect never calls active, in every format and whatever the reason.
func TestClass08InspectionKnowsWhatVerificationKnows(t *testing.T) {
	spoil := map[string]func(h *house, out *token.Issued){
		"expired": func(h *house, _ *token.Issued) { h.pass(48 * time.Hour) },
		"revoked": func(h *house, out *token.Issued) {
			a, _, err := h.Inspect(h.t.Context(), h.realm, out.AccessToken)
			if err == nil {
				err = h.RevokeAccess(h.t.Context(), h.realm, a, out.AccessToken)
			}
			if err != nil {
				h.t.Fatal(err)
			}
		},
		"grants ended": func(h *house, _ *token.Issued) {
			if err := h.EndGrants(h.t.Context(), h.realm, "tspclient", "tspuser"); err != nil {
				h.t.Fatal(err)
			}
		},
		"client gone": func(h *house, _ *token.Issued) { h.clients.remove("default", "tspclient") },
		"user ended": func(h *house, _ *token.Issued) {
			r := token.Revocation{Realm: "default", Kind: token.RevokeUser, Key: "tspuser", Bound: h.now().UnixMicro(), Until: h.now().Add(time.Hour)}
			if err := h.store.Revoke(h.t.Context(), [32]byte{}, 0, r); err != nil {
				h.t.Fatal(err)
			}
		},
	}
	for name, end := range spoil {
		for _, seen := range []bool{true, false} {
			h := newHouse(t)
			for _, a := range []token.Authorization{h.auth(realm.JWT), h.auth(realm.Opaque), h.auth(realm.Reference), digiAuth(h)} {
				h.clients.set(h.client)
				out := h.issue(a)
				if seen {
					wantGood(t, h, out.AccessToken)
				}
				end(h, out)
				_, err := h.Verify(t.Context(), h.realm, out.AccessToken)
				_, state, _ := h.Inspect(t.Context(), h.realm, out.AccessToken)
				if err == nil || state == token.Active {
					t.Errorf("%s, %s/%s, seen before: %v: verified %v, inspected %q", name, a.Access.Format, a.Shape, seen, err, state)
				}
				h.pass(time.Second)
			}
		}
	}
}

// CVE class 4: a family that was ended stays ended, also for a rotation that is under way.
func TestClass04RefreshRacesWithRevocation(t *testing.T) {
	for range 20 {
		h := newHouse(t)
		a := h.auth(realm.Opaque)
		raw := h.issue(a).RefreshToken
		p, err := h.Present(t.Context(), h.realm, raw)
		if err != nil {
			t.Fatal(err)
		}
		var outs [4]*token.Issued
		var wg sync.WaitGroup
		for i := range outs {
			wg.Go(func() {
				mine := a
				mine.Continues = p
				outs[i], _ = h.Issue(t.Context(), mine)
			})
		}
		wg.Go(func() {
			if err := h.RevokeRefresh(t.Context(), h.realm, p, true); err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
		for _, out := range outs {
			if out == nil {
				continue
			}
			wantReason(t, h, h.realm, out.AccessToken, oauth.TokenRevoked)
			if _, err := h.Present(t.Context(), h.realm, out.RefreshToken); oauth.ReasonOf(err) != oauth.RefreshRevoked {
				t.Errorf("a successor survived: %v", err)
			}
		}
	}
}

// CVE class 26: nothing about tokens repeats or can be foretold, and no key is built in.
func TestClass26NothingRepeats(t *testing.T) {
	h := newHouse(t)
	seen := map[string]string{}
	note := func(what string, b []byte) {
		t.Helper()
		if was, ok := seen[string(b)]; ok {
			t.Fatalf("%s repeats %s", what, was)
		}
		seen[string(b)] = what
	}
	for range 200 {
		sealed := bytesOf(t, strings.TrimPrefix(h.issue(h.auth(realm.Opaque)).AccessToken, "sps_"))
		note("a nonce", sealed[4:28])
		note("a ciphertext", sealed[28:])
		out := h.issue(h.auth(realm.Reference))
		ref, err := hex.DecodeString(out.AccessToken)
		if err != nil {
			t.Fatal(err)
		}
		note("a reference token", ref[4:20])
		note("a family", bytesOf(t, out.RefreshToken)[:16])
		note("a jti", []byte(out.AccessID))
	}
	// Two installations, same names, same clock: not even the keys are alike.
	twin := newHouse(t)
	access, refresh := everyToken(h)
	everyToken(twin)
	if bytes.Equal(h.store.keys[0].Sealed, twin.store.keys[0].Sealed) || h.store.keys[0].ID == twin.store.keys[0].ID {
		t.Error("two installations share a key")
	}
	for _, raw := range access {
		wantReason(t, twin, twin.realm, raw, oauth.TokenMalformed)
	}
	for _, raw := range refresh {
		if _, err := twin.Present(t.Context(), twin.realm, raw); oauth.ReasonOf(err) != oauth.RefreshUnknown {
			t.Errorf("another installation takes a refresh token: %v", err)
		}
	}
}

// The kinds of token do not pass for one another.
func TestKindsDoNotMix(t *testing.T) {
	h := newHouse(t)
	access, refresh := everyToken(h)
	for name, raw := range access {
		if _, err := h.Present(t.Context(), h.realm, raw); oauth.ReasonOf(err) != oauth.RefreshUnknown {
			t.Errorf("%s as refresh token: %v", name, err)
		}
	}
	wantReason(t, h, h.realm, refresh["standard"], oauth.TokenMalformed)
	wantReason(t, h, h.realm, refresh["digirunner"], oauth.TokenRevoked)
	// News of nothing: a change without a key must not end anything.
	for _, hub := range h.store.hubs {
		hub.Publish(feed.Change{Kind: feed.Revocation, Realm: "default", Sub: "t"})
	}
	for _, raw := range access {
		wantGood(t, h, raw)
	}
}
