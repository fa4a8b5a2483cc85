package imap

import (
	"context"
	"errors"
	"slices"

	"martlet/mail"
	"martlet/store"
)

var errReadOnly = no("READ-ONLY", "The mailbox was opened with EXAMINE")

// expunge answers EXPUNGE (RFC 9051 6.4.3). The log tells which messages went.
func (s *session) expunge(ctx context.Context, p *parser) error {
	switch {
	case p.end() != nil:
		return p.err
	case s.view.readOnly:
		return errReadOnly
	}
	return s.expungeDeleted(ctx, nil)
}

// expungeUIDs answers UID EXPUNGE (RFC 9051 6.4.9).
func (s *session) expungeUIDs(ctx context.Context, p *parser) error {
	set := p.seqSet()
	switch {
	case p.end() != nil:
		return p.err
	case s.view.readOnly:
		return errReadOnly
	}
	spans, err := s.view.spans(set, true)
	if err != nil {
		return err
	}
	return s.expungeDeleted(ctx, func(id mail.ItemID) bool {
		at, known := s.view.place(id)
		return known && slices.ContainsFunc(spans, func(x span) bool { return x.from <= at && at < x.to })
	})
}

// expungeDeleted removes the messages that have \Deleted and that among says, nil
// for all of them, in small transactions.
func (s *session) expungeDeleted(ctx context.Context, among func(mail.ItemID) bool) error {
	boxes, folder := s.srv.cfg.Mailboxes, s.view.folder
	var doomed []mail.ItemID
	err := s.srv.cfg.Store.View(ctx, func(tx *store.Tx) error {
		for it, err := range boxes.Items(tx, s.box, folder, 0) {
			if err != nil {
				return err
			}
			if it.Flags&mail.FlagDeleted != 0 && (among == nil || among(it.ID)) {
				doomed = append(doomed, it.ID)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	for ids := range slices.Chunk(doomed, chunk) {
		err := s.srv.cfg.Store.Update(store.WithReserve(ctx), func(tx *store.Tx) error {
			for _, id := range ids {
				// Somebody may have taken the flag away in between.
				it, err := boxes.Item(tx, s.box, folder, id)
				if errors.Is(err, mail.ErrNoItem) || err == nil && it.Flags&mail.FlagDeleted == 0 {
					continue
				}
				if err == nil {
					_, err = boxes.Delete(tx, s.box, folder, id)
				}
				if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
