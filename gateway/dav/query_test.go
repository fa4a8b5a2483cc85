package dav

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// query is a calendar-query for the hrefs of what a filter within VCALENDAR finds.
func query(filter string) string {
	return `<C:calendar-query xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop><getetag/></prop><C:filter><C:comp-filter name="VCALENDAR">` + filter + `</C:comp-filter></C:filter></C:calendar-query>`
}

// found are the names of the resources that an answer tells of.
func (a *answer) found() []string {
	var names []string
	for s := range strings.SplitSeq(a.body, "<D:href>") {
		href, _, ok := strings.Cut(s, "</D:href>")
		if ok && strings.Contains(s, "200 OK") {
			names = append(names, href[strings.LastIndexByte(href, '/')+1:])
		}
	}
	slices.Sort(names)
	return names
}

func (h *house) finds(path, filter string, want ...string) {
	h.t.Helper()
	a := h.want(http.StatusMultiStatus, "REPORT", path, query(filter), "Depth", "1")
	if got := a.found(); !slices.Equal(got, want) {
		h.t.Errorf("%s\nfinds %v, want %v", filter, got, want)
	}
}

func span2(from, to string) string {
	return fmt.Sprintf(`<C:time-range start="%s" end="%s"/>`, from, to)
}

func (h *house) put(path, body string) {
	h.t.Helper()
	h.want(http.StatusCreated, "PUT", path, body)
}

func TestQueriesFindEventsByWhenTheyTakePlace(t *testing.T) {
	h := newHouse(t, nil)
	at := calendars + "calendar/"
	h.put(at+"single", event("single", "DTSTART:20260504T100000Z", "DTEND:20260504T110000Z", "SUMMARY:Single"))
	h.put(at+"day", event("day", "DTSTART;VALUE=DATE:20260506", "SUMMARY:All day"))
	h.put(at+"moment", event("moment", "DTSTART:20260508T120000Z"))
	h.put(at+"weekly", event("weekly", "DTSTART;TZID=Europe/Berlin:20260105T090000", "DTEND;TZID=Europe/Berlin:20260105T100000", "RRULE:FREQ=WEEKLY", "EXDATE;TZID=Europe/Berlin:20260511T090000"))
	moved := event("moved", "DTSTART:20260501T080000Z", "DTEND:20260501T090000Z", "RRULE:FREQ=DAILY;COUNT=3")
	moved = strings.Replace(moved, "END:VEVENT", "END:VEVENT\r\nBEGIN:VEVENT\r\nUID:moved\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID:20260502T080000Z\r\nDTSTART:20260520T080000Z\r\nDTEND:20260520T090000Z\r\nEND:VEVENT", 1)
	h.put(at+"moved", moved)
	for _, c := range []struct {
		from, to string
		want     []string
	}{
		{"20260504T103000Z", "20260504T104000Z", []string{"single"}},
		{"20260504T110000Z", "20260504T120000Z", nil}, // it is over when the span begins
		{"20260504T090000Z", "20260504T100000Z", nil},
		{"20260504T000000Z", "20260505T000000Z", []string{"single", "weekly"}},
		{"20260506T230000Z", "20260506T233000Z", []string{"day"}},
		{"20260507T000000Z", "20260507T010000Z", nil},
		{"20260508T120000Z", "20260508T120001Z", []string{"moment"}},
		{"20260508T115900Z", "20260508T120000Z", nil},
		{"20260511T000000Z", "20260512T000000Z", nil},                // taken out by EXDATE
		{"20260112T080000Z", "20260112T083000Z", []string{"weekly"}}, // winter
		{"20260518T070000Z", "20260518T073000Z", []string{"weekly"}}, // summer
		{"20260518T083000Z", "20260518T090000Z", nil},                // would be winter's
		{"20260502T080000Z", "20260502T090000Z", nil},                // moved away from here
		{"20260520T083000Z", "20260520T084000Z", []string{"moved"}},  // to here
		{"20990105T000000Z", "20990113T000000Z", []string{"weekly"}}, // without end
		{"20200101T000000Z", "20200201T000000Z", nil},
	} {
		h.finds(at, `<C:comp-filter name="VEVENT">`+span2(c.from, c.to)+`</C:comp-filter>`, c.want...)
	}
	h.finds(at, `<C:comp-filter name="VEVENT"><C:time-range start="20260519T000000Z"/></C:comp-filter>`, "moved", "weekly")
	h.finds(at, `<C:comp-filter name="VEVENT"/>`, "day", "moment", "moved", "single", "weekly")
	h.finds(at, `<C:comp-filter name="VTODO"/>`)
	h.finds(at, ``, "day", "moment", "moved", "single", "weekly")
	h.finds(at, `<C:comp-filter name="VEVENT"><C:prop-filter name="SUMMARY"><C:text-match>SING</C:text-match></C:prop-filter></C:comp-filter>`, "single")
	h.finds(at, `<C:comp-filter name="VEVENT"><C:prop-filter name="SUMMARY"><C:text-match collation="i;octet">SING</C:text-match></C:prop-filter></C:comp-filter>`)
	h.finds(at, `<C:comp-filter name="VEVENT"><C:prop-filter name="SUMMARY"><C:is-not-defined/></C:prop-filter></C:comp-filter>`, "moment", "moved", "weekly")
	h.finds(at, `<C:comp-filter name="VEVENT"><C:prop-filter name="UID"><C:text-match collation="i;octet">day</C:text-match></C:prop-filter></C:comp-filter>`, "day")
	h.finds(at, `<C:comp-filter name="VEVENT"><C:prop-filter name="DTSTART"><C:param-filter name="TZID"/></C:prop-filter></C:comp-filter>`, "weekly")
	h.finds(at, `<C:comp-filter name="VEVENT"><C:prop-filter name="DTSTART"><C:param-filter name="TZID"><C:is-not-defined/></C:param-filter></C:prop-filter></C:comp-filter>`, "day", "moment", "moved", "single")
	h.finds(at, `<C:comp-filter name="VEVENT">`+span2("20260504T000000Z", "20260505T000000Z")+`<C:prop-filter name="SUMMARY"><C:text-match negate-condition="yes">single</C:text-match></C:prop-filter></C:comp-filter>`)
}

