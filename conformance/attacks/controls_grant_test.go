package attacks_test

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/conformance/optest"
)

var (
	refreshes = []string{"refresh", "dr refresh", "kv refresh"}
	codes     = []string{"code", "kv code"}
)

func parameter(of ...string) func(*call) outcome {
	return func(k *call) outcome { k.set(of...); return k.try() }
}

// after lets time pass between all that comes before and the call.
func after(d time.Duration) func(*call) outcome {
	return func(k *call) outcome { k.Wait(d); return k.try() }
}

var grantControls = []control{
	{"scope beyond the client", parameter("scope", "read admin"),
		refused("scope_not_allowed", "password", "client", "ddi client").and(refused("scope_exceeds_grant", "code", "refresh", "kv refresh"),
			refused("scope_not_allowed", "kv password"),
			exempt("in OpenID Connect what a client may not have is left out; the table of classes looks at what comes", "push", "silent"),
			exempt("the front door gives what the client may have, whatever is asked for; the table of classes looks at what comes", "dr password", "dr refresh", "dr client", "kv client", "kv code"),
			exempt(noScope, slices.Concat(stronger, []string{"pushed", "signin", "consent"})...)), false},
	{"scope beyond what was granted", parameter("scope", "read write"),
		refused("scope_exceeds_grant", "code", "refresh", "kv refresh").and(
			exempt("nothing was granted before", "password", "client", "push", "dr password", "dr client", "kv password", "kv client", "ddi client"),
			exempt("the front door gives what was granted, whatever is asked for", "dr refresh", "kv code"),
			refused("consent_required", "silent"), exempt(noScope, slices.Concat(stronger, []string{"pushed", "signin", "consent"})...)), false},
	{"another redirect URI of the client", parameter("redirect_uri", other),
		refused("redirect_mismatch", codes...).and(exempt("any that is registered will do", "push", "silent"),
			exempt("what was pushed counts, and nothing beside it", "pushed"), exempt(past, pages...),
			exempt(noRedirect, without(every, slices.Concat(codes, fronts, []string{"push"})...)...)), false},
	{"redirect URI that is nobody's", parameter("redirect_uri", rp+"/"),
		refused("redirect_mismatch", codes...).and(refused("redirect_uri_unregistered", "push", "silent"),
			exempt("what was pushed counts, and nothing beside it", "pushed"), exempt(past, pages...),
			exempt(noRedirect, without(every, slices.Concat(codes, fronts, []string{"push"})...)...)), false},
	{"redirect URI missing", parameter("redirect_uri", "-"),
		refused("redirect_mismatch", codes...).and(refused("redirect_uri_missing", "push", "silent"),
			exempt("what was pushed counts, and nothing beside it", "pushed"), exempt(past, pages...),
			exempt(noRedirect, without(every, slices.Concat(codes, fronts, []string{"push"})...)...)), false},
	{"PKCE: another verifier, or none of S256", func(k *call) outcome {
		if k.form.Get("grant_type") == "" {
			k.set("code_challenge_method", "plain")
		} else {
			k.set("code_verifier", optest.Verifier+"x")
		}
		return k.try()
	}, refused("verifier_wrong", codes...).and(refused("code_challenge_method", "push"), refused("invalid_request", "silent"), pkceNowhereElse), false},
	{"PKCE: no verifier, or no challenge", func(k *call) outcome {
		if k.form.Get("grant_type") == "" {
			k.change("openid", "{require_pkce: true}")
			k.set("code_challenge", "-", "code_challenge_method", "-")
		} else {
			k.set("code_verifier", "-")
		}
		return k.try()
	}, refused("verifier_missing", codes...).and(refused("code_challenge_missing", "push"), refused("invalid_request", "silent"), pkceNowhereElse), false},
	{"used again", again, refused("replayed, and what came of it is over", slices.Concat(codes, refreshes)...).and(
		refused("request_uri_invalid", "pushed"), refused("flow_gone", pages...),
		exempt(notOnce, slices.Concat(machines, stronger, []string{"password", "push", "silent", "dr password", "kv password"})...)), false},
	{"100 at once", together, refused("one of them at most, and what came of it is over", codes...).and(refused("all the same successor", refreshes...),
		refused("one of them", "pushed", "consent"),
		exempt(notOnce, slices.Concat(machines, stronger, []string{"password", "push", "silent", "dr password", "kv password", "signin"})...)), false},
	{"at another front door", elsewhere, refused("code_unknown", codes...).and(refused("refresh_unknown", "refresh", "dr refresh"), refused("refresh_unknown", "kv refresh"),
		exempt("nothing is brought along", slices.Concat(machines, []string{"password", "push", "dr password", "kv password"})...),
		exempt("there is no such page at another door", fronts...),
		exempt("an access token says what it opens, not where it was had", stronger...)), false},
	{"revoked by its client", func(k *call) outcome {
		token := k.bearer
		for _, name := range []string{"refresh_token", "token"} {
			if token == "" {
				token = k.form.Get(name)
			}
		}
		end := k.atToken("token", token)
		if end.path = "/revoke"; end.try() != granted {
			k.t.Error("it could not be revoked")
		}
		return k.try()
	}, refused("refresh_revoked", refreshes...).and(refused(inactive, "introspect", "dr introspect"), refused("token_revoked", bearers...),
		exempt("there is nothing yet to revoke", without(every, slices.Concat(refreshes, stronger)...)...)), false},
	{"too late, by minutes", after(2 * time.Minute), refused("code_unknown", "code").and(refused("request_uri_invalid", "pushed"),
		exempt("it lives for longer; see below", slices.Concat(refreshes, stronger, []string{"kv code", "silent", "signin", "consent"})...),
		exempt(noLimit, slices.Concat(machines, []string{"password", "push", "dr password", "kv password"})...)), true},
	{"too late, by hours", after(25 * time.Hour), refused("token_expired", bearers...).and(refused(inactive, "introspect", "dr introspect"), refused("flow_gone", pages...),
		refused("login_required", "silent"), refused("request_uri_invalid", "pushed"), refused("code_unknown", codes...),
		exempt("it lives for longer; see below", refreshes...),
		exempt(noLimit, slices.Concat(machines, []string{"password", "push", "dr password", "kv password"})...)), true},
	{"too late, by years", after(3 * 365 * 24 * time.Hour), refused("refresh_expired", refreshes...).and(
		exempt("it does not live so long; see above", slices.Concat(codes, stronger, fronts)...),
		exempt(noLimit, slices.Concat(machines, []string{"password", "push", "dr password", "kv password"})...)), true},
}

