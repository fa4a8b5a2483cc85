package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

// names are what folders are called.
func (h *handset) names(ids []string) []string {
	var out []string
	for _, f := range h.Folders() {
		if slices.Contains(ids, f.ServerID) {
			out = append(out, f.DisplayName)
		}
	}
	return out
}

func (a *app) phonePing(f *phoneFlags) *cobra.Command {
	var heartbeat time.Duration
	cmd := &cobra.Command{
		Use: "ping [FOLDER...]", Short: "Wait until a folder changes",
		Example: `  martlet phone ping --user robin@example.org --heartbeat 10m
  martlet phone ping Inbox Drafts --user robin@example.org --memory phone.json`,
		Long: `Wait until one of the folders changes, by default the inbox, or the heartbeat
is over. A folder must have been synchronized before: what the phone does not
know of yet is fetched first. If the answer comes long before the heartbeat and
is no change, a proxy in front gives up too early.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.onPhone(cmd.Context(), f, heartbeat, func(ctx context.Context, h *handset) error {
				if err := h.ready(ctx); err != nil {
					return err
				}
				if len(args) == 0 {
					args = []string{""}
				}
				var ids []string
				for _, name := range args {
					folder, err := h.folder(name)
					if err != nil {
						return err
					}
					ids = append(ids, folder.ServerID)
					if h.SyncKey(folder.ServerID) == "" {
						if _, err := h.sync(ctx, folder.ServerID, phone.SyncOptions{All: true, Window: 512, KeepNoMail: true}); err != nil {
							return err
						}
					}
				}
				start := time.Now()
				a.note("waiting up to %s\n", heartbeat)
				r, err := h.Ping(ctx, heartbeat, ids...)
				if r.Status == eas.PingStatusHeartbeatOutOfRange {
					return fmt.Errorf("the server does not hold a ping for %s: its bound is --heartbeat %s", heartbeat, r.Heartbeat)
				}
				if err != nil {
					return err
				}
				took := time.Since(start).Round(time.Millisecond)
				if a.json {
					return a.printJSON(map[string]any{"status": r.Status, "folders": r.Folders, "seconds": took.Seconds()})
				}
				if r.Status == eas.PingStatusChanges {
					a.printf("changed after %s: %s\n", took, strings.Join(h.names(r.Folders), ", "))
				} else {
					a.printf("no change within %s\n", took)
				}
				return nil
			})
		},
	}
	cmd.Flags().DurationVar(&heartbeat, "heartbeat", time.Minute, "how long the server may wait, 1m to 59m")
	return cmd
}
