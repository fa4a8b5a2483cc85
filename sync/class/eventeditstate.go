package class

import (
	"slices"
	"strconv"
	"strings"

	"martlet/mail/calendar"
	"martlet/protocol/eas"
)

// maxReminder is the longest time before an event that somebody is reminded, in
// minutes: ten years.
const maxReminder = 10 * 366 * 24 * 60

var classNames = [...]string{eas.SensitivityNormal: "", 1: "PERSONAL", eas.SensitivityPrivate: "PRIVATE", 3: "CONFIDENTIAL"}

var busyNames = [...]string{"FREE", "TENTATIVE", "BUSY", "OOF", "WORKINGELSEWHERE"}

const busyAway = 2 // BUSY, for who says nothing

// editState applies what is one of a few values.
func (w *eventWriter) editState(c *calendar.Component, in *eas.Calendar, cur *eventView, gone func(string) bool) error {
	if s, ok := value(in.Sensitivity, eas.SensitivityNormal, gone("Calendar:Sensitivity")); ok && s != cur.sensitivity {
		if int(s) >= len(classNames) {
			return ErrBadValue
		}
		c.SetValue("CLASS", classNames[s])
		w.touch(c, false)
	}
	b, ok := value(in.BusyStatus, busyAway, gone("Calendar:BusyStatus"))
	if w.added && !ok {
		b, ok = busyAway, true
	}
	if ok && (b != cur.busy || w.added) {
		if int(b) >= len(busyNames) || b == 4 && w.o.Version < eas.V160 {
			return ErrBadValue
		}
		c.SetValue("X-MICROSOFT-CDO-BUSYSTATUS", busyNames[b])
		c.SetValue("TRANSP", "OPAQUE")
		if b == 0 {
			c.SetValue("TRANSP", "TRANSPARENT")
		}
		w.touch(c, false)
	}
	if w.o.Version < eas.V140 {
		return nil
	}
	no := in.DisallowNewTimeProposal
	if no == nil && gone("Calendar:DisallowNewTimeProposal") {
		no = new(bool) // MS-ASCAL_R214
	}
	if no != nil && *no != cur.noCounter && w.ownSeries() {
		c.Remove("X-MICROSOFT-DISALLOW-COUNTER")
		if *no {
			c.SetValue("X-MICROSOFT-DISALLOW-COUNTER", "TRUE")
		}
		w.touch(c, false)
	}
	return nil
}

// value is an element's value, the usual one for one that is meant to go, and
// whether the client says anything.
func value(v *uint8, usual uint8, gone bool) (uint8, bool) {
	if v != nil {
		return *v, true
	}
	return usual, gone
}

// editText applies the text. Its two forms go together. It stays if a client says
// nothing of it, or sends no Data (MS-ASCMD_R878).
func (w *eventWriter) editText(c *calendar.Component, in *eas.Calendar, gone func(string) bool) error {
	old := textOf(c)
	text, err := old, error(nil)
	switch {
	case in.Body != nil && in.Body.Type == eas.BodyRTF && w.o.Version >= eas.V160: // MS-ASAIRS_R1400, R1401
		return ErrBadValue
	case in.Body != nil && in.Body.Data != nil:
		text, err = readText(in.Body, old)
	case in.Body != nil:
	case in.BodyTruncated != nil && *in.BodyTruncated:
	case in.PlainBody != nil:
		if text = plainText(*in.PlainBody, old); strings.TrimSpace(*in.PlainBody) == "" {
			text = objectText{}
		}
	case in.RTF != nil && *in.RTF != "":
		if *in.RTF != old.form(eas.BodyRTF) {
			text, err = readRTFText(*in.RTF)
		}
	case w.o.Version < eas.V120 && gone("Calendar:Body"):
		text = objectText{}
	}
	if err != nil || text == old {
		return err
	}
	setText(c, text)
	w.touch(c, false)
	return nil
}

// editReminder moves the reminder that the client sees, adds one or takes all of
// them away. What else an alarm has, its sound for instance, it keeps; mail that
// is sent by itself is none of the client's.
func (w *eventWriter) editReminder(e *calendar.Event, v *string, cur *eventView, gone func(string) bool) error {
	s, ok := stated(v, gone("Calendar:Reminder"))
	if !ok {
		return nil
	}
	minutes := -1
	if s = strings.TrimSpace(s); s != "" {
		n, err := strconv.ParseUint(s, 10, 32)
		if err != nil || n > maxReminder && int(n) != cur.reminder {
			return ErrBadValue
		}
		minutes = int(n)
	}
	if minutes == cur.reminder {
		return nil
	}
	c := e.Component
	w.touch(c, false)
	shown := func(k *calendar.Component) bool { return k.Name == "VALARM" && k.Value("ACTION") != "EMAIL" }
	if minutes < 0 {
		c.Children = slices.DeleteFunc(c.Children, shown)
		return nil
	}
	trigger := calendar.Property{Name: "TRIGGER", Value: "-PT" + strconv.Itoa(minutes) + "M"}
	if minutes == 0 {
		trigger.Value = "PT0S"
	}
	for _, k := range c.Children {
		if shown(k) && cur.reminder >= 0 && alarmMinutes(e, k) == cur.reminder {
			k.Set(trigger)
			k.Remove("ACKNOWLEDGED") // it is to ring again (RFC 9074 6.1)
			return nil
		}
	}
	k := &calendar.Component{Name: "VALARM"}
	k.SetValue("ACTION", "DISPLAY")
	k.SetText("DESCRIPTION", "Reminder")
	k.Add(trigger)
	c.Children = append(c.Children, k)
	return nil
}

// alarmMinutes is what one alarm alone would be shown as.
func alarmMinutes(e *calendar.Event, k *calendar.Component) int {
	c := &calendar.Component{Name: "VEVENT", Children: []*calendar.Component{k}}
	c.Add(timeProperty("DTSTART", calendar.UTC(e.Start.Time)))
	c.Add(timeProperty("DTEND", calendar.UTC(e.End.Time)))
	root := &calendar.Component{Name: "VCALENDAR", Children: []*calendar.Component{c}}
	obj, err := calendar.Parse(root.Append(nil))
	if err != nil || obj.Master() == nil {
		return -1
	}
	return reminderOf(obj.Master())
}

// deletedAt notes an occurrence that is not held.
func (w *eventWriter) deletedAt(id calendar.Time) {
	c := w.series.Component
	c.Add(timeProperty("EXDATE", id))
	w.series.Except = append(w.series.Except, id)
	w.touch(c, true)
}
