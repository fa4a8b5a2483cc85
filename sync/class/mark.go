package class

import (
	"strings"

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

// takeEventMark takes off what a client sends the name of whose event it is, so
// that a subject that it was shown is the same again.
func takeEventMark(in *eas.Calendar, o *EditOptions) {
	if o.Mark == "" {
		return
	}
	take := func(s *string) {
		if s == nil {
			return
		}
		if *s = strings.TrimPrefix(*s, eventMark(o.Mark)); *s == strings.TrimSpace(eventMark(o.Mark)) {
			*s = "" // there was no subject, and the client took the blank for one at the end
		}
	}
	take(in.Subject)
	for i := range in.Exceptions {
		take(in.Exceptions[i].Subject)
	}
}

// takeContactMark does the same with a contact.
func takeContactMark(in *eas.Contact, o *EditOptions) {
	if in.FileAs != nil && o.Mark != "" {
		*in.FileAs = strings.TrimSuffix(*in.FileAs, contactMark(o.Mark))
	}
}
