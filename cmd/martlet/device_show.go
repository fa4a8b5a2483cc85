package main

import (
	"cmp"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"martlet/gateway/admin"
)

func (a *app) deviceShow() *cobra.Command {
	return &cobra.Command{
		Use: "show LOGIN DEVICE", Short: "Show what is known of one phone", Args: namedArguments,
		Long: `Show what is known of one phone. When its held requests end at the same age again
and again, far below what it asked for, that age is shown with the network it
came from: a proxy, a firewall or the carrier cuts them.`,
		Example:           `  martlet device show robin@example.org IPHONE5C1F`,
		ValidArgsFunction: a.completeLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				d, err := c.Device(cmd.Context(), args[0], args[1])
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(d)
				}
				return a.printDevice(&d)
			})
		},
	}
}

func (a *app) printDevice(d *admin.Device) error {
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	for _, row := range [][2]string{
		{"device", d.ID}, {"user", d.Login}, {"type", d.Type}, {"model", d.Model}, {"name", d.Name}, {"system", d.OS},
		{"user agent", d.UserAgent}, {"protocol", d.Version},
		{"first seen", d.FirstSeen.Local().Format(time.DateTime)}, {"last seen", d.LastSeen.Local().Format(time.DateTime)},
		{"heartbeat", seconds(d.Heartbeat)}, {"held requests", heldText(d)},
	} {
		if row[1] != "" {
			fmt.Fprintf(w, "%s\t%s\n", row[0], row[1])
		}
	}
	return w.Flush()
}

func seconds(n uint32) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf("%d s", n)
}

func heldText(d *admin.Device) string {
	if d.HeldLimit == 0 {
		return "live as long as they should"
	}
	return fmt.Sprintf("end after about %d s when it comes from %s: a proxy, a firewall or the carrier cuts them", d.HeldLimit, cmp.Or(d.HeldPeer, "anywhere"))
}
