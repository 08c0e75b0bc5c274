package attacks_test

import (
	"fmt"
	"maps"
	"slices"
)

// A control is one way in which a call that would succeed must not.
type control struct {
	name   string
	attack func(k *call) outcome
	cells  row
	alone  bool // it moves the clock, so nothing else runs beside it
}

// A row says for each way what has to come of the attack, or why there is nothing to attack.
type row map[string]verdict

// A verdict has one of both.
type verdict struct {
	want    outcome
	because string
}

// Groups of ways.
var (
	standard = []string{"code", "refresh", "password", "client", "push", "introspect"} // where a client authenticates at a standard endpoint
	digis    = []string{"dr password", "dr refresh", "dr client", "dr introspect"}
	kustvakt = []string{"kv code", "kv password", "kv refresh", "kv client"}
	dialects = slices.Concat(digis, kustvakt, []string{"ddi client"})
	clients  = slices.Concat(standard, dialects) // where a client authenticates
	fronts   = []string{"pushed", "silent", "signin", "consent"}
	pages    = []string{"signin", "consent"}
	bearers  = []string{"userinfo", "api"}
	machines = []string{"client", "dr client", "kv client", "ddi client"} // no user
	every    = slices.Concat(clients, fronts, bearers)
)

// without leaves ways out of a group.
func without(group []string, out ...string) []string {
	return slices.DeleteFunc(slices.Clone(group), func(w string) bool { return slices.Contains(out, w) })
}

// refused is a row in which an outcome is wanted of some ways.
func refused(want outcome, of ...string) row {
	r := row{}
	for _, w := range of {
		r[w] = verdict{want: want}
	}
	return r
}

// exempt is a row in which there is nothing to attack.
func exempt(because string, of ...string) row {
	r := row{}
	for _, w := range of {
		r[w] = verdict{because: because}
	}
	return r
}

// and joins rows; no cell may be in two.
func (r row) and(others ...row) row {
	all := maps.Clone(r)
	for _, o := range others {
		for w, v := range o {
			if _, twice := all[w]; twice {
				panic(fmt.Sprintf("%s is there twice", w))
			}
			all[w] = v
		}
	}
	return all
}

// Why there is nothing to attack.
const (
	noClient   = "no client says who it is here: the flow, the session or the token speaks"
	noUser     = "no user stands behind it"
	noSession  = "no session stands behind it"
	noScope    = "no scope is asked for here"
	notOnce    = "it may be done any number of times"
	noPassword = "no password is typed here"
	noCode     = "no code is redeemed here"
	noRedirect = "nobody is sent anywhere"
	past       = "the request was read before"
	noProof    = "this door takes no assertions, good ones neither (see above)"
	noLimit    = "it has no end of its own"
)

// controls are the columns of the table; the page shows them as its lines.
var controls = slices.Concat(clientControls, assertionControls, userControls, grantControls)

func apply(pairs ...string) func(*call) outcome {
	return func(k *call) outcome {
		k.change(pairs...)
		return k.try()
	}
}

