package main

import (
	"context"
	"crypto/rand"
	_ "embed"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"text/template"
	"time"

	"github.com/spf13/cobra"

	"martlet/directory"
	"martlet/gateway/admin"
	"martlet/store"
)

//go:embed martlet.toml.tmpl
var configTemplate string

//go:embed martlet.service.tmpl
var serviceTemplate string

// quickstart is what the templates and the output are made from.
type quickstart struct {
	Login    string      `json:"login"`
	Password string      `json:"password,omitempty"` // only when it was generated
	Domain   string      `json:"domain"`
	Hostname string      `json:"hostname"`
	TLS      string      `json:"tls"`
	Names    []string    `json:"names"`
	Config   string      `json:"config"`
	DataPath string      `json:"data"`
	KeyFile  string      `json:"key_file"`
	VAPID    string      `json:"vapid_file"`
	Service  string      `json:"service"`
	Binary   string      `json:"-"`
	User     string      `json:"user"` // that the service runs as
	DNS      []dnsRecord `json:"dns"`
	Start    []string    `json:"start"`
}

func (a *app) quickstartCommand() *cobra.Command {
	var q quickstart
	var dir, data string
	var p passwordFlags
	cmd := &cobra.Command{
		Use: "quickstart LOGIN", Short: "Set a server up: configuration, keys, first administrator", Args: namedArguments,
		Long: `Set a server up for the domain of LOGIN, the mail address of its first
administrator: write martlet.toml, the data folder, the key that seals it and a
systemd unit, and print the password, the DNS records to set and how to start.
Nothing that is there is overwritten.

The data folder is data beside martlet.toml, or /var/lib/martlet when
martlet.toml goes under /etc.`,
		Example: "  martlet quickstart you@example.org --dir /etc/martlet --tls acme",
		RunE: func(cmd *cobra.Command, args []string) error {
			password, err := a.quickstartPassword(&q, p)
			if err != nil {
				return err
			}
			if err := q.prepare(args[0], dir, data); err != nil {
				return err
			}
			if err := q.write(cmd.Context(), password); err != nil {
				return err
			}
			if err := q.giveAway(); err != nil {
				return err
			}
			return a.showQuickstart(&q)
		},
	}
	cmd.Flags().StringVar(&dir, "dir", ".", "folder for martlet.toml")
	cmd.Flags().StringVar(&data, "data", "", "folder for the data")
	cmd.Flags().StringVar(&q.Hostname, "hostname", "", "name of this machine (default mail. and the domain)")
	cmd.Flags().StringVar(&q.User, "user", "", "user that the service runs as (default you, or martlet when you are root)")
	cmd.Flags().StringVar(&q.TLS, "tls", tlsSelfSigned, "self-signed or acme")
	cmd.Flags().BoolVar(&p.stdin, "password-stdin", false, "read the password from standard input instead of making one")
	return cmd
}

func (a *app) quickstartPassword(q *quickstart, p passwordFlags) (string, error) {
	if p.stdin {
		return firstLine(a.in)
	}
	q.Password = generatePassword()
	return q.Password, nil
}

// prepare decides all names and refuses what is there already.
func (q *quickstart) prepare(login, dir, data string) (err error) {
	if q.Domain, err = directory.DomainOf(login); err != nil {
		return err
	}
	if q.TLS != tlsSelfSigned && q.TLS != tlsACME {
		return fmt.Errorf("--tls %s: self-signed or acme; files come in martlet.toml later", q.TLS)
	}
	q.Login = login
	if q.Hostname == "" {
		q.Hostname = "mail." + q.Domain
	}
	if q.Hostname, err = directory.DomainOf("postmaster@" + q.Hostname); err != nil {
		return fmt.Errorf("--hostname: %w", err)
	}
	q.Names = []string{q.Hostname}
	if auto := "autodiscover." + q.Domain; auto != q.Hostname {
		q.Names = append(q.Names, auto)
	}
	if q.TLS == tlsACME { // other servers fetch our policy of MTA-STS only where the name is certified
		q.Names = append(q.Names, "mta-sts."+q.Domain)
	}
	if dir, err = filepath.Abs(dir); err != nil {
		return err
	}
	if data, err = dataFolder(dir, data); err != nil {
		return err
	}
	q.Config, q.DataPath = filepath.Join(dir, "martlet.toml"), data
	q.KeyFile, q.Service, q.VAPID = filepath.Join(dir, "martlet.key"), filepath.Join(dir, "martlet.service"), filepath.Join(dir, vapidFile)
	if q.Binary, err = binary(); err != nil {
		return err
	}
	if err := q.chooseUser(); err != nil {
		return err
	}
	return q.refuseOverwriting()
}

func dataFolder(dir, data string) (string, error) {
	if data != "" {
		return filepath.Abs(data)
	}
	if strings.HasPrefix(dir+"/", "/etc/") {
		return "/var/lib/martlet", nil
	}
	return filepath.Join(dir, "data"), nil
}

func (q *quickstart) refuseOverwriting() error {
	var errs []error
	for _, f := range []string{q.Config, q.KeyFile, q.Service, q.VAPID} {
		if _, err := os.Lstat(f); err == nil {
			errs = append(errs, fmt.Errorf("%s is there already: nothing was written; choose another --dir or move it away", f))
		}
	}
	if files, err := os.ReadDir(q.DataPath); err == nil && len(files) > 0 {
		errs = append(errs, fmt.Errorf("%s is not empty: nothing was written; choose another --data or move it away", q.DataPath))
	}
	return errors.Join(errs...)
}

