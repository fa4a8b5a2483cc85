package transfer

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"martlet/mail"
	"martlet/mail/mailbox"
	"martlet/push"
	"martlet/store"
	"martlet/store/blob"
)

type house struct {
	*Transfer
	t *testing.T
}

func open(t *testing.T) *house {
	t.Helper()
	dir := t.TempDir()
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	st, err := store.Open(store.Config{Path: filepath.Join(dir, "store"), Logger: quiet, Reserve: 1})
	if err != nil {
		t.Fatal(err)
	}
	blobs, err := blob.Open(blob.Config{Store: st, Path: filepath.Join(dir, "blob"), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	boxes := mailbox.New(mailbox.Config{Store: st, Blobs: blobs, Hub: push.NewHub(), Logger: quiet})
	t.Cleanup(func() {
		report := func(p store.Problem) { t.Errorf("check: %s %s: %s", p.Table, p.Key, p.Text) }
		err := errors.Join(boxes.Check(context.Background(), report), blobs.Close(), st.Close())
		if err != nil {
			t.Error(err)
		}
	})
	return &house{New(Config{Store: st, Mailboxes: boxes}), t}
}

func (h *house) folder(path string, class mail.Class) Target {
	h.t.Helper()
	to, err := h.Find(context.Background(), 1, path, class)
	if err != nil {
		h.t.Fatal(err)
	}
	return to
}

// put tells what became of each object.
func (h *house) put(to Target, o Options, raw ...string) (outcomes []Outcome) {
	h.t.Helper()
	var all [][]byte
	for _, r := range raw {
		all = append(all, []byte(r))
	}
	results, err := h.Put(context.Background(), to, all, o)
	if err != nil {
		h.t.Fatal(err)
	}
	for _, r := range results {
		if (r.Outcome == Refused) != (r.Reason != "") {
			h.t.Errorf("a result without its reason: %+v", r)
		}
		outcomes = append(outcomes, r.Outcome)
	}
	return outcomes
}

func (h *house) count(from Target) (n int) {
	h.t.Helper()
	for _, err := range h.Each(context.Background(), from) {
		if err != nil {
			h.t.Fatal(err)
		}
		n++
	}
	return n
}

func event(uid, extra string) string {
	return "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\nBEGIN:VEVENT\r\nUID:" + uid +
		"\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260105T100000Z\r\nDTEND:20260105T110000Z\r\nSUMMARY:Lunch\r\n" + extra + "END:VEVENT\r\nEND:VCALENDAR\r\n"
}

func want(t *testing.T, got []Outcome, want ...Outcome) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("became %v, not %v", got, want)
	}
}

func TestAnImportThatIsRepeatedChangesNothing(t *testing.T) {
	h := open(t)
	to := h.folder("", mail.ClassCalendar)
	nameless := strings.Replace(event("x", ""), "UID:x\r\n", "", 1)
	want(t, h.put(to, Options{}, event("a", ""), event("b", ""), nameless), Added, Added, Added)
	want(t, h.put(to, Options{}, event("a", ""), event("b", ""), nameless), Unchanged, Unchanged, Unchanged)
	if n := h.count(to); n != 3 {
		t.Errorf("there are %d objects", n)
	}
}

func TestANewerStateStays(t *testing.T) {
	h := open(t)
	to := h.folder("", mail.ClassCalendar)
	first, second := event("a", "SEQUENCE:1\r\n"), event("a", "SEQUENCE:2\r\n")
	want(t, h.put(to, Options{}, second), Added)
	want(t, h.put(to, Options{}, first), Kept)
	want(t, h.put(to, Options{DryRun: true, Replace: true}, first), Updated)
	want(t, h.put(to, Options{}, second), Unchanged)
	want(t, h.put(to, Options{Replace: true}, first), Updated)
	want(t, h.put(to, Options{}, second), Updated)
	if n := h.count(to); n != 1 {
		t.Errorf("there are %d objects", n)
	}
}

