package activesync

import (
	"context"
	"errors"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/cases"

	"martlet/mail"
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

func (h *Handler) readContacts(ctx context.Context, s *session) (*contactBook, error) {
	items, err := h.contactItems(ctx, s)
	if err != nil {
		return nil, err
	}
	b := &contactBook{}
	room := int64(maxBookBytes)
	for i := range items {
		it := &items[i]
		if it.Blob.Size > maxBookCard {
			continue
		}
		if room -= it.Blob.Size; room < 0 {
			h.sessionLog(s).Warn("more contacts than are looked through", "contacts", len(items), "looked_through", i)
			break
		}
		card, err := h.card(ctx, it)
		if errors.Is(err, errNoCard) {
			continue
		}
		if err != nil {
			return nil, err
		}
		c := contact{item: *it, name: card.FormattedName(), addresses: card.Emails()}
		if len(c.addresses) == 0 {
			continue // nobody can write there
		}
		n := card.Name()
		c.words = wordsOf(append([]string{c.name, n.Given, n.Family}, c.addresses...)...)
		b.contacts = append(b.contacts, c)
	}
	return b, nil
}

// contactItems are the items of all contacts folders; those whom the user only
// writes to come last.
func (h *Handler) contactItems(ctx context.Context, s *session) (items []mail.Item, err error) {
	err = h.c.Store.View(ctx, func(tx *store.Tx) error {
		items = nil
		folders, err := h.c.Mailboxes.Folders(tx, s.box)
		if errors.Is(err, mail.ErrNoFolder) {
			return nil
		}
		if err != nil {
			return err
		}
		slices.SortStableFunc(folders, func(a, b mail.Folder) int { return rankOf(&a) - rankOf(&b) })
		for i := range folders {
			if folders[i].Class != mail.ClassContacts {
				continue
			}
			for it, err := range h.c.Mailboxes.Items(tx, s.box, folders[i].ID, 0) {
				if err != nil {
					return err
				}
				if items = append(items, it); len(items) == maxBookCards {
					return nil
				}
			}
		}
		return nil
	})
	return items, err
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
