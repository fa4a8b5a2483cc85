package activesync

import (
	"context"

	"martlet/mail/compose"
	"martlet/protocol/eas"
)

// smartReply sends an answer to a message that the phone need not have in full
// (MS-ASCMD 2.2.1.20). Success has no body.
func (h *Handler) smartReply(ctx context.Context, s *session) (reply, error) {
	m := smart{kind: compose.Reply}
	if s.command.sendsMessage(s.version) {
		m.fromQuery(s)
		return reply{}, h.sendSmart(ctx, s, &m)
	}
	var q eas.SmartReply
	if err := s.decode(&q); err != nil {
		return reply{}, err
	}
	if err := checkComposed(q.ClientID, q.AccountID, q.TemplateID); err != nil {
		return reply{}, err
	}
	if q.Mime == nil { // MS-ASCMD_R3342
		return reply{}, statusError(eas.StatusInvalidXML)
	}
	m.source, m.mime, m.replace, m.save, m.clientID = q.Source, q.Mime, q.ReplaceMime, q.SaveInSentItems, q.ClientID
	return reply{}, h.sendSmart(ctx, s, &m)
}