// RFC 4791 9.8: a date is the day of whoever looks.
func TestADayIsThatOfTheCalendarsZone(t *testing.T) {
	h := newHouse(t, nil)
	at := calendars + "calendar/"
	h.put(at+"day", event("day", "DTSTART;VALUE=DATE:20260506"))
	zone := "BEGIN:VCALENDAR&#13;\nVERSION:2.0&#13;\nBEGIN:VTIMEZONE&#13;\nTZID:America/New_York&#13;\nEND:VTIMEZONE&#13;\nEND:VCALENDAR&#13;\n"
	late := `<C:comp-filter name="VEVENT">` + span2("20260507T020000Z", "20260507T030000Z") + `</C:comp-filter>`
	h.finds(at, late)
	with := strings.Replace(query(late), "</C:filter>", "</C:filter><C:timezone>"+zone+"</C:timezone>", 1)
	if got := h.want(http.StatusMultiStatus, "REPORT", at, with, "Depth", "1").found(); !slices.Equal(got, []string{"day"}) {
		t.Errorf("with the query's zone: %v", got)
	}
	h.want(http.StatusMultiStatus, "PROPPATCH", at, `<propertyupdate xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><set><prop><C:calendar-timezone>`+zone+`</C:calendar-timezone></prop></set></propertyupdate>`)
	h.finds(at, late, "day")
}

func TestQueriesFindTasksAndNotes(t *testing.T) {
	h := newHouse(t, nil)
	task := func(uid string, lines ...string) {
		h.put(calendars+"tasks/"+uid, strings.ReplaceAll(event(uid, lines...), "VEVENT", "VTODO"))
	}
	task("due", "DUE:20260504T100000Z")
	task("open")
	task("done", "COMPLETED:20260401T100000Z", "STATUS:COMPLETED")
	task("daily", "DTSTART:20260501T080000Z", "DUE:20260501T090000Z", "RRULE:FREQ=DAILY;COUNT=10")
	all := func(from, to string) string {
		return `<C:comp-filter name="VTODO">` + span2(from, to) + `</C:comp-filter>`
	}
	h.finds(calendars+"tasks/", all("20260504T000000Z", "20260504T070000Z"), "open")
	h.finds(calendars+"tasks/", all("20260504T093000Z", "20260504T110000Z"), "due", "open")
	h.finds(calendars+"tasks/", all("20260504T080000Z", "20260504T083000Z"), "daily", "open")
	h.finds(calendars+"tasks/", all("20260401T000000Z", "20260402T000000Z"), "done", "open")
	h.finds(calendars+"tasks/", `<C:comp-filter name="VTODO"><C:prop-filter name="COMPLETED"><C:is-not-defined/></C:prop-filter></C:comp-filter>`, "daily", "due", "open")
	h.put(calendars+"notes/n", strings.ReplaceAll(event("n", "DTSTART;VALUE=DATE:20260504", "SUMMARY:A note"), "VEVENT", "VJOURNAL"))
	h.finds(calendars+"notes/", `<C:comp-filter name="VJOURNAL">`+span2("20260504T120000Z", "20260504T130000Z")+`</C:comp-filter>`, "n")
	h.finds(calendars+"notes/", `<C:comp-filter name="VJOURNAL">`+span2("20260505T120000Z", "20260505T130000Z")+`</C:comp-filter>`)
}