// write makes the files and the store. The configuration comes last: while it
// is not there, nothing looks set up.
func (q *quickstart) write(ctx context.Context, password string) error {
	if err := os.MkdirAll(filepath.Dir(q.Config), 0o755); err != nil {
		return err
	}
	key := make([]byte, store.KeySize)
	rand.Read(key)
	if err := writeNew(q.KeyFile, 0o600, base64.StdEncoding.EncodeToString(key)+"\n"); err != nil {
		return err
	}
	if err := q.writeStore(ctx, key, password); err != nil {
		// The folder was empty, so that all in it is ours.
		for _, made := range []string{rowsFolder, bodiesFolder, tlsFolder} {
			err = errors.Join(err, os.RemoveAll(filepath.Join(q.DataPath, made)))
		}
		return errors.Join(err, os.Remove(q.KeyFile))
	}
	if _, err := writeVAPID(q.VAPID); err != nil {
		return err
	}
	service, err := q.render("martlet.service", serviceTemplate)
	if err != nil {
		return err
	}
	if err := writeNew(q.Service, 0o644, service); err != nil {
		return err
	}
	config, err := q.render("martlet.toml", configTemplate)
	if err != nil {
		return err
	}
	if err := writeNew(q.Config, 0o644, config); err != nil {
		return err
	}
	_, err = loadConfig(q.Config) // what we wrote must be what we read
	return err
}

func (q *quickstart) writeStore(ctx context.Context, key []byte, password string) error {
	log := slog.New(slog.DiscardHandler)
	c := Config{StorePath: q.DataPath, Key: key, Hostname: q.Hostname}
	d, err := openData(ctx, &c, log)
	if err != nil {
		return err
	}
	u, err := admin.Client{Transport: d.admin(log, admin.Process{})}.AddUser(ctx, admin.NewUser{Login: q.Login, Password: password, Admin: true, Domain: true})
	if err == nil && q.TLS == tlsSelfSigned {
		_, err = selfSigned(filepath.Join(q.DataPath, tlsFolder), q.Hostname, time.Now())
	}
	if err == nil {
		err = q.makeKeys(ctx, admin.Client{Transport: d.admin(log, admin.Process{})})
	}
	q.Login = u.Login
	return errors.Join(err, d.Close())
}

// makeKeys makes the keys that mail is signed with, to name them among the records.
func (q *quickstart) makeKeys(ctx context.Context, c admin.Client) error {
	keys, err := c.SigningKeys(ctx, q.Domain)
	q.DNS = dnsRecords(q.Hostname, q.Domain, keys)
	if q.TLS == tlsACME {
		c := Config{Hostname: q.Hostname, STS: STSConfig{Mode: "testing", MaxAge: defaultSTSAge}}
		q.DNS = append(q.DNS, tlsRecords(&c, q.Domain)...)
	}
	return err
}

// render fills a template. q writes text as TOML does, which is as Go does but
// for what no name or path here holds.
func (q *quickstart) render(name, text string) (string, error) {
	// Beside the configuration a path is written as people would.
	shown := *q
	for _, p := range []*string{&shown.DataPath, &shown.KeyFile, &shown.VAPID} {
		if rel, err := filepath.Rel(filepath.Dir(q.Config), *p); err == nil && !strings.HasPrefix(rel, "..") {
			*p = rel
		}
	}
	t, err := template.New(name).Funcs(template.FuncMap{"q": strconv.Quote}).Parse(text)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if name == "martlet.service" {
		shown = *q // systemd wants whole paths
	}
	err = t.Execute(&b, &shown)
	return b.String(), err
}

// writeNew writes a file that must not be there yet.
func writeNew(name string, mode os.FileMode, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}

func (a *app) showQuickstart(q *quickstart) error {
	if a.json {
		return a.printJSON(q)
	}
	a.printf("Wrote %s, %s, %s and %s; data lies in %s.\n", q.Config, q.KeyFile, q.VAPID, q.Service, q.DataPath)
	a.printf("Keep a copy of %s apart from the backups.\n\n", filepath.Base(q.KeyFile))
	a.printf("First administrator:  %s\n", q.Login)
	if q.Password != "" {
		a.printf("Password:             %s   (shown only now)\n", q.Password)
	}
	a.printf("\nDNS records to set; <address> is this machine's public address:\n\n")
	for _, r := range q.DNS {
		a.printf("  %-34s %-6s %s\n", r.Name, r.Type, r.Value)
	}
	a.printf("\nStart:                martlet serve -c %s\n", q.Config)
	a.printf("or with systemd:      %s\n", strings.Join(q.Start, "\n                      "))
	a.printf("Then add your people: martlet user add robin@%s --generate -c %s\n", q.Domain, q.Config)
	if q.TLS == tlsSelfSigned {
		a.printf("\nThe certificate is self-signed, which phones refuse: for real use set\ntls = \"acme\" in [https], or your own files.\n")
	}
	return nil
}

// binary is where the unit finds martlet: where this process is, unless `go
// run` made it, which is gone afterwards.
func binary() (string, error) {
	path, err := os.Executable()
	if err == nil && strings.Contains(path, string(filepath.Separator)+"go-build") {
		path = "/usr/local/bin/martlet"
	}
	return path, err
}
