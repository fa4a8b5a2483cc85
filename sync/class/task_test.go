package class

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

func taskOf(t testing.TB, raw []byte, opt *Options) *eas.Task {
	t.Helper()
	got, err := RenderObject(&mail.Item{Class: mail.ClassTasks, Received: editTime.UnixMilli()}, raw, opt)
	if err != nil {
		t.Fatal(err)
	}
	return got.(*eas.Task)
}

func editedTask(t testing.TB, old []byte, in *eas.Task, o *EditOptions) []byte {
	t.Helper()
	out, err := EditObject(mail.ClassTasks, old, dataOf(t, in), o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := calendar.Parse(out); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	return out
}

func refusedTask(t testing.TB, in *eas.Task, v eas.Version) {
	t.Helper()
	if _, err := EditObject(mail.ClassTasks, nil, dataOf(t, in), editAt(v)); !errors.Is(err, ErrBadValue) {
		t.Errorf("%+v: %v", in.Recurrence, err)
	}
}

func date(s string) *time.Time {
	for _, layout := range []string{time.DateOnly, "2006-01-02T15:04"} {
		if t, err := time.Parse(layout, s); err == nil {
			return &t
		}
	}
	panic(s)
}

// fullTask has every element, as a phone in Berlin writes it.
func fullTask() *eas.Task {
	return &eas.Task{
		Subject: ptr("Fly; south, \"soon\""), Importance: ptr(eas.ImportanceHigh), Sensitivity: ptr(eas.SensitivityPersonal),
		StartDate: date("2026-11-23"), UtcStartDate: date("2026-11-22T23:00"), DueDate: date("2026-11-30"), UtcDueDate: date("2026-11-29T23:00"),
		Categories: []string{"Birds, rare", "Trips"}, Complete: ptr(uint8(1)), DateCompleted: date("2026-11-25T09:30"),
		ReminderSet: ptr(uint8(1)), ReminderTime: date("2026-11-23T07:00"), OrdinalDate: date("2026-11-20T07:00"), SubOrdinalDate: ptr("555"),
		Body: &eas.Body{Type: eas.BodyPlain, Data: ptr("Take\r\nnothing, \\ leave; early")},
		Recurrence: &eas.TaskRecurrence{
			Type: ptr(recursWeekly), Start: date("2026-11-23"), Interval: ptr(uint16(2)), DayOfWeek: ptr(uint8(2 + 8)), Occurrences: ptr(uint16(7)),
			Regenerate: ptr(uint8(1)), DeadOccur: ptr(uint8(1)), IsLeapMonth: ptr(uint8(0)), FirstDayOfWeek: ptr(uint8(1)),
		},
	}
}

// tasks are what programs make of tasks.
var tasks = map[string][]byte{
	"plain": todo("SUMMARY:Fly south", "DTSTAMP:20260601T120000Z"),
	"days": todo("SUMMARY:Fly", "DTSTART;VALUE=DATE:20261123", "DUE;VALUE=DATE:20261130", "PRIORITY:7", "STATUS:IN-PROCESS", "PERCENT-COMPLETE:40", "CLASS:CONFIDENTIAL",
		"CATEGORIES:a,b", "CATEGORIES:c", "X-APPLE-SORT-ORDER:7", "RELATED-TO:other", "SEQUENCE:3"),
	"clock": todo("SUMMARY:Fly", "DTSTART:20261123T080000Z", "DUE:20261123T170000Z", "PRIORITY:5", "BEGIN:VALARM", "ACTION:DISPLAY", "DESCRIPTION:x", "TRIGGER;RELATED=END:-PT1H", "X-SOUND:y", "END:VALARM"),
	"floating": todo("SUMMARY:Fly", "DTSTART:20261123T080000", "DURATION:PT2H", "BEGIN:VALARM", "ACTION:AUDIO", "TRIGGER:-PT15M", "END:VALARM",
		"BEGIN:VALARM", "ACTION:EMAIL", "TRIGGER:-P1D", "END:VALARM"),
	"done":      todo("SUMMARY:Fly", "STATUS:COMPLETED", "COMPLETED:20261101T101112Z", "PERCENT-COMPLETE:100"),
	"done once": todo("SUMMARY:Fly", "STATUS:COMPLETED", "LAST-MODIFIED:20261101T101112Z"),
	"weekly":    todo("SUMMARY:Fly", "DTSTART;VALUE=DATE:20261123", "DUE;VALUE=DATE:20261124", "RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20271231"),
	"hourly":    todo("SUMMARY:Fly", "DTSTART:20261123T080000Z", "RRULE:FREQ=HOURLY;INTERVAL=6"),
	"heard":     todo("SUMMARY:Fly", "DUE:20261123T170000Z", "BEGIN:VALARM", "ACTION:DISPLAY", "TRIGGER;VALUE=DATE-TIME:20261123T150000Z", "ACKNOWLEDGED:20261123T150100Z", "END:VALARM"),
	"html":      todo("SUMMARY:Fly", "DESCRIPTION:a", "X-ALT-DESC;FMTTYPE=text/html:<b>a</b>"),
	"zone": []byte(strings.ReplaceAll(string(todo("SUMMARY:Fly", "DTSTART;TZID=Europe/Berlin:20260623T080000", "DUE;TZID=Europe/Berlin:20260623T170000", "RRULE:FREQ=MONTHLY;BYMONTHDAY=23;COUNT=10")),
		"BEGIN:VTODO", "BEGIN:VTIMEZONE\r\nTZID:Europe/Berlin\r\nBEGIN:STANDARD\r\nDTSTART:19701025T030000\r\nTZOFFSETFROM:+0200\r\nTZOFFSETTO:+0100\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10\r\nEND:STANDARD\r\n"+
			"BEGIN:DAYLIGHT\r\nDTSTART:19700329T020000\r\nTZOFFSETFROM:+0100\r\nTZOFFSETTO:+0200\r\nRRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3\r\nEND:DAYLIGHT\r\nEND:VTIMEZONE\r\nBEGIN:VTODO")),
}

func TestTasksAreRenderedAsTheGoldenFiles(t *testing.T) {
	for name, raw := range tasks {
		for _, v := range []eas.Version{eas.V25, eas.V140, eas.V161} {
			golden(t, "tasks/"+strings.ReplaceAll(name, " ", "-")+"-"+v.String()+".xml", dumpObject(t, taskOf(t, raw, wholeBody(v))))
		}
	}
	golden(t, "tasks/added.golden", strings.ReplaceAll(string(editedTask(t, nil, fullTask(), editAt(eas.V161))), "\r\n", "\n"))
}

func TestEveryElementOfATaskComesBack(t *testing.T) {
	full := reflect.ValueOf(fullTask()).Elem()
	for i := range full.NumField() {
		if f := full.Type().Field(i); f.Name != "LegacyTaskBody" && full.Field(i).IsZero() {
			t.Errorf("%s is not tested", f.Name)
		}
	}
	for _, v := range eas.Versions()[1:] {
		for name, old := range map[string][]byte{"new": nil, "changed": tasks["days"], "of another zone": tasks["zone"]} {
			in := fullTask()
			if v < eas.V160 { // Start is in UTC
				in.Recurrence.Start = date("2026-11-22T23:00")
			}
			want := *in
			want.Body = &eas.Body{Type: 1, EstimatedDataSize: uint32(len(*in.Body.Data)), Data: in.Body.Data}
			r := *in.Recurrence
			if v < eas.V141 {
				r.FirstDayOfWeek = nil
			}
			if v < eas.V140 {
				r.IsLeapMonth = nil
			}
			want.Recurrence = &r
			if d := cmp.Diff(&want, taskOf(t, editedTask(t, old, in, editAt(v)), wholeBody(v))); d != "" {
				t.Errorf("%s, %s: %s", v, name, d)
			}
		}
	}
}

func TestChangingNothingOfATaskKeepsItsBytes(t *testing.T) {
	for name, raw := range tasks {
		for _, v := range eas.Versions() {
			if out := editedTask(t, raw, taskOf(t, raw, wholeBody(v)), editAt(v)); !bytes.Equal(raw, out) {
				t.Errorf("%s, %s: %s", name, v, cmp.Diff(string(raw), string(out)))
			}
		}
	}
}

func TestNothingElseOfATaskIsLost(t *testing.T) {
	out := string(editedTask(t, tasks["days"], fullTask(), editAt(eas.V141)))
	for _, want := range []string{"UID:1", "X-APPLE-SORT-ORDER:7", "RELATED-TO:other", "SEQUENCE:4", "PRODID:-//Example//EN"} {
		if !strings.Contains(out, want+"\r\n") {
			t.Errorf("%s is lost:\n%s", want, out)
		}
	}
	shown := taskOf(t, tasks["floating"], wholeBody(eas.V141))
	shown.ReminderTime = date("2026-11-20T10:00")
	out = string(editedTask(t, tasks["floating"], shown, editAt(eas.V141)))
	for _, want := range []string{"ACTION:EMAIL", "ACTION:AUDIO", "TRIGGER;VALUE=DATE-TIME:20261120T100000Z", "TRIGGER:-P1D", "DURATION:PT2H"} {
		if !strings.Contains(out, want+"\r\n") {
			t.Errorf("%s is lost:\n%s", want, out)
		}
	}
}

// MS-ASTASK_R369, R370, MS-ASCMD_R878, R879: what stays and what goes that a
// change leaves out.
func TestWhatIsLeftOutOfATask(t *testing.T) {
	raw := editedTask(t, nil, fullTask(), editAt(eas.V161))
	got := taskOf(t, editedTask(t, raw, &eas.Task{Subject: ptr("x")}, editAt(eas.V161)), wholeBody(eas.V161))
	if *got.Importance != eas.ImportanceHigh || *got.ReminderSet != 1 || got.ReminderTime == nil || *got.Body.Data != *fullTask().Body.Data || *got.Complete != 1 || *got.Sensitivity != eas.SensitivityPersonal {
		t.Errorf("%+v", got)
	}
	if got.StartDate != nil || got.UtcDueDate != nil || got.Categories != nil || got.Recurrence != nil {
		t.Errorf("%+v", got)
	}
	none := taskOf(t, editedTask(t, raw, &eas.Task{Categories: []string{}, Body: &eas.Body{Type: 1, Data: ptr("")}, ReminderSet: ptr(uint8(0))}, editAt(eas.V161)), wholeBody(eas.V161))
	if *none.Subject != "" || none.Categories != nil || none.Body.Data != nil || *none.ReminderSet != 0 || none.ReminderTime != nil { // MS-ASTASK_R436
		t.Errorf("%+v", none)
	}
}

// MS-ASTASK_R264, R187, R550, R252, R119, R259.
func TestTheValuesOfATask(t *testing.T) {
	fresh := taskOf(t, editedTask(t, nil, &eas.Task{Subject: ptr("x")}, editAt(eas.V141)), wholeBody(eas.V141))
	if *fresh.Sensitivity != 0 || *fresh.Importance != eas.ImportanceNormal || *fresh.Complete != 0 || *fresh.ReminderSet != 0 {
		t.Errorf("%+v", fresh)
	}
	for _, importance := range []uint8{0, 1, 2, 3, 200} {
		raw := editedTask(t, tasks["days"], &eas.Task{Importance: &importance}, editAt(eas.V141))
		if got := taskOf(t, raw, wholeBody(eas.V141)); *got.Importance != importance {
			t.Errorf("importance %d came back as %d", importance, *got.Importance)
		}
	}
	for _, bad := range []*eas.Task{{ReminderSet: ptr(uint8(2))}, {Complete: ptr(uint8(2))}, {Sensitivity: ptr(uint8(4))}, {Categories: make([]string, 301)}} {
		refusedTask(t, bad, eas.V141)
	}
}

// MS-ASTASK_R122, R124: what is done has its time, whoever left it out.
func TestATaskThatIsDoneHasItsTime(t *testing.T) {
	for name, want := range map[string]string{"done": "2026-11-01T10:11:12Z", "done once": "2026-11-01T10:11:12Z"} {
		if got := taskOf(t, tasks[name], wholeBody(eas.V161)); *got.Complete != 1 || got.DateCompleted == nil || got.DateCompleted.Format(time.RFC3339) != want {
			t.Errorf("%s: %d, %v", name, *got.Complete, got.DateCompleted)
		}
	}
	if got := taskOf(t, todo("STATUS:COMPLETED"), wholeBody(eas.V161)); !got.DateCompleted.Equal(editTime) {
		t.Errorf("%v", got.DateCompleted)
	}
	raw := editedTask(t, tasks["days"], &eas.Task{Complete: ptr(uint8(1))}, editAt(eas.V161))
	if got := taskOf(t, raw, wholeBody(eas.V161)); !got.DateCompleted.Equal(editTime) || !strings.Contains(string(raw), "STATUS:COMPLETED") {
		t.Errorf("%v\n%s", got.DateCompleted, raw)
	}
	raw = editedTask(t, raw, &eas.Task{Complete: ptr(uint8(0))}, editAt(eas.V161))
	if got := taskOf(t, raw, wholeBody(eas.V161)); *got.Complete != 0 || got.DateCompleted != nil || strings.Contains(string(raw), "COMPLETED:") {
		t.Errorf("%v\n%s", got.DateCompleted, raw)
	}
}

// Tasks are told on the user's clock and in UTC. A day stays a day, at rest too.
func TestTheTimesOfATask(t *testing.T) {
	for _, tc := range []struct {
		name           string
		in             *eas.Task
		at             string // DUE at rest
		local, in_utc  string
		dropUTC, drops bool
	}{
		{"a day in Berlin", &eas.Task{DueDate: date("2026-11-23"), UtcDueDate: date("2026-11-22T23:00")}, "DUE;VALUE=DATE;X-ACTIVESYNC-OFFSET=60:20261123", "2026-11-23T00:00", "2026-11-22T23:00", false, false},
		{"a day in New York", &eas.Task{DueDate: date("2026-11-23"), UtcDueDate: date("2026-11-23T05:00")}, "DUE;VALUE=DATE;X-ACTIVESYNC-OFFSET=-300:20261123", "2026-11-23T00:00", "2026-11-23T05:00", false, false},
		{"an hour in Berlin", &eas.Task{DueDate: date("2026-11-23T17:00"), UtcDueDate: date("2026-11-23T16:00")}, "DUE;X-ACTIVESYNC-OFFSET=60:20261123T160000Z", "2026-11-23T17:00", "2026-11-23T16:00", false, false},
		{"only the day", &eas.Task{DueDate: date("2026-11-23")}, "DUE;VALUE=DATE:20261123", "2026-11-23T00:00", "2026-11-23T12:00", false, false},
		{"only UTC", &eas.Task{UtcDueDate: date("2026-11-23")}, "DUE;VALUE=DATE:20261123", "2026-11-23T00:00", "2026-11-23T12:00", false, false},
		{"none", &eas.Task{}, "", "", "", false, false},
	} {
		raw := editedTask(t, nil, tc.in, editAt(eas.V141))
		if tc.at != "" && !strings.Contains(string(raw), tc.at+"\r\n") {
			t.Errorf("%s: no %s in\n%s", tc.name, tc.at, raw)
		}
		got := taskOf(t, raw, wholeBody(eas.V141))
		for what, pair := range map[string][2]any{"local": {got.DueDate, tc.local}, "UTC": {got.UtcDueDate, tc.in_utc}} {
			shown := ""
			if at := pair[0].(*time.Time); at != nil {
				shown = at.Format("2006-01-02T15:04")
			}
			if shown != pair[1] {
				t.Errorf("%s: %s is %s, want %s", tc.name, what, shown, pair[1])
			}
		}
	}
	zone := taskOf(t, tasks["zone"], wholeBody(eas.V141))
	if zone.DueDate.Format(time.TimeOnly) != "17:00:00" || zone.UtcDueDate.Format(time.TimeOnly) != "15:00:00" {
		t.Errorf("in a zone: %s, %s", zone.DueDate, zone.UtcDueDate)
	}
	// An hour later on the same clock: the zone stays.
	zone.DueDate, zone.UtcDueDate = ptr(zone.DueDate.Add(time.Hour)), ptr(zone.UtcDueDate.Add(time.Hour))
	if raw := editedTask(t, tasks["zone"], zone, editAt(eas.V141)); !strings.Contains(string(raw), "DUE;TZID=Europe/Berlin:20260623T180000\r\n") {
		t.Errorf("%s", raw)
	}
}

// A day that somebody wrote by CalDAV is the same day for a phone in each zone,
// whether it reads the clock or UTC.
func TestADayOfATaskIsTheSameEverywhere(t *testing.T) {
	got := taskOf(t, tasks["days"], wholeBody(eas.V161))
	for hours := -11; hours <= 11; hours++ {
		if day := got.UtcDueDate.In(time.FixedZone("", hours*3600)).Format(time.DateOnly); day != "2026-11-30" {
			t.Errorf("%d hours from Greenwich it is due on %s", hours, day)
		}
	}
}

// RFC 5545 3.8.2.3: start and end are both days or both times.
func TestStartAndEndOfATaskAreOfOneKind(t *testing.T) {
	raw := editedTask(t, nil, &eas.Task{StartDate: date("2026-11-23"), UtcStartDate: date("2026-11-22T23:00"), DueDate: date("2026-11-23T17:00"), UtcDueDate: date("2026-11-23T16:00")}, editAt(eas.V141))
	if strings.Contains(string(raw), "VALUE=DATE:") || strings.Contains(string(raw), "VALUE=DATE;") {
		t.Errorf("%s", raw)
	}
	if got := taskOf(t, raw, wholeBody(eas.V141)); !got.StartDate.Equal(*date("2026-11-23")) || !got.UtcStartDate.Equal(*date("2026-11-22T23:00")) {
		t.Errorf("%v, %v", got.StartDate, got.UtcStartDate)
	}
}

// A reminder that was heard rings no more; one that is moved does.
func TestTheReminderOfATask(t *testing.T) {
	if got := taskOf(t, tasks["clock"], wholeBody(eas.V141)); *got.ReminderSet != 1 || !got.ReminderTime.Equal(*date("2026-11-23T16:00")) {
		t.Errorf("an hour before the end: %v", got.ReminderTime)
	}
	if got := taskOf(t, tasks["floating"], wholeBody(eas.V141)); !got.ReminderTime.Equal(*date("2026-11-23T07:45")) {
		t.Errorf("a quarter of an hour before the start: %v", got.ReminderTime)
	}
	heard := taskOf(t, tasks["heard"], wholeBody(eas.V141))
	if *heard.ReminderSet != 0 || heard.ReminderTime != nil {
		t.Errorf("heard: %v", heard.ReminderTime)
	}
	heard.ReminderSet, heard.ReminderTime = ptr(uint8(1)), date("2026-11-24T15:00")
	raw := editedTask(t, tasks["heard"], heard, editAt(eas.V141))
	if got := taskOf(t, raw, wholeBody(eas.V141)); *got.ReminderSet != 1 || !got.ReminderTime.Equal(*date("2026-11-24T15:00")) {
		t.Errorf("moved: %v", got.ReminderTime)
	}
	// The due date goes, and the client means its reminder to stay.
	clock := taskOf(t, tasks["clock"], wholeBody(eas.V141))
	clock.DueDate, clock.UtcDueDate = nil, nil
	if got := taskOf(t, editedTask(t, tasks["clock"], clock, editAt(eas.V141)), wholeBody(eas.V141)); got.ReminderTime == nil || !got.ReminderTime.Equal(*date("2026-11-23T16:00")) {
		t.Errorf("without its end: %v", got.ReminderTime)
	}
}

// Others learn of a private task when it is, and that it is; no more.
func TestAPrivateTaskIsBlankForOthers(t *testing.T) {
	in := fullTask()
	in.Sensitivity = ptr(eas.SensitivityPrivate)
	raw := editedTask(t, nil, in, editAt(eas.V161))
	opt := wholeBody(eas.V161)
	opt.Viewer.Blank = true
	got := taskOf(t, raw, opt)
	want := &eas.Task{
		Subject: ptr(privateSubject), Importance: ptr(eas.ImportanceNormal), Sensitivity: ptr(eas.SensitivityPrivate), Complete: ptr(uint8(1)), DateCompleted: in.DateCompleted,
		StartDate: in.StartDate, UtcStartDate: in.UtcStartDate, DueDate: in.DueDate, UtcDueDate: in.UtcDueDate, ReminderSet: ptr(uint8(0)), Body: &eas.Body{Type: 1},
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestATaskCannotWriteLinesOfACalendar(t *testing.T) {
	const bad = "x\r\nEND:VTODO\r\nEND:VCALENDAR\r\nBEGIN:VCALENDAR\n\rATTACH:y"
	out := editedTask(t, nil, &eas.Task{Subject: ptr(bad), Categories: []string{bad}, SubOrdinalDate: ptr(bad), Body: &eas.Body{Type: 2, Data: ptr(bad)}}, editAt(eas.V141))
	if got := bytes.Count(out, []byte("\nEND:V")); got != 2 {
		t.Errorf("%d ends:\n%s", got, out)
	}
}

// Whatever a client writes over whatever is there, it sees afterwards.
func TestAClientSeesWhatItWroteIntoAnyTask(t *testing.T) {
	names := make([]string, 0, len(tasks))
	for name := range tasks {
		names = append(names, name)
	}
	rapid.Check(t, func(t *rapid.T) {
		raw := tasks[rapid.SampledFrom(names).Draw(t, "task")]
		v := rapid.SampledFrom(eas.Versions()[1:]).Draw(t, "version")
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			shown, err := RenderObject(&mail.Item{Class: mail.ClassTasks}, raw, wholeBody(v))
			if err != nil {
				t.Fatal(err)
			}
			view := shown.(*eas.Task)
			change(t, view, v)
			data, err := wbxml.MarshalRaw(view)
			if err != nil {
				t.Fatal(err)
			}
			out, err := EditObject(mail.ClassTasks, raw, data, editAt(v))
			if err != nil {
				t.Fatal(err)
			}
			again, err := RenderObject(&mail.Item{Class: mail.ClassTasks}, out, wholeBody(v))
			if err != nil {
				t.Fatal(err)
			}
			// A last day is the same in another zone.
			if got := again.(*eas.Task); got.Recurrence != nil && view.Recurrence != nil && got.Recurrence.Until != nil && view.Recurrence.Until != nil &&
				got.Recurrence.Until.Sub(*view.Recurrence.Until).Abs() < 24*time.Hour {
				got.Recurrence.Until = view.Recurrence.Until
			}
			if d := cmp.Diff(view, again); d != "" {
				t.Fatalf("%s\n%s\n%s", d, raw, out)
			}
			raw = out
		}
	})
}

// change draws what a client changes of a task.
func change(t *rapid.T, view *eas.Task, v eas.Version) {
	day := func(name string) time.Time {
		return time.Date(2026, 11, rapid.IntRange(1, 28).Draw(t, name), rapid.SampledFrom([]int{0, 0, 9}).Draw(t, name+" hour"), 0, 0, 0, time.UTC)
	}
	zone := time.Duration(rapid.SampledFrom([]int{0, 1, -5}).Draw(t, "zone")) * time.Hour
	if rapid.Bool().Draw(t, "due") {
		view.DueDate = ptr(day("due day"))
		view.UtcDueDate = ptr(view.DueDate.Add(-zone))
	}
	if rapid.Bool().Draw(t, "start") {
		view.StartDate = ptr(day("start day"))
		view.UtcStartDate = ptr(view.StartDate.Add(-zone))
	}
	if rapid.Bool().Draw(t, "no start") {
		view.StartDate, view.UtcStartDate = nil, nil
	}
	if rapid.Bool().Draw(t, "subject") {
		view.Subject = ptr(fmt.Sprint("subject ", rapid.IntRange(1, 3).Draw(t, "number")))
	}
	if rapid.Bool().Draw(t, "complete") {
		view.Complete, view.DateCompleted = ptr(uint8(1)), ptr(day("done"))
	} else if rapid.Bool().Draw(t, "open") {
		view.Complete, view.DateCompleted = ptr(uint8(0)), nil
	}
	if rapid.Bool().Draw(t, "reminder") {
		view.ReminderSet, view.ReminderTime = ptr(uint8(1)), ptr(day("reminder"))
	} else {
		view.ReminderSet, view.ReminderTime = ptr(uint8(0)), nil
	}
	if rapid.Bool().Draw(t, "no recurrence") {
		view.Recurrence = nil
	}
}

func FuzzEditTask(f *testing.F) {
	for _, raw := range tasks {
		f.Add(raw, []byte(dataOf(f, fullTask())), uint8(6))
	}
	f.Add([]byte(nil), []byte(dataOf(f, fullTask())), uint8(3))
	f.Fuzz(func(t *testing.T, old, data []byte, choice uint8) { editTwice(t, mail.ClassTasks, old, data, choice) })
}
