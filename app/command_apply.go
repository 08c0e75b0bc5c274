package app

import (
	"context"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"sallyport/deployment"
)

func (c *command) apply() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "apply -f FILE",
		Short: "Store what a deployment file says",
		Long: `Stores the realms, scopes, users, clients and APIs of a deployment file, all of it or nothing. A running server follows
within a second. Objects that the file does not name are left alone, unless --prune is given. Applying twice changes
nothing. The form of the file: docs/reference/deployment-file.md.`,
		Example: `  sallyport apply -f deployment.yaml --dry-run
  sallyport apply -f deployment.yaml --prune
  sallyport export | ssh other sallyport apply -f -`,
		Args: cobra.NoArgs,
	}
	flags := cmd.Flags()
	file := flags.StringP("file", "f", "", "the deployment file; - reads standard input")
	only := flags.String("realm", "", "apply this realm of the file alone")
	dry := flags.Bool("dry-run", false, "print what would change and store nothing; exit code 3 if something would")
	prune := flags.Bool("prune", false, "delete what the file does not name, in the realms that it names")
	return c.atDesk(cmd, func(ctx context.Context, d *desk, _ []string) error {
		files, err := d.parse(*file, *only)
		if err != nil {
			return err
		}
		p := d.planner()
		p.Prune = *prune
		plan, err := p.Plan(ctx, files)
		if err != nil {
			return err
		}
		if !*dry {
			return d.commit(ctx, plan)
		}
		if err := d.tell(plan, false); err != nil {
			return err
		}
		if !plan.Changes.Empty() {
			return errDifferent
		}
		return nil
	}, "master_key_file")
}

// parse reads a deployment file.
func (d *desk) parse(name, only string) ([]*deployment.File, error) {
	var data []byte
	var err error
	switch name {
	case "":
		return nil, usage("-f is missing; name the deployment file, or - for standard input")
	case "-":
		name = "standard input"
		data, err = io.ReadAll(d.Stdin)
	default:
		data, err = os.ReadFile(name)
		name = filepath.Clean(name)
	}
	if err != nil {
		return nil, usage("the deployment file cannot be read: %v", err)
	}
	files, err := deployment.Parse(name, data, d.checks)
	if err != nil || only == "" {
		return files, err
	}
	for _, f := range files {
		if f.Realm == only {
			return []*deployment.File{f}, nil
		}
	}
	return nil, usage("%s does not describe a realm %.80q", name, only)
}

func (c *command) export() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export",
		Short: "Write what is stored as a deployment file",
		Long: `Writes every realm, or one, in the form that apply reads. Passwords, secrets and API keys are written as their
hashes, secrets of signing keys sealed under the master key, so that applying the file changes nothing. The realm's own keys
and tokens are not part of it.`,
		Example: "  sallyport export > deployment.yaml\n  sallyport export --realm staff",
		Args:    cobra.NoArgs,
	}
	only := cmd.Flags().String("realm", "", "the realm; empty: all")
	return c.atDesk(cmd, func(ctx context.Context, d *desk, _ []string) error {
		text, err := deployment.Export(ctx, d.store, *only)
		if err != nil {
			return err
		}
		_, err = d.Stdout.Write(text)
		return err
	})
}
