package announce

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/push"
	"martlet/store"
	"martlet/store/blob"
	"martlet/sync/device"
)

// people live in every test's house.
const people = `
[[domain]]
name = "example.org"
[[user]]
login = "alice@example.org"
[[user]]
login = "bob@example.org"
`

// house is a store with mailboxes, a directory, devices and a book. When the
// test ends everything is checked, so no test needs to say so.
type house struct {
	testing.TB
	dir       string
	store     *store.Store
	blobs     *blob.Blobs
	hub       *push.Hub
	directory *directory.Directory
	boxes     *mailbox.Mailboxes
	devices   *device.Devices
	book      *Book
	alice     directory.AccountID
	bob       directory.AccountID

	held    map[string]bool // devices that hold a request
	refresh func(context.Context, directory.AccountID) error
	detail  Detail
	now     time.Time
	letters int
}

func newHouse(tb testing.TB) *house {
	tb.Helper()
	h := &house{TB: tb, dir: tb.TempDir(), held: map[string]bool{}, now: time.Now().UTC().Truncate(time.Second)}
	h.open()
	file, err := directory.ParseFile(strings.NewReader(people), "people.toml")
	h.must(err)
	_, err = h.directory.Apply(h.ctx(), file, false)
	h.must(err)
	for a, err := range h.directory.Accounts(h.ctx()) {
		h.must(err)
		if strings.HasPrefix(a.Login, "alice") {
			h.alice = a.ID
		} else {
			h.bob = a.ID
		}
	}
	h.must(h.boxes.Create(h.ctx(), mail.MailboxOf(h.alice)))
	tb.Cleanup(func() {
		if _, bench := tb.(*testing.B); !bench && !tb.Failed() {
			h.check()
		}
		h.close()
	})
	return h
}

func (h *house) ctx() context.Context { return context.Background() }

func (h *house) must(err error) {
	h.Helper()
	if err != nil {
		h.Fatal(err)
	}
}

func (h *house) open() {
	h.Helper()
	log := slog.New(slog.DiscardHandler)
	var err error
	h.store, err = store.Open(store.Config{Path: filepath.Join(h.dir, "store"), Logger: log, Reserve: 1})
	h.must(err)
	h.blobs, err = blob.Open(blob.Config{Store: h.store, Path: filepath.Join(h.dir, "blob"), Logger: log})
	h.must(err)
	h.directory, err = directory.New(directory.Config{Store: h.store})
	h.must(err)
	h.hub = push.NewHub()
	h.boxes = mailbox.New(mailbox.Config{Store: h.store, Blobs: h.blobs, Hub: h.hub, Logger: log})
	h.devices = device.New(device.Config{Store: h.store})
	h.reopenBook()
}

// reopenBook is what a restart does to the book: it knows nothing but the store.
func (h *house) reopenBook() {
	h.Helper()
	var err error
	h.book, err = New(Config{
		Store: h.store, Directory: h.directory, Mailboxes: h.boxes, Devices: h.devices, Detail: h.detail,
		Holding: func(box uint64, device string) bool {
			return box == uint64(h.alice) && h.held[device]
		},
		Refresh: h.refresh,
	})
	h.must(err)
}

func (h *house) close() {
	h.Helper()
	h.must(errors.Join(h.blobs.Close(), h.store.Close()))
}

func (h *house) check() {
	h.Helper()
	report := func(p store.Problem) { h.Errorf("check: %s %s: %s", p.Table, p.Key, p.Text) }
	h.must(errors.Join(h.store.Check(h.ctx(), report), h.boxes.Check(h.ctx(), report), h.book.Check(h.ctx(), report), h.devices.Check(h.ctx(), report)))
}

func (h *house) update(fn func(tx *store.Tx) error) {
	h.Helper()
	h.must(h.store.Update(h.ctx(), fn))
}

func (h *house) folder(role mail.Role) (f mail.FolderID) {
	h.Helper()
	h.must(h.store.View(h.ctx(), func(tx *store.Tx) error {
		folder, err := h.boxes.FolderByRole(tx, mail.MailboxOf(h.alice), role)
		f = folder.ID
		return err
	}))
	return f
}

