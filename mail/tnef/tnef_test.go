package tnef

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"martlet/mail/rtf"
)

var sent = time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)

// message is a stream as Outlook writes it: a text in RTF, a picture in it, a
// file, a message.
func outlook() []byte {
	inner := newStream(1252)
	inner.attribute(levelMessage, attMsgProps, 6, props(str(pidSubject, "Inner"), str8(pidBody, "Inner text\r\n"), str(pidSenderName, "Carl"), str(pidSenderSMTP, "carl@example.net"), when(pidClientSubmitTime, sent)))
	inner.attach("note.txt", []byte("a note"))
	s := newStream(1251)
	s.attribute(levelMessage, attMessageClass, 7, []byte("IPM.Microsoft Mail.Note\x00"))
	s.attribute(levelMessage, attSubject, 1, []byte("\xcf\xf0\xe8\xe2\xe5\xf2\x00"))
	s.recipients(
		[]property{num(pidRecipientType, 1), str(pidDisplayName, "Anna"), str(pidEmailAddress, "/o=x/cn=anna"), str(pidSMTPAddress, "anna@example.org")},
		[]property{num(pidRecipientType, 2), str(pidDisplayName, "Bob"), str8(pidEmailAddress, "bob@example.org")},
	)
	s.attribute(levelMessage, attMsgProps, 6, props(
		str(pidSentName, "Dora"), str(pidSentSMTP, "dora@example.net"), boolean(0x0023, true), str(pidMessageID, "<1@example.net>"),
		bin(pidRTFCompressed, rtf.Compress(rtf.FromHTML("<p>Hello <img src=\"cid:pic\"></p>"))),
		withName(str(0, "call back"), nameVoiceNotes), str(pidCallingNumber, "+49 30 1234"), num(pidVoiceDuration, 17),
	))
	s.attach("PIC~1.PNG", []byte("\x89PNG"), str(pidAttachLongName, "picture.png"), str(pidAttachMIMETag, "image/PNG"), str(pidAttachContentID, "<pic>"), boolean(pidAttachHidden, true))
	s.attach("FILE~1.TXT", []byte("content of the file"), str(pidAttachLongName, "Übersicht.txt"))
	s.attach("", nil, num(pidAttachMethod, Embedded), str(pidDisplayName, "Inner"), property{id: pidAttachData, kind: typeObject, data: append(iidMessage[:], inner.b...)})
	return s.b
}

func TestAStreamOfOutlookIsRead(t *testing.T) {
	b := outlook()
	m, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	if m.Class != "IPM.Note" || m.Subject != "Привет" || m.CodePage != 1251 || m.MessageID != "1@example.net" {
		t.Errorf("class %q, subject %q, code page %d, id %q", m.Class, m.Subject, m.CodePage, m.MessageID)
	}
	if m.From != (Recipient{"Dora", "dora@example.net"}) || len(m.To) != 1 || m.To[0] != (Recipient{"Anna", "anna@example.org"}) || len(m.Cc) != 1 || m.Cc[0].Address != "bob@example.org" {
		t.Errorf("from %v, to %v, cc %v", m.From, m.To, m.Cc)
	}
	if m.Voice != (Voice{Caller: "+49 30 1234", Duration: 17, Notes: "call back"}) {
		t.Errorf("%+v", m.Voice)
	}
	doc, err := rtf.Decompress(b[m.RTF.Start:m.RTF.End])
	if err != nil || rtf.ToHTML(doc) != "<p>Hello <img src=\"cid:pic\"></p>" {
		t.Errorf("%q, %v", doc, err)
	}
	if len(m.Attachments) != 3 {
		t.Fatalf("%d attachments", len(m.Attachments))
	}
	pic, file, inner := m.Attachments[0], m.Attachments[1], m.Attachments[2]
	if pic.Name != "picture.png" || pic.Type != "image/png" || pic.ContentID != "pic" || !pic.Hidden || string(b[pic.Data.Start:pic.Data.End]) != "\x89PNG" {
		t.Errorf("%+v", pic)
	}
	if file.Name != "Übersicht.txt" || file.Hidden || file.Method != ByValue || string(b[file.Data.Start:file.Data.End]) != "content of the file" {
		t.Errorf("%+v", file)
	}
	if !inner.IsMessage || inner.Method != Embedded || inner.Name != "Inner" {
		t.Errorf("%+v", inner)
	}
	im, err := Parse(b[inner.Data.Start:inner.Data.End])
	if err != nil || im.Subject != "Inner" || len(im.Attachments) != 1 {
		t.Fatalf("%+v, %v", im, err)
	}
	eml := string(im.MIME(b[inner.Data.Start:inner.Data.End]))
	for _, want := range []string{"From: \"Carl\" <carl@example.net>\r\n", "Subject: Inner\r\n", "Date: Mon, 23 Nov 2026 09:00:00 +0000\r\n", "SW5uZXIgdGV4dA0K", "filename=note.txt", "YSBub3Rl"} {
		if !strings.Contains(eml, want) {
			t.Errorf("no %q in\n%s", want, eml)
		}
	}
}

