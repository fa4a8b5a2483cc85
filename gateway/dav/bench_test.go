package dav

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"martlet/mail"
)

// thrown is a response whose body goes nowhere, as a socket's does.
type thrown struct {
	header http.Header
	status int
	n      int64
}

func (w *thrown) Header() http.Header         { return w.header }
func (w *thrown) WriteHeader(status int)      { w.status = status }
func (w *thrown) Write(p []byte) (int, error) { w.n += int64(len(p)); return len(p), nil }

func (h *house) bench(b *testing.B, method, path, body string) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		r := httptest.NewRequest(method, path, strings.NewReader(body))
		r.Header.Set("Depth", "1")
		w := &thrown{header: http.Header{}}
		h.handler.Serve(w, r, h.accounts[robin])
		if w.status != http.StatusMultiStatus {
			b.Fatal(w.status)
		}
		b.ReportMetric(float64(w.n), "bytes")
	}
}

// 5,000 events by their rows alone.
func BenchmarkPropfindOf5000Events(b *testing.B) {
	h := newHouse(b, nil)
	h.log.Reset()
	h.fill(robin, mail.RoleCalendar, 5_000)
	h.bench(b, "PROPFIND", calendars+"calendar/", `<propfind xmlns="DAV:"><prop><getetag/><getcontenttype/><resourcetype/></prop></propfind>`)
}

func BenchmarkFirstSynchronisationOf5000Events(b *testing.B) {
	h := newHouse(b, nil)
	h.fill(robin, mail.RoleCalendar, 5_000)
	h.bench(b, "REPORT", calendars+"calendar/", `<sync-collection xmlns="DAV:"><sync-token/><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>`)
}

func BenchmarkSynchronisationWithoutChanges(b *testing.B) {
	h := newHouse(b, nil)
	h.fill(robin, mail.RoleCalendar, 5_000)
	token := h.sync(calendars+"calendar/", "", 0).token()
	h.bench(b, "REPORT", calendars+"calendar/", `<sync-collection xmlns="DAV:"><sync-token>`+token+`</sync-token><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>`)
}

// A month of 5,000 events, without their content and with it.
func BenchmarkQueryOfAMonth(b *testing.B) {
	for _, props := range []string{"<getetag/>", `<getetag/><C:calendar-data/>`} {
		b.Run(fmt.Sprint(strings.Count(props, "/>"), " properties"), func(b *testing.B) {
			h := newHouse(b, nil)
			h.fill(robin, mail.RoleCalendar, 5_000)
			doc := query(`<C:comp-filter name="VEVENT">` + span2("20260501T000000Z", "20260601T000000Z") + `</C:comp-filter>`)
			h.bench(b, "REPORT", calendars+"calendar/", strings.Replace(doc, "<getetag/>", props, 1))
		})
	}
}

func BenchmarkMultigetOf100(b *testing.B) {
	h := newHouse(b, nil)
	h.fill(robin, mail.RoleCalendar, 100)
	var hrefs strings.Builder
	for _, name := range h.sync(calendars+"calendar/", "", 0).found() {
		fmt.Fprintf(&hrefs, "<href>%scalendar/%s</href>", calendars, name)
	}
	h.bench(b, "REPORT", calendars+"calendar/", `<C:calendar-multiget xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"><prop><getetag/><C:calendar-data/></prop>`+hrefs.String()+`</C:calendar-multiget>`)
}

// A listing costs its rows: no body is read, and what is allocated for each item
// is bounded.
func TestAListingReadsNoBodies(t *testing.T) {
	h := newHouse(t, nil)
	const n = 2_000
	h.fill(robin, mail.RoleCalendar, n)
	h.must(h.blobs.Close()) // whoever reads one fails
	r := func() *thrown {
		req := httptest.NewRequest("PROPFIND", calendars+"calendar/", strings.NewReader(`<propfind xmlns="DAV:"><prop><getetag/></prop></propfind>`))
		req.Header.Set("Depth", "1")
		w := &thrown{header: http.Header{}}
		h.handler.Serve(w, req, h.accounts[robin])
		return w
	}
	if w := r(); w.status != http.StatusMultiStatus || w.n < n*100 {
		t.Fatalf("%d, %d bytes", w.status, w.n)
	}
	if each := testing.AllocsPerRun(3, func() { r() }) / n; each > 30 {
		t.Errorf("%.0f allocations for each item", each)
	}
	h.closed = true
}
