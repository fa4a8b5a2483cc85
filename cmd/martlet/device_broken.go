package main

import (
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"martlet/gateway/admin"
)

func (a *app) deviceBroken() *cobra.Command {
	return &cobra.Command{
		Use: "broken [LOGIN]", Short: "List what phones are not given because they cannot take it", Args: namedArguments,
		Example: `  martlet device broken robin@example.org`,
		Long: `List the items that phones are not given because they cannot take them: a phone
asked for one again and again, or started anew whenever it got it, or the item
could not be shown. Everything else goes on. An item is offered again when it
changes, or with martlet device offer.`,
		ValidArgsFunction: a.completeLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				login := ""
				if len(args) > 0 {
					login = args[0]
				}
				all, err := c.Broken(cmd.Context(), login)
				if err != nil {
					return err
				}
				return a.printBroken(all)
			})
		},
	}
}

func (a *app) printBroken(all []admin.Broken) error {
	if a.json {
		return a.printJSON(all)
	}
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "LOGIN\tDEVICE\tFOLDER\tITEM\tSINCE\tWHY\tSUBJECT")
	for _, b := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", b.Login, b.Device, b.Folder, b.Item, b.When.Local().Format(time.DateTime), b.Why, b.Subject)
	}
	return w.Flush()
}

var errWhichItem = errors.New("name an item as martlet device broken shows it, or give --all")

func (a *app) deviceOffer() *cobra.Command {
	in := admin.BrokenRequest{}
	cmd := &cobra.Command{
		Use: "offer LOGIN DEVICE [ITEM]", Short: "Offer a phone again what it could not take", Args: namedArguments,
		Example:           `  martlet device offer robin@example.org IPHONE5C1F 1:17`,
		ValidArgsFunction: a.completeLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			in.Login, in.Device = args[0], args[1]
			if len(args) > 2 {
				in.Item = args[2]
			}
			if in.All == (in.Item != "") {
				return errWhichItem
			}
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				offered, err := c.OfferAgain(cmd.Context(), in)
				if err != nil {
					return err
				}
				return a.printBroken(offered)
			})
		},
	}
	cmd.Flags().BoolVar(&in.All, "all", false, "everything that is withheld from the phone")
	return cmd
}
