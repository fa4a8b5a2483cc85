package dav

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// A task that comes round and has no start, as reminders on phones have it, is
// there when it is due.
func TestATaskWithoutAStartIsFoundWhenItIsDue(t *testing.T) {
	h := newHouse(t, nil)
	at := calendars + "tasks/"
	h.put(at+"daily", strings.ReplaceAll(event("daily", "DUE:20260504T090000Z", "RRULE:FREQ=DAILY;COUNT=5", "BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:x", "TRIGGER;RELATED=END:-PT15M", "END:VALARM"), "VEVENT", "VTODO"))
	h.put(at+"once", strings.ReplaceAll(event("once", "DUE:20260504T090000Z", "BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:x", "TRIGGER:-PT15M", "END:VALARM"), "VEVENT", "VTODO"))
	within := func(inner string) string { return `<C:comp-filter name="VTODO">` + inner + `</C:comp-filter>` }
	h.finds(at, within(span2("20260504T083000Z", "20260504T093000Z")), "daily", "once")
	h.finds(at, within(span2("20260506T083000Z", "20260506T093000Z")), "daily")
	h.finds(at, within(span2("20260510T083000Z", "20260510T093000Z")))
	alarm := func(from, to string) string {
		return within(`<C:comp-filter name="VALARM">` + span2(from, to) + `</C:comp-filter>`)
	}
	h.finds(at, alarm("20260504T084000Z", "20260504T085000Z"), "daily", "once")
	h.finds(at, alarm("20260505T084000Z", "20260505T085000Z"), "daily")
	h.finds(at, alarm("20260504T090000Z", "20260504T091000Z"))
	a := h.want(http.StatusMultiStatus, "REPORT", at, expandedQuery(within(""), "20260505T000000Z", "20260507T000000Z"), "Depth", "1")
	a.says(t, "DUE:20260505T090000Z", "DUE:20260506T090000Z")
	a.saysNothingOf(t, "DUE:20260507", "DTSTART")
}

// RFC 5051: a letter and its accent are one letter with an accent.
func TestLettersAreComparedHoweverTheyAreWritten(t *testing.T) {
	h := newHouse(t, nil)
	at := books + "contacts/"
	h.put(at+"one", contact("one", "FN:Zoe\u0308 \u00c9rable"))
	h.put(at+"two", contact("two", "FN:Zo\u00eb E\u0301rable"))
	for _, word := range []string{"ZOË", "zoe\u0308", "érable", "e\u0301rable"} {
		doc := `<A:addressbook-query xmlns="DAV:" xmlns:A="urn:ietf:params:xml:ns:carddav"><prop><getetag/></prop><A:filter><A:prop-filter name="FN"><A:text-match collation="i;unicode-casemap">` + word + `</A:text-match></A:prop-filter></A:filter></A:addressbook-query>`
		if got := h.want(http.StatusMultiStatus, "REPORT", at, doc, "Depth", "1").found(); !slices.Equal(got, []string{"one", "two"}) {
			t.Errorf("%s finds %v", word, got)
		}
	}
}

// A multiget answers once for each resource that it names, however often.
func TestAResourceIsToldOnce(t *testing.T) {
	h := newHouse(t, nil)
	at := calendars + "calendar/"
	h.put(at+"a", simple("a"))
	doc := `<C:calendar-multiget xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop><getetag/><C:calendar-data/></prop>` + strings.Repeat("<href>"+at+"a</href>", 2000) + strings.Repeat("<href>"+at+"none</href>", 100) + `</C:calendar-multiget>`
	a := h.want(http.StatusMultiStatus, "REPORT", at, doc)
	if n := strings.Count(a.body, "<D:response>"); n != 2 {
		t.Errorf("%d responses", n)
	}
}

