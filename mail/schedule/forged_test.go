package schedule

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"martlet/mail"
)

// zoes is a meeting of somebody elsewhere.
func zoes(method string, sequence int, stamp string, more ...string) string {
	lines := append([]string{
		"DTSTART:20261110T120000Z", "DTEND:20261110T130000Z", "SUMMARY:Board", "DESCRIPTION:Agenda",
		"ORGANIZER;CN=Zoë:mailto:zoe@peer.example", "ATTENDEE;PARTSTAT=NEEDS-ACTION:mailto:bob@example.org",
	}, more...)
	return itip(method, "z", sequence, stamp, lines...)
}

func (h *house) unverified(who, uid string) bool {
	h.Helper()
	return h.has(who, uid).Master().Component.Value(propUnverified) == "TRUE"
}

func TestAnInvitationWhoseSenderIsProvenIsEnteredPlainly(t *testing.T) {
	h := openHouse(t)
	h.deliver("bob", "zoe@peer.example", proven, zoes("REQUEST", 0, "20261101T100000Z"))
	h.settle()
	if h.unverified("bob", "z") || h.has("bob", "z").Master().Description != "Agenda" {
		t.Errorf("%s", h.has("bob", "z").Encode())
	}
	// And changed by who made it.
	h.deliver("bob", "zoe@peer.example", proven, zoes("REQUEST", 1, "20261101T110000Z", "LOCATION:Here"))
	h.settle()
	h.expect("the place", h.has("bob", "z").Master().Location, "Here")
	// By nobody else, whatever they claim.
	for name, c := range map[string]struct{ from, results, method string }{
		"without proof":                 {"zoe@peer.example", "", "REQUEST"},
		"without proof, cancelled":      {"zoe@peer.example", "", "CANCEL"},
		"that fails":                    {"zoe@peer.example", "dmarc=fail header.from=peer.example", "CANCEL"},
		"by another of the same domain": {"mallory@peer.example", proven, "CANCEL"},
		"by somebody elsewhere":         {"mallory@evil.example", "dmarc=pass header.from=evil.example", "REQUEST"},
		"by one of ours from outside":   {"ann@example.org", "", "CANCEL"},
	} {
		h.deliver("bob", c.from, c.results, zoes(c.method, 7, "20261102T110000Z", "LOCATION:Elsewhere"))
		h.settle()
		if e := h.has("bob", "z").Master(); e.Location != "Here" || e.Status == "CANCELLED" {
			t.Errorf("%s: it was changed", name)
		}
	}
	// One of ours sends it with another's name.
	h.must(h.router.Submit(t.Context(), routeMail(h, "ann", "bob@example.org", zoes("CANCEL", 8, "20261102T120000Z"))))
	h.settle()
	if h.has("bob", "z").Master().Status == "CANCELLED" {
		t.Error("one of ours has cancelled another's meeting")
	}
	// Who changes the organizer changes nothing.
	h.deliver("bob", "mallory@evil.example", "dmarc=pass header.from=evil.example",
		strings.ReplaceAll(zoes("REQUEST", 9, "20261102T130000Z", "LOCATION:Elsewhere"), "zoe@peer.example", "mallory@evil.example"))
	h.settle()
	h.expect("another organizer", h.has("bob", "z").Master().Location, "Here")
}

func TestAnInvitationThatNothingProvesIsEnteredAndMarked(t *testing.T) {
	h := openHouse(t)
	h.deliver("bob", "zoe@peer.example", "", zoes("REQUEST", 0, "20261101T100000Z"))
	h.settle()
	if d := h.has("bob", "z").Master().Description; !h.unverified("bob", "z") || !strings.HasPrefix(d, "[Not verified: nothing proves that this comes from zoe@peer.example.]") || !strings.HasSuffix(d, "Agenda") {
		t.Errorf("%s", h.has("bob", "z").Encode())
	}
	// What is as good may change it, but not in anybody else's name.
	h.deliver("bob", "mallory@evil.example", "", zoes("REQUEST", 1, "20261101T110000Z", "LOCATION:Elsewhere"))
	h.deliver("bob", "zoe@peer.example", "", zoes("REQUEST", 1, "20261101T110000Z", "LOCATION:Here"))
	h.settle()
	if h.has("bob", "z").Master().Location != "Here" || !h.unverified("bob", "z") {
		t.Errorf("%s", h.has("bob", "z").Encode())
	}
	// Then the proof comes, and nothing less changes it any more.
	h.deliver("bob", "zoe@peer.example", proven, zoes("REQUEST", 2, "20261101T120000Z", "LOCATION:There"))
	h.deliver("bob", "zoe@peer.example", "", zoes("CANCEL", 3, "20261101T130000Z"))
	h.settle()
	if e := h.has("bob", "z").Master(); e.Location != "There" || h.unverified("bob", "z") || e.Status == "CANCELLED" || e.Description != "Agenda" {
		t.Errorf("%s", h.has("bob", "z").Encode())
	}
}