var clientControls = []control{
	{"nothing wrong", func(k *call) outcome { return k.try() }, refused(granted, every...), false},
	{"client switched off", apply("status", `"off"`), refused("client_disabled", without(every, "userinfo")...).and(
		refused("token_revoked", "userinfo")), false},
	{"client locked", apply("status", "locked"), refused("client_locked", without(every, "userinfo")...).and(
		refused("token_revoked", "userinfo")), false},
	{"client after its last day", apply("not_after", "2020-01-01"), refused("client_expired", without(every, "userinfo")...).and(refused("token_revoked", "userinfo")), false},
	{"client before its first day", apply("not_before", "2099-01-01"), refused("client_not_yet_valid", without(every, "userinfo")...).and(refused("token_revoked", "userinfo")), false},
	{"client unknown", func(k *call) outcome {
		k.id += "-nobody"
		if k.act != nil {
			k.set("client_id", k.id)
		}
		return k.try()
	}, refused("client_unknown", slices.Concat(clients, []string{"pushed", "silent"})...).and(
		exempt(past, pages...), exempt(noClient, bearers...)), false},
	{"namesake in another realm", func(k *call) outcome { k.root = "/realms/other"; return k.try() },
		refused("code_unknown", "code", "kv code").and(refused("refresh_unknown", "refresh", "dr refresh", "kv refresh"),
			refused("request_uri_invalid", "pushed"), refused("login_required", "silent"), refused("flow_gone", pages...),
			refused("token_malformed", "userinfo", "api"), refused("Bad Request", "dr introspect"), refused(inactive, "introspect"), refused("grant_trusted_only", "kv password"),
			exempt("nothing of the first realm goes along: the namesake asks for itself", "password", "client", "push", "dr password", "dr client", "kv client", "ddi client")), false},
	{"secret wrong", func(k *call) outcome { k.secret += "x"; return k.try() },
		refused("client_secret_wrong", clients...).and(exempt(noClient, slices.Concat(fronts, bearers)...)), false},
	{"secret of another client", func(k *call) outcome { k.secret = secretOf(k.house.cell(k.t).id); return k.try() },
		refused("client_secret_wrong", clients...).and(exempt(noClient, slices.Concat(fronts, bearers)...)), false},
	{"secret missing", func(k *call) outcome { k.secret = ""; return k.try() },
		refused("client_secret_missing", without(clients, "kv client")...).and(
			refused("Bad Request", "kv client"), exempt(noClient, slices.Concat(fronts, bearers)...)), false},
	{"secret in another way than registered", func(k *call) outcome {
		way := "client_secret_post"
		if k.how == post || k.how == digiPost {
			way = "client_secret_basic"
		}
		k.change("auth_method", way)
		return k.try()
	}, refused("client_auth_method", clients...).and(exempt(noClient, slices.Concat(fronts, bearers)...)), false},
	{"too many wrong secrets", func(k *call) outcome { k.guess(k); return k.try() },
		refused("too_many_failures", clients...).and(exempt(noClient, slices.Concat(fronts, bearers)...)), false},
	{"too many wrong secrets at another door", func(k *call) outcome {
		k.guess(k.atToken("grant_type", "client_credentials"))
		return k.try()
	}, refused("too_many_failures", clients...).and(exempt(noClient, slices.Concat(fronts, bearers)...)), false},
	{"grant not allowed to the client", func(k *call) outcome {
		left := "[password]"
		if k.form.Get("grant_type") == "password" {
			left = "[client_credentials]"
		}
		k.change("grants", left)
		return k.try()
	}, refused("grant_not_allowed", "code", "refresh", "password", "client", "push", "dr password", "dr refresh", "dr client", "kv code", "kv refresh", "kv client", "ddi client").and(
		refused("grant_not_allowed", "kv password"), refused("unauthorized_client", "silent"),
		exempt(past+"; what comes of it cannot be redeemed", "pushed", "signin", "consent"),
		exempt("what was granted stays granted until it is revoked", slices.Concat(bearers, []string{"introspect", "dr introspect"})...)), false},
	{"used by another client", func(k *call) outcome {
		other := k.house.cell(k.t)
		if k.act != nil {
			k.set("client_id", other.id)
		}
		if k.fields["trusted"] == "true" {
			other.change("trusted", "true")
		}
		k.id, k.secret = other.id, secretOf(other.id)
		return k.try()
	}, refused("code_wrong_client", "code", "kv code").and(refused("refresh_wrong_client", "refresh", "dr refresh", "kv refresh"),
		refused(inactive, "introspect"), refused("Bad Request", "dr introspect"), refused("request_uri_invalid", "pushed"),
		refused("consent_required", "silent"), exempt("the other client asks for itself", "password", "client", "push", "dr password", "dr client", "kv password", "kv client", "ddi client"),
		exempt(past, pages...), exempt(noClient, bearers...)), false},
}

// guess sends wrong secrets until guesses are slowed down.
func (*call) guess(at *call) {
	for range 4 {
		wrong := *at
		wrong.secret = "a guess"
		wrong.judge(wrong.post())
	}
}
