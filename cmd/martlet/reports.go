package main

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"martlet/gateway/admin"
	"martlet/mail/feedback"
)

func (a *app) reportsCommand() *cobra.Command {
	dmarc := group(&cobra.Command{Use: "dmarc", Short: "Who sends mail in the names of our domains"}, a.dmarcList(), a.dmarcShow())
	return group(&cobra.Command{Use: "reports", Short: "What other servers report about our domains"}, dmarc, a.tlsReportsCommand())
}

// reported asks for reports of the last days.
func (a *app) reported(cmd *cobra.Command, domain string, days int, show func([]feedback.Summary) error) error {
	return a.withAdmin(cmd.Context(), func(c admin.Client) error {
		all, err := c.DMARCReports(cmd.Context(), admin.ReportsRequest{Domain: domain, Since: time.Now().AddDate(0, 0, -days)})
		if err != nil {
			return err
		}
		return show(all)
	})
}

func daysFlag(cmd *cobra.Command, days *int) {
	cmd.Flags().IntVar(days, "days", 30, "of how many days")
}

func (a *app) dmarcList() *cobra.Command {
	var days int
	cmd := &cobra.Command{
		Use: "list [DOMAIN]", Short: "List the DMARC reports that came", Args: cobra.MaximumNArgs(1),
		Long: `List the DMARC aggregate reports that came to the address of [filter]
dmarc_inbox: who reports, about which domain and day, how many messages there were
with the domain in From, and how many of them were proven to be from it.`,
		Example: "  martlet reports dmarc list example.org --days 7",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.reported(cmd, first(args), days, func(all []feedback.Summary) error {
				if a.json {
					return a.printJSON(all)
				}
				w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
				fmt.Fprintln(w, "DOMAIN\tUNTIL\tFROM\tMESSAGES\tPROVEN\tID")
				for _, s := range all {
					fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%s\n", s.Domain, s.End.Format("2006-01-02"), s.Organisation, s.Messages, s.Passed, s.ID)
				}
				return w.Flush()
			})
		},
	}
	daysFlag(cmd, &days)
	return cmd
}

func (a *app) dmarcShow() *cobra.Command {
	var days int
	cmd := &cobra.Command{
		Use: "show DOMAIN", Short: "Show who sends mail in a domain's name", Args: cobra.ExactArgs(1),
		Long: `Show which hosts sent mail with a domain in From, summed up over all reports of the
last days: who of them sent in your name without being able to prove it, and what
became of that mail. Your own hosts should stand there with all messages proven.`,
		Example: "  martlet reports dmarc show example.org --json",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.reported(cmd, args[0], days, func(all []feedback.Summary) error {
				sources := feedback.Sources(all)
				if a.json {
					return a.printJSON(sources)
				}
				w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
				fmt.Fprintln(w, "HOST\tFROM\tMESSAGES\tPROVEN\tDKIM\tSPF\tJUNK\tREFUSED")
				for _, s := range sources {
					host := s.Address
					if host == "" {
						host = "(others)"
					}
					fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%d\t%d\t%d\n", host, s.From, s.Messages, s.Passed, s.DKIM, s.SPF, s.Junk, s.Refused)
				}
				return w.Flush()
			})
		},
	}
	daysFlag(cmd, &days)
	return cmd
}