func TestACancellationThatWasNotLetInIsDoneByWhoAcceptsIt(t *testing.T) {
	h := openHouse(t)
	h.deliver("bob", "zoe@peer.example", proven, zoes("REQUEST", 0, "20261101T100000Z"))
	h.deliver("bob", "zoe@peer.example", "", zoes("REQUEST", 1, "20261101T110000Z", "LOCATION:Here"))
	h.settle()
	h.expect("before", h.has("bob", "z").Master().Location, "")
	h.answer("bob", "z", accepted) // the newest message, which the user has read
	if h.has("bob", "z").Master().Location != "Here" || h.statusOf("bob", "z", "bob@example.org") != accepted {
		t.Errorf("%s", h.has("bob", "z").Encode())
	}
}

func TestTheOrganizersOwnMeetingIsChangedByNoMessage(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", lunch...))
	before, _ := h.item("ann", "1")
	for _, method := range []string{"REQUEST", "CANCEL", "ADD", "PUBLISH", "DECLINECOUNTER"} {
		h.deliver("ann", "ann@example.org", "dmarc=pass header.from=example.org", itip(method, "1", 9, "20270101T000000Z", lunch...))
		h.must(h.router.Submit(t.Context(), routeMail(h, "bob", "ann@example.org", itip(method, "1", 9, "20270101T000000Z", lunch...))))
		h.must(h.router.Submit(t.Context(), routeMail(h, "ann", "ann@example.org", itip(method, "1", 9, "20270101T000000Z", lunch...))))
	}
	h.settle()
	if after, _ := h.item("ann", "1"); after.Blob != before.Blob {
		t.Errorf("Ann has %s", h.has("ann", "1").Encode())
	}
}

func TestAnAnswerIsBelievedOnlyFromWhoGivesIt(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", lunch...))
	h.settle()
	reply := func(who, status, stamp string) string {
		return itip("REPLY", "1", 0, stamp, "ORGANIZER:mailto:ann@example.org", "ATTENDEE;PARTSTAT="+status+":mailto:"+who)
	}
	zoe, bob := func() string { return h.statusOf("ann", "1", "zoe@peer.example") }, func() string { return h.statusOf("ann", "1", "bob@example.org") }
	h.deliver("ann", "bob@example.org", "", reply("bob@example.org", "DECLINED", "20261103T100000Z")) // ours come through us
	h.must(h.router.Submit(t.Context(), routeMail(h, "cat", "ann@example.org", reply("bob@example.org", "DECLINED", "20261103T100000Z"))))
	h.deliver("ann", "mallory@evil.example", "", reply("zoe@peer.example", "DECLINED", "20261103T100000Z"))
	h.must(h.router.Submit(t.Context(), routeMail(h, "cat", "ann@example.org", reply("zoe@peer.example", "DECLINED", "20261103T100000Z"))))
	h.settle()
	h.expect("Bob", bob(), needsAction)
	h.expect("Zoë", zoe(), needsAction)
	h.deliver("ann", "zoe@peer.example", "", reply("zoe@peer.example", "TENTATIVE", "20261103T110000Z")) // as good as it gets
	h.settle()
	h.expect("Zoë", zoe(), tentative)
	h.deliver("ann", "zoe@peer.example", proven, reply("zoe@peer.example", "ACCEPTED", "20261103T120000Z"))
	h.deliver("ann", "zoe@peer.example", "", reply("zoe@peer.example", "DECLINED", "20261103T130000Z")) // less certain than that
	h.settle()
	h.expect("Zoë", zoe(), accepted)

	// Who was not invited is noted only when it is certain who they are.
	h.deliver("ann", "yan@peer.example", "", reply("yan@peer.example", "ACCEPTED", "20261103T120000Z"))
	h.settle()
	h.expect("Yan", h.statusOf("ann", "1", "yan@peer.example"), "?")
	h.deliver("ann", "yan@peer.example", proven, reply("yan@peer.example", "ACCEPTED", "20261103T130000Z"))
	h.must(h.router.Submit(t.Context(), routeMail(h, "dan", "ann@example.org", reply("dan@example.org", "ACCEPTED", "20261103T120000Z"))))
	h.settle()
	h.expect("Yan", h.statusOf("ann", "1", "yan@peer.example"), accepted)
	h.expect("Dan", h.statusOf("ann", "1", "dan@example.org"), accepted)
	// From now on they hear of changes.
	h.tick(time.Hour)
	h.edit("ann", "1", "Canteen", "Park")
	h.expect("Dan's inbox", h.got("dan"), "REQUEST Lunch; with a comma, and ü")
}

