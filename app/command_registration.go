package app

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"sallyport/audit"
	"sallyport/deployment"
	"sallyport/realm"
	"sallyport/registration"
)

func (c *command) registrationToken() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "registration-token NAME",
		Short: "Make a token by which clients may register themselves",
		Long:  "Makes an initial access token (RFC 7591 section 3) for a realm whose registration mode is token, and prints it once. Whoever has it may register as many clients as it has uses, within what the realm lets such clients be.",
		Example: `  sallyport realm registration-token default
  sallyport realm registration-token staff --uses 10 --ttl 7d`,
		Args: cobra.ExactArgs(1),
	}
	uses := cmd.Flags().Int("uses", 1, "how many clients may be registered by it")
	life := cmd.Flags().String("ttl", "24h", "how long it is good")
	return c.atDesk(cmd, func(ctx context.Context, d *desk, args []string) error {
		if err := d.needRealm(ctx, args[0]); err != nil {
			return err
		}
		ttl, err := realm.ParseDuration(*life)
		switch {
		case err != nil:
			return usage("--ttl: %v", err)
		case ttl == 0:
			return usage("--ttl: it would be over at once; give a time such as 24h")
		case *uses < 1 || *uses > mostUses:
			return usage("--uses: %d cannot be used; give 1 to %d", *uses, mostUses)
		}
		realms, err := d.store.Realms(ctx)
		if err != nil {
			return err
		}
		mode := realms[slices.IndexFunc(realms, func(r *realm.Realm) bool { return r.Name == args[0] })].Registration.Mode
		plain, hash := registration.NewToken()
		until := time.Now().Add(ttl.Std()).UTC().Truncate(time.Second)
		if err := d.store.PutInitialToken(ctx, args[0], hash, *uses, until); err != nil {
			return err
		}
		event := audit.Event{At: time.Now(), Kind: audit.ConfigChanged, Realm: args[0], Detail: fmt.Sprintf("registration token made for %s until %s", countClients(*uses), clock(until))}
		if err := d.store.Commit(ctx, deployment.ChangeSet{Events: []audit.Event{event}}); err != nil {
			return err
		}
		return d.print(struct {
			Token   string    `json:"token"`
			Uses    int       `json:"uses"`
			Expires time.Time `json:"expires_at"`
		}{plain, *uses, until}, func(w io.Writer) {
			fmt.Fprintf(w, "registration token of realm %s (shown once): %s\ngood for %s until %s\n", args[0], plain, countClients(*uses), clock(until))
			if mode != realm.RegisterByToken {
				fmt.Fprintf(d.Stderr, "realm %s takes no registration tokens yet; apply a file with `registration: {mode: token}`\n", args[0])
			}
		})
	})
}

// mostUses is how many clients one registration token may be for.
const mostUses = 1_000_000

func countClients(n int) string {
	if n == 1 {
		return "1 client"
	}
	return fmt.Sprintf("%d clients", n)
}
