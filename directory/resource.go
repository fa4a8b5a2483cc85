package directory

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"martlet/store"
)

// Kind is what an account is for.
type Kind uint8

// The kinds.
const (
	KindPerson    Kind = iota // somebody who logs in
	KindRoom                  // a place that meetings are held in
	KindEquipment             // a thing that is lent
)

// String is the kind as the directory file says it.
func (k Kind) String() string {
	switch k {
	case KindRoom:
		return "room"
	case KindEquipment:
		return "equipment"
	}
	return "person"
}

func parseKind(s string) (Kind, error) {
	for _, k := range []Kind{KindRoom, KindEquipment} {
		if s == k.String() {
			return k, nil
		}
	}
	return 0, fmt.Errorf("%w: a resource's kind is %q or %q", ErrBadValue, KindRoom, KindEquipment)
}

// IsResource tells whether the account is a room or a thing: invitations to it
// are answered by its Booking.
func (a *Account) IsResource() bool { return a.Kind != KindPerson }

// Decision says who answers an invitation to a resource.
type Decision uint8

// The ways to answer.
const (
	DecideAutomatically Decision = iota // the rule does, at once
	DecideDelegates                     // what the rule allows is tentative until a delegate says yes
	DecideNever                         // nobody may book it
)

func (d Decision) String() string {
	switch d {
	case DecideDelegates:
		return "delegates"
	case DecideNever:
		return "closed"
	}
	return "automatic"
}

func parseDecision(s string) (Decision, error) {
	for _, d := range []Decision{DecideAutomatically, DecideDelegates, DecideNever} {
		if s == d.String() {
			return d, nil
		}
	}
	return 0, fmt.Errorf("%w: booking is %q, %q or %q", ErrBadValue, DecideAutomatically, DecideDelegates, DecideNever)
}

// Booking is the rule by which a resource is lent.
type Booking struct {
	Decision  Decision
	Delegates []string // addresses of the users and groups that decide
	Bookers   []string // addresses of those who may book; none: everybody in the directory
	Outsiders bool     // people who are not in the directory may book, too
	Conflicts bool     // two meetings may have it at once
	OneTime   bool     // no meetings that recur

	// When it is lent: Days of the week (none: each) from Open to Close, in minutes
	// of the day in Zone (an IANA name; empty: UTC). Both zero: the whole day.
	Days        Weekdays
	Open, Close int
	Zone        string

	MaxDuration time.Duration // of one meeting; zero: any
	HorizonDays int           // how far ahead it may be booked; zero: any
}

// What a new resource is given: a day's meeting, half a year ahead.
const (
	freshMaxDuration = 24 * time.Hour
	freshHorizonDays = 180
)

// Weekdays is a set of days of the week.
type Weekdays uint8

// Has tells whether the set has the day. The empty set has each.
func (w Weekdays) Has(d time.Weekday) bool { return w == 0 || w&(1<<d) != 0 }

var weekdayNames = [...]string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}

func (w Weekdays) list() []string {
	out := []string{}
	for i := range weekdayNames {
		d := (i + 1) % 7 // from Monday on
		if w&(1<<d) != 0 {
			out = append(out, weekdayNames[d])
		}
	}
	return out
}

func parseWeekdays(list []string) (w Weekdays, err error) {
	for _, s := range list {
		d := slices.Index(weekdayNames[:], strings.ToLower(s))
		if d < 0 {
			return 0, fmt.Errorf("%w: %q is no day: mon, tue, wed, thu, fri, sat or sun", ErrBadValue, s)
		}
		w |= 1 << d
	}
	return w, nil
}

// hours is the part of the day as the directory file says it, "" for all of it.
func (b *Booking) hours() string {
	if b.Open == 0 && b.Close == 0 {
		return ""
	}
	return fmt.Sprintf("%02d:%02d-%02d:%02d", b.Open/60, b.Open%60, b.Close/60, b.Close%60)
}

func parseHours(s string) (from, to int, err error) {
	if s == "" {
		return 0, 0, nil
	}
	bad := fmt.Errorf("%w: hours are written as 08:00-18:30", ErrBadValue)
	a, b, ok := strings.Cut(s, "-")
	if !ok {
		return 0, 0, bad
	}
	minute := func(s string) int {
		s = strings.TrimSpace(s)
		if s == "24:00" {
			return 24 * 60
		}
		t, err := time.Parse("15:04", s)
		if err != nil {
			return -1
		}
		return t.Hour()*60 + t.Minute()
	}
	from, to = minute(a), minute(b)
	if from < 0 || to <= from {
		return 0, 0, bad
	}
	return from, to, nil
}

// Limits of a booking rule.
const (
	maxBookers  = 500
	maxHorizon  = 100 * 366
	maxLending  = 366 * 24 * time.Hour
	maxCapacity = 1_000_000
)

func parseLending(s string) (time.Duration, error) {
	if s == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 || d > maxLending || d%time.Minute != 0 {
		return 0, fmt.Errorf("%w: %q is no duration: write 90m, 4h or 72h", ErrBadValue, s)
	}
	return d, nil
}

func lendingText(d time.Duration) string {
	if d%time.Hour == 0 {
		return fmt.Sprintf("%dh", d/time.Hour)
	}
	return fmt.Sprintf("%dm", d/time.Minute)
}

func checkZone(s string) error {
	if s == "" {
		return nil
	}
	if _, err := time.LoadLocation(s); err != nil || s == "Local" {
		return fmt.Errorf("%w: %q is no time zone: write Europe/Zurich", ErrBadValue, s)
	}
	return nil
}

func (b *Booking) encode(e *store.Encoder) {
	e.Uint(1, uint64(b.Decision))
	for _, s := range b.Delegates {
		e.Element(2, s)
	}
	for _, s := range b.Bookers {
		e.Element(3, s)
	}
	e.Bool(4, b.Outsiders)
	e.Bool(5, b.Conflicts)
	e.Bool(6, b.OneTime)
	e.Uint(7, uint64(b.Days))
	e.Uint(8, uint64(b.Open))
	e.Uint(9, uint64(b.Close))
	e.String(10, b.Zone)
	e.Uint(11, uint64(b.MaxDuration/time.Second))
	e.Uint(12, uint64(b.HorizonDays))
}

func parseBooking(raw []byte) (b Booking, err error) {
	err = store.DecodeFields(raw, func(f store.Field) error {
		switch f.Number {
		case 1:
			b.Decision = Decision(f.Uint())
		case 2:
			b.Delegates = append(b.Delegates, f.String())
		case 3:
			b.Bookers = append(b.Bookers, f.String())
		case 4:
			b.Outsiders = f.Bool()
		case 5:
			b.Conflicts = f.Bool()
		case 6:
			b.OneTime = f.Bool()
		case 7:
			b.Days = Weekdays(f.Uint())
		case 8:
			b.Open = int(f.Uint())
		case 9:
			b.Close = int(f.Uint())
		case 10:
			b.Zone = f.String()
		case 11:
			b.MaxDuration = time.Duration(f.Uint()) * time.Second
		case 12:
			b.HorizonDays = int(f.Uint())
		}
		return nil
	})
	return b, err
}
