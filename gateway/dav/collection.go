package dav

import (
	"context"
	"errors"
	"net/http"

	"martlet/directory"
	"martlet/mail"
	"martlet/store"
)

// collection is a folder of a user's mailbox as DAV shows it.
type collection struct {
	folder  mail.Folder // in the user's mailbox: a link, or the folder itself
	box     mail.MailboxID
	real    mail.FolderID // where it is: in box
	highest mail.ModSeq   // of its items
	rights  mail.Rights
	own     bool // the user's own, not a link
	meta    meta
	segment string
	href    string
	store   uint32 // when the store was restored: its numbers may have been given before
}

// ownRights are those of a folder's owner.
const ownRights = mail.MayRead | mail.MayWrite | mail.MaySee | mail.MayDelegate

// kind is what the collection is.
func (c *collection) kind() kind {
	if c.folder.Class == mail.ClassContacts {
		return kindBook
	}
	return kindCalendar
}

func (c *collection) may(r mail.Rights) bool { return c.rights&r == r }

// component is what the items of a class are in iCalendar.
func component(class mail.Class) string {
	switch class {
	case mail.ClassCalendar:
		return "VEVENT"
	case mail.ClassTasks:
		return "VTODO"
	case mail.ClassNotes:
		return "VJOURNAL"
	}
	return ""
}

// under is the first segment of the home in which folders of the kind are, or
// nothing: mail is not for DAV, and the recipient information is a cache.
func under(f *mail.Folder) string {
	switch {
	case f.Role == mail.RoleRecipientInfo || f.Role == mail.RoleJournal:
		return ""
	case f.Class == mail.ClassContacts:
		return atBooks
	case component(f.Class) != "":
		return atCalendars
	}
	return ""
}

// open makes a collection of a folder. Of a link whose folder is gone the error
// is mail.ErrNoFolder.
func (q *request) open(tx *store.Tx, f *mail.Folder) (*collection, error) {
	c := &collection{folder: *f, box: q.box, real: f.ID, highest: f.Highest, rights: ownRights, own: f.Link.IsZero()}
	var err error
	if !c.own {
		c.rights = f.Link.Rights
		if _, c.box, c.real, err = q.h.c.Mailboxes.Resolve(tx, q.box, f.ID); err != nil {
			return nil, err
		}
		there, err := q.h.c.Mailboxes.Folder(tx, c.box, c.real)
		if err != nil {
			return nil, err
		}
		c.highest = there.Highest
		c.folder.Items, c.folder.Bytes = there.Items, there.Bytes
	}
	if c.meta, err = q.h.meta.of(tx, q.box, f.ID); err != nil {
		return nil, err
	}
	if c.store, err = tx.Restored(); err != nil {
		return nil, err
	}
	if c.segment = c.meta.Segment; c.segment == "" {
		c.segment = ownSegment(f)
	}
	c.href = homeHref(under(f), q.account.Login) + pathEscape(c.segment) + "/"
	return c, nil
}

// collection finds the folder that a place names or lies in.
func (q *request) collection(tx *store.Tx, at *place) (*collection, error) {
	f, err := q.folder(tx, at)
	if err != nil {
		return nil, err
	}
	if under(&f) != at.under {
		return nil, mail.ErrNoFolder
	}
	c, err := q.open(tx, &f)
	if err == nil && c.segment != at.segment {
		return nil, mail.ErrNoFolder // one folder, one path
	}
	return c, err
}

func (q *request) folder(tx *store.Tx, at *place) (mail.Folder, error) {
	if !at.own {
		return mail.Folder{}, mail.ErrNoFolder
	}
	for role, s := range roleSegments {
		if s == at.segment {
			return q.h.c.Mailboxes.FolderByRole(tx, q.box, role)
		}
	}
	id, ok := numbered(at.segment)
	if !ok {
		var err error
		if id, err = q.h.meta.named(tx, q.box, at.segment); err != nil {
			return mail.Folder{}, err
		}
	}
	if id == 0 {
		return mail.Folder{}, mail.ErrNoFolder
	}
	return q.h.c.Mailboxes.Folder(tx, q.box, id)
}

