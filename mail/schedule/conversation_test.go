package schedule

import (
	"context"
	"strings"
	"testing"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/route"
)

// The meeting of most tests: Ann's, with Bob and somebody elsewhere.
var lunch = []string{
	"DTSTART;TZID=Europe/Berlin:20261110T120000", "DTEND;TZID=Europe/Berlin:20261110T130000", "SUMMARY:Lunch; with a comma\\, and ü",
	"LOCATION:Canteen", "DESCRIPTION:Bring\\nfriends", "ORGANIZER;CN=Ann:mailto:ann@example.org",
	"ATTENDEE;CN=Ann;PARTSTAT=ACCEPTED:mailto:ann@example.org", "ATTENDEE;CN=Bob:mailto:bob@example.org",
	"ATTENDEE;CN=Zoë Ñandú:mailto:zoe@peer.example",
}

var weekly = []string{
	"DTSTART;TZID=Europe/Berlin:20261109T090000", "DTEND;TZID=Europe/Berlin:20261109T093000", "RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=8",
	"SUMMARY:Standup", "ORGANIZER:mailto:ann@example.org", "ATTENDEE:mailto:bob@example.org", "ATTENDEE:mailto:zoe@peer.example",
}

func (h *house) expect(what, got, want string) {
	h.Helper()
	if got != want {
		h.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func TestAnInvitationReachesEverybodyInTheTransactionThatMakesTheMeeting(t *testing.T) {
	h := openHouse(t)
	if n := h.change("ann", "1", event("1", lunch...)); n != 1 {
		t.Errorf("%d messages, want one for all", n)
	}
	h.expect("Bob's inbox", h.got("bob"), "REQUEST Lunch; with a comma, and ü")
	h.expect("the queue", h.sent(), "zoe@peer.example: REQUEST Lunch; with a comma, and ü")
	h.expect("Ann's sent items", h.letters("ann", mail.RoleSent)[0].String(), "REQUEST Lunch; with a comma, and ü")
	h.expect("Ann's inbox", h.got("ann"), "")

	raw := string(h.letters("bob", mail.RoleInbox)[0].raw)
	for _, want := range []string{
		"Content-Class: urn:content-classes:calendarmessage\r\n", "multipart/alternative", "text/calendar; method=REQUEST",
		"When: Tuesday, 10 November 2026, 12:00", "CET (Europe/Berlin)", "Where: Canteen",
	} {
		if !strings.Contains(strings.ReplaceAll(raw, "=E2=80=93", "–"), want) {
			t.Errorf("the message lacks %q:\n%s", want, raw)
		}
	}
	if o := h.letters("bob", mail.RoleInbox)[0].object; len(o.Master().Attendees) != 3 || o.Master().Attendees[2].Name != "Zoë Ñandú" || !o.Master().Attendees[1].RSVP {
		t.Errorf("attendees: %+v", o.Master().Attendees)
	}

	h.settle()
	e := h.has("bob", "1").Master()
	if e.Attendee("bob@example.org").Status != needsAction || e.Busy != "TENTATIVE" || e.Summary != "Lunch; with a comma, and ü" || e.Component.Prop(propUnverified) != nil {
		t.Errorf("Bob has %+v", e)
	}
	if s := string(h.has("ann", "1").Encode()); !strings.Contains(s, "SCHEDULE-STATUS=1.2") || !strings.Contains(s, "SCHEDULE-STATUS=1.1") {
		t.Errorf("Ann has %s", s)
	}
}

func TestWhatIsPrivateToOneUserSendsNothing(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", lunch...))
	h.change("ann", "2", event("2", weekly...))
	h.settle()
	alarm := "BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:x\r\nTRIGGER:-PT15M\r\nEND:VALARM\r\nEND:VEVENT"
	for name, edit := range map[string][]string{
		"a reminder":                      {"END:VEVENT", alarm},
		"a category":                      {"SUMMARY:", "CATEGORIES:Work\r\nSUMMARY:"},
		"busy":                            {"SUMMARY:", "TRANSP:TRANSPARENT\r\nX-MICROSOFT-CDO-BUSYSTATUS:FREE\r\nSUMMARY:"},
		"what a program remembers":        {"SUMMARY:", "X-MOZ-LASTACK:20261103T000000Z\r\nLAST-MODIFIED:20261103T000000Z\r\nSUMMARY:"},
		"times in another zone of a rule": {"TZID=Europe/Berlin", "TZID=Europe/Rome"},
		"times in Windows' name":          {"TZID=Europe/Berlin", `TZID="W. Europe Standard Time"`},
	} {
		for _, uid := range []string{"1", "2"} {
			h.tick(time.Hour)
			before := len(h.letters("bob", mail.RoleInbox)) + len(h.queued())
			raw := string(h.has("ann", uid).Encode())
			for i := 0; i < len(edit); i += 2 {
				raw = strings.Replace(raw, edit[i], edit[i+1], 2)
			}
			if n := h.change("ann", uid, []byte(raw)); n != 0 || len(h.letters("bob", mail.RoleInbox))+len(h.queued()) != before {
				t.Errorf("%s of %s: %d messages", name, uid, n)
			}
		}
	}
	// The same rule in other words.
	if n := h.edit("ann", "2", "RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=8", "RRULE:FREQ=WEEKLY;INTERVAL=1;UNTIL=20261229T000000Z"); n != 0 {
		t.Errorf("another way to write the rule: %d messages", n)
	}
	// An occurrence that a program sets apart for a reminder.
	if n := h.edit("ann", "2", "END:VCALENDAR", "BEGIN:VEVENT\r\nUID:2\r\nDTSTAMP:20261101T000000Z\r\nRECURRENCE-ID:20261116T080000Z\r\n"+
		"DTSTART;TZID=Europe/Rome:20261116T090000\r\nDTEND;TZID=Europe/Rome:20261116T093000\r\nSUMMARY:Standup\r\nEND:VEVENT\r\nEND:VCALENDAR"); n != 0 {
		t.Errorf("an occurrence with a reminder: %d messages", n)
	}
}

func TestAnAnswerIsInTheOrganizersMeeting(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", lunch...))
	h.settle()
	h.tick(time.Minute)
	out := h.answer("bob", "1", accepted, func(a *Answer) { a.Comment = "Gladly" })
	if it, _ := h.item("bob", "1"); out.At != (mail.Place{Folder: it.Folder, Item: it.ID}) {
		t.Errorf("it is said to be at %v", out.At)
	}
	e := h.has("bob", "1").Master()
	if e.Attendee("bob@example.org").Status != accepted || e.Busy != "BUSY" || e.Component.Value(propReplyTime) != "20261102T090100Z" {
		t.Errorf("Bob has %s", h.has("bob", "1").Encode())
	}
	h.expect("Ann's inbox", h.got("ann"), "REPLY Accepted: Lunch; with a comma, and ü")
	h.settle()
	h.expect("Ann's view", h.statusOf("ann", "1", "bob@example.org"), accepted)
	h.expect("the other's", h.statusOf("ann", "1", "zoe@peer.example"), needsAction)

	// Zoë's comes by mail, twice, and an older one last.
	reply := func(status, stamp string) string {
		return itip("REPLY", "1", 0, stamp, "ORGANIZER:mailto:ann@example.org", "ATTENDEE;PARTSTAT="+status+":mailto:zoe@peer.example", "DTSTART:20261110T110000Z")
	}
	h.deliver("ann", "zoe@peer.example", proven, reply("TENTATIVE", "20261103T100000Z"))
	h.deliver("ann", "zoe@peer.example", proven, reply("TENTATIVE", "20261103T100000Z"))
	h.deliver("ann", "zoe@peer.example", proven, reply("ACCEPTED", "20261103T090000Z"))
	h.settle()
	h.expect("Zoë's answer", h.statusOf("ann", "1", "zoe@peer.example"), tentative)
	h.tick(48 * time.Hour)
	if n := h.edit("ann", "1", "Canteen", "Park"); n != 1 {
		t.Errorf("%d messages for another place", n)
	}
	h.expect("after another place", h.statusOf("ann", "1", "bob@example.org"), accepted)
	h.settle()
	h.expect("Bob's own", h.statusOf("bob", "1", "bob@example.org"), accepted)
	h.expect("Bob's place", h.has("bob", "1").Master().Location, "Park")

	// Another time asks everybody anew.
	h.edit("ann", "1", "20261110T12", "20261111T12", "20261110T13", "20261111T13")
	h.settle()
	h.expect("after another time", h.statusOf("ann", "1", "bob@example.org"), needsAction)
	h.expect("Bob's own", h.statusOf("bob", "1", "bob@example.org"), needsAction)
	if o := h.has("bob", "1").Master(); o.Sequence != 1 || o.Busy != "TENTATIVE" {
		t.Errorf("Bob has %s", o.Component.Value("SEQUENCE"))
	}
	// An answer to the time before is late.
	h.deliver("ann", "zoe@peer.example", proven, reply("ACCEPTED", "20261104T180000Z"))
	h.settle()
	h.expect("a late answer", h.statusOf("ann", "1", "zoe@peer.example"), needsAction)
}

func TestWhoIsTakenOutOfAMeetingIsTold(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", lunch...))
	h.settle()
	h.tick(time.Hour)
	if n := h.edit("ann", "1", "mailto:bob@example.org", "mailto:cat@example.org", "CN=Bob", "CN=Cat"); n != 2 {
		t.Errorf("%d messages", n)
	}
	h.settle()
	h.expect("Bob's inbox", h.got("bob"), "REQUEST Lunch; with a comma, and ü | CANCEL Canceled: Lunch; with a comma, and ü")
	h.expect("Cat's inbox", h.got("cat"), "REQUEST Lunch; with a comma, and ü")
	h.expect("Zoë's", h.sent(), "zoe@peer.example: REQUEST Lunch; with a comma, and ü")
	if e := h.has("bob", "1").Master(); e.Status != "CANCELLED" || !strings.HasPrefix(e.Summary, "Canceled: ") || e.Busy != "FREE" {
		t.Errorf("Bob has %s", h.has("bob", "1").Encode())
	}
	// And back.
	h.tick(time.Hour)
	h.edit("ann", "1", "mailto:cat@example.org", "mailto:bob@example.org")
	h.settle()
	if e := h.has("bob", "1").Master(); e.Status == "CANCELLED" || e.Summary != "Lunch; with a comma, and ü" || e.Attendee("bob@example.org").Status != needsAction {
		t.Errorf("Bob has %s", h.has("bob", "1").Encode())
	}
	h.tick(time.Hour)
	if n := h.change("ann", "1", nil); n != 1 {
		t.Errorf("%d messages for the end", n)
	}
	h.settle()
	h.expect("Bob's", h.has("bob", "1").Master().Status, "CANCELLED")
	h.expect("Zoë's", h.sent(), "zoe@peer.example: CANCEL Canceled: Lunch; with a comma, and ü | zoe@peer.example: REQUEST Lunch; with a comma, and ü")
}

func TestOneOccurrenceIsToldOnItsOwn(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "2", event("2", weekly...))
	h.settle()
	h.answer("bob", "2", accepted)
	h.settle()
	h.tick(time.Hour)
	// The second begins an hour later.
	moved := "BEGIN:VEVENT\r\nUID:2\r\nDTSTAMP:20261101T000000Z\r\nRECURRENCE-ID;TZID=Europe/Berlin:20261116T090000\r\n" +
		"DTSTART;TZID=Europe/Berlin:20261116T100000\r\nDTEND;TZID=Europe/Berlin:20261116T103000\r\nSUMMARY:Standup\r\nEND:VEVENT\r\nEND:VCALENDAR"
	if n := h.edit("ann", "2", "END:VCALENDAR", moved); n != 1 {
		t.Errorf("%d messages", n)
	}
	last := h.letters("bob", mail.RoleInbox)[1].object
	if len(last.Events) != 1 || last.Events[0].RecurrenceID == nil || last.Events[0].Sequence != 1 || last.Events[0].Organizer == nil || len(last.Events[0].Attendees) != 2 {
		t.Errorf("the message is %s", last.Encode())
	}
	h.settle()
	o := h.has("bob", "2")
	if len(o.Events) != 2 || o.Events[1].Attendee("bob@example.org").Status != needsAction || o.Events[0].Attendee("bob@example.org").Status != accepted {
		t.Errorf("Bob has %s", o.Encode())
	}
	// The third does not take place.
	h.tick(time.Hour)
	if n := h.edit("ann", "2", "RRULE:", "EXDATE;TZID=Europe/Berlin:20261123T090000\r\nRRULE:"); n != 1 {
		t.Errorf("%d messages", n)
	}
	h.expect("Bob is told", h.got("bob"), "REQUEST Standup | REQUEST Standup | CANCEL Canceled: Standup")
	h.settle()
	third := h.has("bob", "2").Instance(time.Date(2026, 11, 23, 8, 0, 0, 0, time.UTC))
	if third == nil || third.Master().Status != "CANCELLED" {
		t.Errorf("Bob has %s", h.has("bob", "2").Encode())
	}
	// Bob cannot come to the fourth.
	h.tick(time.Hour)
	it, _ := h.item("bob", "2")
	h.answer("bob", "2", declined, func(a *Answer) {
		a.Message, a.Box, a.At = [1]Answer{}[0].Message, h.box("bob"), mail.Place{Folder: it.Folder, Item: it.ID}
		a.Occurrence = time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)
	})
	h.settle()
	fourth := h.has("ann", "2").Instance(time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC))
	if a := fourth.Master().Attendee("bob@example.org"); a.Status != declined {
		t.Errorf("Ann has %s", h.has("ann", "2").Encode())
	}
	if h.has("bob", "2").Instance(time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)) != nil {
		t.Errorf("Bob still has the fourth")
	}
	// It stays so when all of it gets another place.
	h.tick(time.Hour)
	h.edit("ann", "2", "RRULE:", "LOCATION:Roof\r\nRRULE:")
	h.settle()
	if o := h.has("bob", "2"); o.Instance(time.Date(2026, 11, 30, 8, 0, 0, 0, time.UTC)) != nil || o.Master().Location != "Roof" || o.Master().Attendee("bob@example.org").Status != accepted {
		t.Errorf("Bob has %s", o.Encode())
	}
}

