package announce

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/push"
	"martlet/push/seal"
	"martlet/store"
)

// event is a calendar object in the year to come.
func event(summary string, lines ...string) []byte {
	more := ""
	for _, l := range lines {
		more += l + "\r\n"
	}
	return []byte("BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//example//EN\r\nBEGIN:VEVENT\r\nUID:" + strings.ReplaceAll(summary, " ", "-") +
		"@example.org\r\nDTSTAMP:20261101T000000Z\r\nDTSTART:20271103T100000Z\r\nDTEND:20271103T110000Z\r\nSUMMARY:" + summary + "\r\n" + more +
		"END:VEVENT\r\nEND:VCALENDAR\r\n")
}

// write puts an event into a folder as somebody has it, or in the place of one.
func (h *house) write(box mail.MailboxID, f mail.FolderID, id mail.ItemID, raw []byte) (it mail.Item) {
	h.Helper()
	body, err := h.boxes.PrepareObject(h.ctx(), mail.ClassCalendar, raw)
	h.must(err)
	h.update(func(tx *store.Tx) (err error) {
		if id == 0 {
			it, err = h.boxes.Append(tx, box, f, mail.NewItem{Class: mail.ClassCalendar, Body: body})
		} else {
			it, err = h.boxes.ReplaceBody(tx, box, f, id, body, nil)
		}
		return err
	})
	return it
}

// remove deletes an item as somebody has it.
func (h *house) remove(box mail.MailboxID, it mail.Item) {
	h.Helper()
	h.update(func(tx *store.Tx) error {
		_, err := h.boxes.Delete(tx, box, it.Folder, it.ID)
		return err
	})
}

const silentWake = "[silent |  |  | ]"

// Whatever happens to an event the app is woken to fetch it, and told nothing.
func TestAnEventThatIsMadeChangedOrDeletedWakesSilently(t *testing.T) {
	for _, m := range []push.Mode{push.Silent, push.Alert, push.Sealed} {
		h := newHouse(t)
		calendar := h.folder(mail.RoleCalendar)
		id := h.phone(mode(m), toFolders(calendar), func(r *Registration) {
			r.Kind, r.Token = push.FCM, "a-registration-token" // which has no budget
			if m == push.Sealed {
				_, r.SealKey, _ = seal.GenerateKey()
			}
		}).ID
		box := mail.MailboxOf(h.alice)
		it := h.write(box, calendar, 0, event("Standup"))
		n := h.says(id, silentWake)[0]
		if n.Withdrawn || n.Message != "" || n.Thread != "" || n.Envelope != nil || !n.Expires.After(h.now) || n.Expires.After(h.now.Add(wakeLife)) {
			t.Errorf("%s: %+v", m, n)
		}
		h.nothing(id)
		h.write(box, calendar, it.ID, event("Standup", "BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:x", "TRIGGER:-PT5M", "END:VALARM"))
		h.says(id, silentWake)
		h.write(box, calendar, 0, event("Retro"))
		h.remove(box, it)
		h.says(id, silentWake)
		h.nothing(id)
	}
}

// To each kind of change belongs the class that is asked for.
func TestOtherClassesAreToldToWhoAsksForThem(t *testing.T) {
	d := newDesk(t)
	theirs := d.make("Team", mail.ClassCalendar)
	link := d.share(d.mine(), theirs, mail.MayRead)
	own := d.role(d.mine(), mail.RoleCalendar)
	ids := map[string]uint64{
		"inbox":      d.phone(mode(push.Silent), of("a", 1)).ID,
		"all":        d.phone(mode(push.Silent), toAll, of("b", 2)).ID,
		"everything": d.phone(mode(push.Silent), toEvery, of("c", 3)).ID,
		"own":        d.phone(mode(push.Silent), toFolders(own), of("d", 4)).ID,
		"link":       d.phone(mode(push.Silent), toFolders(link), of("e", 5)).ID,
		"badge":      d.phone(mode(push.Badge), toFolders(own, link), of("f", 6)).ID,
		"alert":      d.phone(toEvery, of("g", 7)).ID,
	}
	check := func(what string, want ...string) {
		t.Helper()
		for name, id := range ids {
			expect := ""
			for _, w := range want {
				if w == name {
					expect = silentWake
				}
			}
			if all, _ := d.told(id); spell(all) != expect {
				t.Errorf("%s: %s is told %q", what, name, spell(all))
			}
		}
	}
	d.write(d.mine(), own, 0, event("Own"))
	check("own", "everything", "own", "alert")
	d.write(d.bob, theirs, 0, event("Theirs"))
	check("theirs", "everything", "link", "alert")
	d.write(d.bob, d.role(d.bob, mail.RoleCalendar), 0, event("Not shared"))
	check("what is not shared")
	body, err := d.boxes.PrepareObject(d.ctx(), mail.ClassContacts, []byte("BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Dora\r\nN:;Dora;;;\r\nEMAIL:dora@example.net\r\nEND:VCARD\r\n"))
	d.must(err)
	d.update(func(tx *store.Tx) error {
		return d.boxes.NoteRecipients(tx, d.mine(), []mailbox.Recipient{{Address: "dora@example.net", Card: mail.Body{Blob: body.Blob}}}, d.now)
	})
	check("the cache of recipients")
}

