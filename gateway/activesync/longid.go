package activesync

import (
	"errors"
	"strconv"
	"strings"

	"martlet/mail"
	"martlet/store"
)

// A LongId names an item that a Search has found, for ItemOperations,
// SmartReply, SmartForward and MeetingResponse, which then need no folder
// (MS-ASCMD 2.2.3.98). To a client it is opaque; ours is where the item was
// and its Object, "folder:item:object", so that it is found again after moves.

const (
	// maxLongID is how long a LongId may be, in characters (MS-ASCMD_R3241).
	maxLongID = 256
	// maxTraces bounds how many moves of an item are followed.
	maxTraces = 64
)

// longID is a LongId's content.
type longID struct {
	Place  mail.Place
	Object uint64
}

func formatLongID(it *mail.Item) string {
	b := make([]byte, 0, 42)
	b = strconv.AppendUint(b, uint64(it.Folder), 10)
	b = append(b, ':')
	b = strconv.AppendUint(b, uint64(it.ID), 10)
	b = append(b, ':')
	return string(strconv.AppendUint(b, it.Object, 10))
}

// parseLongID reads what formatLongID wrote; all else is errBadID.
func parseLongID(s string) (longID, error) {
	if len(s) > maxLongID {
		return longID{}, errBadID
	}
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return longID{}, errBadID
	}
	folder, item, err := parseItemID(s[:i])
	if err != nil {
		return longID{}, err
	}
	object := s[i+1:]
	if object == "" || object[0] < '1' || object[0] > '9' {
		return longID{}, errBadID
	}
	n, err := strconv.ParseUint(object, 10, 64)
	if err != nil {
		return longID{}, errBadID
	}
	return longID{Place: mail.Place{Folder: folder, Item: item}, Object: n}, nil
}

// itemByLongID finds what a LongId names, where it is now. An id that is not
// ours is errBadID, an item that is gone mail.ErrNoItem.
func (h *Handler) itemByLongID(tx *store.Tx, s *session, id string) (mail.Item, error) {
	l, err := parseLongID(id)
	if err != nil {
		return mail.Item{}, err
	}
	return h.trace(tx, s, l.Place, l.Object)
}

// trace finds an item where it is now, from where it was; an object of zero may
// be any.
func (h *Handler) trace(tx *store.Tx, s *session, at mail.Place, object uint64) (mail.Item, error) {
	for range maxTraces {
		it, err := h.c.Mailboxes.Item(tx, s.box, at.Folder, at.Item)
		switch {
		case err == nil && (object == 0 || it.Object == object):
			return it, nil
		case err == nil: // never given out like that
			return mail.Item{}, mail.ErrNoItem
		case !errors.Is(err, mail.ErrNoItem):
			return mail.Item{}, err
		}
		if folder, err := h.c.Mailboxes.Folder(tx, s.box, at.Folder); err != nil || !folder.Link.IsZero() {
			return mail.Item{}, noItem(err) // where it went is another mailbox's business
		}
		gone, err := h.c.Mailboxes.Tombstone(tx, s.box, at.Folder, at.Item)
		if err != nil {
			return mail.Item{}, err
		}
		if gone.MovedTo == (mail.Place{}) {
			return mail.Item{}, mail.ErrNoItem
		}
		at = gone.MovedTo
	}
	return mail.Item{}, mail.ErrNoItem
}

// noItem says of what is nowhere that there is no such item.
func noItem(err error) error {
	if err == nil || errors.Is(err, mail.ErrNoFolder) {
		return mail.ErrNoItem
	}
	return err
}
