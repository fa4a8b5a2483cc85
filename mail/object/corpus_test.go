package object

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"martlet/internal/corpus"
	"martlet/mail"
	"martlet/mail/calendar"
)

var update = flag.Bool("update", false, "write the goldens")

// items are the components of a text that are items, written anew, those that
// have no UID without one.
func items(t testing.TB, raw []byte, given map[string]bool) (out []string) {
	t.Helper()
	roots, _, err := calendar.Components(raw)
	if err != nil {
		return nil
	}
	for _, root := range roots {
		for _, c := range root.Children {
			switch c.Name {
			case "VEVENT", "VTODO", "VJOURNAL":
				if given[c.Text("UID")] || strings.TrimSpace(c.Text("UID")) == "" {
					c.Remove("UID")
				}
				out = append(out, string(c.Append(nil)))
			}
		}
	}
	return out
}

// Whatever real programs have written goes in and comes out, and nothing is lost;
// of what is refused the golden says why.
func TestRealCalendarsGoInAndComeOut(t *testing.T) {
	const golden = "testdata/corpus.golden"
	var told strings.Builder
	objects := 0
	for _, f := range corpus.Calendars(t) {
		given := map[string]bool{}
		var kept []string
		refused := 0
		fmt.Fprintf(&told, "%s\n", f.Name)
		for p, err := range Split(f.Raw) {
			if err != nil {
				fmt.Fprintf(&told, "  line %d: %v\n", p.Line, err)
				refused++
				continue
			}
			objects++
			if !bytes.Contains(f.Raw, []byte("UID:"+p.UID)) {
				given[p.UID] = true
			}
			kept = append(kept, items(t, p.Raw, given)...)
			checkObject(t, p.Class, p.Raw)
			fmt.Fprintf(&told, "  line %d: class %d\n", p.Line, p.Class)
		}
		have := items(t, f.Raw, given)
		for _, c := range kept {
			i := slices.Index(have, c)
			if i < 0 {
				t.Errorf("%s: changed:\n%s", f.Name, c)
				continue
			}
			have = slices.Delete(have, i, i+1)
		}
		if len(have) > refused {
			t.Errorf("%s: %d are lost:\n%s", f.Name, len(have)-refused, strings.Join(have, "\n"))
		}
	}
	t.Logf("%d objects", objects)
	if *update {
		if err := os.WriteFile(golden, []byte(told.String()), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got := told.String(); got != string(want) {
		a, b := strings.Split(string(want), "\n"), strings.Split(got, "\n")
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				t.Fatalf("golden, line %d: %s, want %s", i+1, b[i], a[i])
			}
		}
		t.Fatal("the golden has more lines, or fewer")
	}
}

// checkObject proves what holds for any bytes that are an object.
func checkObject(t testing.TB, class mail.Class, raw []byte) {
	t.Helper()
	o, err := Read(class, raw)
	if err != nil {
		return
	}
	again, err := Read(class, o.Raw)
	if err != nil {
		t.Fatalf("what is kept cannot be read: %v\n%s", err, o.Raw)
	}
	if !bytes.Equal(again.Raw, o.Raw) || again.Facts.UID != o.Facts.UID || again.Facts.At != o.Facts.At || !bytes.Equal(again.Facts.Brief, o.Facts.Brief) {
		t.Fatalf("what is kept is read otherwise:\n%+v\n%+v\n%q\n%q", o.Facts, again.Facts, o.Raw, again.Raw)
	}
	if o.Facts.UID == "" || o.Facts.At < 0 || o.Facts.At > mail.EndOfTime {
		t.Fatalf("%+v", o.Facts)
	}
	if len(o.Facts.Brief) > maxSeries+64 {
		t.Fatalf("a summary of %d bytes", len(o.Facts.Brief))
	}
	b, err := ParseBrief(o.Facts.Brief)
	if err != nil {
		t.Fatal(err)
	}
	if o.Calendar != nil {
		if o.Calendar.Root.Prop("METHOD") != nil {
			t.Fatal("it has a method")
		}
		if text := o.Calendar.Encode(); len(text) < MaxBytes {
			rewritten, err := Read(class, text)
			if err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			if rewritten.Facts.At != o.Facts.At || !bytes.Equal(rewritten.Facts.Brief, o.Facts.Brief) {
				t.Fatalf("written anew it is another:\n%+v\n%+v", o.Facts, rewritten.Facts)
			}
		}
	}
	if class == mail.ClassCalendar && !b.Open && !b.Start.IsZero() && b.Start.Year() > 1600 && b.Start.Year() < 3000 {
		from := b.Start.AddDate(0, -1, 0)
		to := from.AddDate(1, 0, 0)
		var x, y []Period
		for p := range b.Periods(from, to, nil) {
			if x = append(x, p); len(x) > 300 {
				break
			}
		}
		for p := range PeriodsIn(o.Calendar, from, to, nil) {
			if y = append(y, p); len(y) > 300 {
				break
			}
		}
		if tellPeriods(x) != tellPeriods(y) {
			t.Fatalf("the summary:\n%s\nthe body:\n%s\n%s", tellPeriods(x), tellPeriods(y), o.Raw)
		}
	}
}

func FuzzRead(f *testing.F) {
	f.Add(uint8(mail.ClassCalendar), crlf(lunch))
	f.Add(uint8(mail.ClassTasks), []byte("BEGIN:VTODO\nDUE;VALUE=DATE:20260610\nSTATUS:COMPLETED\n"))
	f.Add(uint8(mail.ClassNotes), []byte("BEGIN:VCALENDAR\nMETHOD:PUBLISH\nBEGIN:VJOURNAL\nUID:1\nEND:VJOURNAL\nEND:VCALENDAR\n"))
	f.Add(uint8(mail.ClassContacts), []byte("BEGIN:VCARD\nVERSION:2.1\nN:Ash;Anna\nEND:VCARD\n"))
	for _, tt := range broken {
		if len(tt.in) < 100_000 {
			f.Add(uint8(mail.ClassCalendar), []byte(tt.in))
		}
	}
	f.Fuzz(func(t *testing.T, class uint8, raw []byte) { checkObject(t, mail.Class(class), raw) })
}
