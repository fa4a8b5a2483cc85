package share

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/push"
	"martlet/store"
	"martlet/store/blob"
)

// house is a small organisation.
type house struct {
	*Shares
	t         testing.TB
	hub       *push.Hub
	mailboxes *mailbox.Mailboxes
	directory *directory.Directory
}

const domain = "example.org"

func newHouse(t testing.TB, logins ...string) *house {
	t.Helper()
	dir := t.TempDir()
	s, err := store.Open(store.Config{Path: filepath.Join(dir, "rows")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	b, err := blob.Open(blob.Config{Store: s, Path: filepath.Join(dir, "bodies")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	h := &house{t: t, hub: push.NewHub()}
	h.directory, err = directory.New(directory.Config{Store: s, HashCost: directory.HashCost{Memory: 16, Time: 1, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	h.mailboxes = mailbox.New(mailbox.Config{Store: s, Blobs: b, Hub: h.hub})
	h.Shares = New(Config{Store: s, Directory: h.directory, Mailboxes: h.mailboxes})
	if err := h.directory.AddDomain(t.Context(), directory.Domain{Name: domain}); err != nil {
		t.Fatal(err)
	}
	for _, login := range logins {
		h.user(login)
	}
	t.Cleanup(h.clean)
	return h
}

// user adds somebody, who is called as the login is, with a capital.
func (h *house) user(login string) directory.AccountID {
	h.t.Helper()
	a, err := h.directory.AddUser(context.Background(), directory.Account{
		Login: login + "@" + domain, Name: strings.ToUpper(login[:1]) + login[1:] + " Example",
	}, "")
	if err != nil {
		h.t.Fatal(err)
	}
	if err := h.mailboxes.Create(context.Background(), mail.MailboxOf(a.ID)); err != nil {
		h.t.Fatal(err)
	}
	return a.ID
}

// id is the number of somebody.
func (h *house) id(login string) (id directory.AccountID) {
	h.t.Helper()
	h.view(func(tx *store.Tx) (err error) {
		id, _, err = h.directory.Whose(tx, login+"@"+domain)
		return err
	})
	return id
}

func (h *house) box(login string) mail.MailboxID { return mail.MailboxOf(h.id(login)) }

// groups applies groups: "team: ada bob".
func (h *house) groups(lines ...string) {
	h.t.Helper()
	var b strings.Builder
	for _, l := range lines {
		name, members, _ := strings.Cut(l, ":")
		var quoted []string
		for _, m := range strings.Fields(members) {
			quoted = append(quoted, fmt.Sprintf("%q", m+"@"+domain))
		}
		fmt.Fprintf(&b, "[[group]]\naddress = \"%s@%s\"\nmembers = [%s]\n", name, domain, strings.Join(quoted, ", "))
	}
	h.apply(b.String())
}

func (h *house) apply(text string, options ...directory.Option) {
	h.t.Helper()
	f, err := directory.ParseFile(strings.NewReader(text), "directory.toml")
	if err != nil {
		h.t.Fatal(err)
	}
	if _, err := h.directory.Apply(context.Background(), f, false, options...); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) view(fn func(*store.Tx) error) {
	h.t.Helper()
	if err := h.store.View(context.Background(), fn); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) update(fn func(*store.Tx) error) {
	h.t.Helper()
	if err := h.store.Update(context.Background(), fn); err != nil {
		h.t.Fatal(err)
	}
}

// role is a default folder of somebody.
func (h *house) role(login string, role mail.Role) mail.FolderID {
	h.t.Helper()
	var f mail.Folder
	box := h.box(login)
	h.view(func(tx *store.Tx) (err error) {
		f, err = h.mailboxes.FolderByRole(tx, box, role)
		return err
	})
	return f.ID
}

func (h *house) folder(login, name string) mail.FolderID {
	h.t.Helper()
	var f mail.Folder
	box := h.box(login)
	h.update(func(tx *store.Tx) (err error) {
		f, err = h.mailboxes.CreateFolder(tx, box, 0, name, mail.ClassCalendar)
		return err
	})
	return f.ID
}

// to reads a principal: a login, "@group" or "*".
func (h *house) to(name string) (p Principal) {
	h.t.Helper()
	addr := strings.TrimPrefix(name, "@") + "@" + domain
	if name == "*" {
		addr = ""
	}
	h.view(func(tx *store.Tx) (err error) {
		p, err = h.Principal(tx, addr)
		return err
	})
	return p
}

func (h *house) grant(login string, f mail.FolderID, to string, r mail.Rights) {
	h.t.Helper()
	if err := h.Grant(context.Background(), Grant{h.box(login), f, h.to(to), r}); err != nil {
		h.t.Fatal(err)
	}
}

func (h *house) revoke(login string, f mail.FolderID, to string) {
	h.t.Helper()
	if err := h.Revoke(context.Background(), h.box(login), f, h.to(to)); err != nil {
		h.t.Fatal(err)
	}
}

// links are somebody's links after a refresh: "name rights", sorted.
func (h *house) links(login string) []string {
	h.t.Helper()
	id := h.id(login)
	linked, err := h.Refresh(context.Background(), id)
	if err != nil {
		h.t.Fatal(err)
	}
	var out []string
	h.view(func(tx *store.Tx) error {
		folders, err := h.mailboxes.Folders(tx, mail.MailboxOf(id))
		for _, f := range folders {
			if !f.Link.IsZero() {
				out = append(out, f.Name+" "+rightsText(f.Link.Rights))
			}
		}
		return err
	})
	if linked != (len(out) > 0) {
		h.t.Errorf("%s has %d links, Refresh says %v", login, len(out), linked)
	}
	slices.Sort(out)
	return out
}

func (h *house) sees(login string, want ...string) {
	h.t.Helper()
	if got := h.links(login); !slices.Equal(got, want) {
		h.t.Errorf("%s sees %q, want %q", login, got, want)
	}
}

func rightsText(r mail.Rights) string {
	text := ""
	for i, c := range "rwsd" {
		if r&(1<<i) != 0 {
			text += string(c)
		}
	}
	return text
}

func (h *house) clean() {
	h.t.Helper()
	ctx := context.Background()
	report := func(p store.Problem) { h.t.Errorf("%s %s: %s", p.Table, p.Key, p.Text) }
	for _, err := range []error{h.Check(ctx, report), h.Settle(ctx), h.Check(ctx, report), h.directory.Check(ctx, report), h.mailboxes.Check(ctx, report)} {
		if err != nil {
			h.t.Error(err)
		}
	}
}
