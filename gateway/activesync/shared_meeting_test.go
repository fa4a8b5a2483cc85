package activesync_test

import (
	"strings"
	"testing"

	"martlet/mail"
)

// Who may write in a calendar, and is no delegate, sends nothing in its owner's
// name: the phone gets back what is there.
func TestWhoIsNoDelegateGetsTheMeetingBack(t *testing.T) {
	const guests = `<MeetingStatus xmlns="Calendar">1</MeetingStatus><Attendees xmlns="Calendar"><Attendee><Email>zoe@peer.example</Email><Name>Z</Name></Attendee></Attendees>`
	for rights, may := range map[mail.Rights]bool{mail.MayWrite: false, mail.MayWrite | mail.MaySee | mail.MayDelegate: true} {
		c := newCouple(t, "16.1")
		k := kinds()[0]
		hers := c.anna.collect("7")
		hers.add("1", k.data("16.1", "council")+guests)
		sent := c.items(t, mail.RoleSent)
		c.grant(t, c.folder(t, mail.RoleCalendar), rights)
		c.his.folderSync()
		his := c.his.collect(c.linkID(t))
		id := element(his.do(""), "ServerId")
		doc := his.do(changeItem(id, `<Subject xmlns="Calendar">renamed</Subject>`)) + his.do("")
		if got := c.kept(t, mail.RoleCalendar); len(got) != 1 || strings.Contains(got[0].raw, "renamed") != may {
			t.Errorf("rights %d: %s\n%s", rights, got[0].raw, doc)
		}
		if !may && !strings.Contains(doc, ">council<") {
			t.Errorf("rights %d: it is not told what is there\n%s", rights, doc)
		}
		doc = his.do(deleteItem(id)) + his.do("")
		if got := c.kept(t, mail.RoleCalendar); (len(got) == 0) != may {
			t.Errorf("rights %d: %d are left\n%s", rights, len(got), doc)
		}
		if !may && !strings.Contains(doc, "<Add>") {
			t.Errorf("rights %d: it does not come back\n%s", rights, doc)
		}
		if n := c.items(t, mail.RoleSent) - sent; may != (n == 2) || !may && n != 0 {
			t.Errorf("rights %d: %d messages", rights, n)
		}
		if strings.Contains(c.log.String(), "level=ERROR") {
			t.Errorf("%s", c.log)
		}
	}
}
