package app

import (
	"context"
	"errors"

	"github.com/spf13/cobra"
)

func (c *command) serve() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Run the server",
		Long: `Runs the authorization server and the gateway until it is asked to stop. SIGTERM and SIGINT drain: /readyz says 503, the
listeners close, and requests under way finish. A second signal stops at once.

The environment's GOGC and GOMEMLIMIT are heeded. Without GOGC the server collects garbage when its memory has grown by up
to 128 MiB, fivefold at most: each collection costs every request. When it holds more than that, Go's own measure counts.`,
		Example: `  sallyport serve --data /var/lib/sallyport --public-url https://auth.example.org
  sallyport serve --database postgres://sallyport@db/sallyport --metrics-listen 127.0.0.1:9090
  sallyport serve --config /etc/sallyport.yaml`,
		Args: cobra.NoArgs,
	}
	addFlags(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		config, err := loadConfig(cmd.Flags(), c.Getenv)
		if err != nil {
			return err
		}
		if _, set := c.Getenv("GOGC"); !set {
			go tuneCollector(cmd.Context())
		}
		lines := newLogBuffer(c.Stderr)
		defer lines.Flush()
		requests := newLogBuffer(c.Stdout)
		defer requests.Flush()
		config.Log, config.AccessLog = newLog(config, lines), requests
		config.Version = versionOf(c.Process.Version).Version
		return c.run(cmd.Context(), config, nil, func(string) {})
	}
	return cmd
}

// run builds a server, lets prepare at it, and serves until the context ends.
func (c *command) run(ctx context.Context, config Config, prepare func(context.Context, *App) error, ready func(addr string)) error {
	a, err := Build(ctx, config)
	if err != nil {
		return err
	}
	if prepare != nil {
		err = prepare(ctx, a)
	}
	if err == nil {
		err = a.Serve(ctx, ready)
	}
	return errors.Join(err, a.Close())
}
