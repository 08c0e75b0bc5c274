package token_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"sallyport/key"
	"sallyport/realm"
	"sallyport/token"
)

// The published examples: RFC 7515 appendices A.2 and A.3, RFC 8037 appendix A.4.
const (
	rfcPayload = "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ"
	rfcRSA     = `{"kty":"RSA","e":"AQAB","n":"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ"}`
	rfcRSASig  = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw"
	rfcEC      = `{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}`
	rfcECSig   = "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
	rfcOKP     = `{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
	rfcOKPSeed = "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"
	rfcOKPSig  = "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
	rfcOKPText = "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
)

func bytesOf(t testing.TB, s string) []byte {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestPublishedExamples(t *testing.T) {
	for _, c := range []struct {
		alg             key.Alg
		jwk, input, sig string
	}{
		{key.RS256, rfcRSA, "eyJhbGciOiJSUzI1NiJ9." + rfcPayload, rfcRSASig},
		{key.ES256, rfcEC, "eyJhbGciOiJFUzI1NiJ9." + rfcPayload, rfcECSig},
		{key.EdDSA, rfcOKP, rfcOKPText, rfcOKPSig},
	} {
		var jwk jose.JSONWebKey
		if err := json.Unmarshal([]byte(c.jwk), &jwk); err != nil {
			t.Fatal(err)
		}
		k := &key.Verifying{Alg: c.alg, Public: jwk.Key}
		sig := bytesOf(t, c.sig)
		if !token.VerifyBytes(k, []byte(c.input), sig) {
			t.Errorf("%s: the published example does not verify", c.alg)
		}
		for _, at := range []int{0, len(sig) / 2, len(sig) - 1} {
			bad := append([]byte(nil), sig...)
			bad[at] ^= 1
			if token.VerifyBytes(k, []byte(c.input), bad) {
				t.Errorf("%s: byte %d of the signature does not matter", c.alg, at)
			}
		}
		if token.VerifyBytes(k, []byte(c.input+"A"), sig) {
			t.Errorf("%s: the input does not matter", c.alg)
		}
		for _, other := range []key.Alg{key.RS256, key.PS256, key.ES256, key.EdDSA, "none", "HS256"} {
			if other != c.alg && token.VerifyBytes(&key.Verifying{Alg: other, Public: jwk.Key}, []byte(c.input), sig) {
				t.Errorf("a %s signature verifies as %s", c.alg, other)
			}
		}
	}
	private := ed25519.NewKeyFromSeed(bytesOf(t, rfcOKPSeed))
	got, err := token.SignBytes(&key.Signing{Alg: key.EdDSA, Key: private}, []byte(rfcOKPText))
	if err != nil || base64.RawURLEncoding.EncodeToString(got) != rfcOKPSig {
		t.Errorf("RFC 8037 appendix A.4: signed %x, %v", got, err)
	}
}

// Another implementation verifies our tokens under our published keys.
func TestOthersVerifyOurs(t *testing.T) {
	h := newHouse(t)
	for _, alg := range []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.EdDSA} {
		a := h.auth(realm.JWT)
		a.Access.Alg = string(alg)
		raw := h.issue(a).AccessToken
		parsed, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{alg})
		if err != nil {
			t.Fatalf("%s: %v", alg, err)
		}
		text, err := h.ring.JWKS(t.Context(), "default")
		if err != nil {
			t.Fatal(err)
		}
		var set jose.JSONWebKeySet
		if err := json.Unmarshal(text, &set); err != nil {
			t.Fatal(err)
		}
		payload, err := parsed.Verify(set)
		if err != nil {
			t.Fatalf("%s: %v", alg, err)
		}
		var claims struct {
			Iss      string `json:"iss"`
			Sub      string `json:"sub"`
			Aud      string `json:"aud"`
			ClientID string `json:"client_id"`
			Scope    string `json:"scope"`
			Jti      string `json:"jti"`
			Exp, Iat int64
		}
		if err := json.Unmarshal(payload, &claims); err != nil {
			t.Fatal(err)
		}
		if claims.Iss != h.realm.Issuer || claims.Sub != "tspuser" || claims.Aud != h.realm.Issuer || claims.ClientID != "tspclient" ||
			claims.Scope != "read write" || claims.Iat != h.now().Unix() || claims.Exp != claims.Iat+3600 || claims.Jti == "" {
			t.Errorf("%s: claims %s", alg, payload)
		}
		if typ := parsed.Signatures[0].Header.ExtraHeaders[jose.HeaderType]; typ != "at+jwt" {
			t.Errorf("%s: typ %v", alg, typ)
		}
	}
}

// We verify what another implementation signs with our keys.
func TestWeVerifyOthers(t *testing.T) {
	h := newHouse(t)
	for _, alg := range []key.Alg{key.RS256, key.PS256, key.ES256, key.EdDSA} {
		a := h.auth(realm.JWT)
		a.Access.Alg = string(alg)
		payload := bytesOf(t, strings.Split(h.issue(a).AccessToken, ".")[1])
		k, err := h.ring.Signer(t.Context(), "default", alg)
		if err != nil {
			t.Fatal(err)
		}
		private := any(k.Key)
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(alg), Key: jose.JSONWebKey{Key: private, KeyID: k.ID}},
			(&jose.SignerOptions{}).WithType("at+jwt"))
		if err != nil {
			t.Fatal(err)
		}
		for range 4 {
			signed, err := signer.Sign(payload)
			if err != nil {
				t.Fatal(err)
			}
			raw, err := signed.CompactSerialize()
			if err != nil {
				t.Fatal(err)
			}
			// Of the two spellings of an ECDSA signature, tokens of this product have the one with the smaller s.
			want := alg != key.ES256 || signed.Signatures[0].Signature[32] < 0x80
			if _, err := h.Verify(t.Context(), h.realm, raw); (err == nil) != want {
				t.Errorf("%s: %v, want accepted: %v", alg, err, want)
			}
		}
	}
}

// A signature has one spelling: n−s in place of s is refused, and never issued.
func TestES256SignaturesAreNotMalleable(t *testing.T) {
	h := newHouse(t)
	for range 20 {
		raw := h.issue(h.auth(realm.JWT)).AccessToken
		cut := strings.LastIndexByte(raw, '.') + 1
		sig := bytesOf(t, raw[cut:])
		if sig[32] > 0x7f {
			t.Fatal("issued with the larger s")
		}
		s := new(big.Int).SetBytes(sig[32:])
		s.Sub(elliptic.P256().Params().N, s).FillBytes(sig[32:])
		other := raw[:cut] + base64.RawURLEncoding.EncodeToString(sig)
		if _, err := jose.ParseSignedCompact(other, []jose.SignatureAlgorithm{jose.ES256}); err != nil {
			t.Fatal(err)
		}
		wantReason(t, h, h.realm, other, "token_malformed")
	}
}

type dullSigner struct {
	crypto.Signer
	out []byte
}

func (d dullSigner) Sign(_ io.Reader, _ []byte, _ crypto.SignerOpts) ([]byte, error) {
	return d.out, nil
}

// A signer in hardware that answers rubbish makes an error and no token.
func TestBrokenSigner(t *testing.T) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for _, out := range [][]byte{nil, {0x30}, {0x30, 0x06, 2, 1, 0, 2, 1, 1}, {0x30, 0x06, 2, 1, 1, 2, 1, 0}, {0x30, 0x06, 2, 1, 1, 2, 1, 1, 9}} {
		if sig, err := token.SignBytes(&key.Signing{Alg: key.ES256, Key: dullSigner{private, out}}, []byte("x")); err == nil {
			t.Errorf("%x became the signature %x", out, sig)
		}
	}
	if _, err := token.SignBytes(&key.Signing{Alg: "HS256", Key: private}, []byte("x")); err == nil {
		t.Error("signed by HS256")
	}
}
