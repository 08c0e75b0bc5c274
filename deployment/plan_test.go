package deployment_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/audit"
	"sallyport/deployment"
	"sallyport/token"
)

func plan(t *testing.T, m *memory, text string, prune bool) *deployment.Plan {
	t.Helper()
	files, err := deployment.Parse("f.yaml", []byte(text), checks())
	if err != nil {
		t.Fatal(err)
	}
	p := deployment.Planner{
		Store: m, Hasher: hasher{}, Now: func() time.Time { return now }, Prune: prune,
		Master: askMaster,
	}
	planned, err := p.Plan(context.Background(), files)
	if err != nil {
		t.Fatal(err)
	}
	return planned
}

func commit(t *testing.T, m *memory, p *deployment.Plan) {
	t.Helper()
	if err := p.Commit(context.Background(), m, now); err != nil {
		t.Fatal(err)
	}
}

const base = `
realm: default
dialects: [ddi]
all_scope: all
scopes: [{name: read, description: Read it}]
users:
  - {name: dory, password: dorypass, org: 100000}
  - {name: nemo, password: nemopass}
clients:
  - {id: one, secret: one-secret, scopes: [read], access_token: {ttl: 24h}}
  - {id: two, secrets: [{secret: two-a}, {secret: two-b, expires: 2027-01-31}]}
  - {id: open, type: public, grants: [password]}
apis:
  - {name: orders, path: /orders, upstream: "http://127.0.0.1:9000", policies: [ratelimit: {rate: 100/s}]}
`

// TestDiff shows what each change of a file is told as.
func TestDiff(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		prune      bool
		want       string
	}{
		{"the same", base, false, ""},
		{"the same, pruned", base, true, ""},
		{"less", "realm: default", false, ""},
		{"less, pruned", "realm: default\nusers: [{name: dory, org: 100000}]", true, `
- scope read
- user nemo
- client one
- client open
- client two
- api orders`},
		{"another realm", "realm: staff\nhosts: [a.example.org]\nclients: [{id: x, type: public}]", true, `
+ realm staff
+ client x in realm staff`},
		{"realm settings", "realm: default\ndialects: [ddi, digirunner: {wrong_password_status: 400}]\nall_scope: every", false, `
~ realm default: all_scope all -> every; dialects [ddi] -> [ddi digirunner]`},
		{"realm settings taken away", "realm: default\ndialects: []", false, `
~ realm default: dialects [ddi] -> none`},
		{"a trusted issuer", "realm: default\ntrusted_issuers: [{issuer: https://p.example.org, audience: [a], client: one}]", false, `
~ realm default: trusted_issuers none -> [{audience: [a], client: one, issuer: https://p.example.org}]`},
		{"a user", "realm: default\nusers: [{name: dory, org: 7, roles: [a, b], status: off}]", false, `
~ user dory: org 100000 -> 7; roles none -> [a b]; status on -> off`},
		{"a password", "realm: default\nusers: [{name: nemo, password: other}]", false, `
~ user nemo: password changed`},
		{"a password from elsewhere", "realm: default\nusers: [{name: nemo, password_env: SET}]", false, `
~ user nemo: password changed`},
		{"a client is all that the file says", "realm: default\nclients: [{id: one, name: The one}]", false, `
~ client one: access_token {ttl: 1d} -> none; name none -> "The one"; scopes [read] -> none`},
		{"a secret", "realm: default\nclients: [{id: open, type: public, grants: [password]}, {id: two, secret: two-a}]", false, `
~ client two: secret removed`},
		{"secrets in another order, one for longer", "realm: default\nclients: [{id: two, secrets: [{secret: two-b, expires: 2028-01-31}, {secret: two-a}]}]", false, `
~ client two: secret ID expires 2028-01-31T00:00:00Z`},
		{"another secret", "realm: default\nclients: [{id: one, secret_file: secrets/one, scopes: [read], access_token: {ttl: 1d}}]", false, `
~ client one: secret changed`},
		{"generated beside one that is there", "realm: default\nclients: [{id: two, generated: true}]", false, ""},
		{"generated", "realm: default\nclients: [{id: new, generated: true}]", false, `
+ client new`},
		{"settings of a policy", strings.ReplaceAll(base, "100/s", "200/s"), false, `
~ api orders: policies settings changed (ratelimit)`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := &memory{}
			commit(t, m, plan(t, m, base, false))
			p := plan(t, m, tc.text, tc.prune)
			got := p.Diff.String()
			for _, c := range m.clients {
				for _, s := range c.Secrets {
					got = strings.ReplaceAll(got, s.ID, "ID")
				}
			}
			if d := cmp.Diff(strings.TrimPrefix(tc.want, "\n"), strings.TrimSuffix(got, "\n")); d != "" {
				t.Error(d)
			}
			if p.Changes.Empty() != (tc.want == "") {
				t.Errorf("changes: %+v", p.Changes)
			}
			for _, secret := range []string{"dorypass", "one-secret", "two-a", "from a file", "hash of"} {
				if strings.Contains(got, secret) {
					t.Errorf("the difference tells %q", secret)
				}
			}
			// Whatever it was: doing it twice changes nothing.
			commit(t, m, p)
			if again := plan(t, m, tc.text, tc.prune); !again.Changes.Empty() || again.Generated != nil {
				t.Errorf("a second time: %s", again.Diff)
			}
		})
	}
}