func (h *house) makeFolder(name string) (f mail.FolderID) {
	h.Helper()
	h.update(func(tx *store.Tx) error {
		folder, err := h.boxes.CreateFolder(tx, mail.MailboxOf(h.alice), 0, name, mail.ClassEmail)
		f = folder.ID
		return err
	})
	return f
}

// letter is what a test writes; what it leaves out is made up.
type letter struct {
	from, subject, text, header string
	reply                       bool // to the message before
	folder                      mail.FolderID
	flags                       mail.Flags
	own                         bool           // Alice's own program puts it there
	box                         mail.MailboxID // whose, if not Alice's
	at                          time.Time
}

// deliver puts a message into a mailbox, the Inbox unless it says where.
func (h *house) deliver(m letter) mail.Item {
	h.Helper()
	h.letters++
	if m.from == "" {
		m.from = "Carol <carol@example.net>"
	}
	if m.subject == "" {
		m.subject = fmt.Sprintf("Subject %d", h.letters)
	}
	if m.text == "" {
		m.text = fmt.Sprintf("Text %d.", h.letters)
	}
	if m.reply {
		m.header += fmt.Sprintf("In-Reply-To: <%d@example.net>\r\n", h.letters-1)
	}
	if m.box == 0 {
		m.box = mail.MailboxOf(h.alice)
	}
	if m.folder == 0 {
		h.update(func(tx *store.Tx) error {
			f, err := h.boxes.FolderByRole(tx, m.box, mail.RoleInbox)
			m.folder = f.ID
			return err
		})
	}
	if m.at.IsZero() {
		m.at = h.now
	}
	if !strings.Contains(m.header, "Content-Type") {
		m.header += "Content-Type: text/plain; charset=utf-8\r\n"
	}
	raw := fmt.Sprintf("From: %s\r\nTo: alice@example.org\r\nSubject: %s\r\nMessage-ID: <%d@example.net>\r\n%s\r\n%s\r\n",
		m.from, m.subject, h.letters, m.header, m.text)
	body, err := h.boxes.Prepare(h.ctx(), []byte(raw))
	h.must(err)
	var it mail.Item
	h.update(func(tx *store.Tx) (err error) {
		it, err = h.boxes.Append(tx, m.box, m.folder,
			mail.NewItem{Class: mail.ClassEmail, Received: m.at.UnixMilli(), Body: body, Flags: m.flags, Own: m.own})
		return err
	})
	return it
}

// see marks a message as read, as another device does.
func (h *house) see(items ...mail.Item) {
	h.Helper()
	h.seeIn(mail.MailboxOf(h.alice), items...)
}

func (h *house) seeIn(box mail.MailboxID, items ...mail.Item) {
	h.Helper()
	for _, it := range items {
		h.update(func(tx *store.Tx) error {
			_, err := h.boxes.UpdateItem(tx, box, it.Folder, it.ID, func(it *mail.Item) { it.Flags |= mail.FlagSeen })
			return err
		})
	}
}

func (h *house) unsee(it mail.Item) {
	h.Helper()
	h.update(func(tx *store.Tx) error {
		_, err := h.boxes.UpdateItem(tx, mail.MailboxOf(h.alice), it.Folder, it.ID, func(it *mail.Item) { it.Flags &^= mail.FlagSeen })
		return err
	})
}

func (h *house) move(it mail.Item, to mail.FolderID) mail.Item {
	h.Helper()
	return h.moveIn(mail.MailboxOf(h.alice), it, to)
}

func (h *house) moveIn(box mail.MailboxID, it mail.Item, to mail.FolderID) (moved mail.Item) {
	h.Helper()
	h.update(func(tx *store.Tx) (err error) {
		moved, err = h.boxes.Move(tx, box, it.Folder, it.ID, to)
		return err
	})
	return moved
}

func (h *house) delete(it mail.Item) {
	h.Helper()
	h.update(func(tx *store.Tx) error {
		_, err := h.boxes.Delete(tx, mail.MailboxOf(h.alice), it.Folder, it.ID)
		return err
	})
}

