package app

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sallyport/audit"
	"sallyport/client"
	"sallyport/credential"
	"sallyport/deployment"
	"sallyport/feed"
	"sallyport/realm"
)

func (c *command) clientKeys() *cobra.Command {
	return group("key", "Make, list, change, rotate and revoke what a client calls APIs with",
		c.clientKeyList(), c.clientKeyAdd(), c.clientKeySet(), c.clientKeyRotate(), c.clientKeyRevoke(), c.clientKeyRemove())
}

// A callKey is what may be shown of a credential.
type callKey struct {
	ID      string          `json:"id"`
	Client  string          `json:"client"`
	Kind    credential.Kind `json:"kind"`
	State   string          `json:"state"`
	Name    string          `json:"name,omitempty"`
	Scopes  []string        `json:"scopes,omitempty"`
	APIs    []string        `json:"apis,omitempty"`
	Uses    int64           `json:"uses,omitempty"`
	Used    int64           `json:"used,omitempty"`
	Created time.Time       `json:"created_at"`
	From    *time.Time      `json:"not_before,omitempty"`
	Until   *time.Time      `json:"not_after,omitempty"`
	Revoked *time.Time      `json:"revoked_at,omitempty"`
}

func shownKey(k *credential.Credential, used int64, now time.Time) callKey {
	moment := func(t time.Time) *time.Time {
		if t.IsZero() {
			return nil
		}
		return &t
	}
	row := callKey{
		ID: k.ID, Client: k.Client, Kind: k.Kind, State: "on", Name: k.Name, Scopes: k.Scopes, APIs: k.APIs, Uses: k.Uses, Used: used,
		Created: k.CreatedAt, From: moment(k.NotBefore), Until: moment(k.NotAfter), Revoked: moment(k.RevokedAt),
	}
	switch {
	case !k.RevokedAt.IsZero():
		row.State = "revoked"
	case k.Status != credential.On:
		row.State = "off"
	case !k.NotAfter.IsZero() && !now.Before(k.NotAfter):
		row.State = "expired"
	case now.Before(k.NotBefore):
		row.State = "not yet"
	case k.Uses > 0 && used >= k.Uses:
		row.State = "used up"
	}
	return row
}

func (c *command) clientKeyList() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list CLIENT", Short: "List a client's keys", Example: "  sallyport client key list shop", Args: cobra.ExactArgs(1),
		Long: "Lists the API keys and signing keys of a client, those that are over as well. What is taken by a running server counts as used.",
	}
	in := realmFlag(cmd)
	return c.atDesk(cmd, func(ctx context.Context, d *desk, args []string) error {
		if _, err := d.client(ctx, *in, args[0]); err != nil {
			return err
		}
		all, err := d.callKeys(ctx, *in, args[0])
		if err != nil {
			return err
		}
		rows := []callKey{}
		for _, k := range all {
			used, err := d.used(ctx, k)
			if err != nil {
				return err
			}
			rows = append(rows, shownKey(k, used, time.Now()))
		}
		return d.print(rows, func(w io.Writer) {
			var cells [][]string
			for _, r := range rows {
				uses, until := "", ""
				if r.Uses > 0 {
					uses = fmt.Sprintf("%d of %d", r.Used, r.Uses)
				}
				if r.Until != nil {
					until = r.Until.Format(time.RFC3339)
				}
				cells = append(cells, []string{r.ID, string(r.Kind), r.State, strings.Join(r.Scopes, ","), strings.Join(r.APIs, ","), uses, until, r.Name})
			}
			table(w, "ID\tKIND\tSTATE\tSCOPES\tAPIS\tUSED\tUNTIL\tNAME", cells)
		})
	})
}

// callKeys reads the credentials of a client that can be made and changed.
func (d *desk) callKeys(ctx context.Context, in, id string) ([]*credential.Credential, error) {
	all, err := d.store.Credentials(ctx, in, id)
	return slices.DeleteFunc(all, func(k *credential.Credential) bool { return k.Kind == credential.Certificate }), err
}

// callKey reads a credential that has to be there.
func (d *desk) callKey(ctx context.Context, in, id, key string) (*client.Client, *credential.Credential, error) {
	cl, err := d.client(ctx, in, id)
	if err != nil {
		return nil, nil, err
	}
	all, err := d.callKeys(ctx, in, id)
	if err != nil {
		return nil, nil, err
	}
	i := slices.IndexFunc(all, func(k *credential.Credential) bool { return k.ID == key })
	if i < 0 {
		return nil, nil, usage("client %s has no key %.80q; `sallyport client key list %s` lists them", id, key, id)
	}
	return cl, all[i], nil
}