func TestEndOfTokens(t *testing.T) {
	m := &memory{}
	commit(t, m, plan(t, m, base, false))
	commit(t, m, plan(t, m, "realm: default\nusers: [{name: dory, status: off}]\nclients: [{id: open, type: public, status: locked}]", true))
	got := map[string]int64{}
	for _, r := range m.last.Revocations {
		got[string(r.Kind)+" "+r.Realm+" "+r.Key] = r.Bound
		if r.Until.Sub(now) < 365*24*time.Hour {
			t.Errorf("%s is forgotten at %s, before the longest token is over", r.Key, r.Until)
		}
	}
	at := now.UnixMicro()
	want := map[string]int64{
		string(token.RevokeUser) + " default dory": at, string(token.RevokeUser) + " default nemo": at,
		string(token.RevokeClient) + " default open": at, string(token.RevokeClient) + " default one": at, string(token.RevokeClient) + " default two": at,
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	// To be off is no news the second time.
	if p := plan(t, m, "realm: default\nusers: [{name: dory, status: off, org: 9}]", false); len(p.Changes.Revocations) != 0 {
		t.Errorf("revoked again: %+v", p.Changes.Revocations)
	}
}

// Who is switched on again does not get back what was issued while the news that he was off was under way.
func TestEndOfTokensWhenSwitchedOnAgain(t *testing.T) {
	m := &memory{}
	commit(t, m, plan(t, m, base, false))
	commit(t, m, plan(t, m, "realm: default\nusers: [{name: dory, status: off}]\nclients: [{id: open, type: public, status: locked}]", false))
	commit(t, m, plan(t, m, "realm: default\nusers: [{name: dory, status: on}]\nclients: [{id: open, type: public, status: on}]", false))
	var got []string
	for _, r := range m.last.Revocations {
		got = append(got, string(r.Kind)+" "+r.Key)
	}
	if d := cmp.Diff([]string{"u dory", "c open"}, got); d != "" {
		t.Error(d)
	}
}

// What was got by a password ends with it. A hash from elsewhere is not held against the stored one, which may be a newer one of
// the same password.
func TestEndOfTokensWithThePassword(t *testing.T) {
	m := &memory{}
	commit(t, m, plan(t, m, base, false))
	for text, want := range map[string]int{
		"realm: default\nusers: [{name: dory, password: dorypass}]":                      0,
		"realm: default\nusers: [{name: dory, password: dorypass, org: 9}]":              0,
		"realm: default\nusers: [{name: dory, password: another password}]":              1,
		"realm: default\nusers: [{name: newcomer, password: another password}]":          0,
		"realm: default\nusers: [{name: dory, password_hash: \"sha256:" + zeros + "\"}]": 0,
	} {
		p := plan(t, m, text, false)
		if got := p.Changes.Revocations; len(got) != want || want == 1 && (got[0].Kind != token.RevokeUser || got[0].Key != "dory") {
			t.Errorf("%s: %+v", text, got)
		}
	}
}

var zeros = strings.Repeat("0", 64)

func TestEventsTellWhatChanged(t *testing.T) {
	m := &memory{}
	commit(t, m, plan(t, m, base, false))
	commit(t, m, plan(t, m, "realm: default\nusers: [{name: dory, org: 100000, password: new}]\nscopes: [{name: write}]", false))
	want := []audit.Event{
		{At: now, Kind: audit.ConfigChanged, Realm: "default", Detail: "+ scope write"},
		{At: now, Kind: audit.CredentialReset, Realm: "default", User: "dory", Detail: "~ user dory: password changed"},
	}
	if d := cmp.Diff(want, m.last.Events, cmp.Comparer(func(a, b audit.Event) bool { return a == b })); d != "" {
		t.Error(d)
	}
}

func TestStatusStaysUnlessSaid(t *testing.T) {
	m := &memory{}
	commit(t, m, plan(t, m, base, false))
	commit(t, m, plan(t, m, "realm: default\nusers: [{name: dory, org: 100000, status: off}]", false))
	if p := plan(t, m, base, false); !p.Changes.Empty() {
		t.Errorf("a user who was switched off comes back: %s", p.Diff)
	}
	if p := plan(t, m, strings.ReplaceAll(base, "org: 100000", "org: 100000, status: on"), false); p.Diff.String() != "~ user dory: status off -> on\n" {
		t.Errorf("got %s", p.Diff)
	}
}

func TestExportIsTheSame(t *testing.T) {
	m := &memory{}
	commit(t, m, plan(t, m, base+"---\nrealm: staff\nhosts: [staff.example.org]\nkeys: {every: 90d}\ntrusted_issuers: [{issuer: https://p.example.org, jwks_uri: https://k.example.org, audience: [a, b], algs: [RS256], client: \"claim:azp\", scopes: scp, user: sub}, {issuer: https://q.example.org, audience: [a], client: one}]\nrefresh_token: {rotate: false, grace: 0s}\nclients: [{id: \"null\", type: public, name: \"a: b # c\", description: \"1\\n2\"}]", false))
	for i, u := range m.users { // hashes that can be read again
		m.users[i].Password = "sha256:" + strings.Repeat(string(rune('0'+i)), 64)
		_ = u
	}
	for _, c := range m.clients {
		for i := range c.Secrets {
			c.Secrets[i].Hash = "sha256:" + strings.Repeat(string(rune('a'+i)), 64)
		}
	}
	text, err := deployment.Export(context.Background(), m, "")
	if err != nil {
		t.Fatal(err)
	}
	if p := plan(t, m, string(text), true); !p.Changes.Empty() {
		t.Errorf("applying the export changes\n%s\nexport:\n%s", p.Diff, text)
	}
	fresh := &memory{}
	commit(t, fresh, plan(t, fresh, string(text), true))
	again, err := deployment.Export(context.Background(), fresh, "")
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(text), string(again)); d != "" {
		t.Errorf("elsewhere: %s", d)
	}
	if _, err := deployment.Export(context.Background(), m, "none"); err == nil {
		t.Error("a realm that is not there was exported")
	}
}

