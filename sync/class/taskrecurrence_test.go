package class

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"martlet/protocol/eas"
)

// EAS-4-TbSync: the Start of a task that recurs is UTC up to 14.x and local at
// 16.x. In whichever version it was written, it is the same day in the other.
func TestTheStartOfATaskThatRecurs(t *testing.T) {
	in := func(v eas.Version) *eas.Task {
		task := &eas.Task{
			StartDate: date("2026-11-23"), UtcStartDate: date("2026-11-22T23:00"), DueDate: date("2026-11-23"), UtcDueDate: date("2026-11-22T23:00"),
			Recurrence: &eas.TaskRecurrence{Type: ptr(recursWeekly), Start: date("2026-11-23"), Interval: ptr(uint16(1)), DayOfWeek: ptr(uint8(2))},
		}
		if v < eas.V160 {
			task.Recurrence.Start = date("2026-11-22T23:00")
		}
		return task
	}
	for _, writes := range eas.Versions() {
		raw := editedTask(t, nil, in(writes), editAt(writes))
		if !strings.Contains(string(raw), "RRULE:FREQ=WEEKLY;") || !strings.Contains(string(raw), "DTSTART;VALUE=DATE;X-ACTIVESYNC-OFFSET=60:20261123\r\n") {
			t.Errorf("%s wrote %s", writes, raw)
		}
		for _, reads := range eas.Versions() {
			if got := taskOf(t, raw, wholeBody(reads)).Recurrence.Start; !got.Equal(*in(reads).Recurrence.Start) {
				t.Errorf("%s wrote, %s reads %s", writes, reads, got)
			}
		}
	}
}

// MS-ASTASK_R225, R226, R267: Start is there even if the task has no start of its
// own, which then is not shown.
func TestATaskMayRecurWithoutAStart(t *testing.T) {
	in := &eas.Task{DueDate: date("2026-11-25"), UtcDueDate: date("2026-11-25"), Recurrence: &eas.TaskRecurrence{Type: ptr(recursDaily), Start: date("2026-11-23"), Interval: ptr(uint16(1))}}
	raw := editedTask(t, nil, in, editAt(eas.V161))
	got := taskOf(t, raw, wholeBody(eas.V161))
	if got.StartDate != nil || !got.Recurrence.Start.Equal(*date("2026-11-23")) || !strings.Contains(string(raw), "DTSTART") {
		t.Errorf("%v, %v\n%s", got.StartDate, got.Recurrence.Start, raw)
	}
	// A start of its own that is another day than that of the series.
	got.StartDate, got.UtcStartDate = date("2026-11-24"), date("2026-11-24")
	raw = editedTask(t, raw, got, editAt(eas.V161))
	if got = taskOf(t, raw, wholeBody(eas.V161)); !got.StartDate.Equal(*date("2026-11-24")) {
		t.Errorf("%v\n%s", got.StartDate, raw)
	}
	// And taken away again.
	got.StartDate, got.UtcStartDate = nil, nil
	raw = editedTask(t, raw, got, editAt(eas.V161))
	if again := taskOf(t, raw, wholeBody(eas.V161)); again.StartDate != nil || again.Recurrence == nil {
		t.Errorf("%+v\n%s", again, raw)
	}
}

