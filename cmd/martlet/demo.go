package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"martlet/directory"
	"martlet/internal/demo"
	"martlet/protocol/eas"
)

// demoFlags are what `martlet demo` is told.
type demoFlags struct {
	once, json bool
	host       string
	version    string
	verbose    bool
}

func (a *app) demoCommand() *cobra.Command {
	var f demoFlags
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Run a whole server with sample users, a built-in phone and apps that are woken",
		Long: `Starts a whole server with a temporary store, sample people, self-signed TLS
beside plain HTTP. Sample mail goes in over SMTP; a built-in phone provisions,
syncs, searches, gets an invitation from a calendar program, holds a Ping, is
woken by a new message and syncs it. Beside it three apps that sleep are woken, through local stand-ins for Apple's, Google's
and a Web Push service. Each step is printed with its time. Then the server stays up, with addresses and passwords
printed, so that a real phone or mail program can be pointed at it. Ctrl-C ends
it and removes the store.`,
		Example: `  martlet demo
  martlet demo --once --json      # one object a step; exit status 0 when all held
  martlet demo --host 0.0.0.0     # reachable for a phone in your network`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.json = a.json
			return runDemo(cmd.Context(), f, a.out, a.err)
		},
	}
	cmd.Flags().BoolVar(&f.once, "once", false, "end after the path instead of staying up")
	cmd.Flags().StringVar(&f.host, "host", "127.0.0.1", "address to listen on; the passwords are public, so open it only in a network you trust")
	cmd.Flags().StringVar(&f.version, "protocol", "16.1", "ActiveSync version that the built-in phone speaks")
	cmd.Flags().BoolVarP(&f.verbose, "verbose", "v", false, "print the server's log too")
	return cmd
}

func runDemo(ctx context.Context, f demoFlags, out, logTo io.Writer) (err error) {
	version, err := eas.ParseVersion(f.version)
	if err != nil {
		return fmt.Errorf("--protocol: %q is none of 2.5, 12.0, 12.1, 14.0, 14.1, 16.0, 16.1", f.version)
	}
	dir, err := os.MkdirTemp("", "martlet-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	level := slog.LevelWarn
	if f.verbose {
		level = slog.LevelInfo
	}
	log := slog.New(slog.NewTextHandler(logTo, &slog.HandlerOptions{Level: level}))
	started := time.Now()
	services, err := demo.NewServices()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, services.Close()) }()
	push, err := demoPush(services.Accounts())
	if err != nil {
		return err
	}
	free := []string{net.JoinHostPort(f.host, "0")}
	s, err := startServer(ctx, Config{
		Hostname: "localhost", StorePath: filepath.Join(dir, "data"),
		HTTP: free, HTTPS: free, SMTP: free, Submission: free, Submissions: free, Push: push,
	}, log)
	if err != nil {
		return err
	}
	defer func() {
		ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer cancel()
		err = errors.Join(err, s.Close(ending))
	}()

	show := showText(out)
	if f.json {
		show = showJSON(out)
	}
	show(demo.Step{
		Name: "server", Text: "listening on " + s.Addr("http") + " (HTTP), " + s.Addr("https") + " (HTTPS), " + s.Addr("smtp") + " (SMTP)",
		Millis: float64(time.Since(started).Microseconds()) / 1000, OK: true,
		Detail: map[string]any{"http": s.Addr("http"), "https": s.Addr("https"), "smtp": s.Addr("smtp"), "submission": s.Addr("submission"), "submissions": s.Addr("submissions")},
	})
	if err := addPeople(ctx, s, show); err != nil {
		return err
	}
	client, err := trusting(filepath.Join(dir, "data", tlsFolder, "self-signed.crt"))
	if err != nil {
		return err
	}
	defer client.CloseIdleConnections()
	err = demo.Run(ctx, demo.Config{
		URL: "https://" + dialable(s.Addr("https")), HTTPClient: client, SMTP: dialable(s.Addr("smtp")),
		Version: version, Held: s.gateway.Held, Services: services, Report: show,
	})
	if err != nil || f.once {
		return err
	}
	if f.json {
		show(demo.Step{Name: "ready", Text: "the server stays up until Ctrl-C", OK: true, Detail: map[string]any{"people": demo.Everyone()}})
	} else {
		invite(out, s)
	}
	watched, cancel := context.WithCancel(ctx)
	defer cancel()
	go services.Watch(watched, show)
	select {
	case <-ctx.Done():
		return nil
	case err := <-s.Failed():
		return err
	}
}

