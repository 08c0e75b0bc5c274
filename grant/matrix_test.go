package grant_test

import (
	"context"
	"errors"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"sallyport/client"
	"sallyport/grant"
	"sallyport/oauth"
	"sallyport/scope"
	"sallyport/throttle"
	"sallyport/token"
	"sallyport/user"
)

// issued stands in the table where a control does not concern a grant: the call succeeds.
const issued oauth.Reason = ""

// folders are the grants, by folder: a new one must be put into the table.
var folders = map[string]string{
	"password": "password", "clientcreds": "client_credentials", "refresh": "refresh_token", "authcode": "authorization_code",
}

// each is a row whose reason is the same for every grant.
func each(r oauth.Reason) map[string]oauth.Reason {
	return map[string]oauth.Reason{"password": r, "client_credentials": r, "refresh_token": r, "authorization_code": r}
}

// A control is one way in which a call that would succeed must not, or may.
type control struct {
	name   string
	change func(w *world, r *grant.Request)
	want   map[string]oauth.Reason
}

var controls = []control{
	{"nothing wrong", func(*world, *grant.Request) {}, each(issued)},

	{"grant type missing", func(_ *world, r *grant.Request) { r.Type, r.HasType = "", false }, each(oauth.GrantTypeMissing)},
	{"grant type empty", func(_ *world, r *grant.Request) { r.Type = "" }, each(oauth.GrantTypeEmpty)},
	{"grant unknown", func(_ *world, r *grant.Request) { r.Type = "telepathy" }, each(oauth.GrantUnsupported)},
	{"grant in other case", func(_ *world, r *grant.Request) { r.Type = strings.ToUpper(r.Type) }, each(oauth.GrantUnsupported)},
	{"grant in other case, folded", func(_ *world, r *grant.Request) { r.Type = strings.ToUpper(r.Type); r.Rules.FoldGrant = true }, each(issued)},
	{"grant not allowed", func(w *world, r *grant.Request) { c := w.app(); c.Grants = drop(c.Grants, r.Type) }, each(oauth.GrantNotAllowed)},
	{"trusted only", func(_ *world, r *grant.Request) { r.Rules.TrustedOnly = []string{r.Type} }, each(oauth.GrantTrustedOnly)},
	{"trusted only, trusted", func(w *world, r *grant.Request) { w.app().Trusted = true; r.Rules.TrustedOnly = []string{r.Type} }, each(issued)},

	{"realm missing", func(_ *world, r *grant.Request) { r.Realm = nil }, each(oauth.RealmUnknown)},
	{"client id missing", func(_ *world, r *grant.Request) { r.Client.ID = "" }, each(oauth.ClientMissing)},
	{"client unknown", func(_ *world, r *grant.Request) { r.Client.ID = "nobody" }, each(oauth.ClientUnknown)},
	{"client of another realm", func(w *world, _ *grant.Request) { w.app().Realm = "other" }, each(oauth.ClientUnknown)},
	{"client off", func(w *world, _ *grant.Request) { w.app().Status = client.Off }, each(oauth.ClientDisabled)},
	{"client locked", func(w *world, _ *grant.Request) { w.app().Status = client.Locked }, each(oauth.ClientLocked)},
	{"client without status", func(w *world, _ *grant.Request) { w.app().Status = "" }, each(oauth.ClientDisabled)},
	{"client not yet valid", func(w *world, _ *grant.Request) { w.app().NotBefore = w.now.Add(time.Microsecond) }, each(oauth.ClientNotYetValid)},
	{"client valid from now", func(w *world, _ *grant.Request) { w.app().NotBefore = w.now }, each(issued)},
	{"client expired", func(w *world, _ *grant.Request) { w.app().NotAfter = w.now }, each(oauth.ClientExpired)},
	{"secret wrong", func(_ *world, r *grant.Request) { r.Client.Secret += "x" }, each(oauth.SecretWrong)},
	{"secret expired", func(w *world, _ *grant.Request) {
		w.app().Secrets = []client.Secret{{ID: "1", Hash: user.Digest(secret), ExpiresAt: w.now}}
	}, each(oauth.SecretWrong)},
	{"secret missing", func(_ *world, r *grant.Request) { r.Client.Secret, r.Client.HasSecret = "", false }, each(oauth.SecretMissing)},
	{"secret empty", func(_ *world, r *grant.Request) { r.Client.Secret = "" }, each(oauth.SecretMissing)},
	{"secret unset", func(w *world, _ *grant.Request) { w.app().Secrets = nil }, each(oauth.SecretUnset)},
	{"client throttled", func(w *world, _ *grant.Request) {
		for range 4 {
			a, _ := w.throttle.Client(context.Background(), "default", "app", source)
			a.End(throttle.Failed)
		}
	}, each(oauth.TooManyFailures)},

	{"public client", func(w *world, r *grant.Request) { makePublic(w); r.Client.Secret = "" },
		map[string]oauth.Reason{"password": issued, "client_credentials": oauth.SecretMissing, "refresh_token": issued, "authorization_code": issued}},
	{"public client with a secret, ignored", func(w *world, r *grant.Request) { makePublic(w); r.Client.Secret = "anything" },
		map[string]oauth.Reason{"password": issued, "client_credentials": oauth.GrantNotAllowed, "refresh_token": issued, "authorization_code": issued}},
	{"public client, secrets needed but for refresh", func(w *world, r *grant.Request) {
		makePublic(w)
		r.Client.Secret, r.Rules.Secretless = "", []string{"refresh_token"}
	}, map[string]oauth.Reason{"password": oauth.SecretMissing, "client_credentials": oauth.SecretMissing, "refresh_token": issued, "authorization_code": oauth.SecretMissing}},
	{"the word public, not asked for by the front door", func(w *world, r *grant.Request) { sayPublic(w); r.Client.Secret = "" }, each(oauth.SecretMissing)},
	{"the word public", func(w *world, r *grant.Request) {
		sayPublic(w)
		r.Client.Secret, r.Rules.Secretless = "", []string{"refresh_token"}
	}, map[string]oauth.Reason{"password": oauth.SecretMissing, "client_credentials": oauth.SecretMissing, "refresh_token": issued, "authorization_code": oauth.SecretMissing}},
	{"the word public and a wrong secret", func(w *world, r *grant.Request) {
		sayPublic(w)
		r.Client.Secret, r.Rules.Secretless = "wrong", []string{"refresh_token"}
	}, each(oauth.SecretWrong)},

	{"user unknown", func(w *world, _ *grant.Request) { delete(w.users, "default/dory") },
		map[string]oauth.Reason{"password": oauth.UserUnknown, "client_credentials": issued, "refresh_token": oauth.UserUnknown, "authorization_code": oauth.UserUnknown}},
	{"user off", func(w *world, _ *grant.Request) { w.dory().Status = user.Off },
		map[string]oauth.Reason{"password": oauth.UserDisabled, "client_credentials": issued, "refresh_token": oauth.UserDisabled, "authorization_code": oauth.UserDisabled}},
	{"user locked", func(w *world, _ *grant.Request) { w.dory().Status = user.Locked },
		map[string]oauth.Reason{"password": oauth.UserLocked, "client_credentials": issued, "refresh_token": oauth.UserLocked, "authorization_code": oauth.UserLocked}},
	{"user without status", func(w *world, _ *grant.Request) { w.dory().Status = "" },
		map[string]oauth.Reason{"password": oauth.UserDisabled, "client_credentials": issued, "refresh_token": oauth.UserDisabled, "authorization_code": oauth.UserDisabled}},
	{"user of another realm", func(w *world, _ *grant.Request) { w.dory().Realm = "other" },
		map[string]oauth.Reason{"password": oauth.UserUnknown, "client_credentials": issued, "refresh_token": oauth.UserUnknown, "authorization_code": oauth.UserUnknown}},
	{"user off, wrong password", func(w *world, r *grant.Request) { w.dory().Status = user.Off; *r = set(r, "password", "x") },
		map[string]oauth.Reason{"password": oauth.PasswordWrong, "client_credentials": issued, "refresh_token": oauth.UserDisabled, "authorization_code": oauth.UserDisabled}},
	{"password wrong", func(_ *world, r *grant.Request) { *r = set(r, "password", "x") },
		map[string]oauth.Reason{"password": oauth.PasswordWrong, "client_credentials": issued, "refresh_token": issued, "authorization_code": issued}},
	{"password empty", func(_ *world, r *grant.Request) { *r = set(r, "password", "") },
		map[string]oauth.Reason{"password": oauth.PasswordMissing, "client_credentials": issued, "refresh_token": issued, "authorization_code": issued}},
	{"username empty", func(_ *world, r *grant.Request) { *r = set(r, "username", "") },
		map[string]oauth.Reason{"password": oauth.UsernameEmpty, "client_credentials": issued, "refresh_token": issued, "authorization_code": issued}},
	{"grant's parameters missing", func(_ *world, r *grant.Request) { r.Params = oauth.Params{} },
		map[string]oauth.Reason{"password": oauth.UsernameMissing, "client_credentials": issued, "refresh_token": oauth.RefreshMissing, "authorization_code": oauth.CodeMissing}},
	{"user throttled", func(w *world, _ *grant.Request) {
		for range 4 {
			a, _ := w.throttle.User(context.Background(), "default", "dory", source)
			a.End(throttle.Failed)
		}
	}, map[string]oauth.Reason{"password": oauth.TooManyFailures, "client_credentials": issued, "refresh_token": issued, "authorization_code": issued}},

	{"refresh token empty", func(_ *world, r *grant.Request) { *r = set(r, "refresh_token", "") }, onlyRefresh(oauth.RefreshEmpty)},
	{"refresh token unknown", func(_ *world, r *grant.Request) { *r = set(r, "refresh_token", "made up") }, onlyRefresh(oauth.RefreshUnknown)},
	{"refresh token of another realm", func(w *world, _ *grant.Request) { w.refresh["rt"].Family.Realm = "other" }, onlyRefresh(oauth.RefreshUnknown)},
	{"refresh token of another client", func(w *world, _ *grant.Request) { w.refresh["rt"].Family.Client = "other" }, onlyRefresh(oauth.RefreshWrongClient)},
	{"refresh token of another client, expired", func(w *world, _ *grant.Request) {
		w.refresh["rt"].Family.Client, w.refresh["rt"].state = "other", token.Expired
	}, onlyRefresh(oauth.RefreshWrongClient)},
	{"refresh token of another front door", func(w *world, _ *grant.Request) { w.refresh["rt"].Family.Shape = token.ShapeDigiRunner }, onlyRefresh(oauth.RefreshUnknown)},
	{"refresh token expired", func(w *world, _ *grant.Request) { w.refresh["rt"].state = token.Expired }, onlyRefresh(oauth.RefreshExpired)},
	{"refresh token revoked", func(w *world, _ *grant.Request) { w.refresh["rt"].state = token.Revoked }, onlyRefresh(oauth.RefreshRevoked)},

	{"at another front door", func(_ *world, r *grant.Request) { r.Rules.Shape = token.ShapeDigiRunner }, map[string]oauth.Reason{
		"password": issued, "client_credentials": issued, "refresh_token": oauth.RefreshUnknown, "authorization_code": oauth.CodeUnknown,
	}},

	{"code empty", func(_ *world, r *grant.Request) { *r = set(r, "code", "") }, onlyCode(oauth.CodeMissing)},
	{"code unknown", func(_ *world, r *grant.Request) { *r = set(r, "code", "made up") }, onlyCode(oauth.CodeUnknown)},
	{"code of another realm", func(w *world, _ *grant.Request) { w.codes["code"].Realm = "other" }, onlyCode(oauth.CodeUnknown)},
	{"code of another client", func(w *world, _ *grant.Request) { w.codes["code"].Client = "other" }, onlyCode(oauth.CodeWrongClient)},
	{"code of another client, used", func(w *world, _ *grant.Request) {
		w.codes["code"].Client, w.codes["code"].spent = "other", true
	}, onlyCode(oauth.CodeWrongClient)},
	{"code used", func(w *world, _ *grant.Request) { w.codes["code"].spent = true }, onlyCode(oauth.CodeReplayed)},
	{"code used just now by another", func(w *world, _ *grant.Request) { w.codes["code"].lost = true }, onlyCode(oauth.CodeReplayed)},
	{"redirect URI missing", func(_ *world, r *grant.Request) { *r = set(r, "redirect_uri", "") }, onlyCode(oauth.RedirectMismatch)},
	{"redirect URI other", func(_ *world, r *grant.Request) { *r = set(r, "redirect_uri", "https://rp.example/cb/") }, onlyCode(oauth.RedirectMismatch)},
	{"redirect URI in capitals", func(_ *world, r *grant.Request) { *r = set(r, "redirect_uri", "https://RP.example/cb") }, onlyCode(oauth.RedirectMismatch)},
	{"redirect URI of neither request", func(w *world, r *grant.Request) {
		w.codes["code"].RedirectGiven = false
		*r = set(r, "redirect_uri", "")
	}, each(issued)},
	{"redirect URI other, of the token request alone", func(w *world, r *grant.Request) {
		w.codes["code"].RedirectGiven = false
		*r = set(r, "redirect_uri", "https://evil.example/cb")
	}, onlyCode(oauth.RedirectMismatch)},
	{"verifier missing", func(_ *world, r *grant.Request) { *r = set(r, "code_verifier", "") }, onlyCode(oauth.VerifierMissing)},
	{"verifier wrong", func(_ *world, r *grant.Request) { *r = set(r, "code_verifier", verifier[1:]+"x") }, onlyCode(oauth.VerifierWrong)},
	{"verifier is the challenge", func(w *world, r *grant.Request) { *r = set(r, "code_verifier", w.codes["code"].Challenge) }, onlyCode(oauth.VerifierWrong)},
	{"verifier too short, and right", func(w *world, r *grant.Request) {
		w.codes["code"].Challenge = challenge("short")
		*r = set(r, "code_verifier", "short")
	}, onlyCode(oauth.VerifierWrong)},
	{"no challenge, and a verifier", func(w *world, _ *grant.Request) { w.codes["code"].Challenge = "" }, onlyCode(oauth.VerifierWrong)},
	{"no challenge, no verifier", func(w *world, r *grant.Request) { noPKCE(w, r) }, each(issued)},
	{"no challenge, no verifier, public client", func(w *world, r *grant.Request) {
		noPKCE(w, r)
		makePublic(w)
		r.Client.Secret = ""
	}, map[string]oauth.Reason{"password": issued, "client_credentials": oauth.SecretMissing, "refresh_token": issued, "authorization_code": oauth.VerifierMissing}},
	{"no challenge, no verifier, the realm wants one", func(w *world, r *grant.Request) {
		noPKCE(w, r)
		w.realm.RequirePKCE = true
	}, onlyCode(oauth.VerifierMissing)},
	{"no challenge, no verifier, the client must send one", func(w *world, r *grant.Request) {
		noPKCE(w, r)
		w.app().OpenID.RequirePKCE = true
	}, onlyCode(oauth.VerifierMissing)},
	{"replay that cannot be written down", func(w *world, _ *grant.Request) {
		w.codes["code"].spent, w.endErr = true, oauth.Fail(oauth.Unavailable, "")
	}, onlyCode(oauth.Unavailable)},

	{"scope allowed", func(_ *world, r *grant.Request) { *r = set(r, "scope", "write") }, each(issued)},
	{"scope beyond the client", func(w *world, r *grant.Request) {
		w.refresh["rt"].Family.Scope, w.codes["code"].Scope = scope.Set{"read", "admin"}, scope.Set{"read", "admin"}
		*r = set(r, "scope", "read admin")
	}, each(oauth.ScopeNotAllowed)},
	{"scope unknown", func(_ *world, r *grant.Request) { *r = set(r, "scope", "read nonsense") }, each(oauth.ScopeUnknown)},
	{"scope malformed", func(_ *world, r *grant.Request) { *r = set(r, "scope", "read \"quoted\"") }, each(oauth.ScopeUnknown)},
	{"scope huge", func(_ *world, r *grant.Request) { *r = set(r, "scope", strings.Repeat("read ", 100_000)) }, each(oauth.ScopeUnknown)},
	{"scope beyond the grant", func(w *world, r *grant.Request) {
		w.refresh["rt"].Family.Scope = scope.Set{"read"}
		*r = set(r, "scope", "write")
	}, onlyRefresh(oauth.ScopeExceedsGrant)},

	{"scope beyond the code", func(w *world, r *grant.Request) {
		w.codes["code"].Scope = scope.Set{"read"}
		*r = set(r, "scope", "write")
	}, onlyCode(oauth.ScopeExceedsGrant)},

	{"store away", func(w *world, _ *grant.Request) { w.fail = oauth.Because(oauth.Unavailable, errors.New("no route")) }, each(oauth.Unavailable)},
	{"a fault of ours", func(w *world, _ *grant.Request) { w.fail = errors.New("boom") }, each(oauth.InternalError)},
	{"issuing fails", func(w *world, _ *grant.Request) { w.issueErr = oauth.Fail(oauth.Unavailable, "") }, each(oauth.Unavailable)},
}

