package simulation

import (
	"context"
	"errors"
	"fmt"
	"time"

	"martlet/mail"
	"martlet/store"
)

// copyOf is what a phone shows of an item, and so what is compared.
type copyOf struct {
	received int64
	flags    mail.Flags
	keyword  string
	thread   mail.ThreadID
}

func show(it *mail.Item) copyOf {
	c := copyOf{received: it.Received, flags: it.Flags, thread: it.Thread}
	if len(it.Keywords) > 0 {
		c.keyword = it.Keywords[0]
	}
	return c
}

// folderView is one folder as somebody sees it.
type folderView struct {
	parent mail.FolderID
	name   string
	class  mail.Class
}

// content is everything in the mailbox.
type content struct {
	folders map[mail.FolderID]folderView
	items   map[mail.FolderID]map[mail.ItemID]copyOf
}

// server reads the whole mailbox.
func (w *World) server() (content, error) {
	c := content{map[mail.FolderID]folderView{}, map[mail.FolderID]map[mail.ItemID]copyOf{}}
	err := w.store.View(context.Background(), func(tx *store.Tx) error {
		folders, err := w.boxes.Folders(tx, box)
		if errors.Is(err, mail.ErrNoMailbox) {
			return nil
		}
		if err != nil {
			return err
		}
		for _, f := range folders {
			c.folders[f.ID] = folderView{f.Parent, f.Name, f.Class}
			c.items[f.ID] = map[mail.ItemID]copyOf{}
			for pos, err := range w.boxes.Newest(tx, box, f.ID, mail.Position{}, 0) {
				if err != nil {
					return err
				}
				it, err := w.boxes.Item(tx, box, f.ID, pos.Item)
				if err != nil {
					return err
				}
				c.items[f.ID][it.ID] = show(&it)
			}
		}
		return nil
	})
	return c, err
}

func (c content) diff(other content) string {
	if len(c.folders) != len(other.folders) {
		return fmt.Sprintf("%d folders, then %d", len(c.folders), len(other.folders))
	}
	for f, view := range c.folders {
		if other.folders[f] != view {
			return fmt.Sprintf("folder %d: %v, then %v", f, view, other.folders[f])
		}
		if d := diffItems(c.items[f], other.items[f]); d != "" {
			return fmt.Sprintf("folder %d: %s", f, d)
		}
	}
	return ""
}

func diffItems(a, b map[mail.ItemID]copyOf) string {
	for id, it := range a {
		if there, ok := b[id]; !ok {
			return fmt.Sprintf("item %d %v is missing", id, it)
		} else if there != it {
			return fmt.Sprintf("item %d is %v, not %v", id, there, it)
		}
	}
	for id, it := range b {
		if _, ok := a[id]; !ok {
			return fmt.Sprintf("item %d %v is too many", id, it)
		}
	}
	return ""
}

// serverStep lets something else than a phone change the mailbox, as deliveries
// and IMAP do.
func (w *World) serverStep() error {
	return w.store.Update(context.Background(), func(tx *store.Tx) error {
		folders, err := w.boxes.Folders(tx, box)
		if err != nil {
			return err
		}
		mails := folders[:0:0]
		for _, f := range folders {
			if f.Class == mail.ClassEmail {
				mails = append(mails, f)
			}
		}
		f := &mails[w.rng.IntN(len(mails))]
		if w.one(2) {
			f = &mails[0]
		}
		return w.disturb(tx, f, mails)
	})
}

