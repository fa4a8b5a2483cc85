package activesync

import (
	"context"
	"errors"

	"martlet/mail"
	"martlet/mail/message"
	"martlet/mail/schedule"
	"martlet/protocol/eas"
	"martlet/store"
	"martlet/sync/class"
)

// foundMeeting is what a MeetingResponse names: a message that asks for an
// answer, or the meeting in a calendar.
type foundMeeting struct {
	answer schedule.Answer                                // what names it
	linked mail.FolderID                                  // the link through which it was named, if it was one
	gone   bool                                           // it was declined by a request that is repeated
	remove func(tx *store.Tx, whose mail.MailboxID) error // what asks for an answer, behind one in whose name
}

func (f *foundMeeting) fill(a *schedule.Answer) {
	a.Message, a.Index, a.Box, a.At = f.answer.Message, f.answer.Index, f.answer.Box, f.answer.At
}

// findMeeting finds what is answered, also where it went.
func (h *Handler) findMeeting(ctx context.Context, s *session, a *eas.MeetingAnswer) (f foundMeeting, err error) {
	item, ix, err := h.openFound(ctx, func(tx *store.Tx) (item mail.Item, err error) {
		if a.LongID != "" {
			return h.itemByLongID(tx, s, a.LongID)
		}
		return h.itemInFolder(tx, s, a)
	})
	if errors.Is(err, mail.ErrNoItem) && a.UserResponse == eas.MeetingDecline && h.wasInCalendar(ctx, s, a) {
		f.gone = true
		return f, nil
	}
	if err != nil {
		return f, err
	}
	switch item.Class {
	case mail.ClassEmail:
		return f, h.foundMessage(ctx, s, a, &f, &item, ix)
	case mail.ClassCalendar:
		return f, h.foundEvent(ctx, s, a, &f, &item)
	}
	return f, errNoMeeting
}

// itemInFolder finds an item by its folder and its id. iOS names the calendar
// for what lies in the inbox.
func (h *Handler) itemInFolder(tx *store.Tx, s *session, a *eas.MeetingAnswer) (item mail.Item, err error) {
	named, err := parseFolderID(a.CollectionID)
	if err != nil {
		return item, err
	}
	folder, id, err := parseItemID(a.RequestID)
	if err != nil {
		return item, err
	}
	if folder != named {
		f, err := h.c.Mailboxes.Folder(tx, s.box, named)
		if err != nil {
			return item, err
		}
		if f.Role != mail.RoleCalendar {
			return item, mail.ErrNoItem
		}
	}
	return h.trace(tx, s, mail.Place{Folder: folder, Item: id}, 0)
}

// wasInCalendar tells whether a request names an event that was deleted, as a
// declined one is.
func (h *Handler) wasInCalendar(ctx context.Context, s *session, a *eas.MeetingAnswer) bool {
	folder, id, err := parseItemID(a.RequestID)
	if err != nil || a.InstanceID != nil {
		return false
	}
	err = h.c.Store.View(ctx, func(tx *store.Tx) error {
		f, err := h.c.Mailboxes.Folder(tx, s.box, folder)
		if err != nil || f.Class != mail.ClassCalendar {
			return errors.Join(err, errNoMeeting)
		}
		_, err = h.c.Mailboxes.Tombstone(tx, s.box, folder, id)
		return err
	})
	return err == nil
}

// foundMessage takes a meeting request in mail. Only a request can be answered,
// and not by who organizes the meeting (MS-ASCMD_R4183, R4184).
func (h *Handler) foundMessage(ctx context.Context, s *session, a *eas.MeetingAnswer, f *foundMeeting, item *mail.Item, ix *message.Index) error {
	if !class.IsMeetingRequest(ix) {
		return errNoMeeting
	}
	if a.InstanceID != nil {
		return h.instanceError(ctx, *a.InstanceID, item, ix)
	}
	f.answer.Message, f.answer.Index = item.Blob, ix
	f.remove = h.removeRequest(s, item)
	return nil
}

// instanceError is what is wrong with an InstanceId that names a message: it is
// for what lies in the calendar (MS-ASCMD_R4185). An empty one names nothing.
func (h *Handler) instanceError(ctx context.Context, id string, item *mail.Item, ix *message.Index) error {
	if id == "" { // MS-ASCMD_R4186
		return errNoMeeting
	}
	if _, err := parseInstanceID(id); err != nil {
		return err
	}
	meeting := class.ReadMeeting(ix, blobReader{ctx, h.c.Mailboxes.Blobs(), item.Blob})
	if meeting == nil {
		return errNoMeeting
	}
	if e := meeting.Master(); !e.Recurs() && e.RecurrenceID == nil {
		return statusError(eas.StatusNoRecurrenceInCalendar)
	}
	return errNoMeeting
}

// foundEvent takes a meeting in a calendar, which can be answered since 14.1
// (MS-ASCMD_R6068, R7508 to R7510). In another's calendar only who may act for
// them answers.
func (h *Handler) foundEvent(ctx context.Context, s *session, a *eas.MeetingAnswer, f *foundMeeting, item *mail.Item) error {
	if s.version < eas.V141 || a.InstanceID != nil && *a.InstanceID == "" {
		return errNoMeeting
	}
	f.remove = func(*store.Tx, mail.MailboxID) error { return nil }
	f.answer.Box, f.answer.At = s.box, mail.Place{Folder: item.Folder, Item: item.ID}
	return h.c.Store.View(ctx, func(tx *store.Tx) error {
		is, box, there, err := h.c.Mailboxes.Resolve(tx, s.box, item.Folder)
		if err != nil || is.Link.IsZero() {
			return err
		}
		if is.Link.Rights&mail.MayDelegate == 0 {
			return errNoMeeting
		}
		f.linked = item.Folder
		f.answer.Box, f.answer.At = box, mail.Place{Folder: there, Item: item.ID}
		return nil
	})
}

// removeRequest moves an answered request to the deleted items, as Exchange
// does. One that is there already stays, and so does another's unless it was
// answered in their name.
func (h *Handler) removeRequest(s *session, item *mail.Item) func(tx *store.Tx, whose mail.MailboxID) error {
	id := formatLongID(item)
	return func(tx *store.Tx, whose mail.MailboxID) error {
		it, err := h.itemByLongID(tx, s, id)
		if errors.Is(err, mail.ErrNoItem) {
			return nil
		}
		if err != nil {
			return err
		}
		is, box, _, err := h.c.Mailboxes.Resolve(tx, s.box, it.Folder)
		if err != nil || !is.Link.IsZero() && (box != whose || is.Link.Rights&mail.MayWrite == 0) {
			return err
		}
		trash, err := h.c.Mailboxes.FolderByRole(tx, s.box, mail.RoleDeletedItems)
		if err != nil || it.Folder == trash.ID {
			return err
		}
		_, err = h.c.Mailboxes.Move(tx, s.box, it.Folder, it.ID, trash.ID)
		return err
	}
}