// used is how many uses of a credential are counted.
func (d *desk) used(ctx context.Context, k *credential.Credential) (int64, error) {
	if k.Uses == 0 {
		return 0, nil
	}
	return d.store.Usage(ctx, k.Counter())
}

// keyOutcome is the JSON form of what a command did to a credential.
type keyOutcome struct {
	Applied   bool            `json:"applied"`
	Changes   deployment.Diff `json:"changes"`
	Generated []generatedKey  `json:"generated,omitempty"`
}

// A generatedKey is shown once.
type generatedKey struct {
	Realm  string          `json:"realm"`
	Client string          `json:"client"`
	Kind   credential.Kind `json:"kind"`
	ID     string          `json:"id"`
	Key    string          `json:"key,omitempty"`    // an API key
	Secret string          `json:"secret,omitempty"` // of a signing key, whose id goes before it
}

// putCallKey checks and stores a credential, records that, and tells.
func (d *desk) putCallKey(ctx context.Context, op deployment.Op, words string, k *credential.Credential, made *generatedKey, before ...*credential.Credential) error {
	if err := credential.Check(k); err != nil {
		return usage("--%s", strings.Replace(err.Error(), "_", "-", 1))
	}
	line := func(op deployment.Op, k *credential.Credential, words string) deployment.Line {
		return deployment.Line{Op: op, Kind: feed.Credential, Realm: k.Realm, Name: k.ID, Words: join("client "+k.Client, words)}
	}
	out := keyOutcome{Applied: true, Changes: deployment.Diff{line(op, k, words)}}
	for _, old := range before {
		out.Changes = append(out.Changes, line(deployment.Change, old, "good until "+old.NotAfter.Format(time.RFC3339)))
	}
	for _, one := range append([]*credential.Credential{k}, before...) {
		if err := d.store.PutCredential(ctx, one); err != nil {
			return err
		}
	}
	if made != nil {
		made.Realm, made.Client, made.Kind, made.ID = k.Realm, k.Client, k.Kind, k.ID
		out.Generated = []generatedKey{*made}
	}
	return d.tellCallKey(ctx, k, out)
}

// tellCallKey records what was done to a credential, and tells it.
func (d *desk) tellCallKey(ctx context.Context, k *credential.Credential, out keyOutcome) error {
	var events []audit.Event
	for _, l := range out.Changes {
		events = append(events, audit.Event{At: time.Now(), Kind: audit.CredentialReset, Realm: k.Realm, Client: k.Client, Detail: l.String()})
	}
	if err := d.store.AppendEvents(ctx, events...); err != nil {
		return err
	}
	return d.print(out, func(w io.Writer) {
		fmt.Fprint(w, out.Changes)
		for _, g := range out.Generated {
			if g.Kind == credential.Signature {
				fmt.Fprintf(w, "signing key of client %s: %s\nits secret (shown once): %s\n", g.Client, g.ID, g.Secret)
			} else {
				fmt.Fprintf(w, "API key of client %s (shown once): %s\n", g.Client, g.Key)
			}
		}
	})
}

func join(a, b string) string {
	if b == "" {
		return a
	}
	return a + ", " + b
}

func (c *command) clientKeyRevoke() *cobra.Command {
	cmd := &cobra.Command{
		Use: "revoke CLIENT KEY", Short: "Revoke a key", Args: cobra.ExactArgs(2),
		Long:    "Revokes a key at once and for good. It stays in the list, and who comes with it is told that it was revoked.",
		Example: "  sallyport client key revoke shop spk_k3v9c2m7qaxw4t5z",
	}
	in := realmFlag(cmd)
	return c.atDesk(cmd, func(ctx context.Context, d *desk, args []string) error {
		_, k, err := d.callKey(ctx, *in, args[0], args[1])
		if err != nil {
			return err
		}
		if !k.RevokedAt.IsZero() {
			return usage("key %s was revoked already, at %s", k.ID, k.RevokedAt.Format(time.RFC3339))
		}
		k.RevokedAt = time.Now().UTC().Truncate(time.Microsecond)
		return d.putCallKey(ctx, deployment.Change, "revoked", k, nil)
	})
}

