package schedule

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"martlet/directory"
	"martlet/mail"
)

// withRooms adds rooms to the house.
func withRooms(h *house) {
	h.Helper()
	f, err := directory.ParseFile(strings.NewReader(`
[[resource]]
address = "attic@example.org"
name = "The Attic"
[[resource]]
address = "van@example.org"
name = "The Van"
booking = "delegates"
delegates = ["dan@example.org"]
[[resource]]
address = "hall@example.org"
name = "The Hall"
outsiders = true
`), "rooms.toml")
	h.must(err)
	_, err = h.directory.Apply(context.Background(), f, false)
	h.must(err)
	for _, name := range []string{"attic", "van", "hall"} {
		a, err := h.directory.AccountByLogin(context.Background(), name+"@example.org")
		h.must(err)
		h.people[name] = a.ID
	}
}

// inRoom is a meeting of Ann's with a room.
func inRoom(uid, room, start string, more ...string) []byte {
	return event(uid, append([]string{
		"DTSTART:" + start, "DURATION:PT1H", "SUMMARY:In the " + room, "ORGANIZER:mailto:ann@example.org", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ann@example.org",
		"ATTENDEE;CUTYPE=ROOM:mailto:" + room + "@example.org",
	}, more...)...)
}

// holds is what a room's calendar says: start, answer.
func (h *house) holds(who, uid string) string {
	h.Helper()
	o := h.has(who, uid)
	if o == nil {
		return "-"
	}
	var all []string
	for _, e := range o.Events {
		s := e.Start.UTC().Format("02T15:04") + " " + e.Attendee(who+"@example.org").Status
		if e.Status == "CANCELLED" {
			s += " cancelled"
		}
		all = append(all, s)
	}
	return strings.Join(all, ", ")
}

func TestARoomAnswersAtOnce(t *testing.T) {
	h := openHouse(t)
	withRooms(h)
	h.change("ann", "1", inRoom("1", "attic", "20261110T100000Z"))
	h.settle() // the room
	h.settle()
	h.expect("the room", h.holds("attic", "1"), "10T10:00 ACCEPTED")
	h.expect("Ann's inbox", h.got("ann"), "REPLY Accepted: In the attic")
	h.expect("Ann's meeting", h.statusOf("ann", "1", "attic@example.org"), accepted)
	h.expect("the room's inbox", h.got("attic"), "")
	if n := len(h.letters("attic", mail.RoleSent)); n != 0 {
		t.Errorf("the room keeps %d answers", n)
	}

	// Another at the same time, from somebody else.
	bob := []byte(strings.ReplaceAll(string(inRoom("2", "attic", "20261110T103000Z")), "ann@", "bob@"))
	h.change("bob", "2", bob)
	h.settle()
	h.settle()
	h.expect("the room", h.holds("attic", "2"), "-")
	h.expect("Bob's meeting", h.statusOf("bob", "2", "attic@example.org"), declined)
	letters := h.letters("bob", mail.RoleInbox)
	reply := letters[len(letters)-1]
	if s := reply.object.Master().Comment; s != "The Attic is taken: Tuesday, 10 November 2026, 10:30 UTC." {
		t.Errorf("the reason: %q", s)
	}
	if s := string(reply.raw); !strings.Contains(s, "The Attic is taken") || !strings.Contains(s, "\r\nAuto-Submitted: ") || strings.Contains(s, "ann@") {
		t.Errorf("the answer:\n%s", s)
	}

	// Ann moves hers: the room is asked anew, and free for Bob.
	h.tick(time.Minute)
	h.edit("ann", "1", "20261110T100000Z", "20261110T140000Z")
	h.settle()
	h.settle()
	h.expect("the room", h.holds("attic", "1"), "10T14:00 ACCEPTED")
	h.expect("Ann's meeting", h.statusOf("ann", "1", "attic@example.org"), accepted)
	h.tick(time.Minute)
	h.edit("bob", "2", "20261110T103000Z", "20261110T101500Z")
	h.settle()
	h.settle()
	h.expect("the room", h.holds("attic", "2"), "10T10:15 ACCEPTED")
	h.expect("Bob's meeting", h.statusOf("bob", "2", "attic@example.org"), accepted)

	// What does not concern the room's time is not answered again.
	before := len(h.letters("ann", mail.RoleInbox))
	h.tick(time.Minute)
	h.edit("ann", "1", "SUMMARY:In", "SUMMARY:Up in")
	h.settle()
	h.settle()
	if n := len(h.letters("ann", mail.RoleInbox)); n != before {
		t.Errorf("another name for the meeting: %s", h.got("ann"))
	}
	h.expect("the room", h.holds("attic", "1"), "10T14:00 ACCEPTED")

	// It is moved to where the room is taken: the room gives up what it had.
	h.tick(time.Minute)
	h.edit("ann", "1", "20261110T140000Z", "20261110T103000Z")
	h.settle()
	h.settle()
	h.expect("the room", h.holds("attic", "1"), "-")
	h.expect("Ann's meeting", h.statusOf("ann", "1", "attic@example.org"), declined)

	// A cancelled meeting leaves nothing behind.
	h.tick(time.Minute)
	h.change("bob", "2", nil)
	h.settle()
	h.expect("the room", h.holds("attic", "2"), "-")
	h.change("cat", "3", []byte(strings.ReplaceAll(string(inRoom("3", "attic", "20261110T103000Z")), "ann@", "cat@")))
	h.settle()
	h.settle()
	h.expect("the room", h.holds("attic", "3"), "10T10:30 ACCEPTED")
	h.expect("the room's inbox", h.got("attic"), "")
}

