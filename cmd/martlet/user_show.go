package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"martlet/gateway/admin"
)

func (a *app) userShow() *cobra.Command {
	return &cobra.Command{
		Use: "show LOGIN", Short: "Show one user: how full the mailbox is, where mail goes", Args: namedArguments,
		Example:           `  martlet user show robin@example.org`,
		ValidArgsFunction: a.completeLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				u, err := c.ShowUser(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(u)
				}
				return a.printUser(&u)
			})
		},
	}
}

func (a *app) printUser(u *admin.User) error {
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	size, items := bytesText(int64(u.Bytes)), fmt.Sprint(u.Items)
	if u.QuotaBytes > 0 {
		size += fmt.Sprintf(" of %s (%d %%)", bytesText(u.QuotaBytes), percent(u.Bytes, u.QuotaBytes))
	}
	if u.QuotaItems > 0 {
		items += fmt.Sprintf(" of %d (%d %%)", u.QuotaItems, percent(u.Items, u.QuotaItems))
	}
	forward := strings.Join(u.Forward, " ")
	if forward != "" && !u.KeepCopy {
		forward += ", nothing stays here"
	}
	factor := "no"
	if u.TwoFactor {
		factor = "yes"
	}
	for _, row := range [][2]string{
		{"login", u.Login}, {"name", u.Name}, {"aliases", strings.Join(u.Aliases, " ")}, {"state", userState(u)}, {"created", u.Created.Format(time.DateOnly)},
		{"size", size}, {"items", items}, {"phones", fmt.Sprint(u.Devices)}, {"forwarded to", forward}, {"second factor", factor},
	} {
		if row[1] != "" {
			fmt.Fprintf(w, "%s\t%s\n", row[0], row[1])
		}
	}
	return w.Flush()
}

func percent(n uint64, of int64) int { return int(float64(n) / float64(of) * 100) }
