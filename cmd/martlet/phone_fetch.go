package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

// fetchFlags say what to fetch.
type fetchFlags struct {
	folder, file string
	whole        bool
}

func (a *app) phoneFetch(f *phoneFlags) *cobra.Command {
	var what fetchFlags
	cmd := &cobra.Command{
		Use: "fetch ID", Short: "Fetch a message, or a file attached to one",
		Args: func(cmd *cobra.Command, args []string) error {
			switch {
			case what.file != "" && len(args) > 0:
				return errors.New("give the ID of a message or --file, not both")
			case what.file != "":
				return nil
			}
			return namedArguments(cmd, args)
		},
		Example: `  martlet phone fetch 1:7 --folder Inbox --user robin@example.org
  martlet phone fetch 1:7:7 --mime --user robin@example.org > letter.eml
  martlet phone fetch --file 1:7:2 --user robin@example.org > plan.pdf`,
		Long: `Fetch a message: with --folder by the id that sync or find showed, without by
the id that search showed. --mime brings it as it came. The files attached to it
are listed with their references: --file brings one.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.onPhone(cmd.Context(), f, 0, func(ctx context.Context, h *handset) error {
				if err := h.ready(ctx); err != nil {
					return err
				}
				if what.file != "" {
					data, err := h.attached(ctx, what.file)
					if err != nil {
						return err
					}
					_, err = a.out.Write(data)
					return err
				}
				e, err := h.fetch(ctx, what, args[0])
				if err != nil {
					return err
				}
				return a.showMessage(e, what.whole)
			})
		},
	}
	cmd.Flags().StringVar(&what.folder, "folder", "", "the message's folder")
	cmd.Flags().BoolVar(&what.whole, "mime", false, "the whole message in MIME")
	cmd.Flags().StringVar(&what.file, "file", "", "reference of an attached file, instead of a message")
	cmd.MarkFlagsMutuallyExclusive("file", "folder")
	cmd.MarkFlagsMutuallyExclusive("file", "mime")
	return cmd
}

func (h *handset) fetch(ctx context.Context, what fetchFlags, id string) (*eas.Email, error) {
	if h.Version() < eas.V120 {
		return nil, errors.New("fetching by ItemOperations came with 12.0: give another --protocol")
	}
	kind := uint(eas.BodyPlain)
	if what.whole {
		kind = uint(eas.BodyMIME)
	}
	opt := phone.FetchOptions{MIME: what.whole, Bodies: []eas.BodyPreference{{Type: &kind}}}
	if what.folder == "" {
		return h.FetchFound(ctx, id, opt)
	}
	f, err := h.folder(what.folder)
	if err != nil {
		return nil, err
	}
	return h.Fetch(ctx, f.ServerID, id, opt)
}

// attached brings a file in the way of the version.
func (h *handset) attached(ctx context.Context, reference string) ([]byte, error) {
	if h.Version() < eas.V120 {
		_, data, err := h.GetAttachment(ctx, reference)
		return data, err
	}
	got, err := h.FetchAttachment(ctx, reference, phone.FetchOptions{})
	if err != nil {
		return nil, err
	}
	return got.Data, nil
}

// shownMessage is a message as --json prints it.
type shownMessage struct {
	line
	To    string      `json:"to,omitempty"`
	Cc    string      `json:"cc,omitempty"`
	Class string      `json:"class,omitempty"`
	Files []shownFile `json:"files"`
	Body  string      `json:"body"`
}

type shownFile struct {
	Name      string `json:"name"`
	Bytes     uint32 `json:"bytes"` // as the server estimates
	Reference string `json:"reference"`
	Inline    bool   `json:"inline,omitempty"`
}

func (a *app) showMessage(e *eas.Email, whole bool) error {
	m := shownMessage{line: lineOf("", "", e), To: e.To, Cc: e.Cc, Class: e.MessageClass, Files: []shownFile{}}
	for _, item := range e.Attachments {
		if f := item.Attachment; f != nil {
			m.Files = append(m.Files, shownFile{f.DisplayName, f.EstimatedDataSize, f.FileReference, f.IsInline})
		}
	}
	if e.Body != nil && e.Body.Data != nil {
		m.Body = *e.Body.Data
	}
	if a.json {
		return a.printJSON(m)
	}
	if !whole {
		a.printf("From: %s\nTo: %s\n", m.From, m.To)
		if m.Cc != "" {
			a.printf("Cc: %s\n", m.Cc)
		}
		a.printf("Date: %s\nSubject: %s\n", m.Received.Local().Format(time.RFC1123Z), m.Subject)
		for _, f := range m.Files {
			a.printf("File: %s, about %d bytes, %s\n", f.Name, f.Bytes, f.Reference)
		}
		a.printf("\n")
	}
	if _, err := fmt.Fprintln(a.out, m.Body); err != nil {
		return err
	}
	return nil
}
