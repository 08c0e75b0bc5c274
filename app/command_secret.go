package app

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sallyport/client"
	"sallyport/deployment"
	"sallyport/realm"
)

// credentialFlags adds the ways in which a password or secret may be brought. What they return reads it; required says
// that without a flag it is read from standard input.
func (c *command) credentialFlags(cmd *cobra.Command, what string) func(required bool) (string, error) {
	stdin := cmd.Flags().Bool(what+"-stdin", false, "read the "+what+" from the first line of standard input")
	file := cmd.Flags().String(what+"-file", "", "read the "+what+" from this file")
	env := cmd.Flags().String(what+"-env", "", "read the "+what+" from this environment variable")
	cmd.MarkFlagsMutuallyExclusive(what+"-stdin", what+"-file", what+"-env")
	return func(required bool) (string, error) {
		var value string
		switch {
		case *file != "":
			data, err := os.ReadFile(*file)
			if err != nil {
				return "", usage("--%s-file: %v", what, err)
			}
			value = strings.TrimRight(string(data), "\r\n")
		case *env != "":
			value, _ = c.Getenv(*env)
		case *stdin || required:
			if onTerminal(c.Stdin) {
				fmt.Fprintf(c.Stderr, "%s (it is shown as you type; pipe it in to avoid that): ", what)
			}
			line, err := bufio.NewReader(io.LimitReader(c.Stdin, 4096)).ReadString('\n')
			if err != nil && err != io.EOF {
				return "", err
			}
			value = strings.TrimRight(line, "\r\n")
		default:
			return "", nil
		}
		if value == "" {
			return "", usage("the %s is empty; give at least one character", what)
		}
		return value, nil
	}
}

func (c *command) secrets() *cobra.Command {
	return group("secret", "Add, remove and rotate a client's secrets", c.secretAdd(), c.secretRemove(), c.secretRotate())
}

// current returns a client's secrets as a file would have them.
func current(cl *client.Client) []deployment.Secret {
	var list []deployment.Secret
	for _, s := range cl.Secrets {
		list = append(list, deployment.Secret{SecretHash: s.Hash, Expires: deployment.Moment{Time: s.ExpiresAt}})
	}
	return list
}

// setSecrets stores a client with exactly these secrets.
func (d *desk) setSecrets(ctx context.Context, cl *client.Client, list []deployment.Secret, made []deployment.Generated) error {
	f := deployment.FromClient(cl)
	f.SecretHash, f.Secrets = "", list
	f.Give("secrets")
	file := &deployment.File{Realm: cl.Realm, Clients: []deployment.Client{f}}
	if err := deployment.Check([]*deployment.File{file}, d.checks); err != nil {
		return usage("%v", err)
	}
	plan, err := d.planner().Plan(ctx, []*deployment.File{file})
	if err != nil {
		return err
	}
	plan.Generated = made
	return d.commit(ctx, plan)
}

func (c *command) secretAdd() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "add ID",
		Short:   "Add a secret beside those there are",
		Long:    "Adds a secret that is good at the same time as the client's others. It is generated and printed once, unless you bring one.",
		Example: "  sallyport client secret add reporting --expires 90d",
		Args:    cobra.ExactArgs(1),
	}
	in := realmFlag(cmd)
	expires := cmd.Flags().String("expires", "", "how long it is good, such as 90d; empty: until removed")
	bring := c.credentialFlags(cmd, "secret")
	return c.atDesk(cmd, func(ctx context.Context, d *desk, args []string) error {
		cl, err := d.client(ctx, *in, args[0])
		if err != nil {
			return err
		}
		var until deployment.Moment
		now := time.Now().UTC().Truncate(time.Microsecond)
		if *expires != "" {
			ttl, err := realm.ParseDuration(*expires)
			if err != nil {
				return usage("--expires: %v", err)
			}
			until.Time = now.Add(ttl.Std())
		}
		plain, err := bring(false)
		if err != nil {
			return err
		}
		if plain != "" {
			return d.setSecrets(ctx, cl, append(current(cl), deployment.Secret{Secret: plain, Expires: until}), nil)
		}
		plain, _ = client.NewSecret(now, 0)
		list := append(current(cl), deployment.GeneratedSecret(plain, until.Time))
		return d.setSecrets(ctx, cl, list, []deployment.Generated{{Realm: cl.Realm, Client: cl.ID, Secret: plain}})
	})
}

func (c *command) secretRemove() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "remove ID SECRET-ID",
		Short:   "Remove one secret",
		Long:    "Removes one of a client's secrets, at once. `sallyport client show` lists their ids.",
		Example: "  sallyport client secret remove reporting 3f9a6c01d2e4",
		Args:    cobra.ExactArgs(2),
	}
	in := realmFlag(cmd)
	return c.atDesk(cmd, func(ctx context.Context, d *desk, args []string) error {
		cl, err := d.client(ctx, *in, args[0])
		if err != nil {
			return err
		}
		i := slices.IndexFunc(cl.Secrets, func(s client.Secret) bool { return s.ID == args[1] })
		if i < 0 {
			return usage("client %s has no secret %.40q; `sallyport client show %s` lists them", cl.ID, args[1], cl.ID)
		}
		return d.setSecrets(ctx, cl, slices.Delete(current(cl), i, i+1), nil)
	})
}

func (c *command) secretRotate() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rotate ID",
		Short: "Replace a client's secrets by a new one",
		Long:  "Generates a secret, prints it once, and lets those there are expire after the overlap.",
		Example: `  sallyport client secret rotate reporting
  sallyport client secret rotate reporting --overlap 0s`,
		Args: cobra.ExactArgs(1),
	}
	in := realmFlag(cmd)
	overlap := cmd.Flags().String("overlap", "24h", "how long the old secrets stay good")
	return c.atDesk(cmd, func(ctx context.Context, d *desk, args []string) error {
		cl, err := d.client(ctx, *in, args[0])
		if err != nil {
			return err
		}
		ttl, err := realm.ParseDuration(*overlap)
		if err != nil {
			return usage("--overlap: %v", err)
		}
		now := time.Now().UTC().Truncate(time.Microsecond)
		end := deployment.Moment{Time: now.Add(ttl.Std())}
		var list []deployment.Secret
		for _, s := range current(cl) {
			if s.Expires.IsZero() || s.Expires.After(end.Time) {
				s.Expires = end
			}
			if s.Expires.After(now) {
				list = append(list, s)
			}
		}
		plain, _ := client.NewSecret(now, 0)
		list = append(list, deployment.GeneratedSecret(plain, time.Time{}))
		return d.setSecrets(ctx, cl, list, []deployment.Generated{{Realm: cl.Realm, Client: cl.ID, Secret: plain}})
	})
}
