package junk

import (
	"encoding/binary"
	"errors"
	"math"
	"math/bits"
	"slices"
	"time"
)

// The counts of words lie in buckets: a row holds those whose hashes begin with the
// bucket's number, ascending. An entry has always the same size, so that a word is
// found in a row without reading the others.
//
//	4 bytes  the last bits of the hash
//	3 bytes  how often it was in junk, in units
//	3 bytes  how often it was in wanted mail
//	2 bytes  the day of these counts, from which on they decay
//	1 byte   who has taught that it is in junk: a bit for each of eight groups of users
//	1 byte   the same of wanted mail
const (
	entrySize  = 14
	rowVersion = 1 // the first byte of a row

	// unit is the weight of one message in counts.
	unit     = 16
	maxCount = 1<<24 - 1

	userBits  = 8  // of a hash say the bucket of a user's words
	baseBits  = 12 // and of those of all
	userLimit = 160
	baseLimit = 96 // entries of a bucket; the least worth go first

	// halfLife is how long a count takes to be worth half, in days.
	halfLife = 180
	// worthless is a count that goes when its bucket is written.
	worthless = unit / 4

	// everybody has taught it: an administrator.
	everybody = 0xff
)

// errRow is a row that this package did not write.
var errRow = errors.New("junk: malformed row")

// counts are what is known of a word, by now.
type counts struct {
	junk, good     float64 // messages
	inJunk, inGood uint8   // who says so
}

// epoch is day 0. The last is in 2199.
var epoch = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)

// day is a time as entries have it.
func day(t time.Time) uint16 {
	return uint16(min(max(t.Sub(epoch)/(24*time.Hour), 0), math.MaxUint16))
}

// decay is what a count is worth after some days.
func decay(from, to uint16, half float64) float64 {
	if to <= from { // today, or the clock was wrong once
		return 1
	}
	return math.Exp2(-float64(to-from) / half)
}

// entry is one word of a row.
type entry struct {
	rest           uint32
	junk, good     uint32
	day            uint16
	inJunk, inGood uint8
}

func readEntry(b []byte) entry {
	return entry{
		rest: binary.BigEndian.Uint32(b),
		junk: uint32(b[4])<<16 | uint32(b[5])<<8 | uint32(b[6]),
		good: uint32(b[7])<<16 | uint32(b[8])<<8 | uint32(b[9]),
		day:  binary.BigEndian.Uint16(b[10:]), inJunk: b[12], inGood: b[13],
	}
}

func (e entry) append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, e.rest)
	dst = append(dst, byte(e.junk>>16), byte(e.junk>>8), byte(e.junk), byte(e.good>>16), byte(e.good>>8), byte(e.good))
	dst = binary.BigEndian.AppendUint16(dst, e.day)
	return append(dst, e.inJunk, e.inGood)
}

// age brings the counts to a day.
func (e *entry) age(today uint16) {
	if f := decay(e.day, today, halfLife); f < 1 {
		e.junk, e.good = uint32(float64(e.junk)*f+0.5), uint32(float64(e.good)*f+0.5)
		e.day = today
	}
	if e.day > today {
		e.day = today
	}
}

// checkRow refuses a row that is none.
func checkRow(b []byte) error {
	if len(b) == 0 || b[0] != rowVersion || (len(b)-1)%entrySize != 0 {
		return errRow
	}
	for i := 1 + entrySize; i < len(b); i += entrySize {
		if binary.BigEndian.Uint32(b[i-entrySize:]) >= binary.BigEndian.Uint32(b[i:]) {
			return errRow
		}
	}
	return nil
}

