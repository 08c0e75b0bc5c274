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

	family     ID // of the access token; zero: none
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
	m := &minting{Authorization: a, now: s.now()}
	m.access, m.refresh = settings(a.Realm, a.Client, a.Access, a.Refresh)
	m.issued = m.now.Truncate(time.Microsecond)
	m.started = m.issued
	m.expires = time.Unix(m.issued.Unix(), 0).Add(m.access.TTL.Std())
	switch {
	case a.Continues != nil:
		if err := m.goOn(); err != nil {
			return nil, err
		}
	case a.WithRefresh && a.Shape != ShapeDigiRunnerV2:
		m.found()
	}
	low := randomBits()
	if m.grant != nil && a.Shape == ShapeDigiRunner {
		low = low&^linkMask | linkOf(m.family)
	}
	m.jti = newJTI(m.issued, m.access.TTL.Std(), low)
	if a.Shape != ShapeStandard {
		m.prepareDigi()
	}
	return m, nil
}

// found begins a family.
func (m *minting) found() {
	m.grant = &Family{
		Realm: m.Realm.Name, ID: newFamilyID(m.Shape, m.issued), Client: m.Client.ID, Grant: m.Grant, Shape: m.Shape,
		Scope: m.Scope, StartedAt: m.issued, RotatedAt: m.issued,
		ExpiresAt: time.Unix(m.issued.Unix(), 0).Add(m.refresh.TTL.Std()),
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
	m.grant, m.family, m.started = f, f.ID, f.StartedAt
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
