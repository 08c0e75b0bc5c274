package app

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"sallyport/audit"
	"sallyport/deployment"
	"sallyport/factor"
	"sallyport/realm"
	"sallyport/session"
	"sallyport/token"
)

func (c *command) userFactors() *cobra.Command {
	return group("factor", "Look at and remove what a user proves himself by", c.factorList(), c.factorRemove())
}

// A shownFactor is what may be shown of a factor.
type shownFactor struct {
	ID      string      `json:"id"`
	Kind    factor.Kind `json:"kind"`
	Name    string      `json:"name,omitempty"`
	Created time.Time   `json:"created_at"`
	Used    time.Time   `json:"used_at,omitzero"`
}

func (c *command) factorList() *cobra.Command {
	cmd := &cobra.Command{
		Use: "list NAME", Short: "List a user's passkeys, one-time code generators and recovery codes",
		Example: "  sallyport user factor list dory", Args: cobra.ExactArgs(1),
	}
	in := realmFlag(cmd)
	return c.atDesk(cmd, func(ctx context.Context, d *desk, args []string) error {
		all, err := d.factors(ctx, *in, args[0])
		if err != nil {
			return err
		}
		shown := []shownFactor{}
		for _, f := range all {
			shown = append(shown, shownFactor{ID: f.ID, Kind: f.Kind, Name: f.Name, Created: f.CreatedAt, Used: f.UsedAt})
		}
		return d.print(shown, func(w io.Writer) {
			var rows [][]string
			for _, f := range shown {
				rows = append(rows, []string{f.ID, string(f.Kind), f.Name, clock(f.Created), clock(f.Used)})
			}
			table(w, "ID\tKIND\tNAME\tADDED\tUSED", rows)
		})
	})
}

// clock writes a moment, or that there was none.
func clock(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.UTC().Format(time.RFC3339)
}

// factors reads the factors of a user who has to be there.
func (d *desk) factors(ctx context.Context, in, name string) ([]*factor.Factor, error) {
	if _, err := d.user(ctx, in, name); err != nil {
		return nil, err
	}
	return d.store.Factors(ctx, in, name)
}

func (c *command) factorRemove() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "remove NAME [ID...]",
		Short: "Remove factors of a user",
		Long:  "Removes factors of a user who has lost them: those named, or with --all every one. The password stays. Somebody who could not sign in any more can then, so make sure who asks for it.",
		Example: `  sallyport user factor remove dory 3f9a6c01d2e4
  sallyport user factor remove dory --all`,
		Args: cobra.MinimumNArgs(1),
	}
	in := realmFlag(cmd)
	every := cmd.Flags().Bool("all", false, "remove every factor")
	return c.atDesk(cmd, func(ctx context.Context, d *desk, args []string) error {
		all, err := d.factors(ctx, *in, args[0])
		if err != nil {
			return err
		}
		name, ids := args[0], args[1:]
		if *every == (len(ids) > 0) {
			return usage("name the factors to remove, or give --all; `sallyport user factor list %s` shows them", name)
		}
		for _, id := range ids {
			if !slices.ContainsFunc(all, func(f *factor.Factor) bool { return f.ID == id }) {
				return usage("user %s has no factor %.40q; `sallyport user factor list %s` shows them", name, id, name)
			}
		}
		removed := []string{}
		events := []audit.Event{}
		for _, f := range all {
			if !*every && !slices.Contains(ids, f.ID) {
				continue
			}
			if _, err := d.store.DeleteFactor(ctx, *in, name, f.ID); err != nil {
				return err
			}
			removed = append(removed, f.ID)
			events = append(events, audit.Event{At: time.Now(), Kind: audit.FactorChanged, Realm: *in, User: name, Detail: "removed " + string(f.Kind) + " " + f.Name + " by command"})
		}
		if err := d.store.Commit(ctx, deployment.ChangeSet{Events: events}); err != nil {
			return err
		}
		return d.print(struct {
			Removed []string `json:"removed"`
		}{removed}, func(w io.Writer) {
			for _, id := range removed {
				fmt.Fprintf(w, "- factor %s of user %s\n", id, name)
			}
		})
	})
}

