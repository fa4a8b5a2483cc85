package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"martlet/gateway/admin"
	"martlet/push/webpush"
)

func (a *app) pushCommand() *cobra.Command {
	return group(&cobra.Command{
		Use: "push", Short: "The apps that are woken: what is set up, who is registered, what became of it",
		Long: `Apps that sleep until Apple, Google or a Web Push service wakes them register
at /push/v1; docs/push.md says how they and their keys are set up. Phones that
hold a request are not among them: martlet device lists those.`,
	}, a.pushApps(), a.pushList(), a.pushShow(), a.pushTest(), a.pushOutcomes(), a.pushRemove(), a.pushKey())
}

func (a *app) pushApps() *cobra.Command {
	return &cobra.Command{
		Use: "apps", Short: "List the apps that are set up, and how their queues stand", Args: namedArguments,
		Example: `  martlet push apps`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				all, err := c.Apps(cmd.Context())
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(all)
				}
				if len(all) == 0 {
					a.printf("no app is set up; see [push] in martlet.toml\n")
					return nil
				}
				w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
				fmt.Fprintln(w, "APP\tKIND\tTOPIC OR KEY\tREGISTRATIONS\tSTATE\tWAITING\tSINCE THE START")
				for _, app := range all {
					printApp(w, &app)
				}
				return w.Flush()
			})
		},
	}
}

func printApp(w *tabwriter.Writer, app *admin.App) {
	what := app.Topic + app.VAPID
	if app.Sandbox {
		what += " (sandbox too)"
	}
	if len(app.Queues) == 0 {
		app.Queues = []admin.Queued{{State: "-"}}
	}
	for i, q := range app.Queues {
		if i == 0 {
			fmt.Fprintf(w, "%s\t%s\t%s\t%d\t", app.Name, app.Kind, what, app.Registrations)
		} else {
			fmt.Fprint(w, "\t\t\t\t")
		}
		state := q.State
		if q.Service != "" {
			state = q.Service + ": " + state
		}
		if q.Reason != "" {
			state += " (" + q.Reason + ")"
		}
		var counts []string
		for _, name := range slices.Sorted(maps.Keys(q.Results)) {
			counts = append(counts, fmt.Sprintf("%d %s", q.Results[name], name))
		}
		fmt.Fprintf(w, "%s\t%d\t%s\n", state, q.Due+q.InFlight, strings.Join(counts, ", "))
	}
}

func (a *app) pushList() *cobra.Command {
	return &cobra.Command{
		Use: "list [LOGIN]", Short: "List the apps that are registered, of a user or of all", Args: namedArguments,
		Example:           `  martlet push list robin@example.org`,
		ValidArgsFunction: a.completeLogin,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				login := ""
				if len(args) > 0 {
					login = args[0]
				}
				all, err := c.Registrations(cmd.Context(), login)
				if err != nil {
					return err
				}
				return showAll(a, all, "ID\tLOGIN\tAPP\tDEVICE\tMODE\tTARGET\tREGISTERED\tLAST", func(r *admin.Registration) []any {
					return []any{r.ID, r.Login, r.App + " (" + r.Kind + ")", r.Device, r.Mode, r.Target, r.Registered.Local().Format(time.DateTime), lastWord(r)}
				})
			})
		},
	}
}

// lastWord is how a registration stands, in a line.
func lastWord(r *admin.Registration) string {
	switch {
	case r.Lost != "":
		return "lost: " + r.Lost
	case r.Last != nil:
		return r.Last.At.Local().Format(time.DateTime) + " " + said(r.Last)
	}
	return "nothing sent yet"
}

// said is what became of an attempt, in a few words.
func said(o *admin.Outcome) string {
	s := o.Result
	if o.Status != 0 {
		s += " " + strconv.Itoa(o.Status)
	}
	if o.Reason != "" {
		s += " " + o.Reason
	}
	if o.Again {
		s += ", tried again"
	}
	return s
}

// errWhichPush tells how registrations are named.
var errWhichPush = errors.New("name a registration by its number, as martlet push list shows it")

// registrationID reads 17, or r17 as the API writes it.
func registrationID(s string) (uint64, error) {
	id, err := strconv.ParseUint(strings.TrimPrefix(s, "r"), 10, 64)
	if err != nil || id == 0 {
		return 0, errWhichPush
	}
	return id, nil
}

// onePush makes a command that does something with one registration.
func (a *app) onePush(use, short, example string, do func(*cobra.Command, admin.Client, uint64) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: namedArguments, Example: example,
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := registrationID(args[0])
			if err != nil {
				return err
			}
			return a.withAdmin(cmd.Context(), func(c admin.Client) error { return do(cmd, c, id) })
		},
	}
}

func (a *app) pushShow() *cobra.Command {
	return a.onePush("show ID", "Show a registration", `  martlet push show 17`, func(cmd *cobra.Command, c admin.Client, id uint64) error {
		r, err := c.Registration(cmd.Context(), id)
		if err != nil {
			return err
		}
		if a.json {
			return a.printJSON(r)
		}
		a.showRegistration(&r)
		return nil
	})
}

