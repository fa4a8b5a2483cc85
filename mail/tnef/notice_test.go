package tnef

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func sampleNotice() *Notice {
	id := append([]byte{0x04, 0x00, 0x00, 0x00, 0x82, 0x00, 0xE0, 0x00, 0x74, 0xC5, 0xB7, 0x10, 0x1A, 0x82, 0xE0, 0x08}, make([]byte, 20)...)
	id = append(binary.LittleEndian.AppendUint32(id, 12+2), "vCal-Uid\x01\x00\x00\x007\x00"...)
	return &Notice{
		Key: "<1@example.org>", Subject: "Meeting Forward Notification: Größe", From: Recipient{"Anna Ash", "anna@example.org"}, Organizer: Recipient{"Ben Birch", "ben@example.org"},
		Forwarded: []Recipient{{"Carl Cedar", "carl@example.com"}, {"", "dora@example.com"}}, GlobalID: id, CleanID: id,
		Start: time.Date(2026, 6, 10, 10, 0, 0, 0, time.UTC), End: time.Date(2026, 6, 10, 11, 30, 0, 0, time.UTC), Location: "Room 1", Sequence: 2,
		Sent: time.Date(2026, 6, 2, 7, 0, 0, 0, time.UTC),
	}
}

// MS-OXOCAL 2.2.9: what is written is read again.
func TestANoticeOfAForward(t *testing.T) {
	n := sampleNotice()
	m, err := Parse(n.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if m.Class != ClassForwarded || m.Subject != n.Subject || m.From != n.From || len(m.To) != 1 || m.To[0] != n.Organizer || m.Meeting == nil {
		t.Fatalf("%+v", m)
	}
	mt := m.Meeting
	if !reflect.DeepEqual(mt.Forwarded, n.Forwarded) || mt.UID != "7" || !mt.Start.Equal(n.Start) || !mt.End.Equal(n.End) || mt.Location != "Room 1" || mt.Sequence != 2 || mt.ResponseRequested {
		t.Errorf("%+v", mt)
	}
	if m.CalendarMethod() != "" || m.Calendar() != nil { // iTIP has no method for it
		t.Errorf("%s", m.Calendar())
	}
	cal := string(m.ForwardedCalendar())
	for _, line := range []string{"UID:7\r\n", "DTSTART:20260610T100000Z\r\n", "DTSTAMP:20260602T070000Z\r\n", `ORGANIZER;CN="Ben Birch":mailto:ben@example.org` + "\r\n"} {
		if !strings.Contains(cal, line) {
			t.Errorf("no %q in\n%s", line, cal)
		}
	}
	if strings.Contains(cal, "METHOD") || strings.Contains(cal, "ATTENDEE") {
		t.Errorf("%s", cal)
	}
}

// Another program that is installed reads the notice as it was meant.
func TestYtnefReadsANotice(t *testing.T) {
	program, err := exec.LookPath("ytnefprint")
	if err != nil {
		t.Skip("ytnefprint is not here")
	}
	n := sampleNotice()
	n.Subject = "Meeting Forward Notification: Planning" // it prints ASCII only
	file := filepath.Join(t.TempDir(), "winmail.dat")
	if err := os.WriteFile(file, n.Encode(), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(program, file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"Message Class: " + ClassForwarded, "[PR_TNEF_CORRELATION_KEY]", "Value: [<1@example.org>", "[" + n.Subject + "]", "[Anna Ash]",
		"Wednesday June 10, 2026 10:00:00 am", "[Room 1]", "[UD:x8261]", "vCal-Uid",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// MS-OXOCAL 2.2.1.25, MS-OXCDATA 2.8.3.2: rows as others write them.
func TestRecipientRows(t *testing.T) {
	rows := func(version bool, n uint32, rows ...string) []byte {
		var b []byte
		if version {
			b = binary.LittleEndian.AppendUint32(b, 1)
		}
		return append(binary.LittleEndian.AppendUint32(b, n), strings.Join(rows, "")...)
	}
	u := func(s string) string { return string(wide(s)) }
	const smtp, narrow = "\x1b\x02", "\x1b\x00" // address and name, in Unicode or not
	for _, tt := range []struct {
		name string
		b    []byte
		want []Recipient
	}{
		{"none", nil, nil},
		{"no rows", rows(true, 0), nil},
		{"without a version", rows(false, 1, smtp, u("a@example.com"), u("Anna"), "\x00\x00\x00"), []Recipient{{"Anna", "a@example.com"}}},
		{"code page", rows(true, 1, narrow, "a@example.com\x00", "J\xf6rg\x00", "\x00\x00\x00"), []Recipient{{"Jörg", "a@example.com"}}},
		{"all fields", rows(true, 2, "\x3b\x86", "SMTP\x00", u("a@example.com"), u("Anna"), u("Anna"), u("A."), "\x00\x00\x00", smtp, u("b@example.com"), u("Ben"), "\x00\x00\x00"),
			[]Recipient{{"Anna", "a@example.com"}, {"Ben", "b@example.com"}}},
		{"of an organization", rows(true, 2, "\x11\x02\x05\x00", "cn=anna\x00", u("Anna"), "\x00\x00\x00", smtp, u("b@example.com"), u("Ben"), "\x00\x00\x00"), []Recipient{{"Ben", "b@example.com"}}},
		{"columns", rows(true, 2, smtp, u("a@example.com"), u("Anna"), "\x04\x00\x00junk"), []Recipient{{"Anna", "a@example.com"}}},
		{"too few", rows(true, 5, smtp, u("a@example.com"), u("Anna"), "\x00\x00\x00"), []Recipient{{"Anna", "a@example.com"}}},
		{"cut", rows(true, 1, smtp, u("a@example.com"), "A\x00"), nil},
	} {
		if got := parseRows(tt.b); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}

func FuzzRecipientRows(f *testing.F) {
	f.Add(recipientRows(sampleNotice().Forwarded))
	f.Add([]byte("\x01\x00\x00\x00\x3b\x86SMTP\x00a@b\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		list := parseRows(b)
		if len(list) > maxRecipients {
			t.Fatal(len(list))
		}
		for i, r := range parseRows(recipientRows(list)) {
			if r.Address != list[i].Address {
				t.Fatalf("%q became %q", list[i].Address, r.Address)
			}
		}
	})
}