func TestWhatWasDeclinedDoesNotComeBackUntilItIsAtAnotherTime(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", lunch...))
	h.settle()
	out := h.answer("bob", "1", declined)
	if h.has("bob", "1") != nil || out.At != (mail.Place{}) {
		t.Errorf("it is still there, at %v", out.At)
	}
	h.settle()
	h.expect("Ann's view", h.statusOf("ann", "1", "bob@example.org"), declined)
	h.tick(time.Hour)
	h.edit("ann", "1", "Canteen", "Park")
	h.settle()
	if h.has("bob", "1") != nil {
		t.Errorf("another place brought it back")
	}
	h.tick(time.Hour)
	h.edit("ann", "1", "20261110T12", "20261111T12", "20261110T13", "20261111T13")
	h.settle()
	h.expect("another time", h.statusOf("bob", "1", "bob@example.org"), needsAction)
}

func TestAnAnswerByAnotherDoorIsTold(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", lunch...))
	h.settle()
	h.tick(time.Hour)
	it, _ := h.item("bob", "1")
	raw := strings.ReplaceAll(string(h.read(it.Blob)), "\r\n ", "")
	raw = strings.Replace(raw, "ATTENDEE;CN=Bob;RSVP=TRUE;PARTSTAT=NEEDS-ACTION:", "ATTENDEE;CN=Bob;PARTSTAT=ACCEPTED:", 1)
	raw = strings.Replace(raw, "ATTENDEE;CN=Bob;PARTSTAT=NEEDS-ACTION;RSVP=TRUE:", "ATTENDEE;CN=Bob;PARTSTAT=ACCEPTED:", 1)
	if n := h.change("bob", "1", []byte(raw)); n != 1 {
		t.Fatalf("%d messages for\n%s", n, raw)
	}
	if n := h.edit("bob", "1", "SUMMARY:", "CATEGORIES:x\r\nSUMMARY:"); n != 0 {
		t.Errorf("%d messages for a category", n)
	}
	h.settle()
	h.expect("Ann's view", h.statusOf("ann", "1", "bob@example.org"), accepted)
	h.expect("Bob's time", h.has("bob", "1").Master().Busy, "BUSY")
	if n := h.change("bob", "1", nil); n != 1 {
		t.Errorf("%d messages when he deletes it", n)
	}
	h.settle()
	h.expect("Ann's view", h.statusOf("ann", "1", "bob@example.org"), declined)
	h.expect("Ann's inbox", h.got("ann"), "REPLY Accepted: Lunch; with a comma, and ü | REPLY Declined: Lunch; with a comma, and ü")
}

