package mailbox

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"martlet/mail"
	"martlet/mail/object"
	"martlet/store"
)

// Item returns one item, or mail.ErrNoItem.
func (m *Mailboxes) Item(tx *store.Tx, box mail.MailboxID, f mail.FolderID, id mail.ItemID) (mail.Item, error) {
	// What is in a deleted folder stays until the sweep, but it is gone.
	at, _, err := m.locate(tx, box, f, mail.MayRead)
	if err != nil {
		return mail.Item{}, noItem(err)
	}
	it, err := m.item(tx, itemKey{at.Box, at.Folder, id})
	it.Folder = f
	return it, err
}

func (m *Mailboxes) item(tx *store.Tx, k itemKey) (mail.Item, error) {
	it, err := itemTable.Get(tx, k)
	if err == nil {
		it.ID, it.Folder = k.Item, k.Folder
		return it, nil
	}
	if !errors.Is(err, store.ErrNotFound) {
		return it, fmt.Errorf("mailbox: item: %w", err)
	}
	return mail.Item{}, mail.ErrNoItem
}

// Append puts a new item into a folder. Its body must be durable: the item
// holds one reference to it. A message needs its index: see Prepare.
func (m *Mailboxes) Append(tx *store.Tx, box mail.MailboxID, f mail.FolderID, n mail.NewItem) (mail.Item, error) {
	return m.append(tx, box, f, n, nil)
}

// append is Append; from is the item of another mailbox that it becomes, or nil.
func (m *Mailboxes) append(tx *store.Tx, box mail.MailboxID, f mail.FolderID, n mail.NewItem, from *mail.Item) (mail.Item, error) {
	it := mail.Item{
		Class: n.Class, Received: received(n.Received), Blob: n.Blob, Flags: n.Flags, FollowUp: n.FollowUp,
		Keywords: n.Keywords, LastVerb: n.LastVerb, VerbTime: n.VerbTime, Own: n.Own, Object: n.Object, Thread: n.Thread,
	}
	if err := normalise(&it); err != nil {
		return it, err
	}
	o, err := m.open(tx, box, f)
	if err != nil {
		return it, err
	}
	st := &o.st
	switch {
	case it.Object == 0:
		st.Object++
		it.Object = st.Object
	case it.Object > st.Object:
		return it, fmt.Errorf("mailbox: append: the object %d was never given out", it.Object)
	}
	if err := m.hold(tx, it.Class, n.Body); err != nil {
		return it, err
	}
	if err := m.findThread(tx, o.box, &it, n.Index); err != nil {
		return it, err
	}
	it.By = o.by
	if !indexed(it.Class) {
		takeFacts(&it, &n, from)
	}
	if err := m.addItem(tx, o.box, st, &o.folder, &it); err != nil {
		return it, err
	}
	if err := m.save(tx, &o); err != nil {
		return it, err
	}
	err = m.tellNew(tx, &o, n.Copied, &it)
	it.Folder = f
	return it, err
}

// received is the time of receipt as it is kept: keys sort it as an unsigned
// number, so nothing is older than 1970.
func received(ms int64) int64 {
	if ms == 0 {
		return time.Now().UnixMilli()
	}
	return max(ms, 1)
}

// UpdateItem lets edit change an item's flags, follow-up flag, keywords and
// verb; what else it changes is ignored. When there is no difference nothing is
// written and nobody is woken.
func (m *Mailboxes) UpdateItem(tx *store.Tx, box mail.MailboxID, f mail.FolderID, id mail.ItemID, edit func(*mail.Item)) (mail.Item, error) {
	return m.updateItem(tx, box, f, id, nil, edit)
}

// ReplaceBody gives an item another body, and lets edit change the rest as
// UpdateItem does; edit may be nil.
func (m *Mailboxes) ReplaceBody(tx *store.Tx, box mail.MailboxID, f mail.FolderID, id mail.ItemID, body mail.Body, edit func(*mail.Item)) (mail.Item, error) {
	return m.updateItem(tx, box, f, id, &body, edit)
}

