package main

import (
	"context"
	"crypto/rand"
	"errors"
	"mime"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

func (a *app) phoneSend(f *phoneFlags) *cobra.Command {
	var to []string
	var subject, text, file string
	var save bool
	cmd := &cobra.Command{
		Use: "send", Short: "Send a message", Args: cobra.NoArgs,
		Example: `  martlet phone send --user robin@example.org --to wren@example.org --subject Lunch --text "At noon?"
  martlet phone send --user robin@example.org --eml letter.eml`,
		Long: "Send a message: with --to, --subject and --text, or a whole one with --eml FILE.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			message, err := composed(f.user, to, subject, text, file)
			if err != nil {
				return err
			}
			return a.onPhone(cmd.Context(), f, 0, func(ctx context.Context, h *handset) error {
				if err := h.ready(ctx); err != nil {
					return err
				}
				if err := h.SendMail(ctx, "", message, save); err != nil {
					return err
				}
				if a.json {
					return a.printJSON(map[string]bool{"sent": true})
				}
				a.printf("sent\n")
				return nil
			})
		},
	}
	cmd.Flags().StringSliceVar(&to, "to", nil, "recipient; may be given several times")
	cmd.Flags().StringVar(&subject, "subject", "", "subject")
	cmd.Flags().StringVar(&text, "text", "", "text")
	cmd.Flags().StringVar(&file, "eml", "", "file with a whole message")
	cmd.Flags().BoolVar(&save, "save", true, "keep a copy in Sent Items")
	cmd.MarkFlagsMutuallyExclusive("to", "eml")
	cmd.MarkFlagsOneRequired("to", "eml")
	return cmd
}

// composed is a message of the flags, or of a file.
func composed(from string, to []string, subject, text, file string) ([]byte, error) {
	if file != "" {
		return os.ReadFile(file)
	}
	for _, s := range append([]string{from, subject}, to...) {
		if strings.ContainsAny(s, "\r\n") {
			return nil, errors.New("addresses and subject are one line each")
		}
	}
	head := "To: " + strings.Join(to, ", ") + "\r\nSubject: " + mime.QEncoding.Encode("utf-8", subject) + "\r\n"
	if strings.Contains(from, "@") {
		head = "From: " + from + "\r\n" + head
	}
	head += "Date: " + time.Now().Format(time.RFC1123Z) + "\r\nMessage-ID: <" + rand.Text() + "@martlet.phone>\r\n" +
		"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
	return []byte(head + strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\n", "\r\n") + "\r\n"), nil
}