func TestWhatCannotBeReadIsRefusedAlone(t *testing.T) {
	h := open(t)
	to := h.folder("Calendar", 0)
	want(t, h.put(to, Options{}, event("a", ""), "BEGIN:VCALENDAR\r\nnonsense", event("a", "LOCATION:x\r\n"), event("b", "")), Added, Refused, Kept, Added)
	for path, is := range map[string]error{"Nowhere": ErrNoFolder, "Inbox": ErrClass, "Recipient information cache": ErrClass} {
		if _, err := h.Find(context.Background(), 1, path, 0); !errors.Is(err, is) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

func TestWhichStateIsNewer(t *testing.T) {
	card := func(rev string) string {
		return "BEGIN:VCARD\r\nVERSION:4.0\r\nUID:a\r\nFN:Person\r\nNOTE:" + rev + "\r\nREV:" + rev + "\r\nEND:VCARD\r\n"
	}
	stamped := func(at string) string {
		return strings.Replace(event("a", ""), "DTSTAMP:20260101T000000Z", "DTSTAMP:"+at, 1)
	}
	const zone = "BEGIN:VTIMEZONE\r\nTZID:x\r\nLAST-MODIFIED:20300101T000000Z\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT"
	for name, tt := range map[string]struct {
		class mail.Class
		first string
		then  string
		want  Outcome
	}{
		"changed later":                   {mail.ClassCalendar, event("a", "LAST-MODIFIED:20260201T000000Z\r\n"), event("a", "LAST-MODIFIED:20260301T000000Z\r\n"), Updated},
		"changed earlier":                 {mail.ClassCalendar, event("a", "LAST-MODIFIED:20260301T000000Z\r\n"), event("a", "LAST-MODIFIED:20260201T000000Z\r\n"), Kept},
		"a higher number, changed before": {mail.ClassCalendar, event("a", "LAST-MODIFIED:20260301T000000Z\r\n"), event("a", "SEQUENCE:1\r\nLAST-MODIFIED:20260201T000000Z\r\n"), Updated},
		"stamped later":                   {mail.ClassCalendar, stamped("20260101T000000Z"), stamped("20260102T000000Z"), Updated},
		"stamped earlier":                 {mail.ClassCalendar, stamped("20260102T000000Z"), stamped("20260101T000000Z"), Kept},
		"a newer zone":                    {mail.ClassCalendar, event("a", ""), strings.Replace(event("a", "LOCATION:x\r\n"), "BEGIN:VEVENT", zone, 1), Kept},
		"of neither is known":             {mail.ClassCalendar, stamped("never"), stamped("often"), Kept},
		"a card revised later":            {mail.ClassContacts, card("2026-01-01T00:00:00Z"), card("20260102T000000Z"), Updated},
		"a card revised earlier":          {mail.ClassContacts, card("20260102"), card("2026-01-01T23:59:59.5Z"), Kept},
		"a card of another hour":          {mail.ClassContacts, card("20260102T000000+0200"), card("20260101T230000Z"), Updated},
		"a card that does not say":        {mail.ClassContacts, card("20260102"), card(""), Kept},
	} {
		h := open(t)
		to := h.folder("", tt.class)
		h.put(to, Options{}, tt.first)
		if got := h.put(to, Options{}, tt.then); got[0] != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// What is in another folder is another object.
func TestAnObjectIsInItsFolder(t *testing.T) {
	h := open(t)
	team, err := h.FindOrCreate(context.Background(), 1, "Team", mail.ClassCalendar, false)
	if err != nil {
		t.Fatal(err)
	}
	want(t, h.put(h.folder("", mail.ClassCalendar), Options{}, event("a", "SEQUENCE:2\r\n")), Added)
	want(t, h.put(team, Options{}, event("a", "SEQUENCE:1\r\n")), Added)
	want(t, h.put(team, Options{}, event("a", "SEQUENCE:1\r\n")), Unchanged)
	want(t, h.put(h.folder("", mail.ClassCalendar), Options{}, event("a", "SEQUENCE:1\r\n")), Kept)
}

// Two imports at once put nothing there twice.
func TestTwoImportsAtOnce(t *testing.T) {
	h := open(t)
	to := h.folder("", mail.ClassCalendar)
	var all [][]byte
	for i := range 60 {
		all = append(all, []byte(event(fmt.Sprint(i), "")))
	}
	failed := make(chan error)
	for range 3 {
		go func() {
			_, err := h.Put(context.Background(), to, all, Options{})
			failed <- err
		}()
	}
	for range 3 {
		if err := <-failed; err != nil {
			t.Error(err)
		}
	}
	if n := h.count(to); n != len(all) {
		t.Errorf("there are %d objects of %d", n, len(all))
	}
}

// Of several states of an object the newest is there in the end, whichever way
// the files are cut into batches; and a look first tells the same.
func TestAnObjectThatComesTwice(t *testing.T) {
	first, second, third := event("a", "SEQUENCE:1\r\n"), event("a", "SEQUENCE:2\r\n"), event("a", "SEQUENCE:3\r\n")
	for _, tt := range []struct {
		in   []string
		want []Outcome
	}{
		{[]string{first, event("b", ""), second, third}, []Outcome{Added, Added, Updated, Updated}},
		{[]string{third, first, event("b", ""), second}, []Outcome{Added, Kept, Added, Kept}},
		{[]string{second, second, third, third, first}, []Outcome{Added, Unchanged, Updated, Unchanged, Kept}},
	} {
		h := open(t)
		to := h.folder("", mail.ClassCalendar)
		want(t, h.put(to, Options{DryRun: true}, tt.in...), tt.want...)
		if n := h.count(to); n != 0 {
			t.Errorf("a look has made %d objects", n)
		}
		want(t, h.put(to, Options{}, tt.in...), tt.want...)
		for o, err := range h.Each(context.Background(), to) {
			if err != nil || bytes.Contains(o.Raw, []byte("UID:a")) && !bytes.Contains(o.Raw, []byte("SEQUENCE:3")) {
				t.Errorf("%v: %s", err, o.Raw)
			}
		}
	}
}

func TestAFolderIsMadeBelowAnother(t *testing.T) {
	h := open(t)
	for path, is := range map[string]error{"Calendar/Team": nil, "calendar/Team": nil, "Nowhere/Team": ErrNoFolder, "Team/": ErrNoFolder, "/Team": ErrNoFolder, "Inbox": ErrClass} {
		for _, look := range []bool{true, false} {
			to, err := h.FindOrCreate(context.Background(), 1, path, mail.ClassCalendar, look)
			if !errors.Is(err, is) || is == nil && to.Name != "Team" {
				t.Errorf("%s: %+v, %v", path, to, err)
			}
		}
	}
	if to, err := h.Find(context.Background(), 1, "Calendar/Team", 0); err != nil || to.Class != mail.ClassCalendar {
		t.Errorf("%+v, %v", to, err)
	}
}

// A look into a folder that would be made makes none.
func TestALookMakesNoFolder(t *testing.T) {
	h := open(t)
	to, err := h.FindOrCreate(context.Background(), 1, "Team", mail.ClassCalendar, true)
	if err != nil {
		t.Fatal(err)
	}
	want(t, h.put(to, Options{DryRun: true}, event("a", ""), event("a", "")), Added, Unchanged)
	if _, err := h.Find(context.Background(), 1, "Team", 0); !errors.Is(err, ErrNoFolder) {
		t.Errorf("%v", err)
	}
	if to, err = h.FindOrCreate(context.Background(), 1, "Team", mail.ClassCalendar, false); err != nil || to.Folder == 0 {
		t.Errorf("%+v, %v", to, err)
	}
}

func TestMoreThanOneTransactionTakes(t *testing.T) {
	h := open(t)
	to := h.folder("", mail.ClassContacts)
	var cards []string
	for i := range 3*maxAtOnce + 7 {
		cards = append(cards, fmt.Sprintf("BEGIN:VCARD\r\nVERSION:4.0\r\nUID:%d\r\nFN:Person %d\r\nEND:VCARD\r\n", i, i))
	}
	h.put(to, Options{}, cards...)
	var file bytes.Buffer
	if n, err := h.Write(context.Background(), to, &file); err != nil || n != len(cards) || strings.Count(file.String(), "END:VCARD") != n {
		t.Errorf("wrote %d, %v", n, err)
	}
}

const zoned = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:test\r\nBEGIN:VTIMEZONE\r\nTZID:Office\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n" +
	"TZOFFSETFROM:%[2]s\r\nTZOFFSETTO:%[2]s\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:%[1]s\r\nDTSTAMP:20260101T000000Z\r\n" +
	"DTSTART;TZID=Office:20260105T100000\r\nDTEND;TZID=Office:20260105T110000\r\nSUMMARY:x\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"

// Two programs may call different zones by one name.
func TestAMergedCalendarKeepsEachEventsTime(t *testing.T) {
	h := open(t)
	from := h.folder("", mail.ClassCalendar)
	h.put(from, Options{}, fmt.Sprintf(zoned, "a", "+0300"), fmt.Sprintf(zoned, "b", "+0500"), fmt.Sprintf(zoned, "c", "+0300"))
	var file bytes.Buffer
	if _, err := h.Write(context.Background(), from, &file); err != nil {
		t.Fatal(err)
	}
	text := file.String()
	if strings.Count(text, "BEGIN:VTIMEZONE") != 2 || strings.Count(text, "BEGIN:VCALENDAR") != 1 || strings.Count(text, "DTSTART;TZID=Office:") != 2 {
		t.Errorf("the file is\n%s", text)
	}
}