func TestWhoGetsAnInvitationThroughAGroupOrAFriendHasItInTheCalendar(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", append(append([]string{}, lunch[:6]...), "ATTENDEE;CUTYPE=GROUP:mailto:team@example.org")...))
	h.settle()
	for _, who := range []string{"bob", "cat"} {
		h.expect(who, h.statusOf(who, "1", who+"@example.org"), needsAction)
		if h.unverified(who, "1") {
			t.Errorf("%s's is not verified", who)
		}
	}
	h.answer("cat", "1", accepted)
	h.settle()
	h.expect("Ann's view of Cat", h.statusOf("ann", "1", "cat@example.org"), accepted)
	// Cat sends it on to Dan: it says that it is Ann's, and Cat says so.
	h.must(h.router.Submit(t.Context(), routeMail(h, "cat", "dan@example.org", itip("REQUEST", "1", 0, "20261102T090000Z", lunch...))))
	h.settle()
	if h.statusOf("dan", "1", "dan@example.org") != needsAction || !h.unverified("dan", "1") {
		t.Errorf("Dan has %v", h.has("dan", "1"))
	}
}

func TestWhatCameLateOrTwiceDoesNotBringAMeetingBack(t *testing.T) {
	h := openHouse(t)
	h.deliver("bob", "zoe@peer.example", proven, zoes("CANCEL", 1, "20261101T110000Z"))
	h.settle()
	h.restart()
	h.deliver("bob", "zoe@peer.example", proven, zoes("REQUEST", 0, "20261101T100000Z"))
	h.settle()
	if h.has("bob", "z") != nil {
		t.Error("the invitation came behind its cancellation, and is there")
	}
	h.deliver("bob", "zoe@peer.example", proven, zoes("REQUEST", 2, "20261101T120000Z"))
	h.settle()
	if h.has("bob", "z") == nil {
		t.Error("a newer one is not there")
	}
	h.deliver("bob", "zoe@peer.example", proven, zoes("REQUEST", 2, "20261101T120000Z"))
	h.settle()
	h.change("bob", "z", nil) // the user takes it away
	h.deliver("bob", "zoe@peer.example", proven, zoes("REQUEST", 2, "20261101T120000Z"))
	h.settle()
	if h.has("bob", "z") != nil {
		t.Error("it came back")
	}
}

