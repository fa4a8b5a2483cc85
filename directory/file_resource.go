package directory

import (
	"fmt"
	"slices"
)

// FileResource is a [[resource]] of a directory file: a room or a thing that
// meetings book. Address tells which.
type FileResource struct {
	Address      string   `toml:"address"`
	Kind         *string  `toml:"kind,omitempty"` // "room" or "equipment"; a new one's: "room"
	Name         *string  `toml:"name,omitempty"`
	Alias        *string  `toml:"alias,omitempty"`
	Location     *string  `toml:"location,omitempty"`
	Department   *string  `toml:"department,omitempty"`
	Company      *string  `toml:"company,omitempty"`
	Phone        *string  `toml:"phone,omitempty"`
	Capacity     *int     `toml:"capacity,omitempty"` // people
	Aliases      []string `toml:"aliases,omitempty"`
	Photo        *string  `toml:"photo,omitempty"` // a file, relative to the directory file; "" takes it away
	PhotoBase64  *string  `toml:"photo_base64,omitempty"`
	Hidden       *bool    `toml:"hidden,omitempty"`      // from the address list
	ActiveSync   *bool    `toml:"active_sync,omitempty"` // a new one's: false
	Password     *string  `toml:"password,omitempty"`    // for a display at its door
	PasswordHash *string  `toml:"password_hash,omitempty"`

	Booking     *string  `toml:"booking,omitempty"`      // "automatic", "delegates" or "closed"
	Delegates   []string `toml:"delegates,omitempty"`    // users and groups that decide
	MayBook     []string `toml:"may_book,omitempty"`     // users and groups; []: everybody in the directory
	Outsiders   *bool    `toml:"outsiders,omitempty"`    // people who are not in the directory may book, too
	Conflicts   *bool    `toml:"conflicts,omitempty"`    // two meetings may have it at once
	OneTime     *bool    `toml:"one_time,omitempty"`     // no meetings that recur
	Days        []string `toml:"days,omitempty"`         // "mon" to "sun"; []: each
	Hours       *string  `toml:"hours,omitempty"`        // "08:00-18:30"; "": the whole day
	TimeZone    *string  `toml:"time_zone,omitempty"`    // of the hours
	MaxDuration *string  `toml:"max_duration,omitempty"` // of one meeting, "4h"; "": any; a new one's: "24h"
	HorizonDays *int     `toml:"horizon_days,omitempty"` // how far ahead; 0: any; a new one's: 180
}

// section is the place in the file that says what an account shall be.
type section struct {
	table    string // "user" or "resource"
	index    int
	resource *FileResource // of a resource
}

func (s *section) at(path ...any) []any { return append([]any{s.table, s.index}, path...) }

// asUser is the part of a resource that is the same as a user's.
func (r *FileResource) asUser(i int) FileUser {
	return FileUser{
		Login: r.Address, Name: r.Name, Alias: r.Alias, Office: r.Location, Department: r.Department, Company: r.Company, Phone: r.Phone,
		Aliases: r.Aliases, Photo: r.Photo, PhotoBase64: r.PhotoBase64, Hidden: r.Hidden, ActiveSync: r.ActiveSync, Password: r.Password, PasswordHash: r.PasswordHash,
		section: section{table: "resource", index: i, resource: r},
	}
}

// key is what a user's key is called in the section.
func (s *section) key(key string) string {
	if s.resource != nil {
		switch key {
		case "login":
			return "address"
		case "office":
			return "location"
		}
	}
	return key
}

// resource checks what only a resource has, and brings addresses into their
// canonical form.
func (c *checker) resource(s *section) {
	r := *s.resource
	s.resource = &r
	var a Account
	if key, err := r.bookingOf(&a); err != nil {
		c.fail(err, s.at(key)...)
	}
	for _, list := range []struct {
		key string
		of  *[]string
	}{{"delegates", &r.Delegates}, {"may_book", &r.MayBook}} {
		if len(*list.of) > maxBookers {
			c.fail(fmt.Errorf("%w: more than %d", ErrBadValue, maxBookers), s.at(list.key)...)
			continue
		}
		if *list.of == nil {
			continue
		}
		out := []string{}
		for j, m := range *list.of {
			if m = c.address(m, s.at(list.key, j)...); !slices.Contains(out, m) {
				out = append(out, m)
			}
		}
		*list.of = out
	}
}

