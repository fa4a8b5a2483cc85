package main

import (
	"errors"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"martlet/gateway/admin"
)

func (a *app) folderCommand() *cobra.Command {
	return group(&cobra.Command{Use: "folder", Short: "Make, list, rename and delete folders, public ones among them"},
		a.folderCreate(), a.folderList(), a.folderRename(), a.folderDelete())
}

func (a *app) folderCreate() *cobra.Command {
	var in admin.FolderEdit
	var public bool
	cmd := &cobra.Command{
		Use: "create [OWNER] FOLDER --class CLASS", Short: "Make a folder", Args: cobra.RangeArgs(1, 2),
		Long: "Make a folder of mail, calendar, contacts, tasks or notes. Names on the way to it\n" +
			"are separated by /; the folders above must be there. A public folder is seen by\n" +
			"nobody until it is granted (martlet share grant); one below another has its grants.",
		Example:           "  martlet folder create --public Company/Customers --class contacts\n  martlet folder create anna@example.org Journeys --class calendar",
		ValidArgsFunction: a.completeLogin,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if in.Owner, in.Path, err = shared(args, public); err != nil {
				return err
			}
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				f, err := c.CreateFolder(cmd.Context(), in)
				if err != nil {
					return err
				}
				return a.showFolder(f, "made %s\n", f.Path)
			})
		},
	}
	whose(cmd, &public)
	cmd.Flags().StringVar(&in.Class, "class", "mail", "mail, calendar, contacts, tasks or notes")
	return cmd
}

func (a *app) showFolder(f admin.Folder, format string, args ...any) error {
	if a.json {
		return a.printJSON(f)
	}
	a.printf(format, args...)
	return nil
}

func (a *app) folderList() *cobra.Command {
	var public bool
	cmd := &cobra.Command{
		Use: "list [OWNER]", Short: "List a user's folders, or the public ones", Args: cobra.MaximumNArgs(1),
		Example:           "  martlet folder list --public\n  martlet folder list anna@example.org --json",
		ValidArgsFunction: a.completeLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			if public == (len(args) == 1) {
				return errors.New("give a login or --public")
			}
			owner := ""
			if !public {
				owner = args[0]
			}
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				all, err := c.Folders(cmd.Context(), owner)
				if err != nil {
					return err
				}
				return a.showFolders(all)
			})
		},
	}
	whose(cmd, &public)
	return cmd
}

func (a *app) showFolders(all []admin.Folder) error {
	if a.json {
		return a.printJSON(all)
	}
	if len(all) == 0 {
		a.printf("there are none\n")
		return nil
	}
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "FOLDER\tCLASS\tITEMS\tSIZE\tSHARED")
	for _, f := range all {
		state := ""
		switch {
		case f.Link:
			state = "another's"
		case f.Grants > 0:
			state = fmt.Sprintf("to %d", f.Grants)
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\n", f.Path, f.Class, f.Items, bytesText(int64(f.Bytes)), state)
	}
	return w.Flush()
}

func (a *app) folderRename() *cobra.Command {
	var in admin.FolderEdit
	var public bool
	cmd := &cobra.Command{
		Use: "rename [OWNER] FOLDER NEW", Short: "Give a folder another name or place", Args: cobra.RangeArgs(2, 3),
		Long:              "Give a folder another name or place: NEW is its whole new path. Who may open it\nkeeps it.",
		Example:           "  martlet folder rename --public Company/Customers Sales/Customers",
		ValidArgsFunction: a.completeLogin,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			in.To = args[len(args)-1]
			if in.Owner, in.Path, err = shared(args[:len(args)-1], public); err != nil {
				return err
			}
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				f, err := c.RenameFolder(cmd.Context(), in)
				if err != nil {
					return err
				}
				return a.showFolder(f, "renamed %s to %s\n", in.Path, f.Path)
			})
		},
	}
	whose(cmd, &public)
	return cmd
}

// folderDeletion is what a deletion shows.
type folderDeletion struct {
	Folders []admin.Folder `json:"folders"`
	Deleted bool           `json:"deleted"`
}

func (a *app) folderDelete() *cobra.Command {
	var in admin.FolderEdit
	var public bool
	cmd := &cobra.Command{
		Use: "delete [OWNER] FOLDER", Short: "Delete a folder with all below it", Args: cobra.RangeArgs(1, 2),
		Long:              "Delete a folder with all below it and all that is in them. Without --yes it only\nshows what would go.",
		Example:           "  martlet folder delete --public Company/Customers --yes",
		ValidArgsFunction: a.completeLogin,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if in.Owner, in.Path, err = shared(args, public); err != nil {
				return err
			}
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				gone, err := c.DeleteFolder(cmd.Context(), in)
				if err != nil {
					return err
				}
				return a.showDeletion(gone, in.Yes)
			})
		},
	}
	whose(cmd, &public)
	cmd.Flags().BoolVar(&in.Yes, "yes", false, "do it")
	return cmd
}

func (a *app) showDeletion(gone []admin.Folder, done bool) error {
	if a.json {
		return a.printJSON(folderDeletion{gone, done})
	}
	verb := "would delete"
	if done {
		verb = "deleted"
	}
	for _, f := range gone {
		a.printf("%s %s with %d items (%s), shared to %d\n", verb, f.Path, f.Items, bytesText(int64(f.Bytes)), f.Grants)
	}
	if !done {
		a.printf("to do it: --yes\n")
	}
	return nil
}
