package main

import (
	"context"
	"crypto/rand"
	"errors"

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
				id, err := taken(r)
				if err == nil && id == "" {
					err = errors.New("the server did not say whether it took it")
				}
				if err != nil {
					return err
				}
				return a.shown(map[string]string{"id": id}, "added %s to %s\n", id, folder.DisplayName)
			})
		},
	}
	o.add(cmd.Flags())
	return cmd
}
