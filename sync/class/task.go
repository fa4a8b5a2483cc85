package class

import (
	"strconv"
	"strings"
	"time"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/protocol/eas"
)

// The properties for what iCalendar has no word for.
const (
	propImportance  = "X-ACTIVESYNC-IMPORTANCE" // one that is none of three (MS-ASTASK_R550)
	propOrdinal     = "X-ACTIVESYNC-ORDINALDATE"
	propSubOrdinal  = "X-ACTIVESYNC-SUBORDINALDATE"
	propDeadOccur   = "X-ACTIVESYNC-DEADOCCUR"
	propRegenerate  = "X-ACTIVESYNC-REGENERATE"
	propSeriesStart = "X-ACTIVESYNC-SERIESSTART" // from when on it recurs, where that is not its start
	propDeadRule    = "X-ACTIVESYNC-RRULE"       // of one that is done with, and recurs no longer
)

// taskReader shows one task to one client.
type taskReader struct {
	listItem
	item    *mail.Item
	version eas.Version
	zoneOf  *time.Location
	start   calendar.Time // DTSTART; zero for none
	due     calendar.Time
}

func readTask(item *mail.Item, raw []byte, v eas.Version) (*taskReader, error) {
	l, err := readListItem(raw, "VTODO")
	if err != nil {
		return nil, err
	}
	return newTaskReader(l, item, v), nil
}

func newTaskReader(l listItem, item *mail.Item, v eas.Version) *taskReader {
	r := &taskReader{listItem: l, item: item, version: v}
	r.start, _ = r.obj.Time(r.c, "DTSTART")
	var ok bool
	if r.due, ok = r.obj.Time(r.c, "DUE"); !ok && !r.start.IsZero() {
		r.due = durationDue(r.c, r.start)
	}
	return r
}

// durationDue is when a task is due that says how long it takes.
func durationDue(c *calendar.Component, start calendar.Time) calendar.Time {
	if c.Prop("DURATION") == nil {
		return calendar.Time{}
	}
	// What an event is from DTSTART on for a DURATION, a task is too.
	e := &calendar.Component{Name: "VEVENT", Props: []calendar.Property{timeProperty("DTSTART", calendar.UTC(wallClock(start.Time))), *c.Prop("DURATION")}}
	obj := calendar.Of(&calendar.Component{Name: "VCALENDAR", Children: []*calendar.Component{e}})
	end := obj.Master().End
	due := start
	due.Time = start.Time.Add(end.Sub(wallClock(start.Time)))
	if due.Date && !due.Time.Equal(dayOf(due)) {
		due.Date, due.Floating = false, true
	}
	return due
}

// taskView is what a client is shown of one task.
type taskView struct {
	subject     string
	importance  uint8
	sensitivity uint8
	start, due  taskTime
	complete    uint8
	completed   time.Time
	reminder    time.Time // zero for none
	categories  []string
	text        objectText
	recurrence  *eas.TaskRecurrence
	ordinal     time.Time
	subOrdinal  string
}

// view reads the task.
func (r *taskReader) view() *taskView {
	v := &taskView{
		subject: r.c.Text("SUMMARY"), importance: importanceOf(r.c), sensitivity: classOf(r.c.Value("CLASS")),
		categories: r.c.Texts("CATEGORIES"), text: textOf(r.c), subOrdinal: r.c.Text(propSubOrdinal),
	}
	start, due := r.current()
	if p := r.c.Prop("DTSTART"); !start.IsZero() && p.Param(hiddenParam) == "" {
		v.start = r.tell(start, p)
	}
	if !due.IsZero() {
		p := r.c.Prop("DUE")
		if p == nil {
			p = r.c.Prop("DTSTART")
		}
		v.due = r.tell(due, p)
	}
	if isDone(r.c) {
		v.complete = 1
		if v.completed = r.point("COMPLETED"); v.completed.IsZero() {
			v.completed = r.lastChanged(r.item)
		}
	}
	v.reminder = r.reminder()
	v.recurrence = r.recurrence()
	v.ordinal = r.point(propOrdinal)
	return v
}

// renderTask makes the ApplicationData of a task (MS-ASTASK 2.2.2): a *eas.Task.
func renderTask(item *mail.Item, raw []byte, opt *Options) (any, error) {
	r, err := readTask(item, raw, opt.Version)
	if err != nil {
		return nil, err
	}
	v := r.view()
	if opt.Viewer.Blank && hides(v.sensitivity) {
		v = &taskView{subject: privateSubject, importance: eas.ImportanceNormal, sensitivity: v.sensitivity, start: v.start, due: v.due, complete: v.complete, completed: v.completed}
	}
	t := &eas.Task{Subject: &v.subject, Importance: &v.importance, Sensitivity: &v.sensitivity, Complete: &v.complete}
	t.StartDate, t.UtcStartDate = present(v.start.local), present(v.start.utc)
	t.DueDate, t.UtcDueDate = present(v.due.local), present(v.due.utc)
	t.DateCompleted = present(v.completed)
	t.Categories = firstEntries(v.categories)
	t.Recurrence = v.recurrence
	t.ReminderSet, t.ReminderTime = new(uint8), present(v.reminder)
	if t.ReminderTime != nil {
		*t.ReminderSet = 1
	}
	if opt.Version >= eas.V120 {
		t.OrdinalDate, t.SubOrdinalDate = present(v.ordinal), filled(v.subOrdinal)
		t.Body = v.text.render(opt)
		return t, nil
	}
	if t.PlainBody, t.BodyTruncated = v.text.legacy(opt); t.PlainBody != nil {
		t.BodySize = pointer(clampSize(int64(len(v.text.form(eas.BodyPlain)))))
	}
	return t, nil
}