// token is an APNs token that differs with n.
func token(n int) string { return fmt.Sprintf("%064x", n+1) }

// phone is a registration of Alice's, as edit has changed it.
func (h *house) phone(edit ...func(*Registration)) Registration {
	h.Helper()
	r := Registration{Account: h.alice, Kind: push.APNs, App: "mail", Token: token(0), Device: "phone", Mode: push.Alert}
	for _, e := range edit {
		e(&r)
	}
	r, _, err := h.book.Add(h.ctx(), r)
	h.must(err)
	return r
}

func mode(m push.Mode) func(*Registration) { return func(r *Registration) { r.Mode = m } }

func (h *house) plan(id uint64) push.Plan {
	h.Helper()
	p, err := h.book.Plan(h.ctx(), id, push.Ask{Now: h.now})
	h.must(err)
	return p
}

func (h *house) settle(id uint64, p *push.Plan, o push.Outcome) {
	h.Helper()
	h.must(h.book.Settle(h.ctx(), id, p, o, false))
}

// told does what the notifier does until there is nothing more to tell: it
// returns what the device was told, and when to ask again.
func (h *house) told(id uint64) (all []*push.Notification, later time.Time) {
	h.Helper()
	more := true
	for range 32 {
		p := h.plan(id)
		switch {
		case p.Notification != nil:
			if !more {
				h.Fatalf("nobody asks any more, and there is %s", spell([]*push.Notification{p.Notification}))
			}
			more = p.More
			if p.Mark == 0 {
				h.Fatal("a notification without a mark")
			}
			all = append(all, p.Notification)
			h.settle(id, &p, push.Outcome{Result: push.Accepted, Status: 200})
		case p.Mark != 0:
			h.settle(id, &p, push.Outcome{})
		}
		if p.Notification == nil {
			return all, p.Later
		}
	}
	h.Fatal("there is no end of it")
	return nil, time.Time{}
}

// only is the one thing that was told.
func (h *house) only(id uint64) *push.Notification {
	h.Helper()
	all, _ := h.told(id)
	if len(all) != 1 {
		h.Fatalf("%d notifications: %s", len(all), spell(all))
	}
	return all[0]
}

// nothing fails when there is something to tell.
func (h *house) nothing(id uint64) {
	h.Helper()
	if all, _ := h.told(id); len(all) != 0 {
		h.Fatalf("told: %s", spell(all))
	}
}

// spell writes notifications so that a test can compare them by eye.
func spell(all []*push.Notification) string {
	var b strings.Builder
	for _, n := range all {
		fmt.Fprintf(&b, "[%s", n.Mode)
		if n.High {
			b.WriteString(" high")
		}
		if n.Withdrawn {
			b.WriteString(" withdrawn")
		}
		for _, s := range []string{n.Title, n.Subtitle, n.Body} {
			fmt.Fprintf(&b, " | %s", s)
		}
		if n.Unread != nil {
			fmt.Fprintf(&b, " | %d", *n.Unread)
		}
		b.WriteString("]")
	}
	return b.String()
}

func (h *house) says(id uint64, want string) []*push.Notification {
	h.Helper()
	all, _ := h.told(id)
	if got := spell(all); got != want {
		h.Fatalf("told %s\nwant %s", got, want)
	}
	return all
}

// standing is where a registration stands.
func (h *house) standing(id uint64) (st state) {
	h.Helper()
	h.must(h.store.View(h.ctx(), func(tx *store.Tx) (err error) {
		st, err = h.book.state(tx, id)
		return err
	}))
	return st
}

// reads counts the rows that a plan reads.
func (h *house) reads(id uint64) (n int) {
	h.Helper()
	h.must(h.store.View(h.ctx(), func(tx *store.Tx) error {
		reg, err := h.book.load(tx, 0, id)
		if err != nil {
			return err
		}
		p := &planner{b: h.book, tx: tx, ctx: h.ctx(), now: h.now, reg: &reg, box: mail.MailboxOf(h.alice), refreshed: true}
		err = p.run()
		n = tx.Reads()
		return err
	}))
	return n
}
