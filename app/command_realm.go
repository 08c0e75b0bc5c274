package app

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sallyport/deployment"
	"sallyport/deployment/strictyaml"
	"sallyport/feed"
	"sallyport/realm"
)

func (c *command) realms() *cobra.Command {
	return group("realm", "Look at and change realms", c.realmList(), c.realmShow(), c.realmAdd(), c.realmRemove(), c.registrationToken())
}

func (c *command) realmList() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List realms", Example: "  sallyport realm list", Args: cobra.NoArgs}
	return c.atDesk(cmd, func(ctx context.Context, d *desk, _ []string) error {
		all, err := d.store.Realms(ctx)
		if err != nil {
			return err
		}
		slices.SortFunc(all, func(a, b *realm.Realm) int { return strings.Compare(a.Name, b.Name) })
		return d.print(all, func(w io.Writer) {
			var rows [][]string
			for _, r := range all {
				var dialects []string
				for _, dl := range r.Dialects {
					dialects = append(dialects, dl.Name)
				}
				rows = append(rows, []string{r.Name, strings.Join(r.Hosts, ","), strings.Join(dialects, ","), r.Issuer})
			}
			table(w, "NAME\tHOSTS\tDIALECTS\tISSUER", rows)
		})
	})
}

func (c *command) realmShow() *cobra.Command {
	cmd := &cobra.Command{Use: "show NAME", Short: "Show a realm's own settings", Example: "  sallyport realm show default", Args: cobra.ExactArgs(1)}
	return c.atDesk(cmd, func(ctx context.Context, d *desk, args []string) error {
		if err := d.needRealm(ctx, args[0]); err != nil {
			return err
		}
		all, err := d.store.Realms(ctx)
		if err != nil {
			return err
		}
		r := all[slices.IndexFunc(all, func(r *realm.Realm) bool { return r.Name == args[0] })]
		return d.print(r, func(w io.Writer) {
			if text, err := strictyaml.Marshal(deployment.FromRealm(r)); err == nil {
				_, _ = w.Write(text)
			}
		})
	})
}

func (c *command) realmAdd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Add a realm",
		Long:  "Adds a realm: an issuer of its own, reached under /realms/NAME/ and on its host names. To change a realm, apply a file.",
		Example: `  sallyport realm add staff --hosts login.example.org
  sallyport realm add legacy --dialects digirunner`,
		Args: cobra.ExactArgs(1),
	}
	hosts := cmd.Flags().StringSlice("hosts", nil, "host names that it answers on, separated by commas")
	dialects := cmd.Flags().StringSlice("dialects", nil, "other products' front doors that it opens, separated by commas")
	issuer := cmd.Flags().String("issuer", "", "iss of its tokens; empty: made from the server's public URL")
	all := cmd.Flags().String("all-scope", "", "the scope that covers every other")
	return c.atDesk(cmd, func(ctx context.Context, d *desk, args []string) error {
		stored, err := d.store.Realms(ctx)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(stored, func(r *realm.Realm) bool { return r.Name == args[0] }) {
			return usage("there is a realm %s already; apply a file to change it", args[0])
		}
		f := &deployment.File{Realm: args[0], Hosts: *hosts, Issuer: *issuer, AllScope: *all}
		f.Give("hosts", "issuer", "all_scope", "dialects")
		for _, name := range *dialects {
			f.Dialects = append(f.Dialects, deployment.Named{Name: name})
		}
		if err := deployment.Check([]*deployment.File{f}, d.checks); err != nil {
			return usage("%v", err)
		}
		plan, err := d.planner().Plan(ctx, []*deployment.File{f})
		if err != nil {
			return err
		}
		return d.commit(ctx, plan)
	})
}

func (c *command) realmRemove() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "remove NAME --yes",
		Short:   "Remove a realm and everything in it",
		Long:    "Removes a realm with its clients, users, scopes, APIs, keys and tokens. There is no way back: export it first.",
		Example: "  sallyport export --realm legacy > legacy.yaml && sallyport realm remove legacy --yes",
		Args:    cobra.ExactArgs(1),
	}
	yes := cmd.Flags().Bool("yes", false, "do it; without this flag nothing is removed")
	return c.atDesk(cmd, func(ctx context.Context, d *desk, args []string) error {
		if err := d.needRealm(ctx, args[0]); err != nil {
			return err
		}
		if args[0] == realm.Default {
			return usage("the realm %s cannot be removed, since it is served at the root; remove what is in it by apply --prune", realm.Default)
		}
		if !*yes {
			return usage("removing realm %s removes everything in it; add --yes if that is what you want", args[0])
		}
		return d.remove(ctx, deployment.Ref{Kind: feed.Realm, Realm: args[0], ID: args[0]})
	})
}
