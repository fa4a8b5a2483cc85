package dav

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"martlet/store"
)

func TestDocumentsThatAreBombsAreRefused(t *testing.T) {
	h := newHouse(t, nil)
	for name, doc := range map[string]string{
		"entities":   `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><propfind xmlns="DAV:"><prop><x>&b;</x></prop></propfind>`,
		"external":   `<!DOCTYPE x SYSTEM "file:///etc/passwd"><propfind xmlns="DAV:"><allprop/></propfind>`,
		"depth":      strings.Repeat("<a>", 1000) + strings.Repeat("</a>", 1000),
		"elements":   `<propfind xmlns="DAV:"><prop>` + strings.Repeat("<a/>", 100_000) + `</prop></propfind>`,
		"properties": `<propfind xmlns="DAV:"><prop>` + strings.Repeat("<a/>", 1_000) + `</prop></propfind>`,
		"half":       `<propfind xmlns="DAV:"><prop>`,
		"two":        `<propfind xmlns="DAV:"><prop/></propfind><a/>`,
		"prefix":     `<D:propfind><D:prop/></D:propfind>`,
		"charset":    `<?xml version="1.0" encoding="utf-16"?><propfind xmlns="DAV:"><prop/></propfind>`,
		"bytes":      "<a>\x00\xff</a>",
	} {
		if a := h.do("PROPFIND", calendars, doc, "Depth", "0", "Content-Type", "text/xml"); a.StatusCode != http.StatusBadRequest {
			t.Errorf("%s: %d %s", name, a.StatusCode, a.body)
		}
	}
	h.want(http.StatusRequestEntityTooLarge, "PROPFIND", calendars, "<a>"+strings.Repeat("x", maxXML)+"</a>", "Depth", "0")
	h.want(http.StatusUnsupportedMediaType, "PROPFIND", calendars, `{"a":1}`, "Depth", "0", "Content-Type", "application/json")
	h.want(http.StatusUnsupportedMediaType, "PUT", calendars+"calendar/x", simple("x"), "Content-Encoding", "gzip")
}

func TestARuleThatNeverEndsCostsNoMore(t *testing.T) {
	h, _ := meeting(t)
	at := calendars + "calendar/"
	for name, rule := range map[string]string{
		"second": "FREQ=SECONDLY", "minute": "FREQ=MINUTELY;BYSECOND=0,1,2,3,4", "daily": "FREQ=DAILY", "never": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
		"count": "FREQ=DAILY;COUNT=1000000000", "hours": "FREQ=HOURLY;BYMINUTE=0,1,2,3,4,5,6,7,8,9",
	} {
		h.do("PUT", at+name, event(name, "DTSTART:19700101T000000Z", "RRULE:"+rule))
	}
	start := time.Now()
	doc := strings.Replace(query(`<C:comp-filter name="VEVENT">`+span2("19700101T000000Z", "22000101T000000Z")+`</C:comp-filter>`), "<getetag/>", `<C:calendar-data><C:expand start="19700101T000000Z" end="22000101T000000Z"/></C:calendar-data>`, 1)
	a := h.want(http.StatusMultiStatus, "REPORT", at, doc, "Depth", "1")
	if n := strings.Count(a.body, "BEGIN:VEVENT"); n > 7*maxInstances {
		t.Errorf("%d occurrences", n)
	}
	h.want(http.StatusForbidden, "REPORT", at, freeBusyIn("19700101T000000Z", "22000101T000000Z"), "Depth", "1")
	h.want(http.StatusOK, "REPORT", at, freeBusyIn("21980101T000000Z", "22000101T000000Z"), "Depth", "1")
	if took := time.Since(start); took > 20*time.Second { // it takes a tenth of a second
		t.Errorf("it takes %v", took)
	}
}

