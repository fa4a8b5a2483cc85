package schedule

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/store"
)

const rooms = `
[[user]]
login = "anna@example.org"
[[user]]
login = "bob@example.org"
[[user]]
login = "intern@example.org"
[[group]]
address = "staff@example.org"
members = ["anna@example.org", "bob@example.org"]
[[resource]]
address = "attic@example.org"
name = "The Attic"
[[resource]]
address = "lab@example.org"
name = "The Lab"
may_book = ["staff@example.org"]
one_time = true
days = ["mon", "tue", "wed", "thu", "fri"]
hours = "08:00-18:00"
time_zone = "Europe/Berlin"
max_duration = "4h"
horizon_days = 30
[[resource]]
address = "van@example.org"
name = "The Van"
kind = "equipment"
booking = "delegates"
delegates = ["bob@example.org"]
max_duration = ""
horizon_days = 0
[[resource]]
address = "hall@example.org"
name = "The Hall"
outsiders = true
conflicts = true
[[resource]]
address = "shut@example.org"
name = "The Shed"
booking = "closed"
`

// roomHouse has rooms, on the first of June 2026 at six.
func roomHouse(t testing.TB) *busyHouse {
	h := newBusyHouse(t, rooms)
	h.s.now = func() time.Time { return at("2026-06-01 06:00") }
	return h
}

