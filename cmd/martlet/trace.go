package main

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"martlet/gateway/admin"
	"martlet/mail/trace"
)

func (a *app) traceCommand() *cobra.Command {
	in := admin.TraceRequest{}
	var since, until string
	var steps []string
	cmd := &cobra.Command{
		Use: "trace", Short: "Where is the mail from one to another?",
		Long: `Tell what became of messages in the last days: who brought each, into which mailbox
it went or why it did not, and what other hosts said of it. Texts are found within
addresses. Subjects and contents are not remembered.

Steps: delivered, junk, discarded, refused, rejected, forwarded, queued, sent,
deferred, failed. What waits for other hosts now: martlet queue list.`,
		Example: `  martlet trace --from ann@client.example --to bob@example.org
  martlet trace --to bob@ --step refused --step junk --since 2d
  martlet trace --id X7QK2M4VTB5HJ3WN`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			now := time.Now()
			var err error
			if in.Since, err = pointInTime(since, now); err != nil {
				return fmt.Errorf("--since: %w", err)
			}
			if in.Until, err = pointInTime(until, now); err != nil {
				return fmt.Errorf("--until: %w", err)
			}
			for _, s := range steps {
				if !slices.Contains(trace.Steps(), trace.Step(s)) {
					return fmt.Errorf("--step: %q is none of the steps", s)
				}
				in.Steps = append(in.Steps, trace.Step(s))
			}
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				found, err := c.Trace(cmd.Context(), in)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(found)
				}
				a.showTrace(&found)
				return nil
			})
		},
	}
	f := cmd.Flags()
	f.StringVar(&in.From, "from", "", `part of the sender's address; "<>" is the sender of reports`)
	f.StringVar(&in.To, "to", "", "part of the recipient's address")
	f.StringVar(&in.ID, "id", "", "the message's id in our log and its Received field")
	f.StringVar(&in.MessageID, "message-id", "", "the message's Message-ID")
	f.StringSliceVar(&steps, "step", nil, "only these steps")
	f.StringVar(&since, "since", "", "not before: 90m, 12h, 2d ago, or 2026-11-23 or 2026-11-23T14:00")
	f.StringVar(&until, "until", "", "not after")
	f.IntVar(&in.Limit, "limit", 100, "how many, the newest first")
	return cmd
}

// pointInTime reads how long ago something was, or when; empty: never.
func pointInTime(s string, now time.Time) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	if n, ok := strings.CutSuffix(s, "d"); ok {
		if days, err := strconv.Atoi(n); err == nil && days >= 0 && days < 100_000 {
			return now.Add(-time.Duration(days) * 24 * time.Hour), nil
		}
	}
	if d, err := time.ParseDuration(s); err == nil && d >= 0 {
		return now.Add(-d), nil
	}
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"} {
		if t, err := time.ParseInLocation(form, s, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, errors.New("neither how long ago (90m, 12h, 2d) nor when (2026-11-23, 2026-11-23T14:00)")
}

func (a *app) showTrace(t *admin.Traced) {
	if len(t.Events) == 0 {
		a.printf("nothing is known of such mail\n")
		return
	}
	for i := range t.Events {
		e := &t.Events[i]
		from := cmp.Or(e.From, "<>")
		if e.Login != "" && e.Login != e.From {
			from += " (" + e.Login + ")"
		}
		if e.Remote.IsValid() {
			from += " via " + e.Remote.String()
		}
		a.printf("%s  %s  from %s\n", e.Time.Local().Format(time.DateTime), e.ID, printable(from))
		for _, o := range e.Outcomes {
			a.printf("  %-10s %s\n", o.Step, printable(strings.TrimSuffix(o.To+": "+o.Detail, ": ")))
		}
	}
	if t.More {
		a.printf("there are older ones: --limit, --until\n")
	}
}
