package app

import (
	"context"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"sallyport/deployment"
	"sallyport/feed"
	"sallyport/scope"
)

func (c *command) scopes() *cobra.Command {
	return group("scope", "Look at and change scopes", c.scopeList(), c.scopeAdd(), c.scopeRemove())
}

// scopesOf returns the scopes of a realm that has to be there, by name.
func (d *desk) scopesOf(ctx context.Context, in string) ([]scope.Scope, error) {
	if err := d.needRealm(ctx, in); err != nil {
		return nil, err
	}
	all, err := d.store.Scopes(ctx)
	list := append([]scope.Scope{}, all[in]...)
	slices.SortFunc(list, func(a, b scope.Scope) int { return strings.Compare(a.Name, b.Name) })
	return list, err
}

func (c *command) scopeList() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List scopes", Example: "  sallyport scope list", Args: cobra.NoArgs}
	in := realmFlag(cmd)
	return c.atDesk(cmd, func(ctx context.Context, d *desk, _ []string) error {
		list, err := d.scopesOf(ctx, *in)
		if err != nil {
			return err
		}
		return d.print(list, func(w io.Writer) {
			var rows [][]string
			for _, s := range list {
				rows = append(rows, []string{s.Name, s.Description})
			}
			table(w, "NAME\tDESCRIPTION", rows)
		})
	})
}

func (c *command) scopeAdd() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "add NAME",
		Short:   "Add a scope, or change its description",
		Example: `  sallyport scope add search --description "Search the corpus"`,
		Args:    cobra.ExactArgs(1),
	}
	in := realmFlag(cmd)
	description := cmd.Flags().String("description", "", "what the right opens, in words")
	return c.atDesk(cmd, func(ctx context.Context, d *desk, args []string) error {
		f := deployment.Scope{Name: args[0], Description: *description}
		return d.change(ctx, &deployment.File{Realm: *in, Scopes: []deployment.Scope{f}})
	})
}

func (c *command) scopeRemove() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "remove NAME",
		Short:   "Remove a scope",
		Long:    "Removes a scope from those that the realm knows. Clients that name it in their own list keep it there.",
		Example: "  sallyport scope remove search",
		Args:    cobra.ExactArgs(1),
	}
	in := realmFlag(cmd)
	return c.atDesk(cmd, func(ctx context.Context, d *desk, args []string) error {
		list, err := d.scopesOf(ctx, *in)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(list, func(s scope.Scope) bool { return s.Name == args[0] }) {
			return usage("there is no scope %.80q in realm %s; `sallyport scope list` shows those there are", args[0], *in)
		}
		return d.remove(ctx, deployment.Ref{Kind: feed.Scope, Realm: *in, ID: args[0]})
	})
}
