package main

import (
	"github.com/spf13/cobra"

	"martlet/directory"
	"martlet/gateway/admin"
)

func (a *app) userSet() *cobra.Command {
	cmd := &cobra.Command{
		Use: "set LOGIN", Short: "Change what the address list says of a user", Args: namedArguments,
		Long:              "Change what is named of a user: names, telephone numbers, further addresses,\nhow much the mailbox may hold, where mail is forwarded to, and whether they are in the address list.",
		Example:           "  martlet user set robin@example.org --title Captain --phone \"+41 44 123 45 67\"",
		ValidArgsFunction: a.completeLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			f := namedFlags{cmd.Flags()}
			u := directory.FileUser{
				Login: args[0], Name: f.text("name"), GivenName: f.text("given-name"), Surname: f.text("surname"), Title: f.text("title"),
				Company: f.text("company"), Department: f.text("department"), Office: f.text("office"), Phone: f.text("phone"),
				Mobile: f.text("mobile"), HomePhone: f.text("home-phone"), Alias: f.text("short-name"), Aliases: f.list("alias"),
				Quota: f.text("quota"), QuotaItems: f.number64("quota-items"), Forward: f.list("forward"), KeepCopy: f.is("keep-copy"),
				Hidden: f.is("hidden"), Admin: f.is("admin"), ActiveSync: f.is("active-sync"),
			}
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				got, err := c.PutUser(cmd.Context(), admin.EntryRequest{Address: args[0], File: &directory.File{Users: []directory.FileUser{u}}})
				if err != nil {
					return err
				}
				return a.showUser(got, "", false, "changed %s\n", got.Login)
			})
		},
	}
	f := cmd.Flags()
	personFlags(f)
	f.StringSlice("alias", nil, "further address; may be given several times; all of them")
	f.String("quota", "", "how much the mailbox may hold, as 5GiB, or unlimited; empty: as the domain says")
	f.Int64("quota-items", 0, "how many messages, events and so on; 0: as the domain says, -1: any number")
	f.StringSlice("forward", nil, "address that mail goes to as well; may be given several times; all of them; empty ends it")
	f.Bool("keep-copy", true, "what is forwarded stays here too")
	f.Bool("admin", false, "an administrator: gets mail for postmaster and abuse")
	f.Bool("active-sync", true, "phones may synchronise")
	return cmd
}