// A private event of another's: not a word of it goes anywhere, and no word of
// whose it is.
func TestOfAPrivateEventNothingIsTold(t *testing.T) {
	d := newDesk(t)
	theirs := d.make("Team", mail.ClassCalendar)
	link := d.share(d.mine(), theirs, mail.MayRead)
	_, public, err := seal.GenerateKey()
	d.must(err)
	for i, m := range []push.Mode{push.Alert, push.Silent, push.Sealed} {
		id := d.phone(mode(m), toFolders(link), of(fmt.Sprint(m), i), func(r *Registration) {
			r.Name = "alice-at-work"
			if m == push.Sealed {
				r.SealKey = public
			}
		}).ID
		it := d.write(d.bob, theirs, 0, event(fmt.Sprint("Surgery ", i), "CLASS:PRIVATE"))
		n := d.only(id)
		if s := fmt.Sprintf("%+v", *n); strings.Contains(s, "Surgery") || n.Message != "" || n.Unread != nil {
			t.Errorf("%s: %s", m, s)
		}
		if leaks := m == push.Sealed && n.Account != ""; leaks {
			t.Errorf("the service sees that it is %s", n.Account)
		}
		d.remove(d.bob, it)
	}
}

func TestSilentWakesForCalendarsKeepToApplesBudget(t *testing.T) {
	h := newHouse(t)
	box, calendar := mail.MailboxOf(h.alice), h.folder(mail.RoleCalendar)
	id := h.phone(toFolders(h.folder(mail.RoleInbox), calendar)).ID
	woken := 0
	for i := range backgroundBurst + 2 {
		h.write(box, calendar, 0, event(fmt.Sprint("Event ", i)))
		all, later := h.told(id)
		if woken += len(all); len(all) == 0 && later.IsZero() {
			t.Error("nobody asks when there is one again")
		}
	}
	if woken != backgroundBurst-1 { // one is left to mail
		t.Errorf("%d wakes at once", woken)
	}
	h.deliver(letter{subject: "Mail"})
	h.says(id, "[alert | Carol | Mail | Text 1. | 1]") // goes on, and says that the other waits
	h.now = h.now.Add(backgroundEvery)
	h.says(id, silentWake)
	h.nothing(id)
}

func TestABusyCalendarLeavesAWakeOfApplesToMail(t *testing.T) {
	h := newHouse(t)
	box, calendar := mail.MailboxOf(h.alice), h.folder(mail.RoleCalendar)
	id := h.phone(mode(push.Silent), toEvery).ID
	for i := range backgroundBurst + 2 {
		h.write(box, calendar, 0, event(fmt.Sprint("Event ", i)))
		h.told(id)
	}
	h.deliver(letter{})
	h.says(id, silentWake) // for both
	h.deliver(letter{})
	h.nothing(id)
}

// A busy calendar does not use up what Google lets pass, for mail would come late.
func TestABusyCalendarLeavesGooglesBudgetToMail(t *testing.T) {
	h := newHouse(t)
	box, calendar := mail.MailboxOf(h.alice), h.folder(mail.RoleCalendar)
	id := h.phone(mode(push.Silent), toEvery, func(r *Registration) { r.Kind, r.Token = push.FCM, "a-registration-token" }).ID
	woken := 0
	var later time.Time
	for i := range otherBurst + 5 {
		h.write(box, calendar, 0, event(fmt.Sprint("Event ", i)))
		var all []*push.Notification
		all, later = h.told(id)
		woken += len(all)
	}
	if woken != otherBurst || !later.Equal(h.now.Add(otherEvery)) {
		t.Errorf("%d wakes at once, the next %v, it is %v", woken, later, h.now)
	}
	h.deliver(letter{})
	h.says(id, silentWake) // for both
	h.nothing(id)
	h.write(box, calendar, 0, event("Later"))
	h.nothing(id)
	h.now = h.now.Add(otherEvery)
	h.says(id, silentWake)
}

// Mail that is shown and a calendar that is fetched are two things.
func TestAnAlertAndAWakeAreBothSent(t *testing.T) {
	h := newHouse(t)
	calendar := h.folder(mail.RoleCalendar)
	id := h.phone(toFolders(h.folder(mail.RoleInbox), calendar)).ID
	h.write(mail.MailboxOf(h.alice), calendar, 0, event("Standup"))
	it := h.deliver(letter{subject: "Mail"})
	h.says(id, "[alert | Carol | Mail | Text 1. | 1]"+silentWake)
	h.write(mail.MailboxOf(h.alice), calendar, 0, event("Retro"))
	h.see(it)
	h.says(id, "[alert withdrawn |  |  |  | 0]"+silentWake)
}

