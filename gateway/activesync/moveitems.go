package activesync

import (
	"context"
	"errors"
	"strings"

	"martlet/mail"
	"martlet/mail/object"
	"martlet/protocol/eas"
	"martlet/store"
	"martlet/sync/engine"
)

// maxMoves is how many items one request may move (MS-ASCMD 3.1.5.10).
const maxMoves = 1000

// moveItems moves items between folders (MS-ASCMD 2.2.1.12). Each move stands
// for itself.
func (h *Handler) moveItems(ctx context.Context, s *session, q *eas.MoveItems) (*eas.MoveItemsResponse, error) {
	if len(q.Moves) == 0 || len(q.Moves) > maxMoves {
		return nil, statusError(eas.StatusInvalidXML)
	}
	resp := &eas.MoveItemsResponse{Responses: make([]eas.MoveResponse, len(q.Moves))}
	moves := make([]engine.Move, 0, len(q.Moves))
	places := make([]int, 0, len(q.Moves)) // of moves, in the response
	for i, m := range q.Moves {
		r := &resp.Responses[i]
		r.SrcMsgID = m.SrcMsgID
		var status eas.MoveItemsStatus
		if r.Status, status = eas.MoveItemsStatusSuccess, h.readMove(ctx, s, m, &moves); status != 0 {
			r.Status = status
			continue
		}
		places = append(places, i)
	}
	if len(moves) == 0 {
		return resp, nil
	}
	moved, err := h.c.Engine.MoveAll(ctx, s.id(), s.box, moves)
	if err != nil {
		return nil, err
	}
	for i, m := range moved {
		r := &resp.Responses[places[i]]
		if errors.Is(m.Err, mail.ErrReadOnly) && !h.mayWrite(ctx, s, moves[i].To) {
			m.Err = engine.ErrNoDestination
		}
		if r.Status = moveStatus(m.Err); m.Err == nil {
			r.DstMsgID = itemServerID(moves[i].To, m.Item)
		} else {
			h.logFailure(s, m.Err, r.Status == eas.MoveItemsStatusLocked)
		}
	}
	return resp, nil
}

// readMove appends a move, or says what is wrong with it.
func (h *Handler) readMove(ctx context.Context, s *session, m eas.Move, moves *[]engine.Move) eas.MoveItemsStatus {
	from, item, err := parseItemID(m.SrcMsgID)
	if err != nil {
		return eas.MoveItemsStatusInvalidSource
	}
	named, err := parseFolderID(m.SrcFldID)
	if err != nil {
		return eas.MoveItemsStatusInvalidSource
	}
	if is, err := h.holds(ctx, s, named, from); err != nil || !is {
		return eas.MoveItemsStatusInvalidSource
	}
	if m.DstFldID == eas.RecipientInfoServerID && s.version >= eas.V140 { // MS-ASCMD_R4821
		return eas.MoveItemsStatus(eas.StatusInvalidCombinationOfIDs)
	}
	to, err := h.folder(ctx, s, m.DstFldID)
	if err != nil {
		return eas.MoveItemsStatusInvalidDestination
	}
	if h.staysWithOwner(ctx, s, mail.Place{Folder: from, Item: item}, to) {
		return eas.MoveItemsStatusInvalidSource
	}
	*moves = append(*moves, engine.Move{Item: item, From: from, To: to, Keeps: s.keepsMoved()})
	return 0
}

// staysWithOwner tells whether an item is a meeting that would go into another's
// calendar: its organizer would not hear answers any more, and who is invited would
// be neither there nor declined.
func (h *Handler) staysWithOwner(ctx context.Context, s *session, at mail.Place, to mail.FolderID) (stays bool) {
	err := h.c.Store.View(ctx, func(tx *store.Tx) error {
		_, from, _, err := h.c.Mailboxes.Resolve(tx, s.box, at.Folder)
		if err != nil {
			return err
		}
		folder, box, _, err := h.c.Mailboxes.Resolve(tx, s.box, to)
		if err != nil || from == box || folder.Class != mail.ClassCalendar {
			return err
		}
		it, err := h.c.Mailboxes.Item(tx, s.box, at.Folder, at.Item)
		if err != nil {
			return err
		}
		b, err := object.ParseBrief(it.Brief)
		stays = err == nil && b.Attendees
		return err
	})
	return stays && err == nil
}

// keepsMoved tells whether the client goes on with a moved item under its new
// number. Outlook 2013 and later on the desktop do, and would show an Add for
// it twice.
func (s *session) keepsMoved() bool {
	return strings.HasPrefix(s.query.DeviceType, "WindowsOutlook")
}

// mayWrite tells whether a folder is the user's own, or shared for writing.
func (h *Handler) mayWrite(ctx context.Context, s *session, f mail.FolderID) bool {
	var folder mail.Folder
	err := h.c.Store.View(ctx, func(tx *store.Tx) (err error) {
		folder, err = h.c.Mailboxes.Folder(tx, s.box, f)
		return err
	})
	return err == nil && (folder.Link.IsZero() || folder.Link.Rights&mail.MayWrite != 0)
}
