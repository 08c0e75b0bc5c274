package app

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"sallyport/explain"
)

func (c *command) explain() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain [ID]",
		Short: "Say why a request was refused",
		Long: `Asks the running server why it refused a request: what refused it, what was compared with what, and what to do about it.
The id is in the response header X-Request-Id, in the body of most refusals, and in the log. Without one, the newest
refusals are listed.

A server remembers its newest ` + strconv.Itoa(rememberedRefusals) + ` refusals, and none that it gave before its start. Of several servers, ask the one
that answered. The command talks to a Unix socket in the data folder and works on the server's machine alone.`,
		Example: "  sallyport explain 3KX4D6V5Q2ZB-1f\n  sallyport explain --last 20\n  sallyport explain --data /var/lib/sallyport --json",
		Args:    cobra.MaximumNArgs(1),
	}
	addFlags(cmd.Flags(), "data", "admin_socket")
	last := cmd.Flags().Int("last", 10, "without an id: how many refusals to list, the newest last")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if *last < 1 {
			return usage("--last: %d is not a number of refusals; use 1 or more", *last)
		}
		server, err := c.server(cmd)
		if err != nil {
			return err
		}
		if len(args) == 0 {
			list, err := server.refusals(cmd.Context(), *last)
			if err != nil {
				return err
			}
			slices.Reverse(list)
			return c.print(list, func(w io.Writer) { listRefusals(w, list) })
		}
		r, found, err := server.refusal(cmd.Context(), args[0])
		if err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("no refusal with the id %.80q is remembered; it was served, or refused by another server, or before this one started, or %d others were refused since", args[0], rememberedRefusals)
		}
		return c.print(r, func(w io.Writer) { _ = r.WriteText(w) }) // to a screen or a pipe: there is nobody else to tell
	}
	return cmd
}

// server finds the running server of a command that asks it.
func (c *command) server(cmd *cobra.Command) (*adminClient, error) {
	config, err := loadConfig(cmd.Flags(), c.Getenv)
	if err != nil {
		return nil, err
	}
	path := config.adminSocket()
	if path == "" {
		return nil, usage("admin_socket: is needed when data is empty")
	}
	return newAdminClient(path), nil
}

func listRefusals(w io.Writer, list []explain.Record) {
	if len(list) == 0 {
		fmt.Fprintln(w, "nothing was refused since the server started")
		return
	}
	var rows [][]string
	for _, r := range list {
		rows = append(rows, []string{
			r.Time.UTC().Format(time.RFC3339), r.ID, strconv.Itoa(r.Status), r.Reason, explain.Visible(r.Client), explain.Visible(r.Method + " " + r.Path),
		})
	}
	table(w, "TIME\tID\tSTATUS\tREASON\tCLIENT\tREQUEST", rows)
}
