package app

import (
	"context"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"sallyport/deployment"
	"sallyport/deployment/strictyaml"
	"sallyport/feed"
	"sallyport/user"
)

func (c *command) users() *cobra.Command {
	return group("user", "Look at and change users", c.userList(), c.userShow(), c.userAdd(), c.userSet(), c.userPassword(), c.userRemove(), c.userFactors(), c.userSessions())
}

func (c *command) userList() *cobra.Command {
	cmd := &cobra.Command{Use: "list", Short: "List users", Example: "  sallyport user list", Args: cobra.NoArgs}
	in := realmFlag(cmd)
	return c.atDesk(cmd, func(ctx context.Context, d *desk, _ []string) error {
		if err := d.needRealm(ctx, *in); err != nil {
			return err
		}
		all := []*user.User{}
		for after := ""; ; {
			page, err := d.store.Users(ctx, *in, after, pageSize)
			if err != nil {
				return err
			}
			all = append(all, page...)
			if len(page) < pageSize {
				break
			}
			after = page[len(page)-1].Name
		}
		return d.print(all, func(w io.Writer) {
			var rows [][]string
			for _, u := range all {
				rows = append(rows, []string{u.Name, string(u.Status), u.Org, u.Alias, u.Email})
			}
			table(w, "NAME\tSTATUS\tORG\tALIAS\tEMAIL", rows)
		})
	})
}

// user reads a user that has to be there.
func (d *desk) user(ctx context.Context, in, name string) (*user.User, error) {
	if err := d.needRealm(ctx, in); err != nil {
		return nil, err
	}
	u, err := d.store.User(ctx, in, name)
	if err == nil && u == nil {
		err = usage("there is no user %.80q in realm %s; `sallyport user list` shows those there are", name, in)
	}
	return u, err
}

func (c *command) userShow() *cobra.Command {
	cmd := &cobra.Command{Use: "show NAME", Short: "Show a user", Example: "  sallyport user show dory", Args: cobra.ExactArgs(1)}
	in := realmFlag(cmd)
	return c.atDesk(cmd, func(ctx context.Context, d *desk, args []string) error {
		u, err := d.user(ctx, *in, args[0])
		if err != nil {
			return err
		}
		return d.print(u, func(w io.Writer) {
			f := deployment.FromUser(u)
			f.PasswordHash = ""
			if text, err := strictyaml.Marshal(f); err == nil {
				_, _ = w.Write(text)
			}
		})
	})
}

// userFields are the fields of a user that have a flag.
var userFields = []struct {
	name, usage string
	field       func(*deployment.User) any
}{
	{"status", "on, off or locked", func(u *deployment.User) any { return &u.Status }},
	{"alias", "the name shown to people", func(u *deployment.User) any { return &u.Alias }},
	{"email", "the e-mail address", func(u *deployment.User) any { return &u.Email }},
	{"org", "organisation id", func(u *deployment.User) any { return &u.Org }},
	{"roles", "role ids, separated by commas", func(u *deployment.User) any { return &u.Roles }},
	{"email-verified", "the address was seen to be the user's", func(u *deployment.User) any { return &u.EmailVerified }},
	{"given-name", "first name", func(u *deployment.User) any { return &u.Profile.GivenName }},
	{"family-name", "last name", func(u *deployment.User) any { return &u.Profile.FamilyName }},
	{"phone-number", "such as \"+49 30 1234567\"", func(u *deployment.User) any { return &u.Profile.Phone }},
	{"locale", "language, such as en-GB", func(u *deployment.User) any { return &u.Profile.Locale }},
}

