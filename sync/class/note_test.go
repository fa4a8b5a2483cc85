package class

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// journal and todo are objects with one item.
func journal(lines ...string) []byte { return calendarOf("VJOURNAL", lines) }

func todo(lines ...string) []byte { return calendarOf("VTODO", lines) }

func calendarOf(kind string, lines []string) []byte {
	all := append([]string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Example//EN", "BEGIN:" + kind, "UID:1"}, lines...)
	return []byte(strings.Join(append(all, "END:"+kind, "END:VCALENDAR", ""), "\r\n"))
}

var editTime = time.Date(2026, 11, 23, 10, 0, 0, 0, time.UTC)

func editAt(v eas.Version) *EditOptions { return &EditOptions{Version: v, Now: editTime} }

func noteOf(t testing.TB, raw []byte, opt *Options) *eas.Note {
	t.Helper()
	got, err := RenderObject(&mail.Item{Class: mail.ClassNotes, Received: editTime.UnixMilli()}, raw, opt)
	if err != nil {
		t.Fatal(err)
	}
	return got.(*eas.Note)
}

func editedNote(t testing.TB, old []byte, n *eas.Note) []byte {
	t.Helper()
	out, err := EditObject(mail.ClassNotes, old, dataOf(t, n), editAt(eas.V141))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := calendar.Parse(out); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	return out
}

func dataOf(t testing.TB, v any) wbxml.Raw {
	t.Helper()
	raw, err := wbxml.MarshalRaw(v)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func fullNote() *eas.Note {
	return &eas.Note{
		Subject: ptr("Nest; eaves, \"high\""), MessageClass: ptr(eas.NoteClass), Categories: []string{"Birds, rare", "Nests"},
		Body: &eas.Body{Type: eas.BodyPlain, Data: ptr("Mud\r\nand straw, \\ grass; twigs")}, LastModifiedDate: ptr(time.Date(2001, 1, 1, 0, 0, 0, 0, time.UTC)),
	}
}

var wholeNote = journal("SUMMARY:Nest", "DESCRIPTION:Mud\\nand straw", "X-ALT-DESC;FMTTYPE=text/html:<p>Mud<br>and <b>straw</b></p>", "CATEGORIES:Birds\\, rare,Nests",
	"LAST-MODIFIED:20260601T120000Z", "DTSTAMP:20260601T110000Z", "CLASS:PRIVATE", "COLOR:teal", "X-UNKNOWN;X-P=1:kept")

func TestNotesAreRenderedAsTheGoldenFiles(t *testing.T) {
	for name, kind := range map[string]uint{"plain": 1, "html": 2, "rtf": 3} {
		opt := &Options{Version: eas.V161, BodyPreferences: []eas.BodyPreference{{Type: &kind}}}
		golden(t, "notes/"+name+".xml", dumpObject(t, noteOf(t, wholeNote, opt)))
	}
	golden(t, "notes/added.golden", strings.ReplaceAll(string(editedNote(t, nil, fullNote())), "\r\n", "\n"))
}

// MS-ASNOTE_R84, R209, R211, R58, R51: each element comes back, but for when it
// was changed, which the server knows.
func TestEveryElementOfANoteComesBack(t *testing.T) {
	want := fullNote()
	want.LastModifiedDate = ptr(editTime)
	want.Body.EstimatedDataSize = uint32(len(*want.Body.Data))
	for name, old := range map[string][]byte{"new": nil, "changed": journal("SUMMARY:x", "DESCRIPTION:y", "LAST-MODIFIED:20200101T000000Z")} {
		if d := cmp.Diff(want, noteOf(t, editedNote(t, old, fullNote()), wholeBody(eas.V141))); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestChangingNothingOfANoteKeepsItsBytes(t *testing.T) {
	for _, raw := range [][]byte{wholeNote, journal(), journal("DESCRIPTION:only text  ", "DTSTART;VALUE=DATE:20260601"), journal("X-ALT-DESC;FMTTYPE=text/html:<p>only HTML</p>")} {
		for kind := range uint(3) {
			opt := &Options{Version: eas.V141, BodyPreferences: []eas.BodyPreference{{Type: ptr(kind + 1)}}}
			if out := editedNote(t, raw, noteOf(t, raw, opt)); !bytes.Equal(raw, out) {
				t.Errorf("type %d: %s", kind+1, cmp.Diff(string(raw), string(out)))
			}
		}
	}
}

// MS-ASNOTE_R112, R10002, R113, R10003.
func TestWhatIsLeftOutOfANote(t *testing.T) {
	got := noteOf(t, editedNote(t, wholeNote, &eas.Note{MessageClass: ptr(eas.NoteClass)}), wholeBody(eas.V141))
	if *got.Subject != "Nest" || *got.Body.Data != "Mud\r\nand straw" {
		t.Errorf("Subject %q, Body %q", *got.Subject, *got.Body.Data)
	}
	if got.Categories != nil {
		t.Errorf("Categories %q", got.Categories)
	}
	got = noteOf(t, editedNote(t, wholeNote, &eas.Note{Categories: []string{"Nests"}}), wholeBody(eas.V141))
	if d := cmp.Diff([]string{"Nests"}, got.Categories); d != "" {
		t.Error(d)
	}
}

func TestNothingElseOfANoteIsLost(t *testing.T) {
	out := string(editedNote(t, wholeNote, &eas.Note{Subject: ptr("x"), Body: &eas.Body{Type: 1, Data: ptr("y")}}))
	for _, want := range []string{"UID:1", "CLASS:PRIVATE", "COLOR:teal", "X-UNKNOWN;X-P=1:kept", "PRODID:-//Example//EN"} {
		if !strings.Contains(out, want+"\r\n") {
			t.Errorf("%s is lost:\n%s", want, out)
		}
	}
	if strings.Contains(out, "X-ALT-DESC") {
		t.Error("the old text is still there as HTML")
	}
}

// MS-ASNOTE_R57, R119.
func TestTheClassOfANote(t *testing.T) {
	for class, ok := range map[string]bool{"IPM.StickyNote": true, "IPM.StickyNote.Yellow": true, "IPM.StickyNotes": false, "IPM.Note": false, "": false, "IPM.StickyNote.": true} {
		out, err := EditObject(mail.ClassNotes, nil, dataOf(t, &eas.Note{MessageClass: &class}), editAt(eas.V141))
		if ok != (err == nil) || !ok && !errors.Is(err, ErrBadValue) {
			t.Errorf("%q: %v", class, err)
			continue
		}
		if ok {
			if got := noteOf(t, out, wholeBody(eas.V141)); *got.MessageClass != class {
				t.Errorf("%q came back as %q", class, *got.MessageClass)
			}
		}
	}
	if got := noteOf(t, journal("X-ACTIVESYNC-MESSAGECLASS:IPM.Note"), wholeBody(eas.V141)); *got.MessageClass != eas.NoteClass {
		t.Errorf("a note is shown as %q", *got.MessageClass)
	}
}

// MS-ASNOTE_R123: a text that is empty, or cut off whole, has its Data.
func TestTheBodyOfANoteHasData(t *testing.T) {
	opt := wholeBody(eas.V141)
	if got := noteOf(t, journal("SUMMARY:x"), opt); got.Body == nil || got.Body.Data == nil {
		t.Errorf("%+v", got.Body)
	}
	opt.BodyPreferences[0].TruncationSize, opt.BodyPreferences[0].AllOrNone = ptr(uint32(1)), ptr(true)
	if got := noteOf(t, wholeNote, opt); got.Body.Data == nil || !got.Body.Truncated {
		t.Errorf("%+v", got.Body)
	}
}

// MS-ASNOTE_R38 to R40: the text in each form, in both directions.
func TestTheTextOfANoteInEachForm(t *testing.T) {
	for kind := range uint(3) {
		opt := &Options{Version: eas.V141, BodyPreferences: []eas.BodyPreference{{Type: ptr(kind + 1)}}}
		shown := noteOf(t, wholeNote, opt)
		if uint(shown.Body.Type) != kind+1 || *shown.Body.Data == "" {
			t.Fatalf("type %d: %+v", kind+1, shown.Body)
		}
		again := noteOf(t, editedNote(t, nil, shown), wholeBody(eas.V141))
		if *again.Body.Data != "Mud\r\nand straw" {
			t.Errorf("type %d came back as %q", kind+1, *again.Body.Data)
		}
	}
}

func TestAPrivateNoteIsBlankForOthers(t *testing.T) {
	opt := wholeBody(eas.V161)
	opt.Viewer.Blank = true
	got := noteOf(t, wholeNote, opt)
	want := &eas.Note{Subject: ptr(privateSubject), MessageClass: ptr(eas.NoteClass), LastModifiedDate: got.LastModifiedDate, Body: &eas.Body{Type: 1, Data: ptr("")}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// A note that says nothing of its time was changed when it came.
func TestANoteAlwaysHasATime(t *testing.T) {
	for raw, want := range map[string]string{"": "2026-11-23T10:00:00Z", "DTSTAMP:20260101T000000Z": "2026-01-01T00:00:00Z", "LAST-MODIFIED:x": "2026-11-23T10:00:00Z"} {
		if got := noteOf(t, journal(raw), wholeBody(eas.V141)).LastModifiedDate.Format(time.RFC3339); got != want {
			t.Errorf("%q: %s", raw, got)
		}
	}
}

func TestANoteCannotWriteLinesOfACalendar(t *testing.T) {
	const bad = "x\r\nEND:VJOURNAL\r\nEND:VCALENDAR\r\nBEGIN:VCALENDAR\n\rATTACH:y"
	n := &eas.Note{Subject: ptr(bad), Categories: []string{bad}, MessageClass: ptr("IPM.StickyNote." + bad), Body: &eas.Body{Type: 2, Data: ptr(bad)}}
	out := editedNote(t, nil, n)
	if got := bytes.Count(out, []byte("\nEND:V")); got != 2 {
		t.Errorf("%d ends:\n%s", got, out)
	}
}

func FuzzEditNote(f *testing.F) {
	f.Add(wholeNote, []byte(dataOf(f, fullNote())))
	f.Add([]byte(nil), []byte(dataOf(f, fullNote())))
	f.Fuzz(func(t *testing.T, old, data []byte) { editTwice(t, mail.ClassNotes, old, data, 4) })
}

// editTwice writes what a client sends, and then what it is shown.
func editTwice(t *testing.T, class mail.Class, old, data []byte, choice uint8) {
	if len(old) > 1<<16 || len(data) > 1<<16 {
		return
	}
	if len(old) == 0 {
		old = nil
	}
	v := eas.Versions()[int(choice)%7]
	out, err := EditObject(class, old, wbxml.Raw(data), editAt(v))
	if err != nil {
		return
	}
	shown, err := RenderObject(&mail.Item{Class: class}, out, wholeBody(v))
	if err != nil {
		t.Fatalf("%v: what was written cannot be shown:\n%q", err, out)
	}
	raw, err := wbxml.MarshalRaw(shown)
	if err != nil {
		t.Fatal(err)
	}
	again, err := EditObject(class, out, raw, editAt(v))
	if err != nil {
		t.Fatalf("%v: what is shown cannot be written:\n%q", err, out)
	}
	if !bytes.Equal(out, again) {
		t.Fatalf("nothing changed, and the object did: %s", cmp.Diff(string(out), string(again)))
	}
}
