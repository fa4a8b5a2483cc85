package main

import (
	"fmt"
	"strings"
	"text/tabwriter"

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
				Phone: f.text("phone"), Mobile: f.text("mobile"), HomePhone: f.text("home-phone"), Hidden: f.is("hidden"),
			}
			var err error
			if one.PhotoBase64, err = a.photo(f); err != nil {
				return err
			}
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				got, err := c.PutContact(cmd.Context(), v.request(args[0], f, &directory.File{Contacts: []directory.FileContact{one}}))
				if err != nil {
					return err
				}
				return a.shown(got, "%s the contact %s\n", v.said, got.Address)
			})
		},
	}
	if v.isNew {
		cmd.Short = "Add a shared contact"
		cmd.Long = "Add a shared contact: somebody outside, whom everybody here finds in the address\nlist on phones and in mail programs. ADDRESS is the mail address that names them."
		cmd.Example = "  martlet contact add otto@example.net --name \"Otto Other\" --company \"Outside Ltd\" --mobile \"+49 170 4711\""
	} else {
		cmd.ValidArgsFunction = a.completeEntry(contactAddresses)
	}
	f := cmd.Flags()
	f.StringSlice("address", nil, "further mail address; may be given several times; all of them")
	f.String("name", "", "name as shown to others")
	f.String("given-name", "", "given name")
	f.String("surname", "", "surname")
	f.String("title", "", "what they are")
	f.String("company", "", "company")
	f.String("department", "", "department")
	f.String("office", "", "office")
	f.String("phone", "", "telephone number")
	f.String("mobile", "", "mobile number")
	f.String("home-phone", "", "telephone number at home")
	f.String(photoFlag, "", "file with a photo, JPEG or PNG; \"\" takes it away")
	f.Bool("hidden", false, "not in the address list")
	return cmd
}

func contactAddresses(cmd *cobra.Command, c admin.Client) (all []string, err error) {
	contacts, err := c.ListContacts(cmd.Context())
	for _, one := range contacts {
		all = append(all, one.Address)
	}
	return all, err
}

func (a *app) contactList() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the shared contacts", Args: cobra.NoArgs,
		Example: `  martlet contact list --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				all, err := c.ListContacts(cmd.Context())
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(all)
				}
				w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
				fmt.Fprintln(w, "ADDRESS\tNAME\tCOMPANY\tTELEPHONE\tSTATE")
				for _, one := range all {
					var phones []string
					for _, s := range []string{one.Phone, one.Mobile, one.HomePhone} {
						if s != "" {
							phones = append(phones, s)
						}
					}
					state := ""
					if one.Hidden {
						state = "hidden"
					}
					fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", one.Address, one.Name, one.Company, strings.Join(phones, ", "), state)
				}
				return w.Flush()
			})
		},
	}
}

func (a *app) contactRemove() *cobra.Command {
	return &cobra.Command{
		Use: "remove ADDRESS", Short: "Remove a shared contact", Args: namedArguments,
		Example:           `  martlet contact remove otto@example.net`,
		ValidArgsFunction: a.completeEntry(contactAddresses),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				got, err := c.RemoveContact(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.shown(got, "removed the contact %s\n", got.Address)
			})
		},
	}
}