func TestPathsThatCouldMeanTwoThingsAreRefused(t *testing.T) {
	h := newHouse(t, nil)
	for _, path := range []string{
		"/dav/files/robin@example.org/%2e%2e/x", "/dav/files/robin@example.org/a%2fb", "/dav/calendars/robin@example.org/calendar/%00", "/dav/calendars/robin@example.org/calendar/a%0d%0ab",
		"/dav/calendars/robin@example.org/calendar/%ff", "/dav/calendars/robin@example.org/calendar/" + strings.Repeat("x", maxSegment+1), "/dav/files/robin@example.org/.",
	} {
		h.want(http.StatusBadRequest, "PUT", path, simple("x"))
	}
	h.want(http.StatusForbidden, "PUT", "/dav/files/robin@example.org/"+strings.Repeat("d/", maxFileDepth)+"x", "x")
	h.want(http.StatusNotFound, "GET", "/dav/elsewhere/x", "")
	// Letters of all languages are names as others are.
	at := calendars + "calendar/%E9%B3%A5%20%26%23%3F.ics"
	h.put(at, simple("bird"))
	h.want(http.StatusOK, "GET", at, "")
	if got := h.sync(calendars+"calendar/", "", 0).found(); len(got) != 1 || got[0] != "%E9%B3%A5%20%26%23%3F.ics" {
		t.Errorf("%q", got)
	}
	h.want(http.StatusMultiStatus, "REPORT", calendars+"calendar/", `<C:calendar-multiget xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop><getetag/></prop><href>`+at+`</href></C:calendar-multiget>`).says(t, "200 OK")
}

func TestAPageOfAnotherSiteChangesNothing(t *testing.T) {
	h := newHouse(t, nil)
	for _, header := range [][]string{{"Origin", "https://evil.example"}, {"Sec-Fetch-Site", "cross-site"}} {
		h.want(http.StatusForbidden, "POST", calendars+"calendar/", simple("x"), append(header, "Content-Type", "text/plain")...)
	}
	h.want(http.StatusCreated, "POST", calendars+"calendar/", simple("x"), "Content-Type", "text/calendar")
}

func TestALargeAnswerIsCompressedForWhoTakesIt(t *testing.T) {
	h := newHouse(t, nil)
	for _, n := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"} {
		h.put(calendars+"calendar/"+n, simple(n))
	}
	ask := func(accept string) (*http.Response, []byte) {
		r := httptest.NewRequest("PROPFIND", calendars+"calendar/", nil)
		r.Header.Set("Depth", "1")
		r.Header.Set("Accept-Encoding", accept)
		w := httptest.NewRecorder()
		h.handler.Serve(w, r, h.accounts[robin])
		b, err := io.ReadAll(w.Result().Body)
		h.must(err)
		return w.Result(), b
	}
	_, plain := ask("gzip;q=0, identity")
	resp, packed := ask("br, gzip")
	if resp.Header.Get("Content-Encoding") != "gzip" || len(packed) > len(plain)/3 {
		t.Fatalf("%v, %d of %d bytes", resp.Header, len(packed), len(plain))
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	h.must(err)
	got, err := io.ReadAll(z)
	h.must(err)
	if !bytes.Equal(got, plain) {
		t.Error("it says something else")
	}
}

func TestWhoseMailboxIsElsewhereIsSentThere(t *testing.T) {
	h := newHouse(t, nil)
	h.must(h.people.SetServer(t.Context(), h.accounts[robin].ID, "https://other.example.org"))
	a, err := h.people.Account(t.Context(), h.accounts[robin].ID)
	h.must(err)
	h.accounts[robin] = a
	if got := h.want(http.StatusTemporaryRedirect, "PROPFIND", calendars, "", "Depth", "0").Header.Get("Location"); got != "https://other.example.org"+calendars {
		t.Errorf("to %q", got)
	}
	h.must(h.people.SetServer(t.Context(), h.accounts[robin].ID, ""))
}

func TestWhoIsRemovedLeavesNothing(t *testing.T) {
	h := newHouse(t, nil)
	h.want(http.StatusCreated, "MKCALENDAR", calendars+"mine/", "")
	h.want(http.StatusCreated, "MKCOL", "/dav/files/robin@example.org/d/", "")
	h.want(http.StatusCreated, "PUT", "/dav/files/robin@example.org/d/f", "twigs")
	h.must(h.store.Update(t.Context(), func(tx *store.Tx) error { return Forget(tx, h.blobs, h.accounts[robin].ID) }))
	h.want(http.StatusNotFound, "GET", "/dav/files/robin@example.org/d/f", "")
	h.want(http.StatusNotFound, "PROPFIND", calendars+"mine/", "", "Depth", "0")
}
