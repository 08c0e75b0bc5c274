package token_test

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"sallyport/oauth"
	"sallyport/realm"
	"sallyport/scope"
	"sallyport/token"
)

// The beginnings of tokens that the product's documentation shows: header, and payload as far as it is printed.
const (
	shownAccess  = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJub2RlIjoiZXhlY3V0b3IxIiwiYXVkIjpbIllXUnRhVzVCVUVrIl0sInVzZXJfbmFtZSI6InRzcHVzZXIiLCJvcmdfaWQiOiIxMDAwMDAiLCJzY29wZSI6WyIyMDAwMDAwMDA2Il0sInN0aW1lIjoxNjg0ODA5NzE3NjY4LCJleHAi"
	shownRefresh = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9.eyJub2RlIjoiZXhlY3V0b3IxIiwiYXVkIjpbIllXUnRhVzVCVUVrIl0sInVzZXJfbmFtZSI6InRzcHVzZXIiLCJvcmdfaWQiOiIxMDAwMDAiLCJzY29wZSI6WyIyMDAwMDAwMDA2Il0sImF0aSI6"
	shownMoment  = 1684809717668 // "stime" of the first, ms
)

func digiAuth(h *house) token.Authorization {
	a := h.auth("")
	a.Shape = token.ShapeDigiRunner
	a.Scope = scope.Set{"2000000006"}
	a.Access = realm.AccessToken{TTL: realm.Duration(24 * time.Hour), Format: realm.Opaque} // the shape decides, not the format
	a.Refresh = realm.RefreshToken{TTL: realm.Duration(24 * time.Hour), Rotate: ptr(false)}
	return a
}

func payloadOf(t testing.TB, raw string) string {
	t.Helper()
	return string(bytesOf(t, strings.Split(raw, ".")[1]))
}

// members returns the names of a JSON object's members in their order.
func members(t testing.TB, object string) string {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(object))
	var names []string
	depth, isName := 0, false
	for {
		tok, err := dec.Token()
		if err != nil {
			return strings.Join(names, " ")
		}
		switch v := tok.(type) {
		case json.Delim:
			if v == '{' || v == '[' {
				depth++
			} else {
				depth--
			}
			isName = depth == 1
		case string:
			if depth == 1 && isName {
				names = append(names, v)
			}
			isName = depth == 1 && !isName
		default:
			isName = depth == 1
		}
	}
}

func TestDigiRunnerTokensBeginAsShown(t *testing.T) {
	h := newHouse(t)
	h.at.Store(shownMoment * 1e6)
	out := h.issue(digiAuth(h))
	if !strings.HasPrefix(out.AccessToken, shownAccess) {
		t.Errorf("access token\n%s does not begin\n%s", out.AccessToken, shownAccess)
	}
	if !strings.HasPrefix(out.RefreshToken, shownRefresh) {
		t.Errorf("refresh token\n%s does not begin\n%s", out.RefreshToken, shownRefresh)
	}
	if got := members(t, payloadOf(t, out.AccessToken)); got != "node aud user_name org_id scope stime exp iat authorities jti client_id" {
		t.Errorf("access members: %s", got)
	}
	if got := members(t, payloadOf(t, out.RefreshToken)); got != "node aud user_name org_id scope ati stime exp iat authorities jti client_id" {
		t.Errorf("refresh members: %s", got)
	}
	if out.ExpiresIn != 86400 || out.StartedAt.UnixMilli() != shownMoment {
		t.Errorf("issued %+v", out)
	}
	if want := `"exp":1684896117,"iat":1684809717,"authorities":["1000"],"jti":"` + out.AccessID + `","client_id":"tspclient"}`; !strings.HasSuffix(payloadOf(t, out.AccessToken), want) {
		t.Errorf("access payload %s does not end %s", payloadOf(t, out.AccessToken), want)
	}
	a := wantGood(t, h, out.AccessToken)
	if a.User != "tspuser" || a.Client != "tspclient" || a.ID != out.AccessID || a.Scope.String() != "2000000006" || a.Shape != token.ShapeDigiRunner {
		t.Errorf("verified as %+v", a)
	}
}