func (c *command) userSessions() *cobra.Command {
	return group("session", "Look at and end the sessions in which a user is signed in", c.sessionList(), c.sessionEnd())
}

// A shownSession is what may be shown of a session.
type shownSession struct {
	ID      string    `json:"id"`
	Started time.Time `json:"started_at"`
	Seen    time.Time `json:"seen_at"`
	Expires time.Time `json:"expires_at"`
	ACR     string    `json:"acr"`
	Agent   string    `json:"agent,omitempty"`
	Source  string    `json:"source,omitempty"`
	Clients []string  `json:"clients,omitempty"`
}

func (c *command) sessionList() *cobra.Command {
	cmd := &cobra.Command{Use: "list NAME", Short: "List a user's sessions", Example: "  sallyport user session list dory", Args: cobra.ExactArgs(1)}
	in := realmFlag(cmd)
	return c.atDesk(cmd, func(ctx context.Context, d *desk, args []string) error {
		all, err := d.sessions(ctx, *in, args[0])
		if err != nil {
			return err
		}
		shown := []shownSession{}
		for _, s := range all {
			shown = append(shown, shownSession{s.ID, s.StartedAt, s.SeenAt, s.ExpiresAt, s.ACR, s.Agent, s.Source, s.Clients})
		}
		return d.print(shown, func(w io.Writer) {
			var rows [][]string
			for _, s := range shown {
				rows = append(rows, []string{s.ID, clock(s.Started), clock(s.Seen), s.Source, s.Agent})
			}
			table(w, "ID\tSTARTED\tSEEN\tADDRESS\tBROWSER", rows)
		})
	})
}

// sessions reads the sessions of a user who has to be there.
func (d *desk) sessions(ctx context.Context, in, name string) ([]*session.Session, error) {
	if _, err := d.user(ctx, in, name); err != nil {
		return nil, err
	}
	return d.store.Sessions(ctx, in, name, time.Now())
}

func (c *command) sessionEnd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "end NAME [ID...]",
		Short: "End a user's sessions",
		Long:  "Ends sessions of a user, and with them the tokens that were issued in them and are bound to them: the sessions named, or without a name every one. Clients are not told by back-channel logout.",
		Example: `  sallyport user session end dory
  sallyport user session end dory 3f9a6c01d2e4`,
		Args: cobra.MinimumNArgs(1),
	}
	in := realmFlag(cmd)
	return c.atDesk(cmd, func(ctx context.Context, d *desk, args []string) error {
		all, err := d.sessions(ctx, *in, args[0])
		if err != nil {
			return err
		}
		name, ids := args[0], args[1:]
		for _, id := range ids {
			if !slices.ContainsFunc(all, func(s *session.Session) bool { return s.ID == id }) {
				return usage("user %s has no session %.40q; `sallyport user session list %s` shows them", name, id, name)
			}
		}
		longest, err := d.longest(ctx, *in)
		if err != nil {
			return err
		}
		ended := []string{}
		for _, s := range all {
			if len(ids) > 0 && !slices.Contains(ids, s.ID) {
				continue
			}
			r := token.Revocation{Realm: *in, Kind: token.RevokeSession, Key: s.ID, Until: time.Now().Add(longest)}
			if _, err := d.store.EndSession(ctx, *in, s.ID, r); err != nil {
				return err
			}
			ended = append(ended, s.ID)
		}
		return d.print(struct {
			Ended []string `json:"ended"`
		}{ended}, func(w io.Writer) {
			for _, id := range ended {
				fmt.Fprintf(w, "- session %s of user %s\n", id, name)
			}
			if len(ended) == 0 {
				fmt.Fprintf(w, "user %s has no session\n", name)
			}
		})
	})
}

// longest is how long a token of a realm lives at most, by whatever front door it was issued.
func (d *desk) longest(ctx context.Context, in string) (time.Duration, error) {
	const doors = 400 * 24 * time.Hour // longer than any front door's own default
	realms, err := d.store.Realms(ctx)
	if err != nil {
		return 0, err
	}
	i := slices.IndexFunc(realms, func(r *realm.Realm) bool { return r.Name == in })
	if i < 0 {
		return doors, nil
	}
	longest, err := token.Longest(ctx, realms[i], d.store)
	return max(longest, doors), err
}
