package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"martlet/internal/phone"
	"martlet/protocol/eas"
)

// phoneFlags say which phone speaks to which server.
type phoneFlags struct {
	url, user, version, device, kind, agent string
	passwordStdin, insecure, xml            bool
	ca, memory                              string
	timeout                                 time.Duration
}

// passwordVariable holds the password where neither a terminal nor standard
// input is at hand.
const passwordVariable = "MARTLET_PHONE_PASSWORD"

func (a *app) phoneCommand() *cobra.Command {
	f := &phoneFlags{}
	cmd := group(&cobra.Command{
		Use: "phone", Short: "Be a phone: ask any ActiveSync server what a phone would ask",
		Long: `Be a phone, to find out why one does not work: against this server or any
other that speaks Exchange ActiveSync.

Without --url the server is found as a phone finds it, by Autodiscover for the
domain of --user. The password is asked for, read from standard input with
--password-stdin, or taken from ` + passwordVariable + `.

--xml shows every request and answer as XML. --memory FILE keeps what the phone
knows, so that the next command goes on from there; it is a device of its own.`,
		Example: `  martlet phone options --url https://mail.example.org --user robin@example.org
  martlet phone sync Inbox --user robin@example.org --xml
  martlet phone ping --user robin@example.org --memory phone.json --heartbeat 10m`,
	}, a.phoneOptions(f), a.phoneDiscover(f), a.phoneProvision(f), a.phoneFolders(f), a.phoneSync(f), a.phonePing(f),
		a.phoneAdd(f), a.phoneChange(f), a.phoneDelete(f), a.phoneRespond(f), a.phoneSend(f), a.phoneSearch(f), a.phoneFind(f), a.phoneFetch(f))
	flags := cmd.PersistentFlags()
	flags.StringVar(&f.url, "url", "", "the server, or its ActiveSync endpoint (default: found by Autodiscover)")
	flags.StringVar(&f.user, "user", "", "login, as typed into the phone")
	flags.StringVar(&f.version, "protocol", "16.1", "protocol version: 2.5, 12.0, 12.1, 14.0, 14.1, 16.0 or 16.1")
	flags.StringVar(&f.device, "device-id", "", "device id (default: made from the login)")
	flags.StringVar(&f.kind, "device-type", "MartletPhone", "device type")
	flags.StringVar(&f.agent, "user-agent", "", "User-Agent")
	flags.BoolVar(&f.passwordStdin, "password-stdin", false, "read the password from the first line of standard input")
	flags.BoolVar(&f.insecure, "insecure", false, "take any certificate")
	flags.StringVar(&f.ca, "ca", "", "file of certificates to trust as well (PEM)")
	flags.BoolVar(&f.xml, "xml", false, "show requests and answers as XML")
	flags.StringVar(&f.memory, "memory", "", "file that keeps what the phone knows")
	flags.DurationVar(&f.timeout, "timeout", time.Minute, "how long an answer may take, beyond what it is held")
	return cmd
}

// handset is a phone of this command with where it came from.
type handset struct {
	*phone.Phone
	app   *app
	flags *phoneFlags
}

// onPhone runs fn with a phone, and keeps what it knows afterwards.
func (a *app) onPhone(ctx context.Context, f *phoneFlags, held time.Duration, fn func(context.Context, *handset) error) error {
	h, err := a.handset(ctx, f)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, held+f.timeout)
	defer cancel()
	err = fn(ctx, h)
	if f.memory != "" && h.PolicyKey() != 0 && errors.Is(err, phone.ErrProvision) {
		a.note("the policy has changed: taking the new one\n")
		if _, err = h.Provision(ctx); err == nil {
			err = fn(ctx, h)
		}
	}
	for _, odd := range h.Odd() {
		a.note("odd: %s\n", odd)
	}
	return errors.Join(phoneError(err), h.keep())
}

