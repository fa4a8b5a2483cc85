package main

import (
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"martlet/directory"
	"martlet/gateway/admin"
)

func (a *app) groupCommand() *cobra.Command {
	add, set := entryVerbs()
	return group(&cobra.Command{Use: "group", Short: "Addresses that lead to several people"},
		a.groupPut(add), a.groupList(), a.groupPut(set), a.groupRemove())
}

func (a *app) groupPut(v entryVerb) *cobra.Command {
	cmd := &cobra.Command{
		Use: v.use + " ADDRESS", Args: namedArguments, Short: "Change a group",
		Long:    "Change what is named of a group. --member names all members, not further ones.",
		Example: "  martlet group set crew@example.org --member robin@example.org,kim@example.org",
		RunE: func(cmd *cobra.Command, args []string) error {
			f := namedFlags{cmd.Flags()}
			g := directory.FileGroup{Address: args[0], Name: f.text("name"), Members: f.list("member"), Hidden: f.is("hidden")}
			var err error
			if g.PhotoBase64, err = a.photo(f); err != nil {
				return err
			}
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				got, err := c.PutGroup(cmd.Context(), v.request(args[0], f, &directory.File{Groups: []directory.FileGroup{g}}))
				if v.isNew && errors.Is(err, directory.ErrNoDomain) {
					return fmt.Errorf("%w: add --new-domain if it shall be", err)
				}
				if err != nil {
					return err
				}
				return a.shown(got, "%s the group %s of %d\n", v.said, got.Address, len(got.Members))
			})
		},
	}
	if v.isNew {
		cmd.Short = "Add a group"
		cmd.Long = "Add a group: an address that leads to its members, who are users and other\ngroups. Its domain must be one of this server's, or --new-domain makes it one."
		cmd.Example = "  martlet group add crew@example.org --name \"The crew\" --member robin@example.org --member kim@example.org"
		cmd.Flags().Bool("new-domain", false, "make the domain one of this server's")
	} else {
		cmd.ValidArgsFunction = a.completeEntry(groupAddresses)
	}
	f := cmd.Flags()
	f.String("name", "", "name as shown to others")
	f.StringSlice("member", nil, "user or group; may be given several times; all of them")
	f.String(photoFlag, "", "file with a photo, JPEG or PNG; \"\" takes it away")
	f.Bool("hidden", false, "not in the address list")
	return cmd
}

func groupAddresses(cmd *cobra.Command, c admin.Client) (all []string, err error) {
	groups, err := c.ListGroups(cmd.Context())
	for _, g := range groups {
		all = append(all, g.Address)
	}
	return all, err
}

func (a *app) groupList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the groups", Args: cobra.NoArgs,
		Example: `  martlet group list --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				all, err := c.ListGroups(cmd.Context())
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(all)
				}
				w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
				fmt.Fprintln(w, "ADDRESS\tNAME\tMEMBERS\tSTATE")
				for _, g := range all {
					state := ""
					if g.Hidden {
						state = "hidden"
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", g.Address, g.Name, strings.Join(g.Members, " "), state)
				}
				return w.Flush()
			})
		},
	}
}

func (a *app) groupRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove ADDRESS", Short: "Remove a group; its members stay", Args: namedArguments,
		Example:           `  martlet group remove crew@example.org`,
		ValidArgsFunction: a.completeEntry(groupAddresses),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				got, err := c.RemoveGroup(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.shown(got, "removed the group %s\n", got.Address)
			})
		},
	}
}
