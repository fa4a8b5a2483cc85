package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"martlet/directory"
	"martlet/gateway/admin"
)

func (a *app) userCommand() *cobra.Command {
	return group(&cobra.Command{Use: "user", Short: "Add, list, change and remove users"},
		a.userAdd(), a.userList(), a.userSet(), a.userPassword(), a.userDisable(true), a.userDisable(false), a.userRemove(),
		a.userShow(), a.userAppPassword(), a.userTOTP(), a.userPin(), a.userCertificate(), a.userEncryption(), a.userPhoto(), a.userServer(), a.userOof())
}

// userResult is what a command that changed a user prints.
type userResult struct {
	admin.User
	NewPassword string `json:"new_password,omitempty"` // that was generated
	Removed     *bool  `json:"removed,omitempty"`
}

func (a *app) userAdd() *cobra.Command {
	var u admin.NewUser
	var p passwordFlags
	cmd := &cobra.Command{
		Use: "add LOGIN", Short: "Add a user", Args: namedArguments,
		Long:    "Add a user. LOGIN is the mail address; its domain must be one of this server's,\nor --new-domain makes it one.",
		Example: "  martlet user add robin@example.org --name \"Robin Swift\" --generate",
		RunE: func(cmd *cobra.Command, args []string) error {
			u.Login = args[0]
			var made bool
			var err error
			if u.Password, made, err = a.password(p); err != nil {
				return err
			}
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				got, err := c.AddUser(cmd.Context(), u)
				if errors.Is(err, directory.ErrNoDomain) {
					return fmt.Errorf("%w: add --new-domain if it shall be", err)
				}
				if err != nil {
					return err
				}
				return a.showUser(got, u.Password, made, "added %s\n", got.Login)
			})
		},
	}
	cmd.Flags().StringVar(&u.Name, "name", "", "name as shown to others")
	cmd.Flags().StringSliceVar(&u.Aliases, "alias", nil, "further address; may be given several times")
	cmd.Flags().BoolVar(&u.Admin, "admin", false, "an administrator: gets mail for postmaster and abuse")
	cmd.Flags().BoolVar(&u.NoActiveSync, "no-active-sync", false, "no phones for this user")
	cmd.Flags().BoolVar(&u.Domain, "new-domain", false, "make the domain one of this server's")
	p.add(cmd)
	return cmd
}

// showUser prints what came of a change, and a generated password once.
func (a *app) showUser(u admin.User, password string, made bool, format string, args ...any) error {
	r := userResult{User: u}
	if made {
		r.NewPassword = password
	}
	if a.json {
		return a.printJSON(r)
	}
	a.printf(format, args...)
	if made {
		a.printf("password: %s\n", password)
	}
	return nil
}

func users() entries[admin.User] {
	return entries[admin.User]{admin.Client.ListUsers, func(u *admin.User) (string, string) { return u.Login, u.Name }}
}

func (a *app) userList() *cobra.Command {
	cmd := &cobra.Command{Short: "List all users", Example: `  martlet user list --json`}
	return users().list(a, cmd, "LOGIN\tNAME\tITEMS\tSIZE\tPHONES\tSTATE", func(u *admin.User) []any {
		return []any{u.Login, u.Name, u.Items, bytesText(int64(u.Bytes)), u.Devices, userState(u)}
	})
}

func userState(u *admin.User) string {
	var s []string
	if u.Admin {
		s = append(s, "administrator")
	}
	if u.Disabled {
		s = append(s, "disabled")
	}
	if !u.Password {
		s = append(s, "no password")
	}
	if !u.ActiveSync {
		s = append(s, "no phones")
	}
	if u.Server != "" {
		s = append(s, "on "+u.Server)
	}
	return strings.Join(s, ", ")
}

func (a *app) userPassword() *cobra.Command {
	var p passwordFlags
	cmd := &cobra.Command{
		Use: "passwd LOGIN", Short: "Give a user a new password", Args: namedArguments,
		Example:           `  martlet user passwd robin@example.org --generate`,
		ValidArgsFunction: a.completeLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			password, made, err := a.password(p)
			if err != nil {
				return err
			}
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				u, err := c.SetPassword(cmd.Context(), args[0], password)
				if err != nil {
					return err
				}
				return a.showUser(u, password, made, "changed the password of %s\n", u.Login)
			})
		},
	}
	p.add(cmd)
	return cmd
}

func (a *app) userDisable(disable bool) *cobra.Command {
	use, short, said := "enable", "Let a user log in again", "enabled"
	if disable {
		use, short, said = "disable", "Bar a user from logging in; mail still arrives", "disabled"
	}
	return &cobra.Command{
		Use: use + " LOGIN", Short: short, Args: namedArguments,
		Example:           "  martlet user " + use + " robin@example.org",
		ValidArgsFunction: a.completeLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				u, err := c.SetDisabled(cmd.Context(), args[0], disable)
				if err != nil {
					return err
				}
				return a.showUser(u, "", false, "%s %s\n", said, u.Login)
			})
		},
	}
}

func (a *app) userServer() *cobra.Command {
	var here bool
	cmd := &cobra.Command{
		Use: "server LOGIN [URL]", Short: "Say which server has a user's mailbox", Args: namedArguments,
		ValidArgsFunction: a.completeLogin,
		Long: "Say which server has a user's mailbox. Phones that come here are sent there\n" +
			"(HTTP 451), and Autodiscover names it. With --here it is this one.",
		Example: "  martlet user server robin@example.org https://mail2.example.org",
		RunE: func(cmd *cobra.Command, args []string) error {
			if here == (len(args) == 2) {
				return errors.New("give a URL or --here")
			}
			server := strings.Join(args[1:], "")
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				u, err := c.SetServer(cmd.Context(), args[0], server)
				if err != nil {
					return err
				}
				where := "here"
				if u.Server != "" {
					where = "on " + u.Server
				}
				return a.showUser(u, "", false, "the mailbox of %s is %s\n", u.Login, where)
			})
		},
	}
	cmd.Flags().BoolVar(&here, "here", false, "on this server")
	return cmd
}

func (a *app) userRemove() *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use: "remove LOGIN", Short: "Remove a user with mailbox and phones", Args: namedArguments,
		Example:           `  martlet user remove robin@example.org --yes`,
		ValidArgsFunction: a.completeLogin,
		Long:              "Remove a user with mailbox and phones. Without --yes it only shows what would go.",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Client) error { return a.remove(cmd.Context(), c, args[0], yes) })
		},
	}
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	return cmd
}

func (a *app) remove(ctx context.Context, c admin.Client, login string, yes bool) error {
	u, err := c.RemoveUser(ctx, login, yes)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(userResult{User: u, Removed: &yes})
	}
	what := fmt.Sprintf("%s with %d items (%s) and %d phones", u.Login, u.Items, bytesText(int64(u.Bytes)), u.Devices)
	if yes {
		a.printf("removed %s\n", what)
		return nil
	}
	a.printf("would remove %s\nto do it: martlet user remove %s --yes\n", what, u.Login)
	return nil
}

// bytesText is a size for people.
func bytesText(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	f, i := float64(n), 0
	for f >= 1024 && i < len(units)-1 {
		f, i = f/1024, i+1
	}
	if i == 0 {
		return fmt.Sprintf("%d B", n)
	}
	return fmt.Sprintf("%.1f %s", f, units[i])
}