// handset makes the phone that the flags describe.
func (a *app) handset(ctx context.Context, f *phoneFlags) (*handset, error) {
	if f.user == "" {
		return nil, errors.New("whose phone? give --user")
	}
	version, err := eas.ParseVersion(f.version)
	if err != nil {
		return nil, fmt.Errorf("--protocol: %q is none of 2.5, 12.0, 12.1, 14.0, 14.1, 16.0, 16.1", f.version)
	}
	password, err := a.phonePassword(f)
	if err != nil {
		return nil, err
	}
	client, err := f.client()
	if err != nil {
		return nil, err
	}
	memory, err := f.recall()
	if err != nil {
		return nil, err
	}
	cfg := phone.Config{
		URL: f.url, User: f.user, Password: password, Version: version, HTTPClient: client, UserAgent: f.agent,
		DeviceID: f.deviceID(memory), DeviceType: f.kind,
	}
	if f.xml {
		cfg.Trace = a.showExchange
	}
	if cfg.URL == "" {
		if cfg.URL, err = a.discover(ctx, cfg); err != nil {
			return nil, err
		}
		a.note("found %s\n", cfg.URL)
	}
	p, err := phone.New(cfg)
	if err != nil {
		return nil, err
	}
	h := &handset{p, a, f}
	return h, h.remember(memory)
}

func (a *app) phonePassword(f *phoneFlags) (string, error) {
	if password, ok := os.LookupEnv(passwordVariable); ok {
		return password, nil
	}
	switch {
	case f.passwordStdin:
		return firstLine(a.in)
	case terminal(a.in):
		a.note("Password of %s: ", f.user)
		b, err := term.ReadPassword(int(a.in.Fd()))
		a.note("\n")
		return string(b), err
	}
	return "", fmt.Errorf("no password: give --password-stdin or set %s", passwordVariable)
}

// client is an HTTP client that trusts what the flags say.
func (f *phoneFlags) client() (*http.Client, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{InsecureSkipVerify: f.insecure}
	if f.ca != "" {
		pem, err := os.ReadFile(f.ca)
		if err != nil {
			return nil, err
		}
		pool, err := x509.SystemCertPool()
		if err != nil {
			pool = x509.NewCertPool()
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate in PEM", f.ca)
		}
		t.TLSClientConfig.RootCAs = pool
	}
	// A phone does not follow where a web page would lead it.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{Transport: t, CheckRedirect: stay}, nil
}

// ready provisions and brings the folders, unless the phone knows them.
func (h *handset) ready(ctx context.Context) error {
	if h.PolicyKey() == 0 {
		if _, err := h.Provision(ctx); err != nil {
			return err
		}
	}
	if len(h.Folders()) > 0 {
		return nil
	}
	_, err := h.FolderSync(ctx)
	return err
}

// sync synchronizes a folder. A phone without a memory starts anew with every
// command: it says that it has got what came, lest the server take it for one
// that fails at what it is given.
func (h *handset) sync(ctx context.Context, folder string, opt phone.SyncOptions) (*phone.SyncResult, error) {
	r, err := h.Sync(ctx, folder, opt)
	if err != nil || h.flags.memory != "" || r.Adds == 0 {
		return r, err
	}
	_, err = h.Sync(ctx, folder, phone.SyncOptions{NoChanges: true})
	return r, err
}

// folder finds a folder by name, id or, without either, the inbox.
func (h *handset) folder(name string) (eas.Folder, error) {
	if name == "" {
		return h.Folder(eas.FolderInbox)
	}
	var names []string
	for _, f := range h.Folders() {
		if f.ServerID == name || strings.EqualFold(f.DisplayName, name) {
			return f, nil
		}
		names = append(names, f.DisplayName)
	}
	return eas.Folder{}, fmt.Errorf("no folder %q; there are %s", name, strings.Join(names, ", "))
}

// discover finds the server of an address as a phone does: by its domain and by
// the name autodiscover below it.
func (a *app) discover(ctx context.Context, cfg phone.Config) (string, error) {
	_, domain, ok := strings.Cut(cfg.User, "@")
	if !ok {
		return "", errors.New("no server: give --url, or an address as --user")
	}
	var tried error
	for _, host := range []string{"autodiscover." + domain, domain} {
		cfg.URL = "https://" + host
		p, err := phone.New(cfg)
		if err != nil {
			return "", err
		}
		ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
		found, err := p.Autodiscover(ctx, cfg.User)
		if err != nil {
			var jsonErr error
			if found, jsonErr = p.AutodiscoverJSON(ctx, cfg.User); jsonErr != nil {
				tried = errors.Join(tried, fmt.Errorf("%s: %w", host, phoneError(err)))
			}
		}
		cancel()
		if found != "" {
			return found, nil
		}
	}
	return "", fmt.Errorf("no server found by Autodiscover, give --url:\n%w", tried)
}
