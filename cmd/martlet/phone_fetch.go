package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

func (a *app) phoneFetch(f *phoneFlags) *cobra.Command {
	var whole bool
	var folder string
	cmd := &cobra.Command{
		Use: "fetch ID", Short: "Fetch a message", Args: namedArguments,
		Example: `  martlet phone fetch 1:7 --folder Inbox --user robin@example.org
  martlet phone fetch 1:7:7 --mime --user robin@example.org > letter.eml`,
		Long: `Fetch a message: with --folder by the id that sync or find showed, without by
the id that search showed. --mime brings it as it came.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.onPhone(cmd.Context(), f, 0, func(ctx context.Context, h *handset) error {
				if err := h.ready(ctx); err != nil {
					return err
				}
				kind := uint(eas.BodyPlain)
				if whole {
					kind = uint(eas.BodyMIME)
				}
				opt := phone.FetchOptions{MIME: whole, Bodies: []eas.BodyPreference{{Type: &kind}}}
				e, err := h.fetch(ctx, folder, args[0], opt)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(e)
				}
				if !whole {
					l := lineOf("", "", e)
					a.printf("From: %s\nTo: %s\nDate: %s\nSubject: %s\n\n", e.From, e.To, l.Received.Local().Format(time.RFC1123Z), l.Subject)
				}
				if e.Body != nil && e.Body.Data != nil {
					a.printf("%s\n", *e.Body.Data)
				}
				return nil
			})
		},
	}
	cmd.Flags().StringVar(&folder, "folder", "", "the message's folder")
	cmd.Flags().BoolVar(&whole, "mime", false, "the whole message in MIME")
	return cmd
}

func (h *handset) fetch(ctx context.Context, folder, id string, opt phone.FetchOptions) (*eas.Email, error) {
	if folder == "" {
		return h.FetchFound(ctx, id, opt)
	}
	f, err := h.folder(folder)
	if err != nil {
		return nil, err
	}
	return h.Fetch(ctx, f.ServerID, id, opt)
}
