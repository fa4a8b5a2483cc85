package class

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"martlet/mail/calendar"
	"martlet/protocol/eas"
	"martlet/protocol/wbxml"
)

// taskEdit is a task while a client's elements are written into it.
type taskEdit struct {
	*listEdit
	shown      *taskView // before
	series     calendar.Time
	seriesTold taskTime
}

// editTask makes the object of a task of what a client writes. An element that
// is left out is taken away (MS-ASCMD_R879) but for the text (R878), Importance
// and ReminderSet (MS-ASTASK_R369, R370), whether it is done, which is required,
// and who may see it: not every client knows of that.
func editTask(old []byte, data wbxml.Raw, o *EditOptions) ([]byte, error) {
	var t eas.Task
	if err := wbxml.UnmarshalRaw(data, &t); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBadValue, err)
	}
	if err := checkTask(&t); err != nil {
		return nil, err
	}
	l, err := openListItem(old, "VTODO", o)
	if err != nil {
		return nil, err
	}
	w := &taskEdit{listEdit: l}
	before := w.reader()
	w.shown = before.view()
	w.series, w.seriesTold = before.seriesStart()
	subject := ""
	if t.Subject != nil {
		subject = strings.TrimSpace(*t.Subject)
	}
	w.setText("SUMMARY", subject)
	w.editImportance(t.Importance)
	if t.Sensitivity != nil && *t.Sensitivity != w.shown.sensitivity {
		w.setValue("CLASS", classNames[*t.Sensitivity])
	}
	zone := w.editTimes(&t)
	if err := w.editRecurrence(t.Recurrence, zone); err != nil {
		return nil, err
	}
	w.editComplete(&t)
	w.editReminder(&t)
	w.editOrdinals(&t)
	if err := w.editCategories(t.Categories); err != nil {
		return nil, err
	}
	text, err := writtenText(t.Body, &legacyText{t.PlainBody, t.BodyTruncated, t.RTF}, textOf(w.c))
	if err != nil {
		return nil, err
	}
	if err := w.editBody(text); err != nil {
		return nil, err
	}
	// When it was done is no longer told by when it was last changed.
	if w.changed && isDone(w.c) && w.c.Prop("COMPLETED") == nil && !w.shown.completed.IsZero() {
		w.c.Set(timeProperty("COMPLETED", calendar.UTC(w.shown.completed)))
	}
	return w.finish(old), nil
}

// checkTask holds a task to the values that there are (MS-ASTASK_R119, R252,
// R259).
func checkTask(t *eas.Task) error {
	if valueOf(t.Complete) > 1 || valueOf(t.ReminderSet) > 1 || valueOf(t.Sensitivity) >= len(classNames) {
		return ErrBadValue
	}
	return nil
}

// reader reads the task as it stands.
func (w *taskEdit) reader() *taskReader { return newTaskReader(w.listItem, nil, w.o.Version) }

// editImportance writes PRIORITY. A value that means nothing is kept beside it
// (MS-ASTASK_R187, R550).
func (w *taskEdit) editImportance(v *uint8) {
	if v == nil || *v == w.shown.importance {
		return
	}
	w.c.Remove(propImportance)
	w.changed = true
	switch *v {
	case eas.ImportanceLow:
		w.c.SetValue("PRIORITY", "9")
	case eas.ImportanceNormal:
		w.c.Remove("PRIORITY")
	case eas.ImportanceHigh:
		w.c.SetValue("PRIORITY", "1")
	default:
		w.c.SetValue(propImportance, strconv.Itoa(int(*v)))
	}
}

// editTimes writes start and end, and returns how far the client's clock is from
// UTC, as far as it tells or was told.
func (w *taskEdit) editTimes(t *eas.Task) (zone time.Duration) {
	start, due := sentTime{t.StartDate, t.UtcStartDate}, sentTime{t.DueDate, t.UtcDueDate}
	zone = w.shown.offset()
	for _, s := range [...]sentTime{due, start} {
		if offset, ok := s.offset(); ok {
			zone = offset
		}
	}
	sameStart, sameDue := start.isSame(w.shown.start), due.isSame(w.shown.due)
	if sameStart && sameDue {
		return zone
	}
	w.changed = true
	now := w.reader()
	if w.c.Prop("DURATION") != nil { // the end stands for itself from now on
		w.c.Remove("DURATION")
		if sameDue && !now.due.IsZero() {
			w.c.Set(timeProperty("DUE", now.due))
		}
	}
	if !sameStart {
		w.editTime("DTSTART", start, now.start, zone)
	}
	if !sameDue {
		w.editTime("DUE", due, now.due, zone)
	}
	w.agree()
	return zone
}

// offset is how far the clock is from UTC on which the task was shown.
func (v *taskView) offset() time.Duration {
	switch {
	case !v.start.local.IsZero():
		return v.start.offset()
	case !v.due.local.IsZero():
		return v.due.offset()
	}
	return 0
}

