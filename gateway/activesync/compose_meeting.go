package activesync

import (
	"time"

	"martlet/mail"
	"martlet/mail/compose"
	"martlet/protocol/eas"
)

// prepareMeeting does what is particular to a meeting that is answered or
// forwarded: one occurrence of it, or Forwardees instead of a message.
func (h *Handler) prepareMeeting(s *session, m *smart, o *compose.Original) error {
	if m.source.InstanceID != "" {
		if _, err := parseInstanceID(m.source.InstanceID); err != nil {
			return err
		}
		return statusError(eas.StatusNoRecurrenceInCalendar)
	}
	for _, f := range m.forwardees {
		if _, err := mail.ParseAddress(f.Email); err != nil { // MS-ASCMD_R7470
			return statusError(eas.StatusInvalidSmartForwardParameters)
		}
	}
	if len(m.forwardees) > 0 { // MS-ASCMD_R7177
		return statusError(eas.StatusInvalidSmartForwardParameters)
	}
	return nil
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