func TestDigiRunnerClientCredentials(t *testing.T) {
	h := newHouse(t)
	a := digiAuth(h)
	a.User, a.WithRefresh = nil, false
	out := h.issue(a)
	if got := members(t, payloadOf(t, out.AccessToken)); got != "node aud scope stime exp iat authorities jti client_id" {
		t.Errorf("members: %s", got)
	}
	if !strings.Contains(payloadOf(t, out.AccessToken), `"authorities":["client"]`) || out.RefreshToken != "" {
		t.Errorf("payload %s", payloadOf(t, out.AccessToken))
	}
	c := *h.client
	c.Authorities, c.Audience = []string{"a", "b"}, []string{"x", "y"}
	a.Client, a.Scope = &c, nil
	if p := payloadOf(t, h.issue(a).AccessToken); !strings.Contains(p, `"authorities":["a","b"]`) || !strings.Contains(p, `"aud":["x","y"]`) || !strings.Contains(p, `"scope":[]`) {
		t.Errorf("payload %s", p)
	}
}

func TestDigiRunnerV2(t *testing.T) {
	h := newHouse(t)
	a := digiAuth(h)
	a.Shape, a.User, a.Issuer = token.ShapeDigiRunnerV2, nil, "https://as.example/dgrv4/ssotoken/v2/OIDC"
	out := h.issue(a)
	if out.RefreshToken != "" {
		t.Error("client credentials got a refresh token")
	}
	if got := out.Scope.String(); got != "2000000006 profile email system/*.cruds" {
		t.Errorf("scope %q", got)
	}
	if got := members(t, string(bytesOf(t, strings.Split(out.AccessToken, ".")[0]))); got != "typ alg kid ver" {
		t.Errorf("header members: %s", got)
	}
	p := payloadOf(t, out.AccessToken)
	if got := members(t, p); got != "node aud scope stime exp iat authorities jti client_id ver iss sub" {
		t.Errorf("members: %s", got)
	}
	for _, want := range []string{`"aud":["digiRunner"]`, `"scope":["2000000006","profile","email","system/*.cruds"]`, `"ver":"2.0"`, `"iss":"https://as.example/dgrv4/ssotoken/v2/OIDC"`, `"sub":"tspclient"`} {
		if !strings.Contains(p, want) {
			t.Errorf("%s lacks %s", p, want)
		}
	}
	got := wantGood(t, h, out.AccessToken)
	if got.Shape != token.ShapeDigiRunnerV2 || got.User != "" || !got.Scope.Has("2000000006") {
		t.Errorf("verified as %+v", got)
	}
	jwks, err := h.ring.JWKS(t.Context(), "default")
	if err != nil || !strings.Contains(string(jwks), `"RS256"`) {
		t.Errorf("the key is not published: %s, %v", jwks, err)
	}
}

func TestDigiRunnerRefresh(t *testing.T) {
	h := newHouse(t)
	a := digiAuth(h)
	first := h.issue(a)
	wantGood(t, h, first.AccessToken)
	h.pass(10 * time.Minute)
	// The user has moved since: the claims are those of the refresh token, not read anew.
	moved := *h.user
	moved.Org, moved.Roles = "200000", []string{"2000"}
	a.User = &moved
	second := h.mustAgain(a, first.RefreshToken)
	for _, raw := range []string{second.AccessToken, second.RefreshToken} {
		if p := payloadOf(t, raw); !strings.Contains(p, `"org_id":"100000"`) || !strings.Contains(p, `"authorities":["1000"]`) {
			t.Errorf("claims were read anew: %s", p)
		}
	}
	if second.RefreshID != first.RefreshID || second.StartedAt.UnixMilli() != first.StartedAt.UnixMilli() || second.AccessID == first.AccessID {
		t.Errorf("second %+v", second)
	}
	var was, is struct {
		Exp, Iat, Stime int64
		Ati, Jti        string
	}
	for raw, into := range map[string]any{first.RefreshToken: &was, second.RefreshToken: &is} {
		if err := json.Unmarshal([]byte(payloadOf(t, raw)), into); err != nil {
			t.Fatal(err)
		}
	}
	if is.Jti != was.Jti || is.Exp != was.Exp || is.Stime != was.Stime || is.Ati != second.AccessID || was.Ati != first.AccessID {
		t.Errorf("refresh token %+v became %+v", was, is)
	}
	wantReason(t, h, h.realm, first.AccessToken, oauth.TokenRevoked)
	wantGood(t, h, second.AccessToken)
	h.mustAgain(a, first.RefreshToken) // not rotated: every refresh token of the grant stays good
	wantGood(t, h, second.AccessToken)

	a.Refresh.Uses = 3
	h.mustAgain(a, second.RefreshToken)
	_, err := h.again(a, second.RefreshToken)
	wantRefresh(t, err, oauth.RefreshExhausted)

	h.pass(24 * time.Hour)
	p, err := h.Present(t.Context(), h.realm, first.RefreshToken)
	wantRefresh(t, err, oauth.RefreshExpired)
	if p == nil || p.Family.Client != "tspclient" || p.ID != first.RefreshID {
		t.Errorf("presented %+v", p)
	}
}

