package calendar

import (
	"strings"
	"testing"
	"time"
)

const report = `BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VTODO
UID:report@example.org
DTSTAMP:20260601T080000Z
DTSTART;TZID=Europe/Berlin:20260610T090000
DUE;TZID=Europe/Berlin:20260612T170000
SUMMARY;LANGUAGE=en:Write the report
X-UNKNOWN;A=b:c
PERCENT-COMPLETE:40
STATUS:IN-PROCESS
PRIORITY:1
CATEGORIES:Work,Q2
RRULE:FREQ=WEEKLY;COUNT=3
BEGIN:VALARM
ACTION:DISPLAY
TRIGGER:-PT15M
DESCRIPTION:x
END:VALARM
END:VTODO
END:VCALENDAR
`

func TestATaskIsReadAndWritten(t *testing.T) {
	o, err := Parse([]byte(report))
	if err != nil || len(o.Todos) != 1 {
		t.Fatal(err)
	}
	task := o.Todos[0]
	if show(task.Start) != "2026-06-10 09:00:00 +0200" || show(task.Due) != "2026-06-12 17:00:00 +0200" || task.Percent != 40 || task.Priority != 1 || task.Done() || len(task.Categories) != 2 || task.Rule == nil {
		t.Errorf("%+v", task)
	}
	if d, ok := task.Reminder(); !ok || d != 15*time.Minute {
		t.Error(d)
	}
	n := 0
	for at := range task.Series().Between(task.Start.Time, task.Start.AddDate(1, 0, 0), nil) {
		if n++; at.End.Sub(at.Start) != 56*time.Hour {
			t.Errorf("%+v", at)
		}
	}
	if n != 3 {
		t.Error(n)
	}
	task.Write()
	lines := func(s string) string { return strings.ReplaceAll(strings.ReplaceAll(s, "\r\n ", ""), "\r", "") }
	for _, line := range strings.Split(report, "\n") {
		if !strings.Contains(lines(string(o.Encode())), line) {
			t.Errorf("no %q", line)
		}
	}
	task.Finish(time.Date(2026, 6, 11, 12, 0, 0, 0, time.UTC))
	task.Write()
	again, err := Parse(o.Encode())
	if err != nil {
		t.Fatal(err)
	}
	if task = again.Todos[0]; !task.Done() || task.Percent != 100 || task.Completed.Format(time.RFC3339) != "2026-06-11T12:00:00Z" || task.Component.Prop("X-UNKNOWN") == nil {
		t.Errorf("%+v", task)
	}
	task.Reopen()
	task.Write()
	if again, err = Parse(again.Encode()); err != nil || again.Todos[0].Done() || again.Todos[0].Percent != 0 || again.Todos[0].Component.Prop("COMPLETED") != nil {
		t.Errorf("%+v, %v", again.Todos[0], err)
	}
}

// A task need have no time, or only one.
func TestTasksWithoutTimes(t *testing.T) {
	for lines, want := range map[string]string{
		"": "", "DUE;VALUE=DATE:20260610": "2026-06-10 2026-06-10", "DTSTART:20260610T090000Z": "2026-06-10 09:00 2026-06-10 09:00",
		"DTSTART:20260610T090000Z\nDURATION:PT2H": "2026-06-10 09:00 2026-06-10 11:00", "DURATION:PT2H": "",
		"DTSTART:20260610T090000Z\nDUE:20260609T090000Z": "2026-06-10 09:00 2026-06-10 09:00",
	} {
		o, err := Parse([]byte("BEGIN:VCALENDAR\nBEGIN:VTODO\nUID:1\n" + lines + "\nEND:VTODO\nEND:VCALENDAR\n"))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if s := o.Todos[0].Series(); s != nil {
			form := "2006-01-02 15:04"
			if s.Start.Date {
				form = "2006-01-02"
			}
			got = s.Start.Format(form) + " " + s.End.Format(form)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", lines, got, want)
		}
		o.Todos[0].Write()
		again, err := Parse(o.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if a, b := o.Todos[0], again.Todos[0]; !a.Start.Same(b.Start) || !a.Due.Same(b.Due) || a.Due.IsZero() != b.Due.IsZero() {
			t.Errorf("%q became\n%s", lines, again.Encode())
		}
	}
}

func TestANoteIsReadAndWritten(t *testing.T) {
	const in = "BEGIN:VCALENDAR\r\nBEGIN:VJOURNAL\r\nUID:1\r\nDTSTAMP:20260601T080000Z\r\nSUMMARY:Ideas\r\nDESCRIPTION:one\\ntwo\r\nX-A:b\r\nCATEGORIES:Work\r\nDTSTART;VALUE=DATE:20260610\r\nSEQUENCE:1\r\nEND:VJOURNAL\r\nEND:VCALENDAR\r\n"
	o, err := Parse([]byte(in))
	if err != nil || len(o.Notes) != 1 {
		t.Fatal(err)
	}
	n := o.Notes[0]
	if n.Summary != "Ideas" || n.Description != "one\ntwo" || !n.Start.Date || len(n.Categories) != 1 {
		t.Errorf("%+v", n)
	}
	if n.Write(); string(o.Encode()) != in {
		t.Errorf("%s", o.Encode())
	}
	n.Description, n.Categories = "three", nil
	n.Write()
	if out := string(o.Encode()); !strings.Contains(out, "DESCRIPTION:three\r\n") || !strings.Contains(out, "X-A:b") || strings.Contains(out, "CATEGORIES") {
		t.Errorf("%s", out)
	}
}
