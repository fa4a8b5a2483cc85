package dav

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/store"
)

func TestAnObjectIsKeptAsItWasPut(t *testing.T) {
	h := newHouse(t, nil)
	raw := event("one", "SUMMARY:Nesting", "DTSTART:20260504T100000Z", "DTEND:20260504T110000Z", "X-TWIG:kept")
	put := h.want(http.StatusCreated, "PUT", calendars+"calendar/one.ics", raw, "Content-Type", "text/calendar", "If-None-Match", "*")
	got := h.want(http.StatusOK, "GET", calendars+"calendar/one.ics", "")
	if got.body != raw || got.Header.Get("ETag") != put.Header.Get("ETag") || put.Header.Get("ETag") == "" {
		t.Errorf("got %q with %q, put with %q", got.body, got.Header.Get("ETag"), put.Header.Get("ETag"))
	}
	h.want(http.StatusNotModified, "GET", calendars+"calendar/one.ics", "", "If-None-Match", put.Header.Get("ETag"))
	if a := h.want(http.StatusOK, "HEAD", calendars+"calendar/one.ics", ""); a.body != "" || a.Header.Get("Content-Length") == "0" {
		t.Errorf("HEAD has a body, or no length: %q", a.Header)
	}
	var folder mail.Folder
	h.must(h.store.View(t.Context(), func(tx *store.Tx) (err error) {
		folder, err = h.boxes.FolderByRole(tx, h.box(robin), mail.RoleCalendar)
		return err
	}))
	if folder.Items != 1 {
		t.Errorf("phones see %d events", folder.Items)
	}
}

func TestConditionsKeepTwoClientsFromOverwritingEachOther(t *testing.T) {
	h := newHouse(t, nil)
	at := calendars + "calendar/one.ics"
	h.want(http.StatusPreconditionFailed, "PUT", at, event("one", "DTSTART:20260504T100000Z"), "If-Match", `"any"`)
	first := h.want(http.StatusCreated, "PUT", at, event("one", "DTSTART:20260504T100000Z"))
	h.want(http.StatusPreconditionFailed, "PUT", at, event("one", "DTSTART:20260504T120000Z"), "If-None-Match", "*")
	second := h.want(http.StatusNoContent, "PUT", at, event("one", "DTSTART:20260504T120000Z"), "If-Match", first.Header.Get("ETag"))
	h.want(http.StatusPreconditionFailed, "PUT", at, event("one", "DTSTART:20260504T130000Z"), "If-Match", first.Header.Get("ETag"))
	h.want(http.StatusPreconditionFailed, "DELETE", at, "", "If-Match", first.Header.Get("ETag"))
	h.want(http.StatusNoContent, "DELETE", at, "", "If-Match", second.Header.Get("ETag"))
	h.want(http.StatusNotFound, "GET", at, "")
	h.want(http.StatusNotFound, "DELETE", at, "")
}

func TestWhatCannotBeKeptIsRefusedWithItsCondition(t *testing.T) {
	h := newHouse(t, nil)
	h.want(http.StatusCreated, "PUT", calendars+"calendar/one.ics", event("one", "DTSTART:20260504T100000Z"))
	h.want(http.StatusCreated, "PUT", books+"contacts/one.vcf", contact("one", "FN:One", "N:One;;;;"))
	two := strings.Replace(event("a", "DTSTART:20260504T100000Z"), "END:VCALENDAR", "BEGIN:VEVENT\r\nUID:b\r\nDTSTART:20260504T100000Z\r\nEND:VEVENT\r\nEND:VCALENDAR", 1)
	for _, c := range []struct {
		path, body, kind, condition string
	}{
		{calendars + "calendar/x.ics", "no calendar", "text/calendar", "C:valid-calendar-data"},
		{calendars + "calendar/x.ics", "", "text/calendar", "C:valid-calendar-data"},
		{calendars + "calendar/x.ics", two, "text/calendar", "C:valid-calendar-object-resource"},
		{calendars + "calendar/x.ics", event("one", "DTSTART:20260504T100000Z"), "text/calendar", "C:no-uid-conflict"},
		{calendars + "calendar/one.ics", event("another", "DTSTART:20260504T100000Z"), "text/calendar", "C:no-uid-conflict"},
		{calendars + "calendar/x.ics", "{}", "application/json", "C:supported-calendar-data"},
		{calendars + "calendar/x.ics", strings.ReplaceAll(event("t", "SUMMARY:x"), "VEVENT", "VTODO"), "text/calendar", "C:supported-calendar-component"},
		{calendars + "calendar/x.ics", event("huge", "DESCRIPTION:"+strings.Repeat("x", maxObject)), "text/calendar", "C:max-resource-size"},
		{books + "contacts/x.vcf", "no card", "text/vcard", "A:valid-address-data"},
		{books + "contacts/x.vcf", contact("one", "FN:Two"), "text/vcard", "A:no-uid-conflict"},
		{books + "contacts/x.vcf", contact("two", "FN:Two"), "text/calendar", "A:supported-address-data"},
	} {
		h.want(http.StatusForbidden, "PUT", c.path, c.body, "Content-Type", c.kind).says(t, "<"+c.condition)
	}
	h.want(http.StatusForbidden, "POST", books+"contacts/", contact("huge", "NOTE:"+strings.Repeat("x", maxCard)), "Content-Type", "text/vcard").says(t, "<A:max-resource-size")
	h.want(http.StatusConflict, "PUT", calendars+"nowhere/x.ics", event("x", "DTSTART:20260504T100000Z"))
	h.want(http.StatusMethodNotAllowed, "PUT", calendars+"calendar/", event("x", "DTSTART:20260504T100000Z"))
}

