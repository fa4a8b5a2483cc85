package directory

import (
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"slices"

	"martlet/store"
)

// FileContact is a [[contact]] of a directory file: somebody outside whom
// everybody finds in the address list. Address tells which.
type FileContact struct {
	Address     string   `toml:"address"`
	Addresses   []string `toml:"addresses,omitempty"` // further ones
	Name        *string  `toml:"name,omitempty"`
	GivenName   *string  `toml:"given_name,omitempty"`
	Surname     *string  `toml:"surname,omitempty"`
	Title       *string  `toml:"title,omitempty"`
	Company     *string  `toml:"company,omitempty"`
	Department  *string  `toml:"department,omitempty"`
	Office      *string  `toml:"office,omitempty"`
	Phone       *string  `toml:"phone,omitempty"`
	Mobile      *string  `toml:"mobile,omitempty"`
	HomePhone   *string  `toml:"home_phone,omitempty"`
	Alias       *string  `toml:"alias,omitempty"`
	Hidden      *bool    `toml:"hidden,omitempty"` // from the address list
	Photo       *string  `toml:"photo,omitempty"`  // a file, relative to the directory file; "" takes it away
	PhotoBase64 *string  `toml:"photo_base64,omitempty"`
}

// contactText is a text field of a contact: its key, its place in the file's
// struct and in the contact.
type contactText struct {
	key string
	in  func(*FileContact) **string
	of  func(*Contact) *string
}

func contactFileTexts() []contactText {
	return []contactText{
		{"name", func(f *FileContact) **string { return &f.Name }, func(c *Contact) *string { return &c.Name }},
		{"given_name", func(f *FileContact) **string { return &f.GivenName }, func(c *Contact) *string { return &c.GivenName }},
		{"surname", func(f *FileContact) **string { return &f.Surname }, func(c *Contact) *string { return &c.Surname }},
		{"title", func(f *FileContact) **string { return &f.Title }, func(c *Contact) *string { return &c.Title }},
		{"company", func(f *FileContact) **string { return &f.Company }, func(c *Contact) *string { return &c.Company }},
		{"department", func(f *FileContact) **string { return &f.Department }, func(c *Contact) *string { return &c.Department }},
		{"office", func(f *FileContact) **string { return &f.Office }, func(c *Contact) *string { return &c.Office }},
		{"phone", func(f *FileContact) **string { return &f.Phone }, func(c *Contact) *string { return &c.Phone }},
		{"mobile", func(f *FileContact) **string { return &f.Mobile }, func(c *Contact) *string { return &c.Mobile }},
		{"home_phone", func(f *FileContact) **string { return &f.HomePhone }, func(c *Contact) *string { return &c.HomePhone }},
		{"alias", func(f *FileContact) **string { return &f.Alias }, func(c *Contact) *string { return &c.Alias }},
	}
}

// contacts checks the shared contacts as far as the store need not be asked.
func (c *checker) contacts(f, out *File) {
	seen := map[string]bool{}
	for i, one := range f.Contacts {
		one.Address = c.foreign(one.Address, "contact", i, "address")
		c.twice(seen, string(keyOf(one.Address)), "contact", i, "address")
		if one.Addresses != nil {
			own := map[addressKey]bool{keyOf(one.Address): true}
			list := []string{}
			for j, s := range one.Addresses {
				if s = c.foreign(s, "contact", i, "addresses", j); !own[keyOf(s)] {
					list = append(list, s)
				}
				own[keyOf(s)] = true
			}
			if one.Addresses = list; len(list) > maxAliases {
				c.fail(fmt.Errorf("%w: more than %d addresses", ErrBadValue, maxAliases), "contact", i, "addresses")
			}
		}
		for _, t := range contactFileTexts() {
			if s := *t.in(&one); s != nil {
				if err := checkText(*s); err != nil {
					c.fail(err, "contact", i, t.key)
				}
			}
		}
		c.photo(f, one.Photo, one.PhotoBase64, "contact", i)
		out.Contacts = append(out.Contacts, one)
	}
}

