package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"martlet/gateway/admin"
	"martlet/mail/tlspolicy"
)

func (a *app) tlsReportsCommand() *cobra.Command {
	var days int
	cmd := &cobra.Command{
		Use: "tls [DOMAIN]", Short: "How TLS went for servers that send mail here", Args: cobra.MaximumNArgs(1),
		Long: `List the TLS reports that came to the address of [filter] dmarc_inbox, with the
record at _smtp._tls naming it: who reports, about which domain and day, how many
connections were as the domain's policies want them, and what was wrong with the
others. Before a policy of MTA-STS is enforced nothing should be wrong.`,
		Example: "  martlet reports tls example.org --days 7",
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				all, err := c.TLSReports(cmd.Context(), admin.ReportsRequest{Domain: first(args), Since: time.Now().AddDate(0, 0, -days)})
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(all)
				}
				w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
				fmt.Fprintln(w, "DOMAIN\tUNTIL\tFROM\tGOOD\tBAD\tWHAT IS WRONG")
				for _, r := range all {
					fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t\n", r.Domain, r.End.Format(time.DateOnly), r.Organization, r.Success, r.Failure)
					for _, f := range r.Failures {
						fmt.Fprintf(w, "\t\t\t\t%d\t%s %s\n", f.Count, f.Type, f.Host)
					}
				}
				return w.Flush()
			})
		},
	}
	daysFlag(cmd, &days)
	return cmd
}

// readTLSReport reads a message that may be a report of TLS. False: it is none.
func (s *server) readTLSReport(ctx context.Context, id, from string, raw []byte) bool {
	err := s.policies.Receive(ctx, raw, s.directory.IsLocal)
	if err != nil && !errors.Is(err, tlspolicy.ErrNoReport) {
		s.log.Error("a TLS report was not kept", "id", id, "from", from, "error", err)
	}
	return err == nil
}
