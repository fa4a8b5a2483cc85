package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

func (a *app) phoneAdd(f *phoneFlags) *cobra.Command {
	var o objectFlags
	cmd := &cobra.Command{
		Use: "add FOLDER", Short: "Add an event, a contact, a task or a note", Args: namedArguments,
		Example: `  martlet phone add Calendar --subject Lunch --start "2026-12-01 12:00" --invite wren@example.org --user robin@example.org
  martlet phone add Calendar --subject Fair --start 2026-12-24 --all-day --user robin@example.org
  martlet phone add Contacts --subject "Otto Other" --email otto@example.net --user robin@example.org
  martlet phone add Tasks --subject "Feed the birds" --due 2026-12-02 --user robin@example.org`,
		Long: `Add to a folder what it holds: an event, a contact, a task or a note. Times are
those of this machine. Who is invited to an event gets an invitation.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.onPhone(cmd.Context(), f, 0, func(ctx context.Context, h *handset) error {
				if err := h.ready(ctx); err != nil {
					return err
				}
				folder, err := h.folder(args[0])
				if err != nil {
					return err
				}
				data, err := o.object(phone.ClassOf(folder.Type), h.Version(), rand.Text())
				if err != nil {
					return err
				}
				r, err := h.Sync(ctx, folder.ServerID, phone.SyncOptions{
					Commands: []eas.SyncCommand{phone.Add(rand.Text(), data)}, NoChanges: true,
				})
				if err != nil {
					return err
				}
				id, err := addedID(r)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(map[string]string{"id": id})
				}
				a.printf("added %s to %s\n", id, folder.DisplayName)
				return nil
			})
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.subject, "subject", "", "what it is about; of a contact, the name")
	flags.StringVar(&o.text, "text", "", "text")
	flags.StringVar(&o.start, "start", "", `when an event begins: "2026-12-01 12:00", or with --all-day 2026-12-01`)
	flags.StringVar(&o.end, "end", "", "when it ends (default: an hour later); with --all-day its last day")
	flags.BoolVar(&o.allDay, "all-day", false, "an event of whole days")
	flags.StringVar(&o.place, "place", "", "where an event is")
	flags.StringSliceVar(&o.invite, "invite", nil, "who is invited to an event: people and rooms; may be given several times")
	flags.StringVar(&o.due, "due", "", "the day when a task is due: 2026-12-01")
	flags.StringVar(&o.email, "email", "", "a contact's mail address")
	flags.StringVar(&o.mobile, "mobile", "", "a contact's mobile number")
	flags.StringVar(&o.company, "company", "", "a contact's company")
	return cmd
}

// addedID is the id that the server gave, or why it gave none.
func addedID(r *phone.SyncResult) (string, error) {
	for _, reply := range r.Replies {
		if a := reply.Add; a != nil {
			if a.Status == eas.SyncStatusConversionError {
				return "", errors.New("the server refused it (Sync status 6): may the folder only be read?")
			}
			if a.Status != eas.SyncStatusSuccess {
				return "", fmt.Errorf("the server refused it: %s (Sync status %d)", a.Status, a.Status)
			}
			return a.ServerID, nil
		}
	}
	return "", errors.New("the server did not say whether it took it")
}