// bookingOf brings what the section says into an account. The key is that of
// the value that is wrong.
func (r *FileResource) bookingOf(a *Account) (key string, err error) {
	b := &a.Booking
	if r.Kind != nil {
		if a.Kind, err = parseKind(*r.Kind); err != nil {
			return "kind", err
		}
	}
	if r.Capacity != nil {
		if a.Capacity = *r.Capacity; a.Capacity < 0 || a.Capacity > maxCapacity {
			return "capacity", fmt.Errorf("%w: a room has 0 to %d places", ErrBadValue, maxCapacity)
		}
	}
	if r.Booking != nil {
		if b.Decision, err = parseDecision(*r.Booking); err != nil {
			return "booking", err
		}
	}
	if r.Days != nil {
		if b.Days, err = parseWeekdays(r.Days); err != nil {
			return "days", err
		}
	}
	if r.Hours != nil {
		if b.Open, b.Close, err = parseHours(*r.Hours); err != nil {
			return "hours", err
		}
	}
	if r.TimeZone != nil {
		if err := checkZone(*r.TimeZone); err != nil {
			return "time_zone", err
		}
		b.Zone = *r.TimeZone
	}
	if r.MaxDuration != nil {
		if b.MaxDuration, err = parseLending(*r.MaxDuration); err != nil {
			return "max_duration", err
		}
	}
	if r.HorizonDays != nil {
		if b.HorizonDays = *r.HorizonDays; b.HorizonDays < 0 || b.HorizonDays > maxHorizon {
			return "horizon_days", fmt.Errorf("%w: 0 to %d days", ErrBadValue, maxHorizon)
		}
	}
	if r.Delegates != nil {
		b.Delegates = r.Delegates
	}
	if r.MayBook != nil {
		b.Bookers = r.MayBook
	}
	for _, x := range []struct {
		in *bool
		of *bool
	}{{r.Outsiders, &b.Outsiders}, {r.Conflicts, &b.Conflicts}, {r.OneTime, &b.OneTime}} {
		if x.in != nil {
			*x.of = *x.in
		}
	}
	return "", nil
}

// fileResource is an account that is a resource as the file says it.
func fileResource(a *Account) FileResource {
	u := fileUser(a)
	kind, booking := a.Kind.String(), a.Booking.Decision.String()
	b := a.Booking
	lending := ""
	if b.MaxDuration > 0 {
		lending = lendingText(b.MaxDuration)
	}
	r := FileResource{
		Address: u.Login, Kind: &kind, Name: u.Name, Alias: u.Alias, Location: u.Office, Department: u.Department, Company: u.Company, Phone: u.Phone,
		Aliases: u.Aliases, PhotoBase64: u.PhotoBase64, Hidden: u.Hidden, PasswordHash: u.PasswordHash,
		Booking: &booking, Delegates: b.Delegates, MayBook: b.Bookers, Hours: present(b.hours()), TimeZone: present(b.Zone),
		MaxDuration: &lending, HorizonDays: &b.HorizonDays,
	}
	if a.Capacity > 0 {
		r.Capacity = &a.Capacity
	}
	if b.Days != 0 {
		r.Days = b.Days.list()
	}
	yes := true
	for _, x := range []struct {
		is bool
		to **bool
	}{{a.ActiveSync, &r.ActiveSync}, {b.Outsiders, &r.Outsiders}, {b.Conflicts, &r.Conflicts}, {b.OneTime, &r.OneTime}} {
		if x.is {
			*x.to = &yes
		}
	}
	return r
}

// planBooking brings into want what the section says of a resource, or makes
// the account a person's.
func (u *FileUser) planBooking(old, want *Account, text []string) []string {
	if u.section.resource == nil {
		want.Kind, want.Capacity, want.Booking = KindPerson, 0, Booking{}
	} else {
		if !want.IsResource() {
			want.Kind = KindRoom
			want.Booking = Booking{MaxDuration: freshMaxDuration, HorizonDays: freshHorizonDays}
		}
		_, _ = u.section.resource.bookingOf(want) // checked when it was read
	}
	text = differ(text, "kind", old.Kind.String(), want.Kind.String())
	text = differ(text, "capacity", old.Capacity, want.Capacity)
	a, b := &old.Booking, &want.Booking
	text = differ(text, "booking", a.Decision.String(), b.Decision.String())
	text = differList(text, "delegates", a.Delegates, b.Delegates)
	text = differList(text, "may_book", a.Bookers, b.Bookers)
	text = differ(text, "outsiders", a.Outsiders, b.Outsiders)
	text = differ(text, "conflicts", a.Conflicts, b.Conflicts)
	text = differ(text, "one_time", a.OneTime, b.OneTime)
	text = differList(text, "days", a.Days.list(), b.Days.list())
	text = differ(text, "hours", a.hours(), b.hours())
	text = differ(text, "time_zone", a.Zone, b.Zone)
	text = differ(text, "max_duration", a.MaxDuration.String(), b.MaxDuration.String())
	return differ(text, "horizon_days", a.HorizonDays, b.HorizonDays)
}

// ResourceOf is a resource as a directory file says it.
func ResourceOf(a *Account) FileResource { return fileResource(a) }
