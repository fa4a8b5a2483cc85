package class

import (
	"reflect"
	"slices"
	"strconv"

	"martlet/mail/calendar"
	"martlet/protocol/eas"
)

// What an exception is not told to have of its own it has from its series
// (MS-ASCAL_R82 and its like). In the object it stands in full all the same, so a
// change of the series goes into each exception that was as the series there:
// else the client would believe one thing and everybody else be told another.

// seriesBefore is what exceptions are compared with.
type seriesBefore struct {
	view  *eventView
	files []calendar.Property
}

func (w *eventWriter) seriesBefore(cur *eventView) seriesBefore {
	return seriesBefore{cur, filesOf(w.series.Component)}
}

// inheritSeries brings the exceptions along with a change of the series.
func (w *eventWriter) inheritSeries(before seriesBefore) error {
	recurs := func(e *calendar.Event) bool { return e.RecurrenceID != nil }
	if w.added || w.series.RecurrenceID != nil || len(w.touched) == 0 || !slices.ContainsFunc(w.obj.Events, recurs) {
		return nil
	}
	if err := w.reload(); err != nil {
		return err
	}
	now, files := w.view(w.series), filesOf(w.series.Component)
	for _, e := range w.obj.Events {
		if e.RecurrenceID == nil {
			continue
		}
		own := w.view(e)
		if err := w.editContent(e, inherited(own, before.view, now), own, func(string) bool { return false }); err != nil {
			return err
		}
		if own.text == before.view.text && now.text != own.text {
			setText(e.Component, now.text)
			w.touch(e.Component, false)
		}
		if sameFiles(filesOf(e.Component), before.files) && !sameFiles(files, before.files) {
			e.Component.Props = deleteProps(e.Component.Props, isFile)
			for _, p := range files {
				e.Component.Add(p)
			}
			w.touch(e.Component, false)
		}
	}
	return nil
}

// inherited are the elements in which an exception was as its series, and the
// series has changed.
func inherited(own, before, now *eventView) *eas.Calendar {
	in := &eas.Calendar{}
	follow(&in.Subject, own.subject, before.subject, now.subject)
	follow(&in.LocationText, own.location, before.location, now.location)
	follow(&in.Sensitivity, own.sensitivity, before.sensitivity, now.sensitivity)
	follow(&in.BusyStatus, own.busy, before.busy, now.busy)
	follow(&in.DisallowNewTimeProposal, own.noCounter, before.noCounter, now.noCounter)
	follow(&in.ResponseRequested, own.asked, before.asked, now.asked)
	if was := before.status & eas.MeetingCanceled; own.status&eas.MeetingCanceled == was && now.status&eas.MeetingCanceled != was {
		in.MeetingStatus = &now.status
	}
	if own.reminder == before.reminder && now.reminder != own.reminder {
		in.Reminder = new(string)
		if now.reminder >= 0 {
			*in.Reminder = strconv.Itoa(now.reminder)
		}
	}
	if slices.Equal(own.categories, before.categories) && !slices.Equal(own.categories, now.categories) {
		in.Categories = append([]string{}, now.categories...)
	}
	if reflect.DeepEqual(own.place, before.place) && !reflect.DeepEqual(own.place, now.place) {
		if in.Location = now.place; in.Location == nil {
			in.Location = &eas.Location{}
		}
	}
	if sameAttendees(own.attendees, before.attendees) && !sameAttendees(own.attendees, now.attendees) {
		in.Attendees = append([]eas.CalendarAttendee{}, now.attendees...)
	}
	return in
}

// follow sets an element to what the series has now, where it was as there.
func follow[T comparable](dst **T, own, before, now T) {
	if own == before && now != own {
		*dst = &now
	}
}

// filesOf are the files of a VEVENT.
func filesOf(c *calendar.Component) (list []calendar.Property) {
	for p := range c.All("ATTACH") {
		if isFile(p) {
			list = append(list, *p)
		}
	}
	return list
}

func sameFiles(a, b []calendar.Property) bool {
	return slices.EqualFunc(a, b, func(p, q calendar.Property) bool {
		return p.Value == q.Value && p.Param("FILENAME") == q.Param("FILENAME")
	})
}
