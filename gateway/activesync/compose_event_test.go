package activesync_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/store"
)

// A meeting that is sent on says nothing of how its owner files it, what they
// have declined of it, and what the server keeps in it.
func TestAMeetingIsSentOnWithoutWhatIsItsOwners(t *testing.T) {
	h := build(t)
	p := newPhone(t, h, "phone", "16.1")
	p.provision()
	body, err := h.mailboxes.PrepareObject(t.Context(), mail.ClassCalendar, []byte("BEGIN:VCALENDAR\r\nX-MARTLET-SECRET:TRUE\r\nBEGIN:VEVENT\r\nUID:u\r\n"+
		"DTSTART:20261201T100000Z\r\nDTEND:20261201T110000Z\r\nRRULE:FREQ=DAILY;COUNT=5\r\nEXDATE;X-MARTLET-DECLINED=TRUE:20261202T100000Z\r\nEXDATE:20261203T100000Z\r\n"+
		"SUMMARY:Board\r\nCATEGORIES:boring\r\nX-MARTLET-REMOVED:eve@example.com\r\nX-MOZ-LASTACK:20260101T000000Z\r\nTRANSP:TRANSPARENT\r\n"+
		"ORGANIZER;SCHEDULE-STATUS=1.1:mailto:ben@example.com\r\nATTENDEE;PARTSTAT=ACCEPTED;X-MARTLET-REPLIED=20260101T000000Z:mailto:anna@example.org\r\n"+
		"BEGIN:VALARM\r\nACTION:DISPLAY\r\nDESCRIPTION:hide\r\nTRIGGER:-PT5M\r\nEND:VALARM\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"))
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
	for i, instance := range []string{"", "<InstanceId>2026-12-04T10:00:00.000Z</InstanceId>", "<InstanceId>2026-12-02T10:00:00.000Z</InstanceId>"} {
		mime := base64.StdEncoding.EncodeToString([]byte("To: anna@example.org\r\nSubject: FW: Board\r\n\r\nlook\r\n"))
		if doc := p.send("SmartForward", `<SmartForward xmlns="ComposeMail"><ClientId>c`+string(rune('0'+i))+`</ClientId><Source><FolderId>7</FolderId><ItemId>`+serverID(it)+`</ItemId>`+instance+
			`</Source><Mime encoding="base64">`+mime+`</Mime></SmartForward>`); doc != "" {
			t.Fatal(doc)
		}
		text := calendarOf(t, &h.contents(t, mail.RoleInbox)[i])
		for _, secret := range []string{"MARTLET-", "boring", "eve@", "X-MOZ", "SCHEDULE-", "TRANSP", "VALARM", "20261202T100000Z"} {
			if strings.Contains(text, secret) && !(i == 2 && secret[0] == '2') {
				t.Errorf("%q %s: \n%s", instance, secret, text)
			}
		}
		if i == 0 && (!strings.Contains(text, "EXDATE:20261203T100000Z") || !strings.Contains(text, "anna@example.org")) {
			t.Errorf("%s", text)
		}
	}
}