// find looks a word up in a row.
func find(row []byte, t token, today uint16) (c counts, ok bool) {
	if len(row) == 0 {
		return c, false
	}
	want := uint32(t)
	lo, hi := 0, (len(row)-1)/entrySize
	for lo < hi {
		mid := (lo + hi) / 2
		if binary.BigEndian.Uint32(row[1+mid*entrySize:]) < want {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	at := 1 + lo*entrySize
	if at >= len(row) || binary.BigEndian.Uint32(row[at:]) != want {
		return c, false
	}
	e := readEntry(row[at:])
	f := decay(e.day, today, halfLife) / unit
	c.junk, c.good = float64(e.junk)*f, float64(e.good)*f
	c.inJunk, c.inGood = e.inJunk, e.inGood
	return c, true
}

// alone bounds what one user alone says of a word to one message: the base is
// everybody's.
func (c *counts) alone() {
	if bits.OnesCount8(c.inJunk) < 2 {
		c.junk = min(c.junk, 1)
	}
	if bits.OnesCount8(c.inGood) < 2 {
		c.good = min(c.good, 1)
	}
}

// change is what a message adds to its words, in units.
type change struct {
	junk, good int
	by         uint8 // the bits of who says so
}

// edit returns a row with the change of some words, which are ascending and all of
// this bucket, and without what is not worth keeping. It has at most limit words:
// of those that were there the least worth go first. more is by how many words it
// has grown.
func edit(row []byte, some []token, c change, today uint16, limit int) (out []byte, more int, err error) {
	if len(row) > 0 {
		if err := checkRow(row); err != nil {
			return nil, 0, err
		}
	}
	had := max(len(row)-1, 0) / entrySize
	all := make([]entry, 0, had+len(some))
	for i, j := 0, 0; i < had || j < len(some); {
		var e entry
		is := false
		switch {
		case j == len(some) || i < had && binary.BigEndian.Uint32(row[1+i*entrySize:]) < uint32(some[j]):
			e = readEntry(row[1+i*entrySize:])
			i++
		case i < had && binary.BigEndian.Uint32(row[1+i*entrySize:]) == uint32(some[j]):
			e, is = readEntry(row[1+i*entrySize:]), true
			i++
			j++
		default:
			e, is = entry{rest: uint32(some[j]), day: today}, true
			j++
		}
		e.age(today)
		if is {
			e.apply(c)
		}
		if e.junk+e.good > worthless && (len(all) == 0 || all[len(all)-1].rest != e.rest) {
			all = append(all, e)
		}
	}
	all = leastOut(all, some, limit)
	out = make([]byte, 1, 1+len(all)*entrySize)
	out[0] = rowVersion
	for _, e := range all {
		out = e.append(out)
	}
	return out, len(all) - had, nil
}

func (e *entry) apply(c change) {
	e.junk, e.good = added(e.junk, c.junk), added(e.good, c.good)
	if c.junk > 0 {
		e.inJunk |= c.by
	}
	if c.good > 0 {
		e.inGood |= c.by
	}
}

func added(n uint32, d int) uint32 { return uint32(min(max(int(n)+d, 0), maxCount)) }

// leastOut drops what is too much: the rarest of those that were not changed, and
// of equals the oldest.
func leastOut(all []entry, changed []token, limit int) []entry {
	over := len(all) - limit
	if over <= 0 {
		return all
	}
	type worth struct {
		at  int
		sum uint64
	}
	var order []worth
	for i, e := range all {
		w := uint64(e.junk+e.good)<<16 | uint64(e.day)
		if _, now := slices.BinarySearchFunc(changed, e.rest, func(t token, rest uint32) int {
			return int(int64(uint32(t)) - int64(rest))
		}); now {
			w |= 1 << 62
		}
		order = append(order, worth{i, w})
	}
	slices.SortFunc(order, func(a, b worth) int {
		if a.sum < b.sum {
			return -1
		}
		if a.sum > b.sum {
			return 1
		}
		return a.at - b.at
	})
	gone := make([]bool, len(all))
	for _, w := range order[:over] {
		gone[w.at] = true
	}
	kept := all[:0]
	for i, e := range all {
		if !gone[i] {
			kept = append(kept, e)
		}
	}
	return kept
}
