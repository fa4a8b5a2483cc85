package dav

import (
	"net/http"
	"strings"
	"testing"
)

// expanded is a query for the occurrences of what takes place in a span.
func expandedQuery(filter, from, to string) string {
	return strings.Replace(query(filter), "<getetag/>", `<getetag/><C:calendar-data><C:expand start="`+from+`" end="`+to+`"/></C:calendar-data>`, 1)
}

// What comes round more often than is told is not told in part: a program would
// take the rest for free.
func TestOccurrencesAreToldAllOrNotAtAll(t *testing.T) {
	h := newHouse(t, nil)
	at := calendars + "calendar/"
	h.put(at+"much", event("much", "DTSTART:20200101T000000Z", "RRULE:FREQ=HOURLY"))
	h.put(at+"few", event("few", "DTSTART:20200101T000000Z", "RRULE:FREQ=DAILY;COUNT=5000"))
	a := h.want(http.StatusMultiStatus, "REPORT", at, expandedQuery(`<C:comp-filter name="VEVENT"/>`, "20200101T000000Z", "20400101T000000Z"), "Depth", "1")
	if n := strings.Count(a.body, "BEGIN:VEVENT"); n != 5000 {
		t.Errorf("%d occurrences", n)
	}
	a.says(t, "calendar/much</D:href><D:status>HTTP/1.1 507 ", "<D:number-of-matches-within-limits/>")
}

// A large event that comes round often would fill the memory.
func TestOccurrencesTakeABoundedRoom(t *testing.T) {
	h := newHouse(t, nil)
	at := calendars + "calendar/"
	h.put(at+"large", event("large", "DTSTART:20200101T000000Z", "RRULE:FREQ=DAILY", "DESCRIPTION:"+strings.Repeat("twig ", 200_000)))
	a := h.want(http.StatusMultiStatus, "REPORT", at, expandedQuery(`<C:comp-filter name="VEVENT"/>`, "20200101T000000Z", "20250101T000000Z"), "Depth", "1")
	a.says(t, "507 ")
	if len(a.body) > maxExpanded {
		t.Errorf("%d bytes", len(a.body))
	}
	h.want(http.StatusMultiStatus, "REPORT", at, expandedQuery(`<C:comp-filter name="VEVENT"/>`, "20200101T000000Z", "20200104T000000Z"), "Depth", "1").says(t, "200 OK")
}

// RFC 4791 9.8: whose day it is decides which days are told.
func TestDaysAreExpandedInTheCalendarsZone(t *testing.T) {
	h := newHouse(t, nil)
	at := calendars + "calendar/"
	h.put(at+"days", event("days", "DTSTART;VALUE=DATE:20260501", "RRULE:FREQ=DAILY;COUNT=10", "SUMMARY:All day"))
	h.put(at+"clock", event("clock", "DTSTART:20260501T080000", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=10", "SUMMARY:Each morning"))
	zone := "BEGIN:VCALENDAR&#13;\nVERSION:2.0&#13;\nBEGIN:VTIMEZONE&#13;\nTZID:America/Los_Angeles&#13;\nEND:VTIMEZONE&#13;\nEND:VCALENDAR&#13;\n"
	h.want(http.StatusMultiStatus, "PROPPATCH", at, `<propertyupdate xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><set><prop><C:calendar-timezone>`+zone+`</C:calendar-timezone></prop></set></propertyupdate>`)
	// The 4th of May in Los Angeles.
	a := h.want(http.StatusMultiStatus, "REPORT", at, expandedQuery(`<C:comp-filter name="VEVENT">`+span2("20260504T070000Z", "20260505T070000Z")+`</C:comp-filter>`, "20260504T070000Z", "20260505T070000Z"), "Depth", "1")
	a.says(t, "DTSTART;VALUE=DATE:20260504", "RECURRENCE-ID;VALUE=DATE:20260504", "DTSTART:20260504T080000&#13;", "DTEND:20260504T090000&#13;", "RECURRENCE-ID:20260504T080000&#13;")
	a.saysNothingOf(t, "20260503", "20260505", "DTSTART:20260504T080000Z", "T150000")
	got := h.want(http.StatusMultiStatus, "REPORT", at, `<C:calendar-multiget xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop><C:calendar-data><C:expand start="20260504T070000Z" end="20260505T070000Z"/></C:calendar-data></prop><href>`+at+`days</href></C:calendar-multiget>`)
	got.says(t, "DTSTART;VALUE=DATE:20260504")
	got.saysNothingOf(t, "20260505")
}
