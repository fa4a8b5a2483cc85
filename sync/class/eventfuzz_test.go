package class_test

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"martlet/internal/corpus"
	"martlet/mail/calendar"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
	"martlet/sync/class"
)

// Arbitrary ApplicationData on arbitrary stored events: what comes out can be read
// and shown, and is not much larger than what went in.
func FuzzEditEvent(f *testing.F) {
	for _, name := range eventNames(f) {
		raw := eventFile(f, name)
		for i, v := range eas.Versions() {
			c := clientData(showEvent(f, raw, v, ada), v)
			f.Add(raw, []byte(eventRaw(f, c)), uint8(i), "")
			c.StartTime, c.EndTime = ptr(c.StartTime.Add(time.Hour)), ptr(c.EndTime.Add(time.Hour))
			f.Add(raw, []byte(eventRaw(f, c)), uint8(i), c.StartTime.Format("20060102T150405Z"))
		}
	}
	f.Fuzz(func(t *testing.T, old, data []byte, version uint8, instance string) {
		v := eas.Versions()[int(version)%len(eas.Versions())]
		for _, o := range []*class.EditOptions{editOptions(v, ada), editOptions(v, bob)} {
			o.Instance = instance
			if _, err := class.RenderObject(eventItem, old, eventOptions(v, ada)); err != nil {
				old = nil
			}
			out, err := class.EditObject(eventItem.Class, old, wbxml.Raw(data), o)
			if err != nil {
				continue
			}
			c := showEvent(t, out, v, ada)
			if doc, err := wbxml.MarshalRaw(c); err != nil {
				t.Fatal(err)
			} else if len(doc) > 64*(len(out)+4096) {
				t.Errorf("%d bytes are shown in %d", len(out), len(doc))
			}
			if len(c.Exceptions) > 256 {
				t.Errorf("%d exceptions", len(c.Exceptions))
			}
			obj, err := calendar.Parse(out)
			if err != nil || !bytes.Equal(obj.Root.Append(nil), out) && !bytes.Equal(out, old) {
				t.Errorf("it is not as it would be written: %v\n%s", err, out)
			}
			if instance != "" && old != nil {
				if rest, err := class.DeleteOccurrence(out, o); err == nil && rest != nil {
					showEvent(t, rest, v, ada)
				}
			}
		}
	})
}

// The calendars of the world are shown at every version, and sent back they stay
// as they are.
func TestCalendarsOfTheWorldStayAsTheyAre(t *testing.T) {
	n := 0
	for _, file := range corpus.Calendars(t) {
		name, raw := file.Name, file.Raw
		obj, err := calendar.Parse(raw)
		if err != nil || obj.Master() == nil || obj.Master().Start.IsZero() {
			continue
		}
		uid := obj.Master().UID
		one := &calendar.Component{Name: "VCALENDAR", Props: obj.Root.Props}
		for _, c := range obj.Root.Children {
			if c.Name == "VTIMEZONE" || c.Name == "VEVENT" && c.Text("UID") == uid {
				one.Children = append(one.Children, c)
			}
		}
		raw = one.Append(nil)
		for _, v := range []eas.Version{eas.V25, eas.V141, eas.V161} {
			c := clientData(showEvent(t, raw, v, ada), v)
			got, err := class.EditObject(eventItem.Class, raw, eventRaw(t, c), editOptions(v, ada))
			if err != nil {
				t.Errorf("%s at %s: %v", name, v, err)
			} else if !bytes.Equal(got, raw) {
				t.Errorf("%s at %s: %q", name, v, changes(raw, got))
			}
			// What the client has of it is on no day that it is not on.
			days := occurrencesOf(t, raw, 400)
			for i, day := range occurrencesOf(t, changeEvent(t, nil, c, editOptions(v, ada)), 200) {
				if len(days) < 400 && !slices.Contains(days, day) {
					t.Errorf("%s at %s: day %d, %s, is none of %v", name, v, i, day, days)
					break
				}
			}
		}
		n++
	}
	t.Logf("%d events", n)
}
