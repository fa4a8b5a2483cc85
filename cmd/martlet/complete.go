package main

import (
	"strings"

	"github.com/spf13/cobra"

	"martlet/gateway/admin"
)

// completeLogin offers the logins that begin with what was typed.
func (a *app) completeLogin(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var logins []string
	err := a.withAdmin(cmd.Context(), func(c admin.Client) error {
		users, err := c.ListUsers(cmd.Context())
		for _, u := range users {
			if strings.HasPrefix(u.Login, typed) {
				logins = append(logins, u.Login+"\t"+u.Name)
			}
		}
		return err
	})
	if err != nil {
		return nil, cobra.ShellCompDirectiveError
	}
	return logins, cobra.ShellCompDirectiveNoFileComp
}
