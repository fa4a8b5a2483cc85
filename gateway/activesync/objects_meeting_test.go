package activesync_test

import (
	"context"
	"strings"
	"testing"

	"martlet/mail"
)

// MS-ASEMAIL_R1074, R17, MS-ASCMD_R7480, R7481: a meeting that is made on one
// phone comes to the calendar of another user's phone, is accepted there, and the
// organizer's phone sees who has accepted.
func TestAMeetingGoesFromPhoneToPhoneAndBack(t *testing.T) {
	h := build(t)
	bob := h.other(t, "bob@example.org")
	settle := func() {
		t.Helper()
		if err := h.schedule.Settle(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	anna := newCollector(t, h, "annas", "16.1", "7")
	his := newCollector(t, h, "bobs", "16.1", "7")
	his.login = "bob@example.org"
	his.provision()
	his.restart("")
	people := `<Attendees xmlns="Calendar"><Attendee><Email>bob@example.org</Email><Name>Bob</Name><AttendeeType>1</AttendeeType></Attendee></Attendees><MeetingStatus xmlns="Calendar">1</MeetingStatus>`
	id := anna.add("1", kinds()[0].data("16.1", "meeting")+people)
	settle()
	doc := his.do("")
	if element(inner(doc, "Add"), "Subject") != "meeting" || element(doc, "OrganizerEmail") != testLogin || element(doc, "MeetingStatus") != "3" {
		t.Fatalf("the attendee's calendar:\n%s\n%s", doc, h.log)
	}
	invited := element(inner(doc, "Add"), "ServerId")
	inbox := &collector{phone: his.phone, collection: "1", options: his.options}
	inbox.restart("")
	request := element(inner(inbox.do(""), "Add"), "ServerId")
	answer := his.send("MeetingResponse", `<MeetingResponse xmlns="MeetingResponse"><Request><UserResponse>1</UserResponse><CollectionId>1</CollectionId><RequestId>`+request+`</RequestId><SendResponse/></Request></MeetingResponse>`)
	if element(answer, "Status") != "1" || element(answer, "CalendarId") != invited {
		t.Fatalf("accepted:\n%s\n%s", answer, h.log)
	}
	settle()
	if doc := his.do(""); element(inner(doc, "Change"), "ResponseType") != "3" {
		t.Errorf("the attendee's calendar:\n%s", doc)
	}
	doc = anna.do("")
	if element(inner(doc, "Change"), "ServerId") != id || element(inner(doc, "Attendee"), "AttendeeStatus") != "3" {
		t.Errorf("the organizer's calendar:\n%s", doc)
	}
	anna.do(deleteItem(id))
	settle()
	doc = his.do("")
	if status := element(inner(doc, "Change"), "MeetingStatus"); status != "7" && !strings.Contains(doc, "<Delete>") {
		t.Errorf("called off, the attendee's calendar:\n%s", doc)
	}
	if n := len(h.keptIn(t, mail.MailboxOf(bob.ID), h.folder(t, mail.RoleCalendar))); n > 1 {
		t.Errorf("%d meetings", n)
	}
}
