package token

import (
	"context"
	"encoding/base64"
	"time"

	"sallyport/client"
	"sallyport/key"
	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
)

// digiHeader is the header of every v1 token, to the byte. It names no key: the verifier tries the realm's RS256 keys.
const digiHeader = `{"typ":"JWT","alg":"RS256"}`

const (
	digiVersion  = "2.0"
	digiNode     = "executor1"
	digiResource = "YWRtaW5BUEk" // unpadded Base64 of "adminAPI"
)

// digiHeaderText is digiHeader as it stands in a token.
var digiHeaderText = base64.RawURLEncoding.EncodeToString([]byte(digiHeader))

// digiClaims are the claims of a v1 token in the order of the wire.
type digiClaims struct {
	audience    []string
	user        string // user_name; absent without a user
	org         string // org_id; likewise
	scope       []string
	ati         string // refresh tokens only: jti of the access token it was issued with
	started     int64  // stime, ms
	expires     int64
	issued      int64
	authorities []string
	id          string // jti
	client      string
	provider    string // idp_type; of users who signed in on pages, and such tokens tell neither org_id nor authorities
	session     string // sid: the token ends with it; empty: with none
}

// append writes the payload. v2 gives the further members of a v2 token, empty otherwise.
func (c *digiClaims) append(b []byte, v2 string) []byte {
	b = append(b, `{"node":"`+digiNode+`","aud":`...)
	b = oauth.AppendList(b, c.audience)
	if c.user != "" {
		b = append(b, `,"user_name":`...)
		b = oauth.AppendString(b, c.user)
	}
	if c.org != "" {
		b = append(b, `,"org_id":`...)
		b = oauth.AppendString(b, c.org)
	}
	b = append(b, `,"scope":`...)
	b = oauth.AppendList(b, c.scope)
	if c.ati != "" {
		b = append(b, `,"ati":`...)
		b = oauth.AppendString(b, c.ati)
	}
	b = appendNumber(b, `,"stime":`, c.started)
	b = appendNumber(b, `,"exp":`, c.expires)
	b = appendNumber(b, `,"iat":`, c.issued)
	if c.provider == "" {
		b = append(b, `,"authorities":`...)
		b = oauth.AppendList(b, c.authorities)
	}
	b = append(b, `,"jti":`...)
	b = oauth.AppendString(b, c.id)
	b = append(b, `,"client_id":`...)
	b = oauth.AppendString(b, c.client)
	if c.provider != "" {
		b = append(b, `,"idp_type":`...)
		b = oauth.AppendString(b, c.provider)
	}
	if c.session != "" {
		b = append(b, `,"sid":`...)
		b = oauth.AppendString(b, c.session)
	}
	b = append(b, v2...)
	return append(b, '}')
}

// readDigiClaims undoes append. v2 receives the members only a v2 token has.
func readDigiClaims(payload []byte, v2 map[string]string) (*digiClaims, bool) {
	c := &digiClaims{}
	node := ""
	ok := readObject(string(payload), func(in *jsonReader, name string) {
		switch name {
		case "node":
			node = in.str()
		case "aud":
			c.audience = in.strs()
		case "user_name":
			c.user = in.str()
		case "org_id":
			c.org = in.str()
		case "scope":
			c.scope = in.strs()
		case "ati":
			c.ati = in.str()
		case "stime":
			c.started = in.integer()
		case "exp":
			c.expires = in.integer()
		case "iat":
			c.issued = in.integer()
		case "authorities":
			c.authorities = in.strs()
		case "jti":
			c.id = in.str()
		case "client_id":
			c.client = in.str()
		case "idp_type":
			c.provider = in.str()
		case "sid":
			c.session = in.str()
		case "ver", "iss", "sub":
			if v2 == nil {
				in.bad = true
				return
			}
			v2[name] = in.str()
		default:
			in.bad = true
		}
	})
	return c, ok && node == digiNode && c.client != "" && c.id != "" && c.expires > 0
}

// digiAudience is "aud" of a client: its resource ids.
func digiAudience(c *client.Client) []string {
	if len(c.Audience) > 0 {
		return c.Audience
	}
	return []string{digiResource}
}

// digiAuthorities are the roles of the user, or those of the client where it acts for itself.
func digiAuthorities(a *Authorization) []string {
	switch {
	case a.User != nil:
		return a.User.Roles
	case len(a.Client.Authorities) > 0:
		return a.Client.Authorities
	}
	return []string{"client"}
}

