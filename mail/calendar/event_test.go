package calendar

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
	"time"

	ical "github.com/emersion/go-ical"
	"github.com/google/go-cmp/cmp"

	"martlet/internal/corpus"
)

var update = flag.Bool("update", false, "write the goldens")

// dump writes what an object says, readable aloud.
func dump(o *Object) string {
	var b strings.Builder
	fmt.Fprintf(&b, "method %q\n", o.Method)
	for _, e := range o.Events {
		fmt.Fprintf(&b, "event %q %q at %q\n", e.UID, e.Summary, e.Location)
		fmt.Fprintf(&b, "  from %s to %s all day %v\n", show(e.Start), show(e.End), e.AllDay())
		if e.Organizer != nil {
			fmt.Fprintf(&b, "  organizer %q %s %s\n", e.Organizer.Name, e.Organizer.Address, e.Organizer.SentBy)
		}
		for _, a := range e.Attendees {
			fmt.Fprintf(&b, "  attendee %q %s %s %s rsvp %v\n", a.Name, a.Address, a.Role, a.Status, a.RSVP)
		}
		if e.Rule != nil {
			fmt.Fprintf(&b, "  rule %s\n", e.Rule)
		}
		if e.BadRule {
			fmt.Fprintf(&b, "  a rule that cannot be followed\n")
		}
		for _, t := range e.Dates {
			fmt.Fprintf(&b, "  also %s\n", show(t))
		}
		for _, t := range e.Except {
			fmt.Fprintf(&b, "  not %s\n", show(t))
		}
		if e.RecurrenceID != nil {
			fmt.Fprintf(&b, "  occurrence %s and after %v\n", show(*e.RecurrenceID), e.ThisAndAfter)
		}
		if d, ok := e.Reminder(); ok {
			fmt.Fprintf(&b, "  reminder %s\n", d)
		}
		if e.Description != "" {
			fmt.Fprintf(&b, "  description %q\n", cut(e.Description))
		}
		fmt.Fprintf(&b, "  sequence %d status %q class %q transparent %v busy %q priority %d categories %q\n", e.Sequence, e.Status, e.Class, e.Transparent, e.Busy, e.Priority, e.Categories)
		n := 0
		for t := range e.Occurrences() {
			if !e.Recurs() || n == 4 {
				break
			}
			fmt.Fprintf(&b, "  %s\n", show(t))
			n++
		}
	}
	return b.String()
}

func cut(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:60]) + "…"
	}
	return s
}

func show(t Time) string {
	switch {
	case t.Date:
		return t.Format("2006-01-02")
	case t.Floating:
		return strings.TrimSpace(t.Format("2006-01-02 15:04:05") + " " + t.TZID)
	}
	return t.Format("2006-01-02 15:04:05 -0700")
}

func TestGoldens(t *testing.T) {
	files, err := filepath.Glob("testdata/*.ics")
	if err != nil || len(files) == 0 {
		t.Fatalf("no goldens: %v", err)
	}
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		o, err := Parse(b)
		if err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		golden := strings.TrimSuffix(file, ".ics") + ".golden"
		got := dump(o)
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), got); d != "" {
			t.Errorf("%s:\n%s", file, d)
		}
	}
}

