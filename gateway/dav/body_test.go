package dav

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// hanging is a body of which nothing comes behind its beginning until it breaks off.
type hanging struct {
	begin  io.Reader
	waits  chan<- struct{}
	breaks <-chan struct{}
	once   sync.Once
}

func (r *hanging) Read(p []byte) (int, error) {
	if n, err := r.begin.Read(p); err == nil {
		return n, nil
	}
	r.once.Do(func() { r.waits <- struct{}{} })
	<-r.breaks
	return 0, os.ErrDeadlineExceeded
}

// Who announces much and sends little takes no room from others.
func TestBodiesThatDoNotComeTakeNoRoom(t *testing.T) {
	h := newHouse(t, nil)
	const many = 30
	waits, breaks := make(chan struct{}, many), make(chan struct{})
	statuses := make(chan int, many)
	for i := range many {
		r := httptest.NewRequest("PUT", calendars+"calendar/slow", &hanging{begin: strings.NewReader("BEGIN:VCALENDAR\r\n"), waits: waits, breaks: breaks})
		r.ContentLength = maxObject
		if i%2 == 0 {
			r.ContentLength = -1
		}
		go func() {
			w := httptest.NewRecorder()
			h.handler.Serve(w, r, h.accounts[robin])
			statuses <- w.Code
		}()
	}
	for range many {
		select {
		case <-waits:
		case status := <-statuses:
			t.Fatalf("one is answered %d before it came", status)
		}
	}
	h.user = kenji
	h.put("/dav/calendars/kenji@example.org/calendar/a", simple("a"))
	h.user = robin
	h.put(calendars+"calendar/a", simple("a"))
	close(breaks)
	for range many {
		if status := <-statuses; status != http.StatusRequestTimeout {
			t.Errorf("answered %d", status)
		}
	}
	if h.handler.bodies.all != 0 || len(h.handler.bodies.each) != 0 {
		t.Errorf("afterwards %d bytes are taken", h.handler.bodies.all)
	}
}

// Who reads or writes slowly at many connections keeps nobody else from working:
// the server has room for so many requests at once.
func TestOneUserHasNotAllPlaces(t *testing.T) {
	h := newHouse(t, nil)
	waits, breaks := make(chan struct{}, maxUserRequests), make(chan struct{})
	done := make(chan struct{}, maxUserRequests)
	for range maxUserRequests {
		r := httptest.NewRequest("PUT", calendars+"calendar/slow", &hanging{begin: strings.NewReader("B"), waits: waits, breaks: breaks})
		r.ContentLength = 100
		go func() {
			h.handler.Serve(httptest.NewRecorder(), r, h.accounts[robin])
			done <- struct{}{}
		}()
	}
	for range maxUserRequests {
		<-waits
	}
	if a := h.want(http.StatusServiceUnavailable, "PROPFIND", calendars, "", "Depth", "0"); a.Header.Get("Retry-After") == "" {
		t.Error("when to come back is not said")
	}
	h.user = kenji
	h.want(http.StatusMultiStatus, "PROPFIND", "/dav/calendars/kenji@example.org/", "", "Depth", "0")
	close(breaks)
	for range maxUserRequests {
		<-done
	}
	h.user = robin
	h.want(http.StatusMultiStatus, "PROPFIND", calendars, "", "Depth", "0")
}

// One user cannot fill what all have, and what is too much is not read.
func TestTheRoomForBodiesIsShared(t *testing.T) {
	var b budget
	if !b.take(1, maxUserBodies) || b.take(1, 1) {
		t.Error("one user has more than a share")
	}
	n := int64(maxUserBodies)
	for who := userID(2); n+maxUserBodies <= maxBodies; who++ {
		if !b.take(who, maxUserBodies) {
			t.Fatal("another one has no share")
		}
		n += maxUserBodies
	}
	if b.take(99, maxBodies-n+1) || !b.take(99, maxBodies-n) {
		t.Error("the whole is not bounded")
	}
	b.give(1, maxUserBodies)
	if !b.take(1, 1) {
		t.Error("what is given back is not there again")
	}
}

