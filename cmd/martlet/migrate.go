package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"martlet/gateway/admin"
	"martlet/mail/migrate"
)

// mailSource is where mail comes from, as flags say.
type mailSource struct {
	maildir, mbox string
	imap          string
	user          string
	as            string
	passwordFile  string
	csv           string
	ca            string
	insecure      bool
	forget        bool
	only, without []string
}

func (s *mailSource) add(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&s.maildir, "maildir", "", "a Maildir: folders as Maildir++ or as folders in folders")
	f.StringVar(&s.mbox, "mbox", "", "an mbox file, or a folder with such files, as Thunderbird and Apple Mail keep them")
	f.StringVar(&s.imap, "imap", "", "another IMAP server: imaps://mail.example.org, or imap:// for STARTTLS")
	f.StringVar(&s.user, "imap-user", "", "the name to log in with there (default LOGIN)")
	f.StringVar(&s.as, "imap-for", "", "whose mailbox it is there, when --imap-user may open those of others")
	f.StringVar(&s.passwordFile, "imap-password-file", "", "a file whose first line is the password there; - is standard input")
	f.StringVar(&s.ca, "imap-ca", "", "a file with the certificates that the server's is checked against")
	f.BoolVar(&s.insecure, "imap-plain", false, "go without TLS: the password passes in the clear")
	f.StringVar(&s.csv, "csv", "", "many users in place of LOGIN: lines of login,user there,password")
	f.StringArrayVar(&s.only, "only", nil, "only this folder and those below it; may be given again")
	f.StringArrayVar(&s.without, "without", nil, "without this folder and those below it; may be given again")
	f.BoolVar(&s.forget, "forget", false, "forget what mail was brought before, so that all of it comes again")
}

// given tells whether mail is to come at all.
func (s *mailSource) given() bool { return s.maildir != "" || s.mbox != "" || s.imap != "" }

// check says what does not go together.
func (s *mailSource) check(args []string) error {
	n := 0
	for _, where := range []string{s.maildir, s.mbox, s.imap} {
		if where != "" {
			n++
		}
	}
	switch {
	case n > 1:
		return errors.New("name one of --maildir, --mbox and --imap")
	case s.csv != "" && s.imap == "":
		return errors.New("--csv names users of an IMAP server: give --imap, too")
	case s.csv != "" && len(args) > 0:
		return errors.New("--csv names the users: leave out LOGIN")
	case s.csv == "" && len(args) != 1:
		return errors.New("name one user: martlet import LOGIN --maildir PATH")
	}
	return nil
}

// migration is one user's mail that comes.
type migration struct {
	Login    string `json:"login"`
	user, as string
	password string
	*migrate.Report
	Error  string `json:"error,omitempty"`
	failed error
}

