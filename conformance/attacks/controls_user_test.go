package attacks_test

import (
	"net/url"
	"slices"
)

var (
	unasked  = []string{"password", "push", "dr password", "dr refresh", "dr introspect", "kv code", "kv password", "kv refresh"} // no session
	stronger = slices.Concat(bearers, []string{"introspect", "dr introspect"})
)

// inAccount posts a form of the account page.
func (k *call) inAccount(path string, fields ...string) {
	k.t.Helper()
	own := *k.browser
	if p := own.Get("/account"); !own.At("/account") {
		k.t.Fatalf("no account page: %s", p.Brief())
	}
	if p := own.Post(path, pairs(fields...), ""); p.Status != 200 {
		k.t.Fatalf("%s: %d %s", path, p.Status, p.Brief())
	}
}

// signOut ends the session of the call's browser.
func (k *call) signOut() {
	k.t.Helper()
	own := *k.browser
	own.Get("/logout")
	own.Submit("decision", "allow")
}

var userControls = []control{
	{"user switched off", func(k *call) outcome { k.status("off"); return k.try() },
		refused("user_disabled", "code", "kv code", "password", "dr password", "kv password", "api").and(refused("refresh_revoked", "refresh", "dr refresh", "kv refresh"),
			refused("login_required", "silent", "pushed"), refused("asked again at /signin, Unprocessable Entity", "signin"), refused("asked at /signin", "consent"),
			refused("token_revoked", "userinfo"), refused(inactive, "introspect", "dr introspect"), exempt(noUser, slices.Concat(machines, []string{"push"})...)), false},
	{"user locked", func(k *call) outcome { k.status("locked"); return k.try() },
		refused("user_locked", "code", "kv code", "password", "dr password", "kv password", "api").and(refused("refresh_revoked", "refresh", "dr refresh", "kv refresh"),
			refused("login_required", "silent", "pushed"), refused("asked again at /signin, Unprocessable Entity", "signin"), refused("asked at /signin", "consent"),
			refused("token_revoked", "userinfo"), refused(inactive, "introspect", "dr introspect"), exempt(noUser, slices.Concat(machines, []string{"push"})...)), false},
	{"password wrong", func(k *call) outcome { k.mistype(); return k.try() },
		refused("password_wrong", "password", "dr password", "kv password").and(
			refused("asked again at /signin, Unprocessable Entity", "signin"), exempt(noPassword, without(every, "password", "dr password", "kv password", "signin")...)), false},
	{"too many wrong passwords", func(k *call) outcome {
		for range 4 {
			wrong := *k
			if wrong.form != nil {
				wrong.form = url.Values{}
				for n, v := range k.form {
					wrong.form[n] = v
				}
			}
			wrong.mistype()
			wrong.try()
		}
		return k.try()
	}, refused("too_many_failures", "password", "dr password", "kv password").and(
		refused("asked again at /signin, Too Many Requests", "signin"), exempt(noPassword, without(every, "password", "dr password", "kv password", "signin")...)), false},
	{"too many wrong passwords at another door", func(k *call) outcome {
		at := k.atToken("grant_type", "password", "username", k.user, "password", "a guess")
		if k.path == at.path {
			at = k.atDigi("grant_type", "password", "username", k.user, "password", b64("a guess"))
		}
		for range 4 {
			at.try()
		}
		return k.try()
	}, refused("too_many_failures", "password", "dr password", "kv password").and(
		refused("asked again at /signin, Too Many Requests", "signin"), exempt(noPassword, without(every, "password", "dr password", "kv password", "signin")...)), false},
	{"signed out", func(k *call) outcome {
		k.signOut()
		return k.try()
	}, refused("login_required", "silent", "pushed").and(refused("asked at /signin", "consent"), refused("refresh_revoked", "refresh"),
		refused("token_revoked", bearers...), refused(inactive, "introspect"), refused("code_expired", "code"),
		exempt(noSession, slices.Concat(machines, unasked)...), exempt("nobody is signed in yet", "signin")), false},
	{"consent taken back", func(k *call) outcome {
		k.inAccount("/account/consent", "client", k.id)
		return k.try()
	}, refused("consent_required", "silent", "pushed").and(refused("refresh_revoked", "refresh"), refused("token_revoked", bearers...), refused(inactive, "introspect"),
		refused("code_expired", "code"), exempt("nobody was asked: the client has the user's password", without(unasked, "push")...),
		exempt(noUser, slices.Concat(machines, []string{"push"})...), exempt("nothing was agreed to yet", pages...)), false},
	{"session ended on another device", func(k *call) outcome {
		elsewhere := &call{cell: k.cell, id: k.id}
		elsewhere.browser, _ = k.signedIn()
		elsewhere.inAccount("/account/session", "action", "end_others")
		return k.try()
	}, refused("login_required", "silent", "pushed").and(refused("asked at /signin", "consent"), refused("refresh_revoked", "refresh"),
		refused("token_revoked", bearers...), refused(inactive, "introspect"), refused("code_expired", "code"),
		exempt(noSession, slices.Concat(machines, unasked)...), exempt("nobody is signed in yet", "signin")), false},
}

// mistype makes the password wrong.
func (k *call) mistype() {
	k.password = "x" + k.password
	if k.form.Get("password") != "" {
		k.form.Set("password", b64("a guess"))
	}
}