func TestQueriesFindAlarms(t *testing.T) {
	h := newHouse(t, nil)
	at := calendars + "calendar/"
	h.put(at+"a", event("a", "DTSTART:20260504T100000Z", "BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:x", "TRIGGER:-PT15M", "END:VALARM"))
	alarm := func(from, to string) string {
		return `<C:comp-filter name="VEVENT"><C:comp-filter name="VALARM">` + span2(from, to) + `</C:comp-filter></C:comp-filter>`
	}
	h.finds(at, alarm("20260504T094000Z", "20260504T095000Z"), "a")
	h.finds(at, alarm("20260504T095000Z", "20260504T101000Z"))
	h.finds(at, `<C:comp-filter name="VEVENT"><C:comp-filter name="VALARM"><C:is-not-defined/></C:comp-filter></C:comp-filter>`)
}

func TestOccurrencesAreToldEachOnItsOwn(t *testing.T) {
	h := newHouse(t, nil)
	at := calendars + "calendar/"
	raw := event("w", "DTSTART;TZID=Europe/Berlin:20260323T090000", "DTEND;TZID=Europe/Berlin:20260323T100000", "RRULE:FREQ=WEEKLY", "SUMMARY:Weekly")
	raw = strings.Replace(raw, "END:VEVENT", "END:VEVENT\r\nBEGIN:VEVENT\r\nUID:w\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID;TZID=Europe/Berlin:20260406T090000\r\nDTSTART;TZID=Europe/Berlin:20260407T120000\r\nDTEND;TZID=Europe/Berlin:20260407T130000\r\nSUMMARY:Moved\r\nEND:VEVENT", 1)
	h.put(at+"w", raw)
	doc := `<C:calendar-query xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop><C:calendar-data><C:expand start="20260323T000000Z" end="20260408T000000Z"/></C:calendar-data></prop><C:filter><C:comp-filter name="VCALENDAR"><C:comp-filter name="VEVENT">` +
		span2("20260323T000000Z", "20260408T000000Z") + `</C:comp-filter></C:comp-filter></C:filter></C:calendar-query>`
	a := h.want(http.StatusMultiStatus, "REPORT", at, doc, "Depth", "1")
	a.says(t, "DTSTART:20260323T080000Z", "DTSTART:20260330T070000Z", "RECURRENCE-ID:20260330T070000Z", "DTSTART:20260407T100000Z", "RECURRENCE-ID:20260406T070000Z", "SUMMARY:Moved")
	a.saysNothingOf(t, "RRULE", "VTIMEZONE", "TZID", "20260413")
	if n := strings.Count(a.body, "BEGIN:VEVENT"); n != 3 {
		t.Errorf("%d occurrences, want 3", n)
	}

	limited := strings.Replace(doc, `<C:expand start="20260323T000000Z" end="20260408T000000Z"/>`, `<C:limit-recurrence-set start="20260420T000000Z" end="20260428T000000Z"/>`, 1)
	a = h.want(http.StatusMultiStatus, "REPORT", at, limited, "Depth", "1")
	a.says(t, "RRULE")
	a.saysNothingOf(t, "SUMMARY:Moved")

	part := strings.Replace(doc, `<C:expand start="20260323T000000Z" end="20260408T000000Z"/>`, `<C:comp name="VCALENDAR"><C:prop name="VERSION"/><C:comp name="VEVENT"><C:prop name="UID"/><C:prop name="SUMMARY" novalue="yes"/></C:comp></C:comp>`, 1)
	a = h.want(http.StatusMultiStatus, "REPORT", at, part, "Depth", "1")
	a.says(t, "UID:w", "SUMMARY:&#13;")
	a.saysNothingOf(t, "RRULE", "DTSTART", "PRODID")
}

