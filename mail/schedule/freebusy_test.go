package schedule

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/mail/object"
	"martlet/mail/queue"
	"martlet/mail/route"
	"martlet/push"
	"martlet/store"
	"martlet/store/blob"
)

// busyHouse is a store with mailboxes and a Scheduler, in Berlin's time.
type busyHouse struct {
	t         testing.TB
	store     *store.Store
	mailboxes *mailbox.Mailboxes
	directory *directory.Directory
	s         *Scheduler
}

func newBusyHouse(t testing.TB, file string) *busyHouse {
	t.Helper()
	dir := t.TempDir()
	st, err := store.Open(store.Config{Path: filepath.Join(dir, "store")})
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := blob.Open(blob.Config{Store: st, Path: filepath.Join(dir, "blobs")})
	if err != nil {
		t.Fatal(err)
	}
	d, err := directory.New(directory.Config{Store: st, HashCost: directory.HashCost{Memory: 16, Time: 1, Threads: 1}})
	if err != nil {
		t.Fatal(err)
	}
	boxes := mailbox.New(mailbox.Config{Store: st, Blobs: blobs, Hub: push.NewHub()})
	r := route.New(route.Config{Store: st, Directory: d, Mailboxes: boxes, Queue: queue.New(queue.Config{Store: st, Blobs: blobs}), Hostname: "mail.example.org"})
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	h := &busyHouse{t: t, store: st, mailboxes: boxes, directory: d, s: New(Config{Store: st, Mailboxes: boxes, Directory: d, Router: r, Zone: zone})}
	t.Cleanup(func() {
		report := func(p store.Problem) { t.Errorf("check: %+v", p) }
		if err := boxes.Check(context.Background(), report); err != nil {
			t.Error(err)
		}
		h.s.Close()
		r.Close()
		blobs.Close()
		st.Close()
	})
	h.apply("[[domain]]\nname = 'example.org'\n" + file)
	return h
}