// An organizer whose program says that the room has accepted is not believed.
func TestTheOrganizerDoesNotAnswerForTheRoom(t *testing.T) {
	h := openHouse(t)
	withRooms(h)
	h.change("ann", "1", inRoom("1", "attic", "20261110T100000Z"))
	h.settle()
	h.settle()
	h.change("bob", "2", []byte(strings.ReplaceAll(strings.ReplaceAll(string(inRoom("2", "attic", "20261110T100000Z")), "ann@", "bob@"), "CUTYPE=ROOM", "CUTYPE=ROOM;PARTSTAT=ACCEPTED")))
	h.settle()
	h.settle()
	h.expect("the room", h.holds("attic", "2"), "-")
	h.expect("Bob's meeting", h.statusOf("bob", "2", "attic@example.org"), declined)
}

func TestARoomAnswersForOneOccurrence(t *testing.T) {
	h := openHouse(t)
	withRooms(h)
	h.change("ann", "s", inRoom("s", "attic", "20261109T100000Z", "RRULE:FREQ=WEEKLY;COUNT=4"))
	h.change("bob", "1", []byte(strings.ReplaceAll(string(inRoom("1", "attic", "20261117T150000Z")), "ann@", "bob@")))
	h.settle()
	h.settle()
	h.expect("the series", h.holds("attic", "s"), "09T10:00 ACCEPTED")
	// The second is moved to a free time, the third to one that is taken.
	h.tick(time.Minute)
	one := func(id, start string) string {
		return "END:VEVENT\r\nBEGIN:VEVENT\r\nUID:s\r\nDTSTAMP:20261102T100000Z\r\nRECURRENCE-ID:" + id + "\r\nDTSTART:" + start + "\r\nDURATION:PT1H\r\nSUMMARY:In the attic\r\n" +
			"ORGANIZER:mailto:ann@example.org\r\nATTENDEE;PARTSTAT=ACCEPTED:mailto:ann@example.org\r\nATTENDEE;CUTYPE=ROOM:mailto:attic@example.org\r\nEND:VEVENT\r\nEND:VCALENDAR"
	}
	h.edit("ann", "s", "END:VEVENT\r\nEND:VCALENDAR", one("20261116T100000Z", "20261116T130000Z"))
	h.settle()
	h.settle()
	h.expect("the room", h.holds("attic", "s"), "09T10:00 ACCEPTED, 16T13:00 ACCEPTED")
	h.tick(time.Minute)
	h.edit("ann", "s", "END:VEVENT\r\nEND:VCALENDAR", one("20261123T100000Z", "20261117T143000Z"))
	h.settle()
	h.settle()
	h.expect("the room", h.holds("attic", "s"), "09T10:00 ACCEPTED, 16T13:00 ACCEPTED")
	o := h.has("attic", "s")
	for at := range o.Occurrences(h.clock, h.clock.AddDate(0, 3, 0), time.UTC) {
		if day := at.Start.Day(); day == 17 || day == 23 {
			t.Errorf("the room is still booked on %s", at.Start)
		}
	}
	var answers []string
	for _, e := range h.has("ann", "s").Events {
		if e.Attendee("attic@example.org") != nil {
			answers = append(answers, e.Start.UTC().Format("02 ")+e.Attendee("attic@example.org").Status)
		}
	}
	h.expect("Ann's series", strings.Join(answers, ", "), "09 ACCEPTED, 16 ACCEPTED, 17 DECLINED")
}