// A meeting request of Outlook that recurs in its own time zone.
func meetingStream(class string) []byte {
	zone := make([]byte, 48)
	negative := func(n int32) uint32 { return uint32(n) }
	binary.LittleEndian.PutUint32(zone, negative(-60))
	binary.LittleEndian.PutUint32(zone[8:], negative(-60))
	for i, v := range []uint16{0, 10, 0, 5, 3} {
		binary.LittleEndian.PutUint16(zone[14+2*i:], v)
	}
	for i, v := range []uint16{0, 3, 0, 5, 2} {
		binary.LittleEndian.PutUint16(zone[32+2*i:], v)
	}
	day := func(y int, m time.Month, d int) uint32 {
		return uint32((time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() + filetimeEpoch) / 60)
	}
	var rec []byte
	for _, v := range []uint16{0x3004, 0x3004, 0x200b, 1, 0} {
		rec = binary.LittleEndian.AppendUint16(rec, v)
	}
	for _, v := range []uint32{0, 2, 0, 1<<1 | 1<<3, 0x2021, 10, 1, 1, day(2026, 11, 25), 0, day(2026, 11, 23), day(2026, 12, 31)} {
		rec = binary.LittleEndian.AppendUint32(rec, v)
	}
	id := make([]byte, 40)
	copy(id, "\x04\x00\x00\x00\x82\x00\xe0\x00\x74\xc5\xb7\x10\x1a\x82\xe0\x08")
	id = append(id, "vCal-Uid\x01\x00\x00\x00uid-1@example.net\x00"...)
	s := newStream(1252)
	s.attribute(levelMessage, attMessageClass, 7, []byte(class+"\x00"))
	s.recipients([]property{num(pidRecipientType, 1), str(pidDisplayName, "Anna, \"A\""), str(pidSMTPAddress, "anna@example.org")})
	s.attribute(levelMessage, attMsgProps, 6, props(
		str(pidSubject, "Weekly; planning"), str(pidSentName, "Dora"), str(pidSentSMTP, "dora@example.net"), when(pidClientSubmitTime, sent),
		inSet(str(0, "Room 1, left"), setAppointment, lidLocation), inSet(when(0, sent.Add(time.Hour)), setAppointment, lidStart), inSet(when(0, sent.Add(2*time.Hour)), setAppointment, lidEnd),
		inSet(num(0, 3), setAppointment, lidSequence), inSet(num(0, 2), setAppointment, lidIntendedBusy), inSet(bin(0, zone), setAppointment, lidZone), inSet(bin(0, rec), setAppointment, lidRecurrence),
		inSet(num(0, 15), setCommon, lidReminderDelta), inSet(boolean(0, true), setCommon, lidReminderSet), inSet(bin(0, id), setMeeting, lidGlobalID),
	))
	return s.b
}

func TestAMeetingBecomesACalendar(t *testing.T) {
	m, err := Parse(meetingStream("IPM.Microsoft Schedule.MtgReq"))
	if err != nil || m.Class != "IPM.Schedule.Meeting.Request" || m.Meeting == nil {
		t.Fatalf("%+v, %v", m, err)
	}
	cal := string(m.Calendar())
	for _, want := range []string{
		"METHOD:REQUEST\r\n", "UID:uid-1@example.net\r\n", "SEQUENCE:3\r\n", "SUMMARY:Weekly\\; planning\r\n", "LOCATION:Room 1\\, left\r\n",
		"DTSTART;TZID=Meeting:20261123T110000\r\n", "DTEND;TZID=Meeting:20261123T120000\r\n",
		"RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,WE;UNTIL=20261231T225959Z\r\n", "EXDATE;TZID=Meeting:20261125T110000\r\n",
		"TZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\n", "ORGANIZER;CN=\"Dora\":mailto:dora@example.net\r\n",
		"CN=\"Anna, A\":\r\n mailto:anna@example.org\r\n", "TRIGGER;RELATED=START:-PT15M\r\n", "X-MICROSOFT-CDO-BUSYSTATUS:BUSY\r\n",
	} {
		if !strings.Contains(cal, want) {
			t.Errorf("no %q in\n%s", want, cal)
		}
	}
	for line := range strings.SplitSeq(cal, "\r\n") {
		if len(line) > 75 {
			t.Errorf("a line of %d bytes: %s", len(line), line)
		}
	}
	m, _ = Parse(meetingStream("IPM.Microsoft Schedule.MtgRespP"))
	if cal := string(m.Calendar()); !strings.Contains(cal, "METHOD:REPLY") || !strings.Contains(cal, "PARTSTAT=ACCEPTED;CN=\"Dora\":mailto:dora@example.net") || !strings.Contains(cal, "ORGANIZER;CN=\"Anna, A\"") {
		t.Errorf("%s", cal)
	}
	m, _ = Parse(meetingStream("IPM.Microsoft Schedule.MtgCncl"))
	if cal := string(m.Calendar()); !strings.Contains(cal, "METHOD:CANCEL") || !strings.Contains(cal, "STATUS:CANCELLED") {
		t.Errorf("%s", cal)
	}
	if m, _ = Parse(outlook()); m.Calendar() != nil {
		t.Error("a note has a calendar")
	}
}