// newDigi makes a v1 access token. After a refresh its claims are those of the refresh token, as that product has it; the
// scope is what the pipeline cleared of it.
func (s *Service) newDigi(ctx context.Context, m *minting) (string, error) {
	c := m.digi
	c.scope, c.ati = m.Scope, ""
	c.expires, c.issued = m.expires.Unix(), m.issued.Unix()
	c.id = m.jti.String()
	return s.signDigi(ctx, m.Realm.Name, &c)
}

// newDigiRefresh makes a v1 refresh token: the same claims, with "ati".
func (s *Service) newDigiRefresh(ctx context.Context, m *minting, id jti, expires time.Time) (string, error) {
	c := m.digi
	c.ati, c.id = m.jti.String(), id.String()
	c.expires, c.issued = expires.Unix(), m.issued.Unix()
	return s.signDigi(ctx, m.Realm.Name, &c)
}

func (s *Service) signDigi(ctx context.Context, realm string, c *digiClaims) (string, error) {
	k, err := s.keys.Signer(ctx, realm, key.RS256)
	if err != nil {
		return "", err
	}
	return signJWS([]byte(digiHeader), c.append(make([]byte, 0, 512), ""), k)
}

// newDigiV2 makes a v2 access token: a key that is named and published, an issuer, and the scopes of that product's OIDC.
func (s *Service) newDigiV2(ctx context.Context, m *minting) (string, error) {
	k, err := s.keys.Signer(ctx, m.Realm.Name, key.RS256)
	if err != nil {
		return "", err
	}
	c := m.digi
	c.audience = []string{"digiRunner"}
	c.scope = digiV2Scope(m.Scope)
	c.expires, c.issued, c.id = m.expires.Unix(), m.issued.Unix(), m.jti.String()
	issuer := m.Issuer
	if issuer == "" {
		issuer = m.Realm.Issuer
	}
	more := append([]byte(nil), `,"ver":"`+digiVersion+`","iss":`...)
	more = oauth.AppendString(more, issuer)
	more = append(more, `,"sub":`...)
	more = oauth.AppendString(more, m.Client.ID)
	head := append(appendHeader(nil, "JWT", k), `,"ver":"`+digiVersion+`"}`...)
	return signJWS(head, c.append(make([]byte, 0, 512), string(more)), k)
}

func digiV2Scope(granted scope.Set) scope.Set {
	all := append(scope.Set(nil), granted...)
	for _, name := range []string{"profile", "email", "system/*.cruds"} {
		if !all.Has(name) {
			all = append(all, name)
		}
	}
	return all
}

// verifyDigi reads a v1 token, access or refresh, nil if none of the realm's RS256 keys signed it.
func (s *Service) verifyDigi(ctx context.Context, r *realm.Realm, c *compact) (*digiClaims, error) {
	keys, err := s.keys.Verifiers(ctx, r.Name, key.RS256)
	if err != nil {
		return nil, err
	}
	for _, k := range keys {
		if c.signedBy(k) {
			claims, ok := readDigiClaims(c.payload, nil)
			if !ok {
				return nil, nil
			}
			return claims, nil
		}
	}
	return nil, nil
}

func (s *Service) readDigi(ctx context.Context, r *realm.Realm, c *compact) (*Access, error) {
	claims, err := s.verifyDigi(ctx, r, c)
	if err != nil || claims == nil {
		return nil, err
	}
	if claims.ati != "" {
		return nil, oauth.Fail(oauth.TokenRevoked, claims.id)
	}
	j, ok := parseJTI(claims.id)
	if !ok {
		return nil, nil
	}
	a := claims.access(r, j)
	a.Shape, a.Family = ShapeDigiRunner, linkID(j.link())
	return a, nil
}

func readDigiV2(r *realm.Realm, payload []byte) *Access {
	v2 := map[string]string{}
	claims, ok := readDigiClaims(payload, v2)
	if !ok {
		return nil
	}
	j, named := parseJTI(claims.id)
	if !named || claims.ati != "" || v2["ver"] != digiVersion || v2["iss"] == "" || v2["sub"] != claims.client {
		return nil
	}
	a := claims.access(r, j)
	a.Shape = ShapeDigiRunnerV2
	return a
}

func (c *digiClaims) access(r *realm.Realm, j jti) *Access {
	a := &Access{
		Realm: r.Name, Client: c.client, User: c.user, ID: c.id,
		Scope: c.scope, Audience: c.audience, Format: realm.JWT,
		IssuedAt: j.issued(), StartedAt: time.UnixMilli(c.started), ExpiresAt: time.Unix(c.expires, 0),
	}
	if c.session != "" {
		a.SignIn = &SignIn{Session: c.session, Bound: true, Provider: c.provider}
	}
	return a
}
