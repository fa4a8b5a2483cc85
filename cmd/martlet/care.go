package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"martlet/gateway/admin"
	"martlet/store/archive"
)

func (a *app) fsckCommand() *cobra.Command {
	var in admin.FsckRequest
	cmd := &cobra.Command{
		Use: "fsck", Short: "Check every invariant of what is stored", Args: cobra.NoArgs,
		Example: `  martlet fsck --deep`,
		Long:    "Check every invariant of rows, mailboxes, directory, devices, apps and bodies, also\nwhile the server runs. It changes nothing and fails when anything is wrong.",
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.withAdmin(cmd.Context(), func(c admin.Client) error { return a.fsck(cmd.Context(), c, in) })
		},
	}
	cmd.Flags().BoolVar(&in.Deep, "deep", false, "read every body, compare it with its hash and its words with the search index")
	return cmd
}

func (a *app) fsck(ctx context.Context, c admin.Client, in admin.FsckRequest) error {
	p := a.progress()
	problems := []any{}
	err := c.Fsck(ctx, in, func(e admin.FsckEvent) {
		if e.Stage != "" {
			p.tell("checking %s", e.Stage)
		}
		if e.Problem != nil {
			problems = append(problems, map[string]string{"table": e.Problem.Table, "key": e.Problem.Key, "text": e.Problem.Text})
			if !a.json {
				p.clear()
				a.printf("%s: %s: %s\n", e.Problem.Table, e.Problem.Key, e.Problem.Text)
			}
		}
	})
	p.clear()
	if err != nil {
		return err
	}
	if a.json {
		if err := a.printJSON(map[string]any{"problems": problems}); err != nil {
			return err
		}
	}
	if len(problems) > 0 {
		return fmt.Errorf("%d problems found", len(problems))
	}
	if !a.json {
		a.printf("all is well\n")
	}
	return nil
}

func (a *app) backupCommand() *cobra.Command {
	return &cobra.Command{
		Use: "backup FILE", Short: "Write everything into one archive, also while the server runs", Args: namedArguments,
		Example: `  martlet backup /backup/monday.martlet`,
		Long: `Write everything, as it is at one moment, into one archive; FILE may be - for
standard output. The archive is sealed with the store's key: keep the key file
apart from it, and keep it.`,
		RunE: func(cmd *cobra.Command, args []string) error {
			if args[0] == "-" && terminal(a.out) {
				return errors.New("an archive is not for a terminal: redirect it or name a file")
			}
			return a.withAdmin(cmd.Context(), func(c admin.Client) error {
				p := a.progress()
				defer p.clear()
				n := &counter{p: p}
				err := a.writeOutput(args[0], func(w io.Writer) error {
					n.w = w
					return c.Backup(cmd.Context(), n)
				})
				p.clear()
				if err == nil && args[0] != "-" {
					if a.json {
						return a.printJSON(map[string]any{"file": args[0], "bytes": n.n})
					}
					a.printf("wrote %s, %s\n", args[0], bytesText(n.n))
				}
				return err
			})
		},
	}
}

// counter counts what is written, for the progress line.
type counter struct {
	w io.Writer
	n int64
	p *progress
}

func (c *counter) Write(b []byte) (int, error) {
	n, err := c.w.Write(b)
	c.n += int64(n)
	c.p.tell("%s written", bytesText(c.n))
	return n, err
}

func (a *app) restoreCommand() *cobra.Command {
	var to, keyFile string
	cmd := &cobra.Command{
		Use: "restore FILE", Short: "Restore an archive into a new folder", Args: namedArguments,
		Long: `Restore an archive into a new folder, which then can be a store's path in
martlet.toml. FILE may be - for standard input. The key is the one of the
configuration, or the one in --key-file. Check the result with martlet fsck.`,
		Example: "  martlet restore monday.martlet --to /var/lib/martlet-restored",
		RunE: func(cmd *cobra.Command, args []string) error {
			c := Config{StorePath: to}
			var err error
			if keyFile != "" {
				c.Key, err = readKey(keyFile)
			} else {
				var configured Config
				configured, err = a.load()
				c.Key = configured.Key
				if errors.Is(err, os.ErrNotExist) {
					err = errors.New("no configuration tells the key of the archive: give -c or --key-file")
				}
			}
			if err != nil {
				return err
			}
			return a.restore(cmd.Context(), &c, args[0])
		},
	}
	cmd.Flags().StringVar(&to, "to", "", "the new folder")
	cmd.Flags().StringVar(&keyFile, "key-file", "", "the key the archive was written with (default: the configuration's)")
	if err := cmd.MarkFlagRequired("to"); err != nil {
		panic(err) // the flag is defined above
	}
	return cmd
}

