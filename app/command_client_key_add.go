package app

import (
	"cmp"
	"context"
	"encoding/hex"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"sallyport/client"
	"sallyport/credential"
	"sallyport/deployment"
	"sallyport/realm"
	"sallyport/scope"
)

func (c *command) clientKeyAdd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "add CLIENT",
		Short: "Make a key for a client",
		Long: `Makes an API key, or a signing key in the manner of digiRunner, and prints it once. It has the client's rights, or fewer if
you say so. A key that the client has already can be brought.`,
		Example: `  sallyport client key add shop --scopes read --not-after 2027-01-31
  sallyport client key add shop --kind signature --apis orders,stock --uses 1000
  sallyport client key add shop --key-file old.key
  sallyport client key add shop --kind signature --id bXkgYXBpIGtleQ== --key-stdin < secret.txt`,
		Args: cobra.ExactArgs(1),
	}
	in := realmFlag(cmd)
	kind := cmd.Flags().String("kind", string(credential.APIKey), "apikey (sent in x-api-key) or signature (Authorization: DGRK)")
	id := cmd.Flags().String("id", "", "id of a signing key that is brought")
	hash := cmd.Flags().String("hash", "", "SHA-256 in hex of an API key that is brought, where nobody knows the key itself")
	bring := c.credentialFlags(cmd, "key")
	set := callKeyFlags(cmd)
	return c.atDesk(cmd, func(ctx context.Context, d *desk, args []string) error {
		cl, err := d.client(ctx, *in, args[0])
		if err != nil {
			return err
		}
		brought, err := bring(false)
		if err != nil {
			return err
		}
		now := time.Now().UTC().Truncate(time.Microsecond)
		k, made, err := d.newCallKey(credential.Kind(*kind), *in, cl.ID, *id, brought, now)
		if err != nil {
			return err
		}
		if *hash != "" {
			raw, err := hex.DecodeString(*hash)
			if err != nil || len(raw) != len(k.Hash) || k.Kind != credential.APIKey || brought != "" {
				return usage("--hash: is not the SHA-256 of an API key; give 64 hex digits, and no key beside them")
			}
			k.Hash, made = [32]byte(raw), nil
		}
		if err := d.unused(ctx, k); err != nil {
			return err
		}
		if err := set(ctx, d, cl, k); err != nil {
			return err
		}
		return d.putCallKey(ctx, deployment.Add, string(k.Kind), k, made)
	}, "master_key_file")
}

// unused sees that what is brought is nobody's yet.
func (d *desk) unused(ctx context.Context, k *credential.Credential) error {
	old, err := d.store.CredentialByHash(ctx, k.Realm, k.Hash)
	if err == nil && old != nil {
		err = usage("that key is there already: %s of client %s; remove it first", old.ID, old.Client)
	}
	return err
}

func (c *command) clientKeySet() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "set CLIENT KEY",
		Short:   "Change what a key may do",
		Long:    "Changes what is given and leaves the rest.",
		Example: "  sallyport client key set shop spk_k3v9c2m7qaxw4t5z --status off\n  sallyport client key set shop spk_k3v9c2m7qaxw4t5z --scopes read --not-after 2027-01-31",
		Args:    cobra.ExactArgs(2),
	}
	in := realmFlag(cmd)
	set := callKeyFlags(cmd)
	return c.atDesk(cmd, func(ctx context.Context, d *desk, args []string) error {
		cl, k, err := d.callKey(ctx, *in, args[0], args[1])
		if err != nil {
			return err
		}
		before := *k
		if err := set(ctx, d, cl, k); err != nil {
			return err
		}
		return d.putCallKey(ctx, deployment.Change, cmp.Or(deployment.KeyChanges(&before, k), "unchanged"), k, nil)
	})
}

// callKeyFlags adds the flags that say what a key may do. What they return sets those that were given.
func callKeyFlags(cmd *cobra.Command) func(context.Context, *desk, *client.Client, *credential.Credential) error {
	flags := cmd.Flags()
	name := flags.String("name", "", "what it is for, in words")
	status := flags.String("status", "", "on or off")
	scopes := flags.StringSlice("scopes", nil, "of the client's scopes only these, separated by commas; empty: all of them")
	apis := flags.StringSlice("apis", nil, "it opens these APIs alone, by name, separated by commas; empty: any")
	uses := flags.Int64("uses", 0, "calls that it is good for; 0: without limit")
	from := flags.String("not-before", "", "it is good from then on: 2026-01-31, or 2026-01-31T08:00:00Z")
	until := flags.String("not-after", "", "from then on it is not; empty: until revoked")
	return func(ctx context.Context, d *desk, cl *client.Client, k *credential.Credential) error {
		if flags.Changed("name") {
			k.Name = *name
		}
		if flags.Changed("status") {
			k.Status = credential.Status(*status)
		}
		if flags.Changed("scopes") {
			k.Scopes = scope.Set(*scopes)
		}
		if flags.Changed("apis") {
			k.APIs = *apis
		}
		if flags.Changed("uses") {
			k.Uses = *uses
		}
		for _, f := range []struct {
			name, text string
			into       *time.Time
		}{{"not-before", *from, &k.NotBefore}, {"not-after", *until, &k.NotAfter}} {
			if !flags.Changed(f.name) {
				continue
			}
			var m deployment.Moment
			if f.text != "" {
				if err := m.UnmarshalText([]byte(f.text)); err != nil {
					return usage("--%s: %v", f.name, err)
				}
			}
			*f.into = m.Time
		}
		return d.knows(ctx, cl, k)
	}
}

// knows sees that the scopes and APIs of a key are there: a name that is mistyped would lock its holder out.
func (d *desk) knows(ctx context.Context, cl *client.Client, k *credential.Credential) error {
	realms, err := d.store.Realms(ctx)
	if err != nil {
		return err
	}
	all := slices.ContainsFunc(realms, func(r *realm.Realm) bool {
		return r.Name == cl.Realm && r.AllScope != "" && cl.Scopes.Has(r.AllScope)
	})
	if missing, ok := k.Scopes.Within(cl.Scopes); !ok && !all {
		return usage("--scopes: client %s has no scope %.40q; it has: %s", cl.ID, missing, cl.Scopes)
	}
	apis, err := d.store.APIs(ctx)
	if err != nil {
		return err
	}
	there := map[string]bool{}
	for _, a := range apis {
		there[a.Name] = there[a.Name] || a.Realm == cl.Realm
	}
	for _, name := range k.APIs {
		if !there[name] {
			return usage("--apis: there is no api %.40q in realm %s; `sallyport export` shows those there are", name, cl.Realm)
		}
	}
	return nil
}
