package activesync

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/route"
	"martlet/protocol/eas"
)

// sendMail sends a message (MS-ASCMD 2.2.1.17). Success has no body.
func (h *Handler) sendMail(ctx context.Context, s *session) (reply, error) {
	sub := route.Submission{Account: s.account.ID, Once: route.Key{Account: s.account.ID, Device: s.query.DeviceID}}
	if s.command.sendsMessage(s.version) {
		// There is no ClientId yet, but a repeated request is the same to the byte,
		// while a message sent again has another date.
		sum := sha256.Sum256(s.body)
		sub.Raw, sub.SaveInSent, sub.Once.ClientID = s.body, s.query.SaveInSent, "sha256:"+hex.EncodeToString(sum[:])
	} else {
		var q eas.SendMail
		if err := s.decode(&q); err != nil {
			return reply{}, err
		}
		if err := checkComposed(q.ClientID, q.AccountID, q.TemplateID); err != nil {
			return reply{}, err
		}
		sub.Raw, sub.SaveInSent, sub.Once.ClientID = q.Mime, q.SaveInSentItems, q.ClientID
	}
	return reply{}, h.submit(ctx, s, sub)
}

// maxClientID is how long a ClientId may be (MS-ASCMD_R956); some clients end
// it with a NUL beyond that.
const maxClientID = 64

// submit hands a message to the router.
func (h *Handler) submit(ctx context.Context, s *session, sub route.Submission) error {
	if len(sub.Raw) == 0 {
		return statusError(eas.StatusInvalidMIME)
	}
	sub.OwnFrom = true // MS-ASCMD_R448
	err := h.c.Router.Submit(ctx, sub)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, route.ErrDuplicate):
		return h.sentBefore(s)
	}
	return sendError(err)
}

// sendError is the status of a message that could not be sent (MS-ASCMD 2.2.2).
func sendError(err error) error {
	switch {
	case errors.Is(err, mail.ErrNoRecipients):
		return statusError(eas.StatusMessageHasNoRecipient)
	case errors.Is(err, mail.ErrBadAddress):
		return statusError(eas.StatusMessageRecipientUnresolved)
	case errors.Is(err, mail.ErrTooManyTo):
		return statusError(eas.StatusSendQuotaExceeded)
	case errors.Is(err, mail.ErrLoop), errors.Is(err, mail.ErrNotSender), errors.Is(err, route.ErrBadKey):
		return statusError(eas.StatusMailSubmissionFailed)
	case errors.Is(err, directory.ErrNoAccount):
		return statusError(eas.StatusUserHasNoMailbox)
	}
	return err
}