func (m *Mailboxes) updateItem(tx *store.Tx, box mail.MailboxID, f mail.FolderID, id mail.ItemID, body *mail.Body, edit func(*mail.Item)) (mail.Item, error) {
	o, err := m.open(tx, box, f)
	if err != nil {
		return mail.Item{}, noItem(err)
	}
	named := f
	box, f = o.box, o.folder.ID
	st := &o.st
	old, err := m.item(tx, itemKey{box, f, id})
	if err != nil {
		return old, err
	}
	it := old
	it.Keywords = slices.Clone(old.Keywords) // edit may write into it
	if edit != nil {
		edit(&it)
	}
	it.ID, it.Folder, it.Class, it.Created, it.ModSeq, it.Object, it.Received, it.Blob, it.Parts =
		old.ID, old.Folder, old.Class, old.Created, old.ModSeq, old.Object, old.Received, old.Blob, old.Parts
	it.Thread, it.Message, it.Index, it.Doc, it.Own = old.Thread, old.Message, old.Index, old.Doc, old.Own
	it.Name, it.UID, it.Brief, it.Was, it.By, it.Saved = old.Name, old.UID, old.Brief, old.Was, old.By, old.Saved
	if body != nil {
		it.Blob = body.Blob
	}
	if err := normalise(&it); err != nil {
		return old, err
	}
	if sameItem(&old, &it) {
		old.Folder = named
		return old, nil
	}
	if it.Blob != old.Blob {
		if err := o.mayChange(&old); err != nil {
			return old, err
		}
	}
	it.By = o.by
	it.Parts.Note(mail.Differing(&old, &it), st.ModSeq+1)
	if it.Blob != old.Blob {
		if err := m.hold(tx, it.Class, *body); err != nil {
			return old, err
		}
		if err := m.letGo(tx, it.Class, old.Blob); err != nil {
			return old, err
		}
		if err := m.renameMessage(tx, box, &it, body.Index); err != nil {
			return old, err
		}
		if err := m.leaveIndex(tx, box, &it); err != nil {
			return old, err
		}
		it.Doc = 0
		if err := m.changeObject(tx, box, st, &it, &body.Facts); err != nil {
			return old, err
		}
	}
	if it.Blob != old.Blob || it.Doc != 0 && (it.Flags != old.Flags || it.FollowUp.Status != old.FollowUp.Status) {
		if err := m.enterIndex(tx, box, st, &it); err != nil {
			return old, err
		}
	}
	if err := logTable.Delete(tx, logKey{box, f, old.ModSeq}); err != nil {
		return old, err
	}
	st.tally(&o.folder, &old, false)
	st.tally(&o.folder, &it, true)
	if it.Blob.Size > old.Blob.Size {
		m.grown(tx, box)
	}
	if err := m.logItem(tx, box, st, &o.folder, &it); err != nil {
		return old, err
	}
	if err := m.save(tx, &o); err != nil {
		return old, err
	}
	err = m.tellItem(tx, ItemChange{Box: box, By: o.by, From: &o.folder, To: &o.folder, Old: &old, New: &it})
	it.Folder = named
	return it, err
}

// Delete removes an item for good and leaves a tombstone.
func (m *Mailboxes) Delete(tx *store.Tx, box mail.MailboxID, f mail.FolderID, id mail.ItemID) (mail.Change, error) {
	o, err := m.open(tx, box, f)
	if err != nil {
		return mail.Change{}, noItem(err)
	}
	it, err := m.item(tx, itemKey{o.box, o.folder.ID, id})
	if err == nil {
		err = o.mayChange(&it)
	}
	if err != nil {
		return mail.Change{}, err
	}
	if err := m.letGo(tx, it.Class, it.Blob); err != nil {
		return mail.Change{}, err
	}
	c, err := m.bury(tx, o.box, &o.st, &o.folder, &it, mail.Away{})
	if err != nil {
		return mail.Change{}, err
	}
	return c, m.save(tx, &o)
}