func userFlags(flags *pflag.FlagSet) func(*deployment.User) error {
	for _, f := range userFields {
		switch f.field(&deployment.User{}).(type) {
		case *[]string:
			flags.StringSlice(f.name, nil, f.usage)
		case **bool:
			flags.Bool(f.name, false, f.usage)
		default:
			flags.String(f.name, "", f.usage)
		}
	}
	return func(u *deployment.User) error {
		for _, f := range userFields {
			if !flags.Changed(f.name) {
				continue
			}
			if err := setFlag(flags, f.name, f.field(u)); err != nil {
				return usage("--%s: %v", f.name, err)
			}
		}
		return nil
	}
}

func (c *command) userAdd() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Register a user",
		Long:  "Registers a user. The password is read from standard input unless a flag says where it is; it is never an argument.",
		Example: `  sallyport user add dory < password.txt
  sallyport user add tspuser --org 100000 --password-env TSPUSER_PASSWORD`,
		Args: cobra.ExactArgs(1),
	}
	in := realmFlag(cmd)
	set := userFlags(cmd.Flags())
	password := c.credentialFlags(cmd, "password")
	without := cmd.Flags().Bool("no-password", false, "register the user without a password")
	return c.atDesk(cmd, func(ctx context.Context, d *desk, args []string) error {
		if err := d.needRealm(ctx, *in); err != nil {
			return err
		}
		if old, err := d.store.User(ctx, *in, args[0]); err != nil || old != nil {
			if err == nil {
				err = usage("there is a user %s already; `sallyport user set` and `sallyport user password` change it", args[0])
			}
			return err
		}
		f := deployment.User{Name: args[0]}
		if err := set(&f); err != nil {
			return err
		}
		var err error
		if f.Password, err = password(!*without); err != nil {
			return err
		}
		return d.change(ctx, &deployment.File{Realm: *in, Users: []deployment.User{f}})
	})
}

func (c *command) userSet() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "set NAME",
		Short:   "Change a user",
		Long:    "Changes what is given and leaves the rest. A user who is switched off loses the tokens issued so far.",
		Example: "  sallyport user set dory --status off",
		Args:    cobra.ExactArgs(1),
	}
	in := realmFlag(cmd)
	set := userFlags(cmd.Flags())
	return c.atDesk(cmd, func(ctx context.Context, d *desk, args []string) error {
		u, err := d.user(ctx, *in, args[0])
		if err != nil {
			return err
		}
		f := deployment.FromUser(u)
		f.PasswordHash, f.EmailVerified = "", nil // left out: they stay as they are
		if err := set(&f); err != nil {
			return err
		}
		return d.change(ctx, &deployment.File{Realm: *in, Users: []deployment.User{f}})
	})
}

func (c *command) userPassword() *cobra.Command {
	cmd := &cobra.Command{
		Use:     "password NAME",
		Short:   "Set a user's password",
		Long:    "Reads the new password from standard input unless a flag says where it is; it is never an argument. The sessions and tokens that the user has are over.",
		Example: "  sallyport user password dory < password.txt",
		Args:    cobra.ExactArgs(1),
	}
	in := realmFlag(cmd)
	password := c.credentialFlags(cmd, "password")
	return c.atDesk(cmd, func(ctx context.Context, d *desk, args []string) error {
		u, err := d.user(ctx, *in, args[0])
		if err != nil {
			return err
		}
		f := deployment.FromUser(u)
		f.PasswordHash = ""
		if f.Password, err = password(true); err != nil {
			return err
		}
		return d.change(ctx, &deployment.File{Realm: *in, Users: []deployment.User{f}})
	})
}

func (c *command) userRemove() *cobra.Command {
	cmd := &cobra.Command{Use: "remove NAME", Short: "Remove a user and end the user's tokens", Example: "  sallyport user remove dory", Args: cobra.ExactArgs(1)}
	in := realmFlag(cmd)
	return c.atDesk(cmd, func(ctx context.Context, d *desk, args []string) error {
		if _, err := d.user(ctx, *in, args[0]); err != nil {
			return err
		}
		return d.remove(ctx, deployment.Ref{Kind: feed.User, Realm: *in, ID: args[0]})
	})
}