func (h *busyHouse) apply(text string) {
	h.t.Helper()
	f, err := directory.ParseFile(strings.NewReader(text), "dir.toml")
	if err == nil {
		_, err = h.directory.Apply(context.Background(), f, false)
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *busyHouse) account(login string) directory.Account {
	h.t.Helper()
	a, err := h.directory.AccountByLogin(context.Background(), login)
	if err != nil {
		h.t.Fatal(err)
	}
	return a
}

func (h *busyHouse) update(fn func(tx *store.Tx) error) {
	h.t.Helper()
	if err := h.store.Update(context.Background(), fn); err != nil {
		h.t.Fatal(err)
	}
}

// put writes an event into somebody's calendar.
func (h *busyHouse) put(login string, event string) mail.Item {
	h.t.Helper()
	raw := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\n" + strings.ReplaceAll(strings.TrimSpace(event), "\n", "\r\n") + "\r\nEND:VCALENDAR\r\n"
	return h.putRaw(login, raw)
}

func (h *busyHouse) putRaw(login, raw string) mail.Item {
	h.t.Helper()
	body, err := h.mailboxes.PrepareObject(context.Background(), mail.ClassCalendar, []byte(raw))
	if err != nil {
		h.t.Fatal(err)
	}
	var it mail.Item
	box := mail.MailboxOf(h.account(login).ID)
	h.update(func(tx *store.Tx) error {
		f, err := h.mailboxes.FolderByRole(tx, box, mail.RoleCalendar)
		if err != nil {
			return err
		}
		it, err = h.mailboxes.Append(tx, box, f.ID, mail.NewItem{Class: mail.ClassCalendar, Body: body})
		return err
	})
	return it
}

func vevent(uid string, lines ...string) string {
	return "BEGIN:VEVENT\nUID:" + uid + "\nDTSTAMP:20260101T000000Z\n" + strings.Join(lines, "\n") + "\nEND:VEVENT"
}

func at(s string) time.Time {
	t, err := time.Parse("2006-01-02 15:04", s)
	if err != nil {
		panic(err)
	}
	return t
}

// told is periods in few characters.
func told(periods []Period) string {
	var out []string
	for _, p := range periods {
		out = append(out, fmt.Sprintf("%s-%s %c", p.Start.Format("02T15:04"), p.End.Format("02T15:04"), digit(p.Status)))
	}
	return strings.Join(out, ", ")
}

const twoPeople = `
[[user]]
login = "anna@example.org"
aliases = ["a.ash@example.org"]
[[user]]
login = "bob@example.org"
[[user]]
login = "secret@example.org"
hidden = true
[[user]]
login = "gone@example.org"
disabled = true
[[group]]
address = "team@example.org"
members = ["anna@example.org", "bob@example.org", "gone@example.org"]
[[contact]]
address = "carol@example.net"
`

func TestOnlyEventsThatTakeTimeCount(t *testing.T) {
	h := newBusyHouse(t, twoPeople)
	for i, tc := range []struct{ event, want string }{
		{"DTSTART:20260601T080000Z\nDTEND:20260601T090000Z", "01T08:00-01T09:00 2"},
		{"DTSTART:20260601T080000Z\nDURATION:PT30M\nSTATUS:TENTATIVE", "01T08:00-01T08:30 1"},
		{"DTSTART:20260601T080000Z\nDURATION:PT30M\nX-MICROSOFT-CDO-BUSYSTATUS:OOF", "01T08:00-01T08:30 3"},
		{"DTSTART:20260601T080000Z\nDURATION:PT30M\nTRANSP:TRANSPARENT", ""},
		{"DTSTART:20260601T080000Z\nDURATION:PT30M\nSTATUS:CANCELLED", ""},
		{"DTSTART:20260601T080000Z\nDURATION:PT30M\nX-MICROSOFT-CDO-BUSYSTATUS:WORKINGELSEWHERE", ""},
		{"DTSTART:20260601T080000Z", ""}, // no length
		{"DTSTART;TZID=Europe/Berlin:20260601T080000\nDURATION:PT1H", "01T06:00-01T07:00 2"},
		{"DTSTART:20260601T080000\nDURATION:PT1H", "01T06:00-01T07:00 2"},           // no zone: the house's
		{"DTSTART;VALUE=DATE:20260602", "01T22:00-02T22:00 2"},                      // a day of the house's zone
		{"DTSTART:20260531T230000Z\nDTEND:20260610T000000Z", "01T00:00-08T00:00 2"}, // longer than what is asked for
		{"DTSTART:20260601T080000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3\nEXDATE:20260602T080000Z", "01T08:00-01T09:00 2, 03T08:00-03T09:00 2"},
		{"DTSTART:20200601T080000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY", "01T08:00-01T09:00 2"},
		{"DTSTART:20260601T080000Z\nDURATION:PT1H\nRRULE:FREQ=WEEKLY;UNTIL=20260101T000000Z\nRDATE:20260605T100000Z", "01T08:00-01T09:00 2, 05T10:00-05T11:00 2"},
		// What the owner answered.
		{"DTSTART:20260601T080000Z\nDURATION:PT1H\nORGANIZER:mailto:bob@example.org\nATTENDEE;PARTSTAT=DECLINED:mailto:anna@example.org", ""},
		{"DTSTART:20260601T080000Z\nDURATION:PT1H\nORGANIZER:mailto:bob@example.org\nATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:A.Ash@example.org", "01T08:00-01T09:00 1"},
		{"DTSTART:20260601T080000Z\nDURATION:PT1H\nORGANIZER:mailto:bob@example.org\nATTENDEE;PARTSTAT=ACCEPTED:mailto:anna@example.org", "01T08:00-01T09:00 2"},
		{"DTSTART:20260601T080000Z\nDURATION:PT1H\nORGANIZER:mailto:anna@example.org\nATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:anna@example.org", "01T08:00-01T09:00 2"},
	} {
		it := h.put("anna@example.org", vevent(fmt.Sprint("one-", i), strings.Split(tc.event, "\n")...))
		anna := h.account("anna@example.org")
		got, err := h.s.Busy(t.Context(), anna.ID, at("2026-06-01 00:00"), at("2026-06-08 00:00"))
		if err != nil || told(got) != tc.want {
			t.Errorf("%s:\ngot  %s, %v\nwant %s", tc.event, told(got), err, tc.want)
		}
		h.update(func(tx *store.Tx) error {
			_, err := h.mailboxes.Delete(tx, mail.MailboxOf(anna.ID), it.Folder, it.ID)
			return err
		})
	}
}

func TestAnOccurrenceThatWasMovedCountsWhereItIs(t *testing.T) {
	h := newBusyHouse(t, twoPeople)
	h.put("anna@example.org", vevent("s", "DTSTART;TZID=Europe/Berlin:20260316T090000", "DTEND;TZID=Europe/Berlin:20260316T100000", "RRULE:FREQ=WEEKLY;COUNT=4")+"\n"+
		vevent("s", "RECURRENCE-ID;TZID=Europe/Berlin:20260323T090000", "DTSTART;TZID=Europe/Berlin:20260324T120000", "DTEND;TZID=Europe/Berlin:20260324T123000")+"\n"+
		vevent("s", "RECURRENCE-ID;TZID=Europe/Berlin:20260406T090000", "DTSTART;TZID=Europe/Berlin:20260406T090000", "DURATION:PT1H", "STATUS:CANCELLED"))
	got, err := h.s.Busy(t.Context(), h.account("anna@example.org").ID, at("2026-03-01 00:00"), at("2026-05-01 00:00"))
	// Nine o'clock stays nine o'clock when summer time begins on the 29th.
	if want := "16T08:00-16T09:00 2, 24T11:00-24T11:30 2, 30T07:00-30T08:00 2"; err != nil || told(got) != want {
		t.Errorf("got %s, %v, want %s", told(got), err, want)
	}
}

func TestTheStrongestStatusCounts(t *testing.T) {
	h := newBusyHouse(t, twoPeople)
	h.put("anna@example.org", vevent("a", "DTSTART:20260601T080000Z", "DURATION:PT4H", "STATUS:TENTATIVE"))
	h.put("anna@example.org", vevent("b", "DTSTART:20260601T090000Z", "DURATION:PT1H"))
	h.put("anna@example.org", vevent("c", "DTSTART:20260601T093000Z", "DURATION:PT1H", "X-MICROSOFT-CDO-BUSYSTATUS:OOF"))
	h.put("anna@example.org", vevent("d", "DTSTART:20260601T103000Z", "DURATION:PT30M", "X-MICROSOFT-CDO-BUSYSTATUS:OOF"))
	got, err := h.s.Busy(t.Context(), h.account("anna@example.org").ID, at("2026-06-01 00:00"), at("2026-06-02 00:00"))
	if want := "01T08:00-01T09:00 1, 01T09:00-01T09:30 2, 01T09:30-01T11:00 3, 01T11:00-01T12:00 1"; err != nil || told(got) != want {
		t.Errorf("got %s, %v, want %s", told(got), err, want)
	}
	if s := MergedFreeBusy(got, at("2026-06-01 07:30"), at("2026-06-01 12:30")); s != "0112333110" {
		t.Errorf("merged: %s", s)
	}
}

// What is kept of a calendar follows every change of it.
func TestAChangeIsSeenAtOnce(t *testing.T) {
	h := newBusyHouse(t, twoPeople)
	anna := h.account("anna@example.org")
	box := mail.MailboxOf(anna.ID)
	ask := func() string {
		t.Helper()
		got, err := h.s.Busy(t.Context(), anna.ID, at("2026-06-01 00:00"), at("2026-06-08 00:00"))
		if err != nil {
			t.Fatal(err)
		}
		return told(got)
	}
	if got := ask(); got != "" {
		t.Fatalf("an empty calendar: %s", got)
	}
	one := h.put("anna@example.org", vevent("one", "DTSTART:20260601T080000Z", "DURATION:PT1H"))
	two := h.put("anna@example.org", vevent("two", "DTSTART:20260602T080000Z", "DURATION:PT1H", "RRULE:FREQ=DAILY;COUNT=2"))
	if got := ask(); got != "01T08:00-01T09:00 2, 02T08:00-02T09:00 2, 03T08:00-03T09:00 2" {
		t.Errorf("two new ones: %s", got)
	}
	body, err := h.mailboxes.PrepareObject(t.Context(), mail.ClassCalendar, []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n"+
		strings.ReplaceAll(vevent("two", "DTSTART:20260605T080000Z", "DURATION:PT1H"), "\n", "\r\n")+"\r\nEND:VCALENDAR\r\n"))
	if err != nil {
		t.Fatal(err)
	}
	h.update(func(tx *store.Tx) error {
		_, err := h.mailboxes.ReplaceBody(tx, box, two.Folder, two.ID, body, nil)
		return err
	})
	if got := ask(); got != "01T08:00-01T09:00 2, 05T08:00-05T09:00 2" {
		t.Errorf("one changed: %s", got)
	}
	h.update(func(tx *store.Tx) error {
		_, err := h.mailboxes.Delete(tx, box, one.Folder, one.ID)
		return err
	})
	if got := ask(); got != "05T08:00-05T09:00 2" {
		t.Errorf("one gone: %s", got)
	}
	got, err := h.s.BusyIn(t.Context(), BusyQuery{Box: box, From: at("2026-06-01 00:00"), To: at("2026-06-08 00:00"), Except: "two"})
	if err != nil || len(got) != 0 {
		t.Errorf("without the second: %s, %v", told(got), err)
	}
	// A second calendar of the user counts, too, and what is moved there.
	h.update(func(tx *store.Tx) error {
		f, err := h.mailboxes.CreateFolder(tx, box, 0, "Private", mail.ClassCalendar)
		if err == nil {
			_, err = h.mailboxes.Move(tx, box, two.Folder, two.ID, f.ID)
		}
		return err
	})
	if got := ask(); got != "05T08:00-05T09:00 2" {
		t.Errorf("moved: %s", got)
	}
}