// addPeople brings the demo's directory file into the directory.
func addPeople(ctx context.Context, s *server, show func(demo.Step)) error {
	start := time.Now()
	text, err := demo.People()
	if err != nil {
		return err
	}
	file, err := directory.ParseFile(bytes.NewReader(text), "people.toml")
	if err != nil {
		return err
	}
	edits, err := s.directory.Apply(ctx, file, false)
	if err != nil {
		return err
	}
	show(demo.Step{
		Name: "people", Text: fmt.Sprintf("%d edits applied: a domain, three users, a group, a room, a contact outside, a delegation", len(edits)),
		Millis: float64(time.Since(start).Microseconds()) / 1000, OK: true, Detail: map[string]any{"edits": len(edits)},
	})
	return nil
}

// trusting is a client that takes the self-signed certificate for the server's.
func trusting(cert string) (*http.Client, error) {
	pem, err := os.ReadFile(cert)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", cert)
	}
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "localhost"}}}, nil
}

// dialable turns an address that stands for all interfaces into one to dial.
func dialable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err == nil && net.ParseIP(host).IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return address
}

func showText(out io.Writer) func(demo.Step) {
	return func(s demo.Step) {
		mark := "ok  "
		if !s.OK {
			mark = "FAIL"
		}
		took := fmt.Sprintf("%9.2f ms", s.Millis)
		if s.Millis == 0 { // it came by itself
			took = strings.Repeat(" ", len(took))
		}
		fmt.Fprintf(out, "%s %s  %-16s  %s\n", mark, took, s.Name, s.Text)
	}
}

func showJSON(out io.Writer) func(demo.Step) {
	e := json.NewEncoder(out)
	e.SetEscapeHTML(false)
	return func(s demo.Step) { e.Encode(s) } //nolint:errcheck // a reader that went away is no fault of the step
}

// invite says how to point something real at the server.
func invite(out io.Writer, s *server) {
	fmt.Fprintf(out, `
The server stays up until Ctrl-C.

  ActiveSync   https://%s  (self-signed)  and  http://%s
  calendars    the same, CalDAV and CardDAV: /dav/
  SMTP         %s
  submission   %s (STARTTLS), %s (TLS)

`, s.Addr("https"), s.Addr("http"), s.Addr("smtp"), s.Addr("submission"), s.Addr("submissions"))
	for _, p := range demo.Everyone() {
		fmt.Fprintf(out, "  %-22s password %s\n", p.Login, p.Password)
	}
	fmt.Fprintf(out, `
On a phone: account of the kind Exchange, server and port as above. Send it mail,
and see the apps being woken too:
  swaks --server %s --from amelia@demo.example --to robin@demo.example --header 'Subject: hello'

Without a phone, be one:
  export MARTLET_PHONE_PASSWORD=%s
  martlet phone ping --url http://%s --user %s --heartbeat 10m
  martlet phone search figures --url http://%s --user %s
  martlet phone add Calendar --subject Paint --start "%s 10:00" --invite hangar2@demo.example --url http://%s --user %s
  martlet phone sync Calendar --url http://%s --user %s

What an app asks and is told, when it registers to be woken:
  curl -u %s:%s http://%s/push/v1/registrations
`, dialable(s.Addr("smtp")), demo.Robin.Password, dialable(s.Addr("http")), demo.Robin.Login, dialable(s.Addr("http")), demo.Robin.Login,
		time.Now().AddDate(0, 0, 7).Format(time.DateOnly), dialable(s.Addr("http")), demo.Robin.Login, dialable(s.Addr("http")), demo.Robin.Login,
		demo.Robin.Login, demo.Robin.Password, dialable(s.Addr("http")))
}
