package main

import (
	"context"

	"github.com/spf13/cobra"

	"martlet/directory/lockout"
	"martlet/gateway/admin"
)

func (a *app) lockoutCommand() *cobra.Command {
	return group(&cobra.Command{Use: "lockout", Short: "Who has failed to log in of late, and who is turned away for it"},
		a.lockoutList(), a.lockoutRelease())
}

func (a *app) lockoutList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List who has failed to log in of late", Args: cobra.NoArgs,
		Long: "List the networks, accounts and known places whose logins failed of late at the\n" +
			"running server, those that are turned away first. Failures are forgiven in time.",
		Example: `  martlet lockout list`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withLockout(cmd.Context(), admin.Client.Lockout)
		},
	}
}

func (a *app) lockoutRelease() *cobra.Command {
	return &cobra.Command{
		Use: "release NAME", Short: "Forget the failures of an address, a network or a login", Args: namedArguments,
		Example: "  martlet lockout release 198.51.100.7\n  martlet lockout release robin@example.org",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withLockout(cmd.Context(), func(c admin.Client, ctx context.Context) ([]lockout.Entry, error) {
				return c.Release(ctx, args[0])
			})
		},
	}
}

func (a *app) withLockout(ctx context.Context, do func(admin.Client, context.Context) ([]lockout.Entry, error)) error {
	return a.withAdmin(ctx, func(c admin.Client) error {
		all, err := do(c, ctx)
		if err != nil {
			return err
		}
		return showAll(a, all, "KIND\tNAME\tFAILURES\tTURNED AWAY FOR", func(e *lockout.Entry) []any {
			wait := "no"
			if e.Refused {
				wait = e.For.String()
			}
			return []any{e.Kind, e.Name, e.Failures, wait}
		})
	})
}
