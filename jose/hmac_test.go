package jose_test

import (
	"crypto/hmac"
	"crypto/sha256"
)

// hmacToken signs by HS256 with a secret of any length.
func hmacToken(secret []byte, payload string) string {
	text := b64(`{"alg":"HS256"}`) + "." + b64(payload)
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(text))
	return text + "." + b64(string(mac.Sum(nil)))
}
