package dav

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// Whoever is invited, and however they are written: the answer is no failure of
// the server's, which programs would try again for ever.
func TestOddAttendeesAreNoFailure(t *testing.T) {
	h, s := meeting(t)
	for i, who := range []string{
		"", "mailto:", "mailto:@", "mailto:a@", "mailto:@b", "urn:uuid:1", "/dav/principals/kenji@example.org/", "http://example.com/x", "invalid:nomail",
		"mailto:a b@example.com", "mailto:\"a b\"@example.com", "mailto:löwe@example.com", "mailto:owl@exämple.com", "mailto:" + strings.Repeat("x", 300) + "@example.com",
		"mailto:owl@" + strings.Repeat("x", 300) + ".example.com", "mailto:a@b@c", "MAILTO:Owl@Example.COM", "mailto:owl@[127.0.0.1]", "mailto:nobody@example.org", "mailto:%6fwl@example.net", "tel:+1",
		"mailto:owl@example.net?subject=x", "mailto:<owl@example.net>",
	} {
		at := fmt.Sprint(calendars, "calendar/odd", i)
		raw := event(fmt.Sprint("odd", i), "DTSTART:20990504T100000Z", "DTEND:20990504T110000Z", "SUMMARY:Odd", "ORGANIZER:mailto:robin@example.org", "ATTENDEE:mailto:robin@example.org", "ATTENDEE;RSVP=TRUE:"+who)
		if a := h.do("PUT", at, raw, "Content-Type", "text/calendar"); a.StatusCode != http.StatusCreated {
			t.Errorf("%q: %d %s", who, a.StatusCode, a.body)
		}
		if a := h.do("DELETE", at, ""); a.StatusCode != http.StatusNoContent {
			t.Errorf("%q, taken away: %d %s", who, a.StatusCode, a.body)
		}
		if a := h.do("PUT", at, strings.ReplaceAll(raw, "ORGANIZER:mailto:robin@example.org", "ORGANIZER:"+who)); a.StatusCode >= 500 {
			t.Errorf("%q organizes: %d %s", who, a.StatusCode, a.body)
		}
	}
	h.must(s.Settle(context.Background()))
	var all []string
	for i := range 1001 {
		all = append(all, fmt.Sprintf("ATTENDEE:mailto:owl%d@example.net", i))
	}
	at := calendars + "calendar/many"
	h.want(http.StatusForbidden, "PUT", at, event("many", append(all, "DTSTART:20990504T100000Z", "ORGANIZER:mailto:robin@example.org")...)).says(t, "max-attendees-per-instance")
	h.want(http.StatusCreated, "PUT", at, event("many", append(all[:1000], "DTSTART:20990504T100000Z", "ORGANIZER:mailto:robin@example.org")...))
}
