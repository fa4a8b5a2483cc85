package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"martlet/gateway/admin"
)

func (a *app) queueCommand() *cobra.Command {
	return group(&cobra.Command{
		Use: "queue", Short: "Mail that waits for other hosts: list it, try it again, hold it, give it back",
		Long: `Mail for other hosts waits here until it has arrived, or is given back to its
sender after five days. A message counts once for each destination of its recipients.`,
	}, a.queueList(), a.queueShow(),
		a.queueChange("retry", "Try messages at once, whatever is known of their destinations",
			`Try messages at once: those that are named, those of a sender, for a recipient or a
destination, or all of them.`, "  martlet queue retry 17\n  martlet queue retry --destination client.example"),
		a.queueChange("hold", "Keep messages from being tried",
			`Keep messages from being tried until they are released. Without entries it is for
what comes later, too: all mail, or that of a sender or for a destination.`, "  martlet queue hold 17\n  martlet queue hold --from spammer@example.org\n  martlet queue hold --all"),
		a.queueChange("release", "Let held messages go",
			`Let held messages go, and end a hold of all mail, of a sender or of a destination.`,
			"  martlet queue release 17\n  martlet queue release --from spammer@example.org\n  martlet queue release --all"),
		a.queueChange("bounce", "Give messages back to their senders",
			`Give messages back to their senders as failed. What is on its way at this moment
stays. Without --yes the messages are shown and nothing is done.`, "  martlet queue bounce 17 --yes\n  martlet queue bounce --destination client.example --yes"))
}

// queueFilter adds the flags that choose messages.
func queueFilter(cmd *cobra.Command, in *admin.QueueFilter) {
	f := cmd.Flags()
	f.StringVar(&in.From, "from", "", `the sender's address, or "@example.org"; "<>" is the sender of reports`)
	f.StringVar(&in.To, "to", "", `a recipient's address, or "@client.example"`)
	f.StringVar(&in.Destination, "destination", "", "the domain or route that they wait for")
}

// entryNumbers reads the numbers of entries.
func entryNumbers(args []string) (all []uint64, err error) {
	for _, s := range args {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil || n == 0 {
			return nil, fmt.Errorf("%q is no number of an entry: see martlet queue list", s)
		}
		all = append(all, n)
	}
	return all, nil
}

func (a *app) queueList() *cobra.Command {
	in := admin.QueueFilter{}
	cmd := &cobra.Command{
		Use: "list", Short: "List the messages that wait", Args: cobra.NoArgs,
		Example: "  martlet queue list\n  martlet queue list --from @example.org --held",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				list, err := c.ListQueue(cmd.Context(), in)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(list)
				}
				return a.showQueue(&list)
			})
		},
	}
	queueFilter(cmd, &in)
	cmd.Flags().BoolVar(&in.Held, "held", false, "only those that are held")
	cmd.Flags().IntVar(&in.Limit, "limit", 200, "how many, the oldest first; 0: all")
	return cmd
}

func (a *app) showQueue(list *admin.QueueList) error {
	for _, h := range list.Holds {
		a.printf("held since %s: %s\n", h.Since.Local().Format(time.DateTime), strings.TrimSpace(h.Of+" "+h.Name))
	}
	if len(list.Messages) == 0 {
		a.printf("nothing waits for other hosts\n")
		return nil
	}
	err := showAll(a, list.Messages, "ENTRY\tAGE\tFROM\tDESTINATION\tTO\tTRIED\tNEXT\tSTATE\tREASON", func(m *admin.QueuedMessage) []any {
		next := "now"
		if until := time.Until(m.Next).Round(time.Second); until > 0 {
			next = "in " + until.String()
		}
		if m.State == "held" {
			next = "-"
		}
		return []any{m.Entry, time.Since(m.Created).Round(time.Second), printable(cmp.Or(m.From, "<>")), printable(m.Destination), len(m.Recipients), m.Attempts, next, m.State, printable(short(m.Reason))}
	})
	if list.More > 0 {
		a.printf("and %d more: --limit\n", list.More)
	}
	return err
}

// short is the beginning of a reason.
func short(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "…"
	}
	return s
}

func (a *app) queueShow() *cobra.Command {
	return &cobra.Command{
		Use: "show ENTRY", Short: "Show one message: who waits for it, and what other hosts said", Args: namedArguments,
		Example: "  martlet queue show 17",
		RunE: func(cmd *cobra.Command, args []string) error {
			entries, err := entryNumbers(args)
			if err != nil {
				return err
			}
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				list, err := c.ListQueue(cmd.Context(), admin.QueueFilter{Entries: entries})
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(list.Messages)
				}
				for i := range list.Messages {
					a.showQueued(&list.Messages[i])
				}
				return nil
			})
		},
	}
}

func (a *app) showQueued(m *admin.QueuedMessage) {
	a.printf("entry %d, id %s, from %s, %s, came %s\n", m.Entry, m.ID, printable(cmp.Or(m.From, "<>")), byteSize(m.Size), m.Created.Local().Format(time.DateTime))
	a.printf("  for %s: %s, tried %d times, next %s\n", printable(m.Destination), m.State, m.Attempts, m.Next.Local().Format(time.DateTime))
	for _, r := range m.Recipients {
		said := strings.TrimSpace(strings.Join(strings.Fields(r.Status+" "+r.Host+" "+r.Reply), " "))
		a.printf("    %s\n", printable(strings.TrimSuffix(r.Address+"  "+said, "  ")))
	}
}

func (a *app) queueChange(action, short, long, example string) *cobra.Command {
	in := admin.QueueChange{Action: action}
	var all, yes bool
	cmd := &cobra.Command{
		Use: action + " [ENTRY...]", Short: short, Long: long, Example: example,
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			if in.Entries, err = entryNumbers(args); err != nil {
				return err
			}
			chosen := in.From != "" || in.To != "" || in.Destination != ""
			switch {
			case all && (chosen || len(args) > 0), chosen && len(args) > 0:
				return errors.New("name entries, or choose by --from, --to and --destination, or give --all")
			case !all && !chosen && len(args) == 0:
				return fmt.Errorf("name entries, or give --from, --to or --destination%s", map[bool]string{true: ", or --all"}[action != "bounce"])
			}
			in.DryRun = action == "bounce" && !yes
			return a.withAdmin(cmd.Context(), func(c admin.Client) error { return a.changeQueue(cmd.Context(), c, &in) })
		},
	}
	queueFilter(cmd, &in.QueueFilter)
	if action == "bounce" {
		cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	} else {
		cmd.Flags().BoolVar(&all, "all", false, "all mail")
	}
	return cmd
}

func (a *app) changeQueue(ctx context.Context, c admin.Client, in *admin.QueueChange) error {
	done, err := c.ChangeQueue(ctx, *in)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(done)
	}
	if done.DryRun {
		for i := range done.Messages {
			a.showQueued(&done.Messages[i])
		}
		a.printf("%d messages would be given back to their senders: --yes does it\n", len(done.Messages))
		return nil
	}
	if done.Standing {
		what := cmp.Or(in.Destination, in.From, "all mail")
		a.printf("%s: %s\n", map[string]string{"hold": "held, and what comes later too", "release": "not held any more"}[in.Action], printable(what))
	}
	if len(done.Messages) > 0 || !done.Standing {
		a.printf("%s: %d messages\n", map[string]string{"retry": "tried at once", "hold": "held", "release": "released", "bounce": "given back"}[in.Action], len(done.Messages))
	}
	if done.Sending > 0 {
		a.printf("on their way at this moment, and left alone: %d\n", done.Sending)
	}
	return nil
}