func TestSomebodyElsesHomeIsNotThere(t *testing.T) {
	h := newHouse(t, nil)
	h.want(http.StatusCreated, "PUT", calendars+"calendar/one.ics", event("one", "DTSTART:20260504T100000Z"))
	h.user = kenji
	for _, path := range []string{calendars, calendars + "calendar/", calendars + "calendar/one.ics", books, "/dav/files/robin@example.org/"} {
		h.want(http.StatusNotFound, "PROPFIND", path, "", "Depth", "0")
		h.want(http.StatusNotFound, "GET", path, "")
	}
	h.do("PUT", calendars+"calendar/one.ics", event("one", "DTSTART:20260504T110000Z"))
	h.do("DELETE", calendars+"calendar/one.ics", "")
	h.do("MKCALENDAR", calendars+"another/", "")
	h.user = robin
	h.want(http.StatusOK, "GET", calendars+"calendar/one.ics", "").says(t, "T100000Z")
	h.want(http.StatusNotFound, "PROPFIND", calendars+"another/", "", "Depth", "0")
}

func TestACalendarThatAClientMakesIsAFolderOnPhones(t *testing.T) {
	h := newHouse(t, nil)
	make := func(path, name, component string) *answer {
		return h.do("MKCALENDAR", path, `<C:mkcalendar xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:I="http://apple.com/ns/ical/"><set><prop><displayname>`+name+
			`</displayname><I:calendar-color>#FF2968FF</I:calendar-color><C:supported-calendar-component-set><C:comp name="`+component+`"/></C:supported-calendar-component-set></prop></set></C:mkcalendar>`)
	}
	at := calendars + "8C6E-1/"
	if a := make(at, "Fledglings", "VEVENT"); a.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	if a := make(calendars+"8C6E-2/", "Fledglings", "VTODO"); a.StatusCode != http.StatusCreated {
		t.Fatalf("%d %s", a.StatusCode, a.body)
	}
	if a := make(at, "Again", "VEVENT"); a.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("one name twice: %d", a.StatusCode)
	}
	for _, name := range []string{"f7", "calendar", "inbox", "directory"} {
		if a := make(calendars+name+"/", "Mine", "VEVENT"); a.StatusCode/100 != 4 {
			t.Errorf("%s could be made: %d", name, a.StatusCode)
		}
	}
	folders := h.folders(robin)
	if f := folders["Fledglings"]; f.Class != mail.ClassCalendar {
		t.Errorf("phones see %+v", folders)
	}
	if f := folders["Fledglings 2"]; f.Class != mail.ClassTasks {
		t.Errorf("phones see %+v", folders)
	}
	h.want(http.StatusMultiStatus, "PROPFIND", at, `<propfind xmlns="DAV:" xmlns:I="http://apple.com/ns/ical/"><prop><displayname/><I:calendar-color/></prop></propfind>`, "Depth", "0").
		says(t, "<D:displayname>Fledglings</D:displayname>", "#FF2968FF")
	h.want(http.StatusCreated, "PUT", at+"x.ics", event("x", "DTSTART:20260504T100000Z"))

	h.want(http.StatusMultiStatus, "PROPPATCH", at, `<propertyupdate xmlns="DAV:"><set><prop><displayname>Nestlings</displayname></prop></set></propertyupdate>`).says(t, "200 OK")
	if _, ok := h.folders(robin)["Nestlings"]; !ok {
		t.Error("phones do not see the new name")
	}
	h.want(http.StatusNoContent, "DELETE", at, "")
	if _, ok := h.folders(robin)["Nestlings"]; ok {
		t.Error("the folder is still there")
	}
	h.want(http.StatusNotFound, "PROPFIND", at, "", "Depth", "0")
	if a := make(at, "Once more", "VEVENT"); a.StatusCode != http.StatusCreated {
		t.Errorf("the name is not to be had again: %d %s", a.StatusCode, a.body)
	}
}

func (h *house) folders(login string) map[string]mail.Folder {
	h.t.Helper()
	all := map[string]mail.Folder{}
	h.must(h.store.View(h.t.Context(), func(tx *store.Tx) error {
		folders, err := h.boxes.Folders(tx, h.box(login))
		for _, f := range folders {
			all[f.Name] = f
		}
		return err
	}))
	return all
}

