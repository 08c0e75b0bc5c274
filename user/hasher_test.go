package user_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"sallyport/oauth"
	"sallyport/user"
)

const long = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// Hashes that other programs made: the reference implementations of Argon2 and bcrypt, passlib's manual, Python's hashlib.
var foreign = []struct {
	name, hash, password string
	upgrade              bool
}{
	{"argon2id", "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "password", true},
	{"bcrypt 2a", "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U", true},
	{"bcrypt 2b", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U", true},
	{"bcrypt 2y", "$2y$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW", "U*U", true},
	{"bcrypt, 72 bytes count", "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui", long + "chars after 72 are ignored", false},
	{"bcrypt, 72 bytes", "$2a$05$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui", long, true},
	{"passlib", "$pbkdf2-sha256$29000$N2YMIWQsBWBMae09x1jrPQ$1t8iyB2A.WF/Z5JZv.lfCIhXXN33N23OSgQYThBYRfk", "toomanysecrets", true},
	{"pbkdf2, passlib's SHA-1", "$pbkdf2$1000$MDEyMzQ1Njc4OWFiY2RlZg$aUfE2vx5Q7zgbb0jx49AaNpXUQQ", "correct horse", true},
	{"pbkdf2-sha1", "$pbkdf2-sha1$1000$MDEyMzQ1Njc4OWFiY2RlZg$aUfE2vx5Q7zgbb0jx49AaNpXUQQ", "correct horse", true},
	{"pbkdf2-sha256, PHC", "$pbkdf2-sha256$i=1000,l=32$MDEyMzQ1Njc4OWFiY2RlZg$cBg8D2DungRB9k76szThf5ehfyBz991ay6PT8Srwk4M", "correct horse", true},
	{"pbkdf2-sha256, PHC without l", "$pbkdf2-sha256$i=1000$MDEyMzQ1Njc4OWFiY2RlZg$cBg8D2DungRB9k76szThf5ehfyBz991ay6PT8Srwk4M", "correct horse", true},
	{"pbkdf2-sha512", "$pbkdf2-sha512$1000$MDEyMzQ1Njc4OWFiY2RlZg$OM0FAoIqCVK1sWtxDiffVlBejtLa.ks4TP71JiecwuSZCG8iLbnlIEPOMoVX.i2B2wkSxjQ8CRGR9OkNGuIPMQ", "correct horse", true},
	{"pbkdf2, padded", "$pbkdf2-sha256$1000$MDEyMzQ1Njc4OWFiY2RlZg==$cBg8D2DungRB9k76szThf5ehfyBz991ay6PT8Srwk4M=", "correct horse", true},
	{"scrypt", "$scrypt$ln=10,r=8,p=2$MDEyMzQ1Njc4OWFiY2RlZg$I4YuHpx/6xJJ4+sk74hQU+KhW++gPE8aHzXbHijxgzg", "correct horse", true},
	{"digest", user.Digest("correct horse"), "correct horse", false},
}

func TestVerifyForeignHashes(t *testing.T) {
	h := user.NewHasher(1)
	for _, tt := range foreign {
		t.Run(tt.name, func(t *testing.T) {
			if err := user.CheckHash(tt.hash); err != nil {
				t.Fatal(err)
			}
			ok, upgrade, err := h.Verify(t.Context(), tt.hash, tt.password)
			if !ok || err != nil || upgrade != tt.upgrade {
				t.Errorf("Verify = %v, upgrade %v, %v; want upgrade %v", ok, upgrade, err, tt.upgrade)
			}
			for _, wrong := range []string{"", "x" + tt.password, strings.ToUpper(tt.password) + "!"} {
				if strings.HasPrefix(wrong, long) { // bcrypt looks no further
					continue
				}
				if ok, upgrade, err := h.Verify(t.Context(), tt.hash, wrong); ok || upgrade || err != nil {
					t.Errorf("Verify(%q) = %v, upgrade %v, %v", wrong, ok, upgrade, err)
				}
			}
		})
	}
}

func TestHash(t *testing.T) {
	h := user.NewHasher(0)
	for _, password := range []string{"user123abcd", "pä$$wörd \U0001F511", strings.Repeat("x", user.MaxPasswordLength)} {
		hash, err := h.Hash(t.Context(), password)
		if err != nil {
			t.Fatal(err)
		}
		again, _ := h.Hash(t.Context(), password)
		if hash == again {
			t.Error("two hashes share a salt")
		}
		if !strings.HasPrefix(hash, "$argon2id$v=19$m=19456,t=2,p=1$") {
			t.Errorf("hash %s", hash)
		}
		if ok, upgrade, err := h.Verify(t.Context(), hash, password); !ok || upgrade || err != nil {
			t.Errorf("Verify = %v, upgrade %v, %v", ok, upgrade, err)
		}
	}
	for _, password := range []string{"", strings.Repeat("x", user.MaxPasswordLength+1)} {
		if hash, err := h.Hash(t.Context(), password); err == nil {
			t.Errorf("%d bytes: %s", len(password), hash)
		}
	}
}

func TestHashesThatAreRefused(t *testing.T) {
	const salt, key = "MDEyMzQ1Njc4OWFiY2RlZg", "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	h := user.NewHasher(1)
	for name, hash := range map[string]string{
		"empty":                   "",
		"plain text":              "secret",
		"MD5 crypt":               "$1$abc$defghijklmnop",
		"argon2i":                 "$argon2i$v=19$m=65536,t=2,p=1$" + salt + "$" + key,
		"argon2id, old version":   "$argon2id$v=16$m=65536,t=2,p=1$" + salt + "$" + key,
		"argon2id, 2 GiB":         "$argon2id$v=19$m=2097152,t=1,p=1$" + salt + "$" + key,
		"argon2id, many passes":   "$argon2id$v=19$m=1048576,t=5,p=1$" + salt + "$" + key,
		"argon2id, no pass":       "$argon2id$v=19$m=65536,t=0,p=1$" + salt + "$" + key,
		"argon2id, no lane":       "$argon2id$v=19$m=65536,t=1,p=0$" + salt + "$" + key,
		"argon2id, 257 lanes":     "$argon2id$v=19$m=65536,t=1,p=257$" + salt + "$" + key,
		"argon2id, little memory": "$argon2id$v=19$m=7,t=1,p=1$" + salt + "$" + key,
		"argon2id, order":         "$argon2id$v=19$t=2,m=65536,p=1$" + salt + "$" + key,
		"argon2id, sign":          "$argon2id$v=19$m=+65536,t=2,p=1$" + salt + "$" + key,
		"argon2id, overflow":      "$argon2id$v=19$m=4294967296,t=2,p=1$" + salt + "$" + key,
		"argon2id, short key":     "$argon2id$v=19$m=65536,t=2,p=1$" + salt + "$AAAA",
		"argon2id, long key":      "$argon2id$v=19$m=65536,t=2,p=1$" + salt + "$" + strings.Repeat("A", 400),
		"argon2id, no salt":       "$argon2id$v=19$m=65536,t=2,p=1$$" + key,
		"argon2id, bad Base64":    "$argon2id$v=19$m=65536,t=2,p=1$" + salt + "$!!" + key,
		"argon2id, line break":    "$argon2id$v=19$m=65536,t=2,p=1$" + salt + "\n$" + key,
		"argon2id, more fields":   "$argon2id$v=19$m=65536,t=2,p=1$" + salt + "$" + key + "$x",
		"bcrypt, cost 17":         "$2b$17$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"bcrypt, cost 3":          "$2b$03$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"bcrypt, short":           "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOe",
		"bcrypt, alphabet":        "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyO=W",
		"bcrypt 2x":               "$2x$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW",
		"pbkdf2, too many":        "$pbkdf2-sha256$10000001$" + salt + "$" + key,
		"pbkdf2, none":            "$pbkdf2-sha256$0$" + salt + "$" + key,
		"pbkdf2, wrong length":    "$pbkdf2-sha256$i=1000,l=20$" + salt + "$" + key,
		"pbkdf2-md5":              "$pbkdf2-md5$1000$" + salt + "$" + key,
		"scrypt, 2 GiB":           "$scrypt$ln=21,r=8,p=1$" + salt + "$" + key,
		"scrypt, ln 63":           "$scrypt$ln=63,r=8,p=1$" + salt + "$" + key,
		"scrypt, long work":       "$scrypt$ln=20,r=8,p=64$" + salt + "$" + key,
		"digest, short":           "sha256:abcd",
		"digest, not hex":         "sha256:" + strings.Repeat("z", 64),
		"long":                    "$2b$" + strings.Repeat("x", 2000),
	} {
		t.Run(name, func(t *testing.T) {
			err := user.CheckHash(hash)
			if err == nil {
				t.Fatal("accepted")
			}
			if strings.Contains(err.Error(), key) {
				t.Errorf("the error quotes the hash: %v", err)
			}
			if ok, _, err := h.Verify(t.Context(), hash, "password"); ok || err == nil {
				t.Errorf("Verify = %v, %v", ok, err)
			}
		})
	}
}

func TestLongPasswordsAreNotHashed(t *testing.T) {
	h := user.NewHasher(1)
	password := strings.Repeat("x", user.MaxPasswordLength+1)
	defer h.Occupy()()
	// Every worker is taken: were it hashed, it would have to wait.
	if ok, _, err := h.Verify(t.Context(), foreign[0].hash, password); ok || err != nil {
		t.Errorf("Verify = %v, %v", ok, err)
	}
	if ok, _, err := h.Verify(t.Context(), user.Digest(password), password); ok || err != nil {
		t.Errorf("a digest: Verify = %v, %v", ok, err)
	}
	if err := h.Decoy(t.Context(), password); err != nil {
		t.Errorf("Decoy: %v", err)
	}
}

func TestPoolIsBounded(t *testing.T) {
	h := user.NewHasher(1)
	leave := h.Occupy()
	var waiting sync.WaitGroup
	results := make(chan error, user.MaxQueue)
	for range user.MaxQueue {
		waiting.Go(func() {
			ok, _, err := h.Verify(context.Background(), foreign[1].hash, foreign[1].password)
			if err == nil && !ok {
				err = errors.New("no match")
			}
			results <- err
		})
	}
	for h.Queued() < user.MaxQueue {
		runtime.Gosched()
	}
	for what, err := range map[string]error{
		"Verify": second(h.Verify(t.Context(), foreign[1].hash, "x")),
		"Hash":   first(h.Hash(t.Context(), "x")),
		"Decoy":  h.Decoy(t.Context(), "x"),
	} {
		if e := oauth.AsError(err); err == nil || e.Reason != oauth.Busy || e.RetryAfter <= 0 {
			t.Errorf("%s with a full queue: %v", what, err)
		}
	}
	if ok, _, err := h.Verify(t.Context(), user.Digest("s"), "s"); !ok || err != nil {
		t.Errorf("a generated secret had to wait for a worker: %v, %v", ok, err)
	}
	leave()
	waiting.Wait()
	close(results)
	for err := range results {
		if err != nil {
			t.Error(err)
		}
	}
	if n := h.Queued(); n != 0 {
		t.Errorf("%d still queued", n)
	}
}

func TestPoolLetsGoOfThoseWhoLeave(t *testing.T) {
	h := user.NewHasher(1)
	defer h.Occupy()()
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	go func() { result <- h.Decoy(ctx, "x") }()
	for h.Queued() == 0 {
		runtime.Gosched()
	}
	cancel()
	if err := <-result; !errors.Is(err, context.Canceled) {
		t.Errorf("err = %v", err)
	}
	if n := h.Queued(); n != 0 {
		t.Errorf("%d still queued", n)
	}
	if err := h.Decoy(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("who has left already: %v", err)
	}
}

func first(_ string, err error) error   { return err }
func second(_, _ bool, err error) error { return err }

// FuzzHash: whatever the text, reading it does not panic, and what is accepted can be checked at a bounded cost.
func FuzzHash(f *testing.F) {
	for _, s := range foreign {
		f.Add(s.hash)
	}
	f.Add("$argon2id$v=19$m=2097152,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Add("$scrypt$ln=30,r=1,p=1$AAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAA")
	f.Add("$$$$$")
	f.Fuzz(func(t *testing.T, text string) {
		err := user.CheckHash(text)
		if err != nil {
			return
		}
		if strings.ContainsAny(text, "\r\n\x00") || len(text) > 1024 {
			t.Errorf("accepted %q", text)
		}
		var m, n, p uint64
		if k, _ := fmt.Sscanf(text, "$argon2id$v=19$m=%d,t=%d,p=%d", &m, &n, &p); k == 3 && m*n > 4<<20 {
			t.Errorf("accepted %d KiB in %d passes", m, n)
		}
		if k, _ := fmt.Sscanf(text, "$scrypt$ln=%d,r=%d,p=%d", &m, &n, &p); k == 3 && (128*n)<<m > 1<<30 {
			t.Errorf("accepted ln=%d r=%d", m, n)
		}
	})
}
