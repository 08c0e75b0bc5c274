package deployment_test

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"sallyport/credential"
	"sallyport/deployment"
	"sallyport/key"
)

var master = key.Master{9}

// keyPlan plans with a master key.
func keyPlan(t *testing.T, m *memory, text string, at time.Time) (*deployment.Plan, error) {
	t.Helper()
	files, err := deployment.Parse("f.yaml", []byte(text), checks())
	if err != nil {
		return nil, err
	}
	p := deployment.Planner{Store: m, Hasher: hasher{}, Now: func() time.Time { return at }, Master: func() (key.Master, error) { return master, nil }}
	return p.Plan(t.Context(), files)
}

const keyed = `
realm: default
clients:
  - id: shop
    api_keys:
      - {id: old, key: an old key of theirs, scopes: [read], apis: [orders], uses: 5, name: The till, not_before: 2026-01-31, not_after: 2199-01-31}
      - {id: hashed, key_hash: 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef, status: off}
      - {name: made, generated: true}
    signature_keys:
      - {id: bXkgYXBpIGtleQ==, secret: bXkgc2VjcmV0IGtleQ==, apis: [orders], uses: 100}
  - id: other
`

var madeID = regexp.MustCompile(`spk_[a-z2-7]{16}`)

func TestKeys(t *testing.T) {
	m := &memory{}
	p, err := keyPlan(t, m, keyed, now)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Generated) != 1 || p.Generated[0].Client != "shop" || !strings.HasPrefix(p.Generated[0].Key, p.Generated[0].ID+"_") {
		t.Errorf("generated %+v", p.Generated)
	}
	commit(t, m, p)
	if len(m.keys) != 4 || m.keys[0].Hash != credential.HashOf("an old key of theirs") || m.keys[2].Hash != credential.HashOf(p.Generated[0].Key) {
		t.Fatalf("%+v", m.keys)
	}
	if h, err := credential.Hold(m.keys[3], master); err != nil || string(h.Secret) != "bXkgc2VjcmV0IGtleQ==" {
		t.Errorf("the secret opens to something else: %v", err)
	}
	for _, k := range m.keys {
		if err := credential.Check(k); err != nil {
			t.Error(err)
		}
	}
	rest := strings.SplitAfter(keyed, "signature_keys:\n")
	for _, tt := range []struct{ name, text, want string }{
		{"the same", keyed, ""},
		{"left out", "realm: default\nclients: [{id: shop}]", ""},
		{"rights", strings.ReplaceAll(keyed, "scopes: [read], apis: [orders], uses: 5", "scopes: [write]"), "~ client shop: key old (apis [orders] -> none; scopes [read] -> [write]; uses 5 -> none)"},
		{"revoked", strings.ReplaceAll(keyed, "status: off", "revoked_at: 2026-02-01T10:00:00Z"), "~ client shop: key hashed (revoked_at none -> 2026-02-01T10:00:00Z; status off -> on)"},
		{"one kind taken away", "realm: default\nclients: [{id: shop, signature_keys: []}]", "~ client shop: key bXkgYXBpIGtleQ== removed"},
		{"one less", strings.Replace(keyed, "      - {name: made, generated: true}\n", "", 1), "~ client shop: key MADE removed"},
		{"another secret", rest[0] + strings.Replace(rest[1], "secret: bX", "secret: bY", 1), "~ client shop: key bXkgYXBpIGtleQ== (secret changed)"},
		{"one more", "realm: default\nclients: [{id: other, api_keys: [{id: mine, key: a key of one's own}]}]", "~ client other: key mine added"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			fresh := &memory{realms: m.realms, clients: append(m.clients[:0:0], m.clients...), keys: append(m.keys[:0:0], m.keys...)}
			p, err := keyPlan(t, fresh, tt.text, now.Add(time.Hour))
			if err != nil {
				t.Fatal(err)
			}
			got := madeID.ReplaceAllString(strings.TrimSpace(p.Diff.String()), "MADE")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
			if p.Changes.Empty() != (tt.want == "") {
				t.Errorf("changes %+v", p.Changes)
			}
			commit(t, fresh, p)
			if again, err := keyPlan(t, fresh, tt.text, now.Add(2*time.Hour)); err != nil || !again.Changes.Empty() || again.Generated != nil {
				t.Errorf("a second time: %s %v", again.Diff, err)
			}
		})
	}
}

func TestExportedKeys(t *testing.T) {
	m := &memory{}
	p, err := keyPlan(t, m, keyed, now)
	if err != nil {
		t.Fatal(err)
	}
	commit(t, m, p)
	text, err := deployment.Export(t.Context(), m, "")
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"an old key of theirs", "bXkgc2VjcmV0IGtleQ==", p.Generated[0].Key} {
		if strings.Contains(string(text), secret) {
			t.Errorf("the export tells %q", secret)
		}
	}
	if p, err := keyPlan(t, m, string(text), now); err != nil || !p.Changes.Empty() {
		t.Errorf("applying the export changes\n%s%v\nexport:\n%s", p.Diff, err, text)
	}
	fresh := &memory{}
	if p, err = keyPlan(t, fresh, string(text), now); err != nil {
		t.Fatal(err)
	}
	commit(t, fresh, p)
	if diff := cmp.Diff(m.keys, fresh.keys); diff != "" {
		t.Errorf("elsewhere: %s", diff)
	}
	master = key.Master{8}
	defer func() { master = key.Master{9} }()
	if _, err := keyPlan(t, &memory{}, string(text), now); err == nil || !strings.Contains(err.Error(), "sealed under another master key") {
		t.Errorf("where the master key is another: %v", err)
	}
}

