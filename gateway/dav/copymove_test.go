package dav

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"martlet/mail"
)

// flock is a meeting of Robin's with Kenji and somebody elsewhere.
func flock(uid, day string) string {
	return event(uid, "DTSTART:"+day+"T100000Z", "DTEND:"+day+"T110000Z", "SUMMARY:Flock", "ORGANIZER:mailto:robin@example.org",
		"ATTENDEE;PARTSTAT=ACCEPTED:mailto:robin@example.org", "ATTENDEE;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:mailto:kenji@example.org", "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:owl@example.net")
}

// RFC 4791 5.3.2.1: what a PUT may not do, a COPY or MOVE may not do either.
func TestNothingMovesWhereItsUIDIsTaken(t *testing.T) {
	h := newHouse(t, nil)
	h.want(http.StatusCreated, "MKCALENDAR", calendars+"other/", "")
	h.put(calendars+"calendar/x", simple("same"))
	h.put(calendars+"other/y", simple("same"))
	h.put(calendars+"other/z", simple("another"))
	for _, method := range []string{"MOVE", "COPY"} {
		for _, to := range []string{"x", "free", "z"} {
			h.want(http.StatusForbidden, method, calendars+"calendar/x", "", "Destination", calendars+"other/"+to).says(t, "no-uid-conflict")
		}
		h.want(http.StatusPreconditionFailed, method, calendars+"calendar/x", "", "Destination", calendars+"other/y", "Overwrite", "F")
		h.want(http.StatusForbidden, method, calendars+"calendar/x", "", "Destination", calendars+"calendar/x")
		h.want(http.StatusForbidden, method, calendars+"calendar/x", "", "Destination", calendars+"tasks/x").says(t, "supported-calendar-component")
		h.want(http.StatusForbidden, method, calendars+"calendar/x", "", "Destination", books+"contacts/x")
		h.want(http.StatusConflict, method, calendars+"calendar/x", "", "Destination", calendars+"nowhere/x")
		h.want(http.StatusPreconditionFailed, method, calendars+"calendar/x", "", "Destination", calendars+"other/y", "If-Match", `"other"`)
		h.want(http.StatusNotFound, method, calendars+"calendar/none", "", "Destination", calendars+"other/none")
		h.want(http.StatusBadGateway, method, calendars+"calendar/x", "", "Destination", "http://elsewhere.example.com"+calendars+"other/x")
	}
	h.want(http.StatusForbidden, "COPY", calendars+"calendar/x", "", "Destination", calendars+"calendar/twin").says(t, "no-uid-conflict")
	h.want(http.StatusNoContent, "MOVE", calendars+"calendar/x", "", "Destination", calendars+"other/y")
	h.want(http.StatusNotFound, "GET", calendars+"calendar/x", "")
	h.want(http.StatusCreated, "MOVE", calendars+"other/y", "", "Destination", calendars+"other/renamed")
	h.want(http.StatusCreated, "MOVE", calendars+"other/renamed", "", "Destination", "http://example.com"+calendars+"calendar/renamed")
	h.want(http.StatusOK, "GET", calendars+"calendar/renamed", "").says(t, "UID:same")
}

// What moves is gone from where it was, and is where it went, for whoever
// synchronises both.
func TestWhatMovesIsToldInBothPlaces(t *testing.T) {
	h := newHouse(t, nil)
	h.want(http.StatusCreated, "MKCALENDAR", calendars+"other/", "")
	h.put(calendars+"calendar/x", simple("x"))
	from, to := h.sync(calendars+"calendar/", "", 0).token(), h.sync(calendars+"other/", "", 0).token()
	h.want(http.StatusCreated, "MOVE", calendars+"calendar/x", "", "Destination", calendars+"other/x")
	h.sync(calendars+"calendar/", from, 0).says(t, "calendar/x</D:href><D:status>HTTP/1.1 404")
	if got := h.sync(calendars+"other/", to, 0).found(); len(got) != 1 || got[0] != "x" {
		t.Errorf("%v", got)
	}
	h.want(http.StatusCreated, "MOVE", calendars+"other/x", "", "Destination", calendars+"calendar/x")
	back := h.sync(calendars+"calendar/", from, 0)
	back.saysNothingOf(t, "404")
	if got := back.found(); len(got) != 1 {
		t.Errorf("%v", got)
	}
}

