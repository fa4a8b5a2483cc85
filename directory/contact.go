package directory

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"martlet/store"
)

// ErrNoContact means that there is no shared contact of the address.
var ErrNoContact = errors.New("directory: no such shared contact")

// Contact is somebody outside whom everybody here finds in the address list. It
// is no account: nothing is delivered to it, and it grants nothing.
type Contact struct {
	Address                  string   // the primary one, as it was written; its domain in the ASCII form
	Addresses                []string // further ones
	Name                     string
	GivenName, Surname       string
	Title, Company           string
	Department, Office       string
	Phone, Mobile, HomePhone string
	Alias                    string
	Hidden                   bool
}

// account is an account of nobody that says of itself what the contact does, so
// that both are found and shown alike.
func (c *Contact) account() Account {
	return Account{
		Login: c.Address, Aliases: c.Addresses, Name: c.Name, GivenName: c.GivenName, Surname: c.Surname, Title: c.Title, Company: c.Company,
		Department: c.Department, Office: c.Office, Phone: c.Phone, Mobile: c.Mobile, HomePhone: c.HomePhone, Alias: c.Alias, Hidden: c.Hidden,
	}
}

// contactTexts are the text fields of a contact in the order of their field
// numbers, which start at 1. New ones need a number of their own, below.
func contactTexts(c *Contact) []*string {
	return []*string{
		&c.Address, &c.Name, &c.GivenName, &c.Surname, &c.Title, &c.Company, &c.Department, &c.Office,
		&c.Phone, &c.Mobile, &c.HomePhone, &c.Alias,
	}
}

const (
	fieldContactAddresses = 20
	fieldContactHidden    = 21
)

func contactCodec() store.Codec[Contact] {
	return store.Codec[Contact]{
		Append: func(dst []byte, c Contact) []byte {
			e := store.NewEncoder(dst)
			for i, s := range contactTexts(&c) {
				e.String(i+1, *s)
			}
			for _, s := range c.Addresses {
				e.Element(fieldContactAddresses, s)
			}
			e.Bool(fieldContactHidden, c.Hidden)
			return e.Out()
		},
		Parse: func(b []byte) (c Contact, err error) {
			texts := contactTexts(&c)
			err = store.DecodeFields(b, func(f store.Field) error {
				switch {
				case f.Number == fieldContactAddresses:
					c.Addresses = append(c.Addresses, f.String())
				case f.Number == fieldContactHidden:
					c.Hidden = f.Bool()
				case f.Number >= 1 && f.Number <= len(texts):
					*texts[f.Number-1] = f.String()
				}
				return nil
			})
			return c, err
		},
	}
}

// foreignAddress reads an address that is not ours. What stands before the @ is
// kept as it was written: only its own server knows what case means there.
func foreignAddress(s string) (string, error) {
	a, err := newAddress(s)
	if err != nil {
		return "", err
	}
	return unquote(s[:strings.LastIndexByte(s, '@')]) + "@" + a.domain, nil
}

func (c *Contact) all() []string { return append([]string{c.Address}, c.Addresses...) }

// Contacts lists all shared contacts by address.
func (d *Directory) Contacts(ctx context.Context) iter.Seq2[Contact, error] {
	return listed(ctx, d.store, d.tables.contacts)
}

// RemoveContact removes a shared contact, which any of its addresses names.
func (d *Directory) RemoveContact(ctx context.Context, addr string) (c Contact, err error) {
	a, err := parseAddress(addr)
	if err != nil {
		return c, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	err = d.store.Update(ctx, func(tx *store.Tx) error {
		t, err := d.tables.addresses.Get(tx, a.key())
		if errors.Is(err, store.ErrNotFound) || err == nil && t.contact == "" {
			return fmt.Errorf("%w: %s", ErrNoContact, addr)
		}
		if err != nil {
			return err
		}
		if c, err = d.tables.contacts.Get(tx, t.contact); err != nil {
			return err
		}
		return d.deleteContact(tx, &c)
	})
	return c, err
}

// putContact writes a contact's row and those that lead to it. The caller has
// made sure that its addresses are free.
func (d *Directory) putContact(tx *store.Tx, old, c *Contact) error {
	k := keyOf(c.Address)
	keep := map[addressKey]bool{}
	for _, s := range c.all() {
		keep[keyOf(s)] = true
		if err := d.tables.addresses.Set(tx, keyOf(s), target{contact: k}); err != nil {
			return err
		}
	}
	if old != nil {
		for _, s := range old.all() {
			if !keep[keyOf(s)] {
				if err := d.release(tx, keyOf(s), target{contact: k}); err != nil {
					return err
				}
			}
		}
	}
	if old == nil { // of who had the address before
		if err := d.tables.entryPhotos.Delete(tx, k); err != nil {
			return err
		}
	}
	if err := d.listContact(tx, old, c); err != nil {
		return err
	}
	return d.tables.contacts.Set(tx, k, *c)
}

func (d *Directory) deleteContact(tx *store.Tx, c *Contact) error {
	k := keyOf(c.Address)
	for _, s := range c.all() {
		if err := d.release(tx, keyOf(s), target{contact: k}); err != nil {
			return err
		}
	}
	if err := d.listContact(tx, c, nil); err != nil {
		return err
	}
	return errors.Join(d.releasePhoto(tx, k), d.tables.contacts.Delete(tx, k))
}

// releasePhoto deletes the photo of a group or a shared contact that has given up
// its address, unless it is the photo of who has it by now.
func (d *Directory) releasePhoto(tx *store.Tx, k addressKey) error {
	t, err := d.tables.addresses.Get(tx, k)
	if err != nil && !errors.Is(err, store.ErrNotFound) || t.group+t.contact == k {
		return err
	}
	return d.tables.entryPhotos.Delete(tx, k)
}

// putEntryPhoto writes the photo of a group or a shared contact.
func (d *Directory) putEntryPhoto(tx *store.Tx, t target, photo []byte) error {
	k := t.group + t.contact
	if err := d.touch(tx, t); err != nil {
		return err
	}
	if len(photo) == 0 {
		return d.tables.entryPhotos.Delete(tx, k)
	}
	return d.tables.entryPhotos.Set(tx, k, photo)
}

func (d *Directory) entryPhoto(tx *store.Tx, t target) ([]byte, error) {
	if t.account != 0 {
		return d.photo(tx, t.account)
	}
	p, err := d.tables.entryPhotos.Get(tx, t.group+t.contact)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return p, err
}
