package main

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// measureSignatures returns the CPU microseconds of one raw signature over 600 bytes, by JWS algorithm: the part of a JWT
// that no server can save. The machine is busy while it is measured, as it is while it serves.
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

// cpuPer runs op for a second or so, on all cores at once as a loaded server would, and returns its CPU time in
// microseconds. A core whose sibling is idle is faster than it is when it serves.
func cpuPer(op func()) float64 {
	var wg sync.WaitGroup
	var total atomic.Int64
	before, began := ownCPU(), time.Now()
	for range runtime.NumCPU() {
		wg.Go(func() {
			n := int64(0)
			for ; time.Since(began) < time.Second; n++ {
				op()
			}
			total.Add(n)
		})
	}
	wg.Wait()
	return float64(ownCPU()-before) / float64(time.Microsecond) / float64(total.Load())
}

func ownCPU() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