func TestADelegateDecidesAboutAResource(t *testing.T) {
	h := openHouse(t)
	withRooms(h)
	h.change("ann", "1", inRoom("1", "van", "20261110T100000Z"))
	h.settle()
	h.settle()
	h.expect("the van", h.holds("van", "1"), "10T10:00 TENTATIVE")
	h.expect("Ann's meeting", h.statusOf("ann", "1", "van@example.org"), tentative)
	h.expect("Dan's inbox", h.got("dan"), "REQUEST In the van")
	h.answer("dan", "1", accepted)
	h.settle()
	h.expect("the van", h.holds("van", "1"), "10T10:00 ACCEPTED")
	h.expect("Ann's meeting", h.statusOf("ann", "1", "van@example.org"), accepted)
	// Who decides need not ask.
	h.change("dan", "2", []byte(strings.ReplaceAll(string(inRoom("2", "van", "20261111T100000Z")), "ann@", "dan@")))
	h.settle()
	h.settle()
	h.expect("the van", h.holds("van", "2"), "11T10:00 ACCEPTED")
	h.expect("Dan's inbox", h.got("dan"), "REQUEST In the van | REPLY Accepted: In the van")
}

func TestOutsidersBookWhereTheyMay(t *testing.T) {
	h := openHouse(t)
	withRooms(h)
	ask := func(room, uid, start string) string {
		return itip("REQUEST", uid, 0, "20261101T000000Z", "DTSTART:"+start, "DURATION:PT1H", "SUMMARY:Visit", "ORGANIZER:mailto:zoe@peer.example", "ATTENDEE:mailto:"+room+"@example.org")
	}
	h.deliver("hall", "zoe@peer.example", proven, ask("hall", "1", "20261110T100000Z"))
	h.deliver("attic", "zoe@peer.example", proven, ask("attic", "2", "20261110T100000Z"))
	h.deliver("attic", "zoe@peer.example", "", ask("attic", "3", "20261110T100000Z")) // perhaps not hers: nobody is answered
	h.deliver("hall", "zoe@peer.example", "", ask("hall", "4", "20261110T103000Z"))
	h.settle()
	h.expect("the hall", h.holds("hall", "1")+" "+h.holds("hall", "4"), "10T10:00 ACCEPTED -")
	h.expect("the attic", h.holds("attic", "2")+" "+h.holds("attic", "3"), "- -")
	h.expect("the queue", h.sent(), "zoe@peer.example: REPLY Accepted: Visit | zoe@peer.example: REPLY Declined: Visit | zoe@peer.example: REPLY Declined: Visit")
}

// Whatever comes twice or is broken off is answered once.
func TestARoomsAnswerIsGivenOnce(t *testing.T) {
	h := openHouse(t)
	withRooms(h)
	for i := range 5 {
		h.change("ann", fmt.Sprint(i), inRoom(fmt.Sprint(i), "attic", "20261110T100000Z"))
	}
	h.restart()
	h.settle()
	h.settle()
	won := 0
	for i := range 5 {
		if h.holds("attic", fmt.Sprint(i)) != "-" {
			won++
		}
	}
	if won != 1 {
		t.Errorf("the room was given %d times", won)
	}
	if got := h.got("ann"); strings.Count(got, "REPLY") != 5 || strings.Count(got, "Accepted") != 1 {
		t.Errorf("Ann has got %s", got)
	}
	periods, err := h.s.Busy(t.Context(), h.people["attic"], h.clock, h.clock.AddDate(0, 1, 0))
	if err != nil || len(periods) != 1 {
		t.Errorf("%v, %v", periods, err)
	}
}

// What a room had to refuse is asked anew with every change of the meeting.
func TestARoomThatHasBecomeFreeAcceptsWhatItRefused(t *testing.T) {
	h := openHouse(t)
	withRooms(h)
	settle := func() {
		h.settle() // the invitation, and then its answer
		h.settle()
		h.tick(time.Hour)
	}
	h.change("ann", "1", inRoom("1", "attic", "20261110T120000Z"))
	h.change("ann", "2", inRoom("2", "attic", "20261110T123000Z"))
	settle()
	h.expect("while it is taken", h.statusOf("ann", "2", "attic@example.org"), declined)
	h.change("ann", "1", nil)
	settle()
	h.edit("ann", "2", "SUMMARY:In", "SUMMARY:Within")
	settle()
	h.expect("once it is free", h.statusOf("ann", "2", "attic@example.org"), accepted)
	h.expect("the room", h.holds("attic", "2"), "10T12:30 ACCEPTED")
}
