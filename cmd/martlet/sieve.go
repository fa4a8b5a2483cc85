package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"martlet/gateway/admin"
	"martlet/mail/sieve"
)

func (a *app) sieveCommand() *cobra.Command {
	return group(&cobra.Command{Use: "sieve", Short: "Rules for arriving mail: list, show, put, activate, check and try Sieve scripts"},
		a.sieveList(), a.sieveShow(), a.sievePut(), a.sieveActivate(), a.sieveDelete(), a.sieveCheck(), a.sieveTest())
}

// ofUser adds the flag that says whose scripts are meant.
func (a *app) ofUser(cmd *cobra.Command, login *string, required bool) *cobra.Command {
	cmd.Flags().StringVarP(login, "user", "u", "", "whose scripts: a login")
	_ = cmd.RegisterFlagCompletionFunc("user", a.completeLogin) // fails for a flag that is not there
	if required {
		_ = cmd.MarkFlagRequired("user")
	}
	return cmd
}

func (a *app) sieveList() *cobra.Command {
	var login string
	return a.ofUser(&cobra.Command{
		Use: "list --user LOGIN", Short: "List a user's scripts, and what last went wrong with the active one", Args: cobra.NoArgs,
		Example: `  martlet sieve list --user robin@example.org`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				all, err := c.ListScripts(cmd.Context(), login)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(all)
				}
				w := tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)
				for _, s := range all {
					active := ""
					if s.Active {
						active = "active"
					}
					fmt.Fprintf(w, "%s\t%s\t%d bytes\t%s\n", s.Name, active, s.Bytes, s.Changed.Local().Format("2006-01-02 15:04"))
				}
				if err := w.Flush(); err != nil {
					return err
				}
				for _, s := range all {
					if s.Failed != nil {
						a.printf("%s failed on %s: %s\n", s.Name, s.Failed.Local().Format("2006-01-02 15:04"), s.Failure)
					}
				}
				return nil
			})
		},
	}, &login, true)
}

func (a *app) sieveShow() *cobra.Command {
	var login string
	return a.ofUser(&cobra.Command{
		Use: "show [NAME] --user LOGIN", Short: "Show a script, or the active one", Args: cobra.MaximumNArgs(1),
		Example: `  martlet sieve show main --user robin@example.org`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				s, err := c.ShowScript(cmd.Context(), login, strings.Join(args, ""))
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(s)
				}
				a.printf("%s", s.Source)
				return nil
			})
		},
	}, &login, true)
}

func (a *app) sievePut() *cobra.Command {
	var in admin.ScriptRequest
	cmd := a.ofUser(&cobra.Command{
		Use: "put NAME FILE --user LOGIN", Short: "Make or change a script; a wrong one is refused", Args: cobra.ExactArgs(2),
		Example: `  martlet sieve put main rules.sieve --user robin@example.org --activate`,
		Long:    "Make or change a script with the text in FILE; - is standard input.",
		RunE: func(cmd *cobra.Command, args []string) error {
			source, err := a.readScript(args[1])
			if err != nil {
				return err
			}
			in.Name, in.Source = args[0], &source
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				s, err := c.PutScript(cmd.Context(), in)
				if err != nil {
					return err
				}
				return a.showScript(s)
			})
		},
	}, &in.Login, true)
	cmd.Flags().BoolVar(&in.Activate, "activate", false, "and make it the one that runs")
	return cmd
}

// readScript reads a file that is not larger than a script may be by much.
func (a *app) readScript(name string) (string, error) {
	r := a.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return "", err
		}
		defer f.Close()
		r = f
	}
	b, err := io.ReadAll(io.LimitReader(r, sieve.MaxScript+1))
	return string(b), err
}

func (a *app) showScript(s admin.Script) error {
	if a.json {
		return a.printJSON(s)
	}
	if s.Active {
		a.printf("%s is active\n", s.Name)
	} else {
		a.printf("%s is kept; it does not run until it is activated\n", s.Name)
	}
	return nil
}

