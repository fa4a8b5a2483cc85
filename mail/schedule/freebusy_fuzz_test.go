package schedule

import (
	"math"
	"strings"
	"testing"
	"time"

	"martlet/internal/corpus"
	"martlet/mail/calendar"
	"martlet/mail/object"
)

// spansHold checks what may be said of any event.
func spansHold(t *testing.T, raw []byte, zone *time.Location) {
	o, err := calendar.Parse(raw)
	if err != nil {
		return
	}
	w := window{at("2026-06-01 00:00").Unix(), at("2026-08-01 00:00").Unix()}
	for _, q := range []*BusyQuery{{Zone: zone}, {Zone: zone, Booked: true}, {Zone: zone, Addresses: []string{"a@example.org"}}} {
		spans := spansOf(o, w, q)
		if len(spans) > maxSpans+1 {
			t.Errorf("%d spans", len(spans))
		}
		var periods []Period
		for _, s := range spans {
			if s.start >= s.end || s.start >= w.to || s.end <= w.from || s.status == object.Free || s.status == object.Elsewhere {
				t.Errorf("%+v of %+v", s, w)
			}
			periods = append(periods, s.period())
		}
		last := int64(math.MinInt64)
		for _, s := range mergeSpans(spans) {
			if s.start < last || s.start >= s.end {
				t.Errorf("%+v behind %d", s, last)
			}
			last = s.end
		}
		from := at("2026-06-01 00:00")
		if s := MergedFreeBusy(periods, from, from.Add(49*time.Hour)); len(s) != 98 || strings.Trim(s, "0123") != "" {
			t.Errorf("merged: %s", s)
		}
	}
}

func FuzzBusyOfAnyEvent(f *testing.F) {
	for _, lines := range [][]string{
		{"DTSTART:20260601T080000Z", "DURATION:PT1H", "RRULE:FREQ=HOURLY"},
		{"DTSTART:19700101T000000Z", "DTEND:20300101T000000Z", "RRULE:FREQ=DAILY;INTERVAL=1"},
		{"DTSTART;VALUE=DATE:20260601", "RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=2", "EXDATE;VALUE=DATE:20260601"},
		{"DTSTART;TZID=Europe/Berlin:20260328T023000", "DURATION:-PT1H", "RDATE;VALUE=PERIOD:20260601T080000Z/PT1H"},
		{"DTSTART:20260601T080000Z", "DTEND:20260601T070000Z", "RECURRENCE-ID;RANGE=THISANDFUTURE:20260601T080000Z"},
		{"RRULE:FREQ=MONTHLY;BYSETPOS=366", "ATTENDEE;PARTSTAT=DECLINED:mailto:a@example.org"},
	} {
		f.Add([]byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\n" + strings.ReplaceAll(vevent("f", lines...), "\n", "\r\n") + "\r\nEND:VCALENDAR\r\n"))
	}
	zone := time.FixedZone("x", -5*3600)
	f.Fuzz(func(t *testing.T, raw []byte) { spansHold(t, raw, zone) })
}

// What comes round more often than is counted takes all the time behind it.
func TestARuleBombIsBusyToTheEnd(t *testing.T) {
	h := newBusyHouse(t, twoPeople)
	h.put("anna@example.org", vevent("bomb", "DTSTART:20200101T000000Z", "DURATION:PT1M", "RRULE:FREQ=HOURLY"))
	from := at("2026-01-01 00:00")
	got, err := h.s.Busy(t.Context(), h.account("anna@example.org").ID, from, from.AddDate(0, 0, 700))
	if err != nil || len(got) == 0 || len(got) > maxSpans+1 || got[len(got)-1].End.Before(from.AddDate(0, 0, 700)) {
		t.Errorf("%d periods, %v", len(got), err)
	}
}

// Calendars from the wild, where they are at hand.
func TestCalendarsFromTheWildAreBusyWithinBounds(t *testing.T) {
	for _, file := range corpus.Calendars(t) {
		spansHold(t, file.Raw, time.UTC)
	}
}
