package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"mime"
	"os"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

func (a *app) phoneOptions(f *phoneFlags) *cobra.Command {
	return &cobra.Command{
		Use: "options", Short: "Ask which versions and commands the server knows", Args: cobra.NoArgs,
		Example: `  martlet phone options --url https://mail.example.org --user robin@example.org`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.onPhone(cmd.Context(), f, 0, func(ctx context.Context, h *handset) error {
				offer, err := h.Options(ctx)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(map[string]any{"versions": offer.Versions, "commands": offer.Commands})
				}
				a.printf("versions: %s\ncommands: %s\n", strings.Join(offer.Versions, " "), strings.Join(offer.Commands, " "))
				return nil
			})
		},
	}
}

func (a *app) phoneDiscover(f *phoneFlags) *cobra.Command {
	return &cobra.Command{
		Use: "discover", Short: "Find the server by Autodiscover", Args: cobra.NoArgs,
		Example: `  martlet phone discover --user robin@example.org --xml`,
		Long:    "Find the server of --user by Autodiscover: at --url, or at the domain of the address.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			show := func(found string) error {
				if a.json {
					return a.printJSON(map[string]string{"url": found})
				}
				a.printf("%s\n", found)
				return nil
			}
			return a.onPhone(cmd.Context(), f, 0, func(ctx context.Context, h *handset) error {
				found, err := h.Autodiscover(ctx, f.user)
				if err != nil {
					return err
				}
				return show(found)
			})
		},
	}
}

func (a *app) phoneProvision(f *phoneFlags) *cobra.Command {
	return &cobra.Command{
		Use: "provision", Short: "Take the server's policy", Args: cobra.NoArgs,
		Example: `  martlet phone provision --user robin@example.org --xml`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.onPhone(cmd.Context(), f, 0, func(ctx context.Context, h *handset) error {
				p, err := h.Provision(ctx)
				if err != nil {
					return err
				}
				if a.json {
					return a.printJSON(map[string]any{"policy_key": p.Key, "policy": p.Policy, "xml": p.XML})
				}
				if p.Key == 0 {
					a.printf("the server has no policy\n")
					return nil
				}
				a.printf("policy key %d\n", p.Key)
				return nil
			})
		},
	}
}

func (a *app) phoneFolders(f *phoneFlags) *cobra.Command {
	return &cobra.Command{
		Use: "folders", Short: "List the folders", Args: cobra.NoArgs,
		Example: `  martlet phone folders --user robin@example.org`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.onPhone(cmd.Context(), f, 0, func(ctx context.Context, h *handset) error {
				if err := h.ready(ctx); err != nil {
					return err
				}
				folders := h.Folders()
				if a.json {
					return a.printJSON(folders)
				}
				w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
				fmt.Fprintln(w, "ID\tPARENT\tTYPE\tNAME")
				for _, f := range folders {
					fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", f.ServerID, f.ParentID, f.Type, f.DisplayName)
				}
				return w.Flush()
			})
		},
	}
}