func (a *app) sieveActivate() *cobra.Command {
	var login string
	var none bool
	cmd := a.ofUser(&cobra.Command{
		Use: "activate [NAME] --user LOGIN", Short: "Make a script the one that runs, or with --none let none run", Args: cobra.MaximumNArgs(1),
		Example: `  martlet sieve activate main --user robin@example.org`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if none == (len(args) == 1) {
				return errors.New("give the name of a script or --none")
			}
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				s, err := c.ActivateScript(cmd.Context(), login, strings.Join(args, ""))
				if err != nil {
					return err
				}
				if none && !a.json {
					a.printf("no script is active\n")
					return nil
				}
				return a.showScript(s)
			})
		},
	}, &login, true)
	cmd.Flags().BoolVar(&none, "none", false, "no script runs")
	return cmd
}

func (a *app) sieveDelete() *cobra.Command {
	var login string
	return a.ofUser(&cobra.Command{
		Use: "delete NAME --user LOGIN", Short: "Delete a script that is not active", Args: cobra.ExactArgs(1),
		Example: `  martlet sieve delete old --user robin@example.org`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				if err := c.DeleteScript(cmd.Context(), login, args[0]); err != nil {
					return err
				}
				if a.json {
					return a.printJSON(map[string]string{"deleted": args[0]})
				}
				a.printf("deleted %s\n", args[0])
				return nil
			})
		},
	}, &login, true)
}

func (a *app) sieveCheck() *cobra.Command {
	var in admin.ScriptRequest
	return a.ofUser(&cobra.Command{
		Use: "check FILE", Short: "Check a file, or with --user a script that is kept", Args: cobra.MaximumNArgs(1),
		Example: "  martlet sieve check rules.sieve\n  martlet sieve check main --user robin@example.org",
		Long:    "Check a file, or with --user the script of that name, or the active one. What is wrong\nis said with its line and column. A file is checked without a server.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if in.Login != "" {
				in.Name = strings.Join(args, "")
				return a.withAdmin(cmd.Context(), func(c admin.Client) error {
					got, err := c.CheckScript(cmd.Context(), in)
					if err != nil {
						return err
					}
					return a.showCheck(got)
				})
			}
			if len(args) == 0 {
				return errors.New("give a file or --user")
			}
			source, err := a.readScript(args[0])
			if err != nil {
				return err
			}
			s, err := sieve.Compile(source)
			var wrong *sieve.Error
			if errors.As(err, &wrong) {
				return a.showCheck(admin.ScriptCheck{Line: wrong.Line, Column: wrong.Column, Text: wrong.Text})
			}
			return a.showCheck(admin.ScriptCheck{OK: true, Requires: s.Requires()})
		},
	}, &in.Login, false)
}

func (a *app) showCheck(c admin.ScriptCheck) error {
	if a.json {
		if err := a.printJSON(c); err != nil {
			return err
		}
	}
	if !c.OK {
		return &sieve.Error{Line: c.Line, Column: c.Column, Text: c.Text}
	}
	if !a.json {
		a.printf("the script is right\n")
	}
	return nil
}

func (a *app) sieveTest() *cobra.Command {
	var in admin.ScriptRequest
	var file, message string
	cmd := a.ofUser(&cobra.Command{
		Use: "test [NAME] --user LOGIN --message FILE", Short: "Tell what a script would do with a message, and do nothing", Args: cobra.MaximumNArgs(1),
		Example: `  martlet sieve test --user robin@example.org --message letter.eml --from ada@example.net`,
		Long: "Tell what a script would do with a message: the active one, the one of that name, or\n" +
			"with --script one in a file. Nothing is filed, sent or remembered.",
		RunE: func(cmd *cobra.Command, args []string) (err error) {
			in.Name = strings.Join(args, "")
			if file != "" {
				source, err := a.readScript(file)
				if err != nil {
					return err
				}
				in.Source = &source
			}
			if in.Message, err = os.ReadFile(message); err != nil {
				return err
			}
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				got, err := c.TestScript(cmd.Context(), in)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(got)
				}
				for _, action := range got.Actions {
					a.printf("%s\n", action)
				}
				if got.Failure != "" {
					a.printf("wrong: %s\n", got.Failure)
				}
				return nil
			})
		},
	}, &in.Login, true)
	cmd.Flags().StringVarP(&message, "message", "m", "", "the message, a file")
	cmd.Flags().StringVar(&file, "script", "", "a script in a file, which need not be kept")
	cmd.Flags().StringVar(&in.From, "from", "", "the sender of its envelope")
	cmd.Flags().StringVar(&in.To, "to", "", "the recipient of its envelope; default: the login")
	_ = cmd.MarkFlagRequired("message")
	return cmd
}
