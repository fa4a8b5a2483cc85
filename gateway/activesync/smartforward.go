package activesync

import (
	"context"

	"martlet/mail/compose"
	"martlet/protocol/eas"
)

// smartForward sends a message on, which the phone need not have in full
// (MS-ASCMD 2.2.1.19). Success has no body.
func (h *Handler) smartForward(ctx context.Context, s *session) (reply, error) {
	m := smart{kind: compose.Forward}
	if s.command.sendsMessage(s.version) {
		m.fromQuery(s)
		return reply{}, h.sendSmart(ctx, s, &m)
	}
	var q eas.SmartForward
	if err := s.decode(&q); err != nil {
		return reply{}, err
	}
	m.source, m.clientID = q.Source, q.ClientID
	if len(q.Forwardees) > 0 || q.Body != nil {
		if err := checkForwardees(s, &q); err != nil {
			return reply{}, err
		}
		m.forwardees, m.body, m.save = q.Forwardees, q.Body, true
		return reply{}, h.sendSmart(ctx, s, &m)
	}
	if err := checkComposed(q.ClientID, q.AccountID, q.TemplateID); err != nil {
		return reply{}, err
	}
	if q.Mime == nil { // MS-ASCMD_R3342
		return reply{}, statusError(eas.StatusInvalidXML)
	}
	m.mime, m.replace, m.save = q.Mime, q.ReplaceMime, q.SaveInSentItems
	return reply{}, h.sendSmart(ctx, s, &m)
}

// checkForwardees checks what stands in place of a message since 16.0 when a
// meeting is forwarded (MS-ASCMD 2.2.3.79, 2.2.3.169).
func checkForwardees(s *session, q *eas.SmartForward) error {
	switch {
	case s.version < eas.V160: // MS-ASCMD_R6656 to R6658
		return statusError(eas.StatusInvalidXML)
	case q.Mime != nil, q.SaveInSentItems, q.ReplaceMime, q.TemplateID != "": // MS-ASCMD_R7467, R7468
		return statusError(eas.StatusInvalidMimeBodyCombination)
	case len(q.Forwardees) == 0:
		return statusError(eas.StatusInvalidSmartForwardParameters)
	case q.Body != nil && q.Body.Type != eas.BodyPlain && q.Body.Type != eas.BodyHTML:
		return statusError(eas.StatusInvalidSmartForwardParameters)
	}
	return checkComposed(q.ClientID, q.AccountID, "")
}