func meeting(t testing.TB, uid string, lines ...string) *calendar.Object {
	t.Helper()
	o, err := calendar.Parse([]byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n" + strings.ReplaceAll(vevent(uid, lines...), "\n", "\r\n") + "\r\nEND:VCALENDAR\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// decide answers an invitation, and has the room hold the meeting if it takes it.
func (h *busyHouse) decide(login string, o *calendar.Object, organizer string) (v *verdict) {
	h.t.Helper()
	v, err := h.book(login, o, organizer)
	if err != nil {
		h.t.Fatal(err)
	}
	return v
}

func (h *busyHouse) book(login string, o *calendar.Object, organizer string) (*verdict, error) {
	ctx := context.Background()
	a, err := h.directory.AccountByLogin(ctx, login)
	if err != nil {
		return nil, err
	}
	for {
		v, err := h.s.decideResource(ctx, &a, o, organizer)
		if err != nil {
			return nil, err
		}
		body, err := h.mailboxes.PrepareObject(ctx, mail.ClassCalendar, o.Encode())
		if err != nil {
			return nil, err
		}
		err = h.store.Update(ctx, func(tx *store.Tx) error {
			if err := v.commit(tx, h.s); err != nil || v.status == declined {
				return err
			}
			f, err := h.mailboxes.FolderByRole(tx, v.box, mail.RoleCalendar)
			if err == nil {
				_, err = h.mailboxes.Append(tx, v.box, f.ID, mail.NewItem{Class: mail.ClassCalendar, Body: body})
			}
			return err
		})
		if !errors.Is(err, ErrStale) {
			return v, err
		}
	}
}

func TestARoomAnswersByItsRule(t *testing.T) {
	h := roomHouse(t)
	for i, tc := range []struct {
		room, organizer, event string
		want, why              string
	}{
		{"attic", "anna@example.org", "DTSTART:20260602T080000Z\nDURATION:PT1H", "ACCEPTED", ""},
		{"attic", "bob@example.org", "DTSTART:20260602T083000Z\nDURATION:PT1H", "DECLINED", "The Attic is taken: Tuesday, 2 June 2026, 10:30 CEST."},
		{"attic", "bob@example.org", "DTSTART:20260602T090000Z\nDURATION:PT1H", "ACCEPTED", ""}, // behind it
		{"attic", "anna@example.org", "DTSTART:20260602T070000Z\nDURATION:PT1H\nTRANSP:TRANSPARENT", "ACCEPTED", ""},
		{"attic", "bob@example.org", "DTSTART:20260602T070000Z\nDURATION:PT1H", "DECLINED", "taken"}, // though the first takes nobody's time
		{"attic", "anna@example.org", "DTSTART;VALUE=DATE:20260604", "ACCEPTED", ""},
		{"attic", "bob@example.org", "DTSTART:20260604T213000Z\nDURATION:PT15M", "DECLINED", "taken"}, // half past eleven in the evening there
		{"attic", "bob@example.org", "DTSTART:20260604T220000Z\nDURATION:PT15M", "ACCEPTED", ""},
		{"attic", "bob@example.org", "DTSTART:20260608T100000Z\nDURATION:PT25H", "DECLINED", "at most 24 hours"},
		{"attic", "bob@example.org", "DTSTART;VALUE=DATE:20261025", "ACCEPTED", ""}, // a day of 25 hours
		{"attic", "bob@example.org", "DTSTART:20261201T100000Z\nDURATION:PT1H", "DECLINED", "at most 180 days ahead"},
		{"attic", "bob@example.org", "DTSTART:20260501T100000Z\nDURATION:PT1H", "DECLINED", "over"},
		{"attic", "who@example.com", "DTSTART:20260609T100000Z\nDURATION:PT1H", "DECLINED", "its organisation only"},
		{"attic", "", "DTSTART:20260609T100000Z\nDURATION:PT1H", "DECLINED", "its organisation only"}, // nobody proves who it is
		{"attic", "staff@example.org", "DTSTART:20260609T100000Z\nDURATION:PT1H", "DECLINED", "its organisation only"},
		{"attic", "intern@example.org", "DTSTART:20260609T100000Z\nDURATION:PT1H", "ACCEPTED", ""},

		{"lab", "anna@example.org", "DTSTART:20260602T060000Z\nDURATION:PT4H", "ACCEPTED", ""}, // from eight
		{"lab", "anna@example.org", "DTSTART:20260603T055900Z\nDURATION:PT1H", "DECLINED", "from 08:00 to 18:00"},
		{"lab", "anna@example.org", "DTSTART:20260603T150000Z\nDURATION:PT1H1M", "DECLINED", "from 08:00 to 18:00"},
		{"lab", "anna@example.org", "DTSTART:20260603T150000Z\nDURATION:PT1H", "ACCEPTED", ""}, // to six
		{"lab", "anna@example.org", "DTSTART:20260603T100000Z\nDURATION:PT4H1M", "DECLINED", "at most 4 hours"},
		{"lab", "anna@example.org", "DTSTART:20260606T100000Z\nDURATION:PT1H", "DECLINED", "on a Saturday"},
		{"lab", "anna@example.org", "DTSTART:20260603T100000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=2", "DECLINED", "recur"},
		{"lab", "anna@example.org", "DTSTART:20260702T100000Z\nDURATION:PT1H", "DECLINED", "30 days"},
		{"lab", "intern@example.org", "DTSTART:20260603T100000Z\nDURATION:PT1H", "DECLINED", "not among those"},

		{"van", "anna@example.org", "DTSTART:20260602T080000Z\nDURATION:P3D", "TENTATIVE", "asked"},
		{"van", "anna@example.org", "DTSTART:20260603T080000Z\nDURATION:PT1H", "DECLINED", "taken"}, // what waits for an answer takes it, too
		{"van", "bob@example.org", "DTSTART:20260610T080000Z\nDURATION:PT1H", "ACCEPTED", ""},       // who decides
		{"van", "bob@example.org", "DTSTART:20270610T080000Z\nDURATION:PT1H", "ACCEPTED", ""},
		{"hall", "who@example.com", "DTSTART:20260602T080000Z\nDURATION:PT1H", "ACCEPTED", ""},
		{"hall", "", "DTSTART:20260602T080000Z\nDURATION:PT1H", "ACCEPTED", ""},
		{"shut", "anna@example.org", "DTSTART:20260602T080000Z\nDURATION:PT1H", "DECLINED", "cannot be booked"},
	} {
		v := h.decide(tc.room+"@example.org", meeting(t, fmt.Sprint("m", i), strings.Split(tc.event, "\n")...), tc.organizer)
		if v.status != tc.want || !strings.Contains(v.comment, tc.why) || (tc.why == "") != (v.comment == "") {
			t.Errorf("%s for %s: %s: %s %q, want %s %q", tc.room, tc.organizer, tc.event, v.status, v.comment, tc.want, tc.why)
		}
		if tc.want == "TENTATIVE" && (len(v.delegates) != 1 || v.delegates[0] != h.account("bob@example.org").ID) {
			t.Errorf("%v are asked", v.delegates)
		}
	}
}

func TestASeriesIsRefusedForOneOccurrence(t *testing.T) {
	h := roomHouse(t)
	weekly := func(uid, start string, more ...string) *calendar.Object {
		return meeting(t, uid, append([]string{"DTSTART;TZID=Europe/Berlin:" + start, "DURATION:PT1H", "RRULE:FREQ=WEEKLY"}, more...)...)
	}
	if v := h.decide("attic@example.org", meeting(t, "one", "DTSTART:20260922T080000Z", "DURATION:PT1H"), "anna@example.org"); v.status != accepted {
		t.Fatal(v.comment)
	}
	v := h.decide("attic@example.org", weekly("s", "20260602T100000"), "bob@example.org")
	if v.status != declined || v.comment != "The Attic is taken: Tuesday, 22 September 2026, 10:00 CEST." {
		t.Errorf("%s %s", v.status, v.comment)
	}
	if v := h.decide("attic@example.org", weekly("s", "20260602T100000", "EXDATE;TZID=Europe/Berlin:20260922T100000"), "bob@example.org"); v.status != accepted {
		t.Errorf("without that week: %s", v.comment)
	}
	// The series holds the room from then on; ten o'clock is nine in UTC by winter.
	if v := h.decide("attic@example.org", meeting(t, "two", "DTSTART:20261103T093000Z", "DURATION:PT10M"), "anna@example.org"); v.status != declined {
		t.Error("the room is given twice in November")
	}
	// Its own occurrences are no conflict for its own change.
	a := h.account("attic@example.org")
	got, err := h.s.decideResource(t.Context(), &a, weekly("s", "20260602T103000", "EXDATE;TZID=Europe/Berlin:20260922T103000"), "bob@example.org")
	if err != nil || got.status != accepted {
		t.Errorf("half an hour later: %+v, %v", got, err)
	}
	// Two series: the first three of their conflicts are told.
	v = h.decide("attic@example.org", weekly("t", "20260602T103000"), "anna@example.org")
	if n := strings.Count(v.comment, ";"); v.status != declined || n != 3 || !strings.HasSuffix(v.comment, "; ….") {
		t.Errorf("%s %s", v.status, v.comment)
	}
}

func TestACancelledMeetingFreesTheRoom(t *testing.T) {
	h := roomHouse(t)
	first := meeting(t, "first", "DTSTART:20260602T080000Z", "DURATION:PT1H")
	if v := h.decide("attic@example.org", first, "anna@example.org"); v.status != accepted {
		t.Fatal(v.comment)
	}
	second := meeting(t, "second", "DTSTART:20260602T080000Z", "DURATION:PT1H")
	if v := h.decide("attic@example.org", second, "bob@example.org"); v.status != declined {
		t.Fatal("given twice")
	}
	a := h.account("attic@example.org")
	box := mail.MailboxOf(a.ID)
	h.update(func(tx *store.Tx) error {
		at, err := h.mailboxes.ByUID(tx, box, mail.ClassCalendar, "first")
		if err == nil {
			_, err = h.mailboxes.Delete(tx, box, at[0].Folder, at[0].Item)
		}
		return err
	})
	if v := h.decide("attic@example.org", second, "bob@example.org"); v.status != accepted {
		t.Errorf("%s", v.comment)
	}
}

// Many ask for the same hours at the same moment: each hour is given once.
func TestTwoInvitationsAtOnceNeverBothWin(t *testing.T) {
	h := roomHouse(t)
	const hours, each = 4, 12
	var won [hours]int
	var mu sync.Mutex
	var all sync.WaitGroup
	failed := make(chan error, hours*each)
	for i := range hours * each {
		hour := i % hours
		o := meeting(t, fmt.Sprint("m", i), fmt.Sprintf("DTSTART:20260602T%02d0000Z", 8+hour), "DURATION:PT1H")
		all.Go(func() {
			v, err := h.book("attic@example.org", o, "anna@example.org")
			if err != nil {
				failed <- err
				return
			}
			mu.Lock()
			defer mu.Unlock()
			if v.status == accepted {
				won[hour]++
			}
		})
	}
	all.Wait()
	close(failed)
	for err := range failed {
		t.Error(err)
	}
	for hour, n := range won {
		if n != 1 {
			t.Errorf("hour %d was given %d times", hour, n)
		}
	}
	periods, err := h.s.Busy(t.Context(), h.account("attic@example.org").ID, at("2026-06-02 00:00"), at("2026-06-03 00:00"))
	if err != nil || told(periods) != "02T08:00-02T12:00 2" {
		t.Errorf("%s, %v", told(periods), err)
	}
}

func TestARoomWithoutItsLastBookerIsClosed(t *testing.T) {
	h := newBusyHouse(t, "[[user]]\nlogin = 'anna@example.org'\n[[user]]\nlogin = 'bob@example.org'\n[[resource]]\naddress = 'den@example.org'\nmay_book = ['anna@example.org']\n")
	if err := h.directory.RemoveUser(t.Context(), h.account("anna@example.org").ID); err != nil {
		t.Fatal(err)
	}
	if b := h.account("den@example.org").Booking; b.Decision != directory.DecideNever || len(b.Bookers) != 0 {
		t.Errorf("%+v", b)
	}
}
