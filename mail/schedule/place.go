package schedule

import (
	"context"
	"errors"

	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/store"
	"martlet/store/blob"
)

// place is where a meeting is in a calendar, and what it holds.
type place struct {
	at     mail.Place
	blob   blob.Ref
	object *calendar.Object
}

// write puts a meeting into the calendar, in the place where it was found, or as
// a new item where none was. ErrStale when that is not so any more.
func (s *Scheduler) write(tx *store.Tx, box mail.MailboxID, uid string, there *place, body *mail.Body) (mail.Item, error) {
	if there != nil {
		it, err := s.mailboxes.Item(tx, box, there.at.Folder, there.at.Item)
		if errors.Is(err, mail.ErrNoItem) || err == nil && it.Blob != there.blob {
			return it, ErrStale
		}
		if err != nil {
			return it, err
		}
		return s.mailboxes.ReplaceBody(tx, box, there.at.Folder, there.at.Item, *body, nil)
	}
	if err := s.mailboxes.Ensure(tx, box); err != nil {
		return mail.Item{}, err
	}
	places, err := s.mailboxes.ByUID(tx, box, mail.ClassCalendar, uid)
	if err != nil {
		return mail.Item{}, err
	}
	if len(places) > 0 {
		return mail.Item{}, ErrStale
	}
	folder, err := s.mailboxes.FolderByRole(tx, box, mail.RoleCalendar)
	if err != nil {
		return mail.Item{}, err
	}
	return s.mailboxes.Append(tx, box, folder.ID, mail.NewItem{Class: mail.ClassCalendar, Body: *body})
}

// seek looks for a meeting in a mailbox: in its own calendar first; nil for none.
func (s *Scheduler) seek(ctx context.Context, box mail.MailboxID, uid string) (*place, error) {
	var p *place
	err := s.store.View(ctx, func(tx *store.Tx) error {
		p = nil
		places, err := s.mailboxes.ByUID(tx, box, mail.ClassCalendar, uid)
		if err != nil || len(places) == 0 {
			return err
		}
		at := places[0]
		if folder, err := s.mailboxes.FolderByRole(tx, box, mail.RoleCalendar); err == nil {
			for _, q := range places {
				if q.Folder == folder.ID {
					at = q
					break
				}
			}
		}
		it, err := s.mailboxes.Item(tx, box, at.Folder, at.Item)
		p = &place{at: at, blob: it.Blob}
		return err
	})
	if errors.Is(err, mail.ErrNoMailbox) {
		return nil, nil
	}
	if err != nil || p == nil {
		return nil, err
	}
	return p, s.load(ctx, p)
}

// load reads what a place holds.
func (s *Scheduler) load(ctx context.Context, p *place) error {
	raw, err := s.mailboxes.Blobs().Read(ctx, p.blob)
	if err != nil {
		return err
	}
	p.object, err = calendar.Parse(raw)
	return err
}
