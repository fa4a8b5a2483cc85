package schedule

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// People book, move and cancel in any order; whenever the room has attended to
// all of it, no time is given twice, and every organizer knows what is so.
func TestARoomIsNeverGivenTwice(t *testing.T) {
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { bookAtRandom(t, rand.New(rand.NewPCG(seed, 1))) })
	}
}

func bookAtRandom(t *testing.T, r *rand.Rand) {
	h := openHouse(t)
	withRooms(h)
	organizers := []string{"ann", "bob", "cat"}
	owner := map[string]string{} // of each meeting
	start := func() string {
		return time.Date(2026, 11, 10+r.IntN(3), 8+r.IntN(6), 30*r.IntN(2), 0, 0, time.UTC).Format("20060102T150405Z")
	}
	moving := func(raw string) []byte {
		i := strings.Index(raw, "DTSTART")
		end := strings.Index(raw[i:], "\r\n") + i
		return []byte(raw[:i] + "DTSTART:" + start() + raw[end:])
	}
	uids := func() (all []string) {
		for i := range 40 {
			if uid := fmt.Sprint("m", i); owner[uid] != "" {
				all = append(all, uid)
			}
		}
		return all
	}
	for i := range 40 {
		h.tick(time.Minute)
		have := uids()
		switch n := r.IntN(10); {
		case n < 4 || len(have) == 0:
			uid, who := fmt.Sprint("m", i), organizers[r.IntN(len(organizers))]
			owner[uid] = who
			var more []string
			if r.IntN(4) == 0 {
				more = append(more, "RRULE:FREQ=DAILY;COUNT=3")
			}
			raw := strings.ReplaceAll(string(inRoom(uid, "attic", start(), more...)), "ann@", who+"@")
			h.change(who, uid, []byte(raw))
		case n < 7:
			uid := have[r.IntN(len(have))]
			it, _ := h.item(owner[uid], uid)
			h.change(owner[uid], uid, moving(string(h.read(it.Blob))))
		case n < 8:
			uid := have[r.IntN(len(have))]
			h.change(owner[uid], uid, nil)
			delete(owner, uid)
		default:
			h.settle()
			h.roomIsRight(owner)
		}
	}
	h.settle()
	h.roomIsRight(owner)
	h.expect("the room's inbox", h.got("attic"), "")
}

// roomIsRight compares the room's calendar with those of the organizers.
func (h *house) roomIsRight(owner map[string]string) {
	h.Helper()
	from, to := h.clock, h.clock.AddDate(0, 3, 0)
	type taken struct {
		uid        string
		start, end time.Time
	}
	var all []taken
	for i := range 40 {
		uid := fmt.Sprint("m", i)
		o := h.has("attic", uid)
		if o == nil {
			if who := owner[uid]; who != "" && h.statusOf(who, uid, "attic@example.org") != declined {
				h.Errorf("%s of %s says %s, and the room does not have it", uid, who, h.statusOf(who, uid, "attic@example.org"))
			}
			continue
		}
		if owner[uid] == "" {
			h.Errorf("the room holds %s, which was cancelled", uid)
			continue
		}
		theirs := h.has(owner[uid], uid).Master()
		if s := h.statusOf(owner[uid], uid, "attic@example.org"); s != accepted || !theirs.Start.Same(o.Master().Start) {
			h.Errorf("%s of %s says %s at %s, the room has it at %s", uid, owner[uid], s, theirs.Start, o.Master().Start)
		}
		for at := range o.Occurrences(from, to, time.UTC) {
			for _, other := range all {
				if at.Start.Before(other.end) && other.start.Before(at.End) {
					h.Errorf("%s and %s have the room at %s", uid, other.uid, at.Start)
				}
			}
		}
		for at := range o.Occurrences(from, to, time.UTC) {
			all = append(all, taken{uid, at.Start, at.End})
		}
	}
}
