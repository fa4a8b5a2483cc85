package activesync

import (
	"container/list"
	"maps"
	"sync"

	"martlet/mail"
)

// maxBooks bounds what is kept of contacts, in bytes: some hundred thousand of
// them.
const maxBooks = 64 << 20

// contactBooks keeps what was read of users' contacts, those asked for last, so
// that the next one who asks reads what has changed. Nothing depends on it.
type contactBooks struct {
	mu     sync.Mutex
	byBox  map[mail.MailboxID]*list.Element // of *keptBook
	order  list.List                        // the last used in front
	weight int
}

// keptBook is one user's. It does not change: who learns more makes another.
type keptBook struct {
	box    mail.MailboxID
	marks  map[mail.FolderID]folderMark
	whole  bool // all that the folders hold is in it
	book   *contactBook
	weight int
}

// folderMark is the state of a folder: its last change, and what may be seen of it.
type folderMark struct {
	highest mail.ModSeq
	link    mail.Link
}

func newContactBooks() *contactBooks {
	return &contactBooks{byBox: map[mail.MailboxID]*list.Element{}}
}

// get returns what is kept of a mailbox's contacts, nil for nothing.
func (b *contactBooks) get(box mail.MailboxID) *keptBook {
	b.mu.Lock()
	defer b.mu.Unlock()
	el := b.byBox[box]
	if el == nil {
		return nil
	}
	b.order.MoveToFront(el)
	return el.Value.(*keptBook)
}

// put keeps it in the place of what was kept.
func (b *contactBooks) put(k *keptBook) {
	for i := range k.book.contacts {
		k.weight += k.book.contacts[i].weight()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if el := b.byBox[k.box]; el != nil {
		b.dropLocked(el)
	}
	b.byBox[k.box] = b.order.PushFront(k)
	b.weight += k.weight
	for b.weight > maxBooks {
		b.dropLocked(b.order.Back())
	}
}

func (b *contactBooks) dropLocked(el *list.Element) {
	k := b.order.Remove(el).(*keptBook)
	delete(b.byBox, k.box)
	b.weight -= k.weight
}

// upToDate tells whether nothing has changed since.
func (k *keptBook) upToDate(marks map[mail.FolderID]folderMark) bool {
	return k != nil && k.whole && maps.Equal(k.marks, marks)
}

// known are the contacts by the place of their items.
func (k *keptBook) known() map[mail.Place]*contact {
	all := map[mail.Place]*contact{}
	if k == nil {
		return all
	}
	for i := range k.book.contacts {
		c := &k.book.contacts[i]
		all[mail.Place{Folder: c.item.Folder, Item: c.item.ID}] = c
	}
	return all
}

// weight is about how many bytes a contact takes.
func (c *contact) weight() int {
	n := 500 + len(c.name) + len(c.item.Brief)
	for _, s := range c.addresses {
		n += 16 + len(s)
	}
	for _, s := range c.words {
		n += 16 + len(s)
	}
	return n
}