// Move puts an item into another folder, where it has a new number and its old
// Object; the tombstone in the old folder says where it went. Into a folder of
// another mailbox it comes as a new one. A missing dst is mail.ErrNoFolder, a
// missing item mail.ErrNoItem.
func (m *Mailboxes) Move(tx *store.Tx, box mail.MailboxID, f mail.FolderID, id mail.ItemID, dst mail.FolderID) (mail.Item, error) {
	o, err := m.open(tx, box, f)
	if err != nil {
		return mail.Item{}, noItem(err)
	}
	old, err := m.item(tx, itemKey{o.box, o.folder.ID, id})
	if err == nil {
		err = o.mayChange(&old)
	}
	if err != nil {
		return old, err
	}
	to := &o.folder
	if dst != f {
		at, other, err := m.locate(tx, box, dst, mail.MayWrite)
		if err != nil {
			return old, err
		}
		if at.Box != o.box {
			return m.moveAway(tx, &o, &old, box, dst)
		}
		if other.ID != o.folder.ID { // else a link leads there
			to = &other
		}
	}
	it := old
	it.By = o.by
	if err := m.addItem(tx, o.box, &o.st, to, &it); err != nil {
		return old, err
	}
	if _, err := m.bury(tx, o.box, &o.st, &o.folder, &old, mail.Away{Box: o.box, At: mail.Place{Folder: to.ID, Item: it.ID}}); err != nil {
		return old, err
	}
	if to != &o.folder {
		if err := folderTable.Set(tx, folderKey{o.box, to.ID}, *to); err != nil {
			return old, err
		}
	}
	if err := m.save(tx, &o); err != nil {
		return old, err
	}
	err = m.tellItem(tx, ItemChange{Box: o.box, By: o.by, From: &o.folder, To: to, Old: &old, New: &it})
	it.Folder = dst
	return it, err
}

// moveAway moves an item into another mailbox.
func (m *Mailboxes) moveAway(tx *store.Tx, o *opening, old *mail.Item, box mail.MailboxID, dst mail.FolderID) (mail.Item, error) {
	if err := m.Room(tx, box, dst, old.Blob.Size, 1); err != nil {
		return *old, err
	}
	it, err := m.append(tx, box, dst, mail.NewItem{
		Class: old.Class, Received: old.Received, Body: mail.Body{Blob: old.Blob}, Flags: old.Flags, FollowUp: old.FollowUp,
		Keywords: old.Keywords, LastVerb: old.LastVerb, VerbTime: old.VerbTime, Own: true, // no mail that came
	}, old)
	if err != nil {
		return it, err
	}
	if err := m.letGo(tx, old.Class, old.Blob); err != nil {
		return it, err
	}
	at, _, err := m.locate(tx, box, dst, mail.MayWrite)
	if err != nil {
		return it, err
	}
	if _, err := m.bury(tx, o.box, &o.st, &o.folder, old, mail.Away{Box: at.Box, At: mail.Place{Folder: at.Folder, Item: it.ID}}); err != nil {
		return it, err
	}
	return it, m.save(tx, o)
}

// opening is what every change of an item needs: the folder where it really is.
type opening struct {
	box    mail.MailboxID
	st     state
	folder mail.Folder
	by     mail.MailboxID // who is there by a link; zero: the owner
	blind  bool           // who may not see what is private
}

// mayChange refuses to change or to take away what somebody may not see.
func (o *opening) mayChange(it *mail.Item) error {
	if o.blind && !indexed(it.Class) && object.Hidden(it.Brief) {
		return mail.ErrReadOnly
	}
	return nil
}

// open reads it, for writing.
func (m *Mailboxes) open(tx *store.Tx, box mail.MailboxID, f mail.FolderID) (o opening, err error) {
	if o.st, err = m.state(tx, box); err != nil {
		return o, err
	}
	at, folder, err := m.locate(tx, box, f, mail.MayWrite)
	if err != nil {
		return o, err
	}
	o.box, o.folder = at.Box, folder
	if at.Box != box {
		link, err := m.folder(tx, folderKey{box, f})
		if err != nil {
			return o, err
		}
		o.by, o.blind = box, link.Link.Rights&mail.MaySee == 0
		o.st, err = m.state(tx, at.Box)
		return o, err
	}
	return o, nil
}

// save writes what open has read.
func (m *Mailboxes) save(tx *store.Tx, o *opening) error {
	if err := folderTable.Set(tx, folderKey{o.box, o.folder.ID}, o.folder); err != nil {
		return err
	}
	return stateTable.Set(tx, o.box, o.st)
}

// noItem says of an item in a missing folder that there is no such item.
func noItem(err error) error {
	if errors.Is(err, mail.ErrNoFolder) {
		return mail.ErrNoItem
	}
	return err
}