// Many ask while the calendar is written: nobody is told what is over, and the
// last one is told all.
func TestManyAskWhileTheCalendarChanges(t *testing.T) {
	h := newBusyHouse(t, twoPeople)
	anna := h.account("anna@example.org")
	from, to := at("2026-06-01 00:00"), at("2026-07-01 00:00")
	const events = 20
	done := make(chan struct{})
	var asking errgroup.Group
	for range 4 {
		asking.Go(func() error {
			most := 0
			for {
				got, err := h.s.Busy(t.Context(), anna.ID, from, to)
				if err != nil {
					return err
				}
				if len(got) < most {
					return fmt.Errorf("%d periods after %d", len(got), most)
				}
				most = len(got)
				select {
				case <-done:
					return nil
				default:
				}
			}
		})
	}
	for i := range events {
		h.put("anna@example.org", vevent(fmt.Sprint("e", i), "DTSTART:"+from.Add(time.Duration(i)*24*time.Hour).Format("20060102T150405Z"), "DURATION:PT1H"))
	}
	close(done)
	if err := asking.Wait(); err != nil {
		t.Error(err)
	}
	if got, err := h.s.Busy(t.Context(), anna.ID, from, to); err != nil || len(got) != events {
		t.Errorf("%d periods, %v", len(got), err)
	}
}

