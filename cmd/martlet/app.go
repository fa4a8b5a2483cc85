package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"martlet/gateway/admin"
)

// app is what all commands share.
type app struct {
	in  *os.File
	out io.Writer
	err io.Writer

	config string // -c
	json   bool   // --json
}

func newApp(in *os.File, out, err io.Writer) *app { return &app{in: in, out: out, err: err} }

func (a *app) printf(format string, args ...any) { fmt.Fprintf(a.out, format, args...) }

func (a *app) printJSON(v any) error {
	e := json.NewEncoder(a.out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false) // addresses stand in angle brackets
	return e.Encode(v)
}

// note tells something that is not the command's output.
func (a *app) note(format string, args ...any) { fmt.Fprintf(a.err, format, args...) }

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "martlet",
		Short: "An Exchange ActiveSync server with its own mail core",
		Long: `Martlet keeps mail, calendars and contacts, and wakes phones: an Exchange
ActiveSync server with its own SMTP, IMAP, CalDAV and CardDAV, in one binary.

Start with:   martlet demo                            look at it
              martlet quickstart you@example.org      set it up
              martlet serve                           run it

Commands that change something talk to the running server over a socket in the
store's folder; when no server runs they open the store themselves.`,
		SilenceUsage: true, SilenceErrors: true,
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.PersistentFlags().StringVarP(&a.config, "config", "c", os.Getenv("MARTLET_CONFIG"),
		"configuration file (default martlet.toml here, then /etc/martlet/martlet.toml; MARTLET_CONFIG)")
	root.PersistentFlags().BoolVar(&a.json, "json", false, "print JSON")
	root.AddCommand(a.quickstartCommand(), a.serveCommand(), a.configCommand(), a.userCommand(), a.groupCommand(), a.resourceCommand(), a.contactCommand(), a.folderCommand(), a.shareCommand(), a.sieveCommand(), a.junkCommand(), a.deviceCommand(), a.lockoutCommand(), a.pushCommand(), a.directoryCommand(), a.dkimCommand(), a.reportsCommand(), a.dnsCommand(),
		a.demoCommand(), a.phoneCommand(), a.importCommand(), a.exportCommand(), a.fsckCommand(), a.backupCommand(), a.restoreCommand(), a.statusCommand(), a.traceCommand(), a.queueCommand(), a.doctorCommand(), a.reloadCommand(), a.upgradeCommand(), a.versionCommand())
	return root
}

// load reads the configuration that -c names or that lies where it should.
func (a *app) load() (Config, error) {
	return loadConfig(configPath(a.config, func(p string) bool {
		_, err := os.Stat(p)
		return err == nil
	}))
}

// withAdmin runs fn with a way to the operations: the running server, or the
// store opened here.
func (a *app) withAdmin(ctx context.Context, fn func(admin.Client) error) error {
	c, err := a.load()
	if err != nil {
		return err
	}
	s, err := admin.Dial(ctx, c.StorePath)
	if err == nil {
		defer s.Close()
		return fn(admin.Client{Transport: s})
	}
	if !errors.Is(err, admin.ErrNotRunning) {
		return explained(err, &c)
	}
	if _, err := os.Stat(c.StorePath); err != nil {
		return fmt.Errorf("the store of %s is not there: %w", c.File, err)
	}
	log := slog.New(slog.NewTextHandler(a.err, &slog.HandlerOptions{Level: slog.LevelWarn}))
	d, err := openData(ctx, &c, log)
	if err != nil {
		return err
	}
	return errors.Join(fn(admin.Client{Transport: d.admin(log, admin.Process{})}), d.Close())
}

// terminal tells whether a person sits before f.
func terminal(f any) bool {
	file, ok := f.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}
