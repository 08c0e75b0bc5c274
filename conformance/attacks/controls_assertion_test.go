package attacks_test

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"sallyport/conformance/optest"
)

// signs has the cell's client authenticate by assertions, and returns it with its key and its key set.
func (c *cell) signs() (*optest.RP, string) {
	c.t.Helper()
	k, public := optest.NewKey("k1")
	set, err := json.Marshal(map[string]any{"keys": []any{public}})
	if err != nil {
		c.t.Fatal(err)
	}
	c.change("auth_method", "private_key_jwt", "jwks", string(set))
	p := c.party()
	p.Key, p.KeyID = k, "k1"
	return p, string(set)
}

// claims makes a control of an assertion with other claims than it should have.
func claims(change func(*call) map[string]any) func(*call) outcome {
	return func(k *call) outcome {
		p, _ := k.signs()
		k.proof = func() string { return p.Assertion(change(k)) }
		return k.try()
	}
}

func with(name string, value func(*call) any) func(*call) outcome {
	return claims(func(k *call) map[string]any { return map[string]any{name: value(k)} })
}

// atStandard is a row for assertions: only the standard endpoints take any.
func atStandard(want outcome) row {
	return refused(want, standard...).and(exempt(noProof, dialects...), exempt(noClient, slices.Concat(fronts, bearers)...))
}

// b64url writes a part of a JWS.
func b64url(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// unsigned takes the signature off a JWS and says that there need not be one.
func unsigned(jws, alg string) string {
	return b64url(`{"alg":"`+alg+`"}`) + "." + strings.Split(jws, ".")[1] + "."
}

// theirs is another client that signs as well.
func theirs(k *call) any {
	other := k.house.cell(k.t)
	other.signs()
	return other.id
}

var assertionControls = []control{
	{"assertion: a good one", with("jti", func(*call) any { return "an id" }), refused(granted, standard...).and(
		refused("Unauthorized", "dr password", "dr refresh"), refused("Bad Request", "dr client"), refused("client_missing", "dr introspect"),
		refused("Bad Request", kustvakt...), refused("client_missing", "ddi client"), exempt(noClient, slices.Concat(fronts, bearers)...)), false},
	{"assertion: a secret in its place", func(k *call) outcome { k.signs(); return k.try() },
		refused("client_auth_method", clients...).and(exempt(noClient, slices.Concat(fronts, bearers)...)), false},
	{"assertion: of a client that has a secret", func(k *call) outcome {
		p, _ := k.signs()
		k.change("auth_method", "", "jwks", "")
		k.proof = func() string { return p.Assertion(nil) }
		return k.try()
	}, atStandard("client_auth_method"), false},
	{"assertion: aud the token endpoint", with("aud", func(k *call) any { return k.URL + "/token" }), atStandard("assertion_invalid"), false},
	{"assertion: aud an array with the issuer", with("aud", func(k *call) any { return []string{k.URL} }), atStandard("assertion_invalid"), false},
	{"assertion: aud another realm", with("aud", func(k *call) any { return k.URL + "/realms/other" }), atStandard("assertion_invalid"), false},
	{"assertion: sub another client", with("sub", theirs), atStandard("assertion_invalid"), false},
	{"assertion: iss another client", with("iss", theirs), atStandard("assertion_invalid"), false},
	{"assertion: without jti", with("jti", func(*call) any { return nil }), atStandard("assertion_invalid"), false},
	{"assertion: without exp", with("exp", func(*call) any { return nil }), atStandard("assertion_invalid"), false},
	{"assertion: over", with("exp", func(k *call) any { return k.Now().Add(-2 * time.Minute).Unix() }), atStandard("assertion_invalid"), false},
	{"assertion: good for a year", with("exp", func(k *call) any { return k.Now().Add(365 * 24 * time.Hour).Unix() }), atStandard("assertion_invalid"), false},
	{"assertion: by another key", func(k *call) outcome {
		p, _ := k.signs()
		p.Key, _ = optest.NewKey("k1")
		k.proof = func() string { return p.Assertion(nil) }
		return k.try()
	}, atStandard("assertion_invalid"), false},
	{"assertion: alg none", func(k *call) outcome {
		p, _ := k.signs()
		k.proof = func() string { return unsigned(p.Assertion(nil), "none") }
		return k.try()
	}, atStandard("assertion_invalid"), false},
	{"assertion: HS256 by the public key", func(k *call) outcome {
		p, set := k.signs()
		p.Key, p.Secret = nil, set
		k.proof = func() string { return p.Assertion(nil) }
		return k.try()
	}, atStandard("client_auth_method"), false},
	{"assertion: replayed", func(k *call) outcome {
		p, _ := k.signs()
		one := p.Assertion(nil)
		k.proof = func() string { return one }
		first := k.atToken("grant_type", "client_credentials") // at whatever endpoint
		first.proof = k.proof
		if got := first.try(); got != granted {
			return "the first use: " + got
		}
		return k.try()
	}, atStandard("assertion_replayed"), false},
	{"assertion: 100 uses at once", func(k *call) outcome {
		p, _ := k.signs()
		one := p.Assertion(nil)
		var won atomic.Int64
		k.crowd(func(*call) {
			try := k.atToken("grant_type", "client_credentials")
			if try.proof = func() string { return one }; try.try() == granted {
				won.Add(1)
			}
		})
		if n := won.Load(); n != 1 {
			k.t.Errorf("%d of 100 were taken", n)
		}
		return "one of them"
	}, refused("one of them", "client").and(
		exempt("the endpoints share one memory of what was used (see above)", without(standard, "client")...),
		exempt(noProof, dialects...), exempt(noClient, slices.Concat(fronts, bearers)...)), false},
}

// crowd does something a hundred times at once, each with a call of its own.
func (k *call) crowd(do func(*call)) {
	var group sync.WaitGroup
	begin := make(chan struct{})
	for range 100 {
		own := *k
		if k.browser != nil {
			b := *k.browser
			own.browser = &b
		}
		group.Go(func() {
			<-begin
			do(&own)
		})
	}
	close(begin)
	group.Wait()
}