func (c *command) clientKeyRemove() *cobra.Command {
	cmd := &cobra.Command{
		Use: "remove CLIENT KEY", Short: "Forget a key", Args: cobra.ExactArgs(2),
		Long:    "Removes a key at once. Who comes with it is told no more than with a key that never was; `revoke` keeps a record.",
		Example: "  sallyport client key remove shop spk_k3v9c2m7qaxw4t5z",
	}
	in := realmFlag(cmd)
	return c.atDesk(cmd, func(ctx context.Context, d *desk, args []string) error {
		_, k, err := d.callKey(ctx, *in, args[0], args[1])
		if err != nil {
			return err
		}
		if err := d.store.DeleteCredential(ctx, k.Realm, k.ID); err != nil {
			return err
		}
		line := deployment.Line{Op: deployment.Remove, Kind: feed.Credential, Realm: k.Realm, Name: k.ID, Words: "client " + k.Client}
		return d.tellCallKey(ctx, k, keyOutcome{Applied: true, Changes: deployment.Diff{line}})
	})
}

func (c *command) clientKeyRotate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rotate CLIENT KEY",
		Short: "Replace a key by a new one",
		Long: `Makes a key with the same rights, prints it once, and lets the present one expire after the overlap. The new key lives as
long from now as the present one did from its first moment, and has the uses that are left.`,
		Example: "  sallyport client key rotate shop spk_k3v9c2m7qaxw4t5z\n  sallyport client key rotate shop spk_k3v9c2m7qaxw4t5z --overlap 0s",
		Args:    cobra.ExactArgs(2),
	}
	in := realmFlag(cmd)
	overlap := cmd.Flags().String("overlap", "24h", "how long the present key stays good")
	return c.atDesk(cmd, func(ctx context.Context, d *desk, args []string) error {
		_, old, err := d.callKey(ctx, *in, args[0], args[1])
		if err != nil {
			return err
		}
		ttl, err := realm.ParseDuration(*overlap)
		if err != nil {
			return usage("--overlap: %v", err)
		}
		now := time.Now().UTC().Truncate(time.Microsecond)
		used, err := d.used(ctx, old)
		if err != nil {
			return err
		}
		if state := shownKey(old, used, now).State; state != "on" && state != "not yet" {
			return usage("key %s is %s; `sallyport client key add %s` makes another", old.ID, state, old.Client)
		}
		k, made, err := d.newCallKey(old.Kind, old.Realm, old.Client, "", "", now)
		if err != nil {
			return err
		}
		k.Name, k.Scopes, k.APIs = old.Name, old.Scopes, old.APIs
		if old.Uses > 0 {
			k.Uses = old.Uses - used
		}
		if !old.NotAfter.IsZero() {
			begin := old.CreatedAt
			if old.NotBefore.After(begin) {
				begin = old.NotBefore
			}
			k.NotAfter = now.Add(old.NotAfter.Sub(begin))
		}
		if end := now.Add(ttl.Std()); old.NotAfter.IsZero() || end.Before(old.NotAfter) {
			old.NotAfter = end
		}
		if !old.NotBefore.Before(old.NotAfter) { // it was to begin only later, and never will
			old.NotBefore = time.Time{}
		}
		return d.putCallKey(ctx, deployment.Add, "in the place of "+old.ID, k, made, old)
	}, "master_key_file")
}

// newCallKey makes a credential. An id and a secret that somebody has already are taken over.
func (d *desk) newCallKey(kind credential.Kind, in, of, id, brought string, now time.Time) (*credential.Credential, *generatedKey, error) {
	switch {
	case kind == credential.APIKey && brought == "":
		plain, k := credential.NewAPIKey(in, of, now)
		return k, &generatedKey{Key: plain}, nil
	case kind == credential.APIKey:
		if len(brought) < leastBrought {
			return nil, nil, usage("the key has %d characters, which can be guessed; bring at least %d", len(brought), leastBrought)
		}
		_, fresh := credential.NewAPIKey(in, of, now)
		return credential.ImportAPIKey(in, of, fresh.ID, brought, now), nil, nil
	case kind != credential.Signature:
		return nil, nil, usage("--kind: %.40q is not a kind of key; use %s or %s", kind, credential.APIKey, credential.Signature)
	}
	master, err := d.config.master()
	if err != nil {
		return nil, nil, err
	}
	if brought == "" {
		_, secret, k, err := credential.NewSignature(master, in, of, now)
		return k, &generatedKey{Secret: secret}, err
	}
	if id == "" || strings.Contains(id, ".") || len(brought) < leastBrought {
		return nil, nil, usage("--id: a signing key that is brought needs its id, without a point, and a secret of %s characters or more", strconv.Itoa(leastBrought))
	}
	k, err := credential.ImportSignature(master, in, of, id, brought, now)
	return k, nil, err
}

// leastBrought is the shortest key or secret that may be brought, in bytes: what is guessed at by machines has to be long.
const leastBrought = 16
