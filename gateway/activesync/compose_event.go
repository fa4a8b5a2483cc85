package activesync

import (
	"context"
	"time"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/compose"
	"martlet/mail/message"
	"martlet/mail/schedule"
	"martlet/protocol/eas"
)

// openOriginal reads what a message is put together with: a message, or an event
// in the words of one.
func (h *Handler) openOriginal(ctx context.Context, s *session, item *mail.Item, ix *message.Index) (*compose.Original, error) {
	if item.Class == mail.ClassCalendar {
		return h.eventAsMessage(ctx, s, item)
	}
	raw, err := h.c.Mailboxes.Blobs().Read(ctx, item.Blob)
	if err != nil {
		return nil, err
	}
	return &compose.Original{Index: ix, Raw: raw, Received: time.UnixMilli(item.Received)}, nil
}

// eventAsMessage is the message that would have brought an event, for who sends it
// on (MS-ASCMD_R537, R6105): a meeting as its invitation (RFC 5546 3.2.2.6), an
// appointment as it is (RFC 5546 3.2.1).
func (h *Handler) eventAsMessage(ctx context.Context, s *session, item *mail.Item) (*compose.Original, error) {
	who, err := h.ownerOfFolder(ctx, s, item.Folder)
	if err != nil {
		return nil, err
	}
	if hidden(&who, item) {
		return nil, statusError(eas.StatusItemNotFound)
	}
	raw, err := h.readObject(ctx, item)
	if err != nil {
		return nil, err
	}
	o, err := calendar.Parse(raw)
	if err != nil || o.Master() == nil {
		return nil, statusError(eas.StatusUnexpectedItemClass)
	}
	e, from, method := o.Master(), own(s), "PUBLISH"
	if e.Organizer != nil {
		from, method = message.Address{Name: e.Organizer.Name, Address: e.Organizer.Address}, "REQUEST"
	}
	schedule.SendOn(o, method)
	b := compose.New(&compose.Message{From: from, To: []message.Address{own(s)}, Subject: e.Summary, Text: e.Description, Calendar: o.Encode(), Method: method}, nil, s.start)
	return &compose.Original{Index: message.Parse(b), Raw: b, Received: s.start}, nil
}