// RFC 4791 9.9: the table of events, from what rows tell and from what is read.
func TestEventsTouchASpanAsTheTableSays(t *testing.T) {
	h := newHouse(t, nil)
	at := calendars + "calendar/"
	h.put(at+"end", event("end", "DTSTART:20260504T100000Z", "DTEND:20260504T110000Z"))
	h.put(at+"duration", event("duration", "DTSTART:20260504T100000Z", "DURATION:PT1H"))
	h.put(at+"zero", event("zero", "DTSTART:20260504T100000Z", "DURATION:PT0S"))
	h.put(at+"moment", event("moment", "DTSTART:20260504T100000Z"))
	h.put(at+"day", event("day", "DTSTART;VALUE=DATE:20260504"))
	h.put(at+"floating", event("floating", "DTSTART:20260504T100000", "DTEND:20260504T110000"))
	h.put(at+"free", event("free", "DTSTART:20260504T100000Z", "DTEND:20260504T110000Z", "TRANSP:TRANSPARENT", "STATUS:CANCELLED"))
	h.put(at+"old", event("old", "DTSTART:19500504T100000Z", "DTEND:19500504T110000Z"))
	lasting := []string{"duration", "end", "floating", "free"}
	for _, c := range []struct {
		from, to string
		want     []string
	}{
		{"20260504T090000Z", "20260504T100000Z", []string{"day"}},
		{"20260504T100000Z", "20260504T100001Z", append([]string{"day", "moment", "zero"}, lasting...)},
		{"20260504T095959Z", "20260504T100000Z", []string{"day"}},
		{"20260504T105959Z", "20260504T110000Z", append([]string{"day"}, lasting...)},
		{"20260504T110000Z", "20260504T120000Z", []string{"day"}},
		{"20260503T230000Z", "20260504T000000Z", nil},
		{"20260505T000000Z", "20260505T010000Z", nil},
		{"19500504T000000Z", "19500505T000000Z", []string{"old"}},
	} {
		slices.Sort(c.want)
		h.finds(at, `<C:comp-filter name="VEVENT">`+span2(c.from, c.to)+`</C:comp-filter>`, c.want...)
		h.finds(at, `<C:comp-filter name="VEVENT">`+span2(c.from, c.to)+`<C:prop-filter name="UID"/></C:comp-filter>`, c.want...)
	}
}

// RFC 4791 9.9: the table of tasks.
func TestTasksTouchASpanAsTheTableSays(t *testing.T) {
	h := newHouse(t, nil)
	at := calendars + "tasks/"
	for name, lines := range map[string][]string{
		"both": {"DTSTART:20260504T100000Z", "DUE:20260504T120000Z"}, "lasts": {"DTSTART:20260504T100000Z", "DURATION:PT2H"}, "starts": {"DTSTART:20260504T100000Z"}, "due": {"DUE:20260504T120000Z"},
		"done": {"CREATED:20260504T100000Z", "COMPLETED:20260504T120000Z"}, "completed": {"COMPLETED:20260504T120000Z"}, "created": {"CREATED:20260504T100000Z"}, "nothing": nil,
	} {
		h.put(at+name, strings.ReplaceAll(event(name, lines...), "VEVENT", "VTODO"))
	}
	for _, c := range []struct {
		from, to string
		want     []string
	}{
		{"20260504T080000Z", "20260504T090000Z", []string{"nothing"}},
		{"20260504T080000Z", "20260504T100000Z", []string{"done", "nothing"}},
		{"20260504T100000Z", "20260504T110000Z", []string{"both", "created", "done", "lasts", "nothing", "starts"}},
		{"20260504T110000Z", "20260504T113000Z", []string{"both", "created", "done", "lasts", "nothing"}},
		{"20260504T110000Z", "20260504T120000Z", []string{"both", "completed", "created", "done", "due", "lasts", "nothing"}},
		{"20260504T120000Z", "20260504T130000Z", []string{"completed", "created", "done", "lasts", "nothing"}},
		{"20260504T130000Z", "20260504T140000Z", []string{"created", "nothing"}},
	} {
		h.finds(at, `<C:comp-filter name="VTODO">`+span2(c.from, c.to)+`</C:comp-filter>`, c.want...)
	}
}

// What a multiget names elsewhere is not there, whatever its name is here.
func TestAMultigetIsAboutItsCollection(t *testing.T) {
	h := newHouse(t, nil)
	h.want(http.StatusCreated, "MKCALENDAR", calendars+"other/", "")
	h.put(calendars+"calendar/a", simple("a"))
	h.put(calendars+"other/a", simple("b"))
	for _, href := range []string{calendars + "other/a", "/dav/calendars/kenji@example.org/calendar/a", books + "contacts/a", "http://elsewhere.example.com" + calendars + "calendar/a", calendars + "calendar/"} {
		h.want(http.StatusMultiStatus, "REPORT", calendars+"calendar/", `<C:calendar-multiget xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop><C:calendar-data/></prop><href>`+href+`</href></C:calendar-multiget>`).
			says(t, href+"</D:href><D:status>HTTP/1.1 404")
	}
}