func TestDigiRunnerRotation(t *testing.T) {
	h := newHouse(t)
	a := digiAuth(h)
	a.Refresh.Rotate = ptr(true)
	first := h.issue(a)
	second := h.mustAgain(a, first.RefreshToken)
	retry := h.mustAgain(a, first.RefreshToken)
	if second.RefreshID == first.RefreshID || retry.RefreshID != second.RefreshID {
		t.Errorf("jti %s, %s, retry %s", first.RefreshID, second.RefreshID, retry.RefreshID)
	}
	third := h.mustAgain(a, second.RefreshToken)
	h.pass(31 * time.Second)
	_, err := h.again(a, first.RefreshToken)
	wantRefresh(t, err, oauth.RefreshReplayed)
	if oauth.AsError(err).Subject != first.RefreshID {
		t.Errorf("subject %q", oauth.AsError(err).Subject)
	}
	_, err = h.again(a, third.RefreshToken)
	wantRefresh(t, err, oauth.RefreshRevoked)
	for _, out := range []*token.Issued{first, second, retry, third} {
		wantReason(t, h, h.realm, out.AccessToken, oauth.TokenRevoked)
	}
}

func TestDigiRunnerRevocation(t *testing.T) {
	h := newHouse(t)
	ctx := t.Context()
	out, other := h.issue(digiAuth(h)), h.issue(digiAuth(h))
	if err := h.RevokeAccess(ctx, h.realm, wantGood(t, h, out.AccessToken), out.AccessToken); err != nil {
		t.Fatal(err)
	}
	_, err := h.Verify(ctx, h.realm, out.AccessToken)
	if e := oauth.AsError(err); e.Reason != oauth.TokenRevoked || e.Subject != out.AccessID {
		t.Errorf("got %v about %q", err, e.Subject)
	}
	p, err := h.Present(ctx, h.realm, out.RefreshToken) // revoking one kind leaves the other
	if err != nil {
		t.Fatal(err)
	}
	next := h.mustAgain(digiAuth(h), out.RefreshToken)
	if err := h.RevokeRefresh(ctx, h.realm, p, false); err != nil {
		t.Fatal(err)
	}
	wantGood(t, h, next.AccessToken)
	p, state, err := h.InspectRefresh(ctx, h.realm, out.RefreshToken)
	if state != token.Revoked || err != nil || p.Family.Client != "tspclient" || p.Family.User != "tspuser" || p.Family.Scope.String() != "2000000006" {
		t.Errorf("inspected %+v as %q, %v", p.Family, state, err)
	}
	if err := h.RevokeRefresh(ctx, h.realm, p, true); err != nil {
		t.Fatal(err)
	}
	wantReason(t, h, h.realm, next.AccessToken, oauth.TokenRevoked)
	wantGood(t, h, other.AccessToken)

	// A refresh token opens nothing.
	_, err = h.Verify(ctx, h.realm, other.RefreshToken)
	if e := oauth.AsError(err); e.Reason != oauth.TokenRevoked || e.Subject != other.RefreshID {
		t.Errorf("a refresh token as bearer: %v about %q", err, e.Subject)
	}
	if _, _, err := h.Inspect(ctx, h.realm, other.RefreshToken); oauth.ReasonOf(err) != oauth.TokenRevoked {
		t.Errorf("inspected as access token: %v", err)
	}
	if _, err := h.Present(ctx, h.realm, other.AccessToken); oauth.ReasonOf(err) != oauth.RefreshUnknown {
		t.Errorf("an access token as refresh token: %v", err)
	}
}

func TestFrontDoorsTakeBackWhatTheyGave(t *testing.T) {
	h := newHouse(t)
	standard, digi := h.issue(h.auth(realm.JWT)), h.issue(digiAuth(h))
	_, err := h.again(digiAuth(h), standard.RefreshToken)
	wantRefresh(t, err, oauth.RefreshUnknown)
	_, err = h.again(h.auth(realm.JWT), digi.RefreshToken)
	wantRefresh(t, err, oauth.RefreshUnknown)
}