func onlyRefresh(r oauth.Reason) map[string]oauth.Reason {
	return map[string]oauth.Reason{"password": issued, "client_credentials": issued, "refresh_token": r, "authorization_code": issued}
}

func onlyCode(r oauth.Reason) map[string]oauth.Reason {
	return map[string]oauth.Reason{"password": issued, "client_credentials": issued, "refresh_token": issued, "authorization_code": r}
}

func noPKCE(w *world, r *grant.Request) {
	w.codes["code"].Challenge = ""
	*r = set(r, "code_verifier", "")
}

func makePublic(w *world) {
	c := w.app()
	c.Type, c.Secrets = client.Public, nil
}

func sayPublic(w *world) {
	c := w.app()
	c.Grants = append(slices.Clone(c.Grants), "public")
}

// TestCVEClass10EveryGrantMeetsEveryControl: a check that one grant makes and its sibling forgets.
func TestCVEClass10EveryGrantMeetsEveryControl(t *testing.T) {
	entries, err := os.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.IsDir() && e.Name() != "testdata" && folders[e.Name()] == "" {
			t.Errorf("grant/%s is not in the table: add it to folders, and a reason to every row", e.Name())
		}
	}
	for _, c := range controls {
		for _, name := range slices.Sorted(maps.Values(folders)) {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				want, ok := c.want[name]
				if !ok {
					t.Fatal("the table has a hole here: say what this control does to this grant")
				}
				w := newWorld()
				r := w.request(name)
				c.change(w, &r)
				if got := w.exchange(t, r); got != want {
					t.Errorf("reason %q, want %q", got, want)
				}
			})
		}
	}
}
