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
	b, err := object.ParseBrief(it.Brief)
	return err != nil || b.Private || b.Confidential
}

// shows tells whether the item is there at all for the user.
func (c *collection) shows(it *mail.Item) bool {
	return it.Class == mail.ClassCalendar || !c.private(it)
}

// kept are the properties of a private event that others see.
var kept = map[string]bool{
	"UID": true, "DTSTAMP": true, "DTSTART": true, "DTEND": true, "DURATION": true, "RRULE": true, "RDATE": true, "EXDATE": true,
	"EXRULE": true, "RECURRENCE-ID": true, "SEQUENCE": true, "STATUS": true, "TRANSP": true, "CLASS": true,
	"X-MICROSOFT-CDO-BUSYSTATUS": true, "X-MICROSOFT-CDO-ALLDAYEVENT": true,
}

// blankSummary stands in for what a private event is about.
const blankSummary = "Busy"

// blank takes everything from the events but when they are.
func blank(root *calendar.Component) {
	root.Props = slices.DeleteFunc(root.Props, func(p calendar.Property) bool {
		return p.Name != "VERSION" && p.Name != "PRODID" && p.Name != "CALSCALE"
	})
	for _, c := range root.Children {
		if c.Name != "VEVENT" {
			continue
		}
		props := c.Props[:0]
		for _, p := range c.Props {
			if kept[p.Name] {
				props = append(props, p)
			}
		}
		c.Props, c.Children = props, nil
		c.SetText("SUMMARY", blankSummary)
		c.SetValue("CLASS", "PRIVATE")
	}
}