// isDone tells whether a task is done.
func isDone(c *calendar.Component) bool {
	status := c.Value("STATUS")
	return status == "COMPLETED" || status == "" && c.Prop("COMPLETED") != nil
}

// importanceOf reads PRIORITY: 1 is the highest, 9 the lowest (RFC 5545 3.8.1.9).
func importanceOf(c *calendar.Component) uint8 {
	if n, err := strconv.ParseUint(c.Value(propImportance), 10, 8); err == nil {
		return uint8(n)
	}
	switch n := c.Number("PRIORITY"); {
	case n >= 1 && n <= 4:
		return eas.ImportanceHigh
	case n >= 6:
		return eas.ImportanceLow
	}
	return eas.ImportanceNormal
}

// classOf reads CLASS (RFC 5545 3.8.1.3); what it does not know is private.
func classOf(class string) uint8 {
	switch class {
	case "", "PUBLIC":
		return eas.SensitivityNormal
	case "PERSONAL":
		return eas.SensitivityPersonal
	case "CONFIDENTIAL":
		return eas.SensitivityConfidential
	}
	return eas.SensitivityPrivate
}

// hides tells whether others see nothing of an item: what is personal is nobody's
// business either, as the item's summary has it.
func hides(sensitivity uint8) bool { return sensitivity != eas.SensitivityNormal }

// maxSkipped bounds how many occurrences that are done with are passed over to
// find the one that is to be done.
const maxSkipped = 10_000

// current are the start and the end of the occurrence that is to be done next: of
// a task that recurs, programs that keep what was done as occurrences of their
// own leave the series as it began.
func (r *taskReader) current() (start, due calendar.Time) {
	rule := r.rule()
	anchor := r.start
	if anchor.IsZero() {
		anchor = r.due
	}
	done := r.doneWith()
	if rule == nil || len(done) == 0 || isDone(r.c) {
		return r.start, r.due
	}
	first := wallClock(anchor.Time)
	n := 0
	for t := range localRule(rule, anchor).From(first) {
		if n++; n > maxSkipped {
			break
		}
		if done[t.Format(instanceLayout(anchor.Date))] {
			continue
		}
		days := int(dayOf(calendar.UTC(t)).Sub(dayOf(calendar.UTC(first))) / (24 * time.Hour))
		return shift(r.start, days), shift(r.due, days)
	}
	return r.start, r.due
}

// doneWith are the occurrences that are done, cancelled or left out, on the
// series' own clock.
func (r *taskReader) doneWith() map[string]bool {
	out := map[string]bool{}
	for _, c := range r.obj.Root.Children {
		if p := c.Prop("RECURRENCE-ID"); c != r.c && c.Name == "VTODO" && p != nil && (isDone(c) || c.Value("STATUS") == "CANCELLED") {
			out[instanceOf(p.Value)] = true
		}
	}
	for p := range r.c.All("EXDATE") {
		for v := range strings.SplitSeq(p.Value, ",") {
			out[instanceOf(v)] = true
		}
	}
	return out
}

// instanceOf brings an instance's name into the form of instanceLayout. One in
// UTC of a series in another zone is not found, and the occurrence is shown.
func instanceOf(value string) string {
	return strings.TrimSuffix(strings.ToUpper(strings.TrimSpace(value)), "Z")
}

func instanceLayout(date bool) string {
	if date {
		return "20060102"
	}
	return "20060102T150405"
}

// shift moves a time by days, on its own clock.
func shift(t calendar.Time, days int) calendar.Time {
	if !t.IsZero() {
		t.Time = t.Time.AddDate(0, 0, days)
	}
	return t
}

// reminder is when the client reminds of the task; zero for never, or for a
// reminder that has been heard (RFC 9074 6.1).
func (r *taskReader) reminder() time.Time {
	for _, k := range r.c.Children {
		if k.Name != "VALARM" || k.Value("ACTION") == "EMAIL" {
			continue
		}
		at, ok := r.alarmTime(k)
		if !ok {
			continue
		}
		if heard, err := time.Parse("20060102T150405Z", k.Value("ACKNOWLEDGED")); err == nil && !heard.Before(at) {
			return time.Time{}
		}
		return at
	}
	return time.Time{}
}

// alarmTime is when an alarm rings: at a point in time, or so long before or
// after the start or, related to the end, the due date.
func (r *taskReader) alarmTime(k *calendar.Component) (time.Time, bool) {
	p := k.Prop("TRIGGER")
	if p == nil {
		return time.Time{}, false
	}
	if t, err := time.Parse("20060102T150405Z", strings.ToUpper(strings.TrimSpace(p.Value))); err == nil {
		return t, true
	}
	base, name := r.start, "DTSTART"
	if strings.EqualFold(p.Param("RELATED"), "END") || base.IsZero() {
		base, name = r.due, "DUE"
	}
	if base.IsZero() {
		return time.Time{}, false
	}
	from := r.tell(base, r.c.Prop(name)).utc
	e := &calendar.Component{Name: "VEVENT", Props: []calendar.Property{timeProperty("DTSTART", calendar.UTC(from)), timeProperty("DTEND", calendar.UTC(from))}}
	alarm := k.Clone()
	alarm.Prop("TRIGGER").SetParam("RELATED", "")
	e.Children = []*calendar.Component{alarm}
	obj := calendar.Of(&calendar.Component{Name: "VCALENDAR", Children: []*calendar.Component{e}})
	before, ok := obj.Master().Reminder()
	return from.Add(-before), ok
}
