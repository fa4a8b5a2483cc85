package object

import (
	"encoding/binary"
	"errors"
	"time"

	"martlet/mail/calendar"
)

// ErrBadBrief means that bytes are no Brief.
var ErrBadBrief = errors.New("object: not the summary of an object")

// Status is what somebody is while an event goes on (MS-ASCAL 2.2.2.7).
type Status uint8

// The statuses.
const (
	Free Status = iota
	Tentative
	Busy
	OutOfOffice
	Elsewhere // works elsewhere
)

// Brief is what others must know of an object without opening it.
type Brief struct {
	// Start and End are of the first occurrence, in UTC; of a date or a floating
	// time as if it were in UTC. A task begins at its DTSTART and ends when it is
	// due; zero is no such time.
	Start, End   time.Time
	AllDay       bool
	Floating     bool // of no zone, as are all dates
	Recurs       bool
	Status       Status // of an event
	Private      bool   // CLASS is PRIVATE, or one that nobody knows (RFC 5545 3.8.1.3)
	Confidential bool
	Cancelled    bool
	Attendees    bool // it is a meeting
	Done         bool // of a task
	// Open means that the times are not all here: only the body has them.
	Open bool
	// Series is how an event comes round; nil if it does not, or with Open.
	Series *calendar.Series
	moved  []moved // what the occurrences are that Series.Moved has
}

// briefVersion is the form in which a Brief is written. What later versions add
// stands behind what this one has.
const briefVersion = 1

// The bits of a Brief's flags.
const (
	flagAllDay = 1 << iota
	flagFloating
	flagRecurs
	flagPrivate
	flagConfidential
	flagCancelled
	flagAttendees
	flagDone
	flagOpen
	flagStart
	flagEnd
	flagSeries
)

func (b *Brief) flags() (f uint64) {
	for i, set := range [...]bool{b.AllDay, b.Floating, b.Recurs, b.Private, b.Confidential, b.Cancelled, b.Attendees, b.Done, b.Open, !b.Start.IsZero(), !b.End.IsZero()} {
		if set {
			f |= 1 << i
		}
	}
	return f
}

// Append writes the summary.
func (b *Brief) Append(dst []byte) []byte {
	f := b.flags()
	var series []byte
	if b.Series != nil {
		var ok bool
		if series, ok = appendSeries(nil, b.Series, b.moved); ok {
			f |= flagSeries
		} else {
			f |= flagOpen
		}
	}
	dst = append(dst, briefVersion)
	dst = binary.AppendUvarint(dst, f)
	dst = binary.AppendUvarint(dst, uint64(b.Status))
	if f&flagStart != 0 {
		dst = binary.AppendVarint(dst, b.Start.Unix())
	}
	if f&flagEnd != 0 {
		dst = binary.AppendVarint(dst, b.End.Unix())
	}
	if f&flagSeries != 0 {
		dst = append(dst, series...)
	}
	return dst
}

// ParseBrief reads a summary. None at all is one that says nothing.
func ParseBrief(p []byte) (Brief, error) {
	var b Brief
	if len(p) == 0 {
		return b, nil
	}
	r := reader{rest: p[1:]}
	if p[0] == 0 {
		return b, ErrBadBrief
	}
	f := r.uvarint()
	b.AllDay, b.Floating, b.Recurs = f&flagAllDay != 0, f&flagFloating != 0, f&flagRecurs != 0
	b.Private, b.Confidential, b.Cancelled = f&flagPrivate != 0, f&flagConfidential != 0, f&flagCancelled != 0
	b.Attendees, b.Done, b.Open = f&flagAttendees != 0, f&flagDone != 0, f&flagOpen != 0
	b.Status = Status(min(r.uvarint(), uint64(Elsewhere)))
	if f&flagStart != 0 {
		b.Start = r.time()
	}
	if f&flagEnd != 0 {
		b.End = r.time()
	}
	if f&flagSeries != 0 {
		b.Series, b.moved = r.series()
	}
	if r.bad {
		return Brief{}, ErrBadBrief
	}
	return b, nil
}

// reader reads varints; once one is not there it is bad.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	return v * r.took(n)
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.rest)
	return v * int64(r.took(n))
}

// took goes on by n bytes, and is 0 if there are none.
func (r *reader) took(n int) uint64 {
	if n <= 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return 1
}

// lastSecond and firstSecond bound the times of a summary: the years 0 to 9999.
const (
	firstSecond = -62167219200
	lastSecond  = 253402300799
)

func (r *reader) time() time.Time {
	s := r.varint()
	if s < firstSecond || s > lastSecond {
		r.bad = true
		return time.Time{}
	}
	return time.Unix(s, 0).UTC()
}

func (b *Brief) private(class string) {
	switch class {
	case "", "PUBLIC":
	case "CONFIDENTIAL":
		b.Confidential = true
	default: // what nobody knows is to be treated as private
		b.Private = true
	}
}