var pkceNowhereElse = exempt("what was pushed counts, and nothing beside it", "pushed").and(exempt(past, pages...),
	exempt(noCode, without(every, slices.Concat(codes, fronts, []string{"push"})...)...))

// again does what was done once more. Of what was granted nothing may be left then.
func again(k *call) outcome {
	if k.form.Get("grant_type") == "refresh_token" {
		k.change("refresh_token", "{grace: 0s, rotate: true}")
	}
	if k.act != nil {
		b := *k.browser
		first := *k
		first.browser = &b
		if got := first.try(); got != granted {
			return "the first time: " + got
		}
		return k.try()
	}
	first := k.post()
	if k.judge(first) != granted {
		return "the first time: " + k.judge(first)
	}
	if got := k.try(); got != "code_replayed" && got != "refresh_replayed" {
		return got
	}
	for _, access := range append(slices.Clone(k.before), first.Text("access_token")) {
		if k.alive(access) {
			k.t.Error("an access token that came of it is still good")
		}
	}
	next := *k
	next.form = maps.Clone(k.form)
	next.form.Set("grant_type", "refresh_token")
	next.form.Set("refresh_token", first.Text("refresh_token"))
	if got := next.try(); got == granted {
		k.t.Error("the refresh token that came of it is still good")
	}
	return "replayed, and what came of it is over"
}

// together does it a hundred times at once.
func together(k *call) outcome {
	var mu sync.Mutex
	var won atomic.Int64
	tokens := map[string]string{}
	if k.path == "/oauth/token" {
		k.change("refresh_token", "{rotate: true}")
	}
	k.crowd(func(own *call) {
		if own.act != nil {
			if own.try() == granted {
				won.Add(1)
			}
			return
		}
		a := own.post()
		if own.judge(a) != granted {
			return
		}
		won.Add(1)
		mu.Lock()
		defer mu.Unlock()
		tokens[successor(a.Text("refresh_token"))] = a.Text("access_token")
	})
	if k.form.Get("grant_type") == "refresh_token" {
		if len(tokens) != 1 || won.Load() != 100 {
			k.t.Errorf("%d granted, %d successors", won.Load(), len(tokens))
		}
		return "all the same successor"
	}
	// None is as good: a replay that is seen before the first use has its tokens ends them as well.
	if n := won.Load(); n > 1 || n == 0 && k.act != nil {
		k.t.Errorf("%d of 100 were granted", n)
	}
	if k.act != nil {
		return "one of them"
	}
	for _, access := range tokens {
		if k.alive(access) {
			k.t.Error("what came of it is still good")
		}
	}
	return "one of them at most, and what came of it is over"
}

// successor is what a refresh token is, apart from what else its text tells: that of digiRunner is a JWT, which names the access
// token beside it.
func successor(refresh string) string {
	if parts := strings.Split(refresh, "."); len(parts) == 3 {
		var told struct{ JTI string }
		if raw, err := base64.RawURLEncoding.DecodeString(parts[1]); err == nil && json.Unmarshal(raw, &told) == nil {
			return told.JTI
		}
	}
	return refresh
}

// elsewhere brings to the other front doors what one gave. Refresh tokens of Kustvakt's door are the standard endpoint's own.
func elsewhere(k *call) (got outcome) {
	for _, to := range []*call{k.atToken(), k.atDigi(), k.atKustvakt()} {
		if to.path == k.path || k.form.Get("refresh_token") != "" && to.how == k.how {
			continue
		}
		to.form = url.Values{}
		maps.Copy(to.form, k.form)
		if now := to.try(); got != "" && now != got {
			return got + " and " + now
		} else {
			got = now
		}
	}
	return got
}
