package schedule

import (
	"sort"
	"time"

	"martlet/mail/calendar"
	"martlet/mail/object"
)

// slot is what one digit of MergedFreeBusy stands for (MS-ASCMD_R3319).
const slot = 30 * time.Minute

// maxMerged bounds a string of MergedFreeBusy (MS-ASCMD_R3317).
const maxMerged = 32 << 10

// NoData is the digit of MergedFreeBusy for time of which nothing is known
// (MS-ASCMD_R3325).
const NoData = '4'

// MergedFreeBusy writes periods as digits, one for each half hour from the start
// on: the strongest status in it (MS-ASCMD 2.2.3.107). The last half hour may be
// a part of one. A period counts by the second, as does the time asked for.
func MergedFreeBusy(periods []Period, from, to time.Time) string {
	span := to.Sub(from)
	n := min(int((span+slot-1)/slot), maxMerged)
	if n <= 0 {
		return ""
	}
	out := make([]byte, n)
	for i := range out {
		out[i] = '0'
	}
	for _, p := range periods {
		if !p.End.After(from) || !p.Start.Before(to) || !p.End.After(p.Start) {
			continue
		}
		first := max(int(p.Start.Sub(from)/slot), 0)
		last := min(int((p.End.Sub(from)-1)/slot), n-1)
		for i := first; i <= last; i++ {
			out[i] = max(out[i], digit(p.Status))
		}
	}
	return string(out)
}

func digit(s object.Status) byte {
	switch s {
	case object.Tentative:
		return '1'
	case object.Busy:
		return '2'
	case object.OutOfOffice:
		return '3'
	}
	return '0'
}

// FreeBusyComponent is a VFREEBUSY of periods (RFC 5545 3.6.4), as an answer to a
// free-busy-query (RFC 4791 7.10) and to a scheduling request (RFC 6638 5). Who
// it is about, and its UID, are the caller's to add.
func FreeBusyComponent(periods []Period, from, to, now time.Time) *calendar.Component {
	f := calendar.FreeBusy{Stamp: now, From: from, To: to}
	for _, p := range periods {
		f.Busy = append(f.Busy, calendar.BusyTime{Start: p.Start, End: p.End, Type: busyType(p.Status)})
	}
	f.Write()
	return f.Component
}

// busyType is a status as FBTYPE has it (RFC 5545 3.2.9).
func busyType(s object.Status) string {
	switch s {
	case object.Tentative:
		return "BUSY-TENTATIVE"
	case object.OutOfOffice:
		return "BUSY-UNAVAILABLE"
	}
	return "BUSY"
}

// meets tells whether a span overlaps one of some periods, which are in order and
// do not overlap each other.
func meets(periods []Period, one span) bool {
	i := sort.Search(len(periods), func(i int) bool { return periods[i].End.Unix() > one.start })
	return i < len(periods) && periods[i].Start.Unix() < one.end
}
