package admin

import (
	"context"
	"errors"
	"fmt"

	"martlet/directory"
)

// The entries of the address list that are no people: rooms and things, groups,
// and shared contacts. They are written as a directory file says them.

// Resource is a room or a thing as shown to an administrator.
type Resource struct {
	Address     string   `json:"address"`
	ID          uint64   `json:"id"`
	Kind        string   `json:"kind"`
	Name        string   `json:"name,omitempty"`
	Location    string   `json:"location,omitempty"`
	Capacity    int      `json:"capacity,omitempty"`
	Phone       string   `json:"phone,omitempty"`
	Aliases     []string `json:"aliases,omitempty"`
	Hidden      bool     `json:"hidden"`
	Booking     string   `json:"booking"`
	Delegates   []string `json:"delegates,omitempty"`
	MayBook     []string `json:"may_book,omitempty"` // none: everybody in the directory
	Outsiders   bool     `json:"outsiders"`
	Conflicts   bool     `json:"conflicts"`
	OneTime     bool     `json:"one_time"`
	Days        []string `json:"days,omitempty"`
	Hours       string   `json:"hours,omitempty"`
	TimeZone    string   `json:"time_zone,omitempty"`
	MaxDuration string   `json:"max_duration,omitempty"`
	HorizonDays int      `json:"horizon_days,omitempty"`
}

// Contact is a shared contact as shown to an administrator.
type Contact struct {
	Address    string   `json:"address"`
	Addresses  []string `json:"addresses,omitempty"`
	Name       string   `json:"name,omitempty"`
	GivenName  string   `json:"given_name,omitempty"`
	Surname    string   `json:"surname,omitempty"`
	Title      string   `json:"title,omitempty"`
	Company    string   `json:"company,omitempty"`
	Department string   `json:"department,omitempty"`
	Office     string   `json:"office,omitempty"`
	Phone      string   `json:"phone,omitempty"`
	Mobile     string   `json:"mobile,omitempty"`
	HomePhone  string   `json:"home_phone,omitempty"`
	Alias      string   `json:"alias,omitempty"`
	Hidden     bool     `json:"hidden"`
}

// Group is a group as shown to an administrator.
type Group struct {
	Address string   `json:"address"`
	Name    string   `json:"name,omitempty"`
	Members []string `json:"members"`
	Hidden  bool     `json:"hidden"`
}

// EntryRequest names an entry, and what shall become of it: the file has one
// section for it.
type EntryRequest struct {
	Address string          `json:"address,omitempty"`
	File    *directory.File `json:"file,omitempty"`
	New     bool            `json:"new,omitempty"`    // it must not be there yet; otherwise it must
	Domain  bool            `json:"domain,omitempty"` // make its domain ours if it is not yet
	Yes     bool            `json:"yes,omitempty"`
}

func resourceOf(acc *directory.Account) Resource {
	f := directory.ResourceOf(acc)
	b := &acc.Booking
	return Resource{
		Address: acc.Login, ID: uint64(acc.ID), Kind: acc.Kind.String(), Name: acc.Name, Location: acc.Office, Capacity: acc.Capacity, Phone: acc.Phone,
		Aliases: acc.Aliases, Hidden: acc.Hidden, Booking: b.Decision.String(), Delegates: b.Delegates, MayBook: b.Bookers,
		Outsiders: b.Outsiders, Conflicts: b.Conflicts, OneTime: b.OneTime, Days: f.Days, Hours: said(f.Hours), TimeZone: b.Zone,
		MaxDuration: said(f.MaxDuration), HorizonDays: b.HorizonDays,
	}
}

