package factor

import "time"

// Code is the one-time code of a secret at a moment.
func Code(secret []byte, at time.Time) string { return hotp(secret, at.Unix()/int64(step/time.Second)) }

// HOTP is the one-time code of a counter.
func HOTP(secret []byte, counter int64) string { return hotp(secret, counter) }