func TestBadSchedulingMailIsLeftToItsReader(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", lunch...))
	h.settle()
	many := make([]string, 0, 10_000)
	for i := range 10_000 {
		many = append(many, "ATTENDEE:mailto:u"+strings.Repeat("x", i%7)+string(rune('a'+i%26))+"@peer.example")
	}
	for name, ics := range map[string]string{
		"no events":              "BEGIN:VCALENDAR\nMETHOD:REQUEST\nEND:VCALENDAR\n",
		"no UID":                 "BEGIN:VCALENDAR\nMETHOD:REQUEST\nBEGIN:VEVENT\nORGANIZER:mailto:zoe@peer.example\nEND:VEVENT\nEND:VCALENDAR\n",
		"no organizer":           itip("REQUEST", "b1", 0, "20261101T100000Z", "DTSTART:20261110T120000Z"),
		"an organizer of no use": itip("REQUEST", "b2", 0, "20261101T100000Z", "DTSTART:20261110T120000Z", "ORGANIZER:urn:x"),
		"two UIDs":               strings.Replace(zoes("REQUEST", 0, "20261101T100000Z"), "END:VCALENDAR", "BEGIN:VEVENT\nUID:other\nDTSTART:20261110T120000Z\nEND:VEVENT\nEND:VCALENDAR", 1),
		"two wholes":             strings.Replace(itip("REQUEST", "b3", 0, "20261101T100000Z", "DTSTART:20261110T120000Z", "ORGANIZER:mailto:zoe@peer.example"), "END:VCALENDAR", "BEGIN:VEVENT\nUID:b3\nDTSTART:20261110T120000Z\nEND:VEVENT\nEND:VCALENDAR", 1),
		"a method that is none":  zoes("X-BOOM", 0, "20261101T100000Z"),
		"a reply to nothing":     itip("REPLY", "nothing", 0, "20261101T100000Z", "ATTENDEE:mailto:zoe@peer.example"),
		"a reply by many":        itip("REPLY", "1", 0, "20261103T100000Z", many...),
		"a rule that is a bomb":  zoes("REQUEST", 0, "20261101T100000Z", "RRULE:FREQ=SECONDLY;COUNT=1000000000"),
		"not a calendar":         "METHOD:REQUEST\nwhatever\n",
		"line ends in words":     itip("REQUEST", "b4", 0, "20261101T100000Z", "DTSTART:20261110T120000Z", "SUMMARY:x\\r\\nBcc: all@example.org\\n\\nboo", "ORGANIZER:mailto:zoe@peer.example\\r\\nX: y"),
	} {
		h.deliver("bob", "zoe@peer.example", proven, ics)
		h.deliver("ann", "zoe@peer.example", proven, ics)
		h.settle()
		if got := h.letters("bob", mail.RoleInbox); string(got[len(got)-1].raw) == "" {
			t.Errorf("%s: the message is gone", name)
		}
	}
	h.expect("Ann's view", h.statusOf("ann", "1", "bob@example.org"), needsAction)
	for _, uid := range []string{"b1", "nothing"} {
		if h.has("bob", uid) != nil {
			t.Errorf("%s is in the calendar", uid)
		}
	}
}

func TestTooManyPeopleAreRefused(t *testing.T) {
	h := openHouse(t)
	lines := append([]string{}, lunch[:6]...)
	for i := range MaxAttendees + 1 {
		lines = append(lines, fmt.Sprintf("ATTENDEE:mailto:u%d@peer.example", i))
	}
	if _, err := h.tryChange("ann", "1", event("1", lines...)); !errors.Is(err, ErrTooMany) {
		t.Errorf("%v", err)
	}
	if n := h.change("ann", "1", event("1", lines[:len(lines)-1]...)); n != 1 {
		t.Errorf("%d messages", n)
	}
}

func TestAMeetingKeepsItsOrganizer(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", lunch...))
	raw := strings.Replace(string(h.has("ann", "1").Encode()), "mailto:ann@example.org\r\nATT", "mailto:bob@example.org\r\nATT", 1)
	if _, err := h.tryChange("ann", "1", []byte(raw)); !errors.Is(err, ErrOrganizer) {
		t.Errorf("%v", err)
	}
	// By another of her addresses she is the same.
	h.edit("ann", "1", "ORGANIZER;CN=Ann:mailto:ann@example.org", "ORGANIZER;CN=Ann:mailto:ann.alias@example.org")
}

func TestWhatAnEventSaysEndsNoLine(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", "DTSTART:20261110T120000Z", "DTEND:20261110T130000Z", `SUMMARY:Hi\nBcc: eve@peer.example\n\nboo`, `LOCATION:a\nb`,
		"ORGANIZER;CN=\"A^nB\":mailto:ann@example.org", "ATTENDEE;CN=\"Bob^nBcc: x@peer.example\":mailto:bob@example.org"))
	l := h.letters("bob", mail.RoleInbox)[0]
	if len(l.index.Bcc) != 0 || l.index.Subject != "Hi Bcc: eve@peer.example boo" || l.object == nil || len(h.queued()) != 0 {
		t.Errorf("%s", l.raw)
	}
}

