package app

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"
)

// A Process is what the program gets from the operating system.
type Process struct {
	Version string // of the program, as the build set it
	Args    []string
	Getenv  func(string) (string, bool)
	Stdin   io.Reader
	Stdout  io.Writer
	Stderr  io.Writer
}

// Run carries out a command line and returns the exit code. The context ends when the process is asked to stop.
func Run(ctx context.Context, p Process) int {
	c := &command{Process: p}
	root := c.root()
	root.SetArgs(p.Args)
	root.SetIn(p.Stdin)
	root.SetOut(p.Stdout)
	root.SetErr(p.Stderr)
	err := root.ExecuteContext(ctx)
	if err != nil && !c.began {
		err = usage("%v; `%s --help` shows how it is used", err, root.Name())
	}
	if code := exitCode(err); code == exitOK || code == exitDifferent {
		return code
	}
	fmt.Fprintln(p.Stderr, "sallyport: "+inWords(err))
	return exitCode(err)
}

// A command is one run of the program.
type command struct {
	Process
	json  bool // --json
	began bool // the command line was understood
}

const rootHelp = `Sallyport is an OAuth 2.0 authorization server and the API gateway that honours its tokens.

Exit codes: 0 done, 1 failed, 2 wrong usage or input (nothing was done), 3 a dry run found differences.
Settings are flags, environment variables (SALLYPORT_…) or a file (--config); see ` + "`sallyport serve --help`" + `.`

func (c *command) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "sallyport",
		Short:         "OAuth 2.0 authorization server and API gateway",
		Long:          rootHelp,
		Example:       "  sallyport quickstart\n  sallyport serve --data /var/lib/sallyport\n  sallyport apply -f deployment.yaml --dry-run",
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRun: func(*cobra.Command, []string) {
			c.began = true
		},
	}
	root.PersistentFlags().BoolVar(&c.json, "json", false, "write answers as JSON, for machines")
	root.AddCommand(
		c.serve(), c.quickstart(), c.apply(), c.export(),
		c.realms(), c.clients(), c.users(), c.scopes(), c.keys(), c.explain(), c.upstreams(),
		c.docs(), c.version(),
	)
	return root
}

// group is a command that only has commands below it.
func group(use, short string, below ...*cobra.Command) *cobra.Command {
	g := &cobra.Command{Use: use, Short: short, Args: cobra.NoArgs, RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() }}
	g.AddCommand(below...)
	return g
}

// print writes an answer: as JSON if asked for, otherwise by text.
func (c *command) print(v any, text func(w io.Writer)) error {
	if c.json {
		e := json.NewEncoder(c.Stdout)
		e.SetIndent("", "  ")
		e.SetEscapeHTML(false)
		return e.Encode(v)
	}
	text(c.Stdout)
	return nil
}

// table writes rows in columns.
func table(w io.Writer, head string, rows [][]string) {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, head)
	for _, r := range rows {
		for i, cell := range r {
			if cell == "" {
				r[i] = "-"
			}
		}
		fmt.Fprintln(t, strings.Join(r, "\t"))
	}
	_ = t.Flush() // to a screen or a pipe: there is nobody else to tell
}

// onTerminal reports whether somebody sits before a stream.
func onTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

func (c *command) version() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			v := versionOf(c.Process.Version)
			return c.print(v, func(w io.Writer) { fmt.Fprintf(w, "sallyport %s (%s, %s)\n", v.Version, v.Go, v.Platform) })
		},
	}
}