// A key that was made, and rotated by command, is neither made again nor given more time by applying the file again.
func TestGeneratedKeysThatWereRotated(t *testing.T) {
	const text = "realm: default\nclients: [{id: shop, api_keys: [{name: till, generated: true}]}]"
	m := &memory{}
	p, err := keyPlan(t, m, text, now)
	if err != nil {
		t.Fatal(err)
	}
	commit(t, m, p)
	old := *m.keys[0]
	old.NotAfter = now.Add(24 * time.Hour)
	_, next := credential.NewAPIKey("default", "shop", now.Add(time.Hour))
	next.Name = "till"
	m.keys = []*credential.Credential{&old, next}
	if p, err = keyPlan(t, m, text, now.Add(2*time.Hour)); err != nil || !p.Changes.Empty() || p.Generated != nil {
		t.Errorf("%s %v", p.Diff, err)
	}
	// One that was revoked is.
	for _, k := range m.keys {
		k.RevokedAt = now
	}
	if p, err = keyPlan(t, m, text, now.Add(2*time.Hour)); err != nil || len(p.Generated) != 1 {
		t.Errorf("%s %v", p.Diff, err)
	}
}

func TestKeysThatAreRefused(t *testing.T) {
	in := func(keys string) string { return "realm: default\nclients: [{id: shop, " + keys + "}, {id: other}]" }
	const hash = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for name, tt := range map[string]struct{ text, want string }{
		"no key":             {in("api_keys: [{id: x}]"), "f.yaml:2:34: client shop: api_keys: entry 1 holds no key"},
		"two":                {in("api_keys: [{key: 0123456789abcdef, key_hash: " + hash + "}]"), "key_hash: give only one of key and key_hash"},
		"a short one":        {in("api_keys: [{key: secret}]"), "key: can be guessed; use 16 characters or more"},
		"no hash":            {in("api_keys: [{key_hash: 0123}]"), "key_hash: is not a SHA-256; write 64 hex digits"},
		"made without name":  {in("api_keys: [{generated: true}]"), "generated: a key that is made is found again by its name"},
		"made twice":         {in("api_keys: [{name: a, generated: true}, {name: a, generated: true}]"), "found again by its name"},
		"a scope":            {in("api_keys: [{key_hash: " + hash + ", scopes: ['a b']}]"), `client shop: scopes: "a b" is not a scope name`},
		"a status":           {in("api_keys: [{key_hash: " + hash + ", status: locked}]"), `client shop: status: "locked" is not a status`},
		"uses":               {in("api_keys: [{key_hash: " + hash + ", uses: -1}]"), "client shop: uses: -1 is negative"},
		"an end too soon":    {in("api_keys: [{key_hash: " + hash + ", not_before: 2027-01-01, not_after: 2026-01-01}]"), "client shop: not_after: is not after not_before"},
		"no id":              {in("signature_keys: [{secret: 0123456789abcdef}]"), "signature_keys: entry 1 needs an id without a point"},
		"an id with a point": {in("signature_keys: [{id: a.b, secret: 0123456789abcdef}]"), "signature_keys: entry 1 needs an id without a point"},
		"no secret":          {in("signature_keys: [{id: a}]"), "signature_keys: entry 1 holds no secret"},
		"a short secret":     {in("signature_keys: [{id: a, secret: short}]"), "secret: can be guessed"},
		"not sealed":         {in("signature_keys: [{id: a, secret_sealed: '?'}]"), "secret_sealed: is not Base64"},
		"sealed elsewhere":   {in("signature_keys: [{id: a, secret_sealed: AAAA}]"), "secret_sealed: was sealed under another master key"},
		"another client's":   {"realm: default\nclients: [{id: shop, api_keys: [{key: 0123456789abcdef}]}, {id: other, api_keys: [{key: 0123456789abcdef}]}]", "client other: api_keys: "},
		"one twice":          {in("api_keys: [{key: 0123456789abcdef}, {key: 0123456789abcdef}]"), "the key is there already, of client shop"},
		"another's id":       {"realm: default\nclients: [{id: shop, api_keys: [{id: k, key: 0123456789abcdef}]}, {id: other, api_keys: [{id: k, key: 1123456789abcdef}]}]", "there is another key with that id"},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := keyPlan(t, &memory{}, tt.text, now)
			if err == nil {
				t.Fatalf("accepted: %s", p.Diff)
			}
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got  %s\nwant %s", err, tt.want)
			}
		})
	}
}
