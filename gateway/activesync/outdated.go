package activesync

import (
	"context"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/mail/mailbox"
	"martlet/mail/message"
	"martlet/mail/search"
	"martlet/protocol/eas"
	"martlet/sync/class"
)

// maxRequests is how many requests to one meeting are compared, the newest.
const maxRequests = 8

// tellOutdated gives a request to a meeting its type if a newer one came after
// it (MS-ASEMAIL_R1070). That is looked up when the request is shown: it does
// not change what a client has (R531). Where it cannot be found out the request
// keeps the type that it has by itself.
func (h *Handler) tellOutdated(ctx context.Context, s *session, item *mail.Item, ix *message.Index, e *eas.Email) {
	m := e.MeetingRequest
	if m == nil || m.MeetingMessageType == nil || !class.IsMeetingRequest(ix) {
		return
	}
	meeting := class.ReadMeeting(ix, blobReader{ctx, h.c.Mailboxes.Blobs(), item.Blob})
	if meeting == nil || meeting.Master().UID == "" {
		return
	}
	found, err := h.c.Mailboxes.Search(ctx, s.box, search.MeetingOf(meeting), mailbox.SearchOptions{Limit: maxRequests, Ready: true})
	if err != nil {
		h.sessionLog(s).Warn("requests to a meeting not looked up", "error", err)
		return
	}
	for _, at := range found.Places {
		if at == (mail.Place{Folder: item.Folder, Item: item.ID}) {
			continue
		}
		newer, err := h.supersedes(ctx, s, at, item, meeting.Master())
		if err != nil {
			h.sessionLog(s).Warn("a request to a meeting not compared", "error", err)
			continue
		}
		if newer {
			m.MeetingMessageType = new(uint8)
			*m.MeetingMessageType = class.MeetingOutdated
			return
		}
	}
}

// supersedes tells whether the request at a place came after the item, and is
// newer than its meeting (RFC 5546 2.1.5): the same request sent on is not.
func (h *Handler) supersedes(ctx context.Context, s *session, at mail.Place, item *mail.Item, old *calendar.Event) (bool, error) {
	other, ix, err := h.openItem(ctx, s, at.Folder, at.Item)
	if err != nil || other.Received < item.Received || !class.IsMeetingRequest(ix) {
		return false, err
	}
	meeting := class.ReadMeeting(ix, blobReader{ctx, h.c.Mailboxes.Blobs(), other.Blob})
	if meeting == nil {
		return false, nil
	}
	e := meeting.Master()
	if e.Sequence != old.Sequence {
		return e.Sequence > old.Sequence, nil
	}
	return e.Stamp.After(old.Stamp), nil
}
