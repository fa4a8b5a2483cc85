package class

import (
	"slices"
	"strings"

	"martlet/mail/calendar"
	"martlet/protocol/eas"
)

// unknownOrganizer is the organizer of a meeting that came from elsewhere, when
// the client does not say from whom: nobody of ours, so that nobody is invited.
const unknownOrganizer = "invalid:nomail"

// editPeople applies who takes part. Only the organizer says so; the answers of
// others come by their messages, and the owner's by MeetingResponse.
func (w *eventWriter) editPeople(e *calendar.Event, in *eas.Calendar, cur *eventView, gone func(string) bool) error {
	c := e.Component
	if w.added {
		if w.addOrganizer(c, in); in.MeetingStatus != nil && *in.MeetingStatus&eas.MeetingCanceled != 0 {
			c.SetValue("STATUS", "CANCELLED")
		}
	} else if !w.ownSeries() {
		return nil
	}
	if m := in.MeetingStatus; m != nil && !w.added && (cur.status != eas.MeetingNone || len(in.Attendees) > 0) && (*m^cur.status)&eas.MeetingCanceled != 0 {
		c.SetValue("STATUS", "CONFIRMED")
		if *m&eas.MeetingCanceled != 0 {
			c.SetValue("STATUS", "CANCELLED")
		}
		w.touch(c, true)
	}
	// Up to 14.1 no attendees at all are a meeting no longer, if the client says so
	// of the event, too: it costs others a cancellation.
	remove := gone("Calendar:Attendees") && in.MeetingStatus != nil && *in.MeetingStatus == eas.MeetingNone
	if in.Attendees == nil && !remove {
		w.editAsked(c, in)
		return nil
	}
	if !sameAttendees(in.Attendees, cur.attendees) {
		if err := w.setAttendees(e, in); err != nil {
			return err
		}
	}
	w.editAsked(c, in)
	return nil
}

// addOrganizer names the organizer of a new meeting: the owner (MS-ASCAL_R2169),
// unless the client says that the meeting came from somebody else, as who adds
// one to the calendar from a file.
func (w *eventWriter) addOrganizer(c *calendar.Component, in *eas.Calendar) {
	if len(in.Attendees) == 0 && (in.MeetingStatus == nil || *in.MeetingStatus == eas.MeetingNone) {
		return
	}
	who := w.o.Owner
	if in.MeetingStatus != nil && *in.MeetingStatus&eas.MeetingReceived != 0 {
		who = calendar.Person{Address: unknownOrganizer}
		if in.OrganizerEmail != nil && isAddress(*in.OrganizerEmail) {
			who.Address = *in.OrganizerEmail
		}
		if in.OrganizerName != nil {
			who.Name = oneText(*in.OrganizerName)
		}
	}
	if who.Address == "" || len(in.Attendees) == 0 && w.isViewer(who.Address) {
		return // an appointment: who else's should it be
	}
	c.Set(personProperty("ORGANIZER", who.Name, who.Address))
}

// isAddress tells whether a text may stand for a mail address in a property.
func isAddress(s string) bool {
	return strings.Contains(s, "@") && len(s) <= maxEventText && !strings.ContainsAny(s, " \t\r\n\"<>;,\x00")
}

func personProperty(name, person, address string) calendar.Property {
	p := calendar.Property{Name: name, Value: address}
	if strings.Contains(address, "@") {
		p.Value = "mailto:" + address
	}
	p.SetParam("CN", oneText(person))
	return p
}

// sameAttendees tells whether a client sends back the attendees that it was
// shown. Their answers are not its to say.
func sameAttendees(a, b []eas.CalendarAttendee) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if !strings.EqualFold(a[i].Email, b[i].Email) || a[i].Name != b[i].Name && a[i].Name != "" ||
			a[i].AttendeeType != nil && b[i].AttendeeType != nil && *a[i].AttendeeType != *b[i].AttendeeType {
			return false
		}
	}
	return true
}

