package activesync

import (
	"context"
	"errors"
	"slices"

	"martlet/documents"
	"martlet/mail"
	"martlet/protocol/eas"
	"martlet/store"
)

// maxOperations is how many operations one request may hold (MS-ASCMD 3.1.5.10).
const maxOperations = 100

// itemOperations fetches items and attachments and empties folders, one
// operation after the other (MS-ASCMD 2.2.1.10).
func (h *Handler) itemOperations(ctx context.Context, s *session) (reply, error) {
	var q eas.ItemOperations
	if err := s.decode(&q); err != nil {
		return reply{}, err
	}
	switch {
	case len(q.Operations) == 0:
		return s.failed(uint16(eas.ItemOperationsStatusProtocolError)), nil
	case len(q.Operations) > maxOperations: // MS-ASCMD_R7490
		return s.failed(uint16(eas.ItemOperationsStatusTooLarge)), nil
	}
	if s.version < eas.V140 && slices.ContainsFunc(q.Operations, func(op eas.ItemOperation) bool { return op.Move != nil }) {
		return s.failed(uint16(eas.ItemOperationsStatusProtocolError)), nil // MS-ASCMD_R6842
	}
	out := &operated{parts: newParts(s.acceptsMultipart())}
	defer out.release()
	for i := range q.Operations {
		if err := h.operate(ctx, s, &q.Operations[i], out); err != nil {
			return reply{}, err
		}
	}
	return out.reply()
}

// operated gathers the answers. The schema wants them by kind.
type operated struct {
	parts  *parts
	moves  []eas.ItemOperationReply
	empty  []eas.ItemOperationReply
	fetch  []eas.ItemOperationReply
	bytes  int64 // of content so far
	memory []func()
}

func (out *operated) release() {
	for _, f := range out.memory {
		f()
	}
	out.memory = nil
}

func (out *operated) reply() (reply, error) {
	resp := &eas.ItemOperationsResponse{Status: eas.ItemOperationsStatusSuccess}
	resp.Response = append(append(out.moves, out.empty...), out.fetch...)
	memory := out.memory
	out.memory = nil // from here the reply's
	free := func() { (&operated{memory: memory}).release() }
	if out.parts == nil {
		return reply{document: resp, free: free}, nil
	}
	body, err := out.parts.encode(resp)
	return reply{body: body, contentType: typeMultipart, free: free}, err
}

func (h *Handler) operate(ctx context.Context, s *session, op *eas.ItemOperation, out *operated) error {
	switch {
	case op.Fetch != nil:
		r, err := h.fetch(ctx, s, op.Fetch, out)
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			r = &eas.FetchReply{Status: fetchStatus(err)}
			h.logFailure(s, err, r.Status == eas.ItemOperationsStatusServerError)
		}
		r.CollectionID, r.ServerID, r.LongID = op.Fetch.CollectionID, op.Fetch.ServerID, op.Fetch.LongID
		if len(r.LongID) > maxLongID { // none of ours, and too long for an answer
			r.LongID = ""
		}
		r.LinkID = op.Fetch.LinkID
		if op.Fetch.FileReference != nil {
			r.FileReference = *op.Fetch.FileReference
		}
		out.fetch = append(out.fetch, eas.ItemOperationReply{Fetch: r})
	case op.EmptyFolderContents != nil:
		r, err := h.emptyFolder(ctx, s, op.EmptyFolderContents)
		if err != nil {
			return err
		}
		out.empty = append(out.empty, eas.ItemOperationReply{EmptyFolderContents: r})
	case op.Move != nil:
		r, err := h.moveConversation(ctx, s, op.Move)
		if err != nil {
			return err
		}
		out.moves = append(out.moves, eas.ItemOperationReply{Move: r})
	}
	return nil
}

// emptyFolder deletes what is in a folder (MS-ASCMD 2.2.3.57).
func (h *Handler) emptyFolder(ctx context.Context, s *session, q *eas.EmptyFolderContents) (*eas.EmptyFolderContentsReply, error) {
	r := &eas.EmptyFolderContentsReply{Status: eas.ItemOperationsStatusSuccess, CollectionID: q.CollectionID}
	folder, err := parseFolderID(q.CollectionID)
	if err != nil { // MS-ASCMD_R196: nor is the recipient information cache emptied
		r.Status = eas.ItemOperationsStatusProtocolError
		return r, nil
	}
	if cache, err := h.folderByRole(ctx, s, mail.RoleRecipientInfo); err == nil && cache == folder {
		r.Status = eas.ItemOperationsStatusProtocolError
		return r, nil
	}
	// On a full disk, too: it makes room.
	_, err = h.c.Mailboxes.Empty(store.WithReserve(ctx), s.box, folder, q.Options != nil && q.Options.DeleteSubFolders)
	switch {
	case errors.Is(err, mail.ErrNoFolder):
		r.Status = eas.ItemOperationsStatusNotFound
	case errors.Is(err, mail.ErrSystemFolder), errors.Is(err, mail.ErrReadOnly):
		r.Status = eas.ItemOperationsStatusAccessDenied
	case err != nil && ctx.Err() != nil:
		return nil, err
	case err != nil: // it works in steps, so something may be gone already
		h.logFailure(s, err, true)
		r.Status = eas.ItemOperationsStatusPartial
	}
	return r, nil
}

// fetchStatus is the status of one Fetch (MS-ASCMD 2.2.3.177.8).
func fetchStatus(err error) eas.ItemOperationsStatus {
	switch {
	case errors.Is(err, errNoAttachment):
		return eas.ItemOperationsStatusInvalidAttachment
	case errors.Is(err, errBadRange):
		return eas.ItemOperationsStatusInvalidRange
	case errors.Is(err, errAnswerFull):
		return eas.ItemOperationsStatusTooLarge
	case errors.Is(err, errEmptyAttachment):
		return eas.ItemOperationsStatusEmptyFile
	case errors.Is(err, errUnknownStore):
		return eas.ItemOperationsStatusUnknownStore
	case errors.Is(err, mail.ErrNoItem), errors.Is(err, mail.ErrNoFolder), errors.Is(err, errBadID):
		return eas.ItemOperationsStatusNotFound
	case errors.Is(err, errProtocol):
		return eas.ItemOperationsStatusProtocolError
	case errors.Is(err, documents.ErrBadLink):
		return eas.ItemOperationsStatusBadURI
	case errors.Is(err, documents.ErrElsewhere), errors.Is(err, documents.ErrDenied), errors.Is(err, errCredential):
		return eas.ItemOperationsStatusDocumentAccessDenied
	case errors.Is(err, documents.ErrNotFound):
		return eas.ItemOperationsStatusNotFound
	case errors.Is(err, documents.ErrUnreachable):
		return eas.ItemOperationsStatusConnectFailed
	case errors.Is(err, documents.ErrUnreadable):
		return eas.ItemOperationsStatusIOFailure
	case errors.Is(err, documents.ErrCredentials):
		return eas.ItemOperationsStatusCredentialsRequired
	case errors.Is(err, errBodyPartType):
		return eas.StatusBodyPartPreferenceTypeNotSupported
	case errors.Is(err, errNotRendered):
		return eas.ItemOperationsStatusConversionFailed
	case errors.Is(err, store.ErrDiskFull):
		return eas.StatusServerErrorRetryLater
	}
	return eas.ItemOperationsStatusServerError
}