// check proves what holds for any bytes that are a calendar object.
func check(t testing.TB, b []byte) {
	t.Helper()
	o, err := Parse(b)
	if err != nil {
		return
	}
	text := o.Encode()
	again, err := Parse(text)
	if err != nil {
		t.Fatalf("what was written cannot be read: %v\n%s", err, text)
	}
	if d := cmp.Diff(dump(o), dump(again)); d != "" {
		t.Fatalf("a round trip changed the object:\n%s", d)
	}
	if !bytes.Equal(again.Encode(), text) {
		t.Fatal("not the same bytes each time")
	}
	for _, line := range strings.Split(string(text), "\r\n") {
		if len(line) > 75 || strings.ContainsAny(line, "\r\n\x00") {
			t.Fatalf("a line of %d bytes: %q", len(line), line)
		}
	}
	// Events survive being written from their fields.
	before := dump(o)
	for _, e := range o.Events {
		e.Write()
	}
	rewritten, err := Parse(o.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(before, dump(rewritten)); d != "" {
		t.Fatalf("an event written from its fields is another:\n%s\n%s", d, text)
	}
	if m := o.Master(); m != nil {
		reply := o.Reply(&Answer{From: Person{Address: "a@example.org"}, Status: "ACCEPTED", Now: time.Unix(1e9, 0)})
		if _, err := Parse(reply.Encode()); err != nil || reply.Method != "REPLY" {
			t.Fatal(err)
		}
		o.Instance(m.Start.Time)
		ZoneOf(m.Zone(), m.Start.Year())
		if id := GlobalID(m.UID, m.Start.Time); UIDOf(id) == "" && m.UID != "" && len(m.UID) < 4000 && strings.Trim(m.UID, "\x00") != "" {
			t.Fatalf("the global id of %q is lost", m.UID)
		}
	}
}

func TestRealCalendarsAreReadAndWritten(t *testing.T) {
	read, events := 0, 0
	for _, f := range corpus.Calendars(t) {
		t.Run(path.Base(f.Name), func(t *testing.T) {
			b := f.Raw
			check(t, b)
			o, err := Parse(b)
			if err != nil {
				return
			}
			read++
			events += len(o.Events)
			if n := bytes.Count(bytes.ToUpper(b), []byte("BEGIN:VEVENT")); len(o.Events) == 0 && n > 0 && bytes.HasPrefix(bytes.ToUpper(b), []byte("BEGIN:VCALENDAR")) {
				t.Errorf("%d events, none read", n)
			}
		})
	}
	t.Logf("%d calendars with %d events read", read, events)
	if read < 50 {
		t.Errorf("only %d calendars could be read", read)
	}
}

// Another program reads what we write.
func TestOthersReadWhatIsWritten(t *testing.T) {
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	start := time.Date(2026, 6, 10, 10, 0, 0, 0, berlin)
	rule, err := ParseRule("FREQ=WEEKLY;COUNT=4;BYDAY=WE")
	if err != nil {
		t.Fatal(err)
	}
	e := &Event{
		UID: "1", Summary: "Käse; Brot, \\ und\nWein \"rot\"", Location: strings.Repeat("ein langer Raum äöü ", 10), Stamp: start, Sequence: 2,
		Organizer: &Person{Name: `Birch, "Ben"`, Address: "ben@example.org"}, Rule: rule, Class: "PRIVATE",
		Attendees: []Attendee{{Person: Person{Name: "Anna; Ash", Address: "anna@example.org"}, Role: "REQ-PARTICIPANT", Status: "NEEDS-ACTION", RSVP: true}},
		Start:     Time{Time: start, TZID: "Europe/Berlin"}, End: Time{Time: start.Add(time.Hour), TZID: "Europe/Berlin"},
		Alarms: []Alarm{{Before: 15 * time.Minute}}, Categories: []string{"a,b", "c"}, Except: []Time{{Time: start.AddDate(0, 0, 7), TZID: "Europe/Berlin"}},
	}
	o := NewObject("request", e)
	text := o.Encode()
	theirs, err := ical.NewDecoder(bytes.NewReader(text)).Decode()
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	got := theirs.Events()
	if len(got) != 1 {
		t.Fatalf("%d events", len(got))
	}
	summary, err := got[0].Props.Text("SUMMARY")
	if err != nil || summary != e.Summary {
		t.Errorf("%q, %v", summary, err)
	}
	if at, err := got[0].DateTimeStart(time.UTC); err != nil || !at.Equal(start) {
		t.Errorf("%v, %v", at, err)
	}
	if cn := got[0].Props.Get("ORGANIZER").Params.Get("CN"); cn != `Birch, ^'Ben^'` && cn != `Birch, "Ben"` {
		t.Errorf("%q", cn)
	}
	back, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(dump(o), dump(back)); d != "" {
		t.Error(d)
	}
	if m := back.Master(); m.Organizer.Name != e.Organizer.Name || m.Attendees[0].Name != "Anna; Ash" || m.Location != e.Location || len(m.Categories) != 2 || m.Categories[0] != "a,b" {
		t.Errorf("%+v", m)
	}
}

func TestUnknownPropertiesAreKept(t *testing.T) {
	const in = "BEGIN:VCALENDAR\r\nX-CAL;X-P=1:v\r\nBEGIN:VEVENT\r\nUID:1\r\nX-UNKNOWN;A=b,\"c;d\":e\\,f\r\nDTSTART:20260610T100000Z\r\nATTENDEE;X-NUM-GUESTS=2;CN=Anna:mailto:anna@example.org\r\nBEGIN:X-THING\r\nX-A:b\r\nEND:X-THING\r\nEND:VEVENT\r\nBEGIN:VTODO\r\nUID:2\r\nEND:VTODO\r\nEND:VCALENDAR\r\n"
	o, err := Parse([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	if got := string(o.Encode()); got != in {
		t.Errorf("got\n%s\nwant\n%s", got, in)
	}
	e := o.Master()
	e.Summary, e.Attendees[0].Status = "changed", "ACCEPTED"
	e.Write()
	out := string(o.Encode())
	for _, want := range []string{"X-UNKNOWN;A=b,\"c;d\":e\\,f", "X-CAL;X-P=1:v", "X-NUM-GUESTS=2", "BEGIN:X-THING", "BEGIN:VTODO", "SUMMARY:changed", "PARTSTAT=ACCEPTED"} {
		if !strings.Contains(out, want) {
			t.Errorf("%s is gone:\n%s", want, out)
		}
	}
}

func TestOneOccurrenceOfAMeeting(t *testing.T) {
	b, err := os.ReadFile("testdata/outlook_recurring.ics")
	if err != nil {
		t.Fatal(err)
	}
	o, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	at := func(s string) time.Time {
		v, err := time.Parse(time.RFC3339, s)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	one := o.Instance(at("2026-06-17T08:00:00Z"))
	if one == nil || len(one.Events) != 1 || one.Events[0].Recurs() || one.Method != "REQUEST" {
		t.Fatalf("%+v", one)
	}
	if e := one.Events[0]; show(e.Start) != "2026-06-17 10:00:00 +0200" || show(e.End) != "2026-06-17 11:30:00 +0200" || e.RecurrenceID == nil || !e.RecurrenceID.Same(e.Start) {
		t.Errorf("\n%s", one.Encode())
	}
	for _, none := range []string{"2026-06-18T08:00:00Z", "2026-06-17T09:00:00Z", "2026-07-01T08:00:00Z", "2036-06-17T08:00:00Z"} { // the second but last is an EXDATE
		if got := o.Instance(at(none)); got != nil {
			t.Errorf("%s:\n%s", none, got.Encode())
		}
	}
}

func TestAnswers(t *testing.T) {
	b, err := os.ReadFile("testdata/outlook_recurring.ics")
	if err != nil {
		t.Fatal(err)
	}
	o, err := Parse(b)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 6, 2, 0, 0, 0, 0, time.UTC)
	anna := Person{Name: "Anna Ash", Address: "anna@example.org"}
	r := o.Reply(&Answer{From: anna, Status: "TENTATIVE", Comment: "maybe; later", Now: now})
	m := r.Master()
	if r.Method != "REPLY" || m.UID != o.Master().UID || len(m.Attendees) != 1 || m.Attendees[0].Status != "TENTATIVE" || m.Comment != "maybe; later" || m.Organizer.Address != "ben@example.org" || m.Sequence != 3 || !m.Start.Same(o.Master().Start) {
		t.Errorf("\n%s", r.Encode())
	}
	c := o.Reply(&Answer{From: anna, Status: "TENTATIVE", Now: now, ProposedStart: now.Add(100 * time.Hour), ProposedEnd: now.Add(101 * time.Hour)})
	if m := c.Master(); c.Method != "COUNTER" || !m.Start.Equal(now.Add(100*time.Hour)) || !m.End.Equal(now.Add(101*time.Hour)) || m.Component.Prop("X-MS-OLK-ORIGINALSTART") == nil {
		t.Errorf("\n%s", c.Encode())
	}
	for _, o := range []*Object{r, c} {
		if _, err := ical.NewDecoder(bytes.NewReader(o.Encode())).Decode(); err != nil {
			t.Errorf("%v\n%s", err, o.Encode())
		}
	}
}

// MS-ASEMAIL_R121: the form of a GlobalObjId.
func TestGlobalIDs(t *testing.T) {
	const outlook = "040000008200E00074C5B7101A82E00800000000B0D7A94A6CF2DC01000000000000000010000000A1B2C3D4E5F60718293A4B5C6D7E8F90"
	if got := fmt.Sprintf("%X", GlobalID(outlook, time.Time{})); got != outlook {
		t.Error(got)
	}
	if got := UIDOf(GlobalID(outlook, time.Date(2026, 6, 17, 0, 0, 0, 0, time.UTC))); got != outlook {
		t.Error(got)
	}
	id := GlobalID("1@example.org", time.Date(2026, 6, 17, 0, 0, 0, 0, time.UTC))
	if got := fmt.Sprintf("%X", id); got != "040000008200E00074C5B7101A82E008"+"07EA0611"+"0000000000000000"+"0000000000000000"+"1A000000"+"7643616C2D556964"+"01000000"+"31406578616D706C652E6F7267"+"00" {
		t.Error(got)
	}
	if got := UIDOf(id); got != "1@example.org" {
		t.Error(got)
	}
}

func TestTooMuch(t *testing.T) {
	for name, b := range map[string]string{
		"bytes": strings.Repeat("x", maxBytes+1), "depth": "BEGIN:VCALENDAR\n" + strings.Repeat("BEGIN:VEVENT\n", 100),
		"components": "BEGIN:VCALENDAR\n" + strings.Repeat("BEGIN:VEVENT\nEND:VEVENT\n", maxComponents+1),
		"properties": "BEGIN:VCALENDAR\n" + strings.Repeat("X:y\n", maxProperties+1),
	} {
		if _, err := Parse([]byte(b)); err != ErrTooLarge {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, b := range []string{"", "hello", "BEGIN:VCARD\nEND:VCARD\n", "END:VCALENDAR\n"} {
		if _, err := Parse([]byte(b)); err != ErrNotCalendar {
			t.Errorf("%q: %v", b, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.ics")
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) { check(t, b) })
}

func BenchmarkParse(b *testing.B) {
	in, err := os.ReadFile("testdata/outlook_recurring.ics")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(in); err != nil {
			b.Fatal(err)
		}
	}
}
