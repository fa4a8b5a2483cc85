package schedule

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/route"
	"martlet/store"
	"martlet/store/blob"
)

// Programs write DTSTAMP and SEQUENCE of their own when a reminder is changed.
// They must not stand before what the organizer says next.
func TestAnAttendeesProgramDoesNotOutdateTheOrganizer(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", weekly...))
	h.settle()
	before := h.has("bob", "1").Master()
	raw := string(h.has("bob", "1").Encode())
	raw = strings.Replace(raw, "DTSTAMP:"+before.Component.Value("DTSTAMP"), "DTSTAMP:20290101T000000Z\r\nSEQUENCE:7\r\nCATEGORIES:mine", 1)
	h.change("bob", "1", []byte(raw))
	h.tick(time.Hour)
	h.edit("ann", "1", "SUMMARY:Standup", "SUMMARY:Standing")
	h.settle()
	e := h.has("bob", "1").Master()
	h.expect("Bob's subject", e.Summary, "Standing")
	h.expect("Bob's category", e.Component.Text("CATEGORIES"), "mine")
}

func TestAnAttendeesProgramThatDropsTheOrganizerDoesNotLoseThem(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", lunch...))
	h.settle()
	h.edit("bob", "1", "ORGANIZER;CN=Ann:mailto:ann@example.org\r\n", "")
	h.tick(time.Hour)
	h.edit("ann", "1", "Canteen", "Park")
	h.settle()
	h.expect("Bob's place", h.has("bob", "1").Master().Location, "Park")
}

func TestNobodyOfOursActsForAnotherByTheirOwnWord(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", lunch...))
	h.settle()
	h.must(h.router.Submit(t.Context(), routeMail(h, "dan", "ann@example.org", itip("REPLY", "1", 0, "20261103T100000Z",
		"ORGANIZER:mailto:ann@example.org", `ATTENDEE;PARTSTAT=DECLINED;SENT-BY="mailto:dan@example.org":mailto:bob@example.org`))))
	h.settle()
	h.expect("Bob's answer", h.statusOf("ann", "1", "bob@example.org"), needsAction)
	cancel := itip("CANCEL", "1", 9, "20261103T100000Z", append([]string{`ORGANIZER;SENT-BY="mailto:dan@example.org":mailto:ann@example.org`}, append(lunch[:5:5], lunch[6:]...)...)...)
	h.must(h.router.Submit(t.Context(), routeMail(h, "dan", "bob@example.org", cancel)))
	h.settle()
	if h.has("bob", "1").Master().Status == "CANCELLED" {
		t.Error("Dan has cancelled Ann's meeting")
	}
}

func TestWhoIsInvitedToAVeryLargeMeetingMayFileIt(t *testing.T) {
	h := openHouse(t)
	lines := []string{"DTSTART:20261110T120000Z", "DTEND:20261110T130000Z", "SUMMARY:All", "ORGANIZER:mailto:zoe@peer.example", "ATTENDEE:mailto:bob@example.org"}
	for i := range MaxAttendees + 10 {
		lines = append(lines, fmt.Sprintf("ATTENDEE:mailto:u%d@peer.example", i))
	}
	h.deliver("bob", "zoe@peer.example", proven, itip("REQUEST", "1", 0, "20261101T100000Z", lines...))
	h.settle()
	if n := h.edit("bob", "1", "SUMMARY:All", "CATEGORIES:x\r\nSUMMARY:All"); n != 0 {
		t.Errorf("%d messages", n)
	}
}

