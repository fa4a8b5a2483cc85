package share

import (
	"errors"
	"fmt"
	"slices"

	"martlet/directory"
	"martlet/mail"
	"martlet/store"
)

// Rights are what an account may do in a folder by all that was granted
// together; an owner may everything.
func (s *Shares) Rights(tx *store.Tx, box mail.MailboxID, f mail.FolderID, id directory.AccountID) (mail.Rights, error) {
	if mail.MailboxOf(id) == box {
		return Whole(mail.MayDelegate), nil
	}
	var sum mail.Rights
	err := s.eachOf(tx, grantKey{box: box, folder: f}.ofFolder(), id, func(_ grantKey, r mail.Rights) { sum |= r })
	if err != nil {
		return 0, fmt.Errorf("share: rights: %w", err)
	}
	return sum, nil
}

// eachOf calls found with every grant under a prefix that an account has, by
// itself or by a group.
func (s *Shares) eachOf(tx *store.Tx, prefix []byte, id directory.AccountID, found func(grantKey, mail.Rights)) error {
	in := map[string]bool{}
	for row, err := range grantTable.Scan(tx, store.TableRange[grantKey]{Prefix: prefix}) {
		if err != nil {
			return err
		}
		mine := true
		switch row.Key.kind {
		case toAccount:
			mine = row.Key.to == id
		case toGroup:
			known := false
			if mine, known = in[row.Key.group]; !known {
				members, err := s.members(tx, row.Key.group)
				if err != nil {
					return err
				}
				mine = slices.Contains(members, id)
				in[row.Key.group] = mine
			}
		}
		if mine {
			found(row.Key, row.Value)
		}
	}
	return nil
}

// members are the accounts of a group, none of one that is gone.
func (s *Shares) members(tx *store.Tx, group string) ([]directory.AccountID, error) {
	ids, err := s.directory.Members(tx, group)
	if errors.Is(err, directory.ErrNoAddress) {
		err = nil
	}
	return ids, err
}

// actsFor is asked by the directory: a delegate in any folder of an owner may
// send on the owner's behalf.
func (s *Shares) actsFor(tx *store.Tx, owner, delegate directory.AccountID) (bool, error) {
	acts := false
	prefix := grantKey{box: mail.MailboxOf(owner)}.ofBox()
	err := s.eachOf(tx, prefix, delegate, func(_ grantKey, r mail.Rights) { acts = acts || r&mail.MayDelegate != 0 })
	if err != nil {
		return false, fmt.Errorf("share: delegate: %w", err)
	}
	return acts, nil
}

// Delegates are the accounts that get the invitations of an owner and may answer
// them: those who were made delegates in the owner's calendar. Each is there
// once, in ascending order.
func (s *Shares) Delegates(tx *store.Tx, owner directory.AccountID) ([]directory.AccountID, error) {
	box := mail.MailboxOf(owner)
	f, err := s.mailboxes.FolderByRole(tx, box, mail.RoleCalendar)
	if errors.Is(err, mail.ErrNoFolder) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("share: delegates: %w", err)
	}
	var ids []directory.AccountID
	prefix := grantKey{box: box, folder: f.ID}.ofFolder()
	for row, err := range grantTable.Scan(tx, store.TableRange[grantKey]{Prefix: prefix}) {
		if err != nil {
			return nil, fmt.Errorf("share: delegates: %w", err)
		}
		if row.Value&mail.MayDelegate == 0 {
			continue
		}
		switch row.Key.kind {
		case toAccount:
			ids = append(ids, row.Key.to)
		case toGroup:
			members, err := s.members(tx, row.Key.group)
			if err != nil {
				return nil, fmt.Errorf("share: delegates: %w", err)
			}
			ids = append(ids, members...)
		}
	}
	slices.Sort(ids)
	ids = slices.Compact(ids)
	return slices.DeleteFunc(ids, func(id directory.AccountID) bool { return id == owner }), nil
}
