package calendar

import "testing"

func TestATaskIsRead(t *testing.T) {
	o, err := Parse([]byte("BEGIN:VCALENDAR\nBEGIN:VTODO\nUID:1\nDTSTART;TZID=Europe/Berlin:20260610T090000\nDUE;TZID=Europe/Berlin:20260612T170000\n" +
		"SUMMARY:Write the report\nSTATUS:IN-PROCESS\nPRIORITY:1\nCATEGORIES:Work,Q2\nRRULE:FREQ=WEEKLY;COUNT=3\nEND:VTODO\nEND:VCALENDAR\n"))
	if err != nil || len(o.Todos) != 1 {
		t.Fatal(err)
	}
	task := o.Todos[0]
	if show(task.Start) != "2026-06-10 09:00:00 +0200" || show(task.Due) != "2026-06-12 17:00:00 +0200" || task.Priority != 1 || task.Done() || len(task.Categories) != 2 || !task.Recurs() {
		t.Errorf("%+v", task)
	}
}

// A task need have no time, or only one.
func TestTasksWithoutTimes(t *testing.T) {
	for lines, want := range map[string]string{
		"": "-", "DUE;VALUE=DATE:20260610": "-2026-06-10", "DTSTART:20260610T090000Z": "2026-06-10 09:00:00 +0000-",
		"DTSTART:20260610T090000Z\nDURATION:PT2H": "2026-06-10 09:00:00 +0000-2026-06-10 11:00:00 +0000", "DURATION:PT2H": "-",
	} {
		o, err := Parse([]byte("BEGIN:VCALENDAR\nBEGIN:VTODO\nUID:1\n" + lines + "\nEND:VTODO\nEND:VCALENDAR\n"))
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		for i, at := range []Time{o.Todos[0].Start, o.Todos[0].Due} {
			if i > 0 {
				got += "-"
			}
			if !at.IsZero() {
				got += show(at)
			}
		}
		if got != want {
			t.Errorf("%q: %q, want %q", lines, got, want)
		}
	}
}