func TestPlanRefuses(t *testing.T) {
	m := &memory{}
	commit(t, m, plan(t, m, base+"---\nrealm: staff\nhosts: [staff.example.org]", false))
	for _, tc := range []struct{ name, text, want string }{
		{"a host of another realm", "realm: default\nhosts: [STAFF.example.org]", "f.yaml:2:1: hosts: STAFF.example.org leads to realm staff already; take it away there first"},
		{"a path of another api", "realm: default\napis: [{name: other, path: /orders, upstream: http://a}]", "f.yaml:2:22: api other: path: /orders is served by api orders already; choose another path, or remove that api"},
	} {
		files, err := deployment.Parse("f.yaml", []byte(tc.text), checks())
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		_, err = (&deployment.Planner{Store: m, Hasher: hasher{}, Now: time.Now}).Plan(context.Background(), files)
		if err == nil || err.Error() != tc.want {
			t.Errorf("%s: got %v, want %s", tc.name, err, tc.want)
		}
	}
	// A host name may move within one file.
	plan(t, m, "realm: staff\nhosts: []\n---\nrealm: default\nhosts: [staff.example.org]", false)
}

// A file of ten thousand APIs is read and compared in a moment: the work grows with their number, not with its square.
func BenchmarkPlanTenThousandAPIs(b *testing.B) {
	var text strings.Builder
	text.WriteString("realm: default\napis:\n")
	for i := range 10_000 {
		fmt.Fprintf(&text, "  - {name: n%d, path: \"/team%d/api%d/{id}\", upstream: http://127.0.0.1:9000, routes: [{path: /x, scopes: [read]}]}\n", i, i%100, i)
	}
	m := &memory{}
	files, err := deployment.Parse("f.yaml", []byte(text.String()), checks())
	if err != nil {
		b.Fatal(err)
	}
	p := deployment.Planner{Store: m, Hasher: hasher{}, Now: func() time.Time { return now }}
	for range 2 { // the first time all are new
		planned, err := p.Plan(context.Background(), files)
		if err != nil {
			b.Fatal(err)
		}
		if err := planned.Commit(context.Background(), m, now); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		if planned, err := p.Plan(context.Background(), files); err != nil || !planned.Changes.Empty() {
			b.Fatal(err, planned.Diff)
		}
	}
}