func said(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func contactOf(c *directory.Contact) Contact {
	return Contact{
		Address: c.Address, Addresses: c.Addresses, Name: c.Name, GivenName: c.GivenName, Surname: c.Surname, Title: c.Title, Company: c.Company,
		Department: c.Department, Office: c.Office, Phone: c.Phone, Mobile: c.Mobile, HomePhone: c.HomePhone, Alias: c.Alias, Hidden: c.Hidden,
	}
}

func groupOf(g *directory.Group) Group {
	members := g.Members
	if members == nil {
		members = []string{}
	}
	return Group{Address: g.Address, Name: g.Name, Members: members, Hidden: g.Hidden}
}

// put applies the file of a request, whose entry is there or not as it must be.
func (a *Admin) put(ctx context.Context, in *EntryRequest, there func() error) error {
	if in.File == nil {
		return fmt.Errorf("%w: no file", ErrBadRequest)
	}
	switch err := there(); {
	case err == nil && in.New:
		return fmt.Errorf("%w: %s", directory.ErrExists, in.Address)
	case err != nil && !in.New:
		return err
	case err != nil && !errors.Is(err, directory.ErrNoAccount) && !errors.Is(err, directory.ErrNoAddress) && !errors.Is(err, directory.ErrNoContact):
		return err
	}
	if in.Domain { // with the entry, or not at all
		name, err := directory.DomainOf(in.Address)
		if err != nil {
			return err
		}
		in.File.Domains = append(in.File.Domains, directory.FileDomain{Name: name})
	}
	edits, err := a.c.Directory.Apply(ctx, in.File, false)
	if err == nil && len(edits) > 0 {
		a.log.Info("directory entry changed", "entry", in.Address, "edit", edits[0].Kind)
	}
	return err
}

// findResource finds a resource; a person is none.
func (a *Admin) findResource(ctx context.Context, address string) (directory.Account, error) {
	acc, err := a.find(ctx, address)
	if err == nil && !acc.IsResource() {
		err = fmt.Errorf("%w: %s is a user, not a resource", directory.ErrNoAccount, acc.Login)
	}
	return acc, err
}

func (a *Admin) putResource(ctx context.Context, in EntryRequest) (Resource, error) {
	err := a.put(ctx, &in, func() error {
		if in.New { // an address of whomever
			_, err := a.find(ctx, in.Address)
			return err
		}
		acc, err := a.findResource(ctx, in.Address)
		if err == nil && in.File != nil && len(in.File.Resources) == 1 { // an alias names it, too
			in.Address, in.File.Resources[0].Address = acc.Login, acc.Login
		}
		return err
	})
	if err != nil {
		return Resource{}, err
	}
	acc, err := a.findResource(ctx, in.Address)
	return resourceOf(&acc), err
}

// putUser changes what the directory says of a user who is there.
func (a *Admin) putUser(ctx context.Context, in EntryRequest) (User, error) {
	var acc directory.Account
	err := a.put(ctx, &in, func() (err error) {
		if acc, err = a.find(ctx, in.Address); err != nil {
			return err
		}
		if acc.IsResource() {
			return fmt.Errorf("%w: %s is a resource, not a user", directory.ErrNoAccount, acc.Login)
		}
		if in.File != nil && len(in.File.Users) == 1 { // an alias names them, too
			in.File.Users[0].Login = acc.Login
		}
		return nil
	})
	if err != nil {
		return User{}, err
	}
	if acc, err = a.c.Directory.Account(ctx, acc.ID); err != nil {
		return User{}, err
	}
	return a.user(ctx, acc)
}

func (a *Admin) listResources(ctx context.Context, _ Nothing) ([]Resource, error) {
	all := []Resource{}
	for acc, err := range a.c.Directory.Accounts(ctx) {
		if err != nil {
			return nil, err
		}
		if acc.IsResource() {
			all = append(all, resourceOf(&acc))
		}
	}
	return all, nil
}

func (a *Admin) removeResource(ctx context.Context, in EntryRequest) (User, error) {
	acc, err := a.findResource(ctx, in.Address)
	if err != nil {
		return User{}, err
	}
	return a.removeUser(ctx, UserRequest{Login: acc.Login, Yes: in.Yes})
}

func (a *Admin) putContact(ctx context.Context, in EntryRequest) (Contact, error) {
	err := a.put(ctx, &in, func() error {
		c, err := a.c.Directory.ContactAt(ctx, in.Address)
		if err == nil && !in.New && in.File != nil && len(in.File.Contacts) == 1 { // each of the addresses names it
			in.File.Contacts[0].Address = c.Address
		}
		return err
	})
	if err != nil {
		return Contact{}, err
	}
	c, err := a.c.Directory.ContactAt(ctx, in.Address)
	return contactOf(&c), err
}

func (a *Admin) listContacts(ctx context.Context, _ Nothing) ([]Contact, error) {
	all := []Contact{}
	for c, err := range a.c.Directory.Contacts(ctx) {
		if err != nil {
			return nil, err
		}
		all = append(all, contactOf(&c))
	}
	return all, nil
}

func (a *Admin) removeContact(ctx context.Context, in EntryRequest) (Contact, error) {
	c, err := a.c.Directory.RemoveContact(ctx, in.Address)
	if err == nil {
		a.log.Info("shared contact removed", "entry", c.Address)
	}
	return contactOf(&c), err
}

func (a *Admin) putGroup(ctx context.Context, in EntryRequest) (Group, error) {
	err := a.put(ctx, &in, func() error {
		_, err := a.c.Directory.GroupAt(ctx, in.Address)
		return err
	})
	if err != nil {
		return Group{}, err
	}
	g, err := a.c.Directory.GroupAt(ctx, in.Address)
	return groupOf(&g), err
}

func (a *Admin) listGroups(ctx context.Context, _ Nothing) ([]Group, error) {
	all := []Group{}
	for g, err := range a.c.Directory.Groups(ctx) {
		if err != nil {
			return nil, err
		}
		all = append(all, groupOf(&g))
	}
	return all, nil
}

func (a *Admin) removeGroup(ctx context.Context, in EntryRequest) (Group, error) {
	g, err := a.c.Directory.RemoveGroup(ctx, in.Address)
	if err == nil {
		a.log.Info("group removed", "entry", g.Address)
	}
	return groupOf(&g), err
}

// PutUser changes a user.
func (c Client) PutUser(ctx context.Context, in EntryRequest) (User, error) {
	return ask[User](ctx, c, "user.put", in)
}

// PutResource adds a resource or changes it.
func (c Client) PutResource(ctx context.Context, in EntryRequest) (Resource, error) {
	return ask[Resource](ctx, c, "resource.put", in)
}

// ListResources lists all resources in order of their numbers.
func (c Client) ListResources(ctx context.Context) ([]Resource, error) {
	return ask[[]Resource](ctx, c, "resource.list", Nothing{})
}

// RemoveResource shows what a removal takes away, and with yes takes it away.
func (c Client) RemoveResource(ctx context.Context, address string, yes bool) (User, error) {
	return ask[User](ctx, c, "resource.remove", EntryRequest{Address: address, Yes: yes})
}

// PutContact adds a shared contact or changes it.
func (c Client) PutContact(ctx context.Context, in EntryRequest) (Contact, error) {
	return ask[Contact](ctx, c, "contact.put", in)
}

// ListContacts lists all shared contacts by address.
func (c Client) ListContacts(ctx context.Context) ([]Contact, error) {
	return ask[[]Contact](ctx, c, "contact.list", Nothing{})
}

// RemoveContact removes a shared contact.
func (c Client) RemoveContact(ctx context.Context, address string) (Contact, error) {
	return ask[Contact](ctx, c, "contact.remove", EntryRequest{Address: address})
}

// PutGroup adds a group or changes it.
func (c Client) PutGroup(ctx context.Context, in EntryRequest) (Group, error) {
	return ask[Group](ctx, c, "group.put", in)
}

// ListGroups lists all groups by address.
func (c Client) ListGroups(ctx context.Context) ([]Group, error) {
	return ask[[]Group](ctx, c, "group.list", Nothing{})
}

// RemoveGroup removes a group.
func (c Client) RemoveGroup(ctx context.Context, address string) (Group, error) {
	return ask[Group](ctx, c, "group.remove", EntryRequest{Address: address})
}
