package announce

import (
	"testing"
	"time"

	"martlet/push"
)

func TestQuietHoursFollowTheClockOnTheWall(t *testing.T) {
	night := Quiet{Start: 22 * 60, End: 7 * 60, Zone: "Europe/Berlin"}
	work := Quiet{Start: 9 * 60, End: 17*60 + 30, Zone: "America/New_York", Days: DaysOf(time.Monday, time.Friday)}
	friday := Quiet{Start: 22 * 60, End: 7 * 60, Zone: "Europe/Berlin", Days: DaysOf(time.Friday)}
	gap := Quiet{Start: 60, End: 2*60 + 30, Zone: "Europe/Berlin"}
	for _, c := range []struct {
		name     string
		q        Quiet
		now, end string // UTC; no end: not quiet
	}{
		{"none", Quiet{}, "2026-11-23T02:00:00Z", ""},
		{"before midnight", night, "2026-11-23T22:00:00Z", "2026-11-24T06:00:00Z"},
		{"after midnight", night, "2026-11-24T02:00:00Z", "2026-11-24T06:00:00Z"},
		{"at the end", night, "2026-11-24T06:00:00Z", ""},
		{"a second before the end", night, "2026-11-24T05:59:59Z", "2026-11-24T06:00:00Z"},
		{"a minute before the start", night, "2026-11-24T20:59:59Z", ""},
		{"at the start", night, "2026-11-24T21:00:00Z", "2026-11-25T06:00:00Z"},
		{"summer", night, "2026-07-01T21:00:00Z", "2026-07-02T05:00:00Z"},
		{"the night that is an hour shorter", night, "2026-03-28T23:00:00Z", "2026-03-29T05:00:00Z"},
		{"the night that is an hour longer", night, "2026-10-24T22:00:00Z", "2026-10-25T06:00:00Z"},
		{"by day", work, "2026-11-23T15:00:00Z", "2026-11-23T22:30:00Z"},
		{"by day, on another day", work, "2026-11-24T15:00:00Z", ""},
		{"the night of a Friday", friday, "2026-11-27T23:00:00Z", "2026-11-28T06:00:00Z"},
		{"its morning", friday, "2026-11-28T05:00:00Z", "2026-11-28T06:00:00Z"},
		{"the morning before", friday, "2026-11-27T05:00:00Z", ""},
		{"an end that the clock jumps over", gap, "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"},
		{"an end that the clock shows twice", gap, "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z"},
	} {
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		end, is := c.q.Until(now)
		got := ""
		if is {
			got = end.Format(time.RFC3339)
		}
		if got != c.end {
			t.Errorf("%s: until %q, want %q", c.name, got, c.end)
		}
	}
}

func TestQuietHoursEndInOneSummary(t *testing.T) {
	h := newHouse(t)
	h.now = time.Date(2026, 11, 23, 23, 0, 0, 0, time.UTC)
	id := h.phone(func(r *Registration) {
		r.Quiet = Quiet{Start: 22 * 60, End: 7 * 60, Zone: "Europe/Berlin"}
		r.VIPs = []string{"boss@example.net"}
	}).ID
	h.deliver(letter{})
	gone := h.deliver(letter{})
	h.deliver(letter{from: "Dave <dave@example.net>"})
	end := time.Date(2026, 11, 24, 6, 0, 0, 0, time.UTC)
	all, later := h.told(id)
	if got := spell(all); got != "[badge |  |  |  | 3]" || !later.Equal(end) {
		t.Fatalf("at night %s, later %v", got, later)
	}
	h.deliver(letter{from: "The Boss <boss@example.net>", subject: "Fire"})
	h.says(id, "[alert high | The Boss | Fire | Text 4. | 4]")
	h.see(gone)
	h.now = end
	h.says(id, "[alert | 2 new messages | Dave, Carol | Subject 3: Text 3. | 3]")
	h.nothing(id)
}

func TestOneMessageOfTheNightIsToldAsItself(t *testing.T) {
	h := newHouse(t)
	id := h.phone(quietNow(h)).ID
	h.deliver(letter{})
	_, later := h.told(id)
	h.now = later
	h.says(id, "[alert | Carol | Subject 1 | Text 1. | 1]")
}

func TestQuietHoursSurviveARestart(t *testing.T) {
	h := newHouse(t)
	id := h.phone(quietNow(h)).ID
	h.deliver(letter{})
	_, later := h.told(id)
	h.reopenBook()
	for s, err := range h.book.Subscriptions(h.ctx()) {
		h.must(err)
		if !s.Behind {
			t.Error("nobody will ask for the end of the quiet hours")
		}
	}
	if p := h.plan(id); p.Notification != nil || !p.Later.Equal(later) {
		t.Errorf("%+v", p)
	}
}

func TestSilentWakesAndBadgesDisturbNobody(t *testing.T) {
	for _, m := range []push.Mode{push.Silent, push.Badge} {
		h := newHouse(t)
		id := h.phone(mode(m), quietNow(h)).ID
		h.deliver(letter{})
		if n := h.only(id); n.Mode != m {
			t.Errorf("%v", n.Mode)
		}
	}
}
