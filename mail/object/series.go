package object

import (
	"encoding/binary"
	"time"

	"martlet/mail/calendar"
)

// maxSeries bounds what a summary tells of how an event comes round, in bytes:
// of what takes more only the body tells.
const maxSeries = 2 << 10

// The bits of a series' flags, and of what is moved.
const (
	seriesDate = 1 << iota
	seriesFloating
	seriesAlone
)

const (
	movedDate = 1 << iota
	movedFloating
	movedAfter
	movedCancelled
	movedDay // its identity is a day
)

// moved is what an occurrence is that has an event of its own.
type moved struct {
	status    Status
	cancelled bool
}

// appendSeries writes how an event comes round. It is false if that cannot be
// told in a summary.
func appendSeries(dst []byte, s *calendar.Series, kinds []moved) ([]byte, bool) {
	zone := ""
	if !s.Start.Date && !s.Start.Floating {
		zone = s.Start.Location().String()
		if known, err := calendar.LoadZone(zone); err != nil || known.String() != zone {
			return dst, false
		}
	}
	begin := len(dst)
	dst = appendText(dst, zone)
	flags := uint64(0)
	for i, set := range [...]bool{s.Start.Date, s.Start.Floating, s.Alone} {
		if set {
			flags |= 1 << i
		}
	}
	dst = binary.AppendUvarint(dst, flags)
	start := s.Wall(s.Start).Unix()
	dst = binary.AppendVarint(dst, start)
	dst = appendLength(dst, s.Start, s.End)
	for _, rules := range [...][]*calendar.Rule{s.Rules, s.NoRules} {
		dst = binary.AppendUvarint(dst, uint64(len(rules)))
		for _, r := range rules {
			dst = appendText(dst, r.String())
		}
	}
	last := start
	dst = binary.AppendUvarint(dst, uint64(len(s.Dates)))
	for _, p := range s.Dates {
		at := s.Wall(p.Start).Unix()
		dst = binary.AppendVarint(dst, at-last)
		last = at
		if p.End.IsZero() {
			dst = binary.AppendUvarint(dst, 0)
		} else {
			dst = binary.AppendUvarint(dst, uint64(p.End.Sub(p.Start.Time)/time.Second)+1)
		}
	}
	dst = binary.AppendUvarint(dst, uint64(len(s.Except)))
	for _, t := range s.Except {
		at := s.Wall(t).Unix()
		dst = binary.AppendVarint(dst, (at-last)<<1|day(s, t))
		last = at
	}
	dst = binary.AppendUvarint(dst, uint64(len(s.Moved)))
	for i, m := range s.Moved {
		dst = appendMoved(dst, s, m, kinds[i], &last)
		if len(dst)-begin > maxSeries {
			break
		}
	}
	return dst, len(dst)-begin <= maxSeries
}

// day is 1 for a day that stands for a time.
func day(s *calendar.Series, t calendar.Time) int64 {
	if t.Date && !s.Start.Date {
		return 1
	}
	return 0
}

func appendMoved(dst []byte, s *calendar.Series, m calendar.Moved, k moved, last *int64) []byte {
	flags := uint64(0)
	for i, set := range [...]bool{m.Start.Date, m.Start.Floating, m.After, k.cancelled, day(s, m.ID) == 1} {
		if set {
			flags |= 1 << i
		}
	}
	dst = binary.AppendUvarint(dst, flags)
	dst = binary.AppendUvarint(dst, uint64(k.status))
	id := s.Wall(m.ID).Unix()
	dst = binary.AppendVarint(dst, id-*last)
	*last = id
	dst = binary.AppendVarint(dst, m.Start.Unix()-id)
	return appendLength(dst, m.Start, m.End)
}

func appendLength(dst []byte, from, to calendar.Time) []byte {
	return binary.AppendUvarint(dst, uint64(max(to.Sub(from.Time), 0)/time.Second))
}

func appendText(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// series reads what appendSeries wrote.
func (r *reader) series() (s *calendar.Series, kinds []moved) {
	zone, flags := r.text(), r.uvarint()
	loc, err := time.UTC, error(nil)
	if zone != "" {
		if loc, err = calendar.LoadZone(zone); err != nil {
			r.bad = true
			return nil, nil
		}
	}
	s = &calendar.Series{Alone: flags&seriesAlone != 0}
	last := r.varint()
	s.Start = r.wall(last)
	if s.Start.Date, s.Start.Floating = flags&seriesDate != 0, flags&seriesFloating != 0; !s.Start.Date && !s.Start.Floating {
		s.Start = calendar.Time{Time: calendar.InZone(s.Start.Time, loc), TZID: zone}
	}
	s.End = r.end(s.Start)
	for _, rules := range [...]*[]*calendar.Rule{&s.Rules, &s.NoRules} {
		for range r.count() {
			rule, err := calendar.ParseAnyRule(r.text())
			if err != nil {
				r.bad = true
				return nil, nil
			}
			*rules = append(*rules, rule)
		}
	}
	for range r.count() {
		last += r.varint()
		p := calendar.Period{Start: r.wall(last)}
		if n := r.uvarint(); n > 0 {
			p.End = p.Start
			p.End.Time = p.End.Time.Add(seconds(n - 1))
		}
		s.Dates = append(s.Dates, p)
	}
	for range r.count() {
		n := r.varint()
		last += n >> 1
		t := r.wall(last)
		t.Date = n&1 != 0
		s.Except = append(s.Except, t)
	}
	for range r.count() {
		m, k := r.moved(&last)
		s.Moved, kinds = append(s.Moved, m), append(kinds, k)
	}
	return s, kinds
}

func (r *reader) moved(last *int64) (m calendar.Moved, k moved) {
	flags := r.uvarint()
	k = moved{Status(min(r.uvarint(), uint64(Elsewhere))), flags&movedCancelled != 0}
	*last += r.varint()
	m.ID, m.After = r.wall(*last), flags&movedAfter != 0
	m.ID.Date = flags&movedDay != 0
	m.Start = r.wall(*last + r.varint())
	m.Start.Date, m.Start.Floating = flags&movedDate != 0, flags&movedFloating != 0
	m.End = r.end(m.Start)
	return m, k
}

// wall is a wall clock, as the series' own times are told.
func (r *reader) wall(at int64) calendar.Time {
	if at < firstSecond || at > lastSecond {
		r.bad = true
		at = 0
	}
	return calendar.Time{Time: time.Unix(at, 0).UTC(), Floating: true}
}

func (r *reader) end(start calendar.Time) calendar.Time {
	start.Time = start.Time.Add(seconds(r.uvarint()))
	return start
}

// seconds is a length of time, a hundred years at most.
func seconds(n uint64) time.Duration {
	const most = 100 * 366 * 24 * 60 * 60
	return time.Duration(min(n, most)) * time.Second
}

// count is a number of things, each of which takes a byte at least.
func (r *reader) count() int {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.bad = true
		return 0
	}
	return int(n)
}

func (r *reader) text() string {
	n := r.count()
	s := string(r.rest[:n])
	r.rest = r.rest[n:]
	return s
}