// jti tell the time of issue, so that "everything issued until now" ends what it should, for every microsecond.
func TestJTITellsTheMicrosecond(t *testing.T) {
	h := newHouse(t)
	a := digiAuth(h)
	a.WithRefresh = false
	for us := range 1000 {
		if us%37 != 0 && us != 999 {
			continue
		}
		h.at.Store(shownMoment*1e6 + int64(us)*1000)
		if got := wantGood(t, h, h.issue(a).AccessToken).IssuedAt; !got.Equal(h.now()) {
			t.Errorf("µs %d read back as %s, want %s", us, got, h.now())
		}
	}
}

// A grant that was named before it began ends by that name, whatever shape its tokens have and whether it can be refreshed, and its
// tokens end with the sign-in.
func TestDigiRunnerOfASignIn(t *testing.T) {
	for name, tt := range map[string]struct {
		refresh bool
		end     func(h *house, a token.Authorization) error
	}{
		"a replayed code": {true, func(h *house, a token.Authorization) error {
			return h.EndFamilyByID(t.Context(), h.realm, "tspclient", a.Family)
		}},
		"a replayed code, no refreshing": {false, func(h *house, a token.Authorization) error {
			return h.EndFamilyByID(t.Context(), h.realm, "tspclient", a.Family)
		}},
		"the end of the session":           {true, endSession},
		"the end of it, and no refreshing": {false, endSession},
	} {
		h := newHouse(t)
		a := digiAuth(h)
		a.Family, a.WithRefresh, a.Scope = token.NewFamilyID(h.now()), tt.refresh, scope.Set{"2000000006", "openid"}
		a.Issuer = "https://as.example/dgrv4/ssotoken"
		a.SignIn = &token.SignIn{At: h.now(), Session: "sid-1", Bound: true, Provider: "LDAP"}
		out := h.issue(a)
		if got := members(t, payloadOf(t, out.AccessToken)); got != "node aud user_name scope stime exp iat jti client_id idp_type sid" {
			t.Errorf("%s: members %s", name, got)
		}
		if got := wantGood(t, h, out.AccessToken); got.User != "tspuser" || got.SignIn == nil || got.SignIn.Session != "sid-1" || got.SignIn.Provider != "LDAP" {
			t.Errorf("%s: %+v", name, got)
		}
		id, err := h.ReadDigiIDToken(t.Context(), h.realm, a.Issuer, out.IDToken)
		if err != nil || id.Issuer != a.Issuer+"/LDAP" || id.Subject != "tspuser" || id.Client != "tspclient" {
			t.Errorf("%s: %+v, %v", name, id, err)
		}
		for _, issuer := range []string{"https://as.example/dgrv4", "https://as.example/dgrv4/ssotoken/LDAP", "https://other.example/dgrv4/ssotoken"} {
			if _, err := h.ReadDigiIDToken(t.Context(), h.realm, issuer, out.IDToken); oauth.ReasonOf(err) != oauth.TokenMalformed {
				t.Errorf("%s: read as one of %s: %v", name, issuer, err)
			}
		}
		bystander := a
		bystander.Family, bystander.SignIn = token.NewFamilyID(h.now()), &token.SignIn{At: h.now(), Session: "sid-2", Bound: true, Provider: "LDAP"}
		other := h.issue(bystander)
		if err := tt.end(h, a); err != nil {
			t.Fatal(err)
		}
		if _, err := h.Verify(t.Context(), h.realm, out.AccessToken); oauth.ReasonOf(err) != oauth.TokenRevoked {
			t.Errorf("%s: access: %v", name, err)
		}
		if got := refreshable(t.Context(), h.Service, h.realm, out.RefreshToken); tt.refresh && got != oauth.RefreshRevoked {
			t.Errorf("%s: refresh: %q", name, got)
		}
		if _, err := h.Service.Issue(t.Context(), a); oauth.ReasonOf(err) != oauth.CodeExpired {
			t.Errorf("%s: issued again: %v", name, err)
		}
		wantGood(t, h, other.AccessToken)
	}
}

func endSession(h *house, a token.Authorization) error {
	end, err := h.SessionRevocation(context.Background(), h.realm, a.SignIn.Session)
	if err != nil {
		return err
	}
	return h.store.Revoke(context.Background(), [32]byte{}, 0, end)
}