func (a *app) restore(ctx context.Context, c *Config, name string) error {
	if files, err := os.ReadDir(c.StorePath); err == nil && len(files) > 0 {
		return fmt.Errorf("%s is not empty: restore into a new folder", c.StorePath)
	}
	in, err := a.input(name)
	if err != nil {
		return err
	}
	defer in.Close()
	if err := makeStoreFolder(c.StorePath); err != nil {
		return err
	}
	log := slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	p := a.progress()
	var last archive.Progress
	err = archive.Restore(ctx, in, c.storeConfig(log), c.blobConfig(log), func(g archive.Progress) {
		last = g
		p.tell("%d bodies, %s read", g.Blobs, bytesText(g.Bytes))
	})
	p.clear()
	if err != nil {
		return fmt.Errorf("%w\nwhat was restored is not whole: remove %s before another try", explained(err, c), c.StorePath)
	}
	if a.json {
		return a.printJSON(map[string]any{"folder": c.StorePath, "bodies": last.Blobs, "bytes": last.Bytes})
	}
	a.printf("restored %d bodies, %s, into %s\ncheck it: set [store] path = %q in martlet.toml, then martlet fsck\n",
		last.Blobs, bytesText(last.Bytes), c.StorePath, c.StorePath)
	return nil
}

func (a *app) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use: "status", Short: "Tell whether the server runs, where it listens and how many phones it holds", Args: cobra.NoArgs,
		Example: `  martlet status --json`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.load()
			if err != nil {
				return err
			}
			s, err := admin.Dial(cmd.Context(), c.StorePath)
			if err != nil {
				return explained(err, &c)
			}
			defer s.Close()
			st, err := admin.Client{Transport: s}.Status(cmd.Context())
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(st)
			}
			phones := "phones"
			if st.Held == 1 {
				phones = "phone"
			}
			a.printf("running, martlet %s, %d %s held, %s\n", st.Version, st.Held, phones, registered(&st))
			for _, door := range doors() {
				if st.Listen[door] != "" {
					a.printf("%-12s %s\n", door, st.Listen[door])
				}
			}
			return nil
		},
	}
}

// registered tells of the apps in a few words.
func registered(st *admin.Status) string {
	apps := "apps"
	if st.Apps == 1 {
		apps = "app"
	}
	text := fmt.Sprintf("%d %s registered", st.Apps, apps)
	if st.Waiting > 0 {
		text += fmt.Sprintf(", %d notifications under way", st.Waiting)
	}
	return text
}

// doors are the names of the listeners in the order people think of them.
func doors() []string {
	return []string{"http", "https", "smtp", "submission", "submissions", "lmtp", "imap", "imaps", "pop3", "pop3s", "sieve", "metrics"}
}

// progress is one line on a terminal that tells how far something is; elsewhere
// it is silent.
type progress struct {
	w    io.Writer
	last time.Time
	n    int // characters on the line
}

func (a *app) progress() *progress {
	if a.json || !terminal(a.err) {
		return &progress{w: io.Discard}
	}
	return &progress{w: a.err}
}

// tell rewrites the line, at most a few times a second.
func (p *progress) tell(format string, args ...any) {
	if p.w == io.Discard || time.Since(p.last) < 200*time.Millisecond {
		return
	}
	p.clear()
	p.last = time.Now()
	text := fmt.Sprintf(format, args...)
	p.n = len(text)
	fmt.Fprint(p.w, text)
}

// barWidth is how many characters a bar has.
const barWidth = 24

// bar tells how much of a whole is done, and what else there is to tell.
func (p *progress) bar(done, whole int64, format string, args ...any) {
	if whole <= 0 { // nobody knows
		p.tell(format, args...)
		return
	}
	done = min(done, whole)
	full := int(done * barWidth / whole)
	p.tell("[%s%s] %3d %%  %s", strings.Repeat("#", full), strings.Repeat(".", barWidth-full), done*100/whole, fmt.Sprintf(format, args...))
}

func (p *progress) clear() {
	if p.n > 0 {
		fmt.Fprint(p.w, "\r"+strings.Repeat(" ", p.n)+"\r")
		p.n = 0
	}
}