// MS-ASTASK_R81, R132, R171, R289, R320, R532, R533, R37011, R4221, R84, R210, R317,
// R525.
func TestARecurrenceOfATaskThatIsNoneIsRefused(t *testing.T) {
	start := date("2026-11-23")
	for name, r := range map[string]*eas.TaskRecurrence{
		"no type":                          {Start: start},
		"no start":                         {Type: ptr(recursDaily)},
		"an empty start":                   {Type: ptr(recursDaily), Start: &time.Time{}},
		"type 4":                           {Type: ptr(uint8(4)), Start: start},
		"type 7":                           {Type: ptr(uint8(7)), Start: start},
		"a calendar for days":              {Type: ptr(recursDaily), Start: start, CalendarType: ptr(uint8(1))},
		"a calendar for weeks":             {Type: ptr(recursWeekly), Start: start, DayOfWeek: ptr(uint8(1)), CalendarType: ptr(uint8(0))},
		"a lunar calendar":                 {Type: ptr(recursYearly), Start: start, DayOfMonth: ptr(uint8(1)), MonthOfYear: ptr(uint8(1)), CalendarType: ptr(uint8(15))},
		"a day of the month for weeks":     {Type: ptr(recursWeekly), Start: start, DayOfWeek: ptr(uint8(1)), DayOfMonth: ptr(uint8(1))},
		"the 32nd":                         {Type: ptr(recursMonthly), Start: start, DayOfMonth: ptr(uint8(32))},
		"a weekday for a day of the month": {Type: ptr(recursMonthly), Start: start, DayOfMonth: ptr(uint8(1)), DayOfWeek: ptr(uint8(1))},
		"a weekday for a day of the year":  {Type: ptr(recursYearly), Start: start, DayOfMonth: ptr(uint8(1)), MonthOfYear: ptr(uint8(1)), DayOfWeek: ptr(uint8(1))},
		"a week of the month for days":     {Type: ptr(recursDaily), Start: start, WeekOfMonth: ptr(uint8(1))},
		"the sixth week":                   {Type: ptr(recursMonthlyNth), Start: start, WeekOfMonth: ptr(uint8(6)), DayOfWeek: ptr(uint8(1))},
		"the 13th month":                   {Type: ptr(recursYearly), Start: start, DayOfMonth: ptr(uint8(1)), MonthOfYear: ptr(uint8(13))},
		"an eighth weekday":                {Type: ptr(recursWeekly), Start: start, DayOfWeek: ptr(uint8(1)), FirstDayOfWeek: ptr(uint8(7))},
		"twice regenerated":                {Type: ptr(recursDaily), Start: start, Regenerate: ptr(uint8(2))},
		"a 13th calendar":                  {Type: ptr(recursMonthly), Start: start, DayOfMonth: ptr(uint8(1)), CalendarType: ptr(uint8(13))},
		"a second leap month":              {Type: ptr(recursMonthly), Start: start, DayOfMonth: ptr(uint8(1)), IsLeapMonth: ptr(uint8(2))},
		"every thousand days":              {Type: ptr(recursDaily), Start: start, Interval: ptr(uint16(1000))},
	} {
		t.Run(name, func(t *testing.T) { refusedTask(t, &eas.Task{Recurrence: r}, eas.V161) })
	}
}

// MS-ASTASK_R37013.
func TestOccurrencesOfATaskCountBeforeUntil(t *testing.T) {
	in := &eas.Task{Recurrence: &eas.TaskRecurrence{Type: ptr(recursDaily), Start: date("2026-11-23"), Occurrences: ptr(uint16(3)), Until: date("2027-11-23")}}
	got := taskOf(t, editedTask(t, nil, in, editAt(eas.V161)), wholeBody(eas.V161)).Recurrence
	if got.Until != nil || *got.Occurrences != 3 {
		t.Errorf("%+v", got)
	}
}

// MS-ASTASK_R77, R82, R8211 to R8213, R130, R135, R404, R406, R409, R410, R417,
// R418, R430, R431, R530, R531, R167: each type has its elements and no others.
func TestEachRecurrenceOfATaskHasItsElements(t *testing.T) {
	for rule, want := range map[string]eas.TaskRecurrence{
		"FREQ=DAILY;INTERVAL=3":               {Type: ptr(recursDaily), Interval: ptr(uint16(3))},
		"FREQ=WEEKLY;BYDAY=MO,FR;WKST=SU":     {Type: ptr(recursWeekly), DayOfWeek: ptr(uint8(34))},
		"FREQ=MONTHLY;BYMONTHDAY=23":          {Type: ptr(recursMonthly), DayOfMonth: ptr(uint8(23)), CalendarType: ptr(uint8(0))},
		"FREQ=MONTHLY;BYDAY=-1FR":             {Type: ptr(recursMonthlyNth), WeekOfMonth: ptr(uint8(5)), DayOfWeek: ptr(uint8(32)), CalendarType: ptr(uint8(0))},
		"FREQ=YEARLY;BYMONTH=3;BYMONTHDAY=22": {Type: ptr(recursYearly), DayOfMonth: ptr(uint8(22)), MonthOfYear: ptr(uint8(3)), CalendarType: ptr(uint8(0))},
		"FREQ=YEARLY;BYMONTH=3;BYDAY=2SU":     {Type: ptr(recursYearlyNth), WeekOfMonth: ptr(uint8(2)), DayOfWeek: ptr(uint8(1)), MonthOfYear: ptr(uint8(3)), CalendarType: ptr(uint8(0))},
	} {
		raw := todo("SUMMARY:x", "DTSTART;VALUE=DATE:20261123", "RRULE:"+rule)
		got := taskOf(t, raw, wholeBody(eas.V161)).Recurrence
		if got.FirstDayOfWeek == nil || got.Start == nil {
			t.Fatalf("%s: %+v", rule, got)
		}
		got.Start, got.FirstDayOfWeek, got.IsLeapMonth = nil, nil, nil
		if want.Interval == nil {
			want.Interval = ptr(uint16(1))
		}
		if d := cmp.Diff(&want, got); d != "" {
			t.Errorf("%s: %s", rule, d)
		}
	}
}

