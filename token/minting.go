package token

import (
	"context"
	"fmt"
	"time"

	"sallyport/client"
	"sallyport/oauth"
	"sallyport/realm"
)

// A minting is an authorization on its way to tokens.
type minting struct {
	Authorization
	access  realm.AccessToken  // all settings filled in
	refresh realm.RefreshToken // likewise
	now     time.Time
	issued  time.Time
	started time.Time
	expires time.Time // of the access token
	jti     jti

	signIn     *SignIn // of the authorization, or of the grant that goes on; nil: none
	family     ID      // of the access token; zero: none
	generation uint32
	grant      *Family // the row to store, or the one that goes on; nil: none
	digi       digiClaims
}

// settings fills in what client, realm and front door leave open.
func settings(r *realm.Realm, c *client.Client, access realm.AccessToken, refresh realm.RefreshToken) (realm.AccessToken, realm.RefreshToken) {
	rotate, grace := true, realm.DefaultGrace
	access = r.AccessToken.Or(access)
	refresh = r.RefreshToken.Or(refresh)
	if c != nil {
		access, refresh = c.AccessToken.Or(access), c.RefreshToken.Or(refresh)
	}
	return access.Or(realm.AccessToken{Format: realm.JWT, TTL: realm.DefaultAccessTTL, Alg: realm.DefaultAlg}),
		refresh.Or(realm.RefreshToken{TTL: realm.DefaultRefreshTTL, Rotate: &rotate, Grace: &grace})
}

// prepare decides everything about the tokens but their text.
func (s *Service) prepare(a Authorization) (*minting, error) {
	m := &minting{Authorization: a, now: s.now(), signIn: a.SignIn}
	m.access, m.refresh = settings(a.Realm, a.Client, a.Access, a.Refresh)
	// The `sub` of a JWT would tell a client who the user is elsewhere.
	if m.access.Format == realm.JWT && a.User != nil && a.Client.OpenID.SubjectType == pairwise {
		m.access.Format = realm.Opaque
	}
	m.issued = m.now.Truncate(time.Microsecond)
	m.started = m.issued
	m.expires = time.Unix(m.issued.Unix(), 0).Add(m.access.TTL.Std())
	if a.Continues == nil && a.Family != (ID{}) && a.Shape != ShapeDigiRunnerV2 {
		m.family, m.started = named(a.Shape, a.Family), startOf(a.Family, m.issued)
		if err := s.checkNamed(m); err != nil {
			return nil, err
		}
	}
	switch {
	case a.Continues != nil:
		if err := m.goOn(); err != nil {
			return nil, err
		}
	case a.WithRefresh && a.Shape != ShapeDigiRunnerV2:
		m.found()
	}
	low := randomBits()
	if m.family != (ID{}) && a.Shape == ShapeDigiRunner {
		low = low&^linkMask | linkOf(m.family)
	}
	m.jti = newJTI(m.issued, m.access.TTL.Std(), low)
	if a.Shape != ShapeStandard {
		m.prepareDigi()
	}
	return m, nil
}

// pairwise is the subject_type of clients that know users by names of their own (OpenID Connect Core section 8).
const pairwise = "pairwise"

// startOf is when a grant that was named before it began was given: its name tells. What ends the grants of a user must end
// those whose code was made before and redeemed after. A name that tells no time of the last hour was not made here.
func startOf(id ID, now time.Time) time.Time {
	if at := jti(id).issued(); id[6]>>4 == 7 && at.Before(now) && now.Sub(at) < time.Hour {
		return at
	}
	return now
}

// found begins a family. One that is bound to a session is not left to live longer than the session can.
func (m *minting) found() {
	id := m.family
	if id == (ID{}) {
		id = newFamilyID(m.Shape, m.issued)
	}
	expires := time.Unix(m.issued.Unix(), 0).Add(m.refresh.TTL.Std())
	if m.signIn != nil && m.signIn.Bound {
		longest := m.Realm.SignIn.Max
		if longest == 0 {
			longest = realm.DefaultSession
		}
		if over := time.Unix(m.signIn.At.Unix(), 0).Add(longest.Std()); over.Before(expires) {
			expires = over
		}
		if !m.issued.Before(expires) {
			return
		}
	}
	m.grant = &Family{
		Realm: m.Realm.Name, ID: id, Client: m.Client.ID, Grant: m.Grant, Shape: m.Shape,
		Scope: m.Scope, StartedAt: m.started, RotatedAt: m.issued, ExpiresAt: expires, SignIn: m.signIn,
	}
	if m.User != nil {
		m.grant.User = m.User.Name
	}
	m.family = m.grant.ID
}