func (a *app) phoneSync(f *phoneFlags) *cobra.Command {
	var window uint
	var all bool
	var hold time.Duration
	cmd := &cobra.Command{
		Use: "sync [FOLDER]", Short: "Synchronize a folder of mail", Args: cobra.MaximumNArgs(1),
		Example: `  martlet phone sync --user robin@example.org
  martlet phone sync "Sent Items" --user robin@example.org --memory phone.json --all`,
		Long: `Synchronize a folder of mail, by default the inbox, named as it is shown or by
its id. Without --memory it starts anew and brings the newest messages.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.onPhone(cmd.Context(), f, hold, func(ctx context.Context, h *handset) error {
				if err := h.ready(ctx); err != nil {
					return err
				}
				folder, err := h.folder(strings.Join(args, ""))
				if err != nil {
					return err
				}
				r, err := h.sync(ctx, folder.ServerID, phone.SyncOptions{Window: window, All: all, Heartbeat: uint(hold / time.Second)})
				if err != nil {
					return err
				}
				return a.showSync(r)
			})
		},
	}
	cmd.Flags().UintVar(&window, "window", 25, "how many messages at once, 1 to 512")
	cmd.Flags().BoolVar(&all, "all", false, "go on until there is no more")
	cmd.Flags().DurationVar(&hold, "hold", 0, "let the server hold the request until something changes, 1m to 59m")
	return cmd
}

// line is a message in a list.
type line struct {
	Change   string    `json:"change,omitempty"`
	ID       string    `json:"id"`
	Received time.Time `json:"received,omitzero"`
	From     string    `json:"from,omitempty"`
	Subject  string    `json:"subject,omitempty"`
	Read     *bool     `json:"read,omitempty"`
}

func lineOf(change, id string, e *eas.Email) line {
	l := line{Change: change, ID: id, Received: e.DateReceived, From: e.From, Read: e.Read}
	if e.Subject != nil {
		l.Subject = *e.Subject
	}
	return l
}

func (a *app) showSync(r *phone.SyncResult) error {
	lines := []line{}
	for _, m := range r.Added {
		lines = append(lines, lineOf("add", m.ServerID, m.Email))
	}
	for _, m := range r.Changed {
		lines = append(lines, lineOf("change", m.ServerID, m.Email))
	}
	for _, id := range slices.Concat(r.Deleted, r.SoftDeleted) {
		lines = append(lines, line{Change: "delete", ID: id})
	}
	if a.json {
		return a.printJSON(map[string]any{"changes": lines, "more": r.More})
	}
	if err := a.showLines(lines); err != nil {
		return err
	}
	if len(lines) == 0 {
		a.printf("nothing new\n")
	}
	if r.More {
		a.note("there is more: --all brings it\n")
	}
	return nil
}

func (a *app) showLines(lines []line) error {
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	for _, l := range lines {
		when := ""
		if !l.Received.IsZero() {
			when = l.Received.Local().Format("2006-01-02 15:04")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", l.Change, l.ID, when, l.From, l.Subject)
	}
	return w.Flush()
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
				if err != nil {
					return err
				}
				took := time.Since(start).Round(time.Millisecond)
				if a.json {
					return a.printJSON(map[string]any{"status": r.Status, "folders": r.Folders, "seconds": took.Seconds()})
				}
				if r.Status == eas.PingStatusChanges {
					a.printf("changed after %s: %s\n", took, strings.Join(r.Folders, ", "))
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
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		return io.ReadAll(f)
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

// queryFlags are those of search and find.
type queryFlags struct {
	people bool
	folder string
	count  uint
}

func (q *queryFlags) add(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&q.people, "people", false, "search the address list")
	cmd.Flags().StringVar(&q.folder, "folder", "", "only in this folder")
	cmd.Flags().UintVar(&q.count, "count", 25, "how many results")
	cmd.MarkFlagsMutuallyExclusive("people", "folder")
}

// search runs a search with the query as the flags have it.
func (a *app) search(cmd *cobra.Command, f *phoneFlags, q *queryFlags, text string, run func(context.Context, *handset, phone.Query) (phone.Hits, error)) error {
	return a.onPhone(cmd.Context(), f, 0, func(ctx context.Context, h *handset) error {
		if err := h.ready(ctx); err != nil {
			return err
		}
		query := phone.Query{Text: text, Count: q.count}
		if q.folder != "" {
			folder, err := h.folder(q.folder)
			if err != nil {
				return err
			}
			query.Collection = folder.ServerID
		}
		hits, err := run(ctx, h, query)
		if err != nil {
			return err
		}
		return a.showHits(hits)
	})
}

func (a *app) phoneSearch(f *phoneFlags) *cobra.Command {
	var q queryFlags
	cmd := &cobra.Command{
		Use: "search QUERY", Short: "Search mail or people with the Search command", Args: oneArgument,
		Example: `  martlet phone search 'from:wren lunch' --user robin@example.org --folder Inbox
  martlet phone search wren --people --user robin@example.org`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.search(cmd, f, &q, args[0], func(ctx context.Context, h *handset, query phone.Query) (phone.Hits, error) {
				if q.people {
					return h.SearchPeople(ctx, query)
				}
				return h.Search(ctx, query)
			})
		},
	}
	q.add(cmd)
	return cmd
}

func (a *app) phoneFind(f *phoneFlags) *cobra.Command {
	var q queryFlags
	cmd := &cobra.Command{
		Use: "find QUERY", Short: "Search mail or people with the Find command (16.1)", Args: oneArgument,
		Example: `  martlet phone find 'subject:lunch hasattachment:yes' --user robin@example.org
  martlet phone find wren --people --user robin@example.org`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.search(cmd, f, &q, args[0], func(ctx context.Context, h *handset, query phone.Query) (phone.Hits, error) {
				return h.Find(ctx, uuid.NewString(), query, q.people)
			})
		},
	}
	q.add(cmd)
	return cmd
}

func (a *app) showHits(hits phone.Hits) error {
	lines := []line{}
	for _, m := range hits.Messages {
		id := m.ServerID
		if id == "" {
			id = m.LongID
		}
		lines = append(lines, lineOf("", id, m.Email))
	}
	if a.json {
		return a.printJSON(map[string]any{"messages": lines, "people": hits.People, "range": hits.Range, "total": hits.Total})
	}
	if err := a.showLines(lines); err != nil {
		return err
	}
	w := tabwriter.NewWriter(a.out, 0, 8, 2, ' ', 0)
	for _, p := range hits.People {
		fmt.Fprintf(w, "%s\t%s\t%s\n", p.DisplayName, p.EmailAddress, p.Phone)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	a.printf("%d of %d\n", len(hits.Messages)+len(hits.People), hits.Total)
	return nil
}

func (a *app) phoneFetch(f *phoneFlags) *cobra.Command {
	var whole bool
	var folder string
	cmd := &cobra.Command{
		Use: "fetch ID", Short: "Fetch a message", Args: oneArgument,
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
