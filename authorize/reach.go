package authorize

import (
	"slices"

	"sallyport/factor"
	"sallyport/realm"
)

// rank orders the authentication context classes; 0: unknown here.
func rank(acr string) int { return slices.Index(realm.ACRs(), acr) + 1 }

// Enough reports whether a sign-in that is worth have reaches need. Nothing asked is reached by anything.
func Enough(have, need string) bool { return rank(have) >= rank(need) }

// Needed says what a sign-in for the request has to reach before it is complete. A user who has a second factor is asked
// for it whatever the request wants. What the request would merely like and the user cannot prove yet is not needed.
func Needed(rl *realm.Realm, req *Request, has factor.Summary) string {
	a := aim(rl, req, "")
	need := a.must
	if provable(a.want, has) {
		need = higher(need, a.want)
	}
	if has.TOTP || has.Passkey {
		need = higher(need, realm.ACRTwo)
	}
	return need
}

// An aimed is what sign-ins of a request aim at.
type aimed struct {
	must  string // has to be reached; at least ACROne
	want  string // voluntary (OpenID Connect Core section 3.1.2.1, acr_values): reached if the user can and does not mind
	never bool   // what is essential (section 5.5.1.1) is nothing that this realm has
}

// aim finds what is missing to a sign-in that is worth have. Of acr_values the first that is known counts, unless another of
// them is reached already.
func aim(rl *realm.Realm, req *Request, have string) aimed {
	a := aimed{must: higher(realm.ACROne, rl.SignIn.ACR)}
	if len(req.ACRValues) == 0 {
		return a
	}
	first := ""
	for _, v := range req.ACRValues {
		if rank(v) == 0 || v == realm.ACRPhishingResistant && !rl.SignIn.Allows(realm.ByPasskey) {
			continue
		}
		if Enough(have, v) {
			return a
		}
		if first == "" {
			first = v
		}
	}
	switch {
	case !req.ACREssential:
		a.want = first
	case first == "":
		a.never = true
	default:
		a.must = higher(a.must, first)
	}
	return a
}

// provable reports whether the user has what a class takes beside a password.
func provable(acr string, has factor.Summary) bool {
	switch acr {
	case realm.ACROne:
		return true
	case realm.ACRTwo:
		return has.TOTP || has.Passkey
	case realm.ACRPhishingResistant:
		return has.Passkey
	}
	return false
}

func higher(a, b string) string {
	if rank(b) > rank(a) {
		return b
	}
	return a
}

// Told is the class that tokens name. Who asked for a class as essential gets the name of one it asked for (OpenID Connect Core
// section 5.5.1.1), though the sign-in be worth more.
func Told(req *Request, reached string) string {
	if !req.ACREssential {
		return reached
	}
	best := ""
	for _, v := range req.ACRValues {
		if rank(v) > 0 && Enough(reached, v) {
			best = higher(best, v)
		}
	}
	if best == "" {
		return reached
	}
	return best
}
