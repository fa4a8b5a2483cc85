package directory

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"martlet/store"
)

// The address list's index has a row for each word of each entry, and the name
// that the entry is sorted by in the row. It is written in the transaction that
// writes the account or group; namesVersion tells how it was made, so that a
// store from before is filled when it is opened.

// namesVersion is raised when the words of an entry are made in another way.
const namesVersion = 2

// namesRow is the only key of the table that says which version is there.
const namesRow = "version"

// nameKey is a word of an entry.
type nameKey struct {
	word   string
	target target
}

// contactMark stands before the key of a contact, where that of a group begins
// with a character of an address.
const contactMark = 0x00

func nameKeyCodec() store.Codec[nameKey] {
	return store.Codec[nameKey]{
		Append: func(dst []byte, k nameKey) []byte {
			dst = store.AppendUint64(store.AppendString(dst, k.word), uint64(k.target.account))
			if k.target.contact != "" {
				return append(append(dst, contactMark), k.target.contact...)
			}
			return append(dst, k.target.group...)
		},
		Parse: func(b []byte) (k nameKey, err error) {
			word, rest, err := store.ParseString(b)
			if err != nil {
				return k, err
			}
			id, rest, err := store.ParseUint64(rest)
			if len(rest) > 0 && rest[0] == contactMark {
				return nameKey{word, target{contact: addressKey(rest[1:])}}, err
			}
			return nameKey{word, target{account: AccountID(id), group: addressKey(rest)}}, err
		},
	}
}

func textCodec() store.Codec[string] {
	return store.Codec[string]{
		Append: func(dst []byte, s string) []byte { return append(dst, s...) },
		Parse:  func(b []byte) (string, error) { return string(b), nil },
	}
}

func versionCodec() store.Codec[uint64] {
	return store.Codec[uint64]{
		Append: store.AppendUint64,
		Parse: func(b []byte) (uint64, error) {
			v, rest, err := store.ParseUint64(b)
			return v, errors.Join(err, store.End(rest))
		},
	}
}

// listing is what the index holds of an entry: nothing when it is not listed.
type listing struct {
	words nameWords
	name  string // folded
}

func accountListing(a *Account) listing {
	if a == nil || a.Disabled || a.Hidden {
		return listing{}
	}
	return listing{accountWords(a), cutName(foldName(accountName(a)))}
}

func groupListing(g *Group) listing {
	if g == nil || g.Hidden {
		return listing{}
	}
	e := Entry{Group: g}
	return listing{groupWords(g), cutName(foldName(e.Name()))}
}

// list brings the rows of an entry from what they were to what they are.
func (d *Directory) list(tx *store.Tx, t target, old, want listing) error {
	for w := range old.words {
		if _, keep := want.words[w]; !keep {
			if err := d.tables.names.Delete(tx, nameKey{w, t}); err != nil {
				return err
			}
		}
	}
	for w := range want.words {
		if _, had := old.words[w]; had && old.name == want.name {
			continue
		}
		if err := d.tables.names.Set(tx, nameKey{w, t}, want.name); err != nil {
			return err
		}
	}
	return nil
}

func (d *Directory) listAccount(tx *store.Tx, old, want *Account) error {
	id := AccountID(0)
	if want != nil {
		id = want.ID
	} else {
		id = old.ID
	}
	t := target{account: id}
	if err := d.list(tx, t, accountListing(old), accountListing(want)); err != nil {
		return err
	}
	if old != nil && want != nil && shownAlike(*old, *want) {
		_, err := d.move(tx)
		return err
	}
	return d.note(tx, t, accountListing(want).words != nil)
}

// shownAlike tells whether two states of an account differ in nothing that the
// address list shows.
func shownAlike(a, b Account) bool {
	for _, x := range []*Account{&a, &b} {
		x.PasswordHash, x.Admin, x.ActiveSync, x.Server, x.Created, x.Photo, x.Booking = "", false, false, "", time.Time{}, nil, Booking{}
	}
	return reflect.DeepEqual(a, b)
}

func (d *Directory) listContact(tx *store.Tx, old, want *Contact) error {
	t := target{}
	as := func(c *Contact) *Account {
		if c == nil {
			return nil
		}
		t.contact = keyOf(c.Address)
		a := c.account()
		return &a
	}
	was, is := accountListing(as(old)), accountListing(as(want))
	if err := d.list(tx, t, was, is); err != nil {
		return err
	}
	return d.note(tx, t, is.words != nil)
}

