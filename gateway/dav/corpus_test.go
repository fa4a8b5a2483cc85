package dav

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"martlet/internal/corpus"
	"martlet/mail"
	"martlet/mail/object"
)

// Real events, tasks, notes and cards go in, are found and come out; what cannot
// be kept is refused, and the rest of the collection is not disturbed by it.
func TestRealCalendarsGoInAndComeOut(t *testing.T) {
	files := corpus.Calendars(t)
	h := newHouse(t, nil)
	homes := map[mail.Class]string{mail.ClassCalendar: calendars + "calendar/", mail.ClassTasks: calendars + "tasks/", mail.ClassNotes: calendars + "notes/"}
	in, refused := 0, 0
	for _, f := range files {
		for part, err := range object.Split(f.Raw) {
			home := homes[part.Class]
			if err != nil || home == "" {
				continue
			}
			at := fmt.Sprint(home, url.PathEscape(strings.ReplaceAll(f.Name, "/", "-")), "-", in, ".ics")
			a := h.do("PUT", at, string(part.Raw), "Content-Type", "text/calendar")
			switch {
			case a.StatusCode == http.StatusForbidden && a.has("no-uid-conflict"): // the same event in several files
			case a.StatusCode == http.StatusForbidden:
				refused++
				t.Logf("%s is refused: %s", f.Name, a.body)
			case a.StatusCode == http.StatusCreated:
				in++
				got := h.want(http.StatusOK, "GET", at, "")
				if a.Header.Get("ETag") != "" && got.body != string(part.Raw) {
					t.Errorf("%s comes out as another", f.Name)
				}
			default:
				t.Errorf("%s: %d %s", f.Name, a.StatusCode, a.body)
			}
		}
	}
	if in < 50 || refused > in/20 {
		t.Errorf("%d went in, %d were refused", in, refused)
	}
	for class, home := range homes {
		h.want(http.StatusOK, "GET", home, "").says(t, "END:VCALENDAR")
		for _, doc := range []string{
			query(`<C:comp-filter name="` + component(class) + `">` + span2("20100101T000000Z", "20300101T000000Z") + `</C:comp-filter>`),
			query(`<C:comp-filter name="` + component(class) + `"><C:comp-filter name="VALARM">` + span2("20100101T000000Z", "20300101T000000Z") + `</C:comp-filter></C:comp-filter>`),
			strings.Replace(query(""), "<getetag/>", `<C:calendar-data><C:expand start="20150101T000000Z" end="20160101T000000Z"/></C:calendar-data>`, 1),
			strings.Replace(query(""), "<getetag/>", `<C:calendar-data><C:limit-recurrence-set start="20150101T000000Z" end="20160101T000000Z"/></C:calendar-data>`, 1),
		} {
			h.want(http.StatusMultiStatus, "REPORT", home, doc, "Depth", "1")
		}
	}
	h.want(http.StatusOK, "REPORT", homes[mail.ClassCalendar], `<C:free-busy-query xmlns:C="urn:ietf:params:xml:ns:caldav">`+span2("20150101T000000Z", "20160101T000000Z")+`</C:free-busy-query>`, "Depth", "1")
	if strings.Contains(h.log.String(), "level=ERROR") {
		t.Error(h.log.String())
	}
}

func TestRealCardsGoInAndComeOut(t *testing.T) {
	h := newHouse(t, nil)
	in := 0
	for _, f := range corpus.Contacts(t) {
		for part, err := range object.Split(f.Raw) {
			if err != nil || part.Class != mail.ClassContacts {
				continue
			}
			at := fmt.Sprint(books, "contacts/", in, ".vcf")
			a := h.do("PUT", at, string(part.Raw), "Content-Type", "text/vcard")
			if a.StatusCode != http.StatusCreated && !a.has("no-uid-conflict") {
				t.Errorf("%s: %d %s", f.Name, a.StatusCode, a.body)
				continue
			}
			if a.StatusCode == http.StatusCreated {
				in++
				h.want(http.StatusOK, "GET", at, "").says(t, "BEGIN:VCARD")
			}
		}
	}
	if in < 10 {
		t.Errorf("only %d went in", in)
	}
	h.want(http.StatusOK, "GET", books+"contacts/", "")
	for _, version := range []string{"3.0", "4.0"} {
		h.want(http.StatusMultiStatus, "REPORT", books+"contacts/", `<A:addressbook-query xmlns="DAV:" xmlns:A="urn:ietf:params:xml:ns:carddav"><prop><A:address-data version="`+version+`"/></prop><A:filter/></A:addressbook-query>`, "Depth", "1")
	}
}