// editTime writes one time, or takes it away: of a task that recurs the start is
// only hidden.
func (w *taskEdit) editTime(name string, s sentTime, old calendar.Time, zone time.Duration) {
	switch {
	case s.isSet():
		w.c.Set(s.read(name, old, zone))
	case name == "DTSTART" && w.reader().rule() != nil && w.c.Prop(name) != nil:
		w.c.Prop(name).SetParam(hiddenParam, "1")
	default:
		w.c.Remove(name)
	}
}

// agree sees to it that start and end are both days or both times: neither
// without the other (RFC 5545 3.8.2.3).
func (w *taskEdit) agree() {
	r := w.reader()
	start, due := w.c.Prop("DTSTART"), w.c.Prop("DUE")
	if start == nil || due == nil || r.start.Date == r.due.Date {
		return
	}
	name, day, other := "DTSTART", r.start, r.due
	if r.due.Date {
		name, day, other = "DUE", r.due, r.start
	}
	told := r.tell(day, w.c.Prop(name))
	zone, inZone := told.offset(), calendar.InZone(day.Time, other.Location())
	day.Date = false
	switch {
	case other.Floating:
		day.Floating = true
	case other.TZID != "" && inZone.Equal(told.utc):
		day.TZID, day.Time = other.TZID, inZone
	default:
		day.Time = day.Time.Add(-zone)
	}
	hidden := w.c.Prop(name).Param(hiddenParam)
	p := timeProperty(name, day)
	p.SetParam(hiddenParam, hidden)
	if day.TZID == "" {
		p.SetParam(offsetParam, strconv.Itoa(int(zone/time.Minute)))
	}
	w.c.Set(p)
}

// editComplete writes whether and when the task was done.
func (w *taskEdit) editComplete(t *eas.Task) {
	if t.Complete == nil {
		return
	}
	done := *t.Complete == 1
	switch {
	case done && (w.shown.complete == 0 || t.DateCompleted != nil && !t.DateCompleted.IsZero() && !t.DateCompleted.Equal(w.shown.completed)):
		at := w.now()
		if t.DateCompleted != nil && !t.DateCompleted.IsZero() {
			at = calendar.UTC(*t.DateCompleted)
		}
		w.c.SetValue("STATUS", "COMPLETED")
		w.c.Set(timeProperty("COMPLETED", at))
		w.c.SetValue("PERCENT-COMPLETE", "100")
	case !done && w.shown.complete == 1:
		w.c.SetValue("STATUS", "NEEDS-ACTION")
		w.c.Remove("COMPLETED")
		w.c.Remove("PERCENT-COMPLETE")
	default:
		return
	}
	w.changed = true
}

// editReminder moves the reminder that the client sees, adds one or takes all of
// them away. It stays where neither element is there (MS-ASTASK_R370).
func (w *taskEdit) editReminder(t *eas.Task) {
	if t.ReminderSet == nil && (t.ReminderTime == nil || t.ReminderTime.IsZero()) {
		return
	}
	now := w.reader().reminder()
	shown := func(k *calendar.Component) bool { return k.Name == "VALARM" && k.Value("ACTION") != "EMAIL" }
	if t.ReminderSet != nil && *t.ReminderSet == 0 {
		if !now.IsZero() {
			w.c.Children = slices.DeleteFunc(w.c.Children, shown)
			w.changed = true
		}
		return
	}
	if t.ReminderTime == nil || t.ReminderTime.IsZero() || t.ReminderTime.Equal(now) {
		return
	}
	w.changed = true
	trigger := timeProperty("TRIGGER", calendar.UTC(t.ReminderTime.Truncate(time.Second)))
	trigger.SetParam("VALUE", "DATE-TIME")
	if at := slices.IndexFunc(w.c.Children, shown); at >= 0 {
		k := w.c.Children[at]
		k.Set(trigger)
		k.Remove("ACKNOWLEDGED") // it is to ring again (RFC 9074 6.1)
		return
	}
	k := &calendar.Component{Name: "VALARM"}
	k.SetValue("ACTION", "DISPLAY")
	k.SetText("DESCRIPTION", "Reminder")
	k.Add(trigger)
	w.c.Children = append(w.c.Children, k)
}

// editOrdinals writes what the client sorts by. It stays where it is left out,
// being nobody's but the client's.
func (w *taskEdit) editOrdinals(t *eas.Task) {
	if t.OrdinalDate != nil && !t.OrdinalDate.Equal(w.shown.ordinal) {
		w.c.Remove(propOrdinal)
		if !t.OrdinalDate.IsZero() {
			w.c.Set(timeProperty(propOrdinal, calendar.UTC(*t.OrdinalDate)))
		}
		w.changed = true
	}
	if t.SubOrdinalDate != nil {
		w.setText(propSubOrdinal, *t.SubOrdinalDate)
	}
}