// A task that recurs and is done: what a client writes of an occurrence that is
// done with recurs no longer for anybody, and keeps what it was.
func TestATaskThatRecursIsDone(t *testing.T) {
	in := fullTask()
	raw := editedTask(t, nil, in, editAt(eas.V161))
	if strings.Contains(string(raw), "\nRRULE") || !strings.Contains(string(raw), "STATUS:COMPLETED") {
		t.Errorf("an occurrence that is done recurs:\n%s", raw)
	}
	if got := taskOf(t, raw, wholeBody(eas.V161)).Recurrence; got == nil || *got.DeadOccur != 1 || *got.Regenerate != 1 {
		t.Errorf("%+v", got)
	}
	// The client moves the series itself: start and end of the next, from the same
	// beginning.
	series := taskOf(t, tasks["weekly"], wholeBody(eas.V161))
	series.StartDate, series.UtcStartDate = date("2026-11-30"), date("2026-11-30")
	series.DueDate, series.UtcDueDate = date("2026-12-01"), date("2026-12-01")
	raw = editedTask(t, tasks["weekly"], series, editAt(eas.V161))
	got := taskOf(t, raw, wholeBody(eas.V161))
	if !got.StartDate.Equal(*date("2026-11-30")) || *got.Complete != 0 || got.Recurrence == nil {
		t.Errorf("%+v\n%s", got, raw)
	}
}

// Thunderbird keeps what is done of a series as occurrences of their own: a phone
// sees the next one that is to be done.
func TestTheNextOccurrenceOfATaskIsShown(t *testing.T) {
	raw := []byte(strings.Replace(string(tasks["weekly"]), "END:VTODO\r\n", "EXDATE;VALUE=DATE:20261207\r\nEND:VTODO\r\n"+
		"BEGIN:VTODO\r\nUID:1\r\nRECURRENCE-ID;VALUE=DATE:20261123\r\nSTATUS:COMPLETED\r\nEND:VTODO\r\n"+
		"BEGIN:VTODO\r\nUID:1\r\nRECURRENCE-ID;VALUE=DATE:20261130\r\nSTATUS:CANCELLED\r\nEND:VTODO\r\n", 1))
	got := taskOf(t, raw, wholeBody(eas.V161))
	if !got.StartDate.Equal(*date("2026-12-14")) || !got.DueDate.Equal(*date("2026-12-15")) || *got.Complete != 0 || !got.Recurrence.Start.Equal(*date("2026-11-23")) {
		t.Errorf("%v to %v, of a series from %v", got.StartDate, got.DueDate, got.Recurrence.Start)
	}
	got.Subject = ptr("other")
	if out := editedTask(t, raw, got, editAt(eas.V161)); strings.Count(string(out), "RECURRENCE-ID") != 2 || !strings.Contains(string(out), "DTSTART;VALUE=DATE:20261123") {
		t.Errorf("%s", out)
	}
}

// What no element can tell stays as it is, and is not shown as something else.
func TestARuleThatTasksCannotTellStays(t *testing.T) {
	shown := taskOf(t, tasks["hourly"], wholeBody(eas.V161))
	if shown.Recurrence != nil {
		t.Errorf("%+v", shown.Recurrence)
	}
	shown.Subject = ptr("other")
	if out := editedTask(t, tasks["hourly"], shown, editAt(eas.V161)); !strings.Contains(string(out), "RRULE:FREQ=HOURLY;INTERVAL=6\r\n") {
		t.Errorf("%s", out)
	}
}
