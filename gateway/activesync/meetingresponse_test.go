package activesync_test

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/store"
)

// meeting is the one item in the calendar with a UID.
func (h *house) meeting(t testing.TB, uid string) (it mail.Item, ok bool) {
	t.Helper()
	if err := h.store.View(context.Background(), func(tx *store.Tx) error {
		places, err := h.mailboxes.ByUID(tx, h.box, mail.ClassCalendar, uid)
		if err != nil || len(places) == 0 {
			return err
		}
		if len(places) > 1 {
			t.Errorf("%s is there %d times", uid, len(places))
		}
		ok = true
		it, err = h.mailboxes.Item(tx, h.box, places[0].Folder, places[0].Item)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return it, ok
}

// calendarOf is what an item of the calendar holds.
func (h *house) calendarOf(t testing.TB, it mail.Item) *calendar.Object {
	t.Helper()
	raw, err := h.mailboxes.Blobs().Read(context.Background(), it.Blob)
	if err != nil {
		t.Fatal(err)
	}
	o, err := calendar.Parse(raw)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

const tell = `<SendResponse/>`

// MS-ASCMD_R5707 to R5709, R6061: since 14.1 what lies in the calendar is
// answered, too, and changed as often as the user likes; before it cannot be
// (MS-ASCMD_R6068, R7508 to R7510).
func TestAMeetingIsAnsweredInTheCalendar(t *testing.T) {
	for _, version := range allVersions {
		t.Run(version, func(t *testing.T) {
			h := build(t)
			request := h.deliver(t, 1, invitation, 0)
			p := newPhone(t, h, "phone", version)
			p.provision()
			if doc := p.respond(request, "2", ""); element(doc, "Status") != "1" {
				t.Fatal(doc)
			}
			it, _ := h.meeting(t, "planning-1@example.com")
			extra := ""
			switch version {
			case "2.5", "12.0", "12.1", "14.0":
				if doc := p.respond(it, "1", ""); element(doc, "Status") != "2" {
					t.Error(doc)
				}
				return
			case "16.0", "16.1":
				extra = tell
			}
			sent := uint32(0)
			for _, step := range []struct{ response, status string }{{"1", "ACCEPTED"}, {"1", "ACCEPTED"}, {"2", "TENTATIVE"}, {"1", "ACCEPTED"}} {
				doc := p.respond(it, step.response, extra)
				if element(doc, "Status") != "1" || element(doc, "CalendarId") != serverID(it) {
					t.Fatalf("%v: %s", step, doc)
				}
				now, _ := h.meeting(t, "planning-1@example.com")
				if got := h.calendarOf(t, now).Master().Attendees[0].Status; got != step.status {
					t.Errorf("%v: it says %s", step, got)
				}
			}
			if extra != "" {
				sent = 3 // the second was repeated
			}
			if n := h.items(t, mail.RoleSent); n != sent {
				t.Errorf("%d messages sent, want %d", n, sent)
			}
			for range 2 { // MS-ASCMD_R5072; the second time its answer was lost
				doc := p.respond(it, "3", extra)
				if _, there := h.meeting(t, "planning-1@example.com"); element(doc, "Status") != "1" || strings.Contains(doc, "CalendarId") || there {
					t.Errorf("there: %t, %s", there, doc)
				}
			}
			if extra != "" {
				sent++
			}
			if n := h.items(t, mail.RoleSent); n != sent {
				t.Errorf("%d messages sent, want %d", n, sent)
			}
		})
	}
}

// MS-ASCMD_R3188, R3191, R4186: one occurrence of what is in the calendar, and
// without an InstanceId all of them.
func TestOneOccurrenceIsAnswered(t *testing.T) {
	h := build(t)
	request := h.deliver(t, 1, weekly, 0)
	p := newPhone(t, h, "phone", "16.1")
	p.provision()
	if doc := p.respond(request, "1", tell); element(doc, "Status") != "1" {
		t.Fatal(doc)
	}
	it, _ := h.meeting(t, "planning-1@example.com")
	if doc := p.respond(it, "2", `<InstanceId>2026-06-17T10:00:00.000Z</InstanceId>`+tell); element(doc, "Status") != "1" || element(doc, "CalendarId") != serverID(it) {
		t.Fatal(doc)
	}
	it, _ = h.meeting(t, "planning-1@example.com")
	o := h.calendarOf(t, it)
	if len(o.Events) != 2 || o.Events[0].Attendees[0].Status != "ACCEPTED" || o.Events[1].Attendees[0].Status != "TENTATIVE" {
		t.Errorf("%s", o.Encode())
	}
	_, raw := h.last(t, mail.RoleSent)
	if e := meetingIn(t, raw).Master(); e.RecurrenceID == nil || e.RecurrenceID.Day() != 17 || e.Attendees[0].Status != "TENTATIVE" {
		t.Errorf("%s", raw)
	}
	sent := h.items(t, mail.RoleSent)
	for range 2 { // the second time its answer was lost
		if doc := p.respond(it, "3", `<InstanceId>2026-06-24T10:00:00.000Z</InstanceId>`+tell); element(doc, "Status") != "1" || element(doc, "CalendarId") != serverID(it) {
			t.Error(doc)
		}
	}
	if n := h.items(t, mail.RoleSent); n != sent+1 {
		t.Errorf("%d messages sent", n-sent)
	}
	it, _ = h.meeting(t, "planning-1@example.com")
	if o := h.calendarOf(t, it); len(o.Master().Except) != 1 {
		t.Errorf("%s", o.Encode())
	}
	for id, want := range map[string]string{"2026-06-18T10:00:00.000Z": "2", "x": "104", "": "2"} {
		if doc := p.respond(it, "1", `<InstanceId>`+id+`</InstanceId>`); element(doc, "Status") != want {
			t.Errorf("%q: %s", id, doc)
		}
	}
}

// MS-ASCMD_R3196, R4184.
func TestWhatInTheCalendarIsNoInvitation(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "phone", "16.1")
	p.provision()
	cal := strconv.Itoa(int(h.folder(t, mail.RoleCalendar)))
	put := func(uid, lines string) mail.Item {
		body, err := h.mailboxes.PrepareObject(t.Context(), mail.ClassCalendar, []byte("BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nUID:"+uid+"\r\nDTSTART:20260610T100000Z\r\nDTEND:20260610T110000Z\r\n"+lines+"END:VEVENT\r\nEND:VCALENDAR\r\n"))
		if err != nil {
			t.Fatal(err)
		}
		var it mail.Item
		if err := h.store.Update(t.Context(), func(tx *store.Tx) (err error) {
			it, err = h.mailboxes.Append(tx, h.box, h.folder(t, mail.RoleCalendar), mail.NewItem{Class: mail.ClassCalendar, Body: body})
			return err
		}); err != nil {
			t.Fatal(err)
		}
		return it
	}
	own := put("own", "ORGANIZER:mailto:anna@example.org\r\nATTENDEE:mailto:ben@example.com\r\n")
	appointment := put("appointment", "")
	single := put("single", "ORGANIZER:mailto:ben@example.com\r\nATTENDEE:mailto:anna@example.org\r\n")
	for _, c := range []struct {
		it            mail.Item
		extra, status string
	}{{own, "", "2"}, {appointment, "", "2"}, {single, "<InstanceId>2026-06-10T10:00:00.000Z</InstanceId>", "146"}} {
		doc := p.send("MeetingResponse", `<MeetingResponse xmlns="MeetingResponse"><Request><UserResponse>1</UserResponse><CollectionId>`+cal+`</CollectionId><RequestId>`+serverID(c.it)+`</RequestId>`+c.extra+`</Request></MeetingResponse>`)
		if element(doc, "Status") != c.status {
			t.Errorf("want %s: %s", c.status, doc)
		}
	}
}

// MS-ASCMD_R5094: the calendar that is synchronized then has the meeting.
func TestAnAcceptedMeetingIsInTheCalendarThatIsSynchronized(t *testing.T) {
	for _, version := range allVersions {
		h := build(t)
		request := h.deliver(t, 1, invitation, 0)
		p := newPhone(t, h, "phone", version)
		p.provision()
		cal := strconv.Itoa(int(h.folder(t, mail.RoleCalendar)))
		kind := ""
		if version == "2.5" || strings.HasPrefix(version, "12.") {
			kind = "<Class>Calendar</Class>"
		}
		sync := func(key string) string {
			changes := ""
			if key != "0" {
				changes = "<GetChanges/>"
			}
			return p.send("Sync", `<Sync xmlns="AirSync"><Collections><Collection>`+kind+`<SyncKey>`+key+`</SyncKey><CollectionId>`+cal+`</CollectionId>`+changes+`</Collection></Collections></Sync>`)
		}
		key := element(sync("0"), "SyncKey")
		accepted := p.respond(request, "1", "")
		doc := sync(key)
		if id := element(accepted, "CalendarId"); id == "" || element(doc, "ServerId") != id || element(doc, "Subject") != "Planning" || !strings.Contains(doc, "<Add>") {
			t.Errorf("%s: %s\n%s", version, accepted, doc)
		}
	}
}