// A meeting that goes into another calendar of the same user is the same meeting:
// nobody is told. Two of it would be two truths (RFC 6638 3.2.4.1), and one that
// goes to somebody else would leave its people behind.
func TestAMeetingMovesAmongItsOwnersCalendarsOnly(t *testing.T) {
	h, s := meeting(t)
	ctx := context.Background()
	settle := func() { t.Helper(); h.must(s.Settle(ctx)) }
	h.want(http.StatusCreated, "MKCALENDAR", calendars+"other/", "")
	h.put(calendars+"calendar/meet", flock("meet", "20990504"))
	settle()
	h.user = kenji
	home := "/dav/calendars/kenji@example.org/calendar/"
	first := h.sync(home, "", 0)
	if len(first.found()) != 1 {
		t.Fatalf("Kenji is not invited: %s", first.body)
	}
	quiet := func(why string) {
		t.Helper()
		settle()
		h.user = kenji
		if a := h.sync(home, first.token(), 0); strings.Contains(a.body, "<D:response>") {
			t.Errorf("%s: Kenji is told: %s", why, a.body)
		}
		h.user = robin
	}
	h.grantFrom(kenji, robin, mail.RoleCalendar, mail.MayRead|mail.MayWrite)
	h.user = robin
	theirs := h.sharedOf("Kenji", robin)

	h.want(http.StatusCreated, "MOVE", calendars+"calendar/meet", "", "Destination", calendars+"other/meet")
	quiet("moved")
	h.want(http.StatusCreated, "MOVE", calendars+"other/meet", "", "Destination", calendars+"other/renamed")
	quiet("renamed")
	h.want(http.StatusForbidden, "COPY", calendars+"other/renamed", "", "Destination", calendars+"calendar/twin").says(t, "unique-scheduling-object-resource", "other/renamed")
	h.want(http.StatusForbidden, "MOVE", calendars+"other/renamed", "", "Destination", theirs+"mine")
	h.put(calendars+"calendar/apart", strings.ReplaceAll(flock("apart", "20990601"), "kenji@", "lark@"))
	h.want(http.StatusForbidden, "MOVE", calendars+"calendar/apart", "", "Destination", theirs+"apart").says(t, "a meeting stays")
	h.want(http.StatusCreated, "COPY", calendars+"calendar/apart", "", "Destination", theirs+"apart")
	h.want(http.StatusNoContent, "DELETE", theirs+"apart", "")
	h.want(http.StatusOK, "GET", calendars+"calendar/apart", "").says(t, "UID:apart")
	quiet("refused")
	h.want(http.StatusOK, "GET", calendars+"other/renamed", "")

	// What is no meeting goes where it may.
	h.put(calendars+"calendar/alone", simple("alone"))
	h.want(http.StatusCreated, "MOVE", calendars+"calendar/alone", "", "Destination", theirs+"alone")
	h.want(http.StatusNotFound, "GET", calendars+"calendar/alone", "")
	h.want(http.StatusOK, "GET", theirs+"alone", "")

	// Kenji's program moves the invitation as programs do that know no MOVE.
	h.user = kenji
	h.want(http.StatusCreated, "MKCALENDAR", "/dav/calendars/kenji@example.org/other/", "")
	name := first.found()[0]
	raw := h.want(http.StatusOK, "GET", home+name, "").body
	h.put("/dav/calendars/kenji@example.org/other/"+name, raw)
	h.want(http.StatusNoContent, "DELETE", home+name, "")
	settle()
	h.user = robin
	h.want(http.StatusOK, "GET", calendars+"other/renamed", "").saysNothingOf(t, "DECLINED")
}
