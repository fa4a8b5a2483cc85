package activesync

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/object"
	"martlet/mail/vcard"
	"martlet/store"
	"martlet/sync/class"
)

// Events, contacts, tasks and notes: what the door knows of them is that their
// bytes are one object, which sync/class reads and writes.

// isObject tells whether items of a class are objects, not messages.
func isObject(c mail.Class) bool {
	switch c {
	case mail.ClassCalendar, mail.ClassContacts, mail.ClassTasks, mail.ClassNotes:
		return true
	}
	return false
}

// owner is whose a folder is: the user, or who shares it.
type owner struct {
	person    calendar.Person
	addresses []string // in lower case, the primary one first; of a public mailbox none
	blank     bool     // private items are shown without their content
	mark      string   // the name that stands on items among those of others
}

func (o *owner) viewer() class.Viewer {
	return class.Viewer{Addresses: o.addresses, Name: o.person.Name, Blank: o.blank, Mark: o.mark}
}

// ownerOf tells whose the items of a folder are.
func (h *Handler) ownerOf(ctx context.Context, s *session, link mail.Link) (owner, error) {
	if link.IsZero() {
		if s.account.Login == "" { // of a request that waited
			if err := h.loadAccount(ctx, s); err != nil {
				return owner{}, err
			}
		}
		return ownerFrom(&s.account), nil
	}
	blank := link.Rights&mail.MaySee == 0
	a, err := h.c.Directory.Account(ctx, directory.AccountID(link.Box))
	if errors.Is(err, directory.ErrNoAccount) { // a public mailbox
		return owner{blank: blank}, nil
	}
	o := ownerFrom(&a)
	if o.blank = blank; s.merges() {
		o.mark = cmp.Or(a.Name, a.Login)
	}
	return o, err
}

// ownerOfFolder tells whose the items of a folder are. Those of the recipient
// information are for Sync alone: there are none.
func (h *Handler) ownerOfFolder(ctx context.Context, s *session, f mail.FolderID) (owner, error) {
	var link mail.Link
	err := h.c.Store.View(ctx, func(tx *store.Tx) error {
		folder, err := h.c.Mailboxes.Folder(tx, s.box, f)
		if link = folder.Link; err == nil && folder.Role == mail.RoleRecipientInfo {
			err = mail.ErrNoItem
		}
		return err
	})
	if err != nil {
		return owner{}, err
	}
	return h.ownerOf(ctx, s, link)
}

func ownerFrom(a *directory.Account) owner {
	o := owner{person: calendar.Person{Name: a.Name, Address: a.Login}, addresses: make([]string, 0, 1+len(a.Aliases))}
	for _, address := range append([]string{a.Login}, a.Aliases...) {
		o.addresses = append(o.addresses, strings.ToLower(address))
	}
	return o
}

// hidden tells whether an item's content is not for somebody's eyes.
func hidden(o *owner, it *mail.Item) bool {
	return o.blank && object.Hidden(it.Brief)
}

// readObject reads the bytes of an item that is no message.
func (h *Handler) readObject(ctx context.Context, it *mail.Item) ([]byte, error) {
	if it.Blob.IsZero() || it.Blob.Size > object.MaxBytes {
		return nil, fmt.Errorf("activesync: %w", object.ErrTooLarge)
	}
	b, err := h.c.Mailboxes.Blobs().Read(ctx, it.Blob)
	if err != nil {
		return nil, fmt.Errorf("activesync: object: %w", err)
	}
	return b, nil
}

// renderObject converts an event, a contact, a task or a note for the client.
// What goes wrong with one must not take others with it.
func (h *Handler) renderObject(ctx context.Context, it *mail.Item, opt *class.Options) (data any, err error) {
	defer func() {
		if p := recover(); p != nil {
			data, err = nil, fmt.Errorf("activesync: render: %v", p)
		}
	}()
	raw, err := h.readObject(ctx, it)
	if err != nil {
		return nil, err
	}
	return class.RenderObject(it, raw, opt)
}

// withUID gives a new object a UID of its own, if it has none: another one that
// says the same is another one.
func withUID(class mail.Class, raw []byte) []byte {
	uid := newUUID()
	if class == mail.ClassContacts {
		card, err := vcard.Parse(raw)
		if err != nil || card.Text("UID") != "" {
			return raw
		}
		card.Set(vcard.TextProperty("UID", uid))
		return card.Bytes()
	}
	roots, _, err := calendar.Components(raw)
	if err != nil || len(roots) != 1 {
		return raw
	}
	named := false
	for _, c := range roots[0].Children {
		if c.Name == "VTIMEZONE" {
			continue
		}
		if c.Text("UID") != "" {
			return raw
		}
		c.SetText("UID", uid)
		named = true
	}
	if !named {
		return raw
	}
	return roots[0].Append(nil)
}

// newUUID is a random one (RFC 9562 5.4).
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