// setAttendees puts the client's attendees in the place of those that are there.
// Who was there keeps the answer and all else that is known of them.
func (w *eventWriter) setAttendees(e *calendar.Event, in *eas.Calendar) error {
	c := e.Component
	old := map[string]calendar.Property{}
	organizer := ""
	if p := c.Prop("ORGANIZER"); p != nil {
		organizer = strings.ToLower(p.Value)
	}
	var kept []calendar.Property
	for p := range c.All("ATTENDEE") {
		if key := strings.ToLower(p.Value); key == organizer { // whom no element tells
			kept = append(kept, *p)
		} else {
			old[strings.TrimPrefix(key, "mailto:")] = *p
		}
	}
	list, seen := kept, map[string]bool{}
	for i := range in.Attendees {
		a := &in.Attendees[i]
		address := strings.TrimSpace(a.Email)
		if key := strings.ToLower(address); isAddress(address) && !seen[key] && "mailto:"+key != organizer {
			seen[key] = true
			p, known := old[key]
			if err := w.setAttendee(&p, a, address, known); err != nil {
				return err
			}
			list = append(list, p)
		}
	}
	var was []calendar.Property
	for p := range c.All("ATTENDEE") {
		was = append(was, *p)
	}
	same := func(a, b calendar.Property) bool { return a.String() == b.String() }
	if slices.EqualFunc(list, was, same) {
		return nil
	}
	c.Remove("ATTENDEE")
	for _, p := range list {
		c.Add(p)
	}
	if len(list) > 0 && c.Prop("ORGANIZER") == nil && w.o.Owner.Address != "" {
		c.Set(personProperty("ORGANIZER", w.o.Owner.Name, w.o.Owner.Address))
	}
	w.touch(c, false)
	return nil
}

// setAttendee writes one attendee.
func (w *eventWriter) setAttendee(p *calendar.Property, a *eas.CalendarAttendee, address string, known bool) error {
	if !known {
		*p = personProperty("ATTENDEE", a.Name, address)
		status := "NEEDS-ACTION"
		if a.AttendeeStatus != nil && w.added { // of a meeting that is added as it stands
			status = partStat(*a.AttendeeStatus)
		}
		p.SetParam("PARTSTAT", status)
		p.SetParam("RSVP", "TRUE")
	} else if a.Name != "" && a.Name != p.Param("CN") && a.Name != address {
		p.SetParam("CN", oneText(a.Name))
	}
	if a.AttendeeType == nil {
		if !known {
			p.SetParam("ROLE", "REQ-PARTICIPANT")
		}
		return nil
	}
	now := calendar.Attendee{Kind: strings.ToUpper(p.Param("CUTYPE")), Role: strings.ToUpper(p.Param("ROLE"))}
	if known && attendeeType(&now) == *a.AttendeeType {
		return nil
	}
	if now.Kind == "RESOURCE" || now.Kind == "ROOM" {
		p.SetParam("CUTYPE", "")
	}
	switch *a.AttendeeType {
	case eas.AttendeeRequired:
		p.SetParam("ROLE", "REQ-PARTICIPANT")
	case eas.AttendeeOptional:
		p.SetParam("ROLE", "OPT-PARTICIPANT")
	case eas.AttendeeResource:
		p.SetParam("CUTYPE", "RESOURCE")
		p.SetParam("ROLE", "NON-PARTICIPANT")
	default:
		return ErrBadValue
	}
	return nil
}

func partStat(status uint8) string {
	switch status {
	case eas.ResponseTentative:
		return "TENTATIVE"
	case eas.ResponseAccepted:
		return "ACCEPTED"
	case eas.ResponseDeclined:
		return "DECLINED"
	}
	return "NEEDS-ACTION"
}

// editAsked applies whether the organizer wants to hear from the attendees.
func (w *eventWriter) editAsked(c *calendar.Component, in *eas.Calendar) {
	if in.ResponseRequested == nil || w.o.Version < eas.V140 {
		return
	}
	organizer := c.Prop("ORGANIZER")
	var guests []*calendar.Property
	asked := false
	for p := range c.All("ATTENDEE") {
		if organizer == nil || !strings.EqualFold(p.Value, organizer.Value) {
			guests, asked = append(guests, p), asked || strings.EqualFold(p.Param("RSVP"), "TRUE")
		}
	}
	if len(guests) == 0 || asked == *in.ResponseRequested {
		return
	}
	for _, p := range guests {
		p.SetParam("RSVP", "")
		if *in.ResponseRequested {
			p.SetParam("RSVP", "TRUE")
		}
	}
	w.touch(c, false)
}
