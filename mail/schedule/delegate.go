package schedule

import (
	"context"
	"errors"

	"martlet/directory"
	"martlet/mail"
	"martlet/store"
)

// actsFor tells whether one of ours is another's delegate.
func (s *Scheduler) actsFor(ctx context.Context, actor, owner directory.AccountID) (bool, error) {
	if s.delegates == nil {
		return false, nil
	}
	all, err := s.delegates(ctx, owner)
	for _, d := range all {
		if d == actor {
			return true, err
		}
	}
	return false, err
}

// hand puts a delegate's copy of an invitation into their inbox.
func (s *Scheduler) hand(tx *store.Tx, box mail.MailboxID, letter mail.Body) error {
	if err := s.mailboxes.Ensure(tx, box); err != nil {
		return err
	}
	inbox, err := s.mailboxes.FolderByRole(tx, box, mail.RoleInbox)
	if err != nil {
		return err
	}
	_, err = s.mailboxes.Append(tx, box, inbox.ID, mail.NewItem{Class: mail.ClassEmail, Body: letter, Flags: mail.FlagDelegated})
	return err
}

// copies finds the delegates who get the invitation, too: those who have not been
// sent it themselves. What is private is not for them.
func (s *Scheduler) copies(ctx context.Context, w *work, in *incoming, m *series) error {
	if s.delegates == nil || in.o.account.IsResource() {
		return nil
	}
	for _, e := range m.events() {
		if e.Class != "" && e.Class != "PUBLIC" {
			return nil
		}
	}
	delegates, err := s.delegates(ctx, in.o.account.ID)
	if err != nil || len(delegates) == 0 {
		return err
	}
	invited := false
	for _, e := range m.events() {
		invited = invited || attendeeOf(e.Component, in.o.owns) != nil
	}
	if !invited { // there is nobody in whose name it could be answered
		return nil
	}
	for _, d := range delegates {
		other, err := s.owner(ctx, d)
		if errors.Is(err, directory.ErrNoAccount) {
			continue
		}
		if err != nil {
			return err
		}
		if d == in.o.account.ID || other.account.Disabled || other.owns(m.organizer().Address) || isInvited(m, other) {
			continue
		}
		w.copies = append(w.copies, mail.MailboxOf(d))
	}
	w.letter = mail.Body{Blob: in.a.blob, Index: in.index}
	return nil
}

func isInvited(m *series, o *owner) bool {
	for _, e := range m.events() {
		if attendeeOf(e.Component, o.owns) != nil {
			return true
		}
	}
	return false
}

// invitee is in whose name an account answers an invitation: its own, unless
// only somebody is invited whose delegate it is.
func (s *Scheduler) invitee(ctx context.Context, id directory.AccountID, m *series) (directory.AccountID, error) {
	me, err := s.owner(ctx, id)
	if err != nil || s.delegates == nil || isInvited(m, me) {
		return id, err
	}
	looked := 0
	for _, e := range m.events() {
		for p := range e.Component.All("ATTENDEE") {
			if looked++; looked > MaxAttendees {
				return id, nil
			}
			var other directory.AccountID
			err := s.store.View(ctx, func(tx *store.Tx) (err error) {
				other, _, err = s.directory.Whose(tx, addressOf(p))
				return err
			})
			if err != nil || other == 0 {
				continue
			}
			if acts, err := s.actsFor(ctx, id, other); err != nil || acts {
				return other, err
			}
		}
	}
	return id, nil
}
