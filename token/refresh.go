package token

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"sallyport/realm"
)

// A standard refresh token is
//
//	base64url( 16 family | 4 generation | 5 expiry in s | 4 longest access life in s | 16 MAC over realm and all before )
//
// It follows from the family and the generation, so that the same successor can be given twice and none is stored. The
// access life tells for how long a revocation of the family's access tokens must be kept.
const (
	refreshMAC   = 16
	refreshHead  = 16 + 4 + 5 + 4
	refreshBytes = refreshHead + refreshMAC
	refreshText  = refreshBytes / 3 * 4
)

func (s *Service) newRefresh(ctx context.Context, r *realm.Realm, f *Family, generation uint32, life time.Duration) (string, error) {
	d, err := s.current(ctx, r.Name)
	if err != nil {
		return "", err
	}
	b := make([]byte, 0, refreshBytes)
	b = append(b, f.ID[:]...)
	b = binary.BigEndian.AppendUint32(b, generation)
	expires := uint64(f.ExpiresAt.Unix())
	b = append(b, byte(expires>>32))
	b = binary.BigEndian.AppendUint32(b, uint32(expires))
	b = binary.BigEndian.AppendUint32(b, uint32(life/time.Second))
	return b64.EncodeToString(append(b, refreshSum(d, r.Name, b)...)), nil
}

func refreshSum(d *derived, realm string, head []byte) []byte {
	mac := hmac.New(sha256.New, d.refresh[:])
	mac.Write(head) // of fixed length
	mac.Write([]byte(realm))
	return mac.Sum(nil)[:refreshMAC]
}

// readRefresh reads a refresh token of either shape, nil if it is not authentic. Family holds what the token tells.
func (s *Service) readRefresh(ctx context.Context, r *realm.Realm, raw string) (*Presented, error) {
	if len(raw) != refreshText {
		return s.readDigiRefresh(ctx, r, raw)
	}
	b, ok := decode(raw)
	if !ok || len(b) != refreshBytes {
		return nil, nil
	}
	ok = false
	err := s.eachSecret(ctx, r.Name, func(d *derived) bool {
		ok = hmac.Equal(b[refreshHead:], refreshSum(d, r.Name, b[:refreshHead]))
		return ok
	})
	if err != nil || !ok {
		return nil, err
	}
	f := &Family{Realm: r.Name, ID: ID(b[:16]), Generation: binary.BigEndian.Uint32(b[16:])}
	f.ExpiresAt = time.Unix(int64(b[20])<<32|int64(binary.BigEndian.Uint32(b[21:])), 0)
	return &Presented{
		Family: f, Generation: f.Generation, ID: f.ID.String(), Raw: raw,
		life: time.Duration(binary.BigEndian.Uint32(b[25:])) * time.Second,
	}, nil
}

func (s *Service) readDigiRefresh(ctx context.Context, r *realm.Realm, raw string) (*Presented, error) {
	c, ok := splitJWS(raw)
	if !ok || !c.v1 {
		return nil, nil
	}
	claims, err := s.verifyDigi(ctx, r, c)
	if err != nil || claims == nil || claims.ati == "" {
		return nil, err
	}
	id, ok := parseJTI(claims.id)
	if !ok {
		return nil, nil
	}
	ati, ok := parseJTI(claims.ati)
	if !ok {
		return nil, nil
	}
	family, generation := familyOf(id)
	f := &Family{
		Realm: r.Name, ID: family, Client: claims.client, User: claims.user, Shape: ShapeDigiRunner, Scope: claims.scope,
		Generation: generation, StartedAt: time.UnixMilli(claims.started), ExpiresAt: time.Unix(claims.expires, 0),
	}
	return &Presented{
		Family: f, Generation: generation, AccessID: claims.ati, ID: claims.id, Raw: raw,
		life: ati.life(), claims: claims,
	}, nil
}
