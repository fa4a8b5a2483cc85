package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"martlet/directory"
	"martlet/gateway/admin"
)

func (a *app) directoryCommand() *cobra.Command {
	return group(&cobra.Command{Use: "directory", Short: "Apply and export the whole directory as one file"},
		a.directoryApply(), a.directoryExport())
}

// applyResult is what apply prints as JSON.
type applyResult struct {
	DryRun bool             `json:"dry_run"`
	Edits  []directory.Edit `json:"edits"`
}

func (a *app) directoryApply() *cobra.Command {
	var in admin.ApplyRequest
	cmd := &cobra.Command{
		Use: "apply FILE", Short: "Bring domains, users, groups, rooms and shared contacts to what a file says", Args: namedArguments,
		Long: `Bring domains, users, groups, delegations, rooms and shared contacts to what a TOML
file says, and print what that changed. Applied twice it changes nothing. What the
file does not mention stays, unless --prune is given. FILE may be - for standard
input.

  [[domain]]
  name = "example.org"
  catch_all = "robin@example.org"   # optional
  plus_addressing = true            # user+anything@example.org

  [[user]]
  login = "robin@example.org"
  name = "Robin Swift"              # also given_name, surname, alias
  title = "Pilot"                   # also company, department, office
  phone = "+41 44 123 45 67"        # also mobile, home_phone
  photo = "robin.jpg"               # JPEG or PNG up to 100 KiB, beside this file
  certificates = ["robin.pem"]      # S/MIME, beside this file
  aliases = ["r.swift@example.org"]
  password = "..."                  # or password_hash = "$argon2id$..." or bcrypt
  active_sync = true
  disabled = false
  admin = false
  hidden = false                    # from the address list
  server = ""                       # URL of the server with the mailbox; "": this one

  [[group]]
  address = "crew@example.org"
  name = "The crew"
  members = ["robin@example.org"]
  hidden = false                    # from the address list; also photo

  [[delegation]]
  owner = "crew@example.org"        # a user or a group
  delegate = "robin@example.org"
  send_as = true                    # or send_on_behalf = true

  [[resource]]
  address = "attic@example.org"
  kind = "room"                     # or "equipment"
  name = "The Attic"
  location = "Top floor"            # also phone, photo, aliases, hidden
  capacity = 12
  booking = "automatic"             # or "delegates" or "closed"
  delegates = ["robin@example.org"] # who decide; users and groups
  may_book = ["crew@example.org"]   # [] is everybody here
  outsiders = false                 # people who are not here may book it, too
  days = ["mon", "tue", "wed"]      # [] is each
  hours = "08:00-18:30"             # "" is the whole day
  time_zone = "Europe/Zurich"
  max_duration = "4h"               # "" is any
  horizon_days = 180                # 0 is any
  one_time = false                  # no meetings that recur
  conflicts = false                 # two meetings may have it at once

  [[contact]]
  address = "otto@example.net"      # somebody outside
  addresses = ["otto@example.com"]
  name = "Otto Other"               # also given_name, surname, alias, title, company,
  mobile = "+49 170 4711"           # department, office, phone, home_phone, photo, hidden`,
		Example: "  martlet directory apply people.toml --dry-run",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if in.File, err = a.readDirectory(args[0]); err != nil {
				return err
			}
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				edits, err := c.Apply(cmd.Context(), in)
				if errors.Is(err, admin.ErrNeedsYes) {
					err = errors.Join(err, errors.New("look at it with --dry-run, then add --yes"))
				}
				if err != nil {
					return err
				}
				return a.showEdits(edits, in.DryRun)
			})
		},
	}
	cmd.Flags().BoolVar(&in.DryRun, "dry-run", false, "only print what would change")
	cmd.Flags().BoolVar(&in.Prune, "prune", false, "remove what the file does not mention")
	cmd.Flags().BoolVar(&in.Yes, "yes", false, "with --prune: remove users with their mailboxes")
	return cmd
}

func (a *app) readDirectory(name string) (*directory.File, error) {
	f, err := a.input(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if name == "-" {
		name = "standard input"
	}
	return directory.ParseFile(f, name)
}

func (a *app) showEdits(edits []directory.Edit, dryRun bool) error {
	if a.json {
		return a.printJSON(applyResult{DryRun: dryRun, Edits: edits})
	}
	for _, e := range edits {
		a.printf("%s %s", e.Kind, e.Subject)
		if e.Text != "" {
			a.printf(": %s", e.Text)
		}
		a.printf("\n")
	}
	switch {
	case len(edits) == 0:
		a.printf("nothing to change\n")
	case dryRun:
		a.printf("%s; nothing was done\n", changes(len(edits)))
	default:
		a.printf("%s\n", changes(len(edits)))
	}
	return nil
}

func changes(n int) string {
	if n == 1 {
		return "1 change"
	}
	return fmt.Sprint(n, " changes")
}

func (a *app) directoryExport() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use: "export", Short: "Write the directory as a file that apply reads", Args: cobra.NoArgs,
		Example: `  martlet directory export -o people.toml`,
		Long:    "Write the directory as a TOML file that apply reads: password hashes, not\npasswords, and photos within.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				return a.writeOutput(output, func(w io.Writer) error { return c.Export(cmd.Context(), w) })
			})
		},
	}
	cmd.Flags().StringVarP(&output, "output", "o", "-", "file to write; - is standard output")
	return cmd
}

// writeOutput writes to standard output for "-", else to a new file that has its
// name only when it is whole and on the disk.
func (a *app) writeOutput(name string, write func(io.Writer) error) error {
	if name == "-" {
		return write(a.out)
	}
	if _, err := os.Lstat(name); err == nil {
		return errors.New(name + " is there already: choose another name or remove it")
	}
	f, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".part-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := errors.Join(write(f), f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
