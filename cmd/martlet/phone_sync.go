package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

func (a *app) phoneSync(f *phoneFlags) *cobra.Command {
	var window uint
	var all bool
	var hold time.Duration
	cmd := &cobra.Command{
		Use: "sync [FOLDER]", Short: "Synchronize a folder", Args: namedArguments,
		Example: `  martlet phone sync --user robin@example.org
  martlet phone sync "Sent Items" --user robin@example.org --memory phone.json --all
  martlet phone sync Calendar --user robin@example.org`,
		Long: `Synchronize a folder, by default the inbox, named as it is shown or by its id:
mail, a calendar, contacts, tasks or notes. Without --memory it starts anew and
brings the newest first.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.onPhone(cmd.Context(), f, hold, func(ctx context.Context, h *handset) error {
				if err := h.ready(ctx); err != nil {
					return err
				}
				folder, err := h.folder(strings.Join(args, ""))
				if err != nil {
					return err
				}
				r, err := h.sync(ctx, folder.ServerID, phone.SyncOptions{Window: window, All: all, Heartbeat: uint(hold / time.Second)})
				if err != nil {
					return err
				}
				return a.showSync(phone.ClassOf(folder.Type), r)
			})
		},
	}
	cmd.Flags().UintVar(&window, "window", 25, "how many items at once, 1 to 512")
	cmd.Flags().BoolVar(&all, "all", false, "go on until there is no more")
	cmd.Flags().DurationVar(&hold, "hold", 0, "let the server hold the request until something changes, 1m to 59m")
	return cmd
}

// line is a message in a list.
type line struct {
	Change   string    `json:"change,omitempty"`
	ID       string    `json:"id,omitempty"`
	Received time.Time `json:"received,omitzero"`
	From     string    `json:"from,omitempty"`
	Subject  string    `json:"subject,omitempty"`
	Read     *bool     `json:"read,omitempty"`
}

func lineOf(change, id string, e *eas.Email) line {
	l := line{Change: change, ID: id, Received: e.DateReceived, From: e.From, Read: e.Read}
	if e.Subject != nil {
		l.Subject = *e.Subject
	}
	return l
}

func (a *app) showSync(class string, r *phone.SyncResult) error {
	lines := []any{}
	for _, part := range []struct {
		change string
		items  []phone.Message
	}{{"add", r.Added}, {"change", r.Changed}} {
		for i := range part.items {
			l, err := changeLine(class, part.change, &part.items[i])
			if err != nil {
				return err
			}
			lines = append(lines, l)
		}
	}
	for _, id := range slices.Concat(r.Deleted, r.SoftDeleted) {
		lines = append(lines, line{Change: "delete", ID: id})
	}
	if a.json {
		return a.printJSON(map[string]any{"changes": lines, "more": r.More})
	}
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	for _, l := range lines {
		switch l := l.(type) {
		case line:
			fmt.Fprintln(w, l.row())
		case objectLine:
			fmt.Fprintln(w, l.row())
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if len(lines) == 0 {
		a.printf("nothing new\n")
	}
	if r.More {
		a.note("there is more: --all brings it\n")
	}
	return nil
}

func (a *app) showLines(lines []line) error {
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	for _, l := range lines {
		fmt.Fprintln(w, l.row())
	}
	return w.Flush()
}

// row is a line as a table shows it.
func (l line) row() string {
	row, when := "", ""
	if l.Change != "" {
		row = l.Change + "\t"
	}
	if !l.Received.IsZero() {
		when = l.Received.Local().Format(minuteForm)
	}
	return row + l.ID + "\t" + when + "\t" + printable(l.From) + "\t" + printable(l.Subject)
}
