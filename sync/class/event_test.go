package class_test

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
	"martlet/sync/class"
)

var updateEvents = flag.Bool("update-events", false, "write the golden files of events")

// eventData is an event as a document of its own.
type eventData struct {
	_ struct{} `wbxml:"AirSync:ApplicationData"`
	eas.Calendar
}

var (
	eventNow  = time.Date(2026, 9, 15, 12, 0, 0, 0, time.UTC)
	ada       = class.Viewer{Addresses: []string{"ada@example.org"}, Name: "Ada Example"}
	bob       = class.Viewer{Addresses: []string{"bob@example.com"}, Name: "Bob Example"}
	eventItem = &mail.Item{Class: mail.ClassCalendar, Folder: 7, ID: 9}
)

func ptr[T any](v T) *T { return &v }

func eventOptions(v eas.Version, who class.Viewer) *class.Options {
	o := &class.Options{Version: v, Viewer: who}
	if v >= eas.V120 {
		o.BodyPreferences = []eas.BodyPreference{{Type: ptr(uint(1))}}
	}
	return o
}

func showEvent(t testing.TB, raw []byte, v eas.Version, who class.Viewer) *eas.Calendar {
	t.Helper()
	return showWith(t, raw, eventOptions(v, who))
}

func showWith(t testing.TB, raw []byte, o *class.Options) *eas.Calendar {
	t.Helper()
	data, err := class.RenderObject(eventItem, raw, o)
	if err != nil {
		t.Fatal(err)
	}
	return data.(*eas.Calendar)
}

func editOptions(v eas.Version, who class.Viewer) *class.EditOptions {
	return &class.EditOptions{
		Version: v, Now: eventNow, Folder: eventItem.Folder, Item: eventItem.ID,
		Owner: calendar.Person{Name: who.Name, Address: who.Addresses[0]},
	}
}

func eventRaw(t testing.TB, c *eas.Calendar) wbxml.Raw {
	t.Helper()
	raw, err := wbxml.MarshalRaw(c)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func changeEvent(t testing.TB, old []byte, c *eas.Calendar, o *class.EditOptions) []byte {
	t.Helper()
	out, err := class.EditObject(mail.ClassCalendar, old, eventRaw(t, c), o)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func eventFile(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata/events", name+".ics"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// ics writes an object of one VEVENT with these lines.
func ics(lines ...string) []byte {
	all := append([]string{"BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//Example//Calendar//EN", "BEGIN:VEVENT", "UID:one@example.org", "DTSTAMP:20260901T080000Z"}, lines...)
	return []byte(strings.Join(append(all, "END:VEVENT", "END:VCALENDAR", ""), "\r\n"))
}

func eventNames(t testing.TB) (names []string) {
	t.Helper()
	files, err := filepath.Glob("testdata/events/*.ics")
	if err != nil || len(files) == 0 {
		t.Fatal("no events", err)
	}
	for _, f := range files {
		if name := strings.TrimSuffix(filepath.Base(f), ".ics"); !strings.Contains(name, ".") {
			names = append(names, name)
		}
	}
	return names
}

// clientData is what a client has of an event and sends back: without what only
// the server says.
func clientData(c *eas.Calendar, v eas.Version) *eas.Calendar {
	out := *c
	out.NativeBodyType, out.ResponseType, out.AppointmentReplyTime, out.ConfLink, out.ExternalLink, out.InstanceID = 0, nil, nil, nil, nil, nil
	out.Attachments = nil
	if v >= eas.V160 {
		out.UID, out.DtStamp, out.OrganizerName, out.OrganizerEmail = nil, nil, nil, nil
	}
	out.Exceptions = append([]eas.CalendarException(nil), c.Exceptions...)
	for i := range out.Exceptions {
		x := &out.Exceptions[i]
		x.ResponseType, x.AppointmentReplyTime, x.ConfLink, x.ExternalLink, x.Attachments = nil, nil, nil, nil, nil
	}
	return &out
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *updateEvents {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s: %s", path, cmp.Diff(string(want), string(got)))
	}
}

// definitions of zones are not looked into here.
var definitions = regexp.MustCompile(`(?s)BEGIN:VTIMEZONE\r\n(TZID:[^\r]*).*?END:VTIMEZONE\r\n`)

// Each event in each version as it is shown, and as it is kept when a client adds
// what it was shown.
func TestEventsAreShownAndWrittenAsTheGoldenFiles(t *testing.T) {
	for _, name := range eventNames(t) {
		raw := eventFile(t, name)
		for _, v := range eas.Versions() {
			if v == eas.V120 {
				continue // as 12.1
			}
			t.Run(name+"/"+v.String(), func(t *testing.T) {
				c := showEvent(t, raw, v, ada)
				doc, err := wbxml.Marshal(&eventData{Calendar: *c})
				if err != nil {
					t.Fatal(err)
				}
				stem := filepath.Join("testdata/events", name+"."+v.String())
				golden(t, stem+".xml", []byte(wbxml.Dump(doc)))
				var back eventData
				d := wbxml.Decoder{Strict: true}
				if err := d.Unmarshal(doc, &back); err != nil {
					t.Fatal(err)
				}
				add := clientData(c, v)
				if v >= eas.V160 {
					add.ClientUID = c.UID
				}
				added := changeEvent(t, nil, add, editOptions(v, ada))
				golden(t, stem+".added.ics", definitions.ReplaceAll(added, []byte("BEGIN:VTIMEZONE\r\n$1\r\nEND:VTIMEZONE\r\n")))
			})
		}
	}
}

// What a client was shown and sends back changes not a byte, in no version, to no
// viewer, whether it names what it keeps or not.
func TestAnEventThatIsSentBackStaysAsItIs(t *testing.T) {
	for _, name := range eventNames(t) {
		raw := eventFile(t, name)
		for _, v := range eas.Versions() {
			for _, who := range []class.Viewer{ada, bob} {
				for i, supported := range [][]wbxml.Tag{nil, {}} {
					c := showEvent(t, raw, v, who)
					o := editOptions(v, who)
					o.Supported = supported
					if got := changeEvent(t, raw, clientData(c, v), o); !bytes.Equal(got, raw) {
						t.Errorf("%s at %s as %s (%d): %s", name, v, who.Name, i, cmp.Diff(string(raw), string(got)))
					}
					if got := changeEvent(t, raw, &eas.Calendar{}, o); (v >= eas.V160 || supported != nil) && !bytes.Equal(got, raw) {
						t.Errorf("%s at %s: nothing at all: %s", name, v, cmp.Diff(string(raw), string(got)))
					}
				}
			}
		}
	}
}
