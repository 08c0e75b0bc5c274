package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"syscall"
	"time"
)

// measureSignatures returns the CPU microseconds of one raw signature over 600 bytes, by JWS algorithm: the part of a JWT
// that no server can save.
func measureSignatures() map[string]float64 {
	message := make([]byte, 600)
	digest := sha256.Sum256(message)
	rsaKey, _ := rsa.GenerateKey(rand.Reader, 2048)
	ecKey, _ := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	_, edKey, _ := ed25519.GenerateKey(rand.Reader)
	return map[string]float64{
		"RS256": cpuPer(func() { _, _ = rsa.SignPKCS1v15(nil, rsaKey, crypto.SHA256, digest[:]) }),
		"ES256": cpuPer(func() { _, _ = ecdsa.SignASN1(rand.Reader, ecKey, digest[:]) }),
		"EdDSA": cpuPer(func() { ed25519.Sign(edKey, message) }),
	}
}

// cpuPer runs op for a second or so and returns its CPU time in microseconds.
func cpuPer(op func()) float64 {
	n := 0
	before, began := ownCPU(), time.Now()
	for time.Since(began) < time.Second {
		for range 50 {
			op()
		}
		n += 50
	}
	return float64(ownCPU()-before) / float64(time.Microsecond) / float64(n)
}

func ownCPU() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