// goOn takes up the family of the presented refresh token.
func (m *minting) goOn() error {
	p := m.Continues
	f := p.Family
	if f.Shape != m.Shape {
		return oauth.Fail(oauth.RefreshUnknown, p.ID) // each front door takes back what it gave
	}
	if !m.now.Before(f.ExpiresAt) || idle(f, m.refresh.Idle, m.now) {
		return oauth.Fail(oauth.RefreshExpired, p.ID)
	}
	m.grant, m.family, m.started, m.signIn = f, f.ID, f.StartedAt, f.SignIn
	m.generation = f.Generation + 1
	if *m.refresh.Rotate {
		m.generation = p.Generation + 1
	}
	return nil
}

// idle reports whether a grant was left unused for too long.
func idle(f *Family, limit realm.Duration, now time.Time) bool {
	return limit > 0 && !now.Before(f.RotatedAt.Add(limit.Std()))
}

func (m *minting) prepareDigi() {
	if p := m.Continues; p != nil && p.claims != nil {
		m.digi = *p.claims
		return
	}
	m.digi = digiClaims{
		audience: digiAudience(m.Client), scope: m.Scope, started: m.started.UnixMilli(),
		authorities: digiAuthorities(&m.Authorization), client: m.Client.ID,
	}
	if m.User != nil {
		m.digi.user, m.digi.org = m.User.Name, m.User.Org
	}
	if t := m.told(); t != nil && m.signIn.Provider != "" {
		m.digi.org, m.digi.provider, m.digi.session = "", m.signIn.Provider, t.Session
	}
}

// authTime is when the user signed in.
func (m *minting) authTime() time.Time {
	if m.signIn != nil {
		return m.signIn.At
	}
	return m.started
}

// told is what an access token says of a sign-in, nil if there was none. A session is named only where the token ends with it.
func (m *minting) told() *SignIn {
	if m.signIn == nil || m.User == nil {
		return nil
	}
	t := &SignIn{At: time.Unix(m.signIn.At.Unix(), 0), ACR: m.signIn.ACR, UserInfo: m.signIn.UserInfo, Bound: m.signIn.Bound && m.signIn.Session != ""}
	if t.Bound {
		t.Session = m.signIn.Session
	}
	return t
}

// subject is "sub" (RFC 9068 section 2.2).
func (m *minting) subject() string {
	if m.User != nil {
		return m.User.Name
	}
	return m.Client.ID
}

// audience is "aud": that of the client, or the realm as a whole (RFC 9068 section 3).
func (m *minting) audience() []string {
	if len(m.Client.Audience) > 0 {
		return m.Client.Audience
	}
	return []string{m.Realm.Issuer}
}

// life is the longest life an access token of the family was given, this one included.
func (m *minting) life() time.Duration {
	life := m.access.TTL.Std()
	if m.Continues != nil {
		life = max(life, m.Continues.life)
	}
	return life
}

// mintAccess makes the access token, and the row if its format wants one.
func (s *Service) mintAccess(ctx context.Context, m *minting) (text string, row *Reference, err error) {
	switch {
	case m.Shape == ShapeDigiRunner:
		text, err = s.newDigi(ctx, m)
	case m.Shape == ShapeDigiRunnerV2:
		text, err = s.newDigiV2(ctx, m)
	case m.access.Format == realm.Opaque:
		text, err = s.newSealed(ctx, m)
	case m.access.Format == realm.Reference:
		text, row, err = s.newReference(ctx, m)
	case m.access.Format == realm.JWT:
		text, err = s.newJWT(ctx, m)
	default:
		err = fmt.Errorf("access_token.format: %q is none; use jwt, opaque or reference", m.access.Format)
	}
	if err == nil && len(text) > maxToken {
		err = fmt.Errorf("the access token of client %q would be %d bytes long, over %d; give the client fewer scopes or reference tokens",
			m.Client.ID, len(text), maxToken)
	}
	return text, row, err
}

// mintRefresh makes the refresh token that goes with the access token; id is its jti if it is a JWT.
func (s *Service) mintRefresh(ctx context.Context, m *minting) (text, id string, err error) {
	generation := uint32(0)
	if p := m.Continues; p != nil {
		if !*m.refresh.Rotate && m.Shape != ShapeDigiRunner {
			return p.Raw, "", nil
		}
		generation = p.Generation
		if *m.refresh.Rotate {
			generation++
		}
	}
	if m.Shape == ShapeDigiRunner {
		j := refreshJTI(m.grant.ID, generation)
		text, err = s.newDigiRefresh(ctx, m, j, m.grant.ExpiresAt)
		if err == nil && len(text) > maxToken {
			err = fmt.Errorf("the refresh token of client %q would be %d bytes long, over %d; give the client fewer scopes", m.Client.ID, len(text), maxToken)
		}
		return text, j.String(), err
	}
	text, err = s.newRefresh(ctx, m.Realm, m.grant, generation, m.life())
	return text, "", err
}
