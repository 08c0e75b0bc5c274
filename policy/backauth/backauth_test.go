package backauth_test

import (
	"encoding/base64"
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/oauth"
	"sallyport/policy"
	"sallyport/policy/backauth"
	"sallyport/policy/policytest"
	"sallyport/scope"
	"sallyport/token"
)

// What a bearer token's call looks like when the way in has taken the credential out.
const sent = "Bearer e30.eyJzdWIiOiJkb3J5In0.c2ln" // the payload is {"sub":"dory"}

func TestWhatTheUpstreamIsCalledWith(t *testing.T) {
	tests := []struct {
		name      string
		header    []string
		presented string
		want      []string
	}{
		{"nothing asked for", nil, sent, nil},
		{"the caller's own", []string{"backAuth: true"}, sent, []string{sent}},
		{"in another case", []string{"BACKAUTH: TRUE"}, sent, []string{sent}},
		{"another credential", []string{"backAuth: Basic dTpw"}, sent, []string{"Basic dTpw"}},
		{"an empty field", []string{"backAuth:"}, sent, nil},
		{"a key has no Authorization", []string{"backAuth: true"}, "", nil},
		{"an identity token", []string{"id-token: a.b.c"}, sent, []string{"Bearer a.b.c"}},
		{"which goes before", []string{"backAuth: true", "id-token: a.b.c"}, sent, []string{"Bearer a.b.c"}},
		{"which goes before another credential", []string{"id-token: a.b.c", "backAuth: Basic dTpw"}, sent, []string{"Bearer a.b.c"}},
		{"nobody was asked who calls", []string{"Authorization: Digest x"}, "", []string{"Digest x"}},
		{"nor when it is to go on", []string{"Authorization: Digest x", "backAuth: true"}, "", []string{"Digest x"}},
		{"nor when another goes on", []string{"Authorization: Digest x", "backAuth: Basic dTpw"}, "", []string{"Basic dTpw"}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			c := policytest.NewCall("GET", "/orders/1", append(tc.header, "Tokenpayload: forged", "X-Other: stays")...)
			c.Caller.Presented = tc.presented
			if err := policytest.Make(t, backauth.Kind(), "").Request(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			want := policytest.Fields("X-Other: stays")
			if tc.want != nil {
				want["Authorization"] = tc.want
			}
			if diff := cmp.Diff(want, c.Header.(policy.Fields)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestWhatIsNotClearIsRefused(t *testing.T) {
	for _, header := range [][]string{
		{"backAuth: true", "backAuth: Basic dTpw"},
		{"id-token: a.b.c", "id-token: d.e.f"},
		{"id-token: a.b.c, d.e.f"},
		{"id-token: Bearer a.b.c"},
	} {
		c := policytest.NewCall("GET", "/orders/1", header...)
		r := policytest.Refusal(policytest.Make(t, backauth.Kind(), "").Request(t.Context(), c))
		if r == nil || r.Status != 400 || r.Reason != oauth.RequestMalformed {
			t.Errorf("%v: %+v", header, r)
		}
	}
}

func TestTokenPayload(t *testing.T) {
	at := time.Unix(1700000000, 0)
	access := &token.Access{
		Client: "shop", User: "dory", ID: "the-jti", Scope: scope.Set{"read", "write"}, Audience: []string{"api"}, IssuedAt: at, ExpiresAt: at.Add(time.Hour),
	}
	const built = `{"aud":["api"],"user_name":"dory","scope":["read","write"],"exp":1700003600,"iat":1700000000,"jti":"the-jti","client_id":"shop"}`
	tests := []struct {
		name, settings string
		caller         policy.Caller
		want           string
	}{
		{"not wanted", ``, policy.Caller{Token: access, Presented: sent}, ""},
		{"not wanted, in words", `{"token_payload":false}`, policy.Caller{Token: access, Presented: sent}, ""},
		{"of a JWT", `{"token_payload":true}`, policy.Caller{Token: access, Presented: sent}, `{"sub":"dory"}`},
		{"of a token that says nothing", `{"token_payload":true}`, policy.Caller{Token: access, Presented: "Bearer 0123abcd"}, built},
		{"of three parts that are no JWT", `{"token_payload":true}`, policy.Caller{Token: access, Presented: "Bearer a.b.c"}, built},
		{"of no scope and nobody's", `{"token_payload":true}`, policy.Caller{Token: &token.Access{Client: "shop", ID: "1", IssuedAt: at, ExpiresAt: at}, Presented: "Bearer 0"},
			`{"aud":[],"scope":[],"exp":1700000000,"iat":1700000000,"jti":"1","client_id":"shop"}`},
		{"of a caller with a key", `{"token_payload":true}`, policy.Caller{Client: "shop"}, ""},
		{"of a caller with a secret", `{"token_payload":true}`, policy.Caller{Client: "shop", Presented: "Basic dTpw"}, ""},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			c := policytest.NewCall("GET", "/orders/1", "Tokenpayload: Zm9yZ2Vk", "Tokenpayload: Zm9yZ2Vk")
			c.Caller = tc.caller
			if err := policytest.Make(t, backauth.Kind(), tc.settings).Request(t.Context(), c); err != nil {
				t.Fatal(err)
			}
			values := c.Header.Values("tokenpayload")
			if tc.want == "" {
				if len(values) > 0 {
					t.Errorf("tokenpayload %q", values)
				}
				return
			}
			if len(values) != 1 {
				t.Fatalf("tokenpayload %q", values)
			}
			got, err := base64.RawURLEncoding.DecodeString(values[0])
			if err != nil || string(got) != tc.want {
				t.Errorf("tokenpayload %s, %v; want %s", got, err, tc.want)
			}
		})
	}
}

func TestSettings(t *testing.T) {
	for settings, want := range map[string]string{
		``:                        "",
		`{}`:                      "",
		`{"token_payload":true}`:  "",
		`{"token_payload":"yes"}`: "token_payload: want true or false, got a text",
		`{"payload":true}`:        `payload: unknown key; known here: token_payload`,
	} {
		_, err := backauth.Kind().New(policy.Site{}, json.RawMessage(settings))
		if got := errorText(err); got != want {
			t.Errorf("%s: %q, want %q", settings, got, want)
		}
	}
	if k := backauth.Kind(); k.Rank != policy.RankHeaders || k.Source == "" {
		t.Errorf("rank %d, %d bytes of manual", k.Rank, len(k.Source))
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
