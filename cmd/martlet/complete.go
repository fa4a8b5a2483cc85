package main

import "github.com/spf13/cobra"

// completeLogin offers the logins that begin with what was typed.
func (a *app) completeLogin(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	return users().complete(a)(cmd, args, typed)
}