func TestWhoIsNotToBeSeenIsNotKnown(t *testing.T) {
	h := newBusyHouse(t, twoPeople)
	h.put("anna@example.org", vevent("a", "DTSTART:20260601T080000Z", "DURATION:PT1H"))
	h.put("bob@example.org", vevent("b", "DTSTART:20260601T100000Z", "DURATION:PT1H", "CLASS:PRIVATE"))
	h.put("gone@example.org", vevent("c", "DTSTART:20260601T120000Z", "DURATION:PT1H"))
	for address, want := range map[string]string{
		"anna@example.org":   "01T08:00-01T09:00 2",
		"A.Ash@Example.org":  "01T08:00-01T09:00 2",
		"bob@example.org":    "01T10:00-01T11:00 2", // private, but not free
		"team@example.org":   "01T08:00-01T09:00 2, 01T10:00-01T11:00 2",
		"secret@example.org": ErrNoData.Error(),
		"gone@example.org":   ErrNoData.Error(),
		"carol@example.net":  ErrNoData.Error(),
		"who@example.com":    ErrNoData.Error(),
		"nobody@example.org": ErrNoData.Error(),
		"no address":         ErrNoData.Error(),
	} {
		got, err := h.s.BusyAt(t.Context(), address, at("2026-06-01 00:00"), at("2026-06-02 00:00"), 20)
		if s := told(got); err == nil && s != want || err != nil && err.Error() != want {
			t.Errorf("%s: %s, %v, want %s", address, s, err, want)
		}
	}
	if _, err := h.s.BusyAt(t.Context(), "team@example.org", at("2026-06-01 00:00"), at("2026-06-02 00:00"), 2); err != ErrTooMany {
		t.Errorf("a group of three for at most two: %v", err)
	}
}

