package calendar

import (
	"strings"
	"testing"
	"time"
)

// Whatever is put into a calendar, it has the lines that were meant.
func TestNothingThatIsWrittenBeginsALineOfItsOwn(t *testing.T) {
	for _, end := range []string{"\r\n", "\n", "\r", "\r\n ", "\x0b", "\x0c", "\u0085", "\x00", "^n\r\n"} {
		evil := "a" + end + "ATTENDEE:mailto:eve@example.com" + end + "END:VEVENT" + end + "BEGIN:VALARM"
		c := &Component{Name: "VEVENT"}
		c.SetText("SUMMARY", evil)
		c.SetValue("STATUS", evil)
		c.Set(Property{Name: "URL", Value: evil})
		c.Add(Property{Name: "X-A" + end + "B", Value: "1"})
		c.Add(Property{Name: "END", Value: "VEVENT"})
		c.Add(Property{Name: "X-PARAM", Value: "1", Params: []Param{{"X" + end + "Y", []string{"1"}}, {"CN", []string{evil, `"` + evil}}}})
		c.Children = append(c.Children, &Component{Name: "VALARM" + end + "X"})
		p := Property{Name: "LOCATION", Value: "x"}
		p.SetParam("ALTREP", evil)
		c.Set(p)
		who := Person{Name: evil, Address: "eve@example.com" + end + "X:1", SentBy: evil}
		e := &Event{
			UID: evil, Summary: evil, Description: evil, HTML: evil, Comment: evil, Status: evil, Class: evil, Busy: evil, Categories: []string{evil, evil},
			Organizer: &who, Attendees: []Attendee{{Person: who, Kind: evil, Role: evil, Status: evil}}, Alarms: []Alarm{{Action: evil, Summary: evil}},
			Start: Time{Time: time.Date(2026, 6, 10, 10, 0, 0, 0, time.FixedZone("x", 3600)), TZID: evil}, Component: c,
		}
		o := NewObject(evil, e)
		text := string(o.Encode())
		for _, line := range strings.Split(strings.ReplaceAll(text, "\r\n ", ""), "\r\n") {
			for _, begin := range []string{"ATTENDEE:mailto:eve@example.com" + "END", "END:VEVENTB", "X:1", "B:1", "Y="} {
				if strings.HasPrefix(line, begin) {
					t.Errorf("%q: %q", end, line)
				}
			}
		}
		if n := strings.Count(text, "\nATTENDEE"); n != 1 {
			t.Errorf("%q: %d attendees:\n%s", end, n, text)
		}
		if n, m := strings.Count(text, "\nBEGIN:"), strings.Count(text, "\nEND:"); n != 4 || m != 5 { // a zone with its season, the event with its alarm
			t.Errorf("%q: %d begin, %d end:\n%s", end, n, m, text)
		}
		if strings.ContainsAny(strings.ReplaceAll(text, "\r\n", ""), "\r\n\x0b\x0c\x00\u0085") {
			t.Errorf("%q: %q", end, text)
		}
		if back, err := Parse([]byte(text)); err != nil || len(back.Events) != 1 || len(back.Events[0].Attendees) != 1 || back.Mended {
			t.Errorf("%q: %v", end, err)
		}
	}
}
