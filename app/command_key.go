package app

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"sallyport/audit"
	"sallyport/feed"
	"sallyport/key"
	"sallyport/realm"
	"sallyport/token"
)

func (c *command) keys() *cobra.Command {
	return group("key", "Look at and rotate signing keys", c.keyList(), c.keyRotate())
}

// ring opens the keys of the store.
func (d *desk) ring(ctx context.Context) (*key.Ring, error) {
	master, err := d.config.master()
	if err != nil {
		return nil, err
	}
	return key.NewRing(key.Config{Store: d.store, Master: master, Hub: &feed.Hub{}, Overlap: d.overlap, Now: time.Now, Log: newLog(d.config, d.Stderr)}), nil
}

// overlap is how long a key verifies after its successor began to sign.
func (d *desk) overlap(ctx context.Context, name string) (time.Duration, error) {
	realms, err := d.store.Realms(ctx)
	if err != nil {
		return 0, err
	}
	for _, r := range realms {
		if r.Name == name {
			return token.Longest(ctx, r, d.store)
		}
	}
	return realm.MaxDuration.Std(), nil
}

// A keyRow is what may be shown of a key.
type keyRow struct {
	ID      string     `json:"kid"`
	Alg     key.Alg    `json:"alg"`
	Serial  int64      `json:"serial"`
	State   string     `json:"state"`
	Created time.Time  `json:"created_at"`
	Active  time.Time  `json:"active_at"`
	Expires *time.Time `json:"expires_at,omitempty"`
}

func rowOf(k key.Record, now time.Time) keyRow {
	row := keyRow{ID: k.ID, Alg: k.Alg, Serial: k.Serial, State: "signing", Created: k.CreatedAt, Active: k.ActiveAt}
	if !k.ExpiresAt.IsZero() {
		row.Expires = &k.ExpiresAt
		row.State = "verifying"
	}
	if now.Before(k.ActiveAt) {
		row.State = "announced"
	}
	return row
}

func (c *command) keyList() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List keys", Example: "  sallyport key list", Args: cobra.NoArgs}
	in := realmFlag(cmd)
	return c.atDesk(cmd, func(ctx context.Context, d *desk, _ []string) error {
		if err := d.needRealm(ctx, *in); err != nil {
			return err
		}
		keys, err := d.store.Keys(ctx, *in)
		if err != nil {
			return err
		}
		rows := []keyRow{}
		for _, k := range keys {
			rows = append(rows, rowOf(k, time.Now()))
		}
		return d.print(rows, func(w io.Writer) {
			var cells [][]string
			for _, r := range rows {
				expires := "-"
				if r.Expires != nil {
					expires = r.Expires.Format(time.RFC3339)
				}
				cells = append(cells, []string{r.ID, string(r.Alg), r.State, r.Active.Format(time.RFC3339), expires})
			}
			table(w, "KID\tALG\tSTATE\tSIGNS FROM\tVERIFIES UNTIL", cells)
		})
	})
}

func (c *command) keyRotate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Add a signing key that takes over from the present one",
		Long: `Adds a key, which is published at once, signs after the announcement, and takes over from the present key, which goes on
verifying until the last token it signed is over.`,
		Example: "  sallyport key rotate --alg RS256\n  sallyport key rotate --alg ES256 --announce 0s",
		Args:    cobra.NoArgs,
	}
	in := realmFlag(cmd)
	alg := cmd.Flags().String("alg", realm.DefaultAlg, "RS256, PS256, ES256, EdDSA, or secret (opaque, reference and refresh tokens)")
	announce := cmd.Flags().String("announce", "24h", "how long it is published before it signs")
	return c.atDesk(cmd, func(ctx context.Context, d *desk, _ []string) error {
		if err := d.needRealm(ctx, *in); err != nil {
			return err
		}
		wait, err := realm.ParseDuration(*announce)
		if err != nil {
			return usage("--announce: %v", err)
		}
		switch key.Alg(*alg) {
		case key.RS256, key.PS256, key.ES256, key.EdDSA, key.Secret:
		default:
			return usage("--alg: %.40q is not an algorithm; use RS256, PS256, ES256, EdDSA or secret", *alg)
		}
		ring, err := d.ring(ctx)
		if err != nil {
			return err
		}
		k, err := ring.Rotate(ctx, *in, key.Alg(*alg), wait.Std())
		if err != nil {
			return err
		}
		event := audit.Event{At: time.Now(), Kind: audit.KeyRotated, Realm: *in, Detail: fmt.Sprintf("%s key %s signs from %s", k.Alg, k.ID, k.ActiveAt.Format(time.RFC3339))}
		if err := d.store.AppendEvents(ctx, event); err != nil {
			return err
		}
		return d.print(rowOf(k, time.Now()), func(w io.Writer) {
			fmt.Fprintf(w, "+ key %s (%s), signs from %s\n", k.ID, k.Alg, k.ActiveAt.Format(time.RFC3339))
		})
	}, "master_key_file")
}