// In silent mode one wake is for both.
func TestOneSilentWakeIsForMailAndCalendar(t *testing.T) {
	h := newHouse(t)
	calendar := h.folder(mail.RoleCalendar)
	id := h.phone(mode(push.Silent), toFolders(h.folder(mail.RoleInbox), calendar)).ID
	h.write(mail.MailboxOf(h.alice), calendar, 0, event("Standup"))
	it := h.deliver(letter{})
	h.says(id, silentWake)
	h.see(it)
	h.write(mail.MailboxOf(h.alice), calendar, 0, event("Retro"))
	h.says(id, silentWake)
	h.nothing(id)
}

func TestAWakeForACalendarIsPlannedAnewUntilItIsTaken(t *testing.T) {
	h := newHouse(t)
	calendar := h.folder(mail.RoleCalendar)
	id := h.phone(mode(push.Silent), toFolders(calendar)).ID
	h.write(mail.MailboxOf(h.alice), calendar, 0, event("Standup"))
	p := h.plan(id)
	h.must(h.book.Settle(h.ctx(), id, &p, push.Outcome{Result: push.Retry}, true))
	after := h.crash()
	if got := after.behind(); len(got) != 1 {
		t.Errorf("behind: %v", got)
	}
	q := after.plan(id)
	if n := q.Notification; n == nil || n.Collapse != p.Notification.Collapse || n.Expires.After(p.Notification.Expires.Add(time.Minute)) {
		t.Fatalf("%+v", n)
	}
	for result, told := range map[push.Result]bool{push.Accepted: true, push.Refused: true, push.Expired: true, push.BadApp: false} {
		after := h.crash()
		p := after.plan(id)
		after.settle(id, &p, push.Outcome{Result: result})
		if all, _ := after.told(id); (len(all) == 0) != told {
			t.Errorf("%s: told %s", result, spell(all))
		}
	}
}

// What changes while nobody may be told is not told afterwards.
func TestACalendarOfATimeWithoutLeaveIsNotTold(t *testing.T) {
	h := newHouse(t)
	calendar := h.folder(mail.RoleCalendar)
	id := h.phone(mode(push.Silent), toFolders(calendar)).ID
	h.mayNotSync(true)
	h.write(mail.MailboxOf(h.alice), calendar, 0, event("Standup"))
	h.nothing(id)
	h.mayNotSync(false)
	h.nothing(id)
	h.write(mail.MailboxOf(h.alice), calendar, 0, event("Retro"))
	h.says(id, silentWake)
}

// What was asked for while a plan was made is not forgotten with it.
func TestAFolderThatIsAskedForDuringAPlanIsWatched(t *testing.T) {
	h := newHouse(t)
	calendar, tasks := h.folder(mail.RoleCalendar), h.folder(mail.RoleTasks)
	r := h.phone(toFolders(h.folder(mail.RoleInbox), tasks))
	h.deliver(letter{})
	p := h.plan(r.ID)
	_, err := h.book.Change(h.ctx(), h.alice, r.ID, func(r *Registration) error { r.Folders = []mail.FolderID{calendar}; return nil })
	h.must(err)
	h.write(mail.MailboxOf(h.alice), calendar, 0, event("Standup"))
	h.settle(r.ID, &p, push.Outcome{Result: push.Accepted})
	if marks := h.standing(r.ID).Marks; len(marks) != 1 || marks[0].Folder != calendar {
		t.Errorf("marks: %v", marks)
	}
	all, _ := h.told(r.ID)
	if len(all) == 0 || all[len(all)-1].Mode != push.Silent {
		t.Errorf("told %s", spell(all))
	}
}

// A registration of before there were marks begins at the present, and so does
// one that asks for more.
func TestAFolderThatIsAskedForLaterBeginsAtThePresent(t *testing.T) {
	h := newHouse(t)
	calendar := h.folder(mail.RoleCalendar)
	r := h.phone(mode(push.Silent))
	h.write(mail.MailboxOf(h.alice), calendar, 0, event("Standup"))
	_, err := h.book.Change(h.ctx(), h.alice, r.ID, func(r *Registration) error { toEvery(r); return nil })
	h.must(err)
	h.nothing(r.ID)
	var made mail.Folder
	h.update(func(tx *store.Tx) (err error) {
		made, err = h.boxes.CreateFolder(tx, mail.MailboxOf(h.alice), 0, "Club", mail.ClassCalendar)
		return err
	})
	h.write(mail.MailboxOf(h.alice), made.ID, 0, event("Retro"))
	h.says(r.ID, silentWake) // the folder is new, and so is what is in it
	h.nothing(r.ID)
}