func TestAHomeHoldsNoPlainCollections(t *testing.T) {
	h := newHouse(t, nil)
	for _, home := range []string{calendars, books} {
		h.want(http.StatusForbidden, "MKCOL", home+"x/", "").says(t, "valid-resourcetype")
		h.want(http.StatusForbidden, "MKCOL", home+"x/", `<mkcol xmlns="DAV:"><set><prop><displayname>x</displayname></prop></set></mkcol>`).says(t, "valid-resourcetype")
	}
	book := `<mkcol xmlns="DAV:" xmlns:A="urn:ietf:params:xml:ns:carddav"><set><prop><resourcetype><collection/><A:addressbook/></resourcetype><displayname>Flock</displayname></prop></set></mkcol>`
	h.want(http.StatusForbidden, "MKCOL", calendars+"x/", book).says(t, "valid-resourcetype")
	h.want(http.StatusCreated, "MKCOL", books+"x/", book)
	if f := h.folders(robin)["Flock"]; f.Class != mail.ClassContacts {
		t.Errorf("phones see %+v", f)
	}
	h.put(books+"x/a.vcf", contact("a", "FN:A"))
}

func TestDefaultFoldersStay(t *testing.T) {
	h := newHouse(t, nil)
	for _, path := range []string{calendars + "calendar/", calendars + "tasks/", calendars + "notes/", books + "contacts/"} {
		h.want(http.StatusForbidden, "DELETE", path, "")
		h.want(http.StatusMultiStatus, "PROPPATCH", path, `<propertyupdate xmlns="DAV:"><set><prop><displayname>Mine</displayname></prop></set></propertyupdate>`).
			says(t, "403 Forbidden", "cannot-modify-protected-property")
	}
	for _, path := range []string{calendars, books, "/dav/", "/dav/principals/robin@example.org/"} {
		h.want(http.StatusForbidden, "DELETE", path, "")
	}
}

func TestPropertiesChangeAllTogetherOrNotAtAll(t *testing.T) {
	h := newHouse(t, nil)
	at := calendars + "calendar/"
	h.want(http.StatusMultiStatus, "PROPPATCH", at, `<propertyupdate xmlns="DAV:" xmlns:I="http://apple.com/ns/ical/" xmlns:x="urn:x"><set><prop><I:calendar-order>7</I:calendar-order><getetag>no</getetag></prop></set></propertyupdate>`).
		says(t, "424 Failed Dependency", "403 Forbidden")
	find := `<propfind xmlns="DAV:" xmlns:I="http://apple.com/ns/ical/" xmlns:x="urn:x"><prop><I:calendar-order/><x:perch/></prop></propfind>`
	h.want(http.StatusMultiStatus, "PROPFIND", at, find, "Depth", "0").saysNothingOf(t, ">7<")
	h.want(http.StatusMultiStatus, "PROPPATCH", at, `<propertyupdate xmlns="DAV:" xmlns:I="http://apple.com/ns/ical/" xmlns:x="urn:x"><set><prop><I:calendar-order>7</I:calendar-order><x:perch>a <x:b a="1"/> c</x:perch></prop></set></propertyupdate>`)
	h.want(http.StatusMultiStatus, "PROPFIND", at, find, "Depth", "0").says(t, ">7<", `<perch xmlns="urn:x">a <b xmlns="urn:x" a="1"/> c</perch>`)
	h.want(http.StatusMultiStatus, "PROPPATCH", at, `<propertyupdate xmlns="DAV:" xmlns:x="urn:x"><remove><prop><x:perch/></prop></remove></propertyupdate>`)
	h.want(http.StatusMultiStatus, "PROPFIND", at, find, "Depth", "0").saysNothingOf(t, "a <b")
	big := strings.Repeat("x", 10<<10)
	for range 7 {
		big += strings.Repeat("y", 10<<10)
	}
	h.want(http.StatusMultiStatus, "PROPPATCH", at, `<propertyupdate xmlns="DAV:" xmlns:x="urn:x"><set><prop><x:perch>`+big+`</x:perch></prop></set></propertyupdate>`).says(t, "507 ")
}

func TestDepthInfinityIsRefused(t *testing.T) {
	h := newHouse(t, nil)
	h.want(http.StatusForbidden, "PROPFIND", "/dav/", "", "Depth", "infinity").says(t, "propfind-finite-depth")
	h.want(http.StatusForbidden, "PROPFIND", "/dav/", "").says(t, "propfind-finite-depth")
}

// A collection has one path: programs that know it by another would have it twice.
func TestACollectionHasOnePath(t *testing.T) {
	h := newHouse(t, nil)
	h.want(http.StatusCreated, "MKCALENDAR", calendars+"mine/", "")
	h.want(http.StatusMultiStatus, "PROPFIND", calendars+"mine/", "", "Depth", "0")
	for name, f := range h.folders(robin) {
		if f.Class == mail.ClassCalendar {
			h.want(http.StatusNotFound, "PROPFIND", fmt.Sprint(calendars, "f", f.ID, "/"), "", "Depth", "0").saysNothingOf(t, name)
		}
	}
	h.want(http.StatusNotFound, "PROPFIND", calendars+"contacts/", "", "Depth", "0")
	h.want(http.StatusNotFound, "PROPFIND", books+"calendar/", "", "Depth", "0")
}