// collections are all folders of a home.
func (q *request) collections(tx *store.Tx, home string) ([]*collection, error) {
	folders, err := q.h.c.Mailboxes.Folders(tx, q.box)
	if err != nil {
		return nil, err
	}
	var all []*collection
	for i := range folders {
		if under(&folders[i]) != home {
			continue
		}
		c, err := q.open(tx, &folders[i])
		if errors.Is(err, mail.ErrNoFolder) { // what was shared is gone
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// item finds the resource of a name in a collection.
func (q *request) item(tx *store.Tx, c *collection, resource string) (mail.Item, error) {
	id, err := q.h.c.Mailboxes.ByName(tx, q.box, c.folder.ID, resource)
	if err != nil {
		return mail.Item{}, err
	}
	it, err := q.h.c.Mailboxes.Item(tx, q.box, c.folder.ID, id)
	if err == nil && !c.shows(&it) {
		return it, mail.ErrNoItem
	}
	return it, err
}

// resource is what a path leads to.
type resource struct {
	kind    kind
	href    string
	col     *collection        // of a list and what is in it
	item    *mail.Item         // of an object
	account *directory.Account // of a principal, a home, an inbox
	file    *fileRow           // of a file or folder
	list    *addressList       // of the address list
	home    *meta              // of a calendar home
	entry   *directory.Entry   // of somebody in it
	under   string             // of kindHomes
}

// find opens the resource at a place, as it is now.
func (q *request) find(tx *store.Tx, at *place) (*resource, error) {
	switch at.kind {
	case kindRoot:
		return &resource{kind: at.kind, href: Path + "/"}, nil
	case kindPrincipals:
		return &resource{kind: at.kind, href: Path + "/" + atPrincipals + "/"}, nil
	case kindHomes:
		if at.under == atFiles && q.h.c.FileBytes == 0 {
			return nil, fail(http.StatusNotFound)
		}
		return &resource{kind: at.kind, href: Path + "/" + at.under + "/", under: at.under}, nil
	case kindPrincipal:
		a, err := q.principal(q.r.Context(), at)
		if err != nil {
			return nil, err
		}
		return &resource{kind: at.kind, href: principalHref(a.Login), account: a}, nil
	}
	if !at.own {
		return nil, fail(http.StatusNotFound)
	}
	return q.findOwn(tx, at)
}

func (q *request) findOwn(tx *store.Tx, at *place) (*resource, error) {
	home := homeHref(at.under, q.account.Login)
	switch at.kind {
	case kindCalendarHome, kindBookHome:
		m, err := q.h.meta.of(tx, q.box, homeOf(at.kind))
		return &resource{kind: at.kind, href: home, account: &q.account, home: &m}, err
	case kindInbox, kindOutbox:
		if q.h.c.Schedule == nil {
			return nil, fail(http.StatusNotFound)
		}
		return &resource{kind: at.kind, href: home + at.segment + "/", account: &q.account}, nil
	case kindFolder, kindFile:
		return q.findFile(tx, at)
	case kindDirectory, kindEntry:
		list, err := q.findList(tx)
		if err != nil || at.kind == kindDirectory {
			return list, err
		}
		return q.findEntry(list, at.name)
	}
	c, err := q.collection(tx, at)
	if err != nil {
		return nil, err
	}
	if at.kind&kindList != 0 {
		return &resource{kind: c.kind(), href: c.href, col: c}, nil
	}
	it, err := q.item(tx, c, at.name)
	if err != nil {
		return nil, err
	}
	return c.object(&it), nil
}

// homeOf is the number under which properties of a home are kept: no folder has
// it.
func homeOf(k kind) mail.FolderID {
	if k == kindBookHome {
		return ^mail.FolderID(0)
	}
	return 0
}

// object is the resource of an item.
func (c *collection) object(it *mail.Item) *resource {
	k := kindEvent
	if c.folder.Class == mail.ClassContacts {
		k = kindCard
	}
	return &resource{kind: k, href: c.href + pathEscape(it.Name), col: c, item: it}
}

// principal finds the account that a principal's path names. Who is not in the
// address list is seen by themselves only.
func (q *request) principal(ctx context.Context, at *place) (*directory.Account, error) {
	if at.own {
		return &q.account, nil
	}
	e, err := q.h.c.Directory.Lookup(ctx, at.login)
	if errors.Is(err, directory.ErrNoAddress) || err == nil && e.Account.ID == 0 {
		return nil, fail(http.StatusNotFound)
	}
	return &e.Account, err
}
