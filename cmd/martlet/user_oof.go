package main

import (
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"martlet/gateway/admin"
)

func (a *app) userOof() *cobra.Command {
	return group(&cobra.Command{Use: "oof", Short: "Show or change what a user says while away"},
		a.oofShow(), a.oofSet(), a.oofOff())
}

func (a *app) oofShow() *cobra.Command {
	return &cobra.Command{
		Use: "show LOGIN", Short: "Show what a user says while away", Args: namedArguments,
		Example:           `  martlet user oof show robin@example.org`,
		ValidArgsFunction: a.completeLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				got, err := c.Oof(cmd.Context(), args[0])
				if err != nil {
					return err
				}
				return a.showOof(got)
			})
		},
	}
}

// oofFlags are what can be said on the command line.
type oofFlags struct {
	message, external string
	from, until       string
	knownOnly, html   bool
}

func (a *app) oofSet() *cobra.Command {
	var f oofFlags
	cmd := &cobra.Command{
		Use: "set LOGIN", Short: "Say that a user is away", Args: namedArguments,
		ValidArgsFunction: a.completeLogin,
		Long: "Say that a user is away: until further notice, or with --until for a time,\n" +
			"which begins now or with --from. Whoever writes is told once. Messages that are not given stay as they were.",
		Example: "  martlet user oof set robin@example.org --message \"Ask Ada.\" --external \"Back in May.\" \\\n" +
			"    --from 2026-04-20 --until \"2026-05-04 08:00\"",
		RunE: func(cmd *cobra.Command, args []string) error {
			in, err := f.request(args[0], cmd.Flags().Changed)
			if err != nil {
				return err
			}
			return a.changeOof(cmd, in)
		},
	}
	cmd.Flags().StringVar(&f.message, "message", "", "what people of this server are told; \"\": nothing")
	cmd.Flags().StringVar(&f.external, "external", "", "what everybody else is told; \"\": nothing")
	cmd.Flags().BoolVar(&f.knownOnly, "known-only", false, "tell only those elsewhere whom the user knows")
	cmd.Flags().BoolVar(&f.html, "html", false, "the messages are HTML")
	cmd.Flags().StringVar(&f.from, "from", "", "when it begins: 2026-04-20 or \"2026-04-20 17:00\", local time, or RFC 3339")
	cmd.Flags().StringVar(&f.until, "until", "", "when it ends")
	return cmd
}

func (a *app) oofOff() *cobra.Command {
	return &cobra.Command{
		Use: "off LOGIN", Short: "Say that a user is back; the messages are kept", Args: namedArguments,
		Example:           `  martlet user oof off robin@example.org`,
		ValidArgsFunction: a.completeLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			off := "off"
			return a.changeOof(cmd, admin.OofRequest{Login: args[0], State: &off})
		},
	}
}

func (a *app) changeOof(cmd *cobra.Command, in admin.OofRequest) error {
	return a.withAdmin(cmd.Context(), func(c admin.Client) error {
		got, err := c.SetOof(cmd.Context(), in)
		if err != nil {
			return err
		}
		return a.showOof(got)
	})
}

// request is what the flags ask for.
func (f *oofFlags) request(login string, given func(string) bool) (in admin.OofRequest, err error) {
	in.Login = login
	state := "on"
	if given("from") || given("until") {
		if !given("until") {
			return in, fmt.Errorf("--from needs an --until")
		}
		state = "timed"
		start := time.Now()
		if given("from") {
			if start, err = parseMoment(f.from); err != nil {
				return in, err
			}
		}
		end, err := parseMoment(f.until)
		if err != nil {
			return in, err
		}
		in.Start, in.End = &start, &end
	}
	in.State = &state
	if given("message") {
		in.Internal = f.said(f.message)
	}
	if given("external") {
		in.Known, in.Unknown = f.said(f.external), f.said(f.external)
		in.Unknown.Enabled = in.Unknown.Enabled && !f.knownOnly
	} else if f.knownOnly {
		return in, fmt.Errorf("--known-only belongs to --external")
	}
	return in, nil
}

func (f *oofFlags) said(text string) *admin.OofMessage {
	return &admin.OofMessage{Enabled: text != "", Text: text, HTML: f.html && text != ""}
}

// parseMoment reads a point in time as people write it.
func parseMoment(s string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339, "2006-01-02 15:04", "2006-01-02T15:04", time.DateOnly} {
		if t, err := time.ParseInLocation(layout, s, time.Local); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time: write 2026-04-20 or \"2026-04-20 17:00\"", s)
}

func (a *app) showOof(o admin.Oof) error {
	if a.json {
		return a.printJSON(o)
	}
	now := "not away"
	if o.Away {
		now = "away"
	}
	a.printf("%s: %s", o.Login, now)
	if o.Start != nil && o.End != nil {
		a.printf(", from %s until %s", o.Start.Local().Format("2006-01-02 15:04"), o.End.Local().Format("2006-01-02 15:04"))
	}
	a.printf("\n")
	for _, m := range []struct {
		who  string
		said admin.OofMessage
	}{{"people here", o.Internal}, {"people known", o.Known}, {"others", o.Unknown}} {
		text := "are told nothing"
		if m.said.Enabled && m.said.Text != "" {
			text = "are told:\n  " + strings.ReplaceAll(strings.TrimSpace(m.said.Text), "\n", "\n  ")
		}
		a.printf("%s %s\n", m.who, text)
	}
	return nil
}
