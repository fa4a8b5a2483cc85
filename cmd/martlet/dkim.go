package main

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"martlet/gateway/admin"
)

func (a *app) dkimCommand() *cobra.Command {
	return group(&cobra.Command{Use: "dkim", Short: "The keys that outgoing mail is signed with"},
		a.dkimList(), a.dkimDNS(), a.dkimRotate(), a.dkimUse(), a.dkimRetire())
}

// keys runs an operation that gives keys, and shows them.
func (a *app) keys(cmd *cobra.Command, show func([]admin.SigningKey) error, run func(admin.Client) ([]admin.SigningKey, error)) error {
	return a.withAdmin(cmd.Context(), func(c admin.Client) error {
		got, err := run(c)
		if err != nil {
			return err
		}
		return show(got)
	})
}

func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

func (a *app) dkimList() *cobra.Command {
	return &cobra.Command{
		Use: "list [DOMAIN]", Short: "List the keys", Args: cobra.MaximumNArgs(1),
		Long: `List the keys of one domain, or of all. A key waits until the DNS shows it, is
then used, and is retired when a newer one has taken its place. A domain without
keys gets them.`,
		Example: "  martlet dkim list --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.keys(cmd, a.showKeys, func(c admin.Client) ([]admin.SigningKey, error) { return c.SigningKeys(cmd.Context(), first(args)) })
		},
	}
}

func (a *app) dkimDNS() *cobra.Command {
	return &cobra.Command{
		Use: "dns [DOMAIN]", Short: "Print the DNS records of the keys", Args: cobra.MaximumNArgs(1),
		Long:    "Print the DNS records of the keys, as in a zone file. martlet dns prints the others, too.",
		Example: "  martlet dkim dns example.org",
		RunE: func(cmd *cobra.Command, args []string) error {
			show := func(keys []admin.SigningKey) error { return a.showRecords(keyRecords(keys)) }
			return a.keys(cmd, show, func(c admin.Client) ([]admin.SigningKey, error) { return c.SigningKeys(cmd.Context(), first(args)) })
		},
	}
}

func (a *app) dkimRotate() *cobra.Command {
	return &cobra.Command{
		Use: "rotate DOMAIN", Short: "Make new keys, which take the place of those in use", Args: cobra.ExactArgs(1),
		Long: `Make new keys for a domain and print their DNS records. They wait until the DNS
shows them, which the server looks for every ten minutes; then mail is signed with
them, and the old ones are retired. Leave those in the DNS for a week: what they have
signed is still on its way.`,
		Example: "  martlet dkim rotate example.org",
		RunE: func(cmd *cobra.Command, args []string) error {
			show := func(keys []admin.SigningKey) error {
				if a.json {
					return a.showKeys(keys)
				}
				a.printf("; Add these records; the keys are used when the DNS shows them.\n")
				return a.showRecords(keyRecords(keys))
			}
			return a.keys(cmd, show, func(c admin.Client) ([]admin.SigningKey, error) { return c.RotateKeys(cmd.Context(), args[0]) })
		},
	}
}

func (a *app) dkimUse() *cobra.Command {
	return &cobra.Command{
		Use: "use DOMAIN SELECTOR", Short: "Sign with a key at once, whatever the DNS shows", Args: cobra.ExactArgs(2),
		Long: `Sign with a key at once, whatever the DNS shows. It is for servers whose own view
of the DNS differs from that of the world. The key of its kind that was in use is
retired.`,
		Example: "  martlet dkim use example.org 20261124r",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.keys(cmd, a.showKeys, func(c admin.Client) ([]admin.SigningKey, error) { return c.UseKey(cmd.Context(), args[0], args[1]) })
		},
	}
}

func (a *app) dkimRetire() *cobra.Command {
	var force bool
	cmd := &cobra.Command{
		Use: "retire DOMAIN SELECTOR", Short: "Sign with a key no more", Args: cobra.ExactArgs(2),
		Long: `Sign with a key no more. A week later it is deleted, and its DNS record can go.
One that is in use is retired with --force only, as when somebody else has seen
it: take its record out of the DNS at once then.`,
		Example: "  martlet dkim retire example.org 20261124r",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.keys(cmd, a.showKeys, func(c admin.Client) ([]admin.SigningKey, error) {
				return c.RetireKey(cmd.Context(), args[0], args[1], force)
			})
		},
	}
	cmd.Flags().BoolVar(&force, "force", false, "even if it is in use")
	return cmd
}

func (a *app) showKeys(all []admin.SigningKey) error {
	if a.json {
		return a.printJSON(all)
	}
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "DOMAIN\tSELECTOR\tALGORITHM\tSTATE\tSINCE")
	for _, k := range all {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", k.Domain, k.Selector, k.Algorithm, k.State, k.Since.Format("2006-01-02 15:04"))
	}
	return w.Flush()
}