func (w *World) disturb(tx *store.Tx, f *mail.Folder, folders []mail.Folder) error {
	switch n := w.rng.IntN(20); {
	case n < 6:
		return w.append(tx, f.ID, 0)
	case n < 8:
		return w.append(tx, f.ID, time.Duration(w.rng.IntN(40*24))*time.Hour)
	case n == 8:
		for range w.rng.IntN(25) {
			if err := w.append(tx, f.ID, time.Duration(w.rng.IntN(72))*time.Hour); err != nil {
				return err
			}
		}
		return nil
	case n < 16:
		return w.changeItems(tx, f, folders)
	case n == 16 && len(folders) < 12:
		return w.makeFolder(tx, folders)
	case n == 17:
		w.names++
		w.log("server renames folder %d", f.ID)
		_, err := w.boxes.UpdateFolder(tx, box, f.ID, f.Parent, fmt.Sprintf("renamed %d", w.names))
		return unless(err, mail.ErrSystemFolder)
	case n == 18 && w.one(3):
		w.log("server deletes folder %d", f.ID)
		return unless(w.boxes.DeleteFolder(tx, box, f.ID), mail.ErrSystemFolder)
	}
	return nil
}

// unless passes over an error that is expected.
func unless(err error, expected ...error) error {
	for _, e := range expected {
		if errors.Is(err, e) {
			return nil
		}
	}
	return err
}

func (w *World) makeFolder(tx *store.Tx, folders []mail.Folder) error {
	parent := mail.FolderID(0)
	if w.one(2) {
		parent = folders[w.rng.IntN(len(folders))].ID
	}
	w.names++
	f, err := w.boxes.CreateFolder(tx, box, parent, fmt.Sprintf("folder %d", w.names), mail.ClassEmail)
	w.log("server makes folder %d in %d", f.ID, parent)
	return err
}

func (w *World) append(tx *store.Tx, f mail.FolderID, age time.Duration) error {
	received := time.Now().Add(-age).UnixMilli()
	if w.one(3) { // items of the same moment
		received -= received % time.Hour.Milliseconds()
	}
	it, err := w.boxes.Append(tx, box, f, mail.NewItem{Class: mail.ClassEmail, Received: received, Thread: w.thread()})
	w.log("server adds %d:%d of %s ago", f, it.ID, age)
	return err
}

// thread makes up a conversation: some are long, some messages are alone, and
// some are from before there were any.
func (w *World) thread() mail.ThreadID {
	switch n := w.rng.IntN(12); {
	case n == 0:
		return mail.ThreadID{}
	case n < 4:
		w.names++
		return mail.ThreadID{1, byte(w.names >> 8), byte(w.names)}
	default:
		return mail.ThreadID{byte(2 + n%6)}
	}
}

// changeItems changes, deletes or moves one item or many.
func (w *World) changeItems(tx *store.Tx, f *mail.Folder, folders []mail.Folder) error {
	var there []mail.ItemID
	for pos, err := range w.boxes.Newest(tx, box, f.ID, mail.Position{}, 0) {
		if err != nil {
			return err
		}
		there = append(there, pos.Item)
	}
	if len(there) == 0 {
		return nil
	}
	count := 1
	if w.one(6) {
		count = 1 + w.rng.IntN(len(there))
	}
	kind := w.rng.IntN(4)
	dst := folders[w.rng.IntN(len(folders))].ID
	w.rng.Shuffle(len(there), func(i, j int) { there[i], there[j] = there[j], there[i] })
	for _, id := range there[:count] {
		var err error
		switch kind {
		case 0, 1:
			edit := w.edit()
			w.log("server edits %d:%d", f.ID, id)
			_, err = w.boxes.UpdateItem(tx, box, f.ID, id, edit)
		case 2:
			w.log("server deletes %d:%d", f.ID, id)
			_, err = w.boxes.Delete(tx, box, f.ID, id)
		case 3:
			var it mail.Item
			it, err = w.boxes.Move(tx, box, f.ID, id, dst)
			w.log("server moves %d:%d to %d:%d", f.ID, id, dst, it.ID)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// edit makes up a change of an item.
func (w *World) edit() func(*mail.Item) {
	flags := mail.Flags(w.rng.IntN(4))
	keyword := fmt.Sprint("k", w.rng.IntN(4))
	if w.one(2) {
		return func(it *mail.Item) { it.Flags = flags }
	}
	return func(it *mail.Item) { it.Keywords = []string{keyword} }
}
