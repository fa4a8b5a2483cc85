package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// oneArgument is for commands that take what their usage line names.
func oneArgument(cmd *cobra.Command, args []string) error {
	name := cmd.Use[strings.LastIndexByte(cmd.Use, ' ')+1:]
	usage := strings.TrimSuffix(cmd.CommandPath()+strings.TrimPrefix(cmd.Use, cmd.Name()), " [flags]")
	switch len(args) {
	case 0:
		return fmt.Errorf("%s: %s is missing", usage, name)
	case 1:
		return nil
	}
	return fmt.Errorf("%s: %q is too much", usage, args[1])
}

// twoArguments is the same for those that take two.
func twoArguments(cmd *cobra.Command, args []string) error {
	names := strings.Fields(cmd.Use)[1:]
	usage := strings.TrimSuffix(cmd.CommandPath()+strings.TrimPrefix(cmd.Use, cmd.Name()), " [flags]")
	switch {
	case len(args) < len(names):
		return fmt.Errorf("%s: %s is missing", usage, names[len(args)])
	case len(args) > len(names):
		return fmt.Errorf("%s: %q is too much", usage, args[len(names)])
	}
	return nil
}

// group makes a command that is only the name of others: alone it shows them,
// and an unknown one is an error.
func group(cmd *cobra.Command, commands ...*cobra.Command) *cobra.Command {
	cmd.Args = cobra.NoArgs
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	cmd.AddCommand(commands...)
	return cmd
}