func TestAMeetingThatIsMovedToAnotherCalendarOrAddedTwiceInvitesNobodyAnew(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", lunch...))
	plan, err := h.s.Plan(context.Background(), Change{Account: h.people["ann"], Box: h.box("ann"), Folder: 7, New: event("1", lunch...)})
	h.must(err)
	if plan.Messages != 0 || len(plan.Existing) != 1 {
		t.Errorf("%d messages, existing %v", plan.Messages, plan.Existing)
	}
}

func TestAClientThatSendsItselfIsLeftToIt(t *testing.T) {
	h := openHouse(t)
	byClient := func(c *Change) { c.Invites = ByClient }
	lines := append([]string{}, lunch...)
	lines[5] = "X-NOTHING:1" // the phone does not name an organizer
	if n := h.change("ann", "1", event("1", lines...), byClient); n != 0 || h.got("bob") != "" {
		t.Errorf("%d messages", n)
	}
	h.expect("the organizer", h.has("ann", "1").Master().Organizer.Address, "ann@example.org")
	// It sends the message as mail, and later Bob's phone its answer.
	h.must(h.router.Submit(t.Context(), routeMail(h, "ann", "bob@example.org", itip("REQUEST", "1", 0, "20261102T090000Z", lunch...))))
	h.settle()
	h.expect("Bob's", h.statusOf("bob", "1", "bob@example.org"), needsAction)
	h.answer("bob", "1", accepted, func(a *Answer) { a.Tell = false })
	h.expect("Ann's inbox", h.got("ann"), "")
	h.must(h.router.Submit(t.Context(), routeMail(h, "bob", "ann@example.org", itip("REPLY", "1", 0, "20261102T100000Z", "ORGANIZER:mailto:ann@example.org", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:bob@example.org"))))
	h.settle()
	h.expect("Ann's view", h.statusOf("ann", "1", "bob@example.org"), accepted)
}

func TestADelegateAnswersInTheOwnersName(t *testing.T) {
	h := openHouse(t)
	h.delegates[h.people["bob"]] = []directory.AccountID{h.people["cat"]}
	h.change("ann", "1", event("1", lunch...))
	h.settle()
	h.expect("the delegate's inbox", h.got("cat"), "REQUEST Lunch; with a comma, and ü")
	if h.has("cat", "1") != nil {
		t.Error("it is in the delegate's own calendar")
	}
	h.answer("cat", "1", accepted)
	h.expect("the owner's calendar", h.statusOf("bob", "1", "bob@example.org"), accepted)
	reply := h.letters("ann", mail.RoleInbox)[0].object.Master()
	if reply.Attendees[0].SentBy != "cat@example.org" || reply.Attendees[0].Address != "bob@example.org" {
		t.Errorf("the reply is of %+v", reply.Attendees[0])
	}
	h.settle()
	h.expect("Ann's view", h.statusOf("ann", "1", "bob@example.org"), accepted)
	// And makes a meeting for the owner.
	h.change("bob", "3", event("3", "DTSTART:20261110T120000Z", "DTEND:20261110T130000Z", "SUMMARY:His", "ATTENDEE:mailto:ann@example.org"),
		func(c *Change) { c.Account = h.people["cat"] })
	e := h.letters("ann", mail.RoleInbox)[1].object.Master()
	if e.Organizer.Address != "bob@example.org" || e.Organizer.SentBy != "cat@example.org" {
		t.Errorf("organized by %+v", e.Organizer)
	}
	h.settle()
	h.expect("Ann's", h.statusOf("ann", "3", "ann@example.org"), needsAction)
	if h.has("ann", "3").Master().Component.Prop(propUnverified) != nil {
		t.Error("it is not verified")
	}
}

func TestAnotherTimeIsProposed(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", lunch...))
	h.settle()
	h.answer("bob", "1", tentative, func(a *Answer) {
		a.ProposedStart, a.ProposedEnd = time.Date(2026, 11, 10, 14, 0, 0, 0, time.UTC), time.Date(2026, 11, 10, 15, 0, 0, 0, time.UTC)
	})
	h.expect("Ann's inbox", h.got("ann"), "COUNTER New Time Proposed: Lunch; with a comma, and ü")
	h.settle()
	h.expect("Ann's view", h.statusOf("ann", "1", "bob@example.org"), tentative)
	if e := h.has("ann", "1").Master(); !e.Start.Equal(time.Date(2026, 11, 10, 11, 0, 0, 0, time.UTC)) {
		t.Errorf("it begins at %v", e.Start)
	}
}

func TestWhoAsksIsSentTheMeetingOnce(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", lunch...))
	h.tick(time.Hour)
	ask := itip("REFRESH", "1", 0, "20261103T100000Z", "ORGANIZER:mailto:ann@example.org", "ATTENDEE:mailto:zoe@peer.example")
	h.deliver("ann", "zoe@peer.example", proven, ask)
	h.deliver("ann", "zoe@peer.example", proven, ask)
	h.deliver("ann", "mallory@peer.example", proven, strings.ReplaceAll(ask, "zoe@", "mallory@"))
	h.settle()
	all := h.queued()
	if len(all) != 2 || all[1].to != "zoe@peer.example" || all[1].object.Master().Stamp != all[0].object.Master().Stamp {
		t.Errorf("%v", h.sent())
	}
}

// routeMail is a phone's own scheduling mail.
func routeMail(h *house, from, to, ics string) (s route.Submission) {
	method, _, _ := strings.Cut(ics[strings.Index(ics, "METHOD:")+7:], "\n")
	s.Account = h.people[from]
	s.Raw = []byte(strings.ReplaceAll("To: "+to+"\nSubject: x\nMIME-Version: 1.0\nContent-Type: text/calendar; method="+method+"\n\n"+ics, "\n", "\r\n"))
	return s
}

var _ = calendar.UTC
