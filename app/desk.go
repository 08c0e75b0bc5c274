package app

import (
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"sallyport/deployment"
	"sallyport/feed"
	"sallyport/realm"
	"sallyport/store"
	"sallyport/user"
)

// A desk is where commands change what is stored.
type desk struct {
	*command
	config  Config
	store   *store.Store
	hasher  *user.Hasher
	checks  deployment.Checks
	workers int
}

// storeKeys are the settings that every command at a desk takes.
var storeKeys = []string{"data", "database"}

// atDesk adds the flags of the store to a command and runs it with the store open.
func (c *command) atDesk(cmd *cobra.Command, do func(ctx context.Context, d *desk, args []string) error, more ...string) *cobra.Command {
	addFlags(cmd.Flags(), append(more, storeKeys...)...)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		config, err := loadConfig(cmd.Flags(), c.Getenv)
		if err != nil {
			return err
		}
		d, err := c.openDesk(cmd.Context(), config)
		if err != nil {
			return err
		}
		err = do(cmd.Context(), d, args)
		if closing := d.store.Close(); err == nil {
			err = closing
		}
		return err
	}
	return cmd
}

func (c *command) openDesk(ctx context.Context, config Config) (*desk, error) {
	if err := config.makeDataFolder(); err != nil {
		return nil, err
	}
	s, err := store.Open(ctx, store.Options{URL: config.storeURL(), Hub: &feed.Hub{}, Log: newLog(config, c.Stderr), Now: time.Now})
	if err != nil {
		return nil, err
	}
	workers := runtime.GOMAXPROCS(0)
	d := &desk{command: c, config: config, store: s, hasher: user.NewHasher(workers), workers: workers, checks: checks(c.Getenv, os.ReadFile)}
	return d, nil
}

// firstRealm makes the default realm where it is not there yet.
func firstRealm(ctx context.Context, s *store.Store, now time.Time) error {
	realms, err := s.Realms(ctx)
	if err != nil || slices.ContainsFunc(realms, func(r *realm.Realm) bool { return r.Name == realm.Default }) {
		return err
	}
	plan, err := (&deployment.Planner{Store: s, Now: time.Now}).Plan(ctx, []*deployment.File{{Realm: realm.Default}})
	if err != nil {
		return err
	}
	return plan.Commit(ctx, s, now)
}

func (d *desk) planner() *deployment.Planner {
	p := &deployment.Planner{Store: d.store, Hasher: d.hasher, Now: time.Now, Workers: d.workers, Master: d.config.master}
	if onTerminal(d.Stderr) {
		p.Progress = progress(d.Stderr)
	}
	return p
}

// progress shows how far long work is.
func progress(w io.Writer) func(done, total int) {
	shown := time.Now()
	return func(done, total int) {
		if total < 20 || done < total && time.Since(shown) < 100*time.Millisecond {
			return
		}
		shown = time.Now()
		fmt.Fprintf(w, "\rchecking credentials %d/%d", done, total)
		if done == total {
			fmt.Fprint(w, "\r\033[K")
		}
	}
}

// change checks and stores files that a command made, tells what changed and shows generated secrets.
func (d *desk) change(ctx context.Context, f *deployment.File) error {
	if err := deployment.Check([]*deployment.File{f}, d.checks); err != nil {
		return usage("%s", strings.ReplaceAll(err.Error(), ": : ", ": "))
	}
	p := d.planner()
	p.Existing = f.Realm != realm.Default // which is always there, if only after the first start
	plan, err := p.Plan(ctx, []*deployment.File{f})
	if err != nil {
		return err
	}
	return d.commit(ctx, plan)
}

func (d *desk) commit(ctx context.Context, plan *deployment.Plan) error {
	if err := plan.Commit(ctx, d.store, time.Now()); err != nil {
		return err
	}
	return d.tell(plan, true)
}

// outcome is the JSON form of what a command changed.
type outcome struct {
	Applied   bool                   `json:"applied"`
	Changes   deployment.Diff        `json:"changes"`
	Generated []deployment.Generated `json:"generated,omitempty"`
}

// tell writes what changed, and the secrets that were generated: they are shown this once.
func (d *desk) tell(plan *deployment.Plan, applied bool) error {
	o := outcome{Applied: applied, Changes: plan.Diff}
	if o.Changes == nil {
		o.Changes = deployment.Diff{}
	}
	if applied {
		o.Generated = plan.Generated
	}
	return d.print(o, func(w io.Writer) {
		fmt.Fprint(w, plan.Diff)
		if len(plan.Diff) == 0 {
			fmt.Fprintln(w, "nothing changes")
		}
		for _, g := range o.Generated {
			if g.Key != "" {
				fmt.Fprintf(w, "API key %s of client %s (shown once): %s\n", g.ID, g.Client, g.Key)
				continue
			}
			fmt.Fprintf(w, "secret of client %s (shown once): %s\n", g.Client, g.Secret)
		}
	})
}

// needRealm sees that a realm is there. The default one always is.
func (d *desk) needRealm(ctx context.Context, name string) error {
	realms, err := d.store.Realms(ctx)
	if err != nil {
		return err
	}
	for _, r := range realms {
		if r.Name == name {
			return nil
		}
	}
	if name == realm.Default {
		return firstRealm(ctx, d.store, time.Now())
	}
	return usage("there is no realm %.80q; `sallyport realm list` shows those there are", name)
}

// realmFlag adds --realm.
func realmFlag(cmd *cobra.Command) *string {
	return cmd.Flags().String("realm", realm.Default, "the realm")
}
