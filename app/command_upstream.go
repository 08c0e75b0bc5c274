package app

import (
	"cmp"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"sallyport/explain"
	"sallyport/gateway/upstream"
)

// A targetState is what the running server knows of a target of an API.
type targetState struct {
	Realm string `json:"realm"`
	API   string `json:"api"`
	upstream.State
}

// targets lists what is known of all targets, by API.
func (a *App) targets() []targetState {
	list := []targetState{}
	a.faces.apis.Upstreams().Each(func(realm, api string, s upstream.State) {
		list = append(list, targetState{Realm: realm, API: api, State: s})
	})
	slices.SortStableFunc(list, func(x, y targetState) int {
		return cmp.Or(cmp.Compare(x.Realm, y.Realm), cmp.Compare(x.API, y.API))
	})
	return list
}

func (a *App) serveTargets(w http.ResponseWriter, _ *http.Request) { writeAdmin(w, a.targets()) }

func (c *command) upstreams() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "upstreams",
		Short: "Show what the running server knows of the targets of APIs",
		Long: `Asks the running server which targets get calls, and why others do not: because health requests fail, or because calls
did. Each server has its own view. The command talks to a Unix socket in the data folder, as explain does.`,
		Example: "  sallyport upstreams\n  sallyport upstreams --data /var/lib/sallyport --json",
		Args:    cobra.NoArgs,
	}
	addFlags(cmd.Flags(), "data", "admin_socket")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		server, err := c.server(cmd)
		if err != nil {
			return err
		}
		var list []targetState
		if _, err := server.get(cmd.Context(), "/upstreams", &list); err != nil {
			return err
		}
		return c.print(list, func(w io.Writer) { listTargets(w, list) })
	}
	return cmd
}

func listTargets(w io.Writer, list []targetState) {
	if len(list) == 0 {
		fmt.Fprintln(w, "no API has a target")
		return
	}
	var rows [][]string
	for _, t := range list {
		rows = append(rows, []string{
			t.Realm, t.API, t.URL, stateOf(t.State), strconv.FormatInt(t.InFlight, 10), strconv.FormatInt(t.Ejections, 10), explain.Visible(t.Cause),
		})
	}
	table(w, "REALM\tAPI\tTARGET\tSTATE\tCALLS\tEJECTIONS\tCAUSE", rows)
}

// stateOf says in a word whether a target gets calls.
func stateOf(s upstream.State) string {
	switch {
	case s.Checked && !s.Healthy:
		return "down"
	case !s.Ejected.IsZero():
		return "ejected"
	case s.Mirror:
		return "mirror"
	case s.Weight == 0:
		return "unused"
	}
	return "up"
}
