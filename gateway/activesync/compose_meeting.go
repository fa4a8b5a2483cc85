package activesync

import (
	"time"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/compose"
	"martlet/mail/message"
	"martlet/protocol/eas"
	"martlet/sync/class"
)

// prepareMeeting does what is particular to a meeting that is answered or
// forwarded: one occurrence of it, or Forwardees instead of a message.
func prepareMeeting(s *session, m *smart, o *compose.Original) error {
	if id := m.source.InstanceID; id != "" {
		occurrence, err := occurrenceOf(o, id)
		if err != nil {
			return err
		}
		o.Calendar = occurrence.Encode()
	}
	if len(m.forwardees) == 0 {
		return nil
	}
	if !class.IsMeetingRequest(o.Index) { // MS-ASCMD_R7177
		return statusError(eas.StatusInvalidSmartForwardParameters)
	}
	var err error
	m.mime, err = forwardMeeting(s, m, o)
	return err
}

// occurrenceOf is one occurrence of the meeting that a message is about
// (MS-ASCMD 2.2.3.92.2).
func occurrenceOf(o *compose.Original, id string) (*calendar.Object, error) {
	at, err := parseInstanceID(id)
	if err != nil {
		return nil, err
	}
	meeting := class.ReadMeeting(o.Index, message.Bytes(o.Raw))
	if meeting == nil {
		return nil, statusError(eas.StatusNoRecurrenceInCalendar)
	}
	if e := meeting.Master(); !e.Recurs() && e.RecurrenceID == nil { // MS-ASCMD_R4919
		return nil, statusError(eas.StatusNoRecurrenceInCalendar)
	}
	occurrence := meeting.Instance(at)
	if occurrence == nil { // MS-ASCMD_R4930
		return nil, statusError(eas.StatusItemNotFound)
	}
	return occurrence, nil
}

// forwardMeeting writes the message that brings a meeting to its forwardees.
func forwardMeeting(s *session, m *smart, o *compose.Original) ([]byte, error) {
	out := compose.Message{From: own(s), Subject: "FW: " + message.Topic(o.Index.Subject)}
	for _, f := range m.forwardees {
		address, err := mail.ParseAddress(f.Email)
		if err != nil { // MS-ASCMD_R7470
			return nil, statusError(eas.StatusInvalidSmartForwardParameters)
		}
		out.To = append(out.To, message.Address{Name: f.Name, Address: address})
	}
	if b := m.body; b != nil && b.Data != nil {
		if out.Text = *b.Data; b.Type == eas.BodyHTML {
			out.Text, out.HTML = message.HTMLToText(*b.Data), *b.Data
		}
	}
	return compose.New(&out, nil, time.Now()), nil
}

// own is how the user is named in a message that we write.
func own(s *session) message.Address {
	return message.Address{Name: s.account.Name, Address: s.account.Login}
}

// parseInstanceID reads the start of an occurrence (MS-ASCMD_R3194, R3200): in
// UTC with punctuation. Some clients leave that out.
func parseInstanceID(s string) (time.Time, error) {
	for _, layout := range []string{"2006-01-02T15:04:05.000Z", "2006-01-02T15:04:05Z", "20060102T150405Z", "20060102T150405.000Z"} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, statusError(eas.StatusInvalidDateTime)
}
