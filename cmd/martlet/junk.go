package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"martlet/gateway/admin"
)

func (a *app) junkCommand() *cobra.Command {
	return group(&cobra.Command{Use: "junk", Short: "The filter that users teach: what it knows, try it, teach it, have it forget"},
		a.junkStats(), a.junkCheck(), a.junkTrain(), a.junkForget())
}

// whoseJunk adds the flag that says whose words are meant.
func (a *app) whoseJunk(cmd *cobra.Command, login *string, text string) *cobra.Command {
	cmd.Flags().StringVarP(login, "user", "u", "", text)
	_ = cmd.RegisterFlagCompletionFunc("user", a.completeLogin) // fails for a flag that is not there
	return cmd
}

func (a *app) junkStats() *cobra.Command {
	var login string
	return a.whoseJunk(&cobra.Command{
		Use: "stats", Short: "Show how much was learned, of all and of each user", Args: cobra.NoArgs,
		Example: `  martlet junk stats`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				all, err := c.JunkStats(cmd.Context(), login)
				if err != nil {
					return err
				}
				return a.showJunk(all)
			})
		},
	}, &login, "of one user alone: a login")
}

func (a *app) showJunk(all []admin.JunkStats) error {
	if a.json {
		return a.printJSON(all)
	}
	w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "WHO\tJUNK\tWANTED\tWORDS\tWAITING\t")
	for _, s := range all {
		who, ready := s.Login, ""
		if who == "" {
			who = "(all)"
		}
		if !s.Ready {
			ready = "not enough to judge by"
		}
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t%d\t%d\t%s\n", who, s.Junk, s.Good, s.Words, s.Waiting, ready)
	}
	return w.Flush()
}

func (a *app) junkCheck() *cobra.Command {
	var login string
	return a.whoseJunk(&cobra.Command{
		Use: "check FILE", Short: "Say what a message would be taken for, and why", Args: cobra.ExactArgs(1),
		Long:    "Say what the message in FILE would be taken for, and why; - is standard input.",
		Example: `  martlet junk check message.eml --user robin@example.org`,
		RunE: func(cmd *cobra.Command, args []string) error {
			raw, err := a.readMessage(args[0])
			if err != nil {
				return err
			}
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				j, err := c.JunkCheck(cmd.Context(), admin.JunkRequest{Login: login, Raw: raw})
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(j)
				}
				switch {
				case !j.Ready:
					a.printf("not enough was learned to say\n")
				case j.Junk:
					a.printf("junk: %.4f\n", j.Probability)
				default:
					a.printf("not junk: %.4f\n", j.Probability)
				}
				for _, r := range j.Reasons {
					a.printf("  %s\n", r)
				}
				return nil
			})
		},
	}, &login, "for a user: a login")
}

func (a *app) junkTrain() *cobra.Command {
	var login string
	var junk, good bool
	cmd := a.whoseJunk(&cobra.Command{
		Use: "train --junk|--good PATH...", Short: "Teach the filter messages, for all or for one user", Args: cobra.MinimumNArgs(1),
		Long: "Teach the filter that the messages in files are junk, or that they are not. Of a\n" +
			"folder every file below it is a message. Without --user it is taught for all:\n" +
			"two hundred messages of each kind have it judge from the first day on.",
		Example: "  martlet junk train --junk spam/ --good ham/*.eml",
		RunE: func(cmd *cobra.Command, args []string) error {
			if junk == good {
				return errors.New("say what the messages are: --junk or --good")
			}
			var files []string
			for _, path := range args {
				err := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
					if err == nil && d.Type().IsRegular() {
						files = append(files, p)
					}
					return err
				})
				if err != nil {
					return err
				}
			}
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				fresh := 0
				for _, file := range files {
					raw, err := a.readMessage(file)
					if err != nil {
						return err
					}
					if len(raw) == 0 {
						continue
					}
					got, err := c.JunkTrain(cmd.Context(), admin.JunkRequest{Login: login, Raw: raw, Junk: junk})
					if err != nil {
						return fmt.Errorf("%s: %w", file, err)
					}
					if got.New {
						fresh++
					}
				}
				if a.json {
					return a.printJSON(map[string]int{"messages": len(files), "new": fresh})
				}
				a.printf("%d messages, of which %d were new\n", len(files), fresh)
				return nil
			})
		},
	}, &login, "for one user alone: a login")
	cmd.Flags().BoolVar(&junk, "junk", false, "they are junk")
	cmd.Flags().BoolVar(&good, "good", false, "they are not")
	return cmd
}

// readMessage reads a message from a file, - is standard input.
func (a *app) readMessage(name string) ([]byte, error) {
	r := a.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		r = f
	}
	b, err := io.ReadAll(io.LimitReader(r, admin.MaxJunkMessage+1))
	if err == nil && len(b) > admin.MaxJunkMessage {
		err = fmt.Errorf("%s is larger than %d MiB", name, admin.MaxJunkMessage>>20)
	}
	return b, err
}

func (a *app) junkForget() *cobra.Command {
	var login string
	var all, yes bool
	cmd := a.whoseJunk(&cobra.Command{
		Use: "forget --user LOGIN", Short: "Forget what a user has taught, or with --all what all share", Args: cobra.NoArgs,
		Long: "Forget what a user has taught. What of it is shared with others decays by\n" +
			"itself. With --all it is the shared words that are forgotten, and no user's own.",
		Example: `  martlet junk forget --user robin@example.org --yes`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if all == (login != "") {
				return errors.New("say whose words: --user LOGIN, or --all for those that all share")
			}
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				was, err := c.JunkForget(cmd.Context(), login, yes)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(was)
				}
				if !yes {
					a.note("this would be forgotten; --yes does it\n")
				}
				return a.showJunk(was[:min(len(was), 1)])
			})
		},
	}, &login, "whose words: a login")
	cmd.Flags().BoolVar(&all, "all", false, "the words that all share")
	cmd.Flags().BoolVar(&yes, "yes", false, "do it")
	return cmd
}
