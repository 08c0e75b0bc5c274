package token

import (
	"context"
	"strconv"
	"strings"
	"time"

	"sallyport/key"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
)

// typAccess is the "typ" of RFC 9068 section 2.1: no other JWT of the realm can pass for an access token.
const typAccess = "at+jwt"

// appendHeader writes a JOSE header that names its key.
func appendHeader(b []byte, typ string, k *key.Signing) []byte {
	b = append(b, `{"typ":"`...)
	b = append(b, typ...)
	b = append(b, `","alg":"`...)
	b = append(b, k.Alg...)
	b = append(b, `","kid":`...)
	return oauth.AppendString(b, k.ID)
}

// appendNumber writes a member with a number.
func appendNumber(b []byte, name string, v int64) []byte {
	b = append(b, name...)
	return strconv.AppendInt(b, v, 10)
}

// newJWT makes an access token of RFC 9068. Beyond the claims of its section 2.2 there is "gid", the grant family and
// generation. "auth_time" is there if, and only if, a user stands behind the token; "sub" alone would not tell a user
// from a client of the same name (RFC 9068 section 5). Of a sign-in on our own pages "acr" is told as well (RFC 9068 section
// 2.2.1), "sid" if the token ends with the session, and "uic", the claims that were asked for at UserInfo by name.
func (s *Service) newJWT(ctx context.Context, m *minting) (string, error) {
	k, err := s.keys.Signer(ctx, m.Realm.Name, key.Alg(m.access.Alg))
	if err != nil {
		return "", err
	}
	var headBuf [160]byte
	head := append(appendHeader(headBuf[:0], typAccess, k), '}')
	b := make([]byte, 0, 512)
	b = append(b, `{"iss":`...)
	b = oauth.AppendString(b, m.Realm.Issuer)
	b = append(b, `,"sub":`...)
	b = oauth.AppendString(b, m.subject())
	b = append(b, `,"aud":`...)
	if audience := m.audience(); len(audience) == 1 {
		b = oauth.AppendString(b, audience[0])
	} else {
		b = oauth.AppendList(b, audience)
	}
	b = append(b, `,"client_id":`...)
	b = oauth.AppendString(b, m.Client.ID)
	b = appendNumber(b, `,"exp":`, m.expires.Unix())
	b = appendNumber(b, `,"iat":`, m.issued.Unix())
	if m.User != nil {
		b = appendNumber(b, `,"auth_time":`, m.authTime().Unix())
	}
	if t := m.told(); t != nil {
		b = appendSignIn(b, t)
	}
	b = append(b, `,"jti":"`...)
	b = m.jti.append(b)
	b = append(b, `","scope":`...)
	b = oauth.AppendString(b, m.Scope.String())
	if m.family != (ID{}) {
		b = append(b, `,"gid":"`...)
		b = b64.AppendEncode(b, m.family[:])
		b = appendNumber(b, ".", int64(m.generation))
		b = append(b, '"')
	}
	return signJWS(head, append(b, '}'), k)
}

// appendSignIn writes what a token says of a sign-in. "acr" is always there: it tells that there was one.
func appendSignIn(b []byte, t *SignIn) []byte {
	b = append(b, `,"acr":`...)
	b = oauth.AppendString(b, t.ACR)
	if t.Session != "" {
		b = append(b, `,"sid":`...)
		b = oauth.AppendString(b, t.Session)
	}
	if len(t.UserInfo) > 0 {
		b = append(b, `,"uic":`...)
		b = oauth.AppendList(b, t.UserInfo)
	}
	return b
}

// readJWT verifies a JWT of the realm, whatever its kind. It returns nil if it is not an authentic access token, and
// fails with TokenRevoked on a digiRunner refresh token: a genuine JWT of the realm that opens nothing.
func (s *Service) readJWT(ctx context.Context, r *realm.Realm, raw string) (*Access, error) {
	c, ok := splitJWS(raw)
	if !ok {
		return nil, nil
	}
	if c.v1 {
		return s.readDigi(ctx, r, c)
	}
	if c.header.kid == "" {
		return nil, nil
	}
	k, err := s.keys.Verifier(ctx, r.Name, c.header.kid)
	if err != nil || !c.signedBy(k) {
		return nil, err
	}
	switch {
	case c.header.typ == typAccess && c.header.ver == "":
		return readClaims(r, c.payload), nil
	case c.header.typ == "JWT" && c.header.ver == digiVersion && k.Alg == key.RS256:
		return readDigiV2(r, c.payload), nil
	}
	return nil, nil
}

// readClaims reads the claims of newJWT, nil if anything is missing.
func readClaims(r *realm.Realm, payload []byte) *Access {
	a := &Access{Realm: r.Name, Format: realm.JWT}
	var iss, sub, gid, scopes, acr, sid string
	var told bool
	var uic []string
	var exp, auth int64 = 0, -1
	ok := readObject(string(payload), func(in *jsonReader, name string) {
		switch name {
		case "iss":
			iss = in.str()
		case "sub":
			sub = in.str()
		case "aud":
			a.Audience = in.oneOrMore()
		case "client_id":
			a.Client = in.str()
		case "exp":
			exp = in.integer()
		case "auth_time":
			auth = in.integer()
		case "jti":
			a.ID = in.str()
		case "scope":
			scopes = in.str()
		case "gid":
			gid = in.str()
		case "acr":
			acr, told = in.str(), true
		case "sid":
			sid = in.str()
		case "uic":
			uic = in.strs()
		default:
			in.skip()
		}
	})
	j, named := parseJTI(a.ID)
	// The key is the realm's own; the issuer says that the token was meant for it under its present name (RFC 9068
	// section 4).
	if !ok || !named || iss == "" || iss != r.Issuer || sub == "" || a.Client == "" || exp <= 0 {
		return nil
	}
	a.IssuedAt, a.ExpiresAt = j.issued(), time.Unix(exp, 0)
	a.StartedAt = a.IssuedAt
	if auth >= 0 {
		a.User, a.StartedAt = sub, time.Unix(auth, 0)
		if told {
			a.SignIn = &SignIn{At: a.StartedAt, ACR: acr, Session: sid, Bound: sid != "", UserInfo: uic}
		}
	}
	if a.Scope, ok = scope.Parse(scopes); !ok {
		return nil
	}
	if gid != "" {
		if a.Family, a.Generation, ok = parseGID(gid); !ok {
			return nil
		}
	}
	return a
}

func parseGID(gid string) (ID, uint32, bool) {
	family, number, _ := strings.Cut(gid, ".")
	b, ok := decode(family)
	n, err := strconv.ParseUint(number, 10, 32)
	if !ok || err != nil || len(b) != len(ID{}) {
		return ID{}, 0, false
	}
	return ID(b), uint32(n), true
}
