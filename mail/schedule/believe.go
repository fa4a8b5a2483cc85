package schedule

import (
	"context"
	"errors"
	"slices"
	"strings"

	"martlet/directory"
	"martlet/mail"
	"martlet/mail/calendar"
	"martlet/store"
)

// Who is believed is told in docs/decisions/0020.

// speaksFor tells whether a sender may say something about a meeting for a
// person: it is them, somebody elsewhere who says to act for them within the same
// domain, or one of ours who does. Of ours it is known who acts for whom: what a
// message says of that does not count.
func (s *Scheduler) speaksFor(ctx context.Context, sender string, p *calendar.Person) (bool, error) {
	address := strings.ToLower(p.Address)
	switch {
	case sender == "" || address == "":
		return false, nil
	case sender == address:
		return true, nil
	case sender == strings.ToLower(p.SentBy) && domainOf(sender) == domainOf(address):
		if !s.isOurs(ctx, sender) && !s.isOurs(ctx, address) {
			return true, nil
		}
	}
	var owner, actor directory.AccountID
	err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		if owner, _, err = s.directory.Whose(tx, address); err != nil {
			return err
		}
		actor, _, err = s.directory.Whose(tx, sender)
		return err
	})
	if errors.Is(err, directory.ErrNoAddress) || errors.Is(err, directory.ErrBadAddress) {
		return false, nil
	}
	if err != nil || owner == 0 || actor == 0 || owner == actor {
		return owner != 0 && owner == actor, err
	}
	return s.actsFor(ctx, actor, owner)
}

func domainOf(address string) string { return address[strings.LastIndexByte(address, '@')+1:] }

// isOurs tells whether an address is an account's or a group's here.
func (s *Scheduler) isOurs(ctx context.Context, address string) bool {
	to, err := s.directory.Resolve(ctx, address)
	return err == nil && to.Local || errors.Is(err, directory.ErrDisabled)
}

// mayChange tells whether a message may change what the calendar has: it speaks
// for the same organizer, and is at least as well authenticated as what is there.
func (s *Scheduler) mayChange(ctx context.Context, was *series, organizer *calendar.Person, verified bool, header string) (bool, error) {
	had := was.organizer()
	if had == nil {
		return false, nil // an appointment of the user's own
	}
	if !strings.EqualFold(had.Address, organizer.Address) {
		same, err := s.speaksFor(ctx, strings.ToLower(organizer.Address), had)
		if err != nil || !same {
			return false, err
		}
	}
	if verified {
		return true, nil
	}
	if was.isVerified() {
		return false, nil
	}
	return s.speaksFor(ctx, header, had)
}

// proven tells whether the organizer has sent an invitation: it was seen when it
// came, or the organizer's own calendar is here and has the meeting.
func (s *Scheduler) proven(ctx context.Context, a *Answer, m *series) (bool, error) {
	from, organizer := "", m.organizer()
	var local directory.AccountID
	err := s.store.View(ctx, func(tx *store.Tx) error {
		for row, err := range s.rows.Scan(tx, store.TableRange[uint64]{}) {
			if err != nil {
				return err
			}
			if row.Value.blob == a.Message {
				from = row.Value.from
				break
			}
		}
		id, _, err := s.directory.Whose(tx, organizer.Address)
		if err == nil {
			local = id
		}
		return nil
	})
	if err != nil {
		return false, err
	}
	if ok, err := s.speaksFor(ctx, from, organizer); err != nil || ok {
		return ok, err
	}
	if local == 0 {
		return false, nil
	}
	there, err := s.seek(ctx, mail.MailboxOf(local), m.uid)
	if err != nil || there == nil {
		return false, err
	}
	theirs := readSeries(there.object).organizer()
	return theirs != nil && strings.EqualFold(theirs.Address, organizer.Address), nil
}

// invitedAs is the address by which somebody was invited who answers under
// address: one of ours may have several. It is address itself where they were not.
func (s *Scheduler) invitedAs(ctx context.Context, was *series, address string) (string, error) {
	for _, e := range was.events() {
		if attendeeOf(e.Component, func(a string) bool { return a == address }) != nil {
			return address, nil
		}
	}
	var id directory.AccountID
	err := s.store.View(ctx, func(tx *store.Tx) (err error) {
		id, _, err = s.directory.Whose(tx, address)
		return err
	})
	if errors.Is(err, directory.ErrNoAddress) || errors.Is(err, directory.ErrBadAddress) || err == nil && id == 0 {
		return address, nil
	}
	if err != nil {
		return "", err
	}
	who, err := s.owner(ctx, id)
	if err != nil {
		return "", err
	}
	for _, e := range was.events() {
		if p := attendeeOf(e.Component, who.owns); p != nil {
			return addressOf(p), nil
		}
	}
	if i := slices.IndexFunc(was.removed(), who.owns); i >= 0 {
		return was.removed()[i], nil
	}
	return address, nil
}
