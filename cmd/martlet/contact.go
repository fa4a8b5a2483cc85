package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"martlet/directory"
	"martlet/gateway/admin"
)

func (a *app) contactCommand() *cobra.Command {
	add, set := entryVerbs()
	return group(&cobra.Command{Use: "contact", Short: "People outside whom everybody finds in the address list"},
		a.contactPut(add), a.contactList(), a.contactPut(set), a.contactRemove())
}

func (a *app) contactPut(v entryVerb) *cobra.Command {
	cmd := &cobra.Command{
		Use: v.use + " ADDRESS", Args: namedArguments, Short: "Change a shared contact",
		Long:    "Change what is named of a shared contact.",
		Example: "  martlet contact set otto@example.net --title Director --photo otto.jpg",
		RunE: func(cmd *cobra.Command, args []string) error {
			f := namedFlags{cmd.Flags()}
			one := directory.FileContact{
				Address: args[0], Addresses: f.list("address"), Name: f.text("name"), GivenName: f.text("given-name"), Surname: f.text("surname"),
				Title: f.text("title"), Company: f.text("company"), Department: f.text("department"), Office: f.text("office"),
				Phone: f.text("phone"), Mobile: f.text("mobile"), HomePhone: f.text("home-phone"), Alias: f.text("short-name"), Hidden: f.is("hidden"),
			}
			var err error
			if one.PhotoBase64, err = a.photo(f); err != nil {
				return err
			}
			file := &directory.File{Contacts: []directory.FileContact{one}}
			return put(a, cmd, v, args[0], file, admin.Client.PutContact, func(c *admin.Contact) string { return "contact " + c.Address })
		},
	}
	if v.isNew {
		cmd.Short = "Add a shared contact"
		cmd.Long = "Add a shared contact: somebody outside, whom everybody here finds in the address\nlist on phones and in mail programs. ADDRESS is the mail address that names them."
		cmd.Example = "  martlet contact add otto@example.net --name \"Otto Other\" --company \"Outside Ltd\" --mobile \"+49 170 4711\""
	} else {
		cmd.ValidArgsFunction = contacts().complete(a)
	}
	f := cmd.Flags()
	f.StringSlice("address", nil, "further mail address; may be given several times; all of them")
	personFlags(f)
	f.String(photoFlag, "", "file with a photo, JPEG or PNG; \"\" takes it away")
	return cmd
}

func contacts() entries[admin.Contact] {
	return entries[admin.Contact]{admin.Client.ListContacts, func(c *admin.Contact) (string, string) { return c.Address, c.Name }}
}

func (a *app) contactList() *cobra.Command {
	cmd := &cobra.Command{Short: "List the shared contacts", Example: `  martlet contact list --json`}
	return contacts().list(a, cmd, "ADDRESS\tNAME\tCOMPANY\tTELEPHONE\tSTATE", func(c *admin.Contact) []any {
		phones := slices.DeleteFunc([]string{c.Phone, c.Mobile, c.HomePhone}, func(s string) bool { return s == "" })
		return []any{c.Address, c.Name, c.Company, strings.Join(phones, ", "), hiddenState(c.Hidden)}
	})
}

func (a *app) contactRemove() *cobra.Command {
	cmd := &cobra.Command{Use: "contact", Short: "Remove a shared contact", Example: `  martlet contact remove otto@example.net`}
	return contacts().remove(a, cmd, admin.Client.RemoveContact)
}