func (a *app) showRegistration(r *admin.Registration) {
	line := func(name, value string) {
		if value != "" {
			a.printf("%-12s %s\n", name, value)
		}
	}
	when := func(t *time.Time) string {
		if t == nil {
			return ""
		}
		return t.Local().Format(time.DateTime)
	}
	line("id", strconv.FormatUint(r.ID, 10))
	line("login", r.Login)
	app := r.App + " (" + r.Kind + ")"
	if r.Sandbox {
		app = r.App + " (" + r.Kind + ", sandbox)"
	}
	line("app", app)
	line("device", r.Device)
	line("account", r.Account)
	line("target", strings.TrimSpace(r.Target+" "+r.Host))
	line("mode", r.Mode+", detail "+r.Detail)
	folders := "inbox"
	if r.Everything {
		folders = "everything"
	} else if r.All {
		folders = "all"
	} else if len(r.Folders) > 0 {
		folders = strings.Trim(fmt.Sprint(r.Folders), "[]")
	}
	line("folders", folders)
	if r.VIPs > 0 {
		only := ""
		if r.OnlyVIP {
			only = ", and nobody else"
		}
		line("vip", fmt.Sprintf("%d senders%s", r.VIPs, only))
	}
	if q := r.Quiet; q != nil {
		days := ""
		if len(q.Days) > 0 {
			days = ", from " + strings.Join(q.Days, " ")
		}
		line("quiet hours", fmt.Sprintf("%02d:%02d to %02d:%02d, %s%s", q.From/60, q.From%60, q.Until/60, q.Until%60, q.Zone, days))
	}
	line("created", when(&r.Created))
	line("registered", when(&r.Registered))
	line("expires", when(r.Expires))
	line("lost", strings.TrimSpace(r.Lost+" "+when(r.LostAt)))
	if r.Last != nil {
		line("last", when(&r.Last.At)+" "+said(r.Last))
	}
}

// errNotWoken is the exit status of a test that failed.
var errNotWoken = errors.New("the app was not woken")

func (a *app) pushTest() *cobra.Command {
	cmd := a.onePush("test ID", "Wake an app now and tell what the service says", `  martlet push test 17`, func(cmd *cobra.Command, c admin.Client, id uint64) error {
		o, err := c.TestPush(cmd.Context(), id)
		if err != nil {
			return err
		}
		if a.json {
			err = a.printJSON(o)
		} else {
			a.printf("%s, after %.1f ms\n", said(&o), o.Millis)
		}
		if err == nil && o.Result != "accepted" {
			err = errNotWoken
		}
		return err
	})
	cmd.Long = `Send an app a notification of its registration's mode, without mail in it, and
tell what the service says within ten seconds. Only a running server wakes apps.
docs/push.md says what each reason means and what to do.`
	return cmd
}

func (a *app) pushOutcomes() *cobra.Command {
	limit := 0
	cmd := a.onePush("outcomes ID", "List what became of the last attempts to wake an app", `  martlet push outcomes 17 --limit 20`, func(cmd *cobra.Command, c admin.Client, id uint64) error {
		all, err := c.Outcomes(cmd.Context(), id, limit)
		if err != nil {
			return err
		}
		if a.json {
			return a.printJSON(all)
		}
		w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
		fmt.Fprintln(w, "AT\tRESULT\tMODE\tPRIORITY\tKIND")
		for _, o := range all {
			kind, priority := "", "normal"
			if o.Test {
				kind = "test"
			} else if o.Withdrawn {
				kind = "withdrawn"
			}
			if o.High {
				priority = "high"
			}
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", o.At.Local().Format("2006-01-02 15:04:05.000"), said(&o), o.Mode, priority, kind)
		}
		return w.Flush()
	})
	cmd.Long = "List what became of the last attempts to wake an app, the latest first. The last\n1,000 are kept."
	cmd.Flags().IntVar(&limit, "limit", 0, "as many at most (default all that are kept)")
	return cmd
}

func (a *app) pushRemove() *cobra.Command {
	cmd := a.onePush("remove ID", "Forget a registration", `  martlet push remove 17`, func(cmd *cobra.Command, c admin.Client, id uint64) error {
		r, err := c.RemovePush(cmd.Context(), id)
		if err != nil {
			return err
		}
		if a.json {
			return a.printJSON(r)
		}
		a.printf("forgot %s (%s) of %s\n", r.App, r.Kind, r.Login)
		return nil
	})
	cmd.Long = "Forget a registration, and what became of its notifications. An app that is\nstill installed registers anew at its next start."
	return cmd
}

// vapidFile is what quickstart calls the key of Web Push.
const vapidFile = "vapid.key"

func (a *app) pushKey() *cobra.Command {
	return &cobra.Command{
		Use: "key [FILE]", Short: "Make a VAPID key for Web Push", Args: namedArguments,
		Example: `  martlet push key /etc/martlet/vapid.key`,
		Long: `Make the key that proves to Web Push services who sends (RFC 8292), for
[push.webpush] key_file; quickstart makes one too. FILE is vapid.key when it is
left out, and must not be there yet: browsers that subscribed with a key are
lost when it changes.`,
		RunE: func(_ *cobra.Command, args []string) error {
			file := vapidFile
			if len(args) > 0 {
				file = args[0]
			}
			public, err := writeVAPID(file)
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(map[string]string{"file": file, "public_key": public})
			}
			a.printf("wrote %s; web apps subscribe with %s\n", file, public)
			return nil
		},
	}
}

// writeVAPID makes a key in a new file and returns its public half.
func writeVAPID(file string) (string, error) {
	key, err := webpush.GenerateVAPID()
	if err != nil {
		return "", err
	}
	private, err := key.Private()
	if err != nil {
		return "", err
	}
	return key.Public(), writeNew(file, 0o600, private+"\n")
}
