package main

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"martlet/gateway/admin"
)

func (a *app) shareCommand() *cobra.Command {
	return group(&cobra.Command{Use: "share", Short: "Share folders with other users"},
		a.shareGrant(), a.shareRevoke(), a.shareList())
}

// shared reads whose folder is meant from the arguments: OWNER FOLDER, or with
// --public the path of a public folder alone.
func shared(args []string, public bool) (owner, folder string, err error) {
	switch {
	case public && len(args) == 1:
		return "", args[0], nil
	case !public && len(args) == 2:
		return args[0], args[1], nil
	case public:
		return "", "", errors.New("give the path of the public folder")
	}
	return "", "", errors.New("give the owner's login and the folder's path, or --public and the path of a public folder")
}

func (a *app) shareGrant() *cobra.Command {
	var in admin.ShareRequest
	var public bool
	cmd := &cobra.Command{
		Use: "grant [OWNER] FOLDER --to WHO --rights RIGHTS", Short: "Share a folder with a user, a group or everyone", Args: cobra.RangeArgs(1, 2),
		Long: "Share a folder with a user, a group or everyone of this server. It appears among\n" +
			"their own folders. What they had been granted there before is replaced.\n\n" +
			"  read      see what is there; private events without what they are about\n" +
			"  write     add, change and delete, too\n" +
			"  delegate  see private events, too, get the owner's invitations and answer them,\n" +
			"            and send mail on behalf of the owner",
		Example: "  martlet share grant anna@example.org Calendar --to team@example.org --rights write\n" +
			"  martlet share grant --public Company/Customers --to everyone --rights read",
		ValidArgsFunction: a.completeLogin,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if in.Owner, in.Folder, err = shared(args, public); err != nil {
				return err
			}
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				got, err := c.Grant(cmd.Context(), in)
				if err != nil {
					return err
				}
				return a.showShares(got)
			})
		},
	}
	whose(cmd, &public)
	cmd.Flags().StringVar(&in.To, "to", "", "address of a user or a group, or everyone")
	cmd.Flags().StringVar(&in.Rights, "rights", "", "read, write or delegate")
	cmd.Flags().BoolVar(&in.SeePrivate, "see-private", false, "show private events whole")
	cmd.Flags().BoolVar(&in.Below, "below", false, "the folders below it, too")
	required(cmd, "to", "rights")
	return cmd
}

func (a *app) shareRevoke() *cobra.Command {
	var in admin.ShareRequest
	var public bool
	cmd := &cobra.Command{
		Use: "revoke [OWNER] FOLDER --to WHO", Short: "Take back what was granted", Args: cobra.RangeArgs(1, 2),
		Example: "  martlet share revoke anna@example.org Calendar --to bob@example.org\n" +
			"  martlet share revoke --public Company --below --to everyone",
		ValidArgsFunction: a.completeLogin,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if in.Owner, in.Folder, err = shared(args, public); err != nil {
				return err
			}
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				got, err := c.Revoke(cmd.Context(), in)
				if err != nil {
					return err
				}
				return a.showShares(got)
			})
		},
	}
	whose(cmd, &public)
	cmd.Flags().StringVar(&in.To, "to", "", "address of a user or a group, or everyone")
	cmd.Flags().BoolVar(&in.Below, "below", false, "the folders below it, too")
	required(cmd, "to")
	return cmd
}

func (a *app) shareList() *cobra.Command {
	var public bool
	cmd := &cobra.Command{
		Use: "list [OWNER [FOLDER]]", Short: "List what is shared", Args: cobra.MaximumNArgs(2),
		Long: "List what is shared: all, what a user shares, or who was granted one folder.",
		Example: "  martlet share list\n" +
			"  martlet share list anna@example.org Calendar --json\n" +
			"  martlet share list --public",
		ValidArgsFunction: a.completeLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			in := admin.ShareRequest{All: !public && len(args) == 0}
			if !public && len(args) > 0 {
				in.Owner, args = args[0], args[1:]
			}
			if len(args) > 1 {
				return errors.New("give one folder")
			}
			if len(args) == 1 {
				in.Folder = args[0]
			}
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				got, err := c.Shares(cmd.Context(), in)
				if err != nil {
					return err
				}
				return a.showShares(got)
			})
		},
	}
	whose(cmd, &public)
	return cmd
}

// whose adds the flag that says that a folder is nobody's own.
func whose(cmd *cobra.Command, public *bool) {
	cmd.Flags().BoolVar(public, "public", false, "a public folder")
}

// required marks flags without which a command means nothing.
func required(cmd *cobra.Command, names ...string) {
	for _, n := range names {
		if err := cmd.MarkFlagRequired(n); err != nil {
			panic(err)
		}
	}
}

func (a *app) showShares(all []admin.Share) error {
	if a.json {
		return a.printJSON(all)
	}
	if len(all) == 0 {
		a.printf("nothing is shared\n")
		return nil
	}
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "OWNER\tFOLDER\tTO\tRIGHTS")
	for _, s := range all {
		owner, rights := s.Owner, s.Rights
		if owner == "" {
			owner = "(public)"
		}
		if s.SeePrivate && s.Rights != "delegate" {
			rights += ", sees private events"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", owner, s.Folder, s.To, rights)
	}
	return w.Flush()
}
