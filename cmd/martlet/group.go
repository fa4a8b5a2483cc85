package main

import (
	"fmt"
	"strings"

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
			file := &directory.File{Groups: []directory.FileGroup{g}}
			return put(a, cmd, v, args[0], file, admin.Client.PutGroup, func(g *admin.Group) string {
				return fmt.Sprintf("group %s of %d", g.Address, len(g.Members))
			})
		},
	}
	if v.isNew {
		cmd.Short = "Add a group"
		cmd.Long = "Add a group: an address that leads to its members, who are users and other\ngroups. Its domain must be one of this server's, or --new-domain makes it one."
		cmd.Example = "  martlet group add crew@example.org --name \"The crew\" --member robin@example.org --member kim@example.org"
		cmd.Flags().Bool("new-domain", false, "make the domain one of this server's")
	} else {
		cmd.ValidArgsFunction = groups().complete(a)
	}
	f := cmd.Flags()
	f.String("name", "", "name as shown to others")
	f.StringSlice("member", nil, "user or group; may be given several times; all of them")
	f.String(photoFlag, "", "file with a photo, JPEG or PNG; \"\" takes it away")
	f.Bool("hidden", false, "not in the address list")
	return cmd
}

func groups() entries[admin.Group] {
	return entries[admin.Group]{admin.Client.ListGroups, func(g *admin.Group) (string, string) { return g.Address, g.Name }}
}

func (a *app) groupList() *cobra.Command {
	cmd := &cobra.Command{Short: "List the groups", Example: `  martlet group list --json`}
	return groups().list(a, cmd, "ADDRESS\tNAME\tMEMBERS\tSTATE", func(g *admin.Group) []any {
		return []any{g.Address, g.Name, strings.Join(g.Members, " "), hiddenState(g.Hidden)}
	})
}

func (a *app) groupRemove() *cobra.Command {
	cmd := &cobra.Command{
		Use: "group", Short: "Remove a group; its members stay",
		Long: `Remove a group; its members stay. It leaves other groups, what was shared with it,
who may write for it, and the bookings of rooms: one that nobody else may book is
closed.`,
		Example: `  martlet group remove crew@example.org`,
	}
	return groups().remove(a, cmd, admin.Client.RemoveGroup)
}
