package calendar

import (
	"encoding/binary"
	"fmt"
	"time"
)

// buildZone makes a time.Location: the standard library takes zones only in the
// form of RFC 8536 (TZif). onsets are in order; footer is the POSIX rule for
// what comes after them, or empty.
func buildZone(name string, onsets []onset, footer string) (*time.Location, error) {
	type kind struct {
		offset int
		dst    bool
	}
	kinds := map[kind]byte{}
	var types []byte
	index := func(k kind) byte {
		i, ok := kinds[k]
		if !ok && len(kinds) < 255 {
			i = byte(len(kinds))
			kinds[k] = i
			types = binary.BigEndian.AppendUint32(types, uint32(int32(k.offset)))
			types = append(types, b2i(k.dst), 0)
		}
		return i
	}
	// Before the first onset the standard offset holds.
	for _, o := range onsets {
		if !o.dst {
			index(kind{o.offset, false})
			break
		}
	}
	if len(types) == 0 {
		index(kind{onsets[0].offset, onsets[0].dst})
	}
	var times, which []byte
	for i, o := range onsets {
		if i > 0 && o.at == onsets[i-1].at {
			continue
		}
		times = binary.BigEndian.AppendUint64(times, uint64(o.at))
		which = append(which, index(kind{o.offset, o.dst}))
	}
	const abbreviations = "LMT\x00"
	header := func(b []byte, transitions, types, chars int) []byte {
		b = append(b, "TZif2"...)
		b = append(b, make([]byte, 15)...)
		for _, n := range []int{0, 0, 0, transitions, types, chars} {
			b = binary.BigEndian.AppendUint32(b, uint32(n))
		}
		return b
	}
	b := header(nil, 0, 1, len(abbreviations))
	b = append(b, 0, 0, 0, 0, 0, 0)
	b = append(b, abbreviations...)
	b = header(b, len(which), len(kinds), len(abbreviations))
	b = append(append(append(b, times...), which...), types...)
	b = append(b, abbreviations...)
	b = append(b, "\n"+footer+"\n"...)
	if name == "" {
		name = "custom"
	}
	loc, err := time.LoadLocationFromTZData(name, b)
	if err != nil {
		return nil, ErrBadZone
	}
	return loc, nil
}

func b2i(b bool) byte {
	if b {
		return 1
	}
	return 0
}

// posix writes the rule of a zone with summer time (POSIX TZ, RFC 8536 3.3.1).
func posix(standard, daylight *observance) string {
	s, d := standard.posixDate(), daylight.posixDate()
	if s == "" || d == "" {
		return ""
	}
	return "<STD>" + posixOffset(standard.to) + "<DST>" + posixOffset(daylight.to) + "," + d + "," + s
}

// posixDate writes the nth weekday of a month; nothing for another rule.
func (o *observance) posixDate() string {
	day := o.rule.ByDay[0]
	n := day.N
	switch {
	case n == -1:
		n = 5
	case n == 0 && len(o.rule.ByMonthDay) > 0: // "Sunday, and one of the 8th to the 14th"
		n = (o.rule.ByMonthDay[0]-1)/7 + 1
	}
	if n < 1 || n > 5 {
		return ""
	}
	return fmt.Sprintf("M%d.%d.%d/%s", o.rule.ByMonth[0], n, int(day.Day), clock(o.start.Hour()*3600+o.start.Minute()*60+o.start.Second()))
}

func posixOffset(seconds int) string { return clock(-seconds) }

func clock(seconds int) string {
	sign := ""
	if seconds < 0 {
		sign, seconds = "-", -seconds
	}
	return fmt.Sprintf("%s%d:%02d:%02d", sign, seconds/3600, seconds/60%60, seconds%60)
}
