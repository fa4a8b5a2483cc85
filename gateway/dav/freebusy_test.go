package dav

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"martlet/directory"
	"martlet/mail"
)

func freeBusyIn(from, to string) string {
	return `<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav">` + span2(from, to) + `</C:free-busy-query>`
}

// outbox asks when somebody is busy on the 4th of May.
func (h *house) outbox(who ...string) *answer {
	h.t.Helper()
	ask := []string{"BEGIN:VCALENDAR", "VERSION:2.0", "METHOD:REQUEST", "BEGIN:VFREEBUSY", "UID:q1", "DTSTAMP:20260504T000000Z", "DTSTART:20260504T000000Z", "DTEND:20260505T000000Z", "ORGANIZER:mailto:" + h.user}
	for _, w := range who {
		ask = append(ask, "ATTENDEE:mailto:"+w)
	}
	ask = append(ask, "END:VFREEBUSY", "END:VCALENDAR", "")
	return h.want(http.StatusOK, "POST", "/dav/calendars/"+h.user+"/outbox/", strings.Join(ask, "\r\n"), "Content-Type", "text/calendar")
}

func TestFreeBusyTellsWhenAndNotWhat(t *testing.T) {
	h, _ := meeting(t)
	at := calendars + "calendar/"
	h.put(at+"a", event("a", "DTSTART:20260504T100000Z", "DTEND:20260504T110000Z", "SUMMARY:Secret"))
	h.put(at+"b", event("b", "DTSTART:20260504T103000Z", "DTEND:20260504T120000Z"))
	h.put(at+"c", event("c", "DTSTART:20260504T130000Z", "DTEND:20260504T140000Z", "TRANSP:TRANSPARENT"))
	h.put(at+"d", event("d", "DTSTART:20260501T150000Z", "DTEND:20260501T160000Z", "RRULE:FREQ=DAILY", "STATUS:TENTATIVE"))
	h.put(at+"e", event("e", "DTSTART:20260504T170000Z", "DTEND:20260504T180000Z", "STATUS:CANCELLED"))
	h.put(at+"f", event("f", "DTSTART:20260504T230000Z", "DTEND:20260505T010000Z"))
	h.put(at+"g", event("g", "DTSTART:20260504T190000Z", "DTEND:20260504T200000Z", "ORGANIZER:mailto:owl@example.net", "ATTENDEE;PARTSTAT=DECLINED:mailto:robin@example.org"))
	check := func(path string) {
		t.Helper()
		a := h.want(http.StatusOK, "REPORT", path, freeBusyIn("20260504T000000Z", "20260505T000000Z"), "Depth", "1")
		a.says(t, "BEGIN:VFREEBUSY", "FREEBUSY;FBTYPE=BUSY:20260504T100000Z/20260504T120000Z\r\n", "FREEBUSY;FBTYPE=BUSY-TENTATIVE:20260504T150000Z/20260504T160000Z\r\n", "FREEBUSY;FBTYPE=BUSY:20260504T230000Z/20260505T000000Z\r\n")
		a.saysNothingOf(t, "Secret", "T130000Z", "T170000Z", "T190000Z")
	}
	check(at)
	h.grant(nil, mail.RoleCalendar, mail.MayRead)
	h.user = kenji
	check(h.shared("calendars"))
}

// What comes round too often to be counted takes the time to the end: who asks is
// better told too much.
func TestWhatIsNotCountedIsBusy(t *testing.T) {
	h, _ := meeting(t)
	at := calendars + "calendar/"
	h.put(at+"a", event("a", "DTSTART:20260101T000000Z", "DURATION:PT1M", "RRULE:FREQ=HOURLY"))
	h.want(http.StatusOK, "REPORT", at, freeBusyIn("20260101T000000Z", "20270101T000000Z"), "Depth", "1").says(t, "/20270101T000000Z")
	h.want(http.StatusForbidden, "REPORT", at, freeBusyIn("20260101T000000Z", "20290101T000000Z"), "Depth", "1").says(t, "number-of-matches-within-limits")
	h.want(http.StatusForbidden, "REPORT", at, `<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav"/>`).says(t, "valid-filter")
}

// RFC 4791 9.8: a day is taken as the calendar's zone has it.
func TestADayIsBusyInTheCalendarsZone(t *testing.T) {
	h, _ := meeting(t)
	at := calendars + "calendar/"
	h.put(at+"day", event("day", "DTSTART;VALUE=DATE:20260506", "X-MICROSOFT-CDO-BUSYSTATUS:OOF"))
	zone := "BEGIN:VCALENDAR&#13;\nVERSION:2.0&#13;\nBEGIN:VTIMEZONE&#13;\nTZID:America/New_York&#13;\nEND:VTIMEZONE&#13;\nEND:VCALENDAR&#13;\n"
	h.want(http.StatusMultiStatus, "PROPPATCH", at, `<propertyupdate xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><set><prop><C:calendar-timezone>`+zone+`</C:calendar-timezone></prop></set></propertyupdate>`)
	h.want(http.StatusOK, "REPORT", at, freeBusyIn("20260501T000000Z", "20260601T000000Z"), "Depth", "1").says(t, "FREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20260506T040000Z/20260507T040000Z")
}