// A phone before 16.0 answers by itself, in the name of its account.
func TestWhoWasInvitedByAnAliasAnswersUnderTheirLogin(t *testing.T) {
	h := openHouse(t)
	h.change("bob", "1", event("1", "DTSTART:20261110T120000Z", "DTEND:20261110T130000Z", "SUMMARY:S", "ATTENDEE:mailto:Ann.Alias@Example.org"))
	h.settle()
	h.must(h.router.Submit(t.Context(), routeMail(h, "ann", "bob@example.org", itip("REPLY", "1", 0, "20261102T093000Z",
		"ORGANIZER:mailto:bob@example.org", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ann@example.org"))))
	h.settle()
	h.expect("the alias", h.statusOf("bob", "1", "ann.alias@example.org"), accepted)
	h.expect("another", h.statusOf("bob", "1", "ann@example.org"), "?")
	// And by the server she answers as she was invited.
	h.tick(time.Hour)
	h.answer("ann", "1", declined)
	h.settle()
	h.expect("the alias", h.statusOf("bob", "1", "ann.alias@example.org"), declined)
	l := h.letters("bob", mail.RoleInbox)
	h.expect("from", strings.ToLower(l[len(l)-1].index.From[0].Address), "ann.alias@example.org")
}

func TestAReplyThatNamesNobodyInAnEventSaysNothingOfIt(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", weekly...))
	h.settle()
	reply := itip("REPLY", "1", 0, "20261103T100000Z", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:zoe@peer.example")
	reply = strings.Replace(reply, "END:VCALENDAR", "BEGIN:VEVENT\nUID:1\nDTSTAMP:20261103T100000Z\nRECURRENCE-ID:20261116T080000Z\nEND:VEVENT\nEND:VCALENDAR", 1)
	h.deliver("ann", "zoe@peer.example", proven, reply)
	h.settle()
	h.expect("the whole", h.statusOf("ann", "1", "zoe@peer.example"), accepted)
	if n := len(h.has("ann", "1").Events); n != 1 {
		t.Errorf("%s", h.has("ann", "1").Encode())
	}
}

// A calendar that is copied to this server holds what was long ago.
func TestNobodyIsToldOfAMeetingThatWasOverWhenItCame(t *testing.T) {
	h := openHouse(t)
	old := func(s []string) (all []string) {
		for _, l := range s {
			all = append(all, strings.ReplaceAll(l, "202611", "202010"))
		}
		return all
	}
	if n := h.change("ann", "1", event("1", old(lunch)...)); n != 0 {
		t.Errorf("%d messages", n)
	}
	if n := h.change("bob", "2", event("2", append([]string{"ATTENDEE;PARTSTAT=ACCEPTED:mailto:bob@example.org"}, old(lunch[:7])...)...)); n != 0 {
		t.Errorf("%d messages", n)
	}
	if n := h.change("ann", "3", event("3", append([]string{"RRULE:FREQ=WEEKLY"}, old(lunch)...)...)); n != 1 { // it goes on
		t.Errorf("%d messages", n)
	}
}

func TestTheOrganizerStaysUnderTheAddressTheyInvitedBy(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", strings.Split(strings.ReplaceAll(strings.Join(lunch, "\n"), "ann@", "ann.alias@"), "\n")...))
	h.settle()
	h.tick(time.Hour)
	h.edit("ann", "1", "ORGANIZER;CN=Ann:mailto:ann.alias@example.org\r\n", "", "Canteen", "Park")
	h.settle()
	h.expect("organizer", h.has("bob", "1").Master().Organizer.Address, "ann.alias@example.org")
	h.expect("place", h.has("bob", "1").Master().Location, "Park")
}

// Programs write EXDATE anew, without what they do not know of it.
func TestADeclinedOccurrenceStaysOutWhenAProgramRewritesIt(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", weekly...))
	h.settle()
	h.edit("bob", "1", "RRULE:", "EXDATE;TZID=Europe/Berlin:20261116T090000\r\nRRULE:")
	h.settle()
	raw := string(h.has("bob", "1").Encode())
	if !strings.Contains(raw, paramDeclined) {
		t.Fatal(raw)
	}
	h.change("bob", "1", []byte(strings.Replace(strings.ReplaceAll(raw, ";"+paramDeclined+"=TRUE", ""), "SUMMARY", "CATEGORIES:x\r\nSUMMARY", 1)))
	h.tick(time.Hour)
	h.edit("ann", "1", "SUMMARY:Standup", "SUMMARY:Standing")
	h.settle()
	if o := h.has("bob", "1"); len(o.Master().Except) != 1 || o.Master().Summary != "Standing" {
		t.Errorf("%s", o.Encode())
	}
}

func TestAnAnswerInAnotherLetterCaseIsFound(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", strings.Split(strings.ReplaceAll(strings.Join(lunch, "\n"), "mailto:zoe@peer.example", "MAILTO:Zoe@Peer.Example?subject=x"), "\n")...))
	h.expect("queue", h.sent(), "Zoe@Peer.Example: REQUEST Lunch; with a comma, and ü")
	h.deliver("ann", "ZOE@peer.example", proven, itip("REPLY", "1", 0, "20261103T100000Z", "ATTENDEE;PARTSTAT=ACCEPTED:MailTo:zoE@peer.example"))
	h.settle()
	if !strings.Contains(string(h.has("ann", "1").Encode()), "PARTSTAT=ACCEPTED") {
		t.Errorf("%s", h.has("ann", "1").Encode())
	}
	h.expect("status", status(attendeeOf(h.has("ann", "1").Master().Component, func(a string) bool { return a == "zoe@peer.example" })), accepted)
}

// MS-ASCAL 2.2.2.3: the organizer's calendar tells who would like another time.
func TestAProposedTimeIsInTheOrganizersMeetingUntilItIsSettled(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", lunch...))
	h.settle()
	proposed := func(who, uid, guest string) string {
		p := attendeeOf(h.has(who, uid).Master().Component, func(a string) bool { return a == guest })
		return p.Param(paramProposedStart) + "/" + p.Param(paramProposedEnd)
	}
	counter := func() {
		t.Helper()
		h.tick(time.Hour)
		h.answer("bob", "1", tentative, func(a *Answer) {
			a.ProposedStart = time.Date(2026, 11, 11, 12, 0, 0, 0, time.UTC)
			a.ProposedEnd = a.ProposedStart.Add(time.Hour)
		})
		h.settle()
		h.expect("what Bob proposes", proposed("ann", "1", "bob@example.org"), "20261111T120000Z/20261111T130000Z")
	}
	counter()
	h.tick(time.Hour)
	raw := string(h.has("ann", "1").Encode()) // her program does not know it
	h.change("ann", "1", []byte(strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(raw, "\r\n ", ""), ";X-PROPOSED-START=20261111T120000Z;X-PROPOSED-END=20261111T130000Z", ""), "Canteen", "Park")))
	h.settle()
	h.expect("what Bob proposes", proposed("ann", "1", "bob@example.org"), "20261111T120000Z/20261111T130000Z")
	for _, l := range append(h.queued(), h.letters("bob", mail.RoleInbox)...) {
		if strings.Contains(string(l.object.Encode()), "X-PROPOSED") {
			t.Errorf("%s", l.raw)
		}
	}
	h.tick(time.Hour)
	h.answer("bob", "1", accepted)
	h.settle()
	h.expect("once he comes", proposed("ann", "1", "bob@example.org"), "/")
	counter()
	h.tick(time.Hour)
	h.edit("ann", "1", "20261110T12", "20261112T12", "20261110T13", "20261112T13")
	h.expect("at another time", proposed("ann", "1", "bob@example.org"), "/")
}

// A meeting of which everybody has another part is written out for each of them.
func TestManyWhoAreEachInvitedToSomethingElseAreRefused(t *testing.T) {
	h := openHouse(t)
	people := func(n, without int) (lines []string) {
		for i := range n {
			if i != without {
				lines = append(lines, fmt.Sprintf("ATTENDEE:mailto:u%d@peer.example", i))
			}
		}
		return lines
	}
	meeting := func(uid string, n int, apart bool) []byte {
		raw := string(event(uid, append(people(n, -1), "DTSTART:20261110T120000Z", "DTEND:20261110T130000Z", "SUMMARY:S", "RRULE:FREQ=DAILY", "ORGANIZER:mailto:ann@example.org")...))
		var b strings.Builder
		for i := range n {
			day := time.Date(2026, 11, 10, 12, 0, 0, 0, time.UTC).AddDate(0, 0, i).Format("20060102")
			without := -1
			if apart {
				without = i
			}
			b.WriteString("BEGIN:VEVENT\r\nUID:" + uid + "\r\nRECURRENCE-ID:" + day + "T120000Z\r\nDTSTART:" + day + "T140000Z\r\nDTEND:" + day + "T150000Z\r\nSUMMARY:S\r\n" +
				"ORGANIZER:mailto:ann@example.org\r\n" + strings.Join(people(n, without), "\r\n") + "\r\nEND:VEVENT\r\n")
		}
		return []byte(strings.Replace(raw, "END:VCALENDAR", b.String()+"END:VCALENDAR", 1))
	}
	if _, err := h.tryChange("ann", "1", meeting("1", 150, true)); !errors.Is(err, ErrTooMany) {
		t.Errorf("%v", err)
	}
	if n := h.change("ann", "2", meeting("2", 150, false)); n != 1 {
		t.Errorf("%d messages", n)
	}
	if n := h.change("ann", "3", meeting("3", 5, true)); n != 5 {
		t.Errorf("%d messages", n)
	}
}

// A room is booked by whatever brings it the invitation, once.
func TestARoomIsInvitedThroughAGroupAndByItsAlias(t *testing.T) {
	h := openHouse(t)
	withRooms(h)
	f, err := directory.ParseFile(strings.NewReader(`
[[resource]]
address = "den@example.org"
name = "The Den"
aliases = ["lair@example.org"]
[[group]]
address = "offsite@example.org"
members = ["bob@example.org", "den@example.org"]
`), "den.toml")
	h.must(err)
	_, err = h.directory.Apply(t.Context(), f, false)
	h.must(err)
	den, err := h.directory.AccountByLogin(t.Context(), "den@example.org")
	h.must(err)
	h.people["den"] = den.ID
	meeting := func(uid, day string, who ...string) {
		lines := []string{"DTSTART:202611" + day + "T120000Z", "DURATION:PT1H", "SUMMARY:S", "ORGANIZER:mailto:ann@example.org"}
		for _, w := range who {
			lines = append(lines, "ATTENDEE:mailto:"+w+"@example.org")
		}
		h.change("ann", uid, event(uid, lines...))
		h.settle()
		h.settle()
	}
	meeting("1", "10", "offsite")
	h.expect("by the group", h.statusOf("ann", "1", "den@example.org"), accepted)
	meeting("2", "10", "lair")
	h.expect("by its alias, at the same time", h.statusOf("ann", "2", "lair@example.org"), declined)
	meeting("3", "11", "lair", "offsite", "den")
	h.expect("three ways, in one of them", h.statusOf("ann", "3", "den@example.org")+" "+h.statusOf("ann", "3", "lair@example.org"), "NEEDS-ACTION ACCEPTED")
	h.expect("answers", h.got("ann"), "REPLY Accepted: S | REPLY Declined: S | REPLY Accepted: S")
}

// RFC 6638 3.2.2.3, 7.3.
func TestAnAttendeeSeesWhatBecameOfTheAnswer(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", lunch...))
	h.deliver("bob", "zoe@peer.example", proven, zoes("REQUEST", 0, "20261101T100000Z"))
	h.settle()
	for uid, want := range map[string]string{"1": "1.2", "z": "1.1"} {
		outcome := func() string { return h.has("bob", uid).Master().Component.Prop("ORGANIZER").Param("SCHEDULE-STATUS") }
		h.expect(uid+" before", outcome(), "")
		raw := strings.ReplaceAll(string(h.has("bob", uid).Encode()), "\r\n ", "")
		h.change("bob", uid, []byte(strings.Replace(raw, "PARTSTAT=NEEDS-ACTION:mailto:bob@", "PARTSTAT=ACCEPTED:mailto:bob@", 1)))
		h.expect(uid, outcome(), want)
	}
	for _, l := range append(h.queued(), h.letters("ann", mail.RoleInbox)...) {
		if strings.Contains(string(l.object.Encode()), "SCHEDULE-STATUS") {
			t.Errorf("%s", l.raw)
		}
	}
}

// RFC 6638 7.1.
func TestAProgramThatAnswersByItselfIsLeftToIt(t *testing.T) {
	for agent, want := range map[string]int{"CLIENT": 0, "NONE": 0, "SERVER": 1} {
		h := openHouse(t)
		h.change("ann", "1", event("1", lunch...))
		h.settle()
		raw := strings.ReplaceAll(string(h.has("bob", "1").Encode()), "\r\n ", "")
		raw = strings.Replace(strings.Replace(raw, "PARTSTAT=NEEDS-ACTION:mailto:bob@", "PARTSTAT=ACCEPTED:mailto:bob@", 1), "ORGANIZER;", "ORGANIZER;SCHEDULE-AGENT="+agent+";", 1)
		if n := h.change("bob", "1", []byte(raw)); n != want {
			t.Errorf("%s: %d messages for an answer", agent, n)
		}
		if n := h.change("bob", "1", nil); n != want {
			t.Errorf("%s: %d messages for a deletion", agent, n)
		}
	}
}

// A program that moves a meeting between calendars writes it into the one and
// deletes it in the other.
func TestOneOfTwoCopiesIsDeletedInSilence(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", lunch...))
	it, _ := h.item("ann", "1")
	var copied mail.Item
	h.update(func(tx *store.Tx) error {
		f, err := h.mailboxes.CreateFolder(tx, h.box("ann"), 0, "Other", mail.ClassCalendar)
		if err != nil {
			return err
		}
		body, err := h.mailboxes.PrepareObject(t.Context(), mail.ClassCalendar, h.read(it.Blob))
		if err != nil {
			return err
		}
		copied, err = h.mailboxes.Append(tx, h.box("ann"), f.ID, mail.NewItem{Class: mail.ClassCalendar, Body: body})
		return err
	})
	c := Change{Account: h.people["ann"], Box: h.box("ann"), Folder: it.Folder, Item: it.ID, Old: h.read(it.Blob)}
	plan, err := h.s.Plan(t.Context(), c)
	h.must(err)
	if plan.Messages != 0 || len(plan.Existing) != 1 || plan.Existing[0].Item != copied.ID {
		t.Errorf("%d messages, %v", plan.Messages, plan.Existing)
	}
}

func TestWhoIsNotInvitedIsSentNothing(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", lunch...))
	h.settle()
	ask := func(who, stamp string) {
		h.deliver("ann", who, proven, itip("REFRESH", "1", 0, stamp, "ORGANIZER:mailto:ann@example.org", "ATTENDEE:mailto:"+who))
		h.settle()
	}
	ask("yan@peer.example", "20261103T100000Z")
	h.expect("the queue", h.sent(), "zoe@peer.example: REQUEST Lunch; with a comma, and ü")
	h.tick(30 * 24 * time.Hour) // it is over
	ask("zoe@peer.example", "20261203T100000Z")
	h.expect("the queue", h.sent(), "zoe@peer.example: REQUEST Lunch; with a comma, and ü")
}

// RFC 5546 3.2.2.3: who sends another in their place is believed if it is them.
func TestADelegationNeedsProof(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", lunch...))
	h.settle()
	reply := func(lines ...string) string {
		return itip("REPLY", "1", 0, "20261103T100000Z", append([]string{"ORGANIZER:mailto:ann@example.org"}, lines...)...)
	}
	delegates := `ATTENDEE;PARTSTAT=DELEGATED;DELEGATED-TO="mailto:yan@peer.example":mailto:zoe@peer.example`
	h.deliver("ann", "zoe@peer.example", "", reply(delegates))
	h.settle()
	h.expect("Zoë", h.statusOf("ann", "1", "zoe@peer.example"), needsAction)
	h.deliver("ann", "zoe@peer.example", proven, reply(delegates))
	h.deliver("ann", "yan@peer.example", proven, reply(`ATTENDEE;PARTSTAT=ACCEPTED;DELEGATED-FROM="mailto:zoe@peer.example":mailto:yan@peer.example`))
	h.settle()
	h.expect("Zoë", h.statusOf("ann", "1", "zoe@peer.example"), "DELEGATED")
	h.expect("Yan", h.statusOf("ann", "1", "yan@peer.example"), accepted)
}

// The same request means the same once, and something else when the meeting has
// changed in between.
func TestAnOccurrenceIsDeclinedOnceForEachStateOfIt(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", weekly...))
	h.settle()
	h.answer("bob", "1", accepted)
	decline := func() {
		t.Helper()
		it, _ := h.item("bob", "1")
		out := h.answer("bob", "1", declined, func(a *Answer) {
			a.Message, a.Index, a.Box, a.At = blob.Ref{}, nil, h.box("bob"), mail.Place{Folder: it.Folder, Item: it.ID}
			a.Occurrence = time.Date(2026, 11, 16, 8, 0, 0, 0, time.UTC)
			a.Once = route.Key{Account: h.people["bob"], Device: "phone", ClientID: "decline:16"}
		})
		if out.At != (mail.Place{Folder: it.Folder, Item: it.ID}) {
			t.Errorf("it is at %v", out.At)
		}
	}
	h.tick(time.Hour)
	decline()
	decline() // its answer was lost
	h.settle()
	h.expect("Ann's inbox", h.got("ann"), "REPLY Accepted: Standup | REPLY Declined: Standup")
	if o := h.has("bob", "1"); len(o.Master().Except) != 1 || len(o.Events) != 1 {
		t.Errorf("%s", o.Encode())
	}
	// Ann has it at another time.
	h.tick(time.Hour)
	raw := strings.ReplaceAll(string(h.has("ann", "1").Encode()), "\r\n ", "")
	h.change("ann", "1", []byte(strings.Replace(strings.Replace(raw, "DTSTART;TZID=Europe/Berlin:20261116T090000", "DTSTART;TZID=Europe/Berlin:20261116T140000", 1), "DTEND;TZID=Europe/Berlin:20261116T093000", "DTEND;TZID=Europe/Berlin:20261116T143000", 1)))
	h.settle()
	if o := h.has("bob", "1"); len(o.Events) != 2 {
		t.Fatalf("%s\n%s", raw, o.Encode())
	}
	h.tick(time.Hour)
	decline()
	h.settle()
	h.expect("Ann's inbox", h.got("ann"), "REPLY Accepted: Standup | REPLY Declined: Standup | REPLY Declined: Standup")
	if o := h.has("bob", "1"); len(o.Events) != 1 {
		t.Errorf("%s", o.Encode())
	}
}

func TestWhatAProgramLeavesOutIsPutBackOnce(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", weekly...))
	h.settle()
	const one = "BEGIN:VEVENT\r\nUID:1\r\nRECURRENCE-ID;TZID=Europe/Berlin:20261116T090000\r\nDTSTART;TZID=Europe/Berlin:20261116T090000\r\nDTEND;TZID=Europe/Berlin:20261116T093000\r\nSUMMARY:Mine\r\nEND:VEVENT\r\n"
	h.edit("bob", "1", "END:VCALENDAR", one+"END:VCALENDAR")
	h.edit("bob", "1", "ATTENDEE;RSVP=TRUE;PARTSTAT=NEEDS-ACTION:mailto:bob@example.org\r\n", "")
	o := h.has("bob", "1")
	text := string(o.Encode())
	if n := strings.Count(text, propIntended+":"); n != 2 { // of each event one
		t.Errorf("%d times\n%s", n, text)
	}
	if attendeeOf(o.Events[0].Component, func(a string) bool { return a == "bob@example.org" }) == nil || o.Events[1].Component.Prop("ATTENDEE") != nil {
		t.Errorf("%s", text)
	}
}

// MS-ASCMD_R4183: what a newer request has replaced is not answered any more.
func TestAnOutdatedInvitationIsNotAnswered(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", lunch...))
	h.settle()
	old := h.letters("bob", mail.RoleInbox)[0]
	with := func(a *Answer) { a.Message, a.Index = old.item.Blob, old.index }
	h.answer("bob", "1", accepted, with)
	h.tick(time.Hour)
	h.edit("ann", "1", "20261110T12", "20261112T12", "20261110T13", "20261112T13")
	h.settle()
	if _, err := h.tryAnswer("bob", "1", declined, with); !errors.Is(err, ErrNoMeeting) {
		t.Errorf("%v", err)
	}
	h.expect("Bob's", h.statusOf("bob", "1", "bob@example.org"), needsAction)
	h.answer("bob", "1", declined)
	h.settle()
	h.expect("Ann's view", h.statusOf("ann", "1", "bob@example.org"), declined)
	// Nor what was cancelled.
	h.change("cat", "2", event("2", "DTSTART:20261110T120000Z", "DTEND:20261110T130000Z", "SUMMARY:S", "ATTENDEE:mailto:bob@example.org"))
	h.settle()
	h.change("cat", "2", nil)
	h.settle()
	if _, err := h.tryAnswer("bob", "2", accepted); !errors.Is(err, ErrNoMeeting) {
		t.Errorf("cancelled: %v", err)
	}
}
