package token

import (
	"context"
	"fmt"
	"strings"

	"sallyport/oauth"
	"sallyport/realm"
)

// malformed refuses what is no token of the realm, with the reason for those who ask why.
func malformed(why string, args ...any) error {
	return oauth.Because(oauth.TokenMalformed, fmt.Errorf(why, args...))
}

// why looks for what keeps a text from being an access token of the realm. No signature is verified again for it, or a
// stranger's nonsense would cost twice as much.
func (s *Service) why(ctx context.Context, r *realm.Realm, raw string) error {
	if strings.HasPrefix(raw, sealedPrefix) {
		return malformed("it is not one that realm %s has sealed, or was changed since", r.Name)
	}
	if len(raw) == referenceText && strings.IndexByte(raw, '.') < 0 {
		return malformed("it was never a reference token of realm %s, or was changed since", r.Name)
	}
	c, ok := splitJWS(raw)
	if !ok {
		return malformed("it has the form of no token that is issued here")
	}
	if k, err := s.keys.Verifier(ctx, r.Name, c.header.kid); err == nil && k == nil && c.header.kid != "" {
		return malformed("realm %s has no key with the kid %.80q", r.Name, c.header.kid)
	}
	var iss string
	readObject(string(c.payload), func(in *jsonReader, name string) {
		if name == "iss" {
			iss = in.str()
		} else {
			in.skip()
		}
	})
	if iss != "" && iss != r.Issuer {
		return malformed("its iss is %.200q, and that of realm %s is %q", iss, r.Name, r.Issuer)
	}
	return malformed("its signature is not that of the key it names, or its typ or claims are not those of an access token")
}