// A fault that one calendar finds is that one's answer alone.
func TestAFaultEndsOneAnswerNotTheProcess(t *testing.T) {
	h := newBusyHouse(t, twoPeople)
	h.put("bob@example.org", vevent("b", "DTSTART:20260601T100000Z", "DURATION:PT1H"))
	anna := mail.MailboxOf(h.account("anna@example.org").ID)
	h.put("anna@example.org", vevent("a", "DTSTART:20260601T080000Z", "DURATION:PT1H"))
	h.s.counts = func(_ *store.Tx, box mail.MailboxID, _ mail.FolderID) (bool, error) {
		if box == anna {
			panic("a fault")
		}
		return true, nil
	}
	got := h.s.BusyOf(t.Context(), []string{"anna@example.org", "bob@example.org"}, at("2026-06-01 00:00"), at("2026-06-02 00:00"), 20)
	if got[0].Err == nil || !strings.Contains(got[0].Err.Error(), "a fault") || got[1].Err != nil || told(got[1].Periods) != "01T10:00-01T11:00 2" {
		t.Errorf("%+v", got)
	}
}

// MS-ASCMD_R3327 to R3336.
func TestMergedFreeBusyIsOfHalfHoursFromTheStart(t *testing.T) {
	day := func(s string) time.Time {
		x, err := time.Parse("15:04:05", s)
		if err != nil {
			t.Fatal(err)
		}
		return x
	}
	oof := []Period{{day("12:00:00"), day("12:05:00"), object.OutOfOffice}}
	for _, tc := range []struct {
		periods        []Period
		from, to, want string
	}{
		{oof, "12:00:00", "13:00:00", "30"},
		{oof, "12:04:59", "13:00:00", "30"},
		{oof, "12:05:00", "13:00:00", "00"},
		{oof, "11:30:00", "12:00:00", "0"},
		{nil, "13:00:00", "13:30:00", "0"},
		{nil, "12:59:59", "13:30:00", "00"},
		{nil, "13:00:00", "13:30:01", "00"},
		{nil, "13:00:00", "13:00:00", ""},
		{[]Period{{day("09:25:00"), day("09:30:00"), object.Busy}}, "09:00:00", "10:00:00", "20"},
		{[]Period{{day("09:00:00"), day("09:10:00"), object.Tentative}, {day("09:10:00"), day("09:11:00"), object.Busy}}, "09:00:00", "10:00:00", "20"},
		{[]Period{{day("08:00:00"), day("20:00:00"), object.Busy}}, "09:00:00", "10:15:00", "222"},
	} {
		if got := MergedFreeBusy(tc.periods, day(tc.from), day(tc.to)); got != tc.want {
			t.Errorf("%v from %s to %s: %s, want %s", tc.periods, tc.from, tc.to, got, tc.want)
		}
	}
	if n := len(MergedFreeBusy(nil, at("2000-01-01 00:00"), at("2026-01-01 00:00"))); n != 32<<10 { // R3317
		t.Errorf("%d digits", n)
	}
}

