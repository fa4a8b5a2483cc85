package schedule

import (
	"slices"
	"strings"

	"martlet/mail/calendar"
)

// SendOn brings an object into the form in which somebody sends it on who has it
// in their calendar (RFC 5546 3.2.2.6): without what is theirs or the server's, and
// with the occurrences that only they have taken out.
func SendOn(o *calendar.Object, method string) {
	o.Root.SetValue("METHOD", method)
	for _, e := range o.Events {
		c := e.Component
		c.Props = slices.DeleteFunc(c.Props, func(p calendar.Property) bool { return p.Name == "EXDATE" && p.Param(paramDeclined) != "" })
		publish(c, method)
		c.Children = nil
	}
	o.Root.Props = slices.DeleteFunc(o.Root.Props, func(p calendar.Property) bool { return strings.HasPrefix(p.Name, ownPrefix) })
}

// publish takes out of an event what is nobody's business but its owner's, and
// what the server keeps in it for itself.
func publish(c *calendar.Component, method string) {
	busy := c.Value(propBusy)
	c.Props = slices.DeleteFunc(c.Props, func(p calendar.Property) bool { return isPrivate(p.Name) })
	if busy != "" && method != methodCancel {
		c.SetValue(propIntendedMS, busy)
	}
	for i := range c.Props {
		p := &c.Props[i]
		if p.Name == "ATTENDEE" || p.Name == "ORGANIZER" {
			p.Params = slices.DeleteFunc(p.Params, func(q calendar.Param) bool {
				return strings.HasPrefix(q.Name, ownPrefix) || strings.HasPrefix(q.Name, "SCHEDULE-") || strings.HasPrefix(q.Name, "X-PROPOSED-") || q.Name == "RSVP" && len(q.Values) == 0
			})
		}
		if p.Name == "ATTENDEE" && method == methodRequest && status(p) == needsAction {
			p.SetParam("PARTSTAT", needsAction)
			if p.Param("RSVP") == "" {
				p.SetParam("RSVP", "TRUE")
			}
		}
	}
	c.Children = slices.DeleteFunc(c.Children, func(k *calendar.Component) bool { return k.Name != "VALARM" })
	if method != methodRequest {
		c.Children = nil
	}
	c.Children = reminder(c)
}

// isPrivate tells whether a property is one user's own: how they file the
// meeting, how busy it makes them, what their program remembers of it.
func isPrivate(name string) bool {
	switch name {
	case "CATEGORIES", "TRANSP", "CREATED", "LAST-MODIFIED", "REQUEST-STATUS", "COLOR", propBusy, propReplyTime, propIntendedMS,
		"X-APPLE-TRAVEL-DURATION", "X-APPLE-TRAVEL-START", "X-APPLE-TRAVEL-ADVISORY-BEHAVIOR", "X-APPLE-DEFAULT-ALARM",
		"X-LIC-ERROR", "X-EVOLUTION-CALDAV-HREF":
		return true
	}
	return strings.HasPrefix(name, ownPrefix) || strings.HasPrefix(name, "X-MOZ-") || strings.HasPrefix(name, "X-CALENDARSERVER-")
}

// reminder is what goes to others of an event's reminders: the first that only
// shows itself, and what it says.
func reminder(c *calendar.Component) []*calendar.Component {
	for _, k := range c.Children {
		trigger := k.Prop("TRIGGER")
		if k.Name != "VALARM" || trigger == nil || k.Value("ACTION") != "DISPLAY" && k.Value("ACTION") != "AUDIO" {
			continue
		}
		clean := &calendar.Component{Name: "VALARM"}
		clean.SetValue("ACTION", "DISPLAY")
		clean.SetText("DESCRIPTION", "Reminder")
		clean.Add(*trigger)
		return []*calendar.Component{clean}
	}
	return nil
}
