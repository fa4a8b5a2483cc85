package class

import (
	"strings"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/vcard"
	"martlet/protocol/eas"
)

// Phones that have one calendar and one address book get what others share with
// their user among their own items. There the name of whom it belongs to stands
// in front of an event's subject and behind a contact's name; it is taken away
// again from what they send.

// mark puts the name on what is shown.
func mark(v any, who string) {
	switch v := v.(type) {
	case *eas.Calendar:
		v.Subject = marked(v.Subject, who)
		for i := range v.Exceptions {
			if v.Exceptions[i].Subject != nil {
				v.Exceptions[i].Subject = marked(v.Exceptions[i].Subject, who)
			}
		}
	case *eas.Contact:
		if v.FileAs != nil {
			text := *v.FileAs + contactMark(who)
			v.FileAs = &text
		}
	}
}

func marked(subject *string, who string) *string {
	text := eventMark(who)
	if subject != nil {
		text += *subject
	}
	return &text
}

func eventMark(who string) string   { return who + ": " }
func contactMark(who string) string { return " (" + who + ")" }

// unmark takes the name away from what was written.
func unmark(class mail.Class, raw []byte, who string) []byte {
	switch class {
	case mail.ClassCalendar:
		return unmarkEvent(raw, eventMark(who))
	case mail.ClassContacts:
		return unmarkContact(raw, contactMark(who))
	}
	return raw
}

func unmarkEvent(raw []byte, prefix string) []byte {
	o, err := calendar.Parse(raw)
	if err != nil {
		return raw
	}
	changed := false
	for _, e := range o.Events {
		if text, is := strings.CutPrefix(e.Component.Text("SUMMARY"), prefix); is {
			e.Component.SetText("SUMMARY", text)
			changed = true
		}
	}
	if !changed {
		return raw
	}
	return o.Encode()
}

func unmarkContact(raw []byte, suffix string) []byte {
	c, err := vcard.Parse(raw)
	if err != nil {
		return raw
	}
	changed := false
	for i := range c.Properties {
		p := &c.Properties[i]
		if p.Name != "FN" && !strings.HasPrefix(p.Name, "X-") {
			continue
		}
		if text, is := strings.CutSuffix(p.Text(), suffix); is {
			p.Value = vcard.TextProperty(p.Name, text).Value
			changed = true
		}
	}
	if !changed {
		return raw
	}
	return c.Bytes()
}
