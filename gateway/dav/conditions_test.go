package dav

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// meanwhile is a body; before it can be read, something else happens.
type meanwhile struct {
	happens func()
	io.Reader
}

func (m *meanwhile) Read(p []byte) (int, error) {
	if m.happens != nil {
		m.happens()
		m.happens = nil
	}
	return m.Reader.Read(p)
}

// whileItCame asks, and something else happens between the head and the body.
func (h *house) whileItCame(happens func(), method, path, body string, header ...string) *answer {
	h.t.Helper()
	r := httptest.NewRequest(method, path, &meanwhile{happens, strings.NewReader(body)})
	r.ContentLength = int64(len(body))
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.handler.Serve(w, r, h.accounts[h.user])
	return &answer{Response: w.Result(), body: w.Body.String()}
}

// A condition holds for what is there when it is written, not when the request
// came.
func TestWhatChangesWhileABodyComesIsNotOverwritten(t *testing.T) {
	h := newHouse(t, nil)
	at := calendars + "calendar/a"
	h.put(at, simple("a"))
	h.want(http.StatusCreated, "PUT", "/dav/files/robin@example.org/f", "twigs", "Content-Type", "text/plain")
	for path, bodies := range map[string][2]string{
		at:                               {event("a", "DTSTART:20260505T100000Z"), event("a", "DTSTART:20260506T100000Z")},
		"/dav/files/robin@example.org/f": {"leaves", "moss"},
	} {
		first := h.want(http.StatusOK, "GET", path, "")
		etag := first.Header.Get("ETag")
		for _, header := range [][]string{{"If-Match", etag}, {"If", "([" + etag + "])"}} {
			a := h.whileItCame(func() { h.want(http.StatusNoContent, "PUT", path, bodies[0]) }, "PUT", path, bodies[1], header...)
			if a.StatusCode != http.StatusPreconditionFailed {
				t.Errorf("%s with %v: %d", path, header, a.StatusCode)
			}
			if got := h.want(http.StatusOK, "GET", path, "").body; got != bodies[0] {
				t.Errorf("%s with %v: the other's change is lost", path, header)
			}
			h.want(http.StatusNoContent, "PUT", path, first.body)
		}
	}
}

func TestConditionsMayStandInSeveralLines(t *testing.T) {
	h := newHouse(t, nil)
	at := calendars + "calendar/a"
	h.put(at, simple("a"))
	etag := h.want(http.StatusOK, "GET", at, "").Header.Get("ETag")
	if a := h.whileItCame(nil, "GET", at, "", "If-None-Match", `"x"`, "If-None-Match", etag); a.StatusCode != http.StatusNotModified {
		t.Errorf("a list in two lines: %d", a.StatusCode)
	}
	if a := h.whileItCame(nil, "PUT", at, simple("a"), "If-Match", `"x"`, "If-Match", `W/`+etag); a.StatusCode != http.StatusNoContent {
		t.Errorf("a list in two lines: %d", a.StatusCode)
	}
	if a := h.whileItCame(nil, "PUT", at, simple("a"), "If-Match", `"x", "y"`); a.StatusCode != http.StatusPreconditionFailed {
		t.Errorf("none of the list: %d", a.StatusCode)
	}
}

// RFC 9110 13.1: a condition holds for every method.
func TestPropertiesAreChangedUnderTheConditionThatIsMade(t *testing.T) {
	h := newHouse(t, nil)
	at := "/dav/files/robin@example.org/f"
	h.want(http.StatusCreated, "PUT", at, "twigs", "Content-Type", "text/plain")
	h.want(http.StatusPreconditionFailed, "PROPPATCH", at, `<propertyupdate xmlns="DAV:"><set><prop><x xmlns="urn:x">1</x></prop></set></propertyupdate>`, "If-Match", `"other"`)
	h.want(http.StatusMultiStatus, "PROPPATCH", at, `<propertyupdate xmlns="DAV:"><set><prop><x xmlns="urn:x">1</x></prop></set></propertyupdate>`, "If-Match", "*")
	h.want(http.StatusMultiStatus, "PROPPATCH", calendars+"calendar/", `<propertyupdate xmlns="DAV:"><set><prop><x xmlns="urn:x">1</x></prop></set></propertyupdate>`, "If-Match", "*")
}

// A meeting that was deleted is not made anew by a program that means to change
// it (RFC 6638 3.2.10).
func TestAMeetingThatIsGoneIsNotChanged(t *testing.T) {
	h, _ := meeting(t)
	at := calendars + "calendar/meet"
	raw := event("meet", "DTSTART:20990504T100000Z", "DTEND:20990504T110000Z", "ORGANIZER:mailto:robin@example.org", "ATTENDEE:mailto:robin@example.org", "ATTENDEE:mailto:owl@example.net")
	tag := h.want(http.StatusCreated, "PUT", at, raw, "Content-Type", "text/calendar").Header.Get("Schedule-Tag")
	h.want(http.StatusPreconditionFailed, "PUT", at, raw, "If-Schedule-Tag-Match", `"other"`)
	tag = h.want(http.StatusNoContent, "PUT", at, raw, "If-Schedule-Tag-Match", tag).Header.Get("Schedule-Tag")
	h.want(http.StatusNoContent, "DELETE", at, "", "If-Schedule-Tag-Match", tag)
	h.want(http.StatusPreconditionFailed, "PUT", at, raw, "If-Schedule-Tag-Match", tag)
}

// Many who read, change and write with a condition lose nothing of each other's,
// in meetings neither: what is planned for one state is not written over another.
func TestNoChangeIsLostAmongMany(t *testing.T) {
	h, _ := meeting(t)
	const writers, each = 6, 5
	for name, lines := range map[string][]string{
		"alone": nil,
		"meet":  {"ORGANIZER:mailto:robin@example.org", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:robin@example.org", "ATTENDEE:mailto:owl@example.net"},
	} {
		at := calendars + "calendar/" + name
		counted := func(n int) string {
			return event(name, append([]string{"DTSTART:20990504T100000Z", "DTEND:20990504T110000Z", fmt.Sprint("X-COUNT:", n)}, lines...)...)
		}
		h.put(at, counted(0))
		read := func() (tag string, n int) {
			w := httptest.NewRecorder()
			h.handler.Serve(w, httptest.NewRequest("GET", at, nil), h.accounts[robin])
			_, rest, _ := strings.Cut(w.Body.String(), "X-COUNT:")
			if _, err := fmt.Sscan(rest, &n); err != nil {
				t.Error(err)
			}
			return w.Header().Get("ETag"), n
		}
		var all sync.WaitGroup
		for range writers {
			all.Go(func() {
				for done := 0; done < each; {
					tag, n := read()
					r := httptest.NewRequest("PUT", at, strings.NewReader(counted(n+1)))
					r.Header.Set("If-Match", tag)
					w := httptest.NewRecorder()
					h.handler.Serve(w, r, h.accounts[robin])
					switch w.Code {
					case http.StatusNoContent:
						done++
					case http.StatusPreconditionFailed, http.StatusServiceUnavailable:
					default:
						t.Errorf("answered %d: %s", w.Code, w.Body)
						return
					}
				}
			})
		}
		all.Wait()
		if _, n := read(); n != writers*each {
			t.Errorf("%s: of %d changes %d are there", name, writers*each, n)
		}
	}
}