func (a *app) runMailImport(ctx context.Context, s *mailSource, args []string, dry bool) error {
	if err := s.check(args); err != nil {
		return err
	}
	users, err := a.migrations(s, args)
	if err != nil {
		return err
	}
	p := a.progress()
	err = a.withAdmin(ctx, func(c admin.Client) error {
		for i := range users {
			m := &users[i]
			before := ""
			if len(users) > 1 {
				before = fmt.Sprintf("%d of %d, %s: ", i+1, len(users), m.Login)
			}
			err := a.bring(ctx, c, s, m, dry, func(done, whole int, r *migrate.Report) {
				p.bar(int64(done), int64(whole), "%s%d added, %d there, %d refused", before, r.Added, r.Present, len(r.Refused)+r.More)
			})
			p.clear()
			if err != nil && ctx.Err() != nil {
				return err
			}
			if err != nil {
				m.failed, m.Error = err, plainError(err)
			}
			if !a.json {
				a.showMigration(m, len(users) > 1)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if a.json {
		if err := a.printJSON(users); err != nil {
			return err
		}
	}
	failed := 0
	for i := range users {
		if users[i].Error != "" {
			failed++
		}
	}
	switch {
	case failed == 0:
		return nil
	case len(users) == 1:
		if users[0].Report == nil {
			return users[0].failed
		}
		return fmt.Errorf("%w\nwhat was brought stays; run the same command again to go on", users[0].failed)
	}
	return fmt.Errorf("%d of %d users are not done; run the same command again to go on", failed, len(users))
}

// migrations lists the users whose mail comes.
func (a *app) migrations(s *mailSource, args []string) ([]migration, error) {
	if s.csv == "" {
		m := migration{Login: args[0], user: s.user, as: s.as}
		if m.user == "" {
			m.user = m.Login
		}
		if s.imap == "" {
			return []migration{m}, nil
		}
		var err error
		m.password, err = a.imapPassword(s)
		return []migration{m}, err
	}
	in, err := a.input(s.csv)
	if err != nil {
		return nil, err
	}
	defer in.Close()
	users, err := readUsers(in)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", s.csv, err)
	}
	if s.user != "" { // one who may open all mailboxes
		password, err := a.imapPassword(s)
		if err != nil {
			return nil, err
		}
		for i := range users {
			users[i].as, users[i].user, users[i].password = users[i].user, s.user, password
		}
	}
	return users, nil
}

func (a *app) imapPassword(s *mailSource) (string, error) {
	if s.passwordFile == "" {
		if !terminal(a.in) {
			return "", errors.New("no password of the other server: give --imap-password-file")
		}
		a.note("Password at %s: ", s.imap)
		b, err := term.ReadPassword(int(a.in.Fd()))
		a.note("\n")
		return string(b), err
	}
	in, err := a.input(s.passwordFile)
	if err != nil {
		return "", err
	}
	defer in.Close()
	return firstLine(in)
}

// maxUsers bounds a file of users.
const maxUsers = 100_000

// readUsers reads lines of login, name there and password; a first line without an
// address is a heading.
func readUsers(in io.Reader) (users []migration, err error) {
	r := csv.NewReader(in)
	r.FieldsPerRecord, r.TrimLeadingSpace, r.Comment = -1, true, '#'
	for {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		line, _ := r.FieldPos(0)
		m := migration{Login: row[0], user: row[0]}
		if len(row) > 1 && row[1] != "" {
			m.user = row[1]
		}
		if len(row) > 2 {
			m.password = row[2]
		}
		switch {
		case len(users) == 0 && line == 1 && !strings.Contains(row[0], "@"):
			continue
		case m.Login == "" || len(row) > 3:
			return nil, fmt.Errorf("line %d: not login,user,password", line)
		case len(users) == maxUsers:
			return nil, fmt.Errorf("line %d: more than %d users", line, maxUsers)
		}
		users = append(users, m)
	}
	if len(users) == 0 {
		return nil, errors.New("names nobody")
	}
	return users, nil
}

// open opens where a user's mail comes from.
func (s *mailSource) open(ctx context.Context, m *migration) (migrate.Source, error) {
	switch {
	case s.maildir != "":
		return migrate.OpenMaildir(s.maildir)
	case s.mbox != "":
		return migrate.OpenMbox(s.mbox)
	}
	cfg := migrate.IMAPConfig{URL: s.imap, User: m.user, Password: m.password, For: m.as, Plain: s.insecure}
	if s.ca != "" {
		pem, err := os.ReadFile(s.ca)
		if err != nil {
			return nil, err
		}
		pool := x509.NewCertPool()
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s holds no certificate", s.ca)
		}
		cfg.TLS = &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	}
	return migrate.OpenIMAP(ctx, cfg)
}

// bring brings one user's mail.
func (a *app) bring(ctx context.Context, c admin.Client, s *mailSource, m *migration, dry bool, progress func(int, int, *migrate.Report)) error {
	// Who is not here is told before anybody connects.
	if _, err := c.CompareMail(ctx, admin.MailFolderRequest{Login: m.Login}); err != nil {
		return err
	}
	if s.forget && !dry {
		if _, err := c.ForgetMail(ctx, m.Login); err != nil {
			return err
		}
	}
	from, err := s.open(ctx, m)
	if err != nil {
		return err
	}
	defer from.Close()
	request := func(source string, f *migrate.Folder) admin.MailFolderRequest {
		return admin.MailFolderRequest{Login: m.Login, Source: source, Folder: *f}
	}
	m.Report, err = migrate.Run(ctx, from, migrate.Target{
		Compare: func(ctx context.Context, source string, f *migrate.Folder, heads []migrate.Head) ([]migrate.State, error) {
			if s.forget && dry {
				return make([]migrate.State, len(heads)), nil
			}
			in := request(source, f)
			in.Heads = heads
			return c.CompareMail(ctx, in)
		},
		Put: func(ctx context.Context, source string, f *migrate.Folder, items []migrate.Item) (map[int]string, error) {
			in := request(source, f)
			in.Items = items
			return c.ImportMail(ctx, in)
		},
	}, migrate.Options{DryRun: dry, Only: s.only, Without: s.without, Progress: progress})
	return err
}

func (a *app) showMigration(m *migration, many bool) {
	if m.Report != nil {
		would := ""
		if m.DryRun {
			would = "would be "
		}
		a.printf("%s: %d folders, %d messages %sadded (%s), %d with new flags, %d brought before, %d refused\n",
			m.Login, m.Folders, m.Added, would, byteSize(m.Bytes), m.Updated, m.Present, len(m.Refused)+m.More)
		for _, e := range m.Refused {
			a.printf("  %s\n", printable(e.Error()))
		}
		if m.More > 0 {
			a.printf("  and %d more\n", m.More)
		}
	}
	if m.Error != "" && many {
		a.printf("%s: not done: %s\n", m.Login, printable(m.Error))
	}
}

// mailExport writes a user's mail into files.
func (a *app) mailExport(ctx context.Context, login, maildir, mbox string) error {
	var w migrate.Writer
	var err error
	to := maildir
	if maildir != "" {
		w, err = migrate.NewMaildirWriter(maildir)
	} else {
		to = mbox
		w, err = migrate.NewMboxWriter(mbox)
	}
	if err != nil {
		return err
	}
	p := a.progress()
	defer p.clear()
	folders, n := 0, 0
	lines := &jsonLines[admin.ExportedMail]{each: func(x *admin.ExportedMail) error {
		if x.Folder != nil {
			folders++
			return w.Begin(x.Folder)
		}
		n++
		p.tell("%d written", n)
		return w.Write(x.Item)
	}}
	err = a.withAdmin(ctx, func(c admin.Client) error { return c.ExportMail(ctx, login, lines) })
	if err := errors.Join(err, w.Close()); err != nil {
		return err
	}
	p.clear()
	if a.json {
		return a.printJSON(map[string]any{"into": to, "folders": folders, "messages": n})
	}
	a.printf("wrote %d messages of %d folders into %s\n", n, folders, to)
	return nil
}

// byteSize is a size as people read it.
func byteSize(n int64) string {
	switch {
	case n < 1<<10:
		return fmt.Sprintf("%d bytes", n)
	case n < 1<<20:
		return fmt.Sprintf("%.1f KiB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.2f GiB", float64(n)/(1<<30))
}