func TestWhoActsForAnotherIsBelievedOfTheSameDomainElsewhereAlone(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", lunch...))
	h.settle()
	reply := func(whom, by, status, stamp string) string {
		return itip("REPLY", "1", 0, stamp, "ORGANIZER:mailto:ann@example.org", `ATTENDEE;PARTSTAT=`+status+`;SENT-BY="mailto:`+by+`":mailto:`+whom)
	}
	h.deliver("ann", "mallory@evil.example", "dmarc=pass header.from=evil.example", reply("zoe@peer.example", "mallory@evil.example", "DECLINED", "20261103T100000Z"))
	h.deliver("ann", "yan@peer.example", proven, reply("zoe@peer.example", "wil@peer.example", "DECLINED", "20261103T100000Z"))
	h.deliver("ann", "gus@example.org", "dmarc=pass header.from=example.org", reply("bob@example.org", "gus@example.org", "DECLINED", "20261103T100000Z"))
	h.settle()
	h.expect("Zoë", h.statusOf("ann", "1", "zoe@peer.example"), needsAction)
	h.expect("Bob", h.statusOf("ann", "1", "bob@example.org"), needsAction)
	h.deliver("ann", "yan@peer.example", proven, reply("zoe@peer.example", "yan@peer.example", "ACCEPTED", "20261103T100000Z"))
	h.settle()
	h.expect("Zoë", h.statusOf("ann", "1", "zoe@peer.example"), accepted)
}

// Who has several addresses is the same under each.
func TestAnAnswerForAnAliasOfTheSendersOwnCounts(t *testing.T) {
	h := openHouse(t)
	h.change("bob", "1", event("1", "DTSTART:20261110T120000Z", "DTEND:20261110T130000Z", "SUMMARY:S", "ATTENDEE:mailto:ann.alias@example.org"))
	h.settle()
	h.must(h.router.Submit(t.Context(), routeMail(h, "ann", "bob@example.org", itip("REPLY", "1", 0, "20261102T093000Z",
		"ORGANIZER:mailto:bob@example.org", "ATTENDEE;PARTSTAT=ACCEPTED:mailto:ann.alias@example.org"))))
	h.settle()
	h.expect("Ann", h.statusOf("bob", "1", "ann.alias@example.org"), accepted)
}

func TestAnAppointmentOfTheUsersOwnIsChangedByNoMessage(t *testing.T) {
	h := openHouse(t)
	h.change("bob", "z", event("z", "DTSTART:20261110T120000Z", "DTEND:20261110T130000Z", "SUMMARY:Dentist"))
	h.deliver("bob", "zoe@peer.example", proven, zoes("REQUEST", 3, "20261103T100000Z"))
	h.deliver("bob", "zoe@peer.example", proven, zoes("CANCEL", 4, "20261103T110000Z"))
	h.settle()
	h.expect("it", h.has("bob", "z").Master().Summary, "Dentist")
}

// That somebody here has a meeting does not make them its organizer.
func TestAnInvitationIsProvenByTheOrganizersOwnMeetingAlone(t *testing.T) {
	h := openHouse(t)
	h.deliver("ann", "zoe@peer.example", proven, strings.ReplaceAll(zoes("REQUEST", 0, "20261101T100000Z"), "bob@", "ann@"))
	h.settle()
	h.deliver("bob", "mallory@evil.example", "", strings.ReplaceAll(zoes("REQUEST", 0, "20261101T100000Z"), "zoe@peer.example", "ann@example.org"))
	h.answer("bob", "z", accepted)
	h.settle()
	if !h.unverified("bob", "z") {
		t.Errorf("%s", h.has("bob", "z").Encode())
	}
}

