package directory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"martlet/store"
)

// Entry is somebody in the address list: an account, a group or a shared
// contact.
type Entry struct {
	// Account is without its photo. Its ID is zero for a group and for a shared
	// contact; of a contact it has the names, addresses and telephone numbers.
	Account Account
	Group   *Group
	Contact *Contact
	Seq     uint64 // the directory's number when it was last changed; only where that is said
}

// hidden tells that it is not to be shown.
func (e *Entry) hidden() bool {
	if e.Group != nil {
		return e.Group.Hidden
	}
	return e.Account.Disabled || e.Account.Hidden
}

// Address is where mail to the entry goes.
func (e *Entry) Address() string {
	if e.Group != nil {
		return e.Group.Address
	}
	return e.Account.Login
}

// Alias is the entry's short name, never empty.
func (e *Entry) Alias() string {
	if e.Account.Alias != "" {
		return e.Account.Alias
	}
	local, _, _ := strings.Cut(e.Address(), "@")
	return local
}

// Name is the name as others see it, never empty.
func (e *Entry) Name() string {
	if e.Group != nil {
		return cmp.Or(e.Group.Name, e.Alias())
	}
	return accountName(&e.Account)
}

func accountName(a *Account) string {
	local, _, _ := strings.Cut(a.Login, "@")
	return cmp.Or(a.Name, strings.TrimSpace(a.GivenName+" "+a.Surname), a.Alias, local)
}

// Found is what a search of the address list brought.
type Found struct {
	Entries []Entry // by name, as many as were asked for
	Total   int     // all that match
}

// Search looks in the address list for those of whom each word of the text
// begins a word of their names, addresses, company, department or office, or
// their telephone number (MS-ASCMD_R421). Who is disabled or hidden is not
// there. It returns the first limit entries by name; its work is that of the
// hits, not of the accounts.
func (d *Directory) Search(ctx context.Context, text string, limit int) (Found, error) {
	words := queryWords(text)
	if len(words) == 0 {
		return Found{}, nil
	}
	var f Found
	err := d.store.View(ctx, func(tx *store.Tx) error {
		f = Found{}
		hits, err := d.hits(tx, words)
		if err != nil {
			return err
		}
		slices.SortFunc(hits, func(a, b hit) int {
			return cmp.Or(strings.Compare(a.name, b.name), cmp.Compare(a.target.account, b.target.account), strings.Compare(string(a.target.group+a.target.contact), string(b.target.group+b.target.contact)))
		})
		f.Total = len(hits)
		f.Entries, err = d.entries(tx, hits[:min(max(limit, 0), len(hits))])
		return err
	})
	if err != nil {
		return Found{}, fmt.Errorf("directory: search: %w", err)
	}
	return f, nil
}

// hit is an entry that matches, with the folded name that it is sorted by.
type hit struct {
	target target
	name   string
}

// hits are the entries that match all words. The longest word is looked up
// first: it leaves the fewest.
func (d *Directory) hits(tx *store.Tx, words []string) ([]hit, error) {
	words = slices.Clone(words)
	slices.SortFunc(words, func(a, b string) int { return cmp.Compare(len(b), len(a)) })
	var all map[target]string
	for _, word := range words {
		some, err := d.beginning(tx, word, all)
		if err != nil {
			return nil, err
		}
		if all = some; len(all) == 0 {
			return nil, nil
		}
	}
	hits := make([]hit, 0, len(all))
	for t, name := range all {
		hits = append(hits, hit{t, name})
	}
	return hits, nil
}

// beginning finds the entries with a word that begins so, among those given
// (nil: all). When few are given, their own rows are asked instead.
func (d *Directory) beginning(tx *store.Tx, word string, among map[target]string) (map[target]string, error) {
	const few = 100
	if among != nil && len(among) <= few {
		return d.stillMatching(tx, word, among)
	}
	found := map[target]string{}
	prefix := store.AppendString(nil, word)
	for row, err := range d.tables.names.Scan(tx, store.TableRange[nameKey]{Prefix: prefix[:len(prefix)-2]}) {
		if err != nil {
			return nil, err
		}
		if among != nil {
			if _, ok := among[row.Key.target]; !ok {
				continue
			}
		}
		found[row.Key.target] = row.Value
	}
	return found, nil
}

func (d *Directory) stillMatching(tx *store.Tx, word string, among map[target]string) (map[target]string, error) {
	found := map[target]string{}
	for t, name := range among {
		words, err := d.wordsOf(tx, t)
		if err != nil {
			return nil, err
		}
		for w := range words {
			if strings.HasPrefix(w, word) {
				found[t] = name
				break
			}
		}
	}
	return found, nil
}

func (d *Directory) wordsOf(tx *store.Tx, t target) (nameWords, error) {
	switch {
	case t.group != "":
		g, err := d.tables.groups.Get(tx, t.group)
		return groupWords(&g), err
	case t.contact != "":
		c, err := d.tables.contacts.Get(tx, t.contact)
		a := c.account()
		return accountWords(&a), err
	}
	a, err := d.tables.accounts.Get(tx, t.account)
	return accountWords(&a), err
}

func (d *Directory) entries(tx *store.Tx, hits []hit) ([]Entry, error) {
	out := make([]Entry, 0, len(hits))
	for _, h := range hits {
		var e Entry
		var err error
		switch {
		case h.target.account != 0:
			e.Account, err = d.tables.accounts.Get(tx, h.target.account)
		case h.target.group != "":
			var g Group
			g, err = d.tables.groups.Get(tx, h.target.group)
			e.Group = &g
		default:
			var c Contact
			c, err = d.tables.contacts.Get(tx, h.target.contact)
			e.Contact, e.Account = &c, c.account()
		}
		if errors.Is(err, store.ErrNotFound) {
			return nil, fmt.Errorf("the address list names %v, who is not there", h.target)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}
