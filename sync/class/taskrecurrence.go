package class

import (
	"strconv"
	"time"

	"martlet/mail/calendar"
	"martlet/protocol/eas"
)

// rule is how the task recurs, nil for not, or in a way that cannot be told.
func (r *taskReader) rule() *calendar.Rule {
	p := r.c.Prop("RRULE")
	if p == nil {
		p = r.c.Prop(propDeadRule)
	}
	if p == nil {
		return nil
	}
	rule, err := calendar.ParseRule(p.Value)
	if err != nil {
		return nil
	}
	return rule
}

// localRule is a rule that ends on its start's own clock.
func localRule(rule *calendar.Rule, start calendar.Time) *calendar.Rule {
	if rule.Until.IsZero() || rule.UntilDate || rule.UntilLocal {
		return rule
	}
	local := *rule
	local.Until, local.UntilLocal = wallClock(rule.Until.In(start.Location())), true
	return &local
}

// seriesStart is from when on the task recurs.
func (r *taskReader) seriesStart() (t calendar.Time, told taskTime) {
	t, name := r.start, "DTSTART"
	if own, ok := r.obj.Time(r.c, propSeriesStart); ok {
		t, name = own, propSeriesStart
	} else if t.IsZero() {
		t, name = r.due, "DUE"
	}
	if t.IsZero() {
		return t, told
	}
	return t, r.tell(t, r.c.Prop(name))
}

// recurrence tells when the task recurs (MS-ASTASK 2.2.2.20). Start is in UTC up
// to 14.1 and on the clock of the task since 16.0.
func (r *taskReader) recurrence() *eas.TaskRecurrence {
	rule := r.rule()
	start, told := r.seriesStart()
	if rule == nil || start.IsZero() {
		return nil
	}
	p, ok := pattern(rule, start, clock(told), r.version)
	if !ok {
		return nil
	}
	t := &eas.TaskRecurrence{
		Type: p.Type, Until: p.Until, Occurrences: p.Occurrences, Interval: p.Interval, DayOfMonth: p.DayOfMonth, WeekOfMonth: p.WeekOfMonth,
		MonthOfYear: p.MonthOfYear, CalendarType: p.CalendarType, IsLeapMonth: p.IsLeapMonth, FirstDayOfWeek: p.FirstDayOfWeek,
	}
	if p.DayOfWeek != nil {
		t.DayOfWeek = pointer(uint8(*p.DayOfWeek))
	}
	t.Start = pointer(told.utc)
	if r.version >= eas.V160 {
		t.Start = pointer(told.local)
	}
	if r.c.Value(propRegenerate) != "" {
		t.Regenerate = pointer(uint8(1))
	}
	if n, err := strconv.ParseUint(r.c.Value(propDeadOccur), 10, 8); err == nil && n > 0 {
		t.DeadOccur = pointer(uint8(n))
	}
	return t
}

// clock is the zone of a clock that is so far from UTC.
func clock(t taskTime) *time.Location {
	offset := t.offset()
	if offset == 0 {
		return time.UTC
	}
	return time.FixedZone("", int(offset/time.Second))
}

// asCalendar has the elements that a task's recurrence has in common with an
// event's.
func asCalendar(t *eas.TaskRecurrence) *eas.CalendarRecurrence {
	c := &eas.CalendarRecurrence{
		Type: t.Type, Until: t.Until, Occurrences: t.Occurrences, Interval: t.Interval, DayOfMonth: t.DayOfMonth, WeekOfMonth: t.WeekOfMonth,
		MonthOfYear: t.MonthOfYear, CalendarType: t.CalendarType, IsLeapMonth: t.IsLeapMonth, FirstDayOfWeek: t.FirstDayOfWeek,
	}
	if t.DayOfWeek != nil {
		c.DayOfWeek = pointer(uint16(*t.DayOfWeek))
	}
	return c
}

// checkTaskRecurrence holds what a client writes to what there is (MS-ASTASK_R81,
// R289, R4221, R37011); the rest is as in events.
func checkTaskRecurrence(t *eas.TaskRecurrence) error {
	switch {
	case t.Type == nil || t.Start == nil || t.Start.IsZero():
	case t.CalendarType != nil && (*t.Type == recursDaily || *t.Type == recursWeekly):
	case valueOf(t.Regenerate) > 1:
	default:
		return checkPattern(asCalendar(t))
	}
	return ErrBadValue
}

