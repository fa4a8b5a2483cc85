package activesync_test

import (
	"testing"

	"martlet/mail"
)

// RFC 6638 3.2: in another's calendar it would be another's meeting.
func TestAMeetingStaysWithWhoHasIt(t *testing.T) {
	c := newCouple(t, "16.1")
	k := kinds()[0]
	c.grant(t, c.folder(t, mail.RoleCalendar), mail.MayWrite)
	c.his.folderSync()
	link := c.linkID(t)
	own := c.his.collect("7")
	c.his.collect(link)
	meeting := own.add("1", k.data("16.1", "meeting")+`<MeetingStatus xmlns="Calendar">1</MeetingStatus><Attendees xmlns="Calendar"><Attendee><Email>zoe@peer.example</Email><Name>Z</Name></Attendee></Attendees>`)
	alone := own.add("2", k.data("16.1", "alone"))
	if status, _ := c.his.moveItem(meeting, link); status != "1" {
		t.Errorf("a meeting was moved: %s", status)
	}
	if status, _ := c.his.moveItem(alone, link); status != "3" {
		t.Errorf("an event was not moved: %s", status)
	}
	if his, hers := len(c.keptIn(t, mail.MailboxOf(c.bob.ID), 7)), len(c.kept(t, mail.RoleCalendar)); his != 1 || hers != 1 {
		t.Errorf("he has %d, she %d", his, hers)
	}
	doc := c.his.send("FolderCreate", `<FolderCreate xmlns="FolderHierarchy"><SyncKey>`+c.his.folderSync()+`</SyncKey><ParentId>0</ParentId><DisplayName>Other</DisplayName><Type>13</Type></FolderCreate>`)
	if status, _ := c.his.moveItem(meeting, element(doc, "ServerId")); status != "3" {
		t.Errorf("within his own: %s\n%s", status, doc)
	}
}
