package schedule

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"martlet/mail"
	"martlet/store"
	"martlet/store/blob"
)

func TestACrashAnywhereLosesNothingAndRepeatsNothing(t *testing.T) {
	h := openHouse(t)
	// Planned, and never written: nobody hears of it.
	var folder mail.Folder
	h.update(func(tx *store.Tx) (err error) {
		if err := h.mailboxes.Ensure(tx, h.box("ann")); err != nil {
			return err
		}
		folder, err = h.mailboxes.FolderByRole(tx, h.box("ann"), mail.RoleCalendar)
		return err
	})
	c := Change{Account: h.people["ann"], Box: h.box("ann"), Folder: folder.ID, New: event("1", lunch...)}
	plan, err := h.s.Plan(context.Background(), c)
	h.must(err)
	if err := h.store.Update(context.Background(), func(tx *store.Tx) error {
		return errors.Join(plan.Commit(tx), errors.New("the disk is gone"))
	}); err == nil {
		t.Fatal("it was written")
	}
	h.restart()
	h.expect("Bob's inbox", h.got("bob"), "")
	// Written, and the process ends before anything else is done.
	if plan, err = h.s.Plan(context.Background(), c); err != nil {
		t.Fatal(err)
	}
	body, err := h.mailboxes.PrepareObject(context.Background(), mail.ClassCalendar, plan.New)
	h.must(err)
	h.update(func(tx *store.Tx) error {
		if _, err := h.mailboxes.Append(tx, h.box("ann"), folder.ID, mail.NewItem{Class: mail.ClassCalendar, Body: body}); err != nil {
			return err
		}
		return plan.Commit(tx)
	})
	h.restart()
	h.expect("Bob's inbox", h.got("bob"), "REQUEST Lunch; with a comma, and ü")
	if h.has("bob", "1") != nil {
		t.Error("it was attended to without an attendant")
	}
	// Attended to in the end, and not again.
	h.settle()
	h.restart()
	h.settle()
	first, _ := h.item("bob", "1")
	h.restart()
	h.settle()
	if again, _ := h.item("bob", "1"); again.ModSeq != first.ModSeq || first.ID == 0 {
		t.Errorf("written again: %d, %d", first.ModSeq, again.ModSeq)
	}
	// The client says it again: its answer was lost.
	if n := h.change("ann", "1", event("1", lunch...)); n != 0 {
		t.Errorf("%d messages for the same again", n)
	}
	h.answer("bob", "1", accepted)
	h.restart()
	h.settle()
	h.restart()
	h.expect("Ann's view", h.statusOf("ann", "1", "bob@example.org"), accepted)
	h.expect("Ann's inbox", h.got("ann"), "REPLY Accepted: Lunch; with a comma, and ü")
}

func TestACalendarThatChangesMeanwhileIsLookedAtAnew(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", lunch...))
	h.settle()
	h.tick(time.Hour)
	h.edit("ann", "1", "Canteen", "Park")
	// What was worked out before Bob sets a reminder does not undo that.
	var n uint64
	var a arrival
	h.view(func(tx *store.Tx) error {
		for row, err := range h.s.rows.Scan(tx, store.TableRange[uint64]{}) {
			if err != nil {
				return err
			}
			n, a = row.Key, row.Value
		}
		return nil
	})
	w, err := h.s.work(context.Background(), &a)
	h.must(err)
	h.edit("bob", "1", "SUMMARY:", "CATEGORIES:Food\r\nSUMMARY:")
	if err := h.store.Update(context.Background(), func(tx *store.Tx) error { return w.commit(tx, n) }); !errors.Is(err, ErrStale) {
		t.Fatalf("%v", err)
	}
	h.settle()
	if e := h.has("bob", "1").Master(); e.Location != "Park" || len(e.Categories) != 1 {
		t.Errorf("Bob has %s", h.has("bob", "1").Encode())
	}
	// An answer, too.
	out, err := h.s.Answer(context.Background(), Answer{Account: h.people["bob"], Status: accepted, Box: h.box("bob"), At: func() mail.Place {
		it, _ := h.item("bob", "1")
		return mail.Place{Folder: it.Folder, Item: it.ID}
	}()})
	h.must(err)
	h.edit("bob", "1", "CATEGORIES:Food", "CATEGORIES:Fun")
	if err := h.store.Update(context.Background(), out.Commit); !errors.Is(err, ErrStale) {
		t.Errorf("%v", err)
	}
}

func TestTheAttendantIsWokenByWhatArrives(t *testing.T) {
	h := openHouse(t)
	h.deliver("bob", "zoe@peer.example", proven, zoes("REQUEST", 0, "20261101T100000Z"))
	h.s.Start() // with what waits
	wait := func(what string, done func() bool) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); !done(); runtime.Gosched() {
			if time.Now().After(deadline) {
				t.Fatal(what)
			}
		}
	}
	wait("what had come before", func() bool { return h.has("bob", "z") != nil })
	h.deliver("bob", "zoe@peer.example", proven, zoes("REQUEST", 1, "20261101T110000Z", "LOCATION:Here"))
	wait("what comes", func() bool { return h.has("bob", "z").Master().Location == "Here" })
	waiting := func() (n int) {
		h.view(func(tx *store.Tx) error {
			return h.s.References(tx, func(blob.Ref) { n++ })
		})
		return n
	}
	wait("the end of the note", func() bool { return waiting() == 0 })
}

