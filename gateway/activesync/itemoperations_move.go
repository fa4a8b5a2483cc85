package activesync

import (
	"context"
	"errors"

	"martlet/mail"
	"martlet/protocol/eas"
	"martlet/store"
)

// moveConversation moves a conversation to a folder, with all of it that will
// come (MS-ASCMD 2.2.3.117.1, MS-ASCON 3.2.5.3). With Deleted Items for the
// folder the conversation is ignored.
func (h *Handler) moveConversation(ctx context.Context, s *session, q *eas.ConversationMove) (*eas.ConversationMoveReply, error) {
	r := &eas.ConversationMoveReply{ConversationID: q.ConversationID}
	if r.ConversationID == nil { // the schema wants one in every answer
		r.ConversationID = []byte{}
	}
	err := h.moveThread(ctx, s, q)
	if err != nil && ctx.Err() != nil {
		return nil, err
	}
	r.Status = conversationMoveStatus(err)
	if err != nil {
		h.logFailure(s, err, r.Status == eas.ItemOperationsStatusServerError)
	}
	return r, nil
}

// Errors of the move of a conversation.
var (
	errMoveOnce  = errors.New("activesync: a conversation is moved always or not at all")
	errMoveCache = errors.New("activesync: the recipient information takes no mail")
	errMoveClass = errors.New("activesync: the folder is not one of mail")
)

func (h *Handler) moveThread(ctx context.Context, s *session, q *eas.ConversationMove) error {
	switch {
	case len(q.ConversationID) == 0 || q.DstFldID == "":
		return errProtocol
	case q.Options == nil || !q.Options.MoveAlways:
		return errMoveOnce
	case q.DstFldID == eas.RecipientInfoServerID:
		return errMoveCache
	}
	dst, err := parseFolderID(q.DstFldID)
	if err != nil {
		return err
	}
	var thread mail.ThreadID
	if copy(thread[:], q.ConversationID) != len(q.ConversationID) || len(q.ConversationID) != len(thread) {
		return mail.ErrNoItem // not an id that we ever gave
	}
	err = h.c.Store.View(ctx, func(tx *store.Tx) error {
		folder, err := h.c.Mailboxes.Folder(tx, s.box, dst)
		switch {
		case err != nil:
			return err
		case folder.Role == mail.RoleRecipientInfo:
			return errMoveCache
		case folder.Class != mail.ClassEmail:
			return errMoveClass
		}
		return nil
	})
	if err != nil {
		return err
	}
	return h.c.Mailboxes.MoveThread(ctx, s.box, thread, dst)
}

// conversationMoveStatus is the status of a Move (MS-ASCON 2.2.2.10).
func conversationMoveStatus(err error) eas.ItemOperationsStatus {
	switch {
	case err == nil: // MS-ASCON_R143
		return eas.ItemOperationsStatusSuccess
	case errors.Is(err, errProtocol): // MS-ASCON_R144
		return eas.ItemOperationsStatusProtocolError
	case errors.Is(err, errMoveOnce): // MS-ASCMD_R3475
		return eas.StatusMoveCommandDisallowedForNonPersistentMoveAction
	case errors.Is(err, errMoveCache): // MS-ASCON_R262
		return eas.StatusInvalidCombinationOfIDs
	case errors.Is(err, errMoveClass), errors.Is(err, mail.ErrReadOnly): // MS-ASCON_R338
		return eas.StatusMoveCommandInvalidDestinationFolder
	case errors.Is(err, mail.ErrNoFolder), errors.Is(err, mail.ErrNoItem), errors.Is(err, errBadID): // MS-ASCON_R146, R317
		return eas.ItemOperationsStatusNotFound
	case errors.Is(err, store.ErrDiskFull):
		return eas.StatusServerErrorRetryLater
	}
	return eas.ItemOperationsStatusServerError
}