func (c *checker) foreign(s string, path ...any) string {
	a, err := foreignAddress(s)
	if err != nil {
		c.fail(err, path...)
		return s
	}
	return a
}

// photo checks the photo of an entry.
func (c *checker) photo(f *File, file, inline *string, path ...any) {
	photo, err := f.photoOf(file, inline)
	if err := errors.Join(err, checkPhoto(photo)); err != nil {
		key := "photo"
		if file == nil {
			key = "photo_base64"
		}
		c.fail(err, append(path, key)...)
	}
}

func (p *planner) planContacts(prune bool) error {
	for i, f := range p.file.Contacts {
		if err := p.planContact(&f, i); err != nil {
			return err
		}
	}
	for _, k := range slices.Sorted(maps.Keys(p.old.contacts)) {
		if prune && p.origin["contact "+string(k)] == nil {
			c := p.old.contacts[k]
			delete(p.want.contacts, k)
			p.add("remove contact", c.Address, nil, 0, func(tx *store.Tx) error { return p.d.deleteContact(tx, &c) })
		}
	}
	return nil
}

func (p *planner) planContact(f *FileContact, i int) error {
	k := keyOf(f.Address)
	p.origin["contact "+string(k)] = []any{"contact", i}
	old, there := p.old.contacts[k]
	want := old
	want.Address = f.Address
	var text []string
	if there {
		text = differ(nil, "address", old.Address, want.Address)
	}
	for _, t := range contactFileTexts() {
		if s := *t.in(f); s != nil {
			text = differ(text, t.key, *t.of(&old), *s)
			*t.of(&want) = *s
		}
	}
	if f.Hidden != nil {
		text = differ(text, "hidden", old.Hidden, *f.Hidden)
		want.Hidden = *f.Hidden
	}
	if f.Addresses != nil {
		text = differList(text, "addresses", old.Addresses, f.Addresses)
		want.Addresses = f.Addresses
	}
	photo, text, err := p.planPhoto(f.Photo, f.PhotoBase64, target{contact: k}, there, text)
	if err != nil {
		return err
	}
	p.want.contacts[k] = want
	if there && len(text) == 0 {
		return nil
	}
	p.add(verb(there)+" contact", want.Address, text, 5000+600*len(want.Addresses)+len(photo), func(tx *store.Tx) error {
		was := &old
		if !there {
			was = nil
		}
		if err := p.d.putContact(tx, was, &want); err != nil || photo == nil {
			return err
		}
		return p.d.putEntryPhoto(tx, target{contact: k}, photo)
	})
	return nil
}

// validateContacts refuses shared contacts whose addresses are others' or lie in
// a domain of ours.
func (p *planner) validateContacts(owner map[addressKey]string) {
	for _, k := range slices.Sorted(maps.Keys(p.want.contacts)) {
		c := p.want.contacts[k]
		who := "contact " + string(k)
		for i, s := range c.all() {
			path := []any{"address"}
			if i > 0 {
				path = []any{"addresses", i - 1}
			}
			a, err := parseAddress(s)
			if err != nil {
				p.reject(err, who, path...)
				continue
			}
			if _, ours := p.want.domains[a.domain]; ours {
				p.reject(fmt.Errorf("%w: %s lies in a domain of this server: make it a user or a group", ErrBadValue, s), who, path...)
				continue
			}
			p.claim(owner, s, who, path...)
		}
	}
}

// SharedContact is a shared contact as a file says it, without its photo.
func SharedContact(c *Contact) FileContact {
	f := FileContact{Address: c.Address, Addresses: c.Addresses}
	for _, t := range contactFileTexts() {
		*t.in(&f) = present(*t.of(c))
	}
	if c.Hidden {
		f.Hidden = &c.Hidden
	}
	return f
}

func encoded(photo []byte) *string {
	if len(photo) == 0 {
		return nil
	}
	s := base64.StdEncoding.EncodeToString(photo)
	return &s
}
