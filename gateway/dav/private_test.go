package dav

import (
	"net/http"
	"strings"
	"testing"

	"martlet/mail"
)

// A private event is taken time for others: nothing that belongs to it tells more,
// not even the tag of its bytes.
func TestAPrivateEventTellsNothingButWhen(t *testing.T) {
	h, shares := sharing(t)
	secret := func(word string) string {
		raw := event("hidden", "DTSTART;X-WHERE="+word+";TZID=Nest/Hill:20260505T100000", "DURATION:PT1H", "SUMMARY:"+word, "CLASS:PRIVATE",
			"RRULE:FREQ=DAILY;COUNT=3", "EXDATE;X-WHY="+word+";TZID=Nest/Hill:20260506T100000", "BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:"+word, "TRIGGER:-PT5M", "END:VALARM")
		return strings.Replace(raw, "BEGIN:VEVENT", "X-WR-CALNAME:"+word+"\r\nBEGIN:VTIMEZONE\r\nTZID:Nest/Hill\r\nCOMMENT:"+word+"\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0200\r\nCOMMENT:"+word+
			"\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:X-TWIG\r\nX-WORD:"+word+"\r\nEND:X-TWIG\r\nBEGIN:VEVENT", 1)
	}
	own := h.want(http.StatusCreated, "PUT", calendars+"calendar/hidden", secret("Mistletoe"))
	h.grant(shares, mail.RoleCalendar, mail.MayRead)
	h.user = kenji
	at := h.shared("calendars")
	seen := func() string {
		t.Helper()
		got := h.want(http.StatusOK, "GET", at+"hidden", "")
		got.says(t, "T100000", "RRULE:FREQ=DAILY;COUNT=3", "EXDATE;TZID=Nest/Hill:", "TZOFFSETTO:+0200", "SUMMARY:Busy")
		for _, a := range []*answer{
			got, h.want(http.StatusOK, "GET", at, ""),
			h.want(http.StatusMultiStatus, "PROPFIND", at+"hidden", `<propfind xmlns="DAV:"><allprop/></propfind>`, "Depth", "0"),
			h.want(http.StatusMultiStatus, "REPORT", at, strings.Replace(query(`<C:comp-filter name="VEVENT"/>`), "<getetag/>", `<C:calendar-data><C:expand start="20260501T000000Z" end="20260601T000000Z"/></C:calendar-data>`, 1), "Depth", "1"),
		} {
			a.saysNothingOf(t, "Mistletoe", "Ivy", "MISTLETOE", strings.Trim(own.Header.Get("ETag"), `"`))
		}
		for _, filter := range []string{
			`<C:prop-filter name="SUMMARY"><C:text-match>mistletoe</C:text-match></C:prop-filter>`,
			`<C:prop-filter name="DTSTART"><C:param-filter name="X-WHERE"/></C:prop-filter>`,
			`<C:comp-filter name="VALARM"/>`,
		} {
			h.finds(at, `<C:comp-filter name="VEVENT">`+filter+`</C:comp-filter>`)
		}
		if tag := got.Header.Get("ETag"); strings.Contains(tag, strings.Trim(own.Header.Get("ETag"), `"`)) {
			t.Errorf("the tag of the blanked event is made of the whole one's: %s", tag)
		}
		return got.Header.Get("ETag")
	}
	first := seen()
	h.user = robin
	h.want(http.StatusNoContent, "PUT", calendars+"calendar/hidden", secret("Ivy"))
	h.user = kenji
	if seen() == first {
		t.Error("another event has the same tag")
	}
}

// One occurrence that is private is not seen in an event that all may see.
func TestAPrivateOccurrenceIsHidden(t *testing.T) {
	h, shares := sharing(t)
	raw := event("weekly", "DTSTART:20260504T100000Z", "RRULE:FREQ=WEEKLY", "SUMMARY:Flock")
	h.put(calendars+"calendar/weekly", strings.Replace(raw, "END:VEVENT", "END:VEVENT\r\nBEGIN:VEVENT\r\nUID:weekly\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID:20260511T100000Z\r\nDTSTART:20260511T110000Z\r\nCLASS:PRIVATE\r\nSUMMARY:Mistletoe\r\nEND:VEVENT", 1))
	h.grant(shares, mail.RoleCalendar, mail.MayRead)
	h.user = kenji
	h.want(http.StatusOK, "GET", h.shared("calendars")+"weekly", "").saysNothingOf(t, "Mistletoe")
}

// Of a private contact others learn neither the name of its resource nor that it
// came.
func TestAPrivateContactIsNotFoundOutByWriting(t *testing.T) {
	h, shares := sharing(t)
	h.put(books+"contacts/mistletoe", contact("hidden", "FN:Hidden", "CLASS:PRIVATE"))
	h.grant(shares, mail.RoleContacts, mail.MayRead|mail.MayWrite)
	h.user = kenji
	at := h.shared("addressbooks")
	token := h.sync(at, "", 0).token()
	h.want(http.StatusForbidden, "PUT", at+"guess", contact("hidden", "FN:Guess")).saysNothingOf(t, "mistletoe")
	// What a writer hides from themselves has no tag of what they sent.
	if a := h.want(http.StatusCreated, "PUT", at+"own", contact("own", "FN:Own", "CLASS:PRIVATE")); a.Header.Get("ETag") != "" {
		t.Errorf("it is not to be had again, and has the tag %s", a.Header.Get("ETag"))
	}
	h.want(http.StatusNotFound, "GET", at+"own", "")
	if a := h.want(http.StatusCreated, "PUT", at+"told", contact("told", "FN:Told", "CLASS:CONFIDENTIAL"), "Prefer", "return=representation"); a.body != "" {
		t.Errorf("what is not to be seen is told: %s", a.body)
	}
	h.want(http.StatusNotFound, "GET", at+"told", "")

	h.user = robin
	h.put(books+"contacts/ivy", contact("ivy", "FN:Ivy", "CLASS:PRIVATE"))
	h.put(books+"contacts/open", contact("open", "FN:Open"))
	h.user = kenji
	next := h.sync(at, token, 0)
	next.says(t, "open</D:href>")
	next.saysNothingOf(t, "ivy")

	// A name that hidden things have taken over is gone.
	h.user = robin
	h.want(http.StatusNoContent, "DELETE", books+"contacts/open", "")
	h.put(books+"contacts/open", contact("another", "FN:Other", "CLASS:PRIVATE"))
	h.user = kenji
	h.sync(at, next.token(), 0).says(t, "open</D:href><D:status>HTTP/1.1 404")
}
