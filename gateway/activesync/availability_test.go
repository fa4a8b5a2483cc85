package activesync_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"martlet/directory"
	"martlet/mail"
	"martlet/store"
)

// addEvent puts an event into somebody's calendar.
func (h *house) addEvent(t testing.TB, login string, lines ...string) {
	t.Helper()
	a, err := h.directory.AccountByLogin(context.Background(), login)
	if err != nil {
		t.Fatal(err)
	}
	raw := "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//EN\r\nBEGIN:VEVENT\r\nUID:" + fmt.Sprintf("%x", strings.Join(lines, "")) + "\r\nDTSTAMP:20260101T000000Z\r\n" +
		strings.Join(lines, "\r\n") + "\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
	body, err := h.mailboxes.PrepareObject(context.Background(), mail.ClassCalendar, []byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	box := mail.MailboxOf(a.ID)
	h.update(t, func(tx *store.Tx) error {
		f, err := h.mailboxes.FolderByRole(tx, box, mail.RoleCalendar)
		if err == nil {
			_, err = h.mailboxes.Append(tx, box, f.ID, mail.NewItem{Class: mail.ClassCalendar, Body: body})
		}
		return err
	})
}

// MS-ASCMD 2.2.3.16, 2.2.3.107.
func TestAvailabilityOfRecipients(t *testing.T) {
	h, _, _ := resolveHouse(t)
	var members []string
	for i := range 21 {
		a := h.addUser(t, directory.Account{Login: fmt.Sprintf("m%d@example.org", i), Name: fmt.Sprintf("Member %d", i)})
		members = append(members, `"`+a.Login+`"`)
	}
	h.apply(t, "[[group]]\naddress = \"large@example.org\"\nmembers = ["+strings.Join(members, ",")+"]\n"+
		"[[group]]\naddress = \"most@example.org\"\nmembers = ["+strings.Join(members[:20], ",")+"]\n"+
		"[[resource]]\naddress = \"attic@example.org\"\nname = \"The Attic\"\n"+
		"[[user]]\nlogin = \"quiet@example.org\"\nhidden = true\n"+
		"[[contact]]\naddress = \"zoe@example.net\"\nname = \"Zoe Zander\"\n")
	h.addEvent(t, "bob.brown@example.org", "DTSTART:20260601T090000Z", "DURATION:PT1H")
	h.addEvent(t, "bob.green@example.org", "DTSTART:20260501T120000Z", "DURATION:PT10M", "RRULE:FREQ=DAILY", "STATUS:TENTATIVE")
	h.addEvent(t, "anna@example.org", "DTSTART:20260601T093000Z", "DURATION:PT2H", "X-MICROSOFT-CDO-BUSYSTATUS:OOF")
	h.addEvent(t, "attic@example.org", "DTSTART:20260601T080000Z", "DURATION:PT30M")
	const span = "<Availability><StartTime>2026-06-01T08:00:00.000Z</StartTime><EndTime>2026-06-01T13:00:00.000Z</EndTime></Availability>"
	for _, version := range []string{"14.0", "14.1", "16.0", "16.1"} {
		p := newPhone(t, h, "d"+version, version)
		p.provision()
		for to, want := range map[string]string{
			"brown":                 "1 0022000000", // R819, R3319, R3321, R3339
			"Bob.Green@example.org": "1 0000000010", // R3332
			"anna@example.org":      "1 0003333000",
			"team@example.org":      "1 0023333010", // R4625
			"attic":                 "1 2000000000",
			"most@example.org":      "1 0000000000",
			"large@example.org":     "161 ", // R4626
			"carol@example.net":     "163 ", // R4298
			"zoe":                   "163 ",
			"bob":                   " ", // R4617, R4618, R4623: none of one who is ambiguous
			"nobody":                " ",
			"quiet@example.org":     " ",
		} {
			doc := p.send("ResolveRecipients", resolveRequest(span, to))
			_, part, _ := strings.Cut(doc, "<Availability>")
			if got := element(part, "Status") + " " + element(part, "MergedFreeBusy"); got != want {
				t.Errorf("%s: %s: %q, want %q\n%s", version, to, got, want, doc)
			}
		}
		// R3330: from the start on, and the last digit is of what is left.
		doc := p.send("ResolveRecipients", resolveRequest("<Availability><StartTime>2026-06-01T08:45:00.000Z</StartTime><EndTime>2026-06-01T10:00:01.000Z</EndTime></Availability>", "brown"))
		if got := element(doc, "MergedFreeBusy"); got != "222" {
			t.Errorf("%s: from a quarter to nine: %s", version, got)
		}
		// R2265: seven days without an end.
		doc = p.send("ResolveRecipients", resolveRequest("<Availability><StartTime>2026-06-01T08:00:00.000Z</StartTime></Availability>", "brown"))
		if got := element(doc, "MergedFreeBusy"); len(got) != 7*48 {
			t.Errorf("%s: without an end: %d digits", version, len(got))
		}
	}
}

// MS-ASCMD_R4293, R4622: the free/busy times of fewer than a hundred people, those
// in groups among them.
func TestAvailabilityOfTooMany(t *testing.T) {
	h, _, _ := resolveHouse(t)
	var members []string
	for i := range 20 {
		members = append(members, `"`+h.addUser(t, directory.Account{Login: fmt.Sprintf("m%d@example.org", i)}).Login+`"`)
	}
	var file strings.Builder
	to := []string{"brown"}
	for i := range 5 {
		fmt.Fprintf(&file, "[[group]]\naddress = \"g%d@example.org\"\nmembers = [%s]\n", i, strings.Join(members, ","))
		to = append(to, fmt.Sprintf("g%d@example.org", i))
	}
	h.apply(t, file.String())
	p := newPhone(t, h, "iphone", "16.1")
	p.provision()
	const span = "<Availability><StartTime>2026-06-01T08:00:00.000Z</StartTime><EndTime>2026-06-01T09:00:00.000Z</EndTime></Availability>"
	doc := p.send("ResolveRecipients", resolveRequest(span, to...))
	var got []string
	for _, part := range strings.Split(doc, "<Availability>")[1:] {
		got = append(got, element(part, "Status"))
	}
	if s := strings.Join(got, " "); s != "1 1 1 1 1 160" {
		t.Errorf("statuses %s\n%s", s, doc)
	}
}