// What another message proves, proves nothing of this one.
func TestAnInvitationThatIsAnsweredBeforeItIsAttendedToIsJudgedByItself(t *testing.T) {
	h := openHouse(t)
	h.deliver("bob", "zoe@peer.example", proven, strings.ReplaceAll(zoes("REQUEST", 0, "20261101T100000Z"), "UID:z", "UID:other"))
	h.deliver("bob", "mallory@evil.example", "", zoes("REQUEST", 0, "20261101T100000Z"))
	h.answer("bob", "z", accepted)
	h.answer("bob", "other", accepted)
	for uid, want := range map[string]bool{"z": true, "other": false} {
		if h.unverified("bob", uid) != want {
			t.Errorf("%s: %s", uid, h.has("bob", uid).Encode())
		}
	}
	h.settle()
}

func TestAnAnswerChangesTheOrganizersMeetingAlone(t *testing.T) {
	h := openHouse(t)
	h.change("ann", "1", event("1", lunch...))
	h.settle()
	reply := func(who string) string {
		return itip("REPLY", "1", 0, "20261103T100000Z", "ORGANIZER:mailto:ann@example.org", "ATTENDEE;PARTSTAT=DECLINED:mailto:"+who)
	}
	for _, who := range []string{"ann", "bob"} {
		before, _ := h.item(who, "1")
		if who == "bob" { // who is invited as Zoë is
			h.deliver("bob", "zoe@peer.example", proven, reply("zoe@peer.example"))
		}
		h.must(h.router.Submit(t.Context(), routeMail(h, "ann", who+"@example.org", reply("ann@example.org"))))
		h.settle()
		if after, _ := h.item(who, "1"); after.Blob != before.Blob {
			t.Errorf("%s has %s", who, h.has(who, "1").Encode())
		}
	}
}

func TestNothingIsCancelledThatIsNotKnownByWhoIsNotProven(t *testing.T) {
	h := openHouse(t)
	one := zoes("CANCEL", 0, "20261101T100000Z", "RECURRENCE-ID:20261110T120000Z")
	h.deliver("bob", "zoe@peer.example", "", one)
	h.settle()
	if o := h.has("bob", "z"); o != nil {
		t.Errorf("%s", o.Encode())
	}
	h.deliver("bob", "zoe@peer.example", proven, one)
	h.settle()
	h.expect("once it is proven", h.has("bob", "z").Master().Status, "CANCELLED")
	// Nor does it keep an invitation out.
	h.deliver("bob", "zoe@peer.example", "", strings.ReplaceAll(zoes("CANCEL", 3, "20261103T100000Z"), "UID:z", "UID:y"))
	h.deliver("bob", "zoe@peer.example", proven, strings.ReplaceAll(zoes("REQUEST", 2, "20261102T100000Z"), "UID:z", "UID:y"))
	h.settle()
	h.expect("it", h.has("bob", "y").Master().Summary, "Board")
}

// Nobody is accepted into a meeting by who invites them, unless that is proven.
func TestAnInvitationDoesNotAcceptItself(t *testing.T) {
	h := openHouse(t)
	yes := func(s string) string {
		return strings.Replace(s, "ATTENDEE;PARTSTAT=NEEDS-ACTION:", "ATTENDEE;PARTSTAT=ACCEPTED;X-MARTLET-VERIFIED=TRUE;SCHEDULE-STATUS=2.0:", 1)
	}
	bobs := func() string { return h.statusOf("bob", "z", "bob@example.org") }
	h.deliver("bob", "zoe@peer.example", "", yes(zoes("REQUEST", 0, "20261101T100000Z")))
	h.settle()
	h.expect("new", bobs(), needsAction)
	h.deliver("bob", "zoe@peer.example", "", strings.ReplaceAll(yes(zoes("REQUEST", 1, "20261101T110000Z")), "20261110T1", "20261111T1"))
	h.settle()
	h.expect("at another time", bobs(), needsAction)
	h.deliver("bob", "zoe@peer.example", proven, zoes("CANCEL", 2, "20261101T120000Z"))
	h.deliver("bob", "zoe@peer.example", proven, yes(zoes("REQUEST", 3, "20261101T130000Z")))
	h.settle()
	h.expect("cancelled and held after all", bobs(), needsAction)
	if text := string(h.has("bob", "z").Encode()); strings.Contains(text, "VERIFIED") || strings.Contains(text, "SCHEDULE-") {
		t.Errorf("%s", text)
	}
}
