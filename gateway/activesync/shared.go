package activesync

import (
	"context"
	"slices"

	"martlet/gateway/hold"
	"martlet/mail"
	"martlet/push"
	"martlet/store"
)

// refresh brings the session's links to folders of others up to what was
// granted: what was revoked is gone with the next request.
func (h *Handler) refresh(ctx context.Context, s *session) (err error) {
	if h.c.Shares != nil {
		s.linked, err = h.c.Shares.Refresh(ctx, s.account.ID)
	}
	return err
}

// elsewhere are the folders that links among those named stand for: their
// changes are published where they are.
func (h *Handler) elsewhere(ctx context.Context, s *session, folders []mail.FolderID) []hold.Topic {
	if !s.linked {
		return nil
	}
	var topics []hold.Topic
	err := h.c.Store.View(ctx, func(tx *store.Tx) error {
		topics = nil
		for _, f := range folders {
			_, box, there, err := h.c.Mailboxes.Resolve(tx, s.box, f)
			if err != nil || box == s.box {
				continue // what is gone shows in the hierarchy
			}
			i := slices.IndexFunc(topics, func(t hold.Topic) bool { return t.Mailbox == uint64(box) })
			if i < 0 {
				i = len(topics)
				topics = append(topics, hold.Topic{Mailbox: uint64(box)})
			}
			topics[i].Folders |= push.FoldersOf(uint32(there))
		}
		return nil
	})
	if err != nil {
		h.logFailure(s, err, ctx.Err() == nil)
	}
	return topics
}