// A line that is slow, and not too slow, is waited for; one that stands still is
// not, however much it has announced.
func TestABodyIsWaitedForByWhatHasCome(t *testing.T) {
	if first := patience(0); first > time.Minute {
		t.Errorf("of which nothing came is waited for %v", first)
	}
	if all := patience(maxObject); all < 20*time.Minute {
		t.Errorf("an object has %v", all)
	}
}

func TestABodyHasWhatWasSent(t *testing.T) {
	h := newHouse(t, nil)
	for _, n := range []int{0, 1, firstRoom - 1, firstRoom, firstRoom + 1, 3*firstRoom + 7, 1 << 20} {
		for _, known := range []bool{true, false} {
			sent := strings.Repeat("twig ", n/5+1)[:n]
			r := httptest.NewRequest("PUT", "/", io.MultiReader(strings.NewReader(sent))) // of no known length
			if r.ContentLength = -1; known {
				r.ContentLength = int64(n)
			}
			q := &request{h: h.handler, w: httptest.NewRecorder(), r: r}
			got, release, err := q.readBody(1 << 20)
			if err != nil || string(got) != sent {
				t.Errorf("%d bytes (known: %v): %d, %v", n, known, len(got), err)
			}
			release()
			if n == 0 {
				continue
			}
			r = httptest.NewRequest("PUT", "/", io.MultiReader(strings.NewReader(sent)))
			r.ContentLength = -1
			q.r = r
			_, release, err = q.readBody(int64(n - 1))
			release()
			var f *failure
			if !errors.As(err, &f) || f.status != http.StatusRequestEntityTooLarge {
				t.Errorf("one byte more than %d: %v", n-1, err)
			}
		}
	}
}

// timed is an answer that notes until when it may be written.
type timed struct {
	*httptest.ResponseRecorder
	deadline time.Time
	least    time.Duration // of what was left at each write
	writes   int
}

func (w *timed) SetWriteDeadline(t time.Time) error { w.deadline = t; return nil }

func (w *timed) note() {
	if left := time.Until(w.deadline); w.writes == 0 || left < w.least {
		w.least = left
	}
	w.writes++
}

func (w *timed) WriteHeader(status int) { w.note(); w.ResponseRecorder.WriteHeader(status) }

func (w *timed) Write(p []byte) (int, error) {
	w.note()
	if need := time.Duration(len(p)/slowest) * time.Second; time.Until(w.deadline) < need {
		w.least = 0
	}
	return w.ResponseRecorder.Write(p)
}

// However long it took to read a request and to work on it, a client has time to
// take the answer, and for a large one as much as a slow line needs.
func TestAnAnswerMayTakeItsTime(t *testing.T) {
	h := newHouse(t, nil)
	large := event("large", "DTSTART:20260504T100000Z", "DESCRIPTION:"+strings.Repeat("twig ", 300_000))
	for i, ask := range [][2]string{
		{"PUT", calendars + "calendar/large"}, {"GET", calendars + "calendar/large"}, {"GET", calendars + "calendar/"}, {"PUT", "/dav/files/robin@example.org/f"},
		{"GET", "/dav/files/robin@example.org/f"}, {"PUT", "/dav/calendars/robin@example.org/none/x"}, {"DELETE", "/dav/files/robin@example.org/f"},
	} {
		body := large
		if strings.Contains(ask[1], "/files/") {
			body = strings.Repeat("twig", 200_000)
		}
		if ask[0] != "PUT" {
			body = ""
		}
		w := &timed{ResponseRecorder: httptest.NewRecorder()}
		// The body takes longer than the first patience.
		r := httptest.NewRequest(ask[0], ask[1], &meanwhile{func() { w.deadline = time.Now().Add(-time.Second) }, strings.NewReader(body)})
		r.ContentLength = int64(len(body))
		h.handler.Serve(w, r, h.accounts[robin])
		if w.writes == 0 || w.least < 50*time.Second {
			t.Errorf("%d: %s %s answers %d with %v left", i, ask[0], ask[1], w.Code, w.least)
		}
	}
}
