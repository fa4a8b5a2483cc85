package announce

import (
	"context"
	"fmt"
	"testing"

	"martlet/mail"
	"martlet/push"
	"martlet/store"
)

// desk is Bob's mailbox, of which Alice and Carol are shown folders.
type desk struct {
	*house
	bob, carol mail.MailboxID
}

func newDesk(tb testing.TB) *desk {
	d := &desk{house: newHouse(tb), carol: 4711}
	d.bob = mail.MailboxOf(d.house.bob)
	d.must(d.boxes.Create(d.ctx(), d.bob))
	d.must(d.boxes.Create(d.ctx(), d.carol))
	return d
}

func (d *desk) role(box mail.MailboxID, r mail.Role) mail.FolderID {
	d.Helper()
	var f mail.Folder
	d.update(func(tx *store.Tx) (err error) {
		f, err = d.boxes.FolderByRole(tx, box, r)
		return err
	})
	return f.ID
}

func (d *desk) inbox() mail.FolderID { return d.role(d.bob, mail.RoleInbox) }

// make makes a folder of Bob's.
func (d *desk) make(name string, c mail.Class) mail.FolderID {
	d.Helper()
	var f mail.Folder
	d.update(func(tx *store.Tx) (err error) {
		f, err = d.boxes.CreateFolder(tx, d.bob, 0, name, c)
		return err
	})
	return f.ID
}

// share shows somebody a folder of Bob's.
func (d *desk) share(to mail.MailboxID, f mail.FolderID, r mail.Rights) mail.FolderID {
	d.Helper()
	var link mail.Folder
	d.update(func(tx *store.Tx) (err error) {
		link, err = d.boxes.CreateLink(tx, to, 0, fmt.Sprintf("Bob: %d", f), mail.Link{Box: d.bob, Folder: f, Rights: r})
		return err
	})
	return link.ID
}

func (d *desk) unshare(from mail.MailboxID, link mail.FolderID) {
	d.Helper()
	d.update(func(tx *store.Tx) error { return d.boxes.DropLink(tx, from, link) })
}

func (d *desk) mine() mail.MailboxID { return mail.MailboxOf(d.alice) }

// whole is all rights but a delegate's.
const whole = mail.MayRead | mail.MayWrite | mail.MaySee

// toFolders is a registration that names folders.
func toFolders(f ...mail.FolderID) func(*Registration) {
	return func(r *Registration) { r.Folders = f }
}

func toAll(r *Registration) { r.All = true }

func toEvery(r *Registration) { r.All, r.Every = true, true }

// of is a device's own registration.
func of(device string, n int) func(*Registration) {
	return func(r *Registration) { r.Device, r.Token = device, token(n) }
}

func (h *house) toldAll(id uint64) []*push.Notification {
	h.Helper()
	all, _ := h.told(id)
	return all
}

// watched is the book, and shows what it plans.
type watched struct {
	*Book
	planned chan push.Plan
}

func (b *watched) Plan(ctx context.Context, id uint64, ask push.Ask) (push.Plan, error) {
	p, err := b.Book.Plan(ctx, id, ask)
	b.planned <- p
	return p, err
}

// teller says what it was to send.
type teller chan string

func (c teller) Send(_ context.Context, _ push.Target, n *push.Notification) push.Outcome {
	c <- n.Mode.String()
	return push.Outcome{Result: push.Accepted, Status: 200}
}
