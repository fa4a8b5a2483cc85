package dav

import (
	"time"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/schedule"
)

// freeBusyQuery says when the events of a calendar take its owner's time (RFC
// 4791 7.10).
func (q *request) freeBusyQuery(doc *element, r *resource) error {
	e := doc.child(cal("time-range"))
	if e == nil {
		return unmet(cal("valid-filter"), "there is no time range")
	}
	s, err := readSpan(e, true)
	if err != nil {
		return err
	}
	if s.end.Sub(s.start) > schedule.MaxBusySpan {
		return unmet(dav("number-of-matches-within-limits"), "too long a time")
	}
	var busy []schedule.Period
	if c := r.col; q.h.c.Schedule != nil && c.folder.Class == mail.ClassCalendar && !c.meta.Transparent {
		if !c.may(mail.MayRead) {
			return mail.ErrReadOnly
		}
		owner, err := q.accountOf(c.box)
		if err != nil {
			return err
		}
		ask := schedule.BusyQuery{Box: c.box, Folders: []mail.FolderID{c.real}, From: s.start, To: s.end, Zone: time.UTC, Booked: owner.IsResource()}
		if owner.Login != "" {
			ask.Addresses = addressesOf(owner)
		}
		// One that a client has made up is known to it alone.
		if zone, err := c.zone(nil); err != nil {
			return err
		} else if known, err := time.LoadLocation(zone.String()); err == nil {
			ask.Zone = known
		}
		if busy, err = q.h.c.Schedule.BusyIn(q.r.Context(), ask); err != nil {
			return err
		}
	}
	fb := schedule.FreeBusyComponent(busy, s.start, s.end, q.h.clock())
	return q.write("text/calendar; charset=utf-8", calendarOf("", fb).Append(nil))
}

// calendarOf is a calendar with one component.
func calendarOf(method string, c *calendar.Component) *calendar.Component {
	root := &calendar.Component{Name: "VCALENDAR", Props: []calendar.Property{
		{Name: "VERSION", Value: "2.0"}, {Name: "PRODID", Value: calendar.ProductID},
	}}
	root.SetValue("METHOD", method)
	root.Children = append(root.Children, c)
	return root
}
