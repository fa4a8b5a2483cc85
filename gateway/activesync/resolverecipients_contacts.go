package activesync

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/cases"

	"martlet/mail"
	"martlet/mail/object"
	"martlet/store"
)

// Limits of what one request reads of a user's contacts.
const (
	maxBookCards = 5000
	maxBookBytes = 64 << 20
	maxBookCard  = 2 << 20 // of one card: a photo is in it
)

// contactBook are a user's contacts: the cards in the contacts folders, and
// those whom the user writes to.
type contactBook struct{ contacts []contact }

// contact is one of them. Its card is read again when more of it is wanted.
type contact struct {
	item      mail.Item
	name      string
	addresses []string
	words     []string // folded, of the name and the addresses
}

// book reads the user's contacts once for a request.
func (r *resolution) book() (*contactBook, error) {
	if r.contacts != nil {
		return r.contacts, nil
	}
	b, err := r.h.readContacts(r.ctx, r.s)
	r.contacts = b
	return b, err
}

// readContacts reads the user's contacts, as far as they have changed since they
// were read last.
func (h *Handler) readContacts(ctx context.Context, s *session) (*contactBook, error) {
	old := h.books.get(s.box)
	items, marks, err := h.contactItems(ctx, s, old)
	if err != nil {
		return nil, err
	}
	if old.upToDate(marks) {
		return old.book, nil
	}
	now := &keptBook{box: s.box, marks: marks, whole: true, book: &contactBook{}}
	known := old.known()
	room := int64(maxBookBytes)
	for i := range items {
		it := &items[i]
		if c := known[mail.Place{Folder: it.Folder, Item: it.ID}]; c != nil && c.item.Blob == it.Blob {
			same := *c
			same.item = *it
			now.book.contacts = append(now.book.contacts, same)
			continue
		}
		if it.Blob.Size > maxBookCard {
			continue
		}
		if room -= it.Blob.Size; room < 0 { // the next request reads on
			h.sessionLog(s).Warn("more contacts than are looked through at once", "contacts", len(items), "looked_through", i)
			now.whole = false
			break
		}
		c, err := h.readContact(ctx, it)
		if err != nil {
			return nil, err
		}
		now.book.contacts = append(now.book.contacts, c)
	}
	h.books.put(now)
	return now.book, nil
}

// readContact reads one card. What is none, and whom nobody can write to, is a
// contact without words, so that it is not read again.
func (h *Handler) readContact(ctx context.Context, it *mail.Item) (contact, error) {
	c := contact{item: *it}
	card, err := h.card(ctx, it)
	if errors.Is(err, errNoCard) {
		return c, nil
	}
	if err != nil {
		return c, err
	}
	if c.name, c.addresses = card.FormattedName(), card.Emails(); len(c.addresses) == 0 {
		return c, nil
	}
	n := card.Name()
	c.words = wordsOf(append([]string{c.name, n.Given, n.Family}, c.addresses...)...)
	return c, nil
}

// contactItems are the items of all contacts folders, and the state of these;
// those whom the user only writes to come last. Nothing is listed when the book that is kept is up to date.
func (h *Handler) contactItems(ctx context.Context, s *session, old *keptBook) (items []mail.Item, marks map[mail.FolderID]folderMark, err error) {
	err = h.c.Store.View(ctx, func(tx *store.Tx) error {
		items, marks = nil, map[mail.FolderID]folderMark{}
		folders, err := h.c.Mailboxes.Folders(tx, s.box)
		if errors.Is(err, mail.ErrNoFolder) {
			return nil
		}
		if err != nil {
			return err
		}
		folders = slices.DeleteFunc(folders, func(f mail.Folder) bool { return f.Class != mail.ClassContacts })
		for i := range folders {
			marks[folders[i].ID] = folderMark{folders[i].Highest, folders[i].Link}
		}
		if old.upToDate(marks) {
			return nil
		}
		slices.SortStableFunc(folders, func(a, b mail.Folder) int { return rankOf(&a) - rankOf(&b) })
		for i := range folders {
			f := &folders[i]
			for it, err := range h.c.Mailboxes.Items(tx, s.box, f.ID, 0) {
				if err != nil {
					return err
				}
				if it.Folder = f.ID; !mayBeShown(f, &it) {
					continue
				}
				if items = append(items, it); len(items) == maxBookCards {
					return nil
				}
			}
		}
		return nil
	})
	return items, marks, err
}

// mayBeShown tells whether a contact may be shown to who has the folder: what is
// private in another's is not.
func mayBeShown(f *mail.Folder, it *mail.Item) bool {
	if f.Link.IsZero() || f.Link.Rights&mail.MaySee != 0 {
		return true
	}
	b, err := object.ParseBrief(it.Brief)
	return err == nil && !b.Private && !b.Confidential
}

func rankOf(f *mail.Folder) int {
	switch f.Role {
	case mail.RoleContacts:
		return 0
	case mail.RoleRecipientInfo:
		return 2
	}
	return 1
}

// of finds the contact that has an address.
func (b *contactBook) of(address string) (match, bool) {
	for i := range b.contacts {
		c := &b.contacts[i]
		for _, a := range c.addresses {
			if strings.EqualFold(a, address) {
				return match{contact: c, name: c.name, address: a}, true
			}
		}
	}
	return match{}, false
}

// matches are the contacts of whom each word of the text begins a word of a name
// or an address, once for each of their addresses.
func (b *contactBook) matches(text string) []match {
	wanted := wordsOf(text)
	if len(wanted) == 0 {
		return nil
	}
	var all []match
	for i := range b.contacts {
		c := &b.contacts[i]
		fits := !slices.ContainsFunc(wanted, func(w string) bool {
			return !slices.ContainsFunc(c.words, func(have string) bool { return strings.HasPrefix(have, w) })
		})
		if !fits {
			continue
		}
		for _, a := range c.addresses {
			all = append(all, match{contact: c, name: c.name, address: a})
		}
	}
	return all
}

// wordsOf folds texts and takes their words apart, as names and addresses have
// them.
func wordsOf(texts ...string) []string {
	fold := cases.Fold()
	var words []string
	for _, t := range texts {
		words = append(words, strings.FieldsFunc(fold.String(t), func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.IsMark(r)
		})...)
	}
	return words
}