// What users of other servers complain of: an invitation that is missing or
// answered twice, and one that is in the calendar twice.
func TestAddedToTheCalendarTwiceItIsThereOnce(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", lunch...))
	h.settle()
	// The phone adds it before or behind the server, from the message.
	raw := event("1", lunch...)
	plan, err := h.s.Plan(context.Background(), Change{Account: h.people["bob"], Box: h.box("bob"), Folder: 7, New: raw})
	h.must(err)
	it, _ := h.item("bob", "1")
	if len(plan.Existing) != 1 || plan.Existing[0] != (mail.Place{Folder: it.Folder, Item: it.ID}) || plan.Messages != 0 {
		t.Errorf("existing %v, %d messages", plan.Existing, plan.Messages)
	}
	// Behind an addition of the user's own the message changes that.
	h.change("cat", "1", raw, func(c *Change) { c.Invites = ByNobody })
	h.deliver("cat", "ann@example.org", "", itip("REQUEST", "1", 0, "20261102T090000Z", lunch...))
	h.settle()
	if o := h.has("cat", "1"); o == nil {
		t.Error("it is gone")
	}
	for _, who := range []string{"bob", "bob"} { // answered on the phone, and on the computer
		h.answer(who, "1", accepted, func(a *Answer) {
			it, _ := h.item("bob", "1")
			a.Message, a.Index, a.Box, a.At = blob.Ref{}, nil, h.box("bob"), mail.Place{Folder: it.Folder, Item: it.ID}
		})
	}
	h.expect("Ann's inbox", h.got("ann"), "REPLY Accepted: Lunch; with a comma, and ü")
}

// A meeting of a thousand people, and one that recurs ten thousand times, cost
// what they are, not more.
func TestLargeMeetingsAreBounded(t *testing.T) {
	h := openHouse(t)
	lines := append([]string{}, weekly[:2]...)
	lines = append(lines, "RRULE:FREQ=DAILY", "SUMMARY:Big", "ORGANIZER:mailto:ann@example.org", "ATTENDEE:mailto:bob@example.org")
	var b strings.Builder
	for i := range 400 {
		day := time.Date(2026, 11, 10, 0, 0, 0, 0, time.UTC).AddDate(0, 0, i).Format("20060102")
		fmt.Fprintf(&b, "BEGIN:VEVENT\r\nUID:big\r\nDTSTAMP:20261101T000000Z\r\nRECURRENCE-ID;TZID=Europe/Berlin:%sT090000\r\nDTSTART;TZID=Europe/Berlin:%sT110000\r\nDTEND;TZID=Europe/Berlin:%sT113000\r\nSUMMARY:Big\r\nEND:VEVENT\r\n", day, day, day)
	}
	raw := strings.Replace(string(event("big", lines...)), "END:VCALENDAR", b.String()+"END:VCALENDAR", 1)
	if n := h.change("ann", "big", []byte(raw)); n != 1 {
		t.Errorf("%d messages", n)
	}
	h.settle()
	if o := h.has("bob", "big"); len(o.Events) != 401 {
		t.Errorf("Bob has %d events", len(o.Events))
	}
	// Everything at another place is one message again.
	h.tick(time.Hour)
	if n := h.edit("ann", "big", "SUMMARY:Big", "SUMMARY:Bigger"); n != 1 {
		t.Errorf("%d messages", n)
	}
	h.settle()
	if e := h.has("bob", "big").Master(); e.Summary != "Bigger" {
		t.Errorf("Bob has %s", e.Summary)
	}
}

// A reply to each of a great many occurrences is bounded, too.
func TestAnAnswerToEverythingOneByOneIsBounded(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", append([]string{"RRULE:FREQ=DAILY"}, lunch...)...))
	one := func(n int) string {
		var b strings.Builder
		b.WriteString("BEGIN:VCALENDAR\nMETHOD:REPLY\n")
		for i := range n {
			id := time.Date(2026, 11, 10, 11, 0, 0, 0, time.UTC).AddDate(0, 0, i%120).Add(time.Duration(i/120) * time.Minute).Format("20060102T150405Z")
			fmt.Fprintf(&b, "BEGIN:VEVENT\nUID:1\nDTSTAMP:20261103T000000Z\nRECURRENCE-ID:%s\nATTENDEE;PARTSTAT=DECLINED:mailto:zoe@peer.example\nEND:VEVENT\n", id)
		}
		b.WriteString("END:VCALENDAR\n")
		return b.String()
	}
	h.deliver("ann", "zoe@peer.example", proven, one(maxEvents+1)) // more than a meeting has
	h.settle()
	if n := len(h.has("ann", "1").Events); n != 1 {
		t.Errorf("%d events", n)
	}
	h.deliver("ann", "zoe@peer.example", proven, one(1500))
	h.settle()
	if n := len(h.has("ann", "1").Events); n != 121 {
		t.Errorf("%d events", n)
	}
}