func TestFreeBusyAsAComponent(t *testing.T) {
	c := FreeBusyComponent([]Period{{at("2026-06-01 08:00"), at("2026-06-01 09:00"), object.Tentative}, {at("2026-06-01 10:00"), at("2026-06-01 11:00"), object.OutOfOffice}},
		at("2026-06-01 00:00"), at("2026-06-02 00:00"), at("2026-05-01 00:00"))
	want := "BEGIN:VFREEBUSY\r\nDTSTAMP:20260501T000000Z\r\nDTSTART:20260601T000000Z\r\nDTEND:20260602T000000Z\r\n" +
		"FREEBUSY;FBTYPE=BUSY-TENTATIVE:20260601T080000Z/20260601T090000Z\r\nFREEBUSY;FBTYPE=BUSY-UNAVAILABLE:20260601T100000Z/20260601T110000Z\r\nEND:VFREEBUSY\r\n"
	if got := string(c.Append(nil)); got != want {
		t.Errorf("got %s", got)
	}
}

// Twenty people with 5,000 events, 1,000 of which recur, over two months.
func BenchmarkFreeBusyOfTwenty(b *testing.B) {
	const people, events, recurring = 20, 5000, 1000
	var file strings.Builder
	for i := range people {
		fmt.Fprintf(&file, "[[user]]\nlogin = 'p%d@example.org'\n", i)
	}
	h := newBusyHouse(b, file.String())
	from, to := at("2026-06-01 00:00"), at("2026-08-01 00:00")
	var addresses []string
	for i := range people {
		a := h.account(fmt.Sprintf("p%d@example.org", i))
		addresses = append(addresses, a.Login)
		h.fill(a, events, recurring)
	}
	ask := func(b *testing.B) {
		for _, one := range h.s.BusyOf(b.Context(), addresses, from, to, people) {
			if one.Err != nil || len(one.Periods) == 0 {
				b.Fatal(one)
			}
		}
	}
	b.Run("cold", func(b *testing.B) {
		for b.Loop() {
			h.s.busy = busyCache{}
			ask(b)
		}
	})
	b.Run("warm", func(b *testing.B) {
		for b.Loop() {
			ask(b)
		}
	})
	b.Run("one changed", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			h.put("p0@example.org", vevent(fmt.Sprint("n", i), "DTSTART:20260601T080000Z", "DURATION:PT1H"))
			ask(b)
		}
	})
}

// fill gives somebody a calendar of three years.
func (h *busyHouse) fill(a directory.Account, events, recurring int) {
	box := mail.MailboxOf(a.ID)
	bodies := make([]mail.Body, events)
	var g errgroup.Group
	g.SetLimit(64)
	for i := range bodies {
		start := at("2024-01-01 08:00").Add(time.Duration(i*7919%(3*365*24)) * time.Hour)
		lines := []string{"SUMMARY:Something", "DTSTART;TZID=Europe/Berlin:" + start.Format("20060102T150405"), "DURATION:PT1H"}
		if i < recurring {
			lines = append(lines, []string{"RRULE:FREQ=WEEKLY;BYDAY=TU", "RRULE:FREQ=MONTHLY;BYDAY=2MO", "RRULE:FREQ=YEARLY", "RRULE:FREQ=WEEKLY;INTERVAL=2;COUNT=100"}[i%4])
		}
		raw := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\n" + strings.ReplaceAll(vevent(fmt.Sprintf("%d-%d", a.ID, i), lines...), "\n", "\r\n") + "\r\nEND:VCALENDAR\r\n"
		g.Go(func() (err error) {
			bodies[i], err = h.mailboxes.PrepareObject(context.Background(), mail.ClassCalendar, []byte(raw))
			return err
		})
	}
	if err := g.Wait(); err != nil {
		h.t.Fatal(err)
	}
	for some := range slices.Chunk(bodies, 250) {
		h.update(func(tx *store.Tx) error {
			f, err := h.mailboxes.FolderByRole(tx, box, mail.RoleCalendar)
			for j := 0; j < len(some) && err == nil; j++ {
				_, err = h.mailboxes.Append(tx, box, f.ID, mail.NewItem{Class: mail.ClassCalendar, Body: some[j]})
			}
			return err
		})
	}
}
