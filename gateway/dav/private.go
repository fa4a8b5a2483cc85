package dav

import (
	"slices"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/object"
)

// What is private in a folder that others share is seen as taken time only,
// unless they may see it whole; of private contacts, tasks and notes nothing is
// seen.

// private tells whether the item is, and the user may not see it.
func (c *collection) private(it *mail.Item) bool {
	if c.own || c.may(mail.MaySee) {
		return false
	}
	return object.Hidden(it.Brief)
}

// shows tells whether the item is there at all for the user.
func (c *collection) shows(it *mail.Item) bool {
	return it.Class == mail.ClassCalendar || !c.private(it)
}

// kept are the properties of a private event, and of the time zones that it is
// in, that others see.
var kept = map[string]map[string]bool{
	"VCALENDAR": {"VERSION": true, "PRODID": true, "CALSCALE": true},
	"VEVENT": {
		"UID": true, "DTSTAMP": true, "DTSTART": true, "DTEND": true, "DURATION": true, "RRULE": true, "RDATE": true, "EXDATE": true,
		"EXRULE": true, "RECURRENCE-ID": true, "SEQUENCE": true, "STATUS": true, "TRANSP": true, "CLASS": true,
		"X-MICROSOFT-CDO-BUSYSTATUS": true, "X-MICROSOFT-CDO-ALLDAYEVENT": true,
	},
	"VTIMEZONE": {"TZID": true},
	"STANDARD":  observed,
	"DAYLIGHT":  observed,
}

// observed are the properties of one part of a time zone.
var observed = map[string]bool{"DTSTART": true, "RRULE": true, "RDATE": true, "TZOFFSETFROM": true, "TZOFFSETTO": true, "TZNAME": true}

// keptParams are the parameters of a time.
var keptParams = map[string]bool{"VALUE": true, "TZID": true, "RANGE": true}

// blankSummary stands in for what a private event is about.
const blankSummary = "Busy"

// blank takes everything from the events but when they are.
func blank(c *calendar.Component) {
	props := c.Props[:0]
	for _, p := range c.Props {
		if kept[c.Name][p.Name] {
			p.Params = slices.DeleteFunc(slices.Clone(p.Params), func(q calendar.Param) bool { return !keptParams[q.Name] })
			props = append(props, p)
		}
	}
	c.Props = props
	c.Children = slices.DeleteFunc(c.Children, func(k *calendar.Component) bool { return kept[k.Name] == nil })
	for _, k := range c.Children {
		blank(k)
	}
	if c.Name == "VEVENT" {
		c.Children = nil
		c.SetText("SUMMARY", blankSummary)
		c.SetValue("CLASS", "PRIVATE")
	}
}