// RFC 6638 9.1: a calendar that its owner has said takes no time takes none, for
// whoever asks.
func TestATransparentCalendarTakesNoTime(t *testing.T) {
	h, s := meeting(t)
	h.want(http.StatusCreated, "MKCALENDAR", calendars+"birds/", "")
	h.put(calendars+"birds/a", event("a", "DTSTART:20260504T100000Z", "DTEND:20260504T110000Z"))
	h.put(calendars+"calendar/b", event("b", "DTSTART:20260504T120000Z", "DTEND:20260504T130000Z"))
	set := func(what string) {
		t.Helper()
		h.want(http.StatusMultiStatus, "PROPPATCH", calendars+"birds/", `<propertyupdate xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><set><prop><C:schedule-calendar-transp>`+what+`</C:schedule-calendar-transp></prop></set></propertyupdate>`).says(t, "200 OK")
	}
	busy := func(want ...string) {
		t.Helper()
		h.user = kenji
		a := h.outbox(robin)
		h.user = robin
		for _, hour := range []string{"T10", "T12"} {
			if strings.Contains(a.body, "20260504"+hour) != strings.Contains(strings.Join(want, " "), hour) {
				t.Errorf("want busy at %v: %s", want, a.body)
			}
		}
		periods, err := s.Busy(t.Context(), h.accounts[robin].ID, day4, day4.AddDate(0, 0, 1))
		if err != nil || len(periods) != len(want) {
			t.Errorf("phones are told %v, %v", periods, err)
		}
	}
	busy("T10", "T12")
	set("<C:transparent/>")
	busy("T12")
	h.want(http.StatusOK, "REPORT", calendars+"birds/", freeBusyIn("20260504T000000Z", "20260505T000000Z")).saysNothingOf(t, "T10")
	// What another says of a calendar that is shared with them is theirs to say.
	h.grant(nil, mail.RoleCalendar, mail.MayRead)
	h.user = kenji
	h.want(http.StatusMultiStatus, "PROPPATCH", h.shared("calendars"), `<propertyupdate xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><set><prop><C:schedule-calendar-transp><C:transparent/></C:schedule-calendar-transp></prop></set></propertyupdate>`).says(t, "200 OK")
	h.user = robin
	busy("T12")
	set("<C:opaque/>")
	busy("T10", "T12")
}

// RFC 6638 5.2: an answer for each who was asked about, in their order. Who is
// hidden, or not ours, is told of as nobody is.
func TestTheOutboxAnswersForEach(t *testing.T) {
	h, _ := meeting(t)
	var who []string
	for i := range 30 {
		login := fmt.Sprintf("bird%d@example.org", i)
		a, err := h.people.AddUser(t.Context(), directory.Account{Login: login, Name: login, ActiveSync: true, Hidden: i == 7}, "a nest of twigs")
		h.must(err)
		h.accounts[login] = a
		h.must(h.boxes.Create(t.Context(), h.box(login)))
		h.user = login
		h.put("/dav/calendars/"+login+"/calendar/a", event(fmt.Sprint("a", i), fmt.Sprintf("DTSTART:20260504T%02d0000Z", i%24), "DURATION:PT30M"))
		who = append(who, login)
	}
	h.user = robin
	who = append(who, "owl@example.net", "nonsense", "bird1@example.org")
	a := h.outbox(who...)
	all := strings.Split(a.body, "<C:response>")[1:]
	if len(all) != len(who) {
		t.Fatalf("%d answers for %d", len(all), len(who))
	}
	for i, one := range all {
		if !strings.Contains(one, "mailto:"+who[i]+"</D:href>") {
			t.Errorf("%d is about somebody else: %s", i, one)
		}
		known := i < 30 && i != 7 || i == 32
		if strings.Contains(one, "2.0;Success") != known || strings.Contains(one, "3.7;") == known {
			t.Errorf("%s: %s", who[i], one)
		}
		if busy := fmt.Sprintf("/20260504T%02d3000Z", i%24); i < 30 && strings.Contains(one, busy) != known {
			t.Errorf("%s: %s", who[i], one)
		}
	}
	h.want(http.StatusForbidden, "POST", calendars+"outbox/", strings.Join(append(append([]string{"BEGIN:VCALENDAR", "VERSION:2.0", "METHOD:REQUEST", "BEGIN:VFREEBUSY", "UID:q", "DTSTART:20260504T000000Z", "DTEND:20260505T000000Z", "ORGANIZER:mailto:robin@example.org"},
		slices.Repeat([]string{"ATTENDEE:mailto:kenji@example.org"}, maxAttendees+1)...), "END:VFREEBUSY", "END:VCALENDAR", ""), "\r\n"), "Content-Type", "text/calendar").says(t, "max-attendees-per-instance")
	h.user = kenji
	h.want(http.StatusNotFound, "POST", calendars+"outbox/", "BEGIN:VCALENDAR", "Content-Type", "text/calendar")
}