// addItem gives the item its number in the folder and writes it.
func (m *Mailboxes) addItem(tx *store.Tx, box mail.MailboxID, st *state, folder *mail.Folder, it *mail.Item) error {
	if st.Item == ^mail.ItemID(0) {
		return mail.ErrMailboxFull
	}
	st.Item++
	it.ID, it.Folder, it.Created, it.Parts, it.Was = st.Item, folder.ID, st.ModSeq+1, mail.PartSeqs{}, nil
	it.Saved = time.Now().UnixMilli()
	if err := m.nameObject(tx, box, folder, it); err != nil {
		return err
	}
	st.tally(folder, it, true)
	m.grown(tx, box)
	if err := dateTable.Set(tx, dateKey{box, folder.ID, it.Position()}, dateRowOf(it)); err != nil {
		return err
	}
	if err := m.joinThread(tx, box, it); err != nil {
		return err
	}
	if err := m.enterIndex(tx, box, st, it); err != nil {
		return err
	}
	return m.logItem(tx, box, st, folder, it)
}

// logItem writes the item and its entry in the log at the next ModSeq. The
// caller has removed an older entry.
func (m *Mailboxes) logItem(tx *store.Tx, box mail.MailboxID, st *state, folder *mail.Folder, it *mail.Item) error {
	st.ModSeq++
	folder.Highest, it.ModSeq = st.ModSeq, st.ModSeq
	if err := itemTable.Set(tx, itemKey{box, folder.ID, it.ID}, *it); err != nil {
		return err
	}
	m.changed(tx, box, folder.ID)
	return logTable.Set(tx, logKey{box, folder.ID, it.ModSeq},
		mail.Change{Item: it.ID, Created: it.Created, Received: it.Received, SMS: it.Class == mail.ClassSMS, Was: it.Was})
}

// bury replaces the item by a tombstone at the next ModSeq, which says where it
// went. The body is the caller's business: a moved item keeps it.
func (m *Mailboxes) bury(tx *store.Tx, box mail.MailboxID, st *state, folder *mail.Folder, it *mail.Item, went mail.Away) (mail.Change, error) {
	st.ModSeq++
	folder.Highest = st.ModSeq
	st.tally(folder, it, false)
	c := mail.Change{
		ModSeq: st.ModSeq, Item: it.ID, Created: it.Created, Received: it.Received,
		Deleted: true, Thread: it.Thread, SMS: it.Class == mail.ClassSMS, Was: it.Was, Name: it.Name,
	}
	if went.Box == box {
		c.MovedTo = went.At
	} else {
		c.Away = went
	}
	if err := m.leaveThread(tx, box, it); err != nil {
		return c, err
	}
	if err := m.unnameObject(tx, box, it); err != nil {
		return c, err
	}
	if went.Box != box {
		if err := m.leaveIndex(tx, box, it); err != nil {
			return c, err
		}
	}
	if err := itemTable.Delete(tx, itemKey{box, folder.ID, it.ID}); err != nil {
		return c, err
	}
	if err := dateTable.Delete(tx, dateKey{box, folder.ID, it.Position()}); err != nil {
		return c, err
	}
	if err := logTable.Delete(tx, logKey{box, folder.ID, it.ModSeq}); err != nil {
		return c, err
	}
	if err := buriedTable.Set(tx, itemKey{box, folder.ID, it.ID}, c.ModSeq); err != nil {
		return c, err
	}
	m.changed(tx, box, folder.ID)
	return c, logTable.Set(tx, logKey{box, folder.ID, c.ModSeq}, c)
}

// count adds an item to the folder's counters or takes it off.
func count(folder *mail.Folder, it *mail.Item, add bool) {
	unread := uint32(0)
	if it.Flags&mail.FlagSeen == 0 {
		unread = 1
	}
	sms := uint32(0)
	if it.Class == mail.ClassSMS {
		sms = 1
	}
	if add {
		folder.Items++
		folder.SMS += sms
		folder.Unread += unread
		folder.Bytes += uint64(it.Blob.Size)
		return
	}
	folder.Items--
	folder.SMS -= sms
	folder.Unread -= unread
	folder.Bytes -= uint64(it.Blob.Size)
}
