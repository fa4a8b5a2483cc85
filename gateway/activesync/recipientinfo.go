package activesync

import (
	"context"
	"errors"
	"fmt"
	"math"

	"martlet/mail"
	"martlet/mail/vcard"
	"martlet/protocol/eas"
	"martlet/store"
	"martlet/sync/class"
)

// readMaxItems lets the window of the recipient information begin at the last
// of as many people as the client wants (MS-ASCMD 2.2.3.103.2). Any other folder
// has no such option (MS-ASCMD_R3274, MS-ASCMD_R3269). bad is what is wrong with
// the request.
func (h *Handler) readMaxItems(tx *store.Tx, s *session, c *syncCollection) (bad, err error) {
	n := c.options.MaxItems
	if len(n) == 0 || s.version < eas.V140 { // MS-ASCMD_R6770
		return nil, nil
	}
	if c.role != mail.RoleRecipientInfo {
		return errMaxItems, nil
	}
	most := n[len(n)-1]
	if most == 0 {
		c.request.Since = math.MaxInt64
		return nil, nil
	}
	c.request.Since, err = h.c.Mailboxes.TopRecipients(tx, s.box, c.request.Folder, int(min(most, math.MaxInt32)))
	return nil, err
}

// errNoCard means that an item is no vCard.
var errNoCard = errors.New("activesync: the item is no vCard")

// maxCard bounds what is read of a card that is to be shown.
const maxCard = vcard.MaxBytes

// card reads the vCard of an item.
func (h *Handler) card(ctx context.Context, it *mail.Item) (*vcard.Card, error) {
	if it.Class != mail.ClassContacts || it.Blob.IsZero() || it.Blob.Size > maxCard {
		return nil, errNoCard
	}
	b, err := h.c.Mailboxes.Blobs().Read(ctx, it.Blob)
	if err != nil {
		return nil, fmt.Errorf("activesync: card: %w", err)
	}
	card, err := vcard.Parse(b)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errNoCard, err)
	}
	return card, nil
}

// recipient renders an item of the recipient information.
func (r *renderer) recipient(it *mail.Item) any {
	card, err := r.h.card(r.ctx, it)
	if err != nil {
		r.h.sessionLog(r.s).Error("item cannot be rendered", "folder", uint32(it.Folder), "item", uint32(it.ID), "error", err)
		return nil
	}
	return class.RenderRecipient(it, card)
}