// editRecurrence writes when the task recurs. zone is how far the client's clock
// is from UTC.
func (w *taskEdit) editRecurrence(in *eas.TaskRecurrence, zone time.Duration) error {
	shown := w.shown.recurrence
	if in == nil {
		if shown != nil {
			w.stopRecurring()
		}
		return nil
	}
	if err := checkTaskRecurrence(in); err != nil {
		return err
	}
	start, told := w.readSeriesStart(in, zone)
	// The task may have another start by now, and the series the same.
	if cur := w.reader().recurrence(); cur != nil && cur.Start.Equal(*in.Start) && samePattern(asCalendar(in), asCalendar(cur), start, clock(told)) &&
		valueOf(in.Regenerate) == valueOf(cur.Regenerate) && valueOf(in.DeadOccur) == valueOf(cur.DeadOccur) {
		return nil
	}
	rule, err := ruleOf(asCalendar(in), start, clock(told))
	if err != nil {
		return err
	}
	w.changed = true
	for _, name := range [...]string{"RRULE", propDeadRule, propDeadOccur, propRegenerate, propSeriesStart} {
		w.c.Remove(name)
	}
	w.startSeries(start, told)
	name := "RRULE"
	if n := valueOf(in.DeadOccur); n > 0 { // it is what was done of a series, and recurs no longer
		name = propDeadRule
		w.c.SetValue(propDeadOccur, strconv.Itoa(n))
	}
	w.c.SetValue(name, rule.String())
	if valueOf(in.Regenerate) == 1 {
		w.c.SetValue(propRegenerate, "1")
	}
	return nil
}

// readSeriesStart reads the Start of a recurrence. One that is as it was shown is
// what it was.
func (w *taskEdit) readSeriesStart(in *eas.TaskRecurrence, zone time.Duration) (calendar.Time, taskTime) {
	if shown := w.shown.recurrence; shown != nil && shown.Start.Equal(*in.Start) {
		return w.series, w.seriesTold
	}
	local := in.Start.UTC()
	if w.o.Version < eas.V160 {
		local = local.Add(zone)
	}
	start := calendar.Time{Time: local, Floating: true}
	if local.Equal(dayOf(start)) {
		start.Date, start.Floating = true, false
	}
	return start, taskTime{local, local.Add(-zone)}
}

// startSeries notes from when on the task recurs: its own start, if it has one
// there; else a start that it is not shown with, or one beside its own.
func (w *taskEdit) startSeries(start calendar.Time, told taskTime) {
	write := func(name string) *calendar.Property {
		w.c.Set(timeProperty(name, start))
		p := w.c.Prop(name)
		if p.Param("TZID") == "" {
			p.SetParam(offsetParam, strconv.Itoa(int(told.offset()/time.Minute)))
		}
		return p
	}
	own, ok := w.obj.Time(w.c, "DTSTART")
	switch {
	case !ok:
		write("DTSTART").SetParam(hiddenParam, "1")
	case w.c.Prop("DTSTART").Param(hiddenParam) != "":
		write("DTSTART").SetParam(hiddenParam, "1")
	case w.reader().tell(own, w.c.Prop("DTSTART")) != told:
		write(propSeriesStart)
	}
}

// stopRecurring makes the task one that does not recur.
func (w *taskEdit) stopRecurring() {
	w.changed = true
	for _, name := range [...]string{"RRULE", "RDATE", "EXDATE", "EXRULE", propDeadRule, propDeadOccur, propRegenerate, propSeriesStart} {
		w.c.Remove(name)
	}
	if p := w.c.Prop("DTSTART"); p != nil && p.Param(hiddenParam) != "" {
		w.c.Remove("DTSTART")
	}
	kept := w.obj.Root.Children[:0]
	for _, c := range w.obj.Root.Children {
		if c == w.c || c.Name != "VTODO" {
			kept = append(kept, c)
		}
	}
	w.obj.Root.Children = kept
}