func TestQueriesFindCards(t *testing.T) {
	h := newHouse(t, nil)
	at := books + "contacts/"
	h.put(at+"a", contact("a", "FN:Änne Swift", "N:Swift;Änne;;;", "EMAIL;TYPE=WORK:anne@example.org", "NICKNAME:Nest"))
	h.put(at+"b", contact("b", "FN:Kenji Martin", "N:Martin;Kenji;;;", "EMAIL;TYPE=HOME:kenji@example.com"))
	finds := func(filter string, want ...string) {
		t.Helper()
		doc := `<A:addressbook-query xmlns="DAV:" xmlns:A="urn:ietf:params:xml:ns:carddav"><prop><getetag/><A:address-data><A:prop name="EMAIL"/></A:address-data></prop>` + filter + `</A:addressbook-query>`
		a := h.want(http.StatusMultiStatus, "REPORT", at, doc, "Depth", "1")
		if got := a.found(); !slices.Equal(got, want) {
			t.Errorf("%s\nfinds %v, want %v", filter, got, want)
		}
		a.saysNothingOf(t, "NICKNAME")
	}
	finds(`<A:filter/>`, "a", "b")
	finds(`<A:filter><A:prop-filter name="FN"><A:text-match match-type="starts-with">ÄNNE</A:text-match></A:prop-filter></A:filter>`, "a")
	finds(`<A:filter><A:prop-filter name="EMAIL"><A:text-match match-type="ends-with">example.com</A:text-match></A:prop-filter></A:filter>`, "b")
	finds(`<A:filter><A:prop-filter name="EMAIL"><A:param-filter name="TYPE"><A:text-match match-type="equals">work</A:text-match></A:param-filter></A:prop-filter></A:filter>`, "a")
	finds(`<A:filter test="anyof"><A:prop-filter name="NICKNAME"/><A:prop-filter name="FN"><A:text-match>kenji</A:text-match></A:prop-filter></A:filter>`, "a", "b")
	finds(`<A:filter test="allof"><A:prop-filter name="NICKNAME"><A:is-not-defined/></A:prop-filter><A:prop-filter name="FN"><A:text-match>kenji</A:text-match></A:prop-filter></A:filter>`, "b")
	limited := `<A:addressbook-query xmlns="DAV:" xmlns:A="urn:ietf:params:xml:ns:carddav"><prop><getetag/></prop><A:filter/><A:limit><A:nresults>1</A:nresults></A:limit></A:addressbook-query>`
	h.want(http.StatusMultiStatus, "REPORT", at, limited, "Depth", "1").says(t, "507 ", "number-of-matches-within-limits")
}

func TestWhatNoFilterCanSayIsRefused(t *testing.T) {
	h := newHouse(t, nil)
	at := calendars + "calendar/"
	deep := strings.Repeat(`<C:comp-filter name="VEVENT">`, 9) + strings.Repeat(`</C:comp-filter>`, 9)
	for filter, condition := range map[string]string{
		`<C:comp-filter name="VEVENT"><C:time-range start="yesterday" end="20260505T000000Z"/></C:comp-filter>`:                                     "valid-filter",
		`<C:comp-filter name="VEVENT"><C:time-range/></C:comp-filter>`:                                                                              "valid-filter",
		`<C:comp-filter name="VEVENT"><C:prop-filter name="X"><C:text-match collation="i;klingon">x</C:text-match></C:prop-filter></C:comp-filter>`: "supported-collation",
		`<C:comp-filter name="VEVENT"><C:nest/></C:comp-filter>`:                                                                                    "supported-filter",
		`<C:comp-filter/>`: "valid-filter",
		deep:               "valid-filter",
		strings.Repeat(`<C:prop-filter name="X"/>`, 200): "valid-filter",
	} {
		h.want(http.StatusForbidden, "REPORT", at, query(filter), "Depth", "1").says(t, condition)
	}
	h.want(http.StatusForbidden, "REPORT", at, `<x xmlns="urn:x"/>`).says(t, "supported-report")
	h.want(http.StatusForbidden, "REPORT", books+"contacts/", query(""), "Depth", "1").says(t, "supported-report")
}