func (d *Directory) listGroup(tx *store.Tx, k addressKey, old, want *Group) error {
	t := target{group: k}
	if err := d.list(tx, t, groupListing(old), groupListing(want)); err != nil {
		return err
	}
	return d.note(tx, t, groupListing(want).words != nil)
}

// indexBatch is how many rows one transaction of the first filling writes.
const indexBatch = 2000

// ensureNames fills the index of a store that has none of this version.
func (d *Directory) ensureNames(ctx context.Context) error {
	var version uint64
	var s state
	err := d.store.View(ctx, func(tx *store.Tx) (err error) {
		version, err = d.tables.namesVersion.Get(tx, namesRow)
		if errors.Is(err, store.ErrNotFound) {
			err = nil
		}
		if err == nil && version != namesVersion {
			s, err = d.load(tx)
		}
		return err
	})
	if err != nil || version == namesVersion {
		return err
	}
	if err := d.forgetNames(ctx); err != nil {
		return err
	}
	var work []func(tx *store.Tx) (int, error)
	for _, a := range s.accounts {
		work = append(work, func(tx *store.Tx) (int, error) {
			return len(accountListing(&a).words), d.listAccount(tx, nil, &a)
		})
	}
	for k, g := range s.groups {
		work = append(work, func(tx *store.Tx) (int, error) {
			return len(groupListing(&g).words), d.listGroup(tx, k, nil, &g)
		})
	}
	for _, c := range s.contacts {
		work = append(work, func(tx *store.Tx) (int, error) {
			a := c.account()
			return len(accountListing(&a).words), d.listContact(tx, nil, &c)
		})
	}
	for len(work) > 0 {
		done := 0
		err := d.store.Update(ctx, func(tx *store.Tx) error {
			rows := 0
			for done = 0; done < len(work) && rows < indexBatch; done++ {
				n, err := work[done](tx)
				if err != nil {
					return err
				}
				rows += n
			}
			return nil
		})
		if err != nil {
			return err
		}
		work = work[done:]
	}
	return d.store.Update(ctx, func(tx *store.Tx) error { return d.tables.namesVersion.Set(tx, namesRow, namesVersion) })
}

// forgetNames deletes the index.
func (d *Directory) forgetNames(ctx context.Context) error {
	for {
		n := 0
		err := d.store.Update(ctx, func(tx *store.Tx) error {
			n = 0
			for k, err := range d.tables.names.Keys(tx, store.TableRange[nameKey]{}) {
				if err != nil {
					return err
				}
				if err := d.tables.names.Delete(tx, k); err != nil {
					return err
				}
				if n++; n == indexBatch {
					return nil
				}
			}
			return nil
		})
		if err != nil || n < indexBatch {
			return err
		}
	}
}

// names compares the index with what accounts and groups say.
func (c *checking) names() error {
	want := map[nameKey]string{}
	add := func(t target, l listing) {
		for w := range l.words {
			want[nameKey{w, t}] = l.name
		}
	}
	for id, a := range c.byID {
		add(target{account: id}, accountListing(&a))
	}
	for k, g := range c.state.groups {
		add(target{group: k}, groupListing(&g))
	}
	for k, one := range c.state.contacts {
		a := one.account()
		add(target{contact: k}, accountListing(&a))
	}
	shown := map[target]bool{}
	for k := range want {
		shown[k.target] = true
	}
	if err := c.entriesLog(shown); err != nil {
		return err
	}
	for row, err := range c.d.tables.names.Scan(c.tx, store.TableRange[nameKey]{}) {
		if err != nil {
			return err
		}
		name, ok := want[row.Key]
		key := fmt.Sprint(row.Key.word, " of ", row.Key.target)
		switch {
		case !ok:
			c.problem("address list", key, "nobody has this word")
		case name != row.Value:
			c.problem("address list", key, "sorted as %q, which is not the name", row.Value)
		}
		delete(want, row.Key)
	}
	for k := range want {
		c.problem("address list", fmt.Sprint(k.word, " of ", k.target), "missing")
	}
	return nil
}
