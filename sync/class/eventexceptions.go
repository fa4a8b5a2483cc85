package class

import (
	"reflect"
	"slices"
	"strconv"
	"time"

	"martlet/mail/calendar"
	"martlet/protocol/eas"
)

// maxExceptions bounds the exceptions that a client is told of (MS-ASCAL_R24311).
// Of more, those of the past are left out first.
const maxExceptions = 256

// recurrence tells when the event recurs, and which of its occurrences differ.
func (r *eventReader) recurrence(master *eventView) (*eas.CalendarRecurrence, []eas.CalendarException) {
	switch r.shown {
	case shapeRule:
		p, _ := r.pattern()
		return p, r.exceptions(master)
	case shapeSteps:
		return r.steps(master)
	}
	return nil, nil
}

// pattern is the event's rule in a client's elements.
func (r *eventReader) pattern() (*eas.CalendarRecurrence, bool) {
	rule := r.series.Rule
	if rule == nil {
		return nil, false
	}
	return pattern(rule, r.patternStart(), r.patternZone(), r.opt.Version)
}

// patternStart is the start by which a rule is told: of whole days a day.
func (r *eventReader) patternStart() calendar.Time {
	if s := r.series; s.AllDay() {
		return calendar.Time{Time: dayOf(s.Start), Date: true}
	}
	return r.series.Start
}

func (r *eventReader) patternZone() *time.Location {
	if r.opt.Version >= eas.V160 && r.series.AllDay() {
		return time.UTC
	}
	return r.zone
}

// dated is an exception with the place of its occurrence in the series.
type dated struct {
	at    time.Time
	event *calendar.Event // nil: it is not held
}

// exceptionList lists the occurrences that differ, each once, in order.
func (r *eventReader) exceptionList() []dated {
	var list []dated
	for _, e := range r.obj.Events {
		if e.RecurrenceID != nil {
			list = append(list, dated{r.tellID(*e.RecurrenceID), e})
		}
	}
	for _, t := range r.series.Except {
		list = append(list, dated{r.tellID(t), nil})
	}
	slices.SortStableFunc(list, func(a, b dated) int { return a.at.Compare(b.at) })
	return slices.CompactFunc(list, func(a, b dated) bool { return a.at.Equal(b.at) })
}

func (r *eventReader) exceptions(master *eventView) []eas.CalendarException {
	list := r.exceptionList()
	list = list[max(0, len(list)-maxExceptions):]
	if len(list) == 0 {
		return nil
	}
	out := make([]eas.CalendarException, len(list))
	for i, d := range list {
		r.exception(&out[i], d, master)
	}
	return out
}

// exception tells of one occurrence what is not as in the series. What the series
// has and it has not is an empty element (MS-ASCAL_R543).
func (r *eventReader) exception(dst *eas.CalendarException, d dated, master *eventView) {
	r.setID(dst, d.at)
	if d.event == nil {
		dst.Deleted = pointer(uint8(1))
		return
	}
	e, v := d.event, r.opt.Version
	view := r.view(e)
	dst.StartTime, dst.EndTime = &view.start, &view.end
	if !view.stamp.Equal(master.stamp) {
		dst.DtStamp = &view.stamp
	}
	differ(&dst.Subject, view.subject, master.subject)
	differ(&dst.BusyStatus, view.busy, master.busy)
	differ(&dst.AllDayEvent, view.allDay, master.allDay)
	differ(&dst.Sensitivity, view.sensitivity, master.sensitivity)
	differ(&dst.MeetingStatus, view.status, master.status)
	r.exceptionPlace(dst, view, master)
	if view.text != master.text {
		r.renderText(view.text, &dst.CalendarBody)
		empty := ""
		switch {
		case dst.Body != nil && dst.Body.Data == nil && !dst.Body.Truncated:
			dst.Body.Data = &empty
		case v < eas.V120 && dst.PlainBody == nil:
			dst.PlainBody = &empty
		}
	}
	if !slices.Equal(view.categories, master.categories) {
		dst.Categories = append([]string{}, view.categories...)
	}
	if view.reminder != master.reminder {
		switch {
		case view.reminder >= 0:
			dst.Reminder = pointer(strconv.Itoa(view.reminder))
		case v >= eas.V141: // before, it cannot be empty (MS-ASCAL_R2185)
			dst.Reminder = pointer("")
		}
	}
	if v >= eas.V140 { // MS-ASCAL_R2023, R2104
		if !slices.EqualFunc(view.attendees, master.attendees, sameAttendee) {
			dst.Attendees = append([]eas.CalendarAttendee{}, view.attendees...)
		}
		differ(&dst.ResponseType, view.response, master.response)
		if !view.replied.Equal(master.replied) {
			dst.AppointmentReplyTime = present(view.replied)
		}
	}
	if v >= eas.V141 {
		differ(&dst.ConfLink, view.conf, master.conf)
		differ(&dst.ExternalLink, view.external, master.external)
	}
}

// setID names the occurrence: since 16.0 by InstanceId (MS-ASCAL_R2106, R2107).
func (r *eventReader) setID(dst *eas.CalendarException, t time.Time) {
	if r.opt.Version >= eas.V160 {
		dst.InstanceID = &t
	} else {
		dst.ExceptionStartTime = &t
	}
}

func (r *eventReader) exceptionPlace(dst *eas.CalendarException, view, master *eventView) {
	if r.opt.Version < eas.V160 {
		differ(&dst.LocationText, view.location, master.location)
		return
	}
	if !reflect.DeepEqual(view.place, master.place) {
		if dst.Location = view.place; dst.Location == nil {
			dst.Location = &eas.Location{}
		}
	}
	if !slices.EqualFunc(view.files, master.files, func(a, b eas.AttachmentItem) bool { return *a.Attachment == *b.Attachment }) {
		dst.Attachments = append([]eas.AttachmentItem{}, view.files...)
	}
}

// differ sets an element of an exception that is not as in the series.
func differ[T comparable](dst **T, v, master T) {
	if v != master {
		*dst = &v
	}
}

func sameAttendee(a, b eas.CalendarAttendee) bool {
	same := func(x, y *uint8) bool { return x == y || x != nil && y != nil && *x == *y }
	return a.Email == b.Email && a.Name == b.Name && same(a.AttendeeStatus, b.AttendeeStatus) && same(a.AttendeeType, b.AttendeeType)
}
