package dav

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"martlet/mail/queue"
	"martlet/mail/route"
	"martlet/mail/schedule"
	"martlet/mail/share"
	"martlet/store"
	"martlet/store/blob"
)

// meeting is a house in which people invite each other.
func meeting(t *testing.T) (*house, *schedule.Scheduler) {
	t.Helper()
	var s *schedule.Scheduler
	var q *queue.Queue
	h := newHouse(t, func(c *Config) {
		q = queue.New(queue.Config{Store: c.Store, Blobs: c.Mailboxes.Blobs(), Logger: c.Logger})
		r := route.New(route.Config{Store: c.Store, Directory: c.Directory, Mailboxes: c.Mailboxes, Queue: q, Hostname: "mx.example.org", Logger: c.Logger})
		s = schedule.New(schedule.Config{Store: c.Store, Mailboxes: c.Mailboxes, Directory: c.Directory, Router: r, Counts: Counting(), Zone: time.UTC, Logger: c.Logger})
		t.Cleanup(func() {
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
		c.Schedule = s
		c.Shares = share.New(share.Config{Store: c.Store, Directory: c.Directory, Mailboxes: c.Mailboxes})
	})
	h.references = []func(*store.Tx, func(blob.Ref)) error{s.References, q.References}
	return h, s
}

func TestAnInvitationGoesOutAndItsAnswerComesBack(t *testing.T) {
	h, s := meeting(t)
	at := calendars + "calendar/meet"
	invite := func(extra ...string) string {
		return event("meet", append([]string{"DTSTART:20990504T100000Z", "DTEND:20990504T110000Z", "SUMMARY:Flock", "ORGANIZER:mailto:robin@example.org",
			"ATTENDEE;PARTSTAT=ACCEPTED:mailto:robin@example.org", "ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:kenji@example.org"}, extra...)...)
	}
	put := h.want(http.StatusCreated, "PUT", at, invite(), "Content-Type", "text/calendar")
	if put.Header.Get("Schedule-Tag") == "" {
		t.Error("a meeting has no Schedule-Tag")
	}
	h.must(s.Settle(context.Background()))

	h.user = kenji
	home := "/dav/calendars/kenji@example.org/calendar/"
	got := h.sync(home, "", 0).found()
	if len(got) != 1 {
		t.Fatalf("Kenji's calendar has %v", got)
	}
	mine := h.want(http.StatusOK, "GET", home+got[0], "")
	mine.says(t, "SUMMARY:Flock", "PARTSTAT=NEEDS-ACTION")
	answer := strings.Replace(mine.body, "PARTSTAT=NEEDS-ACTION", "PARTSTAT=ACCEPTED", 1)
	h.want(http.StatusNoContent, "PUT", home+got[0], answer, "Content-Type", "text/calendar", "If-Schedule-Tag-Match", mine.Header.Get("Schedule-Tag"))
	h.must(s.Settle(context.Background()))

	h.user = robin
	its := h.want(http.StatusOK, "GET", at, "")
	if n := strings.Count(its.body, "PARTSTAT=ACCEPTED"); n != 2 {
		t.Errorf("%d have accepted:\n%s", n, its.body)
	}
	h.want(http.StatusPreconditionFailed, "PUT", at, invite("LOCATION:Oak"), "If-Schedule-Tag-Match", put.Header.Get("Schedule-Tag"))
	h.want(http.StatusNoContent, "DELETE", at, "")
	h.must(s.Settle(context.Background()))
	h.user = kenji
	if a := h.do("GET", home+got[0], ""); a.StatusCode == http.StatusOK && !strings.Contains(a.body, "STATUS:CANCELLED") {
		t.Errorf("the meeting is not called off:\n%s", a.body)
	}
}

func TestTheOutboxTellsWhoIsBusy(t *testing.T) {
	h, _ := meeting(t)
	h.user = kenji
	h.put("/dav/calendars/kenji@example.org/calendar/a", event("a", "DTSTART:20260504T100000Z", "DTEND:20260504T110000Z", "SUMMARY:Secret"))
	h.user = robin
	h.want(http.StatusMultiStatus, "PROPFIND", "/dav/principals/robin@example.org/", `<propfind xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop><C:schedule-outbox-URL/><C:schedule-inbox-URL/></prop></propfind>`, "Depth", "0").
		says(t, calendars+"outbox/", calendars+"inbox/")
	h.want(http.StatusOK, "OPTIONS", calendars, "")
	ask := func(organizer string) string {
		return strings.Join([]string{"BEGIN:VCALENDAR", "VERSION:2.0", "METHOD:REQUEST", "BEGIN:VFREEBUSY", "UID:q1", "DTSTAMP:20260504T000000Z", "DTSTART:20260504T000000Z", "DTEND:20260505T000000Z",
			"ORGANIZER:mailto:" + organizer, "ATTENDEE:mailto:kenji@example.org", "ATTENDEE:mailto:nobody@example.org", "END:VFREEBUSY", "END:VCALENDAR", ""}, "\r\n")
	}
	a := h.want(http.StatusOK, "POST", calendars+"outbox/", ask(robin), "Content-Type", "text/calendar")
	a.says(t, "2.0;Success", "FREEBUSY;FBTYPE=BUSY:20260504T100000Z/20260504T110000Z", "METHOD:REPLY", "3.7;Invalid calendar user", "UID:q1")
	a.saysNothingOf(t, "Secret")
	h.want(http.StatusForbidden, "POST", calendars+"outbox/", ask(kenji), "Content-Type", "text/calendar").says(t, "organizer-allowed")
	h.want(http.StatusForbidden, "POST", calendars+"outbox/", simple("x"), "Content-Type", "text/calendar").says(t, "valid-scheduling-message")
	h.want(http.StatusForbidden, "POST", calendars+"outbox/", "x", "Content-Type", "text/calendar").says(t, "valid-calendar-data")
	h.want(http.StatusMultiStatus, "PROPFIND", calendars+"inbox/", `<propfind xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop><C:schedule-default-calendar-URL/><resourcetype/></prop></propfind>`, "Depth", "1").
		says(t, "calendar/</D:href>", "schedule-inbox")
}

// RFC 6638 8.1: who takes an invitation away need not answer it.
func TestNobodyIsToldWhereNoneIsToBe(t *testing.T) {
	for want, header := range map[string][]string{"DECLINED": nil, "NEEDS-ACTION": {"Schedule-Reply", "F"}} {
		h, s := meeting(t)
		h.put(calendars+"calendar/meet", flock("meet", "20990504"))
		h.must(s.Settle(t.Context()))
		h.user = kenji
		home := "/dav/calendars/kenji@example.org/calendar/"
		h.want(http.StatusNoContent, "DELETE", home+h.sync(home, "", 0).found()[0], "", header...)
		h.must(s.Settle(t.Context()))
		h.user = robin
		h.want(http.StatusOK, "GET", calendars+"calendar/meet", "").says(t, "PARTSTAT="+want)
	}
}

// Somebody is invited to one occurrence only: it is a meeting all the same.
func TestAnOccurrenceWithPeopleIsAMeeting(t *testing.T) {
	h, _ := meeting(t)
	raw := event("once", "DTSTART:20990504T100000Z", "DTEND:20990504T110000Z", "RRULE:FREQ=DAILY;COUNT=3", "ORGANIZER:mailto:robin@example.org")
	raw = strings.Replace(raw, "END:VEVENT", "END:VEVENT\r\nBEGIN:VEVENT\r\nUID:once\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID:20990505T100000Z\r\nDTSTART:20990505T100000Z\r\nDTEND:20990505T110000Z\r\nORGANIZER:mailto:robin@example.org\r\nATTENDEE:mailto:owl@example.net\r\nEND:VEVENT", 1)
	if a := h.want(http.StatusCreated, "PUT", calendars+"calendar/once", raw, "Content-Type", "text/calendar"); a.Header.Get("Schedule-Tag") == "" {
		t.Error("it has no Schedule-Tag")
	}
}

func TestTheOrganizerOfAMeetingStays(t *testing.T) {
	h, _ := meeting(t)
	at := calendars + "calendar/m"
	with := func(organizer string) string {
		return event("m", "DTSTART:20260504T100000Z", "DTEND:20260504T110000Z", "ORGANIZER:mailto:"+organizer, "ATTENDEE:mailto:robin@example.org", "ATTENDEE:mailto:owl@example.com")
	}
	h.put(at, with(robin))
	h.want(http.StatusForbidden, "PUT", at, with("owl@example.com")).says(t, "allowed-organizer-scheduling-object-change")
}
