package token

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"time"
)

// A jti names one access token. It is a UUID of version 7 (RFC 9562 section 5.7) that tells by itself when the token was
// issued, to the microsecond, and by when it is over for certain, so that a revocation by jti alone knows how long it must
// be kept:
//
//	48 bits ms | 4 version | 12 fraction of the ms | 2 variant | 5 life: 2ⁿ hours | 16 random | 41 random, or the link
//
// The link ties a digiRunner access token, whose claims have no room for it, to its family.
type jti [16]byte

const (
	lifeShift = 57
	lifeMask  = 1<<5 - 1
	linkMask  = 1<<41 - 1
)

// newJTI makes a jti from 57 bits of low.
func newJTI(issued time.Time, life time.Duration, low uint64) jti {
	var j jti
	putTime(&j, issued)
	hours := uint64((life + time.Hour - 1) / time.Hour)
	n := uint64(bits.Len64(max(hours, 1) - 1)) // 2ⁿ ≥ hours
	binary.BigEndian.PutUint64(j[8:], 1<<63|n<<lifeShift|low&(1<<lifeShift-1))
	return j
}

// putTime writes the first 64 bits; the fraction as method 3 of RFC 9562 section 6.2 has it.
func putTime(j *jti, at time.Time) {
	us := uint64(at.UnixMicro())
	frac := us % 1000 * 4096 / 1000
	binary.BigEndian.PutUint64(j[:], us/1000<<16|7<<12|frac)
}

// issued returns the time of issue. 4096 steps a millisecond tell 1000 microseconds apart: rounding up undoes putTime.
func (j jti) issued() time.Time {
	high := binary.BigEndian.Uint64(j[:])
	return time.UnixMicro(int64(high>>16*1000 + (high&0xfff*1000+4095)/4096))
}

// life returns how long the token lives at most.
func (j jti) life() time.Duration {
	return time.Hour << min(binary.BigEndian.Uint64(j[8:])>>lifeShift&lifeMask, 20)
}

func (j jti) link() uint64 { return binary.BigEndian.Uint64(j[8:]) & linkMask }

// append writes the 36 characters of RFC 9562 section 4.
func (j jti) append(b []byte) []byte {
	for i, n := range [5]int{4, 2, 2, 2, 6} {
		if i > 0 {
			b = append(b, '-')
		}
		at := [5]int{0, 4, 6, 8, 10}[i]
		b = hex.AppendEncode(b, j[at:at+n])
	}
	return b
}

func (j jti) String() string {
	var b [36]byte
	return string(j.append(b[:0]))
}

// parseJTI reads what append wrote and nothing else.
func parseJTI(s string) (jti, bool) {
	var j jti
	if len(s) != 36 {
		return j, false
	}
	var digits [32]byte
	copy(digits[:8], s[:8])
	copy(digits[8:12], s[9:13])
	copy(digits[12:16], s[14:18])
	copy(digits[16:20], s[19:23])
	copy(digits[20:], s[24:])
	if _, err := hex.Decode(j[:], digits[:]); err != nil || j[6]>>4 != 7 || j[8]>>6 != 2 {
		return jti{}, false
	}
	var canonical [36]byte
	return j, string(j.append(canonical[:0])) == s
}

// randomBits returns 64 random bits.
func randomBits() uint64 {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint64(b[:])
}

// newFamilyID draws an ID. It begins with the time, so that grants given together are stored together, and has 64 random
// bits: it is a name and no secret. That of a digiRunner family is a jti of 12 drawn bytes whose last four follow from them, so
// that the jti of its refresh tokens can carry the generation there; a family that does not rotate keeps one jti, as that
// product does.
func newFamilyID(shape Shape, now time.Time) ID {
	var id ID
	_, _ = rand.Read(id[:]) // never fails
	j := jti(id)
	putTime(&j, now)
	return named(shape, ID(j))
}

// named is the ID of a family of a shape that was named before it began, whatever shape it would have.
func named(shape Shape, id ID) ID {
	if shape != ShapeDigiRunner {
		return id
	}
	j := jti(id)
	j[8] = j[8]&0x3f | 0x80
	binary.BigEndian.PutUint32(j[12:], familyMask(j))
	return ID(j)
}

func familyMask(j jti) uint32 {
	sum := sha256.Sum256(j[:12])
	return binary.BigEndian.Uint32(sum[:])
}

// refreshJTI is the jti of a family's refresh token of a generation.
func refreshJTI(family ID, generation uint32) jti {
	j := jti(family)
	binary.BigEndian.PutUint32(j[12:], binary.BigEndian.Uint32(j[12:])^generation)
	return j
}

// familyOf undoes refreshJTI.
func familyOf(j jti) (ID, uint32) {
	mask := familyMask(j)
	generation := binary.BigEndian.Uint32(j[12:]) ^ mask
	binary.BigEndian.PutUint32(j[12:], mask)
	return ID(j), generation
}

// linkOf returns the bits by which digiRunner access tokens name their family.
func linkOf(family ID) uint64 {
	sum := sha256.Sum256(family[:])
	return binary.BigEndian.Uint64(sum[:]) & linkMask
}

// linkID is the short form of a family: an ID that consists of the link.
func linkID(link uint64) ID {
	var id ID
	binary.BigEndian.PutUint64(id[8:], link)
	return id
}

// familyKey is the key of revocations of a family: what its access tokens know of it.
func familyKey(shape Shape, id ID) string {
	if shape == ShapeDigiRunner {
		return linkID(linkOf(id)).String()
	}
	return id.String()
}