func TestSummerTimeIsKnown(t *testing.T) {
	z := &Zone{Bias: -60, DaylightBias: -60, Standard: Rule{10, 0, 5, 3, 0}, Daylight: Rule{3, 0, 5, 2, 0}}
	for _, c := range []struct{ utc, local string }{{"2026-03-29T00:59", "2026-03-29T01:59"}, {"2026-03-29T01:00", "2026-03-29T03:00"}, {"2026-10-25T00:59", "2026-10-25T02:59"}, {"2026-10-25T01:00", "2026-10-25T02:00"}, {"2026-01-01T00:00", "2026-01-01T01:00"}} {
		at, _ := time.Parse("2006-01-02T15:04", c.utc)
		if got := z.local(at).Format("2006-01-02T15:04"); got != c.local {
			t.Errorf("%s is %s, want %s", c.utc, got, c.local)
		}
	}
	south := &Zone{Bias: -600, DaylightBias: -60, Standard: Rule{4, 0, 1, 3, 0}, Daylight: Rule{10, 0, 1, 2, 0}}
	for _, c := range []struct{ utc, local string }{{"2026-01-01T00:00", "2026-01-01T11:00"}, {"2026-07-01T00:00", "2026-07-01T10:00"}} {
		at, _ := time.Parse("2006-01-02T15:04", c.utc)
		if got := south.local(at).Format("2006-01-02T15:04"); got != c.local {
			t.Errorf("%s is %s, want %s", c.utc, got, c.local)
		}
	}
}

func TestWhatIsNoStreamIsRefused(t *testing.T) {
	for _, b := range []string{"", "x", "\x78\x9f\x3e\x22", "not a stream at all"} {
		if _, err := Parse([]byte(b)); !errors.Is(err, ErrNotTNEF) {
			t.Errorf("%q: %v", b, err)
		}
	}
	b := outlook()
	for i := 6; i < len(b); i += 7 { // cut off anywhere
		if m, err := Parse(b[:i]); err != nil {
			t.Fatalf("%d bytes: %v", i, err)
		} else {
			m.MIME(b[:i])
		}
	}
}

// The tools of Debian read what the tests write, so that the reader is tested
// against the format and not against itself.
func TestOtherReadersReadTheSame(t *testing.T) {
	tool, err := exec.LookPath("tnef")
	if err != nil {
		t.Skip("tnef is not installed")
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "winmail.dat")
	if err := os.WriteFile(file, outlook(), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(tool, "--directory="+dir, "--save-body", file).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "picture.png")); err != nil || string(got) != "\x89PNG" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := os.ReadFile(filepath.Join(dir, "message.rtf")); err != nil || !bytes.Contains(got, []byte(`\fromhtml1`)) {
		t.Errorf("%q, %v", got, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(outlook())
	f.Add(meetingStream("IPM.Microsoft Schedule.MtgReq"))
	f.Add(sampleNotice().Encode())
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := Parse(b)
		if err != nil {
			return
		}
		for _, p := range []Place{m.Text, m.HTML, m.RTF} {
			if p.Start < 0 || p.End < p.Start || p.End > len(b) {
				t.Fatalf("%+v of %d", p, len(b))
			}
		}
		m.MIME(b)
		m.Calendar()
		m.ForwardedCalendar()
	})
}

func BenchmarkParse(b *testing.B) {
	in := outlook()
	b.SetBytes(int64(len(in)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(in); err != nil {
			b.Fatal(err)
		}
	}
}
