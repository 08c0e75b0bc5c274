package app

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sallyport/client"
	"sallyport/deployment"
	"sallyport/deployment/strictyaml"
	"sallyport/feed"
)

func (c *command) clients() *cobra.Command {
	return group("client", "Look at and change clients", c.clientList(), c.clientShow(), c.clientAdd(), c.clientSet(), c.clientRemove(), c.secrets(), c.clientKeys())
}

// pageSize is how many objects a list reads at a time.
const pageSize = 500

func (c *command) clientList() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List clients", Example: "  sallyport client list --realm staff", Args: cobra.NoArgs}
	in := realmFlag(cmd)
	return c.atDesk(cmd, func(ctx context.Context, d *desk, _ []string) error {
		if err := d.needRealm(ctx, *in); err != nil {
			return err
		}
		all := []*client.Client{}
		for after := ""; ; {
			page, err := d.store.Clients(ctx, *in, after, pageSize)
			if err != nil {
				return err
			}
			for _, cl := range page {
				all = append(all, withoutHashes(cl))
				after = cl.ID
			}
			if len(page) < pageSize {
				break
			}
		}
		return d.print(all, func(w io.Writer) {
			var rows [][]string
			for _, cl := range all {
				rows = append(rows, []string{cl.ID, string(cl.Type), string(cl.Status), strings.Join(cl.Grants, ","), cl.Scopes.String()})
			}
			table(w, "ID\tTYPE\tSTATUS\tGRANTS\tSCOPES", rows)
		})
	})
}

// withoutHashes is what may be shown of a client.
func withoutHashes(c *client.Client) *client.Client {
	shown := *c
	shown.Secrets = nil
	for _, s := range c.Secrets {
		s.Hash, s.Sealed = "", nil
		shown.Secrets = append(shown.Secrets, s)
	}
	if c.Registered != nil {
		shown.Registered = &client.Registered{At: c.Registered.At, Metadata: c.Registered.Metadata}
	}
	return &shown
}

// client reads a client that has to be there.
func (d *desk) client(ctx context.Context, in, id string) (*client.Client, error) {
	if err := d.needRealm(ctx, in); err != nil {
		return nil, err
	}
	cl, err := d.store.Client(ctx, in, id)
	if err == nil && cl == nil {
		err = usage("there is no client %.80q in realm %s; `sallyport client list` shows those there are", id, in)
	}
	return cl, err
}

func (c *command) clientShow() *cobra.Command {
	cmd := &cobra.Command{Use: "show ID", Short: "Show a client", Example: "  sallyport client show tspclient", Args: cobra.ExactArgs(1)}
	in := realmFlag(cmd)
	return c.atDesk(cmd, func(ctx context.Context, d *desk, args []string) error {
		cl, err := d.client(ctx, *in, args[0])
		if err != nil {
			return err
		}
		shown := withoutHashes(cl)
		return d.print(shown, func(w io.Writer) {
			f := deployment.FromClient(cl)
			f.SecretHash, f.Secrets, f.Registered.TokenHash = "", nil, ""
			text, err := strictyaml.Marshal(f)
			if err != nil {
				return
			}
			_, _ = w.Write(text)
			for _, s := range shown.Secrets {
				fmt.Fprintf(w, "# secret %s, made %s, %s\n", s.ID, s.CreatedAt.Format(time.RFC3339), expiry(s, time.Now()))
			}
		})
	})
}

func expiry(s client.Secret, now time.Time) string {
	switch {
	case s.ExpiresAt.IsZero():
		return "good until removed"
	case s.Live(now):
		return "expires " + s.ExpiresAt.Format(time.RFC3339)
	}
	return "expired " + s.ExpiresAt.Format(time.RFC3339)
}

func (c *command) clientAdd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "add ID",
		Short: "Register a client",
		Long:  "Registers a client. A confidential one gets a generated secret, which is printed once, unless you bring one.",
		Example: `  sallyport client add reporting --grants client_credentials --scopes read
  sallyport client add tspclient --grants password,refresh_token --scopes 2000000006 --secret-stdin < secret.txt`,
		Args: cobra.ExactArgs(1),
	}
	in := realmFlag(cmd)
	set := clientFlags(cmd.Flags())
	secret := c.credentialFlags(cmd, "secret")
	return c.atDesk(cmd, func(ctx context.Context, d *desk, args []string) error {
		if err := d.needRealm(ctx, *in); err != nil {
			return err
		}
		if old, err := d.store.Client(ctx, *in, args[0]); err != nil || old != nil {
			if err == nil {
				err = usage("there is a client %s already; `sallyport client set` changes it", args[0])
			}
			return err
		}
		f := deployment.Client{ID: args[0]}
		if err := set(&f); err != nil {
			return err
		}
		var err error
		if f.Secret, err = secret(false); err != nil {
			return err
		}
		f.Generated = f.Secret == "" && f.Type != string(client.Public)
		return d.change(ctx, &deployment.File{Realm: *in, Clients: []deployment.Client{f}})
	})
}

func (c *command) clientSet() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "set ID",
		Short:   "Change a client",
		Long:    "Changes what is given and leaves the rest. A client that is switched off loses its tokens.",
		Example: "  sallyport client set reporting --scopes read,write\n  sallyport client set reporting --status off",
		Args:    cobra.ExactArgs(1),
	}
	in := realmFlag(cmd)
	set := clientFlags(cmd.Flags())
	return c.atDesk(cmd, func(ctx context.Context, d *desk, args []string) error {
		cl, err := d.client(ctx, *in, args[0])
		if err != nil {
			return err
		}
		f := deployment.FromClient(cl)
		f.SecretHash, f.Secrets = "", nil // left out: they stay as they are
		if err := set(&f); err != nil {
			return err
		}
		return d.change(ctx, &deployment.File{Realm: *in, Clients: []deployment.Client{f}})
	})
}

func (c *command) clientRemove() *cobra.Command {
	cmd := &cobra.Command{Use: "remove ID", Short: "Remove a client and end its tokens", Example: "  sallyport client remove reporting", Args: cobra.ExactArgs(1)}
	in := realmFlag(cmd)
	return c.atDesk(cmd, func(ctx context.Context, d *desk, args []string) error {
		if _, err := d.client(ctx, *in, args[0]); err != nil {
			return err
		}
		return d.remove(ctx, deployment.Ref{Kind: feed.Client, Realm: *in, ID: args[0]})
	})
}

// remove deletes one object.
func (d *desk) remove(ctx context.Context, ref deployment.Ref) error {
	plan := &deployment.Plan{}
	plan.Delete(ref)
	return d.commit(ctx, plan)
}
